"""What a centre makes of a station's word: when sets were signed, what is ruled of them, and whose word is none."""

import os
from collections.abc import Sequence
from typing import Any

import pytest

from server import keys
from server.deadlines.engine import Engine
from server.intake.batch import Batch
from server.intake.rebuild import rebuild
from server.intake.redact import Ground, redact
from server.intake.replay import replay
from server.intake.verdicts import SETTLING_MS
from server.proof.export import Exporter
from server.proof.signer import Signer
from server.store.rows import query
from server.store.timers import VERDICTS
from sync import kept, rulings
from sync.changeset import KIND_CHAIN, KIND_INCIDENT, Draft
from sync.evidence.check import check
from sync.evidence.found import found as found_in
from sync.exchange import PushResult
from sync.incident.escalation import CENTRE
from sync.kept import Word
from tests.server.pen import EPOCH_MS, STATION, UNIT, Pen, chance, person_id
from tests.server.test_receipts import HOUR_MS, INCIDENT, pass_by
from tests.server.township import Township, until
from tests.sync.conftest import Peer, peer, peer_bundle

__all__ = ["peer", "peer_bundle"]

ORDER = chance("order")[:16]
DAY_MS = 24 * HOUR_MS
ISSUE = {"t": "order.issue", "order": ORDER, "to": ["unit", UNIT], "kind": "dispatch", "round": 0}
SIGNED = {"t": "milestone.claim", "kind": "signed", "round": 0, "order": ORDER, "via": "self"}
NOTE = {"t": "entry.add", "kind": "note", "text": "到了"}
CREATE = {"t": "incident.create", "source": "desk", "station": STATION, "tag": "T"}


async def desk(app: Any, *ops: dict[str, Any], by: str = "dispatcher") -> PushResult:
    """Somebody at a desk says something of the incident."""
    draft = Draft(bytes(16), "org", KIND_INCIDENT, INCIDENT, list(ops))
    results: list[PushResult] = await app.state.intake.submit_desk(person_id(by), [draft])
    return results[0]


async def ordered(place: Township) -> tuple[Pen, bytes]:
    """An order of the centre that stands at the station too; the officer's phone, and the beacon it was given last.
    Then the line goes down."""
    phone = await place.phone()
    await desk(place.centre, CREATE, {"t": "fact.set", "f": "tier", "v": 1, "p": []}, ISSUE)
    await place.linked()
    beacon: bytes = place.centre.state.intake.beacon()
    place.cut()
    return phone, beacon


async def back(place: Township, after_ms: int = 2 * DAY_MS) -> None:
    """The line is there again, and everything is over it; whoever wakes by timers has looked."""
    pass_by(place, after_ms)
    place.mend()
    await place.settled()
    await looked(place)


async def looked(place: Township) -> None:
    pass_by(place, SETTLING_MS)
    state = place.centre.state
    works = {VERDICTS: Batch.judge_again}
    await Engine(state.db, state.intake, state.clock, os.urandom, works).tend()


async def found(
    place: Township, order: bytes = ORDER
) -> dict[str, tuple[str, int | None, list[str]]]:
    """What was written down last of each clock of an order: finding, grade, causes."""
    rows = await place.centre.state.db.reading(
        query, "SELECT bytes FROM rulings WHERE kind = 'verdict' ORDER BY idx", ()
    )
    said = [rulings.read_ruling(bytes(raw)).payload for (raw,) in rows]
    return {
        one["clock"]: (one["result"], one["grade"], one["why"])
        for one in said
        if one["order"] == order
    }


async def ruled(place: Township, told: Sequence[PushResult]) -> list[dict[str, Any]]:
    """What the centre ruled first on each of these sets."""
    rows = await place.centre.state.db.reading(
        query, "SELECT bytes FROM rulings WHERE kind = 'set' ORDER BY idx", ()
    )
    payloads = [rulings.read_ruling(bytes(raw)).payload for (raw,) in rows]
    return [one for result in told for one in payloads if one["set"] == result.id]


async def sound(place: Township) -> None:
    """The log of the centre follows from itself: rulings, rows and verdicts."""
    url = place.centre.state.settings.url
    assert (await replay(url)).wrong == []
    assert (await rebuild(url, check=True))[1] == 0


async def lies(place: Township, *words: Word) -> None:
    """The station says what is not so."""
    chain = place.state.intake.desk.chain
    draft = Draft(CENTRE, "org", KIND_CHAIN, chain, [kept.op(words)])
    await place.state.intake.transaction(lambda batch: batch.write(draft))


async def test_tm14_who_signed_in_time_at_a_station_without_a_line_is_found_in_time(
    place: Township, peer: Peer
) -> None:
    phone, beacon = await ordered(place)
    pass_by(place, 20_000)
    phone.now_ms = place.clock.now_ms()
    await place.at_station(phone, phone.set(INCIDENT, SIGNED, beacon=beacon))
    await back(place)
    assert (await found(place))["C2i"] == ("met", 2, ["station_said"])
    await sound(place)
    # And so it is told in the file that is checked without the centre, in either language.
    state = place.centre.state
    signer = Signer(state.settings, os.urandom)
    key = signer.own_key()
    assert key is not None
    file = await Exporter(state.db, signer, state.clock).incident(INCIDENT)
    report = check(file, verify=keys.verify)
    assert report.findings == []
    assert {one.clock: one.why for _ruling, one in found_in(report)}["C2i"] == ["station_said"]
    assert peer("evidence.check", hex=file.hex(), key=key.public.hex()) == {"findings": []}


async def test_tm14_what_a_township_ordered_and_signed_while_it_was_alone_is_found_in_time(
    place: Township,
) -> None:
    phone, beacon = await ordered(place)
    pass_by(place, DAY_MS)
    order = {"order": b"of the township-"}
    issued = await desk(place.station, ISSUE | order, by="station")
    pass_by(place, 20_000)
    phone.now_ms = place.clock.now_ms()
    signed = await place.at_station(phone, phone.set(INCIDENT, SIGNED | order, beacon=beacon))
    await back(place)
    # 5 s on each side: the station had been alone for a day.
    assert (await found(place, order["order"]))["C2i"] == ("met", 2, ["station_said"])
    assert {one["d"] for one in await ruled(place, [issued, *signed])} == {"accepted_late"}
    await sound(place)


async def test_tm14_a_word_that_comes_late_on_what_follows_a_set_has_that_judged_again(
    place: Township,
) -> None:
    phone, beacon = await ordered(place)
    pass_by(place, 20_000)
    phone.now_ms = place.clock.now_ms()
    signed, then = phone.set(INCIDENT, SIGNED, beacon=beacon), phone.note(INCIDENT, "随后")
    await place.at_station(phone, then)
    pass_by(place, 2 * DAY_MS)
    await place.at_centre(phone, signed)  # by mobile data, ahead of the station
    await looked(place)
    assert (await found(place))["C2i"][0] == "undetermined"
    await back(place, 0)
    assert (await found(place))["C2i"] == ("met", 2, ["station_said"])
    await sound(place)


def to_self(phone: Pen, beacon: bytes, name: str) -> bytes:
    """An incident that somebody reports and goes to: a command of an officer."""
    order = ISSUE | {"order": chance(name, "order")[:16], "to": ["person", phone.person]}
    create = CREATE | {"source": "self", "tag": name}
    return phone.set(chance(name)[:16], create, order, beacon=beacon)


async def test_au7_what_is_ordered_in_a_township_that_is_alone_for_a_week_is_ordered(
    place: Township,
) -> None:
    phone, beacon = await ordered(place)
    pass_by(place, DAY_MS)
    phone.now_ms = place.clock.now_ms()
    by_phone = await place.at_station(phone, to_self(phone, beacon, "王-01"))
    pass_by(place, 5 * DAY_MS)
    at_desk = await desk(place.station, ISSUE | {"order": b"another order---"}, by="station")
    late = await place.at_station(phone, to_self(phone, beacon, "王-02"))
    await back(place, DAY_MS)
    decided = await ruled(place, [*by_phone, at_desk, *late])
    assert [(one["d"], one["why"]) for one in decided] == [
        ("accepted_late", None),
        ("accepted_late", None),
        ("held", "stale_lease"),
    ]
    first, of_desk, _second = (one["in"] for one in decided)
    assert first["hi"] - (EPOCH_MS + DAY_MS) in range(4_000, 5_000), "50 ppm of a day"
    assert (of_desk["hub"], "hi" in of_desk) == (True, False), "nobody is a witness of himself"
    await sound(place)


async def test_au5_a_phone_that_was_shut_out_meanwhile_is_judged_by_when_the_station_had_its_sets(
    place: Township,
) -> None:
    phone, beacon = await ordered(place)

    def pair(name: str) -> list[bytes]:
        return [phone.set(INCIDENT, NOTE, beacon=beacon), to_self(phone, beacon, name)]

    pass_by(place, HOUR_MS)
    phone.now_ms = place.clock.now_ms()
    before = await place.at_station(phone, *pair("前"))
    pass_by(place, HOUR_MS)
    await place.centre.state.intake.transaction(
        lambda batch: batch.devices.revoke(phone.chain, "手机遗失")
    )
    pass_by(place, HOUR_MS)
    # Nobody at the station knows.
    after = await place.at_station(phone, *pair("后"))
    await back(place)
    decided = await ruled(place, [*before, *after])
    assert [(one["d"], one["why"], one["flags"]) for one in decided] == [
        ("accepted_late", None, []),
        ("accepted_late", None, []),
        ("accepted_late", None, ["rights_uncertain"]),
        ("held", "revoked_straddle", ["rights_uncertain"]),
    ]
    await sound(place)


async def test_tm13_tm14_a_station_that_lies_is_left_aside_or_named(place: Township) -> None:
    phone, beacon = await ordered(place)
    pass_by(place, 60_000)
    phone.now_ms = place.clock.now_ms()
    [told] = await place.at_station(phone, phone.set(INCIDENT, SIGNED, beacon=beacon))
    assert told.id is not None
    here = (phone.chain, phone.writer.seq - 1)
    await lies(
        place,
        Word(told.id, *here, EPOCH_MS - HOUR_MS, 0),  # before the phone was given the beacon in it
        Word(told.id, phone.chain, here[1] + 1, EPOCH_MS + 10_000, 0),  # at another place
        Word(chance("no such set"), *here, EPOCH_MS + 10_000, 0),
        Word(told.id, *here, EPOCH_MS + 9 * DAY_MS, 0),  # after the centre had it
    )
    await back(place)
    causes = ["no_sample_after", "no_sample_before", "station_said"]
    assert (await found(place))["C2i"] == ("undetermined", None, causes)
    # What may be true is believed, and told to rest on its word.
    await lies(place, Word(told.id, *here, EPOCH_MS + 10_000, 0))
    await back(place, 0)
    assert (await found(place))["C2i"] == ("met", 2, ["station_said"])
    await sound(place)


async def test_tm14_a_word_from_before_a_set_was_made_is_none_though_its_words_were_taken_away(
    place: Township,
) -> None:
    phone, beacon = await ordered(place)
    pass_by(place, 20_000)
    phone.now_ms = place.clock.now_ms()
    signed = phone.set(INCIDENT, SIGNED, beacon=beacon)
    pass_by(place, 2 * DAY_MS)
    centre = place.centre.state.intake
    then = phone.set(INCIDENT, NOTE, beacon=centre.beacon())
    _signed, told = await place.at_centre(phone, signed, then)
    assert told.id is not None
    ground = Ground(person_id("commander"), "informant", "线人")
    await centre.transaction(lambda batch: redact(batch, INCIDENT, [told.id], ground))
    await lies(place, Word(told.id, phone.chain, phone.writer.seq - 1, EPOCH_MS + 20_000, 0))
    await back(place, 0)
    causes = ["no_sample_after", "no_sample_before"]
    assert (await found(place))["C2i"] == ("undetermined", None, causes)
    await sound(place)


@pytest.mark.parametrize("stolen", [False, True])
async def test_tm13_no_witness_are_phones_and_stations_that_were_shut_out(
    place: Township, stolen: bool
) -> None:
    phone, beacon = await ordered(place)
    other = await place.phone("other")
    pass_by(place, 20_000)
    phone.now_ms = place.clock.now_ms()
    signed = phone.set(INCIDENT, SIGNED, beacon=beacon)
    pass_by(place, 2 * DAY_MS)
    [told] = await place.at_centre(phone, signed)
    assert told.id is not None
    word = Word(told.id, phone.chain, phone.writer.seq - 1, EPOCH_MS + 20_000, 52)
    by_phone = other.set(other.chain, kept.op([word]), kind=KIND_CHAIN)
    await place.at_centre(other, by_phone)
    await lies(place, word)
    since_ms = EPOCH_MS if stolen else None
    chain = place.state.intake.desk.chain
    await place.centre.state.intake.transaction(
        lambda batch: batch.devices.revoke(chain, "被盗", compromised_since_ms=since_ms)
    )
    place.mend()

    async def handed_over() -> bool:
        return (await place.owed()).waiting == 0

    await until(handed_over)
    await looked(place)
    causes = ["no_sample_after", "no_sample_before"]
    assert (await found(place))["C2i"] == ("undetermined", None, causes)
    await sound(place)
