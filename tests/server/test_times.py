"""When things were signed, by what the centre itself can prove: beacons, receipts and samples (TM)."""

from typing import Any

from msgspec.structs import replace

from server.api.stories import read_story
from server.intake import timing
from server.intake.batch import Batch
from server.intake.beacons import KEY_FILE, Beacons
from server.intake.chains import Chains
from server.intake.rebuild import rebuild
from server.intake.replay import replay
from server.intake.verify import Incoming, read_one
from server.store import kept as stored_words
from server.store import samples, sets
from sync import kept
from sync.changeset import Draft
from sync.exchange import PushResult
from sync.kept import Word
from tests.server.conftest import House
from tests.server.pen import EPOCH_MS, STATION, Pen, person_id
from tests.server.test_admission import HOUR_MS, NOTE, ruling_of, story, word
from tests.server.test_intake import INCIDENT, push

SESSION = b"session1"
SECOND = 1_000


async def handed_in(house: House, pen: Pen, *ops: dict[str, Any], **extra: Any) -> PushResult:
    """One set, about the incident unless another kind is named, written and handed in now."""
    pen.now_ms = house.clock.now_ms()
    entity = pen.chain if extra.get("kind") == "chain" else INCIDENT
    [result] = await push(house, pen, [pen.set(entity, *ops, **extra)])
    return result


def observed(m: int, lo: int, hi: int, wall: int, **other: Any) -> dict[str, Any]:
    op = {"t": "clock.obs", "s": SESSION, "m": m, "lo": lo, "hi": hi, "wall": wall}
    return op | {"n": 0, "fell": 0, "rose": 0, "gap": 0} | other


def test_tm12_a_beacon_is_read_by_whoever_gave_it() -> None:
    beacons = Beacons(b"one seed")
    first = beacons.give(EPOCH_MS)
    assert (len(first), beacons.read(first)) == (16, EPOCH_MS)
    assert beacons.read(beacons.give(EPOCH_MS - 5_000)) == EPOCH_MS, "a clock that goes back"
    assert Beacons(b"one seed").read(first) == EPOCH_MS
    assert Beacons(b"another").read(first) is None
    for at in range(16):
        assert beacons.read(bytes(b ^ (i == at) for i, b in enumerate(first))) is None


async def test_tm12_a_beacon_says_that_a_set_was_signed_after_it_was_given(house: House) -> None:
    pen = await story(house)
    house.clock.advance(60 * SECOND)
    beacon = house.intake.beacon()
    house.clock.advance(60 * SECOND)
    plain = await ruling_of(house, await handed_in(house, pen, NOTE))
    assert (plain["in"], plain["flags"]) == ({"lo": EPOCH_MS}, [])
    bound = await ruling_of(house, await handed_in(house, pen, NOTE, beacon=beacon))
    assert (bound["in"], bound["flags"]) == ({"lo": EPOCH_MS + 60 * SECOND}, [])
    after = await ruling_of(house, await handed_in(house, pen, NOTE))
    assert after["in"] == {"lo": EPOCH_MS + 60 * SECOND}, "what follows it was signed later still"
    soon_ms = house.clock.now_ms() + 101
    ahead = Beacons((house.settings.data_dir / KEY_FILE).read_bytes()).give(soon_ms)
    known = {"lo": EPOCH_MS + 60 * SECOND, "beacon_unknown": True}
    forged = beacon[:-1] + bytes([beacon[-1] ^ 1])
    for strange, facts in (
        (bytes(16), known),
        (forged, known),
        (ahead, known | {"ahead": soon_ms}),
    ):
        ruled = await ruling_of(house, await handed_in(house, pen, NOTE, beacon=strange))
        assert (ruled["d"], ruled["flags"]) == ("accepted", ["beacon_unknown"])
        assert ruled["in"] == facts
    await house.intake.stop()
    decided = await replay(house.settings.url)
    assert (decided.again, decided.wrong) == (8, [])


async def test_tm5_when_the_centres_clock_was_set_back_nothing_is_proved_until_it_has_caught_up(
    house: House,
) -> None:
    pen = await story(house)
    house.clock.advance(-3_600 * SECOND)
    await handed_in(house, pen, {"t": "entry.add", "kind": "note", "text": "back"})
    house.clock.advance(3_600 * SECOND - 100)
    await handed_in(house, pen, {"t": "entry.add", "kind": "note", "text": "nearly"})
    house.clock.advance(60 * SECOND)
    await handed_in(house, pen, {"t": "entry.add", "kind": "note", "text": "caught up"})
    told = await proved(house)
    assert told["back"] == (3, None, None, ("clock_disorder",))
    assert told["nearly"] == (0, -150, -50, ("no_sample_before", "no_sample_after"))
    assert told["caught up"][:3] == (0, -50, 59_950)
    await house.intake.stop()
    assert (await replay(house.settings.url)).wrong == []


async def test_tm12_a_revoked_phone_cannot_have_written_before_the_beacon_it_names(
    house: House,
) -> None:
    pen = await story(house)
    house.clock.advance(60 * SECOND)
    await house.intake.transaction(lambda batch: batch.devices.revoke(pen.chain, "手机遗失"))
    house.clock.advance(1 * SECOND)
    beacon = house.intake.beacon()
    pen.now_ms = EPOCH_MS
    [backdated] = await push(house, pen, [pen.set(INCIDENT, NOTE, beacon=beacon)])
    assert word(backdated) == ("rejected", "revoked")


async def test_tm3_samples_in_the_chain_are_accepted_and_bad_ones_are_not(house: House) -> None:
    pen = await story(house)
    good = observed(5, EPOCH_MS, EPOCH_MS + 100, 7)
    assert word(await handed_in(house, pen, good, good | {"m": 9}, kind="chain")) == (
        "accepted",
        None,
    )
    for bad in (good | {"hi": EPOCH_MS - 1}, good | {"s": b"short"}, {"t": "clock.obs"}):
        assert word(await handed_in(house, pen, good, bad, kind="chain")) == ("rejected", "bad_op")


async def proved(house: House) -> dict[str, tuple[int, int | None, int | None, tuple[str, ...]]]:
    """What is proved of each entry of the incident, by its text: grade, bounds after the epoch, causes."""

    def read(connection: Any) -> dict[str, Any]:
        items = read_story(connection, INCIDENT).items
        times = timing.times(connection, items, Chains(connection))
        return {item.fields["text"]: times[item.op] for item in items if "text" in item.fields}

    def since(ms: int | None) -> int | None:
        return None if ms is None else ms - EPOCH_MS

    return {
        text: (one.grade, since(one.bounds.lo_ms), since(one.bounds.hi_ms), one.why)
        for text, one in (await house.db.reading(read)).items()
    }


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"t": "entry.add", "kind": "note", "text": text} | more


def sample(house: House, m: int, wall: int, **other: Any) -> dict[str, Any]:
    """What a phone would know that asked now and was answered at once."""
    now_ms = house.clock.now_ms()
    return observed(m, now_ms - 110, now_ms + 110, wall, **other)


async def test_a_set_signed_out_of_reach_is_placed_between_two_samples(house: House) -> None:
    pen = await story(house)
    beacon = house.intake.beacon()
    await handed_in(house, pen, sample(house, 1_000, EPOCH_MS), kind="chain", mono=(SESSION, 1_001))
    house.clock.advance(20 * SECOND)
    pen.now_ms = house.clock.now_ms()
    out_of_reach = pen.set(INCIDENT, said("到场"), mono=(SESSION, 21_000), beacon=beacon)
    alone = pen.set(INCIDENT, said("另一处"), mono=(b"session2", 50), beacon=beacon)
    house.clock.advance(600 * SECOND)
    # It slept for 580 of the 600 s: its monotonic clock says 20.
    after = sample(house, 41_000, house.clock.now_ms(), n=2, gap=15_000, fell=1)
    results = await push(house, pen, [out_of_reach, alone])
    assert await proved(house) == {
        "到场": (1, 20_000 - 110 - 4, 620_050, ("no_sample_after",)),
        "另一处": (0, -50, 620_050, ("no_sample_before", "no_sample_after")),
    }
    assert [word(result) for result in results] == [("accepted_late", None)] * 2
    moments: set[bytes] = set()

    def job(batch: Batch) -> None:
        raw = pen.set(pen.chain, after, kind="chain", mono=(SESSION, 41_001))
        found = read_one(raw)
        assert isinstance(found, Incoming)
        batch.take(found, house.clock.now_ms())
        moments.update(batch.moments.told_more_of())
        # Within the very batch.
        items = batch.moments.times(read_story(batch.connection, INCIDENT).items)
        assert {one.grade for one in items.values()} == {0, 2}

    await house.intake.transaction(job)
    assert moments == {INCIDENT}
    # The wall clock went on: 125 ms of drift and 53 of heartbeats around the offsets of the two samples.
    assert (await proved(house))["到场"] == (
        2,
        20_000 - 110 - 4,
        20_000 + 110 + 125 + 53,
        ("slept",),
    )
    assert (await proved(house))["另一处"][0] == 0


async def test_what_follows_in_the_chain_bounds_from_above_when_it_came_first(house: House) -> None:
    pen = await story(house)
    pen.now_ms = house.clock.now_ms()
    first, second, third = (pen.set(INCIDENT, said(text)) for text in "一二三")
    house.clock.advance(10 * SECOND)
    await push(house, pen, [third])
    house.clock.advance(10 * SECOND)
    await push(house, pen, [first])
    # The second is still on its way: nothing shows that the third was written after the first.
    assert {text: one[2] for text, one in (await proved(house)).items()} == {
        "一": 20_050,
        "三": 10_050,
    }
    house.clock.advance(10 * SECOND)
    await push(house, pen, [second])
    assert {text: one[2] for text, one in (await proved(house)).items()} == {
        "一": 10_050, "二": 10_050, "三": 10_050
    }  # fmt: skip


async def test_of_a_chain_in_two_places_only_what_the_centre_saw_holds(house: House) -> None:
    pen = await story(house)
    before = sample(house, 1_000, 5_000)
    await handed_in(house, pen, before, kind="chain", mono=(SESSION, 1_001))
    house.clock.advance(20 * SECOND)
    place = pen.writer
    await handed_in(house, pen, said("一"), mono=(SESSION, 21_000))
    assert (await proved(house))["一"][0] == 1
    pen.writer = place
    house.clock.advance(20 * SECOND)
    await handed_in(house, pen, said("又一"), mono=(SESSION, 41_000))
    assert await proved(house) == {
        "一": (0, -50, 20_050, ("forked",)),
        "又一": (0, -50, 40_050, ("forked",)),
    }


async def test_of_a_phone_in_other_hands_too(house: House) -> None:
    pen = await story(house)
    await handed_in(house, pen, sample(house, 1_000, 5_000), kind="chain", mono=(SESSION, 1_001))
    house.clock.advance(20 * SECOND)
    await handed_in(house, pen, said("一"), mono=(SESSION, 21_000))
    since_ms = house.clock.now_ms()
    await house.intake.transaction(
        lambda batch: batch.devices.revoke(pen.chain, "手机被抢", compromised_since_ms=since_ms)
    )
    assert (await proved(house))["一"] == (0, -50, 20_050, ("compromised",))


async def test_what_a_desk_writes_and_what_it_is_told(house: House) -> None:
    await story(house)
    house.clock.advance(20 * SECOND)
    zhao = person_id("dispatcher")
    draft = Draft(user=zhao, scope="org", kind="incident", entity=INCIDENT,
                  ops=[said("电话里说"), said("早先", at=EPOCH_MS + 5_000)])  # fmt: skip
    await house.intake.submit_desk(zhao, [draft])
    assert await proved(house) == {
        "电话里说": (0, 19_950, 20_050, ()),
        "早先": (3, None, 20_050, ("written_later",)),
    }


async def test_a_set_whose_words_were_taken_away_keeps_its_time(house: House) -> None:
    pen = await story(house)
    beacon = house.intake.beacon()
    house.clock.advance(20 * SECOND)
    await handed_in(house, pen, said("名字"), beacon=beacon)
    result = await handed_in(house, pen, said("又"), beacon=beacon)
    before = await proved(house)
    assert result.id is not None

    def job(batch: Batch) -> None:
        stored = sets.evidence(batch.connection, INCIDENT)[-1]
        changed = {"by": pen.person, "ground": "minor", "text": "", "ops": [said("")]}
        batch.renew(stored, "redact", changed)

    await house.intake.transaction(job)
    assert (await proved(house))[""] == before["又"] == (0, -50, 20_050, before["又"][3])


async def test_samples_are_found_again_by_a_rebuild(house: House) -> None:
    pen = await story(house)
    await handed_in(house, pen, sample(house, 1_000, 5_000), kind="chain", mono=(SESSION, 1_001))
    await house.db.writing(lambda connection: samples.forget(connection, pen.chain))
    _seen, wrong = await rebuild(house.settings.url, check=True)
    assert wrong == 1
    await rebuild(house.settings.url)
    assert await rebuild(house.settings.url, check=True) == (1, 0)
    assert len(await house.db.reading(samples.of_chain, pen.chain)) == 1


async def test_tm14_what_stations_say_is_found_again_by_a_rebuild(house: House) -> None:
    pen, hub = await story(house), Pen("station", bytes(16))
    own = replace(hub.device, person=None, station=STATION)
    await house.intake.transaction(lambda batch: batch.devices.enrol(own))
    beacon, first = house.intake.beacon(), pen.writer.seq
    raws = [pen.set(INCIDENT, said(text), beacon=beacon) for text in ("先", "后")]
    ids = [one.set_id for one in map(read_one, raws) if isinstance(one, Incoming)]
    house.clock.advance(100 * HOUR_MS)
    # Of the first nothing is said: the second follows it, and a word about another place is none.
    words = [
        Word(ids[1], pen.chain, first + 1, EPOCH_MS + 30_000, 60),
        Word(ids[0], pen.chain, first + 1, EPOCH_MS + 10_000, 60),
    ]
    results = await push(
        house, hub, [hub.open(), hub.set(hub.chain, kept.op(words), kind="chain"), *raws]
    )
    assert [word(result)[0] for result in results] == ["accepted_late"] * 4
    causes = ("no_sample_before", "no_sample_after", "station_said")
    proven = dict.fromkeys(("先", "后"), (2, -50, 30060, causes))
    assert await proved(house) == proven
    flags = [(await ruling_of(house, result))["flags"] for result in results[2:]]
    assert flags == [["stale_lease"], []], "admission hears what is said of the very set"
    await house.db.writing(lambda connection: stored_words.forget(connection, hub.chain))
    assert (await rebuild(house.settings.url, check=True))[1] == 1
    await rebuild(house.settings.url)
    assert await rebuild(house.settings.url, check=True) == (1, 0)
    assert await proved(house) == proven
    assert (await replay(house.settings.url)).wrong == []
