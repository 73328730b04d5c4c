"""What SQLite leaves to its owner when a disk does not sync: its write-ahead log, and the fold into the database file.

A kernel that could not write a page says so at one sync and counts the page as clean from then on; the next sync
succeeds without having written it. What SQLite holds for written then need not be.

- *A commit that was not synced* is rolled back, and the next commit writes over its frames; so the process goes on, and
  whoever pushed comes again. A process that starts finds those frames whole in the page cache and takes them for
  committed. `settle` writes the log once more and syncs it before anybody is told what it holds.
- *A database file that was not synced* is folded again only from where an earlier fold had come to, and pages of that
  one may be among the unwritten. The log still has them all, and a process that starts folds all of it. So `fold`
  ends this one at once, without closing the file. SQLite's own fold, at a commit, would not even say that it failed.

Example: `settle("sqlite+aiosqlite:///data/ortoo.db")` before the first connection; `fold(engine, "PASSIVE")` after a
commit that leaves `is_long(path)`.
"""

import errno
import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import Engine, make_url

# The log is folded when it has grown by this many pages: larger saves rewriting hot pages, at the price of a longer
# pause and a log of about 32 MB.
LONG_PAGES: Final = 8_000
# The file format of the log: a header with two salts at 16, then frames of a head and a page, the salts at 8 of each.
# Frames of an earlier round carry other salts.
PAGE_BYTES, LOG_HEADER_BYTES, FRAME_HEAD_BYTES = 4_096, 32, 24
CHUNK_BYTES = 1 << 20
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

_log = logging.getLogger("ortoo.store")


def log_of(path: Path) -> Path:
    """The write-ahead log of a database file."""
    return path.with_name(f"{path.name}-wal")


def settle(url: str) -> None:
    """Bring what a SQLite log holds onto the disk, before anything is read from it. Raises OSError where that fails.

    A file that cannot be opened or locked is left to whoever opens it next.
    """
    parsed = make_url(url)
    path = Path(parsed.database or "")
    log = log_of(path)
    if parsed.get_backend_name() != "sqlite" or not log.exists():
        return
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")  # nobody may write frames meanwhile
            _write_again(log)
    except sqlite3.Error:
        return


def _write_again(log: Path) -> None:
    file = os.open(log, os.O_RDWR)
    folder = os.open(log.parent, os.O_RDONLY)
    try:
        at = 0
        while chunk := os.pread(file, CHUNK_BYTES, at):
            at += os.pwrite(file, chunk, at)
        os.fsync(file)
        os.fsync(folder)
    except OSError as error:
        # Only a disk that never writes in place needs room here; without any, people read all the same.
        if error.errno not in NO_ROOM:
            raise OSError(error.errno, error.strerror, str(log)) from error
    finally:
        os.close(file)
        os.close(folder)


def is_long(path: Path) -> bool:
    """Whether the log of this database has so many frames that they should be folded."""
    try:
        with log_of(path).open("rb") as log:
            header = log.read(LOG_HEADER_BYTES)
            log.seek((LONG_PAGES - 1) * (FRAME_HEAD_BYTES + PAGE_BYTES), os.SEEK_CUR)
            frame = log.read(FRAME_HEAD_BYTES)
    except FileNotFoundError:
        return False
    return len(frame) == FRAME_HEAD_BYTES and frame[8:16] == header[16:24]


def fold(engine: Engine, mode: Literal["PASSIVE", "TRUNCATE"]) -> bool:
    """Move the log into the database file. False when readers or writers were in the way of all of it.

    Raises sqlite3.OperationalError when it failed and may be tried again; ends the process when a sync failed.
    """
    with engine.connect() as connection:
        driver: object = connection.connection.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)
        try:
            busy, _pages, _moved = driver.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_IOERR_FSYNC:
                _end()
            raise
    return not busy


def _end() -> None:
    _log.critical(
        "the database file was not synced: ending, so that the next start folds the whole log",
        extra={"cure": "look at the disk; start again"},
    )
    logging.shutdown()
    os._exit(os.EX_IOERR)
