"""What admission looks at when it rules on one set, and how that is written into the ruling (SPEC RL7, AU3, AU4).

Responsible for the facts, for their compact form in a ruling (`in`), for reading them back, and for the interval in
which a set must have been made. It does not know where facts come from, and decides nothing.

>>> captured(Facts(lo_ms=1000, grants=(Grant(("officer",), None),)))
{'lo': 1000, 'grants': [[['officer'], None]]}
>>> facts_of({"lo": 1000, "grants": [[["officer"], None]]}) == Facts(lo_ms=1000, grants=(Grant(("officer",)),))
True
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct


class Grant(Struct, frozen=True, array_like=True):
    """What a person may do for a time: the roles held, and the own station (16 bytes) if any. Nobody holds none."""

    roles: tuple[str, ...] = ()
    station: bytes | None = None


class KnownIncident(Struct, frozen=True, array_like=True):
    """What admission needs of an incident whose create was ruled: who made it, how, and where it belongs now."""

    creator_chain: bytes
    creator: bytes
    source: str
    station: bytes | None


class Facts(Struct, frozen=True):
    """Everything the centre knows of one set when it rules. Times are ms of the centre's clock.

    `enrolled`: an enrolled device has this chain and the set's user is its person, or the chain is the centre's own
    (AU2). `lo_ms`: the set cannot have been made before (AU3); None: not before its receipt. `ahead_ms`: what bounds it
    from below lies after its receipt, so the centre's clock was set back in between (TM5). `hi_ms`: a station had it by
    then (TM13); None: none had it before its receipt, or it does not matter. `is_hub`: it is of a station's own chain,
    after a long silence. `grants`: what its user held between `lo_ms` and `hi_ms`, in order; only looked at for a
    command or after a long silence. `floor`: the greatest
    stamp among what the set names as replaced and its chain predecessor, where it bites (ST1). `is_gap`: the
    predecessor is not here. `is_fork`: the chain is in two places. `seen_unknown`: it names a ruling that this log does
    not have, `beacon_unknown` a beacon that is none of this centre's. `incident`: None while no create of
    it counts. `dead`: ids of ops and orders it speaks of that nothing but rejected sets gives.
    """

    enrolled: bool = True
    lo_ms: int | None = None
    ahead_ms: int | None = None
    hi_ms: int | None = None
    is_hub: bool = False
    grants: tuple[Grant, ...] = ()
    revoked_at_ms: int | None = None
    compromised_since_ms: int | None = None
    floor: bytes | None = None
    is_gap: bool = False
    is_fork: bool = False
    seen_unknown: bool = False
    beacon_unknown: bool = False
    incident: KnownIncident | None = None
    dead: tuple[bytes, ...] = ()


def captured(facts: Facts) -> dict[str, Any]:
    """The facts as a ruling carries them, in plain values; what is as usual is left out."""
    kept: dict[str, Any] = {}
    if facts.lo_ms is not None:
        kept["lo"] = facts.lo_ms
    if facts.ahead_ms is not None:
        kept["ahead"] = facts.ahead_ms
    if facts.hi_ms is not None:
        kept["hi"] = facts.hi_ms
    if not facts.enrolled:
        kept["stranger"] = True
    if facts.grants:
        kept["grants"] = [[list(grant.roles), grant.station] for grant in facts.grants]
    if facts.revoked_at_ms is not None:
        kept["revoked"] = facts.revoked_at_ms
    if facts.compromised_since_ms is not None:
        kept["compromised"] = facts.compromised_since_ms
    if facts.floor is not None:
        kept["floor"] = facts.floor
    kept |= {
        name: True
        for name, holds in (
            ("hub", facts.is_hub),
            ("gap", facts.is_gap),
            ("fork", facts.is_fork),
            ("unseen", facts.seen_unknown),
            ("beacon_unknown", facts.beacon_unknown),
        )
        if holds
    }
    if (known := facts.incident) is not None:
        kept["incident"] = [known.creator_chain, known.creator, known.source, known.station]
    if facts.dead:
        kept["dead"] = list(facts.dead)
    return kept


def facts_of(kept: dict[str, Any]) -> Facts:
    """The facts that `captured` wrote."""
    incident = kept.get("incident")
    return Facts(
        enrolled=not kept.get("stranger", False),
        lo_ms=kept.get("lo"),
        ahead_ms=kept.get("ahead"),
        hi_ms=kept.get("hi"),
        is_hub=kept.get("hub", False),
        grants=tuple(Grant(tuple(roles), station) for roles, station in kept.get("grants", ())),
        revoked_at_ms=kept.get("revoked"),
        compromised_since_ms=kept.get("compromised"),
        floor=kept.get("floor"),
        is_gap=kept.get("gap", False),
        is_fork=kept.get("fork", False),
        seen_unknown=kept.get("unseen", False),
        beacon_unknown=kept.get("beacon_unknown", False),
        incident=None if incident is None else KnownIncident(*incident),
        dead=tuple(kept.get("dead", ())),
    )


def made_after_ms(at_ms: int, *lower_bounds: int | None) -> int:
    """The latest moment before which a set received at `at_ms` cannot have been made (AU3)."""
    return min(at_ms, max((bound for bound in lower_bounds if bound is not None), default=0))


def held_between(history: Sequence[tuple[int, Grant]], lo_ms: int, hi_ms: int) -> tuple[Grant, ...]:
    """The different grants a person held at any time from `lo_ms` to `hi_ms`, in order (AU4).

    `history`: `(from when, what)`, oldest first; each holds until the next, and before the first there was none.
    """
    held: list[Grant] = []
    ends: list[int | None] = [*(from_ms for from_ms, _grant in history), None]
    for (since_ms, grant), until_ms in zip([(0, Grant()), *history], ends, strict=True):
        lasts = until_ms is None or until_ms > max(lo_ms, since_ms)
        if lasts and since_ms <= hi_ms and grant not in held:
            held.append(grant)
    return tuple(held)
