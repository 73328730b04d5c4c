"""The heartbeats of a simulated phone, reckoned and not waited for.

A real phone looks at both clocks every 15 s. A simulated one would wake hundreds of times an hour for nothing, and
in virtual time never come to rest; what it would have seen follows from its `PhoneClock`. Responsible for that fold
over any stretch of time, at the cost of the faults in it. Refuses to know what heartbeats are for.

Example: over an hour in which somebody set the clock back once, 240 heartbeats are told from three of them.
"""

from msgspec.structs import replace

from server.fleet.phoneclock import PhoneClock
from sync import samples
from sync.samples import BEAT_EVERY_MS, Clocks


def beaten(clocks: Clocks, clock: PhoneClock, began_m: int, until_m: int) -> Clocks:
    """`clocks` after all heartbeats since its last reading, up to `until_m`.

    `began_m`: the monotonic clock when the session began, whose heartbeats come at whole multiples of 15 s after that.
    """
    last_m = 0 if clocks.last is None else clocks.last[0]
    first, final = last_m // BEAT_EVERY_MS + 1, until_m // BEAT_EVERY_MS
    if final < first:
        return clocks
    before = first - 1
    for beat in sorted({first, final, *_around_faults(clock, began_m, first, final)}):
        if beat - before > 1:
            clocks = _skipped(clocks, beat - before - 1, *_reading(clock, began_m, beat - 1))
        clocks = samples.beat(clocks, *_reading(clock, began_m, beat))
        before = beat
    return clocks


def _reading(clock: PhoneClock, began_m: int, beat: int) -> tuple[int, int]:
    m = beat * BEAT_EVERY_MS
    return m, clock.wall_ms(clock.true_at(began_m + m))


def _around_faults(clock: PhoneClock, began_m: int, first: int, final: int) -> set[int]:
    """The heartbeats just before and after each step and each sleep."""
    # One fault may be some heartbeats away from where the clock stood still.
    from_ms = clock.true_at(began_m + (first - 2) * BEAT_EVERY_MS)
    until_ms = clock.true_at(began_m + (final + 2) * BEAT_EVERY_MS)
    faults = clock.faults_ms(from_ms, until_ms)
    near = {(clock.mono_ms(at_ms) - began_m) // BEAT_EVERY_MS for at_ms in faults}
    return {beat + more for beat in near for more in (0, 1) if first <= beat + more <= final}


def _skipped(clocks: Clocks, count: int, m: int, wall_ms: int) -> Clocks:
    """So many heartbeats, none of which saw anything, the newest of them at `m`."""
    beats = clocks.beats
    beats = replace(beats, n=beats.n + count, gap=max(beats.gap, BEAT_EVERY_MS))
    return replace(clocks, beats=beats, last=(m, wall_ms))
