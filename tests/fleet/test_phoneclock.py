"""The clocks of simulated phones do what real ones do, and nothing else.

Example: a phone that slept for an hour has an hour less on its monotonic clock, and the right time on its wall clock.
"""

from hypothesis import given
from hypothesis import strategies as st

from server.fleet.phoneclock import NEVER_MS, PhoneClock

T = 1_796_000_000_000
HOUR_MS = 3_600_000


def test_a_clock_without_faults_is_right() -> None:
    clock = PhoneClock(began_ms=T)
    assert clock.wall_ms(T + 5) == T + 5
    assert clock.mono_ms(T + 5) == 5


def test_the_wall_clock_is_off_drifts_and_is_set_while_the_monotonic_one_only_drifts() -> None:
    clock = PhoneClock(began_ms=T, offset_ms=40_000, drift_ppm=100, steps=((T + HOUR_MS, -40_000),))
    assert clock.wall_ms(T + HOUR_MS - 1) - (T + HOUR_MS - 1) == 40_359
    assert clock.wall_ms(T + HOUR_MS) - (T + HOUR_MS) == 360
    assert clock.mono_ms(T + HOUR_MS) == HOUR_MS + 360


def test_sleep_holds_the_monotonic_clock_and_not_the_wall_clock() -> None:
    clock = PhoneClock(began_ms=T, sleeps=((T + 10, T + 110), (T + 200, NEVER_MS)))
    assert [clock.mono_ms(T + at) for at in (10, 60, 110, 150, 200, 9_999)] == [
        10,
        10,
        10,
        50,
        100,
        100,
    ]
    assert clock.wall_ms(T + 9_999) == T + 9_999


@st.composite
def clocks(draw: st.DrawFn) -> PhoneClock:
    moments = sorted(
        T + at for at in draw(st.lists(st.integers(0, HOUR_MS), unique=True, max_size=8))
    )
    return PhoneClock(
        began_ms=T,
        offset_ms=draw(st.integers(-HOUR_MS, HOUR_MS)),
        drift_ppm=draw(st.integers(-200, 200)),
        sleeps=tuple(zip(moments[::2], moments[1::2], strict=False)),
    )


@given(clocks(), st.integers(0, 2 * HOUR_MS), st.integers(0, HOUR_MS))
def test_the_monotonic_clock_never_goes_back_and_never_runs_faster_than_its_crystal(
    clock: PhoneClock, at: int, later: int
) -> None:
    gone = clock.mono_ms(T + at + later) - clock.mono_ms(T + at)
    assert 0 <= gone <= later + later * 200 // 1_000_000 + 1


@given(clocks(), st.integers(0, HOUR_MS))
def test_a_monotonic_moment_is_found_where_it_first_was(clock: PhoneClock, mono_ms: int) -> None:
    true_ms = clock.true_at(mono_ms)
    assert clock.mono_ms(true_ms) >= mono_ms
    assert true_ms == T or clock.mono_ms(true_ms - 1) < mono_ms
