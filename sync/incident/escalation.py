"""Who must be told what now, and when to look again (SPEC NU): a pure function of events, policy and time.

Responsible for the steps of the nudging plan that are due on the clocks of one incident. It finds no fault with
anybody, writes nothing, and remembers nothing: a step that was taken is an entry of the incident, and whoever
acknowledges, takes back or closes ends everything that was pending, because it is then no longer there.

>>> from sync.incident.policy import PolicyBook
>>> steps({"status": "closed", "round": 0, "orders": [], "fields": {}, "milestones": {}, "feedback": [], "closes": [],
...        "callbacks": [], "created": None, "entries": [], "claims": [], "reopens": [], "links": [], "withdrawn": None,
...        "duplicate_of": None}, PolicyBook(), 1_000)
([], None)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from sync.incident.deadlines import Deadline, deadlines
from sync.incident.plans import Plan
from sync.incident.policy import PolicyBook

CENTRE: Final = bytes(16)
"""In whose name the centre writes what nobody did: no phone can write in it (AU2)."""
AT_CENTRE: Final = frozenset({"push", "desk", "radio", "phone", "station", "commander"})
ON_PHONE: Final = frozenset({"ring"})
LAPSES_AFTER_MS: Final = 86_400_000
"""A step that nobody took for so long is of no use to anybody: what is told of long afterwards wakes nobody."""

_ANSWERED_BY: Final = {
    "C1": frozenset({"delivered", "signed", "departed", "arrived", "cleared"}),
    "C2": frozenset({"signed", "departed", "arrived", "cleared"}),
    "C2i": frozenset({"signed", "departed", "arrived", "cleared"}),
    "C3": frozenset({"departed", "arrived", "cleared"}),
    "C4": frozenset({"arrived", "cleared"}),
    "C5": frozenset({"arrived", "cleared"}),
}
"""The milestones of an order that answer its clock: whoever has arrived need not be asked to sign."""
_UNTIL_CLOSED: Final = frozenset({"C6", "C7"})

Key = tuple[str, bytes | None, int, str, int]


class Step(Struct, frozen=True):
    """One step of a plan on one clock. `step` counts those of the same channel on it from 1; `at_ms` is its moment.

    `order` is None for a clock of the whole incident.
    """

    clock: str
    order: bytes | None
    round: int
    channel: str
    step: int
    to: str
    at_ms: int

    @property
    def key(self) -> Key:
        """What makes it this step and no other (NU4)."""
        return (self.clock, self.order, self.round, self.channel, self.step)

    def data(self) -> dict[str, Any]:
        """The `data` of the entry that says it was taken. Whether it reached anybody is not known yet."""
        said = {
            "clock": self.clock,
            "round": self.round,
            "channel": self.channel,
            "step": self.step,
            "to": self.to,
            "due": self.at_ms,
            "reached": None,
        }
        return said if self.order is None else said | {"order": self.order}


def steps(
    view: dict[str, Any],
    book: PolicyBook,
    now_ms: int,
    channels: Collection[str] = AT_CENTRE,
    clocks: Sequence[Deadline] | None = None,
) -> tuple[list[Step], int | None]:
    """The steps by `channels` that are due and not taken, by moment, and the ms at which the next one will be.

    Of a view, `entries` need only hold what the centre wrote itself. `clocks`: its countdowns, where somebody has them.
    """
    taken = taken_of(view["entries"])
    due: list[Step] = []
    next_ms: int | None = None
    targets = {order["id"]: order["to"][1] for order in view["orders"]}
    for clock in running(view, deadlines(view, book) if clocks is None else clocks):
        plan = plan_of(view, book, clock, targets.get(clock.order))
        for step in _steps_of(clock, view["round"], plan):
            if step.channel not in channels or step.key in taken:
                continue
            if step.at_ms > now_ms:
                next_ms = step.at_ms if next_ms is None else min(next_ms, step.at_ms)
            elif now_ms - step.at_ms < LAPSES_AFTER_MS:
                due.append(step)
    return sorted(due, key=lambda step: step.at_ms), next_ms


def plan_of(view: dict[str, Any], book: PolicyBook, clock: Deadline, target: bytes | None) -> Plan:
    """The plan of a clock that has started: that of its tier, in the policy at its start (NU2)."""
    assert clock.start_ms is not None
    found = book.judging(view, clock.id, clock.start_ms, target=target)
    plans = found.policy.plans
    return plans.get("" if found.tier is None else str(found.tier), plans.get("", ()))


def running(view: dict[str, Any], clocks: Sequence[Deadline]) -> list[Deadline]:
    """The clocks that run for somebody who can still act, and that nothing has answered (NU3)."""
    if view["status"] in ("withdrawn", "duplicate"):
        return []
    orders = {order["id"]: order for order in view["orders"]}
    return [
        clock
        for clock in clocks
        if clock.start_ms is not None
        and clock.done_ms is None
        and not (
            _is_over(clock.id, view)
            if clock.order is None
            else _is_answered(clock.id, orders[clock.order])
        )
    ]


def _is_over(clock: str, view: dict[str, Any]) -> bool:
    if clock == "C9":
        created, phones = view["created"] or {}, view["fields"].get("caller_phone") or [{"v": ""}]
        return bool(created.get("exercise")) or phones[-1]["v"] == ""
    return clock in _UNTIL_CLOSED and view["status"] == "closed"


def _is_answered(clock: str, order: Mapping[str, Any]) -> bool:
    """A request to return it is an answer too, as long as nobody has refused it: the next word is the desk's."""
    if not order["open"] or order["return_request"] is not None:
        return True
    return not _ANSWERED_BY.get(clock, frozenset()).isdisjoint(order["milestones"])


def _steps_of(clock: Deadline, round_: int, plan: Plan) -> Iterable[Step]:
    counts: dict[str, int] = {}
    for told in plan:
        if told.clock != clock.id:
            continue
        counts[told.channel] = number = counts.get(told.channel, 0) + 1
        base_ms = clock.start_ms if told.after == "start" else clock.due_ms
        if base_ms is not None:
            at_ms = base_ms + told.at_ms
            yield Step(clock.id, clock.order, round_, told.channel, number, told.to, at_ms)


def taken_of(entries: Iterable[Mapping[str, Any]]) -> set[Key]:
    """The keys of the steps that the centre says it took (NU4); an entry in any other form says nothing of that."""
    taken: set[Key] = set()
    for entry in entries:
        said = entry["data"]
        if entry["by"] != CENTRE or entry["kind"] != "nudge" or not isinstance(said, dict):
            continue
        clock, order, channel = said.get("clock"), said.get("order"), said.get("channel")
        round_, number = said.get("round"), said.get("step")
        if (
            isinstance(clock, str)
            and isinstance(channel, str)
            and (order is None or isinstance(order, bytes))
            and type(round_) is int
            and type(number) is int
        ):
            taken.add((clock, order, round_, channel, number))
    return taken
