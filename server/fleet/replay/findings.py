"""Verdicts held against the source: what the centre found of each clock, and what the file says of the same interval.

Responsible for the limits of a replay with wrong clocks, for the truth of each clock from the file's own milliseconds,
and for every difference that must not be: a verdict that contradicts the file, one that is missing, and a proved
interval that does not hold the recorded instant. Refuses to know HTTP and how a verdict comes about; it is handed
calls, and incidents as `GET /api/incidents/{id}` tells them.

The truth of a clock is the difference of its two recorded instants against the limit; one below zero is within it.
`C2` starts with a delivery that no source records. It is held against the dispatch: the order cannot have come before.

Example: an order signed 29 s after its dispatch by a phone forty minutes fast is met or undetermined, never missed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from server.fleet.phoneclock import PhoneClock
from server.fleet.replay.calls import Call, Leg
from server.fleet.replay.cast import Player
from server.fleet.replay.stage import Stage, knows_order
from server.fleet.replay.verdicts import NAMED, Cause, Judged, Phones, Proved, Verdicts
from server.fleet.replay.wrongclocks import Drawn
from server.fleet.world import OrgRow
from sync import ids, verdict

MINUTE_MS = 60_000
SIGN_MS, TURNOUT_MS, TRAVEL_MS = 30_000, MINUTE_MS, 5 * MINUTE_MS
TIERS = {1: 5, 2: 5, 3: 8, 4: 8}
"""Minutes to arrival by the level of a call."""
DISPATCHED = "dispatched"
ENDS: Mapping[str, tuple[str, str]] = {
    "C2": (DISPATCHED, "signed"),
    "C2i": (DISPATCHED, "signed"),
    "C3": ("signed", "departed"),
    "C4": ("departed", "arrived"),
    "C5": (DISPATCHED, "arrived"),
}
Crews = tuple[tuple[int, ...], ...]
JUDGED = frozenset({verdict.MET, verdict.MISSED, verdict.UNDETERMINED})
RESULTS = (*sorted(JUDGED), verdict.UNPROVEN, verdict.NOT_DELIVERED)
AFTER_MS = 8 * 24 * 60 * MINUTE_MS
"""So long after the last call is looked once more: what was said by then is all there will be."""


def policy(from_ms: int) -> OrgRow:
    """The limits of a replay, as a row of the organisation that holds from `from_ms`."""
    said = {
        "name": "回放",
        "from_ms": from_ms,
        "by": bytes(16),
        "note": "",
        "sign_within_ms": SIGN_MS,
        "turnout_within_ms": TURNOUT_MS,
        "travel_within_ms": TRAVEL_MS,
        "tier_basis": "urgency",
        "tiers_by_level": {str(level): tier for level, tier in TIERS.items()},
    }
    return "policies", ids.tagged_hash("ortoo/replay-org/1", b"policy")[:16], said


def limit_ms(clock: str, level: int) -> int:
    """How long a clock may run in a call of a level."""
    by_clock = {"C2": SIGN_MS, "C2i": SIGN_MS, "C3": TURNOUT_MS, "C4": TRAVEL_MS}
    return by_clock.get(clock, TIERS[level] * MINUTE_MS)


class Truth(msgspec.Struct, frozen=True):
    """One clock of one order by the file: where it is, what was allowed, and how long it took (None: no end recorded).

    `believed_ms`: how long it took by what the phone's wall clock said. `is_told`: whether both ends name the order.
    """

    key: tuple[str, str, int]
    where: str
    limit_ms: int
    elapsed_ms: int | None
    believed_ms: int | None
    is_told: bool

    @property
    def is_within(self) -> bool | None:
        """Whether it was in time; None where it has no end."""
        return None if self.elapsed_ms is None else self.elapsed_ms <= self.limit_ms

    @property
    def is_misread(self) -> bool:
        """Whether someone who believes the phone's wall clock finds the opposite."""
        return (
            self.believed_ms is not None and (self.believed_ms <= self.limit_ms) != self.is_within
        )

    def contradiction(self, found: Mapping[str, Any]) -> str | None:
        """How a verdict contradicts it; None when it does not."""
        result = found["result"]
        if found["within_ms"] not in (None, self.limit_ms):
            return f"judged by {found['within_ms']} ms instead of {self.limit_ms}"
        if result not in verdict.DETERMINED or self.is_within is (result == verdict.MET):
            return None
        if self.elapsed_ms is None:
            return f"{result}, and no end is recorded"
        return f"{result}, and it took {self.elapsed_ms} ms of {self.limit_ms}"


def verdicts(
    calls: tuple[Call, ...],
    crews: Crews,
    stage: Stage,
    players: list[Player],
    stories: Mapping[int, Any],
) -> Verdicts:
    """Hold everything that was found against the file."""
    clocks: dict[str, Judged] = {}
    causes: Counter[str] = Counter()
    grades: Counter[str] = Counter()
    wrong: list[str] = []
    missing: list[str] = []
    for number, call in enumerate(calls):
        found = {
            (one["clock"], one["order"] or "", one["round"]): one
            for one in stories[number]["verdicts"]
        }
        clocks_of = [_drawn(players[device]).clock for device in crews[number]]
        orders = [stage.orders.get((number, index)) for index in range(len(call.legs))]
        for truth in truths(call, orders, clocks_of):
            one = found.get(truth.key)
            tally = clocks.setdefault(truth.key[0], Judged())
            tally.misread += truth.is_misread
            result = "other" if one is None or one["result"] not in RESULTS else one["result"]
            setattr(tally, result, getattr(tally, result) + 1)
            if truth.is_told and truth.key[0] != "C2" and result not in JUDGED:
                missing.append(f"{truth.where}: {result if one is None else one['result']}")
            if one is None:
                continue
            how = truth.contradiction(one)
            if how is not None:
                wrong.append(f"{truth.where}: {how}")
            elif result in verdict.DETERMINED:
                grades[str(one["grade"])] += 1
            elif result == verdict.UNDETERMINED:
                causes.update(one["why"])
    told = {name: sum(getattr(one, name) for one in clocks.values()) for name in JUDGED}
    undetermined = told[verdict.UNDETERMINED]
    return Verdicts(
        met=told[verdict.MET],
        missed=told[verdict.MISSED],
        undetermined=undetermined,
        contradictions=len(wrong),
        named=wrong[:NAMED],
        missing=missing,
        causes={name: Cause(n, round(n / undetermined, 4)) for name, n in causes.most_common()},
        grades=dict(sorted(grades.items())),
        misread=sum(one.misread for one in clocks.values()),
        clocks=dict(sorted(clocks.items())),
        proved=_proved(stage, calls, stories),
        phones=_phones(players),
    )


def truths(
    call: Call, orders: Sequence[bytes | None], clocks: Sequence[PhoneClock]
) -> Iterator[Truth]:
    """Each clock of each order of a call that has a start in the file. For each leg its order, if one was given, and
    the clocks of the phone that played it."""
    for leg, order, clock in zip(call.legs, orders, clocks, strict=True):
        if order is None or leg.dispatched_ms is None:
            continue
        instants, known = _instants(leg), _known(leg)
        for name, (start, end) in ENDS.items():
            if start not in instants:
                continue
            began_ms, done_ms = instants[start], instants.get(end)
            elapsed_ms = believed_ms = None
            if done_ms is not None:
                elapsed_ms = done_ms - began_ms
                believed_ms = clock.wall_ms(done_ms)
                believed_ms -= began_ms if start == DISPATCHED else clock.wall_ms(began_ms)
            yield Truth(
                key=(name, order.hex(), leg.round),
                where=f"{call.source_no} {name}{' ' if leg.unit else ''}{leg.unit}",
                limit_ms=limit_ms(name, call.level),
                elapsed_ms=elapsed_ms,
                believed_ms=believed_ms,
                is_told=start in known and end in known,
            )


def _instants(leg: Leg) -> dict[str, int]:
    assert leg.dispatched_ms is not None
    return {DISPATCHED: leg.dispatched_ms} | {step.kind: step.at_ms for step in leg.steps}


def _known(leg: Leg) -> set[str]:
    """The steps that name the order, and its issue."""
    return {DISPATCHED} | {step.kind for step in leg.steps if knows_order(leg, step)}


def _proved(stage: Stage, calls: tuple[Call, ...], stories: Mapping[int, Any]) -> Proved:
    sent = {
        order.hex(): calls[number].legs[index].dispatched_ms
        for (number, index), order in stage.orders.items()
    }
    told = {set_id.hex(): at_ms for set_id, at_ms in stage.instants_ms.items()}
    grades: Counter[str] = Counter()
    outside: Counter[str] = Counter()
    for story in stories.values():
        for entry in story["timeline"]:
            is_issue = entry["t"] == "order.issue"
            true_ms = sent.get(entry["order"]) if is_issue else told.get(entry["set"])
            if true_ms is None or entry["time"] is None:
                continue
            grade = str(entry["time"]["grade"])
            grades[grade] += 1
            lo_ms, hi_ms = entry["time"]["lo_ms"], entry["time"]["hi_ms"]
            outside[grade] += (lo_ms is not None and true_ms < lo_ms) or (
                hi_ms is not None and true_ms > hi_ms
            )
    return Proved(grades.total(), dict(sorted(grades.items())), dict(sorted((+outside).items())))


def _drawn(player: Player) -> Drawn:
    assert player.drawn is not None, "every phone was given clocks"
    return player.drawn


def _phones(players: list[Player]) -> Phones:
    drawn = [_drawn(player) for player in players]
    clocks = [one.clock for one in drawn]
    errors = sorted(
        max(abs(clock.wall_ms(at) - at) for at in (clock.began_ms, *(at for at, _ in clock.steps)))
        for clock in clocks
    )
    slept_ms = sum(until - from_ms for clock in clocks for from_ms, until in clock.sleeps)
    drifts = [clock.drift_ppm for clock in clocks]
    return Phones(
        kinds=dict(sorted(Counter(one.kind for one in drawn).items())),
        median_error_s=errors[len(errors) // 2] / 1000,
        greatest_error_s=errors[-1] / 1000,
        steps=sum(len(clock.steps) for clock in clocks),
        drift_ppm=(min(drifts), max(drifts)),
        slept_h=round(slept_ms / 3_600_000, 1),
    )
