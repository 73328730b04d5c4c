"""The network of the simulated world: it loses, delays, repeats, reorders, cuts, and lies as captive portals do.

Responsible for carrying one request to a node and its answer back, or not. Refuses to know what they say. Any
node with `handle(request)` may stand at an address, so that a station may later stand between phones and the centre.

Example: `await network.call("p1", "centre", request)`; raises `LostError` after as long as a client would wait.
"""

import asyncio
import random
from collections.abc import Callable
from typing import NoReturn, Protocol

from tests.sim.faults import Faults
from tests.sim.wire import HTML, LostError, Request, Response

GIVEN_UP_MS = 15_000  # a client waits no longer than this for an answer that does not come

# What a proxy that ignores `no-store` may answer from its memory.
REPLAYED = frozenset({"hello", "push", "pull", "rotate"})


class Node(Protocol):
    """Anything that answers requests."""

    async def handle(self, request: Request) -> Response:
        """The answer. Raises LostError."""
        ...


class Network:
    """All links. A pair of names that is `apart` hears nothing of each other."""

    def __init__(
        self, chance: random.Random, faults: Faults, note: Callable[[str, str, str], None]
    ) -> None:
        """`note(who, what, detail)` writes the trace."""
        self.nodes: dict[str, Node] = {}
        self.apart: set[str] = set()
        self.via: dict[str, str] = {}  # where the name of the centre leads, by who asks
        self.faults = faults
        self._chance = chance
        self._note = note
        self._before: dict[tuple[str, str], Response] = {}
        self._later: set[asyncio.Task[None]] = set()
        self.lost_replies: list[Request] = []
        self.duplicates = 0
        self.carried = 0

    async def call(self, source: str, target: str, request: Request) -> Response:
        """Carry a request there and the answer back. Raises LostError."""
        faults, chance = self.faults, self._chance
        await self._travel()
        if self._is_lost(source):
            await self._give_up(source, request, "request lost")
        if chance.random() < faults.portal:
            self._note(source, request.word, "a portal answers")
            return Response(200, HTML, b"<html>log in</html>")
        if chance.random() < faults.duplicate:
            again = asyncio.get_running_loop().create_task(self._again(source, target, request))
            self._later.add(again)
            again.add_done_callback(self._later.discard)
        self.carried += 1
        try:
            response = await self._at(source, target, request).handle(request)
        except LostError:
            await self._give_up(source, request, "no answer")
        await self._travel()
        if self._is_lost(source):
            self.lost_replies.append(request)
            await self._give_up(source, request, "reply lost")
        stale = self._before.get((source, request.word))
        self._before[source, request.word] = response
        if stale is not None and request.word in REPLAYED and chance.random() < faults.stale:
            self._note(source, request.word, "an old reply comes again")
            return stale
        if chance.random() < faults.cut:
            self._note(source, request.word, "the reply breaks off")
            self.lost_replies.append(request)
            return Response(response.status, response.type, response.body[:9], broken=True)
        return response

    def calm(self) -> None:
        """No more faults: every message arrives, soon and once."""
        self.faults = Faults()
        self.apart.clear()
        for task in self._later:
            task.cancel()

    def _at(self, source: str, target: str, request: Request) -> Node:
        """Who answers. Only the centre lets anybody in."""
        is_led = request.word != "enrol"
        return self.nodes[self.via.get(source, target) if is_led else target]

    async def _again(self, source: str, target: str, request: Request) -> None:
        await asyncio.sleep(self._chance.uniform(0, self.faults.late_ms) / 1000)
        self.duplicates += 1
        try:
            await self._at(source, target, request).handle(request)
        except LostError:
            return

    async def _travel(self) -> None:
        delay_ms = self._chance.expovariate(1 / max(self.faults.slow_ms, 1))
        await asyncio.sleep(min(delay_ms, GIVEN_UP_MS / 3) / 1000)

    def _is_lost(self, source: str) -> bool:
        return source in self.apart or self._chance.random() < self.faults.loss

    async def _give_up(self, source: str, request: Request, why: str) -> NoReturn:
        self._note(source, request.word, why)
        await asyncio.sleep(self._chance.uniform(0.2, GIVEN_UP_MS / 1000))
        raise LostError
