"""One chain, two writers: copied profiles, restored backups and proven forks at the centre (FK1-FK6, FK8)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection

from server import keys
from server.intake.greetings import Welcome
from server.store import greetings, scopes
from sync import exchange, forks, ids, rulings
from sync.changeset import Draft, chain_open_op, write
from tests.server.conftest import House
from tests.server.desks import Centre, centre
from tests.server.pen import EPOCH_MS, STATION, Pen, chance, person_id

INCIDENT = chance("incident")[:16]
ORDER = chance("order")[:16]


def copy_of(pen: Pen) -> Pen:
    """The same profile on another machine: the same key, the same place in the chain."""
    copied = Pen(pen.name, pen.person)
    copied.writer, copied.now_ms = pen.writer, pen.now_ms
    return copied


async def hello(
    house: House, pen: Pen, token: bytes | None, request: str, head: int | None = None
) -> Welcome:
    """Greet as a device does; `request` names the hello."""
    asked = exchange.HelloRequest(
        v=1,
        app="test/1",
        chain=pen.chain,
        head=pen.writer.seq - 1 if head is None else head,
        pending=0,
        oldest_ms=None,
        wall_ms=EPOCH_MS,
        mono=(bytes(8), 0),
        request_id=chance("request", request)[:16],
        token=token,
    )
    return await house.intake.greet(pen.device, asked)


async def enrolled(house: House, name: str = "phone") -> Pen:
    pen = Pen(name, person_id("officer"))
    await pen.enrol(house.intake)
    return pen


async def push(house: House, pen: Pen, *raws: bytes) -> list[exchange.PushResult]:
    results, _have = await house.intake.submit(raws, pen.device)
    return results


async def events_of(house: House, pen: Pen) -> dict[str, greetings.Event]:
    found = (await house.db.reading(greetings.events)).get(pen.chain, [])
    return {event.kind: event for event in found}


async def proofs(house: House) -> list[dict[str, Any]]:
    """Fork rulings in the organisation's scope."""

    def read(connection: Connection) -> list[dict[str, Any]]:
        org = scopes.by_name(connection, ["org"])["org"]
        listed = [
            rulings.read_ruling(one.ruling) for one in scopes.page(connection, org.id, 0, 10**9)
        ]
        return [one.payload for one in listed if one.kind == forks.KIND_FORK]

    return await house.db.reading(read)


# ---- the token (FK3) ----------------------------------------------------------------------------


async def test_a_phone_shows_the_token_of_its_last_hello_and_gets_the_next(house: House) -> None:
    pen = await enrolled(house)
    first = await hello(house, pen, None, "1")
    second = await hello(house, pen, first.token, "2")
    assert first.token is not None
    assert second.token not in (None, first.token)
    assert (first.rotate, second.rotate, await events_of(house, pen)) == (None, None, {})


async def test_a_hello_whose_answer_was_lost_is_asked_again_and_answered_the_same(
    house: House,
) -> None:
    pen = await enrolled(house)
    first = await hello(house, pen, None, "1")
    assert await hello(house, pen, None, "1") == first
    lost = await hello(house, pen, first.token, "2")
    assert await hello(house, pen, first.token, "2") == lost
    assert (await hello(house, pen, lost.token, "3")).rotate is None


async def test_the_token_is_durable_before_it_is_answered(house: House) -> None:
    pen = await enrolled(house)
    first = await hello(house, pen, None, "1")
    await house.intake.stop()
    house.intake = house.new_intake()
    await house.intake.start()
    assert (await hello(house, pen, first.token, "2")).rotate is None
    assert (await hello(house, pen, first.token, "3")).rotate == "copied"


async def test_a_copied_profile_is_found_before_it_writes_anything(house: House) -> None:
    pen = await enrolled(house)
    first = await hello(house, pen, None, "1")
    second = await hello(house, pen, first.token, "2")
    house.clock.set(EPOCH_MS + 5_000)
    stale = await hello(house, copy_of(pen), first.token, "of the copy")
    assert (stale.token, stale.rotate) == (None, "copied")
    assert (await hello(house, copy_of(pen), None, "of an older copy")).rotate == "copied"
    event = (await events_of(house, pen))["copied"]
    assert (event.first_ms, event.last_ms, event.count) == (EPOCH_MS + 5_000,) * 2 + (2,)
    assert event.proof == {"head": -1, "have": -1, "shown": None, "last": second.token}
    # The one that came first is not disturbed.
    assert (await hello(house, pen, second.token, "3")).rotate is None


async def test_many_phones_greet_in_one_batch_and_each_gets_its_own_token(house: House) -> None:
    pens = [await enrolled(house, f"phone {at}") for at in range(30)]
    welcomes = await asyncio.gather(*(hello(house, pen, None, "1") for pen in pens))
    assert len({one.token for one in welcomes}) == len(pens)
    again = await asyncio.gather(
        *(hello(house, pen, one.token, "2") for pen, one in zip(pens, welcomes, strict=True))
    )
    assert all(one.rotate is None for one in again)


async def test_another_node_knows_the_token_this_one_gave(house: House, tmp_path: Path) -> None:
    pen = await enrolled(house)
    first = await hello(house, pen, None, "1")
    neighbour = house.new_intake(data_dir=tmp_path)
    await neighbour.start()
    here, house.intake = house.intake, neighbour
    second = await hello(house, pen, first.token, "2")
    house.intake = here
    assert (await hello(house, pen, second.token, "3")).rotate is None
    await neighbour.stop()


# ---- rollback and forks (FK1, FK2, FK4) ---------------------------------------------------------


async def test_a_phone_restored_from_a_backup_is_told_that_it_forgot(house: House) -> None:
    pen = await enrolled(house)
    await push(house, pen, pen.open(), pen.create(INCIDENT), pen.note(INCIDENT))
    welcome = await hello(house, pen, None, "1", head=0)
    assert (welcome.have, welcome.token, welcome.rotate) == (2, None, "rolled_back")
    assert (await events_of(house, pen))["rolled_back"].proof == {"head": 0, "have": 2}
    assert (await hello(house, pen, None, "2")).rotate is None  # it found them again in time


async def test_a_fork_is_proven_once_and_everything_from_there_on_is_kept_and_flagged(
    house: House,
) -> None:
    pen = await enrolled(house)
    await push(house, pen, pen.open(), pen.create(INCIDENT), pen.note(INCIDENT, "共同"))
    copied = copy_of(pen)
    ours = [pen.note(INCIDENT, f"本机 {at}") for at in range(3)]
    theirs = [copied.note(INCIDENT, f"副本 {at}") for at in range(3)]
    to_self = {"order": ORDER, "to": ["person", pen.person], "kind": "dispatch", "round": 0}
    command = copied.set(INCIDENT, {"t": "order.issue"} | to_self)
    assert [one.r for one in await push(house, pen, *ours)] == ["stored"] * 3
    results = await push(house, copied, *theirs, command)
    assert [(one.r, one.d, one.why) for one in results] == [("fork", "accepted", None)] * 3 + [
        ("fork", "held", "fork")
    ]
    # Asked again for ever, a forked set is a duplicate and nothing more.
    assert [one.r for one in await push(house, copied, *theirs)] == ["duplicate"] * 3
    (proof,) = await proofs(house)
    assert (proof["chain"], proof["seq"]) == (pen.chain, 3)
    assert proof["a"] == forks.witness(ours[0])
    assert proof["b"] == forks.witness(theirs[0])
    assert forks.proof_holds(proof, pen.key.alg, pen.key.public, keys.verify)
    assert (await events_of(house, pen))["forked"].proof["a"] == proof["a"]
    for writer in (pen, copied):
        assert (await hello(house, writer, None, "1")).rotate == "forked"
    view = await house.intake.transaction(lambda batch: batch.view(INCIDENT))
    texts = {entry["text"] for entry in view["entries"]}
    assert texts == {"共同"} | {f"{of} {at}" for of in ("本机", "副本") for at in range(3)}


async def test_a_fork_within_one_batch_and_one_further_down_move_the_place_down(
    house: House,
) -> None:
    pen = await enrolled(house)
    await push(house, pen, pen.open(), pen.create(INCIDENT))
    early = copy_of(pen)
    shared = pen.note(INCIDENT, "后来")
    late = copy_of(pen)
    await push(house, pen, shared, pen.note(INCIDENT, "甲"), late.note(INCIDENT, "乙"))
    assert [proof["seq"] for proof in await proofs(house)] == [3]
    await push(house, early, early.note(INCIDENT, "丙"))
    assert [proof["seq"] for proof in await proofs(house)] == [3, 2]
    await push(house, early, early.note(INCIDENT, "丁"))
    assert len(await proofs(house)) == 2


async def test_a_fork_is_remembered_by_the_next_process(house: House) -> None:
    pen = await enrolled(house)
    await push(house, pen, pen.open(), pen.create(INCIDENT))
    copied = copy_of(pen)
    await push(house, pen, pen.note(INCIDENT, "甲"))
    await push(house, copied, copied.note(INCIDENT, "乙"))
    await house.intake.stop()
    house.intake = house.new_intake()
    await house.intake.start()
    (result,) = await push(house, pen, pen.note(INCIDENT, "之后"))
    assert (result.r, result.d) == ("fork", "accepted")


async def test_nobody_can_be_framed_with_a_set_that_was_never_checked(house: House) -> None:
    """A stranger's chain is held unchecked; two such sets at one place prove nothing."""
    courier, stranger = await enrolled(house), Pen("stranger", person_id("officer"))
    stranger.open()
    forger = copy_of(stranger)
    forged = forger.set(INCIDENT, {"t": "x"}, sign=lambda _message: bytes(64))
    await push(house, courier, forged)
    await stranger.enrol(house.intake)
    (honest,) = await push(house, stranger, stranger.note(INCIDENT, "真的"))
    assert honest.r == "fork"
    assert await proofs(house) == []
    assert (await hello(house, stranger, None, "1")).rotate is None


def test_a_proof_needs_two_different_sets_of_that_place_signed_by_that_key() -> None:
    pen = Pen("phone", person_id("officer"))
    pen.open()
    copied = copy_of(pen)
    a, b = forks.witness(pen.note(INCIDENT, "甲")), forks.witness(copied.note(INCIDENT, "乙"))
    proof = forks.fork_payload(chain=pen.chain, seq=1, a=a, b=b)
    key = pen.key.alg, pen.key.public

    def holds(**other: Any) -> bool:
        return forks.proof_holds(proof | other, *key, keys.verify)

    assert holds()
    later = forks.witness(pen.note(INCIDENT, "丙"))
    for other in ({"b": a}, {"seq": 2}, {"chain": bytes(16)}, {"b": later}, {"b": [b[0], a[1]]},
                  {"b": [b"\xc1", b[1]]}, {"b": [b"\xc0", b[1]]}):  # fmt: skip
        assert not holds(**other), other
    assert not forks.proof_holds(proof, "Ed25519", bytes(32), keys.verify)


# ---- rotation (FK5, FK6) ------------------------------------------------------------------------


class Rotating:
    """A new chain that continues a phone's."""

    def __init__(self, old: Pen, name: str, **other: Any) -> None:
        self.pen = Pen(name, old.person)
        self.pen.now_ms = old.now_ms
        op = chain_open_op("Ed25519", self.pen.key.public, self.pen.nonce, "test/1")
        draft = Draft(
            user=other.get("user", old.person),
            scope=f"device:{self.pen.chain.hex()}",
            kind="chain",
            entity=self.pen.chain,
            ops=[op],
        )
        last = old.writer.prev
        assert last is not None
        written = write(
            self.pen.writer,
            draft,
            wall_ms=old.now_ms,
            offset_ms=0,
            mono=(bytes(8), 0),
            salt=bytes(16),
            sign=other.get("sign", self.pen.key.sign),
            continues=other.get("continues", (old.chain, old.writer.seq - 1, last, "copied")),
            flags=2,
        )
        self.pen.writer = written.writer
        self.raw = written.raw


@pytest.fixture
async def served(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Centre]:
    async with centre(tmp_path, migrated_file) as made:
        yield made


async def call(
    served: Centre, name: str, message: dict[str, Any], token: str
) -> tuple[int, dict[str, Any]]:
    answer = await served.client.post(
        f"/sync/v1/{name}",
        content=msgspec.msgpack.encode(message),
        headers={"authorization": f"Bearer {token}", "content-type": "application/msgpack"},
    )
    said: dict[str, Any] = (
        msgspec.msgpack.decode(answer.content) if answer.status_code == 200 else answer.json()
    )
    return answer.status_code, said


async def rotate(served: Centre, raw: bytes, token: str) -> tuple[int, dict[str, Any]]:
    return await call(served, "rotate", {"set": msgspec.Raw(raw)}, token)


def greeting(pen: Pen) -> dict[str, Any]:
    rest = {"oldest_ms": None, "wall_ms": 5, "mono": [bytes(8), 5], "request_id": bytes(16)}
    return {"v": 1, "app": "t", "chain": pen.chain, "head": pen.writer.seq - 1, "pending": 0} | rest


async def test_a_chain_is_continued_once_and_its_unsent_sets_come_with_the_new_one(
    served: Centre,
) -> None:
    old = await served.phone()
    await served.push(old, old.create(INCIDENT))
    waiting = old.note(INCIDENT, "还没传")
    new = Rotating(old, "next")
    status, said = await rotate(served, new.raw, old.token)
    assert (status, said["chain"]) == (200, new.pen.chain)
    token = said["token"]
    # A lost answer, or a request the network delivered twice: the same set gives the same token, which counts.
    _status, again = await rotate(served, new.raw, old.token)
    assert again["token"] == token
    status, welcome = await call(served, "hello", greeting(new.pen), token)
    assert (status, welcome["have"], welcome["person"]) == (200, 0, old.person)
    asked = greeting(new.pen)
    for name in ("request_id", "wall_ms"):  # whose answer it is (EX11)
        assert welcome[name] == asked[name]
    names = [name for name, _epoch, _n in welcome["scopes"]]
    assert names[:3] == ["org", f"device:{new.pen.chain.hex()}", f"device:{old.chain.hex()}"]
    after = new.pen.note(INCIDENT, "新链上的")
    sets = [msgspec.Raw(waiting), msgspec.Raw(after)]
    _status, pushed = await call(served, "push", {"sets": sets}, token)
    assert [one["r"] for one in pushed["results"]] == ["stored", "stored"]
    view = await served.intake.transaction(lambda batch: batch.view(INCIDENT))
    assert [entry["text"] for entry in view["entries"]] == ["还没传", "新链上的"]


async def test_the_second_instance_is_told_to_enrol_again_and_loses_nothing(served: Centre) -> None:
    old = await served.phone()
    await served.push(old, old.create(INCIDENT))
    copied = copy_of(old)
    await rotate(served, Rotating(old, "next").raw, old.token)
    late = Rotating(copied, "other next")
    for name, message, whom in (
        ("hello", greeting(copied), copied.chain),
        ("pull", {"cursors": [], "budget": 1}, copied.chain),
        ("time", {"t1": 1}, copied.chain),
        ("rotate", {"set": msgspec.Raw(late.raw)}, late.pen.chain),
    ):
        status, problem = await call(served, name, message, copied.token)
        assert (status, problem["code"]) == (403, "rotation_needs_login"), name
        # An old refusal is known by whom it names (EX11).
        assert problem["chain"] == whom.hex(), name
    kept = copied.note(INCIDENT, "副本写的")
    status, pushed = await call(served, "push", {"sets": [msgspec.Raw(kept)]}, copied.token)
    # The first has ended the chain: what comes beyond is of a second writer.
    assert [(one["r"], one["d"]) for one in pushed["results"]] == [("fork", "accepted")]
    admin = await served.sign_in("admin")
    rows = {row["chain"]: row for row in await admin.ask("/api/devices")}
    row = rows[old.chain.hex()]
    kinds = {event["kind"]: event for event in row["events"]}
    assert set(kinds) == {"rotated", "needs_login"}
    assert kinds["needs_login"]["count"] == 2
    assert kinds["rotated"]["proof"]["why"] == "copied"
    assert row["continued_by"] == kinds["rotated"]["proof"]["to"]
    assert rows[row["continued_by"]]["continues"] == old.chain.hex()


async def test_the_desk_sees_that_a_suspended_phone_was_heard_and_what_it_still_holds(
    served: Centre,
) -> None:
    pen = await served.phone()
    admin = await served.sign_in("admin")
    await admin.post(f"/api/devices/{pen.chain.hex()}/revoke", {"why": "遗失", "despite": "等不到"})
    pen.note(INCIDENT)
    said = {"pending": 1, "oldest_ms": EPOCH_MS, "head": 1}
    status, problem = await call(served, "hello", greeting(pen) | said, pen.token)
    assert (status, problem["code"]) == (403, "device_revoked")
    await served.intake.transaction(lambda _batch: None)  # contacts ride on the next
    (row,) = await admin.ask("/api/devices")
    assert (row["last_contact_ms"], row["pending"]) == (served.clock.now_ms(), 1)


async def test_a_phone_enrolled_anew_hears_what_became_of_what_it_wrote_before_and_nobody_else_does(
    served: Centre,
) -> None:
    old = await served.phone()
    anew = Pen("officer enrolled anew", old.person)
    anew.now_ms = served.clock.now_ms()
    await anew.enrol(served.intake)
    other = await served.phone("other")
    before = f"device:{old.chain.hex()}"
    for pen, may in ((anew, True), (other, False)):
        cursors = [(before, 0, 0), ("device:" + "0" * 32, 0, 0), ("device:not hex", 0, 0)]
        _status, said = await call(served, "pull", {"cursors": cursors, "budget": 9_999}, pen.token)
        pulled = [(page["scope"], page["epoch"], len(page["entries"])) for page in said["scopes"]]
        assert pulled == ([(before, 1, 1)] if may else [])


async def test_fk5_whoever_never_heard_that_it_has_its_place_is_told_again_and_hands_over_though_shut_out_since(
    served: Centre,
) -> None:
    old = await served.phone()
    new = Rotating(old, "next")
    status, given = await rotate(served, new.raw, old.token)  # and the answer is lost
    assert status == 200
    admin = await served.sign_in("admin")
    despite = {"why": "遗失", "despite": "等不到"}
    for chain in (new.pen.chain, old.chain):
        await admin.post(f"/api/devices/{chain.hex()}/revoke", despite)
        assert await rotate(served, new.raw, old.token) == (200, given)
        rows = {row["chain"]: row for row in await admin.ask("/api/devices")}
        assert rows[new.pen.chain.hex()]["revoked_why"] == "遗失", "to ask again lets nobody in"
    other = Rotating(old, "another")
    _status, problem = await rotate(served, other.raw, old.token)
    assert (problem["code"], problem["chain"]) == ("device_revoked", old.chain.hex())
    token = given["token"]
    status, pushed = await call(served, "push", {"sets": [msgspec.Raw(new.raw)]}, token)
    assert (status, pushed["results"][0]["r"]) == (200, "duplicate")


async def test_a_rotation_that_is_none_is_refused_with_its_reason(served: Centre) -> None:
    old = await served.phone()
    other = await served.phone("other")
    last = old.writer.prev
    assert last is not None
    bad: list[bytes] = [
        old.note(INCIDENT),
        Rotating(old, "a", continues=None).raw,
        Rotating(old, "b", continues=(other.chain, 0, last, "copied")).raw,
        Rotating(old, "c", user=other.person).raw,
        Rotating(old, "d", sign=lambda _message: bytes(64)).raw,
        b"\xc0",
    ]
    for raw in bad:
        status, problem = await rotate(served, raw, old.token)
        assert (status, problem["code"]) == (400, "bad_rotation"), raw[:20]
    status, problem = await call(served, "rotate", {"set_": 1}, old.token)
    assert (status, problem["code"]) == (400, "bad_message")
    admin = await served.sign_in("admin")
    await admin.post(f"/api/devices/{old.chain.hex()}/revoke", {"why": "遗失", "despite": "等不到"})
    _status, problem = await rotate(served, Rotating(old, "e").raw, old.token)
    assert (problem["code"], problem["chain"]) == ("device_revoked", old.chain.hex())


async def test_the_desk_reads_what_befell_a_device_with_time_and_proof(served: Centre) -> None:
    pen = await served.phone()
    await served.push(pen, pen.create(INCIDENT, STATION))
    copied = copy_of(pen)
    await served.push(pen, pen.note(INCIDENT, "甲"))
    await served.intake.submit([copied.note(INCIDENT, "乙")], pen.device)
    await call(served, "hello", greeting(pen) | {"head": 0}, pen.token)
    admin = await served.sign_in("admin")
    (row,) = await admin.ask("/api/devices")
    (event,) = row["events"]
    assert (row["forked_at"], event["kind"], event["count"]) == (2, "forked", 1)
    assert (event["first_at"], event["last_at"]) == (EPOCH_MS, EPOCH_MS)
    assert event["proof"]["seq"] == 2
    header_a = bytes.fromhex(event["proof"]["a"][0])
    header_b = bytes.fromhex(event["proof"]["b"][0])
    assert ids.set_id(header_a) != ids.set_id(header_b)


async def test_what_was_written_while_waiting_for_a_place_is_judged_by_when_it_can_have_been(
    served: Centre,
) -> None:
    """A promotion while the phone waits: a command of those days is no clear case (AU3, AU4)."""
    old = await served.phone()
    await served.push(old, old.create(INCIDENT))
    new = Rotating(old, "next")
    close = new.pen.set(INCIDENT, {"t": "incident.close", "round": 0})
    served.clock.advance(3_600_000)
    row = {"name": "王", "role": "dispatcher", "station": STATION}
    await served.intake.org("people", old.person, row)
    served.clock.advance(3_600_000)
    status, said = await rotate(served, new.raw, old.token)
    assert status == 200
    _status, pushed = await call(served, "push", {"sets": [msgspec.Raw(close)]}, said["token"])
    (result,) = pushed["results"]
    assert (result["d"], result["why"]) == ("held", "authority_straddles")
