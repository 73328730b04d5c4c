"""What this server is to the log: the centre, which keeps it, or a station, which keeps sets for it (SPEC HB).

Responsible for naming, in one place, which parts of the intake the two have for their own. Everything else is the same
code. Refuses to know what the parts do.

Example: `tier_of("station").batch(connection, memory, now_ms).take(one, now_ms)` gives a provisional ruling.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection

from server.intake import greetings, hub
from server.intake.batch import Batch
from server.intake.greetings import Greeting, Welcome
from server.intake.memory import Memory
from sync.rulings import PROVISIONAL_FROM


class Tier(msgspec.Struct, frozen=True):
    """`first_idx`: rulings made here come after it. `without_writing` answers a hello where nothing can be stored."""

    batch: type[Batch]
    memory: type[Memory]
    first_idx: int
    without_writing: Callable[[Connection, Greeting], Welcome]


CENTRE: Final = Tier(Batch, Memory, 0, greetings.without_writing)
STATION: Final = Tier(hub.HubBatch, hub.HubMemory, PROVISIONAL_FROM, hub.without_writing)


def tier_of(role: str) -> Tier:
    """By the settings' word for it."""
    return STATION if role == "station" else CENTRE
