"""What waits for the writer: a bounded queue with a priority lane.

Responsible for order and bounds. Work is taken whole, the priority lane first, so that an order
signed at a door does not wait behind somebody's hundred notes; a batch ends when it holds enough
sets, so that latency stays bounded. Refuses to know how work is done.

Example: with `batch_sets=100`, three pushes of 50 sets make two batches, 100 and 50.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server.intake.greetings import Greeting
from server.intake.verify import Incoming, Refused


class IntakeBusyError(Exception):
    """Nothing was taken in: try again after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        """Say when."""
        super().__init__(f"busy, again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class IntakeClosedError(Exception):
    """Nothing was taken in: the store failed (`not_stored`) or the house closes (`stopping`)."""

    def __init__(self, code: str, retry_after_s: int = 5) -> None:
        """Say why and when to come again."""
        super().__init__(code)
        self.code = code
        self.retry_after_s = retry_after_s


class Work(msgspec.Struct, eq=False):
    """One thing for the writer; `answer` resolves when it is durable.

    Exactly one of `found` (envelopes read and verified), `greeting` (a hello) and `job` (a function
    of the open batch, in a transaction of its own) is not None.
    """

    answer: asyncio.Future[Any]
    received_at_ms: int
    found: Sequence[Incoming | Refused] | None = None
    sender: bytes | None = None
    greeting: Greeting | None = None
    job: Callable[[Any], Any] | None = None

    @property
    def size(self) -> int:
        """How many sets this is, at least 1."""
        return max(1, len(self.found or ()))


class WorkQueue:
    """Waiting work, bounded by its sets."""

    def __init__(self, *, limit_sets: int, batch_sets: int) -> None:
        """Hold `limit_sets` at most, hand out `batch_sets` at a time."""
        self._limit = limit_sets
        self._batch = batch_sets
        self._priority: deque[Work] = deque()
        self._normal: deque[Work] = deque()
        self._awake = asyncio.Event()
        self.waiting_sets = 0

    def put(self, work: Work, *, priority: bool) -> None:
        """Add work. Raises IntakeBusyError past the bound; priority work has a tenth of it more."""
        limit = self._limit + (self._limit // 10 if priority else 0)
        if self.waiting_sets + work.size > limit:
            raise IntakeBusyError(2)
        (self._priority if priority else self._normal).append(work)
        self.waiting_sets += work.size
        self._awake.set()

    def wake(self) -> None:
        """Have whoever waits look again, though no work was added."""
        self._awake.set()

    async def wait(self, timeout_s: float | None) -> None:
        """Until there is work, or the time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._awake.wait()
        except TimeoutError:
            return

    def take(self) -> list[Work]:
        """The next batch, empty when nothing waits. A job is a batch of its own."""
        taken: list[Work] = []
        sets = 0
        for lane in (self._priority, self._normal):
            while lane:
                work = lane[0]
                if taken and (sets + work.size > self._batch or work.job is not None):
                    break
                taken.append(lane.popleft())
                sets += work.size
                if work.job is not None:
                    break
            if taken and (lane or taken[-1].job is not None):
                break
        self.waiting_sets -= sets
        if not self._priority and not self._normal:
            self._awake.clear()
        return taken

    def close(self, reason: BaseException) -> None:
        """Fail everything that waits: none of it is stored."""
        for lane in (self._priority, self._normal):
            while lane:
                work = lane.popleft()
                if not work.answer.done():
                    work.answer.set_exception(reason)
        self.waiting_sets = 0
        self._awake.clear()
