"""What stands at the places of chains: which sets are held where, and how they were ruled.

Responsible for telling a set that is here from another at its place, and a gap from a set whose
predecessor is held, out of what is remembered where that is certain and out of the store where it
is not. Refuses to decide what a fork or a gap means.

Example: `standing.at(chain, chain_id, 7)` gives `[(set_id, idx)]`, two of them when seq 7 is a fork.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from server.intake.ledger import Ledger
from server.intake.memory import Chain, Memory, Tail, tail_of
from server.intake.verify import Incoming
from server.store import sets
from sync import exchange

SPAN_MAX = exchange.BATCH_SETS_MAX * 4
"""Places of one chain that are read at once; sets further apart are each asked for on their own."""


class Standing:
    """What is held, as far as one transaction asks."""

    def __init__(self, connection: Connection, memory: Memory, ledger: Ledger) -> None:
        """Know nothing yet."""
        self._connection = connection
        self._memory = memory
        self._ledger = ledger
        self._known: dict[tuple[bytes, int], list[tuple[bytes, int]]] = {}

    def foresee(self, coming: Sequence[Incoming]) -> None:
        """Read in few statements what stands where these sets say they belong."""
        spans: dict[bytes, tuple[int, int]] = {}
        for one in coming:
            if one.seq <= self._memory.chain(self._connection, one.chain).head.top:
                low, high = spans.get(one.chain, (one.seq, one.seq))
                spans[one.chain] = (min(low, one.seq), max(high, one.seq))
        for chain, (low, high) in spans.items():
            if high - low > SPAN_MAX:
                continue
            for seq in range(low, high + 1):
                self._known.setdefault((chain, seq), [])
            for seq, set_id, idx in sets.held(self._connection, chain, low, high):
                self._known[chain, seq].append((set_id, idx))

    def at(self, chain: Chain, chain_id: bytes, seq: int) -> list[tuple[bytes, int]]:
        """(set id, index of its ruling) of every set at a place, the first to come first."""
        known = self._known.get((chain_id, seq))
        if known is not None:
            return known
        if seq > chain.head.top:
            return []
        held = sets.held(self._connection, chain_id, seq, seq)
        return [(set_id, idx) for _seq, set_id, idx in held]

    def add(self, one: Incoming, idx: int, beside: list[tuple[bytes, int]]) -> None:
        """A set was ruled by `idx`; `beside` is what stood at its place before."""
        self._known[one.chain, one.seq] = [*beside, (one.set_id, idx)]

    def is_gap(self, chain: Chain, one: Incoming) -> bool:
        """Whether the set that this one names as its predecessor is not here."""
        if one.prev is None:
            return False
        known = chain.holds(one.seq - 1, one.prev)
        if known is None:
            before = self.at(chain, one.chain, one.seq - 1)
            known = any(set_id == one.prev for set_id, _idx in before)
        return not known

    def before(self, chain: Chain, one: Incoming) -> Tail | None:
        """How the predecessor was ruled; None when there is none or it is not here."""
        if one.prev is None:
            return None
        if chain.tail is not None and chain.tail.set_id == one.prev:
            return chain.tail
        for set_id, idx in self.at(chain, one.chain, one.seq - 1):
            if set_id == one.prev:
                return tail_of(self._ledger.ruling(idx))
        return None
