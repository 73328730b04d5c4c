"""What the Python client stands on in the simulated world: its disk, its network and its time.

Responsible for a disk that stops between any two steps, for httpx over the simulated network, and for sleeping by a
phone's own wrong clock. Refuses to know what the client does with them.

Example: `Steps(connection).power = 3` lets three more statements happen, and then nothing.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine
from typing import Any

import httpx2

from server.fleet.heartbeat import beaten
from sync.samples import Clocks
from tests.sim.clocks import PhoneClock
from tests.sim.network import Network
from tests.sim.storage import PowerCut
from tests.sim.wire import LostError, Request


class Steps:
    """The vault's connection, with power for so many more steps."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw
        self.power: int | None = None
        self.dark = False

    def _step(self) -> None:
        if self.power is not None:
            self.power -= 1
            self.dark = self.dark or self.power < 0
        if self.dark:
            raise PowerCut

    def execute(self, *given: Any) -> sqlite3.Cursor:
        self._step()
        return self.raw.execute(*given)

    def executemany(self, *given: Any) -> sqlite3.Cursor:
        self._step()
        return self.raw.executemany(*given)

    def again(self) -> None:
        """Power again; what was not committed never was."""
        self.power, self.dark = None, False
        if self.raw.in_transaction:
            self.raw.execute("ROLLBACK")


class Carrier(httpx2.AsyncBaseTransport):
    """httpx over the simulated network."""

    def __init__(self, name: str, network: Network) -> None:
        self._name, self._network = name, network

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        carried = Request(
            request.url.path,
            request.headers.get("authorization", ""),
            body,
            request.headers.get("content-encoding", "identity"),
            request.method,
        )
        try:
            response = await self._network.call(self._name, "centre", carried)
        except LostError as error:
            raise httpx2.ConnectError("no answer", request=request) from error
        if response.broken:
            raise httpx2.ReadError("the body broke off", request=request)
        return httpx2.Response(
            response.status,
            headers={"content-type": response.type},
            content=response.body,
            request=request,
        )


class PhoneTime:
    """The phone's own clocks, over virtual time."""

    def __init__(self, clock: PhoneClock, ended: Callable[[BaseException | None], None]) -> None:
        self._clock, self._ended = clock, ended
        self.tasks: set[asyncio.Task[None]] = set()

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def mono_ms(self) -> int:
        return self._clock.mono_ms()

    def watched(self, clocks: Clocks, began_m: int, until_m: int) -> Clocks:
        return beaten(clocks, self._clock.history, began_m, until_m)

    async def sleep_until(self, at_ms: int) -> None:
        await asyncio.sleep(max(at_ms - self.now_ms(), 0) / 1000)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            self._ended(task.exception())
