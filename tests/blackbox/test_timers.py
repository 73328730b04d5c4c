"""A centre that is killed between a due and its telling tells it after the next start, once (SPEC NU4).

The order was issued some seconds ago, so that one step is due at once and the next a little later; the process is
killed before that, and again right after it. How late each step was told is printed, not judged: that is the bench's
business.
"""

import asyncio
import os
from pathlib import Path
from typing import Any

from server.intake.door import Intake
from server.intake.memory import load
from server.now import SystemClock
from server.perform import Performer
from server.settings import Settings
from server.store import people
from server.store.engine import Database
from sync.changeset import KIND_INCIDENT, Draft
from tests.blackbox.centre import Centre

INCIDENT, ORDER = b"incident-sixteen", b"order----sixteen"
SO_LONG_AGO_MS = 6_000
DESK_DUE_MS = 10_000
LOOK_S = 0.1


async def ordered(data_dir: Path, centre: Centre) -> int:
    """An order that a phone should have had for a while, written before a process serves. Gives when it was issued."""
    settings, clock = Settings(data_dir=data_dir, hashing="light"), SystemClock()
    db = Database(settings.url)
    performer = Performer({})
    intake = Intake(settings, clock, os.urandom, db, performer)
    await intake.start()
    officer = centre.officers[0]
    issued_ms = clock.now_ms() - SO_LONG_AGO_MS
    station = bytes.fromhex(officer.station)
    kind, target = officer.target
    to = [kind, bytes.fromhex(target)]
    create = {"t": "incident.create", "source": "desk", "station": station, "tag": "T"}
    issue = {"t": "order.issue", "order": ORDER, "to": to, "kind": "dispatch", "round": 0}
    draft = Draft(bytes(16), "org", KIND_INCIDENT, INCIDENT, [create, issue | {"at": issued_ms}])
    dispatcher = next(one.id for one in intake.directory.people() if "dispatcher" in one.roles)
    [result] = await intake.submit_desk(dispatcher, [draft])
    assert result.d == "accepted", result
    await intake.stop()
    await performer.stop()
    await db.close()
    return issued_ms


async def told(data_dir: Path) -> list[dict[str, Any]]:
    """What stands in the log of who was told, in order."""
    db = Database(Settings(data_dir=data_dir).url)
    try:
        directory = await db.reading(people.directory)
        incident = await db.reading(load, INCIDENT, directory)
        entries: list[dict[str, Any]] = incident.state.view()["entries"]
        return entries
    finally:
        await db.close()


async def until_told(data_dir: Path, count: int) -> list[dict[str, Any]]:
    while True:
        if len(entries := await told(data_dir)) >= count:
            return entries
        await asyncio.sleep(LOOK_S)


async def test_a_centre_killed_between_due_and_telling_tells_it_once_after_its_start(
    tmp_path: Path,
) -> None:
    data_dir = tmp_path / "centre"
    centre = await Centre.founded(data_dir, phones=1)
    issued_ms = await ordered(data_dir, centre)
    try:
        centre.launch()
        await until_told(data_dir, 1)
        centre.kill()
        left_ms = issued_ms + DESK_DUE_MS - SystemClock().now_ms()
        await asyncio.sleep(max(0, left_ms) / 1000)
        centre.launch()
        await until_told(data_dir, 2)
        centre.kill()
        await centre.start()
        centre.kill()
        entries = await told(data_dir)
    finally:
        centre.stop()
    assert [one["data"]["channel"] for one in entries] == ["push", "desk"]
    for one in entries:
        print(f"{one['data']['channel']}: told {one['at'] - one['data']['due']} ms after its due")
