"""`kill -9`, again and again: a centre that dies at random moments under load owes nobody anything.

Responsible for the rounds. Each starts the process, lets the crew work, kills it at a moment the seed decides (now and
then while it is still starting), and has the checker compare what was acked so far with what lies on the disk. At the
end the faults are over, everybody sends what is left, and the last check asks for all of it.

What this does not prove: the page cache survives `kill -9`, so a commit that never reached the disk would pass. That
commits are synced is a setting, `synchronous=FULL`, which tests of the store hold.

Example: `await rounds(place, seed=7, count=5)` gives a `Tally`; a broken promise raises `BrokenPromiseError`.
"""

import asyncio
import random
from pathlib import Path
from typing import NamedTuple

from tests.blackbox.centre import Centre
from tests.blackbox.checker import Violation, check
from tests.blackbox.crew import Crew
from tests.blackbox.journal import Journal

PHONES = 6
STARTING_SHARE = 0.15  # of the kills: before the process has answered anything
STARTING_S = 1.5
WORKING_S = 1.5


class BrokenPromiseError(AssertionError):
    """The checker found something; the message says what, and where the evidence lies."""


class Tally(NamedTuple):
    """What a run did, so that a run that did nothing is noticed."""

    rounds: int
    killed_starting: int
    acked: int  # answers that said a set is durable
    duplicates: int  # of them: sets whose first answer was lost
    orders: int


async def rounds(place: Path, seed: int, count: int) -> Tally:
    """So many kills, each judged; everything stays in `place` for whoever looks into a failure."""
    chance = random.Random(seed)
    centre = await Centre.founded(place / "centre", PHONES)
    journal = Journal(place / "journal.jsonl")
    starting = 0
    try:
        await centre.start()
        async with Crew.enrolled(centre, journal, place, str(seed)) as crew:
            crew.work()
            for number in range(count):
                if number > 0:
                    centre.launch()
                    if chance.random() < STARTING_SHARE:
                        starting += 1
                        await asyncio.sleep(chance.uniform(0, STARTING_S))
                    else:
                        await centre.ready()
                await asyncio.sleep(chance.uniform(0, WORKING_S))
                centre.kill()
                await judged(centre, journal, f"seed {seed}, round {number + 1}")
            await centre.start()
            await crew.drained()
            centre.kill()
            await judged(centre, journal, f"seed {seed}, healed")
            duplicates = sum(phone.device.duplicates for phone in crew.phones)
            return Tally(count, starting, journal.counts["acked"], duplicates, crew.orders)
    finally:
        centre.stop()
        journal.close()


async def judged(centre: Centre, journal: Journal, when: str) -> None:
    """Have the checker look at a stopped centre. Raises BrokenPromiseError."""
    found: list[Violation] = await asyncio.to_thread(check, journal.path, centre.data_dir)
    if found:
        lines = "\n".join(str(violation) for violation in found[:20])
        raise BrokenPromiseError(
            f"{when}: {len(found)} violations; evidence in {journal.path.parent}\n{lines}"
        )
