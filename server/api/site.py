"""The files below one root, found safely and remembered by their content. Knows no HTTP but its codings.

Refuses to leave its root, by dots, links or odd characters, and to serve hidden files. A path without a file and
without a file extension is a deep link and finds ``index.html``.

Example: ``Site(Path("pwa/dist")).find("/assets/app-3f2a9c1d.js", "gzip")`` finds the packed twin beside the file, or
packs it once."""

import gzip
import hashlib
import re
from collections import OrderedDict
from pathlib import Path
from typing import Final

import msgspec

from server.api.headers import content_policy

MAX_PATH_CHARS: Final = 512
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


def accepts(header: str, coding: str) -> bool:
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
            if accept_encoding and accepts(accept_encoding, coding):
                twin = self._inside(path + suffix)
                if twin is not None:
                    return self._describe(path, wanted, twin, coding)
        found = self._describe(path, wanted, wanted, None)
        packable = wanted.suffix.lower() in TEXT and found.size in PACKED_BYTES
        if packable and accept_encoding and accepts(accept_encoding, "gzip"):
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
