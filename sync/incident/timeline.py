"""The merged timeline: every op of an incident as one entry, whatever became of it (SPEC ST, RL3, RL4).

Responsible for the list a person reads. Nothing is left out: held and rejected ops stand in it with the reason, and
what the centre has not ruled yet is marked as pending. It chooses no words. A refused op may have any shape, so a
field of the wrong type is shown as none, never trusted.

>>> timeline([], {"claims": [], "entries": []})
[]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sync.fold import Item
from sync.incident.orders import by_time

_ABOUT: Final = {
    "entry.correct": "entry",
    "milestone.withdraw": "claim",
    "milestone.dispute": "claim",
    "feedback.review": "claim",
    "delay.answer": "entry",
    "callback.attempt": "rectify",
    "callback.withdraw": "attempt",
    "rectify.order": "attempt",
    "rectify.done": "rectify",
    "supervise.open": "attempt",
    "supervise.close": "supervise",
}
_VALUE: Final[dict[str, tuple[str, ...]]] = {
    "incident.create": ("source", "station", "exercise"),
    "incident.transfer": ("station",),
    "incident.link": ("to",),
    "incident.close": ("result",),
    "order.issue": ("to",),
    "order.reassign": ("to", "new"),
    "order.return_review": ("ok",),
    "feedback.review": ("verdict", "faults", "score"),
    "nature.rule": ("nature",),
    "delay.answer": ("reply",),
    "verdict.override": ("clock", "result"),
    "callback.attempt": ("outcome", "score", "minutes", "reason"),
    "rectify.order": ("station", "unit", "due"),
    "supervise.close": ("result",),
}
_ONE_VALUE: Final = {
    "fact.set": "v",
    "set.add": "v",
    "latest.set": "v",
    "milestone.claim": "data",
    "entry.add": "data",
}


def timeline(items: Iterable[Item], view: dict[str, Any]) -> list[dict[str, Any]]:
    """Entries by event time, then op id. Times in ms, ids as bytes.

    Keys: op, set (first 16 bytes of the set id), t, kind, at, received_at, late_by, late_entry, flags, by, said_by,
    via, order, about (the op it speaks of), field, value, text, why, struck, correction, redacted, decision, pending,
    chain, seq.

    `struck`: a claim that no longer stands, an attempt that was taken back (CK9), an entry that was corrected;
    `correction` is what stands beside it then.
    `redacted`: by whom, on what ground and when its words were taken away (RD1), None for most.
    """
    known = by_time(items)
    struck = {claim["op"] for claim in view["claims"] if not claim["standing"]}
    struck |= {
        attempt
        for item in known
        if item.t == "callback.withdraw"
        and item.counts
        and isinstance(attempt := item.fields.get("attempt"), bytes)
    }
    corrections = {
        entry["op"]: entry["correction"] for entry in view["entries"] if entry["correction"]
    }
    return [_entry(item, struck, corrections) for item in known]


def _entry(
    item: Item, struck: set[bytes], corrections: dict[bytes, dict[str, Any]]
) -> dict[str, Any]:
    fields = item.fields
    correction = corrections.get(item.op)
    return {
        "op": item.op,
        "set": item.set_prefix,
        "t": item.t,
        "kind": _text(fields, "kind"),
        "at": item.occurred_at_ms,
        "received_at": item.at_ms,
        "late_by": item.late_by_ms,
        "late_entry": item.is_late_entry,
        "flags": list(item.flags),
        "by": item.user,
        "said_by": _id(fields, "by"),
        "via": _text(fields, "via"),
        "order": _id(fields, "order"),
        "about": _id(fields, _ABOUT.get(item.t, "")),
        "field": _text(fields, "f"),
        "value": _value(item),
        "text": _said(fields),
        "why": item.why if item.why is not None else _text(fields, "why"),
        "struck": item.op in struck or correction is not None,
        "correction": correction,
        "redacted": None
        if item.redaction is None
        else {
            "by": item.redaction.by,
            "ground": item.redaction.ground,
            "at": item.redaction.at_ms,
        },
        "decision": item.decision,
        "pending": item.decision is None,
        "chain": item.chain,
        "seq": item.seq,
    }


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _id(fields: dict[str, Any], name: str) -> bytes | None:
    value = fields.get(name)
    return value if isinstance(value, bytes) else None


def _said(fields: dict[str, Any]) -> str | None:
    """What was said in words: of the op itself, else of the feedback in its data."""
    data = fields.get("data")
    text = _text(fields, "text")
    return _text(data, "text") if text is None and isinstance(data, dict) else text


def _value(item: Item) -> Any:
    """What an op sets or says beside its text, in the form it was written."""
    if item.t in _ONE_VALUE:
        return item.fields.get(_ONE_VALUE[item.t])
    names = _VALUE.get(item.t)
    return None if names is None else {name: item.fields.get(name) for name in names}
