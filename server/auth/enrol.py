"""One-time codes for enrolling a device or a station: issued by an administrator, redeemed once by one key.

Responsible for the ``enrol_codes`` table. Refuses to know devices beyond the chain a code was spent
on. A code is single use, lives fifteen minutes and is kept only as a hash. Where the network drops
the answer to an enrolment, the same device may ask again with the same code while it lives: the
same chain is the same key, so nobody else gains by it.

Example: ``code, expires_at_ms = await enrolment.issue(Whose(person=person), by=admin)``; later, in a transaction,
``whose = redeem(connection, enrolment.read(typed, address), chain, now, as_station=False)``.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from server.auth import codes
from server.auth.throttle import Throttle
from server.now import Clock
from server.problems import ProblemError
from server.store.engine import Database
from server.store.people import Directory
from server.store.tables import enrol_codes

LIFETIME_MS: Final = 15 * 60_000
MAX_OPEN: Final = 3
"""Open codes of one person or station; issuing another ends the oldest."""
KEEP_SPENT_MS: Final = 24 * 3_600_000
"""How long a spent or dead code is kept, for whoever looks into an enrolment the day after."""

ADDRESS_FAILURES: Final = 30
ALL_FAILURES: Final = 300
"""Wrong codes from everywhere together. At this rate guessing one of ten open codes takes some
10^7 years.
"""
WINDOW_MS: Final = 5 * 60_000


class Whose(msgspec.Struct, frozen=True):
    """Whom a code lets in: a device of a person, or a station (SPEC HB1)."""

    person: bytes | None = None
    station: bytes | None = None

    def is_in(self, directory: Directory) -> bool:
        """Whether the organisation has them."""
        if self.person is not None:
            return directory.person(self.person) is not None
        return self.station is not None and directory.row("stations", self.station) is not None


class Enrolment:
    """Issues and redeems one-time codes."""

    def __init__(self, db: Database, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self._db = db
        self._clock = clock
        self._entropy = entropy
        self._addresses = Throttle(ADDRESS_FAILURES, WINDOW_MS)
        self._everyone = Throttle(ALL_FAILURES, WINDOW_MS, max_keys=1)

    async def issue(self, whose: Whose, by: bytes) -> tuple[str, int]:
        """A fresh code and when it ends. `by`: who issues it, 16 zero bytes for whoever sits at the machine itself."""
        now = self._clock.now_ms()
        code = codes.write(self._entropy(codes.ENTROPY_BYTES))
        await self._db.writing(_issue, codes.hash_of(code), whose, by, now)
        return code, now + LIFETIME_MS

    def read(self, typed: str, address: str) -> bytes:
        """What was typed, as the hash codes are kept by.

        Raises ``ProblemError``: ``too_many_attempts``, or ``wrong_code`` for what cannot be a code at all.
        """
        now = self._clock.now_ms()
        wait_ms = max(throttle.wait_ms(key, now) for throttle, key in self._counts(address))
        if wait_ms > 0:
            raise ProblemError("too_many_attempts", retry_after_s=-(-wait_ms // 1000))
        code = codes.read(typed)
        if code is None:
            self.failed(address)
            raise ProblemError("wrong_code")
        return codes.hash_of(code)

    def failed(self, address: str) -> None:
        """Count a wrong code against an address and against everyone together."""
        now = self._clock.now_ms()
        for throttle, key in self._counts(address):
            throttle.failed(key, now)

    def _counts(self, address: str) -> tuple[tuple[Throttle, str], ...]:
        return (self._addresses, address), (self._everyone, "")


def redeem(
    connection: Connection, code_hash: bytes, chain: bytes, now: int, *, as_station: bool
) -> Whose | None:
    """Spend a code on a chain and give whom it lets in; ``None``, and nothing is spent, when it is unknown, too old,
    spent on another, or lets in what this is not: a phone is no station.
    """
    row = connection.execute(
        select(enrol_codes).where(enrol_codes.c.code_hash == code_hash)
    ).one_or_none()
    if row is None or row.expires_at_ms <= now or row.chain not in {None, chain}:
        return None
    if (row.station is not None) != as_station:
        return None
    if row.chain is None:
        connection.execute(
            update(enrol_codes)
            .where(enrol_codes.c.code_hash == code_hash)
            .values(used_at_ms=now, chain=chain)
        )
    return Whose(row.person, row.station)


def _issue(connection: Connection, code_hash: bytes, whose: Whose, by: bytes, now: int) -> None:
    connection.execute(
        delete(enrol_codes).where(enrol_codes.c.expires_at_ms <= now - KEEP_SPENT_MS)
    )
    surplus = (
        select(enrol_codes.c.code_hash)
        .where(
            enrol_codes.c.person.is_not_distinct_from(whose.person),
            enrol_codes.c.station.is_not_distinct_from(whose.station),
            enrol_codes.c.used_at_ms.is_(None),
        )
        .order_by(enrol_codes.c.created_at_ms.desc())
        .offset(MAX_OPEN - 1)
    )
    hashes = list(connection.execute(surplus).scalars())
    if hashes:
        connection.execute(delete(enrol_codes).where(enrol_codes.c.code_hash.in_(hashes)))
    connection.execute(
        insert(enrol_codes).values(
            code_hash=code_hash,
            person=whose.person,
            station=whose.station,
            created_by=by,
            created_at_ms=now,
            expires_at_ms=now + LIFETIME_MS,
        )
    )
