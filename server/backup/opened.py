"""The copy of a database in a backup, opened so that not a byte of it changes.

Responsible for that alone.

Example: `with opened(path) as connection: head = log.read(connection)`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine


@contextmanager
def opened(path: Path) -> Iterator[Connection]:
    """A connection that can only read, and leaves no other file beside this one."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    engine = create_engine("sqlite+pysqlite://", creator=lambda: sqlite3.connect(uri, uri=True))
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()
