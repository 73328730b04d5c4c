"""Password hashing with Argon2id: slow on purpose, off the event loop, and never telling who
exists.

Knows nothing of people or tables; it turns passwords into hashes and compares the two.

One hash takes some hundred milliseconds of one core and 64 MiB. ``Passwords`` therefore computes in
a thread and lets at most ``MAX_PARALLEL`` run at once: a crowd of logins queues instead of starving
the sync of phones.

>>> import asyncio
>>> desk = Passwords(Cost.light())
>>> kept = asyncio.run(desk.hash("steppe wind 31"))
>>> [asyncio.run(desk.matches(hash_or_none, "steppe wind 31")) for hash_or_none in (kept, None)]
[True, False]
"""

import asyncio
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from server.problems import ProblemError

MIN_CHARS: Final = 8
"""Floor for a new password. Longer is asked for in words, not enforced."""

MAX_BYTES: Final = 1024
"""More than anyone types; a bound on what one request can make Argon2 chew."""

MAX_PARALLEL: Final = 2
"""Hashes computed at the same time: 64 MiB each, and a core must remain for the phones."""

MAX_WAITING: Final = 50
"""Comparisons that wait for their turn; past it newcomers are asked to come again, before any work is done for them."""

COMMON: Final = frozenset(
    [
        "00000000",
        "11111111",
        "12345678",
        "123456789",
        "1234567890",
        "1q2w3e4r",
        "5201314520",
        "66666666",
        "88888888",
        "a1234567",
        "abcd1234",
        "admin123",
        "administrator",
        "iloveyou",
        "password",
        "password1",
        "qwerty123",
        "qwertyui",
        "woaini1314",
    ]
)
"""The first guesses of anyone who tries. Not a breach list, only the worst of one."""


class Cost(msgspec.Struct, frozen=True):
    """Argon2id parameters: passes over memory, memory in KiB, lanes."""

    passes: int = 3
    memory_kib: int = 65_536
    lanes: int = 4

    @classmethod
    def light(cls) -> "Cost":
        """A cost for machines that make many throw-away logins: the demo and the tests."""
        return cls(passes=1, memory_kib=8 * 1024, lanes=1)


def check_new(password: str, login: str) -> None:
    """Refuse a password nobody should have. Raises ``ProblemError("weak_password")`` with the
    reason.
    """
    reason = None
    if len(password) < MIN_CHARS:
        reason = f"it has fewer than {MIN_CHARS} characters"
    elif len(password.encode()) > MAX_BYTES:
        reason = f"it is longer than {MAX_BYTES} bytes"
    elif password.casefold() in COMMON:
        reason = "it is among the first that anyone would guess"
    elif login and password.casefold() == login.casefold():
        reason = "it is the login itself"
    if reason:
        raise ProblemError("weak_password", detail=f"The password was not accepted: {reason}.")


class Passwords:
    """Hashes and compares, one cost for all new hashes."""

    def __init__(self, cost: Cost | None = None) -> None:
        cost = cost or Cost()
        self._hasher = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes
        )
        self._gate = asyncio.Semaphore(MAX_PARALLEL)
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Return the encoded Argon2id hash, parameters and salt included."""
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, kept: str | None, password: str) -> bool:
        """Compare. Without a kept hash the work is done all the same, so that time tells
        nothing.
        """
        if len(password.encode()) > MAX_BYTES:
            return False
        if self._waiting >= MAX_WAITING:
            raise ProblemError("too_many_requests", retry_after_s=5)
        self._waiting += 1
        try:
            async with self._gate:
                return await asyncio.to_thread(self._compare, kept, password)
        finally:
            self._waiting -= 1

    def is_dated(self, kept: str) -> bool:
        """Tell whether a hash was made at another cost and should be made anew at the next
        login.
        """
        return self._hasher.check_needs_rehash(kept)

    def _compare(self, kept: str | None, password: str) -> bool:
        if kept is None:
            if self._nobody is None:
                self._nobody = self._hasher.hash("nobody has this password")
            kept, password = self._nobody, password + "\x00"
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False
