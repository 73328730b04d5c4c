"""What the centre makes of sets from people whose rights, clocks and phones are not what they were."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from server.intake.batch import Batch
from server.intake.replay import newest, replay
from server.store import sets
from server.store.rows import query
from sync import changeset, rulings
from sync.changeset import ChangeSet, Draft
from sync.clock import Stamp
from sync.exchange import PushResult
from tests.server.conftest import House
from tests.server.pen import EPOCH_MS, STATION, Pen, chance, person_id
from tests.server.test_intake import INCIDENT, ORDER, desk, enrolled, push

HOUR_MS = 3_600_000
CLOSE = {"t": "incident.close", "round": 0}
NOTE = {"t": "entry.add", "kind": "note", "text": "到了"}


def to_self(pen: Pen) -> dict[str, Any]:
    return {
        "t": "order.issue",
        "order": ORDER,
        "to": ["person", pen.person],
        "kind": "dispatch",
        "round": 0,
    }


async def ruling_of(house: House, result: PushResult) -> dict[str, Any]:
    assert result.idx is not None
    raw = await house.db.reading(sets.ruling, result.idx)
    assert raw is not None
    return rulings.read_ruling(raw).payload


async def in_touch(house: House) -> tuple[int, bytes]:
    """What a phone has seen that pulled just now."""

    def read(connection: Any) -> tuple[int, bytes]:
        [(idx, raw)] = query(connection, "SELECT idx, bytes FROM rulings ORDER BY idx DESC LIMIT 1")
        return idx, rulings.leaf_hash(bytes(raw))[:16]

    return await house.db.reading(read)


async def said(house: House, pen: Pen, *ops: Mapping[str, Any], seen: Any = None) -> PushResult:
    """Write and hand in one set about the incident; both clocks agree."""
    pen.now_ms = house.clock.now_ms()
    raw = pen.set(INCIDENT, *map(dict, ops), seen=seen)
    [result] = await push(house, pen, [raw])
    return result


async def story(house: House, role: str = "officer") -> Pen:
    """An incident that this person's phone opened."""
    pen = await enrolled(house, role, role)
    await push(house, pen, [pen.open(), pen.create(INCIDENT)])
    return pen


def word(result: PushResult) -> tuple[str | None, str | None]:
    return result.d, result.why


async def test_a_desk_command_holds_no_longer_than_the_role(house: House) -> None:
    zhao = await story(house, "dispatcher")
    seen = await in_touch(house)
    assert word(await said(house, zhao, CLOSE, seen=seen)) == ("accepted", None)
    house.clock.advance(1_000)
    row = {"name": "赵", "role": "officer", "station": STATION}
    await house.intake.org("people", zhao.person, row)
    house.clock.advance(1_000)
    # Whether it was written before the role ended, nobody can tell; after, it is certain.
    assert word(await said(house, zhao, CLOSE, seen=seen)) == ("held", "authority_straddles")
    again = await said(house, zhao, CLOSE, seen=await in_touch(house))
    assert word(again) == ("rejected", "no_authority")
    note = await said(house, zhao, NOTE, seen=seen)
    assert word(note) == ("accepted", None)
    await house.intake.org("people", zhao.person, row | {"roles": ["commander"]})
    waiting = await said(house, zhao, CLOSE, seen=await in_touch(house))
    assert word(waiting) == ("accepted", None)


async def test_the_history_of_a_role_is_read_from_the_log_by_the_next_process(house: House) -> None:
    zhao = await story(house, "dispatcher")
    seen = await in_touch(house)
    house.clock.advance(1_000)
    await house.intake.org("people", zhao.person, {"name": "赵", "role": "officer"})
    await house.intake.stop()
    house.intake = house.new_intake()
    await house.intake.start()
    house.clock.advance(1_000)
    held = await said(house, zhao, CLOSE, seen=seen)
    assert word(held) == ("held", "authority_straddles")
    kept = (await ruling_of(house, held))["in"]
    assert kept["grants"] == [[["dispatcher"], None], [["officer"], None]]
    await house.intake.org("people", zhao.person, None)
    gone = await said(house, zhao, CLOSE, seen=seen)
    assert word(gone) == ("held", "authority_straddles")
    assert (await ruling_of(house, gone))["in"]["grants"][-1] == [[], None]


async def test_what_a_set_has_seen_bounds_its_making_only_when_this_log_said_it(
    house: House,
) -> None:
    pen = await story(house)
    seen = await in_touch(house)
    house.clock.advance(5_000)
    honest = await ruling_of(house, await said(house, pen, NOTE, seen=seen))
    assert (honest["flags"], honest["in"]) == ([], {"lo": EPOCH_MS})
    for idx, leaf in ((seen[0], bytes(16)), (10**9, seen[1]), (0, bytes(16))):
        strange = await ruling_of(house, await said(house, pen, NOTE, seen=(idx, leaf)))
        assert (strange["flags"], strange["d"]) == (["seen_unknown"], "accepted")
    house.clock.advance(5_000)
    later = await in_touch(house)
    first = await ruling_of(house, await said(house, pen, NOTE, seen=later))
    after = await ruling_of(house, await said(house, pen, NOTE))
    assert first["in"]["lo"] == after["in"]["lo"] == EPOCH_MS + 5_000


async def test_a_lost_phone_is_judged_by_what_it_can_have_known(house: House) -> None:
    pen = await story(house)
    before = await in_touch(house)
    house.clock.advance(60_000)
    pen.now_ms = house.clock.now_ms() - 1_000
    straddling = pen.set(INCIDENT, NOTE, seen=before)
    command = pen.set(INCIDENT, to_self(pen), seen=before)
    await house.intake.transaction(lambda batch: batch.devices.revoke(pen.chain, "手机遗失"))
    after = await in_touch(house)
    house.clock.advance(1_000)
    results = await push(house, pen, [straddling, command])
    assert [word(result) for result in results] == [
        ("accepted_late", None),
        ("held", "revoked_straddle"),
    ]
    for result in results:
        assert (await ruling_of(house, result))["flags"] == ["rights_uncertain"]
    # Its own clock says after; or what it has seen does, whatever its clock says.
    assert word(await said(house, pen, NOTE, seen=before)) == ("rejected", "revoked")
    pen.now_ms = EPOCH_MS
    pen.writer = msgspec.structs.replace(pen.writer, stamp=Stamp(EPOCH_MS, 0))
    [backdated] = await push(house, pen, [pen.set(INCIDENT, NOTE, seen=after)])
    assert word(backdated) == ("rejected", "revoked")
    view = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    assert len(view["entries"]) == 1


async def test_what_a_stolen_phone_sends_is_marked(house: House) -> None:
    pen = await story(house)
    seen = await in_touch(house)
    house.clock.advance(60_000)
    since_ms = house.clock.now_ms() - 30_000
    pen.now_ms = since_ms
    raw = pen.set(INCIDENT, NOTE, seen=seen)
    await house.intake.transaction(
        lambda batch: batch.devices.revoke(pen.chain, "手机被抢", compromised_since_ms=since_ms)
    )
    [result] = await push(house, pen, [raw])
    payload = await ruling_of(house, result)
    assert (payload["d"], payload["flags"]) == (
        "accepted_late",
        ["compromised", "rights_uncertain"],
    )


@pytest.mark.parametrize(
    ("role", "lease_ms"), [("officer", 72 * HOUR_MS), ("station", 12 * HOUR_MS)]
)
async def test_nobody_commands_from_a_silence_too_long(
    house: House, role: str, lease_ms: int
) -> None:
    row = {"name": "王", "role": role, "station": STATION}
    await house.intake.org("people", person_id("officer"), row)
    pen = await story(house)
    seen = await in_touch(house)
    house.clock.advance(lease_ms)
    assert word(await said(house, pen, to_self(pen), seen=seen)) == ("accepted", None)
    house.clock.advance(1)
    held = await said(house, pen, to_self(pen), seen=seen)
    assert word(held) == ("held", "stale_lease")
    note = await said(house, pen, NOTE, seen=seen)
    assert word(note) == ("accepted", None)
    assert (await ruling_of(house, note))["flags"] == ["stale_lease"]
    # One pull, and it is in touch again.
    fresh = await said(house, pen, to_self(pen), seen=await in_touch(house))
    assert word(fresh) == ("accepted", None)


async def test_what_speaks_of_something_rejected_is_rejected_with_it(house: House) -> None:
    pen = await story(house)
    zhao = await enrolled(house, "dispatcher", "dispatcher")
    bad_order = pen.set(INCIDENT, to_self(pen) | {"to": ["person", person_id("other")]})
    on_it = pen.claim(INCIDENT, "signed", ORDER)
    late_claim = pen.claim(INCIDENT, "signed", b"an order to come")
    results = await push(house, pen, [bad_order, on_it, late_claim])
    assert [word(result) for result in results] == [
        ("rejected", "no_authority"),
        ("rejected", "dep_rejected"),
        ("accepted", None),
    ]
    # The same order given by somebody who may: now there is something to speak of.
    order = to_self(pen) | {"to": ["person", pen.person]}
    results = await push(house, zhao, [zhao.open(), zhao.set(INCIDENT, order)])
    assert results[1].d == "accepted"
    [claim] = await push(house, pen, [pen.claim(INCIDENT, "signed", ORDER)])
    assert claim.d == "accepted"
    # A correction of a rejected entry falls with it.
    broken = changeset.read(pen.set(INCIDENT, NOTE, CLOSE))
    assert isinstance(broken, ChangeSet)
    [rejected] = await push(house, pen, [broken.raw])
    assert rejected.why == "no_authority"
    correct = {"t": "entry.correct", "entry": broken.set_id[:16] + b"\0", "text": "更正"}
    assert word(await said(house, pen, correct)) == ("rejected", "dep_rejected")


async def test_what_replaces_a_value_stands_after_it_whatever_the_clocks_say(
    house: House,
) -> None:
    pen, slow = await story(house), await enrolled(house, 2)
    raw = pen.set(INCIDENT, {"t": "fact.set", "f": "place", "v": "甲", "p": []})
    await push(house, pen, [raw])
    place = changeset.read(raw)
    assert isinstance(place, ChangeSet)
    slow.now_ms = EPOCH_MS - 30 * 86_400_000
    named = {"t": "fact.set", "f": "place", "v": "乙", "p": [place.set_id[:16] + b"\0"]}
    results = await push(house, slow, [slow.open(), slow.set(INCIDENT, named)])
    first = await ruling_of(house, (await push(house, pen, [raw]))[0])
    then = await ruling_of(house, results[1])
    assert then["eff"] > first["eff"]
    assert then["in"]["floor"] == first["eff"]


async def test_a_month_ahead_wins_until_it_is_heard_and_keeps_its_own_order(house: House) -> None:
    fast, sober = await story(house), await enrolled(house, 2)
    fast.now_ms = EPOCH_MS + 30 * 86_400_000
    colours = [{"t": "latest.set", "f": "colour", "v": v} for v in ("red", "blue")]
    results = await push(house, fast, [fast.set(INCIDENT, colour) for colour in colours])
    stamps = [(await ruling_of(house, result))["eff"] for result in results]
    assert stamps[0] < stamps[1]
    assert {int.from_bytes(stamp[:6]) for stamp in stamps} == {EPOCH_MS}
    house.clock.advance(1)
    sober.now_ms = house.clock.now_ms()
    await push(house, sober, [sober.open(), sober.set(INCIDENT, colours[0] | {"v": "green"})])
    view = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    assert view["latest"] == {"colour": "green"}


async def test_every_ruling_of_a_rich_story_is_decided_again_from_itself_alone(
    house: House,
) -> None:
    pen = await story(house)
    zhao = await enrolled(house, "dispatcher", "dispatcher")
    await push(house, zhao, [zhao.open(), zhao.set(INCIDENT, to_self(pen))])
    await desk(house, {"t": "fact.set", "f": "level", "v": 2, "p": []})
    before = pen.writer
    await push(house, pen, [pen.claim(INCIDENT, "signed", ORDER), pen.set(INCIDENT, CLOSE)])
    pen.writer = before
    await push(house, pen, [pen.note(INCIDENT, "副本"), pen.set(INCIDENT, to_self(pen))])
    stranger = Pen("stranger", person_id("officer"))
    await push(house, pen, [stranger.open(), stranger.note(INCIDENT)])
    seen = await in_touch(house)
    house.clock.advance(13 * HOUR_MS)
    await house.intake.org("people", zhao.person, {"name": "赵", "role": "officer"})
    house.clock.advance(1)
    await said(house, zhao, CLOSE, seen=seen)
    await said(house, zhao, {"t": "entry.correct", "entry": bytes(17), "text": "x"}, seen=seen)
    await house.intake.transaction(
        lambda batch: batch.devices.revoke(zhao.chain, "", compromised_since_ms=EPOCH_MS)
    )
    await said(house, zhao, NOTE)
    zhao.now_ms = 0
    zhao.writer = msgspec.structs.replace(zhao.writer, stamp=Stamp(0, 0))
    await push(house, zhao, [zhao.set(INCIDENT, NOTE), zhao.set(INCIDENT, CLOSE)])
    gapped = [pen.note(INCIDENT), pen.note(chance("elsewhere")[:16]), pen.note(INCIDENT)]
    await push(house, pen, gapped[1:])

    decided = await replay(house.settings.url)
    assert decided.wrong == []
    assert decided.again == await house.db.reading(
        lambda connection: query(connection, "SELECT COUNT(*) FROM sets")[0][0]
    )
    assert (await house.db.reading(newest, 5)).again == 5

    def reasons(connection: Any) -> set[str]:
        rows = query(connection, "SELECT bytes FROM rulings WHERE kind = 'set'")
        found = [rulings.read_ruling(bytes(raw)).payload for (raw,) in rows]
        return {word for one in found for word in [one["why"], *one["flags"]] if word}

    told = await house.db.reading(reasons)
    assert {"no_authority", "fork", "unenrolled", "revoked", "gap", "compromised"} <= told


async def test_a_ruling_that_does_not_follow_from_its_facts_is_found(house: House) -> None:
    pen = await story(house)
    result = await said(house, pen, NOTE)
    payload = await ruling_of(house, result) | {"d": "held", "why": "fork"}
    forged = rulings.encode_ruling(rulings.Ruling(1, result.idx or 0, EPOCH_MS, "set", payload))

    def tamper(connection: Any) -> None:
        table = "UPDATE rulings SET bytes = :bytes WHERE idx = :idx"
        connection.exec_driver_sql(
            table.replace(":bytes", "?").replace(":idx", "?")
            if connection.dialect.name == "sqlite"
            else table.replace(":bytes", "$1").replace(":idx", "$2"),
            (forged, result.idx),
        )

    await house.db.writing(tamper)
    assert (await replay(house.settings.url)).wrong == [result.idx]


async def test_a_batch_that_fails_leaves_the_desks_clock_and_chain_as_they_were(
    house: House,
) -> None:
    create = {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""}
    await desk(house, create)
    draft = Draft(user=bytes(16), scope="org", kind="incident", entity=INCIDENT, ops=[dict(NOTE)])

    def spoilt(batch: Batch) -> None:
        batch.write(draft)
        raise RuntimeError("after the desk has written")

    house.clock.advance(HOUR_MS)
    with pytest.raises(RuntimeError, match="after the desk"):
        await house.intake.transaction(spoilt)
    house.clock.advance(1_000 - HOUR_MS)
    [result] = await desk(house, NOTE)

    def written(connection: Any) -> list[ChangeSet]:
        rows = query(connection, "SELECT envelope FROM sets ORDER BY arrival_no")
        found = [changeset.read(bytes(raw)) for (raw,) in rows]
        return [one for one in found if isinstance(one, ChangeSet)]

    opening, first, second = (one.header for one in await house.db.reading(written))
    assert (opening.seq, first.seq, second.seq) == (0, 1, 2)
    assert Stamp.unpack(second.hlc) == Stamp(EPOCH_MS + 1_000, 0)
    assert (second.flags, result.d) == (0, "accepted")
