"""Fetching a snapshot: `GET /sync/v1/snapshot/{hash}`, whole or from a byte on (SN).

Responsible for the answer's bytes and ranges (RFC 9110 section 14). Refuses to decide who may: it is
told. The bytes are the gzip stream that is kept, sent as such, so that a range means the same every
time and a phone whose link broke goes on where it stopped.

Example: `Range: bytes=65536-` on 100 000 bytes answers 206 with the rest of them.
"""

import re
from collections.abc import Callable

from litestar.types import Send

from server.problems import NO_STORE, ProblemError
from server.store import snapshots
from server.store.engine import Database

_HASH = re.compile(r"[0-9a-f]{64}")
_FROM = re.compile(rb"bytes=(\d{1,12})-(\d{0,12})")


async def serve(
    db: Database,
    name: str,
    may_follow: Callable[[str], bool],
    headers: dict[bytes, bytes],
    send: Send,
) -> None:
    """Send the snapshot of that hash. Raises ProblemError `not_found` for one that is not kept, or
    is of a scope this device may not follow.
    """
    if not _HASH.fullmatch(name):
        raise ProblemError("bad_id", "a snapshot is named by 64 lower-case hex digits")
    found = await db.reading(snapshots.fetch, bytes.fromhex(name))
    if found is None or not may_follow(found[0]):
        raise ProblemError("not_found", "pull again: a newer snapshot may be there")
    packed = found[1]
    begin, end = _range(headers.get(b"range"), len(packed))
    part = packed[begin:end]
    answer = [
        (b"content-type", b"application/octet-stream"),
        (b"cache-control", NO_STORE.encode()),
        (b"accept-ranges", b"bytes"),
        (b"etag", b'"' + name.encode() + b'"'),
        (b"content-length", b"%d" % len(part)),
    ]
    status = 200
    if b"range" in headers:
        status = 206
        answer.append((b"content-range", b"bytes %d-%d/%d" % (begin, end - 1, len(packed))))
    await send({"type": "http.response.start", "status": status, "headers": answer})
    await send({"type": "http.response.body", "body": part, "more_body": False})


def _range(asked: bytes | None, size: int) -> tuple[int, int]:
    """First byte and the one after the last. Raises ProblemError `bad_range`."""
    if asked is None:
        return 0, size
    match = _FROM.fullmatch(asked.strip())
    if match is None:
        raise ProblemError("bad_range", "one range as bytes=FIRST- or bytes=FIRST-LAST")
    begin = int(match[1])
    end = min(int(match[2]) + 1, size) if match[2] else size
    if begin >= end:
        raise ProblemError("bad_range", f"there are {size} bytes")
    return begin, end
