"""The exchange over real HTTP: a server process, a socket, and a phone's pen."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from server.app import build_app
from server.now import SystemClock
from server.settings import Settings
from server.store import greetings
from server.store.engine import Database
from server.store.migrate import upgrade
from sync import changeset, exchange, rulings
from tests.server.pen import EPOCH_MS, OTHER_STATION, STATION, Pen, chance, found_org, person_id

ROOT = Path(__file__).resolve().parents[2]


def incident(pen: Pen) -> bytes:
    """The incident this phone reports."""
    return chance("incident", pen.name)[:16]


class Centre:
    """A server process on a port of its own, killed and started again at will."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    async def prepare(self, *pens: Pen) -> None:
        """An organisation and enrolled phones, written by a house that then closes."""
        settings = Settings(data_dir=self.data_dir)
        db = Database(settings.url)
        await upgrade(db)
        await db.close()
        app = build_app(settings)
        async with app.lifespan():
            await found_org(app.state.intake)
            for pen in pens:
                pen.now_ms = SystemClock().now_ms()
                await pen.enrol(app.state.intake)

    async def start(self) -> None:
        environment = os.environ | {"ORTOO_DATA_DIR": str(self.data_dir)}
        command = [
            sys.executable,
            "-c",
            "from server.cli import main; main()",
            "serve",
            "--port",
            "0",
        ]
        process = subprocess.Popen(  # noqa: ASYNC220  starting it is what is told here
            command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        self.process = process
        assert process.stderr is not None
        lines: list[str] = []
        while line := (await asyncio.to_thread(process.stderr.readline)).decode():
            lines.append(line)
            if found := re.search(r"running on (http://[0-9.:]+)", line):
                self.url = found[1]
                return
        raise AssertionError("the server did not start:\n" + "".join(lines))

    def tell(self, how: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(how)

    async def last_words(self) -> str:
        """What the process still had to say; afterwards it is gone."""
        assert self.process is not None
        _out, said = await asyncio.to_thread(self.process.communicate, timeout=30)
        self.process = None
        return said.decode()

    async def end(self, how: signal.Signals) -> None:
        self.tell(how)
        await self.last_words()


PENS = [Pen(f"phone {at}", person_id("officer")) for at in range(14)]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Centre, list[Pen]]]:
    """One server for all stories that leave it standing, and phones nobody has used yet."""
    made = Centre(tmp_path_factory.mktemp("centre"))
    asyncio.run(made.prepare(*PENS))
    asyncio.run(made.start())
    yield made, list(PENS)
    asyncio.run(made.end(signal.SIGKILL))


@pytest.fixture
def centre(standing: tuple[Centre, list[Pen]]) -> Centre:
    return standing[0]


@pytest.fixture
def pen(standing: tuple[Centre, list[Pen]]) -> Pen:
    return standing[1].pop()


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[tuple[Centre, Pen]]:
    """A server of one story, which may kill it, and the one phone it knows."""
    made, pen = Centre(tmp_path), Pen("mortal", person_id("officer"))
    await made.prepare(pen)
    await made.start()
    yield made, pen
    if made.process is not None:
        await made.end(signal.SIGKILL)


class Phone:
    """HTTP as a phone speaks it."""

    def __init__(self, centre: Centre, pen: Pen) -> None:
        self.centre = centre
        self.pen = pen

    async def raw(
        self, call: str, content: bytes, *, token: str | None = None, **headers: str
    ) -> httpx2.Response:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        bearer = {"authorization": f"Bearer {self.pen.token if token is None else token}"}
        async with httpx2.AsyncClient(timeout=30) as client:
            return await client.post(
                f"{self.centre.url}/sync/v1/{call}", content=content, headers=bearer | named
            )

    async def call(self, call: str, message: dict[str, Any]) -> dict[str, Any]:
        answer = await self.raw(call, msgspec.msgpack.encode(message))
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/msgpack"
        decoded: dict[str, Any] = msgspec.msgpack.decode(answer.content)
        return decoded

    async def push(self, *raws: bytes) -> dict[str, Any]:
        return await self.call("push", {"sets": [msgspec.Raw(raw) for raw in raws]})

    async def pull(self, *cursors: tuple[str, int, int], budget: int = 1_000_000) -> dict[str, Any]:
        return await self.call("pull", {"cursors": cursors, "budget": budget})

    def hello(self, **other: Any) -> dict[str, Any]:
        message = {"v": 1, "app": "test/1", "chain": self.pen.chain, "head": 2, "pending": 0}
        rest = {"oldest_ms": None, "wall_ms": 5, "mono": [bytes(8), 5], "request_id": bytes(16)}
        return message | rest | other


async def test_a_whole_exchange_hello_push_pull(centre: Centre, pen: Pen) -> None:
    phone = Phone(centre, pen)
    hello = await phone.call("hello", phone.hello())
    assert (hello["role"], hello["have"], hello["person"]) == ("centre", -1, pen.person)
    assert hello["limits"] == {"set_bytes": 262144, "batch_bytes": 1048576, "batch_sets": 200}
    names = [name for name, _epoch, _n in hello["scopes"]]
    assert names[:2] == ["org", f"device:{pen.chain.hex()}"]
    assert [name.rpartition(":")[0] for name in names[2:]] == [f"station:{STATION.hex()}"] * 2

    reply = await phone.push(pen.open(), pen.create(incident(pen)), pen.note(incident(pen)))
    assert [result["r"] for result in reply["results"]] == ["stored"] * 3
    assert reply["have"] == 2

    pulled = await phone.pull(*((name, 1, 0) for name in names))
    assert pulled["complete"]
    pages = {page["scope"]: page for page in pulled["scopes"]}
    home = pages[names[2]]
    assert (home["from"], home["to"]) == (1, home["n"])
    head = rulings.SCOPE_HEAD_ZERO
    for n, ruling, envelope in home["entries"]:
        head = rulings.scope_head(head, rulings.leaf_hash(ruling))
        read = changeset.read(msgspec.msgpack.encode(envelope))
        assert isinstance(read, changeset.ChangeSet)
        assert ruled(ruling) == read.set_id
        assert n <= home["n"]
    assert head == home["head"]

    mine = [result["id"] for result in reply["results"][1:]]
    assert [ruled(entry[1]) for entry in home["entries"][-2:]] == mine

    later = await phone.pull((names[2], 1, home["n"]))
    (page,) = later["scopes"]
    assert (page["from"], page["to"]) == (home["n"] + 1, home["n"])
    assert (page["entries"], page["head"]) == ([], head)


def ruled(ruling: bytes) -> bytes:
    """The set a ruling is about."""
    set_id: bytes = rulings.read_ruling(ruling).payload["set"]
    return set_id


async def test_a_small_budget_is_served_in_dense_pages_until_complete(
    centre: Centre, pen: Pen
) -> None:
    phone = Phone(centre, pen)
    await phone.push(
        pen.open(),
        pen.create(incident(pen)),
        *(pen.note(incident(pen), "长" * 300) for _ in range(40)),
    )
    name, _epoch, newest = (await phone.call("hello", phone.hello()))["scopes"][2]
    seen: list[int] = []
    complete = False
    rounds = 0
    while not complete:
        answer = await phone.pull((name, 1, len(seen)), budget=5_000)
        complete = answer["complete"]
        seen += [entry[0] for entry in answer["scopes"][0]["entries"]]
        rounds += 1
    assert newest >= 41
    assert seen == list(range(1, newest + 1))
    assert rounds > 5


async def test_a_cursor_of_another_epoch_begins_again_and_foreign_scopes_are_not_served(
    centre: Centre, pen: Pen
) -> None:
    phone = Phone(centre, pen)
    await phone.push(pen.open())
    own = f"device:{pen.chain.hex()}"
    foreign = f"station:{OTHER_STATION.hex()}:2026-11"
    answer = await phone.pull((own, 99, 1), (foreign, 1, 0), (f"device:{bytes(16).hex()}", 1, 0))
    (page,) = answer["scopes"]
    assert (page["scope"], page["epoch"], page["from"], page["to"]) == (own, 1, 1, 1)


async def test_what_was_committed_before_a_kill_is_a_duplicate_after_it(
    mortal: tuple[Centre, Pen],
) -> None:
    centre, pen = mortal
    phone = Phone(centre, pen)
    raws = [pen.open(), pen.create(incident(pen)), *(pen.note(incident(pen)) for _ in range(50))]
    first = await phone.push(*raws)
    await centre.end(signal.SIGKILL)
    await centre.start()
    again = await phone.push(*raws)
    assert [r["r"] for r in again["results"]] == ["duplicate"] * 52
    assert [r["idx"] for r in again["results"]] == [r["idx"] for r in first["results"]]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_an_end_in_the_middle_of_a_storm_loses_nothing_that_was_acknowledged(
    mortal: tuple[Centre, Pen], how: signal.Signals
) -> None:
    centre, pen = mortal
    phone = Phone(centre, pen)
    await phone.push(pen.open(), pen.create(incident(pen)))
    batches = [[pen.note(incident(pen), f"{at}") for at in range(20)] for _ in range(30)]
    acknowledged: list[bytes] = []

    enough = asyncio.Event()

    async def storm() -> None:
        for batch in batches:
            reply = await phone.push(*batch)
            acknowledged.extend(result["id"] for result in reply["results"])
            if len(acknowledged) >= 100:
                enough.set()

    task = asyncio.create_task(storm())
    await enough.wait()
    await centre.end(how)
    with pytest.raises(httpx2.HTTPError):
        await task
    count = len(acknowledged)
    await centre.start()
    replies = [await phone.push(*batch) for batch in batches]
    result_of = {r["id"]: r["r"] for reply in replies for r in reply["results"]}
    assert {result_of[set_id] for set_id in acknowledged} == {"duplicate"}
    if how is signal.SIGTERM:  # a push in hand was finished, and told so
        assert list(result_of.values()).count("duplicate") == count
    assert replies[-1]["have"] == 1 + 30 * 20


async def test_gzip_goes_both_ways_and_is_bounded(centre: Centre, pen: Pen) -> None:
    phone = Phone(centre, pen)
    raws = [pen.open(), pen.create(incident(pen)), *(pen.note(incident(pen)) for _ in range(30))]
    plain = msgspec.msgpack.encode({"sets": [msgspec.Raw(raw) for raw in raws]})
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = packed.compress(plain) + packed.flush()
    answer = await phone.raw("push", body, content_encoding="gzip", accept_encoding="gzip")
    assert answer.status_code == 200
    assert answer.headers["content-encoding"] == "gzip"
    assert msgspec.msgpack.decode(answer.content)["have"] == 31

    bomb = zlib.compressobj(9, zlib.DEFLATED, 31)
    body = bomb.compress(bytes(exchange.BODY_BYTES_MAX + 1)) + bomb.flush()
    assert len(body) < 20_000
    for sent, code in ((body, "request_too_large"), (b"not gzip", "bad_compression")):
        refused = await phone.raw("push", sent, content_encoding="gzip")
        assert refused.json()["code"] == code
    truncated = zlib.compress(plain, 9, 31)[:-4]
    refused = await phone.raw("push", truncated, content_encoding="gzip")
    assert refused.json()["code"] == "bad_compression"


async def test_a_request_that_cannot_be_read_is_told_why_and_what_to_do(
    centre: Centre, pen: Pen
) -> None:
    phone = Phone(centre, pen)
    too_many = msgspec.msgpack.encode({"sets": [0] * 201})
    too_much = msgspec.msgpack.encode({"sets": [bytes(200_000)] * 6})
    cursors = msgspec.msgpack.encode({"cursors": [["org", 1, 0]] * 257, "budget": 1})
    foreign = msgspec.msgpack.encode(phone.hello(chain=bytes(16)))
    for call, body, token, status, code in (
        ("push", b"", "x" * 500, 401, "not_signed_in"),
        ("push", b"", "nobody", 401, "not_signed_in"),
        ("push", b"\xc1", None, 400, "bad_message"),
        ("push", b"\x80", None, 400, "bad_message"),
        ("push", too_many, None, 413, "request_too_large"),
        ("push", too_much, None, 413, "request_too_large"),
        ("pull", cursors, None, 413, "request_too_large"),
        ("push", bytes(exchange.BODY_BYTES_MAX + 1), None, 413, "request_too_large"),
        ("pull", b"\x90", None, 400, "bad_message"),
        ("pull", b"\xff" * 2000, None, 400, "bad_message"),
        ("hello", foreign, None, 403, "not_allowed"),
        ("nowhere", b"", None, 404, "not_found"),
    ):
        answer = await phone.raw(call, body, token=token)
        assert (answer.status_code, answer.headers["content-type"]) == (
            status,
            "application/problem+json",
        )
        problem = answer.json()
        assert problem["code"] == code
        assert problem["cause"]
        assert problem["cure"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "push", "POST"),
        ("PUT", "hello", "POST"),
        ("POST", "events", "GET"),
        ("POST", "log/checkpoint", "GET"),
        ("DELETE", f"snapshot/{bytes(32).hex()}", "GET"),
    ],
)
async def test_a_method_that_is_not_taken_is_told_which_one_is(
    centre: Centre, method: str, path: str, allow: str
) -> None:
    async with httpx2.AsyncClient() as client:
        wrong = await client.request(method, f"{centre.url}/sync/v1/{path}")
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == allow


async def test_only_the_whole_path_names_a_call(centre: Centre, pen: Pen) -> None:
    phone = Phone(centre, pen)
    long = ("a/snapshot/" + "0" * 64, "a/log/checkpoint", "a/events")
    for path in ("a/push", "sync/v1/push", "push/push", "log", "snapshot", *long):
        pushed = await phone.raw(path, msgspec.msgpack.encode({"sets": []}))
        assert (pushed.status_code, pushed.json()["code"]) == (404, "not_found"), path
        async with httpx2.AsyncClient() as client:
            bearer = {"authorization": f"Bearer {pen.token}"}
            got = await client.get(f"{centre.url}/sync/v1/{path}", headers=bearer)
        assert (got.status_code, got.json()["code"]) == (404, "not_found"), path


async def test_ex10_an_exchange_of_another_version_is_refused_by_its_number(
    centre: Centre, pen: Pen
) -> None:
    phone = Phone(centre, pen)
    for version in (2, 0, -1, 2**40):
        hello = msgspec.msgpack.encode({"v": version, "what_comes_then": "is not looked at"})
        answer = await phone.raw("hello", hello)
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "unspoken_version")
        assert problem["speaks"] == [1]
        assert problem["cause"]
        assert problem["cure"]


async def test_a_body_that_the_end_cuts_off_is_told_to_come_again(
    mortal: tuple[Centre, Pen],
) -> None:
    centre, pen = mortal
    host, _, port = centre.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /sync/v1/push HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {pen.token}\r\n"
    writer.write(f"{head}content-length: 9000\r\n\r\n".encode() + bytes(100))
    await writer.drain()
    await Phone(centre, pen).call("time", {"t1": 1})  # so the push before it is in hand
    centre.tell(signal.SIGTERM)
    async with asyncio.timeout(30):
        told = await reader.read()
    writer.close()
    assert b"Traceback" not in (await centre.last_words()).encode()
    status, _, rest = told.partition(b"\r\n")
    assert b" 503 " in status
    assert json.loads(rest.partition(b"\r\n\r\n")[2])["code"] == "stopping"


async def test_a_body_of_five_gigabytes_is_refused_when_it_is_announced(
    centre: Centre, pen: Pen
) -> None:
    port = int(centre.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /sync/v1/push HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {pen.token}\r\n"
        "content-length: 5368709120\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(60):  # an end for a centre that waits for the rest
        status = await reader.readline()
    assert b" 413 " in status
    writer.close()


async def test_a_revoked_phone_may_push_and_nothing_else(tmp_path: Path, pen: Pen) -> None:
    made = Centre(tmp_path)
    await made.prepare(pen)
    app = build_app(Settings(data_dir=tmp_path))
    async with app.lifespan():
        await app.state.intake.transaction(
            lambda batch: batch.devices.revoke(pen.chain, "手机遗失")
        )
    await made.start()
    try:
        phone = Phone(made, pen)
        [result] = (await phone.push(pen.open()))["results"]
        assert (result["r"], result["why"]) == ("rejected", "revoked")  # kept, for people to see
        hello = msgspec.msgpack.encode(phone.hello())
        for call, message in (("hello", hello), ("pull", b""), ("time", b"")):
            assert (await phone.raw(call, message)).json()["code"] == "device_revoked"
        await _clears(phone, "empty", left=0)
    finally:
        await made.end(signal.SIGTERM)
    app = build_app(Settings(data_dir=tmp_path))
    async with app.lifespan():
        await app.state.intake.transaction(
            lambda batch: batch.devices.revoke(pen.chain, "被人拿走", compromised_since_ms=EPOCH_MS)
        )
    await made.start()
    try:
        await _clears(Phone(made, pen), "now", left=2)
    finally:
        await made.end(signal.SIGTERM)
    app = build_app(Settings(data_dir=tmp_path))
    async with app.lifespan():
        found = await app.state.db.reading(greetings.events)
    [said] = [one for one in found[pen.chain] if one.kind == "wiped"]
    assert (said.count, said.proof) == (2, {"left": 2})


async def _clears(phone: Phone, wipe: str, *, left: int) -> None:
    """EX12: it is told what becomes of it, and what it says of that is written down."""
    told = (await phone.raw("hello", msgspec.msgpack.encode(phone.hello()))).json()
    assert (told["wipe"], told["noted"]) == (wipe, False)
    assert re.fullmatch(r".+/[0-9a-f]{16}", told["log"]), told
    clearing = msgspec.msgpack.encode(phone.hello() | {"wiping": left})
    told = (await phone.raw("hello", clearing)).json()
    assert (told["code"], told["wipe"], told["noted"]) == ("device_revoked", wipe, True)


async def test_time_is_told_between_two_readings(centre: Centre, pen: Pen) -> None:
    before = SystemClock().now_ms()
    answer = await Phone(centre, pen).call("time", {"t1": 7})
    assert answer["t1"] == 7
    assert before <= answer["t2"] <= answer["t3"] <= SystemClock().now_ms()
    assert answer["uncertainty_ms"] > 0


async def test_a_listener_hears_that_its_scope_moved_and_goes_when_the_house_closes(
    mortal: tuple[Centre, Pen],
) -> None:
    centre, pen = mortal
    phone = Phone(centre, pen)
    token = {"authorization": f"Bearer {pen.token}"}
    heard: list[tuple[str, Any]] = []
    leaving = False
    async with (
        httpx2.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{centre.url}/sync/v1/events", headers=token) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        kind = ""
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            if not line.startswith("data: "):
                continue
            heard.append((kind, json.loads(line.removeprefix("data: "))))
            if kind == "hello":
                await phone.push(pen.open(), pen.create(incident(pen)))
            elif not leaving and any(said["scope"].startswith("station:") for _, said in heard[1:]):
                leaving = True  # a second signal would cut the house short
                centre.tell(signal.SIGTERM)  # and now the stream must end by itself
    assert "Application shutdown complete" in await centre.last_words()
    assert heard[0] == ("hello", {})
    told = {said["scope"]: said["n"] for _kind, said in heard[1:]}
    assert told[f"device:{pen.chain.hex()}"] == 1


async def test_hello_is_remembered_as_the_last_contact(
    mortal: tuple[Centre, Pen],
) -> None:
    """EX13: how full it is, too; nothing is fuller than full."""
    centre, pen = mortal
    phone = Phone(centre, pen)
    now = SystemClock().now_ms()
    said = phone.hello(head=5, pending=3, oldest_ms=9, wall_ms=now - 7_000)
    await phone.call("hello", said | {"storage": 400})
    await phone.push(pen.open())
    await centre.end(signal.SIGTERM)
    db = Database(Settings(data_dir=centre.data_dir).url)
    from server.store import devices

    contact = (await db.reading(devices.contacts))[pen.chain]
    await db.close()
    assert (contact.pending, contact.oldest_ms, contact.head) == (3, 9, 5)
    assert contact.storage == 100
    assert contact.clock_offset_ms is not None
    assert 7_000 <= contact.clock_offset_ms < 60_000
    assert contact.last_contact_ms >= now


async def test_health_says_how_far_the_log_has_come(centre: Centre, pen: Pen) -> None:
    async with httpx2.AsyncClient() as client:
        before = (await client.get(f"{centre.url}/api/health")).json()
        await Phone(centre, pen).push(pen.open())
        after = (await client.get(f"{centre.url}/api/health")).json()
        asked_for_less = await client.head(f"{centre.url}/api/health")
    assert (asked_for_less.status_code, asked_for_less.content) == (200, b"")
    assert before["ok"] is True
    assert after["log_size"] == before["log_size"] + 1


def test_an_unmigrated_database_is_not_served(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from server.cli import main; main()", "serve", "--port", "0"]
    environment = os.environ | {"ORTOO_DATA_DIR": str(tmp_path)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert b"ortoo migrate" in done.stderr


async def test_an_address_nobody_has_is_refused_as_a_problem_everywhere(centre: Centre) -> None:
    async with httpx2.AsyncClient() as client:
        for path in ("/api/nothing", "/api/a/b", "/sync/v1", "/sync/v2/hello"):
            answer = await client.get(centre.url + path)
            assert answer.status_code in {404, 405}, path
            assert answer.headers["content-type"] == "application/problem+json", path
