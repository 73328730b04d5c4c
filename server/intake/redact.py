"""Taking the words of sets away, everywhere this centre keeps them (RD).

Responsible for the rulings that say so and for every row that held the words: envelopes, projections
and what an import remembers of its source. Refuses to decide who may: a guard did. What lies under
the tables (freed pages, the write-ahead log, folds that screens remember) is cleaned after the
commit, by the effect of kind `ERASE`.

Example: `redact(batch, incident, [set_id], Ground(by, "minor", "当事人未成年"))` gives the indices of the
rulings; the timeline then shows who took which words away, and the proofs still hold.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from server.intake.batch import Batch
from server.store import doubts, imports, outbox, scopes, sets, snapshots
from server.store.sets import Evidence
from sync import canon, changeset, rulings
from sync.changeset import ChangeSet
from sync.incident.redaction import skeleton

ERASE = "erase"
"""The kind of effect that cleans what lies under the tables; its payload is the entity."""


class Ground(msgspec.Struct, frozen=True):
    """Who takes words away, on which legal ground (RD1), and why in words."""

    by: bytes
    ground: str
    text: str


class NotRedactableError(Exception):
    """A set that is not of this incident, has lost its words before, or could never be read."""

    def __init__(self, set_id: bytes, why: str) -> None:
        """Name the set and the reason."""
        super().__init__(f"{set_id.hex()}: {why}")
        self.set_id = set_id
        self.why = why


def redact(batch: Batch, incident: bytes, set_ids: Sequence[bytes], ground: Ground) -> list[int]:
    """Take the words of these sets away, all or none. Raises NotRedactableError."""
    known = {_id_of(one): one for one in sets.evidence(batch.connection, incident)}
    indices = []
    for set_id in dict.fromkeys(set_ids):
        stored = known.get(set_id)
        if stored is None:
            raise NotRedactableError(set_id, "unknown_set")
        change = changeset.read(stored.envelope)
        if not isinstance(change, ChangeSet):
            raise NotRedactableError(set_id, "opaque")
        if change.body is None:
            raise NotRedactableError(set_id, "already_redacted")
        ops = [skeleton(op) for op in change.body.ops]
        changed = {"by": ground.by, "ground": ground.ground, "text": ground.text, "ops": ops}
        indices.append(
            batch.renew(stored, rulings.KIND_REDACT, changed, changeset.without_body(change))
        )
        doubts.settle(batch.connection, set_id)  # without its words nobody can judge it
    chains = {_chain_of(known[one]) for one in set_ids}
    listed = [f"device:{chain.hex()}" for chain in chains]
    snapshots.forget(batch.connection, [*scopes.of_incident(batch.connection, incident), *listed])
    _forget_imported(batch.connection, incident, {set_id[:16] for set_id in set_ids})
    batch.afterwards(outbox.add(batch.connection, ERASE, incident, batch.at_ms))
    return indices


def _id_of(stored: Evidence) -> bytes:
    set_id: bytes = rulings.read_ruling(stored.ruling).payload["set"]
    return set_id


def _chain_of(stored: Evidence) -> bytes:
    chain: bytes = rulings.read_ruling(stored.ruling).payload["chain"]
    return chain


def _forget_imported(connection: Connection, incident: bytes, prefixes: set[bytes]) -> None:
    """Leave of each imported fact that these sets said only that it was said and taken away."""
    changed = []
    for row in imports.of_incident(connection, incident):
        said = canon.decode(row.facts)
        taken = {field for field, (op, _value) in said.items() if op[:16] in prefixes}
        if taken:
            facts = said | {field: [said[field][0], imports.REDACTED] for field in taken}
            changed.append(
                msgspec.structs.replace(row, content_hash=b"", facts=canon.encode(facts))
            )
    imports.save(connection, changed)
