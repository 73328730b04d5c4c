"""What other limits would have done: clocks that were judged, judged again by what is stored of them (SPEC PO3).

Pure. Responsible for the book as it would have been, for one clock judged again from the bounds of its elapsed time,
and for counting. It knows less than whoever judges: where the stored bounds do not decide, it says undetermined.

>>> from sync.incident.policy import DEFAULTS
>>> judged_again(Kept(1_000, 2_000, 1), 1_999, DEFAULTS), judged_again(Kept(1_000, 2_000, 1), 2_000, DEFAULTS)
('undetermined', 'met')
>>> judged_again(Kept(1_000, 2_000, 1), 999, DEFAULTS), judged_again(Kept(1_000, 2_000, 2), 999, DEFAULTS)
('missed', 'undetermined')
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from server.store.people import Directory
from sync.incident.policy import COMPLEX, Policy, PolicyBook, tier_for
from sync.incident.versions import CLOCKS
from sync.incident.zones import Zone

MET, MISSED, UNDETERMINED, NO_LIMIT = "met", "missed", "undetermined", "no_limit"
JUDGED: Final = frozenset({MET, MISSED, UNDETERMINED, NO_LIMIT})
"""Findings of clocks that have both a start and an end; all others stay as they are under any limit."""
BEST: Final = 2
"""The least certain grade that bounds can be stored of."""


class Kept(msgspec.Struct, frozen=True):
    """What is stored of a clock: bounds of the time that passed, and the grade it was decided by."""

    lo_ms: int | None
    hi_ms: int | None
    grade: int | None


class Past(msgspec.Struct, frozen=True):
    """One clock that was judged, with what its limit depends on."""

    incident: bytes
    number: str | None
    title: str
    clock: str
    order: bytes
    start_ms: int
    result: str
    within_ms: int | None
    kept: Kept
    tier: int | None
    zone: bytes | None
    target: bytes | None
    level: int | None
    category: str


class Turned(msgspec.Struct, frozen=True):
    """A clock of which the draft would have found otherwise."""

    past: Past
    before: str
    after: str


def judged_again(kept: Kept, within_ms: int | None, policy: Policy) -> str:
    """What these bounds say under a limit: certain, by a grade the policy takes, or undetermined."""
    if within_ms is None:
        return NO_LIMIT
    if kept.hi_ms is not None and kept.hi_ms <= within_ms:
        grade = BEST if kept.grade is None else kept.grade
        return MET if grade <= policy.met_max_grade else UNDETERMINED
    if kept.lo_ms is not None and kept.lo_ms > within_ms and kept.grade is not None:
        return MISSED if kept.grade <= policy.missed_max_grade else UNDETERMINED
    return UNDETERMINED


def as_if(directory: Directory, draft: dict[str, Any]) -> PolicyBook:
    """The book in which the draft stands in the place of every version for the same, from the beginning."""
    scope = (draft.get("zone"), draft.get("mode"))
    others = [
        (row_id, directory.made.get(row_id, 0), row)
        for row_id, row in directory.of("policies").items()
        if (row.get("zone"), row.get("mode")) != scope
    ]
    drafted = (bytes(16), 0, draft | {"from_ms": 0})
    return PolicyBook(
        [*others, drafted], directory.of("zones").items(), directory.of("modes").items()
    )


def turned(past: Past, held: PolicyBook, drafted: PolicyBook) -> Turned:
    """One clock before and after. It turns only where its limit, or the grade that is asked for, does; and stays as it
    is where it was judged by something that is not stored, such as a date that an order names.
    """
    mode = held.mode_at(past.start_ms)
    zone = next((one for one in held.zones.at(past.start_ms) if one.id == past.zone), None)
    before, after = (book.at(past.start_ms, past.zone, mode) for book in (held, drafted))
    tier = past.tier
    kind = ""
    if past.clock == "C5" and tier == _derived(past, zone, before):
        tier = _derived(past, zone, after)
    elif past.clock == "C10" and past.within_ms != before.within_ms("C10", past.start_ms):
        kind = COMPLEX
    limits = [
        policy.within_ms(
            past.clock,
            past.start_ms,
            tier=at,
            categories=[past.category] if past.category else [],
            kind=kind,
        )
        for policy, at in ((before, past.tier), (after, tier))
    ]
    grades = [(policy.met_max_grade, policy.missed_max_grade) for policy in (before, after)]
    is_same = limits[0] == limits[1] and grades[0] == grades[1]
    is_strange = past.within_ms is not None and past.within_ms != limits[0]
    if is_same or is_strange:
        return Turned(past, past.result, past.result)
    return Turned(past, past.result, judged_again(past.kept, limits[1], after))


def _derived(past: Past, zone: Zone | None, policy: Policy) -> int | None:
    """The tier where none was stated (PO6)."""
    levels = [] if past.level is None else [{"v": past.level}]
    return tier_for({"fields": {"level": levels}}, zone, policy, past.target)


class Tally(msgspec.Struct):
    """How many of one clock were found what."""

    met: int = 0
    missed: int = 0
    undetermined: int = 0

    def add(self, result: str) -> None:
        """Count one; what has no limit is not counted."""
        if result != NO_LIMIT:
            setattr(self, result, getattr(self, result) + 1)


class ClockTally(msgspec.Struct):
    """One clock before and after, and of how many the finding would turn."""

    clock: str
    before: Tally
    after: Tally
    turned: int = 0


def tallied(found: Iterable[Turned]) -> list[ClockTally]:
    """Counts by clock, in the order of the clocks; those that are only shown before and after are left out."""
    clocks: dict[str, ClockTally] = {}
    for one in found:
        if one.before == one.after == NO_LIMIT:
            continue
        clock = one.past.clock
        tally = clocks.setdefault(clock, ClockTally(clock, Tally(), Tally()))
        tally.before.add(one.before)
        tally.after.add(one.after)
        tally.turned += one.before != one.after
    return sorted(clocks.values(), key=lambda one: CLOCKS.index(one.clock))
