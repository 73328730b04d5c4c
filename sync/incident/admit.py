"""Admission: what the centre rules about one set (SPEC RL, AU, IN1, IN2, ST1, ST3).

One pure function. Everything it looks at is in `Facts`, so that the same facts give the same ruling again. It does not
know where facts come from and writes nothing.

>>> stranger = Facts(enrolled=False)
>>> stranger.roles
()
"""

from __future__ import annotations

from msgspec import Struct

from sync import rulings
from sync.changeset import KIND_CHAIN, KIND_INCIDENT, ChangeSet
from sync.fold import LATE_AFTER_MS, effective_stamp, occurred_at
from sync.incident import authority, shapes

CLOCK_AHEAD_MS = 60_000


class KnownIncident(Struct, frozen=True):
    """What admission needs of an incident whose create was ruled: who made it, how, and where it belongs now."""

    creator_chain: bytes
    creator: bytes
    source: str
    stations: frozenset[bytes]


class Facts(Struct, frozen=True):
    """What the centre knows when it rules.

    `enrolled`: an enrolled device has this chain and the set's user is its person, or the chain is the centre's own
    (AU2). `roles` and `station` are the user's. `is_gap`: the predecessor is not here. `is_fork`: another set stands at
    this place. `incident` is None while no create of it was accepted.
    """

    enrolled: bool
    roles: tuple[str, ...] = ()
    station: bytes | None = None
    revoked_at_ms: int | None = None
    is_gap: bool = False
    is_fork: bool = False
    incident: KnownIncident | None = None


class Ruled(Struct, frozen=True):
    """The decision of RL1 with its reason (RL2), effective stamp (ST1) and sorted flags."""

    decision: str
    why: str | None
    eff: bytes
    flags: tuple[str, ...]


def admit(changeset: ChangeSet, facts: Facts, at_ms: int) -> Ruled:
    """Rule on one set that was read and whose signature holds, received at `at_ms` by the centre's clock."""
    header = changeset.header
    hlc_ms = int.from_bytes(header.hlc[:6], "big")
    eff = effective_stamp(header.hlc, at_ms)
    if not facts.enrolled:
        return Ruled(
            rulings.HELD, "unenrolled", eff, _flags(facts, hlc_ms, at_ms, is_revoked=False)
        )
    revoked = facts.revoked_at_ms is not None
    flags = _flags(facts, hlc_ms, at_ms, is_revoked=revoked)
    after_revocation = facts.revoked_at_ms is not None and hlc_ms >= facts.revoked_at_ms
    if why := _reason_against(changeset, facts, after_revocation=after_revocation):
        return Ruled(rulings.REJECTED, why, eff, flags)
    # A key in two places: nobody's report is lost for it, but a command waits for a person (RL3).
    if facts.is_fork and _commands(changeset):
        return Ruled(rulings.HELD, "fork", eff, flags)
    late = after_revocation or at_ms - _happened_at_ms(changeset, eff, at_ms) > LATE_AFTER_MS
    return Ruled(rulings.ACCEPTED_LATE if late else rulings.ACCEPTED, None, eff, flags)


def _happened_at_ms(changeset: ChangeSet, eff: bytes, at_ms: int) -> int:
    """The event time of a set: of what happened first in it (ST2)."""
    body = changeset.body
    ops = body.ops if body is not None and body.kind == KIND_INCIDENT else [{}]
    return min(occurred_at(op, eff, at_ms) for op in ops)


def _commands(changeset: ChangeSet) -> bool:
    body = changeset.body
    user = changeset.header.user
    return body is not None and any(authority.command_of(op, user) is not None for op in body.ops)


def _flags(facts: Facts, hlc_ms: int, at_ms: int, *, is_revoked: bool) -> tuple[str, ...]:
    ahead = hlc_ms - at_ms > CLOCK_AHEAD_MS
    if not (ahead or facts.is_fork or facts.is_gap or is_revoked):
        return ()
    raised = {
        "clock_ahead": ahead,
        "fork": facts.is_fork,
        "gap": facts.is_gap,
        "revoked": is_revoked,
    }
    return tuple(sorted(name for name, is_raised in raised.items() if is_raised))


def _reason_against(changeset: ChangeSet, facts: Facts, *, after_revocation: bool) -> str | None:
    body = changeset.body
    if body is None or body.kind == KIND_CHAIN:
        return None
    if body.kind != KIND_INCIDENT:
        return "unknown_entity_kind"
    user = changeset.header.user
    for op in body.ops:
        if shapes.problem(op) is not None:
            return "bad_op"
        if op["t"] == "incident.create" and _taken(changeset, facts):
            return "id_exists"
        command = authority.command_of(op, user)
        if command is not None and (after_revocation or not _may(command, op, changeset, facts)):
            return "no_authority"
    return None


def _taken(changeset: ChangeSet, facts: Facts) -> bool:
    return facts.incident is not None and facts.incident.creator_chain != changeset.header.chain


def _may(command: str, op: dict[str, object], changeset: ChangeSet, facts: Facts) -> bool:
    user = changeset.header.user
    incident = facts.incident
    stations = incident.stations if incident is not None else _stations_created(changeset)
    own = (
        op["t"] == "order.issue"
        and op.get("to") == ["person", user]
        and (
            (incident.source == "self" and incident.creator == user)
            if incident is not None
            else _creates_self_report(changeset)
        )
    )
    return authority.may(
        command,
        roles=facts.roles,
        same_station=facts.station is not None and facts.station in stations,
        own_self_report=own,
    )


def _stations_created(changeset: ChangeSet) -> frozenset[bytes]:
    """The station a set's own create names: a desk creates and orders in one action."""
    ops = changeset.body.ops if changeset.body is not None else []
    return frozenset(
        op["station"] for op in ops if op["t"] == "incident.create" and "station" in op
    )


def _creates_self_report(changeset: ChangeSet) -> bool:
    ops = changeset.body.ops if changeset.body is not None else []
    return any(op["t"] == "incident.create" and op.get("source") == "self" for op in ops)
