"""The store's contract, told on each database there is."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from server.store import devices, imports, log, people, scopes, sets, tables
from server.store.devices import ChainHead, Contact, Device
from server.store.engine import Database
from server.store.imports import ImportedOrder
from server.store.rows import insert, query, upsert
from sync import canon
from tests.server.pen import STATION, UNIT, chance

CHAIN = chance("chain")[:16]


def device(**other: Any) -> Device:
    fields: dict[str, Any] = {
        "chain": CHAIN,
        "person": b"p" * 16,
        "alg": "Ed25519",
        "pub": b"k" * 32,
        "label": "手机",
        "app": "test/1",
        "token_hash": b"h" * 32,
        "enrolled_at_ms": 5,
    }
    return Device(**fields | other)


async def test_a_log_is_founded_once_and_then_only_moves_on(db: Database) -> None:
    with pytest.raises(LookupError):
        await db.reading(log.read)
    first = await db.writing(log.found, lambda size: b"\x07" * size)
    again = await db.writing(log.found, lambda size: b"\x09" * size)
    assert first == again
    assert (first.idx, first.arrival_no, first.server_id) == (0, 0, b"\x07" * 16)
    await db.writing(log.advance, 5, 3)
    head = await db.reading(log.read)
    assert (head.idx, head.arrival_no, head.epoch) == (5, 3, b"\x07" * 8)


async def test_a_transaction_that_fails_leaves_nothing(db: Database) -> None:
    row = ("261130", 4)

    def twice(connection: Connection) -> None:
        insert(connection, tables.incident_numbers, [row])
        insert(connection, tables.incident_numbers, [row])

    with pytest.raises(IntegrityError):
        await db.writing(twice)
    assert await db.reading(query, "SELECT day FROM incident_numbers") == []
    await db.writing(upsert, tables.incident_numbers, [row])
    await db.writing(upsert, tables.incident_numbers, [("261130", 5)])
    found = await db.reading(
        query, "SELECT day, last FROM incident_numbers WHERE day = ?", ("261130",)
    )
    assert [tuple(row) for row in found] == [("261130", 5)]


async def test_both_ways_to_write_take_turns(db: Database) -> None:
    await db.writing(insert, tables.incident_numbers, [("261130", 0)])

    def add(connection: Connection) -> None:
        ((last,),) = query(connection, "SELECT last FROM incident_numbers")
        upsert(connection, tables.incident_numbers, [("261130", last + 1)])

    async def add_async() -> None:
        async with db.write() as connection:
            await connection.run_sync(add)

    await asyncio.gather(*(db.writing(add) for _ in range(20)), *(add_async() for _ in range(20)))
    assert (await db.reading(query, "SELECT last FROM incident_numbers"))[0][0] == 40


async def test_a_reader_sees_one_moment_whatever_is_committed_meanwhile(db: Database) -> None:
    await db.writing(insert, tables.incident_numbers, [("261130", 1)])
    async with db.read() as connection:
        before = await connection.run_sync(query, "SELECT last FROM incident_numbers")
        await db.writing(upsert, tables.incident_numbers, [("261130", 2)])
        assert await connection.run_sync(query, "SELECT last FROM incident_numbers") == before
    assert (await db.reading(query, "SELECT last FROM incident_numbers"))[0][0] == 2


async def test_a_device_is_found_by_chain_and_by_token_and_keeps_why_it_was_revoked(
    db: Database,
) -> None:
    await db.writing(devices.save, device())
    assert await db.reading(devices.by_chain, CHAIN) == device()
    assert await db.reading(devices.by_token, b"h" * 32) == device()
    assert await db.reading(devices.by_token, b"x" * 32) is None
    revoked = device(revoked_at_ms=9, revoked_why="遗失")
    await db.writing(devices.save, revoked)
    assert await db.reading(devices.every) == [revoked]


async def test_progress_and_contacts_are_kept_by_chain(db: Database) -> None:
    await db.writing(upsert, tables.chain_heads, [(CHAIN, 3, b"s" * 32, 9, 6, 7)])
    assert await db.reading(devices.heads, [CHAIN, bytes(16)]) == {
        CHAIN: ChainHead(3, b"s" * 32, 9, 6, 7)
    }
    contact = Contact(CHAIN, 100, 2, None, -5, 9, "test/1")
    await db.writing(devices.touch, [contact])
    await db.writing(devices.touch, [Contact(CHAIN, 200, 7, 50, None, 9, "test/2")])
    # Six of the nine it had written have not arrived, whatever it counted at the time.
    assert await db.reading(devices.contacts) == {
        CHAIN: Contact(CHAIN, 200, 6, 50, None, 9, "test/2")
    }


async def test_the_directory_is_what_the_last_rulings_left(db: Database) -> None:
    await db.writing(log.found, bytes)
    person = {"name": "王", "role": "station", "roles": ["callback", "station"], "station": STATION}

    def save(connection: Connection) -> None:
        people.save(
            connection,
            [
                ("people", b"a" * 16, 1, canon.encode(person)),
                ("units", UNIT, 2, canon.encode({"name": "组", "station": STATION})),
                ("vehicles", b"v" * 16, 3, canon.encode({"name": "车", "unit": UNIT})),
                ("people", b"b" * 16, 4, canon.encode(person)),
                ("people", b"b" * 16, 5, None),
                ("stations", STATION, 6, None),
                ("stations", STATION, 7, canon.encode({"name": "所"})),
            ],
        )
        log.advance(connection, 7, 0)

    await db.writing(save)
    directory = await db.reading(people.directory)
    found = directory.person(b"a" * 16)
    assert found is not None
    assert found.roles == ("station", "callback")
    assert directory.person(b"b" * 16) is None
    assert directory.row("stations", STATION) == {"name": "所"}
    assert directory.station_of("vehicle", b"v" * 16) == STATION
    assert directory.station_of("person", b"z" * 16) is None
    assert directory.station_of("drone", UNIT) is None
    later = directory.with_row("people", b"a" * 16, None, 8)
    assert (later.person(b"a" * 16), later.idx) == (None, 8)
    assert directory.person(b"a" * 16) is not None


async def test_an_imported_order_is_found_by_where_it_came_from(db: Database) -> None:
    order = ImportedOrder("city", "17", b"i" * 16, b"h" * 32, b"\x80", 5)
    await db.writing(imports.save, [order])
    assert await db.reading(imports.find, "city", "17") == order
    assert await db.reading(imports.find, "county", "17") is None


async def test_sets_of_a_chain_are_found_where_they_stand_forks_included(db: Database) -> None:
    def put(connection: Connection) -> None:
        rows = [
            (no, bytes([no]) * 32, CHAIN, seq, None, no, 0, b"raw")
            for no, seq in enumerate([0, 1, 3, 3, 5], 1)
        ]
        insert(connection, tables.sets, rows)

    await db.writing(put)
    assert await db.reading(sets.held, CHAIN, 1, 3) == [
        (1, b"\x02" * 32, 2),
        (3, b"\x03" * 32, 3),
        (3, b"\x04" * 32, 4),
    ]
    beyond = await db.reading(sets.beyond, CHAIN, 1)
    assert beyond == [(3, b"\x03" * 32), (3, b"\x04" * 32), (5, b"\x05" * 32)]
    assert await db.reading(sets.openings, [CHAIN, bytes(16)]) == {CHAIN: b"raw"}


async def test_a_page_keeps_to_its_budget_but_always_moves(db: Database) -> None:
    def put(connection: Connection) -> None:
        insert(connection, tables.scopes, [(1, "org", 1, 9, bytes(16))])
        insert(connection, tables.rulings, [(idx, 0, "org", bytes(1000)) for idx in range(1, 10)])
        insert(
            connection,
            tables.scope_entries,
            [(1, n, n, None, bytes([n]) * 16) for n in range(1, 10)],
        )

    await db.writing(put)

    async def places(after: int, budget: int) -> list[int]:
        return [entry.n for entry in await db.reading(scopes.page, 1, after, budget)]

    assert await places(0, 3_100) == [1, 2, 3]
    assert await places(3, 1) == [4]
    assert await places(3, 0) == []
    assert await places(8, 10**6) == [9]
    assert await places(9, 10**6) == []
    assert await db.reading(scopes.head_at, 1, 4) == b"\x04" * 16
    assert (await db.reading(scopes.by_name, ["org", "none"])).keys() == {"org"}
