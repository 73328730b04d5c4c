"""A person decides about what the centre would not decide alone: admit, reject, ask; and what comes of it."""

from typing import Any

import pytest

from server.intake import reviews
from server.intake.rebuild import rebuild
from server.intake.redact import Ground, redact
from server.intake.replay import replay
from server.intake.requeue import requeue
from server.intake.reviews import NotReviewableError
from server.store import devices, doubts
from server.store.doubts import Doubt
from server.store.rows import query
from sync import canon, changeset, ids, refusal, rulings
from sync.changeset import ChangeSet
from tests.server.conftest import House
from tests.server.pen import OTHER_STATION, OTHER_UNIT, STATION, Pen, person_id
from tests.server.test_admission import NOTE, in_touch, said, story, to_self, word
from tests.server.test_intake import (
    HOME,
    INCIDENT,
    NEIGHBOUR,
    enrolled,
    entries,
    kinds_listed,
    push,
)

ZHAO = person_id("dispatcher")


def set_id(raw: bytes) -> bytes:
    read = changeset.read(raw)
    assert isinstance(read, ChangeSet)
    return read.set_id


async def decide(house: House, raw: bytes, *, admits: bool, text: str = "核实过") -> int:
    return await house.intake.transaction(
        lambda batch: reviews.review(batch, set_id(raw), admits=admits, by=ZHAO, text=text)
    )


async def view_of(house: House) -> dict[str, Any]:
    return await house.intake.transaction(lambda batch: batch.view(INCIDENT))


async def doubt_of(house: House, raw: bytes) -> Doubt | None:
    return await house.db.reading(doubts.by_set, set_id(raw))


async def held_create(house: House, *more: dict[str, Any]) -> tuple[Pen, bytes]:
    """An incident whose create waits: its phone was revoked, and nobody knows whether before or after."""
    pen = await enrolled(house)
    await push(house, pen, [pen.open()])
    seen = await in_touch(house)
    house.clock.advance(60_000)
    create = {"t": "incident.create", "source": "self", "station": STATION, "tag": "T-1"}
    raw = pen.set(INCIDENT, create, to_self(pen), *more, seen=seen)
    await house.intake.transaction(lambda batch: batch.devices.revoke(pen.chain, "手机遗失"))
    house.clock.advance(1_000)
    [result] = await push(house, pen, [raw])
    assert word(result) == ("held", "revoked_straddle")
    return pen, raw


async def test_of_two_creates_the_one_that_counted_first_stays_the_incidents_own(
    house: House,
) -> None:
    """Also for a process that folds it anew: the other one came earlier, and counts since a person admitted it."""
    _pen, raw = await held_create(house)
    other = Pen("other", person_id("other"))
    await other.enrol(house.intake)
    await push(house, other, [other.open(), other.create(INCIDENT, OTHER_STATION)])
    await decide(house, raw, admits=True)
    creators = "SELECT created_chain, number FROM incidents"
    assert await house.db.reading(query, creators) == [(other.chain, "261130-0001")]
    assert await rebuild(house.settings.url, check=True) == (1, 0)


async def test_an_admitted_create_has_its_number_its_home_and_its_orders(house: House) -> None:
    pen, raw = await held_create(house)
    assert await kinds_listed(house, HOME) == []
    assert (await view_of(house))["created"] is None
    idx = await decide(house, raw, admits=True)
    view = await view_of(house)
    assert (view["number"], view["status"]) == ("261130-0001", "assigned")
    [entry] = await entries(house, HOME)
    ruling = rulings.read_ruling(entry.ruling)
    assert (ruling.idx, ruling.kind, ruling.payload["no"]) == (idx, "review", "261130-0001")
    assert (ruling.payload["d"], ruling.payload["by"]) == ("accepted_late", ZHAO)
    assert entry.envelope == raw
    # Its author hears of it where the first word came too.
    assert (await kinds_listed(house, f"device:{pen.chain.hex()}"))[-2:] == ["set", "review"]
    # A repeat is told what stands now.
    [again] = await push(house, pen, [raw])
    assert (again.r, again.d, again.no, again.idx) == (
        "duplicate",
        "accepted_late",
        "261130-0001",
        idx,
    )
    assert await rebuild(house.settings.url, check=True) == (1, 0)

    def projected(connection: Any) -> tuple[Any, ...]:
        [(number, status)] = query(connection, "SELECT number, status FROM incidents")
        due = query(connection, "SELECT deadline FROM deadlines WHERE deadline = 'C1'")
        return number, status, len(due)

    assert await house.db.reading(projected) == ("261130-0001", "assigned", 1)
    assert (await replay(house.settings.url)).wrong == []


async def test_the_next_process_folds_the_same(house: House) -> None:
    _pen, raw = await held_create(house)
    witness = await enrolled(house, 2)
    await push(house, witness, [witness.open(), witness.note(INCIDENT, "先到")])
    await house.intake.stop()
    house.intake = house.new_intake()
    await house.intake.start()
    await decide(house, raw, admits=True)
    before = await view_of(house)
    assert [entry["text"] for entry in before["entries"]] == ["先到"]
    assert await kinds_listed(house, HOME) == ["set", "review"]
    await house.intake.stop()
    house.intake = house.new_intake()
    await house.intake.start()
    assert canon.encode(await view_of(house)) == canon.encode(before)
    assert await rebuild(house.settings.url, check=True) == (1, 0)


async def test_an_admitted_order_brings_the_story_to_the_station_it_reaches(house: House) -> None:
    pen = await story(house)
    zhao = await enrolled(house, "dispatcher", "dispatcher")
    await push(house, zhao, [zhao.open()])
    before = zhao.writer
    order = to_self(pen) | {"to": ["unit", OTHER_UNIT]}
    await push(house, zhao, [zhao.note(INCIDENT)])
    zhao.writer = before
    copied = zhao.set(INCIDENT, order)
    [result] = await push(house, zhao, [copied])
    assert word(result) == ("held", "fork")
    assert await kinds_listed(house, NEIGHBOUR) == []
    await decide(house, copied, admits=True)
    assert await kinds_listed(house, NEIGHBOUR) == ["set", "set", "review", "scope"]
    assert await kinds_listed(house, HOME) == ["set", "set", "review", "scope"]
    assert [order["open"] for order in (await view_of(house))["orders"]] == [True]


async def test_what_a_person_rejects_stays_rejected_and_is_kept(house: House) -> None:
    pen, raw = await held_create(house)
    await decide(house, raw, admits=False, text="手机当时不在本人手里")
    assert (await view_of(house))["created"] is None
    assert await kinds_listed(house, HOME) == []
    device = f"device:{pen.chain.hex()}"
    ruling = rulings.read_ruling((await entries(house, device))[-1].ruling)
    assert (ruling.payload["d"], ruling.payload["why"]) == ("rejected", "not_admitted")
    doubt = await doubt_of(house, raw)
    assert doubt is not None
    assert (doubt.kind, doubt.open) == ("held", False)
    assert await requeue(house.settings.url, check=True) == (1, 0)
    # Nothing is final but acceptance: a second look may admit it.
    await decide(house, raw, admits=True)
    assert (await view_of(house))["created"] is not None
    with pytest.raises(NotReviewableError, match="counts"):
        await decide(house, raw, admits=False)


async def test_a_question_goes_to_its_author_and_the_answer_comes_back(house: House) -> None:
    pen = await story(house)
    raw = pen.set(INCIDENT, NOTE, {"t": "incident.close", "round": 0})
    await push(house, pen, [raw])
    idx = await house.intake.transaction(
        lambda batch: reviews.ask(batch, set_id(raw), by=ZHAO, text="是想请台里结案吗？")
    )
    entry = (await entries(house, f"device:{pen.chain.hex()}"))[-1]
    ruling = rulings.read_ruling(entry.ruling)
    assert (ruling.idx, ruling.kind, entry.envelope) == (idx, "ask", None)
    assert ruling.payload["text"] == "是想请台里结案吗？"
    answer = {"t": "entry.add", "kind": "answer", "text": "是", "data": {"set": set_id(raw)}}
    assert word(await said(house, pen, answer)) == ("accepted", None)
    assert [entry["kind"] for entry in (await view_of(house))["entries"]] == ["answer"]
    doubt = await doubt_of(house, raw)
    assert doubt is not None
    assert doubt.open
    assert list(await house.db.reading(doubts.remarks, [doubt.arrival_no])) == [doubt.arrival_no]


async def test_what_came_from_a_stolen_phone_is_looked_through_and_confirmed(house: House) -> None:
    pen = await story(house)
    house.clock.advance(10_000)
    pen.now_ms = house.clock.now_ms()
    note, early = pen.note(INCIDENT), pen.writer
    await push(house, pen, [note])
    assert await doubt_of(house, note) is None
    since_ms = house.clock.now_ms()
    await house.intake.transaction(
        lambda batch: batch.devices.revoke(pen.chain, "被抢", compromised_since_ms=since_ms)
    )
    doubt = await doubt_of(house, note)
    assert doubt is not None
    assert (doubt.kind, doubt.open, doubt.person) == ("compromised", True, pen.person)
    with pytest.raises(NotReviewableError, match="counts"):
        await decide(house, note, admits=False)
    await decide(house, note, admits=True)
    assert [entry["text"] for entry in (await view_of(house))["entries"]] == ["到了"]
    # Said again with an earlier moment, more comes under the same look; nothing twice.
    said_again = await house.intake.transaction(
        lambda batch: batch.devices.revoke(pen.chain, "", compromised_since_ms=since_ms - 10_000)
    )
    assert said_again
    assert len(await house.db.reading(doubts.of_kind, "compromised", 0, 10)) == 2
    assert early.seq == 3
    assert await requeue(house.settings.url, check=True) == (3, 0)


async def test_only_what_is_in_doubt_can_be_decided(house: House) -> None:
    pen = await story(house)
    note = pen.note(INCIDENT)
    await push(house, pen, [note])
    with pytest.raises(NotReviewableError, match="unknown_set"):
        await decide(house, note, admits=True)
    newer = newer_note(pen)
    await push(house, pen, [newer])
    with pytest.raises(NotReviewableError, match="unreadable"):
        await house.intake.transaction(
            lambda batch: reviews.review(
                batch, newer_id(newer), admits=True, by=ZHAO, text="看不懂也收"
            )
        )
    await house.intake.transaction(
        lambda batch: reviews.review(batch, newer_id(newer), admits=False, by=ZHAO, text="不收")
    )


def newer_note(pen: Pen, *ops: dict[str, Any]) -> bytes:
    """A set that asks for a reader of version 2, signed like any other."""
    plain = changeset.read(pen.set(INCIDENT, *(ops or (NOTE,))))
    assert isinstance(plain, ChangeSet)
    header = canon.decode(plain.header_bytes)
    assert isinstance(header, list)
    header[12] = [2, 2]
    header_bytes = canon.encode(header)
    signature = pen.key.sign(changeset.signing_bytes(ids.set_id(header_bytes)))
    envelope = canon.decode(plain.raw)
    assert isinstance(envelope, list)
    return canon.encode([header_bytes, signature, envelope[2]])


def newer_id(raw: bytes) -> bytes:
    envelope = canon.decode(raw)
    assert isinstance(envelope, list)
    return ids.set_id(envelope[0])


async def test_after_an_upgrade_the_centre_reads_what_it_had_kept_unread(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen = await story(house)
    note, command = newer_note(pen), newer_note(pen, {"t": "incident.close", "round": 0})
    results = await push(house, pen, [note, command])
    assert [word(result) for result in results] == [("opaque", "newer_version")] * 2
    house.clock.advance(5 * 86_400_000)
    await house.intake.stop()
    house.intake = house.new_intake()
    await house.intake.start()
    assert len(await house.db.reading(doubts.of_kind, "opaque", 0, 10)) == 2
    await house.intake.stop()
    # The next release reads version 2.
    monkeypatch.setattr(changeset, "SCHEMA", (2, 2))
    monkeypatch.setattr(refusal, "SCHEMA", (2, 2))
    house.intake = house.new_intake()
    await house.intake.start()
    assert [entry["text"] for entry in (await view_of(house))["entries"]] == ["到了"]
    listed = [rulings.read_ruling(entry.ruling) for entry in await entries(house, HOME)]
    assert [(one.kind, one.payload["d"]) for one in listed] == [
        ("set", "accepted"),
        ("review", "accepted_late"),
    ]
    # Of when it came, not of when it was read.
    assert listed[1].payload["by"] is None
    assert rulings.received_at_ms(listed[1]) == listed[0].at_ms
    rejected = await house.db.reading(doubts.of_kind, "rejected", 0, 10)
    assert [(one.entity, one.person, one.open) for one in rejected] == [
        (INCIDENT, pen.person, True)
    ]
    assert await house.db.reading(doubts.of_kind, "opaque", 0, 10) == []
    assert await requeue(house.settings.url, check=True) == (2, 0)
    assert (await replay(house.settings.url)).wrong == []
    assert (await house.db.reading(devices.heads, [pen.chain]))[pen.chain].have == 3


async def test_the_queue_is_made_again_from_the_log(house: House) -> None:
    pen, raw = await held_create(house)
    await house.intake.transaction(
        lambda batch: reviews.ask(batch, set_id(raw), by=ZHAO, text="是您本人写的吗？")
    )
    stranger = Pen("stranger", person_id("other"))
    await push(house, pen, [stranger.open(), stranger.note(INCIDENT)])
    before = await house.db.reading(doubts.everything)
    assert len(before) == 3

    def lose(connection: Any) -> None:
        doubts.replace_all(connection, list(before.values())[:1])

    await house.db.writing(lose)
    assert await requeue(house.settings.url, check=True) == (3, 2)
    assert await requeue(house.settings.url) == (3, 2)
    assert await house.db.reading(doubts.everything) == before
    assert await requeue(house.settings.url, check=True) == (3, 0)


@pytest.mark.parametrize(
    "misfit",
    [
        {"t": "incident.create", "source": "self", "tag": "T-1"},
        {"t": "incident.transfer", "why": "辖区"},
        {"t": "order.issue", "order": bytes(16), "kind": "dispatch", "round": 0, "to": ["unit"]},
        {"t": "order.reassign", "order": bytes(16), "new": bytes(16), "to": 7},
    ],
    ids=lambda op: str(op["t"]),
)
async def test_of_a_record_with_an_op_in_no_known_shape_the_rest_can_be_admitted(
    house: House, misfit: dict[str, Any]
) -> None:
    pen = await enrolled(house)
    opening, raw = pen.open(), pen.set(INCIDENT, misfit, NOTE)
    [_opened, result] = await push(house, pen, [opening, raw])
    assert word(result) == ("rejected", "bad_op")
    await decide(house, raw, admits=True)
    view = await view_of(house)
    assert [entry["text"] for entry in view["entries"]] == [NOTE["text"]]
    assert [one["t"] for one in view["unknown"]] == [misfit["t"]]
    assert (view["created"], view["number"], view["orders"]) == (None, None, [])
    [created] = await push(house, pen, [pen.create(INCIDENT)])
    assert created.no is not None, "a create in no known shape creates nothing"
    assert await rebuild(house.settings.url, check=True) == (1, 0)
    assert (await replay(house.settings.url)).wrong == []


async def test_without_its_words_nobody_can_judge_a_record(house: House) -> None:
    _pen, raw = await held_create(house)
    ground = Ground(ZHAO, "minor", "当事人未成年")
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, [set_id(raw)], ground))
    doubt = await doubt_of(house, raw)
    assert doubt is not None
    assert not doubt.open
    for admits in (True, False):
        with pytest.raises(NotReviewableError, match="redacted"):
            await decide(house, raw, admits=admits)
    with pytest.raises(NotReviewableError, match="redacted"):
        await house.intake.transaction(
            lambda batch: reviews.ask(batch, set_id(raw), by=ZHAO, text="?")
        )
    assert await requeue(house.settings.url, check=True) == (1, 0)


async def test_nobody_admits_what_no_key_vouches_for(house: House) -> None:
    """I11: a set has effect only under a signature that holds, whoever decides about it."""
    courier, unknown = await enrolled(house), Pen("unknown", person_id("officer"))
    opening, genuine = unknown.open(), unknown.create(INCIDENT)
    forged = Pen("unknown", person_id("officer"))
    forged.open()
    liar = Pen("liar", person_id("officer"))
    false = forged.set(INCIDENT, NOTE, salt="false", sign=liar.key.sign)
    results = await push(house, courier, [genuine, false])
    assert [word(result) for result in results] == [("held", "unenrolled")] * 2
    for raw in (genuine, false):
        with pytest.raises(NotReviewableError, match="unverified"):
            await decide(house, raw, admits=True)
    # Its first set tells the key: now the one can be vouched for, and the other never.
    await push(house, courier, [opening])
    with pytest.raises(NotReviewableError, match="unverified"):
        await decide(house, false, admits=True)
    await decide(house, genuine, admits=True)
    assert (await view_of(house))["number"] == "261130-0001"
    assert (await view_of(house))["entries"] == []
    await decide(house, false, admits=False)
    # That somebody rejected it for another reason meanwhile makes it nobody's all the same.
    with pytest.raises(NotReviewableError, match="unverified"):
        await decide(house, false, admits=True)
