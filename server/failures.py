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

# Classes of SQLSTATE: connection, rollback for others' sake, resources, state of an object, operator, system, damage.
# PostgreSQL's driver has no exception class of its own for them. Source: PostgreSQL manual, appendix A.
_PASSING_STATES: Final = frozenset({"08", "40", "53", "55", "57", "58", "XX"})


def is_store_failure(error: BaseException) -> bool:
    """Whether only the store can be blamed, so that the same request may go well later."""
    if isinstance(error, OperationalError | InterfaceError | PoolTimeoutError | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if type(error) is DatabaseError or error.connection_invalidated:
        return True  # SQLite's word for a damaged file; a connection that is gone
    state = getattr(error.orig, "sqlstate", None)
    return isinstance(state, str) and state[:2] in _PASSING_STATES


def cause_of(error: BaseException) -> str:
    """What the driver said, without the statement and what was to be written."""
    said = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(error).__name__}: {said}"
