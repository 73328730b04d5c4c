"""The two ways into the database: one writer that never upgrades a lock, and a pool of readers.

Responsible for connections and for what makes a commit durable: WAL, `synchronous=FULL`,
`BEGIN IMMEDIATE` on SQLite; plain transactions through asyncpg on PostgreSQL. Refuses to know any
table but the pragma it sets.

Example: `async with db.write() as connection: ...` commits at the end of the block or not at all.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

BUSY_TIMEOUT_MS = 10_000
# Checkpoints move this many pages at a time; larger saves rewriting hot pages, at the price of a
# longer pause and a WAL of about 16 MB.
WAL_PAGES = 4_000
CACHE_KIB = 32_768


class Database:
    """Engines for one database. `dialect` is `sqlite` or `postgresql`."""

    def __init__(self, url: str, *, readers: int = 4) -> None:
        """Prepare engines; nothing is opened until the first transaction."""
        parsed = make_url(url)
        self.url = url
        self.dialect = parsed.get_backend_name()
        if self.dialect == "sqlite":
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self.writer = _sqlite_engine(url, connections=1, begin="BEGIN IMMEDIATE")
            self.reader = _sqlite_engine(url, connections=readers, begin="BEGIN")
        else:
            # The writer's own connection is never waited for behind a slow read.
            self.writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True)
            self.reader = create_async_engine(
                url, pool_size=readers, max_overflow=0, pool_pre_ping=True
            )

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that may write: committed at the end of the block, or rolled back."""
        async with self.writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that only reads, on a snapshot of its own."""
        async with self.reader.connect() as connection, connection.begin():
            yield connection

    async def close(self) -> None:
        """Close every connection; the readers first, so that the writer's close truncates the WAL."""
        await self.reader.dispose()
        await self.writer.dispose()


def _sqlite_engine(url: str, *, connections: int, begin: str) -> AsyncEngine:
    engine = create_async_engine(
        url, pool_size=connections, max_overflow=0, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: DBAPIConnection, _record: Any) -> None:
        # The driver must not start transactions of its own: ours begin by the event below.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"wal_autocheckpoint={WAL_PAGES}",
            f"cache_size=-{CACHE_KIB}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
