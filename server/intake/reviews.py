"""Deciding again about sets that were held, rejected or kept unread (RL6, RL9).

Responsible for what a person may decide about a set in doubt, for questions to its author, and for reading once more
what an older version of this program could not. Refuses to know who may decide: a guard did that.

Example: `review(batch, set_id, admits=True, by=person, text="核实过")` gives the index of the ruling; the set
now counts like one that was accepted at once, and its author's device hears of it.
"""

import msgspec

from server.intake.batch import Batch
from server.intake.keyring import stored_keys
from server.intake.verify import Incoming, examine
from server.store import doubts, sets
from server.store.doubts import COMPROMISED, Doubt
from server.store.sets import Evidence
from sync import changeset, rulings
from sync.changeset import KIND_CHAIN, KIND_INCIDENT, ChangeSet
from sync.incident.facts import captured

NOT_ADMITTED = "not_admitted"
"""The reason of a set that a person rejected (RL2)."""
PAGE = 100  # unread sets tried in one transaction


class NotReviewableError(Exception):
    """A decision that cannot be made about a set: it is not in doubt (`unknown_set`), it counts (`counts`), nobody can
    read it (`unreadable`), its words were taken away (`redacted`), no known key signed it (`unverified`)."""

    def __init__(self, set_id: bytes, why: str) -> None:
        """Name the set and the reason."""
        super().__init__(f"{set_id.hex()}: {why}")
        self.why = why


def review(batch: Batch, set_id: bytes, *, admits: bool, by: bytes, text: str) -> int:
    """Admit or reject a set in doubt. Of a set that counts and came from other hands admitting is a confirmation.

    Gives the index of the ruling. Raises NotReviewableError.
    """
    doubt, stored = _in_doubt(batch, set_id)
    ruling = rulings.read_ruling(stored.ruling)
    standing = ruling.payload
    if ruling.kind == rulings.KIND_REDACT:
        raise NotReviewableError(set_id, "redacted")
    if standing["d"] in rulings.COUNTED and not (admits and doubt.kind == COMPROMISED):
        raise NotReviewableError(set_id, "counts")
    if admits:
        _must_be_readable(set_id, stored)
        _must_be_signed(batch, doubt, stored)
        changed = {"d": rulings.ACCEPTED_LATE, "why": None}
    else:
        why = standing["why"] if standing["d"] == rulings.REJECTED else NOT_ADMITTED
        changed = {"d": rulings.REJECTED, "why": why}
    idx = batch.renew(stored, rulings.KIND_REVIEW, changed | {"by": by, "text": text})
    doubts.remark(batch.connection, doubt.arrival_no, idx)
    doubts.save(batch.connection, msgspec.structs.replace(doubt, open=False))
    return idx


def ask(batch: Batch, set_id: bytes, *, by: bytes, text: str) -> int:
    """Ask the author of a held or rejected set about it. Gives the index of the ruling. Raises NotReviewableError."""
    doubt, stored = _in_doubt(batch, set_id)
    ruling = rulings.read_ruling(stored.ruling)
    standing = ruling.payload
    if ruling.kind == rulings.KIND_REDACT:
        raise NotReviewableError(set_id, "redacted")
    if standing["d"] in rulings.COUNTED:
        raise NotReviewableError(set_id, "counts")
    if standing["e"] is None:
        raise NotReviewableError(set_id, "unreadable")
    idx = batch.ask(stored, by, text)
    doubts.remark(batch.connection, doubt.arrival_no, idx)
    return idx


def read_again(batch: Batch, after_no: int) -> int | None:
    """Rule on the next page of unread sets that this version can read. Gives how far it came, None at the end."""
    page = doubts.of_kind(batch.connection, rulings.OPAQUE, after_no, PAGE)
    for doubt in page:
        stored = sets.by_arrival(batch.connection, doubt.arrival_no)
        device = batch.device(doubt.chain)
        keys = {} if device is None else {doubt.chain: (device.alg, device.pub)}
        [found] = examine([stored.envelope], keys.get)
        if isinstance(found, Incoming) and found.change is not None:
            _read(batch, doubt, stored, found)
    return page[-1].arrival_no if page else None


def _read(batch: Batch, doubt: Doubt, stored: Evidence, one: Incoming) -> None:
    """Let admission decide about a set that can be read by now, as of when it came."""
    assert one.change is not None
    standing = rulings.read_ruling(stored.ruling)
    verdict = batch.weigh(one, standing)
    ruled = verdict.ruled
    body = one.change.body
    entity = body.entity if body is not None else None
    counts = ruled.decision in rulings.COUNTED
    changed = {
        "e": entity,
        "d": rulings.ACCEPTED_LATE if counts else ruled.decision,
        "why": ruled.why,
        "by": None,
        "text": "",
        "in": captured(verdict.facts),
    }
    idx = batch.renew(stored, rulings.KIND_REVIEW, changed)
    doubts.remark(batch.connection, doubt.arrival_no, idx)
    known = {"entity": entity, "person": one.change.header.user}
    after = {"open": False} if counts else {"kind": ruled.decision}
    doubts.save(batch.connection, msgspec.structs.replace(doubt, **known, **after))


def _in_doubt(batch: Batch, set_id: bytes) -> tuple[Doubt, Evidence]:
    doubt = doubts.by_set(batch.connection, set_id)
    if doubt is None:
        raise NotReviewableError(set_id, "unknown_set")
    return doubt, sets.by_arrival(batch.connection, doubt.arrival_no)


def _must_be_signed(batch: Batch, doubt: Doubt, stored: Evidence) -> None:
    """What came before anybody knew its chain's key was not verified then; whoever decides, it has to be."""
    found_keys = stored_keys(batch.connection, [doubt.chain])
    [found] = examine([stored.envelope], found_keys.get)
    if not isinstance(found, Incoming) or not found.key_known:
        raise NotReviewableError(doubt.set_id, "unverified")


def _must_be_readable(set_id: bytes, stored: Evidence) -> None:
    change = changeset.read(stored.envelope)
    if not isinstance(change, ChangeSet):
        raise NotReviewableError(set_id, "unreadable")
    if change.body is None or change.body.kind not in (KIND_INCIDENT, KIND_CHAIN):
        raise NotReviewableError(set_id, "unreadable")
