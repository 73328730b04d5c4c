"""One incident as a desk's page shows it: the view in JSON, countdowns, open moves, and the timeline with its gaps.

Pure but for reading device labels. Shapes what ``sync.incident`` has derived; derives nothing itself except where a
device was out of reach before its late entries. Bytes become hex; a caller's name and number are masked for those who
may not read them.

>>> masked("13800002046"), masked("110"), masked("")
('138****2046', '***', '')
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from server.api.ids import Hex32, Ms, hex_or_none, plain
from server.api.stories import Story
from server.api.summaries import Summary
from server.api.verdicts import ShownVerdict, shown_of
from server.api.wallrows import DeadlineState
from server.auth.guards import CALLER_KNOWN, SignedIn
from server.intake import timing
from server.store import verdicts as stored_verdicts
from server.store.people import Directory
from server.store.tables import devices
from server.store.verdicts import Key, Row
from sync.fold import Item
from sync.incident.consistency import remarks
from sync.incident.deadlines import deadlines
from sync.incident.moves import moves_of_order
from sync.incident.timeline import timeline
from sync.time import Timed

CALLER_FACTS: Final = frozenset({"caller_name", "caller_phone"})


class OpenMove(msgspec.Struct, frozen=True):
    """A move a screen may offer to the receiver of an order."""

    move: str
    order: Hex32 | None


class Countdown(DeadlineState, frozen=True):
    """A countdown of one order, or of the incident when ``order`` is null."""

    order: Hex32 | None


class Gap(msgspec.Struct, frozen=True):
    """A stretch in which a device was out of reach: it went on recording, and what follows came later."""

    since: Ms
    until: Ms


class Redacted(msgspec.Struct, frozen=True):
    """Who took the words of an entry away, on what legal ground and when (SPEC RD1)."""

    by: Hex32
    by_name: str
    ground: str
    at: Ms


class ProvedTime(msgspec.Struct, frozen=True):
    """When something happened as far as it is proved (SPEC TM): not before ``lo_ms``, not after ``hi_ms``, null where
    nothing says. ``grade`` 0 what the centre saw, 1 the device's monotonic clock, 2 its wall clock, 3 a claim; ``why``
    codes of what kept the bounds apart."""

    grade: int
    lo_ms: Ms | None
    hi_ms: Ms | None
    why: list[str]


class Entry(msgspec.Struct, frozen=True):
    """One op in the merged timeline. ``at`` is when it happened, ``received_at`` when the centre had it, ``late_by``
    the difference when over a minute; ``time`` is what is proved of when.

    ``decision`` is ``accepted``, ``accepted_late``, ``held``, ``rejected`` or ``opaque``, with ``why``. ``about`` is
    the op it speaks of."""

    op: str
    set: str
    idx: int | None
    t: str
    kind: str | None
    at: Ms
    received_at: Ms | None
    late_by: int | None
    flags: list[str]
    by: Hex32
    by_name: str
    said_by: Hex32 | None
    said_by_name: str | None
    via: str | None
    order: Hex32 | None
    device: str
    chain: Hex32
    field: str | None
    text: str | None
    value: Any
    about: str | None
    decision: str | None
    why: str | None
    redacted: Redacted | None
    gap_before: Gap | None
    time: ProvedTime | None


class Remarked(msgspec.Struct, frozen=True):
    """Something that does not fit together (SPEC FB6): the order it is about, the ops to look at, and the kinds or the
    field it speaks of."""

    code: str
    order: Hex32 | None
    about: list[str]
    words: list[str]


class Detail(msgspec.Struct, frozen=True):
    """One incident. ``view`` is the shared view of SPEC IN with bytes as hex; ``people`` names everyone it speaks
    of; ``remarks`` are what to look at before it is closed.
    """

    now_ms: Ms
    summary: Summary
    view: dict[str, Any]
    deadlines: list[Countdown]
    verdicts: list[ShownVerdict]
    remarks: list[Remarked]
    moves: list[OpenMove]
    timeline: list[Entry]
    scopes: list[str]
    people: dict[str, str]


def masked(phone: str) -> str:
    """A number of which only the ends remain; a short one disappears whole."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 9 else "*" * len(phone)


def device_labels(connection: Connection, chains: Iterable[bytes]) -> dict[bytes, str]:
    """What people's devices are called, by chain; the centre's own desk chain has no name."""
    wanted = list(chains)
    if not wanted:
        return {}
    rows = connection.execute(
        select(devices.c.chain, devices.c.label).where(
            devices.c.chain.in_(wanted), devices.c.person.is_not(None)
        )
    )
    return {row.chain: row.label for row in rows}


class Beside(msgspec.Struct, frozen=True):
    """What is not in an incident itself: how its devices are called, when its ops happened, by op id, and what stands
    written of its clocks."""

    labels: dict[bytes, str]
    times: dict[bytes, Timed]
    verdicts: dict[Key, Row]


def beside(connection: Connection, incident: bytes, items: list[Item]) -> Beside:
    """Read what a page shows of an incident beside it."""
    return Beside(
        labels=device_labels(connection, {item.chain for item in items}),
        times=timing.times(connection, items, timing.Chains(connection)),
        verdicts=stored_verdicts.of_incidents(connection, [incident])[incident],
    )


def detail_of(
    summary: Summary,
    story: Story,
    directory: Directory,
    known: Beside,
    *,
    now_ms: int,
    who: SignedIn,
) -> Detail:
    """Shape one incident for one person at one moment."""
    knows_caller = who.has(CALLER_KNOWN)
    people: dict[bytes, str] = {}
    entries = _entries(
        story, directory, known.labels, known.times, people, knows_caller=knows_caller
    )
    view = plain(story.view)
    if not knows_caller:
        for field in CALLER_FACTS & view["fields"].keys():
            for statement in view["fields"][field]:
                statement["v"] = masked(statement["v"])
    for order in story.view["orders"]:
        _name(people, directory, order["issued_by"])
        if order["to"][0] == "person":
            _name(people, directory, order["to"][1])
    return Detail(
        now_ms=now_ms,
        summary=summary,
        view=view,
        deadlines=[
            Countdown(
                id=one.id,
                start_ms=one.start_ms,
                due_ms=one.due_ms,
                done_ms=one.done_ms,
                state=one.state(now_ms),
                order=hex_or_none(one.order),
            )
            for one in deadlines(story.view, directory.book)
        ],
        verdicts=shown_of(story.view, known.times, known.verdicts, directory, now_ms),
        remarks=[
            Remarked(
                one.code, hex_or_none(one.order), [op.hex() for op in one.about], list(one.words)
            )
            for one in remarks(story.view, directory.book)
        ],
        moves=[
            OpenMove(move, order["id"].hex())
            for order in story.view["orders"]
            for move in moves_of_order(order)
        ],
        timeline=entries,
        scopes=story.scopes,
        people={at.hex(): name for at, name in people.items()},
    )


def _name(people: dict[bytes, str], directory: Directory, person: bytes | None) -> str | None:
    """Someone's name, remembered for the page; empty for someone no longer there."""
    if person is None:
        return None
    found = directory.person(person)
    return people.setdefault(person, found.name if found else "")


def _entries(
    story: Story,
    directory: Directory,
    labels: dict[bytes, str],
    times: dict[bytes, Timed],
    people: dict[bytes, str],
    *,
    knows_caller: bool,
) -> list[Entry]:
    entries: list[Entry] = []
    in_reach: dict[bytes, int] = {}
    told: set[bytes] = set()
    for one in timeline(story.items, story.view):
        chain, ruled = one["chain"], story.ruled.get(one["set"])
        value = one["value"]
        if one["field"] in CALLER_FACTS and not knows_caller and isinstance(value, str):
            value = masked(value)
        entries.append(
            Entry(
                op=one["op"].hex(),
                set=ruled.set_id.hex() if ruled else one["set"].hex(),
                idx=ruled.idx if ruled else None,
                t=one["t"],
                kind=one["kind"],
                at=one["at"],
                received_at=one["received_at"],
                late_by=one["late_by"],
                flags=one["flags"],
                by=one["by"].hex(),
                by_name=_name(people, directory, one["by"]) or "",
                said_by=hex_or_none(one["said_by"]),
                said_by_name=_name(people, directory, one["said_by"]),
                via=one["via"],
                order=hex_or_none(one["order"]),
                device=labels.get(chain, ""),
                chain=chain.hex(),
                field=one["field"],
                text=one["text"],
                value=plain(value),
                about=hex_or_none(one["about"]),
                decision=one["decision"],
                why=one["why"],
                redacted=_redacted(one["redacted"], directory, people),
                gap_before=_gap(one, in_reach, told),
                time=_time(times.get(one["op"])),
            )
        )
    return entries


def _time(timed: Timed | None) -> ProvedTime | None:
    if timed is None:
        return None
    return ProvedTime(timed.grade, timed.bounds.lo_ms, timed.bounds.hi_ms, list(timed.why))


def _redacted(
    told: dict[str, Any] | None, directory: Directory, people: dict[bytes, str]
) -> Redacted | None:
    if told is None:
        return None
    by: bytes = told["by"]
    return Redacted(by.hex(), _name(people, directory, by) or "", told["ground"], told["at"])


def _gap(one: dict[str, Any], in_reach: dict[bytes, int], told: set[bytes]) -> Gap | None:
    """The silence before a device's first late entry: from when it was last heard here until the entry came.

    ``in_reach`` is when each device last spoke in time; a silence is told once, until the device speaks in time again.
    """
    chain, received_at = one["chain"], one["received_at"]
    if received_at is None:
        return None
    if one["late_by"] is None:
        in_reach[chain] = received_at
        told.discard(chain)
        return None
    since = in_reach.get(chain)
    if since is None or chain in told or since >= one["at"]:
        return None
    told.add(chain)
    return Gap(since, received_at)
