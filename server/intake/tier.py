"""What this server is to the log: the centre, which keeps it, or a station, which keeps sets for it (SPEC HB).

Responsible for naming, in one place, which parts of the intake the two have for their own. Everything else is the same
code. Refuses to know what the parts do.

Example: `tier_of("station").batch(connection, memory, now_ms, unsure_ms).take(one, now_ms)` gives a provisional ruling.
"""

from typing import Final

import msgspec

from server.intake import hub
from server.intake.batch import Batch
from server.intake.memory import Memory
from sync.rulings import PROVISIONAL_FROM


class Tier(msgspec.Struct, frozen=True):
    """`first_idx`: rulings made here come after it."""

    batch: type[Batch]
    memory: type[Memory]
    first_idx: int


CENTRE: Final = Tier(Batch, Memory, 0)
STATION: Final = Tier(hub.HubBatch, hub.HubMemory, PROVISIONAL_FROM)


def tier_of(role: str) -> Tier:
    """By the settings' word for it."""
    return STATION if role == "station" else CENTRE
