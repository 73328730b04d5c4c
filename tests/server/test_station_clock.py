"""The clock of a station: put right by the centre's, trusted less the longer that was ago, and never going back."""

from pathlib import Path

import msgspec

from server.now import VirtualClock
from server.store.upstream import Upstream
from server.upstream.clock import WORTHLESS_MS, Machine, StationClock, machine, measured
from server.upstream.pace import Pace, patience_s
from tests.server.pen import EPOCH_MS

HOUR_MS = 3_600_000
MET = Upstream(url="", station=bytes(16), server=bytes(16), token="")


class Box:
    """A machine in a township: its wall clock is an hour slow, and somebody may set it."""

    def __init__(self) -> None:
        self.wall = VirtualClock(EPOCH_MS - HOUR_MS)
        self.steady_ms = 1_000
        self.boot = "first"

    def clock(self) -> StationClock:
        return StationClock(Machine(self.wall, lambda: self.steady_ms, self.boot))

    def passes(self, ms: int) -> None:
        self.wall.advance(ms)
        self.steady_ms += ms

    def asks(self, clock: StationClock, out_ms: int, back_ms: int, at_ms: int) -> bool:
        """Ask a centre whose clock shows `at_ms` now over a line that takes so long each way."""
        sent = clock.read()
        self.passes(out_ms + back_ms)
        heard, _wall_ms = clock.read()
        t2 = at_ms + out_ms
        return clock.learn(measured(sent=sent, t2=t2, t3=t2, server_ms=50, heard=heard))


def test_hb5_the_time_is_the_centres_to_within_half_of_the_way_there_and_back() -> None:
    box = Box()
    clock = box.clock()
    assert (clock.now_ms(), clock.uncertainty_ms(), clock.offset_ms) == (
        EPOCH_MS - HOUR_MS,
        60_000,
        None,
    )
    assert box.asks(clock, 1_900, 100, EPOCH_MS)
    true_ms = EPOCH_MS + 2_000
    assert abs(clock.now_ms() - true_ms) <= clock.uncertainty_ms() == 1_052
    assert not box.asks(clock, 3_000, 3_000, true_ms), "a worse one is not believed"
    true_ms += 6_000
    assert box.asks(clock, 10, 10, true_ms)
    true_ms += 20
    assert (clock.now_ms(), clock.uncertainty_ms()) == (true_ms, 62)
    box.passes(10 * HOUR_MS)
    assert clock.now_ms() == true_ms + 10 * HOUR_MS
    assert clock.uncertainty_ms() == 62 + 1_800, "50 parts in a million"


def test_hb5_neither_a_set_clock_nor_a_new_program_makes_it_forget_but_a_new_start_of_the_machine_does() -> (
    None
):
    box = Box()
    clock = box.clock()
    assert box.asks(clock, 0, 0, EPOCH_MS)
    kept = clock.noted(MET)
    box.wall.set(EPOCH_MS + 7 * HOUR_MS)  # somebody sets it
    box.passes(20_000)
    assert (clock.now_ms(), clock.uncertainty_ms()) == (EPOCH_MS + 20_000, 53)
    clock = box.clock()
    clock.resume(kept)
    assert (clock.now_ms(), clock.uncertainty_ms()) == (EPOCH_MS + 20_000, 53)

    box.wall.set(EPOCH_MS - HOUR_MS + 80_000)  # the battery clock, after a minute without power
    box.boot, box.steady_ms = "second", 5
    clock = box.clock()
    clock.resume(kept)
    assert (clock.now_ms(), clock.uncertainty_ms()) == (EPOCH_MS + 80_000, 60_004)
    assert clock.noted(MET) == MET, "what is only remembered is not written as measured"
    assert box.asks(clock, 0, 0, EPOCH_MS + 90_000)
    assert clock.uncertainty_ms() == 52


def test_hb5_a_clock_that_lost_its_battery_is_worth_nothing_and_none_goes_back() -> None:
    box = Box()
    clock = box.clock()
    assert box.asks(clock, 0, 0, EPOCH_MS)
    kept = msgspec.structs.replace(clock.noted(MET), told_at_ms=EPOCH_MS + 5_000)
    box.wall.set(0)
    box.boot, box.steady_ms = "second", 5
    clock = box.clock()
    clock.resume(kept)
    assert (clock.now_ms(), clock.uncertainty_ms()) == (EPOCH_MS + 5_000, WORTHLESS_MS)
    assert box.asks(clock, 0, 0, EPOCH_MS + 4_000)
    assert clock.now_ms() == EPOCH_MS + 5_000, "it was told by this clock already"
    assert clock.uncertainty_ms() == 52 + 1_000, "and it says how far ahead it is"
    box.passes(1_500)
    assert (clock.now_ms(), clock.uncertainty_ms()) == (EPOCH_MS + 5_500, 53)


def test_this_machine_has_such_clocks() -> None:
    here = machine()
    before = here.steady_ms()
    assert here.steady_ms() >= before > 0
    assert len(here.boot) == 36
    assert Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip() == here.boot


def test_a_slow_line_is_given_little_and_a_good_one_much() -> None:
    pace = Pace(8_192, least=1_024, most=1_000_000)
    for _ in range(10):
        pace.went_well(200)
    assert pace.bytes == 1_000_000
    for _ in range(20):
        pace.broke()
    assert pace.bytes == 1_024
    # 16 kbit/s are 2 000 bytes in a second: what takes between 5 and 15 s stays as large as it is.
    for _ in range(10):
        pace.went_well(pace.bytes // 2)
    assert 5_000 <= pace.bytes // 2 <= 15_000
    assert patience_s(pace.bytes) > pace.bytes / 2_000
