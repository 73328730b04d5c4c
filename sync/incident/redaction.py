"""What is left of an op whose words must vanish: its skeleton (SPEC RD2).

Responsible for saying what an op did without anything it said: kinds, ids, codes from closed sets and times stay, so
that claims, orders and what a write replaced go on standing; words, values, numbers of people and places go. It does
not decide what is redacted, nor by whom.

>>> skeleton({"t": "entry.add", "kind": "note", "text": "他说他叫...", "data": {"phone": "138"}})
{'t': 'entry.add', 'kind': 'note', 'text': ''}
>>> skeleton({"t": "drone.launch", "target": "..."})
{'t': 'redacted'}
"""

from __future__ import annotations

from typing import Any, Final

from sync.incident import shapes

UNKNOWN: Final = "redacted"
"""The kind left of an op that this version does not understand: even its kind could be words."""

_SAID: Final = frozenset({"v", "data", "pos"})


def skeleton(op: dict[str, Any]) -> dict[str, Any]:
    """The op without what it said. A text it must have becomes empty; of a feedback only `final` is kept."""
    required = shapes.REQUIRED.get(op["t"])
    if required is None or shapes.problem(op) is not None:
        return {"t": UNKNOWN}
    optional = shapes.OPTIONAL.get(op["t"], {})
    kept: dict[str, Any] = {"t": op["t"]}
    for name, value in op.items():
        if name in _SAID or not (name in required or name in optional or name == "at"):
            continue
        if (required | optional).get(name) is not shapes.is_text:
            kept[name] = value
        elif name in required:
            kept[name] = ""
    if op["t"] == "milestone.claim" and op["kind"] == "feedback":
        kept["data"] = {"final": op["data"]["final"]}
    return kept
