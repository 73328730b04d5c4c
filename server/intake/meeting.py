"""What a station hears of its centre's log at a hello, and what it does when the centre has lost a part of it.

Responsible for the log that is mirrored being one log: what is mirrored of another epoch, beyond what that kept, is the
station's opinion again and owed to the centre, like everything that was never ruled on (SPEC HB7, TL8, TL12). Refuses
to look at what is lost itself: the declaration says it.

Example: the centre was put back as of entry 400; the station has up to 460. The sets of 401 to 460 stand under
provisional rulings, go up once more, and the scopes are read again from their beginning.
"""

from typing import Final

import msgspec
from sqlalchemy import Connection

from server.intake.batch import Batch
from server.intake.hub import HubBatch
from server.intake.verify import Incoming, read_one
from server.store import projections, sets, spool, upstream
from server.store.rows import execute, query
from server.store.scopes import HUB
from sync import rulings
from sync.canon import INT_MAX
from sync.exchange import LogState
from sync.rulings import PROVISIONAL_FROM, SCOPE_HEAD_ZERO

PAGE: Final = 1_000


def meet(batch: Batch, heard: LogState) -> None:
    """Note which log the centre keeps, and begin anew where it is another than the one that is mirrored."""
    assert isinstance(batch, HubBatch), "only stations mirror"
    known = upstream.read(batch.connection)
    assert known is not None, "who greets a centre has joined it"
    after = msgspec.structs.replace(
        known, origin=heard.origin, epoch=heard.epoch, lost=list(heard.lost)
    )
    if known.epoch and known.epoch != heard.epoch:
        _lose(batch, dict(heard.lost).get(known.epoch, 0))
        after = msgspec.structs.replace(after, size=0, leaf=bytes(16))
    if after != known:
        upstream.save(batch.connection, after)


def _lose(batch: HubBatch, kept: int) -> None:
    """Everything after entry `kept` was never ruled."""
    connection = batch.connection
    batch.ledger.move_on()
    lost = query(
        connection,
        "SELECT arrival_no, entity, chain, seq, set_id, envelope FROM sets WHERE idx > ? AND idx < ?"
        " ORDER BY arrival_no",
        (kept, PROVISIONAL_FROM),
    )
    for arrival_no, entity, _chain, _seq, set_id, envelope in lost:
        earlier = (
            None if entity is None else _earlier(connection, bytes(entity), bytes(set_id), kept)
        )
        one = read_one(bytes(envelope))
        assert isinstance(one, Incoming), "what is stored was read before"
        if earlier is not None:
            sets.rule_again(connection, arrival_no, earlier, one.raw, bytes(entity))
            execute(connection, "DELETE FROM entity_rulings WHERE idx = ?", (earlier,))
        elif one.change is not None and one.change.body is None:
            # Its words are gone here, and whoever has them may bring them again.
            execute(connection, "DELETE FROM sets WHERE arrival_no = ?", (arrival_no,))
        else:
            batch.think_again(arrival_no, one)
    spool.again(connection, INT_MAX)
    for table in ("entity_rulings", "rulings"):
        sql = f"DELETE FROM {table} WHERE idx > ? AND idx < ?"  # noqa: S608  our own names
        execute(connection, sql, (kept, PROVISIONAL_FROM))
    _unlist(connection, kept)
    batch.memory.scopes.clear()
    batch.note_again(
        {(bytes(chain), seq) for _no, entity, chain, seq, *_rest in lost if entity == chain}
    )
    after: bytes | None = b""
    while after is not None:
        page = projections.entities(connection, after, PAGE)
        batch.fold_anew(page)
        after = page[-1] if page else None


def _earlier(connection: Connection, entity: bytes, set_id: bytes, kept: int) -> int | None:
    """The newest ruling on a set that is left."""
    rows = query(
        connection,
        "SELECT r.idx, r.bytes FROM entity_rulings e JOIN rulings r ON r.idx = e.idx"
        " WHERE e.entity = ? AND e.idx <= ? ORDER BY e.idx DESC",
        (entity, kept),
    )
    for _idx, raw in rows:
        one = rulings.read_ruling(bytes(raw))
        if one.kind in rulings.DECIDING and one.payload["set"] == set_id:
            return one.idx
    return None


def _unlist(connection: Connection, kept: int) -> None:
    """Begin every scope anew: those of the centre come again, with the organisation, and ours list again what is not
    ruled on.
    """
    execute(connection, "DELETE FROM scope_entries")
    execute(connection, "DELETE FROM incident_scopes")
    execute(connection, "DELETE FROM grants")
    execute(connection, "UPDATE org_rows SET idx = 0 WHERE idx > ?", (kept,))
    execute(connection, "UPDATE scopes SET n = 0, head = ?", (SCOPE_HEAD_ZERO,))
    execute(connection, "UPDATE scopes SET epoch = epoch + 1 WHERE name LIKE ?", (HUB + "%",))
