"""Whether a world has come to rest: every outbox drained, every scope read to its end.

Responsible for saying what is still to be done, and what a phone at rest must hold. Refuses to judge what it holds:
`invariants` does.

Example: `unsettled(world)` is `["py1: 2 sets wait, the first None"]`, and in the end `[]`.
"""

from server.wire import NEEDS_LOGIN
from tests.sim.ended import Ended
from tests.sim.phone import Own, Phone, Stored
from tests.sim.scene import Scene


def unsettled(world: Scene) -> list[str]:
    """What is still to be done, in words; empty when all outboxes are drained and all scopes are read (I20)."""
    ended = Ended(world)
    return [
        why
        for phone in world.phones
        for why in (*_waits(phone, ended.stored[phone.name]), *_behind(world, phone, ended))
    ]


def needs_a_code(world: Scene, phone: Phone) -> bool:
    """Whether only a person can let this phone on: its place is taken, or it left a suspended chain."""
    code = phone.refused()
    if code == "device_revoked":
        return phone.chain() not in world.revoked
    return code in (NEEDS_LOGIN, "not_signed_in")  # the latter: its copy was enrolled after it


def _waits(phone: Phone, stored: Stored) -> list[str]:
    waiting = [own for own in stored.own if own.waits and not excused(phone, own)]
    return (
        [f"{phone.name}: {len(waiting)} sets wait, the first {waiting[0].result}"]
        if waiting
        else []
    )


def excused(phone: Phone, own: Own) -> bool:
    """Bytes that have rotted cannot be delivered."""
    return own.id in phone.rotten


def may_pull(world: Scene, phone: Phone) -> bool:
    """Whether the centre still talks to this phone: its chain was not revoked, nor did it clear itself after that."""
    return phone.chain() not in world.revoked and phone.name not in world.oracle.cleared


def due_scopes(ended: Ended, phone: Phone) -> set[str]:
    """What a phone must hold at rest, by what the oracle knows of its person and of the chains it wrote on: those that
    the centre still knows to be that person's, after it was put back. No world
    lasts long enough for a month to be forgotten.
    """
    world, stored = ended.world, ended.stored[phone.name]
    chains = world.oracle.chains_of(phone.person) & {own.chain for own in stored.own}
    names = {"org", *(f"device:{chain.hex()}" for chain in chains & ended.keys.keys())}
    station = world.station_of(phone.person)
    if station is not None:
        names |= {name for name in ended.scopes if name.startswith(f"station:{station.hex()}:")}
    return names & ended.scopes.keys()


def _behind(world: Scene, phone: Phone, ended: Ended) -> list[str]:
    if not may_pull(world, phone):
        return []
    cursors = ended.stored[phone.name].cursors
    return [
        f"{phone.name}: {name} at {cursors.get(name, (0, 0))[1]} of {ended.scopes[name].n}"
        for name in sorted(due_scopes(ended, phone))
        if cursors.get(name, (0, 0, b""))[:2] != (ended.scopes[name].epoch, ended.scopes[name].n)
    ]
