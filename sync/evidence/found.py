"""The verdicts in an evidence file: what was found of each clock, and whether it follows from what it says (SPEC XP7).

Responsible for the newest verdict on each clock, and for finding those that their own bounds do not give or that rest
on nothing in the file. It does not judge anew: the samples of clocks are not in the file.

Example: `found(report)` after `check`; `unfounded(report)` adds what is wrong to the report.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from sync import rulings
from sync.changeset import Bin16, Int, Natural
from sync.evidence.report import Report
from sync.rulings import Ruling

BY_DAYS: Final = frozenset({"C9", "C10"})
"""Clocks whose limit may be the end of a day: how long there was depends on when exactly they began."""
Bounded = tuple[bytes, Int | None, Int | None]


class Found(Struct, frozen=True):
    """What a ruling of the kind `verdict` must say, as far as a reader needs it."""

    clock: str
    round: Natural
    result: str
    order: Bin16 | None
    grade: Natural | None
    within: Int | None
    lo: Int | None
    hi: Int | None
    start: Bounded | None
    end: Bounded | None
    why: list[str]
    because: Natural | None


def found(report: Report) -> list[tuple[Ruling, Found]]:
    """The newest verdict on each clock, order and round, in the order they were ruled."""
    newest: dict[tuple[str, bytes | None, int], tuple[Ruling, Found]] = {}
    for ruling in report.about:
        if ruling.kind == rulings.KIND_VERDICT:
            one = msgspec.convert(ruling.payload, Found, builtin_types=(bytes,))
            key = (one.clock, one.order, one.round)
            newest.pop(key, None)
            newest[key] = ruling, one
    return list(newest.values())


def unfounded(report: Report) -> None:
    """Find verdicts that do not follow from what they say themselves; of every one in the file, not only the newest."""
    known = {shown.change.set_id[:16] for shown in report.shown}
    for ruling in report.about:
        if ruling.kind != rulings.KIND_VERDICT:
            continue
        one = msgspec.convert(ruling.payload, Found, builtin_types=(bytes,))
        where = f"entry {ruling.idx}"
        if not _follows(one):
            report.find("unfounded", where, f"{one.clock} {one.result}")
        elif any(mark is not None and mark[0][:16] not in known for mark in (one.start, one.end)):
            report.find("unfounded", where, f"{one.clock} rests on what is not in the file")


def _follows(one: Found) -> bool:
    if one.result == "met":
        return one.within is not None and one.hi is not None and one.hi <= one.within
    if one.result == "missed" and one.clock not in BY_DAYS:
        return one.within is not None and one.lo is not None and one.lo > one.within
    return True
