"""Who listens, and the coalesced word each is due: "scope S moved to n", "the log is at idx".

Responsible for fan-out inside one process with a bound on listeners. Refuses to carry data: a
listener that is slow or gone loses nothing, because it pulls from its cursor.

Example: `with hub.listen(["org"]) as ear: await ear.hear(15.0)` gives `{"org": 41}` when the org
scope has moved, once, however often it moved meanwhile, and an empty dict after 15 quiet seconds. Whoever listens to
one month of a station hears of all: also of the one that is born meanwhile.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from server.store.scopes import family_of

LOG = "log"  # the word for desks: the newest ruling index, whatever scope it stands in


class HubFullError(Exception):
    """More listeners than this process may hold."""


class Ear:
    """One listener and what it has not been told yet: at most one number per scope."""

    def __init__(self, families: frozenset[str]) -> None:
        """Listen to the scopes of these families."""
        self.families = families
        self.draining = False
        self._news: dict[str, int] = {}
        self._awake = asyncio.Event()

    def tell(self, scope: str, n: int) -> None:
        """Remember that a scope moved; a later word about the same scope replaces this one."""
        self._news[scope] = n
        self._awake.set()

    def drain(self) -> None:
        """The server is closing: wake up and go."""
        self.draining = True
        self._awake.set()

    async def hear(self, timeout_s: float) -> dict[str, int]:
        """What moved since the last time; empty when nothing did for `timeout_s`, or draining."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._awake.wait()
        except TimeoutError:
            return {}
        self._awake.clear()
        news, self._news = self._news, {}
        return news


class Hub:
    """All listeners of one process."""

    def __init__(self, *, limit: int) -> None:
        """Hold at most `limit` listeners."""
        self._limit = limit
        self._count = 0
        self._ears: dict[str, set[Ear]] = {}
        self._draining = False
        self.idx = 0  # the newest ruling anybody was told of

    @property
    def families(self) -> set[str]:
        """What is listened to now, apart from the log itself."""
        return self._ears.keys() - {LOG}

    @property
    def listeners(self) -> int:
        """How many listen now."""
        return self._count

    @contextmanager
    def listen(self, scopes: Iterable[str]) -> Iterator[Ear]:
        """Listen to scopes, and others of their families, for the length of the block. Raises HubFullError."""
        if self._count >= self._limit:
            raise HubFullError
        ear = Ear(frozenset(map(family_of, scopes)))
        if self._draining:
            ear.drain()
        self._count += 1
        for family in ear.families:
            self._ears.setdefault(family, set()).add(ear)
        try:
            yield ear
        finally:
            self._count -= 1
            for family in ear.families:
                rest = self._ears[family]
                rest.discard(ear)
                if not rest:
                    del self._ears[family]

    def moved(self, scopes: Mapping[str, int], idx: int) -> None:
        """Tell everyone concerned; desks hear of the log whatever moved."""
        self.idx = max(self.idx, idx)
        for scope, n in scopes.items():
            for ear in self._ears.get(family_of(scope), ()):
                ear.tell(scope, n)
        for ear in self._ears.get(LOG, ()):
            ear.tell(LOG, idx)

    def drain(self) -> None:
        """Send every listener home, now and from here on."""
        self._draining = True
        for ears in self._ears.values():
            for ear in ears:
                ear.drain()
