"""Words of stations on when they had sets, as they are ruled and asked for (SPEC TM13).

Responsible for which words a ruled set gives, and which of them count by what is known of the chain that gave them.
Refuses to give any: `vouch` does, at a station. Refuses to judge what they bound: `sync.time` and admission do.

Example: `counting(kept.on_sets(connection, [set_id]), chains)` are the words on a set that count.
"""

from collections.abc import Iterable

from server.intake.chains import Known
from server.store.kept import Said
from server.store.rows import Row
from sync import kept, rulings
from sync.changeset import KIND_CHAIN, ChangeSet

DOUBTFUL = frozenset({"fork", "compromised", "rights_uncertain"})
"""What nobody can tell to be of before a station was shut out vouches for nothing."""


def rows_of(change: ChangeSet, ruling: rulings.Ruling) -> list[Row]:
    """The words that a ruled set gives in its own chain, as rows; none of one that does not count or is in doubt."""
    body, payload = change.body, ruling.payload
    chain = change.header.chain
    if (
        body is None
        or body.kind != KIND_CHAIN
        or body.entity != chain
        or payload["d"] not in rulings.COUNTED
        or not DOUBTFUL.isdisjoint(payload["flags"])
    ):
        return []
    received_at_ms = rulings.received_at_ms(ruling)
    return [
        (
            word.set_id,
            chain,
            change.header.seq,
            word.chain,
            word.seq,
            word.at_ms,
            word.unsure_ms,
            received_at_ms,
        )
        for op in body.ops
        if op["t"] == kept.KEPT and kept.problem(op) is None
        for word in kept.words(op)
    ]


def counting(said: Iterable[Said], known: Known) -> list[Said]:
    """Those of a station's chain which, as far as is known by now, had one writer and was in nobody else's hands."""
    return [one for one in said if _counts(one, known)]


def _counts(one: Said, known: Known) -> bool:
    device = known.device(one.hub)
    if device is None or device.station is None:
        return False
    since_ms, forked_at = device.compromised_since_ms, known.forked_at(one.hub)
    return (since_ms is None or one.received_at_ms < since_ms) and (
        forked_at is None or one.hub_seq < forked_at
    )
