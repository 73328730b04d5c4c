"""Web Push from the order to the phone: who is knocked at, with what patience, and that nothing ever waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import Connection

from server.perform import Performer
from server.push.pusher import ATTEMPTS, KEY_FILE, REFUSALS_MAX, Pusher
from server.push.wanted import PUSH, Wanted, read, receivers, want
from server.settings import PushSettings, Settings
from server.store import outbox, subscriptions
from server.store.engine import Database
from server.store.subscriptions import Subscription
from tests.server.conftest import House
from tests.server.desks import Centre, centre
from tests.server.pen import EPOCH_MS, OTHER_UNIT, STATION, UNIT, Pen, chance, person_id
from tests.server.push_service import PushService, There, push_service, told
from tests.server.test_forks import Rotating, rotate
from tests.server.test_push_sending import kept

OFFICER, OTHER = person_id("officer"), person_id("other")
HERE = PushSettings(services="localhost", loopback=True)
ORDER, INCIDENT = chance("order")[:16], chance("incident")[:16]
VEHICLE = b"vehicle-push----"


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as made:
        yield made


@pytest.fixture
async def ours(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file, push=HERE) as made:
        yield made


class Device:
    """A phone that speaks to the push calls."""

    def __init__(self, house: Centre, pen: Pen) -> None:
        self.pen = pen
        self._client = house.client
        self._headers = {"authorization": f"Bearer {pen.token}"}

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self._client.request(
            method, f"/api/push/{path}", json=body, headers=self._headers
        )

    async def subscribe(self, service: PushService) -> There:
        key = (await self.ask("GET", "key")).json()["key"]
        there = await service.subscribe(key)
        answer = await self.ask("PUT", "subscription", there.body)
        assert answer.status_code == 200, answer.text
        return there


async def device(house: Centre, name: str = "officer") -> Device:
    return Device(house, await house.phone(name))


async def code(answer: Awaitable[httpx.Response]) -> tuple[int, str]:
    got = await answer
    return got.status_code, got.json()["code"]


def kept_by(house: Centre) -> Callable[[bytes], Awaitable[Subscription | None]]:
    return lambda chain: house.app.state.db.reading(subscriptions.of_chain, chain)


async def dispatch(house: Centre, to: list[str]) -> dict[str, Any]:
    desk = await house.sign_in("dispatcher")
    secret = {"title": "持刀伤人", "place": "昂素镇二社", "caller_phone": "13800002046"}
    asked = secret | {"category": "dispute", "station": STATION.hex(), "order": {"to": to}}
    answer = await desk.post("/api/incidents", asked)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


# ---- from the order to the phone -------------------------------------------------------------


async def test_an_order_knocks_at_the_phones_it_concerns_and_says_nothing_of_what_it_is(
    ours: Centre, service: PushService
) -> None:
    mine = await (await device(ours)).subscribe(service)
    theirs = await (await device(ours, "other")).subscribe(service)
    created = await dispatch(ours, ["unit", UNIT.hex()])
    await service.until(1)
    [text] = await service.messages(mine)
    said = told(text)
    assert said.keys() == {"what", "incident", "order"}
    assert (said["what"], said["incident"]) == ("order", created["id"])
    await dispatch(ours, ["unit", OTHER_UNIT.hex()])
    await service.until(2)
    assert len(await service.messages(mine)) == len(await service.messages(theirs)) == 1


async def test_a_phone_says_where_it_is_reached_and_asks_for_a_test(
    ours: Centre, service: PushService
) -> None:
    phone = await device(ours)
    assert await code(phone.ask("POST", "test")) == (404, "no_push")
    there = await phone.subscribe(service)
    first = (await phone.ask("PUT", "subscription", there.body)).json()
    assert first == {"created_at": EPOCH_MS, "succeeded_at": None}
    tested = (await phone.ask("POST", "test")).json()
    assert (tested["taken"], tested["why"]) == (True, "http_201")
    assert [told(one) for one in await service.messages(there)] == [
        {"what": "test", "test": tested["test"]}
    ]
    again = (await phone.ask("PUT", "subscription", there.body)).json()
    assert again == {"created_at": EPOCH_MS, "succeeded_at": EPOCH_MS}
    await service.answers({"status": 503})
    assert (await phone.ask("POST", "test")).json()["taken"] is False
    for _ in range(4):
        await phone.ask("POST", "test")
    assert await code(phone.ask("POST", "test")) == (429, "too_many_requests")
    assert (await phone.ask("DELETE", "subscription")).status_code == 204
    assert (await phone.ask("DELETE", "subscription")).status_code == 204
    assert await kept_by(ours)(phone.pen.chain) is None


async def test_a_phone_that_changed_hands_hears_nothing_for_whoever_had_it_before(
    ours: Centre, service: PushService
) -> None:
    before, after = await device(ours), await device(ours, "other")
    there = await before.subscribe(service)
    assert (await after.ask("PUT", "subscription", there.body)).status_code == 200
    assert await kept_by(ours)(before.pen.chain) is None
    await dispatch(ours, ["person", OFFICER.hex()])
    await dispatch(ours, ["person", OTHER.hex()])
    await service.until(1)
    assert len(await service.messages(there)) == 1


async def test_a_revoked_phone_is_knocked_at_no_more_and_may_not_subscribe(
    ours: Centre, service: PushService
) -> None:
    phone = await device(ours)
    there = await phone.subscribe(service)
    await ours.intake.transaction(lambda batch: batch.devices.revoke(phone.pen.chain, "丢失"))
    rows = await ours.app.state.db.reading(
        lambda at: at.exec_driver_sql("SELECT * FROM push_subscriptions").fetchall()
    )
    assert rows == []
    for method, path, body in (
        ("GET", "key", None),
        ("PUT", "subscription", there.body),
        ("DELETE", "subscription", None),
        ("POST", "test", None),
    ):
        assert await code(phone.ask(method, path, body)) == (403, "device_revoked")


async def test_the_chain_that_takes_a_place_takes_the_subscription_with_it(
    ours: Centre, service: PushService
) -> None:
    phone = await device(ours)
    there = await phone.subscribe(service)
    ours.clock.advance(1_000)
    new = Rotating(phone.pen, "next")
    status, said = await rotate(ours, new.raw, phone.pen.token)
    assert status == 200
    assert await code(phone.ask("GET", "key")) == (403, "rotation_needs_login")
    await dispatch(ours, ["person", OFFICER.hex()])
    await service.until(1)
    assert len(await service.messages(there)) == 1
    new.pen.token = said["token"]
    known = (await Device(ours, new.pen).ask("PUT", "subscription", there.body)).json()
    assert known["created_at"] == EPOCH_MS, "it is the same one still"


@pytest.mark.parametrize(
    ("changed", "status", "named"),
    [
        ({"endpoint": "https://10.0.0.5/x"}, 422, "bad_subscription"),
        ({"endpoint": "http://169.254.169.254/latest"}, 422, "bad_subscription"),
        ({"p256dh": "BA"}, 422, "bad_subscription"),
        ({"p256dh": "!!"}, 422, "bad_subscription"),
        ({"auth": "AAAA"}, 422, "bad_subscription"),
        ({"endpoint": "https://localhost/" + "x" * 3_000}, 400, "bad_request"),
        ({"expirationTime": None}, 400, "bad_request"),
    ],
)
async def test_what_is_no_subscription_is_refused_with_a_reason(
    ours: Centre, service: PushService, changed: dict[str, Any], status: int, named: str
) -> None:
    phone = await device(ours)
    key = (await phone.ask("GET", "key")).json()["key"]
    body = (await service.subscribe(key)).body | changed
    assert await code(phone.ask("PUT", "subscription", body)) == (status, named)
    assert await kept_by(ours)(phone.pen.chain) is None


async def test_a_centre_without_web_push_says_so_and_does_everything_else(
    tmp_path: Path, migrated_file: Path
) -> None:
    async with centre(tmp_path, migrated_file, push=PushSettings(services="")) as house:
        phone = await device(house)
        assert (await phone.ask("GET", "key")).json() == {"key": None}
        body = {"endpoint": "https://fcm.googleapis.com/x", "p256dh": "BA", "auth": "AA"}
        assert await code(phone.ask("PUT", "subscription", body)) == (404, "no_push")
        assert (await dispatch(house, ["person", OFFICER.hex()]))["number"]
    assert not (tmp_path / KEY_FILE).exists()


async def test_the_key_is_made_once_and_is_nobody_elses(
    tmp_path: Path, migrated_file: Path
) -> None:
    seen = set()
    for _ in range(2):
        async with centre(tmp_path, migrated_file) as house:
            seen.add(house.app.state.pusher.key)
    assert len(seen) == 1
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


# ---- whom an order concerns, written with the order itself -------------------------------------


async def subscribed(house: House, pen: Pen, name: str = "x") -> None:
    one = Subscription(pen.chain, f"http://localhost:9/{name}", pen.key.public, bytes(16), 0)
    await house.db.writing(subscriptions.save, one)


async def pushes(house: House) -> list[Wanted]:
    left = await house.db.reading(outbox.waiting)
    return [read(one.payload) for one in left if one.kind == PUSH]


async def test_a_push_is_wanted_in_the_transaction_that_lists_the_order(house: House) -> None:
    await house.performer.stop()  # nothing is performed: what was decided stays to be looked at
    pen, boss = Pen("officer", OFFICER), Pen("boss", person_id("dispatcher"))
    for one in (pen, boss):
        await one.enrol(house.intake)
        await house.intake.submit([one.open()], one.device)
    issue = {
        "t": "order.issue",
        "order": ORDER,
        "to": ["unit", UNIT],
        "kind": "dispatch",
        "round": 0,
    }

    async def given(incident: bytes, *ops: dict[str, Any], by: Pen = boss) -> list[Wanted]:
        before = len(await pushes(house))
        [result], _ = await house.intake.submit(
            [by.create(incident, STATION, *ops, source="desk" if by is boss else "self")], by.device
        )
        assert result.d == "accepted", result
        return (await pushes(house))[before:]

    assert await given(INCIDENT, issue) == [], "nobody subscribed"
    await subscribed(house, pen)
    other = chance("second")[:16]
    [wanted] = await given(other, issue)
    assert wanted == Wanted("order", house.clock.now_ms(), other, ORDER, person=OFFICER)
    elsewhere = issue | {"to": ["unit", OTHER_UNIT]}
    assert await given(chance("third")[:16], elsewhere) == [], "it concerns somebody else"
    own = issue | {"to": ["person", OFFICER]}
    assert await given(chance("fourth")[:16], own, by=pen) == [], "whoever gave it knows"
    [result], _ = await house.intake.submit([boss.note(other)], boss.device)
    assert result.d == "accepted"
    reassign = {
        "t": "order.reassign",
        "order": ORDER,
        "new": chance("new")[:16],
        "to": ["person", OFFICER],
    }
    count = len(await pushes(house))
    await house.intake.submit([boss.set(other, reassign)], boss.device)
    [again] = (await pushes(house))[count:]
    assert again.order == reassign["new"]


async def test_an_order_to_a_vehicle_concerns_its_crew(house: House) -> None:
    await house.intake.org("vehicles", VEHICLE, {"name": "甲01", "unit": UNIT})
    directory = house.intake.directory
    assert receivers(directory, "vehicle", VEHICLE) == [OFFICER]
    assert receivers(directory, "unit", OTHER_UNIT) == [OTHER]
    assert receivers(directory, "person", OTHER) == [OTHER]
    for unknown in ("vehicle", "unit"):
        assert receivers(directory, unknown, bytes(16)) == []


# ---- patience, and an end to it ---------------------------------------------------------------


class Waits:
    """Sleep that only remembers, and moves the clock as sleep does."""

    def __init__(self, house: House) -> None:
        self.slept: list[float] = []
        self._clock = house.clock

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.advance(round(seconds * 1000))


@asynccontextmanager
async def pushing(house: House, tmp_path: Path) -> AsyncIterator[tuple[Pusher, Waits]]:
    settings = Settings(data_dir=tmp_path, push=HERE)
    waits = Waits(house)
    pusher = Pusher(settings, house.clock, bytes, house.db, sleep=waits)
    pusher.start()
    yield pusher, waits
    await pusher.stop()


async def reached(house: House, service: PushService, key: str | None) -> tuple[Pen, There]:
    pen = Pen("officer", OFFICER)
    await pen.enrol(house.intake)
    assert key is not None
    there = await service.subscribe(key)
    await house.db.writing(
        subscriptions.save, msgspec.structs.replace(kept(there), chain=pen.chain)
    )
    return pen, there


def nudge(house: House) -> bytes:
    return msgspec.msgpack.encode(
        Wanted("nudge", house.clock.now_ms(), INCIDENT, ORDER, person=OFFICER)
    )


async def test_a_busy_service_is_asked_again_when_it_says_and_not_for_ever(
    house: House, service: PushService, tmp_path: Path
) -> None:
    async with pushing(house, tmp_path) as (pusher, waits):
        _pen, there = await reached(house, service, pusher.key)
        await service.answers(
            {"status": 429, "headers": {"retry-after": "7"}}, {"status": 500}, {"status": 503}
        )
        await pusher.perform(nudge(house))
        assert waits.slept == [7.0, 10.0, 40.0]
        assert len(await service.messages(there)) == 1
        ttls = [int(one["headers"]["ttl"]) for one in await service.seen()]
        assert ttls == [300, 293, 283, 243], "what is late is worth less"
        await service.answers(*[{"status": 503}] * 9)
        await pusher.perform(nudge(house))
        assert len(await service.seen()) == 4 + ATTEMPTS
        await service.answers({"status": 429, "headers": {"retry-after": "3600"}})
        await pusher.perform(nudge(house))
        assert len(await service.seen()) == 5 + ATTEMPTS, "an hour is not waited for"
        assert await house.db.reading(subscriptions.any_kept), "it may be back tomorrow"


async def test_an_ended_subscription_is_forgotten_at_once_and_a_refused_one_after_a_while(
    house: House, service: PushService, tmp_path: Path
) -> None:
    async with pushing(house, tmp_path) as (pusher, waits):
        pen, there = await reached(house, service, pusher.key)
        for _ in range(REFUSALS_MAX - 1):
            await service.answers({"status": 403})
            await pusher.perform(nudge(house))
        held = await house.db.reading(subscriptions.of_chain, pen.chain)
        assert held is not None
        assert held.refusals == REFUSALS_MAX - 1
        await pusher.perform(nudge(house))
        healed = await house.db.reading(subscriptions.of_chain, pen.chain)
        assert healed is not None
        assert (healed.refusals, healed.succeeded_at_ms) == (0, house.clock.now_ms())
        for _ in range(REFUSALS_MAX):
            await service.answers({"status": 403})
            await pusher.perform(nudge(house))
        assert await house.db.reading(subscriptions.of_chain, pen.chain) is None
        _pen, there = await reached(house, service, pusher.key)
        await service.expire(there)
        await pusher.perform(nudge(house))
        assert await house.db.reading(subscriptions.of_chain, pen.chain) is None
        assert waits.slept == [], "neither is a reason to come again"


async def test_what_is_over_knocks_at_nobody(
    house: House, service: PushService, tmp_path: Path
) -> None:
    async with pushing(house, tmp_path) as (pusher, _waits):
        pen, there = await reached(house, service, pusher.key)
        await house.intake.submit([pen.open()], pen.device)
        issue = {"t": "order.issue", "order": ORDER, "to": ["person", OFFICER], "kind": "dispatch"}
        await house.intake.submit([pen.create(INCIDENT, STATION, issue | {"round": 0})], pen.device)
        order = msgspec.msgpack.encode(
            Wanted("order", house.clock.now_ms(), INCIDENT, ORDER, person=OFFICER)
        )
        await pusher.perform(order)
        assert len(await service.messages(there)) == 1
        late = nudge(house)
        house.clock.advance(300_000)
        await pusher.perform(late)
        await house.intake.submit([pen.claim(INCIDENT, "signed", ORDER)], pen.device)
        await pusher.perform(order)
        assert len(await service.messages(there)) == 1


# ---- nothing waits for it -----------------------------------------------------------------------


async def test_a_push_that_never_ends_holds_no_other_effect_up_and_is_found_again(
    db: Database,
) -> None:
    begun, heard = asyncio.Event(), asyncio.Event()
    done: list[bytes] = []

    async def never(_payload: bytes) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def moved(payload: bytes) -> None:
        done.append(payload)
        if len(done) == 50:
            heard.set()

    def both(connection: Connection) -> list[outbox.Effect]:
        found = []
        for at in range(50):
            found.append(want(connection, Wanted("nudge", 0, person=OFFICER)))
            found.append(outbox.add(connection, "moved", b"%d" % at, 0))
        return found

    performer = Performer({"moved": moved}, beside={PUSH: never}, beside_limit=40)
    performer.start(db)
    performer.offer(await db.writing(both))
    async with asyncio.timeout(20):
        await begun.wait()
        await heard.wait()
    await performer.stop()
    await db.writing(outbox.performed, performer.take_done())
    left = await db.reading(outbox.waiting)
    assert [one.kind for one in left] == [PUSH] * 40, "past the limit they were left out"

    again = asyncio.Event()
    found: list[bytes] = []

    async def takes(payload: bytes) -> None:
        found.append(payload)
        if len(found) == 40:
            again.set()

    performer = Performer({}, beside={PUSH: takes})
    performer.start(db)
    async with asyncio.timeout(20):
        await again.wait()
    await performer.stop()


async def test_with_every_service_out_of_reach_an_order_goes_its_way(ours: Centre) -> None:
    """A listener that takes connections and never answers is the worst of them."""
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    phone = await device(ours)
    endpoint = f"http://localhost:{port}/x"
    one = Subscription(phone.pen.chain, endpoint, KEYS.key.public, bytes(16), EPOCH_MS)
    await ours.app.state.db.writing(subscriptions.save, one)
    created = await dispatch(ours, ["person", OFFICER.hex()])
    async with asyncio.timeout(20):
        await asked.wait()
    desk = await ours.sign_in("dispatcher")
    [order] = (await desk.ask(f"/api/incidents/{created['id']}"))["view"]["orders"]
    entity, order_id = bytes.fromhex(created["id"]), bytes.fromhex(order["id"])
    await ours.push(phone.pen, phone.pen.claim(entity, "delivered", order_id, via="system"))
    await ours.push(phone.pen, phone.pen.claim(entity, "signed", order_id))
    shown = await desk.ask(f"/api/incidents/{created['id']}")
    assert shown["summary"]["status"] == "signed"
    waiting = await ours.app.state.db.reading(outbox.waiting)
    assert PUSH in {left.kind for left in waiting}, "it is still being tried, beside all that"
    server.close()


KEYS = Pen("keys", OFFICER, "ES256")
