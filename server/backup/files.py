"""Files that are whole or not there: written for their owner alone, synced, and given their name last.

Responsible for that and for hashes. Refuses to know what is in a file.

Example: `size, digest = copied(source, to)`; `sync_folder(to.parent)`.
"""

import os
from hashlib import sha256
from pathlib import Path

CHUNK_BYTES = 1 << 20
OWNER_ONLY = 0o600


def copied(source: Path, to: Path) -> tuple[int, str]:
    """Copy a file durably, for its owner alone; gives size and SHA-256 in hex. `to` must not be there yet."""
    digest, size = sha256(), 0
    with source.open("rb") as file, os.fdopen(_fresh(to), "wb") as copy:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += copy.write(chunk)
        copy.flush()
        os.fsync(copy.fileno())
    return size, digest.hexdigest()


def kept(to: Path, content: bytes) -> None:
    """Write a small file durably under its name, in the place of an older one."""
    fresh = to.with_name(f"{to.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(_fresh(fresh), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(to)
    sync_folder(to.parent)


def made(path: Path) -> None:
    """An empty file for its owner alone, to be filled by somebody else."""
    os.close(_fresh(path))


def _fresh(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)


def hashed(path: Path) -> tuple[int, str]:
    """Size and SHA-256 in hex of a file."""
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def synced(path: Path) -> None:
    """Bring what somebody else wrote into a file onto the disk."""
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def sync_folder(path: Path) -> None:
    """Bring the names in a directory onto the disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
