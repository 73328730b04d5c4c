"""The laws of the clock: it goes forward, it is never stuck, and one wrong date infects nobody (HL1 to HL4)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync import clock
from sync.clock import COUNTER_MAX, MS_MAX, Stamp

BASE_MS = 1_700_000_000_000
# Counters near their end are as likely as others, and clocks stand close together as often as far apart.
counters = st.integers(0, COUNTER_MAX) | st.integers(COUNTER_MAX - 2, COUNTER_MAX)
times = st.integers(BASE_MS - 700_000, BASE_MS + 700_000) | st.integers(0, MS_MAX - 1)
stamps = st.builds(Stamp, times, counters)
walls = times | st.integers(-(2**60), 2**60)
offsets = st.none() | st.integers(-700_000, 700_000) | st.integers(-(2**50), 2**50)


@given(stamps, walls, offsets)
def test_hl1_the_clock_is_reset_exactly_when_it_ran_too_far_ahead(
    last: Stamp, wall: int, offset: int | None
) -> None:
    stamp, was_reset = clock.send(last, wall, offset)
    physical = clock.physical_ms(wall, offset)
    assert was_reset is (last.ms - physical > (600_000 if offset is None else 60_000))
    # And so, reset or not, a new stamp is never much further ahead than that.
    assert stamp.ms <= physical + clock.ahead_ms(offset) + 1


@given(stamps, st.lists(st.tuples(walls, offsets), max_size=30))
def test_hl1_no_two_stamps_of_a_clock_are_equal_between_two_resets(
    last: Stamp, writes: list[tuple[int, int | None]]
) -> None:
    since_reset = [last]
    for wall, offset in writes:
        stamp, was_reset = clock.send(since_reset[-1], wall, offset)
        since_reset = [stamp] if was_reset else [*since_reset, stamp]
        assert since_reset == sorted(set(since_reset))


@given(stamps, walls, offsets, st.lists(stamps, max_size=8))
def test_hl2_the_clock_takes_the_greatest_stamp_it_can_believe(
    last: Stamp, wall: int, offset: int | None, remotes: list[Stamp]
) -> None:
    limit = clock.physical_ms(wall, offset) + clock.ahead_ms(offset)
    after, ahead = clock.receive(last, wall, offset, remotes)
    believed = [remote for remote in remotes if remote.ms <= limit]
    assert after == max([last, *believed])
    assert [remotes[at] for at in ahead] == [remote for remote in remotes if remote.ms > limit]


@given(stamps, walls, offsets, st.lists(stamps, max_size=8), st.randoms(use_true_random=False))
def test_hl3_neither_the_order_nor_the_cut_of_batches_changes_where_the_clock_ends(
    last: Stamp, wall: int, offset: int | None, remotes: list[Stamp], random: Any
) -> None:
    whole, _ = clock.receive(last, wall, offset, remotes)
    shuffled = [*remotes, *remotes[:3]]
    random.shuffle(shuffled)
    at = last
    for remote in shuffled:
        at, _ = clock.receive(at, wall, offset, [remote])
    assert at == whole


@given(stamps, walls, offsets, st.lists(stamps, max_size=8))
def test_hl3_a_batch_that_fails_leaves_the_clock_as_it_was(
    last: Stamp, wall: int, offset: int | None, remotes: list[Stamp]
) -> None:
    class Spoiled(Exception):
        pass

    def batch() -> Any:
        yield from remotes
        raise Spoiled

    at = last
    with pytest.raises(Spoiled):
        at, _ = clock.receive(at, wall, offset, batch())
    assert at == last


PHONES = ("su", "li", "wu")
exchanges = st.lists(
    st.tuples(
        st.sampled_from([*PHONES, "liar"]),  # who writes or passes its clock on
        st.sampled_from(PHONES),  # who hears of it
        st.integers(0, 30_000),  # ms that went by before
    ),
    max_size=40,
)


@given(
    exchanges,
    st.integers(61_000, 10**12),
    st.dictionaries(st.sampled_from(PHONES), st.integers(-(10**11), 10**11)),
)
def test_hl2_a_phone_with_a_wrong_date_infects_nobody(
    told: list[tuple[str, str, int]], ahead_by: int, skews: dict[str, int]
) -> None:
    """Three phones that the centre has put right, and one that is minutes to decades ahead and knows no better."""
    now = BASE_MS
    clocks = dict.fromkeys([*PHONES, "liar"], Stamp(0, 0))
    for writer, hearer, gone_by in told:
        now += gone_by
        skew = skews.get(writer, 0)
        if writer == "liar":
            clocks["liar"], _ = clock.send(clocks["liar"], now + ahead_by, None)
        else:
            clocks[writer], was_reset = clock.send(clocks[writer], now - skew, skew)
            assert not was_reset
        heard = [clocks[writer]]
        clocks[hearer], ahead = clock.receive(clocks[hearer], now, 0, heard)
        assert ahead == ([0] if writer == "liar" else [])
        assert all(clocks[phone].ms <= now for phone in PHONES)
