"""Where the database of a centre lies: a SQLite file, or a PostgreSQL.

Responsible for saying what is there and whether somebody uses it, for moving it aside, and for filling the place, whole
or not at all. Refuses to delete anything, and to know why.

Example: `place = place_of(settings)`; `await place.held()` names what lies there already.
"""

import asyncio
import fcntl
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection

from server.backup import files
from server.backup.faults import BackupError
from server.backup.manifest import DATABASE
from server.backup.tables import copy_in
from server.settings import Settings
from server.store.engine import Database
from server.store.migrate import upgrade
from server.store.rows import query

# Where SQLite holds a lock for as long as a connection is open in WAL mode (https://sqlite.org/fileformat2.html, and
# `os.h` of its source: SHARED_FIRST, SHARED_SIZE).
SHARED_LOCK: Final = (0x40000002, 510)
BESIDE: Final = ("", "-wal", "-shm")


class Place(Protocol):
    """A place for a database. `copy` is where its copy is made ready."""

    copy: Path

    async def held(self) -> list[str]:
        """What lies there. Raises BackupError while somebody uses it."""
        ...

    async def clear(self, aside: str) -> None:
        """Move what lies there aside, under a name that ends so."""
        ...

    async def fill(self) -> None:
        """Put `copy` there."""
        ...


def place_of(settings: Settings) -> Place:
    """The place that the settings name."""
    path = Database(settings.url).path
    return OnServer(settings) if path is None else InFile(path)


class InFile:
    """A SQLite file and what stands beside it."""

    def __init__(self, path: Path) -> None:
        """Nothing is looked at yet."""
        self._path = path
        self.copy = path.with_name(f"{path.name}.restoring")

    async def held(self) -> list[str]:
        """The file, when it is there."""
        if not self._path.exists():
            return []
        start, length = SHARED_LOCK
        with self._path.open("r+b") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
            except OSError as error:
                raise BackupError("restore_in_use", str(self._path)) from error
        return [str(self._path)]

    async def clear(self, aside: str) -> None:
        """Rename the files so that they stay one database."""
        for end in BESIDE:
            path = self._path.with_name(self._path.name + end)
            if path.exists():
                path.rename(path.with_name(f"{self._path.name}.{aside}{end}"))

    async def fill(self) -> None:
        """Give the copy the file's name."""
        self.copy.rename(self._path)
        files.sync_folder(self._path.parent)


class OnServer:
    """The schema that a PostgreSQL database is looked for in."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is looked at yet."""
        self._url = settings.url
        self.copy = settings.data_dir / f"{DATABASE}.restoring"

    async def held(self) -> list[str]:
        """The database, when a centre lives there."""
        db = Database(self._url)
        try:
            return await db.writing(_centre_held)
        finally:
            await db.close()

    async def clear(self, aside: str) -> None:
        """Rename the schema, and make an empty one."""
        db = Database(self._url)
        try:
            await db.writing(_renamed, aside)
        finally:
            await db.close()

    async def fill(self) -> None:
        """Write every row of the copy, in one transaction."""
        db = Database(self._url)
        try:
            await upgrade(db)
            await db.writing(copy_in, self.copy)
        finally:
            await db.close()
        await asyncio.to_thread(self.copy.unlink)


def _centre_held(connection: Connection) -> list[str]:
    [[name, others]] = query(
        connection,
        "SELECT current_database(), count(*) FILTER (WHERE pid <> pg_backend_pid()) FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'",
    )
    if others:
        raise BackupError("restore_in_use", f"{others} other connections to {name}")
    [[there]] = query(connection, "SELECT to_regclass('log_head') IS NOT NULL")
    if not there or not query(connection, "SELECT 1 FROM log_head"):
        return []
    return [f"database {name}"]


def _renamed(connection: Connection, aside: str) -> None:
    [[schema, tables]] = query(
        connection,
        "SELECT current_schema(), count(*) FROM pg_tables WHERE schemaname = current_schema()",
    )
    if tables:
        connection.exec_driver_sql(f'ALTER SCHEMA "{schema}" RENAME TO "{aside}"')
        connection.exec_driver_sql(f'CREATE SCHEMA "{schema}"')
