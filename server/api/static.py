"""Files of the PWA, served from the same process: kept where they never change, asked about where
they do.

Answers ``GET`` and ``HEAD`` only and knows nothing of incidents or people. It refuses to read a
file outside its root and to invent one: a path with a file extension that does not exist is 404;
any other path outside the API is a deep link into the PWA and gets ``index.html``.

* Hashed assets (``/assets/name-<hash>.js``) are immutable for a year. Everything else,
  ``index.html`` and the service worker above all, is ``no-cache`` with a strong ETag, so that a new
  release is seen at the next request.
* ``If-None-Match`` → 304. One ``Range`` → 206, one that cannot be met → 416; several ranges get the
  whole file.
* ``name.br`` or ``name.gz`` beside a file is sent instead where the client accepts it. Text without
  such a twin is packed once and remembered: the links out there are slow. A range is always of the
  plain file.

>>> parse_range("bytes=2-5", 10), parse_range("bytes=-3", 10), parse_range("bytes=4-", 10)
((2, 5), (7, 9), (4, 9))
>>> parse_range("bytes=10-", 10), parse_range("bytes=0-1,4-5", 10)
('unsatisfiable', None)
"""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Literal

from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.response import Stream

from server.api.headers import security_headers
from server.api.site import Site
from server.problems import ProblemError

STREAM_BYTES: Final = 256 * 1024
"""Files up to this size are read at once; larger ones are sent in pieces of this size."""

_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


def parse_range(header: str, size: int) -> tuple[int, int] | Literal["unsatisfiable"] | None:
    """Read a ``Range`` header (RFC 9110 section 14): first and last byte, or why not.

    ``None`` means that the header is to be ignored: another unit, several ranges, or nonsense.
    """
    match = _RANGE.match(header.strip())
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        length = min(int(last), size)
        return (size - length, size - 1) if length else "unsatisfiable"
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    if start >= size:
        return "unsatisfiable"
    return (start, end) if end >= start else None


def _read(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(length)


async def _pieces(path: Path, start: int, length: int) -> AsyncIterator[bytes]:
    end = start + length
    while start < end:
        piece = await asyncio.to_thread(_read, path, start, min(STREAM_BYTES, end - start))
        if not piece:  # replaced while being sent: the client sees a short body and asks again
            return
        start += len(piece)
        yield piece


def _is_fresh(request: Request[Any, Any, Any], etag: str) -> bool:
    header = request.headers.get("if-none-match", "")
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return etag in tags or tags == ["*"]


async def answer(request: Request[Any, Any, Any], site: Site, path: str) -> Response[Any]:
    """Answer one request for a file. Raises ``ProblemError("not_found")`` where there is none."""
    if path.lstrip("/").split("/", 1)[0] in {"api", "sync"}:
        raise ProblemError("not_found", detail=f"There is no /{path.lstrip('/')[:200]} here.")
    range_header = request.headers.get("range")
    accepted = "" if range_header else request.headers.get("accept-encoding", "")
    found = await asyncio.to_thread(site.find, path, accepted)
    if found is None:
        raise ProblemError("not_found", detail=f"There is no file /{path.lstrip('/')[:200]} here.")
    headers = security_headers(found.csp) | {
        "etag": found.etag,
        "cache-control": found.cache,
        "accept-ranges": "bytes",
        "vary": "accept-encoding",
    }
    if found.encoding:
        headers["content-encoding"] = found.encoding
    if _is_fresh(request, found.etag):
        return Response(None, status_code=304, headers=headers)
    start, length, status = 0, found.size, 200
    if range_header and request.headers.get("if-range", found.etag) == found.etag:
        wanted = parse_range(range_header, found.size)
        if wanted == "unsatisfiable":
            headers["content-range"] = f"bytes */{found.size}"
            return Response(None, status_code=416, headers=headers)
        if wanted is not None:
            start, length, status = wanted[0], wanted[1] - wanted[0] + 1, 206
            headers["content-range"] = f"bytes {wanted[0]}-{wanted[1]}/{found.size}"
    headers["content-length"] = str(length)
    if request.method == HttpMethod.HEAD:
        return Response(b"", status_code=status, headers=headers, media_type=found.media_type)
    if found.body is not None:
        return Response(found.body, headers=headers, media_type=found.media_type)
    if length <= STREAM_BYTES:
        body = await asyncio.to_thread(_read, found.path, start, length)
        return Response(body, status_code=status, headers=headers, media_type=found.media_type)
    return Stream(
        _pieces(found.path, start, length),
        status_code=status,
        headers=headers,
        media_type=found.media_type,
    )


def static_route(root: Path) -> Any:
    """The catch-all route that serves the files below ``root`` to anyone: it holds no secrets."""
    site = Site(root)

    @route(
        ["/", "/{path:path}"],
        http_method=[HttpMethod.GET, HttpMethod.HEAD],
        include_in_schema=False,
        name="static",
        opt={"packs_itself": True},
    )
    async def files(request: Request[Any, Any, Any]) -> Response[Any]:
        return await answer(request, site, request.scope["path"])

    return files
