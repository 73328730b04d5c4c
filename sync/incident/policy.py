"""Policies: every limit that is a decision of people, and which of them was in force when (SPEC PO).

Responsible for the limits with their defaults, for the limit of each clock, and for the book of all versions: the one
in force when a clock started judges it, so that no later change reaches back. Refuses to judge: it says how long was
allowed, not whether that was kept.

>>> book = PolicyBook([(bytes(16), 7, {"from_ms": 1_000, "sign_within_ms": 45_000})])
>>> book.at(999).sign_within_ms, book.at(1_000).sign_within_ms, book.at(1_000).idx
(30000, 45000, 7)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct, field, structs

from sync.incident.calendar import DAY_MS, day_of, end_of_working_day, start_of_day
from sync.incident.plans import DEFAULT_PLANS, Plan
from sync.incident.versions import MODES, Version, version_of
from sync.incident.zones import Zone, Zones

_MINUTE_MS: Final = 60_000
_SIGNING: Final[tuple[int, ...]] = (30_000, 60_000, 120_000, 180_000)
_MOVING: Final[tuple[int, ...]] = (300_000, 600_000, 900_000, 1_800_000)
_FEEDBACK: Final[tuple[int, ...]] = (1_800_000, 3_600_000, 7_200_000, 14_400_000)

_RESOLVED_LIMIT: Final = 4_096

NORMAL: Final = "normal"
COMPLEX: Final = "complex"
"""The kind of rectification that is counted in working days; any other is a call back with an answer."""


class Policy(Struct, frozen=True):
    """Every limit, resolved, in ms. `row` and `idx` name the narrowest version that was laid over the defaults, None
    and 0 for the defaults themselves. Maps have text keys: minutes of a tier, a level, a category, a target in hex.
    """

    deliver_within_ms: int = 10_000
    sign_within_ms: int = 30_000
    sign_basis: str = "delivered"
    turnout_within_ms: int | None = None
    travel_within_ms: int | None = None
    arrive_within_ms: dict[str, int] = field(
        default_factory=lambda: {"1": 60_000, "3": 180_000, "5": 300_000, "8": 480_000}
    )
    tier_basis: str = "place"
    tiers_by_level: dict[str, int] = {}
    tiers_by_force: dict[str, int] = {}
    first_feedback_within_ms: int = 1_800_000
    first_feedback_by_category: dict[str, int] = {}
    final_feedback_within_ms: int = DAY_MS
    final_feedback_by_category: dict[str, int] = {}
    review_within_ms: int = DAY_MS
    callback_days: int = 1
    callback_tries: int = 3
    callback_times_of_day: tuple[int, ...] = (480, 720, 1_080)
    callback_tolerance_ms: int = 300_000
    satisfaction: str = "basically"
    rectify_within_ms: int = DAY_MS
    rectify_complex_days: int = 5
    rest_days: tuple[str, ...] = ()
    work_days: tuple[str, ...] = ()
    late_window_ms: int = 7 * DAY_MS
    missed_max_grade: int = 1
    met_max_grade: int = 2
    plans: dict[str, Plan] = field(default_factory=lambda: dict(DEFAULT_PLANS))
    buckets: dict[str, tuple[int, ...]] = field(
        default_factory=lambda: (
            dict.fromkeys(("C1", "C2", "C2i"), _SIGNING)
            | dict.fromkeys(("C3", "C4", "C5"), _MOVING)
            | dict.fromkeys(("C6", "C7"), _FEEDBACK)
        )
    )
    row: bytes | None = None
    idx: int = 0

    @property
    def version(self) -> tuple[bytes | None, int]:
        """What a verdict names as its policy."""
        return self.row, self.idx

    def within_ms(
        self,
        clock: str,
        start_ms: int,
        *,
        tier: int | None = None,
        categories: Iterable[str] = (),
        kind: str = "",
    ) -> int | None:
        """How long a clock that started then may run, None when it is only shown (PO4). `tier` is for C5, `categories`
        for C6 and C7 (of several the shortest limit holds), `kind` of rectification for C10.
        """
        match clock:
            case "C1":
                return self.deliver_within_ms
            case "C2" | "C2i":
                return self.sign_within_ms
            case "C3":
                return self.turnout_within_ms
            case "C4":
                return self.travel_within_ms
            case "C5":
                return self.arrive_within_ms.get(str(tier), tier * _MINUTE_MS) if tier else None
            case "C6":
                by = self.first_feedback_by_category
                return _shortest(by, categories, self.first_feedback_within_ms)
            case "C7" | "C7r":
                by = self.final_feedback_by_category
                return _shortest(by, categories, self.final_feedback_within_ms)
            case "C8":
                return self.review_within_ms
            case "C9":
                return start_of_day(day_of(start_ms) + self.callback_days + 1) - 1 - start_ms
            case "C10":
                return self._rectify_within_ms(start_ms, kind)
        return None

    def _rectify_within_ms(self, start_ms: int, kind: str) -> int:
        if kind != COMPLEX:
            return self.rectify_within_ms
        days = self.rectify_complex_days
        return end_of_working_day(start_ms, days, self.rest_days, self.work_days) - start_ms


def _shortest(by: Mapping[str, int], categories: Iterable[str], usual_ms: int) -> int:
    return min((by.get(category, usual_ms) for category in categories), default=usual_ms)


def tier_for(
    view: Mapping[str, Any], zone: Zone | None, policy: Policy, target: bytes | None = None
) -> int | None:
    """The tier in minutes, 0 as soon as possible, None when nothing gives one (PO6). `target` is whom the order is for.

    A stated tier wins; where several stand, the shortest that sets a limit. Else what the policy reads tiers by, and
    where that says nothing the zone's.
    """
    stated = [value["v"] for value in view["fields"].get("tier", ())]
    if stated:
        return min((tier for tier in stated if tier), default=0)
    found: int | None = None
    if policy.tier_basis == "urgency":
        levels = [value["v"] for value in view["fields"].get("level", ())]
        found = policy.tiers_by_level.get(str(min(levels, default=0)))
    elif policy.tier_basis == "force" and target is not None:
        found = policy.tiers_by_force.get(target.hex())
    if found is not None:
        return found
    return None if zone is None else zone.tier


class Judging(Struct, frozen=True):
    """What one clock is judged by: the policy at its start, the zone and tier then, and how long it may run."""

    policy: Policy
    zone: Zone | None
    tier: int | None
    within_ms: int | None


class PolicyBook:
    """All versions of an organisation's policies, its zones and the modes it was in. A function of the rows alone:
    their order plays no part.
    """

    def __init__(
        self,
        policies: Iterable[tuple[bytes, int, dict[str, Any]]] = (),
        zones: Iterable[tuple[bytes, dict[str, Any]]] = (),
        modes: Iterable[tuple[bytes, dict[str, Any]]] = (),
    ) -> None:
        """Take the rows `policies` (id, index of the ruling that made it, row), `zones` and `modes`."""
        self.zones = Zones(zones)
        self._layers: dict[tuple[bytes | None, str | None], list[Version]] = {}
        read = (version_of(*one) for one in policies)
        for version in sorted(
            (one for one in read if one is not None), key=lambda one: (one.from_ms, one.row)
        ):
            self._layers.setdefault((version.zone, version.mode), []).append(version)
        self._modes = sorted(
            (row["from_ms"], row_id, row["mode"])
            for row_id, row in modes
            if type(row.get("from_ms")) is int and row.get("mode") in MODES
        )
        begins = {one.from_ms for layer in self._layers.values() for one in layer}
        self._begins = sorted(begins)
        self._resolved: dict[tuple[int, bytes | None, str], Policy] = {}

    def mode_at(self, ms: int) -> str:
        """The mode the organisation is in at a time; `normal` until somebody says otherwise (PO7)."""
        if not self._modes:
            return NORMAL
        begun = bisect_right(self._modes, ms, key=lambda one: one[0])
        return self._modes[begun - 1][2] if begun else NORMAL

    def at(self, ms: int, zone: bytes | None = None, mode: str = NORMAL) -> Policy:
        """The policy in force at a time: the defaults, and over them the newest version that had begun for everything,
        for the zone, for the mode, and for both (PO3).
        """
        if not self._begins:
            return DEFAULTS
        key = (bisect_right(self._begins, ms), zone, mode)
        known = self._resolved.get(key)
        if known is None:
            limits: dict[str, Any] = {}
            for scope in ((None, None), (zone, None), (None, mode), (zone, mode)):
                version = self._begun(scope, ms)
                if version is not None:
                    limits |= version.limits | {"row": version.row, "idx": version.idx}
            if len(self._resolved) >= _RESOLVED_LIMIT:
                self._resolved.clear()
            known = self._resolved[key] = structs.replace(DEFAULTS, **limits)
        return known

    def judging(
        self,
        view: Mapping[str, Any],
        clock: str,
        start_ms: int,
        *,
        target: bytes | None = None,
        kind: str = "",
    ) -> Judging:
        """What a clock of an incident that started then is judged by, for ever (PO3)."""
        zone = self.zones.of(view, start_ms)
        policy = self.at(start_ms, None if zone is None else zone.id, self.mode_at(start_ms))
        tier = tier_for(view, zone, policy, target)
        categories = [value["v"] for value in view["fields"].get("category", ())]
        within_ms = policy.within_ms(clock, start_ms, tier=tier, categories=categories, kind=kind)
        return Judging(policy, zone, tier, within_ms)

    def _begun(self, scope: tuple[bytes | None, str | None], ms: int) -> Version | None:
        versions = self._layers.get(scope)
        if versions is None:
            return None
        begun = bisect_right(versions, ms, key=lambda one: one.from_ms)
        return versions[begun - 1] if begun else None


DEFAULTS: Final = Policy()
"""What holds where no version says otherwise."""
