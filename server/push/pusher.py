"""Effects of kind `push` performed: to every device they are for, with patience, and an end to it.

Responsible for whom a push goes to, for trying again, and for what a service's answer does to a subscription. Refuses
to decide that one is wanted, and to be waited for: it runs beside everything else (`server.perform`).

A push is worth something for minutes. It is given up when its time is over, when its order was signed or taken back, or
after `ATTEMPTS`; whoever relied on it has been escalated to by then on another way.

Example: `Performer({...}, beside={PUSH: pusher.perform})`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from sqlalchemy import Connection

from server.keys import ES256, load_or_create
from server.now import Clock
from server.push.endpoint import Resolve, resolve
from server.push.message import Told, Vapid
from server.push.sender import Fate, Outcome, Sender
from server.push.wanted import Wanted, read
from server.settings import Settings
from server.store import projections, subscriptions
from server.store.engine import Database
from server.store.subscriptions import Subscription

KEY_FILE: Final = "push.key"
"""In the data directory. Nodes of one database share it: a subscription takes messages of the key it was made with."""
TTL_S: Final = {"order": 600, "nudge": 300}
TEST_TTL_S: Final = 60
ATTEMPTS: Final = 4
BACK_OFF_S: Final = (2.0, 10.0, 40.0)
"""Before the second, third and fourth attempt, each with up to half as much again by chance."""
WAIT_S_MAX: Final = 120.0
"""A service that asks for more is not waited for."""
AT_ONCE: Final = 8
"""Messages under way at the same time; the others take their turn."""
REFUSALS_MAX: Final = 5
"""In a row: then the subscription is forgotten, and the phone makes another when its app is opened."""
NOTED_AGAIN_MS: Final = 60_000

log = logging.getLogger("ortoo.push")


class Pusher:
    """Delivers pushes."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        entropy: Callable[[int], bytes],
        db: Database,
        *,
        look_up: Resolve = resolve,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Nothing is opened or made yet."""
        self._settings = settings
        self._clock = clock
        self._entropy = entropy
        self._db = db
        self._look_up = look_up
        self._sleep = sleep
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._sender: Sender | None = None

    def start(self) -> None:
        """Take up the key of this centre, or make one. Without a key there is no Web Push, and everything else."""
        if not self._settings.push.services:
            return
        try:
            key = load_or_create(self._settings.data_dir / KEY_FILE, ES256, self._entropy)
        except OSError as error:
            log.warning(
                "no Web Push: its key cannot be kept", extra={"error": type(error).__name__}
            )
            return
        vapid = Vapid(key, self._settings.push_contact)
        self._sender = Sender(self._settings.push, self._clock, vapid, self._look_up)

    async def stop(self) -> None:
        """Close what is open."""
        if self._sender is not None:
            await self._sender.close()

    @property
    def key(self) -> str | None:
        """The public key that browsers subscribe with, base64url; None where there is no Web Push."""
        return None if self._sender is None else self._sender.vapid.public

    async def perform(self, payload: bytes) -> None:
        """Deliver one push to every device it is for."""
        wanted = read(payload)
        if self._sender is not None:
            to = await self._db.reading(_subscriptions_for, wanted)
            await asyncio.gather(*(self._deliver(self._sender, one, wanted) for one in to))

    async def test(self, to: Subscription, name: str) -> Outcome:
        """Send a test push at once and only once."""
        if self._sender is None:
            return Outcome(Fate.REFUSED, "off")
        outcome = await self._sender.send(to, Told("test", test=name), ttl_s=TEST_TTL_S)
        await self._note(to, outcome)
        return outcome

    async def _deliver(self, sender: Sender, one: Subscription, wanted: Wanted) -> None:
        told = Told(wanted.what, _hex(wanted.incident), _hex(wanted.order))
        ends_ms = wanted.at_ms + TTL_S[wanted.what] * 1000
        for attempt in range(ATTEMPTS):
            async with self._turn:
                left_s = (ends_ms - self._clock.now_ms()) // 1000
                if left_s <= 0 or not await self._is_wanted(wanted):
                    return
                outcome = await sender.send(one, told, ttl_s=left_s)
            await self._note(one, outcome)
            if outcome.fate is not Fate.LATER or attempt == len(BACK_OFF_S):
                return
            asked_s = BACK_OFF_S[attempt] if outcome.wait_s is None else outcome.wait_s
            wait_s = max(asked_s, 1.0) * (1 + self._entropy(1)[0] / 512)
            if asked_s > WAIT_S_MAX or wait_s >= left_s:
                return
            await self._sleep(wait_s)

    async def _is_wanted(self, wanted: Wanted) -> bool:
        """Whether there is still something to knock for: an order that was signed or taken back needs no more."""
        if wanted.what != "order" or wanted.incident is None or wanted.order is None:
            return True
        return await self._db.reading(projections.is_unsigned, wanted.incident, wanted.order)

    async def _note(self, one: Subscription, outcome: Outcome) -> None:
        now_ms = self._clock.now_ms()
        if outcome.fate is Fate.SENT:
            # Every push a commit would be much; to the minute is enough for whoever looks.
            if one.refusals or now_ms - (one.succeeded_at_ms or 0) >= NOTED_AGAIN_MS:
                await self._db.writing(subscriptions.succeeded, one, now_ms)
            return
        log.info("a push was not sent", extra={"chain": one.chain.hex(), "why": outcome.why})
        if outcome.fate is Fate.GONE or (
            outcome.fate is Fate.REFUSED and one.refusals + 1 >= REFUSALS_MAX
        ):
            await self._db.writing(subscriptions.forget, one.chain, one.endpoint)
        elif outcome.fate is Fate.REFUSED:
            await self._db.writing(subscriptions.refused, one)


def _subscriptions_for(connection: Connection, wanted: Wanted) -> list[Subscription]:
    if wanted.chain is not None:
        one = subscriptions.of_chain(connection, wanted.chain)
        return [] if one is None else [one]
    return [] if wanted.person is None else subscriptions.of_person(connection, wanted.person)


def _hex(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()
