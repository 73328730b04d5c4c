"""Whose fault it is when a transaction fails: the store's, or ours.

Responsible for telling a store that cannot write now (no room, no connection, a damaged file) from a statement that
never can. After the first everybody is asked to come again and nothing is judged by it; after the second one looks for
the mistake. Refuses to know what was to be written.

Example: `is_store_failure(OperationalError("INSERT", {}, Exception("database or disk is full")))` is True; a broken
constraint is not.
"""

from typing import Final

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# PostgreSQL's passing troubles are OperationalErrors as well: the engine sees to that.
_PASSING: Final = (OperationalError, InterfaceError, PoolTimeoutError, OSError)


def is_store_failure(error: BaseException) -> bool:
    """Whether only the store can be blamed, so that the same request may go well later."""
    # SQLite says DatabaseError itself, and none of its kinds, of a damaged file.
    return isinstance(error, _PASSING) or type(error) is DatabaseError


def cause_of(error: BaseException) -> str:
    """What the driver said, without the statement and what was to be written."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(error).__name__}: {said}"
