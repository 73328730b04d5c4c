"""A station and its centre over a line that is not always there."""

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import httpx2
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import text

from server.auth.devices import find
from server.auth.enrol import ADDRESS_FAILURES, Whose
from server.auth.stations import StationRequest, heard_since
from server.doctor import Finding, examine
from server.intake.places import DAY_MS
from server.proof import loss
from server.proof.signer import Signer
from server.store import log, sets, upstream
from server.store.devices import Contact, contacts
from server.store.engine import Database
from server.store.rows import execute, query
from server.store.spool import Counts
from server.upstream import link
from server.upstream.down import Down
from server.upstream.join import NotJoinedError, join
from server.upstream.reached import answering
from server.wire import ASKED_IDLE_S, SERVED_IDLE_S, Wire
from sync import exchange, rulings
from sync.canon import INT_MAX
from sync.changeset import KIND_INCIDENT, Draft
from sync.incident.escalation import CENTRE
from tests.blackbox.proxy import Cut
from tests.server.desks import PASSWORD
from tests.server.pen import EPOCH_MS, STATION, Pen, chance, person_id
from tests.server.stations import call, hello
from tests.server.test_enrol import request
from tests.server.township import Township, until

INCIDENT = chance("incident")[:16]
NOTE = {"t": "entry.add", "kind": "note", "text": "到了"}


async def said_at_desk(place: Township, *texts: str) -> None:
    """Somebody at the station's desk writes notes."""
    ops = [NOTE | {"text": text} for text in texts]
    drafts = [Draft(bytes(16), "org", KIND_INCIDENT, INCIDENT, [op]) for op in ops]
    for result in await place.state.intake.submit_desk(person_id("station"), drafts):
        assert result.d == "accepted", result


async def test_a_station_joins_by_a_code_and_then_both_ways_are_open(place: Township) -> None:
    phone = await place.phone()
    await place.at_centre(phone, phone.create(INCIDENT))
    with pytest.raises(NotJoinedError, match=r"wrong_code(?s:.*)ortoo station code"):
        await place.join("00000-00000")
    await place.linked()
    assert place.state.intake.directory.person(person_id("dispatcher")) is not None
    before = await place.same(INCIDENT)

    [kept] = await place.at_station(phone, phone.note(INCIDENT))
    assert (kept.r, kept.idx) == ("kept", None)
    await place.settled()
    assert await place.same(INCIDENT) != before
    [ruled] = await place.at_centre(phone, phone.note(INCIDENT, "再次"))
    await place.settled()
    assert ruled.idx is not None
    raw = await place.state.db.reading(sets.ruling, ruled.idx)
    assert raw == await place.centre.state.db.reading(sets.ruling, ruled.idx), "byte for byte"
    # What began long ago opens a month that no hello has named yet.
    began = {"t": "incident.create", "source": "self", "station": STATION, "tag": "T-2"}
    long_ago = {"at": place.clock.now_ms() - 100 * DAY_MS}
    [ruled] = await place.at_centre(phone, phone.set(chance("long ago")[:16], began | long_ago))
    await place.settled()

    # Phones show the tokens that they have, and people log in as they do at the centre.
    async def known() -> bool:
        return await find(place.state.db, phone.token) is not None

    await until(known)
    station = place.station
    assert station is not None
    transport = httpx.ASGITransport(app=station)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://station.local") as browser:
        login = {"login": "station", "password": PASSWORD}
        assert (await browser.post("/api/session", json=login)).status_code == 200
        login = {"login": "dispatcher", "password": PASSWORD}
        assert (await browser.post("/api/session", json=login)).json()["code"] == "wrong_login"
        health = (await browser.get("/api/health")).json()
        token = {"authorization": f"Bearer {phone.token}"}
        knocks = await browser.get("/api/push/key", headers=token)
        assert knocks.json()["code"] == "centre_only", "its subscription is the centre's"
    assert health["role"] == "station"
    assert health["log_size"] == ruled.idx
    upstream = health["upstream"]
    assert (upstream["waiting"], upstream["handed"], upstream["code"]) == (0, 0, None)
    assert upstream["linked_since_ms"] is not None
    assert (upstream["offset_ms"], upstream["uncertainty_ms"]) == (5_000, 52)


async def test_hb7_what_was_said_while_the_line_was_down_survives_a_restart_and_goes_up(
    place: Township,
) -> None:
    phone, guest = await place.phone(), await place.phone("other")
    await place.at_centre(phone, phone.create(INCIDENT))
    await place.linked()
    place.cut()
    kept = await place.at_station(phone, *[phone.note(INCIDENT, f"甲{at}") for at in range(250)])
    assert {result.r for result in kept} == {"kept"}
    await said_at_desk(place, "值班")
    await place.stop()
    await place.start()
    await place.at_station(guest, guest.note(INCIDENT, "路过"))
    await said_at_desk(place, "再记")
    assert (await place.owed()).waiting == 254, "and the opening of the station's own chain"
    [there] = await place.at_centre(phone, phone.note(INCIDENT, "中心先到"))
    assert there.r == "stored"
    place.mend()
    await place.settled()
    view = await place.same(INCIDENT)
    for said in ("甲0", "甲249", "值班", "路过", "再记", "中心先到"):
        assert said.encode() in view
    [provisional] = await place.state.db.reading(
        query, "SELECT COUNT(*) FROM sets WHERE idx >= ?", (rulings.PROVISIONAL_FROM,)
    )
    assert provisional[0] == 0, "the centre has ruled on all of it"


async def test_hb12_books_that_are_wrong_are_found_at_the_start_and_mended(
    place: Township,
) -> None:
    """HB12: a debt that nobody wrote down, and one that was paid long ago and stands."""
    phone = await place.phone()
    await place.at_centre(phone, phone.create(INCIDENT))
    await place.linked()
    place.cut()
    await place.at_station(phone, phone.note(INCIDENT, "没记账"))
    await place.stop()
    db = Database(place.settings.url)
    await db.writing(execute, "DELETE FROM spool")
    paid = "SELECT arrival_no, chain, seq, 0 FROM sets WHERE idx < ? ORDER BY arrival_no LIMIT 1"
    written = f"INSERT INTO spool (arrival_no, chain, seq, lane) {paid}"
    await db.writing(execute, written, (rulings.PROVISIONAL_FROM,))
    await db.writing(execute, "UPDATE spool SET handed_at_ms = 1")
    await db.close()
    place.mend()
    await place.start()

    async def arrived() -> bool:
        [[held]] = await place.centre.state.db.reading(
            query, "SELECT COUNT(*) FROM sets WHERE chain = ?", (phone.chain,)
        )
        return held == 3 and await place.owed() == Counts(0, None, 0, 0)

    await until(arrived)
    assert "没记账".encode() in await place.same(INCIDENT)


async def test_a_line_that_cuts_each_answer_short_still_brings_everything(place: Township) -> None:
    phone = await place.phone()
    texts = [f"{at}{chance('noise', at).hex() * 6}" for at in range(60)]
    half = [phone.note(INCIDENT, text) for text in texts[:30]]
    await place.at_centre(phone, phone.create(INCIDENT), *half)
    await place.join()
    place.mend(Cut("down", 12_000, hard=True))
    await place.start()
    await place.at_station(phone, *[phone.note(INCIDENT, text) for text in texts[30:]])
    await place.settled()
    assert place.line.cuts > 0
    view = await place.same(INCIDENT)
    assert all(text.encode() in view for text in texts)


async def test_a_station_that_was_shut_out_hands_over_what_it_holds_and_says_so(
    place: Township, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where it cannot take in what it is answered, as long as that lasts."""
    monkeypatch.setattr(link, "REFUSED_AGAIN_S", 0.1)
    caplog.set_level(logging.INFO, "ortoo.upstream")  # whatever ran before in this process
    phone = await place.phone()
    await place.at_centre(phone, phone.create(INCIDENT))
    await place.linked()
    chain = place.state.intake.desk.chain
    place.cut()
    [kept] = await place.at_station(phone, phone.note(INCIDENT, "断网时"))
    assert kept.r == "kept"
    await place.centre.state.intake.transaction(
        lambda batch: batch.devices.revoke(chain, "机器被盗")
    )
    head = await place.centre.state.db.reading(log.read)
    other = [(head.idx + ahead, rulings.KIND_ASK, b"another") for ahead in (1, 2)]
    for row in other:
        await place.state.db.writing(execute, "INSERT INTO rulings VALUES (?, 0, ?, ?)", row)
    place.mend()

    async def stuck() -> bool:
        return "what is held stays here" in caplog.messages

    await until(stuck)
    status = await place.status()
    assert (status.code, status.spool.waiting > 0) == ("device_revoked", True)
    await place.state.db.writing(execute, "DELETE FROM rulings WHERE bytes = ?", (b"another",))

    async def taken_in() -> bool:
        return await place.owed() == Counts(0, None, 0, 0)

    await until(taken_in)
    assert "断网时".encode() in await place.view(place.centre, INCIDENT)
    assert (await place.status()).linked_since_ms is None


async def test_a_centre_that_contradicts_itself_is_not_believed_and_still_gets_what_it_is_owed(
    place: Township,
) -> None:
    phone = await place.phone()
    await place.at_centre(phone, phone.create(INCIDENT))
    await place.linked()
    place.cut()
    await place.at_centre(phone, phone.note(INCIDENT, "断网时在中心"))
    async with place.centre.state.db.write() as connection:
        of_month = "(SELECT id FROM scopes WHERE name LIKE 'station:%')"
        await connection.execute(
            text(
                f"UPDATE scope_entries SET head = zeroblob(16) WHERE n = 2 AND scope IN {of_month}"
            )
        )
    place.mend()

    async def refused() -> bool:
        return (await place.status()).code == "not_mirrored"

    await until(refused)
    assert place.station is not None
    assert "断网时在中心".encode() not in await place.view(place.station, INCIDENT)
    await place.at_station(phone, phone.note(INCIDENT, "仍然上报"))

    async def handed_up() -> bool:
        return (await place.owed()).waiting == 0

    await until(handed_up)
    assert "仍然上报".encode() in await place.view(place.centre, INCIDENT)


async def test_a_station_finds_its_centre_put_back_and_goes_on_with_the_other_epoch(
    place: Township,
) -> None:
    phone = await place.phone()
    await place.at_centre(phone, phone.create(INCIDENT), phone.note(INCIDENT, "之前"))
    await place.linked()
    place.cut()
    await place.at_station(phone, phone.note(INCIDENT, "断网时"))
    state = place.centre.state
    before = await state.db.reading(log.read)
    signer = Signer(state.settings, os.urandom)
    await loss.declare(state.intake, signer, os.urandom, why="换盘", put_back=before.idx)
    place.mend()
    await place.settled()
    assert "断网时".encode() in await place.same(INCIDENT)
    known = await place.state.db.reading(upstream.read)
    assert known.epoch == (await state.db.reading(log.read)).epoch != before.epoch
    assert [epoch for epoch, _kept in known.lost] == [before.epoch]


def test_a_station_asks_nothing_over_a_connection_that_its_centre_is_about_to_end() -> None:
    """A question that meets the end of its connection breaks both ways of the link, where nothing was wrong with it."""
    slow_line_s = 20
    assert ASKED_IDLE_S + slow_line_s < SERVED_IDLE_S


async def test_what_is_not_there_though_it_was_promised_is_asked_for_once(place: Township) -> None:
    """As by a centre that was put back a little, and has not said so yet."""
    await place.linked()
    known = await place.state.db.reading(upstream.read)
    me = link.Me(place.state.intake.desk.chain, known.token)

    async def nothing() -> None:
        pass

    async with httpx2.AsyncClient(base_url=place.settings.upstream) as http:
        wire = Wire(http, lambda: me)
        parts: Any = {"intake": place.state.intake, "heard": lambda: None, "months": 13}
        down = Down(wire, place.own_clock, place.state.db, **parts)
        greeting = hello(me.chain, -1, place.own_clock.now_ms())
        greeted = await wire.call("hello", greeting, exchange.HelloReply)
        more = [(name, epoch, n + 1) for name, epoch, n in greeted.scopes]
        down.told_of(msgspec.structs.replace(greeted, scopes=more))
        async with asyncio.timeout(20):
            await down.catch_up(nothing)
    assert down.brought == 0


async def test_a_page_of_some_gate_is_no_word_of_the_centre(place: Township) -> None:
    phone = await place.phone()
    await place.at_centre(phone, phone.create(INCIDENT))
    await place.linked()
    asked: list[bytes] = []

    async def gate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        page = b"<html>data: please pay\r\nevent: moved\r\n</html>"
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n"
        writer.write(head % len(page) + b"Connection: close\r\n\r\n" + page)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(gate, "127.0.0.1", 0)
    async with server:
        with place.line.elsewhere(server.sockets[0].getsockname()[1]):
            place.own_clock.advance(61_000)
            await place.at_station(phone, phone.note(INCIDENT, "过门"))

            async def turned_away() -> bool:
                # Both ways ask beside each other, so the second may come before the round has ended.
                return len(asked) >= 2 and (await place.status()).linked_since_ms is None

            await until(turned_away)
            status = await place.status()
            assert (status.code, status.spool.waiting) == (None, 1)
            assert place.state.link.is_alone()
    await place.settled()
    assert "过门".encode() in await place.same(INCIDENT)


async def test_a_name_that_leads_to_the_station_itself_is_said_and_gets_well_by_itself(
    place: Township,
) -> None:
    await place.linked()
    with place.line.elsewhere(place.port):
        await until(lambda: says(place, "no_centre"))
        found = await centre_of(place)
        assert not found.fine
        assert "/etc/hosts" in found.cure
    await until(lambda: says(place, None))
    assert (await centre_of(place)).fine
    another = bytes(16)
    assert await answering(place.settings.upstream, another) == "not_mirrored"
    place.cut()
    assert (await centre_of(place)).fine, "a line may be away"


async def test_a_certificate_that_is_not_trusted_is_said_and_so_is_a_file_without_authorities(
    place: Township, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.join()
    async with stranger(tmp_path) as port:
        at = f"https://127.0.0.1:{port}"
        place.settings = msgspec.structs.replace(place.settings, upstream=at)
        for file in (None, tmp_path / "empty.crt", tmp_path / "missing.crt"):
            tmp_path.joinpath("empty.crt").touch()
            if file is not None:
                monkeypatch.setenv("SSL_CERT_FILE", str(file))
            with pytest.raises(NotJoinedError, match="SSL_CERT_FILE"):
                await place.join("00000-00000")
            await place.start()
            await until(lambda: says(place, "not_trusted"))
            found = await centre_of(place)
            assert not found.fine
            assert "SSL_CERT_FILE" in found.cure
            await place.stop()


async def says(place: Township, code: str | None) -> bool:
    """Whether the link names this as what nobody mends by waiting; None: it stands."""
    status = await place.status()
    return status.code == code and (code is not None or status.linked_since_ms is not None)


async def centre_of(place: Township) -> Finding:
    """What the doctor finds of the centre."""
    findings = await examine(place.settings)
    return next(one for one in findings if one.what == "centre")


@asynccontextmanager
async def stranger(tmp_path: Path) -> AsyncIterator[int]:
    """The port of somebody whose certificate nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stranger")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    both = tmp_path / "stranger.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(made.public_bytes(Encoding.PEM) + pem)
    shown = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    shown.load_cert_chain(both)
    server = await asyncio.start_server(
        lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=shown
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_new_phone_is_let_in_through_its_station_while_there_is_a_line(
    place: Township,
) -> None:
    await place.linked()
    station = place.station
    assert station is not None
    whose = Whose(person=person_id("officer"))
    code, _ends_ms = await place.centre.state.enrolment.issue(whose, CENTRE)
    transport = httpx.ASGITransport(app=station)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://station.local") as phone:

        async def asked(**more: str) -> tuple[int, str | None]:
            body = request(code, "a new phone") | more
            reply = await phone.post("/api/enrol", json=body)
            return reply.status_code, reply.json().get("code")

        place.cut()
        assert await asked() == (503, "centre_away")
        place.mend()
        await place.settled()
        assert await asked(code="00000-00000") == (401, "wrong_code"), "the centre's word, as it is"
        assert await asked(role="station") == (409, "centre_only")
        let_in = (await phone.post("/api/enrol", json=request(code, "a new phone"))).json()
        assert let_in["person"]["id"] == person_id("officer").hex()

        async def known() -> bool:
            return await find(place.state.db, let_in["token"]) is not None

        await until(known)  # and may push at once
        for _ in range(ADDRESS_FAILURES):
            await asked(code="00000-00000")
        place.cut()  # whoever guesses is stopped here, and not on the thin line
        assert await asked(code="00000-00000") == (429, "too_many_attempts")


async def test_what_a_station_says_that_it_heard_is_bounded() -> None:
    """HB10: one field that no database holds takes nothing else with it."""
    said = {"chain": bytes(16), "last_contact_ms": 1, "pending": 0, "head": 0, "app": "a"}
    said |= {"oldest_ms": None, "clock_offset_ms": None}
    for wrong in (
        {"head": 2**53},
        {"pending": -1},
        {"last_contact_ms": 2**63},
        {"app": "a" * 121},
        {"storage": 101},
        {"kept": -1},
        {"chain": bytes(15)},
    ):
        with pytest.raises(msgspec.ValidationError):
            exchange.decode(StationRequest, exchange.encode({"heard": [said | wrong]}))
    with pytest.raises(msgspec.ValidationError):
        exchange.decode(StationRequest, exchange.encode({"heard": [said] * 1_001}))
    assert len(exchange.decode(StationRequest, exchange.encode({"heard": [said]})).heard) == 1


async def test_hb10_the_centre_hears_of_a_phone_through_its_station(place: Township) -> None:
    phone, lost_in_time = await place.phone(), await place.phone("other")
    await place.linked()
    stranger = Pen("nobody's", person_id("officer"))

    async def known() -> bool:
        return await find(place.state.db, lost_in_time.token) is not None

    await until(known)
    transport = httpx.ASGITransport(app=place.station)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://station.local") as browser:
        asked = msgspec.structs.replace(hello(lost_in_time.chain, 0, 0), wall_ms=-INT_MAX)
        await call(browser, lost_in_time.token, "hello", asked, exchange.HelloReply)
    said = {"pending": 3, "oldest_ms": EPOCH_MS - 9_000, "clock_offset_ms": 120, "head": 7}
    said |= {"storage": 31}
    later_ms = place.own_clock.now_ms() + 3_600_000
    for chain, at_ms in ((phone.chain, later_ms), (stranger.chain, later_ms)):
        contact = Contact(chain=chain, last_contact_ms=at_ms, app="test/2", **said)
        place.state.intake.note_contact(contact)

    async def written() -> bool:
        return phone.chain in await place.state.db.reading(contacts)

    await until(written)
    await place.stop()
    await place.start()  # it tells with its first hello, and then every minute

    async def told() -> bool:
        return phone.chain in await place.centre.state.db.reading(contacts)

    await until(told)
    heard = await place.centre.state.db.reading(contacts)
    one = heard[phone.chain]
    assert (one.pending, one.oldest_ms, one.head, one.app) == (3, EPOCH_MS - 9_000, 7, "test/2")
    assert (one.storage, one.kept) == (31, 0)
    assert one.last_contact_ms <= place.clock.now_ms(), "nobody was heard in the future"
    assert stranger.chain not in heard
    place.cut()
    await place.at_station(phone, phone.note(INCIDENT))
    [of_phone] = [
        said for said in await place.state.db.reading(heard_since, 0) if said.chain == phone.chain
    ]
    assert of_phone.kept == 1, "it is at the station, and not yet at the centre"


async def test_hb9_a_station_takes_the_steps_of_the_plan_only_while_it_is_alone(
    place: Township,
) -> None:
    phone = await place.phone()
    order = {
        "t": "order.issue",
        "order": chance("order")[:16],
        "to": ["person", phone.person],
        "kind": "dispatch",
        "round": 0,
    }
    await place.at_centre(phone, phone.create(INCIDENT, STATION, order))
    await place.linked()
    for clock in (place.clock, place.own_clock):
        clock.advance(15_000)
    assert await place.state.deadlines.tend() == 0, "its centre is there and does it"
    assert await place.centre.state.deadlines.tend() > 0
    await place.settled()
    told = await place.same(INCIDENT)
    assert b"nudge" in told
    place.cut()
    place.own_clock.advance(61_000)
    assert place.state.link.is_alone()
    assert await place.state.deadlines.tend() > 0
    assert (await place.owed()).waiting > 0
    place.mend()
    await place.settled()
    assert await place.same(INCIDENT) != told


async def test_a_centres_own_data_and_anothers_station_are_not_joined(place: Township) -> None:
    await place.join()
    await place.join()  # once more, with another code of the same centre
    async with place.centre.state.db.write() as connection:
        await connection.execute(text("UPDATE log_head SET server_id = :id"), {"id": bytes(16)})
    with pytest.raises(NotJoinedError, match="another centre"):
        await place.join()
    centre = place.centre.state.settings
    with pytest.raises(NotJoinedError, match="a centre's own"):
        await join(centre, place.centre.state.db, place.settings.upstream, "", os.urandom)
