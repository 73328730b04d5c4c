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
import base64
import gzip
import hashlib
import re
from collections import OrderedDict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from litestar import Request, Response, route
from litestar.enums import HttpMethod
from litestar.response import Stream

from server.problems import ProblemError

MAX_PATH_CHARS: Final = 512
STREAM_BYTES: Final = 256 * 1024
"""Files up to this size are read at once; larger ones are sent in pieces of this size."""
PACKED_BYTES: Final = range(1_024, 2 * 1024 * 1024)
"""Sizes of text worth packing here."""
MAX_PACKED_BYTES: Final = 32 * 1024 * 1024
"""Packed text remembered in all; beyond that files go out plain."""
MAX_KNOWN_FILES: Final = 2_000
"""Files whose ETag is remembered; the one not asked for longest is forgotten first."""

IMMUTABLE: Final = "public, max-age=31536000, immutable"
REVALIDATE: Final = "no-cache"

TYPES: Final = {
    ".avif": "image/avif",
    ".css": "text/css",
    ".gif": "image/gif",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
    ".pmtiles": "application/vnd.pmtiles",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""What this server calls a file. The platform's own table differs from machine to machine, so it is
not asked.
"""

TEXT: Final = frozenset(
    {".css", ".html", ".js", ".json", ".map", ".mjs", ".svg", ".txt", ".wasm", ".webmanifest"}
)
"""Files that shrink when packed."""

_HASHED = re.compile(r"^assets/.+[-.][A-Za-z0-9_-]{8,}\.[a-z0-9]+$")
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,12}$")
_INLINE = re.compile(rb"<(script|style)(?![^>]*\ssrc=)[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_RANGE = re.compile(r"^bytes=(\d{0,18})-(\d{0,18})$")


class Found(msgspec.Struct, frozen=True):
    """One file as it can be sent: where it lies, what it is, how it is encoded.

    ``body`` is set when the bytes to send are in memory rather than at ``path``.
    """

    path: Path
    size: int
    body: bytes | None
    etag: str
    media_type: str
    encoding: str | None
    cache: str
    csp: str


def security_headers(csp: str) -> dict[str, str]:
    """Headers that every page and file carries: own sources only, no framing, no sniffing, no
    referrer to others.
    """
    return {
        "content-security-policy": csp,
        "cross-origin-opener-policy": "same-origin",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


def content_policy(html: bytes = b"") -> str:
    """The content security policy: everything from this server only; inline code of the page itself
    by its hash.
    """
    hashes: dict[str, list[str]] = {"script": [], "style": []}
    for kind, body in _INLINE.findall(html):
        if body.strip():
            digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
            hashes[kind.decode().lower()].append(f"'sha256-{digest}'")
    return "; ".join(
        [
            "default-src 'self'",
            " ".join(["script-src 'self'", *hashes["script"]]),
            " ".join(["style-src 'self'", *hashes["style"]]),
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "worker-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


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


def _accepts(header: str, coding: str) -> bool:
    """Tell whether an ``Accept-Encoding`` header names the coding with a weight above zero."""
    for part in header.lower().split(","):
        name, _, params = part.partition(";")
        if name.strip() == coding:
            weight = params.replace(" ", "")
            return not re.fullmatch(r"q=0(\.0*)?", weight)
    return False


_Key = tuple[str, int, int]
"""A version of a file: path, size and time of change in nanoseconds."""


class Site:
    """The files below one root, found safely and remembered by their content."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._known: OrderedDict[_Key, tuple[str, str]] = OrderedDict()
        self._packed: dict[_Key, bytes] = {}

    def find(self, raw_path: str, accept_encoding: str = "") -> Found | None:
        """Find what to send for a URL path; ``None`` when there is nothing. Touches the disk: call
        it in a thread.
        """
        path = raw_path.lstrip("/")
        if len(path) > MAX_PATH_CHARS or "\x00" in path or "\\" in path:
            return None
        wanted = self._inside(path) if path else None
        if wanted is None:
            if _EXTENSION.search(path):
                return None
            path = "index.html"
            wanted = self._inside(path)
            if wanted is None:
                return None
        for coding, suffix in (("br", ".br"), ("gzip", ".gz")):
            if accept_encoding and _accepts(accept_encoding, coding):
                twin = self._inside(path + suffix)
                if twin is not None:
                    return self._describe(path, wanted, twin, coding)
        found = self._describe(path, wanted, wanted, None)
        packable = wanted.suffix.lower() in TEXT and found.size in PACKED_BYTES
        if packable and accept_encoding and _accepts(accept_encoding, "gzip"):
            return self._pack(found)
        return found

    def _pack(self, found: Found) -> Found:
        key = _version(found.path)
        body = self._packed.get(key)
        if body is None:
            body = gzip.compress(found.path.read_bytes(), mtime=0)
            if sum(map(len, self._packed.values())) + len(body) > MAX_PACKED_BYTES:
                return found
            self._packed[key] = body
        return msgspec.structs.replace(
            found, body=body, size=len(body), encoding="gzip", etag=f'{found.etag[:-1]}-gz"'
        )

    def _inside(self, path: str) -> Path | None:
        """The regular file at a path, links followed, if it lies below the root; hidden files do
        not exist.
        """
        if any(part.startswith(".") for part in path.split("/")):
            return None
        try:
            wanted = (self._root / path).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            return None
        return wanted if wanted.is_relative_to(self._root) and wanted.is_file() else None

    def _describe(self, path: str, plain: Path, sent: Path, coding: str | None) -> Found:
        key = _version(sent)
        suffix = plain.suffix.lower()
        known = self._known.get(key)
        if known is None:
            with sent.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
            known = (
                f'"{digest}"',
                content_policy(plain.read_bytes() if suffix == ".html" else b""),
            )
            self._known[key] = known
            while len(self._known) > MAX_KNOWN_FILES:
                self._known.popitem(last=False)
        etag, csp = known
        return Found(
            path=sent,
            size=key[1],
            body=None,
            etag=etag,
            media_type=TYPES.get(suffix, "application/octet-stream"),
            encoding=coding,
            cache=IMMUTABLE if _HASHED.match(path) else REVALIDATE,
            csp=csp,
        )


def _version(path: Path) -> _Key:
    stat = path.stat()
    return str(path), stat.st_size, stat.st_mtime_ns


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
