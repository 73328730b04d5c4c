"""Small disks: places where a centre's files find no room, from outside and without touching its code.

Responsible for taking room away from a running process and giving it back. Refuses to know what is stored.

- `Mount` is the real thing: a file system of its own in memory, filled with a ballast file, so that writes end with
  ENOSPC. It takes the right to mount.
- `Limit` says how long any file of the process may become (RLIMIT_FSIZE), so that writes end with EFBIG. Anybody may.

Example: `disk.fill(centre, left_bytes=4096)`, and the next commits of that centre have one page.
"""

import os
import resource
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from tests.blackbox.centre import Centre

DISK_BYTES = 48 * 1024 * 1024
BLOCK_BYTES = 4096


class Disk(Protocol):
    """A place that can run out of room."""

    def fill(self, centre: Centre, left_bytes: int) -> None:
        """Leave a running centre room for so many bytes."""
        ...

    def room(self, centre: Centre) -> None:
        """Give the room back."""
        ...

    def prefix(self, centre: Centre) -> Sequence[str]:
        """Words before the command of a centre that is to start without room."""
        ...


class Mount:
    """A small file system under the data directory."""

    def __init__(self, place: Path) -> None:
        """`place` is where it is mounted."""
        self._ballast = place / "ballast"

    def fill(self, centre: Centre, left_bytes: int) -> None:
        """Write ballast until so many bytes are left, in whole blocks, or fewer where the centre writes meanwhile."""
        with self._ballast.open("ab", buffering=0) as file:
            free = os.statvfs(centre.data_dir).f_bavail * BLOCK_BYTES
            # The centre may have taken the last page itself. Unbuffered, so that nothing is tried again at the close.
            with suppress(OSError):
                file.write(bytes(max(0, free - left_bytes)))

    def room(self, centre: Centre) -> None:  # noqa: ARG002  the other kind of disk asks for it
        """Throw the ballast out."""
        self._ballast.unlink(missing_ok=True)

    def prefix(self, centre: Centre) -> Sequence[str]:  # noqa: ARG002
        """None: a full disk is full for whoever comes."""
        return ()


class Limit:
    """A bound on the length of every file the process writes."""

    def fill(self, centre: Centre, left_bytes: int) -> None:
        """Let the file that grows with each commit, the write-ahead log, grow so many bytes more."""
        bound = _longest(centre) + left_bytes
        resource.prlimit(centre.pid, resource.RLIMIT_FSIZE, (bound, resource.RLIM_INFINITY))

    def room(self, centre: Centre) -> None:
        """Take the bound away."""
        unbounded = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(centre.pid, resource.RLIMIT_FSIZE, unbounded)

    def prefix(self, centre: Centre) -> Sequence[str]:
        """Start under the bound."""
        return ("prlimit", f"--fsize={_longest(centre)}:unlimited")


def _longest(centre: Centre) -> int:
    """The length of the write-ahead log in bytes; a log that is begun anew stays within it."""
    log = centre.data_dir / "ortoo.db-wal"
    return log.stat().st_size if log.exists() else 0


def may_mount(place: Path) -> bool:
    """Whether this process may mount a file system of its own."""
    place.mkdir(parents=True, exist_ok=True)
    with _mounted(place) as mounted:
        return mounted


@contextmanager
def _mounted(place: Path) -> Iterator[bool]:
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


@contextmanager
def small_disk(place: Path, kind: str) -> Iterator[Disk]:
    """A disk of this kind, `mount` or `limit`, under the directory `place`."""
    place.mkdir(parents=True, exist_ok=True)
    if kind == "limit":
        yield Limit()
        return
    with _mounted(place) as mounted:
        assert mounted, "no file system may be mounted here; ask `may_mount` before"
        yield Mount(place)
