"""What an answer of the centre says, at a station that has no line to it (SPEC HB13).

Responsible for believing of a file what the centre's log proves and nothing else: a checkpoint signed by the key that
the organisation names and grown out of the one that was checked last, and rulings that are in the log under it. Refuses
to decide what a ruling means: the intake takes it in, as it takes those that come with the answer to a push.

The end of a file that the centre made also says how lately that was, by its beacon: phones read in it that there may be
something new for them here (HB4).

Example: `heeding = await Heeding.begun(intake, db)`; then `take_in(intake, records, heeding)`, and `heeding.settled` is
how many sets are owed no longer.
"""

from functools import partial

import msgspec
from sqlalchemy import Connection

from server import keys
from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.mirror import proved
from server.intake.pages import MirrorError
from server.store import upstream
from server.store.engine import Database
from server.store.upstream import Upstream
from sync import bundle, note, rulings, witness
from sync.bundle import Checkpoint, Entry, Manifest, Proving, Record
from sync.witness import Held, Log

RULINGS_AT_ONCE = 500


class Heeding:
    """One file on its way in."""

    def __init__(self, intake: Intake, db: Database, log: Log | None) -> None:
        """Use `begun`."""
        self._intake = intake
        self._db = db
        self._log = log
        self._proving = None if log is None else Proving(log, keys.verify)
        self._told: list[bytes] = []
        self.settled = 0
        """Sets that were owed and are no longer."""

    @classmethod
    async def begun(cls, intake: Intake, db: Database) -> "Heeding":
        """Begin with what is known of the centre's log."""
        known = await db.reading(_known)
        row = intake.directory.row(witness.ORG_ROW, known.server)
        log = None if row is None else witness.log_of(known.server, row)
        # It may have been met under another epoch since that row came.
        met = witness.origin_of(known.server, known.epoch)
        return cls(intake, db, None if known.epoch and log and log.origin != met else log)

    async def heed(self, record: Record, made: Manifest | None) -> str:
        """See `carried.Heeds`."""
        if record.kind == bundle.END:
            return await self._ended(made)
        if self._proving is None or self._log is None:
            return "log_unknown"
        if record.kind == bundle.CHECKPOINT:
            return await self._rest_on(self._proving, self._log, record.value)
        return await self._hear(self._proving, record.value)

    async def finish(self) -> str:
        """See `carried.Heeds`."""
        return await self._take_in()

    async def _rest_on(self, proving: Proving, log: Log, one: Checkpoint) -> str:
        if code := await self._take_in() or proving.rest_on(one):
            return code
        held = held_at(await self._db.reading(_known), log)
        size = note.read_checkpoint(note.read_note(one.note).text).size
        if held is not None and held.origin == log.origin:
            is_elsewhere = size > held.size and one.after != held.size
            if size < held.size or is_elsewhere:
                return ""  # an older one is no alarm, and a proof that leads from elsewhere says nothing
        found = witness.judge(held, one.note, one.proof, log=log, verify=keys.verify)
        if isinstance(found, str):
            self._proving = Proving(log, keys.verify)
            return found
        await self._intake.transaction(partial(_hold, held=found.note))
        return ""

    async def _hear(self, proving: Proving, one: Entry) -> str:
        ruling = proving.proven(one)
        if isinstance(ruling, str):
            return ruling
        if ruling.kind in rulings.DECIDING:
            self._told.append(one.ruling)
        if len(self._told) == RULINGS_AT_ONCE:
            return await self._take_in()
        return ""

    async def _take_in(self) -> str:
        told, self._told = self._told, []
        if not told:
            return ""
        try:
            self.settled += await self._intake.transaction(partial(proved, told=told))
        except MirrorError as error:
            return error.code
        return ""

    async def _ended(self, made: Manifest | None) -> str:
        """The file is all of what its maker put in. Where that is the centre, it was there lately."""
        code = await self._take_in()
        if code or made is None or made.beacon is None or self._log is None:
            return code
        row = self._intake.directory.row("devices", made.chain)
        is_centre = row is not None and not row.keys() & {"person", "station", "revoked_at_ms"}
        if is_centre:
            await self._intake.transaction(partial(_heard, beacon=made.beacon))
        return ""


def held_at(known: Upstream, log: Log) -> Held | None:
    """The highest checkpoint of the centre's log that was checked here."""
    if known.held is None:
        return None
    found = note.read_checkpoint(note.read_note(known.held).text)
    return Held(found.origin, log.public, found.size, found.root, known.held)


def _known(connection: Connection) -> Upstream:
    known = upstream.read(connection)
    assert known is not None, "who heeds an answer has joined a centre"
    return known


def _hold(batch: Batch, held: str) -> None:
    known = _known(batch.connection)
    upstream.save(batch.connection, msgspec.structs.replace(known, held=held))


def _heard(batch: Batch, beacon: bytes) -> None:
    known = _known(batch.connection)
    if beacon > (known.beacon or b""):  # they begin with their time
        upstream.save(batch.connection, msgspec.structs.replace(known, beacon=beacon))
