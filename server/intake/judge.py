"""From what is remembered to the facts admission asks for, and from its word to a verdict.

Responsible for gathering the facts about one set, no more of them than admission will look at: whose chain, when it
can have been made, what its user was granted, which incident. Refuses to decide: `sync.incident.admit` does, from these
facts alone, and they are written into the ruling (RL7).

Example: a guard's create of an unknown incident gives a `Verdict` whose `ruled.decision` is `accepted` and whose
`creates_at_ms` says that it opens the incident, and when.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server.intake.memory import Incident, Tail
from server.intake.verify import Incoming
from server.store.devices import Device
from sync import rulings
from sync.changeset import ChangeSet
from sync.clock import Stamp
from sync.fold import effective_stamp
from sync.incident import shapes
from sync.incident.admit import (
    COMMAND_LEASE_MS,
    Ruled,
    admit,
    commands,
    looks_at_rights,
    spoken_of,
)
from sync.incident.escalation import CENTRE
from sync.incident.facts import Facts, Grant, KnownIncident, held_between, made_after_ms
from sync.time import CENTRE_UNCERTAINTY_MS

History = Callable[[bytes], Sequence[tuple[int, Grant]]]
"""Gives what a person was granted, as (ms from when, what), oldest first."""
SeenAt = Callable[[tuple[int, bytes]], int | None]
"""Gives when the centre made a ruling that a set names, None when this log has no such ruling."""
BeaconAt = Callable[[bytes], int | None]
"""Gives when the centre gave a beacon, None when it did not."""
HadBy = Callable[[Incoming, int], int | None]
"""Gives by when stations say that they had a set which cannot have been made before a moment; None when none does."""

AHEAD_MS = 2 * CENTRE_UNCERTAINTY_MS
"""How far the clocks of two processes of one centre may be apart."""


class Verdict(msgspec.Struct, frozen=True):
    """What is ruled on one set and by which facts. `creates_at_ms`: when what it creates happened, if it creates."""

    ruled: Ruled
    facts: Facts
    creates_at_ms: int | None = None


def judge(
    one: Incoming,
    *,
    at_ms: int,
    device: Device | None,
    before: Tail | None,
    incident: Incident | None,
    history: History,
    seen_at: SeenAt,
    beacon_at: BeaconAt,
    had_by: HadBy,
    is_fork: bool,
    is_gap: bool,
) -> Verdict:
    """The verdict on one set received at `at_ms`. `before` is the ruled set before it in its chain, if any."""
    change = one.change
    floor = before.eff if before is not None else None
    if change is None:
        facts = Facts(
            compromised_since_ms=device.compromised_since_ms if device is not None else None,
            floor=floor if floor is not None and floor >= Stamp(at_ms, 0).pack() else None,
            is_gap=is_gap,
            is_fork=is_fork,
        )
        return Verdict(admit(None, facts, at_ms), facts)
    header = change.header
    ops = change.body.ops if change.body is not None else []
    dead: tuple[bytes, ...] = ()
    if incident is not None and incident.state.items:
        floor = _floor(floor, ops, incident)
        dead = _dead(ops, incident)
    if floor is not None and floor < effective_stamp(header.hlc, at_ms):
        floor = None  # it does not bite
    lo_ms: int | None = None
    ahead_ms: int | None = None
    seen_unknown = beacon_unknown = False
    # The centre's own chain belongs to nobody and writes for whoever is signed in, at once (AU2, AU3). One that has
    # ended is brought by others, later.
    if device is not None and (not device.is_desk or device.revoked_at_ms is not None):
        seen_at_ms = None if header.seen is None else seen_at(header.seen)
        seen_unknown = header.seen is not None and seen_at_ms is None
        given_ms = None if header.beacon is None else beacon_at(header.beacon)
        before_ms = before.lo_ms if before is not None else None
        latest_ms = max(device.oldest_ms, seen_at_ms or 0, given_ms or 0, before_ms or 0)
        ahead_ms = latest_ms if latest_ms > at_ms + AHEAD_MS else None
        if given_ms is not None and given_ms > at_ms + AHEAD_MS:
            given_ms = None
        beacon_unknown = header.beacon is not None and given_ms is None
        lo_ms = made_after_ms(at_ms, device.oldest_ms, seen_at_ms, given_ms, before_ms)
    from_ms = at_ms if lo_ms is None else lo_ms
    hi_ms: int | None = None
    if (
        device is not None
        and lo_ms is not None
        and _leaves_doubt(change, device, history, lo_ms, at_ms)
    ):
        said_ms = had_by(one, lo_ms)
        hi_ms = said_ms if said_ms is not None and said_ms < at_ms else None
    until_ms = at_ms if hi_ms is None else hi_ms
    grants: tuple[Grant, ...] = ()
    known_incident: KnownIncident | None = None
    if looks_at_rights(change, from_ms, until_ms):
        held = history(header.user)
        # At a desk "now" is a place in the log: clocks of two processes may differ by more than a
        # grant is old.
        now = (held[-1][1] if held else Grant(),)
        grants = now if lo_ms is None else held_between(held, lo_ms, until_ms)
        known_incident = known(incident)
    elif _creates(ops):
        known_incident = known(incident)
    facts = Facts(
        enrolled=device is not None
        and one.key_known
        and speaks_for(device, header.user, history, from_ms, until_ms),
        lo_ms=lo_ms,
        ahead_ms=ahead_ms,
        hi_ms=hi_ms,
        is_hub=device is not None
        and device.station is not None
        and until_ms - from_ms > COMMAND_LEASE_MS,
        grants=grants,
        revoked_at_ms=device.revoked_at_ms if device is not None else None,
        compromised_since_ms=device.compromised_since_ms if device is not None else None,
        floor=floor,
        is_gap=is_gap,
        is_fork=is_fork,
        seen_unknown=seen_unknown,
        beacon_unknown=beacon_unknown,
        incident=known_incident,
        dead=dead,
    )
    ruled = admit(change, facts, at_ms)
    creates = None
    if (
        incident is not None
        and incident.created_chain is None
        and ruled.decision in rulings.COUNTED
    ):
        creates = created_at_ms(change, ruled.eff, at_ms)
    return Verdict(ruled, facts, creates)


def _leaves_doubt(
    change: ChangeSet, device: Device, history: History, lo_ms: int, at_ms: int
) -> bool:
    """Whether what is ruled may depend on when, between its earliest making and its receipt, a set was made (AU3)."""
    return (
        device.revoked_at_ms is not None
        or at_ms - lo_ms > COMMAND_LEASE_MS
        or (commands(change) and len(held_between(history(change.header.user), lo_ms, at_ms)) > 1)
    )


def speaks_for(device: Device, user: bytes, history: History, lo_ms: int, hi_ms: int) -> bool:
    """Whether what a chain holds may be this user's: its person's own, anybody's at the centre's own desk, and at a
    station's those of that station at some time since it was made, and the centre's own name (AU2, HB1).
    """
    if device.station is None:
        return device.person in (None, user)
    held = held_between(history(user), lo_ms, hi_ms)
    return user == CENTRE or any(grant.station == device.station for grant in held)


def _creates(ops: list[dict[str, Any]]) -> bool:
    return any(op["t"] == "incident.create" for op in ops)


def _floor(floor: bytes | None, ops: list[dict[str, Any]], incident: Incident) -> bytes | None:
    """The greatest stamp among the chain predecessor's and those of ruled ops that are named as replaced (ST1)."""
    for op in ops:
        named = op.get("p")
        for pred in named if isinstance(named, list) else ():
            item = incident.state.items.get(pred) if isinstance(pred, bytes) else None
            if item is not None and (floor is None or item.eff > floor):
                floor = item.eff
    return floor


def _dead(ops: list[dict[str, Any]], incident: Incident) -> tuple[bytes, ...]:
    """What the ops speak of that only rejected sets give (RL8)."""
    if not incident.state.has_rejected:
        return ()
    rejected = {ref for ref in spoken_of(ops) if incident.state.is_rejected(ref)}
    given = {op.get("order" if op["t"] == "order.issue" else "new") for op in ops}
    return tuple(sorted(rejected - given))


def known(incident: Incident | None) -> KnownIncident | None:
    """What admission needs of an incident; None while no create of it counts."""
    if incident is None or incident.created_chain is None:
        return None
    if incident.known is None:
        derived = incident.state.derived()
        assert derived.created is not None
        incident.known = KnownIncident(
            creator_chain=incident.created_chain,
            creator=derived.created["by"],
            source=derived.created["source"],
            station=derived.station,
        )
    return incident.known


def created_at_ms(change: ChangeSet, eff: bytes, at_ms: int) -> int | None:
    """Event time of the set's create (ST2), None when it has none."""
    ops: list[dict[str, Any]] = change.body.ops if change.body is not None else []
    for op in ops:
        if op["t"] == "incident.create" and shapes.problem(op) is None:
            claimed = op.get("at")
            stamped = int.from_bytes(eff[:6])
            return min(claimed if isinstance(claimed, int) else stamped, at_ms)
    return None
