"""Links that drop, and time that jumps.

Example: a trace silent from 200 to 1,500 ms is down for exactly that long, in every loop.
"""

import asyncio
import gzip
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fleet.links import Made, Perfect, Recorded, RecordedWithOutages, Trace, read_traces
from server.fleet.timebase import VirtualTime
from server.fleet.transport import LinkTransport
from server.now import VirtualClock

SILENT = Trace([100, 200, 1_500, 1_600, 2_000])


def test_a_silence_longer_than_a_second_is_an_outage_in_every_loop() -> None:
    assert SILENT.silences == [(200, 1_500)]
    for turn_ms in (0, 2_000, 2_000_000):
        assert SILENT.state(turn_ms + 199) == (True, turn_ms + 200)
        assert SILENT.state(turn_ms + 200) == (False, turn_ms + 1_500)
        assert SILENT.state(turn_ms + 1_499) == (False, turn_ms + 1_500)
        assert SILENT.state(turn_ms + 1_500) == (True, turn_ms + 2_200)


def test_bytes_wait_for_as_many_packets_as_they_need() -> None:
    assert SILENT.passed_ms(0, 1) == 100
    assert SILENT.passed_ms(0, 1_501) == 200
    assert SILENT.passed_ms(1_600, 3_001) == 2_100  # over the seam of the loop
    assert SILENT.passed_ms(150, 4_500) == 1_600


@given(st.lists(st.integers(1, 9_000), min_size=1, max_size=30), st.integers(0, 40_000))
def test_a_state_holds_until_it_says(packets_ms: list[int], at_ms: int) -> None:
    trace = Trace(packets_ms)
    up, until_ms = trace.state(at_ms)
    assert until_ms > at_ms
    assert trace.state(until_ms - 1) == (up, until_ms)
    assert up or trace.passed_ms(at_ms + 1, 1) == until_ms


def test_made_outages_come_from_the_seed_and_last_minutes_to_hours() -> None:
    def outages(seed: str) -> list[tuple[int, int]]:
        link, at_ms, found = Made(seed, 0), 0, []
        while at_ms < 14 * 86_400_000:
            up, until_ms = link.state(at_ms)
            if not up:
                found.append((at_ms, until_ms))
            at_ms = until_ms
        return found

    assert outages("a") == outages("a") != outages("b")
    lengths_ms = [end - begin for begin, end in outages("a")]
    assert len(lengths_ms) > 40
    assert 60_000 <= min(lengths_ms) < max(lengths_ms) <= 4 * 3_600_000


def test_traces_are_read_in_pairs(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/road.up.gz").write_bytes(gzip.compress(b"0\n48\n57\n"))
    with pytest.raises(ValueError, match=r"no road\.down\.gz beside it"):
        read_traces(tmp_path)
    (tmp_path / "deep/road.down.gz").write_bytes(gzip.compress(b"10\n20\n"))
    up, down = read_traces(tmp_path)["road"]
    assert (list(up.packets_ms), down.length_ms) == ([0, 48, 57], 20)
    (tmp_path / "deep/road.down.gz").write_bytes(gzip.compress(b"ten\n"))
    with pytest.raises(ValueError, match="road cannot be read"):
        read_traces(tmp_path)
    with pytest.raises(ValueError, match="holds no trace"):
        read_traces(tmp_path / "deep" / "nothing")


def test_a_recorded_link_is_down_in_a_made_outage_too() -> None:
    recorded = Recorded(Trace([10, 20]), Trace([10, 20]), shift_ms=7)
    link = RecordedWithOutages(recorded, Made("x", 0, up_mean_ms=1_000, down_ms=(500, 600)))
    seen = {link.state(at_ms)[0] for at_ms in range(0, 20_000, 100)}
    assert seen == {True, False}
    assert link.sent_ms(0, 100) == recorded.sent_ms(0, 100)


def test_virtual_time_wakes_sleepers_in_order_and_waits_for_the_awake() -> None:
    told: list[tuple[str, int]] = []

    async def story() -> None:
        time = VirtualTime(VirtualClock(1_000))

        async def sleeper(name: str, *instants_ms: int) -> None:
            for at_ms in instants_ms:
                await time.sleep_until(at_ms)
                await asyncio.sleep(0.001)  # real work at this instant
                told.append((name, time.now_ms()))

        time.spawn(sleeper("late", 9_000))
        time.spawn(sleeper("twice", 2_000, 500, 9_000))
        await time.run()

    asyncio.run(story())
    assert told == [("twice", 2_000), ("twice", 2_000), ("late", 9_000), ("twice", 9_000)]


def test_a_failure_in_virtual_time_ends_the_run() -> None:
    async def story() -> None:
        time = VirtualTime(VirtualClock(0))

        async def breaks() -> None:
            await time.sleep_until(5)
            raise RuntimeError("broken axle")

        async def waits() -> None:
            await time.sleep_until(1_000_000)

        time.spawn(waits())
        time.spawn(breaks())
        await time.run()

    with pytest.raises(RuntimeError, match="broken axle"):
        asyncio.run(story())


class Windows:
    """Up but for one outage, with a second each way."""

    def __init__(self, down_from_ms: int, down_until_ms: int) -> None:
        self.down = (down_from_ms, down_until_ms)

    def state(self, at_ms: int) -> tuple[bool, int]:
        begin, end = self.down
        if at_ms >= end:
            return True, 1 << 40
        return (False, end) if at_ms >= begin else (True, begin)

    def sent_ms(self, at_ms: int, size_bytes: int) -> int:
        del size_bytes
        return at_ms + 1_000

    received_ms = sent_ms


@pytest.mark.parametrize(
    ("begun_ms", "raised", "heard"),
    [
        (0, None, 1),
        (3_500, httpx2.ReadError, 1),  # stored, and the device cannot know
        (4_500, httpx2.WriteError, 0),
        (6_000, httpx2.ConnectError, 0),
        (9_000, None, 1),
    ],
)
def test_what_an_outage_cuts(begun_ms: int, raised: type[Exception] | None, heard: int) -> None:
    requests: list[int] = []

    async def story() -> None:
        time = VirtualTime(VirtualClock(begun_ms))

        def answer(_request: httpx2.Request) -> httpx2.Response:
            requests.append(time.now_ms())
            return httpx2.Response(200, content=b"stored")

        transport = LinkTransport(httpx2.MockTransport(answer), Windows(5_000, 9_000), time)

        async def push() -> None:
            async with httpx2.AsyncClient(transport=transport, base_url="http://x") as client:
                if raised is None:
                    assert (await client.post("/push", content=b"a")).text == "stored"
                    assert time.now_ms() == begun_ms + 2_000
                    return
                with pytest.raises(raised):
                    await client.post("/push", content=b"a")
            assert transport.outages == 1

        time.spawn(push())
        await time.run()

    asyncio.run(story())
    assert len(requests) == heard


def test_a_perfect_link_still_takes_a_moment() -> None:
    assert Perfect().sent_ms(5, 10_000) == Perfect().received_ms(5, 1) == 6
