"""What a station remembers of its centre, and what it owes to it."""

import sqlite3
from typing import Any

from sqlalchemy import Connection

from server.auth.stations import AuditRequest, behind
from server.store import scopes, spool, tables, upstream
from server.store.engine import Database
from server.store.rows import insert, query
from server.store.upstream import Upstream
from sync import exchange
from sync.rulings import PROVISIONAL_FROM


async def test_a_station_remembers_its_centre_and_a_centre_has_none(db: Database) -> None:
    assert await db.reading(upstream.read) is None
    met = Upstream(
        url="https://centre.example",
        station=b"s" * 16,
        server=b"c" * 16,
        token="secret",
        lost=[(b"e" * 8, 7)],
        beacon=b"b" * 16,
    )
    await db.writing(upstream.save, met)
    assert await db.reading(upstream.read) == met


async def keep(db: Database, *owed: tuple[int, bytes, int, int, int]) -> None:
    """Keep sets of (arrival number, chain, seq, lane, bytes), received at ten times their number."""
    for no, chain, seq, _lane, size in owed:
        row = (no, b"%032d" % no, chain, seq, None, PROVISIONAL_FROM + no, no * 10, b"x" * size)
        await db.writing(insert, tables.sets, [row])
    await db.writing(
        spool.add, [(no, chain, seq, lane, no * 10, 60) for no, chain, seq, lane, _ in owed]
    )


async def test_what_is_owed_goes_up_by_lane_then_by_chains_in_turn_each_in_its_order(
    db: Database,
) -> None:
    """HB7."""
    a, b = b"a" * 16, b"b" * 16
    await keep(
        db,
        (1, a, 0, 0, 10),
        (2, a, 1, 0, 10),
        (3, a, 3, 0, 10),
        (4, a, 2, 0, 10),
        (5, b, 0, 0, 10),
        (6, a, 4, 1, 10),
    )

    async def order(sets: int, bytes_: int) -> list[int]:
        return [no for no, _id, _raw in await db.reading(spool.waiting, sets, bytes_)]

    assert await order(200, 1_000) == [6, 1, 5, 2, 4, 3]
    assert await order(2, 1_000) == [6, 1]
    assert await order(200, 25) == [6, 1]
    assert await order(200, 1) == [6]  # never nothing: a large set goes alone

    async def unsaid(before_ms: int) -> list[int]:
        found = await db.reading(spool.unsaid, [1, 2, 5, 6], b, before_ms)
        return sorted(one.arrival_no for one in found)

    assert await unsaid(20) == [1, 5], "what came before, and its own"
    await db.writing(spool.said, [1])
    assert await unsaid(21) == [2, 5]
    assert await db.reading(spool.numbers, [b"%032d" % 4, b"%032d" % 9]) == [4]

    answers = [(6, exchange.STORED, None), (1, exchange.BAD_SIGNATURE, None)]
    await db.writing(spool.handed, [*answers, (2, exchange.MALFORMED, "no_body")], 500)
    assert await order(200, 1_000) == [4, 5, 3]
    counts = await db.reading(spool.counts)
    assert counts == spool.Counts(waiting=3, oldest_ms=30, handed=1, refused=2)
    told = [(a, 0, exchange.BAD_SIGNATURE), (a, 1, "no_body")]
    assert await db.reading(spool.refused, 10) == told
    assert await db.reading(spool.refused, 1) == told[:1]

    await db.writing(spool.again, 500)
    assert 6 not in await order(200, 1_000)
    await db.writing(spool.again, 501)
    assert await order(1, 1_000) == [6]
    await db.writing(spool.remove, [3, 4, 5, 6])
    assert await order(200, 1_000) == []


async def test_hb12_what_the_centre_has_less_of_is_owed_once_more_whatever_it_answered(
    db: Database,
) -> None:
    """HB12: at the centre who goes less far is named; at the station what lies above is owed, whoever ruled on it. What
    was refused may have been changed on its way; that it is offered again is no mistake of the books.
    """
    a, b, c = b"a" * 16, b"b" * 16, b"c" * 16
    for chain, have in ((a, 1), (b, 4)):
        await db.writing(insert, tables.chain_heads, [(chain, have, None, have, have + 1, None)])
    said = AuditRequest([(a, 3), (b, 4), (c, 0)])
    assert (await db.reading(behind, said)).behind == [(a, 1), (c, -1)]

    await keep(db, *[(no, a, no - 1, 0, 10) for no in (1, 2, 3, 4, 5)])
    await db.writing(spool.handed, [(3, exchange.STORED, None), (5, exchange.MALFORMED, "x")], 500)
    await db.writing(spool.remove, [2, 4])
    for wrong in (2, 0):
        assert await db.writing(spool.owe_above, a, 1) == wrong
        order = [no for no, _id, _raw in await db.reading(spool.waiting, 200, 1_000)]
        assert sorted(order) == [1, 3, 4, 5], "and nothing that lies below"


async def test_hb12_what_was_refused_goes_up_again_though_the_centre_has_its_chain_by_another_way(
    db: Database,
) -> None:
    await keep(db, (1, b"a" * 16, 0, 0, 10))
    await db.writing(spool.handed, [(1, exchange.MALFORMED, "bad_body")], 500)
    assert await db.reading(spool.waiting, 200, 1_000) == []
    assert await db.writing(spool.mend, 0) == 0, "no mistake of the books"
    assert [no for no, _id, _raw in await db.reading(spool.waiting, 200, 1_000)] == [1]


async def test_what_a_station_thinks_is_found_in_a_long_scope_without_reading_it(
    db: Database,
) -> None:
    def look(connection: Connection) -> set[int]:
        rows = [(7, n, PROVISIONAL_FROM + n, n if n % 2 else None, bytes(16)) for n in range(1, 9)]
        insert(connection, tables.scope_entries, [*rows, (7, 9, 5, 9, bytes(16))])
        asked: list[str] = []
        driver: Any = connection.connection.dbapi_connection
        is_sqlite = isinstance(driver, sqlite3.Connection)
        if is_sqlite:
            driver.set_trace_callback(asked.append)
        thought = [(PROVISIONAL_FROM + n, n) for n in (1, 2, 99)]
        found = scopes.listed(connection, 7, [*thought, (5, 9), (6, 10)])
        assert scopes.thought_in(connection, 1) == []
        if is_sqlite:
            driver.set_trace_callback(None)
            for said in (asked[0], asked[-1]):
                plan = query(connection, f"EXPLAIN QUERY PLAN {said}")
                assert "ix_scope_entries_provisional" in str(plan)
        return found

    assert await db.writing(look) == {PROVISIONAL_FROM + 1, 5}
