"""Files between a station and its centre in this process: what a courier carries, and what becomes of it.

Example: `[up] = await backlog(station.app)`; then `brought, _ = await carried_to(house.app, up)`, and the answer back.
"""

import os
from contextlib import nullcontext
from io import BytesIO
from typing import Any

from litestar import Litestar

from server.courier.answer import Answering, parts_of, write_answer
from server.courier.backlog import Packing, written
from server.courier.carried import Carried, take_in
from server.courier.files import own_key, records_of
from server.courier.heeded import Heeding
from server.store import spool


def packing(app: Litestar) -> Packing:
    state = app.state
    return Packing(state.db, state.intake, state.clock, os.urandom)


async def backlog(app: Litestar, file_bytes: int = 1 << 20) -> list[bytes]:
    """The files that a station makes of what it owes."""
    files: list[BytesIO] = []

    def next_file(_number: int) -> Any:
        files.append(BytesIO())
        return nullcontext(files[-1])

    await written(packing(app), next_file, file_bytes)
    return [file.getvalue() for file in files]


async def carried_to(app: Litestar, file: bytes) -> tuple[Carried, int]:
    """A file is brought to a centre or a station. Gives what became of it, and how many sets are owed no longer."""
    state = app.state
    is_station = state.settings.role == "station"
    heeding = await Heeding.begun(state.intake, state.db) if is_station else None
    records = records_of([file], own_key(state.settings))
    carried = await take_in(state.intake, records, heeding)
    return carried, heeding.settled if heeding else 0


async def answer_of(app: Litestar, carried: Carried) -> bytes:
    """The answer of the centre to what was brought."""
    state = app.state
    parts: list[bytes] = []
    by = Answering(state.db, state.intake, state.keeper, state.clock, os.urandom)
    for ruled in parts_of(carried.ruled):
        await write_answer(by, ruled, carried.manifest, parts.append)
    return b"".join(parts)


async def owed(app: Litestar) -> int:
    counts = await app.state.db.reading(spool.counts)
    waiting: int = counts.waiting + counts.handed
    return waiting
