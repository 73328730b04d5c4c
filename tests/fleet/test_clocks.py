"""What a simulated phone tells of its clocks: samples that hold the truth, however wrong the clocks are.

Example: a phone forty minutes ahead that slept on the way still has every sample around the true moment.
"""

import random
import sqlite3
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fleet.chain import seeded_entropy
from server.fleet.device import Device
from server.fleet.heartbeat import beaten
from server.fleet.phoneclock import PhoneClock
from server.fleet.timebase import PhoneTime
from server.fleet.vault import Vault
from sync import changeset, samples
from sync.changeset import KIND_INCIDENT, ChangeSet
from sync.samples import BEAT_EVERY_MS, Clocks
from tests.fleet.conftest import START_MS, House
from tests.fleet.test_phoneclock import HOUR_MS, T, clocks

MINUTE_MS = 60_000
NOTE = {"t": "entry.add", "kind": "note", "text": "一句"}
WRONG = PhoneClock(
    began_ms=START_MS - 5_000,
    offset_ms=40 * MINUTE_MS,
    drift_ppm=120,
    steps=((START_MS + 12 * MINUTE_MS, -25 * MINUTE_MS),),
    sleeps=((START_MS + 20 * MINUTE_MS, START_MS + 50 * MINUTE_MS),),
)


def phone_of(house: House, vault: Vault, clock: PhoneClock) -> Device:
    """A phone with these clocks, on a good network; each call is another start of the app."""
    now_ms = house.time.now_ms()
    return Device(
        vault,
        httpx2.AsyncClient(base_url=house.url, transport=house.inner),
        PhoneTime(house.time, clock),
        entropy=seeded_entropy("clocks", str(now_ms)),
        chance=random.Random(now_ms),
        records_centre=True,
    )


def written(vault: Vault) -> list[ChangeSet]:
    """Every set in a vault, in order."""
    rows = vault._db.execute("SELECT raw FROM sets ORDER BY nr")
    return [one for (raw,) in rows if isinstance(one := changeset.read(raw), ChangeSet)]


def observed(vault: Vault) -> list[dict[str, Any]]:
    """Every sample in the chain, in order."""
    bodies = [one.body for one in written(vault) if one.body is not None]
    return [op for body in bodies for op in body.ops if op["t"] == samples.OBS]


async def test_samples_stand_around_what_was_written_offline_and_hold_the_truth(
    house: House,
) -> None:
    vault = Vault()
    phone = phone_of(house, vault, WRONG)
    code = await house.admin.post("/api/devices/codes", {"person": house.officers[0].person})
    await phone.enrol(code["code"], "wrong")
    incident = bytes.fromhex((await house.incident())["id"])

    async def story() -> None:
        await phone.attempt(pull=True)
        # The clock is set at 12, and the phone sleeps from 20 to 50.
        for minute in (4, 8, 16, 18, 51, 52, 60):
            await house.time.sleep_until(START_MS + minute * MINUTE_MS)
            phone.write(KIND_INCIDENT, incident, [NOTE], scope="org")
            if minute % 4 == 0:
                await phone.attempt(pull=False)

    house.time.spawn(story())
    await house.time.run()

    told = observed(vault)
    assert len(told) >= 4
    for op in told:
        began_m = WRONG.mono_ms(START_MS)
        firsts = WRONG.true_at(began_m + op["m"]), WRONG.true_at(began_m + op["m"] + 1)
        assert op["lo"] <= firsts[1], "the moment may last as long as the phone slept in it"
        assert firsts[0] <= op["hi"]
        assert op["hi"] - op["lo"] < 5_000
    assert max(op["fell"] for op in told) == pytest.approx(25 * MINUTE_MS, abs=5)
    assert max(op["rose"] for op in told) == pytest.approx(30 * MINUTE_MS, abs=500)
    acts = [one for one in written(vault) if one.body and one.body.kind == KIND_INCIDENT]
    ms = [op["m"] for op in told]
    session = told[0]["s"]
    for one in acts:
        assert one.header.beacon is not None
        assert one.header.mono[0] == session
        assert min(ms) <= one.header.mono[1]
    assert max(ms) >= acts[-2].header.mono[1], (
        "what waited longer than half a minute has a sample after it"
    )
    assert vault.pending()[0] == 0


async def test_a_session_that_ended_leaves_what_it_owes_to_the_next(house: House) -> None:
    vault = Vault()
    clock = PhoneClock(began_ms=START_MS)
    phone = phone_of(house, vault, clock)
    code = await house.admin.post("/api/devices/codes", {"person": house.officers[0].person})
    await phone.enrol(code["code"], "restarted")
    incident = bytes.fromhex((await house.incident())["id"])

    async def until(at_ms: int) -> None:
        house.time.spawn(house.time.sleep_until(at_ms))
        await house.time.run()

    await phone.attempt(pull=False)
    [first] = observed(vault)
    await until(START_MS + 10 * MINUTE_MS)
    phone.greet_again()
    await phone.attempt(pull=False)  # nothing waits: the sample is remembered, not written
    assert observed(vault) == [first]
    await until(START_MS + 11 * MINUTE_MS)
    phone.write(KIND_INCIDENT, incident, [NOTE], scope="org")

    again = phone_of(house, vault, clock)  # the battery was empty
    await until(START_MS + 12 * MINUTE_MS)
    await again.attempt(pull=False)
    [_, second, third] = observed(vault)
    assert (second["s"], second["m"]) == (first["s"], 10 * MINUTE_MS)
    assert third["s"] != first["s"]
    assert vault.clocks() == []


async def test_a_sample_is_not_lost_between_the_set_and_the_disk(house: House) -> None:
    vault = Vault()
    phone = phone_of(house, vault, PhoneClock(began_ms=START_MS))
    code = await house.admin.post("/api/devices/codes", {"person": house.officers[0].person})
    await phone.enrol(code["code"], "full")
    await phone.attempt(pull=False)
    before = len(written(vault))

    class Full:
        """A disk that is full when the clocks are to be kept."""

        def execute(self, said: str, *given: Any) -> sqlite3.Cursor:
            if "INTO clocks" in said:
                raise sqlite3.OperationalError("database or disk is full")
            return db.execute(said, *given)

    db = vault._db
    vault._db = Full()  # type: ignore[assignment]
    with pytest.raises(sqlite3.OperationalError):
        phone.write(KIND_INCIDENT, bytes(16), [NOTE], scope="org")
    vault._db = db
    assert len(written(vault)) == before
    phone.write(KIND_INCIDENT, bytes(16), [NOTE], scope="org")
    assert len(written(vault)) == before + 1
    assert [one.oldest_m for one in vault.clocks()] == [0]


@given(
    clocks(),
    st.lists(st.tuples(st.integers(0, HOUR_MS), st.integers(-HOUR_MS, HOUR_MS)), max_size=4),
    st.data(),
)
def test_heartbeats_are_reckoned_as_they_would_have_been_counted(
    clock: PhoneClock, steps: list[tuple[int, int]], data: st.DataObject
) -> None:
    clock = msgspec.structs.replace(clock, steps=tuple(sorted((T + at, by) for at, by in steps)))
    began_m, until_m = data.draw(st.integers(0, 60_000)), data.draw(st.integers(0, HOUR_MS))
    told = beaten(Clocks(b"session8"), clock, began_m, until_m)
    counted = Clocks(b"session8")
    for m in range(BEAT_EVERY_MS, until_m + 1, BEAT_EVERY_MS):
        counted = samples.beat(counted, m, clock.wall_ms(clock.true_at(began_m + m)))
    assert told.last == counted.last
    assert (told.beats.n, told.beats.gap) == (counted.beats.n, counted.beats.gap)
    # Where nothing happens the two clocks may round differently by a millisecond.
    assert told.beats.fell <= counted.beats.fell <= told.beats.fell + 2
    assert told.beats.rose <= counted.beats.rose <= told.beats.rose + 2
