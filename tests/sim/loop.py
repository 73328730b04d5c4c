"""An event loop without threads, sockets or a clock of its own: time is a number that jumps to the next thing to do.

Responsible for making asynchronous production code run the same way every time: tasks take turns in the
order asyncio gives them, work handed to a thread is done on the spot, and `asyncio.sleep` costs nothing. Refuses to
know what runs on it.

Example: `Loop().play(story())` runs a coroutine that sleeps for a virtual week in a few milliseconds.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar

Result = TypeVar("Result")


class StuckError(Exception):
    """Nothing is left to do and the story is not over: somebody waits for what nobody will say."""


class _Leap:
    """Stands where a selector would: waiting for the network is moving the clock."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StuckError("nothing is scheduled and the story has not ended")
        self.now_s += timeout
        return []

    def close(self) -> None:
        """Nothing was opened."""


class Loop(asyncio.BaseEventLoop):
    """asyncio's own loop over virtual time."""

    def __init__(self) -> None:
        """Stand at 0 s."""
        super().__init__()
        self._leap = _Leap()
        self._selector = self._leap

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._leap.now_s

    def now_ms(self) -> int:
        """Virtual milliseconds since the loop was made."""
        return round(self._leap.now_s * 1000)

    def run_in_executor(  # type: ignore[override]
        self,
        _executor: Executor | None,
        func: Callable[..., Result],
        *args: Any,
    ) -> asyncio.Future[Result]:
        """Do the work now; a thread would do it at a moment nobody chose."""
        done: asyncio.Future[Result] = self.create_future()
        try:
            done.set_result(func(*args))
        except BaseException as error:  # noqa: BLE001  whoever waits shall hear it
            done.set_exception(error)
        return done

    def play(self, story: Coroutine[Any, Any, Result]) -> Result:
        """Run a story to its end, then end whatever it left behind. Raises StuckError."""
        try:
            return self.run_until_complete(story)
        finally:
            left = asyncio.all_tasks(self)
            for task in left:
                task.cancel()
            self.run_until_complete(_ended(left))
            self.close()

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
