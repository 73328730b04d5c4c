"""From what is remembered to the facts admission asks for, and from its word to a verdict.

Responsible for gathering facts about one set: whose chain, whose roles, which incident. Refuses to
decide: `sync.incident.admit` does, from these facts alone.

Example: a guard's create of an unknown incident gives `Verdict("accepted", None, eff, [], 1_796…)`,
whose last field says that it opens the incident, and when.
"""

from typing import Any

import msgspec

from server.intake.memory import Incident
from server.intake.verify import Incoming
from server.store.devices import Device
from server.store.people import Directory
from sync import rulings
from sync.changeset import ChangeSet
from sync.clock import Stamp
from sync.incident.admit import Facts, KnownIncident, admit


class Verdict(msgspec.Struct, frozen=True):
    """What is ruled on one set. `creates_at_ms`: when what it creates happened, if it creates."""

    decision: str
    why: str | None
    eff: bytes
    flags: list[str]
    creates_at_ms: int | None = None


def judge(
    one: Incoming,
    *,
    at_ms: int,
    device: Device | None,
    directory: Directory,
    incident: Incident | None,
    is_fork: bool,
    is_gap: bool,
) -> Verdict:
    """The verdict on one set received at `at_ms`."""
    change = one.change
    if change is None:
        flags = [name for name, raised in (("fork", is_fork), ("gap", is_gap)) if raised]
        eff = Stamp(at_ms, 0).pack()
        return Verdict(rulings.OPAQUE, "newer_version", eff, flags)
    header = change.header
    # The centre's own chain belongs to nobody and writes for whoever is signed in (AU2).
    enrolled = device is not None and one.key_known and device.person in (None, header.user)
    person = directory.person(header.user)
    facts = Facts(
        enrolled=enrolled,
        roles=person.roles if person is not None else (),
        station=person.station if person is not None else None,
        revoked_at_ms=device.revoked_at_ms if device is not None else None,
        is_gap=is_gap,
        is_fork=is_fork,
        incident=known(incident) if incident is not None else None,
    )
    ruled = admit(change, facts, at_ms)
    creates = None
    if (
        incident is not None
        and incident.created_chain is None
        and ruled.decision in rulings.COUNTED
    ):
        creates = _created_at_ms(change, ruled.eff, at_ms)
    return Verdict(ruled.decision, ruled.why, ruled.eff, list(ruled.flags), creates)


def known(incident: Incident) -> KnownIncident | None:
    """What admission needs of an incident; None while no create of it counts."""
    if incident.created_chain is None:
        return None
    if incident.known is None:
        derived = incident.state.derived()
        assert derived.created is not None
        stations = frozenset() if derived.station is None else frozenset({derived.station})
        incident.known = KnownIncident(
            creator_chain=incident.created_chain,
            creator=derived.created["by"],
            source=derived.created["source"],
            stations=stations,
        )
    return incident.known


def _created_at_ms(change: ChangeSet, eff: bytes, at_ms: int) -> int | None:
    """Event time of the set's create (ST2), None when it has none."""
    ops: list[dict[str, Any]] = change.body.ops if change.body is not None else []
    for op in ops:
        if op["t"] == "incident.create":
            claimed = op.get("at")
            stamped = int.from_bytes(eff[:6])
            return min(claimed if isinstance(claimed, int) else stamped, at_ms)
    return None
