"""A device's stream as the server has it: who it is, how far it came, what befell it, and its sets one by one.

Responsible for putting these together for `ortoo inspect device`. Refuses to judge a device, and to show names.

Example: `device(connection, chain, Showing(openly))` is None for a chain that nobody knows.
"""

from typing import Any

import msgspec
from sqlalchemy import Connection

from server.inspect.sets import Showing, ToldSet, told
from server.store import devices, greetings, sets
from server.store.devices import ChainHead, Contact, Device
from server.store.rows import query

MISSING_MOST = 100


class Happened(msgspec.Struct, frozen=True):
    """Something that befell the chain: how often, first and last."""

    kind: str
    count: int
    first: int
    last: int


class ToldDevice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device and its sets. `have`: held without a gap up to this seq; `top`: the greatest held; `missing`: the gaps
    between, the first hundred places; `forked_at`: two writers from there on. `contact`: what it said of itself last.
    `left_out`: sets that were not asked for."""

    chain: str
    have: int
    top: int
    stored: int
    missing: list[int]
    sets: list[ToldSet]
    left_out: int = 0
    enrolled: bool = False
    person: str | None = None
    algorithm: str | None = None
    app: str | None = None
    enrolled_at: int | None = None
    revoked_at: int | None = None
    compromised_since: int | None = None
    continues: str | None = None
    continued_by: str | None = None
    forked_at: int | None = None
    contact: dict[str, Any] | None = None
    events: list[Happened] = []


def device(
    connection: Connection, chain: bytes, showing: Showing, *, since: int = 0, most: int = 1_000
) -> ToldDevice | None:
    """A device with at most `most` of its sets, from seq `since` on; None for a chain that is not known at all."""
    record = devices.by_chain(connection, chain)
    head = devices.heads(connection, [chain]).get(chain)
    if record is None and head is None:
        return None
    head = head or ChainHead()
    numbers = query(
        connection,
        "SELECT arrival_no FROM sets WHERE chain = ? AND seq >= ? ORDER BY seq, arrival_no LIMIT ?",
        (chain, since, most),
    )
    listed = [sets.by_arrival(connection, no) for (no,) in numbers]
    held = {
        seq
        for (seq,) in query(
            connection,
            "SELECT seq FROM sets WHERE chain = ? AND seq > ? ORDER BY seq LIMIT ?",
            (chain, head.have, sets.BEYOND_LIMIT),
        )
    }
    gaps = (seq for seq in range(head.have + 1, head.top) if seq not in held)
    named = showing.named
    plain = ToldDevice(
        chain=named(chain),
        have=head.have,
        top=head.top,
        stored=head.stored,
        missing=[seq for seq, _n in zip(gaps, range(MISSING_MOST), strict=False)],
        sets=[told(connection, one, showing) for one in listed],
        left_out=head.stored - len(listed),
        forked_at=head.forked_at,
        contact=_contact(devices.contacts(connection).get(chain)),
        events=[
            Happened(one.kind, one.count, one.first_ms, one.last_ms)
            for one in greetings.events(connection).get(chain, [])
        ],
    )
    return plain if record is None else _with_record(plain, record, showing)


def _with_record(plain: ToldDevice, record: Device, showing: Showing) -> ToldDevice:
    def name_of(value: bytes | None) -> str | None:
        return None if value is None else showing.named(value)

    return msgspec.structs.replace(
        plain,
        enrolled=True,
        person=name_of(record.person),
        algorithm=record.alg,
        app=record.app,
        enrolled_at=record.enrolled_at_ms,
        revoked_at=record.revoked_at_ms,
        compromised_since=record.compromised_since_ms,
        continues=name_of(record.continues),
        continued_by=name_of(record.continued_by),
    )


def _contact(contact: Contact | None) -> dict[str, Any] | None:
    if contact is None:
        return None
    return {
        "at": contact.last_contact_ms,
        "pending": contact.pending,
        "oldest": contact.oldest_ms,
        "clock_offset_ms": contact.clock_offset_ms,
        "head": contact.head,
        "app": contact.app,
    }
