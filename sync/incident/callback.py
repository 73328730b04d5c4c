"""Calling the caller back: the attempts of an incident, and where a callback stands (SPEC CK1 to CK3).

Responsible for when a callback is owed, when nobody needs to be called, and when enough was tried. It does not know
what follows from a caller who is not satisfied: that is `ladder`.

>>> attempts = [{"at": 0, "outcome": "no_answer", "score": None}, {"at": 60_000, "outcome": "refused", "score": None}]
>>> called(attempts, Policy()).state, called(attempts[:1], Policy()).state
('exempt', 'trying')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from sync.fold import Item
from sync.incident.calendar import DAY_MS, MINUTE_MS, day_of, minute_of_day, start_of_day
from sync.incident.orders import Counted, by_time, stamped
from sync.incident.policy import Policy, PolicyBook

EXEMPTING: Final = ("no_phone", "anonymous", "refused")
"""Outcomes after which the caller is not called again, and why."""
DIALLED: Final = frozenset({"reached", "no_answer", "refused", "wrong_number"})
DISSATISFIED: Final = 3


class Called(Struct, frozen=True):
    """Where one callback stands (CK2): `open`, `due`, `trying`, `unreachable`, `done` or `exempt`.

    `attempts` counts the times somebody dialled. `settled_ms` is when nothing more was owed. `score` and `reason` are
    those of the last attempt that reached the caller. `exempt` says why nobody is called.
    """

    state: str
    attempts: int = 0
    exempt: str | None = None
    settled_ms: int | None = None
    score: int | None = None
    reason: str | None = None


def attempts_of(counted: Counted) -> list[dict[str, Any]]:
    """Every attempt that was not taken back (CK9), as the view lists them."""
    names = ("round", "outcome", "score", "minutes", "reason", "rectify", "text")
    taken_back = {item.fields["attempt"] for item in counted("callback.withdraw")}
    return [
        stamped(item) | {name: item.fields.get(name) for name in names}
        for item in by_time(counted("callback.attempt"))
        if item.op not in taken_back
    ]


def attempt_named(item: Item, attempts: Sequence[dict[str, Any]]) -> bytes | None:
    """The attempt an op is about: the one it names, else the first of its own set (CK4)."""
    named: bytes | None = item.fields.get("attempt")
    if named is not None:
        return named
    own = (one["op"] for one in attempts if one["op"][:16] == item.set_prefix)
    return min(own, default=None)


def called(attempts: Sequence[dict[str, Any]], policy: Policy) -> Called:
    """Where a callback stands that was owed, from its attempts by event time."""
    reached = [one for one in attempts if one["outcome"] == "reached"]
    exempt = next((one for one in attempts if one["outcome"] in EXEMPTING), None)
    vain_ms = _tried_enough_ms(attempts, policy)
    last = reached[-1] if reached else None
    if last is not None:
        state = "done"
    elif exempt is not None:
        state = "exempt"
    elif vain_ms is not None:
        state = "unreachable"
    else:
        state = "trying" if attempts else "due"
    ends = [one["at"] for one in (*reached[:1], *([exempt] if exempt else ()))]
    ends += [] if vain_ms is None else [vain_ms]
    return Called(
        state=state,
        attempts=sum(one["outcome"] in DIALLED for one in attempts),
        exempt=exempt["outcome"] if exempt is not None and last is None else None,
        settled_ms=min(ends, default=None),
        score=None if last is None else last["score"],
        reason=None if last is None else last["reason"],
    )


def callback_of(view: Mapping[str, Any], book: PolicyBook, round_: int | None = None) -> Called:
    """Where the callback of a round of an incident stands, of the current one when none is named (CK2)."""
    round_ = view["round"] if round_ is None else round_
    attempts = first_attempts(view, round_)
    closed = [close["at"] for close in view["closes"] if close["round"] == round_]
    if not closed and not attempts:
        return Called("open")
    start_ms = min(closed) if closed else attempts[0]["at"]
    found = called(attempts, book.judging(view, "C9", start_ms).policy)
    if found.state not in ("due", "trying"):
        return found
    if not closed:
        return Called("open", found.attempts)
    why = _nobody_to_call(view) if found.state == "due" else None
    return found if why is None else Called("exempt", exempt=why)


def first_attempts(view: Mapping[str, Any], round_: int | None = None) -> list[dict[str, Any]]:
    """The attempts of the callback of a round, those after a rectification left out (CK1)."""
    at = view["round"] if round_ is None else round_
    return [one for one in view["callbacks"] if one["round"] == at and one["rectify"] is None]


def part_of_day(at_ms: int, policy: Policy) -> int:
    """Which part of the day a moment lies in (CK3)."""
    minute = minute_of_day(at_ms)
    begun = sum(start <= minute for start in policy.callback_times_of_day)
    return begun - 1 if begun > 0 else len(policy.callback_times_of_day) - 1


def call_again_ms(attempts: Sequence[dict[str, Any]], policy: Policy) -> int | None:
    """When a part of the day begins after the last attempt in which nobody has tried; None when there is none left."""
    vain = _in_vain(attempts)
    if not vain:
        return None
    tried = {part_of_day(one["at"], policy) for one in vain}
    last_ms = max(one["at"] for one in vain)
    starts = [
        start_of_day(day) + minute * MINUTE_MS
        for day in (day_of(last_ms), day_of(last_ms) + 1)
        for part, minute in enumerate(policy.callback_times_of_day)
        if part not in tried
    ]
    return min((start for start in starts if last_ms < start <= last_ms + DAY_MS), default=None)


def _in_vain(attempts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in attempts if one["outcome"] in ("no_answer", "wrong_number")]


def _tried_enough_ms(attempts: Sequence[dict[str, Any]], policy: Policy) -> int | None:
    """When the last part of the day that the policy asks for had been tried in vain (CK3)."""
    needed = max(1, min(policy.callback_tries, len(set(policy.callback_times_of_day))))
    tried: set[int] = set()
    for one in _in_vain(attempts):
        tried.add(part_of_day(one["at"], policy))
        if len(tried) == needed:
            return int(one["at"])
    return None


def _nobody_to_call(view: Mapping[str, Any]) -> str | None:
    """Why an incident is exempt before anybody tried: an exercise, or no number is known (CK2)."""
    if view["created"] is not None and view["created"]["exercise"]:
        return "exercise"
    phone = view["fields"].get("caller_phone")
    return None if phone and phone[-1]["v"] else "no_phone"
