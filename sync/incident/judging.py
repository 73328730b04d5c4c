"""From the clocks of an incident to their verdicts (SPEC VD1, VD4, VD7).

Responsible for what is particular to an incident: the first of several arrivals starts the incident's clock, an order
that reached nobody is nobody's fault, and a clock that was called off in time is not judged at all. The bounds of each
statement and the policy of each moment are handed in; nothing is decided about what is written down.

Example: `judged(clocks(view, book), mark=mark_of, force_at=by_book(view, book), now_lo_ms=now_ms - 50)` gives one
`Judged` for each clock that has started.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sync import verdict
from sync.incident.clocks import Clock, Said
from sync.incident.policy import PolicyBook
from sync.time import Bounds, Timed, at_centre
from sync.verdict import BEST, Limit, Mark, Rules, Verdict

MarkOf = Callable[[bytes], Mark]
"""Gives what is proved of the statement with this op id."""
ForceAt = Callable[[Clock, int], "InForce"]
"""Gives what a clock that began at a moment, in ms, is judged by."""
UNREACHED: Final = frozenset({"C2", "C2i", "C5"})
"""Clocks that cannot be held against anybody while nothing of the order has reached anyone."""
UNJUDGED: Final = frozenset({"C7r"})
"""Corrections come and go with their returns; their countdown is an alarm and nothing else."""
BY_DAYS: Final = frozenset({"C9", "C10"})
"""Clocks whose limit may be the end of a day."""


class InForce(Struct, frozen=True):
    """What one clock is judged by: its limit, None where it is only shown; how long a delivery may take; what the
    policy says of verdicts, and which version of it that is: (row, idx). `zone` and `tier` are those at the start."""

    limit: Limit | None
    deliver_within_ms: int
    rules: Rules
    version: tuple[bytes | None, int]
    zone: bytes | None = None
    tier: int | None = None


class Judged(Struct, frozen=True):
    """One clock with its verdict and what judged it."""

    clock: str
    order: bytes | None
    round: int
    verdict: Verdict
    force: InForce


def judged(
    listed: Sequence[Clock], *, mark: MarkOf, force_at: ForceAt, now_lo_ms: int
) -> list[Judged]:
    """Verdicts on all of these clocks that have started and were not called off in time, in their order. Of several
    complaints in one round the first is judged (CK6)."""
    issues = {clock.order: clock.starts for clock in listed if clock.id == "C1"}
    unreached = {clock.order for clock in listed if clock.id == "C1" and not clock.ends}
    found = []
    complained: set[int] = set()
    for clock in listed:
        if clock.id in UNJUDGED or (clock.id == "C10" and clock.round in complained):
            continue
        if clock.id == "C10":
            complained.add(clock.round)
        starts = [_mark(said, mark) for said in clock.starts]
        ends = [_mark(said, mark) for said in clock.ends]
        if clock.order is None:
            starts = first_of(starts)
        is_unseen = clock.id == "C2" and not starts
        if is_unseen:
            starts = [mark(said.op) for said in issues[clock.order]]
        if not starts:
            continue
        began_ms = min(verdict.latest(start) for start in starts)
        if is_unseen:
            starts = [_not_before(issued) for issued in starts]
        force = force_at(clock, began_ms)
        limit = force.limit
        one = verdict.judge(starts, ends, limit, force.rules, now_lo_ms=now_lo_ms)
        due_ms = None if limit is None else limit.due(began_ms)
        if is_unseen or (clock.id in UNREACHED and clock.order in unreached and not ends):
            due_ms = began_ms + force.deliver_within_ms
            one = _undelivered(one, due_ms, now_lo_ms)
        if not ends and clock.over_ms is not None and (due_ms is None or clock.over_ms <= due_ms):
            continue  # called off in time
        found.append(Judged(clock.id, clock.order, clock.round, one, force))
    return found


def _mark(said: Said, mark: MarkOf) -> Mark:
    return Mark(said.op, at_centre(said.at_ms, said.at_ms)) if said.is_receipt else mark(said.op)


def _undelivered(one: Verdict, due_ms: int, now_lo_ms: int) -> Verdict:
    """What is said of an order that reached nobody, as far as is known (VD7)."""
    if one.result == verdict.MET:
        return one
    if now_lo_ms > due_ms:
        return replace(one, result=verdict.NOT_DELIVERED, grade=None, why=(), turns_ms=None)
    return replace(one, result=verdict.PENDING, grade=None, why=(), turns_ms=due_ms)


def by_book(view: Mapping[str, Any], book: PolicyBook) -> ForceAt:
    """What judges each clock of a view by all policies there ever were (PO3)."""
    categories = [value["v"] for value in view["fields"].get("category", ())]

    def force_at(clock: Clock, start_ms: int) -> InForce:
        at = clock.judging(view, start_ms, book)
        policy, kind, tier = at.policy, clock.kind, at.tier

        def due(from_ms: int) -> int:
            within_ms = policy.within_ms(
                clock.id, from_ms, tier=tier, categories=categories, kind=kind
            )
            due_ms = clock.due(from_ms, within_ms)
            assert due_ms is not None, "whether there is a limit does not depend on the moment"
            return due_ms

        limit = None
        if clock.due(start_ms, at.within_ms) is not None:
            is_same = clock.id not in BY_DAYS and clock.until_ms is None
            limit = Limit(due, at.within_ms if is_same else None)
        return InForce(
            limit,
            policy.deliver_within_ms,
            Rules(policy.met_max_grade, policy.missed_max_grade, policy.late_window_ms),
            policy.version,
            None if at.zone is None else at.zone.id,
            at.tier,
        )

    return force_at


def first_of(marks: Iterable[Mark]) -> list[Mark]:
    """The first of several events, as one mark (VD4): each of its bounds is the least of theirs. Empty for none."""
    known = sorted(marks, key=lambda one: (one.timed.claimed_ms, one.op))
    if len(known) < 2:
        return known
    layers = [_least([one.timed.proved(grade) for one in known]) for grade in range(BEST + 1)]
    why = tuple(sorted({cause for one in known for cause in one.timed.why}))
    timed = Timed(known[0].timed.claimed_ms, (layers[0], layers[1], layers[2]), why)
    return [Mark(known[0].op, timed)]


def _least(bounds: list[Bounds]) -> Bounds:
    lows = [one.lo_ms for one in bounds]
    highs = [one.hi_ms for one in bounds if one.hi_ms is not None]
    lo_ms = None if None in lows else min(low for low in lows if low is not None)
    return Bounds(lo_ms, min(highs, default=None))


def _not_before(issued: Mark) -> Mark:
    """The delivery of an order of which nobody knows when, or whether, it came: no earlier than it was issued."""
    layers = [Bounds(issued.timed.proved(grade).lo_ms, None) for grade in range(BEST + 1)]
    timed = Timed(issued.timed.claimed_ms, (layers[0], layers[1], layers[2]), issued.timed.why)
    return Mark(issued.op, timed)
