"""The one executor of effects: drains the outbox after each commit, in order.

Responsible for performing what a committed batch asked for, at least once, and for saying which
effects are done so that the next batch can forget them. Refuses to decide anything, and to know
how an effect is carried out: the composition root hands in one function per kind.

What depends on others out there may take minutes, or never end well. Such kinds are carried out *beside* the rest, each
in a task of its own, so that they hold nobody up; they too stay in the outbox until they are done. Past
`BESIDE_LIMIT` of them under way the next ones are left out, with a line in the log.

Example: `Performer({"moved": announce})`; a batch commits the effect, `offer` hands it over, and
`announce(payload)` runs. A server killed in between finds the effect in the outbox and performs it
at its next start.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from server.store.engine import Database
from server.store.outbox import Effect, waiting

Executor = Callable[[bytes], Awaitable[None]]

# Effects are small and quick; past this many the oldest wait in the database only.
MEMORY_LIMIT = 10_000
BESIDE_LIMIT = 1_000
AGAIN_AFTER_S = 1.0  # an outbox that could not be read

log = logging.getLogger("ortoo.perform")


class Performer:
    """Performs effects one after another in a task of its own."""

    def __init__(
        self,
        executors: Mapping[str, Executor],
        *,
        beside: Mapping[str, Executor] | None = None,
        memory_limit: int = MEMORY_LIMIT,
        beside_limit: int = BESIDE_LIMIT,
    ) -> None:
        """Know one executor per kind of effect; those of `beside` nobody waits for."""
        self._executors = executors
        self._beside = beside or {}
        self._beside_limit = beside_limit
        self._under_way: set[asyncio.Task[None]] = set()
        self._memory_limit = memory_limit
        self._queue: deque[Effect] = deque()
        self._done: list[int] = []
        self._newest = 0  # effects up to here were performed or stand in the queue
        self._missed = 1  # offers that did not reach the queue and wait in the database
        self._awake = asyncio.Event()
        self._awake.set()
        self._task: asyncio.Task[None] | None = None

    def start(self, db: Database) -> None:
        """Take up what an earlier run left behind, then follow the commits."""
        self._task = asyncio.create_task(self._run(db), name="perform")

    async def stop(self) -> None:
        """Stop at once; what was not done stays in the outbox."""
        tasks = [*self._under_way, *([self._task] if self._task is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._task = None

    def offer(self, effects: Sequence[Effect]) -> None:
        """Hand over committed effects; what does not fit is read from the outbox later."""
        if self._missed or len(self._queue) >= self._memory_limit:
            self._missed += 1
        else:
            self._queue.extend(effects)
            self._newest = max([self._newest, *(effect.id for effect in effects)])
        self._awake.set()

    def take_done(self) -> list[int]:
        """Ids performed since the last time: whoever takes them must forget them durably."""
        done, self._done = self._done, []
        return done

    def give_back(self, ids: list[int]) -> None:
        """The transaction that was to forget these failed: they are still to be forgotten."""
        self._done[:0] = ids

    async def _run(self, db: Database) -> None:
        while True:
            await self._awake.wait()
            self._awake.clear()
            await self._drain()
            while missed := self._missed:
                try:
                    left = await db.reading(waiting, self._newest)
                except (SQLAlchemyError, OSError) as error:
                    log.warning("the outbox cannot be read", extra={"error": type(error).__name__})
                    await asyncio.sleep(AGAIN_AFTER_S)
                    continue
                if not left and missed == self._missed:
                    self._missed = 0
                self._queue.extend(left)
                self._newest = max([self._newest, *(effect.id for effect in left)])
                await self._drain()

    async def _drain(self) -> None:
        while self._queue:
            effect = self._queue.popleft()
            if effect.kind not in self._beside:
                await self._carry_out(effect, self._executors.get(effect.kind))
            elif len(self._under_way) < self._beside_limit:
                carrying = self._carry_out(effect, self._beside[effect.kind])
                task = asyncio.create_task(carrying, name=f"perform-{effect.kind}")
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            else:
                log.warning("an effect was left out", extra={"kind": effect.kind})
                self._done.append(effect.id)

    async def _carry_out(self, effect: Effect, executor: Executor | None) -> None:
        try:
            if executor is not None:
                await executor(effect.payload)
        except Exception:  # one bad effect must not stop the rest
            log.exception("an effect failed", extra={"kind": effect.kind})
        self._done.append(effect.id)
