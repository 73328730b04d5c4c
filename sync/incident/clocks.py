"""The clocks of an incident: which statements start and which end each of them, and by what it is limited (SPEC DL2).

Responsible for the one table that countdowns and verdicts share. It knows no time of day and finds no fault.

Example: in `clocks(view, book)` the clock `C2` of an order starts with its deliveries and ends with its signatures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sync.incident import feedback
from sync.incident.callback import callback_of, first_attempts
from sync.incident.ladder import Complaint, complaints_of
from sync.incident.policy import Judging, PolicyBook

ISSUED: Final = "issued"
OF_ORDER: Final = (
    ("C1", (ISSUED,), ("delivered", "signed")),  # who signed it has it
    ("C2", ("delivered",), ("signed",)),
    ("C2i", (ISSUED,), ("signed",)),
    ("C3", ("signed",), ("departed",)),
    ("C4", ("departed",), ("arrived",)),
    ("C5", (ISSUED,), ("arrived",)),
)
OF_ADVISORY: Final = ("C1", "C2", "C2i")
"""Nobody drives to an advisory order: it is delivered and signed."""
OF_INCIDENT: Final = (
    ("C6", ("arrived",), ("feedback",)),
    ("C7", ("cleared",), ("final",)),
    ("C7r", ("returned",), ()),
    ("C8", ("received",), ("reviewed",)),
    ("C9", ("closed",), ("settled",)),
)
STATEMENTS_MAX: Final = 4
"""So many statements of one step are looked at, those that are said to come first; more say nothing new."""


class Said(Struct, frozen=True):
    """One statement that something happened: its op, and when by its author's word. `is_receipt`: what happened is that
    the centre received it, at `at_ms` by its own clock."""

    op: bytes
    at_ms: int
    is_receipt: bool = False


class Clock(Struct, frozen=True):
    """One clock: of an order, or of the whole incident when `order` is None.

    `starts` and `ends` are the statements that stand. Those of an order speak of one event each; the incident's may be
    of several people, and the first of them starts it. `over_ms`: when nobody needed to end it any more. `target`: whom
    the order is for; `kind`: of rectification; `until_ms`: it was agreed to be due by then; `is_off`: there is nobody
    to do it for.
    """

    id: str
    order: bytes | None
    round: int
    starts: tuple[Said, ...]
    ends: tuple[Said, ...]
    over_ms: int | None = None
    target: bytes | None = None
    kind: str = ""
    until_ms: int | None = None
    is_off: bool = False

    def judging(self, view: Mapping[str, Any], start_ms: int, book: PolicyBook) -> Judging:
        """What it is judged by when it started then (PO3)."""
        return book.judging(view, self.id, start_ms, target=self.target, kind=self.kind)

    def due(self, start_ms: int, within_ms: int | None) -> int | None:
        """When it is due, given how long the policy allows; None when it is only shown."""
        if within_ms is None or self.is_off:
            return None
        due_ms = start_ms + within_ms
        return due_ms if self.until_ms is None else min(due_ms, self.until_ms)


_Steps = dict[str, list[Said]]


def clocks(view: Mapping[str, Any], book: PolicyBook) -> list[Clock]:
    """All clocks of a view: of its orders in their order, then of the incident round by round (DL2)."""
    found = [clock for order in view["orders"] for clock in order_clocks(view, order)]
    for round_, said in sorted(_by_round(view).items()):
        over_ms = _over_ms(view, round_)
        for row in OF_INCIDENT:
            clock = _clock(row, round_, said, over_ms)
            found.append(_callback(view, clock, book) if row[0] == "C9" else clock)
    complaints = complaints_of(view, book) if view["callbacks"] else ()
    return [*found, *(_rectification(one) for one in complaints if not one.again)]


def order_clocks(view: Mapping[str, Any], order: Mapping[str, Any]) -> Iterator[Clock]:
    """C1 to C5 of one order, by the claims on it that stand (CE5)."""
    key, round_ = order["id"], order["round"]
    said: _Steps = {ISSUED: [Said(order["op"], order["issued_at"])]}
    for claim in view["claims"]:
        if claim["standing"] and (claim["order"], claim["round"]) == (key, round_):
            said.setdefault(claim["kind"], []).append(_said(claim))
    closed = [close["at"] for close in view["closes"] if close["round"] == round_]
    ends = [order["taken_back_at"], _over_ms(view, round_), *closed]
    over_ms = min((at for at in ends if at is not None), default=None)
    for row in OF_ORDER:
        if order["kind"] != "advisory" or row[0] in OF_ADVISORY:
            yield _clock(row, round_, said, over_ms, order)


def _by_round(view: Mapping[str, Any]) -> dict[int, _Steps]:
    """What was said of the incident as a whole, by round: by the claims that count (IN4)."""
    newest = view["round"]
    of_rounds: dict[int, _Steps] = {newest: {}}
    for name, listed in (
        (None, [claim for claim in view["claims"] if claim["counts"]]),
        ("final", [one for one in view["feedback"] if one["final"]]),
        ("closed", view["closes"]),
    ):
        for one in listed:
            if one["round"] <= newest:
                steps = of_rounds.setdefault(one["round"], {})
                steps.setdefault(name or one["kind"], []).append(_said(one))
    for round_, said in of_rounds.items() if view["feedback"] else ():
        under = feedback.under_review(view, round_)
        if under is not None:
            said["received"] = [Said(under["op"], under["received_at"], is_receipt=True)]
            said["reviewed"] = [] if under["review"] is None else [_said(under["review"])]
    returned = feedback.standing(view).returned if view["feedback"] else ()
    of_rounds[newest]["returned"] = [_said(entry["review"]) for entry in returned]
    return of_rounds


def _callback(view: Mapping[str, Any], clock: Clock, book: PolicyBook) -> Clock:
    """C9 with the attempt after which nothing more was owed (CK2). Nobody to call is no countdown."""
    if not clock.starts and not view["callbacks"]:
        return clock
    call = callback_of(view, book, clock.round)
    if call.settled_ms is None:
        return replace(clock, is_off=call.state == "exempt")
    attempts = first_attempts(view, clock.round)
    op = min(one["op"] for one in attempts if one["at"] == call.settled_ms)
    return replace(clock, ends=(Said(op, call.settled_ms),))


def _rectification(complaint: Complaint) -> Clock:
    """C10 of one complaint (CK6). It outlives its round, and nothing calls it off."""
    attempt, order = complaint.attempt, complaint.rectification
    done = None if order is None else order["done"]
    return Clock(
        "C10",
        None,
        attempt["round"],
        (_said(attempt),),
        () if done is None else (_said(done),),
        kind="" if order is None else order["kind"],
        until_ms=None if order is None else order["due"],
    )


def _said(one: Mapping[str, Any]) -> Said:
    return Said(one["op"], one["at"])


def _clock(
    row: tuple[str, Sequence[str], Sequence[str]],
    round_: int,
    said: _Steps,
    over_ms: int | None,
    order: Mapping[str, Any] | None = None,
) -> Clock:
    name, starts, ends = row
    return Clock(
        name,
        None if order is None else order["id"],
        round_,
        _of_kinds(starts, said),
        _of_kinds(ends, said),
        over_ms,
        None if order is None else order["to"][1],
    )


def _of_kinds(kinds: Sequence[str], said: _Steps) -> tuple[Said, ...]:
    found = [said[kind] for kind in kinds if kind in said]
    if len(found) == 1:  # as nearly always
        return tuple(found[0][:STATEMENTS_MAX])
    return tuple([one for listed in found for one in listed[:STATEMENTS_MAX]])


def _over_ms(view: Mapping[str, Any], round_: int) -> int | None:
    """When the incident, or this round of it, was no longer anybody's task."""
    ends = [reopen["at"] for reopen in view["reopens"] if reopen["round"] > round_]
    if view["withdrawn"] is not None:
        ends.append(view["withdrawn"]["at"])
    if view["duplicate_of"] is not None:
        ends += [link["at"] for link in view["links"] if link["to"] == view["duplicate_of"]]
    return min(ends, default=None)
