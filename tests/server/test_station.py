"""A township station between phones and the centre: it keeps what they sign, and its centre's word stands (HB)."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest

from server.app import build_app
from server.intake.mirror import mirror
from server.intake.pages import MirrorError, cursors
from server.intake.rebuild import rebuild
from server.intake.redact import Ground, redact
from server.intake.reviews import review
from server.live.hub import Ear
from server.problems import ProblemError
from server.proof import loss
from server.proof.signer import Signer
from server.store import log, scopes, sets, spool, upstream
from server.store.devices import Contact
from server.store.rows import query
from server.store.scopes import hub_scope
from sync import changeset, exchange, rulings
from sync.changeset import ChangeSet, Draft
from sync.exchange import PullReply, ScopePage
from tests.server.desks import URL, Centre, Seat, centre, opened
from tests.server.pen import OTHER_STATION, STATION, Pen, chance, person_id
from tests.server.stations import (
    TOKEN,
    Station,
    beside,
    call,
    hello,
    pull,
    push,
    refused,
    running,
)

INCIDENT = chance("of the township")[:16]
MONTH = f"station:{STATION.hex()}:2026-11"
SECRET = "线人巴图住在三队"
BY = person_id("commander")
COMMAND = {
    "t": "order.issue",
    "order": chance("order")[:16],
    "to": ["person", person_id("officer")],
}


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    (tmp_path / "centre").mkdir()
    async with centre(tmp_path / "centre", migrated_file) as made:
        yield made


@pytest.fixture
async def phone(house: Centre) -> Pen:
    return await house.phone()


@pytest.fixture
async def station(
    house: Centre, phone: Pen, tmp_path: Path, migrated_file: Path
) -> AsyncIterator[Station]:
    async with beside(house, tmp_path / "station", migrated_file) as made:
        assert (await greeted(made, phone)).have == 0
        yield made


async def view(of: Centre | Station, incident: bytes = INCIDENT) -> dict[str, Any]:
    return await of.intake.transaction(lambda batch: batch.view(incident))


async def greeted(of: Centre | Station, pen: Pen) -> exchange.HelloReply:
    asked = hello(pen.chain, pen.writer.seq - 1, pen.now_ms)
    return await call(of.client, pen.token, "hello", asked, exchange.HelloReply)


async def page_of(of: Centre | Station, pen: Pen, name: str, epoch: int = 1, n: int = 0) -> Any:
    """The page that a phone gets of a scope, None where that is left out."""
    reply = await pull(of.client, pen.token, [(name, epoch, n)])
    assert len(reply.scopes) <= 1
    return reply.scopes[0] if reply.scopes else None


def read(page: ScopePage) -> list[tuple[rulings.Ruling, bytes | None]]:
    """The rulings of a page, each with the id of the set that came with it."""
    found: list[tuple[rulings.Ruling, bytes | None]] = []
    for raw in page.entries:
        _n, ruling, envelope = msgspec.msgpack.decode(raw, type=tuple[int, bytes, msgspec.Raw])
        change = changeset.read(bytes(envelope)) if bytes(envelope) != b"\xc0" else None
        held = change.set_id if isinstance(change, ChangeSet) else None
        found.append((rulings.read_ruling(ruling), held))
    return found


def id_of(raw: bytes) -> bytes:
    found = changeset.read(raw)
    assert isinstance(found, ChangeSet)
    return found.set_id


async def own_scope(station: Station) -> str:
    return hub_scope((await station.db.reading(log.read)).server_id, MONTH)


async def test_hb3_hb4_what_is_pushed_is_kept_shown_and_ruled_by_the_centre_alone(
    house: Centre, station: Station, phone: Pen
) -> None:
    created, noted = phone.create(INCIDENT), phone.note(INCIDENT)
    [first, second] = await push(station.client, phone, created, noted)
    now_ms = house.clock.now_ms()
    assert (first.r, first.at_ms, first.idx, first.d) == (exchange.KEPT, now_ms, None, None)
    house.clock.advance(5_000)
    [again] = await push(station.client, phone, noted)
    assert (again.r, again.at_ms) == (exchange.KEPT, second.at_ms)
    shown = await view(station)
    assert (len(shown["entries"]), shown["number"]) == (1, None)

    page = await page_of(station, phone, await own_scope(station))
    assert [held for _ruling, held in read(page)] == [id_of(created), id_of(noted)]
    for ruling, _held in read(page):
        assert rulings.is_provisional(ruling.idx)
        assert (ruling.payload["d"], ruling.payload["no"]) == (rulings.ACCEPTED, None)
        assert "en" not in ruling.payload

    assert await station.handed_up() == 2
    assert await station.handed_up() == 0
    [known] = await push(station.client, phone, noted)
    assert known == (await push(house.client, phone, noted))[0]
    assert (known.r, known.d) == (exchange.DUPLICATE, rulings.ACCEPTED)
    await station.mirrored()
    assert await view(station) == await view(house)
    assert (await view(station))["number"] is not None
    assert (await station.db.reading(spool.counts)) == spool.Counts(0, None, 0, 0)


async def test_hb2_a_phone_reads_on_at_the_one_where_it_stopped_at_the_other(
    house: Centre, station: Station, phone: Pen
) -> None:
    await push(
        house.client, phone, phone.create(INCIDENT), *(phone.note(INCIDENT) for _ in range(3))
    )
    await station.mirrored()
    there = await page_of(station, phone, MONTH)
    assert there == await page_of(house, phone, MONTH)
    await push(house.client, phone, phone.note(INCIDENT))
    ahead = await page_of(house, phone, MONTH, n=there.to)
    assert (ahead.from_, ahead.to) == (there.to + 1, there.to + 1)
    # What the station does not have yet it says nothing of, whether it is further on or of a newer epoch.
    assert await page_of(station, phone, MONTH, n=ahead.to) is None
    assert await page_of(station, phone, MONTH, epoch=2) is None
    assert (await page_of(station, phone, MONTH, n=there.to)).entries == []
    await station.mirrored()
    assert await page_of(station, phone, MONTH, n=there.to) == ahead
    assert await page_of(station, phone, "org") == await page_of(house, phone, "org")
    # Nobody reads what is not theirs, under no name.
    other = await house.phone("other")
    await station.mirrored()
    assert await page_of(station, other, MONTH) is None
    assert await page_of(station, other, await own_scope(station)) is None


async def test_hb5_a_station_says_who_it_is_and_what_it_heard_of_the_centre(
    house: Centre, station: Station, phone: Pen
) -> None:
    there, here = await greeted(house, phone), await greeted(station, phone)
    assert (here.role, here.station, here.log) == ("station", STATION, there.log)
    assert here.server != there.server
    assert (here.token, here.rotate) == (None, None)
    assert there.token is not None
    assert here.beacon is not None
    months = [one for one in there.scopes if one[0].startswith("station:")]
    assert here.scopes[: len(there.scopes)] == there.scopes
    own = [hub_scope(here.server, name) for name, _epoch, _n in months]
    assert [name for name, _epoch, _n in here.scopes[len(there.scopes) :]] == own
    # The first thing it writes names what it heard: the centre can tell that it is not from before.
    await station.intake.submit_desk(person_id("station"), [NOTED])
    await station.handed_up()
    await station.mirrored()
    assert await view(station) == await view(house)
    [note] = (await view(house))["entries"]
    assert note["by"] == person_id("station")
    reply = await pull(station.client, phone.token, [])
    known = await station.db.reading(upstream.read)
    assert known is not None
    assert (reply.size, reply.leaf, reply.beacon) == (known.size, known.leaf, known.beacon)
    assert reply.size == (await pull(house.client, phone.token, [])).size


NOTED = Draft(
    bytes(16), "org", "incident", INCIDENT, [{"t": "entry.add", "kind": "note", "text": "在办"}]
)


async def test_hb5_a_phone_that_never_heard_of_its_new_place_is_served_as_the_chain_it_left(
    house: Centre, station: Station, phone: Pen
) -> None:
    after = Pen("after", person_id("officer"))
    place = msgspec.structs.replace(phone.device, continued_by=after.chain)
    await house.intake.transaction(lambda batch: batch.devices.enrol(place))
    await station.mirrored()
    asked = hello(phone.chain, 0, phone.now_ms)
    answer = await refused(house.client, phone.token, "hello", asked)
    assert answer.json()["code"] == "rotation_needs_login"
    assert (await greeted(station, phone)).rotate is None
    assert (await push(station.client, phone, phone.create(INCIDENT)))[0].r == exchange.KEPT
    assert (await page_of(station, phone, await own_scope(station))).to == 1


async def test_hb3_what_the_centre_rules_otherwise_is_told_to_everybody_who_was_shown_it(
    house: Centre, station: Station, phone: Pen
) -> None:
    await push(house.client, phone, phone.create(INCIDENT))
    await station.mirrored()
    # While the line is down the officer is suspended, and writes on at the station.
    spoken = phone.note(INCIDENT, "我还在")
    [kept] = await push(station.client, phone, spoken)
    assert kept.r == exchange.KEPT
    house.clock.advance(1_000)
    phone.now_ms = house.clock.now_ms()
    await house.intake.transaction(lambda batch: batch.devices.revoke(phone.chain, "lost"))
    late = phone.note(INCIDENT, "还有")
    [kept] = await push(station.client, phone, late)
    assert kept.r == exchange.KEPT
    assert [one["text"] for one in (await view(station))["entries"]] == ["我还在", "还有"]
    names = await own_scope(station)
    before = await station.db.reading(scopes.places, [scopes.family_of(names)])

    await station.handed_up()
    assert [one["text"] for one in (await view(station))["entries"]] == ["我还在"]
    await station.mirrored()
    assert await view(station) == await view(house)
    colleague = Pen("colleague", person_id("officer"))
    await colleague.enrol(house.intake)
    await station.mirrored()
    page = await page_of(station, colleague, names, n=before[names])
    [(told, held)] = read(page)
    assert (told.payload["d"], told.payload["why"]) == (rulings.REJECTED, "revoked")
    assert held == id_of(late)
    assert not rulings.is_provisional(told.idx)
    # A person at the centre admits it after all.
    await house.intake.transaction(
        lambda batch: review(batch, id_of(late), admits=True, by=BY, text="他本人")
    )
    await station.mirrored()
    assert await view(station) == await view(house)
    assert len((await view(station))["entries"]) == 2
    assert (await rebuild(station.app.state.settings.url, check=True))[1] == 0


async def test_an_incident_that_only_the_station_took_for_one_goes(
    house: Centre, station: Station, phone: Pen
) -> None:
    house.clock.advance(1_000)
    await house.intake.transaction(lambda batch: batch.devices.revoke(phone.chain, "lost"))
    phone.now_ms = house.clock.now_ms()
    await push(station.client, phone, phone.create(INCIDENT))
    count = "SELECT (SELECT COUNT(*) FROM incidents), (SELECT COUNT(*) FROM incident_scopes)"
    assert (await station.db.reading(query, count)) == [(1, 1)]
    await station.handed_up()
    assert (await station.db.reading(query, count)) == [(0, 0)]
    assert (await view(station))["status"] == "reported"
    assert (await rebuild(station.app.state.settings.url, check=True)) == (0, 0)


async def test_rd3_words_that_were_taken_away_are_gone_from_the_stations_disk(
    house: Centre, station: Station, phone: Pen
) -> None:
    created, said = phone.create(INCIDENT), phone.note(INCIDENT, SECRET)
    await push(station.client, phone, created, said)
    await station.handed_up()
    files = list(station.app.state.settings.data_dir.glob("ortoo.db*"))
    assert any(SECRET.encode() in path.read_bytes() for path in files)
    ground = Ground(BY, "informant", "线人身份")
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, [id_of(said)], ground))
    with station.app.state.hub.listen([MONTH]) as ear:
        await station.mirrored()
        await heard(ear, MONTH)  # which is told after everything that was decided with it is done
    assert not any(SECRET.encode() in path.read_bytes() for path in files if path.exists())
    assert await view(station) == await view(house)
    page = await page_of(station, phone, await own_scope(station))
    assert [held for _ruling, held in read(page)] == [id_of(created), id_of(said)]
    [known] = await push(station.client, phone, said)
    assert known.r == exchange.DUPLICATE
    assert not any(SECRET.encode() in path.read_bytes() for path in files if path.exists())


async def test_a_station_that_stops_anywhere_goes_on_from_what_is_stored(
    house: Centre, phone: Pen, tmp_path: Path, migrated_file: Path
) -> None:
    await push(
        house.client, phone, phone.create(INCIDENT), *(phone.note(INCIDENT) for _ in range(5))
    )
    place = tmp_path / "station"
    async with beside(house, place, migrated_file) as station:
        kept = [phone.note(INCIDENT, f"{at}") for at in range(4)]
        await push(station.client, phone, *kept)
        assert await station.handed_up(2) == 2
        await push(house.client, phone, phone.note(INCIDENT))
        await station.taken(await station.names(), 10)
        shown = await view(station)
        chain = station.intake.desk.chain
    async with running(place, house) as again:
        assert again.intake.desk.chain == chain
        assert await view(again) == shown
        assert [one.r for one in await push(again.client, phone, *kept)] == [
            exchange.DUPLICATE,
            exchange.DUPLICATE,
            exchange.KEPT,
            exchange.KEPT,
        ]
        assert await again.handed_up() == 2
        await again.mirrored()
        assert await view(again) == await view(house)
        assert (await rebuild(again.app.state.settings.url, check=True)) == (1, 0)


async def test_a_stations_desk_takes_for_confirmed_only_what_the_centre_has(
    house: Centre, station: Station, phone: Pen
) -> None:
    row = {"name": "所长", "role": "station", "station": STATION}
    await house.intake.org("people", person_id("station"), row)
    await station.mirrored()
    duty = await seat(station, "station")
    await push(station.client, phone, phone.note(INCIDENT))
    contact = Contact(phone.chain, 1, pending=2, oldest_ms=None, clock_offset_ms=0, head=2, app="")
    station.intake.note_contact(contact)
    await station.intake.transaction(lambda _batch: None)

    async def told() -> tuple[int, int]:
        rows = {one["chain"]: one for one in await duty.ask("/api/devices")}
        return rows[phone.chain.hex()]["pending"], rows[phone.chain.hex()]["kept"]

    assert await told() == (2, 1), "one is on the phone, one is here"
    await station.handed_up()
    await station.mirrored()
    assert await told() == (1, 0)


async def test_hb8_what_only_the_centre_rules_is_refused_and_what_a_desk_writes_is_not(
    house: Centre, station: Station, phone: Pen
) -> None:
    row = {"name": "所长", "role": "station", "roles": ["admin", "commander"], "station": STATION}
    await house.intake.org("people", person_id("station"), row)
    await station.mirrored()
    chief = await seat(station, "station")
    body = {"title": "草场纠纷", "station": STATION.hex(), "category": "dispute"}
    made = await chief.post("/api/incidents", body)
    assert made.status_code == 201, made.text
    incident = bytes.fromhex(made.json()["id"])
    page = f"/api/incidents/{incident.hex()}"
    await chief.did(incident.hex(), "note", text="出警")
    assert (made.json()["number"], (await chief.ask(page))["summary"]["number"]) == (None, None)
    await station.handed_up()
    await station.mirrored()
    shown = (await view(house, incident))["number"]
    assert (await chief.ask(page))["summary"]["number"] == shown is not None
    assert await view(station, incident) == await view(house, incident)
    assert (await view(house, incident))["created"]["by"] == person_id("station")

    [[said]] = await station.db.reading(
        query, "SELECT set_id FROM sets WHERE entity = ? ORDER BY seq LIMIT 1", (incident,)
    )
    person, name = person_id("officer").hex(), {"name": "王", "role": "officer"}
    for method, path, asked in [
        ("PUT", f"/api/org/people/{person}", name),
        ("DELETE", f"/api/org/people/{person}", None),
        ("PUT", f"/api/people/{person}/login", {"login": "wang", "password": "steppe wind 32"}),
        ("POST", "/api/modes", {"mode": "storm"}),
        ("POST", "/api/devices/codes", {"person": person}),
        ("POST", f"/api/devices/{phone.chain.hex()}/revoke", {"why": "lost"}),
        ("POST", f"/api/rulings/{said.hex()}/ask", {"text": "?"}),
        ("POST", f"{page}/redactions", {"sets": [said.hex()], "ground": "minor", "text": "x"}),
    ]:
        answer = await chief.send(method, path, asked)
        assert (answer.status_code, answer.json()["code"]) == (409, "centre_only"), path

    new = Pen("new", person_id("officer"))
    jobs: list[Any] = [
        lambda batch: batch.org("people", person_id("officer"), None),
        lambda batch: batch.devices.enrol(new.device),
        lambda batch: batch.devices.revoke(phone.chain, "lost"),
        lambda batch: batch.rule_in("org", "scope", {}),
        lambda batch: batch.begin_epoch(bytes(8)),
        lambda batch: redact(batch, incident, [said], Ground(BY, "minor", "x")),
    ]
    for job in jobs:
        with pytest.raises(ProblemError) as error:
            await station.intake.transaction(job)
        assert (error.value.code, error.value.status) == ("centre_only", 409)
    opening = {"set": msgspec.Raw(phone.note(INCIDENT))}
    answer = await refused(station.client, phone.token, "rotate", opening)
    assert (answer.status_code, answer.json()["code"]) == (409, "centre_only")
    # Nothing of it is left half done.
    assert (await rebuild(station.app.state.settings.url, check=True))[1] == 0


async def test_hb2_pages_that_contradict_what_is_here_are_not_taken_in(
    house: Centre, station: Station, phone: Pen
) -> None:
    created = phone.create(INCIDENT)
    await push(house.client, phone, created, phone.note(INCIDENT), phone.note(INCIDENT))
    asked = await station.db.reading(cursors, await station.names())
    reply = await pull(house.client, TOKEN, asked)
    [month] = [page for page in reply.scopes if page.scope == MONTH]
    n, ruling, envelope = msgspec.msgpack.decode(
        month.entries[2], type=tuple[int, bytes, msgspec.Raw]
    )
    other = rulings.read_ruling(ruling)
    changed = rulings.encode_ruling(msgspec.structs.replace(other, at_ms=other.at_ms + 1))

    def ending(*entry: Any) -> ScopePage:
        entries = [*month.entries[:2], msgspec.Raw(msgspec.msgpack.encode(entry))]
        return msgspec.structs.replace(month, entries=entries)

    elsewhere = msgspec.Raw(phone.note(INCIDENT, "别的"))
    for bad, why in [
        (ending(n, ruling, elsewhere), "not the set that was ruled on"),
        (ending(n, ruling, None), "without its set"),
        (ending(n, changed, envelope), "the head of"),
        (ending(n + 1, ruling, envelope), "not dense"),
        (msgspec.structs.replace(month, entries=month.entries[:2]), "the head of"),
    ]:
        with pytest.raises(MirrorError, match=why):
            await taken(station, reply, bad)
    assert (await view(station))["entries"] == []
    # What does not follow is no contradiction: it answers something else that was asked.
    await taken(station, reply, msgspec.structs.replace(month, from_=2, entries=month.entries[1:]))
    await taken(station, reply, month)
    await taken(station, reply, month)
    assert len((await view(station))["entries"]) == 2
    shorter = msgspec.structs.replace(month, from_=month.to + 1, to=1, n=1, entries=[])
    with pytest.raises(MirrorError, match="1 entries at the centre and 3 here"):
        await taken(station, reply, shorter)


async def test_hb2_what_its_author_signed_only_with_what_follows_keeps_nothing_else_from_a_station(
    house: Centre, station: Station, phone: Pen
) -> None:
    """CS6: who hands in a run signs its end. A station may get a part of it, in which nothing shows whose that is."""

    def unsigned(raw: bytes) -> bytes:
        header, _signature, body = msgspec.msgpack.decode(raw)
        return msgspec.msgpack.encode([header, bytes(64), body])

    created, known = phone.create(INCIDENT), phone.note(INCIDENT, "亲手交的")
    await push(station.client, phone, created, known)
    run = [created, unsigned(known), unsigned(phone.note(INCIDENT, "谁写的"))]
    elsewhere = phone.create(chance("elsewhere")[:16], OTHER_STATION)
    results = await push(house.client, phone, *run, elsewhere)
    assert [one.r for one in results] == ["stored"] * 4
    await station.mirrored()
    page = await page_of(station, phone, MONTH)
    assert [held for _ruling, held in read(page)] == [id_of(created), id_of(known), None]
    [kept] = await push(station.client, phone, known)
    assert (kept.r, kept.idx) == ("duplicate", results[1].idx)
    held = await station.db.reading(sets.envelope, phone.chain, 2, id_of(known))
    assert held == known, "what it has is better"

    await push(house.client, phone, phone.note(INCIDENT, "随后"))
    await station.mirrored()
    assert {one["text"] for one in (await view(station))["entries"]} == {"亲手交的", "随后"}
    assert (await page_of(station, phone, MONTH)).head == (await page_of(house, phone, MONTH)).head
    assert await rebuild(station.app.state.settings.url, check=True) == (1, 0)


async def test_fk1_a_fork_that_the_centre_proved_is_known_at_the_station(
    house: Centre, station: Station, phone: Pen
) -> None:
    await push(house.client, phone, phone.create(INCIDENT))
    await station.mirrored()
    at = phone.writer
    here = phone.note(INCIDENT, "这边")
    phone.writer = at
    there = phone.note(INCIDENT, "那边", salt="another")
    await push(station.client, phone, here)
    await push(house.client, phone, there)
    await station.handed_up()
    await station.mirrored()
    assert await view(station) == await view(house)
    assert len((await view(station))["entries"]) == 2
    # From there on a command is held, here as well.
    command = phone.set(INCIDENT, COMMAND | {"kind": "dispatch", "round": 0})
    await push(station.client, phone, command)
    assert (await view(station))["orders"] == []
    await station.handed_up()
    [ruled] = await push(station.client, phone, command)
    assert (ruled.d, ruled.why) == (rulings.HELD, "fork")


async def test_those_who_listen_hear_of_what_is_kept_and_of_what_is_mirrored(
    station: Station, phone: Pen
) -> None:
    own = await own_scope(station)
    with station.app.state.hub.listen([own, MONTH, "log"]) as ear:
        await push(station.client, phone, phone.create(INCIDENT))
        kept = await heard(ear, own)
        assert kept[own] == 1
        await station.handed_up()
        await station.mirrored()
        mirrored = await heard(ear, MONTH)
        assert mirrored[MONTH] == 1
        assert mirrored["log"] > kept["log"]
        await station.mirrored()
        assert await ear.hear(0) == {}  # nobody is woken where nothing came


async def test_hb7_what_a_centre_lost_is_owed_again(tmp_path: Path, migrated_file: Path) -> None:
    place = tmp_path / "centre"
    place.mkdir()
    async with centre(place, migrated_file) as house:
        phone = await house.phone()
        created, first = phone.create(INCIDENT), phone.note(INCIDENT, "之前")
        await push(house.client, phone, created, first)
        async with beside(house, tmp_path / "station", migrated_file) as station:
            await house.app.state.keeper.sign()
            copied(place / "ortoo.db", tmp_path / "copy.db")
            kept = (await house.app.state.db.reading(log.read)).idx
            await push(house.client, phone, phone.note(INCIDENT, "在中心"))
            await push(station.client, phone, phone.note(INCIDENT, "在派出所"))
            await station.handed_up()
            ground = Ground(BY, "minor", "未成年")
            await house.intake.transaction(
                lambda batch: redact(batch, INCIDENT, [id_of(first)], ground)
            )
            await station.mirrored()
            await house.app.state.keeper.sign()
            assert await view(station) == await view(house)
            month = await page_of(station, phone, MONTH)
    copied(tmp_path / "copy.db", place / "ortoo.db")
    app = build_app(house.app.state.settings, clock=house.clock)
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with opened(app), httpx.AsyncClient(transport=transport, base_url=URL) as client:
        signer = Signer(app.state.settings, os.urandom)
        await loss.declare(app.state.intake, signer, os.urandom, why="旧盘", put_back=kept)
        back = Centre(app, client, house.clock)
        async with running(tmp_path / "station", back) as station:
            await station.names()
            # Of what was redacted nothing is shown before it comes again.
            shown = {one["text"] for one in (await view(station))["entries"]}
            assert shown == {"在中心", "在派出所"}
            assert (await station.db.reading(spool.counts)).waiting == 2
            # A phone that reads on here keeps what it has, until the new log has come.
            assert await page_of(station, phone, MONTH, n=month.to) is None
            assert await station.handed_up() == 2
            await station.mirrored()
            assert await view(station) == await view(back)
            assert len((await view(back))["entries"]) == 3
            assert (await station.db.reading(spool.counts)) == spool.Counts(0, None, 0, 0)
            assert (await rebuild(station.app.state.settings.url, check=True)) == (1, 0)


async def heard(ear: Ear, scope: str) -> dict[str, int]:
    """What an ear hears, until it has heard of this scope."""
    news: dict[str, int] = {}
    async with asyncio.timeout(20):
        while scope not in news:
            news |= await ear.hear(5.0)
    return news


async def seat(station: Station, login: str) -> Seat:
    """Somebody who signs in at the station's desk."""
    return await Centre(station.app, station.client, station.centre.clock).sign_in(login)


async def taken(station: Station, reply: PullReply, page: ScopePage) -> None:
    """Take in a reply with this page for the month."""
    pages = [page if one.scope == MONTH else one for one in reply.scopes]
    changed = msgspec.structs.replace(reply, scopes=pages)
    await station.intake.transaction(lambda batch: mirror(batch, changed))


def copied(source: Path, target: Path) -> None:
    """Copy a database as it stands."""
    with sqlite3.connect(source) as one, sqlite3.connect(target) as other:
        one.backup(other)
