"""Logins and their passwords: setting them, and telling the right one from the wrong ones.

Responsible for the ``credentials`` table and for how often someone may be wrong. Refuses to know
roles and cookies. A wrong login and a wrong password get the same answer after the same work.
Failures are counted three ways, so that a guesser is slowed without being able to lock a dispatcher
out from afar: narrowly per account and address, widely per account and per address.

Example: ``person = await logins.check("narsu", "steppe wind 31", "10.1.2.3")``.
"""

import unicodedata
from typing import Final

from sqlalchemy import Connection, delete, insert, select, update

from server.auth.passwords import Passwords, check_new
from server.auth.throttle import Throttle
from server.now import Clock
from server.problems import ProblemError
from server.store.engine import Database
from server.store.tables import credentials

MAX_LOGIN_CHARS: Final = 64

PAIR_FAILURES: Final = 5
ACCOUNT_FAILURES: Final = 50
ADDRESS_FAILURES: Final = 100
WINDOW_MS: Final = 5 * 60_000


def login_of(typed: str) -> str:
    """A login as it is kept and compared: NFKC, without outer space, case folded."""
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def anyone(connection: Connection) -> bool:
    """Whether there is any login at all."""
    return connection.execute(select(credentials.c.person).limit(1)).first() is not None


class Logins:
    """Keeps who logs in with which name and password."""

    def __init__(self, db: Database, passwords: Passwords, clock: Clock) -> None:
        self._db = db
        self._passwords = passwords
        self._clock = clock
        self._pairs = Throttle(PAIR_FAILURES, WINDOW_MS)
        self._accounts = Throttle(ACCOUNT_FAILURES, WINDOW_MS)
        self._addresses = Throttle(ADDRESS_FAILURES, WINDOW_MS)

    async def set(self, person: bytes, login: str, password: str) -> None:
        """Give a person a login and a password, replacing what they had.

        Raises ``ProblemError``: ``bad_request``, ``weak_password``, or ``login_taken`` when
        another person has it."""
        login = login_of(login)
        if not 0 < len(login) <= MAX_LOGIN_CHARS or not login.isprintable():
            raise ProblemError(
                "bad_request", detail=f"A login has 1 to {MAX_LOGIN_CHARS} printable characters."
            )
        check_new(password, login)
        kept = await self._passwords.hash(password)
        async with self._db.write() as connection:
            holder = (
                await connection.execute(
                    select(credentials.c.person).where(credentials.c.login == login)
                )
            ).scalar()
            if holder is not None and holder != person:
                raise ProblemError("login_taken", detail=f"The login {login!r} belongs to another.")
            await connection.execute(delete(credentials).where(credentials.c.person == person))
            await connection.execute(
                insert(credentials).values(
                    person=person,
                    login=login,
                    password_hash=kept,
                    changed_at_ms=self._clock.now_ms(),
                )
            )

    async def holder(self, login: str) -> bytes | None:
        """The person who has a login, if anyone does."""
        statement = select(credentials.c.person).where(credentials.c.login == login_of(login))
        async with self._db.read() as connection:
            person: bytes | None = (await connection.execute(statement)).scalar()
        return person

    async def check(self, login: str, password: str, address: str) -> bytes:
        """The person behind a login and its password.

        Raises ``ProblemError("wrong_login")`` for any wrong pair,
        ``ProblemError("too_many_attempts")`` with the seconds to wait."""
        now = self._clock.now_ms()
        login = login_of(login[: 2 * MAX_LOGIN_CHARS])
        counts = (
            (self._pairs, f"{login}\x00{address}"),
            (self._accounts, login),
            (self._addresses, address),
        )
        wait_ms = max(throttle.wait_ms(key, now) for throttle, key in counts)
        if wait_ms > 0:
            raise ProblemError("too_many_attempts", retry_after_s=-(-wait_ms // 1000))
        async with self._db.read() as connection:
            row = (
                await connection.execute(select(credentials).where(credentials.c.login == login))
            ).one_or_none()
        if not await self._passwords.matches(row.password_hash if row else None, password):
            for throttle, key in counts:
                throttle.failed(key, now)
            raise ProblemError("wrong_login")
        assert row is not None
        for throttle, key in counts[:2]:
            throttle.forgive(key)
        if self._passwords.is_dated(row.password_hash):
            await self._renew(row.person, row.password_hash, password)
        person: bytes = row.person
        return person

    async def _renew(self, person: bytes, dated: str, password: str) -> None:
        """Hash a password at today's cost, unless it was changed meanwhile."""
        kept = await self._passwords.hash(password)
        async with self._db.write() as connection:
            await connection.execute(
                update(credentials)
                .where(credentials.c.person == person, credentials.c.password_hash == dated)
                .values(password_hash=kept)
            )
