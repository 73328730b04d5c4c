"""Two processes on one database: each hears of what the other wrote."""

import os
from pathlib import Path

import msgspec

from server.intake.door import Intake
from server.live.follow import Follower
from server.live.hub import LOG, Hub
from server.perform import Performer
from server.store import log
from tests.server.conftest import House
from tests.server.pen import STATION, person_id


async def test_a_node_hears_of_what_another_wrote_and_knows_the_people_it_added(
    house: House, tmp_path: Path
) -> None:
    elsewhere = msgspec.structs.replace(house.settings, data_dir=tmp_path / "elsewhere")
    other = Intake(elsewhere, house.clock, os.urandom, house.db, Performer({}))
    await other.start()
    hub = Hub(limit=10)
    looks: list[str] = []
    follower = Follower(house.db, other, hub, lambda: looks.append("timers"))
    assert await follower.look()
    with hub.listen([LOG]) as desk, hub.listen(["org", "station:none"]) as phone:
        assert not await follower.look()
        assert await desk.hear(0) == {}
        row = {"name": "新", "role": "officer", "station": STATION}
        idx = await house.intake.org("people", person_id("new"), row)
        assert other.directory.person(person_id("new")) is None
        assert await follower.look()
        assert await desk.hear(1) == {LOG: idx}
        assert looks == ["timers", "timers"], "another node may have set any timer"
        assert (await phone.hear(1)).keys() == {"org"}
    found = other.directory.person(person_id("new"))
    assert found is not None
    assert found.name == "新"
    # Its own later word counts more than what it read.
    await other.org("people", person_id("new"), None)
    assert other.directory.person(person_id("new")) is None
    assert (await house.db.reading(log.read)).idx == idx + 1
    await other.stop()
