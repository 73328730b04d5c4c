"""Admission: what the centre rules about one set (SPEC RL, AU, IN1, IN2, ST1, ST3).

One pure function. Everything it looks at is in the set, its `Facts` and the moment of receipt, so that the same facts
give the same ruling again: a replay of the log proves every decision in it (RL7). It does not know where facts come
from and writes nothing.

>>> admit(None, Facts(), 1000).decision
'opaque'
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from sync import kept, rulings, samples
from sync.changeset import KIND_CHAIN, KIND_INCIDENT, ChangeSet
from sync.clock import Stamp
from sync.fold import LATE_AFTER_MS, effective_stamp, occurred_at
from sync.incident import authority, shapes
from sync.incident.facts import Facts, Grant

CLOCK_AHEAD_MS: Final = 60_000
FIELD_LEASE_MS: Final = 72 * 3_600_000
"""How long after its last certain contact a device's commands are taken without asking a person (AU7)."""
COMMAND_LEASE_MS: Final = 12 * 3_600_000
"""The same for people who command by their role: what they may do changes oftener and matters more."""
HUB_LEASE_MS: Final = 8 * 24 * 3_600_000
"""The same for whoever sits at a station, which works a week without its centre; a stolen one is bounded by AU6."""
COMMAND_ROLES: Final = frozenset({"dispatcher", "commander", "station"})


class Ruled(Struct, frozen=True):
    """The decision of RL1 with its reason (RL2), effective stamp (ST1) and sorted flags."""

    decision: str
    why: str | None
    eff: bytes
    flags: tuple[str, ...]


def admit(changeset: ChangeSet | None, facts: Facts, at_ms: int) -> Ruled:
    """Rule on one set whose signature holds, received at `at_ms` by the centre's clock. None: a set of a newer version,
    of which this one can read no more than its place in its chain."""
    if changeset is None:
        eff = effective_stamp(Stamp(at_ms, 0).pack(), at_ms, facts.floor)
        return Ruled(rulings.OPAQUE, "newer_version", eff, _flags(facts, at_ms, at_ms, eff))
    hlc = changeset.header.hlc
    hlc_ms = int.from_bytes(hlc[:6], "big")
    eff = effective_stamp(hlc, at_ms, facts.floor)
    hi_ms = at_ms if facts.hi_ms is None else facts.hi_ms
    revoked_at_ms = facts.revoked_at_ms
    is_revoked = revoked_at_ms is not None and hi_ms >= revoked_at_ms
    is_after = is_revoked and _is_after(facts, hlc_ms, at_ms)
    straddles = is_revoked and not is_after
    is_stale = _is_stale(facts, hi_ms)
    flags = _flags(facts, at_ms, hlc_ms, eff, straddles=straddles, is_stale=is_stale)
    if not facts.enrolled:
        return Ruled(rulings.HELD, "unenrolled", eff, flags)
    if is_after:
        return Ruled(rulings.REJECTED, "revoked", eff, flags)
    why, commands, is_partly_allowed = _weighed(changeset, facts)
    if why is not None:
        return Ruled(rulings.REJECTED, why, eff, flags)
    # Nobody's report is lost for want of certainty; a command waits for a person (RL3).
    if commands:
        for reason, applies in (
            ("fork", facts.is_fork),
            ("revoked_straddle", straddles),
            ("authority_straddles", is_partly_allowed),
            ("stale_lease", is_stale),
        ):
            if applies:
                return Ruled(rulings.HELD, reason, eff, flags)
    late = straddles or at_ms - _happened_at_ms(changeset, eff, at_ms) > LATE_AFTER_MS
    return Ruled(rulings.ACCEPTED_LATE if late else rulings.ACCEPTED, None, eff, flags)


def looks_at_rights(changeset: ChangeSet, lo_ms: int, hi_ms: int) -> bool:
    """Whether admission will look at what the user was granted: for commands, and after a long silence (AU7)."""
    return hi_ms - lo_ms > COMMAND_LEASE_MS or commands(changeset)


def commands(changeset: ChangeSet) -> bool:
    """Whether any op of a set is a command of its user (RL3)."""
    body = changeset.body
    user = changeset.header.user
    return body is not None and any(authority.command_of(op, user) is not None for op in body.ops)


def spoken_of(ops: list[dict[str, Any]]) -> list[bytes]:
    """The ids of ops and orders that ops speak of and would be empty words without (RL8)."""
    named: list[bytes] = []
    for op in ops:
        for field in ("entry", "claim", "order", "attempt", "rectify", "supervise"):
            ref = op.get(field)
            if isinstance(ref, bytes) and not (field == "order" and op["t"] == "order.issue"):
                named.append(ref)
    return named


def _is_after(facts: Facts, hlc_ms: int, at_ms: int) -> bool:
    """Whether a set was made after its device was revoked: certainly, or by its author's own clock (AU5)."""
    assert facts.revoked_at_ms is not None
    lo_ms = at_ms if facts.lo_ms is None else facts.lo_ms
    return lo_ms >= facts.revoked_at_ms or hlc_ms >= facts.revoked_at_ms


def _is_stale(facts: Facts, hi_ms: int) -> bool:
    """Whether the device was out of touch for longer than commands are taken from it unasked (AU7)."""
    silence_ms = 0 if facts.lo_ms is None else hi_ms - facts.lo_ms
    if silence_ms <= COMMAND_LEASE_MS:
        return False
    if facts.is_hub:
        return silence_ms > HUB_LEASE_MS
    by_role = any(not COMMAND_ROLES.isdisjoint(grant.roles) for grant in facts.grants)
    return by_role or silence_ms > FIELD_LEASE_MS


def _flags(
    facts: Facts,
    at_ms: int,
    hlc_ms: int,
    eff: bytes,
    *,
    straddles: bool = False,
    is_stale: bool = False,
) -> tuple[str, ...]:
    """The flags of RL2, sorted. Written out, for every set comes through here."""
    raised: list[str] = []
    if facts.beacon_unknown:
        raised.append("beacon_unknown")
    if hlc_ms - at_ms > CLOCK_AHEAD_MS:
        raised.append("clock_ahead")
    hi_ms = at_ms if facts.hi_ms is None else facts.hi_ms
    if facts.compromised_since_ms is not None and hi_ms >= facts.compromised_since_ms:
        raised.append("compromised")
    if facts.floor is not None and int.from_bytes(eff[:6], "big") > at_ms:
        raised.append("floored")
    if facts.is_fork:
        raised.append("fork")
    if facts.is_gap:
        raised.append("gap")
    if straddles:
        raised.append("rights_uncertain")
    if facts.seen_unknown:
        raised.append("seen_unknown")
    if is_stale:
        raised.append("stale_lease")
    return tuple(raised)


def _happened_at_ms(changeset: ChangeSet, eff: bytes, at_ms: int) -> int:
    """The event time of a set: of what happened first in it (ST2)."""
    body = changeset.body
    ops = body.ops if body is not None and body.kind == KIND_INCIDENT else [{}]
    return min(occurred_at(op, eff, at_ms) for op in ops)


def _weighed(changeset: ChangeSet, facts: Facts) -> tuple[str | None, bool, bool]:
    """The reason against a set if there is one (the first op's), whether it commands, and whether its user had the
    right to some command for only a part of the time in which it must have been made (AU4)."""
    body = changeset.body
    if body is None:
        return None, False, False
    if body.kind == KIND_CHAIN:
        return "bad_op" if any(_is_bad(op) for op in body.ops) else None, False, False
    if body.kind != KIND_INCIDENT:
        return "unknown_entity_kind", False, False
    user = changeset.header.user
    is_command = is_partly_allowed = False
    for op in body.ops:
        if shapes.problem(op) is not None:
            return "bad_op", is_command, is_partly_allowed
        if op["t"] == "incident.create" and _taken(changeset, facts):
            return "id_exists", is_command, is_partly_allowed
        command = authority.command_of(op, user)
        if command is not None:
            is_command = True
            rights = [_may(command, op, changeset, facts, grant) for grant in facts.grants]
            if not any(rights):
                return "no_authority", is_command, is_partly_allowed
            is_partly_allowed = is_partly_allowed or not all(rights)
        if facts.dead and not set(facts.dead).isdisjoint(spoken_of([op])):
            return "dep_rejected", is_command, is_partly_allowed
    return None, is_command, is_partly_allowed


def _is_bad(op: dict[str, Any]) -> bool:
    """Whether what a chain says of its clock, or of sets that it keeps, has another shape than it should."""
    look = {samples.OBS: samples.problem, kept.KEPT: kept.problem}.get(op["t"])
    return look is not None and look(op) is not None


def _taken(changeset: ChangeSet, facts: Facts) -> bool:
    return facts.incident is not None and facts.incident.creator_chain != changeset.header.chain


def _may(
    command: str, op: dict[str, Any], changeset: ChangeSet, facts: Facts, grant: Grant
) -> bool:
    user = changeset.header.user
    known = facts.incident
    stations = authority.stations_asked(
        command, op, {known.station} if known is not None else _stations_created(changeset)
    )
    own = (
        op["t"] == "order.issue"
        and op.get("to") == ["person", user]
        and (
            (known.source == "self" and known.creator == user)
            if known is not None
            else _creates_self_report(changeset)
        )
    )
    return authority.may(
        command,
        roles=grant.roles,
        same_station=grant.station is not None and grant.station in stations,
        own_self_report=own,
    )


def _stations_created(changeset: ChangeSet) -> set[bytes | None]:
    """The station a set's own create names: a desk creates and orders in one action."""
    ops = changeset.body.ops if changeset.body is not None else []
    return {op["station"] for op in ops if op["t"] == "incident.create" and "station" in op}


def _creates_self_report(changeset: ChangeSet) -> bool:
    ops = changeset.body.ops if changeset.body is not None else []
    return any(op["t"] == "incident.create" and op.get("source") == "self" for op in ops)
