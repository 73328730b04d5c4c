"""The shape of every op: which fields it must have, of which type, from which closed set (SPEC IN1).

Responsible for saying what is wrong with an op. An op this version does not know, and extra fields of one it does, are
no fault: they are kept.

>>> problem({"t": "entry.add", "kind": "note", "text": "到了"}) is None
True
>>> problem({"t": "entry.add", "kind": "song", "text": "la"})
'entry.add.kind'
>>> problem({"t": "drone.launch"}) is None
True
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sync.canon import INT_MAX
from sync.incident import kinds

Check = Callable[[Any], bool]


def is_text(value: Any) -> bool:
    """The check of every field that holds free words."""
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _natural(value: Any) -> bool:
    return type(value) is int and 0 <= value <= INT_MAX


def _between(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def _bytes(size: int) -> Check:
    return lambda value: isinstance(value, bytes) and len(value) == size


def _one_of(names: frozenset[str] | tuple[str, ...]) -> Check:
    return lambda value: isinstance(value, str) and value in names


def _point(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(part) is int for part in value)
        and abs(value[0]) <= 900_000_000
        and abs(value[1]) <= 1_800_000_000
    )


def _position(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and _point(value[:2]) and _natural(value[2])


def _target(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and value[0] in kinds.TARGETS
        and _id(value[1])
    )


def _faults(value: Any) -> bool:
    return (
        isinstance(value, list)
        and all(isinstance(code, str) and code in kinds.FAULTS for code in value)
        and len(set(value)) == len(value)
    )


def _ops(value: Any) -> bool:
    return isinstance(value, list) and all(_op(item) for item in value)


def _map(value: Any) -> bool:
    return isinstance(value, dict)


_id = _bytes(16)
_op = _bytes(17)

REQUIRED: Final[dict[str, dict[str, Check]]] = {
    "incident.create": {"source": _one_of(kinds.SOURCES), "station": _id, "tag": is_text},
    "fact.set": {"f": _one_of(kinds.FACTS), "p": _ops},
    "set.add": {"f": _one_of(kinds.SET_FIELDS), "v": is_text},
    "set.remove": {"f": _one_of(kinds.SET_FIELDS), "p": _ops},
    "latest.set": {"f": _one_of(kinds.LATEST_FIELDS), "v": is_text},
    "entry.add": {"kind": _one_of(kinds.ENTRY_KINDS), "text": is_text},
    "entry.correct": {"entry": _op, "text": is_text},
    "milestone.claim": {
        "kind": _one_of(kinds.MILESTONES),
        "round": _natural,
        "via": _one_of(kinds.VIAS),
    },
    "milestone.withdraw": {"claim": _op, "why": is_text},
    "milestone.dispute": {"claim": _op, "why": is_text},
    "order.issue": {
        "order": _id,
        "to": _target,
        "kind": _one_of(kinds.ORDER_KINDS),
        "round": _natural,
    },
    "order.withdraw": {"order": _id, "why": is_text},
    "order.reassign": {"order": _id, "new": _id, "to": _target},
    "order.return_request": {"order": _id, "why": is_text},
    "order.return_review": {"order": _id, "ok": _flag},
    "incident.transfer": {"station": _id, "why": is_text},
    "incident.link": {"to": _id, "kind": _one_of(kinds.LINK_KINDS)},
    "incident.unlink": {"p": _ops},
    "incident.withdraw": {"why": is_text},
    "incident.close": {"round": _natural},
    "incident.reopen": {"round": _natural, "why": is_text},
    "callback.attempt": {"round": _natural, "outcome": _one_of(kinds.OUTCOMES)},
    "callback.withdraw": {"attempt": _op, "why": is_text},
    "feedback.review": {"claim": _op, "verdict": _one_of(kinds.VERDICTS), "faults": _faults},
    "nature.rule": {"nature": is_text, "why": is_text},
    "delay.answer": {"entry": _op, "reply": _one_of(kinds.DELAY_REPLIES)},
    "verdict.override": {
        "clock": _one_of(kinds.CLOCKS),
        "round": _natural,
        "result": _one_of(kinds.FINDINGS),
        "why": is_text,
    },
    "rectify.order": {
        "station": _id,
        "kind": _one_of(kinds.RECTIFY_KINDS),
        "text": is_text,
    },
    "rectify.done": {"rectify": _op, "station": _id, "text": is_text},
    "supervise.open": {"text": is_text},
    "supervise.close": {
        "supervise": _op,
        "result": _one_of(kinds.SUPERVISE_RESULTS),
        "text": is_text,
    },
}
OPTIONAL: Final[dict[str, dict[str, Check]]] = {
    "incident.create": {"exercise": _flag},
    "entry.add": {"data": _map},
    "milestone.claim": {"order": _id, "by": _id, "unit": _id, "pos": _position, "data": _map},
    "order.reassign": {"why": is_text},
    "order.return_review": {"why": is_text},
    "incident.close": {"result": is_text},
    "callback.attempt": {
        "score": _between(1, 3),
        "minutes": _natural,
        "reason": _one_of(kinds.REASONS),
        "rectify": _op,
        "text": is_text,
    },
    "feedback.review": {"score": _between(0, 100), "text": is_text},
    "delay.answer": {"text": is_text},
    "verdict.override": {"order": _id},
    "rectify.order": {"attempt": _op, "unit": _id, "due": _natural},
    "supervise.open": {"attempt": _op},
}
_CHECKS: Final = {
    t: (
        *((name, check, True) for name, check in required.items()),
        *((name, check, False) for name, check in OPTIONAL.get(t, {}).items()),
        ("at", _natural, False),
    )
    for t, required in REQUIRED.items()
}
"""Every field that is looked at of each kind of op: its name, its check, whether it must be there."""
FEEDBACK_DATA: Final[dict[str, Check]] = {"result": is_text, "text": is_text}
_BOUNDED_FACTS: Final = {"level": (1, 4), "tier": (0, 1_440)}


def is_known(t: str) -> bool:
    """Whether this version knows the op."""
    return t in REQUIRED


def problem(op: dict[str, Any]) -> str | None:
    """The first field that is missing or wrong, as `op.field`; None for a good op and for one of an unknown kind."""
    t = op["t"]
    checks = _CHECKS.get(t)
    if checks is None:
        return None
    for name, check, is_required in checks:
        if not check(op[name]) if name in op else is_required:
            return f"{t}.{name}"
    return _value_problem(op)


def _value_problem(op: dict[str, Any]) -> str | None:
    if op["t"] == "fact.set":
        return None if "v" in op and _fact_check(op["f"])(op["v"]) else f"fact.set.{op['f']}"
    if op["t"] == "callback.attempt":
        if ("score" in op) != (op["outcome"] == "reached"):
            return "callback.attempt.score"
        return "callback.attempt.reason" if "reason" in op and op.get("score") != 3 else None
    if op["t"] == "milestone.claim" and op["kind"] == "feedback":
        data = op.get("data")
        if data is None or not isinstance(data.get("final"), bool):
            return "milestone.claim.data.final"
        for name, check in FEEDBACK_DATA.items():
            if name in data and not check(data[name]):
                return f"milestone.claim.data.{name}"
    if op["t"] == "feedback.review" and op["verdict"] == "return" and not op["faults"]:
        # Whoever is asked to do it again must be told what is wrong (FB2).
        return "feedback.review.faults"
    return None


def _fact_check(field: str) -> Check:
    if field == "point":
        return _point
    if field in _BOUNDED_FACTS:
        return _between(*_BOUNDED_FACTS[field])
    return is_text if field in kinds.TEXT_FACTS else _natural
