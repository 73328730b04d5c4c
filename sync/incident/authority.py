"""Who may command what (SPEC AU).

Responsible for telling commands from observations and for the table of roles. Judges nobody's identity: the person and
the facts of the incident are handed in.

>>> may("order.issue", roles=("dispatcher",), same_station=False, own_self_report=False)
True
>>> may("order.issue", roles=("officer",), same_station=True, own_self_report=False)
False
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sync.incident import kinds

DISPATCH: Final = "dispatch"
PROXY: Final = "proxy"
DISPUTE: Final = "milestone.dispute"
CALLBACK: Final = "callback.attempt"
CALL_WITHDRAWN: Final = "callback.withdraw"
REVIEW: Final = "feedback.review"
NATURE: Final = "nature.rule"
OVERRIDE: Final = "verdict.override"
RECTIFY: Final = "rectify.order"
RECTIFIED: Final = "rectify.done"
SUPERVISE: Final = frozenset({"supervise.open", "supervise.close"})

_DISPATCH_OPS: Final = frozenset(
    {
        "order.issue",
        "order.withdraw",
        "order.reassign",
        "order.return_review",
        "incident.transfer",
        "incident.link",
        "incident.unlink",
        "incident.withdraw",
        "incident.close",
        "incident.reopen",
        RECTIFIED,
        "delay.answer",
        "fact.level",
        PROXY,
    }
)
_ROLES: Final[dict[str, frozenset[str]]] = {
    DISPATCH: frozenset({"dispatcher", "commander"}),
    DISPUTE: frozenset({"commander", "supervisor", "reviewer"}),
    CALLBACK: frozenset({"callback", "dispatcher", "commander"}),
    CALL_WITHDRAWN: frozenset({"callback", "dispatcher", "commander"}),
    REVIEW: frozenset({"reviewer", "commander"}),
    NATURE: frozenset({"reviewer", "commander"}),
    OVERRIDE: frozenset({"commander", "supervisor"}),
    RECTIFY: frozenset({"callback", "dispatcher", "commander"}),
    **dict.fromkeys(SUPERVISE, frozenset({"supervisor"})),
}


def command_of(op: dict[str, Any], user: bytes) -> str | None:
    """The command an op is, or None for an observation. `fact.level` stands for facts only a desk may set."""
    t: str = op["t"]
    if t in _DISPATCH_OPS or (t in _ROLES and t != DISPATCH):
        return t
    if t == "fact.set":
        return "fact.level" if op.get("f") in kinds.COMMAND_FACTS else None
    if t == "milestone.claim":
        return PROXY if op.get("by", user) != user else None
    return None


def stations_asked(
    command: str, op: dict[str, Any], stations: Collection[bytes | None]
) -> Collection[bytes | None]:
    """Whose station's people may give a command: those of the incident, but who was asked to rectify answers (CK4)."""
    return (op["station"],) if command == RECTIFIED else stations


def may(command: str, *, roles: Collection[str], same_station: bool, own_self_report: bool) -> bool:
    """Whether someone with these roles may give the command.

    `same_station`: the incident is in the person's own station, or, for `rectify.done`, that is the station which was
    asked. `own_self_report`: the order goes to the person's own self on an incident that person reported, the one
    command of officers and guards (AU1).
    """
    if command != DISPATCH and command in _ROLES:
        return not _ROLES[command].isdisjoint(roles)
    if not _ROLES[DISPATCH].isdisjoint(roles):
        return True
    if "station" in roles and same_station:
        return True
    # Who is no longer in the organisation has no role at all, and commands nobody (AU1).
    return command == "order.issue" and own_self_report and bool(roles)
