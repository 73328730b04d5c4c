"""Files that people carry, brought to a desk: ``/api/bundles``.

Reads the file, hands its sets to the intake and gives the report with the answer to carry back. May be repeated without
harm: a set is known by its id. Files too large for a browser go through ``ortoo bundle import``.

Example: ``POST /api/bundles`` with the file as body.
"""

import base64
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency

from server.api.entering import through
from server.api.session import NO_STORE
from server.api.spec import SESSION_AND_CSRF, BundleUpload, refusals
from server.auth.guards import may_administer
from server.courier.answer import Answering, BadReplyKeyError, write_answer
from server.courier.carried import take_in
from server.courier.files import CourierReport, is_sealed, own_key, records_of, told_of
from server.intake.door import Intake
from server.now import Clock
from server.problems import ProblemError
from server.proof.keeper import Keeper
from server.proof.signer import RefusedError, Signer
from server.settings import Settings
from server.store.engine import Database
from sync.sealed import SealError

MAX_FILE_BYTES: Final = 32 * 1024 * 1024
"""Some seventy thousand sets."""


class BundleTaken(msgspec.Struct, frozen=True):
    """What became of the file, and the answer for the way back: the bytes of a file, null where nothing was ruled."""

    report: CourierReport
    answer: Annotated[str | None, msgspec.Meta(description="base64")]


async def _body(request: Request[Any, Any, Any]) -> bytes:
    """The file, as long as it is within bounds; the rest of a larger one is not read."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > MAX_FILE_BYTES:
            raise ProblemError("file_too_large", detail="Larger ones: ortoo bundle import.")
    return bytes(data)


@post(
    "/api/bundles",
    tags=["devices"],
    operation_id="importBundle",
    operation_class=BundleUpload,
    status_code=200,
    request_max_body_size=MAX_FILE_BYTES + 1,
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "not_signed_in",
        "csrf",
        "centre_only",
        "not_allowed",
        "file_too_large",
        "not_a_bundle",
        "bad_seal_header",
        "sealed_to_others",
        "bad_reply_key",
        "queue_full",
        "log_key_differs",
    ),
)
async def import_bundle(
    request: Request[Any, Any, Any],
    *,
    settings: NamedDependency[Settings],
    entropy: NamedDependency[Any],
    clock: NamedDependency[Clock],
    db: NamedDependency[Database],
    intake: NamedDependency[Intake],
    keeper: NamedDependency[Keeper],
) -> Response[BundleTaken]:
    """Take in a file that a phone made and somebody carried here; the body is the file itself. Each set is admitted as
    if its author had pushed it now. When the log cannot be signed everything is taken in all the same, and the call
    may be repeated for the answer.
    """
    data = await _body(request)
    key = own_key(Signer(settings, entropy))
    try:
        carried = await through(take_in(intake, records_of([data], key)))
    except SealError as error:
        raise ProblemError(error.code) from error
    if any(fault.code == "not_a_bundle" for fault in carried.faults):
        raise ProblemError("not_a_bundle")
    parts: list[bytes] = []
    if carried.ruled:
        by = Answering(db, intake, keeper, clock, entropy)
        try:
            await write_answer(by, carried.ruled, carried.manifest, parts.append)
        except BadReplyKeyError as error:
            raise ProblemError("bad_reply_key") from error
        except RefusedError as error:
            raise ProblemError(error.code, detail="Everything was taken in.") from error
    answer = base64.b64encode(b"".join(parts)).decode() if parts else None
    report = told_of(carried, was_sealed=is_sealed(data))
    return Response(BundleTaken(report, answer), headers=NO_STORE)


ROUTES: Final[list[Any]] = [import_bundle]
"""For those who look after the devices."""
