"""An evil relay: a server between phones and a real station or centre that does not hand on what it was given.

Responsible for ten ways to be evil, each on its own, over real sockets. It speaks as whoever stands behind it, for it
has stolen that one's name; it has nobody's key.

Example: `async with evil_before(place.station, "edits") as relay: device.meet(AsyncClient(base_url=relay.url))`.
"""

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
import msgspec
from litestar import Litestar

from server.fleet.centre import listen, serving
from server.store import log
from sync import exchange, ids, rulings
from sync.exchange import PullReply, PullRequest, PushReply, PushRequest, PushResult, ScopePage

BEHAVIOURS: Final = {
    "drops": "every other set goes no further, and all of them are called kept",
    "forgets": "nothing goes any further, and everything is called kept",
    "delays": "what was pushed goes on when its author has long given up",
    "reorders": "sets go on in another order",
    "replays": "each call is answered as the first of its kind was",
    "edits": "a byte of each set is another",
    "turns": "what was decided is turned, under heads and an epoch of its own",
    "strips": "an entry of each page is left out",
    "ages": "the log is an older one",
    "lies": "nothing goes any further, and everything is called accepted by the centre",
}
OK: Final = 200
FALSE_EPOCH: Final = 7
ANSWER_HEADERS: Final = [(b"content-type", exchange.CONTENT_TYPE.encode())]


class Evil:
    """One of them, as an ASGI application."""

    def __init__(self, behind: Litestar, name: bytes, behaviour: str) -> None:
        """Stand before a server, under its name."""
        transport = httpx2.ASGITransport(app=behind)  # type: ignore[arg-type]
        self._behind = httpx2.AsyncClient(transport=transport, base_url="http://behind")
        self._name = name
        self._behaviour = behaviour
        self._first: dict[str, bytes] = {}
        self.url = ""
        self.harmed = 0  # messages that were not handed on as they came
        self.held: list[PushRequest] = []  # pushes that are still under way

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; nothing but the exchange is served."""
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        sent = {name.decode(): text.decode() for name, text in scope["headers"]}
        self._token = {"authorization": sent["authorization"]}
        if sent.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        call = scope["path"].rpartition("/")[2]
        status, answer = await self._answered(call, body)
        await send({"type": "http.response.start", "status": status, "headers": ANSWER_HEADERS})
        await send({"type": "http.response.body", "body": answer})

    async def release(self) -> None:
        """Hand on late what was held."""
        for asked in self.held:
            await self._passed_on("push", exchange.encode(asked))
        self.held.clear()

    async def _answered(self, call: str, body: bytes) -> tuple[int, bytes]:
        if call == "push":
            return await self._pushed(exchange.decode(PushRequest, body))
        if self._behaviour == "replays" and call in self._first:
            self.harmed += 1
            return OK, self._first[call]
        if call == "pull":
            status, answer = await self._read(exchange.decode(PullRequest, body))
        else:
            status, answer = await self._passed_on(call, body)
        self._first.setdefault(call, answer)
        return status, answer

    async def _passed_on(self, call: str, body: bytes) -> tuple[int, bytes]:
        headers = self._token | {"content-type": exchange.CONTENT_TYPE}
        reply = await self._behind.post(f"/sync/v1/{call}", content=body, headers=headers)
        return reply.status_code, reply.content

    async def _pushed(self, asked: PushRequest) -> tuple[int, bytes]:
        harm: Callable[[PushRequest], Any] | None = getattr(self, f"_{self._behaviour}", None)
        if self._behaviour == "replays" and "push" in self._first:
            self.harmed += 1
            return OK, self._first["push"]
        if harm is None:
            status, answer = await self._passed_on("push", exchange.encode(asked))
            self._first.setdefault("push", answer)
            return status, answer
        self.harmed += 1
        answered: tuple[int, bytes] = await harm(asked)
        return answered

    # ---- what becomes of a push ----------------------------------------------------------------

    async def _drops(self, asked: PushRequest) -> tuple[int, bytes]:
        rest = PushRequest([raw for at, raw in enumerate(asked.sets) if at % 2])
        await self._passed_on("push", exchange.encode(rest))
        return await self._called_kept(asked)

    async def _forgets(self, asked: PushRequest) -> tuple[int, bytes]:
        return await self._called_kept(asked)

    async def _called_kept(self, asked: PushRequest) -> tuple[int, bytes]:
        results = [PushResult(exchange.KEPT, id=_id(raw), at_ms=1) for raw in asked.sets]
        return OK, exchange.encode(PushReply(results, 0, server=self._name))

    async def _delays(self, asked: PushRequest) -> tuple[int, bytes]:
        self.held.append(asked)
        return 504, b""

    async def _reorders(self, asked: PushRequest) -> tuple[int, bytes]:
        turned = PushRequest(list(reversed(asked.sets)))
        status, answer = await self._passed_on("push", exchange.encode(turned))
        reply = exchange.decode(PushReply, answer)
        results = list(reversed(reply.results))
        return status, exchange.encode(msgspec.structs.replace(reply, results=results))

    async def _edits(self, asked: PushRequest) -> tuple[int, bytes]:
        other = PushRequest([_edited(raw) for raw in asked.sets])
        return await self._passed_on("push", exchange.encode(other))

    async def _lies(self, asked: PushRequest) -> tuple[int, bytes]:
        said = PushResult(exchange.DUPLICATE, idx=1_000_000, at_ms=1, d="accepted")
        results = [msgspec.structs.replace(said, id=_id(raw)) for raw in asked.sets]
        return OK, exchange.encode(PushReply(results, 1_000_000))

    # ---- and of what is read ---------------------------------------------------------------------

    async def _read(self, asked: PullRequest) -> tuple[int, bytes]:
        """What the relay makes of a pull."""
        if self._behaviour == "turns":
            whole = [(scope, max(0, epoch - FALSE_EPOCH), 0) for scope, epoch, _n in asked.cursors]
            asked = PullRequest(whole, exchange.PULL_BUDGET_BYTES_MAX)
        status, answer = await self._passed_on("pull", exchange.encode(asked))
        if status != OK or self._behaviour not in ("turns", "strips", "ages"):
            return status, answer
        reply = exchange.decode(PullReply, answer)
        self.harmed += any(page.entries for page in reply.scopes)
        if self._behaviour == "ages":
            old = {"scopes": [], "size": 0, "leaf": bytes(16), "beacon": None, "complete": True}
            return OK, exchange.encode(msgspec.structs.replace(reply, **old))
        harm = _turned if self._behaviour == "turns" else _stripped
        pages = [harm(page) if page.entries else page for page in reply.scopes]
        return OK, exchange.encode(msgspec.structs.replace(reply, scopes=pages))


def _stripped(page: ScopePage) -> ScopePage:
    """Without its first entry, and the numbers of the others close up."""
    entries = [msgspec.msgpack.decode(raw) for raw in page.entries[1:]]
    raws = [msgspec.Raw(msgspec.msgpack.encode([n - 1, *rest])) for n, *rest in entries]
    return msgspec.structs.replace(page, entries=raws, to=page.to - 1)


def _turned(page: ScopePage) -> ScopePage:
    """With every decision turned, and a head that fits."""
    head, raws = rulings.SCOPE_HEAD_ZERO, []
    for raw in page.entries:
        n, ruling, envelope = msgspec.msgpack.decode(raw)
        said = msgspec.msgpack.decode(ruling)
        if said[3] == rulings.KIND_SET:
            said[4]["d"] = "rejected"
        other = msgspec.msgpack.encode(said)
        head = rulings.scope_head(head, rulings.leaf_hash(other))
        raws.append(msgspec.Raw(msgspec.msgpack.encode([n, other, envelope])))
    return msgspec.structs.replace(page, entries=raws, head=head, epoch=page.epoch + FALSE_EPOCH)


def _edited(raw: msgspec.Raw) -> msgspec.Raw:
    """A set with another byte in its signature."""
    header, signature, body = msgspec.msgpack.decode(raw)
    other = bytes([signature[0] ^ 1]) + signature[1:]
    return msgspec.Raw(msgspec.msgpack.encode([header, other, body]))


def _id(raw: msgspec.Raw) -> bytes:
    return ids.set_id(msgspec.msgpack.decode(raw)[0])


@asynccontextmanager
async def evil_before(behind: Litestar | None, behaviour: str) -> AsyncIterator[Evil]:
    """An evil relay in front of a running server."""
    assert behind is not None
    name = (await behind.state.db.reading(log.read)).server_id
    evil = Evil(behind, name, behaviour)
    async with serving(evil, listen("127.0.0.1", 0)) as url:
        evil.url = url
        yield evil
