"""A centre that is put back from an old copy in the middle of a world, as `ortoo restore` does it.

Responsible for when the copy is made and when it is put back, for doing that with the server's own code, and for
telling the oracle what may be gone for good: what only the lost part of the log had. Refuses to judge.

Example: `Recovery.drawn(chance, events=45)` is None for most worlds; else `await recovery.at(30, world)` may put back
what was copied after the twelfth act of fate.
"""

import random
import shutil
from functools import partial
from pathlib import Path

import msgspec
from sqlalchemy import Connection

from server.backup.restore import NOT_BROUGHT_BACK, _without_old_desks
from server.intake.beacons import KEY_FILE as BEACON_KEY
from server.proof import loss, memory
from server.proof.signer import KEY_FILE as LOG_KEY
from server.store import log
from server.store.rows import execute
from tests.sim.centre import Centre, Process
from tests.sim.ended import Ended
from tests.sim.scene import Scene

LIKELY = 0.2


class Recovery:
    """One copy, put back once."""

    def __init__(self, copied_at: int, put_back_at: int) -> None:
        """After so many acts of fate each."""
        self._copied_at, self._put_back_at = copied_at, put_back_at
        self._image: bytes | None = None

    @staticmethod
    def drawn(chance: random.Random, events: int) -> "Recovery | None":
        """That of one world, where it has one."""
        if chance.random() > LIKELY:
            return None
        copied_at = chance.randrange(events)
        return Recovery(copied_at, chance.randrange(copied_at, events))

    async def at(self, number: int, world: Scene) -> None:
        """Do what is due after this act of fate."""
        if number == self._copied_at:
            self._image = world.storage.image()
        if number == self._put_back_at and self._image is not None:
            world.trace.note("centre", "is put back")
            before = Ended(world)
            world.storage.trouble, world.storage.cut_after_commit = None, False
            await put_back(world.centre, self._image)
            after = Ended(world)
            world.oracle.put_back(set(after.by_id), after.raw_rulings, before.redacted)
            world.learn_rights()


async def put_back(centre: Centre, image: bytes) -> None:
    """Start on an old copy: the desks sign with a new key, and the loss is declared before anything else is ruled."""
    centre.kill()
    centre.storage.restore(image)
    await centre.storage.writing(_stripped)
    house = Path(centre.settings.data_dir) / "put back"
    shutil.rmtree(house, ignore_errors=True)
    house.mkdir()
    for name in (LOG_KEY, BEACON_KEY):
        shutil.copy(Path(centre.settings.data_dir) / name, house / name)
    centre.settings = msgspec.structs.replace(
        centre.settings, data_dir=house, log_memory=memory.path_of(centre.settings)
    )
    rulings = centre.storage.look(log.read).idx
    await centre.rule_alone(partial(_declare, centre, rulings))
    await centre.start()


async def _declare(centre: Centre, rulings: int, process: Process) -> None:
    await process.intake.transaction(partial(_without_old_desks, own=process.intake.desk.chain))
    await loss.declare(
        process.intake, process.signer, centre.entropy, why="the disk failed", put_back=rulings
    )


def _stripped(connection: Connection) -> None:
    for table in NOT_BROUGHT_BACK:
        execute(connection, f"DELETE FROM {table}")
