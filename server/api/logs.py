"""The signed log for whoever may read it: `GET /sync/v1/log/…` (TL).

Responsible for paths, for who may read (an enrolled device, or somebody signed in at a desk) and for how long an
answer may be kept: a tile never changes, a checkpoint is always the newest. Refuses to hand out entries: they say what
happened at stations that are not the reader's.

    checkpoint                                  text, a signed note (TL6)
    tile/<L>/<N>[.p/<W>]                        bytes, W hashes of 32 (TL4)
    proof/inclusion?index=I&size=N              MessagePack {hashes} (TL2)
    proof/consistency?from=M&to=N               MessagePack {hashes} (TL3)

Example: `GET /sync/v1/log/tile/0/000.p/7` gives 224 bytes while the log has at least seven signed entries.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from litestar.connection import ASGIConnection
from litestar.types import Receive, Scope, Send

from server.api import wire
from server.auth.guards import DESK, Access
from server.problems import NO_STORE, ProblemError
from server.proof import given
from server.store.devices import Device
from server.store.engine import Database
from sync import exchange, merkle

TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
FOR_EVER = "private, max-age=31536000, immutable"
ENTRIES_MAX = 2**53 - 1

FindDevice = Callable[[str, dict[bytes, bytes]], Awaitable[Device]]
"""Takes the name of a call and its headers; raises ProblemError for whom it is not open."""


class LogApi:
    """The signed log as a part of the exchange."""

    def __init__(self, db: Database, access: Access) -> None:
        self._db = db
        self._access = access

    async def serve(
        self, path: str, scope: Scope, receive: Receive, send: Send, find_device: FindDevice
    ) -> None:
        """Answer one request below `log/`. Raises ProblemError."""
        await self._let_in(scope, receive, find_device)
        kind, _, rest = path.partition("/")
        if path == "checkpoint":
            signed = await self._db.reading(given.newest)
            if signed is None:
                raise ProblemError("no_checkpoint")
            return await wire.answer(send, signed.note.encode(), TEXT, NO_STORE)
        if kind == "tile":
            tile = merkle.read_tile_path(rest)
            hashes = None if tile is None else await self._db.reading(given.tile, tile)
            if hashes is None:
                raise ProblemError("not_found")
            return await wire.answer(send, hashes, BYTES, FOR_EVER)
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if path == "proof/inclusion":
            told = _number(query, "index"), _number(query, "size")
            found = await self._db.reading(given.inclusion, *told)
        elif path == "proof/consistency":
            told = _number(query, "from"), _number(query, "to")
            found = await self._db.reading(given.consistency, *told)
        else:
            found = None
        if found is None:
            raise ProblemError("not_found")
        packed = exchange.encode({"hashes": found})
        return await wire.answer(send, packed, exchange.CONTENT_TYPE, FOR_EVER)

    async def _let_in(self, scope: Scope, receive: Receive, find_device: FindDevice) -> None:
        headers = wire.headers_of(scope)
        if b"authorization" in headers:
            await find_device("log", headers)
            return
        who = await self._access.who(ASGIConnection(scope, receive))
        if who is None:
            raise ProblemError("not_signed_in")
        if not who.has(DESK):
            raise ProblemError("not_allowed")


def _number(query: dict[str, list[str]], name: str) -> int:
    text = query.get(name, [""])[-1]
    if not (text.isascii() and text.isdecimal()) or int(text) > ENTRIES_MAX:
        raise ProblemError("bad_request", f"{name} is a number of entries")
    return int(text)
