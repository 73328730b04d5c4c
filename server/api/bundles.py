"""Files that people carry, at a desk: ``/api/bundles``, at a centre and at a station.

Reads a file that was brought, hands its sets to the intake and gives the report; at a centre with the answer to carry
back. At a station an answer of the centre may be brought as well, and what is owed to the centre may be fetched as a
file. May be repeated without harm: a set is known by its id. Files too large for a browser go through ``ortoo bundle``.

Example: ``POST /api/bundles`` with the file as body; ``POST /api/bundles/backlog`` at a station.
"""

import base64
from contextlib import nullcontext
from io import BytesIO
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency

from server.api.entering import through
from server.api.session import NO_STORE
from server.api.spec import SESSION_AND_CSRF, BundleUpload, refusals
from server.auth.guards import may_carry
from server.courier.answer import Answering, BadReplyKeyError, parts_of, words_for, write_answer
from server.courier.backlog import LogUnknownError, Packing, written
from server.courier.carried import Carried, take_in
from server.courier.files import CourierReport, is_sealed, own_key, records_of, told_of
from server.courier.heeded import Heeding
from server.intake.door import Intake
from server.now import Clock
from server.problems import ProblemError
from server.proof.keeper import Keeper
from server.proof.signer import RefusedError
from server.settings import STATION, Settings
from server.store.engine import Database
from sync.sealed import SealError

MAX_FILE_BYTES: Final = 32 * 1024 * 1024
"""Some seventy thousand sets."""

Base64 = Annotated[str | None, msgspec.Meta(description="base64")]


class BundleTaken(msgspec.Struct, frozen=True):
    """What became of the file, and the answer for the way back: the bytes of a file, null where there is nothing to
    say. It proves what was ruled; that of a station says what it keeps. ``settled``: at a station, how many sets were
    owed to the centre and are no longer.
    """

    report: CourierReport
    answer: Base64
    settled: int


class Backlog(msgspec.Struct, frozen=True):
    """What is owed to the centre, for a courier: the bytes of a file that the centre alone can read, null where nothing
    is owed. ``left``: how many sets more there are than the ``sets`` in the file; for those: ``ortoo bundle export``.
    """

    file: Base64
    sets: int
    left: int


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
    guards=[may_carry],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "not_signed_in",
        "csrf",
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
    """Take in a file that a phone or a station made and somebody carried here, or at a station an answer of the centre;
    the body is the file itself. Each set is admitted as if its author had pushed it now. When the log cannot be signed
    everything is taken in all the same, and the call may be repeated for the answer.
    """
    data = await _body(request)
    heeding = await Heeding.begun(intake, db) if settings.role == STATION else None
    try:
        carried = await through(take_in(intake, records_of([data], own_key(settings)), heeding))
    except SealError as error:
        raise ProblemError(error.code) from error
    if any(fault.code == "not_a_bundle" for fault in carried.faults):
        raise ProblemError("not_a_bundle")
    by = Answering(db, intake, keeper, clock, entropy)
    answer = await through(_answer(by, carried, at_station=heeding is not None))
    report = told_of(carried, was_sealed=is_sealed(data))
    taken = BundleTaken(report, answer, heeding.settled if heeding else 0)
    return Response(taken, headers=NO_STORE)


async def _answer(by: Answering, carried: Carried, *, at_station: bool) -> str | None:
    """The answer for the way back. Raises ProblemError."""
    made: list[bytes] = []
    try:
        if at_station:
            made.append(await words_for(by, carried))
        else:
            for part in parts_of(carried.ruled):  # a file that fits here asks for no more than one
                await write_answer(by, part, carried.manifest, made.append)
    except BadReplyKeyError as error:
        raise ProblemError("bad_reply_key") from error
    except RefusedError as error:
        raise ProblemError(error.code, detail="Everything was taken in.") from error
    return _base64(b"".join(made))


@post(
    "/api/bundles/backlog",
    tags=["devices"],
    operation_id="exportBacklog",
    status_code=200,
    guards=[may_carry],
    security=SESSION_AND_CSRF,
    responses=refusals("not_signed_in", "csrf", "not_allowed", "log_unknown"),
)
async def export_backlog(
    entropy: NamedDependency[Any],
    clock: NamedDependency[Clock],
    db: NamedDependency[Database],
    intake: NamedDependency[Intake],
    settings: NamedDependency[Settings],
) -> Response[Backlog]:
    """At a station everything that is owed to the centre, as a file to be carried there, with the station's word on
    since when it has that; it stays owed. A centre owes nothing.
    """
    file, counts = BytesIO(), []
    if settings.role == STATION:
        by = Packing(db, intake, clock, entropy)
        try:
            counts = await written(
                by, lambda number: nullcontext(file) if number == 1 else None, MAX_FILE_BYTES
            )
        except LogUnknownError as error:
            raise ProblemError("log_unknown") from error
    told = Backlog(_base64(file.getvalue()), sum(counts[:1]), sum(counts[1:]))
    return Response(told, headers=NO_STORE)


def _base64(data: bytes) -> str | None:
    return base64.b64encode(data).decode() if data else None


ROUTES: Final[list[Any]] = [import_bundle, export_backlog]
"""For those to whom people bring files."""
