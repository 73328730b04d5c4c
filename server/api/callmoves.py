"""What a desk does after an incident is closed: calls back, has put right, answers, lists, ends a supervision.

Pure, a part of the moves: a move and the incident's view in, ops out (SPEC CK). Refuses to judge who may.

>>> ladder_ops(Callback(outcome="no_answer"), {"round": 0, "rectifications": []})
[{'t': 'callback.attempt', 'round': 0, 'outcome': 'no_answer'}]
"""

from typing import Annotated, Any, Literal

import msgspec

from server.api.ids import Hex32, Ms
from server.api.movebase import BaseMove, Op, OpHex, Text, Why, id_of, op
from server.problems import ProblemError
from sync.incident.callback import DISSATISFIED


class NewRectification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to put right what a caller was not satisfied with. ``due`` may shorten the policy's time, not lengthen
    it."""

    station: Hex32
    text: Why
    kind: Literal["ordinary", "complex"] = "ordinary"
    unit: Hex32 | None = None
    due: Ms | None = None


class Callback(BaseMove, frozen=True, tag="callback"):
    """Note an attempt to call the caller back. ``minutes`` is how long the police took, as the caller says; ``rectify``
    names the rectification it follows; ``order`` has a station put right at once what was said."""

    outcome: Literal["reached", "no_answer", "refused", "wrong_number", "no_phone", "anonymous"]
    score: Literal[1, 2, 3] | None = None
    minutes: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None = None
    reason: Literal["slow", "manner", "unfair", "unresolved", "untold", "other"] | None = None
    text: Text | None = None
    rectify: OpHex | None = None
    order: NewRectification | None = None


class WithdrawCall(BaseMove, frozen=True, tag="withdraw_call"):
    """Take an attempt back that was noted by mistake, with the rectification that was ordered in it."""

    attempt: OpHex
    why: Why


class Rectify(BaseMove, frozen=True, tag="rectify"):
    """Have a station put right what a caller was not satisfied with; once more when its answer was not enough."""

    attempt: OpHex
    order: NewRectification


class Rectified(BaseMove, frozen=True, tag="rectified"):
    """Answer a rectification: what was done."""

    rectify: OpHex
    text: Why


class Supervise(BaseMove, frozen=True, tag="supervise"):
    """List a complaint for supervision by the inspectorate."""

    attempt: OpHex
    text: Why


class EndSupervision(BaseMove, frozen=True, tag="end_supervision"):
    """Close a listed supervision with its result."""

    supervise: OpHex
    result: Literal["resolved", "unfounded", "referred"]
    text: Why


LadderMove = Callback | WithdrawCall | Rectify | Rectified | Supervise | EndSupervision


def ladder_ops(move: LadderMove, view: dict[str, Any]) -> list[Op]:
    """The ops of a call or of a step after it. Raises ``ProblemError``: ``bad_move``, or ``not_ready`` for a step that
    was taken already."""
    match move:
        case Callback():
            return _callback(move, view)
        case WithdrawCall():
            call = _known(move.attempt, view["callbacks"], "call")
            answered = [one for one in view["rectifications"] if one["done"] is not None]
            if any(one["attempt"] == call["op"] for one in (*answered, *view["supervisions"])):
                raise ProblemError("not_ready", detail="Somebody has acted on this call already.")
            return [op("callback.withdraw", attempt=call["op"], why=move.why)]
        case Rectify():
            attempt = _complaint(move.attempt, view)
            return [_order(move.order, attempt["at"], attempt["op"])]
        case Rectified():
            order = _known(move.rectify, view["rectifications"], "rectification")
            if order["done"] is not None:
                raise ProblemError("not_ready", detail="This rectification was answered already.")
            station = order["station"]
            return [op("rectify.done", rectify=order["op"], station=station, text=move.text)]
        case Supervise():
            attempt = _complaint(move.attempt, view)
            if any(
                one["attempt"] == attempt["op"] and one["closed"] is None
                for one in view["supervisions"]
            ):
                raise ProblemError("not_ready", detail="This complaint is listed already.")
            return [op("supervise.open", attempt=attempt["op"], text=move.text)]
        case EndSupervision():
            listed = _known(move.supervise, view["supervisions"], "supervision")
            if listed["closed"] is not None:
                raise ProblemError("not_ready", detail="This supervision was closed already.")
            return [
                op("supervise.close", supervise=listed["op"], result=move.result, text=move.text)
            ]


def _callback(move: Callback, view: dict[str, Any]) -> list[Op]:
    """An attempt and, in the same set, the rectification of what was said in it (CK4)."""
    if (move.score is not None) != (move.outcome == "reached"):
        raise ProblemError(
            "bad_move",
            detail="A score belongs to an attempt that reached the caller, and to no other.",
        )
    if move.score != DISSATISFIED and (move.reason is not None or move.order is not None):
        raise ProblemError(
            "bad_move", detail="A reason and a rectification belong to score 3, and to no other."
        )
    round_, rectify = view["round"], None
    if move.rectify is not None:
        if move.order is not None:
            raise ProblemError(
                "bad_move",
                detail="Who is still not satisfied is listed for supervision, not rectified again.",
            )
        order = _known(move.rectify, view["rectifications"], "rectification")
        rectify = order["op"]
        said = (one["round"] for one in view["callbacks"] if one["op"] == order["attempt"])
        round_ = next(said, round_)
    attempt = op(
        "callback.attempt",
        round=round_,
        outcome=move.outcome,
        score=move.score,
        minutes=move.minutes,
        reason=move.reason,
        rectify=rectify,
        text=move.text,
    )
    return [attempt] if move.order is None else [attempt, _order(move.order, None, None)]


def _order(order: NewRectification, said_ms: int | None, attempt: bytes | None) -> Op:
    if order.due is not None and said_ms is not None and order.due <= said_ms:
        raise ProblemError("bad_move", detail="It would be due before the caller said it.")
    return op(
        "rectify.order",
        attempt=attempt,
        station=id_of(order.station),
        unit=None if order.unit is None else id_of(order.unit),
        kind=order.kind,
        text=order.text,
        due=order.due,
    )


def _complaint(text: str, view: dict[str, Any]) -> dict[str, Any]:
    """The attempt of this incident that is meant. Raises ``ProblemError("bad_move")``."""
    attempt = _known(text, view["callbacks"], "call")
    if attempt["score"] != DISSATISFIED:
        raise ProblemError("bad_move", detail="In this call nobody said they were not satisfied.")
    return attempt


def _known(text: str, among: list[dict[str, Any]], what: str) -> dict[str, Any]:
    named = id_of(text)
    for one in among:
        if one["op"] == named:
            return one
    raise ProblemError("bad_move", detail=f"This incident has no {what} {text}.")
