"""One incident as a desk's page shows it: the view in JSON, countdowns, open moves, and the timeline.

Pure but for reading what lies beside it. Shapes what ``sync.incident`` has derived; derives nothing itself. Bytes
become hex; a caller's name and number are masked for those who may not read them.

>>> masked("13800002046"), masked("110"), masked("")
('138****2046', '***', '')
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, select

from server.api.asof import AsOf, Seal, findings_then, seal, summary_then
from server.api.ids import Hex32, Ms, hex_or_none, plain
from server.api.sources import Silence, Source, devices_of, lasting, silences, sources
from server.api.stories import Story
from server.api.summaries import Summary
from server.api.verdicts import ShownVerdict, shown_of
from server.api.wallrows import DeadlineState
from server.auth.guards import CALLER_KNOWN, SignedIn
from server.intake import timing
from server.intake.chains import Chains
from server.store.people import Directory
from server.store.tables import devices
from server.store.verdicts import Key, Row
from sync.clock import MS_MAX
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
    the difference when over a minute; ``written_at`` when its author wrote it down, by the stamp that orders it.
    ``time`` is what is proved of when.

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
    written_at: Ms
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
    of; ``remarks`` are what to look at before it is closed. ``as_of`` is the moment it is told as of, null for now; of
    the past nothing can be done, and ``sources`` still tell of now. ``seal`` covers what was ruled by then.
    """

    now_ms: Ms
    summary: Summary
    view: dict[str, Any]
    deadlines: list[Countdown]
    verdicts: list[ShownVerdict]
    remarks: list[Remarked]
    moves: list[OpenMove]
    timeline: list[Entry]
    sources: list[Source]
    silences: list[Silence]
    scopes: list[str]
    people: dict[str, str]
    as_of: AsOf | None
    seal: Seal | None


class Beside(msgspec.Struct, frozen=True):
    """What is not in an incident itself: how its devices are called, when its ops happened by op id, how far its
    devices have told, when they were out of touch, the hash over what was ruled, and what was found of its clocks."""

    labels: dict[bytes, str]
    times: dict[bytes, Timed]
    sources: list[Source]
    silences: list[Silence]
    seal: Seal | None
    verdicts: dict[Key, Row]


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


def beside(
    connection: Connection, story: Story, directory: Directory, as_of: AsOf | None, now_ms: int
) -> Beside:
    """Read what lies beside an incident."""
    items = story.items
    until_ms = as_of.ms if as_of is not None and as_of.by == "received" else MS_MAX
    times = timing.times(connection, items, Chains(connection), until_ms)
    carried = devices_of(connection, items, story.view, directory)
    told = silences(connection, carried, items, times, directory)
    heard = sources(connection, carried, story.view, directory, now_ms)
    return Beside(
        labels=device_labels(connection, {item.chain for item in items}),
        times=times,
        sources=heard,
        silences=told if as_of else lasting(told, heard),
        seal=seal(connection, story.id, until_ms),
        verdicts=findings_then(connection, story, as_of),
    )


def detail_of(
    summary: Summary,
    story: Story,
    directory: Directory,
    known: Beside,
    *,
    now_ms: int,
    who: SignedIn,
    as_of: AsOf | None = None,
) -> Detail:
    """Shape one incident for one person, as of now or of an earlier moment."""
    at_ms = now_ms if as_of is None else as_of.ms
    knows_caller = who.has(CALLER_KNOWN)
    people: dict[bytes, str] = {}
    entries = _entries(story, directory, known, people, knows_caller=knows_caller)
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
        summary=summary if as_of is None else summary_then(summary, story, directory.book),
        view=view,
        deadlines=[
            Countdown(
                id=one.id,
                start_ms=one.start_ms,
                due_ms=one.due_ms,
                done_ms=one.done_ms,
                state=one.state(at_ms),
                order=hex_or_none(one.order),
            )
            for one in deadlines(story.view, directory.book)
        ],
        verdicts=shown_of(story.view, known.times, known.verdicts, directory, at_ms),
        remarks=[
            Remarked(
                one.code, hex_or_none(one.order), [op.hex() for op in one.about], list(one.words)
            )
            for one in remarks(story.view, directory.book)
        ],
        moves=[
            OpenMove(move, order["id"].hex())
            for order in story.view["orders"]
            for move in (moves_of_order(order) if as_of is None else ())
        ],
        timeline=entries,
        sources=known.sources,
        silences=known.silences,
        scopes=story.scopes,
        people={at.hex(): name for at, name in people.items()},
        as_of=as_of,
        seal=known.seal,
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
    known: Beside,
    people: dict[bytes, str],
    *,
    knows_caller: bool,
) -> list[Entry]:
    entries: list[Entry] = []
    written = {item.op: int.from_bytes(item.eff[:6], "big") for item in story.items}
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
                written_at=written[one["op"]],
                flags=one["flags"],
                by=one["by"].hex(),
                by_name=_name(people, directory, one["by"]) or "",
                said_by=hex_or_none(one["said_by"]),
                said_by_name=_name(people, directory, one["said_by"]),
                via=one["via"],
                order=hex_or_none(one["order"]),
                device=known.labels.get(chain, ""),
                chain=chain.hex(),
                field=one["field"],
                text=one["text"],
                value=plain(value),
                about=hex_or_none(one["about"]),
                decision=one["decision"],
                why=one["why"],
                redacted=_redacted(one["redacted"], directory, people),
                time=_time(known.times.get(one["op"])),
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
