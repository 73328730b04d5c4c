"""Simulated phones as clients: what they keep, what they send again, whom they do not believe.

Example: a reply lost on the way makes the next push a duplicate, and no set is lost or stored twice.
"""

import gzip
import random
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from server.fleet.chain import seeded_entropy
from server.fleet.device import Device
from server.fleet.pages import BrokenScopeError
from server.fleet.vault import Cursor, Head, Identity, Vault
from server.wire import ServerRefusalError, refuse
from sync import canon, changeset, exchange, rulings, snapshot
from sync.changeset import KIND_INCIDENT
from sync.clock import Stamp
from tests.fleet.conftest import START_MS, House

NOTE = {"t": "entry.add", "kind": "note", "text": "羊群已赶回草场"}
MINUTE_MS = 60_000
CHAIN = b"chain-----------"


class Outage:
    """Down from one instant to another, a second each way."""

    def __init__(self, from_ms: int, until_ms: int) -> None:
        self.from_ms, self.until_ms = from_ms, until_ms

    def state(self, at_ms: int) -> tuple[bool, int]:
        if at_ms >= self.until_ms:
            return True, 1 << 50
        return (False, self.until_ms) if at_ms >= self.from_ms else (True, self.from_ms)

    def sent_ms(self, at_ms: int, size_bytes: int) -> int:
        del size_bytes
        return at_ms + 1_000

    received_ms = sent_ms


def note(device: Device, incident: str, *, priority: bool = False, text: str = "一句") -> bytes:
    op = NOTE | {"text": text}
    return device.write(
        KIND_INCIDENT, bytes.fromhex(incident), [op], scope="org", priority=priority
    )


async def texts(house: House, incident: str) -> list[str]:
    story = await house.desk.get(f"/api/incidents/{incident}")
    return [entry["text"] for entry in story["view"]["entries"]]


async def test_what_is_written_in_a_dead_zone_arrives_when_the_network_does(house: House) -> None:
    down = Outage(START_MS, START_MS + 30 * MINUTE_MS)
    device, transport = await house.phone(0, down)
    incident = (await house.incident())["id"]
    note(device, incident, text="没有信号")
    device.kick()
    await house.time.run()
    assert house.time.now_ms() >= START_MS + 30 * MINUTE_MS
    assert transport.outages == 1
    assert await texts(house, incident) == ["没有信号"]
    tally = device.vault.tally()
    assert tally.made == tally.acked == 2  # the opening of the chain, and the note


async def test_a_lost_reply_is_sent_again_and_stored_once(house: House) -> None:
    # Hello takes two seconds, the push one more to get there; its reply meets the outage.
    device, transport = await house.phone(0, Outage(START_MS + 3_500, START_MS + MINUTE_MS))
    incident = (await house.incident())["id"]
    written = note(device, incident)
    device.kick()
    await house.time.run()
    assert (transport.cut_replies, device.duplicates) == (1, 2)
    story = await house.desk.get(f"/api/incidents/{incident}")
    assert [entry["set"] for entry in story["timeline"]].count(written.hex()) == 1
    assert device.vault.tally().acked == 2


async def test_a_vault_goes_on_where_the_process_that_wrote_it_ended(
    house: House, tmp_path: Path
) -> None:
    file = tmp_path / "phone.db"
    device, _ = await house.phone(0, Outage(START_MS, START_MS + MINUTE_MS), Vault(file))
    incident = (await house.incident())["id"]
    note(device, incident, text="先")
    device.vault.close()  # and nothing was ever sent
    again, _ = house.device(Vault(file), 0)
    assert again.enrolled
    note(again, incident, text="后")
    again.kick(pull=True)
    await house.time.run()
    assert sorted(await texts(house, incident)) == ["先", "后"]
    assert again.vault.tally().acked == 3


async def test_two_processes_on_one_vault_cannot_fork_the_chain(
    house: House, tmp_path: Path
) -> None:
    file = tmp_path / "phone.db"
    device, _ = await house.phone(0, None, Vault(file))
    twin, _ = house.device(Vault(file), 0)
    incident = (await house.incident())["id"]
    note(device, incident)
    with pytest.raises(sqlite3.IntegrityError):
        note(twin, incident)


async def test_a_pull_brings_what_others_wrote_and_checks_every_head(house: House) -> None:
    (one, _), (two, _) = await house.phone(0), await house.phone(1)
    incident = (await house.incident())["id"]
    for device in (one, two):
        device.reading.pulled_sets = set()
    written = note(one, incident)
    one.kick()
    await house.time.run()
    two.kick(pull=True)
    await house.time.run()
    assert two.reading.pulled_sets is not None
    assert written in two.reading.pulled_sets
    cursors = two.vault.cursors()
    assert any(scope.startswith("station:") and at.n > 0 for scope, at in cursors.items())


async def test_sc5_who_goes_to_another_station_forgets_the_last_one_and_signs_that(
    house: House,
) -> None:
    device, _ = await house.phone(0, records_centre=True)
    await house.incident()
    device.kick(pull=True)
    await house.time.run()
    directory = house.app.state.intake.directory
    was = directory.row("people", device.person)
    old, new = was["station"], b"another-station-"
    await house.app.state.intake.org("stations", new, {"name": "城川派出所"})

    def read_of(station: bytes) -> dict[str, Cursor]:
        known = device.vault.cursors()
        return {scope: at for scope, at in known.items() if f":{station.hex()}:" in scope}

    before = read_of(old)
    assert any(at.n > 0 for at in before.values())
    await house.app.state.intake.org("people", device.person, was | {"station": new})
    device.greet_again()
    device.kick(pull=True)
    await house.time.run()
    assert read_of(old) == {}
    assert read_of(new) != {}
    raw = device.vault.raw(device.chain, device.vault.tally().made - 1)
    said = changeset.read(raw)
    assert isinstance(said, changeset.ChangeSet)
    assert said.body is not None
    told = {op["scope"]: (op["epoch"], op["n"]) for op in said.body.ops}
    assert told == {scope: (at.epoch, at.n) for scope, at in before.items()}
    assert device.vault.tally().acked == device.vault.tally().made  # the centre has it in writing

    await house.app.state.intake.org("people", device.person, was)
    device.greet_again()
    device.kick(pull=True)
    await house.time.run()
    assert read_of(old) == before  # from the beginning, and whole


async def test_a_revoked_phone_hands_in_what_it_holds_and_is_told_no_more(house: House) -> None:
    device, _ = await house.phone(0)
    incident = (await house.incident())["id"]
    device.kick(pull=True)
    await house.time.run()
    identity = device.vault.identity()
    assert identity is not None
    await house.admin.post(
        f"/api/devices/{identity.chain.hex()}/revoke", {"why": "手机遗失", "despite": "等不到"}
    )
    note(device, incident, text="撤销之后")
    device.kick()
    await house.time.run()
    assert device.vault.tally().acked == 2
    device.kick(pull=True)
    with pytest.raises(ServerRefusalError, match="device_revoked"):
        await house.time.run()


class Answers:
    """A server made of one pull page, and the snapshot it offers."""

    def __init__(self, page: exchange.ScopePage, packed: bytes | None = None) -> None:
        self.page = page
        self.packed = packed

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.packed is not None and "/snapshot/" in request.url.path:
            return httpx2.Response(200, content=self.packed)
        assert request.url.path.endswith("/pull")
        reply = exchange.PullReply(
            size=1, leaf=bytes(16), now_ms=0, scopes=[self.page], complete=True
        )
        return httpx2.Response(200, content=exchange.encode(reply))


def reader_of(answers: Answers) -> Device:
    """A phone that reads from that server."""
    vault = Vault()
    vault.keep_identity(Identity("Ed25519", bytes(32), bytes(16), bytes(16), bytes(16), "token"))
    transport = httpx2.MockTransport(answers)
    time: Any = type("Noon", (), {"now_ms": lambda _self: 5_000, "mono_ms": lambda _self: 0})()
    return Device(
        vault,
        httpx2.AsyncClient(transport=transport, base_url="http://x"),
        time,
        entropy=seeded_entropy("x"),
        chance=random.Random(1),
    )


def entry(n: int, ruling: bytes, envelope: list[bytes | None] | None = None) -> msgspec.Raw:
    return msgspec.Raw(msgspec.msgpack.encode([n, ruling, envelope]))


RULING = rulings.encode_ruling(
    rulings.Ruling(1, 1, 1_000, "org", {"what": "units", "id": bytes(16), "row": None})
)
HEAD = rulings.scope_head(rulings.SCOPE_HEAD_ZERO, rulings.leaf_hash(RULING))


@pytest.mark.parametrize(
    ("entries", "head", "why"),
    [
        ([entry(2, RULING)], HEAD, "entry 2 where 1 was due"),
        ([entry(1, RULING)], bytes(16), "the head at 1 is another"),
        ([], HEAD, "the head at 0 is another"),
        (
            [entry(1, RULING, [b"", b"", None])],
            HEAD,
            "entry 1 is not with the set that was ruled on",
        ),
    ],
)
async def test_a_scope_that_is_not_dense_or_leads_elsewhere_is_not_believed(
    entries: list[msgspec.Raw], head: bytes, why: str
) -> None:
    page = exchange.ScopePage("org", 1, 1, len(entries), len(entries), head, entries)
    device = reader_of(Answers(page))
    with pytest.raises(BrokenScopeError, match=why):
        await device.pull()
    begun = Cursor(1, 0, rulings.SCOPE_HEAD_ZERO)
    assert device.vault.cursors() == {"org": begun}, "EX4: nothing was taken in, it is read anew"


SNAPSHOT = snapshot.Gathered("org").snapshot(
    epoch=1, n=0, head=rulings.SCOPE_HEAD_ZERO, salt=bytes(16)
)
OFFERED = snapshot.snapshot_hash(SNAPSHOT)
PACKED = gzip.compress(SNAPSHOT)


@pytest.mark.parametrize(
    ("scope", "epoch", "offer", "packed", "why"),
    [
        ("org", 1, exchange.Offer(bytes(32), 0, 1), PACKED, "not the one that was offered"),
        ("other", 1, exchange.Offer(OFFERED, 0, 1), PACKED, "not the one that was offered"),
        ("org", 2, exchange.Offer(OFFERED, 0, 1), PACKED, "not the one that was offered"),
        ("org", 1, exchange.Offer(OFFERED, 1, 1), PACKED, "not the one that was offered"),
        ("org", 1, exchange.Offer(OFFERED, 0, 1), PACKED[:-9], "cannot be unpacked"),
        ("org", 1, exchange.Offer(OFFERED, 0, 1), PACKED[:12] + b"\xff" * 9, "cannot be unpacked"),
        ("org", 1, exchange.Offer(OFFERED, 0, 1), b"<html>", "cannot be unpacked"),
        ("org", 1, exchange.Offer(OFFERED, 0, 1), b"", "not the one that was offered"),
    ],
    ids=["hash", "scope", "epoch", "n", "cut", "damaged", "a page of a proxy", "nothing"],
)
async def test_a_snapshot_that_is_not_the_one_offered_is_not_begun_with(
    scope: str, epoch: int, offer: exchange.Offer, packed: bytes, why: str
) -> None:
    page = exchange.ScopePage(scope, epoch, 1, 0, 0, rulings.SCOPE_HEAD_ZERO, [], offer)
    device = reader_of(Answers(page, packed))
    with pytest.raises(BrokenScopeError, match=why):
        await device.pull()
    assert device.vault.cursors() == {}


async def test_a_scope_begins_with_the_snapshot_it_was_offered() -> None:
    page = exchange.ScopePage(
        "org", 1, 1, 0, 0, rulings.SCOPE_HEAD_ZERO, [], exchange.Offer(OFFERED, 0, len(PACKED))
    )
    device = reader_of(Answers(page, PACKED))
    await device.pull()
    assert device.vault.cursors() == {"org": Cursor(1, 0, rulings.SCOPE_HEAD_ZERO)}


async def test_whoever_begins_with_a_snapshot_writes_later_than_all_that_it_says() -> None:
    """HL2: also within one millisecond, and whatever its own clock shows."""
    said = Stamp(5_000, 9)
    record = snapshot.Record(
        bytes(32), bytes(16), CHAIN, 0, said.pack(), 1, 5_000, "accepted", None, [], None,
        canon.encode([NOTE]), None,
    )  # fmt: skip
    whole = msgspec.structs.replace(
        snapshot.read(SNAPSHOT), entities=[(bytes(16), canon.ENCODER.encode([record]))]
    )
    raw = canon.ENCODER.encode(whole)
    offer = exchange.Offer(snapshot.snapshot_hash(raw), 0, len(raw))
    page = exchange.ScopePage("org", 1, 1, 0, 0, rulings.SCOPE_HEAD_ZERO, [], offer)
    device = reader_of(Answers(page, gzip.compress(raw)))
    await device.pull()
    set_id = note(device, "00" * 16)
    [written] = [one.raw for one in device.vault.waiting(9, 99_999) if one.id == set_id]
    change = changeset.read(written)
    assert isinstance(change, changeset.ChangeSet)
    assert change.header.hlc > said.pack()


async def test_tl11_what_was_safe_in_another_log_is_offered_again(house: House) -> None:
    device, _transport = await house.phone(0)
    incident = (await house.incident())["id"]
    note(device, incident, text="一")
    note(device, incident, text="二", priority=True)
    device.kick(pull=True)
    await house.time.run()
    assert (device.vault.tally().acked, device.duplicates) == (3, 0)

    await house.put_back()  # this copy has everything; the phone cannot know that
    device.kick(pull=True)
    await house.time.run()
    assert (device.vault.tally().acked, device.duplicates) == (3, 3)
    assert device.reading.watch.alarm is None
    device.kick(pull=True)
    await house.time.run()
    assert device.duplicates == 3, "once"
    assert sorted(await texts(house, incident)) == [
        "一",
        "二",
    ]  # of one moment: either may be first


def test_the_outbox_sends_the_priority_lane_first_and_within_bounds() -> None:
    vault = Vault()
    for seq, lane in enumerate((0, 1, 0, 1)):
        vault.append(CHAIN, Head(seq, bytes([seq]) * 32, bytes(8)), lane, 1_000 + seq, b"x" * 100)
    assert [one.id[0] for one in vault.waiting(10, 10_000)] == [1, 3, 0, 2]
    assert [one.id[0] for one in vault.waiting(3, 250)] == [1, 3]
    assert [one.id[0] for one in vault.waiting(3, 50)] == [1]  # one always goes
    vault.settle([(bytes([1]) * 32, "stored", None), (bytes([3]) * 32, "malformed", "x")])
    assert [one.id[0] for one in vault.waiting(10, 10_000)] == [0, 2]
    assert vault.pending() == (2, 1_000)
    tally = vault.tally()
    assert (tally.made, tally.acked, tally.refused) == (4, 1, 1)


def test_retiring_forgets_what_was_answered_and_keeps_what_the_next_set_needs() -> None:
    vault = Vault()
    for seq in range(4):
        vault.append(CHAIN, Head(seq, bytes([seq]) * 32, bytes(8)), 0, 1_000, b"x")
    vault.settle([(bytes([seq]) * 32, "stored", None) for seq in (0, 1, 3)])
    vault.retire(2_000)
    assert [id_[0] for id_ in vault.ids()] == [2, 3]
    head = vault.head(CHAIN)
    assert head is not None
    assert head.seq == 3


def test_a_cursor_is_remembered() -> None:
    vault = Vault()
    vault.move_cursor("org", Cursor(1, 5, bytes(16)))
    vault.move_cursor("org", Cursor(2, 7, bytes(16)))
    assert vault.cursors() == {"org": Cursor(2, 7, bytes(16))}


NAMED = f"ortoo/{'3c' * 16}/{'85' * 8}"


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (NAMED, NAMED),
        (None, None),
        (7, None),
        ({}, None),
        ([NAMED], None),
        (NAMED * 9, None),
    ],
)
def test_whatever_a_refusal_calls_a_log_only_the_name_of_one_is_heard(
    said: object, heard: str | None
) -> None:
    """EX12: a relay may say anything."""
    problem = {"code": "device_revoked", "cause": "c", "chain": CHAIN.hex(), "log": said}
    with pytest.raises(ServerRefusalError) as refused:
        refuse(httpx2.Response(403, json=problem))
    assert (refused.value.code, refused.value.log) == ("device_revoked", heard)
