"""One version of a policy as the `org` row `policies` holds it, read field by field (SPEC PO1, PO2).

Responsible for which fields a version may have and what each may hold: the writer refuses what is at fault here, and a
reader leaves out exactly that and no more. It does not know which version is in force.

>>> faults({"name": "夜间", "from_ms": 0, "by": bytes(16), "note": "", "sign_within_ms": 5})
[('sign_within_ms', 'out_of_range')]
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, get_args

from msgspec import Struct

from sync.canon import INT_MAX
from sync.incident.calendar import DAY_MS
from sync.incident.plans import After, Channel, PlanStep, To
from sync.incident.zones import TIER_MAX

Check = Callable[[Any], str | None]
"""Gives the fault of a value, None for a good one."""

LIMIT_MIN_MS, LIMIT_MAX_MS = 1_000, 366 * DAY_MS

CLOCKS: Final = ("C1", "C2", "C2i", "C3", "C4", "C5", "C6", "C7", "C7r", "C8", "C9", "C10")
MODES: Final = ("normal", "special", "security", "emergency")
SIGN_BASES: Final = ("delivered", "issued")
TIER_BASES: Final = ("place", "force", "urgency")
SATISFACTIONS: Final = ("basically", "half", "satisfied")

_PLAN: Final = re.compile("[0-9]{0,4}")
_DATE: Final = re.compile("[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_TARGET: Final = re.compile("[0-9a-f]{32}")
_TIER: Final = re.compile("[0-9]{1,4}")
_CODE: Final = re.compile(".{1,64}", re.DOTALL)


def _int(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        if type(value) is not int:
            return "wrong_type"
        return None if low <= value <= high else "out_of_range"

    return check


def _text(low: int, high: int) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "wrong_type"
        return None if low <= len(value) <= high else "out_of_range"

    return check


def _one_of(names: tuple[str, ...]) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return "wrong_type"
        return None if value in names else "out_of_range"

    return check


def _id(value: Any) -> str | None:
    return None if isinstance(value, bytes) and len(value) == 16 else "wrong_type"


def _map(key: re.Pattern[str], entry: Check, at_most: int) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "wrong_type"
        if len(value) > at_most:
            return "too_many"
        if not all(isinstance(name, str) and key.fullmatch(name) for name in value):
            return "bad_key"
        return next((found for one in value.values() if (found := entry(one))), None)

    return check


def _list(entry: Check, at_least: int, at_most: int) -> Check:
    def check(value: Any) -> str | None:
        if not isinstance(value, list):
            return "wrong_type"
        if not at_least <= len(value) <= at_most:
            return "too_many" if value else "missing"
        return next((found for one in value if (found := entry(one))), None)

    return check


def _ascending_list(low: int, high: int, at_most: int) -> Check:
    entries = _list(_int(low, high), 1, at_most)

    def check(value: Any) -> str | None:
        found = entries(value)
        return found or (None if value == sorted(set(value)) else "not_ascending")

    return check


def _date(value: Any) -> str | None:
    if not isinstance(value, str):
        return "wrong_type"
    return None if _DATE.fullmatch(value) else "out_of_range"


_STEP: Final[dict[str, Check]] = {
    "clock": _one_of(CLOCKS),
    "after": _one_of(get_args(After)),
    "at_ms": _int(-LIMIT_MAX_MS, LIMIT_MAX_MS),
    "channel": _one_of(get_args(Channel)),
    "to": _one_of(get_args(To)),
}


def _step(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "wrong_type"
    if value.keys() != _STEP.keys():
        return "bad_key"
    return next((found for name, check in _STEP.items() if (found := check(value[name]))), None)


_WITHIN: Final = _int(LIMIT_MIN_MS, LIMIT_MAX_MS)
_TIER_OF: Final = _int(0, TIER_MAX)
_GRADE: Final = _int(0, 3)

HEAD: Final[dict[str, Check]] = {
    "name": _text(1, 100),
    "from_ms": _int(0, INT_MAX),
    "by": _id,
    "note": _text(0, 500),
}
"""What every version says of itself."""
SCOPE: Final[dict[str, Check]] = {"zone": _id, "mode": _one_of(MODES)}
"""What a version is for, when it is not for everything."""
LIMITS: Final[dict[str, Check]] = {
    "deliver_within_ms": _WITHIN,
    "sign_within_ms": _WITHIN,
    "sign_basis": _one_of(SIGN_BASES),
    "turnout_within_ms": _WITHIN,
    "travel_within_ms": _WITHIN,
    "arrive_within_ms": _map(_TIER, _WITHIN, 40),
    "tier_basis": _one_of(TIER_BASES),
    "tiers_by_level": _map(re.compile("[1-4]"), _TIER_OF, 4),
    "tiers_by_force": _map(_TARGET, _TIER_OF, 500),
    "first_feedback_within_ms": _WITHIN,
    "first_feedback_by_category": _map(_CODE, _WITHIN, 200),
    "final_feedback_within_ms": _WITHIN,
    "final_feedback_by_category": _map(_CODE, _WITHIN, 200),
    "review_within_ms": _WITHIN,
    "callback_days": _int(0, 31),
    "callback_tries": _int(1, 20),
    "callback_times_of_day": _ascending_list(0, 1_439, 12),
    "callback_tolerance_ms": _int(0, DAY_MS),
    "satisfaction": _one_of(SATISFACTIONS),
    "rectify_within_ms": _WITHIN,
    "rectify_complex_days": _int(1, 60),
    "rest_days": _list(_date, 0, 400),
    "work_days": _list(_date, 0, 400),
    "late_window_ms": _WITHIN,
    "missed_max_grade": _GRADE,
    "met_max_grade": _GRADE,
    "plans": _map(_PLAN, _list(_step, 0, 60), 40),
    "buckets": _map(
        re.compile("|".join(CLOCKS)), _ascending_list(1, LIMIT_MAX_MS, 12), len(CLOCKS)
    ),
}
"""What a version may say; what it leaves out is as the wider version or the default has it (PO3)."""


def faults(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Everything wrong with a row, as (field, code) in the order of the names."""
    known = HEAD | SCOPE | LIMITS
    found = [(name, "missing") for name in HEAD if name not in row]
    for name, value in row.items():
        check = known.get(name)
        fault = "unknown_field" if check is None else check(value)
        if fault is not None:
            found.append((name, fault))
    return sorted(found)


class Version(Struct, frozen=True):
    """One row that can be in force: what it is for, from when, and the limits in it that can be read."""

    row: bytes
    idx: int
    from_ms: int
    zone: bytes | None
    mode: str | None
    limits: dict[str, Any]


def version_of(row_id: bytes, idx: int, row: dict[str, Any]) -> Version | None:
    """Read a row. None when nobody can say from when or for what it holds; a limit at fault is left out (PO2)."""
    if HEAD["from_ms"](row.get("from_ms")) is not None:
        return None
    if any(name in row and check(row[name]) is not None for name, check in SCOPE.items()):
        return None
    limits = {
        name: row[name]
        for name, check in LIMITS.items()
        if name in row and check(row[name]) is None
    }
    if "plans" in limits:
        limits["plans"] = {
            tier: tuple(PlanStep(**step) for step in plan) for tier, plan in limits["plans"].items()
        }
    return Version(row_id, idx, row["from_ms"], row.get("zone"), row.get("mode"), limits)
