"""A station's word on when it had a set: the op that carries it, and what such a word is (SPEC TM13).

Responsible for the shape of the op and for reading it. Refuses to know when a station gives its word, and whose counts.

>>> word = Word(bytes(32), bytes(16), 7, 90_000, 60)
>>> words(op([word])) == [word], problem(op([word]))
(True, None)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from sync.clock import MS_MAX

KEPT: Final = "hub.kept"
WORDS_MAX: Final = 200
"""As many sets as a push may hold."""
UNSURE_MS_MAX: Final = 2**36
"""Two years: more than any clock is off that is worth a word."""


class Word(Struct, frozen=True, array_like=True):
    """That a set, at its place in its chain, was kept at `at_ms`, by a clock that was off by at most `unsure_ms`."""

    set_id: bytes
    chain: bytes
    seq: int
    at_ms: int
    unsure_ms: int


def op(given: Sequence[Word]) -> dict[str, Any]:
    """The op that gives these words, at most `WORDS_MAX`."""
    return {
        "t": KEPT,
        "sets": [[one.set_id, one.chain, one.seq, one.at_ms, one.unsure_ms] for one in given],
    }


def problem(op: dict[str, Any]) -> str | None:
    """The field of a `hub.kept` that is missing or wrong, as `hub.kept.field`; None for a good one."""
    listed = op.get("sets")
    is_good = (
        isinstance(listed, list)
        and 0 < len(listed) <= WORDS_MAX
        and all(_is_word(one) for one in listed)
    )
    return None if is_good else f"{KEPT}.sets"


def words(op: dict[str, Any]) -> list[Word]:
    """The words of a good op."""
    return [Word(*one) for one in op["sets"]]


def _is_word(one: Any) -> bool:
    if not isinstance(one, list) or len(one) != 5:
        return False
    set_id, chain, *numbers = one
    return (
        isinstance(set_id, bytes)
        and len(set_id) == 32
        and isinstance(chain, bytes)
        and len(chain) == 16
        and all(
            type(value) is int and 0 <= value <= most
            for value, most in zip(numbers, (MS_MAX, MS_MAX, UNSURE_MS_MAX), strict=True)
        )
    )
