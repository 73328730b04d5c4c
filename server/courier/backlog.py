"""A station's backlog as files: everything that is owed to the centre, for whoever goes there (SPEC HB13).

Responsible for what goes into which file, the station's word on since when it had the others first, made and signed by
its own chain and sealed to the centre alone, so that each is a whole bundle of at most 2 GiB. Refuses to take anything
off the list: what is carried stays owed until the centre's ruling on it is here, by whatever way it comes.

Example: `made = await written(by, next_file)`, where `next_file(2)` opens what the second part goes to.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from typing import Final, Protocol

import msgspec
from sqlalchemy import Connection

from server.courier.answer import made_by
from server.courier.heeded import held_at
from server.intake.door import Intake
from server.intake.hub import WORDS_LANE
from server.intake.queue import IntakeBusyError, IntakeClosedError
from server.intake.vouch import vouch
from server.now import Clock
from server.seal import SealKey, sealed_to
from server.store import spool, upstream
from server.store.engine import Database
from sync import bundle, sealed, witness
from sync.bundle import BundleWriter
from sync.clock import MS_MAX

AROUND_BYTES: Final = 2_048
"""What stands around the sets of a file, at most: its sealed header, the manifest and the end."""
SETS_AT_ONCE: Final = 500
WORDS_AT_ONCE: Final = 2_000
LANES: Final = (WORDS_LANE, 1, 0)
FRAME_BYTES: Final = bundle.FRAME_BYTES + 11
"""What a record adds to the bytes of its set, at most."""

_log = logging.getLogger("ortoo.courier")


class LogUnknownError(Exception):
    """The organisation that would name the centre's key has not come yet."""


class Out(Protocol):
    """Where bytes go."""

    def write(self, piece: bytes, /) -> object:
        """Take this."""
        ...


class Packing(msgspec.Struct, frozen=True):
    """What a backlog is packed with."""

    db: Database
    intake: Intake
    clock: Clock
    entropy: Callable[[int], bytes]


class For(msgspec.Struct, frozen=True):
    """Whom a backlog is for: the centre, the key to seal to, and the highest checkpoint of its log that was checked."""

    server: bytes
    seal: bytes
    signed: tuple[str, int] | None


class Part(msgspec.Struct, frozen=True):
    """One file: how many sets it holds, and the (lane, arrival number) after which they begin."""

    sets: int
    after: tuple[int, int]


async def written(
    by: Packing,
    next_file: Callable[[int], AbstractContextManager[Out] | None],
    file_bytes: int = bundle.FILE_BYTES_MAX,
) -> list[int]:
    """Write everything that is owed, each part into what `next_file` opens for its number from 1 on; those for which it
    opens nothing are left out. No part is longer than `file_bytes`, unless it is one set. Gives how many sets each part
    has, nothing when nothing is owed. Raises LogUnknownError.
    """

    def work(connection: Connection) -> list[int]:
        parts = list(_planned(connection, file_bytes))
        centre = _centre(by, connection) if parts else None
        for number, part in enumerate(parts, 1):
            if centre is None or (opened := next_file(number)) is None:
                continue
            with opened as out:
                for piece in sealed_to(
                    _pieces(by, connection, centre, part), [centre.seal], by.entropy
                ):
                    out.write(piece)
        return [part.sets for part in parts]

    await _speak(by)
    return await by.db.reading(work)


async def _speak(by: Packing) -> None:
    """Give the station's word on everything that it can say it of (HB11), as far as it can write."""
    try:
        while unspoken := await by.db.reading(spool.unspoken, WORDS_AT_ONCE):
            await by.intake.transaction(partial(vouch, arrival_nos=unspoken, before_ms=MS_MAX))
    except (IntakeBusyError, IntakeClosedError) as error:
        _log.warning(
            "a backlog goes without a word on how long it was here", extra={"why": str(error)}
        )


def _planned(connection: Connection, file_bytes: int) -> Iterator[Part]:
    """How what is owed is cut into files, the priority lane first."""
    sealing_bytes = (file_bytes // sealed.PIECE_BYTES + 1) * sealed.TAG_BYTES
    whole = file_bytes - AROUND_BYTES - sealing_bytes
    begins, sets, room = (LANES[0], 0), 0, whole
    before = begins
    for lane, arrival_no, envelope in _owed(connection, begins):
        size = FRAME_BYTES + len(envelope)
        if sets and size > room:
            yield Part(sets, begins)
            begins, sets, room = before, 0, whole
        sets, room, before = sets + 1, room - size, (lane, arrival_no)
    if sets:
        yield Part(sets, begins)


def _owed(connection: Connection, after: tuple[int, int]) -> Iterator[tuple[int, int, bytes]]:
    """(lane, arrival number, envelope) of what follows a place."""
    for lane in LANES:
        if lane > after[0]:
            continue
        after_no: int | None = after[1] if lane == after[0] else 0
        while after_no is not None:
            page = spool.by_hand(connection, lane, after_no, SETS_AT_ONCE)
            for arrival_no, envelope in page:
                yield lane, arrival_no, envelope
            after_no = page[-1][0] if page else None


def _centre(by: Packing, connection: Connection) -> For:
    """Whom it is for. Raises LogUnknownError."""
    known = upstream.read(connection)
    row = None if known is None else by.intake.directory.row(witness.ORG_ROW, known.server)
    log = None if known is None or row is None else witness.log_of(known.server, row)
    if known is None or row is None or log is None or "seal" not in row:
        raise LogUnknownError
    held = held_at(known, log)
    return For(known.server, row["seal"], None if held is None else (held.origin, held.size))


def _pieces(by: Packing, connection: Connection, centre: For, part: Part) -> Iterator[bytes]:
    desk = by.intake.desk
    made = made_by(desk, by.clock.now_ms(), {bundle.SET: part.sets})
    reply = SealKey.of(desk.key).public
    writer = BundleWriter()
    yield writer.begin(
        msgspec.structs.replace(made, to=centre.server, reply=reply, signed=centre.signed)
    )
    for _lane, _no, envelope in islice(_owed(connection, part.after), part.sets):
        yield writer.add(bundle.SET, envelope)
    yield writer.end(desk.key.sign)
