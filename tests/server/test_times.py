"""When things were signed, by what the centre itself can prove: beacons, receipts and samples (TM)."""

from typing import Any

from server.intake.beacons import KEY_FILE, Beacons
from server.intake.replay import replay
from sync.exchange import PushResult
from tests.server.conftest import House
from tests.server.pen import EPOCH_MS, Pen
from tests.server.test_admission import NOTE, ruling_of, story, word
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
    ahead = Beacons((house.settings.data_dir / KEY_FILE).read_bytes()).give(
        house.clock.now_ms() + 101
    )
    for strange in (bytes(16), beacon[:-1] + bytes([beacon[-1] ^ 1]), ahead):
        ruled = await ruling_of(house, await handed_in(house, pen, NOTE, beacon=strange))
        assert (ruled["d"], ruled["flags"]) == ("accepted", ["beacon_unknown"])
        assert ruled["in"] == {"lo": EPOCH_MS + 60 * SECOND, "beacon_unknown": True}
    await house.intake.stop()
    decided = await replay(house.settings.url)
    assert (decided.again, decided.wrong) == (8, [])


async def test_tm12_a_revoked_phone_cannot_have_written_before_the_beacon_it_names(
    house: House,
) -> None:
    pen = await story(house)
    house.clock.advance(60 * SECOND)
    await house.intake.transaction(lambda batch: batch.revoke(pen.chain, "手机遗失"))
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
