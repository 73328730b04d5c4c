"""The HTTP under the exchange, as plain ASGI: bodies with caps, gzip both ways, problem answers.

Responsible for turning bytes on a connection into one message and back, with a bound on both sides
of the compression (EX). Refuses to know what the messages mean. It stands beside the framework and
not inside it because a push is the hottest path of the house.

Example: `await reply(send, exchange.encode(answer), accepts_gzip=True)`.
"""

import asyncio
import zlib
from collections.abc import Mapping

from litestar.types import Receive, Scope, Send

from server.problems import NO_STORE, ProblemError
from sync import exchange

GZIP_FROM_BYTES = 1_200  # below one packet compression saves nothing
GZIP_LEVEL = 1
PACK_BESIDE_BYTES = 65_536  # from here on a millisecond or more: not in the event loop
_GZIP_WINDOW = 31  # zlib: a gzip header and 32 KiB


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Request headers by lower-case name; the last of a repeated one."""
    return dict(scope["headers"])


def bearer(headers: Mapping[bytes, bytes]) -> str:
    """The token of the Authorization header. Raises ProblemError not_signed_in."""
    kind, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if kind.lower() != "bearer" or not token:
        raise ProblemError("not_signed_in")
    return token.strip()


async def body(receive: Receive, headers: Mapping[bytes, bytes]) -> bytes:
    """The request's body, unpacked. Raises ProblemError past `exchange.BODY_BYTES_MAX`."""
    declared = headers.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > exchange.BODY_BYTES_MAX:
        raise ProblemError("request_too_large")  # without waiting for what will not be taken
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ProblemError("bad_request", "the connection ended inside the body")
        if event["type"] != "http.request":
            continue
        size += len(event["body"])
        if size > exchange.BODY_BYTES_MAX:
            raise ProblemError("request_too_large")
        chunks.append(event["body"])
        if not event.get("more_body", False):
            break
    packed = b"".join(chunks)
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding == b"identity":
        return packed
    if encoding != b"gzip":
        raise ProblemError("unsupported_media_type", "content-encoding is gzip or none")
    return unpack(packed)


def unpack(packed: bytes) -> bytes:
    """One whole gzip stream. Raises ProblemError for anything else, and past the cap."""
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = inflater.decompress(packed, exchange.BODY_BYTES_MAX)
    except zlib.error as error:
        raise ProblemError("bad_compression") from error
    if inflater.unconsumed_tail:
        raise ProblemError("request_too_large", "more than 8 MiB when unpacked")
    if not inflater.eof or inflater.unused_data:
        raise ProblemError("bad_compression")
    return plain


def pack(plain: bytes) -> bytes:
    """A gzip stream without a time in it."""
    deflater = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return deflater.compress(plain) + deflater.flush()


async def reply(send: Send, plain: bytes, *, accepts_gzip: bool) -> None:
    """Answer 200 with one message."""
    headers = [
        (b"content-type", exchange.CONTENT_TYPE.encode()),
        (b"cache-control", NO_STORE.encode()),
    ]
    if accepts_gzip and len(plain) >= GZIP_FROM_BYTES:
        beside = len(plain) > PACK_BESIDE_BYTES
        plain = await asyncio.to_thread(pack, plain) if beside else pack(plain)
        headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-length", b"%d" % len(plain)))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": plain, "more_body": False})


async def answer(send: Send, data: bytes, media_type: str, cache: str) -> None:
    """Answer 200 with bytes as they are."""
    headers = [
        (b"content-type", media_type.encode()),
        (b"cache-control", cache.encode()),
        (b"content-length", b"%d" % len(data)),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": data, "more_body": False})
