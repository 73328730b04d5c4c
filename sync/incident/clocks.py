"""The clocks of an incident: which statements start and which end each of them (SPEC DL2).

Responsible for the one table of what is measured. It knows no limits and no time of day, and finds no fault.

Example: in `clocks(view)` the clock `C2` of an order starts with its deliveries and ends with its signatures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from sync.incident import feedback
from sync.incident.callback import EXEMPTING, in_vain
from sync.incident.ladder import first_complaint

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
    ("C8", ("received",), ("reviewed",)),
    ("C9", ("closed",), ("answered",)),
    ("C10", ("dissatisfied",), ("rectified",)),
)
OUTLIVING: Final = frozenset({"C10"})
"""A complaint is not called off by a reopening or a withdrawal (CK7)."""
TRIES_MAX: Final = 24
"""So many attempts in vain are looked at."""
ANSWERED: Final = frozenset({"reached", *EXEMPTING})
"""Outcomes of a callback after which nobody need call again."""


class Said(Struct, frozen=True):
    """One statement that something happened: its op, and when by its author's word. `is_receipt`: what happened is that
    the centre received it, at `at_ms` by its own clock."""

    op: bytes
    at_ms: int
    is_receipt: bool = False


class Clock(Struct, frozen=True):
    """One clock: of an order, or of the whole incident when `order` is None.

    `starts` and `ends` are the statements that stand. Those of an order speak of one event each; the incident's may be
    of several people, and the first of them starts it. `over_ms`: when nobody needed to end it any more.
    `tried`: attempts in vain, of which enough may end it too (CK3); that is for the policy to say.
    """

    id: str
    order: bytes | None
    round: int
    starts: tuple[Said, ...]
    ends: tuple[Said, ...]
    over_ms: int | None = None
    tried: tuple[Said, ...] = ()


STATEMENTS_MAX: Final = 4
"""So many statements of one step are looked at, those that are said to come first; more say nothing new."""


def clocks(view: Mapping[str, Any]) -> list[Clock]:
    """All clocks of a view: of its orders in their order, then of the incident round by round (DL2)."""
    of_orders: dict[tuple[bytes, int], dict[str, list[Said]]] = {}
    of_rounds: dict[int, dict[str, list[Said]]] = {view["round"]: {}}
    for claim in view["claims"]:
        slot = (claim["order"], claim["round"])
        if claim["standing"] and claim["order"] is not None:
            of_orders.setdefault(slot, {}).setdefault(claim["kind"], []).append(_said(claim))
        if claim["counts"] and claim["round"] <= view["round"]:
            of_rounds.setdefault(claim["round"], {}).setdefault(claim["kind"], []).append(
                _said(claim)
            )
    called = [one for one in view["callbacks"] if one["rectify"] is None]
    for name, listed in (
        ("final", [one for one in view["feedback"] if one["final"]]),
        ("closed", view["closes"]),
        ("answered", [one for one in called if one["outcome"] in ANSWERED]),
        ("tried", in_vain(called)),
    ):
        for one in listed:
            if one["round"] <= view["round"]:
                of_rounds.setdefault(one["round"], {}).setdefault(name, []).append(_said(one))
    for at, said in of_rounds.items():
        under = feedback.under_review(view, at)
        if under is not None:
            said["received"] = [Said(under["op"], under["received_at"], is_receipt=True)]
            said["reviewed"] = [] if under["review"] is None else [_said(under["review"])]
        complaint = first_complaint(view, at)
        if complaint is not None:
            attempt, order = complaint
            said["dissatisfied"] = [_said(attempt)]
            done = None if order is None else order["done"]
            said["rectified"] = [] if done is None else [_said(done)]
    found: list[Clock] = []
    for order in view["orders"]:
        said = of_orders.get((order["id"], order["round"]), {})
        issued = {ISSUED: [Said(order["op"], order["issued_at"])]}
        found += _of_order(view, order, said | issued)
    for at, said in sorted(of_rounds.items()):
        over_ms = _over_ms(view, at)
        found += [_clock(row, None, at, said, over_ms) for row in OF_INCIDENT]
    return found


def _said(one: Mapping[str, Any]) -> Said:
    return Said(one["op"], one["at"])


def _of_order(
    view: Mapping[str, Any], order: Mapping[str, Any], said: dict[str, list[Said]]
) -> Iterator[Clock]:
    closed = [close["at"] for close in view["closes"] if close["round"] == order["round"]]
    ends = [order["taken_back_at"], _over_ms(view, order["round"]), *closed]
    over_ms = min((at for at in ends if at is not None), default=None)
    for row in OF_ORDER:
        if order["kind"] != "advisory" or row[0] in OF_ADVISORY:
            yield _clock(row, order["id"], order["round"], said, over_ms)


def _clock(
    row: tuple[str, tuple[str, ...], tuple[str, ...]],
    order: bytes | None,
    round_: int,
    said: dict[str, list[Said]],
    over_ms: int | None,
) -> Clock:
    name, starts, ends = row
    return Clock(
        name,
        order,
        round_,
        tuple(one for kind in starts for one in said.get(kind, ())[:STATEMENTS_MAX]),
        tuple(one for kind in ends for one in said.get(kind, ())[:STATEMENTS_MAX]),
        None if name in OUTLIVING else over_ms,
        tuple(said.get("tried", ())[:TRIES_MAX]) if name == "C9" else (),
    )


def _over_ms(view: Mapping[str, Any], round_: int) -> int | None:
    """When the incident, or this round of it, was no longer anybody's task."""
    ends = [reopen["at"] for reopen in view["reopens"] if reopen["round"] > round_]
    if view["withdrawn"] is not None:
        ends.append(view["withdrawn"]["at"])
    if view["duplicate_of"] is not None:
        ends += [link["at"] for link in view["links"] if link["to"] == view["duplicate_of"]]
    return min(ends, default=None)
