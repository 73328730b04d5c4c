"""Taking in a bundle: what came, what is new, what is not whole (BU7).

Responsible for handing the sets of a file to the one door, batch by batch, and for the report of what became of each.
Refuses to judge a set: whoever carried it, it is admitted as if its author had pushed it now. What a file says of the
log is for stations: it is handed to whoever can believe it, and left alone where nobody does. Memory is bounded
whatever the file holds: faults and refusals are counted, and the first of them told.

Example: `carried = await take_in(intake, bundle.read(pieces, verify=keys.verify))`; then `carried.ruled` are the
indices to answer with.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Protocol

import msgspec

from server.courier.indices import Indices
from server.intake.door import Intake
from sync import bundle, exchange
from sync.bundle import Manifest, Record
from sync.exchange import BATCH_BYTES_MAX, BATCH_SETS_MAX, PushResult

BREATH_EVERY = 256
TOLD_MOST = 1_000
"""Of more faults or refusals than this only the number is told."""
KEPT_MOST = 20_000
"""A phone has no more to hand in; a station that brings more to another one needs no second tick."""


class Refused(msgspec.Struct, frozen=True):
    """A set that does not count: its place in the file, its id where it has one, its push result and why."""

    n: int
    set_id: bytes | None
    r: str
    why: str | None


class Heeds(Protocol):
    """Whoever can tell what the rulings of an answer are worth."""

    async def heed(self, record: Record, made: Manifest | None) -> str:
        """Take in a checkpoint, a ruling or the end. Gives a code where it is not believed, else nothing."""
        ...

    async def finish(self) -> str:
        """No record follows. Gives a code like `heed`, of what was still under way."""
        ...


class Carried(msgspec.Struct):
    """What a bundle held and what became of it. `kept`: ids of sets that a station keeps, the first of them."""

    manifest: Manifest | None = None
    has_end: bool = False
    faults: list[Record] = []
    faults_count: int = 0
    results: Counter[str] = msgspec.field(default_factory=Counter)
    refused: list[Refused] = []
    ruled: Indices = msgspec.field(default_factory=Indices)
    kept: list[bytes] = []

    @property
    def is_whole(self) -> bool:
        """Whether the file is all of what its maker put in, and all of it could be read."""
        return self.has_end and self.faults_count == 0

    def note(self, record: Record) -> None:
        """Take down a record that is no set."""
        if record.code:
            self.faults_count += 1
            if len(self.faults) < TOLD_MOST:
                self.faults.append(record)
        elif record.kind == bundle.MANIFEST:
            self.manifest = record.value
        elif record.kind == bundle.END:
            self.has_end = True

    def judged(self, n: int, result: PushResult) -> None:
        """Take down what became of the set at this place."""
        self.results[result.r] += 1
        if result.idx is not None:
            self.ruled.add(result.idx)
        if result.r == exchange.KEPT and result.id is not None and len(self.kept) < KEPT_MOST:
            self.kept.append(result.id)
        if result.why is not None and len(self.refused) < TOLD_MOST:
            self.refused.append(Refused(n, result.id, result.r, result.why))


async def take_in(intake: Intake, records: Iterable[Record], heeds: Heeds | None = None) -> Carried:
    """Take the sets of a bundle in, in the order of the file, and what it says of the log where somebody `heeds` that.
    Raises IntakeClosedError where they cannot be stored: what was taken in before stays, and the file may be taken in
    again.
    """
    carried = Carried()
    batch: list[tuple[int, bytes]] = []
    size = 0
    for record in records:
        if record.code or record.kind != bundle.SET:
            if heeds is not None and not record.code and record.kind != bundle.MANIFEST:
                code = await heeds.heed(record, carried.manifest)
                record = msgspec.structs.replace(record, code=code)  # noqa: PLW2901  as it was found
            carried.note(record)
            if record.n % BREATH_EVERY == 0:
                await asyncio.sleep(0)  # a file of nothing but rubbish must not keep phones waiting
            continue
        if batch and (len(batch) == BATCH_SETS_MAX or size + len(record.value) > BATCH_BYTES_MAX):
            await _take(intake, batch, carried)
            batch, size = [], 0
        batch.append((record.n, record.value))
        size += len(record.value)
    if batch:
        await _take(intake, batch, carried)
    if heeds is not None and (code := await heeds.finish()):
        carried.note(Record(0, 0, code))
    return carried


async def _take(intake: Intake, batch: list[tuple[int, bytes]], carried: Carried) -> None:
    # A carrier is nobody: the sets speak for themselves, as those a device passes on for others do.
    carrier = intake.desk.device(0)
    results, _have = await intake.submit([raw for _n, raw in batch], carrier)
    for (n, _raw), result in zip(batch, results, strict=True):
        assert result.idx is not None or result.r not in exchange.DURABLE
        carried.judged(n, result)
