"""A station's word on when it had a set: given once, signed, ahead of the set, and what the centre makes of it."""

from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.intake.vouch import vouch, words_on
from server.store import kept, sets, spool
from server.store.rows import query
from sync import changeset
from sync.changeset import ChangeSet
from tests.server.pen import EPOCH_MS, Pen, chance
from tests.server.township import Township, until

INCIDENT = chance("incident")[:16]
HOUR_MS = 3_600_000


async def away(place: Township) -> Pen:
    """A township that works, whose centre is out of reach now; and a phone with an incident there."""
    phone = await place.phone()
    await place.at_centre(phone, phone.create(INCIDENT))
    await place.linked()
    place.cut()
    return phone


def pass_by(place: Township, ms: int) -> None:
    """Time goes on, everywhere alike."""
    place.clock.advance(ms)
    place.own_clock.advance(ms)


def words(raw: bytes) -> list[tuple[bytes, int, int]]:
    """(set id, when, how unsure) of each word that an envelope gives."""
    found = changeset.read(raw)
    assert isinstance(found, ChangeSet)
    assert found.body is not None
    return [(one[0], one[3], one[4]) for op in found.body.ops for one in op["sets"]]


async def said_at(place: Township, app: Any) -> list[kept.Said]:
    """Every word of the station that a house knows."""
    rows = await app.state.db.reading(kept.of_hub, place.state.intake.desk.chain)
    return sorted((kept.Said(*row) for row in rows), key=lambda one: one.seq)


async def test_hb11_a_station_gives_its_word_once_and_ahead_of_what_it_speaks_of(
    place: Township,
) -> None:
    phone = await away(place)
    early = [phone.note(INCIDENT, f"甲{at}") for at in range(3)]
    # A place of which no word can be said (TM13), and which must not spoil what is said beside it.
    far = Pen("far", phone.person)
    far.writer = msgspec.structs.replace(far.writer, seq=1 << 50, prev=bytes(32))
    await place.at_station(far, far.note(INCIDENT))
    kept_early = await place.at_station(phone, *early)
    pass_by(place, HOUR_MS)
    [kept_late] = await place.at_station(phone, phone.note(INCIDENT, "刚到"))
    place.mend()
    await place.settled()
    there = await said_at(place, place.centre)
    # Off by 52 ms at the last contact, and by 50 ppm since: nothing yet when the first came.
    assert [(one.set_id, one.at_ms, one.unsure_ms) for one in there] == [
        (one.id, EPOCH_MS, 52) for one in kept_early
    ], "and of what went up at once there is nothing to say"
    assert {one.at_ms for one in kept_early} == {EPOCH_MS}, "as their author was told"
    assert await said_at(place, place.station) == there
    order = await place.centre.state.db.reading(
        query, "SELECT set_id, chain, arrival_no FROM sets ORDER BY arrival_no"
    )
    arrived = {bytes(set_id): no for set_id, _chain, no in order}
    [said_in] = {one.hub_seq for one in there}
    [(_seq, word_set, _idx)] = await place.centre.state.db.reading(
        sets.held, place.state.intake.desk.chain, said_in, said_in
    )
    assert arrived[word_set] < min(arrived[one.id or b""] for one in [*kept_early, kept_late])
    # It is evidence like any: ruled, in the log, and the same at both.
    raw = await place.centre.state.db.reading(
        sets.envelope, place.state.intake.desk.chain, said_in, word_set
    )
    assert [one for one, *_rest in words(raw)] == [one.id for one in kept_early]


async def test_hb11_a_courier_is_given_the_word_on_what_the_station_just_took_in(
    place: Township,
) -> None:
    phone = await away(place)
    told = await place.at_station(phone, phone.note(INCIDENT), phone.note(INCIDENT, "再"))
    first, second = (one.id or b"" for one in told)

    async def ask(*set_ids: bytes) -> list[bytes]:
        owed = await place.state.db.reading(spool.numbers, set_ids)
        job = partial(words_on, set_ids=set_ids, arrival_nos=owed)
        given: list[bytes] = await place.state.intake.transaction(job)
        return given

    [given] = await ask(first)
    assert words(given) == [(first, EPOCH_MS, 52)]
    pass_by(place, HOUR_MS)
    assert await ask(first) == [given], "never twice"
    both = await ask(second, first, bytes(32))
    assert [words(one) for one in both] == [
        [(first, EPOCH_MS, 52)],
        [(second, EPOCH_MS, 52)],
    ]
    assert await ask(bytes(32)) == []


async def test_hb11_an_end_between_giving_the_word_and_handing_up_gives_no_other(
    place: Township,
) -> None:
    phone = await away(place)
    await place.at_station(phone, phone.note(INCIDENT))
    pass_by(place, HOUR_MS)
    owed = await place.state.db.reading(spool.waiting, 10, 10_000)
    numbers = [arrival_no for arrival_no, _id, _envelope in owed]
    await place.state.intake.transaction(
        partial(vouch, arrival_nos=numbers, before_ms=EPOCH_MS + 1)
    )
    await place.stop()
    pass_by(place, HOUR_MS)
    await place.start()
    place.mend()
    await place.settled()
    [one] = await said_at(place, place.centre)
    assert (one.at_ms, one.received_at_ms) == (EPOCH_MS, EPOCH_MS + 2 * HOUR_MS)


async def test_hb11_a_station_whose_disk_is_full_hands_up_without_its_word(place: Township) -> None:
    phone = await away(place)
    [kept_here] = await place.at_station(phone, phone.note(INCIDENT))
    pass_by(place, HOUR_MS)

    def said(connection: Connection, *statements: str) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    heavy = "CREATE TRIGGER heavy BEFORE INSERT ON sets BEGIN INSERT INTO ballast VALUES (zeroblob(1000000)); END"
    await place.state.db.writing(
        said, "CREATE TABLE ballast (b BLOB)", "PRAGMA max_page_count = 1", heavy
    )
    place.mend()

    async def is_there() -> bool:
        return bool(
            await place.centre.state.db.reading(
                query, "SELECT 1 FROM sets WHERE set_id = ?", (kept_here.id,)
            )
        )

    await until(is_there)
    await place.state.db.writing(
        said, "DROP TRIGGER heavy", "DROP TABLE ballast", "PRAGMA max_page_count = 1000000"
    )
    await place.settled()
    assert await said_at(place, place.centre) == []
