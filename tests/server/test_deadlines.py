"""Timers and escalation on a real centre: who is told, once, whatever dies or doubles (SPEC NU).

Time is moved by hand, and whoever moves it has the engine tend.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from server.deadlines import nudging
from server.deadlines.engine import AT_ONCE, CLAIM_MS, FAILED_AGAIN_MS, Engine
from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.rebuild import rebuild
from server.perform import Performer
from server.push.wanted import PUSH, Wanted, read
from server.store import subscriptions, timers
from server.store.engine import Database
from server.store.subscriptions import Subscription
from server.store.timers import NUDGES
from sync.changeset import KIND_INCIDENT, Draft
from sync.incident.escalation import CENTRE
from tests.server.conftest import House
from tests.server.pen import EPOCH_MS, STATION, UNIT, Pen, chance, person_id

Told = tuple[str, str, int, str]


def ids(name: object) -> tuple[bytes, bytes]:
    return chance("incident", name)[:16], chance("order", name)[:16]


async def ordered(house: House, name: object = 1) -> tuple[bytes, bytes]:
    """An incident of the desk with an order to the officer's unit."""
    incident, order = ids(name)
    create = {"t": "incident.create", "source": "desk", "station": STATION, "tag": "T"}
    issue = {"t": "order.issue", "order": order, "to": ["unit", UNIT], "kind": "dispatch"}
    draft = Draft(bytes(16), "org", KIND_INCIDENT, incident, [create, issue | {"round": 0}])
    [result] = await house.intake.submit_desk(person_id("dispatcher"), [draft])
    assert result.d == "accepted"
    return incident, order


async def claimed(house: House, incident: bytes, order: bytes, kind: str, **more: Any) -> None:
    """A step that the desk writes down."""
    op = {"t": "milestone.claim", "kind": kind, "round": 0, "order": order, "via": "system"}
    draft = Draft(bytes(16), "org", KIND_INCIDENT, incident, [op | more])
    [result] = await house.intake.submit_desk(person_id("dispatcher"), [draft])
    assert result.d == "accepted"


async def told(house: House, incident: bytes) -> list[Told]:
    """What the centre told whom of an incident, in order: clock, channel, number, seconds after the beginning."""
    view: dict[str, Any] = await house.intake.transaction(lambda batch: batch.view(incident))
    found = []
    for entry in view["entries"]:
        assert (entry["by"], entry["kind"], entry["text"]) == (CENTRE, "nudge", "")
        said = entry["data"]
        assert said["due"] <= entry["at"]
        seconds = (entry["at"] - EPOCH_MS) // 1_000
        found.append((said["clock"], said["channel"], said["step"], f"{seconds} s"))
    return found


async def until_told(house: House, incident: bytes, count: int) -> list[Told]:
    """Wait until the centre has told so much, looking whenever something was committed."""
    announced = len(house.announced)
    while len(found := await told(house, incident)) < count:
        await house.heard(announced + 1)
        announced = len(house.announced)
    return found


def engine_on(house: House, intake: Intake | None = None, db: Database | None = None) -> Engine:
    return Engine(
        db or house.db,
        intake or house.intake,
        house.clock,
        os.urandom,
        {NUDGES: nudging.take},
    )


async def soonest(house: House) -> int | None:
    at_ms = await house.db.reading(timers.soonest, (NUDGES,))
    return None if at_ms is None else at_ms - EPOCH_MS


async def test_an_order_that_nobody_signed_is_told_to_the_desk_until_it_is_signed_by_radio(
    house: House,
) -> None:
    engine = engine_on(house)
    incident, order = await ordered(house)
    await claimed(house, incident, order, "delivered")
    assert await soonest(house) == 20_000
    assert await engine.tend() == 0, "nothing is due"
    house.clock.advance(20_000)
    assert await engine.tend() == 1
    house.clock.advance(10_000)
    assert await engine.tend() == 1
    assert await told(house, incident) == [("C2", "push", 1, "20 s"), ("C2", "desk", 1, "30 s")]
    assert await engine.tend() == 0
    assert await soonest(house) == 60_000
    house.clock.advance(5_000)
    await claimed(house, incident, order, "signed", via="radio", by=person_id("officer"))
    assert await soonest(house) == 155_000, "signed: now the departure is waited for"
    house.clock.advance(60_000)
    assert await engine.tend() == 0
    await claimed(house, incident, order, "arrived")
    await claimed(house, incident, order, "feedback", data={"final": False})
    assert await soonest(house) is None
    house.clock.advance(10**9)
    assert await engine.tend() == 0
    assert len(await told(house, incident)) == 2


async def test_what_fell_due_while_nobody_was_there_is_told_once_at_the_start(house: House) -> None:
    incident, _order = await ordered(house)
    house.clock.advance(45_000)
    await house.intake.stop()
    house.intake = house.new_intake()
    await house.intake.start()
    engine = engine_on(house)
    engine.start()
    everything = [("C1", name, 1, "45 s") for name in ("push", "desk", "station")]
    assert await until_told(house, incident, 1) == everything
    await engine.stop()
    assert await engine_on(house).tend() == 0


async def test_an_engine_that_sleeps_wakes_by_a_commit_and_asks_nothing_meanwhile(
    house: House,
) -> None:
    asked: list[str] = []
    is_asleep = asyncio.Event()

    class Listening(Database):
        async def reading(self, function: Any, *args: Any, **more: Any) -> Any:
            asked.append(function.__name__)
            found = await super().reading(function, *args, **more)
            if len(asked) == 2:
                is_asleep.set()
            return found

    db = Listening(house.settings.url)
    engine = engine_on(house, db=db)
    engine.start()
    await is_asleep.wait()
    incident, _order = await ordered(house)
    engine.hear(EPOCH_MS + 10**9)
    assert asked == ["soonest", "soonest"], "a timer beyond the next look wakes nobody"
    house.clock.advance(6_000)
    engine.hear(EPOCH_MS + 5_000)
    assert await until_told(house, incident, 1) == [("C1", "push", 1, "6 s")]
    await engine.stop()
    await db.close()


async def test_two_nodes_tell_everybody_once(house: House, db_url: str, tmp_path: Path) -> None:
    """On PostgreSQL two houses claim from one table; on SQLite two engines of one house do."""
    is_shared = house.db.dialect == "postgresql"
    other_db = Database(db_url) if is_shared else house.db
    other = house.new_intake(other_db, tmp_path / "other") if is_shared else house.intake
    if is_shared:
        await other.start()
    incidents = [(await ordered(house, number))[0] for number in range(2 * AT_ONCE + 7)]
    house.clock.advance(12_000)
    first, second = engine_on(house), engine_on(house, other, other_db)
    seen = await asyncio.gather(first.tend(), second.tend())
    assert sum(seen) == len(incidents), seen
    for incident in incidents:
        assert [one[1] for one in await told(house, incident)] == ["push", "desk"]
    if is_shared:
        await other.stop()
        await other_db.close()


async def test_a_node_that_dies_with_a_claim_keeps_others_waiting_for_two_seconds(
    house: House,
) -> None:
    incident, _order = await ordered(house)
    now_ms = house.clock.advance(10_000)
    holder = b"h" * 16
    mine = await house.db.writing(
        timers.claim, (now_ms, now_ms + CLAIM_MS), holder, AT_ONCE, (NUDGES,)
    )
    assert [one.entity for one in mine] == [incident]
    engine = engine_on(house)
    assert await engine.tend() == 0
    house.clock.advance(CLAIM_MS)
    assert await engine.tend() == 1
    assert len(await told(house, incident)) == 2
    # It was only slow: it is not the holder any more, and does nothing.
    assert await house.db.reading(timers.held, mine, holder) == []


async def test_whoever_does_a_timer_twice_tells_nobody_twice(house: House) -> None:
    incident, _order = await ordered(house)
    house.clock.advance(12_000)
    for _time in range(3):
        await house.intake.transaction(lambda batch: nudging.take(batch, incident))
    assert [one[1] for one in await told(house, incident)] == ["push", "desk"]


async def test_one_that_cannot_be_done_keeps_no_other_waiting(house: House) -> None:
    incidents = [(await ordered(house, number))[0] for number in range(3)]

    def work(batch: Batch, entity: bytes) -> None:
        if entity == incidents[1]:
            raise ValueError("our own mistake")
        nudging.take(batch, entity)

    engine = Engine(house.db, house.intake, house.clock, os.urandom, {NUDGES: work})
    now_ms = house.clock.advance(12_000)
    assert await engine.tend() == 3
    assert [len(await told(house, incident)) for incident in incidents] == [2, 0, 2]
    assert await engine.tend() == 0, "it waits, and the loop ends"
    house.clock.set(now_ms + FAILED_AGAIN_MS)
    assert await engine_on(house).tend() == 3
    assert len(await told(house, incidents[1])) >= 2


async def test_a_phone_is_knocked_at_again_with_the_entry_that_says_so(house: House) -> None:
    knocked: asyncio.Queue[Wanted] = asyncio.Queue()

    async def knock(payload: bytes) -> None:
        knocked.put_nowait(read(payload))

    performer = Performer({PUSH: knock})
    performer.start(house.db)
    await house.intake.stop()
    house.intake = Intake(house.settings, house.clock, os.urandom, house.db, performer)
    await house.intake.start()
    phone = Pen("officer", person_id("officer"))
    await phone.enrol(house.intake)
    subscription = Subscription(phone.chain, "https://push.example/1", b"p", b"a", EPOCH_MS)
    await house.db.writing(subscriptions.save, subscription)
    incident, order = await ordered(house)
    assert (await knocked.get()).what == "order"
    now_ms = house.clock.advance(5_000)
    await engine_on(house).tend()
    wanted = Wanted("nudge", now_ms, incident, order, person=person_id("officer"))
    assert await knocked.get() == wanted
    assert [one[1] for one in await told(house, incident)] == ["push"]
    house.clock.advance(5_000)
    await engine_on(house).tend()
    assert knocked.empty(), "the desk's step knocks at nobody"
    await performer.stop()


async def test_the_phones_word_counts_as_ever_and_a_phone_cannot_take_a_step(house: House) -> None:
    incident, order = await ordered(house)
    phone = Pen("officer", person_id("officer"))
    await phone.enrol(house.intake)
    said = {"clock": "C1", "order": order, "round": 0, "channel": "desk", "step": 1}
    nudge = {"t": "entry.add", "kind": "nudge", "text": "", "data": said}
    opening, forged, own = (
        phone.open(),
        phone.set(incident, nudge, user=CENTRE),
        phone.set(incident, nudge),
    )
    results, _have = await house.intake.submit([opening, forged, own], phone.device)
    assert [result.d for result in results] == ["accepted", "held", "accepted"]
    house.clock.advance(10_000)
    await engine_on(house).tend()
    view: dict[str, Any] = await house.intake.transaction(lambda batch: batch.view(incident))
    by_centre = [one["data"]["channel"] for one in view["entries"] if one["by"] == CENTRE]
    assert by_centre == ["push", "desk"]


async def test_timers_come_back_with_a_rebuild(house: House) -> None:
    incident, _order = await ordered(house)

    def lost(batch: Batch) -> None:
        timers.write(batch.connection, NUDGES, [(incident, None)])

    await house.intake.transaction(lost)
    assert await soonest(house) is None
    await house.intake.stop()
    await rebuild(house.settings.url)
    assert await soonest(house) == 5_000
    await house.intake.start()
