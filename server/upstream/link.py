"""The link between a station and its centre: sets go up, rulings come down, for as long as a line is there.

Responsible for one round after the other: both directions beside each other until something breaks, then a pause that
grows; and for the hello that each stream of hints begins with. Refuses to remember anything: what is owed stands in the
spool, and how far a scope was read in the scope itself, so that a round may end anywhere, by a kill too, and the next
one goes on there.

What no waiting mends (`device_revoked`, `no_centre`, `not_trusted`) is told in `status`, and tried again only seldom.

Example: `link.start()`; `await link.status()` says since when it stands, and what the centre refused.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from functools import partial
from typing import Final

import httpx2
import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.meeting import meet
from server.intake.pages import MirrorError
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.live.hub import Hub
from server.proof.keeper import Status
from server.settings import Settings
from server.store import devices, spool, upstream
from server.store.engine import Database
from server.store.spool import Counts
from server.store.upstream import Upstream
from server.upstream.audit import Audit
from server.upstream.beside import beside
from server.upstream.clock import StationClock, measured
from server.upstream.down import Down
from server.upstream.join import APP, joined
from server.upstream.reached import NO_CENTRE, NOT_TRUSTED, is_distrust
from server.upstream.up import Up
from server.wire import (
    ASKED_IDLE_S,
    REVOKED,
    UNKNOWN_HERE,
    ServerRefusalError,
    Wire,
    garbled,
)
from sync import errors, exchange

RETRY_S: Final = (2.0, 60.0)
"""The first pause after a round that brought nothing, and the longest; doubling while nobody is there, with jitter."""
ON_S: Final = 0.25
"""After one that brought something: a line that breaks often is used while it is there."""
REFUSED_AGAIN_S: Final = 60.0
BAD_REPLY_AGAIN_S: Final = 600.0
"""After a reply that contradicts what came before: it may be long, and will hardly change."""
ALONE_AFTER_MS: Final = 60_000
"""Without a word of the centre for so long a station takes the steps of the nudging plan itself (HB9)."""
TIMEOUT_S: Final = 30.0
ASKED_S: Final = 8.0
"""The same where somebody stands and waits for the answer: on a line that went silent nothing is refused."""

_log = logging.getLogger("ortoo.upstream")


class Me(msgspec.Struct, frozen=True):
    """Who talks: the station's own chain."""

    chain: bytes
    token: str
    instead_of: bytes | None = None


class LinkStatus(msgspec.Struct, frozen=True):
    """How the link stands. Times by this station's clock; `linked_since_ms` is None while there is no round; `log` is
    the centre's, as it was heard last."""

    url: str
    log: Status
    linked_since_ms: int | None
    heard_at_ms: int | None
    code: str | None
    detail: str
    spool: Counts
    offset_ms: int | None
    uncertainty_ms: int


class Link:
    """One per station, in a task of its own."""

    def __init__(
        self,
        settings: Settings,
        clock: StationClock,
        entropy: Callable[[int], bytes],
        db: Database,
        *,
        intake: Intake,
        hub: Hub,
        storage: Callable[[], int | None],
    ) -> None:
        """Nothing is sent before `start`. `storage`: how much of the disk is used, in percent."""
        self._settings = settings
        self._clock = clock
        self._entropy = entropy
        self._db = db
        self._intake = intake
        self._hub = hub
        self._storage = storage
        self._chance = random.Random(entropy(8))  # noqa: S311  spreads retries, no secret
        self._session = entropy(8)
        self._me = Me(b"", "")
        self._http: httpx2.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._linked_since_ms: int | None = None
        self._began, _wall_ms = clock.read()
        self._heard: int | None = None  # by the steady clock
        self._trouble: tuple[str, str] | None = None  # code and detail of what no waiting mends

    def start(self) -> None:
        """Begin with the first round."""
        self._began, _wall_ms = self._clock.read()
        self._task = asyncio.create_task(self._run(), name="upstream")

    async def stop(self) -> None:
        """End in the middle of whatever it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def is_alone(self) -> bool:
        """Whether the centre has not been reached for a minute (HB9)."""
        steady_ms, _wall_ms = self._clock.read()
        return steady_ms - (self._began if self._heard is None else self._heard) > ALONE_AFTER_MS

    async def status(self) -> LinkStatus:
        """How things stand."""
        known, counts = await self._db.reading(_standing)
        heard_at_ms = known.heard_at_ms or None
        if self._heard is not None:
            heard_at_ms = self._clock.now_ms() - (self._clock.read()[0] - self._heard)
        code, detail = self._trouble or (None, "")
        return LinkStatus(
            url=self._settings.upstream or known.url,
            log=Status(known.origin, known.size, 0, None),
            linked_since_ms=self._linked_since_ms,
            heard_at_ms=heard_at_ms,
            code=code,
            detail=detail,
            spool=counts,
            offset_ms=self._clock.offset_ms,
            uncertainty_ms=self._clock.uncertainty_ms(),
        )

    async def ask_for(self, path: str, asked: msgspec.Struct) -> httpx2.Response:
        """Ask the centre something in the name of nobody, for somebody who is here; its answer, whatever it is. Raises
        httpx2.TransportError.
        """
        if self._http is None:
            raise httpx2.ConnectError("the link does not run")
        headers = {"content-type": "application/json"}
        body = msgspec.json.encode(asked)
        return await self._http.post(path, content=body, headers=headers, timeout=ASKED_S)

    # ---- rounds ----------------------------------------------------------------------------

    async def _run(self) -> None:
        async with await self._client() as http:
            self._http = http
            wire, up, down = self._ways(http)
            audit = Audit(wire, self._clock, self._db)
            failures = 0
            while True:
                before = up.brought + down.brought
                pause_s = await self._round(wire, up, down, audit)
                was_there, self._linked_since_ms = self._linked_since_ms is not None, None
                failures = 1 if was_there else failures + 1
                if up.brought + down.brought > before:
                    failures = 0
                await asyncio.sleep(self._pause_s(failures) if pause_s is None else pause_s)

    async def _client(self) -> httpx2.AsyncClient:
        """Who asks, once the authorities that it is to trust can be read."""
        known = await self._db.reading(joined)
        url = self._settings.upstream or known.url
        kept = httpx2.Limits(keepalive_expiry=ASKED_IDLE_S)
        while True:
            try:
                return httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_S, limits=kept)
            except OSError as error:
                self._stopped(NOT_TRUSTED, str(error))
                await asyncio.sleep(REFUSED_AGAIN_S)

    async def once(self, http: httpx2.AsyncClient) -> None:
        """Everything there is up, and everything down, over this client; for whoever keeps the time himself. Raises
        what broke it; whatever came through stands.
        """
        wire, up, down = self._ways(http)
        known = await self._db.reading(joined)
        self._me = Me(self._intake.desk.chain, known.token)
        try:
            await up.empty()
        except MirrorError:
            if not await self._is_other_log(wire, down):
                raise
            await up.empty()
        await self._greet(wire, down)
        await down.catch_up(lambda: self._greet(wire, down))

    def _ways(self, http: httpx2.AsyncClient) -> tuple[Wire, Up, Down]:
        wire = Wire(http, lambda: self._me)
        down = Down(
            wire,
            self._clock,
            self._db,
            intake=self._intake,
            heard=self.heard,
            months=self._settings.retain_months,
        )
        up = Up(wire, self._clock, self._db, intake=self._intake, hub=self._hub, heard=self.heard)
        return wire, up, down

    async def _round(self, wire: Wire, up: Up, down: Down, audit: Audit) -> float | None:
        """Until something breaks. Gives how long to wait then, None for as long as usual."""
        try:
            return await self._talk(wire, up, down, audit)
        except MirrorError as error:
            self._stopped(error.code, str(error))
            return BAD_REPLY_AGAIN_S
        except ServerRefusalError as refused:
            _log.info("the centre cannot now", extra={"why": refused.code})
            if refused.code == UNKNOWN_HERE:  # a station's word, and no centre's
                self._stopped(NO_CENTRE, str(refused))
        except (httpx2.HTTPError, OSError) as error:
            _log.info("the line broke", extra={"error": type(error).__name__})
            if is_distrust(error):
                self._stopped(NOT_TRUSTED, str(error))
        except (IntakeBusyError, IntakeClosedError, SQLAlchemyError) as error:
            _log.warning("the store failed", extra={"error": type(error).__name__})
        except Exception:  # noqa: BLE001  whatever it was may pass, and must not cut a township off in silence
            _log.exception("a round over the link failed")
        return None

    async def _talk(self, wire: Wire, up: Up, down: Down, audit: Audit) -> float | None:
        """The same, but raises what broke it, unless that is a refusal that no waiting mends."""
        try:
            await self._both_ways(wire, up, down, audit)
        except ServerRefusalError as refused:
            if refused.may_pass or refused.code not in errors.REQUESTS:
                raise
            self._stopped(refused.code, str(refused))
            if refused.code == REVOKED:
                await self._hand_over(up)
            return REFUSED_AGAIN_S
        return None

    async def _both_ways(self, wire: Wire, up: Up, down: Down, audit: Audit) -> None:
        """Up and down beside each other until something breaks, and raise that."""
        known = await self._db.reading(joined)
        self._me = Me(self._intake.desk.chain, known.token)  # it may have joined once more
        try:
            await beside(up.run(), self._read(wire, down), audit.run())
        except MirrorError:  # in an answer to what went up
            if not await self._is_other_log(wire, down):
                raise

    async def _read(self, wire: Wire, down: Down) -> None:
        """Take over what the centre rules. Where that contradicts itself nothing more is taken for a while; what is
        owed goes up all the same.
        """
        try:
            await down.run(lambda: self._greet(wire, down))
        except MirrorError as error:
            self._stopped(error.code, str(error))
            await asyncio.sleep(BAD_REPLY_AGAIN_S)

    async def _is_other_log(self, wire: Wire, down: Down) -> bool:
        """Whether the centre was put back since it was greeted: then its answers contradict nothing any more."""
        before = await self._db.reading(joined)
        await self._greet(wire, down)
        return (await self._db.reading(joined)).epoch != before.epoch

    def _stopped(self, code: str, detail: str) -> None:
        """Something that no waiting mends; the first time it is told loudly."""
        if self._trouble is None or self._trouble[0] != code:
            cure = errors.lookup(code).cure
            _log.error("the link stands still", extra={"code": code, "why": detail, "cure": cure})
        self._trouble, self._linked_since_ms = (code, detail), None

    async def _hand_over(self, up: Up) -> None:
        """The centre will have no more of this station. What it holds of others may still be handed over (EX9)."""
        try:
            await up.empty()
        except MirrorError as error:
            _log.warning("what is held stays here", extra={"why": str(error)})

    def _pause_s(self, failures: int) -> float:
        first_s, longest_s = RETRY_S
        bound_s = min(longest_s, first_s * 2.0 ** min(failures - 1, 10)) if failures else ON_S
        return bound_s * self._chance.uniform(0.5, 1.0)

    def heard(self) -> None:
        """The centre said something."""
        self._heard, _wall_ms = self._clock.read()

    async def _greet(self, wire: Wire, down: Down) -> None:
        """Say who we are, learn what there is, and what time it is."""
        head, counts = await self._db.reading(_held, self._intake.desk.chain)
        steady_ms, wall_ms = self._clock.read()
        asked = exchange.HelloRequest(
            v=exchange.VERSION,
            app=APP,
            chain=self._intake.desk.chain,
            head=head,
            pending=counts.waiting,
            oldest_ms=counts.oldest_ms,
            wall_ms=wall_ms,
            mono=(self._session, steady_ms),
            request_id=self._entropy(16),
            storage=self._storage(),
        )
        reply = await wire.call("hello", asked, exchange.HelloReply)
        if (reply.request_id, reply.wall_ms) != (asked.request_id, asked.wall_ms):
            raise garbled("the answer is to another hello")
        self.heard()
        self._trouble = None
        if self._linked_since_ms is None:
            self._linked_since_ms = self._clock.now_ms()
        await self._measure(wire)
        await self._intake.transaction(partial(self._meet, hello=reply))
        down.told_of(reply)

    def _meet(self, batch: Batch, hello: exchange.HelloReply) -> None:
        """Keep which log that is and what time it is. Raises MirrorError for another server."""
        known = joined(batch.connection)
        if hello.server != known.server:
            raise MirrorError(
                f"server {hello.server.hex()} answers where {known.server.hex()} was joined"
            )
        meet(batch, hello.log)
        known = self._clock.noted(joined(batch.connection))
        heard = msgspec.structs.replace(
            known,
            told_at_ms=max(known.told_at_ms, hello.now_ms),
            heard_at_ms=batch.at_ms,
            beacon=hello.beacon or known.beacon,  # phones read in it how lately that was (HB4)
        )
        upstream.save(batch.connection, heard)

    async def _measure(self, wire: Wire) -> None:
        sent = self._clock.read()
        reply = await wire.call("time", exchange.TimeRequest(t1=sent[1]), exchange.TimeReply)
        if reply.t1 != sent[1]:
            raise garbled("the answer is to another question")
        found = measured(
            sent=sent,
            t2=reply.t2,
            t3=reply.t3,
            server_ms=reply.uncertainty_ms,
            heard=self._clock.read()[0],
        )
        self._clock.learn(found)


def _standing(connection: Connection) -> tuple[Upstream, Counts]:
    return joined(connection), spool.counts(connection)


def _held(connection: Connection, chain: bytes) -> tuple[int, Counts]:
    """How far the own chain has come, and what waits."""
    head = devices.heads(connection, [chain]).get(chain)
    return -1 if head is None else head.top, spool.counts(connection)
