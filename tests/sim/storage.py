"""The centre's database in memory: real SQLite, real transactions, and power that goes at a chosen statement.

Responsible for running the server's statements on the spot, on one connection, and for the three ways a write
can end badly: the power goes before the commit, right after it, or the disk says that it is full. Refuses to
know any table but to copy all of them.

Example: `storage.trouble = Trouble("cut", 7)`: the seventh statement from now on is never done, the transaction never
was, and `PowerCut` flies past everything that catches errors.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import msgspec
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from server.store.engine import _prepare_sqlite
from server.store.tables import metadata

P = ParamSpec("P")
R = TypeVar("R")

CUT = "cut"
FULL = "full"


class PowerCut(BaseException):
    """The machine is off. No code of ours may catch this and go on."""


class Trouble(msgspec.Struct):
    """What happens at the `after`-th statement from now: the power goes (`cut`) or the disk is full (`full`)."""

    kind: str
    after: int


class _Counted(sqlite3.Connection):
    """A connection each statement of which is a step that may be the last."""

    step: Callable[[], None] = staticmethod(lambda: None)

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _CountedCursor)


class _CountedCursor(sqlite3.Cursor):
    def execute(self, sql: str, parameters: Any = (), /) -> "_CountedCursor":
        self.connection.step()  # type: ignore[attr-defined]
        super().execute(sql, parameters)
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> "_CountedCursor":
        self.connection.step()  # type: ignore[attr-defined]
        super().executemany(sql, parameters)
        return self


class Storage:
    """Stands where `server.store.engine.Database` stands, for everything the intake and the exchange ask of it."""

    dialect = "sqlite"
    path = None

    def __init__(self) -> None:
        """Make every table, once; `empty` gives each world a database of its own."""
        self._driver = sqlite3.connect(":memory:", factory=_Counted, check_same_thread=False)
        self._engine = create_engine(
            "sqlite+pysqlite://", creator=lambda: self._driver, poolclass=StaticPool
        )
        _prepare_sqlite(self._engine, "BEGIN IMMEDIATE")
        metadata.create_all(self._engine)
        self._template = self._driver.serialize()
        self._driver.step = self._step
        self._writing = False
        self._dark = (
            False  # the power went inside this transaction: nothing of it can be done any more
        )
        self.trouble: Trouble | None = None
        self.statements = 0
        self.cut_after_commit = False
        self.on_cut: Callable[[], None] = lambda: None

    def empty(self) -> None:
        """Begin anew, without rows and without trouble."""
        self.trouble, self.cut_after_commit = None, False
        self._driver.deserialize(self._template)

    def image(self) -> bytes:
        """The whole database as bytes, for a restore."""
        return self._driver.serialize()

    def restore(self, image: bytes) -> None:
        """Go back to an image."""
        self._driver.deserialize(image)

    def _step(self) -> None:
        self.statements += 1
        if self._dark:
            raise sqlite3.OperationalError("no power")
        if self.trouble is None or not self._writing:
            return
        self.trouble.after -= 1
        if self.trouble.after > 0:
            return
        kind, self.trouble = self.trouble.kind, None
        self._dark = kind == CUT
        raise sqlite3.OperationalError("database or disk is full")

    def _cut(self) -> NoReturn:
        self._dark = False
        self.on_cut()
        raise PowerCut

    async def writing(
        self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """One transaction; whoever waited for it hears of it a turn later, as from a thread."""
        await asyncio.sleep(0)
        self._writing = True
        try:
            result = self.look(function, *args, **kwargs)
        except Exception:
            if self._dark:
                self._cut()
            raise
        finally:
            self._writing = False
        if self.cut_after_commit:
            self.cut_after_commit = False
            self._cut()
        return result

    async def reading(
        self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """One snapshot."""
        await asyncio.sleep(0)
        return self.look(function, *args, **kwargs)

    async def erase(self) -> None:
        """Freed pages are overwritten as they are freed, and this database has no write-ahead log."""

    def look(
        self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The same at once, for whoever judges the world and is no part of it."""
        with self._engine.begin() as connection:
            return function(connection, *args, **kwargs)
