"""The exchange with devices: `/sync/v1/hello`, `push`, `pull`, `time`, `rotate`, `station` and `events` (SPEC EX).

Responsible for reading messages, finding the device behind a token and spelling answers. Refuses
to judge sets: that is the intake's. Everything here may be repeated without harm.

A revoked device, and one whose chain another has continued, may push what it still holds, and ask
once more for the place it was given: it may never have heard so. Nothing else.

Example: `POST /sync/v1/push` with `{"sets": [envelope, ...]}` answers one result per envelope, in
order, once all of them are durable.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec
from litestar import asgi
from litestar.handlers import ASGIRouteHandler
from litestar.types import Receive, Scope, Send

from server.api import pull, snapshots, wire
from server.api.events import Events
from server.api.logs import LogApi
from server.api.months import Months
from server.api.rotation import opening_of, successor
from server.auth import stations
from server.auth.devices import find, token_of
from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.greetings import NEEDS_LOGIN, Welcome
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.now import Clock
from server.problems import ProblemError, refuse
from server.proof import given
from server.settings import STATION, Settings
from server.store import devices, log, scopes
from server.store import sets as stored_sets
from server.store.devices import Contact, Device
from server.store.engine import Database
from sync import exchange, witness
from sync.canon import INT_MAX
from sync.time import CENTRE_UNCERTAINTY_MS

PREFIX = "/sync/v1/"
# A device is looked up again after this long, so that a token that was replaced ends. A revocation
# counts at once, or within a second when another process made it.
DEVICE_CACHE_MS = 60_000
DEVICE_CACHE_LIMIT = 20_000
RETRY_WHEN_BUSY_MS = 2_000
PERCENT = 100
# Calls that a device may still make when another chain has taken its place: hello tells the desk.
CALLS_OF_THE_CONTINUED = frozenset({"push", "rotate", "hello"})
# Calls of a suspended device: hello, which is refused, tells the desk what it still holds; rotate looks itself.
CALLS_OF_THE_REVOKED = frozenset({"push", "rotate", "hello"})
EMPTY: Final = "empty"
NOW: Final = "now"
"""What becomes of a suspended device (EX12): it is cleared once it owes nothing, or at once."""
WIPED: Final = "wiped"
READ_ROOMS = frozenset({"log", "snapshot"})

Message = TypeVar("Message")
Handler = Callable[[Device, bytes], Awaitable[object]]


class SyncApi:
    """The calls as one ASGI application."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        db: Database,
        intake: Intake,
        events: Events,
        *,
        logs: LogApi,
        uncertainty: Callable[[], int] = lambda: CENTRE_UNCERTAINTY_MS,
    ) -> None:
        """Stand before the intake; `uncertainty` gives by how many ms the clock may be off now."""
        self._settings = settings
        self._clock = clock
        self._db = db
        self._intake = intake
        self._events = events
        self._logs = logs
        self._uncertainty = uncertainty
        self._months = Months()
        self._found: dict[str, tuple[Device, int]] = {}
        self._calls: dict[str, Handler] = {
            "hello": self._hello,
            "push": self._push,
            "pull": self._pull,
            "time": self._time,
            "rotate": self._rotate,
            "station": self._station,
            "audit": self._audit,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            await self._serve(scope, receive, send)
        except ProblemError as problem:
            await refuse(send, problem)
        except IntakeBusyError as busy:
            await refuse(send, ProblemError("queue_full", retry_after_s=busy.retry_after_s))
        except IntakeClosedError as closed:
            await refuse(send, ProblemError(closed.code, retry_after_s=closed.retry_after_s))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope["path"]).strip("/")  # the framework ends every path of a mount with one
        room, _, asked = path.partition("/")
        takes = "POST" if path in self._calls else "GET"
        if not (path in self._calls or path == "events" or (room in READ_ROOMS and asked)):
            raise ProblemError("not_found")
        if scope.get("method") != takes:
            raise ProblemError("method_not_allowed", allow=takes)
        headers = wire.headers_of(scope)
        if path == "events":
            device = await self._device(path, headers)
            names = [held.name for held in await self._scopes(device)]
            await self._events.stream(names, receive, send)
        elif room == "log":
            await self._logs.serve(asked, scope, receive, send, self._device)
        elif room == "snapshot":
            device = await self._device(room, headers)
            may = pull.may_follow(device, self._intake.directory)
            await snapshots.serve(self._db, asked, may, headers, send)
        else:
            device = await self._device(path, headers)
            answer = await self._calls[path](device, await wire.body(receive, headers))
            plain = answer if isinstance(answer, bytes) else exchange.encode(answer)
            accepts_gzip = b"gzip" in headers.get(b"accept-encoding", b"")
            await wire.reply(send, plain, accepts_gzip=accepts_gzip)

    async def _device(self, call: str, headers: dict[bytes, bytes]) -> Device:
        token, now_ms = wire.bearer(headers), self._clock.now_ms()
        device, read_at_ms = self._found.get(token, (None, 0))
        if device is None or not 0 <= now_ms - read_at_ms < DEVICE_CACHE_MS:
            device = await find(self._db, token)
            if device is None:
                raise ProblemError("not_signed_in")
            if len(self._found) >= DEVICE_CACHE_LIMIT:
                self._found.clear()
            self._found[token] = (device, now_ms)
        if call not in CALLS_OF_THE_REVOKED:
            await self._refuse_revoked(device)
        if call not in CALLS_OF_THE_CONTINUED:
            self._refuse_continued(device)
        return device

    def _refuse_continued(self, device: Device) -> None:
        if self._intake.continued_by(device) is not None:
            raise _refusal("rotation_needs_login", device.chain)

    async def _refuse_revoked(self, device: Device, wiping: int | None = None) -> None:
        """Refuse a suspended device and say what becomes of it (EX12)."""
        if self._intake.revoked_at_ms(device) is None:
            return
        known = await self._db.reading(devices.by_chain, device.chain)
        is_in_other_hands = known is not None and known.compromised_since_ms is not None
        wipe = None if device.person is None else NOW if is_in_other_hands else EMPTY
        is_noted = wipe is not None and wiping is not None and await self._noted(device, wiping)
        told = {"wipe": wipe, "noted": is_noted}
        if self._settings.role != STATION:
            head = await self._db.reading(log.read)
            told["log"] = f"{head.origin}/{head.epoch.hex()}"
        raise _refusal("device_revoked", device.chain, **told)

    async def _noted(self, device: Device, wiping: int) -> bool:
        """Write down that a device says it deletes what it holds."""
        proof = {"left": wiping}
        await self._intake.transaction(lambda batch: batch.happened(device.chain, WIPED, proof))
        return True

    async def _scopes(self, device: Device) -> list[scopes.Scope]:
        directory, now_ms = self._intake.directory, self._clock.now_ms()
        return await self._db.reading(pull.followed, device, directory, self._months, now_ms)

    async def _hello(self, device: Device, raw: bytes) -> exchange.HelloReply:
        if (spoken := read(exchange.Spoken, raw).v) != exchange.VERSION:
            speaks = {"speaks": [exchange.VERSION]}
            raise ProblemError("unspoken_version", f"this app speaks {spoken}", extra=speaks)
        asked = read(exchange.HelloRequest, raw)
        if asked.chain != device.chain:
            raise ProblemError("not_allowed", "the token belongs to another chain")
        now_ms = self._clock.now_ms()
        self._intake.note_contact(
            Contact(
                chain=device.chain,
                last_contact_ms=now_ms,
                pending=asked.pending,
                oldest_ms=asked.oldest_ms,
                # No clock is too wrong for a station to tell its centre of.
                clock_offset_ms=min(now_ms - asked.wall_ms, INT_MAX),
                head=asked.head,
                app=asked.app[:120],
                storage=None if asked.storage is None else min(asked.storage, PERCENT),
            )
        )
        await self._refuse_revoked(device, asked.wiping)
        welcome = await self._greet(device, asked)
        if welcome.rotate == NEEDS_LOGIN:
            raise _refusal("rotation_needs_login", device.chain)
        held = await self._scopes(device)
        head = await self._db.reading(log.read)
        return exchange.HelloReply(
            request_id=asked.request_id,
            wall_ms=asked.wall_ms,
            role=self._settings.role,
            server=head.server_id,
            now_ms=self._clock.now_ms(),
            uncertainty_ms=self._uncertainty(),
            log=exchange.LogState(
                origin=head.origin, epoch=head.epoch, size=head.idx, lost=self._lost(head)
            ),
            have=welcome.have,
            person=device.person or bytes(16),
            scopes=[(scope.name, scope.epoch, scope.n) for scope in held],
            limits=exchange.Limits(),
            retry_after_ms=RETRY_WHEN_BUSY_MS if self._intake.is_busy else None,
            token=welcome.token,
            rotate=welcome.rotate,
            beacon=self._intake.beacon(),
        )

    async def _greet(self, device: Device, asked: exchange.HelloRequest) -> Welcome:
        return await self._intake.greet(device, asked)

    def _lost(self, head: log.Head) -> list[tuple[bytes, int]]:
        """Epochs that ended, and how many entries of each are in this log (TL12)."""
        row = witness.read_row(self._intake.directory.row(witness.ORG_ROW, head.server_id))
        return [] if row is None else [(one.epoch, one.kept) for one in row.lost]

    async def _rotate(self, device: Device, raw: bytes) -> object:
        asked = read(exchange.RotateRequest, raw)
        opening = opening_of(bytes(asked.set), device)
        if self._intake.continued_by(device) != opening.chain:
            await self._refuse_revoked(device)
        token, token_hash = token_of(self._intake.token_secret, opening.set_id)

        def job(batch: Batch) -> bool:
            new = successor(opening, device, token_hash, batch.at_ms)
            return batch.rotate(device, new, opening)

        if not await self._intake.transaction(job):
            raise _refusal("rotation_needs_login", opening.chain)
        return exchange.RotateReply(opening.chain, token)

    async def _push(self, device: Device, raw: bytes) -> exchange.PushReply:
        asked = read(exchange.PushRequest, raw)
        sets = [bytes(one) for one in asked.sets]
        if sum(map(len, sets)) > exchange.BATCH_BYTES_MAX:
            raise ProblemError("request_too_large", "more than 1 MiB of sets")
        results, have = await self._intake.submit(sets, device)
        if device.station is None:
            return exchange.PushReply(results=results, have=have)
        ruled = [one.idx for one in results if one.idx is not None]
        found = await self._db.reading(stored_sets.rulings_at, ruled)
        told = [raw for _idx, _at_ms, raw in found]
        return exchange.PushReply(results=results, have=have, rulings=told)

    async def _pull(self, device: Device, raw: bytes) -> exchange.PullReply:
        asked = read(exchange.PullRequest, raw)
        may = pull.may_follow(device, self._intake.directory)
        cursors = [cursor for cursor in asked.cursors if may(cursor[0])]
        now_ms, behind = self._clock.now_ms(), self._settings.limits.snapshot_entries
        if device.station is not None:
            behind = sys.maxsize  # it needs what was, not only what it comes to
        beacon = self._intake.beacon()
        reply = await self._db.reading(pull.answer, cursors, asked.budget, now_ms, behind)
        reply = msgspec.structs.replace(reply, beacon=beacon)
        if asked.signed is None:
            return reply
        checkpoint = await self._db.reading(given.checkpoint_after, asked.signed)
        return msgspec.structs.replace(reply, checkpoint=checkpoint)

    async def _station(self, device: Device, raw: bytes) -> object:
        asked = read(stations.StationRequest, raw)
        if device.station is None:
            raise ProblemError("not_allowed", "this device is no station")
        now_ms = self._clock.now_ms()
        for contact in await self._db.reading(stations.news, device.chain, asked, now_ms):
            self._intake.note_contact(contact)
        directory = self._intake.directory
        return await self._db.reading(stations.told, directory, device.station, asked.have)

    async def _audit(self, device: Device, raw: bytes) -> object:
        asked = read(stations.AuditRequest, raw)
        if device.station is None:
            raise ProblemError("not_allowed", "this device is no station")
        return await self._db.reading(stations.behind, asked)

    async def _time(self, _device: Device, raw: bytes) -> object:
        received_ms = self._clock.now_ms()
        asked = read(exchange.TimeRequest, raw)
        return exchange.TimeReply(
            t1=asked.t1,
            t2=received_ms,
            t3=self._clock.now_ms(),
            uncertainty_ms=self._uncertainty(),
        )


def mounted(api: SyncApi) -> ASGIRouteHandler:
    """The exchange as a route of the house."""

    @asgi(PREFIX, is_mount=True, copy_scope=False)
    async def sync_v1(scope: Scope, receive: Receive, send: Send) -> None:
        await api(scope, receive, send)

    return sync_v1


def _refusal(code: str, chain: bytes, **more: Any) -> ProblemError:
    """A refusal that makes a device leave its chain or stop: it names whom it is said to (EX11)."""
    return ProblemError(code, extra={"chain": chain.hex()} | more)


def read(kind: type[Message], raw: bytes) -> Message:
    """The message in a body. Raises ProblemError."""
    try:
        return exchange.decode(kind, raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        # The reader stops at the head of a list that promises too much, before it makes room for one item.
        is_long = "`array` of length <=" in str(error)
        raise ProblemError("request_too_large" if is_long else "bad_message", str(error)) from error
