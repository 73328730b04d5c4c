"""The engine of timers: sleeps until the next one is due, claims what is due, and has it done.

Responsible for waking in time, for claiming so that of many nodes one does the work, and for going on after any
failure. Refuses to know what a timer is for: the composition root hands in one function per kind, which runs in a
transaction of the one door and sets its timer anew.

It asks nothing while it sleeps: commits of this process say which timer they set (`hear`), and whoever notices that
another process moved the log says `look`. A timer whose holder died comes up again when its claim ends; work that was
done twice in spite of all this is nothing twice, because what is due is asked again under the lock of the log.

Example: `Engine(db, intake, clock, entropy, {NUDGES: take})`; an order issued at noon is on the desk's list ten
seconds past it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from sqlalchemy.exc import SQLAlchemyError

from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.now import Clock
from server.store import timers
from server.store.engine import Database
from server.store.timers import Timer

Work = Callable[[Batch, bytes], None]

AT_ONCE = 50  # timers in one transaction, so that pushes wait for little
CLAIM_MS = 2_000  # how long a node that died may keep others waiting
FAILED_AGAIN_MS = 60_000  # one that our own code cannot do stays out of the way of the others
SLEEP_LIMIT_S = 60.0  # a system clock may be set while we sleep
AGAIN_AFTER_S = 1.0  # a store that failed
ASKED_AGAIN_S = 5.0  # whether it may work by now

_log = logging.getLogger("ortoo.deadlines")


class Engine:
    """One per process, in a task of its own."""

    def __init__(
        self,
        db: Database,
        intake: Intake,
        clock: Clock,
        entropy: Callable[[int], bytes],
        works: Mapping[str, Work],
        *,
        may_work: Callable[[], bool] = lambda: True,
    ) -> None:
        """Know how each kind of timer is done; nothing runs before `start`, and nothing is done while it may not be:
        a station leaves it to its centre while it reaches that (SPEC HB9).
        """
        self._db = db
        self._intake = intake
        self._clock = clock
        self._entropy = entropy
        self._works = works
        self._may_work = may_work
        self._heard_ms: int | None = None  # the soonest timer set since the database was last asked
        self._until_ms = 0  # asleep until then, or awake
        self._awake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Take up what fell due while nobody was here, then wait for the next."""
        self._task = asyncio.create_task(self._run(), name="deadlines")

    async def stop(self) -> None:
        """Stop after nothing: what is claimed and not done is claimed by the next one soon."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def hear(self, at_ms: int | None) -> None:
        """A commit here set timers, the soonest for then."""
        if at_ms is None:
            return
        self._heard_ms = at_ms if self._heard_ms is None else min(self._heard_ms, at_ms)
        if at_ms < self._until_ms:
            self._awake.set()

    def look(self) -> None:
        """Somebody else moved the log and may have set any timer."""
        self.hear(0)

    async def tend(self) -> int:
        """Do everything that is due now; gives how many timers were looked at."""
        seen = 0
        while self._may_work() and (claimed := await self._claim()):
            timers_claimed, holder = claimed
            await self._do(timers_claimed, holder)
            seen += len(timers_claimed)
        return seen

    async def _claim(self) -> tuple[list[Timer], bytes] | None:
        now_ms, holder = self._clock.now_ms(), self._entropy(16)
        soonest_ms = await self._db.reading(timers.soonest, self._works)
        if soonest_ms is None or soonest_ms > now_ms:
            return None
        until_ms = now_ms + CLAIM_MS
        claimed = await self._db.writing(
            timers.claim, (now_ms, until_ms), holder, AT_ONCE, self._works
        )
        return (claimed, holder) if claimed else None

    async def _do(self, claimed: list[Timer], holder: bytes) -> None:
        def job(batch: Batch) -> None:
            for one in timers.held(batch.connection, claimed, holder):
                self._works[one.kind](batch, one.entity)

        try:
            await self._intake.transaction(job)
        except (IntakeBusyError, IntakeClosedError, SQLAlchemyError, OSError):
            raise
        except Exception:  # noqa: BLE001  whatever it was, one timer must not keep the others waiting
            _log.exception("timers cannot be done", extra={"timers": len(claimed)})
            if len(claimed) == 1:
                again_ms = self._clock.now_ms() + FAILED_AGAIN_MS
                await self._db.writing(timers.defer, claimed, again_ms, holder)
                return
            for one in claimed:
                await self._do([one], holder)

    async def _run(self) -> None:
        while True:
            if not self._may_work():
                await asyncio.sleep(ASKED_AGAIN_S)
                continue
            try:
                self._heard_ms = None
                await self.tend()
                soonest_ms = await self._db.reading(timers.soonest, self._works)
            except (IntakeBusyError, IntakeClosedError, SQLAlchemyError, OSError) as error:
                _log.warning("timers wait", extra={"error": type(error).__name__})
                await asyncio.sleep(AGAIN_AFTER_S)
                continue
            await self._sleep(soonest_ms)

    async def _sleep(self, soonest_ms: int | None) -> None:
        """Until the next timer is due, or an earlier one is heard of."""
        known = [at_ms for at_ms in (soonest_ms, self._heard_ms) if at_ms is not None]
        now_ms = self._clock.now_ms()
        wait_s = SLEEP_LIMIT_S
        if known:
            wait_s = min(wait_s, max(min(known) - now_ms, 0) / 1000)
        self._until_ms = now_ms + round(wait_s * 1000)
        self._awake.clear()
        try:
            async with asyncio.timeout(wait_s):
                await self._awake.wait()
        except TimeoutError:
            pass
        finally:
            self._until_ms = 0
