"""What has gone to another station is gone from the old one's screens, alarms and disk, and what roaming phones leave
there is shown to nobody (SC6, HB14)."""

from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection

from server.intake.rebuild import rebuild
from server.store.rows import query
from server.upstream.down import Down
from server.upstream.forget import Forgetting
from sync import rulings
from sync.changeset import Draft
from tests.server.desks import Centre
from tests.server.pen import EPOCH_MS, OTHER_STATION, STATION, UNIT, Pen, chance, person_id
from tests.server.stations import Station, push, running
from tests.server.test_station import (
    MONTH,
    heard,
    house,
    id_of,
    own_scope,
    page_of,
    phone,
    read,
    seat,
    station,
    view,
)
from tests.server.township import until

__all__ = ["house", "phone", "station"]

INCIDENT, ORDER = chance("handed over")[:16], chance("its order")[:16]
SECRET = "线人巴图住在三队"
ROWS = ("incidents", "orders", "deadlines", "nudges", "timers", "verdicts")


async def seen(of: Centre | Station) -> dict[str, Any]:
    return await view(of, INCIDENT)


async def desk(of: Centre | Station, *ops: dict[str, Any]) -> None:
    draft = Draft(user=bytes(16), scope="org", kind="incident", entity=INCIDENT, ops=list(ops))
    [result] = await of.intake.submit_desk(person_id("station"), [draft])
    assert result.d == rulings.ACCEPTED


async def transferred(of: Centre | Station, to: bytes) -> None:
    away = {"t": "incident.transfer", "station": to, "why": "辖区"}
    draft = Draft(user=bytes(16), scope="org", kind="incident", entity=INCIDENT, ops=[away])
    person = "station" if isinstance(of, Station) else "dispatcher"
    [result] = await of.intake.submit_desk(person_id(person), [draft])
    assert result.d == rulings.ACCEPTED


async def ordered(house: Centre) -> None:
    """An incident of the township with an order that was called off, and what an informant said."""
    issue = {"t": "order.issue", "order": ORDER, "to": ["unit", UNIT], "kind": "dispatch"}
    await desk(
        house,
        {"t": "incident.create", "source": "desk", "station": STATION, "tag": ""},
        issue | {"round": 0},
        {"t": "order.withdraw", "order": ORDER, "why": "误派"},
        {"t": "entry.add", "kind": "note", "text": SECRET},
    )


def rows(connection: Connection) -> dict[str, int]:
    """How many rows screens and timers have."""
    return {table: query(connection, f"SELECT COUNT(*) FROM {table}")[0][0] for table in ROWS}


def words_on_disk(station: Station) -> bool:
    files = list(station.app.state.settings.data_dir.glob("ortoo.db*"))
    return any(SECRET.encode() in path.read_bytes() for path in files)


async def test_sc6_hb14_what_the_centre_gives_to_another_station_leaves_screens_alarms_and_disk(
    house: Centre, station: Station, phone: Pen
) -> None:
    await ordered(house)
    await station.mirrored()
    noted = phone.note(INCIDENT, "我到了")
    await push(station.client, phone, noted)
    before = await page_of(station, phone, await own_scope(station))
    assert [held for _ruling, held in read(before)] == [id_of(noted)]
    assert (await station.db.reading(rows))["incidents"] == 1
    assert words_on_disk(station)

    desk_of_it = await seat(station, "station")
    assert (await desk_of_it.get(f"/api/incidents/{INCIDENT.hex()}")).status_code == 200
    await transferred(house, OTHER_STATION)
    with station.app.state.hub.listen([MONTH]) as ear:
        await station.mirrored()
        await heard(ear, MONTH)
    assert set((await station.db.reading(rows)).values()) == {0}
    assert not words_on_disk(station)
    page = await page_of(station, phone, MONTH)
    assert read(page) == read(await page_of(house, phone, MONTH))
    lines, held = zip(*read(page), strict=True)
    assert set(held) == {None}
    assert rulings.leaving(lines[-1], MONTH) == INCIDENT
    beside_it = await page_of(station, phone, await own_scope(station))
    assert [held for _ruling, held in read(beside_it)] == [None]

    told = await desk_of_it.get(f"/api/incidents/{INCIDENT.hex()}")
    assert (told.status_code, told.json()["code"]) == (410, "handed_over")
    at_ms = house.clock.now_ms()
    assert told.json()["detail"] == {"to": OTHER_STATION.hex(), "at_ms": at_ms}

    # What its own people wrote is handed up all the same, now and later, and shown by nobody here.
    late = phone.note(INCIDENT, "我走了")
    await push(station.client, phone, late)
    assert await station.handed_up() == 2
    await station.mirrored()
    assert set((await station.db.reading(rows)).values()) == {0}
    shown = (await seen(house))["entries"]
    assert {one["text"] for one in shown} == {SECRET, "我到了", "我走了"}
    assert await rebuild(station.app.state.settings.url, check=True) == (0, 0)


async def test_sc6_what_comes_back_is_shown_whole_again(
    house: Centre, station: Station, phone: Pen
) -> None:
    await ordered(house)
    await push(station.client, phone, phone.note(INCIDENT, "我到了"))
    await station.handed_up()
    for to in (OTHER_STATION, STATION):
        await transferred(house, to)
        await station.mirrored()
    assert await seen(station) == await seen(house)
    assert (await station.db.reading(rows))["incidents"] == 1
    page = await page_of(station, phone, MONTH)
    assert read(page) == read(await page_of(house, phone, MONTH))
    assert await rebuild(station.app.state.settings.url, check=True) == (1, 0)


async def test_hb3_what_a_station_gives_away_itself_stays_until_the_centre_has_ruled(
    house: Centre, station: Station, phone: Pen
) -> None:
    await push(station.client, phone, phone.create(INCIDENT))
    await transferred(station, OTHER_STATION)
    assert (await station.db.reading(rows))["incidents"] == 1
    await station.handed_up()
    await station.mirrored()
    assert set((await station.db.reading(rows)).values()) == {0}
    assert (await seen(house))["station"] == OTHER_STATION


async def test_hb14_what_a_roaming_phone_leaves_is_owed_to_the_centre_and_shown_to_nobody(
    house: Centre, station: Station
) -> None:
    roaming = await house.phone("other")
    await station.mirrored()
    created = roaming.create(INCIDENT, OTHER_STATION)
    order = {"t": "order.issue", "order": ORDER, "to": ["person", person_id("other")]}
    own = roaming.set(INCIDENT, order | {"kind": "dispatch", "round": 0})
    assert {one.r for one in await push(station.client, roaming, created, own)} == {"kept"}
    assert set((await station.db.reading(rows)).values()) == {0}
    assert await station.handed_up() == 2
    await station.mirrored()
    assert set((await station.db.reading(rows)).values()) == {0}
    assert (await seen(house))["number"]


HOUR_MS = 3_600_000
MONTHS = 13


def forgetting(station: Station) -> Forgetting:
    return Forgetting(station.centre.clock, station.db, station.intake, months=MONTHS)


def kept(connection: Connection) -> tuple[int, int]:
    """How many sets about this incident and a chain of other stations' people are here, and rulings of the centre."""
    rows = query(connection, "SELECT entity, chain FROM sets")
    told = query(
        connection, "SELECT bytes FROM rulings WHERE kind <> 'org' AND idx < ?", (1 << 52,)
    )
    roaming = Pen("other", person_id("other")).chain
    about = {INCIDENT, roaming}
    return (
        sum(bytes(entity) in about for entity, _chain in rows),
        sum(rulings.read_ruling(bytes(raw)).payload.get("e") in about for (raw,) in told),
    )


async def test_hb14_what_a_roaming_phone_left_goes_three_days_after_the_centre_ruled(
    house: Centre, station: Station
) -> None:
    roaming = await house.phone("other")
    await station.mirrored()
    left = {"t": "scope.purged", "scope": MONTH, "epoch": 1, "n": 3}
    sample = roaming.set(roaming.chain, left, kind="chain")
    noted = roaming.note(INCIDENT, SECRET)
    await push(station.client, roaming, sample, roaming.create(INCIDENT, OTHER_STATION), noted)
    house.clock.advance(1_000 * HOUR_MS)
    assert await forgetting(station).once() == 0, "the centre has not ruled on it"
    await station.handed_up()
    house.clock.advance(72 * HOUR_MS - 1)
    assert await forgetting(station).once() == 0
    assert (await station.db.reading(kept))[0] == 3
    house.clock.advance(1)
    assert await forgetting(station).once() == 2
    assert await station.db.reading(kept) == (0, 0)

    async def erased() -> bool:
        return not words_on_disk(station)

    await until(erased)
    [again] = await push(station.client, roaming, noted)
    assert again.r == "kept"
    assert await station.handed_up() == 1, "it is a duplicate there"
    assert await station.handed_up() == 0


async def test_hb14_a_station_writes_on_where_its_last_word_was_of_what_is_forgotten(
    house: Centre, station: Station, tmp_path: Path
) -> None:
    await ordered(house)
    await station.mirrored()
    await desk(station, {"t": "entry.add", "kind": "note", "text": "值班"})
    await station.handed_up()
    await transferred(house, OTHER_STATION)
    await station.mirrored()
    house.clock.advance(73 * HOUR_MS)
    assert await forgetting(station).once() == 0, "its chain goes on from there"
    async with running(tmp_path / "station", house) as again:
        await desk(again, {"t": "entry.add", "kind": "note", "text": "又值班"})
        assert await again.handed_up() == 1
        assert await forgetting(again).once() == 1
    assert "又值班" in str(await seen(house))


async def test_hb14_a_month_that_is_past_goes_once_nothing_in_it_is_open(
    house: Centre, station: Station, phone: Pen
) -> None:
    await ordered(house)
    other = chance("closed at once")[:16]
    await push(house.client, phone, phone.create(other), phone.note(other, SECRET))
    await push(station.client, phone, phone.note(other, "迟了"))
    await station.mirrored()
    page = await page_of(station, phone, MONTH)
    house.clock.advance(24 * 365 * HOUR_MS)
    assert await forgetting(station).once() == 0, "it is one of the thirteen"
    house.clock.advance(24 * 62 * HOUR_MS)
    assert await forgetting(station).once() == 0, "something is open, and something is owed"
    await station.handed_up()
    for entity in (INCIDENT, other):
        close = {"t": "incident.close", "round": 0}
        draft = Draft(bytes(16), "org", "incident", entity, [close])
        await house.intake.submit_desk(person_id("dispatcher"), [draft])
        assert await forgetting(station).once() == 0
        await station.mirrored()
    assert await forgetting(station).once() == 2
    assert set((await station.db.reading(rows)).values()) == {0}
    house.clock.advance(72 * HOUR_MS)
    await forgetting(station).once()
    assert await station.db.reading(query, "SELECT 1 FROM sets WHERE entity <> chain") == []
    kinds = await station.db.reading(query, "SELECT DISTINCT kind FROM rulings")
    assert {kind for (kind,) in kinds} == {"org", "set"}, "of what chains say of themselves"
    assert await rebuild(station.app.state.settings.url, check=True) == (0, 0)

    assert await page_of(station, phone, MONTH, 1, page.to) is None, "left out, as what lies beyond"
    line = cast("Any", None)  # nothing goes over it
    parts: dict[str, Any] = {"intake": station.intake, "heard": lambda: None, "months": MONTHS}
    down = Down(line, house.clock, station.db, **parts)
    hello = await station.greeted()
    assert MONTH in [name for name, _epoch, _n in hello.scopes]
    down.told_of(hello)
    assert MONTH not in await down._behind()


async def test_hb14_a_past_month_of_which_everything_had_left_begins_anew_where_somebody_goes_back(
    house: Centre, station: Station, phone: Pen
) -> None:
    await ordered(house)
    await push(station.client, phone, phone.note(INCIDENT, "我到了"))
    await station.handed_up()
    await transferred(house, OTHER_STATION)
    await station.mirrored()
    house.clock.advance(73 * HOUR_MS)
    assert await forgetting(station).once() == 1
    await station.mirrored()
    house.clock.advance(24 * 424 * HOUR_MS)
    assert await forgetting(station).once() == 0, "no set is in it"
    late = {"t": "incident.create", "source": "self", "station": STATION, "tag": "", "at": EPOCH_MS}
    created = phone.set(chance("written down late")[:16], late)
    await push(station.client, phone, created)
    page = await page_of(station, phone, await own_scope(station))
    assert [held for _ruling, held in read(page)] == [id_of(created)]
    assert (await page_of(station, phone, MONTH)).n == 0
