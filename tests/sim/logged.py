"""The invariants of the log and of what stands for it: snapshots (I4), growth and checkpoints (I6).

Responsible for holding snapshots against the entries they stand for, and checkpoints against the log they cover, by
code of its own where the product's could be wrong in the same way. Refuses to repair or to run anything.

Example: `append_only(ended)` raises `Broken(6, …)` for a checkpoint that somebody holds and that is of another log.
"""

import random
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Any

from server.proof import given
from sync import fold, merkle, rulings, snapshot
from sync.changeset import KIND_INCIDENT, ChangeSet
from sync.incident.state import IncidentState
from sync.rulings import Ruling
from sync.snapshot import Gathered, Snapshot
from tests.sim.ended import Ended
from tests.sim.oracle import Broken
from tests.sim.rest import may_pull

Entries = Sequence[tuple[Ruling, ChangeSet | None]]
CUTS = 2  # places of each scope at which a snapshot is tried


def snapshots_stand_for_entries(ended: Ended) -> None:
    """I4: a scope folds to the same from all its entries and from a snapshot with the entries after it, at every place
    where one was made and at places where one could have been; also for a reader that held the beginning.
    """
    chance = random.Random(ended.world.seed)
    made = {(scope, n): raw for scope, n, raw in ended.snapshots}
    for (scope, n), raw in made.items():
        if ended.published(scope).get(n) != snapshot.snapshot_hash(raw):
            raise Broken(4, f"the snapshot of {scope} at {n} is not the one that was published")
    for scope, state in ended.scopes.items():
        entries = ended.entries(scope)
        truth = _folded(scope, entries)
        cuts = {chance.randint(0, state.n) for _ in range(CUTS)}
        for n in cuts | {n for name, n in made if name == scope}:
            kept = made.get((scope, n))
            raw = _gathered(ended, scope, n) if kept is None else kept
            begun = snapshot.read(raw)
            before = entries[: chance.randint(0, n)]
            if _folded(scope, before, begun, entries[n:]) != truth:
                raise Broken(4, f"{scope} folds otherwise from its snapshot at {n}")
            rows = {(what, row_id): row for what, row_id, row in begun.org}
            if rows != rows_of(ruling for ruling, _change in entries[:n]):
                raise Broken(4, f"the snapshot of {scope} at {n} knows another organisation")


def _gathered(ended: Ended, scope: str, n: int) -> bytes:
    gathered = Gathered(scope)
    for ruling, change in ended.entries(scope)[:n]:
        gathered.take(ruling, ended.raw_rulings[ruling.idx - 1], change)
    return gathered.snapshot(epoch=1, n=n, head=bytes(16), salt=bytes(16))


def rows_of(org: Iterable[Ruling]) -> dict[tuple[str, bytes], Any]:
    """The organisation after these rulings on it, among others."""
    rows = {
        (ruling.payload["what"], ruling.payload["id"]): ruling.payload["row"]
        for ruling in org
        if ruling.kind == rulings.KIND_ORG
    }
    return {key: row for key, row in rows.items() if row is not None}


def _folded(
    scope: str, before: Entries, begun: Snapshot | None = None, after: Entries = ()
) -> dict[bytes, object]:
    """The views of what stands in entries of a scope, then in a snapshot of it, then in the entries that follow."""
    states: dict[bytes, IncidentState] = {}
    _add(states, scope, before)
    for entity, records in begun.records() if begun is not None else ():
        state = states.setdefault(entity, IncidentState(entity))
        for record in records:
            state.add(record.items())
    _add(states, scope, after)
    return {entity: state.view() for entity, state in states.items() if state.items}


def _add(states: dict[bytes, IncidentState], scope: str, entries: Entries) -> None:
    for ruling, change in entries:
        if (gone := rulings.leaving(ruling, scope)) is not None:
            states.pop(gone, None)
        about = ruling.payload.get("e")
        if change is None or about is None or ruling.kind not in rulings.DECIDING:
            continue
        if change.body is None or change.body.kind == KIND_INCIDENT:
            states.setdefault(about, IncidentState(about)).add(fold.items_of(change, ruling))


def append_only(ended: Ended) -> None:
    """I6: the log begins with everything it ever was; crashes and restarts took nothing out of it, and every checkpoint
    that was given out or is held as a witness is the tree over what it covers.
    """
    oracle = ended.oracle
    oracle.log_stands(ended.raw_rulings)
    # Who is not spoken to any more may hold one of an epoch that has ended since.
    witnesses = [
        phone
        for phone in ended.world.phones
        if not oracle.tally["centres put back"] or may_pull(ended.world, phone)
    ]
    witnessed = [
        (phone.name, signed)
        for phone in witnesses
        if (signed := ended.stored[phone.name].signed) is not None
    ]
    told = [("the centre", signed) for signed in oracle.checkpoints.items()]
    for who, (size, root) in [*told, *witnessed]:
        if size > len(oracle.log) or _tree_hash(oracle.log[:size]) != root:
            raise Broken(6, f"the checkpoint of {size} entries from {who} is of another log")


def _tree_hash(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, as it stands there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + _tree_hash(leaves[:half]) + _tree_hash(leaves[half:])).digest()


def growth_proven(ended: Ended) -> None:
    """I6: between any two checkpoints the centre has a proof that the later grew out of the earlier."""
    for (first, root), (size, grown) in pairwise(sorted(ended.oracle.checkpoints.items())):
        proof = ended.world.storage.look(given.consistency, first, size)
        if proof is None or not merkle.is_consistent(first, root, size, grown, proof):
            raise Broken(6, f"the log of {size} entries did not grow out of that of {first}")
