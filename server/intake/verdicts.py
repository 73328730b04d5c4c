"""Writing verdicts down: which finding of a clock is ruled, and when a ruled one may change (SPEC VD9).

Responsible for looking again at the clocks of an incident once something was said that may start, end, limit or undo
one of them, for the rulings that follow, for the rows of `verdicts` and for the timer of what time alone will change.
Refuses to judge: `sync.incident.judging` does, on bounds that `timing` finds in the log.

Example: after an arrival `findings(incident, judge(incident, times, book, now_ms), rows)` holds the payload of the
ruling that C5 of its order was met.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from server.intake.memory import Incident
from server.store.verdicts import Key, Row
from sync import rulings, verdict
from sync.fold import Item
from sync.incident.clocks import clocks
from sync.incident.judging import Judged, by_book, judged
from sync.incident.policy import PolicyBook
from sync.incident.state import IncidentState
from sync.time import CENTRE_UNCERTAINTY_MS, Timed
from sync.verdict import BEST, Mark

TOUCHING: Final = frozenset(
    {
        "incident.create",
        "incident.transfer",
        "incident.link",
        "incident.unlink",
        "incident.withdraw",
        "incident.close",
        "incident.reopen",
        "milestone.claim",
        "milestone.withdraw",
        "milestone.dispute",
        "order.issue",
        "order.withdraw",
        "order.reassign",
        "order.return_review",
        "feedback.review",
        "callback.attempt",
        "callback.withdraw",
        "rectify.order",
        "rectify.done",
        "verdict.override",
    }
)
"""Ops after which the clocks of an incident are looked at again."""
SETTLING_MS: Final = 1_000
"""So long after something was said its clocks are looked at: what comes together is judged together, and when everybody
reports at once their reports go first."""
LIMITING: Final = frozenset({"tier", "level", "category", "point"})
"""Facts that say how long there is."""
VOID: Final = "void"
"""What is ruled when a finding no longer stands and there is no other in its place."""


def touches(ops: Iterable[dict[str, Any]]) -> bool:
    """Whether the clocks of an incident must be looked at again after these ops."""
    for op in ops:  # noqa: SIM110  of every set: a generator costs more than the look
        if op["t"] in TOUCHING or (op["t"] == "fact.set" and op.get("f") in LIMITING):
            return True
    return False


class Finding(msgspec.Struct, frozen=True):
    """What is to be ruled of one clock, as the payload without the entity; and the row that then stands."""

    row: Row
    payload: dict[str, Any] | None


def runs(incident: Incident) -> bool:
    """Whether anything of an incident can have started a clock."""
    derived = incident.state.derived()
    return bool(derived.orders or derived.claims or derived.closes or derived.callbacks)


def needed(incident: Incident, book: PolicyBook) -> list[Item]:
    """The ops whose moments the clocks of an incident are judged by."""
    known = incident.state.items
    said = {
        said.op
        for clock in clocks(incident.state.derived().view, book)
        for said in (*clock.starts, *clock.ends)
        if not said.is_receipt
    }
    return [known[op] for op in sorted(said)]


def judge(
    incident: Incident, times: Mapping[bytes, Timed], book: PolicyBook, now_ms: int
) -> list[Judged]:
    """The verdicts on an incident at a moment, from the times of what it `needed`."""
    view = incident.state.derived().view
    return judged(
        clocks(view, book),
        mark=lambda op: Mark(op, times[op]),
        force_at=by_book(view, book),
        now_lo_ms=now_ms - CENTRE_UNCERTAINTY_MS,
    )


def turns_ms(found: Iterable[Judged]) -> int | None:
    """When time alone will make another finding of one of these, None when it never will."""
    moments = [one.verdict.turns_ms for one in found if one.verdict.turns_ms is not None]
    return min(moments) + CENTRE_UNCERTAINTY_MS + 1 if moments else None


def findings(
    incident: Incident,
    found: Iterable[Judged],
    standing: Mapping[Key, Row],
    *,
    every: bool = False,
) -> list[Finding]:
    """What is to be ruled, and the rows that change (or `every` row), given those that stand."""
    view = incident.state.derived().view
    now = {(one.clock, one.order or b"", one.round): one for one in found}
    settled = [
        _settled(incident, view, key, now.get(key), standing.get(key))
        for key in sorted(now.keys() | standing.keys())
    ]
    return [one for one in settled if every or one.row != standing.get(one.row.key)]


def _settled(
    incident: Incident,
    view: Mapping[str, Any],
    key: Key,
    found: Judged | None,
    standing: Row | None,
) -> Finding:
    ruled = None if standing is None else standing.ruled
    because = None if standing is None else undone(incident, standing)
    if standing is not None and ruled in verdict.DETERMINED and because is None:
        return Finding(_placed(view, standing), None)  # what is determined stays as it was ruled
    row = _row(incident, key, found, standing)
    to_rule = to_be_ruled(ruled, VOID if found is None else found.verdict.result)
    payload = None if to_rule is None else _payload(key, to_rule, found, because)
    return Finding(_placed(view, row), payload)


def to_be_ruled(ruled: str | None, result: str) -> str | None:
    """What is written down of a clock that stands at `result` now, after `ruled`; None when nothing is (VD9)."""
    if result in verdict.FINDINGS:
        return result if result != ruled else None
    # That an order is on its way after all needs no word: its delivery says it.
    return VOID if ruled in verdict.FINDINGS - {verdict.NOT_DELIVERED} else None


def undone(incident: Incident, standing: Row) -> int | None:
    """The ruling by which a statement that a finding rests on does not stand any more; None while both stand."""
    state = incident.state
    found = [
        item.idx
        for op in (standing.start_op, standing.end_op)
        if op is not None and (item := state.items.get(op)) is not None and not item.counts
    ]
    for t in ("milestone.withdraw", "milestone.dispute"):
        for item in state.counted(t):
            claim = item.fields["claim"]
            if claim not in (standing.start_op, standing.end_op):
                continue
            if t == "milestone.dispute" or item.user == state.items[claim].user:
                found.append(item.idx)
    found += [
        item.idx
        for item in state.counted("callback.withdraw")
        if item.fields["attempt"] in (standing.start_op, standing.end_op)
    ]
    return min((idx for idx in found if idx is not None), default=None)


def _row(incident: Incident, key: Key, found: Judged | None, standing: Row | None) -> Row:
    """What was judged of one clock. What it was last ruled is carried on; whoever rules writes that in."""
    clock, order_id, round_ = key
    row = Row(incident=incident.id, clock=clock, order_id=order_id, round=round_, result=VOID)
    if standing is not None:
        row = ruled_row(row, standing.ruled, standing.ruled_idx, standing.ruled_at_ms)
    if found is None:
        return row
    one, force = found.verdict, found.force
    return replace(
        row,
        result=_kept(one.result),
        grade=one.grade,
        within_ms=one.within_ms,
        policy_row=force.version[0],
        policy_idx=force.version[1],
        start_op=None if one.start is None else one.start.op,
        start_at_ms=_began(incident.state, _bounds(one.start)),
        end_op=None if one.end is None else one.end.op,
        elapsed_lo_ms=one.elapsed.lo_ms,
        elapsed_hi_ms=one.elapsed.hi_ms,
        why=" ".join(one.why),
        tier=force.tier,
        zone=force.zone,
    )


def row_as_ruled(state: IncidentState, ruling: rulings.Ruling) -> Row:
    """The row that one ruling of the kind `verdict` makes, alone."""
    said = ruling.payload
    start, end = said["start"], said["end"]
    row = Row(
        incident=state.entity,
        clock=said["clock"],
        order_id=said["order"] or b"",
        round=said["round"],
        result=said["result"],
        grade=said["grade"],
        within_ms=said["within"],
        policy_row=said["policy"][0],
        policy_idx=said["policy"][1],
        start_op=None if start is None else start[0],
        start_at_ms=_began(state, start),
        end_op=None if end is None else end[0],
        elapsed_lo_ms=said["lo"],
        elapsed_hi_ms=said["hi"],
        why=" ".join(said["why"]),
        tier=said["tier"],
        zone=said["zone"],
    )
    row = ruled_row(row, said["result"], ruling.idx, ruling.at_ms)
    return _placed(state.derived().view, row)


def _began(state: IncidentState, bounds: list[Any] | None) -> int | None:
    """The latest moment of a start; by its author's word where nothing bounds it."""
    if bounds is None:
        return None
    op, _lo_ms, hi_ms = bounds
    began_ms: int = state.items[op].occurred_at_ms if hi_ms is None else hi_ms
    return began_ms


def _kept(result: str) -> str:
    """A row does not age: whether what is pending is overdue by now, whoever reads it knows."""
    return verdict.PENDING if result == verdict.OVERDUE else result


def _placed(view: Mapping[str, Any], row: Row) -> Row:
    """The row with whose it is, and with what a person found last of its clock (VD8)."""
    order = next((one for one in view["orders"] if one["id"] == row.order_id), None)
    said = [
        one
        for one in view["overrides"]
        if (one["clock"], one["order"] or b"", one["round"]) == row.key
    ]
    last = said[-1] if said else None
    return replace(
        row,
        station=view["station"],
        to_kind=None if order is None else order["to"][0],
        to_id=None if order is None else order["to"][1],
        exercise=bool((view["created"] or {}).get("exercise")),
        override_result=None if last is None else last["result"],
        override_by=None if last is None else last["by"],
        # PostgreSQL holds no zero character in a text.
        override_why=None if last is None else last["why"].replace("\x00", "\ufffd"),
        override_at_ms=None if last is None else last["at"],
    )


def _payload(key: Key, result: str, found: Judged | None, because: int | None) -> dict[str, Any]:
    clock, order_id, round_ = key
    one = None if found is None else found.verdict
    shows = one is not None and result == one.result
    return {
        "clock": clock,
        "order": order_id or None,
        "round": round_,
        "result": result,
        "grade": one.grade if one is not None and shows else None,
        "within": one.within_ms if one is not None and shows else None,
        "policy": [None, 0] if found is None else list(found.force.version),
        "lo": one.elapsed.lo_ms if one is not None and shows else None,
        "hi": one.elapsed.hi_ms if one is not None and shows else None,
        "start": _bounds(one.start) if one is not None and shows else None,
        "end": _bounds(one.end) if one is not None and shows else None,
        "why": list(one.why) if one is not None and shows else [],
        "tier": None if found is None else found.force.tier,
        "zone": None if found is None else found.force.zone,
        "because": because,
    }


def _bounds(mark: Mark | None) -> list[Any] | None:
    if mark is None:
        return None
    bounds = mark.timed.proved(BEST)
    return [mark.op, bounds.lo_ms, bounds.hi_ms]


def ruled_row(row: Row, ruled: str | None, idx: int | None, at_ms: int | None) -> Row:
    """The row after its finding was ruled."""
    return replace(row, ruled=ruled, ruled_idx=idx, ruled_at_ms=at_ms)


def about(ruling: rulings.Ruling) -> Key:
    """Which clock a ruling of the kind `verdict` is about."""
    said = ruling.payload
    return (said["clock"], said["order"] or b"", said["round"])
