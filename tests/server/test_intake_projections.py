"""What screens read equals a fold from scratch, whatever happened and in whatever order."""

import random
from typing import Any

from sqlalchemy import Connection, select, text

from server.intake.rebuild import rebuild
from server.store import projections
from server.store.rows import query
from server.store.tables import deadlines, incidents, orders
from sync.changeset import Draft
from tests.server.conftest import House
from tests.server.pen import (
    EPOCH_MS,
    OTHER_STATION,
    OTHER_UNIT,
    STATION,
    UNIT,
    Pen,
    chance,
    person_id,
)


def desk_draft(entity: bytes, *ops: dict[str, Any]) -> Draft:
    return Draft(user=bytes(16), scope="org", kind="incident", entity=entity, ops=ops)


async def desk(house: House, entity: bytes, *ops: dict[str, Any]) -> None:
    results = await house.intake.submit_desk(person_id("dispatcher"), [desk_draft(entity, *ops)])
    assert [result.r for result in results] == ["stored"]


async def one(house: House, table: Any, **where: Any) -> dict[str, Any]:
    async with house.db.read() as connection:
        statement = select(table).where(*(table.c[name] == v for name, v in where.items()))
        row = (await connection.execute(statement)).mappings().one()
        return dict(row)


async def clocks(house: House, incident: bytes) -> set[str]:
    """The countdowns that lists can find of an incident."""
    async with house.db.read() as connection:
        found = select(deadlines.c.deadline).where(deadlines.c.incident == incident)
        return set((await connection.execute(found)).scalars())


async def test_an_order_from_issue_to_closing_as_lists_and_walls_read_it(house: House) -> None:
    officer = Pen("officer's phone", person_id("officer"))
    await officer.enrol(house.intake)
    incident, order = chance("i")[:16], chance("o")[:16]
    await desk(
        house,
        incident,
        {"t": "incident.create", "source": "desk", "station": STATION, "tag": "T"},
        {"t": "fact.set", "f": "title", "v": "盗窃", "p": []},
        {"t": "fact.set", "f": "point", "v": [296_000_000, 911_000_000], "p": []},
        {"t": "fact.set", "f": "tier", "v": 5, "p": []},
        {"t": "order.issue", "order": order, "to": ["unit", UNIT], "kind": "dispatch", "round": 0},
    )
    row = await one(house, incidents, id=incident)
    assert (row["status"], row["orders"], row["title"], row["number"]) == (
        "assigned",
        1,
        "盗窃",
        "261130-0001",
    )
    assert (row["lat"], row["lon"], row["tier"]) == (296_000_000, 911_000_000, 5)
    assert row["search"] == "261130-0001\nt\n盗窃"
    delivery = await one(house, deadlines, incident=incident, deadline="C1", order_id=order)
    assert (delivery["due_ms"], delivery["done_ms"]) == (EPOCH_MS + 10_000, None)
    # Nothing was delivered yet, and nobody came: these clocks have not begun.
    assert await clocks(house, incident) == {"C1", "C5"}

    officer.now_ms = house.clock.advance(20_000)
    raws = [
        officer.open(),
        officer.claim(incident, "delivered", order),
        officer.claim(incident, "signed", order),
    ]
    await house.intake.submit(raws, officer.device)
    row = await one(house, orders, id=order)
    assert (row["status"], row["signed_at_ms"], row["open"]) == ("signed", EPOCH_MS + 20_000, True)
    delivery = await one(house, deadlines, incident=incident, deadline="C1", order_id=order)
    assert delivery["done_ms"] == EPOCH_MS + 20_000

    house.clock.advance(10_000)
    await desk(house, incident, {"t": "incident.close", "round": 0})
    row = await one(house, incidents, id=incident)
    assert (row["status"], row["closed_at_ms"], row["callback_state"]) == (
        "closed",
        EPOCH_MS + 30_000,
        "exempt",
    )
    phone = {"t": "fact.set", "f": "caller_phone", "v": "13800002046", "p": []}
    await desk(house, incident, phone)
    row = await one(house, incidents, id=incident)
    assert row["callback_state"] == "due", "there is a number to call now"
    # The order's open countdowns concern nobody any more; what was done stays.
    assert await clocks(house, incident) == {"C1", "C2", "C9"}


async def test_a_withdrawn_order_stops_counting_down(house: House) -> None:
    incident, order = chance("i")[:16], chance("o")[:16]
    await desk(
        house,
        incident,
        {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""},
        {"t": "order.issue", "order": order, "to": ["unit", UNIT], "kind": "dispatch", "round": 0},
    )
    assert await clocks(house, incident) == {"C1", "C5"}
    await desk(house, incident, {"t": "order.withdraw", "order": order, "why": "误派"})
    assert await clocks(house, incident) == set()
    assert (await one(house, incidents, id=incident))["status"] == "reported"


def random_ops(chance_of: random.Random, order: bytes) -> dict[str, Any]:
    """One op, sensible or not: the projection must follow whatever is accepted."""
    kind = chance_of.choice(["delivered", "signed", "departed", "arrived", "cleared"])
    return chance_of.choice(
        [
            {"t": "entry.add", "kind": "note", "text": "记"},
            {"t": "fact.set", "f": "place", "v": chance_of.choice("甲乙丙"), "p": []},
            {"t": "milestone.claim", "kind": kind, "round": 0, "order": order, "via": "self"},
            {"t": "order.return_request", "order": order, "why": "距离太远"},
            {"t": "latest.set", "f": "colour", "v": chance_of.choice(["red", "green"])},
        ]
    )


def random_commands(chance_of: random.Random, order: bytes) -> dict[str, Any]:
    to = ["unit", chance_of.choice([UNIT, OTHER_UNIT])]
    return chance_of.choice(
        [
            {
                "t": "order.issue",
                "order": order,
                "to": to,
                "kind": "backup",
                "round": chance_of.randrange(2),
            },
            {"t": "order.withdraw", "order": order, "why": "误派"},
            {"t": "order.return_review", "order": order, "ok": True},
            {"t": "incident.transfer", "station": OTHER_STATION, "why": "辖区"},
            {"t": "incident.close", "round": chance_of.randrange(2)},
            {"t": "incident.reopen", "round": 1, "why": "再开"},
            {"t": "fact.set", "f": "tier", "v": chance_of.choice([3, 5]), "p": []},
            {"t": "callback.attempt", "round": 0, "outcome": "reached", "score": 3},
        ]
    )


async def test_rows_equal_a_fold_from_scratch_after_anything_in_any_order(house: House) -> None:
    chance_of = random.Random(20_261_124)
    pens = [Pen(name, person_id(name)) for name in ("officer", "other")]
    for pen in pens:
        await pen.enrol(house.intake)
    ids = [chance("incident", at)[:16] for at in range(6)]
    order_ids = [chance("order", at)[:16] for at in range(6)]
    written: list[tuple[Pen, bytes]] = []
    for pen in pens:
        written.append((pen, pen.open()))
        for at, entity in enumerate(ids):
            if at % 2 == pens.index(pen):
                written.append((pen, pen.create(entity, STATION if at < 3 else OTHER_STATION)))
            for _ in range(6):
                pen.now_ms = EPOCH_MS + chance_of.randrange(-600_000, 60_000)
                written.append((pen, pen.set(entity, random_ops(chance_of, order_ids[at]))))
    chance_of.shuffle(written)
    while written:
        house.clock.advance(chance_of.randrange(30_000))
        if chance_of.random() < 0.4:
            at = chance_of.randrange(6)
            command = random_commands(chance_of, order_ids[at])
            await house.intake.submit_desk(person_id("dispatcher"), [desk_draft(ids[at], command)])
        pen = written[-1][0]
        taken = [written.pop() for _ in range(min(chance_of.randrange(1, 6), len(written)))]
        await house.intake.submit([raw for _pen, raw in taken], pen.device)

    seen, wrong = await rebuild(house.settings.url, check=True)
    assert (seen, wrong) == (6, 0)

    def spoil(connection: Connection) -> None:
        connection.execute(text("UPDATE incidents SET title = 'wrong', status = 'closed'"))
        connection.execute(text("DELETE FROM deadlines"))

    await house.db.writing(spoil)
    assert await rebuild(house.settings.url, check=True) == (6, 6)
    assert await rebuild(house.settings.url) == (6, 6)
    assert await rebuild(house.settings.url, check=True) == (6, 0)


async def test_every_scope_an_incident_stands_in_tells_the_same_story(house: House) -> None:
    """The law behind SC3: home and neighbour list the same rulings of an incident."""
    incident = chance("i")[:16]
    create = {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""}
    await desk(house, incident, create, {"t": "entry.add", "kind": "note", "text": "一"})
    order = {"t": "order.issue", "order": chance("o")[:16], "kind": "dispatch", "round": 0}
    await desk(house, incident, order | {"to": ["unit", OTHER_UNIT]})
    await desk(house, incident, {"t": "entry.add", "kind": "note", "text": "二"})

    def listed(connection: Connection) -> list[list[int]]:
        rows = query(
            connection,
            "SELECT e.scope, e.idx FROM scope_entries e JOIN scopes s ON s.id = e.scope"
            " WHERE s.name LIKE 'station:%' ORDER BY e.scope, e.n",
        )
        by_scope: dict[int, list[int]] = {}
        for scope, idx in rows:
            by_scope.setdefault(scope, []).append(idx)
        return list(by_scope.values())

    home, neighbour = await house.db.reading(listed)
    assert home == neighbour
    assert len(home) == 4
    assert await house.db.reading(projections.of_incident, incident) is not None


async def test_an_order_under_the_id_of_another_changes_nothing_for_that_other(
    house: House,
) -> None:
    """An officer may order themselves on their own report, under any id they like."""
    officer = Pen("officer's phone", person_id("officer"))
    await officer.enrol(house.intake)
    theirs, own, order = chance("theirs")[:16], chance("own")[:16], chance("order")[:16]
    create = {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""}
    issue = {"t": "order.issue", "order": order, "kind": "dispatch", "round": 0}
    await desk(house, theirs, create, issue | {"to": ["unit", UNIT]})
    before = await house.db.reading(projections.of_incident, theirs)
    raws = [
        officer.open(),
        officer.create(own),
        officer.set(own, issue | {"to": ["person", officer.person]}),
    ]
    results, _have = await house.intake.submit(raws, officer.device)
    assert [result.r for result in results] == ["stored"] * 3
    assert await house.db.reading(projections.of_incident, theirs) == before
    assert (await one(house, orders, id=order, incident=own))["to_kind"] == "person"
    assert await rebuild(house.settings.url, check=True) == (2, 0)
