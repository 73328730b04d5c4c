"""What holds at a station that is level with its centre, long before the end of a world.

Responsible for three invariants there: a phone that meets nobody else has every entry of what the station lists (I14),
words that were taken away are in no byte of the station's database and in no app that reads there (I19), and once all
is through nobody says anything (I20). Refuses to bring anybody there: `town_calm` does.

Example: `await judge(world, town, station, said)`, where `said()` counts the pushes that this station answered.
"""

import asyncio
from collections.abc import Callable

from sqlalchemy import Connection

from tests.sim.ended import Ended
from tests.sim.invariants import once, words_of
from tests.sim.oracle import HUB, Broken
from tests.sim.phone import Phone
from tests.sim.rest import may_pull
from tests.sim.scene import Scene
from tests.sim.station import Station
from tests.sim.township import Town

QUIET_S = 40


async def judge(world: Scene, town: Town, station: Station, said: Callable[[], int]) -> None:
    """All three. Raises Broken."""
    there = [
        one for one in world.phones if town.where(one) == station.name and may_pull(world, one)
    ]
    ended = Ended(world)
    for phone in there:
        if not phone.refused():
            _is_complete(ended, phone, station)
    _forgot_words(ended, station, there)
    if not any(one.refused() or one.rotten for one in there):
        before = said()
        await asyncio.sleep(QUIET_S)
        if said() != before:
            raise Broken(20, f"{said() - before} pushes at {station.name}, where all is through")


def _is_complete(ended: Ended, phone: Phone, station: Station) -> None:
    listed = station.storage.look(_lists)
    stored = ended.stored[phone.name]
    for name, (_epoch, n, _head) in stored.cursors.items():
        lines = listed.get(name, [])
        if n != len(lines) or (name.startswith(HUB) and not name.startswith(station.family)):
            continue  # read on elsewhere, or of another station
        begins = [0] if name.startswith(HUB) else [0, *ended.published(name)]
        if once(stored.lines.get(name, [])) not in [once(lines[at:]) for at in begins]:
            raise Broken(14, f"{phone.name} does not hold every entry of {name} at {station.name}")


def _forgot_words(ended: Ended, station: Station, there: list[Phone]) -> None:
    taken = {at: raw for at, raw in ended.oracle.acked.items() if at in ended.redacted}
    if not taken:
        return
    standing = b"".join(held.envelope for held in ended.sets if held.id not in ended.redacted)
    places = {station.name: station.storage.image()}
    places |= {phone.name: phone.words() for phone in there if not phone.refused()}
    for set_id, raw in taken.items():
        for who, kept in places.items():
            if any(word in kept and word not in standing for word in words_of(raw)):
                raise Broken(19, f"{who} still holds words of {set_id.hex()[:8]} at {station.name}")


def _lists(connection: Connection) -> dict[str, list[int]]:
    rows = connection.exec_driver_sql(
        "SELECT s.name, e.idx FROM scopes s JOIN scope_entries e ON e.scope = s.id ORDER BY s.name, e.n"
    )
    found: dict[str, list[int]] = {}
    for name, idx in rows:
        found.setdefault(name, []).append(idx)
    return found
