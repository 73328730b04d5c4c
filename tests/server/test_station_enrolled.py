"""A township station as the centre knows it: let in, listened to, told what it needs, and shut out."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.auth.stations import AuditReply, AuditRequest, StationReply, StationRequest
from server.intake.replay import every
from server.seal import SealKey
from sync import exchange, rulings
from sync.exchange import PushResult
from sync.incident.escalation import CENTRE
from tests.server.desks import Centre, centre
from tests.server.pen import EPOCH_MS, OTHER_STATION, STATION, Pen, chance, person_id
from tests.server.test_enrol import b64, request

HOUR_MS = 3_600_000
INCIDENT = chance("incident")[:16]
TOKEN = "token-station"


@pytest.fixture
async def house(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


async def station_of(house: Centre) -> Pen:
    """A station's own chain, enrolled and open."""
    pen = Pen("station", CENTRE)
    device = msgspec.structs.replace(pen.device, person=None, station=STATION)
    await house.intake.transaction(lambda batch: batch.devices.enrol(device))
    await pushed(house, pen, pen.open())
    return pen


async def pushed(house: Centre, pen: Pen, *raws: bytes) -> list[PushResult]:
    results, _have = await house.intake.submit(list(raws), pen.device)
    return results


async def call(house: Centre, word: str, body: Any, token: str = TOKEN) -> Any:
    answer = await house.client.post(
        f"/sync/v1/{word}",
        content=exchange.encode(body),
        headers={"authorization": f"Bearer {token}", "content-type": exchange.CONTENT_TYPE},
    )
    return answer if answer.status_code != 200 else answer.content


def hello(pen: Pen) -> exchange.HelloRequest:
    return exchange.HelloRequest(
        v=1,
        app="test/1",
        chain=pen.chain,
        head=0,
        pending=7,
        oldest_ms=EPOCH_MS,
        wall_ms=EPOCH_MS,
        mono=(bytes(8), 0),
        request_id=bytes(16),
    )


async def test_hb1_a_station_is_let_in_by_a_code_of_its_own_which_no_phone_can_use(
    house: Centre,
) -> None:
    admin = await house.sign_in("admin")
    both = {"person": person_id("officer").hex(), "station": STATION.hex()}
    for wrong in ({}, both):
        assert (await admin.post("/api/devices/codes", wrong)).json()["code"] == "bad_request"
    unknown = await admin.post("/api/devices/codes", {"station": "0" * 32})
    assert unknown.json()["code"] == "not_found"
    code = (await admin.post("/api/devices/codes", {"station": STATION.hex()})).json()["code"]

    as_phone = await house.client.post("/api/enrol", json=request(code, "a phone"))
    assert (as_phone.status_code, as_phone.json()["code"]) == (401, "wrong_code")
    sealed = {"role": "station", "seal": b64(SealKey(99).public)}
    for bad in ({"role": "station"}, sealed | {"seal": b64(bytes(65))}, {"seal": sealed["seal"]}):
        refused = await house.client.post("/api/enrol", json=request(code, **bad))
        assert (refused.status_code, refused.json()["code"]) == (422, "bad_key")
    answer = await house.client.post("/api/enrol", json=request(code, **sealed))
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["person"], said["station"]) == (None, STATION.hex())
    row = house.intake.directory.row("devices", bytes.fromhex(said["chain"]))
    assert row is not None
    assert (row["station"], "person" in row) == (STATION, False)
    assert row["seal"] == SealKey(99).public, "so that phones know whom to seal to (BU9)"
    theirs = (await admin.post("/api/devices/codes", {"person": both["person"]})).json()["code"]
    as_station = await house.client.post("/api/enrol", json=request(theirs, "b", **sealed))
    assert as_station.json()["code"] == "wrong_code", "and no station enters as a person's phone"


async def test_hb1_a_station_speaks_for_whom_it_may_and_the_centre_can_tell_why(
    house: Centre,
) -> None:
    pen = await station_of(house)
    create = {"t": "incident.create", "source": "desk", "station": STATION, "tag": "T-1"}
    note = {"t": "entry.add", "kind": "note", "text": "到了"}
    house.clock.advance(1_000)
    pen.now_ms = house.clock.now_ms()

    def by(name: str, *ops: dict[str, Any], **more: Any) -> bytes:
        return pen.set(INCIDENT, *ops, user=person_id(name), **more)

    told = await pushed(
        house,
        pen,
        by("officer", create),
        by("other", note),
        by("dispatcher", note),
        pen.set(INCIDENT, note, user=CENTRE),
        by("station", {"t": "incident.close", "round": 0}),
    )
    held, taken = ("held", "unenrolled"), ("accepted", None)
    assert [(one.d, one.why) for one in told] == [taken, held, held, taken, taken]

    # One who was moved away may have written it before; once the centre was heard since, they cannot have.
    row = {"name": "王", "role": "officer", "station": OTHER_STATION}
    idx = await house.intake.org("people", person_id("officer"), row)
    [before] = await pushed(house, pen, by("officer", note))

    def leaf(batch: Any) -> bytes:
        raw = batch.connection.exec_driver_sql("SELECT bytes FROM rulings WHERE idx = ?", (idx,))
        return rulings.leaf_hash(bytes(raw.scalar()))[:16]

    seen = (idx, await house.intake.transaction(leaf))
    house.clock.advance(1_000)
    pen.now_ms = house.clock.now_ms()
    [after] = await pushed(house, pen, by("officer", note, seen=seen))
    assert (before.d, after.d, after.why) == ("accepted", "held", "unenrolled")

    # A command that a station gave more than eight days after it heard the centre is looked at by a person (AU7).
    house.clock.advance(8 * 24 * HOUR_MS + HOUR_MS)
    pen.now_ms = house.clock.now_ms()
    reopen = {"t": "incident.reopen", "round": 1, "why": "补充"}
    [late] = await pushed(house, pen, by("station", reopen))
    assert (late.d, late.why) == ("held", "stale_lease")
    decided = await house.app.state.db.reading(every)
    assert (decided.again, decided.wrong) == (9, []), "and every one of them follows from itself"


async def test_a_station_may_mirror_its_township_and_the_answers_of_whoever_roams(
    house: Centre,
) -> None:
    pen, phone, guest = await station_of(house), await house.phone(), await house.phone("other")
    await house.push(phone, phone.create(INCIDENT))
    elsewhere = chance("elsewhere")[:16]
    await house.push(guest, guest.create(elsewhere, OTHER_STATION))
    welcome = exchange.decode(exchange.HelloReply, await call(house, "hello", hello(pen)))
    own, theirs = f"station:{STATION.hex()}:2026-11", f"station:{OTHER_STATION.hex()}:2026-11"
    named = {name: n for name, _epoch, n in welcome.scopes}
    assert (named[own], named[f"device:{phone.chain.hex()}"]) == (1, 1)
    assert named["org"] > 0
    assert f"device:{pen.chain.hex()}" in named
    assert theirs not in named
    assert f"device:{guest.chain.hex()}" not in named

    asked = [(own, 0, 0), (theirs, 0, 0), (f"device:{guest.chain.hex()}", 0, 0)]
    pull = exchange.PullRequest(asked, 1 << 20)
    pages = exchange.decode(exchange.PullReply, await call(house, "pull", pull)).scopes
    assert [(page.scope, page.n) for page in pages] == [(own, 1), (asked[2][0], 1)]


async def test_a_station_is_told_tokens_and_its_own_logins_once_and_again_when_they_change(
    house: Centre,
) -> None:
    await station_of(house)
    phone, guest = await house.phone(), await house.phone("other")
    reply = exchange.decode(StationReply, await call(house, "station", StationRequest()))
    assert reply.devices is not None
    assert reply.logins is not None
    assert {one.chain for one in reply.devices} == {phone.chain, guest.chain}
    assert {one.token_hash for one in reply.devices} == {
        phone.device.token_hash,
        guest.device.token_hash,
    }
    assert {one.login for one in reply.logins} == {"officer", "station"}
    same = exchange.decode(StationReply, await call(house, "station", StationRequest(reply.digest)))
    assert same == StationReply(reply.digest)
    await house.phone("third")
    more = exchange.decode(StationReply, await call(house, "station", StationRequest(reply.digest)))
    assert more.devices is not None
    assert len(more.devices) == 3
    refused = await call(house, "station", StationRequest(), phone.token)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    # HB12: what a station says of its books changes nothing here, whatever it says, and is nobody else's to say.
    refused = await call(house, "audit", AuditRequest([]), phone.token)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    told = AuditRequest([(phone.chain, 0), (phone.chain, 2**53 - 1), (bytes(16), 0)])
    for _again in range(2):
        answer = exchange.decode(AuditReply, await call(house, "audit", told))
        assert answer.behind == [(phone.chain, 0), (bytes(16), -1)]
    for wrong in ([(bytes(15), 0)], [(bytes(16), -1)], [(bytes(16), 2**53)]):
        refused = await call(house, "audit", {"chains": wrong})
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_message"), wrong
    refused = await call(house, "audit", {"chains": [told.chains[0]] * 10_001})
    assert (refused.status_code, refused.json()["code"]) == (413, "request_too_large")


async def test_a_station_is_seen_on_the_devices_desk_and_can_be_shut_out_there(
    house: Centre,
) -> None:
    pen = await station_of(house)
    await call(house, "hello", hello(pen))
    await house.intake.transaction(lambda _batch: None)
    admin = await house.sign_in("admin")
    [row] = await admin.ask("/api/devices")
    assert (row["person"], row["name"], row["station"]) == (None, "甲派出所", STATION.hex())
    assert (row["pending"], row["head"], row["have"]) == (7, 0, 0), "what it holds is of others"
    path = f"/api/devices/{pen.chain.hex()}/revoke"
    held = await admin.post(path, {"why": "换机"})
    assert held.json()["code"] == "device_not_empty"
    assert (await admin.post(path, {"why": "换机", "despite": "机器被盗"})).status_code == 204
    for word, body in (("hello", hello(pen)), ("station", StationRequest())):
        refused = await call(house, word, body)
        assert refused.json()["code"] == "device_revoked"
    house.clock.advance(1)
    pen.now_ms = house.clock.now_ms()
    note = {"t": "entry.add", "kind": "note", "text": "到了"}
    [result] = await pushed(house, pen, pen.set(INCIDENT, note, user=CENTRE))
    assert (result.d, result.why) == ("rejected", "revoked")
