"""What a reviewer does with feedback and a desk with a delay: the moves, and each as the ops it means (SPEC FB).

Pure. Who may make which is judged by the rules of AU; that nobody reviews their own feedback is asked where the person
is known.

>>> review_ops(RuleNature(nature="civil", why="双方自愿"), {})
[{'t': 'nature.rule', 'nature': 'civil', 'why': '双方自愿'}]
"""

from typing import Annotated, Any, Literal

import msgspec

from server.api.movebase import BaseMove, Code, Op, OpHex, Why, id_of, op
from server.problems import ProblemError
from sync.incident import kinds

Fault = Literal[
    "result_missing",
    "nature_wrong",
    "step_missing",
    "time_unclear",
    "narrative_unclear",
    "people_missing",
    "evidence_missing",
    "counts_wrong",
    "late_unexplained",
    "handover_missing",
    "other",
]


class ReviewFeedback(BaseMove, frozen=True, tag="review_feedback"):
    """Pass final feedback, or return it with what is wrong. The nature can be ruled in the same signed set."""

    claim: OpHex
    verdict: Literal["pass", "return"]
    faults: Annotated[list[Fault], msgspec.Meta(max_length=len(kinds.FAULTS))] = msgspec.field(
        default_factory=list
    )
    score: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    text: Why | None = None
    nature: Code | None = None
    nature_why: Why | None = None


class RuleNature(BaseMove, frozen=True, tag="rule_nature"):
    """Rule what the incident was; the category at intake and what was stated in the field stay beside it."""

    nature: Code
    why: Why


class AnswerDelay(BaseMove, frozen=True, tag="answer_delay"):
    """Say to a delay reason what the desk makes of it, or what it has done meanwhile."""

    entry: OpHex
    reply: Literal["accepted", "not_accepted", "sent_others", "told_caller"]
    text: Why | None = None


ReviewMove = ReviewFeedback | RuleNature | AnswerDelay


def review_ops(move: ReviewMove, view: dict[str, Any]) -> list[Op]:
    """The ops a move means on an incident as it stands.

    Raises ``ProblemError``: ``not_ready`` when what it is about has gone or has been replaced, ``bad_move``.
    """
    match move:
        case ReviewFeedback():
            return _reviewed(move, view)
        case RuleNature():
            return [op("nature.rule", nature=move.nature, why=move.why)]
        case AnswerDelay():
            return [_answered(move, view)]


def _reviewed(move: ReviewFeedback, view: dict[str, Any]) -> list[Op]:
    claim = id_of(move.claim)
    if not any(one["op"] == claim and one["current"] for one in view["feedback"]):
        raise ProblemError(
            "not_ready", detail="Another final feedback has taken its place, or it does not count."
        )
    if move.verdict == "return" and not move.faults:
        raise ProblemError("bad_move", detail="What is returned says what is wrong with it.")
    if len(set(move.faults)) < len(move.faults):
        raise ProblemError("bad_move", detail="A fault is named once.")
    if "other" in move.faults and move.text is None:
        raise ProblemError("bad_move", detail="The fault `other` needs a word in `text`.")
    if (move.nature is None) != (move.nature_why is None):
        raise ProblemError("bad_move", detail="A nature is ruled with its reason, or not at all.")
    review = op(
        "feedback.review",
        claim=claim,
        verdict=move.verdict,
        faults=move.faults,
        score=move.score,
        text=move.text,
    )
    if move.nature is None:
        return [review]
    return [review, op("nature.rule", nature=move.nature, why=move.nature_why)]


def _answered(move: AnswerDelay, view: dict[str, Any]) -> Op:
    entry = id_of(move.entry)
    if not any(one["op"] == entry and one["kind"] == "delay_reason" for one in view["entries"]):
        raise ProblemError("not_ready", detail="This incident has no such delay reason.")
    return op("delay.answer", entry=entry, reply=move.reply, text=move.text)
