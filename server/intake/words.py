"""Words of stations on when they had sets, as they are ruled and asked for (SPEC TM13).

Responsible for which words a ruled set gives, and which of them count by what is known of the chain that gave them.
Refuses to give any: `vouch` does, at a station. Refuses to judge what they bound: `sync.time` and admission do.

Example: `counting(kept.on_sets(connection, [set_id]), chains)` are the words on a set that count.
"""

from collections.abc import Sequence

from server.intake.chains import Known, said_of_itself
from server.store.kept import Said
from server.store.rows import Row
from sync import kept, rulings
from sync.canon import INT_MAX
from sync.changeset import ChangeSet
from sync.clock import MS_MAX

DOUBTFUL = frozenset({"fork", "compromised", "rights_uncertain"})
"""What nobody can tell to be of before a station was shut out vouches for nothing."""


def rows_of(change: ChangeSet, ruling: rulings.Ruling) -> list[Row]:
    """The words that a ruled set gives in its own chain, as rows; none of one that does not count or is in doubt."""
    chain, received_at_ms = change.header.chain, rulings.received_at_ms(ruling)
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
        for op in said_of_itself(change, ruling, DOUBTFUL)
        if op["t"] == kept.KEPT and kept.problem(op) is None
        for word in kept.words(op)
    ]


def counting(said: Sequence[Said], known: Known) -> list[Said]:
    """Those of a station's chain which, as far as is known by now, had one writer and was in nobody else's hands."""
    until = {hub: _until(hub, known) for hub in {one.hub for one in said}}
    return [
        one
        for one in said
        if one.received_at_ms < until[one.hub][0] and one.hub_seq < until[one.hub][1]
    ]


def _until(hub: bytes, known: Known) -> tuple[int, int]:
    """The moment, in ms, and the seq from which the words of a chain count no more; 0 where they never did."""
    device, forked_at = known.device(hub), known.forked_at(hub)
    if device is None or device.station is None:
        return 0, 0
    since_ms = device.compromised_since_ms
    return MS_MAX if since_ms is None else since_ms, INT_MAX if forked_at is None else forked_at
