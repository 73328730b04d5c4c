"""A phone that was lost and suspended, and later hands over what it held: one command for a person to decide.

Responsible for the old phone of the officer without a simulated one. On patrol where there is no mast he opens an
incident and gives it to himself, deals with it, and loses the phone; an administrator suspends it; a herder finds it,
and once it is charged it hands over what it holds. Whether the command is older than the suspension only that phone's
own clock can say, so the centre holds it. Refuses to decide: that is for whoever looks at the queue.

It happens in the past that a first start lives through, and what is drawn for it is drawn for it alone: the rest of
the banner's past is the same with it and without.

Example: `time.spawn(lost(url, phones / "lost.db", admin, time, begin_ms, seed="1"))`.
"""

import random
import secrets
from pathlib import Path
from typing import Any

import httpx2

from server.fleet.desk import Desk
from server.fleet.device import Device
from server.fleet.timebase import Timebase
from server.fleet.vault import Vault
from server.fleet.world import HUMAN_OFFICER, TOWNS, id_of
from server.intake.places import home_scope
from server.wire import REVOKED, ServerRefusalError
from sync.changeset import KIND_INCIDENT

LABEL = f"{HUMAN_OFFICER}的旧手机（模拟）"
WHY = "巡逻时掉在草场，本人到所里报失"
DESPITE = "手机不在本人手上，捡到的人能用"
TITLE = "围栏被剪，羊群上了公路"
PLACE = TOWNS[0].places[4]
NOTE = "羊已赶回草场，缺口临时绑上，车辙拍了照。"
POSITION = [383_120_000, 1_079_040_000, 14]  # 1e-7 degree, and metres of accuracy
ARRIVED_MS = 4 * 60_000  # all from the moment he opens the incident
NOTED_MS = 19 * 60_000
CLEARED_MS = 31 * 60_000
SUSPENDED_MS = 75 * 60_000
FOUND_MS = 215 * 60_000


async def lost(
    url: str, vault: Path, admin: Desk, time: Timebase, begin_ms: int, *, seed: str
) -> None:
    """Live through all of it; the incident is opened at `begin_ms`. Takes `FOUND_MS`."""
    chance = random.Random(f"{seed}/lost")  # noqa: S311 - plausible, not secret
    person = id_of("people", HUMAN_OFFICER)
    async with httpx2.AsyncClient(base_url=url, timeout=30) as http:
        phone = Device(
            Vault(vault),
            http,
            time,
            entropy=secrets.token_bytes,
            chance=chance,
            records_centre=True,
        )
        code = await admin.post("/api/devices/codes", {"person": person.hex()})
        await phone.enrol(code["code"], LABEL)
        await phone.attempt(pull=True)
        await time.sleep_until(begin_ms)
        await _patrol(
            phone, time, begin_ms, incident=chance.randbytes(16), order=chance.randbytes(16)
        )
        await time.sleep_until(begin_ms + SUSPENDED_MS)
        reported = {"why": WHY, "despite": DESPITE}
        await admin.post(f"/api/devices/{phone.chain.hex()}/revoke", reported)
        await time.sleep_until(begin_ms + FOUND_MS)
        phone.greet_again()  # its battery was empty
        try:
            await phone.attempt(pull=False)
        except ServerRefusalError as refused:
            if refused.code != REVOKED:
                raise
        phone.vault.close()


async def _patrol(
    phone: Device, time: Timebase, begin_ms: int, *, incident: bytes, order: bytes
) -> None:
    """What he writes where there is no network, from finding the hole in the fence to driving on."""
    station = id_of("stations", TOWNS[0].station)
    scope = home_scope(station, begin_ms)

    def write(*ops: dict[str, Any], priority: bool = True) -> None:
        phone.write(KIND_INCIDENT, incident, ops, scope=scope, priority=priority)

    def claim(kind: str, via: str = "self") -> dict[str, Any]:
        return {"t": "milestone.claim", "kind": kind, "round": 0, "order": order, "via": via}

    facts = {"title": TITLE, "category": "livestock", "place": PLACE, "point": POSITION[:2]}
    write(
        {
            "t": "incident.create",
            "source": "self",
            "station": station,
            "tag": f"{HUMAN_OFFICER}-07",
        },
        *({"t": "fact.set", "f": f, "v": v, "p": []} for f, v in facts.items()),
        {
            "t": "order.issue",
            "order": order,
            "to": ["person", phone.person],
            "kind": "dispatch",
            "round": 0,
        },
        claim("delivered", via="system"),
        claim("signed"),
    )
    await time.sleep_until(begin_ms + ARRIVED_MS)
    write(claim("arrived") | {"pos": POSITION})
    await time.sleep_until(begin_ms + NOTED_MS)
    write({"t": "entry.add", "kind": "note", "text": NOTE}, priority=False)
    await time.sleep_until(begin_ms + CLEARED_MS)
    write(claim("cleared"))
