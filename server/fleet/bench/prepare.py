"""Work for a storm, made before the clock starts: a centre with devices, and their signed pushes.

Responsible for a database as a banner's would be after enrolment and for requests whose bytes a phone
would have in its outbox. Refuses to measure.

Each device holds `SETS_PER_DEVICE` single-op sets about ten incidents that were ordered to its unit: on
each a signing, a departure, an arrival, a note and a clearing, with remarks that bring the body of a set
to about `PAYLOAD_BYTES`.

Example: `work = await prepare(build_app, data_dir, devices=200)`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from server import keys
from server.auth.devices import token_of
from server.fleet.bench.storm import Work
from server.fleet.centre import listen, serving
from server.fleet.chain import APP, Entropy, seeded_entropy
from server.fleet.founding import found
from server.fleet.replay.alone import Build
from server.fleet.replay.cast import made_up
from server.intake.batch import Batch
from server.intake.places import home_scope
from server.now import SystemClock
from server.settings import Settings
from server.store.devices import Device
from server.store.engine import Database
from server.store.migrate import upgrade
from sync import exchange, ids
from sync.changeset import KIND_CHAIN, KIND_INCIDENT, Draft, Writer, chain_open_op, write

SETS_PER_DEVICE = 50
INCIDENTS_PER_DEVICE = 10
PAYLOAD_BYTES = 250
_REMARK = "已到围栏东侧，双方情绪平稳，等嘎查长带确权图来；路面有积雪，后车请走北线。"


class _Phone(msgspec.Struct):
    """One device being prepared."""

    key: keys.SigningKey
    writer: Writer
    person: bytes
    station: bytes
    unit: bytes
    token: str
    record: Device
    opening: bytes
    incidents: list[tuple[bytes, bytes]]


async def prepare(build: Build, data_dir: Path, devices: int) -> list[Work]:
    """Found a centre in `data_dir` and give the pushes of `devices` devices, one each."""
    clock, entropy = SystemClock(), seeded_entropy("bench")
    listener = listen("127.0.0.1", 0)
    settings = Settings(data_dir=data_dir, port=listener.getsockname()[1], hashing="light")
    db = Database(settings.url)
    await upgrade(db)
    await db.close()
    app = build(settings, clock=clock, entropy=entropy)
    rows, officers = made_up(devices)
    now_ms = clock.now_ms()
    phones = [
        _phone(entropy, bytes.fromhex(one.person), one.station, one.target[1], now_ms)
        for one in officers
    ]
    dispatcher = next(row_id for what, row_id, row in rows if row.get("role") == "dispatcher")
    async with serving(app, listener):
        intake = app.state.intake
        await found(intake, app.state.db, clock, rows, [])

        def enrol(batch: Batch) -> None:
            for phone in phones:
                batch.devices.enrol(phone.record)

        await intake.transaction(enrol)
        for phone in phones:
            await intake.submit([phone.opening], phone.record)
            drafts = list(_orders(phone, dispatcher, now_ms))
            await intake.submit_desk(dispatcher, drafts)
    return [_work(phone, entropy, now_ms) for phone in phones]


def _phone(entropy: Entropy, person: bytes, station: str, unit: str, now_ms: int) -> _Phone:
    key = keys.SigningKey(keys.ED25519, entropy(32))
    nonce = entropy(16)
    chain = ids.chain_id(key.public, nonce)
    token, token_hash = token_of(entropy(32), chain)
    op = chain_open_op(key.alg, key.public, nonce, APP)
    opening = write(
        Writer(chain),
        Draft(person, f"device:{chain.hex()}", KIND_CHAIN, chain, [op]),
        wall_ms=now_ms,
        offset_ms=None,
        mono=(bytes(8), 0),
        salt=entropy(16),
        sign=key.sign,
    )
    record = Device(
        chain=chain,
        person=person,
        alg=key.alg,
        pub=key.public,
        label="bench",
        app=APP,
        token_hash=token_hash,
        enrolled_at_ms=now_ms,
    )
    return _Phone(
        key=key,
        writer=opening.writer,
        person=person,
        station=bytes.fromhex(station),
        unit=bytes.fromhex(unit),
        token=token,
        record=record,
        opening=opening.raw,
        incidents=[(entropy(16), entropy(16)) for _ in range(INCIDENTS_PER_DEVICE)],
    )


def _orders(phone: _Phone, person: bytes, now_ms: int) -> Iterator[Draft]:
    for incident, order in phone.incidents:
        create = {
            "t": "incident.create",
            "source": "desk",
            "station": phone.station,
            "tag": "bench",
        }
        title = {"t": "fact.set", "f": "title", "v": "草场围栏纠纷", "p": []}
        issue: dict[str, Any] = {"t": "order.issue", "order": order, "to": ["unit", phone.unit]}
        ops: list[dict[str, Any]] = [create, title, issue | {"kind": "dispatch", "round": 0}]
        yield Draft(person, home_scope(phone.station, now_ms), KIND_INCIDENT, incident, ops)


def _work(phone: _Phone, entropy: Entropy, now_ms: int) -> Work:
    envelopes = []
    for number in range(SETS_PER_DEVICE):
        incident, order = phone.incidents[number // 5]
        draft = Draft(
            phone.person,
            home_scope(phone.station, now_ms),
            KIND_INCIDENT,
            incident,
            [_op(number % 5, order)],
        )
        written = write(
            phone.writer,
            draft,
            wall_ms=now_ms + 1 + number,
            offset_ms=None,
            mono=(bytes(8), 1 + number),
            salt=entropy(16),
            sign=phone.key.sign,
        )
        phone.writer = written.writer
        envelopes.append(msgspec.Raw(written.raw))
    body = exchange.encode(exchange.PushRequest(envelopes))
    return Work(token=phone.token, path="/sync/v1/push", body=body)


def _op(step: int, order: bytes) -> dict[str, Any]:
    kind = ("signed", "departed", "arrived", "", "cleared")[step]
    if not kind:
        return _filled({"t": "entry.add", "kind": "note", "text": ""}, None)
    claim = {"t": "milestone.claim", "kind": kind, "round": 0, "order": order, "via": "self"}
    return _filled(claim, "data")


def _filled(op: dict[str, Any], inside: str | None) -> dict[str, Any]:
    """The op with a remark that brings a body around it to `PAYLOAD_BYTES`."""
    around = len(exchange.encode([bytes(16), KIND_INCIDENT, bytes(16), [op]]))
    remark = (_REMARK * 3)[: max(0, (PAYLOAD_BYTES - around - 14)) // 3]
    return op | ({"text": remark} if inside is None else {inside: {"text": remark}})
