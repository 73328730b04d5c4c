"""Any two instants of an incident, and what is proved of the time between them (docs/reports.md).

Responsible for finding both in a view and pairing them: of one order where both belong to orders, else of a round of
the whole incident. It knows no limit and finds no fault; bounds of each statement are handed in.

Example: `pairs(view, ("issued", "arrived"), mark, book)` gives one `Pair` for each order issued, its `end` None
while nobody says that it arrived.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from sync import verdict
from sync.incident.clocks import Clock, Said, clocks
from sync.incident.judging import first_of
from sync.incident.policy import PolicyBook
from sync.time import FOREIGN_CLOCK, Bounds, Timed, at_centre
from sync.verdict import Mark, Rules

MarkOf = Callable[[bytes], Mark]
FACTS: Final = {"city_received": "city_received_at", "city_issued": "city_issued_at"}
"""Instants that another system told of, by their fact: its clock is not ours, so nothing bounds them from below."""
OF_ORDER: Final = {
    "issued": ("C2i", "starts"),
    "delivered": ("C2", "starts"),
    "signed": ("C2", "ends"),
    "departed": ("C3", "ends"),
    "arrived": ("C5", "ends"),
}
OF_ROUND: Final = {
    "feedback": ("C6", "ends"),
    "cleared": ("C7", "starts"),
    "final": ("C7", "ends"),
    "closed": ("C9", "starts"),
    "called": ("C9", "ends"),
}
INSTANTS: Final = (*FACTS, *OF_ORDER, *OF_ROUND)
"""All of them, in the order in which they happen."""

Slot = tuple[bytes | None, int]
"""An order and its round, or None and a round."""


class Pair(msgspec.Struct, frozen=True):
    """Start and end of one order or round, and what is proved of the time between. `claimed_ms`: the time between by
    the word of whoever said so, which proves nothing."""

    order: bytes | None
    round: int
    start: Mark
    end: Mark | None
    elapsed: Bounds = Bounds(None, None)
    claimed_ms: int | None = None

    @property
    def start_ms(self) -> int:
        """The latest moment at which it began, by its author's word where nothing bounds it."""
        return verdict.latest(self.start)

    @property
    def grade(self) -> int | None:
        """The grade of the weaker of its two ends."""
        return None if self.end is None else max(self.start.timed.grade, self.end.timed.grade)

    @property
    def why(self) -> tuple[str, ...]:
        """What kept the bounds apart."""
        causes = set(self.start.timed.why) | set(self.end.timed.why if self.end else ())
        return tuple(sorted(causes))


def needed(view: Mapping[str, Any], names: Iterable[str], book: PolicyBook) -> set[bytes]:
    """The ops whose bounds `pairs` will ask for."""
    listed = clocks(view, book)
    return {
        said.op
        for name in names
        for found in _said(view, listed, name).values()
        for said in found
        if not said.is_receipt
    }


def pairs(
    view: Mapping[str, Any], names: tuple[str, str], mark: MarkOf, book: PolicyBook
) -> list[Pair]:
    """Every pair that has begun, the orders in their order, then the rounds. What a city told is of round 0."""
    listed = clocks(view, book)
    start, end = names
    begun, done = (
        {
            slot: [_mark(said, mark, name in FACTS) for said in told]
            for slot, told in _said(view, listed, name).items()
        }
        for name in (start, end)
    )
    if not (start in OF_ORDER and end in OF_ORDER):
        begun, done = _by_round(begun), _by_round(done)
    return [_pair(slot, starts, done.get(slot, [])) for slot, starts in begun.items() if starts]


def _pair(slot: Slot, starts: list[Mark], ends: list[Mark]) -> Pair:
    if slot[0] is None:
        starts = first_of(starts)
    one = verdict.judge(starts, ends, None, Rules(), now_lo_ms=0)
    assert one.start is not None
    if one.end is None:
        return Pair(*slot, one.start, None)
    claimed_ms = one.end.timed.claimed_ms - one.start.timed.claimed_ms
    return Pair(*slot, one.start, one.end, one.elapsed, claimed_ms)


def _mark(said: Said, mark: MarkOf, is_fact: bool) -> Mark:
    if said.is_receipt:
        return Mark(said.op, at_centre(said.at_ms, said.at_ms))
    return _told_by_city(mark(said.op), said.at_ms) if is_fact else mark(said.op)


def _told_by_city(written: Mark, claimed_ms: int) -> Mark:
    """What another system's clock said, written down here: it happened before, and nothing bounds it from below."""
    layers = [Bounds(None, written.timed.proved(grade).hi_ms) for grade in range(verdict.BEST + 1)]
    timed = Timed(claimed_ms, (layers[0], layers[1], layers[2]), (FOREIGN_CLOCK,))
    return Mark(written.op, timed)


def _said(view: Mapping[str, Any], listed: list[Clock], name: str) -> dict[Slot, list[Said]]:
    if name in FACTS:
        told = view["fields"].get(FACTS[name], ())
        return {(None, 0): [Said(one["op"], one["v"]) for one in told]} if told else {}
    clock_id, side = (OF_ORDER | OF_ROUND)[name]
    return {
        (clock.order, clock.round): list(getattr(clock, side))
        for clock in listed
        if clock.id == clock_id
    }


def _by_round(marks: dict[Slot, list[Mark]]) -> dict[Slot, list[Mark]]:
    found: dict[Slot, list[Mark]] = {}
    for (_order, round_), some in marks.items():
        found.setdefault((None, round_), []).extend(some)
    return found
