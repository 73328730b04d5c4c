"""How much of a period the centre can know: which devices were heard since, and what they said they still hold.

Responsible for the watermark beside every figure. It knows devices by what they said last, and what nobody said is
unknown, never nought.

>>> heard = Heard(b"a", last_contact_ms=9_000, pending=0, oldest_ms=None)
>>> mark = of([heard, Heard(b"b")], upto_ms=8_000)
>>> mark.total, mark.whole, mark.basis_points, mark.unknown
(2, 1, 5000, 1)
"""

from collections.abc import Iterable

import msgspec


class Heard(msgspec.Struct, frozen=True):
    """What is known of one device: when it was heard last, what it said it held then; None: never heard."""

    chain: bytes
    last_contact_ms: int | None = None
    pending: int = 0
    oldest_ms: int | None = None


class Watermark(msgspec.Struct, frozen=True):
    """Of ``total`` devices ``whole`` were heard since the period ended (or just now, while it runs) and hold nothing of
    it, as far as they said. ``silent`` were not heard since, ``holding`` said they hold something of it, ``unknown``
    were never heard. ``pending`` and ``oldest_ms``: unsent records as last reported; of the silent and the unknown
    nobody knows what has come since. ``longest_silent_ms``: the last contact of the one that is silent longest."""

    total: int
    whole: int
    basis_points: int | None
    silent: int
    longest_silent_ms: int | None
    holding: int
    unknown: int
    pending: int
    oldest_ms: int | None


def of(devices: Iterable[Heard], upto_ms: int) -> Watermark:
    """The watermark of everything up to a moment."""
    known = list(devices)
    heard = [(one.last_contact_ms, one) for one in known if one.last_contact_ms is not None]
    silent = [(at_ms, one) for at_ms, one in heard if at_ms < upto_ms]
    holding = [one for at_ms, one in heard if at_ms >= upto_ms and _holds(one, upto_ms)]
    owed = [one for _, one in silent if one.pending] + holding
    whole = len(heard) - len(silent) - len(holding)
    return Watermark(
        total=len(known),
        whole=whole,
        basis_points=whole * 10_000 // len(known) if known else None,
        silent=len(silent),
        longest_silent_ms=min((at_ms for at_ms, _ in silent), default=None),
        holding=len(holding),
        unknown=len(known) - len(heard),
        pending=sum(one.pending for one in owed),
        oldest_ms=min((one.oldest_ms for one in owed if one.oldest_ms is not None), default=None),
    )


def _holds(one: Heard, upto_ms: int) -> bool:
    """Whether it may hold something of the period: its oldest unsent record is no younger, or nobody knows how old."""
    return one.pending > 0 and (one.oldest_ms is None or one.oldest_ms < upto_ms)
