"""Devices at a desk: which there are, how far each has come, and letting one in or shutting it out.

Reads the records and last contacts of devices and issues one-time codes; refuses to see their keys or tokens. A code is
shown as text and as a QR picture of ``<public_url>/enrol#<code>``: what follows ``#`` never reaches a server log.

Example: ``POST /api/devices/codes {"person": "..."}`` answers ``{"code": "7KQ2M-9XR4T", "expires_at": 1773297968000,
"qr_svg": "<svg …"}``."""

from typing import Annotated, Any, Final

import msgspec
import segno
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection

from server.api.emptiness import demand_empty, trail
from server.api.entering import through
from server.api.ids import Hex32, Ms, from_hex, hex_or_none
from server.api.session import NO_STORE
from server.api.spec import SESSION, SESSION_AND_CSRF, json_body, refusals
from server.auth.enrol import Enrolment, Whose
from server.auth.guards import DESK, Access, SignedIn, may_administer, may_see_devices
from server.intake.batch import Batch
from server.intake.door import Intake
from server.problems import ProblemError
from server.settings import Settings
from server.store import devices, greetings, spool
from server.store.devices import ChainHead, Contact, Device
from server.store.engine import Database
from server.store.greetings import Event
from server.store.people import Directory

WIDE: Final = DESK - {"station"}
"""Roles that see every device; others see those of their own station."""
REVOKED: Final = "revoked"


class DeviceEvent(msgspec.Struct, frozen=True):
    """What befell a device's storage: ``copied`` (an outdated sync token was shown), ``rolled_back`` (it forgot sets
    held here), ``forked`` (two sets at one place of its chain; the proof is both headers with their signatures),
    ``rotated`` (another chain took its place), ``needs_login`` (a second installation asked for that place and must be
    enrolled again), ``contradicted`` (somebody said of so many of its sets that the centre has them, and it had not),
    ``revoked`` (a person shut it out; the proof says who, why, what it said last of what it holds and
    why that did not wait), ``moved`` and ``removed`` (its person went to another station, or for good; the proof says
    who decided it, and the same), ``upgraded`` (at a station alone: its tables were rewritten before the centre had
    confirmed all that it held; the proof says why that did not wait),
    ``wiped`` (it says that it deleted what it held, and how many sets went with that).

    One row per kind, with the proof of the last time; ids and bytes are hex."""

    kind: str
    first_at: Ms
    last_at: Ms
    count: int
    proof: dict[str, Any]


class DeviceRow(msgspec.Struct, frozen=True):
    """One device. ``have`` is the newest contiguous set the centre holds (-1 none), ``head`` the newest set the
    device said it had written and ``pending`` how many it said it still holds, when it last greeted. A station's own
    has no ``person``, its ``name`` is the station's, and what it holds is what its phones and desks gave it.

    ``last_contact_ms``, ``head``, ``pending`` and ``clock_offset_ms`` (server minus device) are null for a device that
    was never heard: unknown, which is not zero. ``storage`` is the percent that is used of what it may store, null
    where it cannot tell; ``kept`` how many of ``pending`` a station has, when it last told. ``forked_at``: from this
    set on its chain has two writers.
    ``continues`` and ``continued_by``: the chain whose place it took, and the chain that took its place."""

    chain: Hex32
    person: Hex32 | None
    name: str
    station: Hex32 | None
    label: str
    alg: str
    app: str
    enrolled_at: Ms
    revoked_at: Ms | None
    revoked_why: str | None
    compromised_since: Ms | None
    last_contact_ms: Ms | None
    have: int
    head: int | None
    pending: int | None
    oldest_ms: Ms | None
    clock_offset_ms: int | None
    storage: int | None
    kept: int
    forked_at: int | None
    continues: Hex32 | None
    continued_by: Hex32 | None
    events: list[DeviceEvent]


class CodeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose device is to be enrolled, or which station: one of the two."""

    person: Hex32 | None = None
    station: Hex32 | None = None


class Code(msgspec.Struct, frozen=True):
    """A one-time code: for reading aloud, for scanning, and the moment it ends."""

    code: str
    expires_at: Ms
    enrol_url: str
    qr_svg: str


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a device is shut out; its owner reads it. ``compromised_since``: when it came into other hands, if it did;
    what it sent from then on is put before people, though it was accepted. ``despite``: why that cannot wait, for a
    device that may hold what is not here yet."""

    why: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
    compromised_since: Ms | None = None
    despite: Annotated[str, msgspec.Meta(min_length=1, max_length=500)] | None = None


class Fleet(msgspec.Struct, frozen=True):
    """Every device with its chain's progress and last contact, as read in one snapshot."""

    devices: list[Device]
    heads: dict[bytes, ChainHead]
    contacts: dict[bytes, Contact]
    events: dict[bytes, list[Event]]
    kept: dict[bytes, int]
    """At a station: how many sets of each chain it keeps for the centre."""


def fleet_of(connection: Connection, directory: Directory, who: SignedIn) -> Fleet:
    """The devices a person may see; the centre's own desk chain is not one."""
    known = [device for device in devices.every(connection) if not device.is_desk]
    if not who.has(WIDE):
        own = who.person.station
        known = [
            device for device in known if own is not None and station_of(device, directory) == own
        ]
    return Fleet(
        known,
        devices.all_heads(connection),
        devices.contacts(connection),
        greetings.events(connection),
        spool.by_chain(connection),
    )


def _raw(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _in_hex(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_in_hex(one) for one in value]
    if isinstance(value, dict):
        return {key: _in_hex(one) for key, one in value.items()}
    return value


def station_of(device: Device, directory: Directory) -> bytes | None:
    """The station itself, or that of the person."""
    if device.person is None:
        return device.station
    return directory.station_of("person", device.person)


def name_of(device: Device, directory: Directory) -> str:
    """Of the person, or of the station."""
    if device.person is not None:
        person = directory.person(device.person)
        return person.name if person else ""
    row = directory.row("stations", device.station) if device.station else None
    return row["name"] if row else ""


def _row(device: Device, fleet: Fleet, directory: Directory) -> DeviceRow:
    contact = fleet.contacts.get(device.chain)
    head = fleet.heads.get(device.chain)
    here = fleet.kept.get(device.chain, 0)
    return DeviceRow(
        chain=device.chain.hex(),
        person=hex_or_none(device.person),
        name=name_of(device, directory),
        station=hex_or_none(station_of(device, directory)),
        label=device.label,
        alg=device.alg,
        app=contact.app if contact else device.app,
        enrolled_at=device.enrolled_at_ms,
        revoked_at=device.revoked_at_ms,
        revoked_why=device.revoked_why,
        compromised_since=device.compromised_since_ms,
        last_contact_ms=contact.last_contact_ms if contact else None,
        have=head.have if head else -1,
        head=contact.head if contact else None,
        pending=contact.pending + here if contact else None,
        oldest_ms=contact.oldest_ms if contact else None,
        clock_offset_ms=contact.clock_offset_ms if contact else None,
        storage=contact.storage if contact else None,
        kept=contact.kept + here if contact else here,
        forked_at=head.forked_at if head else None,
        continues=hex_or_none(device.continues),
        continued_by=hex_or_none(device.continued_by),
        events=[
            DeviceEvent(one.kind, one.first_ms, one.last_ms, one.count, _in_hex(one.proof))
            for one in fleet.events.get(device.chain, [])
        ],
    )


@get(
    "/api/devices",
    tags=["devices"],
    operation_id="listDevices",
    guards=[may_see_devices],
    security=SESSION,
    responses=refusals("not_signed_in", "not_allowed"),
)
async def list_devices(
    who: NamedDependency[SignedIn], access: NamedDependency[Access], db: NamedDependency[Database]
) -> Response[list[DeviceRow]]:
    """List devices, newest first. A station sees those of its own people."""
    directory = access.directory()
    fleet = await db.reading(fleet_of, directory, who)
    return Response([_row(device, fleet, directory) for device in fleet.devices], headers=NO_STORE)


@post(
    "/api/devices/codes",
    tags=["devices"],
    operation_id="issueCode",
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "bad_request", "not_signed_in", "csrf", "centre_only", "not_allowed", "not_found"
    ),
)
async def issue_code(
    data: Annotated[
        CodeRequest, json_body({"person": "00112233445566778899aabbccddeeff"}, "An officer")
    ],
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    enrolment: NamedDependency[Enrolment],
    settings: NamedDependency[Settings],
) -> Response[Code]:
    """Issue a one-time code for a person's device, or for a station. It is shown once, works once, and lives fifteen
    minutes.
    """
    whose = Whose(_raw(data.person), _raw(data.station))
    if (whose.person is None) == (whose.station is None):
        raise ProblemError("bad_request", detail="A code is for one person or for one station.")
    if not whose.is_in(access.directory()):
        raise ProblemError("not_found", detail="There is no such person or station.")
    code, expires_at_ms = await enrolment.issue(whose, by=who.person.id)
    url = f"{settings.origin}/enrol#{code}"
    picture = segno.make(url, error="m").svg_inline(scale=6, border=4, omitsize=False)
    return Response(Code(code, expires_at_ms, url, picture), headers=NO_STORE)


@post(
    "/api/devices/{chain:str}/revoke",
    tags=["devices"],
    operation_id="revokeDevice",
    status_code=204,
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "bad_request",
        "not_signed_in",
        "csrf",
        "centre_only",
        "not_allowed",
        "not_found",
        "device_not_empty",
    ),
)
async def revoke(
    chain: FromPath[str],
    data: Annotated[Revocation, json_body({"why": "手机遗失"}, "A lost phone")],
    who: NamedDependency[SignedIn],
    intake: NamedDependency[Intake],
) -> Response[None]:
    """Shut a device out from now on. What it wrote before stands; it may still hand in what it holds. One that is not
    known to hold nothing is shut out only with a reason why that cannot wait, or when it is in other hands. Repeating
    changes nothing, but may say, or say earlier, since when it was in other hands.
    """
    device = from_hex(chain, "device")

    def job(batch: Batch) -> bool:
        known = devices.by_chain(batch.connection, device)
        if known is None or known.is_desk:
            return False
        if known.revoked_at_ms is None:
            # What is in other hands does not wait for anything.
            in_other_hands = None if data.compromised_since is None else data.why
            contact = demand_empty(batch, device, despite=data.despite or in_other_hands)
            batch.happened(device, REVOKED, trail(who, data.why, data.despite, contact))
        batch.devices.revoke(device, data.why, compromised_since_ms=data.compromised_since)
        return True

    if not await through(intake.transaction(job)):
        raise ProblemError("not_found", detail="There is no such device.")
    return Response(None, status_code=204, headers=NO_STORE)


ROUTES: Final = [list_devices, issue_code, revoke]
