"""Simulated phones whose storage was copied, set back or damaged: no report is lost, and no two write as one (FK).

Example: a vault is copied like any file; both copies write without a network, and sync in either order.
"""

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest

from server.fleet.device import Device
from server.fleet.vault import Vault
from server.wire import ServerRefusalError
from sync.changeset import KIND_INCIDENT
from tests.fleet.conftest import House

NOTE = {"t": "entry.add", "kind": "note"}


def note(device: Device, incident: str, text: str) -> bytes:
    return device.write(
        KIND_INCIDENT, bytes.fromhex(incident), [NOTE | {"text": text}], scope="org"
    )


async def texts(house: House, incident: str) -> list[str]:
    story = await house.desk.get(f"/api/incidents/{incident}")
    return sorted(entry["text"] for entry in story["view"]["entries"])


async def rows(house: House) -> dict[str, dict[str, Any]]:
    return {row["chain"]: row for row in await house.admin.get("/api/devices")}


def kinds(row: dict[str, Any]) -> set[str]:
    return {event["kind"] for event in row["events"]}


async def settled(house: House, *devices: Device) -> None:
    """Everything is handed in and read."""
    for device in devices:
        device.kick(pull=True)
    await house.time.run()


async def refusal_of(house: House, device: Device) -> str:
    """What the centre says no with, when this device tries."""
    refused: list[str] = []

    async def try_once() -> None:
        try:
            await device.attempt(pull=True)
        except ServerRefusalError as error:
            refused.append(error.code)

    house.time.spawn(try_once())
    await house.time.run()
    return refused[0]


async def enrol_again(house: House, device: Device, number: int = 0) -> None:
    code = await house.admin.post("/api/devices/codes", {"person": house.officers[number].person})
    async with httpx2.AsyncClient(base_url=house.url) as http:
        await device.enrol(code["code"], "again", http)


async def copied(house: House, tmp_path: Path) -> tuple[Device, Device, str]:
    """A phone that has synced once and its copy, taken while it was off."""
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    device, _ = await house.phone(0, None, Vault(first))
    incident: str = (await house.incident())["id"]
    note(device, incident, "共同")
    await settled(house, device)
    device.vault.close()
    shutil.copyfile(first, second)
    one, _ = house.device(Vault(first), 0)
    other, _ = house.device(Vault(second), 1)
    return one, other, incident


@pytest.mark.parametrize("copy_first", [False, True])
async def test_a_copied_phone_is_found_when_both_sync_and_every_report_of_both_is_there(
    house: House, tmp_path: Path, *, copy_first: bool
) -> None:
    one, other, incident = await copied(house, tmp_path)
    chain = one.chain
    for device, name in ((one, "本机"), (other, "副本")):
        for at in range(3):
            note(device, incident, f"{name} {at}")
    first, second = (other, one) if copy_first else (one, other)
    await settled(house, first)
    assert first.chain == chain  # nobody can know yet
    # It shows the token of before the first one's hello; the chain it leaves is continued.
    await settled(house, second)
    assert second.chain != chain
    wanted = ["共同", *(f"{name} {at}" for name in ("副本", "本机") for at in range(3))]
    assert await texts(house, incident) == sorted(wanted)
    assert kinds((await rows(house))[chain.hex()]) >= {"copied", "rotated", "forked"}

    # The first is told too; the place is taken, so somebody must vouch for it.
    note(first, incident, "之后写的")
    first.greet_again()
    assert await refusal_of(house, first) == "rotation_needs_login"
    assert "needs_login" in kinds((await rows(house))[chain.hex()])
    assert "之后写的" in await texts(house, incident)  # handed in all the same
    note(first, incident, "登记之前写的")
    await enrol_again(house, first)
    note(first, incident, "登记之后写的")
    await settled(house, first, second)
    told = await texts(house, incident)
    assert {"登记之前写的", "登记之后写的"} <= set(told)
    for device in (first, second):
        tally = device.vault.tally()
        assert (tally.acked, tally.refused) == (tally.made, 0)
    assert len({chain, first.chain, second.chain}) == 3
    note(first, incident, "一")
    note(second, incident, "二")
    await settled(house, first, second)
    assert len(await texts(house, incident)) == len(told) + 2


async def test_a_rotation_whose_answer_is_lost_is_asked_again(house: House, tmp_path: Path) -> None:
    one, other, incident = await copied(house, tmp_path)
    await settled(house, one)
    note(other, incident, "副本")

    class Deaf(httpx2.AsyncBaseTransport):
        """Loses the first answer to a rotation."""

        lost = 0

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            reply = await house.inner.handle_async_request(request)
            if request.url.path.endswith("/rotate") and not self.lost:
                self.lost += 1
                await reply.aread()
                raise httpx2.ReadError("lost", request=request)
            return reply

    deaf = Deaf()
    other._wire.http = httpx2.AsyncClient(base_url=house.url, transport=deaf)
    await settled(house, other)
    assert deaf.lost == 1
    assert await texts(house, incident) == ["共同", "副本"]


async def test_a_phone_set_back_to_an_older_copy_takes_its_sets_back_and_leaves_the_chain(
    house: House, tmp_path: Path
) -> None:
    file, backup = tmp_path / "phone.db", tmp_path / "backup.db"
    device, _ = await house.phone(0, None, Vault(file))
    incident = (await house.incident())["id"]
    note(device, incident, "备份前")
    await settled(house, device)
    device.vault.close()
    shutil.copyfile(file, backup)
    device, _ = house.device(Vault(file), 0)
    note(device, incident, "备份后")
    await settled(house, device)
    device.vault.close()

    restored, _ = house.device(Vault(backup), 2)
    chain = restored.chain
    await settled(house, restored)
    assert restored.chain != chain
    note(restored, incident, "恢复后")
    await settled(house, restored)
    assert await texts(house, incident) == ["备份前", "备份后", "恢复后"]
    row = (await rows(house))[chain.hex()]
    assert kinds(row) == {"rolled_back", "rotated"}
    assert row["continued_by"] == restored.chain.hex()


async def test_a_damaged_set_ends_the_chain_and_what_followed_is_written_again(
    house: House, tmp_path: Path
) -> None:
    file = tmp_path / "phone.db"
    device, _ = await house.phone(0, None, Vault(file))
    incident = (await house.incident())["id"]
    await settled(house, device)
    chain = device.chain
    note(device, incident, "完好")
    damaged = note(device, incident, "签名坏了")
    entry = damaged[:16] + b"\x00"
    lost = note(device, incident, "正文坏了")
    correction = {"t": "entry.correct", "entry": entry, "text": "更正"}
    device.write(KIND_INCIDENT, bytes.fromhex(incident), [correction], scope="org")
    device.vault.close()
    with sqlite3.connect(file) as raw:
        for id_, at in ((damaged, b"\xc4\x40"), (lost, "正文".encode())):
            (bytes_,) = raw.execute("SELECT raw FROM sets WHERE id = ?", (id_,)).fetchone()
            place = bytes_.index(at) + 2
            flipped = bytes_[:place] + bytes([bytes_[place] ^ 1]) + bytes_[place + 1 :]
            raw.execute("UPDATE sets SET raw = ? WHERE id = ?", (flipped, id_))

    device, _ = house.device(Vault(file), 3)
    assert device.chain != chain
    await settled(house, device)
    assert await texts(house, incident) == ["完好", "签名坏了"]
    story = await house.desk.get(f"/api/incidents/{incident}")
    (corrected,) = [one for one in story["view"]["entries"] if one["text"] == "签名坏了"]
    assert corrected["correction"]["text"] == "更正"
    assert corrected["by"] == house.officers[0].person
    # What could not be read with certainty is not signed anew: it stays, and is counted as not held by the centre.
    tally = device.vault.tally()
    assert (tally.made - tally.acked, tally.refused) == (1, 1)
    assert (await rows(house))[chain.hex()]["events"][0]["proof"]["why"] == "damaged"


async def test_an_installation_used_before_is_enrolled_again_and_still_hands_in_what_it_held(
    house: House, tmp_path: Path
) -> None:
    device, _ = await house.phone(0, None, Vault(tmp_path / "phone.db"))
    incident = (await house.incident())["id"]
    note(device, incident, "前任写的")
    before = device.chain
    await enrol_again(house, device, 1)
    assert device.chain != before
    note(device, incident, "后任写的")
    await settled(house, device)
    story = await house.desk.get(f"/api/incidents/{incident}")
    said = {entry["text"]: entry["by"] for entry in story["view"]["entries"]}
    assert said == {"前任写的": house.officers[0].person, "后任写的": house.officers[1].person}
