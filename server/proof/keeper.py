"""When the log is signed: every 256 entries or 60 s, in the background (TL7).

Responsible for announcing the log's key once, for looking every second whether a checkpoint is due, for storing it with
its tiles, and for saying plainly why nothing is signed when that is so. Refuses to stand in anybody's way: it reads on
a reader's connection, hashes there, and what it writes is one small transaction.

Several nodes may share a database. Those without the log's key follow; of those with it each compares with the same
database and the same order of entries, so that whoever signs, signs the same tree.

Example: `keeper.status()` gives code, cause and cure for the health page.
"""

import asyncio
import logging

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.queue import IntakeClosedError
from server.now import Clock
from server.proof.memory import MovedError
from server.proof.signer import RefusedError, Signer
from server.seal import SealKey
from server.store import log, proofs
from server.store.engine import Database
from server.store.log import Head
from server.store.proofs import Signed
from sync import errors, witness

EVERY_ENTRIES = 256
EVERY_MS = 60_000
LOOK_EVERY_S = 1.0
REPEAT_REFUSAL_MS = 600_000  # the same trouble is written to the server's own log this often
TRIES = 3  # another process may sign between looking and signing

_log = logging.getLogger("ortoo.proof")


class Status(msgspec.Struct, frozen=True):
    """How far the log is signed; `code` is None while all is well, else it says why nothing is signed."""

    origin: str
    size: int
    signed_size: int
    signed_at_ms: int | None
    code: str | None = None
    detail: str = ""

    @property
    def cause(self) -> str | None:
        """What the code means."""
        return None if self.code is None else errors.LOG[self.code].cause

    @property
    def cure(self) -> str | None:
        """What to do about it."""
        return None if self.code is None else errors.LOG[self.code].cure


async def announce(intake: Intake, signer: Signer) -> None:
    """Name the log's key and epoch in the organisation, once for all nodes (TL8)."""

    def job(batch: Batch) -> None:
        head = log.read(batch.connection)
        if batch.directory.row(witness.ORG_ROW, head.server_id) is None:
            key = signer.make_key()
            seal = SealKey.of(key).public
            row = {"alg": key.alg, "pub": key.public, "epoch": head.epoch, "seal": seal}
            batch.org(witness.ORG_ROW, head.server_id, row)

    await intake.transaction(job)


class Keeper:
    """Keeps the log signed, in a task of its own."""

    def __init__(self, db: Database, intake: Intake, clock: Clock, signer: Signer) -> None:
        self._db = db
        self._intake = intake
        self._clock = clock
        self._signer = signer
        self._refusal: RefusedError | None = None
        self._wants_look = True
        self._told_at_ms: int | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Announce the log if this is its first day, and begin to look."""
        # Only that day must write here, so that a centre starts on a full disk too.
        head = await self._db.reading(log.read)
        if self._intake.directory.row(witness.ORG_ROW, head.server_id) is None:
            await announce(self._intake, self._signer)
        self._task = asyncio.create_task(self._run(), name="proof")

    async def stop(self) -> None:
        """Stop looking; what is not signed yet is signed after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def tend(self) -> Signed | None:
        """Sign if it is due; gives what was signed. The first time, and while something is wrong, it always looks."""
        head, newest = await self._db.reading(_standing)
        waiting = head.idx - (newest.size if newest else 0)
        age_ms = self._clock.now_ms() - (newest.signed_at_ms if newest else 0)
        is_due = waiting >= EVERY_ENTRIES or (waiting != 0 and not 0 <= age_ms < EVERY_MS)
        if is_due or waiting < 0 or self._wants_look:
            return await self.sign()
        return None

    async def sign(self) -> Signed | None:
        """Sign everything there is now, or remember why not."""
        for _ in range(TRIES):
            try:
                meant = self._intake.written()
                looked = await self._db.reading(self._signer.look, meant=meant)
                if looked.stored is not None and looked.stored.size == looked.size:
                    self._well()
                    return None
                signed = await asyncio.to_thread(self._signer.sign, looked, self._clock.now_ms())
            except MovedError:
                continue
            except RefusedError as refusal:
                self._refuse(refusal)
                return None
            except OSError as error:
                self._refuse(RefusedError("log_not_kept", str(error)))
                return None
            await self._db.writing(proofs.keep, signed, looked.tiles)
            for idx in range(looked.stored.size if looked.stored else 0, signed.size):
                meant.pop(idx + 1, None)
            self._well()
            return signed
        return None

    async def status(self) -> Status:
        """How things stand."""
        head, newest = await self._db.reading(_standing)
        refusal = self._refusal
        return Status(
            origin=witness.origin_of(head.server_id, head.epoch),
            size=head.idx,
            signed_size=newest.size if newest else 0,
            signed_at_ms=newest.signed_at_ms if newest else None,
            code=refusal.code if refusal else None,
            detail=refusal.detail if refusal else "",
        )

    def _well(self) -> None:
        self._refusal, self._wants_look = None, False

    def _refuse(self, refusal: RefusedError) -> None:
        now_ms = self._clock.now_ms()
        known = self._refusal is not None and self._refusal.code == refusal.code
        if not known or self._told_at_ms is None or now_ms - self._told_at_ms > REPEAT_REFUSAL_MS:
            _log.error("the log is not signed", extra={"code": refusal.code, "cure": refusal.cure})
            self._told_at_ms = now_ms
        self._refusal, self._wants_look = refusal, True

    async def _run(self) -> None:
        while True:
            try:
                await self.tend()
            except (SQLAlchemyError, OSError, IntakeClosedError) as error:
                _log.warning("the log cannot be looked at", extra={"error": type(error).__name__})
            except Exception:  # noqa: BLE001  whatever it was may pass, and must not end the signing in silence
                _log.exception("looking at the log failed")
            await asyncio.sleep(LOOK_EVERY_S)


def _standing(connection: Connection) -> tuple[Head, Signed | None]:
    head = log.read(connection)
    return head, proofs.newest(connection, witness.origin_of(head.server_id, head.epoch))
