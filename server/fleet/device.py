"""A phone that is not a phone: a real client of the protocol, with its own key, vault and outbox.

Responsible for writing sets whatever the network does, for sending them until the centre has them,
and for reading what the centre says. Refuses to know why a set is written, where time comes from
and where chance comes from; those are handed in, so that one seed gives one history.

Example: `device.write(KIND_INCIDENT, incident, [op], scope=…)` returns the set id at once;
`device.kick()` then sends it now, or after as many attempts as the link needs.
"""

import base64
import gzip
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import httpx2
import msgspec

from server import keys
from server.fleet.timebase import Timebase
from server.fleet.vault import Cursor, Head, Identity, Vault
from sync import clock, exchange, ids, rulings
from sync.changeset import KIND_CHAIN, Draft, Writer, chain_open_op, write
from sync.clock import Stamp
from sync.ids import ChainId, SetId

APP = "ortoo-fleet/1"
GZIP_FROM_BYTES = 256
PULL_BUDGET_BYTES = 1_048_576
HELLO_EVERY_MS = 6 * 3_600_000  # scopes change with the month; a listener greets with each stream
HELLO_AFTER_FAILING_MS = 600_000  # the centre then wants to know what is still pending here
RETRY_MS = (2_000, 60_000)  # first wait after a failure, longest wait; doubling, with jitter

Message = TypeVar("Message")
Entropy = Callable[[int], bytes]
Follow = Callable[[str, rulings.Ruling, bytes | None], None]
"""Told each applied entry: scope, ruling, envelope if it came along."""


class ServerRefusalError(Exception):
    """The server answered, and the answer is no. `code` is the problem's stable code."""

    def __init__(self, status: int, code: str, cause: str) -> None:
        """Carry what the problem answer said."""
        super().__init__(f"{status} {code}: {cause}")
        self.status = status
        self.code = code

    @property
    def may_pass(self) -> bool:
        """Whether trying again later can help."""
        return self.status in (408, 425, 429) or self.status >= 500


class BrokenScopeError(Exception):
    """A scope's entries were not dense or did not lead to the head the server named (EX4)."""


class Entry(msgspec.Struct, array_like=True, frozen=True):
    """One entry of a scope as pulled."""

    n: int
    ruling: bytes
    envelope: msgspec.Raw


class Device:
    """One simulated device. Its methods are called from one event loop only."""

    def __init__(
        self,
        vault: Vault,
        http: httpx2.AsyncClient,
        time: Timebase,
        *,
        entropy: Entropy,
        chance: random.Random,
        online: Callable[[], bool] = lambda: True,
        follow: Follow | None = None,
        records_seen: bool = False,
    ) -> None:
        """`http` has the server's address and this device's link; `chance` spreads retries and
        never enters a set. `online` is what the phone believes of its network: False saves an attempt.

        With `records_seen` each set names the newest ruling known when it was written; a replay
        leaves that out, so that the same calls give the same sets over any link.
        """
        self._vault = vault
        self._http = http
        self._time = time
        self._entropy = entropy
        self._chance = chance
        self._online = online
        self._follow = follow
        self._records_seen = records_seen
        self._session = (entropy(8), time.now_ms())
        self._cursors = vault.cursors()
        self._seen: tuple[int, bytes] | None = None
        self._greeted_ms: int | None = None
        self._wants_pull = False
        self._busy = False
        self.duplicates = 0
        self.pulled_sets: set[bytes] | None = None  # set ids met in pulls, where someone asks
        identity = vault.identity()
        if identity is not None:
            self._adopt(identity)

    def _adopt(self, identity: Identity) -> None:
        self._identity = identity
        self._key = keys.SigningKey(identity.alg, identity.key_seed)
        head = self._vault.head()
        chain = ChainId(identity.chain)
        self._writer = (
            Writer(chain)
            if head is None
            else Writer(chain, head.seq + 1, SetId(head.id), Stamp.unpack(head.stamp))
        )
        if head is None:
            op = chain_open_op(identity.alg, self._key.public, identity.nonce, APP)
            self.write(KIND_CHAIN, identity.chain, [op], scope=f"device:{identity.chain.hex()}")

    @property
    def enrolled(self) -> bool:
        """Whether this device has a chain the server knows."""
        return self._vault.identity() is not None

    @property
    def vault(self) -> Vault:
        """What this device keeps."""
        return self._vault

    @property
    def person(self) -> bytes:
        """The person this device was enrolled for."""
        return self._identity.person

    async def enrol(
        self, code: str, label: str, http: httpx2.AsyncClient | None = None
    ) -> Mapping[str, Any]:
        """Trade a one-time code for a chain of one's own; returns the server's whole answer.

        `http` is the network it happens in, where that is not the device's own link.
        Raises ServerRefusalError, or httpx2.TransportError when that network is down.
        """
        key_seed, nonce = self._entropy(32), self._entropy(16)
        key = keys.SigningKey(keys.ED25519, key_seed)
        reply = await (http or self._http).post(
            "/api/enrol",
            json={
                "code": code,
                "alg": key.alg,
                "pub": _b64url(key.public),
                "nonce": _b64url(nonce),
                "label": label,
                "app": APP,
            },
        )
        refuse(reply)
        answer: dict[str, Any] = reply.json()
        identity = Identity(
            alg=key.alg,
            key_seed=key_seed,
            nonce=nonce,
            chain=ids.chain_id(key.public, nonce),
            person=bytes.fromhex(answer["person"]["id"]),
            token=answer["token"],
        )
        self._vault.keep_identity(identity)
        self._adopt(identity)
        return answer

    def write(
        self,
        kind: str,
        entity: bytes,
        ops: Sequence[dict[str, Any]],
        *,
        scope: str,
        priority: bool = False,
    ) -> bytes:
        """Sign one action onto the chain and into the vault; returns the set id (32 bytes).

        Needs no network and is never refused for want of one.
        """
        now_ms = self._time.now_ms()
        session, began_ms = self._session
        written = write(
            self._writer,
            Draft(self._identity.person, scope, kind, entity, ops, lane=int(priority)),
            wall_ms=now_ms,
            offset_ms=None,
            mono=(session, now_ms - began_ms),
            salt=self._entropy(16),
            sign=self._key.sign,
            seen=self._seen if self._records_seen else None,
        )
        head = Head(self._writer.seq, written.set_id, written.writer.stamp.pack())
        self._vault.append(head, int(priority), now_ms, written.raw)
        self._writer = written.writer
        return written.set_id

    def follow_scope(self, scope: str) -> None:
        """Read a scope too that hello does not name, such as an older month of the own station."""
        if scope not in self._cursors:
            self._move(scope, Cursor(0, 0, rulings.SCOPE_HEAD_ZERO))

    def kick(self, *, pull: bool = False) -> None:
        """Send what waits (and read what is new), trying again until it is done."""
        self._wants_pull |= pull
        if not self._busy:
            self._busy = True
            self._time.spawn(self._settle())

    async def _settle(self) -> None:
        failures, failing_since_ms = 0, None
        try:
            while self._wants_pull or self._vault.pending()[0]:
                if self._online() and await self._succeeds():
                    failures, failing_since_ms = 0, None
                    continue
                failures += 1
                now_ms = self._time.now_ms()
                failing_since_ms = now_ms if failing_since_ms is None else failing_since_ms
                if now_ms - failing_since_ms > HELLO_AFTER_FAILING_MS:
                    self._greeted_ms = None
                await self._time.sleep_until(now_ms + self._wait_ms(failures))
        finally:
            self._busy = False

    async def _succeeds(self) -> bool:
        """One attempt; False when another may go better. Raises ServerRefusalError for a final no."""
        try:
            await self.attempt(pull=self._wants_pull)
        except httpx2.TransportError:
            return False
        except ServerRefusalError as error:
            if not error.may_pass:
                raise
            return False
        return True

    def _wait_ms(self, failures: int) -> int:
        first_ms, longest_ms = RETRY_MS
        bound_ms = min(longest_ms, first_ms << min(failures - 1, 10))
        return round(bound_ms * self._chance.uniform(0.5, 1.0))

    async def attempt(self, *, pull: bool) -> None:
        """One attempt at everything: hello when due, push until the outbox is empty, pull.

        Raises httpx2.TransportError or ServerRefusalError; whatever was answered before stands.
        """
        now_ms = self._time.now_ms()
        if self._greeted_ms is None or now_ms - self._greeted_ms > HELLO_EVERY_MS:
            await self.hello()
        while batch := self._vault.waiting(
            exchange.BATCH_SETS_MAX, exchange.BATCH_BYTES_MAX - 4096
        ):
            request = exchange.PushRequest([msgspec.Raw(one.raw) for one in batch])
            reply = await self._call("push", request, exchange.PushReply)
            self.duplicates += sum(answer.r == exchange.DUPLICATE for answer in reply.results)
            self._vault.settle(
                [
                    (one.id, answer.r, answer.why)
                    for one, answer in zip(batch, reply.results, strict=True)
                ]
            )
        if pull:
            self._wants_pull = False
            try:
                await self.pull()
            except BaseException:
                self._wants_pull = True
                raise

    async def hello(self) -> exchange.HelloReply:
        """Say who and where we are, learn which scopes there are."""
        now_ms = self._time.now_ms()
        pending, oldest_ms = self._vault.pending()
        session, began_ms = self._session
        request = exchange.HelloRequest(
            v=1,
            app=APP,
            chain=self._identity.chain,
            head=self._writer.seq - 1,
            pending=pending,
            oldest_ms=oldest_ms,
            wall_ms=now_ms,
            mono=(session, now_ms - began_ms),
            request_id=self._chance.randbytes(16),
        )
        reply = await self._call("hello", request, exchange.HelloReply)
        for scope, epoch, _newest in reply.scopes:
            known = self._cursors.get(scope)
            if known is None or known.epoch != epoch:  # EX5: what was read of it counts no more
                self._move(scope, Cursor(epoch, 0, rulings.SCOPE_HEAD_ZERO))
        self._greeted_ms = now_ms
        return reply

    async def pull(self) -> None:
        """Read every known scope to its newest entry. Raises BrokenScopeError for one that lies."""
        complete = False
        while not complete:
            request = exchange.PullRequest(
                [(scope, at.epoch, at.n) for scope, at in self._cursors.items()],
                PULL_BUDGET_BYTES,
            )
            reply = await self._call("pull", request, exchange.PullReply)
            for page in reply.scopes:
                self._apply(page)
            complete = reply.complete

    def _apply(self, page: exchange.ScopePage) -> None:
        at = self._cursors.get(page.scope)
        if at is None or at.epoch != page.epoch:
            at = Cursor(page.epoch, 0, rulings.SCOPE_HEAD_ZERO)
        head, n = at.head, at.n
        read: list[tuple[rulings.Ruling, bytes, bytes | None]] = []
        for raw in page.entries:
            entry = msgspec.msgpack.decode(raw, type=Entry)
            n += 1
            if entry.n != n:
                raise BrokenScopeError(f"{page.scope}: entry {entry.n} where {n} was due")
            leaf = rulings.leaf_hash(entry.ruling)
            head = rulings.scope_head(head, leaf)
            envelope = bytes(entry.envelope)
            read.append(
                (rulings.read_ruling(entry.ruling), leaf, None if envelope == b"\xc0" else envelope)
            )
        if head != page.head:
            raise BrokenScopeError(f"{page.scope}: the head at {n} is another")
        self._listen_to(read)
        for ruling, _leaf, carried in read:
            if self.pulled_sets is not None and ruling.kind == rulings.KIND_SET:
                self.pulled_sets.add(ruling.payload["set"])
            if self._follow is not None:
                self._follow(page.scope, ruling, carried)
        self._move(page.scope, Cursor(page.epoch, n, head))

    def _listen_to(self, read: list[tuple[rulings.Ruling, bytes, bytes | None]]) -> None:
        """Advance the clock to the newest believable stamp of a page (HL2), and note what was seen."""
        stamps = [
            Stamp.unpack(ruling.payload["eff"])
            for ruling, _leaf, _envelope in read
            if ruling.kind == rulings.KIND_SET
        ]
        stamp, _ahead = clock.receive(self._writer.stamp, self._time.now_ms(), None, stamps)
        self._writer = msgspec.structs.replace(self._writer, stamp=stamp)
        for ruling, leaf, _envelope in read:
            if self._seen is None or ruling.idx > self._seen[0]:
                self._seen = (ruling.idx, leaf[:16])

    def _move(self, scope: str, cursor: Cursor) -> None:
        self._cursors[scope] = cursor
        self._vault.move_cursor(scope, cursor)

    async def listen(self) -> None:
        """Greet, then follow the server's hints for as long as one stream lasts; each is a pull.

        Raises httpx2.TransportError when the link drops, ServerRefusalError when refused.
        """
        await self.hello()
        self.kick(pull=True)
        async with self._http.stream(
            "GET", "/sync/v1/events", headers=self._headers(), timeout=None
        ) as stream:
            if stream.status_code != httpx2.codes.OK:
                await stream.aread()
                refuse(stream)
            event = ""
            async for line in stream.aiter_lines():
                if line.startswith("event:"):
                    event = line.removeprefix("event:").strip()
                elif line.startswith("data:") and event == "moved":
                    self._hinted(json.loads(line.removeprefix("data:")))

    def _hinted(self, moved: dict[str, Any]) -> None:
        known = self._cursors.get(moved["scope"])
        if known is None:
            self._greeted_ms = None  # a scope not heard of yet: hello names it
        elif known.n >= moved["n"]:
            return
        self.kick(pull=True)

    async def _call(self, word: str, request: object, answer: type[Message]) -> Message:
        body = exchange.encode(request)
        headers = self._headers() | {"content-type": exchange.CONTENT_TYPE}
        if len(body) >= GZIP_FROM_BYTES:
            body = gzip.compress(body, 6)
            headers["content-encoding"] = "gzip"
        reply = await self._http.post(f"/sync/v1/{word}", content=body, headers=headers)
        refuse(reply)
        return exchange.decode(answer, reply.content)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._identity.token}"}


def refuse(reply: httpx2.Response) -> None:
    """Raise ServerRefusalError unless the answer is good."""
    if reply.is_success:
        return
    try:
        problem = reply.json()
        raise ServerRefusalError(reply.status_code, problem["code"], problem["cause"])
    except (ValueError, KeyError, TypeError) as error:
        raise ServerRefusalError(reply.status_code, "unreadable", reply.text[:200]) from error


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def seeded_entropy(*parts: str | bytes) -> Entropy:
    """Bytes that follow from the parts alone: the same parts give the same stream."""
    stem = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        out = b""
        while len(out) < size:
            out += ids.tagged_hash("ortoo/fleet/1", stem, b"%d.%d" % (count, len(out)))
        return out[:size]

    return draw
