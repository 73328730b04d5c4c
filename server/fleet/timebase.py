"""Two ways for a fleet to live through time, with the world or from event to event, and a phone's own view of it.

Responsible for sleeping and for knowing when nobody has anything left to do at this instant.
Refuses to know what the sleepers do.

In virtual time the clock moves only when every task spawned here is asleep or done; a task that waits
for real HTTP holds it still. So a week passes as fast as the machine can do the work in it, and two
runs of the same work see the same times.

Example: `time.spawn(story()); await time.run()` plays `story`, whose `await time.sleep_until(t)`
returns at once in the world and exactly at `t` on the clock.
`PhoneTime(time, PhoneClock(…))` is the same time as seen by a phone whose clocks are wrong.
"""

import asyncio
import heapq
import logging
import time as machine
from collections.abc import Coroutine
from typing import Any, Protocol

from server.fleet.heartbeat import beaten
from server.fleet.phoneclock import PhoneClock
from server.now import SystemClock, VirtualClock
from sync.samples import Clocks

log = logging.getLogger("ortoo.fleet")


class Timebase(Protocol):
    """Clocks one can sleep by."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC, as the wall clock says."""
        ...

    def mono_ms(self) -> int:
        """Milliseconds since some moment, as a clock says that nobody sets; it may stand still."""
        ...

    def watched(self, clocks: Clocks, began_m: int, until_m: int) -> Clocks:
        """`clocks` after the heartbeats of a session that began at `began_m`, up to `until_m` after that."""
        ...

    async def sleep_until(self, at_ms: int) -> None:
        """Return when it is `at_ms` or later."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` run beside everything else."""
        ...


class RealTime:
    """The world's own time."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        self._clock = SystemClock()
        self._tasks: set[asyncio.Task[None]] = set()

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        return self._clock.now_ms()

    def mono_ms(self) -> int:
        """Milliseconds since the machine was started, or some such moment."""
        return machine.monotonic_ns() // 1_000_000

    def watched(self, clocks: Clocks, began_m: int, until_m: int) -> Clocks:
        """As it is: nobody looked."""
        del began_m, until_m
        return clocks

    async def sleep_until(self, at_ms: int) -> None:
        """Return when it is `at_ms` or later."""
        await asyncio.sleep(max(at_ms - self.now_ms(), 0) / 1000)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` run beside everything else; `stop` ends it, its own failure is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("simulated work failed", exc_info=error)

    async def stop(self) -> None:
        """End everything that was spawned and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class VirtualTime:
    """Time that jumps from one awaited instant to the next, moving a VirtualClock along."""

    def __init__(self, clock: VirtualClock) -> None:
        """Move `clock`, from where it stands."""
        self._clock = clock
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0  # sleepers for the same instant wake in the order they lay down
        self._awake = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        return self._clock.now_ms()

    def mono_ms(self) -> int:
        """The same: nobody sets this clock."""
        return self._clock.now_ms()

    def watched(self, clocks: Clocks, began_m: int, until_m: int) -> Clocks:
        """The heartbeats of a phone whose clocks are right."""
        return beaten(clocks, PhoneClock(began_ms=0), began_m, until_m)

    async def sleep_until(self, at_ms: int) -> None:
        """Return when the clock has come to `at_ms`; at once if it is there or past it."""
        if at_ms <= self.now_ms():
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (at_ms, self._order, woken))
        self._order += 1
        self._rest()
        await woken

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` run beside everything else; its failure ends `run`."""
        self._awake += 1
        self._quiet.clear()
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def run(self) -> None:
        """Go on until all that was spawned is done. Raises what the first failing task raised."""
        while True:
            await self._quiet.wait()
            if self._failure is not None:
                await self._abandon()
                raise self._failure
            if not self._sleepers:
                return
            at_ms, _, woken = heapq.heappop(self._sleepers)
            self._clock.set(at_ms)
            self._awake += 1
            self._quiet.clear()
            woken.set_result(None)

    def _rest(self) -> None:
        self._awake -= 1
        if self._awake == 0:
            self._quiet.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        self._rest()

    async def _abandon(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sleepers.clear()


class PhoneTime:
    """Another time as one phone sees it."""

    def __init__(self, true: Timebase, clock: PhoneClock) -> None:
        """`true` is right, `clock` says what the phone makes of it."""
        self._true = true
        self._clock = clock

    def now_ms(self) -> int:
        """What the phone's wall clock says."""
        return self._clock.wall_ms(self._true.now_ms())

    def mono_ms(self) -> int:
        """What the phone's monotonic clock says."""
        return self._clock.mono_ms(self._true.now_ms())

    def watched(self, clocks: Clocks, began_m: int, until_m: int) -> Clocks:
        """What the phone's heartbeats saw of its clocks."""
        return beaten(clocks, self._clock, began_m, until_m)

    async def sleep_until(self, at_ms: int) -> None:
        """Return when as much time has passed as was missing to `at_ms` on the phone's wall clock."""
        await self._true.sleep_until(self._true.now_ms() + at_ms - self.now_ms())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` run beside everything else."""
        self._true.spawn(work)
