"""The bytes behind a record: ``GET /api/rulings/evidence/{chain}/{seq}``.

Responsible for showing what is held at one place of one chain exactly as it came, with its header read out and its
signature checked again now. Two sets at one place are a fork, and both are shown. Refuses to explain or to decide
anything, and shows nobody's bytes to those who do not decide about them.

Example: ``GET /api/rulings/evidence/00112233445566778899aabbccddeeff/418`` answers a list with one entry, whose
``envelope`` is the whole set in hex.
"""

from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection, select

from server import keys
from server.api import queue
from server.api.ids import Hex32, Ms, from_hex, hex_or_none
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.summaries import visible_to
from server.auth.guards import DISPATCH, Access, SignedIn, may_rule
from server.problems import ProblemError
from server.store import tables
from server.store.devices import Device, by_chain
from server.store.engine import Database
from server.store.people import Directory
from sync import changeset, rulings
from sync.changeset import ChangeSet


class RawHeader(msgspec.Struct, frozen=True):
    """The header as its author signed it (SPEC CS), bytes as hex."""

    v: int
    chain: Hex32
    seq: int
    prev: str | None
    hlc: str
    wall_ms: Ms
    mono: tuple[str, int]
    user: Hex32
    seen: tuple[int, str] | None
    beacon: Hex32 | None
    scope: str
    lane: int
    schema: tuple[int, int]
    flags: int
    body_hash: str
    continues: tuple[Hex32, int, str, str] | None


class RawSet(msgspec.Struct, frozen=True):
    """One set as it is stored. ``header`` is null where this version cannot read it; ``signed`` tells whether the key
    of the chain made the signature, null when the centre has no key of it. ``redacted``: its words were taken away."""

    set: str
    idx: int
    received_at: Ms
    decision: str
    header: RawHeader | None
    signature: str | None
    alg: str | None
    key: str | None
    signed: bool | None
    redacted: bool
    envelope: str


@get(
    "/api/rulings/evidence/{chain:str}/{seq:int}",
    tags=["rulings"],
    operation_id="readEvidence",
    guards=[may_rule],
    security=SESSION,
    responses=refusals("bad_request", "bad_id", "not_signed_in", "not_allowed", "not_found"),
)
async def read_evidence(
    chain: FromPath[str],
    seq: FromPath[int],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
) -> Response[list[RawSet]]:
    """Read the sets at one place of one chain, byte by byte. A station reads those of its own people and incidents."""
    found = await db.reading(_at, from_hex(chain, "chain"), seq, who, access.directory())
    if not found:
        raise ProblemError(
            "not_found", detail="Nothing is held at that place, or it is not yours to see."
        )
    return Response(found, headers=NO_STORE)


def _at(
    connection: Connection, chain: bytes, seq: int, who: SignedIn, directory: Directory
) -> list[RawSet]:
    table = tables.sets
    found = (
        select(
            table.c.set_id, table.c.entity, table.c.idx, table.c.envelope, tables.rulings.c.bytes
        )
        .join(tables.rulings, tables.rulings.c.idx == table.c.idx)
        .where(table.c.chain == chain, table.c.seq == seq)
        .order_by(table.c.arrival_no)
    )
    device = by_chain(connection, chain)
    return [
        _raw(bytes(set_id), idx, bytes(envelope), bytes(ruling), device)
        for set_id, entity, idx, envelope, ruling in connection.execute(found)
        if _may_see(connection, bytes(set_id), entity, who, directory)
    ]


def _may_see(
    connection: Connection, set_id: bytes, entity: bytes | None, who: SignedIn, directory: Directory
) -> bool:
    if who.has(DISPATCH):
        return True
    incidents = tables.incidents
    seen = select(incidents.c.id).where(incidents.c.id == entity, visible_to(who))
    if connection.execute(seen).first() is not None:
        return True
    return queue.visible(connection, set_id, queue.seen_by(who, directory))


def _raw(set_id: bytes, idx: int, envelope: bytes, ruling: bytes, device: Device | None) -> RawSet:
    found = changeset.read(envelope)
    change = found if isinstance(found, ChangeSet) else None
    read = rulings.read_ruling(ruling)
    return RawSet(
        set=set_id.hex(),
        idx=idx,
        received_at=rulings.received_at_ms(read),
        decision=read.payload["d"],
        header=_header(change.header) if change is not None else None,
        signature=change.signature.hex() if change is not None else None,
        alg=device.alg if device is not None else None,
        key=device.pub.hex() if device is not None else None,
        signed=None
        if change is None or device is None
        else changeset.signature_holds(change, device.alg, device.pub, keys.verify),
        redacted=change is not None and change.body is None,
        envelope=envelope.hex(),
    )


def _header(header: changeset.Header) -> RawHeader:
    went_on = header.continues
    return RawHeader(
        v=header.v,
        chain=header.chain.hex(),
        seq=header.seq,
        prev=hex_or_none(header.prev),
        hlc=header.hlc.hex(),
        wall_ms=header.wall_ms,
        mono=(header.mono[0].hex(), header.mono[1]),
        user=header.user.hex(),
        seen=None if header.seen is None else (header.seen[0], header.seen[1].hex()),
        beacon=hex_or_none(header.beacon),
        scope=header.scope,
        lane=header.lane,
        schema=header.schema,
        flags=header.flags,
        body_hash=header.body_hash.hex(),
        continues=None
        if went_on is None
        else (went_on[0].hex(), went_on[1], went_on[2].hex(), went_on[3]),
    )


ROUTES: Final[list[Any]] = [read_evidence]
