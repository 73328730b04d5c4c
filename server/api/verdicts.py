"""What is found of an incident's clocks, as a desk's page shows it (SPEC VD).

Pure. What is determined is shown as it was ruled; everything else as it stands at this moment, so that what is pending
is overdue on time. What a person found stands beside it.

Example: `shown_of(view, times, rows, directory, now_ms)[0].result` is `"met"`.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from server.api.ids import Hex32, Ms, hex_or_none
from server.api.movebase import BaseMove, Op, Why, id_of, op
from server.problems import ProblemError
from server.store.people import Directory
from server.store.verdicts import Key, Row
from sync import verdict
from sync.incident.clocks import clocks
from sync.incident.judging import Judged, by_book, judged
from sync.time import CENTRE_UNCERTAINTY_MS, Timed
from sync.verdict import BEST, Mark

ClockId = Literal["C1", "C2", "C2i", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10"]


class Override(BaseMove, frozen=True, tag="override_verdict"):
    """Find otherwise of a clock than was computed, or the same for other reasons. It stands beside."""

    clock: ClockId
    round: int
    result: Literal["met", "missed", "undetermined", "not_delivered"]
    why: Why
    order: Hex32 | None = None


class ShownMark(msgspec.Struct, frozen=True):
    """One of the two moments: the entry that tells of it, when by its author's word, and what is proved (SPEC TM)."""

    op: str
    at: Ms
    lo_ms: Ms | None
    hi_ms: Ms | None
    grade: int


class ShownPolicy(msgspec.Struct, frozen=True):
    """The version of the policy that judges: its row and the ruling that made it; null and 0 for the defaults."""

    row: Hex32 | None
    idx: int
    name: str


class RuledFinding(msgspec.Struct, frozen=True):
    """What was last written down, and where in the log."""

    result: str
    idx: int
    at: Ms


class ShownOverride(msgspec.Struct, frozen=True):
    """What a person found, and why."""

    result: str
    by: Hex32
    by_name: str
    why: str
    at: Ms


class ShownVerdict(msgspec.Struct, frozen=True):
    """One clock. ``result`` is ``met``, ``missed``, ``undetermined``, ``pending``, ``overdue``, ``unproven``,
    ``not_delivered`` or ``no_limit``; ``grade`` the least grade of evidence by which it is decided; ``lo_ms`` and
    ``hi_ms`` bound the time between; ``slack_ms`` is how far within the limit, or beyond it, for certain; ``why`` codes
    of what kept it open. ``judges``: false for the basis of signing that the policy only shows beside."""

    clock: str
    order: Hex32 | None
    round: int
    result: str
    grade: int | None
    within_ms: int | None
    lo_ms: int | None
    hi_ms: int | None
    slack_ms: int | None
    why: list[str]
    start: ShownMark | None
    end: ShownMark | None
    policy: ShownPolicy
    tier: int | None
    judges: bool
    ruled: RuledFinding | None
    override: ShownOverride | None


def override_ops(move: Override, view: dict[str, Any]) -> list[Op]:
    """The ops of a person's finding. Raises ``ProblemError("unknown_order")`` for an order of another incident."""
    order = None if move.order is None else id_of(move.order)
    if order is not None and all(known["id"] != order for known in view["orders"]):
        raise ProblemError("unknown_order", detail=f"This incident has no order {move.order}.")
    said = {"clock": move.clock, "round": move.round, "result": move.result, "why": move.why}
    return [op("verdict.override", order=order, **said)]


def shown_of(
    view: dict[str, Any],
    times: Mapping[bytes, Timed],
    rows: Mapping[Key, Row],
    directory: Directory,
    now_ms: int,
) -> list[ShownVerdict]:
    """The clocks of an incident that have started, orders first, each round of it."""
    found = judged(
        clocks(view, directory.book),
        mark=lambda op: Mark(op, times[op]),
        force_at=by_book(view, directory.book),
        now_lo_ms=now_ms - CENTRE_UNCERTAINTY_MS,
    )
    overrides = {
        (one["clock"], one["order"] or b"", one["round"]): one for one in view["overrides"]
    }
    names = {row_id: row.get("name") for row_id, row in directory.of("policies").items()}
    shown = []
    for one in found:
        key = (one.clock, one.order or b"", one.round)
        row = rows.get(key)
        said = overrides.get(key)
        version = one.force.version
        if row is not None and row.result in verdict.DETERMINED:
            version = (row.policy_row, row.policy_idx)
        basis = directory.book.judging(view, one.clock, _began_ms(one)).policy.sign_basis
        shown.append(
            _shown(
                one,
                row,
                times,
                policy=ShownPolicy(
                    hex_or_none(version[0]), version[1], str(names.get(version[0] or b"", "") or "")
                ),
                judges=_judges(one.clock, basis),
                override=None if said is None else _override(said, directory),
            )
        )
    return shown


def _began_ms(one: Judged) -> int:
    start = one.verdict.start
    return 0 if start is None else verdict.latest(start)


def _judges(clock: str, basis: str) -> bool:
    return not (clock == "C2" and basis == "issued") and not (clock == "C2i" and basis != "issued")


def _shown(
    one: Judged,
    row: Row | None,
    times: Mapping[bytes, Timed],
    *,
    policy: ShownPolicy,
    judges: bool,
    override: ShownOverride | None,
) -> ShownVerdict:
    found = one.verdict
    start, end = _mark_of(found.start), _mark_of(found.end)
    result, grade, within_ms = found.result, found.grade, found.within_ms
    lo_ms, hi_ms, why = found.elapsed.lo_ms, found.elapsed.hi_ms, list(found.why)
    if row is not None and row.result in verdict.DETERMINED:
        result, grade, within_ms, why = row.result, row.grade, row.within_ms, []
        lo_ms, hi_ms = row.elapsed_lo_ms, row.elapsed_hi_ms
        start = _stored_mark(row.start_op, times) or start
        end = _stored_mark(row.end_op, times) or end
    ruled = None
    if row is not None and row.ruled is not None:
        ruled = RuledFinding(row.ruled, row.ruled_idx or 0, row.ruled_at_ms or 0)
    return ShownVerdict(
        clock=one.clock,
        order=hex_or_none(one.order),
        round=one.round,
        result=result,
        grade=grade,
        within_ms=within_ms,
        lo_ms=lo_ms,
        hi_ms=hi_ms,
        slack_ms=_slack_ms(result, within_ms, lo_ms, hi_ms),
        why=why,
        start=start,
        end=end,
        policy=policy,
        tier=one.force.tier,
        judges=judges,
        ruled=ruled,
        override=override,
    )


def _slack_ms(
    result: str, within_ms: int | None, lo_ms: int | None, hi_ms: int | None
) -> int | None:
    if within_ms is None:
        return None
    if result == verdict.MET and hi_ms is not None:
        return within_ms - hi_ms
    return lo_ms - within_ms if result == verdict.MISSED and lo_ms is not None else None


def _mark_of(mark: Mark | None) -> ShownMark | None:
    return None if mark is None else _bounded(mark.op, mark.timed)


def _stored_mark(op: bytes | None, times: Mapping[bytes, Timed]) -> ShownMark | None:
    timed = None if op is None else times.get(op)
    return None if op is None or timed is None else _bounded(op, timed)


def _bounded(op: bytes, timed: Timed) -> ShownMark:
    bounds = timed.proved(BEST)
    return ShownMark(op.hex(), timed.claimed_ms, bounds.lo_ms, bounds.hi_ms, timed.grade)


def _override(said: Mapping[str, Any], directory: Directory) -> ShownOverride:
    person = directory.person(said["by"])
    name = "" if person is None else person.name
    return ShownOverride(said["result"], said["by"].hex(), name, said["why"], said["at"])
