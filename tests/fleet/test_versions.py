"""A newer app among older ones: what it says passes through them whole; what they cannot read is no error (CE6, CS7).

The newer app is this one, told to say what a later version would: an op nobody here knows, fields nobody here knows,
and sets that need a newer reader. Server, desk and the other phones are what they are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from server.fleet.device import Device
from server.fleet.reading import Shown
from sync import changeset, exchange, fold, rulings
from sync.changeset import KIND_INCIDENT, ChangeSet
from sync.incident.state import IncidentState
from tests.fleet.conftest import House

NOTE = {"t": "entry.add", "kind": "note", "text": "无人机看到烟"}
NEW_FIELD = NOTE | {"mood": 3, "frames": [{"at": 7, "ref": b"\x01" * 32}]}
NEW_OP = {"t": "drone.sighting", "what": "smoke", "bearing": 270, "by": bytes(16)}


@contextmanager
def written_by(monkeypatch: pytest.MonkeyPatch, version: int, reader: int) -> Iterator[None]:
    """Sets say that they were written by a later version, for readers from `reader` on."""
    with monkeypatch.context() as patch:
        patch.setattr(changeset, "SCHEMA", (version, reader))
        yield


def listening(device: Device) -> dict[bytes, tuple[rulings.Ruling, bytes | None]]:
    """What the centre sends this device of each set."""
    heard: dict[bytes, tuple[rulings.Ruling, bytes | None]] = {}

    def follow(_scope: str, ruling: rulings.Ruling, envelope: bytes | None) -> None:
        if ruling.kind == rulings.KIND_SET:
            heard[ruling.payload["set"]] = (ruling, envelope)

    device.reading.shown = Shown(follow)
    return heard


async def settled(house: House, *devices: Device) -> None:
    for device in devices:
        device.kick(pull=True)
    await house.time.run()


def raws_of(device: Device) -> dict[bytes, bytes]:
    """Every own set as it lies in the vault."""
    return {one.id: one.raw for one in device.vault.waiting(500, 10**7)}


async def test_what_a_newer_app_says_passes_through_older_ones_byte_by_byte(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    (newer, _), (older, _) = await house.phone(0), await house.phone(1)
    incident: str = (await house.incident())["id"]
    entity = bytes.fromhex(incident)
    with written_by(monkeypatch, 2, 1):
        for op in (NEW_FIELD, NEW_OP):
            newer.write(KIND_INCIDENT, entity, [op], scope="org")
        newer.write(KIND_INCIDENT, entity, [NOTE, NEW_OP, NEW_FIELD], scope="org")
    written = raws_of(newer)
    heard_by_older, heard_by_newer = listening(older), listening(newer)

    # The older app carries them to the centre, as a courier; its own notes stand beside them.
    carried = exchange.PushRequest([msgspec.Raw(raw) for raw in written.values()])
    answered: list[str] = []

    async def carry() -> None:
        reply = await older._wire.call("push", carried, exchange.PushReply)
        answered.extend(one.r for one in reply.results)

    house.time.spawn(carry())
    await house.time.run()
    assert answered == ["stored"] * 4
    older.write(KIND_INCIDENT, entity, [NOTE | {"text": "旧版也在记"}], scope="org")
    await settled(house, older, newer)

    # The opening of a chain is nobody's but its own device's.
    for heard, sets in ((heard_by_older, 3), (heard_by_newer, 4)):
        sent = {set_id: heard[set_id][1] for set_id in written if set_id in heard}
        assert {set_id: written[set_id] for set_id in sent} == sent
        assert len(sent) == sets
    state = IncidentState(entity)
    for ruling, envelope in heard_by_older.values():
        read = changeset.read(envelope) if envelope is not None else None
        if isinstance(read, ChangeSet) and read.body is not None and read.body.entity == entity:
            state.add(fold.items_of(read, ruling))
    view: dict[str, Any] = state.view()
    assert [one["t"] for one in view["unknown"]] == ["drone.sighting"] * 2
    assert sorted(entry["text"] for entry in view["entries"]) == [
        *["无人机看到烟"] * 3,
        "旧版也在记",
    ]
    # What only the newer app understands is still there for it.
    frames = [
        op["frames"]
        for _ruling, envelope in heard_by_newer.values()
        if envelope is not None and isinstance(read := changeset.read(envelope), ChangeSet)
        for op in (read.body.ops if read.body is not None else [])
        if "frames" in op
    ]
    assert frames == [NEW_FIELD["frames"]] * 2
    desk = await house.desk.get(f"/api/incidents/{incident}")
    assert [one["t"] for one in desk["view"]["unknown"]] == ["drone.sighting"] * 2


async def test_a_set_for_newer_readers_is_kept_unread_and_blocks_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, _ = await house.phone(0)
    incident = (await house.incident())["id"]
    entity = bytes.fromhex(incident)
    device.write(KIND_INCIDENT, entity, [NOTE | {"text": "之前"}], scope="org")
    with written_by(monkeypatch, 2, 2):
        sealed = device.write(KIND_INCIDENT, entity, [NEW_OP], scope="org")
    device.write(KIND_INCIDENT, entity, [NOTE | {"text": "之后"}], scope="org")
    raw = raws_of(device)[sealed]
    heard = listening(device)
    await settled(house, device)
    ruling, envelope = heard[sealed]
    assert (ruling.payload["d"], ruling.payload["why"]) == ("opaque", "newer_version")
    assert envelope == raw
    tally = device.vault.tally()
    assert (tally.made, tally.acked, tally.refused) == (4, 4, 0)
    story = await house.desk.get(f"/api/incidents/{incident}")
    assert [entry["text"] for entry in story["view"]["entries"]] == ["之前", "之后"]


async def test_an_older_app_on_a_vault_that_a_newer_one_used_goes_on_with_the_chain(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, _ = await house.phone(0)
    entity = bytes.fromhex((await house.incident())["id"])
    with written_by(monkeypatch, 2, 2):
        device.write(KIND_INCIDENT, entity, [NEW_OP], scope="org")
    chain = device.chain
    again, _ = house.device(device.vault, 0)
    again.write(KIND_INCIDENT, entity, [NOTE], scope="org")
    await settled(house, again)
    assert again.chain == chain
    assert again.vault.tally().acked == 3
