"""The two ways into the database: one writer that never upgrades a lock, and a pool of readers.

Responsible for connections and for what makes a commit durable: WAL, `synchronous=FULL` and
`BEGIN IMMEDIATE` on SQLite; plain transactions through asyncpg on PostgreSQL. Refuses to know any
table.

Statements in this folder are plain functions of a connection. `reading(function, ...)` and
`writing(function, ...)` run one inside a transaction of its own, whatever the database:

- on SQLite they use the standard library's driver in threads of its own (one writes, some read), so
  that a function of many statements costs one hop and not several per statement;
- on PostgreSQL it is asyncpg.

Example: `idx = await db.reading(log.size)`.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import Dialect, ExceptionContext, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.store.wal import fold, is_long

P = ParamSpec("P")
R = TypeVar("R")

BUSY_TIMEOUT_S = 10.0
# What was to be written is about people and stays out of error messages and so out of logs.
DISCREET = {"hide_parameters": True}
CACHE_KIB = 32_768
# Classes of SQLSTATE: connection, read-only, conflicts of transactions, resources, locks, operators, system.
FAILURES_OF_THE_STORE = frozenset({"08", "25", "40", "53", "55", "57", "58", "XX"})

_log = logging.getLogger("ortoo.store")


class Database:
    """Engines for one database. `dialect` is `sqlite` or `postgresql`."""

    def __init__(self, url: str, *, readers: int = 4) -> None:
        """Prepare engines; nothing is opened until the first transaction."""
        parsed = make_url(url)
        self.dialect = parsed.get_backend_name()
        self.path = Path(parsed.database) if self.dialect == "sqlite" and parsed.database else None
        self._turn = asyncio.Lock()  # in this process only one transaction writes at a time
        self._thread: ThreadPoolExecutor | None = None
        self._hot: Engine | None = None
        self._reading: ThreadPoolExecutor | None = None
        self._cold: Engine | None = None
        self.writer: AsyncEngine
        self.reader: AsyncEngine
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
            timeout = {"timeout": BUSY_TIMEOUT_S}
            plain = parsed.set(drivername="sqlite+pysqlite")
            self._hot = create_engine(plain, pool_size=1, connect_args=timeout, **DISCREET)
            self._reading = ThreadPoolExecutor(readers, thread_name_prefix="reader")
            # Connections wander between the reading threads, one at a time.
            across = timeout | {"check_same_thread": False}
            self._cold = create_engine(plain, pool_size=readers, connect_args=across, **DISCREET)
            self.writer = create_async_engine(url, pool_size=1, connect_args=timeout, **DISCREET)
            self.reader = create_async_engine(
                url, pool_size=readers, max_overflow=0, connect_args=timeout, **DISCREET
            )
            _prepare_sqlite(self._hot, "BEGIN IMMEDIATE")
            _prepare_sqlite(self._cold, "BEGIN")
            _prepare_sqlite(self.writer.sync_engine, "BEGIN IMMEDIATE")
            _prepare_sqlite(self.reader.sync_engine, "BEGIN")
        else:
            # The writer's own connection is never waited for behind a slow read.
            self.writer = create_async_engine(
                url, pool_size=1, max_overflow=1, pool_pre_ping=True, **DISCREET
            )
            self.reader = create_async_engine(
                url,
                pool_size=readers,
                max_overflow=0,
                pool_pre_ping=True,
                isolation_level="REPEATABLE READ",  # one moment for all statements, as on SQLite
                **DISCREET,
            )
            _prepare_postgresql(self.writer.sync_engine)
            _prepare_postgresql(self.reader.sync_engine)

    async def writing(
        self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run `function(connection, ...)` in a transaction: committed when it returns."""
        async with self._turn:
            if self._hot is None or self._thread is None:
                async with self.writer.begin() as connection:
                    return await connection.run_sync(function, *args, **kwargs)
            hot = self._hot

            def whole() -> R:
                with hot.begin() as connection:
                    result = function(connection, *args, **kwargs)
                self._fold_when_long(hot)
                return result

            # Shielded: a caller that goes away must not leave a transaction nobody waits for.
            loop = asyncio.get_running_loop()
            return await asyncio.shield(loop.run_in_executor(self._thread, whole))

    async def reading(
        self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run `function(connection, ...)` on a snapshot that only reads."""
        if self._cold is None or self._reading is None:
            async with self.read() as connection:
                return await connection.run_sync(function, *args, **kwargs)
        cold = self._cold

        def whole() -> R:
            with cold.begin() as connection:
                return function(connection, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._reading, whole)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that may write: committed at the end of the block, or rolled back."""
        async with self._turn, self.writer.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that only reads, on a snapshot of its own."""
        async with self.reader.connect() as connection, connection.begin():
            yield connection

    async def erase(self) -> None:
        """Make sure that what was overwritten or deleted cannot be read from what lies under the
        tables: the write-ahead log of SQLite, dead rows of PostgreSQL.
        """
        async with self._turn:
            if self._hot is None or self._thread is None:
                plain = self.writer.execution_options(isolation_level="AUTOCOMMIT")
                async with plain.connect() as connection:
                    await connection.exec_driver_sql("VACUUM")
                return
            hot = self._hot

            def empty() -> None:
                if not fold(hot, "TRUNCATE"):
                    raise TimeoutError("a reader holds the write-ahead log")

            await asyncio.get_running_loop().run_in_executor(self._thread, empty)

    def _fold_when_long(self, hot: Engine) -> None:
        assert self.path is not None
        if not is_long(self.path):
            return
        try:
            fold(hot, "PASSIVE")
        except sqlite3.OperationalError as error:
            # What was committed stands in the log and is read from there; the next commit tries again.
            _log.warning("the log was not folded", extra={"error": str(error)})

    async def close(self) -> None:
        """Close every connection; the writer's last, so that closing it folds the WAL in."""
        await self.reader.dispose()
        await self.writer.dispose()
        if self._reading is not None and self._cold is not None:
            await asyncio.get_running_loop().run_in_executor(self._reading, self._cold.dispose)
            self._reading.shutdown()
        if self._thread is not None and self._hot is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._hot.dispose)
            self._thread.shutdown()


def _prepare_postgresql(engine: Engine) -> None:
    """What PostgreSQL and its driver do otherwise than SQLite, made the same.

    A zero character in a text fails the whole batch that brings one: whoever sends one, in whatever field, is
    understood as having sent U+FFFD. A database that starts, stops or is out of room is an `OperationalError`
    or `OSError` here too, so that nobody's set is blamed for it.
    """

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Dialect, _record: Any, args: Any, named: Any) -> Any:
        try:
            return dialect.connect(*args, **named)
        except Exception as error:
            raise ConnectionError(f"no connection to the database: {error}") from error

    @event.listens_for(engine, "handle_error")
    def _failed(context: ExceptionContext) -> OperationalError | None:
        state = getattr(context.original_exception, "sqlstate", None) or ""
        if state[:2] not in FAILURES_OF_THE_STORE:
            return None
        return OperationalError(context.statement, None, context.original_exception)

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _execute(
        _connection: Connection, _cursor: Any, sql: str, parameters: Any, *_rest: Any
    ) -> tuple[str, Any]:
        return sql, _storable(parameters)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, list | tuple):
        return type(value)(map(_storable, value))
    if isinstance(value, dict):
        return {name: _storable(part) for name, part in value.items()}
    return value


def _prepare_sqlite(engine: Engine, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def _connected(connection: DBAPIConnection, _record: Any) -> None:
        # The driver must not start transactions of its own: ours begin by the event below.
        connection.isolation_level = None
        try:
            cursor = connection.cursor()
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                "secure_delete=ON",  # freed bytes are overwritten: a redacted word is gone (RD3)
                "wal_autocheckpoint=0",  # `fold` does it, and says when it fails
                f"cache_size=-{CACHE_KIB}",
            ):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()
        except Exception:
            connection.close()  # no pool knows of it, and its thread would speak to a loop that has ended
            raise

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
