"""The short names of the incident vectors, and how much of a view a story is about.

``@su`` is a 16-byte id, ``#a`` an op id: the letters, filled up with zeros. ``!1000`` is the packed stamp of 1000 ms.
Everything else stands as it is.

>>> expand(["@su", {"op": "#a"}])[1]["op"].hex()
'6100000000000000000000000000000000'
"""

from typing import Any

from sync.clock import Stamp
from sync.fold import Item, Redaction
from sync.ids import OpId
from sync.incident.state import IncidentState

INCIDENT = b"incident".ljust(16, b"\0")


def expand(value: Any) -> Any:
    """The same value with every label as the bytes it stands for."""
    if isinstance(value, str) and value[:1] == "!":
        return Stamp(int(value[1:]), 0).pack()
    if isinstance(value, str) and value[:1] in {"@", "#"}:
        return value[1:].encode().ljust(16 if value[0] == "@" else 17, b"\0")
    if isinstance(value, list):
        return [expand(part) for part in value]
    if isinstance(value, dict):
        return {name: expand(part) for name, part in value.items()}
    return value


def item_of(told: dict[str, Any]) -> Item:
    """One item of a story."""
    ruled = told.get("ruled", "accepted")
    fields = expand(told["says"])
    received = told.get("received", told["ms"])
    return Item(
        op=OpId(expand(told["op"])),
        t=fields["t"],
        fields=fields,
        user=expand(told["by"]),
        chain=expand(told["by"]),
        seq=1,
        eff=Stamp(told["ms"], 0).pack(),
        idx=None if ruled is None else told.get("idx", 1),
        at_ms=None if ruled is None else received,
        decision=ruled,
        why=told.get("why"),
        flags=tuple(told.get("flags", ())),
        number=told.get("number"),
        redaction=_redaction(told.get("redacted")),
    )


def _redaction(told: dict[str, Any] | None) -> Redaction | None:
    return None if told is None else Redaction(expand(told["by"]), told["ground"], told["at"])


def state_of(told: list[dict[str, Any]]) -> IncidentState:
    """The incident of a story."""
    state = IncidentState(INCIDENT)
    state.add([item_of(one) for one in told])
    return state


def part(whole: Any, like: Any) -> Any:
    """As much of `whole` as `like` speaks of: the named keys of a map, lists whole."""
    if isinstance(like, dict) and isinstance(whole, dict):
        return {name: part(whole[name], inner) for name, inner in like.items() if name in whole}
    if isinstance(like, list) and isinstance(whole, list) and len(like) == len(whole):
        return [part(one, inner) for one, inner in zip(whole, like, strict=True)]
    return whole
