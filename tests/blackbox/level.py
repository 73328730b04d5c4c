"""When a station and its centre are one: nothing is owed, and what is mirrored goes as far as it does at the centre.

Responsible for looking, and for ending everything at such a moment, which passes: a centre goes on to rule on what
nobody signs. Refuses to wait for ever.

Example: `await stopped(centre, [station])`, and then the checkers.
"""

from collections.abc import Sequence

from tests.blackbox.centre import Centre
from tests.server.township import until

TRIES = 5


async def is_level(station: Centre, centre: Centre) -> bool:
    """Whether a running station owes nothing and mirrors what there is of its township."""
    said = await station.upstream()
    return _mirrors(station, centre) and not said["waiting"] + said["handed"]


async def stopped(centre: Centre, stations: Sequence[Centre]) -> None:
    """Stop them all while they are level."""

    async def are_level() -> bool:
        return all([await is_level(station, centre) for station in stations])

    for _ in range(TRIES):
        await until(are_level)
        for house in (centre, *stations):
            house.stop()
        if all(_mirrors(station, centre) for station in stations):
            return
        for house in (centre, *stations):
            await house.start()
    raise AssertionError("the centre was ahead of its stations each time")


def _mirrors(station: Centre, centre: Centre) -> bool:
    here, there = station.scopes(), centre.scopes()
    return "org" in here and all(there.get(name) == at for name, at in here.items())
