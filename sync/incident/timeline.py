"""The merged timeline: every op of an incident as one entry, whatever became of it (SPEC ST, RL3, RL4).

Responsible for the list a person reads. Nothing is left out: held and rejected ops stand in it with the reason, and
what the centre has not ruled yet is marked as pending. It chooses no words.

>>> timeline([])
[]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sync.fold import Item

_TEXT_OF: Final = {
    "entry.add": "text",
    "entry.correct": "text",
    "callback.attempt": "text",
}
_ABOUT: Final = {
    "entry.correct": "entry",
    "milestone.withdraw": "claim",
    "milestone.dispute": "claim",
}


def timeline(items: Iterable[Item]) -> list[dict[str, Any]]:
    """Entries by event time, then op id. Times in ms, ids as bytes.

    Keys: op, set (first 16 bytes of the set id), t, kind, at, received_at, late_by, flags, by, said_by, via, order,
    about (the op it speaks of), field, value, text, why, decision, pending, chain, seq.
    """
    ordered = sorted(items, key=lambda item: (item.occurred_at_ms, item.op))
    return [entry(item) for item in ordered]


def entry(item: Item) -> dict[str, Any]:
    """One entry; see `timeline` for its keys."""
    fields = item.fields
    data = fields.get("data")
    text = fields.get(_TEXT_OF.get(item.t, ""))
    if text is None and isinstance(data, dict):
        text = data.get("text")
    return {
        "op": item.op,
        "set": item.set_prefix,
        "t": item.t,
        "kind": fields.get("kind"),
        "at": item.occurred_at_ms,
        "received_at": item.at_ms,
        "late_by": item.late_by_ms,
        "flags": list(item.flags),
        "by": item.user,
        "said_by": fields.get("by"),
        "via": fields.get("via"),
        "order": fields.get("order"),
        "about": fields.get(_ABOUT.get(item.t, "")),
        "field": fields.get("f"),
        "value": _value(item),
        "text": text,
        "why": item.why if item.why is not None else fields.get("why"),
        "decision": item.decision,
        "pending": item.at_ms is None,
        "chain": item.chain,
        "seq": item.seq,
    }


def _value(item: Item) -> Any:
    """What an op sets or says beside its text, in the form it was written."""
    fields = item.fields
    match item.t:
        case "fact.set" | "set.add" | "latest.set":
            return fields.get("v")
        case "order.issue":
            return {"to": fields.get("to")}
        case "order.reassign":
            return {"to": fields.get("to"), "new": fields.get("new")}
        case "incident.create":
            return {"source": fields.get("source"), "station": fields.get("station")}
        case "incident.transfer":
            return {"station": fields.get("station")}
        case "incident.link":
            return {"to": fields.get("to")}
        case "incident.close":
            return {"result": fields.get("result")}
        case "order.return_review":
            return {"ok": fields.get("ok")}
        case "callback.attempt":
            return {name: fields.get(name) for name in ("outcome", "score", "minutes")}
        case "milestone.claim" | "entry.add":
            return fields.get("data")
        case _:
            return None
