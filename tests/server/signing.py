"""A house whose log is kept signed by hand, so that every step can be looked at.

Example: `signing = Signing(house); await signing.open(); await signing.grow(300); await signing.keeper.sign()`.
"""

import os
from typing import Any

from server.proof.keeper import Keeper, announce
from server.proof.signer import Signer
from server.store import log, proofs
from sync import rulings
from tests.server.conftest import House


class Signing:
    """A house whose log is kept signed by hand, so that every step can be looked at."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.signer = Signer(house.settings, os.urandom)
        self.keeper = Keeper(house.db, house.intake, house.clock, self.signer)

    async def open(self) -> None:
        await announce(self.house.intake, self.signer)

    async def grow(self, count: int) -> None:
        """So many more rulings."""

        def job(batch: Any) -> None:
            for at in range(count):
                batch.org("categories", os.urandom(16), {"code": f"c{at}", "zh": "", "en": ""})

        await self.house.intake.transaction(job)

    async def size(self) -> int:
        return (await self.house.db.reading(log.read)).idx

    async def leaves(self) -> list[bytes]:
        def read(connection: Any) -> list[bytes]:
            found = proofs.rulings_between(connection, 0, log.read(connection).idx)
            return [rulings.leaf_hash(raw) for _idx, raw in found]

        return await self.house.db.reading(read)
