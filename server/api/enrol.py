"""Enrolling a device or a station: ``POST /api/enrol``, open to whoever holds a one-time code.

Checks the key, spends the code and takes the device in, in one transaction, and hands back the device's token with what
it needs to work without a network: who it belongs to and the organisation. The private key never leaves the device;
that it holds one is proved by the signature of the first set it pushes. Where the answer gets lost on the way, the same
device asks again with the same code.

Example: ``{"code": "7KQ2M-9XR4T", "alg": "ES256", "pub": "BA…", "nonce": "…", "label": "苏和的手机", "app":
"ortoo-pwa/0.1.0"}``."""

import base64
import binascii
from typing import Annotated, Any, Final, Literal, cast

import httpx2
import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency

from server import keys
from server.api.entering import through
from server.api.ids import Hex32, Ms, from_hex, hex_or_none
from server.api.org import Org, snapshot
from server.api.session import NO_STORE, Who, who_is
from server.api.spec import OPEN, json_body, refusals
from server.auth.devices import token_of
from server.auth.enrol import Enrolment, Whose, redeem
from server.auth.guards import Access
from server.intake.batch import Batch
from server.intake.door import Intake
from server.now import Clock
from server.problems import ProblemError
from server.settings import STATION, Settings
from server.store import devices, log
from server.store.devices import Device
from server.store.engine import Database
from server.upstream.link import Link
from sync import errors, ids

Base64Url = Annotated[str, msgspec.Meta(max_length=128, description="base64url, padding optional")]


class EnrolRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A code and the public half of a fresh key: 32 raw bytes for ``Ed25519``, the 65-byte uncompressed point for
    ``ES256``.

    ``nonce`` is 16 random bytes; the chain's id follows from both (SPEC ID3). ``continues``: the chain whose place this
    one waited for and did not get (SPEC FK5), so that what was written on it meanwhile is judged by when that can have
    been. ``role``: a township station says that it is one (SPEC HB1), and needs a code that was made for it; with
    ``seal``, the P-256 point that files for it are sealed to (SPEC BU9).
    """

    code: Annotated[str, msgspec.Meta(max_length=64)]
    alg: Literal["Ed25519", "ES256"]
    pub: Base64Url
    nonce: Base64Url
    label: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    app: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    continues: Hex32 | None = None
    role: Literal["device", "station"] = "device"
    seal: Base64Url | None = None


class ServerName(msgspec.Struct, frozen=True):
    """The server that a device now belongs to."""

    id: Hex32
    name: str
    role: str


class Enrolled(msgspec.Struct, frozen=True):
    """What a device keeps: its token for the sync calls, its chain, its person, and the organisation as of now. A
    station is nobody's: it is told which one it is."""

    token: str
    chain: Hex32
    person: Who | None
    station: Hex32 | None
    server: ServerName
    org: Org
    now_ms: Ms


def _bytes(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(
            text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_", validate=True
        )
    except (binascii.Error, ValueError) as error:
        raise ProblemError("bad_key", detail=f"{what} is not base64url.") from error


@post(
    "/api/enrol",
    tags=["devices"],
    operation_id="enrol",
    status_code=201,
    security=OPEN,
    responses=refusals(
        "bad_request",
        "wrong_code",
        "bad_key",
        "centre_only",
        "centre_away",
        "too_many_attempts",
        "queue_full",
    ),
)
async def enrol(
    request: Request[Any, Any, Any],
    data: Annotated[
        EnrolRequest,
        json_body(
            {
                "code": "7KQ2M-9XR4T",
                "alg": "Ed25519",
                "pub": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
                "nonce": "AAAAAAAAAAAAAAAAAAAAAA",
                "label": "苏和的手机",
                "app": "ortoo-pwa/0.1.0",
            },
            "An officer's phone",
        ),
    ],
    *,
    access: NamedDependency[Access],
    enrolment: NamedDependency[Enrolment],
    intake: NamedDependency[Intake],
    db: NamedDependency[Database],
    settings: NamedDependency[Settings],
    clock: NamedDependency[Clock],
    link: NamedDependency[Link | None],
) -> Response[Enrolled]:
    """Enrol this device with a one-time code. The code is spent; the same key may repeat the call while the code
    lives. At a station the centre is asked, as long as there is a line.
    """
    address = request.client.host if request.client else ""
    code = enrolment.read(data.code, address)
    if link is not None:
        passed_on = await _through(link, data)
        if passed_on.status_code == errors.lookup("wrong_code").status:
            enrolment.failed(
                address
            )  # whoever guesses here is stopped here, and not on the thin line
        return passed_on
    pub, nonce = _bytes(data.pub, "pub"), _bytes(data.nonce, "nonce")
    if not keys.is_public_key(data.alg, pub) or len(nonce) != 16:
        raise ProblemError(
            "bad_key", detail=f"This is not a public key of {data.alg} with a nonce of 16 bytes."
        )
    seal = None if data.seal is None else _bytes(data.seal, "seal")
    if (seal is not None) != (data.role == STATION) or (
        seal is not None and not keys.is_public_key(keys.ES256, seal)
    ):
        raise ProblemError("bad_key", detail="A station names the key to seal to, and nobody else.")
    chain = ids.chain_id(pub, nonce)
    waited_for = None if data.continues is None else from_hex(data.continues, "device")
    token, token_hash = token_of(intake.token_secret, code, chain)

    def job(batch: Batch) -> Whose | None:
        as_station = data.role == STATION
        whose = redeem(batch.connection, code, chain, batch.at_ms, as_station=as_station)
        if whose is None or not whose.is_in(batch.directory):
            return None
        known = devices.by_chain(batch.connection, chain)
        if known is not None and known.revoked_at_ms is not None:
            return None
        before = None if waited_for is None else devices.by_chain(batch.connection, waited_for)
        if before is not None and (before.person is None or before.person != whose.person):
            before = None
        batch.devices.enrol(
            Device(
                chain=chain,
                person=whose.person,
                alg=data.alg,
                pub=pub,
                label=data.label,
                app=data.app,
                token_hash=token_hash,
                enrolled_at_ms=known.enrolled_at_ms if known else batch.at_ms,
                continues=before.chain if before else None,
                continued_by=known.continued_by if known else None,
                since_ms=before.oldest_ms if before else None,
                station=whose.station,
                seal=seal,
            )
        )
        return whose

    enrolled = await through(intake.transaction(job))
    if enrolled is None:
        enrolment.failed(address)
        raise ProblemError("wrong_code")
    directory = access.directory()
    person = None if enrolled.person is None else directory.person(enrolled.person)
    head = await db.reading(log.read)
    now_ms = clock.now_ms()
    answer = Enrolled(
        token=token,
        chain=chain.hex(),
        person=None if person is None else who_is(person),
        station=hex_or_none(enrolled.station),
        server=ServerName(head.server_id.hex(), settings.name, settings.role),
        org=snapshot(directory, now_ms),
        now_ms=now_ms,
    )
    return Response(answer, status_code=201, headers=NO_STORE)


async def _through(link: Link, asked: EnrolRequest) -> Response[Enrolled]:
    """Ask the centre for somebody who is at a station, and give its answer as it came."""
    if asked.role == STATION:
        raise ProblemError("centre_only", "it lets stations in")
    try:
        reply = await link.ask_for("/api/enrol", asked)
    except httpx2.TransportError as error:
        raise ProblemError("centre_away", type(error).__name__) from error
    kind = reply.headers.get("content-type", "").partition(";")[0]
    if kind not in ("application/json", "application/problem+json"):
        raise ProblemError("centre_away", "somebody else answered")  # some gate's page
    answer: Any = Response(
        reply.content, status_code=reply.status_code, media_type=kind, headers=NO_STORE
    )
    return cast("Response[Enrolled]", answer)


ROUTES: Final[list[Any]] = [enrol]
