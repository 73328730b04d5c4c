"""When something happened, as far as it can be proved: an interval per grade of evidence (SPEC TM5 to TM10, TM14).

Responsible for the bounds that beacons, receipts, samples and words of stations prove, for saying why they are no
tighter, and for what an op says of a time at all. It finds no evidence and reads no clock; what a time means for
anybody is decided elsewhere.

>>> timed = Timed(5_000, (Bounds(1_000, 9_000), Bounds(4_900, 5_100), None), ())
>>> timed.grade, timed.proved(0), timed.proved(2)
(1, Bounds(lo_ms=1000, hi_ms=9000), Bounds(lo_ms=4900, hi_ms=5100))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sync.clock import MS_MAX

CLAIMED: Final = 3
"""The grade of a time that nothing bounds from both sides."""
CENTRE_UNCERTAINTY_MS: Final = 50
"""How far the centre's own clock may be off; kept by NTP, which does better."""
STEP_MS: Final = 50
"""A wall clock that falls by more against the monotonic one, from one heartbeat to the next, was set back."""
AGREE_MS: Final = 2_000
SLEPT_MS: Final = 1_000
DISORDER_MS: Final = 1_000
"""Two acts of one moment may read the clock in one order and be written in the other; more than this is no accident."""

NO_SAMPLE_BEFORE: Final = "no_sample_before"
NO_SAMPLE_AFTER: Final = "no_sample_after"
SLEPT: Final = "slept"
CLOCK_STEP: Final = "clock_step"
STATION_SAID: Final = "station_said"
CLOCK_DISORDER: Final = "clock_disorder"
FORKED: Final = "forked"
COMPROMISED: Final = "compromised"
WRITTEN_LATER: Final = "written_later"
TOLD_BY_OTHER: Final = "told_by_other"
FOREIGN_CLOCK: Final = "foreign_clock"

BY_VOICE: Final = ("radio", "phone")


class Bounds(Struct, frozen=True):
    """What is proved of one moment, in true ms: not before `lo_ms`, not after `hi_ms`; None where nothing is."""

    lo_ms: int | None
    hi_ms: int | None


class Place(Struct, frozen=True):
    """A reading of one monotonic clock: whose chain, which session, and ms since it began."""

    chain: bytes
    session: bytes
    m: int


class Timed(Struct, frozen=True):
    """One moment: what was claimed, and in layer i what evidence of grade i proves. Layers are nested: a later one says
    all that the one before says. `why`: stable codes of what kept the bounds apart. `place`: the reading of the
    monotonic clock, where that can be believed."""

    claimed_ms: int
    layers: tuple[Bounds, Bounds | None, Bounds | None]
    why: tuple[str, ...]
    place: Place | None = None

    @property
    def grade(self) -> int:
        """The least grade that gives the narrowest interval; 3 where none has both bounds."""
        best, narrowest = CLAIMED, None
        for grade, bounds in enumerate(self.layers):
            if bounds is None or bounds.lo_ms is None or bounds.hi_ms is None:
                continue
            width = bounds.hi_ms - bounds.lo_ms
            if narrowest is None or width < narrowest:
                best, narrowest = grade, width
        return best

    @property
    def bounds(self) -> Bounds:
        """The interval of its grade; of a claim what bounds it from one side."""
        return self.proved(min(self.grade, CLAIMED - 1))

    def proved(self, grade: int) -> Bounds:
        """What evidence of grades 0 to `grade` proves."""
        return next((one for one in self.layers[grade::-1] if one is not None), self.layers[0])


class Observed(Struct, frozen=True):
    """A sample as it stands in a chain (TM3): `seq` of its set, then as in its op; times are ms."""

    seq: int
    m: int
    lo_ms: int
    hi_ms: int
    wall_ms: int
    n: int
    fell: int
    gap: int


class Signed(Struct, frozen=True):
    """What is known of the signing of one set.

    `wall_ms` and `place` are of its header. `lo_ms`: made then at the earliest, `hi_ms`: held by the centre then, both
    by the centre's clock, None where nobody knows. `before_m`, `after_m`: the same clock in the sets before and after
    it in its chain, None where those are of another session or not here.
    """

    claimed_ms: int
    seq: int
    place: Place
    wall_ms: int
    lo_ms: int | None
    hi_ms: int | None
    before_m: int | None = None
    after_m: int | None = None
    is_forked: bool = False
    is_compromised: bool = False
    said_ms: tuple[int, ...] = ()
    own: Bounds | None = None


def shrunk(elapsed_ms: int) -> int:
    """The least true time in which a monotonic clock that runs at most 200 ppm fast can show `elapsed_ms`."""
    return elapsed_ms - -(-elapsed_ms // 5_001)


def at_centre(claimed_ms: int, at_ms: int, uncertainty_ms: int = CENTRE_UNCERTAINTY_MS) -> Timed:
    """When the centre's own chain wrote a set that it received at `at_ms`: then, for it writes at once (TM5)."""
    return Timed(
        claimed_ms, (Bounds(at_ms - uncertainty_ms, at_ms + uncertainty_ms), None, None), ()
    )


def timed(
    one: Signed, observed: Iterable[Observed], uncertainty_ms: int = CENTRE_UNCERTAINTY_MS
) -> Timed:
    """When a set was signed (TM5 to TM8, TM14). `observed`: samples of its session that count, in any order."""
    zero = _certain(one.lo_ms, one.hi_ms, uncertainty_ms)
    why = (FORKED,) * one.is_forked + (COMPROMISED,) * one.is_compromised
    if zero is None:
        return Timed(one.claimed_ms, (Bounds(None, None), None, None), (*why, CLOCK_DISORDER))
    return _witnessed(_by_itself(one, zero, why, observed), one)


def _by_itself(
    one: Signed, zero: Bounds, why: tuple[str, ...], observed: Iterable[Observed]
) -> Timed:
    """When a set was signed by what the centre saw and by what its own chain says of its clocks."""
    if why:
        return Timed(one.claimed_ms, (zero, None, None), why)
    m = one.place.m
    is_reading = 0 <= m <= MS_MAX
    known = sorted(observed if is_reading else (), key=lambda sample: (sample.m, sample.seq))
    # One of the very same reading may be from before or from after: the clock may have stood in between.
    before = [sample for sample in known if sample.m < m]
    after = [sample for sample in known if sample.m > m]
    first = _meet(zero, _monotonic(m, before, after))
    if first is None or _is_disordered(one, known):
        return Timed(one.claimed_ms, (zero, None, None), (CLOCK_DISORDER,))
    found = ((NO_SAMPLE_BEFORE,) if not before else ()) + ((NO_SAMPLE_AFTER,) if not after else ())
    second = None
    if before and after:
        a, b = before[-1], after[0]
        if b.wall_ms - a.wall_ms - (b.m - a.m) > SLEPT_MS:
            found += (SLEPT,)
        by_wall = _by_wall(one, a, b, [sample for sample in known if a.m < sample.m <= b.m])
        second = None if by_wall is None else _meet(first, by_wall)
        if second is None:
            found += (CLOCK_STEP,)
    return Timed(
        one.claimed_ms, (zero, first if before or after else None, second), found, one.place
    )


def _witnessed(signed: Timed, one: Signed) -> Timed:
    """The same with what stations say of when they had, or wrote, the set, but for what contradicts what is proved
    (TM14)."""
    proved = signed.proved(CLAIMED - 1)
    bounds = (None if one.own is None else _meet(proved, one.own)) or proved
    for hi_ms in sorted(one.said_ms):
        by_word = _meet(bounds, Bounds(None, hi_ms))
        if by_word is not None:
            bounds = by_word
            break
    if bounds == proved:
        return signed
    layers = (*signed.layers[:2], bounds)
    return replace(signed, layers=layers, why=(*signed.why, STATION_SAID))


def told(signed: Timed, op: dict[str, Any], user: bytes) -> Timed:
    """When what an op of a set tells of happened, given when the set was signed (TM9).

    Of what somebody only says happened earlier, the signing is an upper bound and nothing is a lower one.
    """
    why = _only_claimed(op, user)
    if why is None:
        return signed
    zero, first, second = (
        None if layer is None else Bounds(None, layer.hi_ms) for layer in signed.layers
    )
    assert zero is not None
    at = op.get("at")
    claimed_ms = at if type(at) is int and at >= 0 else signed.claimed_ms
    if zero.hi_ms is not None:
        claimed_ms = min(claimed_ms, zero.hi_ms)
    return Timed(claimed_ms, (zero, first, second), (*signed.why, why))


def elapsed_at_least_ms(start: Timed, end: Timed) -> int | None:
    """The least true time from one moment to another, by the monotonic clock they share; None when they share none."""
    a, b = start.place, end.place
    if a is None or b is None or (a.chain, a.session) != (b.chain, b.session) or b.m <= a.m:
        return None
    return shrunk(b.m - a.m)


def _certain(lo_ms: int | None, hi_ms: int | None, uncertainty_ms: int) -> Bounds | None:
    """Bounds of grade 0. None where they cross: the centre's clock was set back in between, and nobody knows whether it
    was right before or after."""
    lo0 = None if lo_ms is None else lo_ms - uncertainty_ms
    hi0 = None if hi_ms is None else hi_ms + uncertainty_ms
    return None if lo0 is not None and hi0 is not None and lo0 > hi0 else Bounds(lo0, hi0)


def _only_claimed(op: dict[str, Any], user: bytes) -> str | None:
    """Why an op's time is a mere claim; None when it tells of now."""
    t, has_at = op["t"], op.get("at") is not None
    if t == "milestone.claim":
        if op.get("via") == "import":
            return FOREIGN_CLOCK
        is_proxy = op.get("by", user) != user or op.get("via") in BY_VOICE
        # Who says on the radio "received" signs by saying it.
        if is_proxy and op.get("kind") != "signed":
            return TOLD_BY_OTHER
    if not has_at:
        return None
    # A desk issues now; only what it takes over from another system was issued before.
    is_foreign = t == "order.issue" or (t == "incident.create" and op.get("source") == "import")
    return FOREIGN_CLOCK if is_foreign else WRITTEN_LATER


def _monotonic(m: int, before: Sequence[Observed], after: Sequence[Observed]) -> Bounds:
    """Bounds of grade 1: both hold whatever the clock slept, for a clock that slept shows too little (TM6)."""
    return Bounds(
        max((a.lo_ms + shrunk(m - a.m) for a in before), default=None),
        min((b.hi_ms - shrunk(b.m - m) for b in after), default=None),
    )


def _is_disordered(one: Signed, known: Sequence[Observed]) -> bool:
    """Whether readings of the monotonic clock do not follow the order of the chain (TM8)."""
    m = one.place.m
    return (
        (one.before_m is not None and one.before_m - m > DISORDER_MS)
        or (one.after_m is not None and m - one.after_m > DISORDER_MS)
        or any(sample.m - m > DISORDER_MS for sample in known if sample.seq < one.seq)
    )


def _by_wall(one: Signed, a: Observed, b: Observed, since_a: Sequence[Observed]) -> Bounds | None:
    """Bounds of grade 2 from the samples around a set, None when its wall clock cannot be believed there (TM7).

    `since_a`: those after A up to B, whose summaries together reach from the one to the other: B alone, but for
    samples of the set's own reading.
    """
    stretches = sum(sample.n + 1 for sample in since_a)
    fell_ms = max(sample.fell for sample in since_a)
    is_covered = stretches * max(sample.gap for sample in since_a) >= b.m - a.m
    if not is_covered or fell_ms > STEP_MS or not 0 <= one.wall_ms <= MS_MAX:
        return None
    slack_ms = stretches * fell_ms + STEP_MS
    ahead, here, there = (
        a.wall_ms - a.m,
        one.wall_ms - one.place.m,
        b.wall_ms - b.m,
    )
    if ahead - here > slack_ms or here - there > slack_ms:
        return None
    drift_ms = -(-max(0, b.hi_ms - a.lo_ms) // 5_000)
    at_a = (a.lo_ms - a.wall_ms, a.hi_ms - a.wall_ms)
    at_b = (b.lo_ms - b.wall_ms, b.hi_ms - b.wall_ms)
    if max(at_a[0] - at_b[1], at_b[0] - at_a[1]) > AGREE_MS + drift_ms:
        return None
    around_ms = drift_ms + slack_ms
    return Bounds(
        one.wall_ms + min(at_a[0], at_b[0]) - around_ms,
        one.wall_ms + max(at_a[1], at_b[1]) + around_ms,
    )


def _meet(a: Bounds, b: Bounds) -> Bounds | None:
    """What two proofs say together; None when they contradict each other."""
    lo_ms = max((one for one in (a.lo_ms, b.lo_ms) if one is not None), default=None)
    hi_ms = min((one for one in (a.hi_ms, b.hi_ms) if one is not None), default=None)
    is_empty = lo_ms is not None and hi_ms is not None and lo_ms > hi_ms
    return None if is_empty else Bounds(lo_ms, hi_ms)
