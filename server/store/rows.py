"""Writing many rows at once: one positional statement per table and dialect, run with tuples.

Responsible for the hot write, where building a statement object per row would cost more than the
row. Refuses to know what the rows mean. Column order is the table's own.

Example: `insert(connection, tables.rulings, [(7, 1_700_000_000_000, "set", b"...")])`.
"""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

Row = tuple[Any, ...]

VALUES_AT_ONCE = 500  # in one list on SQLite, which allows 32 766 parameters

_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so


def placeholder(dialect: str, position: int) -> str:
    """The mark of the `position`-th parameter, counted from 1, as the driver wants it."""
    return "?" if dialect == "sqlite" else f"${position}"


@lru_cache(maxsize=256)
def _insert_sql(table: Table, dialect: str) -> str:
    names = ", ".join(column.name for column in table.columns)
    if dialect == "sqlite":
        marks = ", ".join("?" for _ in table.columns)
        return f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608  our own names
    arrays = ", ".join(
        f"${at}::{column.type.compile(_POSTGRESQL)}[]" for at, column in enumerate(table.columns, 1)
    )
    return f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays})"  # noqa: S608  our own names


@lru_cache(maxsize=256)
def _upsert_sql(table: Table, dialect: str) -> str:
    keys = [column.name for column in table.primary_key.columns]
    rest = [column.name for column in table.columns if column.name not in keys]
    change = (
        "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in rest)
        if rest
        else "NOTHING"
    )
    return f"{_insert_sql(table, dialect)} ON CONFLICT ({', '.join(keys)}) DO {change}"


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add rows; one that is already there fails the whole transaction."""
    if rows:
        _write(connection, _insert_sql(table, connection.dialect.name), rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Add rows, or replace every column of those whose primary key is there.

    Of several rows with one key the last counts.
    """
    if rows:
        key_of = itemgetter(*(at for at, one in enumerate(table.columns) if one.primary_key))
        last = {key_of(row): row for row in rows}
        _write(connection, _upsert_sql(table, connection.dialect.name), list(last.values()))


def _write(connection: Connection, sql: str, rows: Sequence[Row]) -> None:
    if connection.dialect.name != "sqlite":
        # One statement takes every column as an array; a message per row would cost more.
        connection.exec_driver_sql(sql, tuple(list(column) for column in zip(*rows, strict=True)))
        return
    driver = _plain_sqlite(connection)
    if driver is None:
        connection.exec_driver_sql(sql, list(rows))
        return
    try:
        driver.executemany(sql, rows)
    except sqlite3.Error as error:
        raise _translated(connection, sql, error) from error


def query(connection: Connection, sql: str, parameters: Row = ()) -> Sequence[Any]:
    """All rows of a query written with `?` for parameters."""
    driver = _plain_sqlite(connection)
    if driver is not None:
        try:
            return driver.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise _translated(connection, sql, error) from error
    return connection.exec_driver_sql(_marked(connection, sql), parameters).fetchall()


def execute(connection: Connection, sql: str, parameters: Row = ()) -> None:
    """Run a statement written with `?` for parameters that gives no rows."""
    connection.exec_driver_sql(_marked(connection, sql), parameters)


def _marked(connection: Connection, sql: str) -> str:
    """The statement with parameters marked as the driver wants them."""
    if connection.dialect.name == "sqlite":
        return sql
    head, *pieces = sql.split("?")
    return head + "".join(f"${at}{piece}" for at, piece in enumerate(pieces, 1))


def query_in(connection: Connection, sql: str, values: Sequence[Any]) -> list[Any]:
    """All rows of a query whose one parameter is a list: `... WHERE chain IN (?)`. No values, no question."""
    if not values:
        return []
    if connection.dialect.name != "sqlite":
        return list(query(connection, sql.replace("IN (?)", "= ANY(?)"), (list(values),)))
    found: list[Any] = []
    for start in range(0, len(values), VALUES_AT_ONCE):
        part = tuple(values[start : start + VALUES_AT_ONCE])
        found += query(connection, sql.replace("(?)", f"({', '.join('?' * len(part))})"), part)
    return found


def execute_in(connection: Connection, sql: str, values: Sequence[Any]) -> None:
    """Run a statement that gives no rows and whose one parameter is a list, as `query_in` does."""
    if not values:
        return
    if connection.dialect.name != "sqlite":
        execute(connection, sql.replace("IN (?)", "= ANY(?)"), (list(values),))
        return
    for start in range(0, len(values), VALUES_AT_ONCE):
        part = tuple(values[start : start + VALUES_AT_ONCE])
        execute(connection, sql.replace("(?)", f"({', '.join('?' * len(part))})"), part)


def _plain_sqlite(connection: Connection) -> sqlite3.Connection | None:
    """The standard library's connection underneath, when a transaction is open on it.

    Going to it directly spares the result objects SQLAlchemy builds around every statement, which
    cost ten times what the small look-ups of the hot path do themselves.
    """
    if not connection.in_transaction():
        return None
    driver: object = connection.connection.dbapi_connection
    return driver if isinstance(driver, sqlite3.Connection) else None


def _translated(connection: Connection, sql: str, error: sqlite3.Error) -> Exception:
    """The error as SQLAlchemy would have told it, so that rooms above know one family only."""
    return DBAPIError.instance(
        sql, None, error, sqlite3.Error, dialect=connection.dialect, hide_parameters=True
    )
