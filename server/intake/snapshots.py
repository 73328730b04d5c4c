"""Making snapshots of scopes that have grown long, so that a new phone begins with one file (SN).

Responsible for the task that looks for such scopes, gathers one beside the writer and publishes its
hash by a ruling. Refuses to decide who may fetch it.

A snapshot is gathered from a reader while sets go on coming, and published in a transaction of its
own. If words were taken away in between, or an incident left, what was gathered is thrown away.

Example: `await Snapshots(settings, clock, entropy, db, intake).make_due()` gives the names of the
scopes it made one of.
"""

import asyncio
import gzip
import logging
from collections.abc import Callable
from functools import partial

import msgspec
from sqlalchemy import Connection

from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.now import Clock
from server.settings import Settings
from server.store import scopes, snapshots
from server.store.engine import Database
from server.store.scopes import Scope
from server.store.snapshots import Kept
from sync import changeset, rulings
from sync.changeset import ChangeSet
from sync.snapshot import Gathered, snapshot_hash

LOOK_EVERY_S = 30.0
READ_BYTES = 4 * 1024 * 1024
PACK_LEVEL = 6

_log = logging.getLogger("ortoo.snapshots")


class Made(msgspec.Struct, frozen=True):
    """A snapshot that was gathered and not yet published."""

    scope: Scope
    hash: bytes
    packed: bytes


class Snapshots:
    """Makes snapshots in a task of its own."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        entropy: Callable[[int], bytes],
        db: Database,
        intake: Intake,
    ) -> None:
        """Prepare; nothing is read before `start`."""
        self._beyond = settings.limits.snapshot_entries
        self._clock = clock
        self._entropy = entropy
        self._db = db
        self._intake = intake
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for scopes that have grown long."""
        self._task = asyncio.create_task(self._run(), name="snapshots")

    async def stop(self) -> None:
        """Stop; what is half made is made again another time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self.make_due()
            except (IntakeBusyError, IntakeClosedError):
                pass  # there is something better to do than this
            except Exception:  # noqa: BLE001  whatever failed, phones can still pull everything
                _log.exception("no snapshot was made")
            await asyncio.sleep(LOOK_EVERY_S)

    async def make_due(self) -> list[str]:
        """Make a snapshot of every scope that needs one; gives their names."""
        made_of = []
        for name, _n in await self._db.reading(snapshots.due, self._beyond):
            made = await self._db.reading(gather, name, self._entropy(16))
            if await self._intake.transaction(partial(publish, made=made)):
                made_of.append(name)
        return made_of


def gather(connection: Connection, name: str, salt: bytes) -> Made:
    """What all entries of a scope come to now (SN1)."""
    scope = scopes.by_name(connection, [name])[name]
    gathered = Gathered(name)
    n = 0
    while page := scopes.page(connection, scope.id, n, READ_BYTES):
        for n, ruling, envelope, _head in page:  # noqa: B007  the last place read goes on
            change = None if envelope is None else changeset.read(envelope)
            readable = change if isinstance(change, ChangeSet) else None
            gathered.take(rulings.read_ruling(ruling), ruling, readable)
    raw = gathered.snapshot(epoch=scope.epoch, n=scope.n, head=scope.head, salt=salt)
    return Made(scope, snapshot_hash(raw), gzip.compress(raw, PACK_LEVEL, mtime=0))


def publish(batch: Batch, made: Made) -> bool:
    """Rule that this is the snapshot; False when it may still have words that were taken away since."""
    scope = made.scope
    if snapshots.taken_since(batch.connection, scope.id, scope.n):
        return False
    kept = Kept(made.hash, scope.id, scope.epoch, scope.n, len(made.packed))
    snapshots.keep(batch.connection, kept, made.packed, batch.at_ms)
    payload = {"scope": scope.name, "epoch": scope.epoch, "n": scope.n, "hash": made.hash}
    batch.rule_in(scope.name, rulings.KIND_SNAPSHOT, payload)
    return True
