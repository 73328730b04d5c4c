"""What a device remembers of its clocks: measurements against the centre, heartbeats in between (SPEC TM1 to TM4).

Responsible for the sample rule, for which samples are kept and which go into the chain, and for the shape of the op
that carries them. It reads no clock and writes no set: readings walk in, ops walk out.

>>> sample(m1=500, wall1_ms=9_000, server_ms=100_000, uncertainty_ms=20, m4=700, wall4_ms=9_200, hidden=False)
Sample(m=500, lo_ms=99720, hi_ms=100080, wall_ms=9000)
>>> sample(m1=500, wall1_ms=9_000, server_ms=100_000, uncertainty_ms=20, m4=700, wall4_ms=9_900, hidden=False)
'apart'
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from sync.clock import MS_MAX
from sync.refusal import OPS_MAX

OBS: Final = "clock.obs"
SESSION_BYTES: Final = 8
APART_MS: Final = 50
"""A device that slept for longer than this during an exchange is found out by its wall clock."""
WIDEN_MS: Final = 60
"""What may have been slept unseen, and 10 ms for whole milliseconds and for clocks that run 200 ppm off."""
ROUND_TRIP_MS_MAX: Final = 30_000
KEEP_EVERY_MS: Final = 300_000
BEAT_EVERY_MS: Final = 15_000
UNSENT_MS: Final = 30_000
"""A set that waited longer needs a sample after it: its receipt alone bounds it too loosely."""
WAITING_MAX: Final = 40
BEATS_MAX: Final = 2**20
"""Half a year of heartbeats: beyond, and beyond a gap of 49 days, a summary says nothing to anybody."""
GAP_MS_MAX: Final = 2**32


_FIELDS: Final = (
    *((name, MS_MAX) for name in ("m", "lo", "hi", "wall")),
    ("n", BEATS_MAX),
    *((name, MS_MAX) for name in ("fell", "rose")),
    ("gap", GAP_MS_MAX),
)


class Sample(Struct, frozen=True):
    """The true time was between `lo_ms` and `hi_ms` when the monotonic clock said `m` and the wall clock `wall_ms`."""

    m: int
    lo_ms: int
    hi_ms: int
    wall_ms: int


class Beats(Struct, frozen=True):
    """A summary of readings of both clocks, every 15 s and with every set, between two samples: how many, the greatest
    fall and rise of (wall - monotonic) from one to the next, and the longest monotonic time between two, all in ms."""

    n: int = 0
    fell: int = 0
    rose: int = 0
    gap: int = 0

    def then(self, later: Beats) -> Beats:
        """Both stretches as one, with the reading that joins them."""
        return Beats(
            self.n + 1 + later.n,
            max(self.fell, later.fell),
            max(self.rose, later.rose),
            max(self.gap, later.gap),
        )


class Kept(Struct, frozen=True):
    """A sample, and the heartbeats since the one kept before it, or since the session began."""

    sample: Sample
    beats: Beats


class Clocks(Struct, frozen=True):
    """What one session remembers. `last`: newest reading (m, wall), or that of the newest kept sample; `beats`: since
    then; `waiting`: samples not yet in the chain, oldest first; `placed_m`: of the newest that is; `oldest_m` and
    `newest_m`: of the sets written for which no sample after them is in the chain."""

    session: bytes
    last: tuple[int, int] | None = None
    beats: Beats = Beats()
    waiting: tuple[Kept, ...] = ()
    placed_m: int | None = None
    oldest_m: int | None = None
    newest_m: int | None = None


def sample(
    *,
    m1: int,
    wall1_ms: int,
    server_ms: int,
    uncertainty_ms: int,
    m4: int,
    wall4_ms: int,
    hidden: bool,
) -> Sample | str:
    """What an exchange says of the clocks when it was sent (`m1`, `wall1_ms`), or why it says nothing (TM1).

    `m4` and `wall4_ms` were read when the answer came; `hidden`: the page was out of sight at some time in between.
    Reasons: `hidden`, `backwards`, `slow`, `apart`, `off_scale`.
    """
    took_ms = m4 - m1
    if hidden:
        return "hidden"
    if took_ms < 0:
        return "backwards"
    if took_ms > ROUND_TRIP_MS_MAX:
        return "slow"
    if abs(wall4_ms - wall1_ms - took_ms) > APART_MS:
        return "apart"
    if not (0 <= m1 <= MS_MAX and 0 <= wall1_ms <= MS_MAX):
        return "off_scale"
    around = uncertainty_ms + WIDEN_MS
    return Sample(m1, max(0, server_ms - took_ms - around), server_ms + around, wall1_ms)


def beat(clocks: Clocks, m: int, wall_ms: int) -> Clocks:
    """One more reading of both clocks."""
    return replace(clocks, beats=_one_more(clocks, m, wall_ms), last=(m, wall_ms))


def wrote(clocks: Clocks, m: int, wall_ms: int) -> Clocks:
    """A set that is more than a placing of samples was written, with these readings in its header."""
    oldest_m = m if clocks.oldest_m is None else clocks.oldest_m
    return replace(beat(clocks, m, wall_ms), oldest_m=oldest_m, newest_m=m)


def keep(clocks: Clocks, new: Sample) -> Clocks:
    """Keep a sample: of those of the same five minutes with no set in between, the narrowest (TM2)."""
    beats, waiting = clocks.beats, clocks.waiting
    if clocks.last is not None and clocks.last[0] < new.m:
        joined = _one_more(clocks, new.m, new.wall_ms)
        beats = replace(joined, n=beats.n)  # the sample's own reading ends the stretch
    if waiting and _is_same(clocks, waiting[-1].sample, new):
        before = waiting[-1]
        if before.sample.hi_ms - before.sample.lo_ms <= new.hi_ms - new.lo_ms:
            return clocks
        beats, waiting = before.beats.then(beats), waiting[:-1]
    waiting = (*waiting, Kept(new, beats))
    if len(waiting) > WAITING_MAX:
        # The first stays: it is the one before the oldest set.
        third = replace(waiting[2], beats=waiting[1].beats.then(waiting[2].beats))
        waiting = (waiting[0], third, *waiting[3:])
    return replace(clocks, last=(new.m, new.wall_ms), beats=Beats(), waiting=waiting)


def to_place(clocks: Clocks, now_m: int, unsent_m: int | None) -> tuple[Kept, ...]:
    """The samples to write into the chain before sets are sent, oldest first; mostly none (TM4).

    `unsent_m`: when the oldest set of this session that waits to be sent was written, None when none waits.
    """
    waiting = clocks.waiting
    if not waiting or not _is_time(clocks, now_m, unsent_m):
        return ()
    since = [m for m in (unsent_m, clocks.oldest_m) if m is not None]
    first = len(waiting) - 1
    while since and first > 0 and waiting[first].sample.m > min(since):
        first -= 1
    chosen = waiting[first:]
    if len(chosen) > OPS_MAX:
        chosen = (chosen[0], *chosen[1 - OPS_MAX :])
    placed: list[Kept] = []
    beats: Beats | None = None
    for one in waiting:
        beats = one.beats if beats is None else beats.then(one.beats)
        if one in chosen:
            placed.append(Kept(one.sample, beats))
            beats = None
    return tuple(placed)


def placed(clocks: Clocks) -> Clocks:
    """What is remembered once what `to_place` named is in the chain."""
    newest = clocks.waiting[-1].sample.m
    is_owed = clocks.newest_m is not None and clocks.newest_m > newest
    return replace(
        clocks,
        waiting=(),
        placed_m=newest,
        oldest_m=clocks.newest_m if is_owed else None,
        newest_m=clocks.newest_m if is_owed else None,
    )


def op_of(session: bytes, kept: Kept) -> dict[str, Any]:
    """The op that carries a sample (TM3)."""
    one, beats = kept.sample, kept.beats
    return {
        "t": OBS,
        "s": session,
        "m": one.m,
        "lo": one.lo_ms,
        "hi": one.hi_ms,
        "wall": one.wall_ms,
        "n": min(beats.n, BEATS_MAX),
        "fell": beats.fell,
        "rose": beats.rose,
        "gap": min(beats.gap, GAP_MS_MAX),
    }


def problem(op: dict[str, Any]) -> str | None:
    """The first field of a `clock.obs` that is missing or wrong, as `clock.obs.field`; None for a good one (TM3)."""
    session = op.get("s")
    if not isinstance(session, bytes) or len(session) != SESSION_BYTES:
        return f"{OBS}.s"
    for name, most in _FIELDS:
        value = op.get(name)
        if type(value) is not int or not 0 <= value <= most:
            return f"{OBS}.{name}"
    return None if op["lo"] <= op["hi"] else f"{OBS}.hi"


def _one_more(clocks: Clocks, m: int, wall_ms: int) -> Beats:
    if clocks.last is None:
        return Beats(clocks.beats.n + 1)
    before_m, before_wall_ms = clocks.last
    rose = (wall_ms - m) - (before_wall_ms - before_m)
    beats = clocks.beats
    return Beats(
        beats.n + 1, max(beats.fell, -rose), max(beats.rose, rose), max(beats.gap, m - before_m)
    )


def _is_same(clocks: Clocks, before: Sample, new: Sample) -> bool:
    """Whether one of two samples will do: of the same five minutes, with no set written in between."""
    is_between = clocks.newest_m is not None and clocks.newest_m >= before.m
    return before.m // KEEP_EVERY_MS == new.m // KEEP_EVERY_MS and not is_between


def _is_time(clocks: Clocks, now_m: int, unsent_m: int | None) -> bool:
    placed_m = clocks.placed_m
    if placed_m is None:
        return True
    if clocks.oldest_m is not None and now_m - placed_m > KEEP_EVERY_MS:
        return True
    return (
        unsent_m is not None
        and now_m - unsent_m > UNSENT_MS
        and placed_m < unsent_m <= clocks.waiting[-1].sample.m
    )
