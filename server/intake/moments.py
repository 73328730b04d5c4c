"""When things happened, for the transaction that is being written: its own sets, samples and stations' words included.

Responsible for writing down the samples and words of a batch, and for the times of an incident's ops, by when a set was
at a station, and which incidents these tell more of, before anything is committed. Refuses to judge what times mean.

Example: `batch.moments.times(incident.state.items.values())[op]` is the `Timed` of an op of this very batch.
"""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection

from server.intake import timing, words
from server.intake.memory import Memory
from server.intake.verify import Incoming
from server.store import kept, samples
from server.store.devices import Device
from server.store.kept import Said
from server.store.rows import Row
from sync.changeset import KIND_CHAIN, ChangeSet
from sync.fold import Item
from sync.rulings import Ruling
from sync.time import Timed


class Moments:
    """Those of one batch."""

    def __init__(
        self, connection: Connection, memory: Memory, write_log: Callable[[], None]
    ) -> None:
        """Know nothing yet; `write_log` makes the sets of the batch readable."""
        self._connection = connection
        self._memory = memory
        self._write_log = write_log
        self._rows: list[Row] = []
        self._written: list[Row] = []
        self._words: list[Row] = []
        self._said: list[Row] = []
        self._coming: Sequence[Incoming] = ()
        self._on: dict[bytes, list[Said]] | None = None

    def foresee(self, coming: Sequence[Incoming]) -> None:
        """These sets come in this batch: what stations say of them is read in one piece, if anybody asks."""
        self._coming = coming

    def note(self, change: ChangeSet, ruling: Ruling) -> None:
        """A set was ruled that may carry samples, or words of a station."""
        if change.body is not None and change.body.kind == KIND_CHAIN:
            self._rows += timing.rows_of(change, ruling)
            if said := words.rows_of(change, ruling):
                self._words += said
                self._on = None

    def times(self, items: Iterable[Item]) -> dict[bytes, Timed]:
        """When what each of these ops tells of happened, by op id."""
        self.flush()
        return timing.times(self._connection, items, self)

    def told_more_of(self) -> set[bytes]:
        """The incidents of whose times the samples of this batch may say more."""
        self.flush()
        return timing.told_more_of(self._connection, self._written)

    def had_by_ms(self, one: Incoming, lo_ms: int) -> int | None:
        """By when, at the earliest, other stations than its author say that they had a set that cannot have been made
        before `lo_ms`; None when none says so (AU3)."""
        if self._on is None or one.set_id not in self._on:
            self.flush()
            self._on = {coming.set_id: [] for coming in (*self._coming, one)}
            for said in words.counting(kept.on_sets(self._connection, list(self._on)), self):
                self._on[said.set_id].append(said)
        place = (one.chain, one.seq)
        return min(
            (
                said.until_ms
                for said in self._on[one.set_id]
                if (said.chain, said.seq) == place and said.until_ms >= lo_ms and not said.is_own
            ),
            default=None,
        )

    def vouched(self) -> list[tuple[bytes, int, int, int]]:
        """(chain, first seq, last seq, ms) of each stretch of which stations said in this batch that they had some, at
        that time at the latest."""
        self.flush()
        found: dict[bytes, tuple[int, int, int]] = {}
        for said in (Said(*row) for row in self._said):
            first, last, until_ms = found.get(said.chain, (said.seq, said.seq, said.until_ms))
            found[said.chain] = (
                min(first, said.seq),
                max(last, said.seq),
                min(until_ms, said.until_ms),
            )
        return [(chain, *rest) for chain, rest in sorted(found.items())]

    def flush(self) -> None:
        """Write what was noted, and what it rests on."""
        self._write_log()
        samples.write(self._connection, self._rows)
        self._written += self._rows
        kept.write(self._connection, self._words)
        self._said += self._words
        self._rows, self._words = [], []

    # ---- what is known of chains (chains.Known) ----------------------------------------------

    def device(self, chain: bytes) -> Device | None:
        """The enrolled device of a chain."""
        return self._memory.device(self._connection, chain)

    def forked_at(self, chain: bytes) -> int | None:
        """The seq from which it has two writers."""
        return self._memory.chain(self._connection, chain).head.forked_at
