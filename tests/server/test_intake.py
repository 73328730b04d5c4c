"""The one door: what becomes of sets, good, bad, late, twice and out of order."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, select, text
from sqlalchemy.exc import OperationalError

from server.intake.batch import Batch
from server.intake.desk import DraftError
from server.intake.queue import IntakeBusyError, IntakeClosedError, Work, WorkQueue
from server.intake.rebuild import rebuild
from server.intake.verify import Refused
from server.store import devices, scopes, sets, tables
from server.store.engine import Database
from server.store.rows import query
from sync import canon, ids, rulings
from sync.changeset import SET_BYTES_MAX, Draft, signing_bytes
from sync.exchange import PushResult
from tests.server.conftest import House
from tests.server.pen import (
    EPOCH_MS,
    OTHER_STATION,
    OTHER_UNIT,
    STATION,
    Pen,
    chance,
    person_id,
)

INCIDENT = chance("incident")[:16]
ORDER = chance("order")[:16]
HOME = f"station:{STATION.hex()}:2026-11"
NEIGHBOUR = f"station:{OTHER_STATION.hex()}:2026-11"


async def enrolled(
    house: House, name: object = 1, person: str = "officer", alg: str = "Ed25519"
) -> Pen:
    pen = Pen(name, person_id(person), alg)
    await pen.enrol(house.intake)
    return pen


async def push(house: House, pen: Pen, raws: Sequence[bytes]) -> list[PushResult]:
    results, _have = await house.intake.submit(raws, pen.device)
    return results


def words(results: Sequence[PushResult]) -> list[str]:
    return [result.r for result in results]


async def entries(house: House, name: str) -> list[scopes.Entry]:
    def read(connection: Connection) -> list[scopes.Entry]:
        found = scopes.by_name(connection, [name])
        return scopes.page(connection, found[name].id, 0, 10**9) if name in found else []

    return await house.db.reading(read)


async def kinds_listed(house: House, name: str) -> list[str]:
    return [rulings.read_ruling(entry.ruling).kind for entry in await entries(house, name)]


def as_canonical(connection: Connection) -> list[int]:
    return [idx for (idx,) in query(connection, "SELECT idx FROM rulings ORDER BY idx")]


# ---- results -------------------------------------------------------------------------------------


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
async def test_a_phone_reports_an_incident_and_both_have_one_number_for_it(
    house: House, alg: str
) -> None:
    pen = await enrolled(house, alg=alg)
    results, have = await house.intake.submit(
        [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT)], pen.device
    )
    assert words(results) == ["stored", "stored", "stored"]
    assert [result.no for result in results] == [None, "261130-0001", None]
    assert have == 2
    assert [result.idx for result in results] == list(
        range(results[0].idx or 0, (results[0].idx or 0) + 3)
    )


async def test_every_kind_of_bad_set_is_answered_by_itself_and_its_neighbours_are_kept(
    house: House,
) -> None:
    pen, stranger, forger = (
        await enrolled(house),
        Pen("stranger", person_id("officer")),
        await enrolled(house, 3),
    )
    opening, create, note = pen.open(), pen.create(INCIDENT), pen.note(INCIDENT)
    forger_opening = forger.open()
    forged = forger.set(INCIDENT, {"t": "x"}, sign=lambda _message: bytes(64))
    newer = canon.encode(
        [canon.encode([2, pen.chain, 9, bytes(32), "news"]), pen.key.sign(b"?"), None]
    )
    bad = pen.set(INCIDENT, {"t": "entry.add", "kind": "song", "text": "la"})
    command = pen.set(INCIDENT, {"t": "incident.close", "round": 0})
    results = await push(
        house,
        pen,
        [
            opening,
            b"\xc1",
            create,
            bytes(SET_BYTES_MAX + 1),
            note,
            opening,
            forger_opening,
            forged,
            newer,
            bad,
            command,
            stranger.open(),
            pen.note(INCIDENT, "还在"),
        ],
    )
    assert words(results) == [
        "stored",
        "malformed",
        "stored",
        "too_large",
        "stored",
        "duplicate",
        "stored",
        "bad_signature",
        "bad_signature",  # a newer version is signed like any other
        "rejected",
        "rejected",
        "held",
        "stored",
    ]
    assert [result.why for result in results if result.r not in {"stored", "duplicate"}] == [
        "not_canonical",
        "too_large",
        "bad_signature",
        "bad_signature",
        "bad_op",
        "no_authority",
        "unenrolled",
    ]
    # Rejected or not, the chain goes on: nothing of it is missing.
    assert (await push(house, pen, []), await head_of(house, pen)) == ([], 5)


async def head_of(house: House, pen: Pen) -> int:
    return (await house.db.reading(devices.heads, [pen.chain]))[pen.chain].have


async def test_a_set_of_a_newer_version_is_kept_unread(house: House) -> None:
    pen = await enrolled(house)
    await push(house, pen, [pen.open()])
    header = canon.encode([2, pen.chain, 1, pen.writer.prev, "a field of tomorrow"])
    from sync import changeset, ids

    set_id = ids.set_id(header)
    raw = canon.encode([header, pen.key.sign(changeset.signing_bytes(set_id)), b"?"])
    first, again = await push(house, pen, [raw, raw])
    assert (first.r, first.d, first.why) == ("opaque", "opaque", "newer_version")
    assert (again.r, again.idx) == ("duplicate", first.idx)
    assert await head_of(house, pen) == 1


async def test_a_reply_that_was_lost_costs_nothing_but_the_repeat(house: House) -> None:
    pen = await enrolled(house)
    raws = [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT)]
    first = await push(house, pen, raws)
    await house.intake.stop()  # the commit was made; the process dies before it can answer
    house.intake = house.new_intake()
    await house.intake.start()
    before = await house.db.reading(as_canonical)
    again = await push(house, pen, raws)
    assert words(again) == ["duplicate"] * 3
    assert [(r.idx, r.at_ms, r.d, r.no) for r in again] == [
        (r.idx, r.at_ms, r.d, r.no) for r in first
    ]
    assert await house.db.reading(as_canonical) == before


async def test_sets_that_arrive_before_their_predecessor_are_ruled_at_once_and_flagged(
    house: House,
) -> None:
    pen = await enrolled(house)
    opening, create, one, two = (
        pen.open(),
        pen.create(INCIDENT),
        pen.note(INCIDENT),
        pen.note(INCIDENT),
    )
    results, have = await house.intake.submit([two, create], pen.device)
    assert words(results) == ["stored", "stored"]
    assert have == -1
    flags = [rulings.read_ruling(e.ruling).payload["flags"] for e in await entries(house, HOME)]
    assert flags == [["gap"], ["gap"]]
    results, have = await house.intake.submit([one, opening], pen.device)
    assert words(results) == ["stored", "stored"]
    assert have == 3


async def test_a_gap_is_closed_by_a_process_that_never_saw_the_first_half(house: House) -> None:
    pen = await enrolled(house)
    raws = [pen.open(), pen.create(INCIDENT), *(pen.note(INCIDENT) for _ in range(5))]
    await push(house, pen, raws[3:])
    await house.intake.stop()
    house.intake = house.new_intake()
    await house.intake.start()
    _results, have = await house.intake.submit(raws[:3], pen.device)
    assert have == 6


async def test_two_sets_at_one_place_of_a_chain_are_both_kept_and_the_later_commands_nothing(
    house: House,
) -> None:
    pen = await enrolled(house)
    await push(house, pen, [pen.open(), pen.create(INCIDENT)])
    before = pen.writer
    first = pen.note(INCIDENT, "原本")
    pen.writer = before
    copied = pen.note(INCIDENT, "副本")
    copied_on = pen.note(INCIDENT, "副本之后")
    results = await push(house, pen, [first, copied, copied_on, copied])
    assert words(results) == ["stored", "fork", "fork", "duplicate"]
    listed = [rulings.read_ruling(entry.ruling).payload for entry in await entries(house, HOME)]
    assert [payload["flags"] for payload in listed] == [[], [], ["fork"], ["fork"]]
    pen.writer = before
    to_self = {"order": ORDER, "to": ["person", pen.person], "kind": "dispatch", "round": 0}
    (command,) = await push(house, pen, [pen.set(INCIDENT, {"t": "order.issue"} | to_self)])
    assert (command.r, command.d, command.why) == ("fork", "held", "fork")
    assert len(await house.db.reading(sets.held, pen.chain, 2, 2)) == 3


async def test_nobody_knows_the_key_of_a_relayed_set_so_it_is_held_whole(house: House) -> None:
    courier, unknown = await enrolled(house), Pen("unknown", person_id("officer"))
    opening, note = unknown.open(), unknown.note(INCIDENT)
    assert words(await push(house, courier, [note])) == ["held"]
    # Once its opening set is here the key is known, and forgeries are refused.
    assert words(await push(house, courier, [opening])) == ["held"]
    forged = unknown.set(INCIDENT, {"t": "x"}, sign=lambda _message: bytes(64))
    assert words(await push(house, courier, [forged])) == ["bad_signature"]


async def test_a_courier_may_carry_the_sets_of_another_enrolled_phone(house: House) -> None:
    courier, absent = await enrolled(house, 1), await enrolled(house, 2, "other")
    raws = [absent.open(), absent.create(INCIDENT, OTHER_STATION)]
    results, have = await house.intake.submit(raws, courier.device)
    assert words(results) == ["stored", "stored"]
    assert have == -1  # of the courier's own chain nothing came
    assert await head_of(house, absent) == 1


async def test_in_a_broken_run_only_what_no_good_signature_vouches_for_is_refused(
    house: House,
) -> None:
    pen = await enrolled(house)
    raws = [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT)]
    raws += [pen.set(INCIDENT, {"t": "x"}, sign=lambda _message: bytes(64)) for _ in range(2)]
    assert words(await push(house, pen, raws)) == ["stored"] * 3 + ["bad_signature"] * 2


async def test_a_revoked_phone_may_hand_in_what_it_wrote_before(house: House) -> None:
    pen = await enrolled(house)
    await push(house, pen, [pen.open(), pen.create(INCIDENT)])
    before = pen.note(INCIDENT, "撤销之前")
    house.clock.advance(60_000)
    await house.intake.transaction(lambda batch: batch.devices.revoke(pen.chain, "手机遗失"))
    pen.now_ms = house.clock.advance(1_000)
    after = pen.note(INCIDENT, "撤销之后")
    command = pen.set(
        INCIDENT,
        {
            "t": "order.issue",
            "order": ORDER,
            "to": ["person", pen.person],
            "kind": "dispatch",
            "round": 0,
        },
    )
    results = await push(house, pen, [before, after, command])
    assert [(result.r, result.d) for result in results] == [
        ("stored", "accepted_late"),
        ("rejected", "rejected"),
        ("rejected", "rejected"),
    ]
    assert house.intake.revoked_at_ms(pen.device) == EPOCH_MS + 60_000


async def test_a_phone_a_month_ahead_is_flagged_and_infects_nobody(house: House) -> None:
    fast, sober = await enrolled(house, 1), await enrolled(house, 2)
    fast.now_ms = EPOCH_MS + 30 * 86_400_000
    results = await push(house, fast, [fast.open(), fast.create(INCIDENT)])
    assert [result.no for result in results] == [None, "261130-0001"]  # of the day it was heard
    ruling = rulings.read_ruling((await entries(house, HOME))[-1].ruling)
    assert ruling.payload["flags"] == ["clock_ahead"]
    assert int.from_bytes(ruling.payload["eff"][:6]) == EPOCH_MS
    house.clock.advance(5_000)
    sober.now_ms = house.clock.now_ms()
    colour = {"t": "latest.set", "f": "colour", "v": "red"}
    await push(house, fast, [fast.set(INCIDENT, colour)])
    house.clock.advance(5_000)
    sober.now_ms = house.clock.now_ms()
    await push(house, sober, [sober.open(), sober.set(INCIDENT, colour | {"v": "green"})])
    view = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    assert view["latest"] == {"colour": "green"}  # the month ahead was worth five seconds


# ---- scopes -------------------------------------------------------------------------------------


async def test_every_scope_is_dense_and_its_head_follows_from_its_rulings(house: House) -> None:
    pen = await enrolled(house)
    await push(house, pen, [pen.open(), pen.create(INCIDENT)])
    await push(
        house, pen, [pen.note(INCIDENT), pen.set(INCIDENT, {"t": "incident.close", "round": 0})]
    )
    for name, kinds in {
        HOME: ["set", "set"],
        f"device:{pen.chain.hex()}": ["set", "set"],
        "org": ["org"] * 9,
    }.items():
        found = await entries(house, name)
        assert [rulings.read_ruling(entry.ruling).kind for entry in found] == kinds
        assert [entry.n for entry in found] == list(range(1, len(found) + 1))
        head = rulings.SCOPE_HEAD_ZERO
        for entry in found:
            head = rulings.scope_head(head, rulings.leaf_hash(entry.ruling))
            assert entry.head == head


async def test_an_order_to_another_station_brings_the_whole_story_there(house: House) -> None:
    pen = await enrolled(house)
    await push(house, pen, [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT)])
    order = {
        "t": "order.issue",
        "order": ORDER,
        "to": ["unit", OTHER_UNIT],
        "kind": "backup",
        "round": 0,
    }
    await desk(house, order)
    await push(house, pen, [pen.note(INCIDENT, "之后")])
    assert await kinds_listed(house, HOME) == ["set", "set", "set", "scope", "set"]
    assert await kinds_listed(house, NEIGHBOUR) == ["set", "set", "set", "scope", "set"]


async def test_what_was_said_before_the_create_came_is_listed_once_it_has_a_home(
    house: House,
) -> None:
    early, creator = await enrolled(house, 1), await enrolled(house, 2)
    await push(house, early, [early.open(), early.note(INCIDENT, "先到")])
    assert await kinds_listed(house, HOME) == []
    await push(house, creator, [creator.open(), creator.create(INCIDENT)])
    assert await kinds_listed(house, HOME) == ["set", "set"]
    view = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    assert [entry["text"] for entry in view["entries"]] == ["先到"]


async def desk(
    house: House, *ops: Mapping[str, object], entity: bytes = INCIDENT
) -> list[PushResult]:
    draft = Draft(
        user=bytes(16), scope="org", kind="incident", entity=entity, ops=[dict(op) for op in ops]
    )
    return await house.intake.submit_desk(person_id("dispatcher"), [draft])


# ---- desk chain ----------------------------------------------------------------------------------


async def test_a_desk_writes_through_the_same_door_in_the_name_of_who_is_signed_in(
    house: House,
) -> None:
    create = {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""}
    (first,) = await desk(house, create)
    (second,) = await desk(house, {"t": "incident.close", "round": 0})
    assert (first.r, first.no, second.d) == ("stored", "261130-0001", "accepted")
    view = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    assert view["closes"][0]["by"] == person_id("dispatcher")


async def test_the_desk_chain_goes_on_after_a_restart(house: House) -> None:
    create = {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""}
    await desk(house, create)
    await house.intake.stop()
    house.intake = house.new_intake()
    await house.intake.start()
    (result,) = await desk(house, {"t": "entry.add", "kind": "note", "text": "又开机"})
    assert result.r == "stored"
    chain = await house.db.reading(
        lambda c: query(c, "SELECT seq FROM sets WHERE entity = ? ORDER BY arrival_no", (INCIDENT,))
    )
    assert [seq for (seq,) in chain] == [1, 2]


async def test_a_draft_that_makes_no_set_is_refused_and_leaves_nothing(house: House) -> None:
    before = await house.db.reading(as_canonical)
    with pytest.raises(DraftError):
        await desk(house, *({"t": "x"} for _ in range(21)))
    with pytest.raises(canon.CanonError):
        await desk(house, {"t": "x", "v": 0.5})
    assert await house.db.reading(as_canonical) == before
    (result,) = await desk(
        house, {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""}
    )
    assert result.r == "stored"


async def test_a_job_is_atomic_with_the_log(house: House) -> None:
    before = await house.db.reading(as_canonical)

    def breaks(batch: Batch) -> None:
        batch.write(
            Draft(
                user=person_id("dispatcher"),
                scope="org",
                kind="incident",
                entity=INCIDENT,
                ops=[{"t": "incident.create", "source": "desk", "station": STATION, "tag": ""}],
            )
        )
        batch.connection.execute(text("INSERT INTO incident_numbers VALUES ('990101', 5)"))
        raise LookupError("changed its mind")

    with pytest.raises(LookupError):
        await house.intake.transaction(breaks)
    assert await house.db.reading(as_canonical) == before
    assert (
        await house.db.reading(
            lambda c: query(c, "SELECT day FROM incident_numbers WHERE day = '990101'")
        )
        == []
    )


# ---- many at once ------------------------------------------------------------------------------


async def test_forty_phones_at_once_leave_one_dense_log(house: House) -> None:
    pens = [await enrolled(house, name) for name in range(40)]
    stories = [
        [pen.open(), pen.create(chance("i", pen.name)[:16]), pen.note(chance("i", pen.name)[:16])]
        for pen in pens
    ]
    answers = await asyncio.gather(
        *(push(house, pen, story) for pen, story in zip(pens, stories, strict=True)),
        *(push(house, pen, story) for pen, story in zip(pens, stories, strict=True)),
    )
    assert (
        sorted(word for answer in answers for word in words(answer))
        == ["duplicate"] * 120 + ["stored"] * 120
    )
    indices = await house.db.reading(as_canonical)
    assert indices == list(range(1, len(indices) + 1))
    numbers = [
        result.no for answer in answers for result in answer if result.r == "stored" and result.no
    ]
    assert sorted(numbers) == [f"261130-{at:04d}" for at in range(1, 41)]


async def test_two_processes_at_once_on_one_database_number_nothing_twice(
    house: House, db_url: str, tmp_path: Path
) -> None:
    db = Database(db_url)
    other = house.new_intake(db, tmp_path / "beside")
    await other.start()
    pens = [await enrolled(house, name) for name in range(6)]

    async def story(pen: Pen, at: int) -> list[str]:
        """One phone that meets another process at every push."""
        doors = [house.intake, other] if at % 2 else [other, house.intake]
        said: list[str] = []
        for turn in range(4):
            incident = chance("i", pen.name)[:16]
            raws = [pen.open(), pen.create(incident)] if turn == 0 else []
            raws += [pen.note(incident) for _ in range(3)]
            results, _have = await doors[turn % 2].submit(raws, pen.device)
            said += words(results)
        return said

    answers = await asyncio.gather(*(story(pen, at) for at, pen in enumerate(pens)))
    assert {word for answer in answers for word in answer} == {"stored"}
    await desk(house, {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""})
    draft = Draft(
        user=bytes(16),
        scope="org",
        kind="incident",
        entity=INCIDENT,
        ops=[{"t": "entry.add", "kind": "note", "text": "另一节点"}],
    )
    (result,) = await other.submit_desk(person_id("dispatcher"), [draft])
    assert result.r == "stored"
    await other.stop()
    await db.close()
    indices = await house.db.reading(as_canonical)
    assert indices == list(range(1, len(indices) + 1))
    assert await rebuild(house.settings.url, check=True) == (7, 0)


async def test_a_set_our_own_code_cannot_judge_is_refused_alone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen, other = await enrolled(house, 1), await enrolled(house, 2)
    raws = [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT, "poison"), pen.note(INCIDENT)]
    take = Batch.take

    def stumbles(batch: Batch, one, received_at_ms):  # type: ignore[no-untyped-def]
        if one.raw == raws[2]:
            raise ZeroDivisionError
        return take(batch, one, received_at_ms)

    monkeypatch.setattr(Batch, "take", stumbles)
    answers = await asyncio.gather(push(house, pen, raws), push(house, other, [other.open()]))
    assert [words(answer) for answer in answers] == [
        ["stored", "stored", "malformed", "stored"],
        ["stored"],
    ]
    assert answers[0][2].why == "internal"


async def test_what_no_set_is_to_blame_for_is_told_to_nobody_as_its_fault(house: House) -> None:
    """A row of the organisation that cannot be read stops every batch, until somebody mends it."""
    pen = await enrolled(house)
    raws = [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT)]
    await push(house, pen, raws[:1])
    neighbour = house.new_intake()
    await neighbour.start()
    await neighbour.org("stations", STATION, {"name": "甲派出所"})  # so that it is read anew
    await neighbour.stop()
    whole = await house.db.reading(_station_row)

    def write(connection: Connection, row: bytes) -> None:
        table = tables.org_rows
        connection.execute(table.update().where(table.c.id == STATION).values(bytes=row))

    await house.db.writing(write, b"\xc1")
    for pushed in (raws[1:2], raws):
        with pytest.raises(IntakeClosedError) as refused:
            await push(house, pen, pushed)
        assert refused.value.code == "not_stored"
    await house.db.writing(write, whole)
    assert words(await push(house, pen, raws)) == ["duplicate", "stored", "stored"]


def _station_row(connection: Connection) -> bytes:
    table = tables.org_rows
    return bytes(
        connection.execute(select(table.c.bytes).where(table.c.id == STATION)).scalar_one()
    )


class Unwalkable(OrderedDict[Any, Any]):
    """A store of what is remembered that may be asked but not gone through."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("a batch went through all that is remembered")

    keys = items = values = __iter__  # type: ignore[assignment]  # none of them is wanted


async def test_a_batch_costs_the_same_however_much_is_remembered(house: House) -> None:
    memory = house.intake._memory
    assert memory is not None
    pen = await enrolled(house)
    await push(house, pen, [pen.open()])
    for name in ("chains", "incidents", "abouts", "_ruled"):
        setattr(memory, name, Unwalkable())
    assert words(await push(house, pen, [pen.create(INCIDENT)])) == ["stored"]


async def test_a_store_that_fails_acknowledges_nothing_and_recovers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen = await enrolled(house)
    raws = [pen.open(), pen.create(INCIDENT)]
    flush = Batch.flush

    def full(batch: Batch, *rest: object) -> None:
        flush(batch, *rest)  # type: ignore[arg-type]  # handed through
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    with monkeypatch.context() as patch:
        patch.setattr(Batch, "flush", full)
        with pytest.raises(IntakeClosedError) as refused:
            await push(house, pen, raws)
    assert refused.value.code == "not_stored"
    assert words(await push(house, pen, raws)) == ["stored", "stored"]


async def test_a_database_server_without_room_is_no_fault_of_the_sets(house: House) -> None:
    """SQLite says so with an OperationalError; PostgreSQL's answer has a class of its own, 53."""
    pen = await enrolled(house)
    raws = [pen.open(), pen.create(INCIDENT)]
    raising = "RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'"
    statements = {
        "postgresql": (
            f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {raising}; END $$;",
            "CREATE TRIGGER full_disk BEFORE INSERT ON sets EXECUTE FUNCTION full_disk()",
            "DROP TRIGGER full_disk ON sets",
            "DROP FUNCTION full_disk",
        ),
        "sqlite": ("PRAGMA max_page_count = 1", "PRAGMA max_page_count = 1000000"),
    }[house.db.dialect]
    half = len(statements) // 2
    full, room = statements[:half], statements[half:]

    def said(connection: Connection, statements: tuple[str, ...]) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    await house.db.writing(said, full)
    with pytest.raises(IntakeClosedError) as refused:
        await push(house, pen, raws + [pen.note(INCIDENT, "x" * 9_000) for _ in range(20)])
    assert refused.value.code == "not_stored"
    await house.db.writing(said, room)
    assert words(await push(house, pen, raws)) == ["stored", "stored"]


async def test_a_full_queue_asks_to_come_again_but_keeps_room_for_what_is_urgent() -> None:
    queue = WorkQueue(limit_sets=10, batch_sets=4)

    def work(size: int) -> Work:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        return Work(future, 0, found=[Refused("malformed", "")] * size)

    notes = [work(5), work(5)]
    for one in notes:
        queue.put(one, priority=False)
    with pytest.raises(IntakeBusyError):
        queue.put(work(1), priority=False)
    urgent = work(1)
    queue.put(urgent, priority=True)
    assert queue.take() == [urgent]
    assert queue.take() == [notes[0]]
    assert queue.take() == [notes[1]]
    assert (queue.take(), queue.waiting_sets) == ([], 0)


async def test_what_waits_when_the_house_closes_is_refused_and_not_lost_in_silence(
    house: House,
) -> None:
    pen = await enrolled(house)
    await house.intake.stop()
    with pytest.raises(IntakeClosedError):
        await push(house, pen, [pen.open()])


async def test_effects_are_announced_after_the_commit_and_forgotten_by_a_later_batch(
    house: House, db: Database
) -> None:
    pen = await enrolled(house)
    await push(house, pen, [pen.open()])
    await house.heard(4)  # the desk chain, the organisation, the enrolment, the opening
    await push(house, pen, [pen.create(INCIDENT)])
    (left,) = await db.reading(lambda c: query(c, "SELECT COUNT(*) FROM effects"))
    assert left[0] == 1
    await house.heard(5)
    names = [msgspec.msgpack.decode(payload)[1].keys() for payload in house.announced]
    assert [sorted(name.partition(":")[0] for name in moved) for moved in names] == [
        ["org"],
        ["org"],
        ["org"],
        ["device"],
        ["station"],
    ]


@pytest.mark.parametrize("poison", ["newer", "garbled", "unknown kind", "damaged"])
async def test_one_set_of_fifty_that_cannot_be_taken_blocks_nothing_behind_it(
    house: House, poison: str
) -> None:
    pen = await enrolled(house)
    raws = [pen.open(), pen.create(INCIDENT), *(pen.note(INCIDENT, f"{at}") for at in range(3))]
    raw = (
        pen.note(INCIDENT, "毒", kind="weather")
        if poison == "unknown kind"
        else pen.note(INCIDENT, "毒")
    )
    if poison == "newer":
        header, _signature, body = canon.decode(raw)
        items = canon.decode(header)
        items[12] = [2, 2]
        changed = canon.encode(items)
        message = signing_bytes(ids.set_id(changed))
        raw = canon.encode([changed, pen.key.sign(message), body])
    raws.append({"garbled": b"\xc1" * 40, "damaged": raw[:-1] + b"\x00"}.get(poison, raw))
    behind = [pen.note(INCIDENT, f"后 {at}") for at in range(45)]
    results = await push(house, pen, raws + behind)
    answered = {
        "newer": "opaque",
        "garbled": "malformed",
        "unknown kind": "rejected",
        "damaged": "malformed",
    }
    assert words(results) == ["stored"] * 5 + [answered[poison]] + ["stored"] * 45
    view = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    assert {f"后 {at}" for at in range(45)} <= {entry["text"] for entry in view["entries"]}
