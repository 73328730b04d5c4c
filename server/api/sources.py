"""Who an incident comes from: the devices that wrote it or that its orders went to, how far each has sent what it
wrote, and when each was out of reach.

A device was in touch at every moment something of it was received, at every measurement of its clock against the
centre, and no earlier than the centre's mark that its sets name. It was *out of touch* between two such moments when it
signed something in between that was received over a minute later. It is out of touch *still* while the incident
goes on and nothing was heard for five minutes. No more is said: of a silence in which nothing was signed nobody knows.

Example: `[Silence(since=…14:41, until=…15:19, name="苏和", …)]` for what was signed at 14:57 and came at 15:19.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from server.api.ids import Hex32, Ms
from server.intake.project import ended_at_ms
from server.store import devices as stored
from server.store import tables
from server.store.people import Directory
from server.store.rows import query
from sync.fold import LATE_AFTER_MS, Item
from sync.time import Timed

SILENT_AFTER_MS: Final = 5 * 60_000
"""A phone with signal asks at least every minute or two."""
BESIDE: Final = 16
"""So many sets before the first of an incident are asked when they came."""


class Source(msgspec.Struct, frozen=True):
    """A device of the incident. ``pending``: sets it said it has not sent. ``out``: something of it may be missing."""

    chain: Hex32
    device: str
    person: Hex32
    name: str
    last_contact_ms: Ms | None
    pending: int
    out: bool


class Silence(msgspec.Struct, frozen=True):
    """A stretch in which a device was out of touch and went on recording; ``until`` is null while it lasts."""

    chain: Hex32
    device: str
    person: Hex32
    name: str
    since: Ms
    until: Ms | None


class Device(msgspec.Struct, frozen=True):
    """A device that somebody carries."""

    chain: bytes
    label: str
    person: bytes
    in_use: bool


def devices_of(
    connection: Connection, items: Iterable[Item], view: dict[str, Any], directory: Directory
) -> list[Device]:
    """Those that wrote what is here, and those of whoever was ordered; the centre's own desk is none."""
    wrote = {item.chain for item in items}
    ordered = {tuple(order["to"]) for order in view["orders"]}
    people = {at for kind, at in ordered if kind == "person"}
    units = {at for kind, at in ordered if kind == "unit"}
    people |= {one.id for one in directory.people() if one.unit in units} if units else set()
    t = tables.devices
    rows = connection.execute(
        select(t.c.chain, t.c.label, t.c.person, t.c.revoked_at_ms, t.c.continued_by).where(
            t.c.person.is_not(None), t.c.chain.in_(wrote) | t.c.person.in_(people)
        )
    )
    found = [
        Device(row.chain, row.label, row.person, row.revoked_at_ms is None and not row.continued_by)
        for row in rows
    ]
    return [one for one in found if one.in_use or one.chain in wrote]


def sources(
    connection: Connection,
    carried: list[Device],
    view: dict[str, Any],
    directory: Directory,
    now_ms: int,
) -> list[Source]:
    """How far each device has told what it wrote, those that are out first."""
    contacts = stored.contacts(connection)
    ended_ms = ended_at_ms(view)
    heard_by_ms = now_ms - SILENT_AFTER_MS if ended_ms is None else ended_ms
    found = []
    for one in carried:
        contact = contacts.get(one.chain)
        pending = contact.pending if contact else 0
        is_out = contact is None or pending > 0 or contact.last_contact_ms < heard_by_ms
        person = directory.person(one.person)
        found.append(
            Source(
                chain=one.chain.hex(),
                device=one.label,
                person=one.person.hex(),
                name=person.name if person else "",
                last_contact_ms=contact.last_contact_ms if contact else None,
                pending=pending,
                out=one.in_use and is_out,
            )
        )
    return sorted(found, key=lambda one: (not one.out, one.last_contact_ms or 0, one.chain))


def silences(
    connection: Connection,
    carried: list[Device],
    items: list[Item],
    times: dict[bytes, Timed],
    directory: Directory,
) -> list[Silence]:
    """When each device was out of touch while it wrote what is here, earliest first."""
    found = []
    for one in carried:
        own = [item for item in items if item.chain == one.chain]
        person = directory.person(one.person)
        touched = _touched(connection, one, own) | _marks(own, times)
        for since_ms, until_ms in stretches(_signed(own, times), touched):
            name = person.name if person else ""
            found.append(
                Silence(one.chain.hex(), one.label, one.person.hex(), name, since_ms, until_ms)
            )
    return sorted(found, key=lambda one: (one.since, one.chain))


def lasting(told: list[Silence], heard: list[Source]) -> list[Silence]:
    """With what lasts still: each device that is out and has been in touch at all."""
    return told + [
        Silence(one.chain, one.device, one.person, one.name, one.last_contact_ms, None)
        for one in heard
        if one.out and one.last_contact_ms is not None
    ]


def stretches(signed: Iterable[tuple[int, int]], touched: Iterable[int]) -> list[tuple[int, int]]:
    """The silences in which something was signed, from (signed, received) and the moments of touch, all in ms.

    >>> stretches([(57, 80), (60, 80), (90_000, 170_000)], [40, 80, 100_000, 170_000])
    [(80, 100000)]
    """
    moments = sorted({*touched, *(received_ms for _, received_ms in signed)})
    found = set()
    for signed_ms, received_ms in signed:
        if received_ms - signed_ms <= LATE_AFTER_MS:
            continue
        after = bisect_right(moments, signed_ms)
        since_ms = moments[after - 1] if after else signed_ms
        if moments[after] - since_ms > LATE_AFTER_MS:
            found.add((since_ms, moments[after]))
    return sorted(found)


def _signed(items: list[Item], times: dict[bytes, Timed]) -> list[tuple[int, int]]:
    """(signed, received) of each: by its own word, as far as that lies within what is proved."""
    found = set()
    for item in items:
        if item.at_ms is None:
            continue
        signed_ms = int.from_bytes(item.eff[:6], "big")
        proved = times.get(item.op)
        if proved is not None:
            for bounds in proved.layers:
                if bounds is not None and bounds.lo_ms is not None:
                    signed_ms = max(signed_ms, bounds.lo_ms)
                if bounds is not None and bounds.hi_ms is not None:
                    signed_ms = min(signed_ms, bounds.hi_ms)
        found.add((signed_ms, item.at_ms))
    return sorted(found)


def _marks(items: list[Item], times: dict[bytes, Timed]) -> set[int]:
    """The moments of the newest marks of the centre that these sets name."""
    bounds = (times[item.op].layers[0].lo_ms for item in items if item.op in times)
    return {lo_ms for lo_ms in bounds if lo_ms is not None}


def _touched(connection: Connection, device: Device, items: list[Item]) -> set[int]:
    """When a device was in touch around these sets of it."""
    if not items:
        return set()
    first, last = min(item.seq for item in items), max(item.seq for item in items)
    receipts = query(
        connection,
        "SELECT received_at_ms FROM sets WHERE chain = ? AND seq BETWEEN ? AND ?",
        (device.chain, first - BESIDE, last),
    )
    since_ms = min(ms for (ms,) in receipts)
    measured = query(
        connection,
        "SELECT hi_ms FROM clock_samples WHERE chain = ? AND hi_ms BETWEEN ? AND ?",
        (device.chain, since_ms, max(ms for (ms,) in receipts)),
    )
    return {ms for (ms,) in [*receipts, *measured]}
