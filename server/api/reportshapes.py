"""What figures look like to a desk, and how rows that were read become them.

Pure shaping at a moment handed in: knows no SQL and decides nothing. What each number means stands in docs/reports.md.

Example: ``block_of("C2", lines, asked)`` is the table of signing: everything together, then each group by its name.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from server.api.ids import Hex32, Ms, hex_or_none
from server.reports import completeness, figures, groups
from server.reports.completeness import Heard, Watermark
from server.reports.figures import Figures, Measured
from server.reports.groups import ALL, NONE, Place
from server.reports.periods import Period
from server.store.people import Directory
from server.store.reports import Judged
from sync.incident.policy import PolicyBook

LONG_EDGES_MS: Final = (21_600_000, 43_200_000, 86_400_000, 172_800_000)
"""A quarter, half, one and two days: for clocks whose policy names no buckets."""
_TABLES: Final = {"unit": "units", "person": "people", "vehicle": "vehicles"}


class Line(msgspec.Struct, frozen=True):
    """One clock, or one pair of instants, that is counted. ``lo_ms`` and ``hi_ms`` bound its length, null where nothing
    does; ``claimed_ms`` is its length by people's word, of pairs alone. ``bucket``: which holds it, null for several or
    none. ``group``: the key of its group."""

    incident: Hex32
    number: str | None
    tag: str
    title: str
    clock: str
    order: Hex32 | None
    round: int
    target: str
    group: str
    start_ms: Ms
    result: str
    bucket: int | None
    is_ended: bool
    lo_ms: int | None
    hi_ms: int | None
    grade: int | None
    why: list[str]
    override: str | None
    claimed_ms: int | None


class Group(msgspec.Struct, frozen=True):
    """One row of a table. ``name`` is empty for everything together (key ``*``) and for what belongs to none (key
    empty). ``completeness`` is null where it cannot be told for a group alone."""

    key: str
    name: str
    figures: Figures
    completeness: Watermark | None


class Block(msgspec.Struct, frozen=True):
    """The table of one clock: the edges of its buckets, everything together, and its groups."""

    clock: str
    edges_ms: list[int]
    all: Group
    groups: list[Group]


class PeriodShown(msgspec.Struct, frozen=True):
    """The period: from ``from_ms`` until just before ``to_ms``; ``running`` while it has not ended. ``number`` is
    that of an ISO week."""

    kind: str
    from_ms: Ms
    to_ms: Ms
    number: int | None
    running: bool


class Report(msgspec.Struct, frozen=True):
    """Figures of a period as they stood at ``now_ms``. ``incidents`` began in it; ``drills`` and ``dropped``
    (withdrawn, duplicates) are counted in no figure but this one. ``cut``: there were too many rows, the oldest are
    left out."""

    now_ms: Ms
    period: PeriodShown
    by: str
    station: str | None
    incidents: int
    drills: int
    dropped: int
    cut: bool
    completeness: Watermark
    blocks: list[Block]


class Lines(msgspec.Struct, frozen=True):
    """What a number is made of, the newest first; ``more`` are not listed."""

    now_ms: Ms
    lines: list[Line]
    more: int


class Between(msgspec.Struct, frozen=True):
    """Two instants over a period. Of ``of`` incidents that may bear them the newest ``looked`` were read. ``claimed``
    are the percentiles by people's word, which prove nothing."""

    now_ms: Ms
    period: PeriodShown
    by: str
    start: str
    end: str
    looked: int
    of: int
    drills: int
    completeness: Watermark
    block: Block
    claimed_p50_ms: int | None
    claimed_p90_ms: int | None
    lines: list[Line]


class Asked(msgspec.Struct, frozen=True):
    """What a table is made for: the moment, the period, the grouping, and what is known of devices and names."""

    now_ms: int
    period: Period
    by: str
    directory: Directory
    heard: list[tuple[bytes, Heard]]
    """(person, what is known of a device of theirs)."""
    upto_ms: int

    def completeness(self, key: str = ALL) -> Watermark | None:
        """How complete a group is; None where devices cannot be told apart by it."""
        belongs = _belongs(self.by, key, self.directory)
        if belongs is None:
            return None
        return completeness.of((one for person, one in self.heard if belongs(person)), self.upto_ms)


def _belongs(by: str, key: str, directory: Directory) -> Callable[[bytes], bool] | None:
    """Whose devices a group waits for."""
    if key == ALL:
        return lambda _person: True
    if key == NONE or by in ("tier", "zone"):
        return None
    if by == "station":
        station = bytes.fromhex(key)
        return lambda person: directory.station_of("person", person) == station
    kind, _, raw = key.partition(":")
    target: bytes | None = bytes.fromhex(raw)
    if kind == "person":
        return lambda person: person == target
    if kind == "vehicle":
        target = (directory.row("vehicles", bytes.fromhex(raw)) or {}).get("unit")
        if target is None:
            return None
    crew = {one.id for one in directory.people() if one.unit == target}
    return lambda person: person in crew


def period_shown(period: Period, now_ms: int) -> PeriodShown:
    return PeriodShown(
        period.kind, period.from_ms, period.to_ms, period.number, now_ms < period.to_ms
    )


def edges_of(book: PolicyBook, clock: str, period: Period) -> tuple[int, ...]:
    """The buckets in force at the end of a period: one set for a whole table, or its columns could not be compared."""
    return book.at(period.to_ms - 1).buckets.get(clock) or LONG_EDGES_MS


def line_of(row: Judged, asked: Asked, edges_ms: Sequence[int]) -> Line:
    """A row as it is counted and listed."""
    one = measured(row)
    place = Place(row.station, row.to_kind, row.to_id, row.tier, row.zone)
    result = figures.standing(one, asked.now_ms)
    is_ended = result in figures.ENDED
    return Line(
        incident=row.incident.hex(),
        number=row.number,
        tag=row.tag,
        title=row.title,
        clock=row.clock,
        order=hex_or_none(row.order_id or None),
        round=row.round,
        target=target_name(asked.directory, row.to_kind, row.to_id),
        group=groups.key_of(asked.by, place),
        start_ms=row.start_at_ms,
        result=result,
        bucket=figures.bucket_of(one, edges_ms) if is_ended else None,
        is_ended=is_ended,
        lo_ms=row.elapsed_lo_ms if is_ended else None,
        hi_ms=row.elapsed_hi_ms if is_ended else None,
        grade=row.grade,
        why=list(one.why),
        override=row.override_result,
        claimed_ms=None,
    )


def measured(row: Judged) -> Measured:
    """What is counted of a row."""
    return Measured(
        result=row.result,
        lo_ms=row.elapsed_lo_ms,
        hi_ms=row.elapsed_hi_ms,
        is_ended=row.is_ended,
        due_ms=None if row.within_ms is None else row.start_at_ms + row.within_ms,
        why=tuple(row.why.split()),
        override=row.override_result,
    )


def target_name(directory: Directory, kind: str | None, target: bytes | None) -> str:
    row = directory.row(_TABLES[kind], target) if kind in _TABLES and target else None
    return row["name"] if row else ""


def block_of(
    clock: str, lines: Iterable[tuple[Line, Measured]], edges_ms: Sequence[int], asked: Asked
) -> Block:
    """The table of one clock: everything together, then the groups by their names."""
    by_key: dict[str, list[Measured]] = {}
    everything: list[Measured] = []
    for line, one in lines:
        by_key.setdefault(line.group, []).append(one)
        everything.append(one)

    def group(key: str, rows: list[Measured]) -> Group:
        name = "" if key in (ALL, NONE) else group_name(asked, key)
        return Group(key, name, figures.of(rows, edges_ms, asked.now_ms), asked.completeness(key))

    found = [group(key, rows) for key, rows in by_key.items()]
    found.sort(key=lambda one: (one.key == NONE, _order(asked.by, one), one.key))
    return Block(clock, list(edges_ms), group(ALL, everything), found)


def _order(by: str, one: Group) -> tuple[int, str]:
    return (int(one.key), "") if by == "tier" and one.key else (0, one.name)


def group_name(asked: Asked, key: str) -> str:
    """How a group is called; a tier by its minutes, which the reader's language spells out."""
    if asked.by == "tier":
        return key
    if asked.by == "target":
        kind, _, raw = key.partition(":")
        return target_name(asked.directory, kind, bytes.fromhex(raw))
    if asked.by == "zone":
        return zone_name(asked.directory, bytes.fromhex(key), asked.period.to_ms)
    row = asked.directory.row("stations", bytes.fromhex(key))
    return row["name"] if row else ""


def zone_name(directory: Directory, zone: bytes, at_ms: int) -> str:
    """The name a zone had at a time; of one that had ended, the name its first row has."""
    for one in directory.book.zones.at(at_ms):
        if one.id == zone:
            return one.name
    row = directory.row("zones", zone)
    return str(row.get("name", "")) if row else ""


def claimed_percentile(lines: Sequence[Line], percent: int) -> int | None:
    """The percentile of what people say, which nothing proves."""
    said = sorted(line.claimed_ms for line in lines if line.claimed_ms is not None)
    return said[-(-len(said) * percent // 100) - 1] if said else None
