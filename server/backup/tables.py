"""Databases copied while they are written: out of SQLite or PostgreSQL into one SQLite file, and from there back.

Responsible for copies that are of one moment, whole, and in one form whatever they were taken from: so a backup of a
PostgreSQL is checked without one, and may be put back into a SQLite file, and the other way round. Refuses to know what
the tables mean.

Example: `await copy_out(db, Path("ortoo.db"))` while a server pushes into the same database.
"""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Boolean, Connection, Table, select

from server.backup import files
from server.store.engine import Database
from server.store.migrate import upgrade
from server.store.rows import execute, insert
from server.store.tables import metadata

ROWS_AT_ONCE = 2_000


async def copy_out(db: Database, to: Path) -> None:
    """Copy everything into a new SQLite file, as of one moment; nobody waits for it."""
    files.made(to)
    if db.path is not None:
        await asyncio.to_thread(_from_sqlite, db.path, to)
    else:
        await _from_postgresql(db, to)
    await asyncio.to_thread(closed, to)


def _from_sqlite(path: Path, to: Path) -> None:
    """SQLite's own copying, in one step: a reader's snapshot in WAL mode, beside whoever writes."""
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(to)) as copy,
    ):
        source.backup(copy, pages=-1)


async def _from_postgresql(db: Database, to: Path) -> None:
    empty = Database(f"sqlite+aiosqlite:///{to}")
    try:
        await upgrade(empty)
    finally:
        await empty.close()
    async with db.reader.connect() as connection:
        await connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        await connection.run_sync(_read_all, to)


def _read_all(connection: Connection, to: Path) -> None:
    streamed = connection.execution_options(yield_per=ROWS_AT_ONCE)
    with closing(sqlite3.connect(to, isolation_level=None)) as copy:
        copy.execute("PRAGMA synchronous = OFF")  # synced once, when it is whole
        copy.execute("BEGIN")
        for table in metadata.sorted_tables:
            marks = ", ".join("?" for _ in table.columns)
            sql = f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks})"  # noqa: S608  our own names
            for rows in streamed.execute(select(table)).partitions():
                copy.executemany(sql, [tuple(row) for row in rows])
        copy.execute("COMMIT")


def closed(path: Path) -> None:
    """Make a SQLite database one file that needs no other beside it, and bring it onto the disk."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    files.synced(path)


def copy_in(connection: Connection, source: Path) -> None:
    """Write everything from a SQLite file into the empty tables of another database."""
    with closing(sqlite3.connect(source)) as db:
        for table in metadata.sorted_tables:
            truths = [
                at for at, column in enumerate(table.columns) if isinstance(column.type, Boolean)
            ]
            cursor = db.execute(f"SELECT {_names(table)} FROM {table.name}")  # noqa: S608  our own names
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                insert(connection, table, [_with_truths(row, truths) for row in rows])
        [version] = db.execute("SELECT version_num FROM alembic_version").fetchone()
        execute(connection, "UPDATE alembic_version SET version_num = ?", (version,))


def _names(table: Table) -> str:
    return ", ".join(column.name for column in table.columns)


def _with_truths(row: tuple[object, ...], truths: list[int]) -> tuple[object, ...]:
    """SQLite keeps truth values as numbers."""
    if not truths:
        return row
    fresh = list(row)
    for at in truths:
        fresh[at] = None if fresh[at] is None else bool(fresh[at])
    return tuple(fresh)
