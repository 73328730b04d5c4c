"""What the centre remembers of its own signatures, outside the database (TL7).

Responsible for one small file that holds the checkpoint signed last, note and all, and for the lock under which it is
replaced. Refuses to judge: it gives back what was written, or says that it cannot be read.

A restored database does not bring this file back with it, so that a log which has become shorter is noticed. It may
lie on another disk (`log_memory` in the settings): the further away, the more it notices.

Example: `memory.replace(before, note)` raises MovedError when another process has signed since `before` was read.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from server.settings import Settings
from sync.note import Checkpoint, NoteError, read_checkpoint, read_note

FILE = "log.signed"


class MovedError(Exception):
    """Another process has signed since: look again."""


class DamagedError(Exception):
    """The file is there and is not what was written."""


class Remembered(msgspec.Struct, frozen=True):
    """The checkpoint signed last."""

    checkpoint: Checkpoint
    note: str


def path_of(settings: Settings) -> Path:
    """Where the file lies."""
    return settings.log_memory or settings.data_dir / FILE


def recall(path: Path) -> Remembered | None:
    """What was signed last, None when nothing ever was. Raises DamagedError, OSError."""
    try:
        note = path.read_bytes().decode()
        return Remembered(read_checkpoint(read_note(note).text), note)
    except FileNotFoundError:
        return None
    except (NoteError, UnicodeDecodeError) as error:
        raise DamagedError(str(error)) from error


def replace(path: Path, before: Remembered | None, note: str) -> None:
    """Remember another note in the place of `before`, durably. Raises MovedError, DamagedError, OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        if recall(path) != before:
            raise MovedError
        fresh = path.with_name(path.name + ".new")
        with fresh.open("wb") as file:
            file.write(note.encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
