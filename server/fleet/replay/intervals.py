"""How long it took: the same two intervals from the file alone and from the server's timelines.

Responsible for the definitions, for both ways of measuring and for whether they agree. Refuses to
know formats and HTTP; it is handed calls, and incident views as `GET /api/incidents/{id}` gives them.

*signing*: from the first dispatch of a call to its first acknowledgement, for calls with both.
*arrival*: from the first dispatch of a call to the first unit's arrival, for calls with both.
Differences are exact milliseconds and may be negative where the source says so. Percentiles
interpolate linearly between ranks. `within` is the share at or below each limit.

Example: dispatched 10:00:00, acknowledged 10:00:09 is 9 s of signing, within 30 s.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from server.fleet.replay.calls import Call

SIGNING_WITHIN_MS: Mapping[str, int] = {"30_s": 30_000}
ARRIVAL_WITHIN_MS: Mapping[str, int] = {"1_min": 60_000, "3_min": 180_000, "5_min": 300_000}

# Formats whose source records an acknowledgement.
WITH_SIGNING = frozenset({"alexandria"})


class Interval(msgspec.Struct, frozen=True):
    """Seconds of one interval over many calls. Percentiles and shares are None when n is 0."""

    n: int
    p50_s: float | None
    p90_s: float | None
    within: dict[str, float | None]


class Measured(msgspec.Struct, frozen=True):
    """One interval, twice."""

    source: Interval
    ortoo: Interval

    @property
    def agree(self) -> bool:
        """Whether the server's timelines say exactly what the file says."""
        return self.source == self.ortoo


class Marks(msgspec.Struct, frozen=True):
    """The instants of one call that the intervals need, in ms."""

    dispatched_ms: int | None
    signed_ms: int | None
    arrived_ms: int | None


def marks_of_call(call: Call) -> Marks:
    """From the file alone."""

    def first(kind: str) -> int | None:
        return min(
            (step.at_ms for leg in call.legs for step in leg.steps if step.kind == kind),
            default=None,
        )

    sent = [leg.dispatched_ms for leg in call.legs if leg.dispatched_ms is not None]
    return Marks(min(sent, default=None), first("signed"), first("arrived"))


def marks_of_view(view: Mapping[str, Any]) -> Marks:
    """From an incident's view: its orders and the standing claims of every round."""

    def first(kind: str) -> int | None:
        return min(
            (one["at"] for one in view["claims"] if one["kind"] == kind and one["standing"]),
            default=None,
        )

    return Marks(
        min((order["issued_at"] for order in view["orders"]), default=None),
        first("signed"),
        first("arrived"),
    )


def signing(marks: Iterable[Marks]) -> Interval:
    """First dispatch to first acknowledgement."""
    return summarise(
        (
            mark.signed_ms - mark.dispatched_ms
            for mark in marks
            if mark.dispatched_ms is not None and mark.signed_ms is not None
        ),
        SIGNING_WITHIN_MS,
    )


def arrival(marks: Iterable[Marks]) -> Interval:
    """First dispatch to first arrival."""
    return summarise(
        (
            mark.arrived_ms - mark.dispatched_ms
            for mark in marks
            if mark.dispatched_ms is not None and mark.arrived_ms is not None
        ),
        ARRIVAL_WITHIN_MS,
    )


def summarise(lengths_ms: Iterable[int], limits_ms: Mapping[str, int]) -> Interval:
    """Count, median, ninth decile and shares within limits of some lengths in ms."""
    ordered = sorted(lengths_ms)
    return Interval(
        n=len(ordered),
        p50_s=_percentile_s(ordered, 0.5),
        p90_s=_percentile_s(ordered, 0.9),
        within={
            name: round(sum(length <= limit for length in ordered) / len(ordered), 4)
            if ordered
            else None
            for name, limit in limits_ms.items()
        },
    )


def _percentile_s(ordered_ms: list[int], share: float) -> float | None:
    if not ordered_ms:
        return None
    rank = (len(ordered_ms) - 1) * share
    below = int(rank)
    above = min(below + 1, len(ordered_ms) - 1)
    value_ms = ordered_ms[below] + (ordered_ms[above] - ordered_ms[below]) * (rank - below)
    return round(value_ms / 1000, 3)
