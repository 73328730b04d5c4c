"""Sessions of people at desks: kept by the server, named by an opaque cookie, bounded in time and
number.

Responsible for the ``sessions`` table. Refuses to know passwords, roles and routes. The cookie
holds 256 random bits; the table holds only their SHA-256, so that a copy of the database opens no
session. A session ends after ``IDLE_MS`` without a request, after ``ABSOLUTE_MS`` in any case, at
sign-out, and when the person's password changes. A login always begins a new session and ends the
one whose cookie it came with: a cookie planted beforehand is worth nothing.

Example: ``token, session = await sessions.begin(person)`` at log-in; ``await sessions.find(token)``
at every request."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import DBAPIError

from server.failures import is_store_failure
from server.now import Clock
from server.store.engine import Database
from server.store.tables import sessions

COOKIE: Final = "ortoo_session"
CSRF_HEADER: Final = "x-csrf-token"

ABSOLUTE_MS: Final = 12 * 3_600_000
"""A shift."""
IDLE_MS: Final = 2 * 3_600_000
"""Longer than a meal. An open wall asks by itself and so stays open until the shift ends."""
TOUCH_MS: Final = 60_000
"""How precisely the last use is remembered; every write less is a commit less."""
MAX_PER_PERSON: Final = 20
"""Open sessions of one person; the one used longest ago ends when another begins."""
TOKEN_BYTES: Final = 32


class Session(msgspec.Struct, frozen=True):
    """One open session. ``key`` is the hash of its cookie; ``csrf`` is what unsafe requests must
    carry.
    """

    key: bytes
    person: bytes
    csrf: str
    expires_at_ms: int


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def key_of(token: str) -> bytes:
    """What the table knows of a cookie."""
    return hashlib.sha256(b"ortoo/session/1\x00" + token.encode()).digest()


class Sessions:
    """Begins, finds and ends sessions."""

    def __init__(self, db: Database, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self._db = db
        self._clock = clock
        self._entropy = entropy

    async def begin(self, person: bytes, old_token: str | None = None) -> tuple[str, Session]:
        """Begin a session and return its cookie; the session of ``old_token`` ends, and the dead
        ones are swept.
        """
        now = self._clock.now_ms()
        token, csrf = _text(self._entropy(TOKEN_BYTES)), _text(self._entropy(TOKEN_BYTES))
        session = Session(key_of(token), person, csrf, now + ABSOLUTE_MS)
        mine = (
            select(sessions.c.token_hash)
            .where(sessions.c.person == person)
            .order_by(sessions.c.seen_at_ms.desc(), sessions.c.created_at_ms.desc())
            .offset(MAX_PER_PERSON - 1)
        )
        async with self._db.write() as connection:
            await connection.execute(
                delete(sessions).where(
                    (sessions.c.expires_at_ms <= now) | (sessions.c.seen_at_ms <= now - IDLE_MS)
                )
            )
            if old_token is not None:
                await connection.execute(
                    delete(sessions).where(sessions.c.token_hash == key_of(old_token))
                )
            surplus = list((await connection.execute(mine)).scalars())
            if surplus:
                await connection.execute(delete(sessions).where(sessions.c.token_hash.in_(surplus)))
            await connection.execute(
                insert(sessions).values(
                    token_hash=session.key,
                    person=person,
                    csrf=csrf,
                    created_at_ms=now,
                    seen_at_ms=now,
                    expires_at_ms=session.expires_at_ms,
                )
            )
        return token, session

    async def find(self, token: str) -> Session | None:
        """The open session of a cookie, its use noted; ``None`` when there is none or it is
        over.
        """
        now = self._clock.now_ms()
        key = key_of(token)
        row = await self._db.reading(_row, key)
        if row is None or row.expires_at_ms <= now or row.seen_at_ms <= now - IDLE_MS:
            return None
        if now - row.seen_at_ms >= TOUCH_MS:
            try:
                await self._db.writing(_touch, key, now)
            except DBAPIError as error:
                # A full disk must not keep a desk from reading; the next request tries again.
                if not is_store_failure(error):
                    raise
        return Session(key, row.person, row.csrf, row.expires_at_ms)

    async def end(self, key: bytes) -> None:
        """End one session."""
        async with self._db.write() as connection:
            await connection.execute(delete(sessions).where(sessions.c.token_hash == key))

    async def end_all(self, person: bytes) -> None:
        """End every session of a person: the password changed, or the person left."""
        async with self._db.write() as connection:
            await connection.execute(delete(sessions).where(sessions.c.person == person))


def _row(connection: Connection, key: bytes) -> Row[Any] | None:
    return connection.execute(select(sessions).where(sessions.c.token_hash == key)).one_or_none()


def _touch(connection: Connection, key: bytes, now_ms: int) -> None:
    statement = update(sessions).where(sessions.c.token_hash == key).values(seen_at_ms=now_ms)
    connection.execute(statement)
