"""The intake: everything that is to be kept enters here, whoever sends it.

Responsible for bounds, for the two stages (read and verify beside the writer; judge and commit one
batch at a time) and for what happens when a batch fails. Refuses to decide what a set is worth.

- *Group commit.* One task takes whatever waits, without lingering, and commits it as one
  transaction. Answers are given after the commit, never before (RL5).
- *A failing store* (disk full, database gone) fails the batch: nobody is told "stored", all are
  asked to come again. A set that makes our own code fail is found by trying each push, then each
  set, alone; it is refused by itself and never blocks another. What fails without any set is not
  a set's fault: all are asked to come again.

Example: `results, have = await intake.submit(envelopes, device)`.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection

from server import keys
from server.failures import cause_of, is_store_failure
from server.intake.batch import Batch
from server.intake.beacons import KEY_FILE as BEACON_KEY
from server.intake.beacons import Beacons
from server.intake.desk import Desk
from server.intake.greetings import Greeting, Welcome, without_writing
from server.intake.keyring import stored_keys
from server.intake.memory import Memory
from server.intake.queue import IntakeClosedError, Work, WorkQueue
from server.intake.reviews import read_again
from server.intake.tier import tier_of
from server.intake.verify import (
    Found,
    Incoming,
    Key,
    Refused,
    examine,
    opening_key,
    verify_all,
)
from server.now import Clock
from server.perform import Performer
from server.settings import STATION, Settings
from server.store import devices, log, people
from server.store.devices import Contact, Device
from server.store.engine import Database
from server.store.outbox import Effect
from server.store.people import Directory
from sync import exchange, forks, ids
from sync.changeset import Draft
from sync.exchange import PushResult
from sync.time import CENTRE_UNCERTAINTY_MS

Result = TypeVar("Result")

KEYS_LIMIT = 100_000
CONTACTS_LIMIT = 50_000
# Up to here a push is examined at once: a hop to a thread and back costs more than it frees.
SMALL_PUSH_SETS = 4
NOT_STORED = "not_stored"
CONTACTS_AFTER_S = 1.0  # last contacts ride on the next batch, or are written after this long

_log = logging.getLogger("ortoo.intake")


class Intake:
    """The one door."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        entropy: Callable[[int], bytes],
        db: Database,
        performer: Performer,
        *,
        uncertainty: Callable[[], int] = lambda: CENTRE_UNCERTAINTY_MS,
    ) -> None:
        """Prepare; nothing is read or written before `start`. `uncertainty` gives by how many ms the clock may be off
        now.
        """
        limits = settings.limits
        self._clock = clock
        self._entropy = entropy
        self._db = db
        self._performer = performer
        self._uncertainty = uncertainty
        self._settings = settings
        self._tier = tier_of(settings.role)
        self._queue = WorkQueue(limit_sets=limits.queue_sets, batch_sets=limits.batch_sets)
        self._threads = ThreadPoolExecutor(limits.verify_threads, thread_name_prefix="verify")
        self._keys: dict[bytes, Key] = {}
        self._contacts: dict[bytes, Contact] = {}
        self._memory: Memory | None = None
        self._elsewhere: Directory | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self.is_storing = True  # whether the newest transaction that was tried could be stored

    # ---- life ------------------------------------------------------------------------------

    async def start(self) -> None:
        """Found the log if this is its first day, open the desk chain, and begin to take in."""
        settings = self._settings
        desk = Desk(settings.data_dir, self._entropy, self._clock.now_ms())
        beacons = Beacons(keys.secret(settings.data_dir / BEACON_KEY, self._entropy))
        self._memory = self._tier.memory(
            desk, beacons, incidents_limit=settings.limits.cached_incidents
        )
        # A station has the name by which the organisation knows it (HB5).
        server_id = desk.chain if settings.role == STATION else None
        await self._db.writing(log.found, self._entropy, self._tier.first_idx, server_id)
        self._task = asyncio.create_task(self._run(), name="intake")

        def settle(batch: Batch) -> None:
            if devices.by_chain(batch.connection, desk.chain) is None:
                batch.devices.enrol(desk.device(batch.at_ms))

        await self.catch_up()
        if self._settings.role == "station":
            return  # its chain is enrolled by the centre, which also reads again what was unread
        # Only its first day must write here, so that a centre starts on a full disk too.
        if await self._db.reading(devices.by_chain, desk.chain) is None:
            await self.transaction(settle)
        try:
            after_no: int | None = 0
            while after_no is not None:
                after_no = await self.transaction(partial(read_again, after_no=after_no))
        except IntakeClosedError as error:
            _log.warning("opaque sets are read again at the next start", extra={"why": error.code})

    async def stop(self) -> None:
        """Finish the batch in hand and refuse the rest: none of that was acknowledged."""
        self._closing.set()
        self._queue.wake()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._queue.close(IntakeClosedError("stopping"))
        self._threads.shutdown(wait=False)

    # ---- what may be asked -----------------------------------------------------------------

    @property
    def directory(self) -> Directory:
        """The organisation by what is newest here: our last batch, or what `catch_up` read."""
        assert self._memory is not None
        own, read = self._memory.directory, self._elsewhere
        return read if read is not None and read.idx > own.idx else own

    @property
    def desk(self) -> Desk:
        """The centre's own chain; with its key the centre also signs for files that it hands out."""
        assert self._memory is not None
        return self._memory.desk

    @property
    def token_secret(self) -> bytes:
        """What the tokens of devices follow from, 32 bytes; lasts as long as the key of the desks."""
        return ids.tagged_hash("ortoo/device-tokens/1", self.desk.key.seed)

    def beacon(self) -> bytes:
        """A beacon of now (TM12)."""
        assert self._memory is not None
        return self._memory.beacons.give(self._clock.now_ms())

    @property
    def is_busy(self) -> bool:
        """Whether so much waits that newcomers should be asked to come a little later."""
        return self._queue.waiting_sets * 2 > self._settings.limits.queue_sets

    def written(self) -> dict[int, bytes]:
        """Leaf hashes of rulings as this process meant to write them, by index, for whoever reads them
        back (TL7) and takes out what was found to be stored so.
        """
        assert self._memory is not None
        return self._memory.written

    def revoked_at_ms(self, device: Device) -> int | None:
        """When this device was revoked, by what is newest here; None while it counts."""
        row = self.directory.row("devices", device.chain)
        return row.get("revoked_at_ms") if row is not None else device.revoked_at_ms

    def continued_by(self, device: Device) -> bytes | None:
        """The chain that took this device's place, by what is newest here; None while it stands."""
        row = self.directory.row("devices", device.chain)
        return row.get("continued_by") if row is not None else device.continued_by

    # ---- what may be done ------------------------------------------------------------------

    async def greet(self, device: Device, asked: exchange.HelloRequest) -> Welcome:
        """Answer a hello; the token it gives is durable. Where nothing can be written now, a device is
        let in to read all the same. Raises IntakeBusyError, IntakeClosedError, and SQLAlchemyError
        where nothing can be read either.
        """
        greeting = Greeting(
            chain=device.chain,
            head=asked.head,
            token=asked.token,
            request_id=asked.request_id,
            chance=self._entropy(forks.CHANCE_BYTES),
            is_continued=self.continued_by(device) is not None,
            is_station=device.station is not None,
            contradicted=asked.contradicted or 0,
        )
        loop = asyncio.get_running_loop()
        work = Work(loop.create_future(), self._clock.now_ms(), greeting=greeting)
        try:
            answer: Welcome = await self._enter(work, priority=False)
        except IntakeClosedError as closed:
            if closed.code != NOT_STORED:
                raise
            answer = await self._db.reading(without_writing, greeting)
        return answer

    async def submit(self, raws: Sequence[bytes], sender: Device) -> tuple[list[PushResult], int]:
        """Take envelopes in. Gives one result each, in order, and how far the sender's chain is
        held without a gap (-1: nothing). Raises IntakeBusyError, IntakeClosedError.
        """
        received_at_ms = self._clock.now_ms()
        self._keys[sender.chain] = (sender.alg, sender.pub)
        if len(raws) <= SMALL_PUSH_SETS:
            found = examine(raws, self._keys.get, sender.chain)
        else:
            found = await self._beside(examine, raws, self._keys.get, sender.chain)
        if any(isinstance(one, Incoming) and not one.key_known for one in found):
            await self._learn_keys(found)
            found = await self._beside(verify_all, found, self._keys.get, sender.chain)
        priority = any(
            isinstance(one, Incoming) and one.change is not None and one.change.header.lane == 1
            for one in found
        )
        answering = asyncio.get_running_loop().create_future()
        work = Work(answering, received_at_ms, found=found, sender=sender.chain)
        answer: tuple[list[PushResult], int] = await self._enter(work, priority=priority)
        return answer

    async def submit_desk(self, person: bytes, drafts: Sequence[Draft]) -> list[PushResult]:
        """Sign drafts with the centre's own chain in this person's name and take them in, all or
        none. Raises DraftError or `sync.canon.CanonError` for a draft that makes no set.
        """
        named = [msgspec.structs.replace(draft, user=person) for draft in drafts]
        return await self.transaction(lambda batch: [batch.write(draft) for draft in named])

    async def org(
        self, what: str, row_id: bytes, row: dict[str, Any] | None, *, by: bytes | None = None
    ) -> int:
        """Rule that the organisation has this row, or no longer has it (None). Gives the index."""
        return await self.transaction(lambda batch: batch.org(what, row_id, row, by=by))

    async def transaction(self, job: Callable[[Batch], Result]) -> Result:
        """Run `job` in a transaction of its own under the head of the log: sets, rulings and rows
        of other tables are written together or not at all. The job runs off the event loop and
        must not wait for anything but its connection; what it raises reaches the caller.
        """
        loop = asyncio.get_running_loop()
        work = Work(loop.create_future(), self._clock.now_ms(), job=job)
        answer: Result = await self._enter(work, priority=True)
        return answer

    async def catch_up(self) -> None:
        """Read what this process answers questions from: at its start, or when another moved the log."""
        self._elsewhere = await self._db.reading(people.directory)

    def note_contact(self, contact: Contact) -> None:
        """Remember what a device said of itself; written with the next batch, or in a second."""
        if len(self._contacts) < CONTACTS_LIMIT or contact.chain in self._contacts:
            self._contacts[contact.chain] = contact
            self._queue.wake()

    # ---- inside ----------------------------------------------------------------------------

    async def _beside(self, function: Callable[..., Result], *given: Any) -> Result:
        """Run a pure function in a thread beside the writer."""
        if self._closing.is_set():
            raise IntakeClosedError("stopping")
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *given)

    async def _enter(self, work: Work, *, priority: bool) -> Any:
        if self._closing.is_set():
            raise IntakeClosedError("stopping")
        self._queue.put(work, priority=priority)
        return await work.answer

    async def _learn_keys(self, found: Sequence[Found]) -> None:
        """Find keys of chains that are not the sender's own: relayed sets."""
        chains = {one.chain for one in found if isinstance(one, Incoming)}
        unknown = [chain for chain in chains if chain not in self._keys]
        if len(self._keys) > KEYS_LIMIT:
            self._keys.clear()
        self._keys |= await self._db.reading(stored_keys, sorted(unknown))
        for one in found:
            # The chain's id follows from this key (CS5), so whoever relays it cannot lie.
            if isinstance(one, Incoming) and (key := opening_key(one)) is not None:
                self._keys.setdefault(one.chain, key)

    async def _run(self) -> None:
        while not self._closing.is_set():
            await self._queue.wait(CONTACTS_AFTER_S if self._contacts else None)
            works = [] if self._closing.is_set() else self._queue.take()
            if works or self._contacts:
                await self._commit(works)

    async def _commit(self, works: list[Work]) -> None:
        memory = self._memory
        assert memory is not None
        contacts, self._contacts = self._contacts, {}
        done = self._performer.take_done()
        try:
            answers, effects = await asyncio.shield(
                self._db.writing(self._write, works, list(contacts.values()), done)
            )
        except Exception as error:  # noqa: BLE001  whatever it was, nobody is told that it was stored
            # Not only where the writer failed: a commit that does, leaves it remembering what is not stored.
            memory.drop()
            self._performer.give_back(done)
            self._contacts = contacts | self._contacts
            self.is_storing = self.is_storing and not is_store_failure(error)
            await self._failed(works, error)
            return
        memory.committed()
        self.is_storing = True
        for work, answer in zip(works, answers, strict=True):
            if not work.answer.done():
                work.answer.set_result(answer)
        self._performer.offer(effects)

    async def _failed(self, works: list[Work], error: Exception) -> None:
        """Nothing of this batch was written. Say so, or find out whose fault it was."""
        if is_store_failure(error):
            _log.error("the store failed", extra={"error": cause_of(error)})
            for work in works:
                _fail(work, IntakeClosedError(NOT_STORED))
            return
        if len(works) > 1:
            for work in works:
                await self._commit([work])
            return
        for work in works:
            if work.found is None:
                _fail(work, error)
            elif len(work.found) > 1:
                await self._one_by_one(work)
            elif work.found and isinstance(only := work.found[0], Incoming):
                _log.error("a set cannot be judged", exc_info=error)
                refused = Refused(exchange.MALFORMED, "internal", only.set_id)
                await self._commit([_with(work, [refused])])
            else:
                # Not even an answer without a set can be given: whatever it is, no set is to blame.
                _log.error("nothing can be judged", exc_info=error)
                _fail(work, IntakeClosedError(NOT_STORED))

    async def _one_by_one(self, work: Work) -> None:
        assert work.found is not None
        loop = asyncio.get_running_loop()
        told, have = [], -1
        for one in work.found:
            part = _with(work, [one], loop.create_future())
            await self._commit([part])
            if (error := part.answer.exception()) is not None:
                _fail(work, error)
                return
            [result], have = part.answer.result()
            told.append(result)
        if not work.answer.done():
            work.answer.set_result((told, have))

    def _write(
        self,
        connection: Connection,
        works: list[Work],
        contacts: list[Contact],
        done: list[int],
    ) -> tuple[list[Any], list[Effect]]:
        """In the writer's thread, inside the transaction."""
        memory = self._memory
        assert memory is not None
        # Asked before the time: a better measurement in between must not be thought to be of that time.
        unsure_ms = self._uncertainty()
        batch = self._tier.batch(connection, memory, self._clock.now_ms(), unsure_ms)
        _touch(connection, contacts)  # a job may ask what a device said last
        batch.prepare(
            [one for work in works for one in work.found or () if isinstance(one, Incoming)],
            [work.greeting for work in works if work.greeting is not None],
        )
        answers = [self._do(batch, memory, work) for work in works]
        return answers, batch.flush(done)

    def _do(self, batch: Batch, memory: Memory, work: Work) -> Any:
        if work.job is not None:
            return work.job(batch)
        if work.greeting is not None:
            return batch.greet(work.greeting)
        assert work.found is not None
        results = [
            batch.take(one, work.received_at_ms)
            if isinstance(one, Incoming)
            else PushResult(r=one.result, id=one.set_id, why=one.why)
            for one in work.found
        ]
        assert work.sender is not None
        return batch.answers(results), memory.chain(batch.connection, work.sender).head.have


def _touch(connection: Connection, contacts: list[Contact]) -> None:
    """Write what devices said of themselves. What cannot be written holds up nobody's sets: it is said again."""
    if not contacts:
        return
    try:
        with connection.begin_nested():
            devices.touch(connection, contacts)
    except Exception as error:
        if is_store_failure(error):
            raise
        _log.error("last contacts were dropped", extra={"error": type(error).__name__})


def _with(work: Work, found: list[Found], answer: asyncio.Future[Any] | None = None) -> Work:
    return Work(answer or work.answer, work.received_at_ms, found=found, sender=work.sender)


def _fail(work: Work, error: BaseException) -> None:
    if not work.answer.done():
        work.answer.set_exception(error)
