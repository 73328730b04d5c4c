"""The queue of sets in doubt, made again from the log: it too is a projection, and this proves it.

Responsible for the part of `ortoo rebuild` that is about sets and not about incidents. The log is read a page at a time
beside a serving centre; only what came meanwhile is read under its lock.

Example: `found, wrong = await requeue(url, check=True)`; `wrong` is 0 unless there is a bug.
"""

import msgspec
from sqlalchemy import Connection

from server.store import devices, doubts, log, sets
from server.store.doubts import COMPROMISED, Doubt
from server.store.engine import Database
from server.store.rows import query
from sync import changeset, rulings
from sync.changeset import ChangeSet
from sync.rulings import Ruling

PAGE = 2_000  # rulings read in one snapshot


async def requeue(url: str, *, check: bool = False) -> tuple[int, int]:
    """Make the queue again; gives how many sets are on it and how many did not stand as they should."""
    db = Database(url)
    told = _Told()
    try:
        while await db.reading(told.read):
            pass
        return await (db.reading if check else db.writing)(_compared, told, check)
    finally:
        await db.close()


def _compared(connection: Connection, told: "_Told", check: bool) -> tuple[int, int]:
    if not check:
        log.lock(connection)  # nothing may come between the reading and the rows
    while told.read(connection):
        pass
    told.look_through(connection)
    should = {
        one.arrival_no: (one, told.remarks.get(one.set_id, [])) for one in told.doubts.values()
    }
    stands = doubts.everything(connection)
    wrong = sum(should.get(no) != stands.get(no) for no in should.keys() | stands.keys())
    if not check and wrong:
        doubts.replace_all(connection, list(should.values()))
    return len(should), wrong


class _Told:
    """What the log says of sets in doubt, as far as it was read."""

    def __init__(self) -> None:
        self.doubts: dict[bytes, Doubt] = {}
        self.remarks: dict[bytes, list[int]] = {}
        self._decided: set[bytes] = set()
        self._idx = 0

    def read(self, connection: Connection) -> bool:
        """Read the next page; False at the end."""
        rows = query(
            connection,
            "SELECT idx, bytes FROM rulings WHERE idx > ? AND kind IN ('set', 'review', 'ask', 'redact')"
            " ORDER BY idx LIMIT ?",
            (self._idx, PAGE),
        )
        for idx, raw in rows:
            self._idx = idx
            ruling = rulings.read_ruling(bytes(raw))
            if ruling.kind == rulings.KIND_SET:
                self._ruled(connection, ruling)
            else:
                self._remarked(connection, ruling)
        return len(rows) == PAGE

    def look_through(self, connection: Connection) -> None:
        """Add what came from devices since they were in other hands, though it was accepted (AU6)."""
        for device in devices.every(connection):
            if device.compromised_since_ms is None:
                continue
            since_ms = device.compromised_since_ms
            for stored in sets.received_since(connection, device.chain, since_ms):
                ruling = rulings.read_ruling(stored.ruling)
                if ruling.payload["d"] in rulings.COUNTED:
                    self._add(connection, ruling, COMPROMISED)

    def _ruled(self, connection: Connection, ruling: Ruling) -> None:
        payload = ruling.payload
        if payload["d"] not in rulings.COUNTED:
            self._add(connection, ruling, payload["d"])
        elif "compromised" in payload["flags"]:
            self._add(connection, ruling, COMPROMISED)

    def _add(self, connection: Connection, ruling: Ruling, kind: str) -> None:
        set_id, chain = ruling.payload["set"], ruling.payload["chain"]
        if set_id in self.doubts or self._is_own(connection, ruling):
            return
        arrival_no, raw = sets.arrived(connection, chain, ruling.payload["seq"], set_id)
        found = changeset.read(raw)
        is_read = kind != rulings.OPAQUE and isinstance(found, ChangeSet)
        person = found.header.user if is_read and isinstance(found, ChangeSet) else None
        entity = ruling.payload["e"]
        is_open = set_id not in self._decided
        self.doubts[set_id] = Doubt(arrival_no, set_id, chain, entity, person, kind, is_open)

    def _is_own(self, connection: Connection, ruling: Ruling) -> bool:
        """Whether a desk wrote it here: whoever sits there has the answer. What others brought of a desk's chain is
        ruled with the bound of its making."""
        device = devices.by_chain(connection, ruling.payload["chain"])
        is_desk = device is not None and device.is_desk
        return is_desk and "lo" not in ruling.payload.get("in", {})

    def _remarked(self, connection: Connection, ruling: Ruling) -> None:
        payload = ruling.payload
        set_id = payload["set"]
        if ruling.kind == rulings.KIND_REDACT:
            self._decided.add(set_id)
            if set_id in self.doubts:
                self.doubts[set_id] = msgspec.structs.replace(self.doubts[set_id], open=False)
            return
        self.remarks.setdefault(set_id, []).append(ruling.idx)
        if ruling.kind == rulings.KIND_ASK:
            return
        if payload["by"] is not None:
            self._decided.add(set_id)
        known = self.doubts.get(set_id)
        if known is None:
            return  # accepted, and put before people only later
        changed = msgspec.structs.replace(known, entity=payload["e"])
        counts = payload["d"] in rulings.COUNTED
        if payload["by"] is None:  # the centre could read it by then
            _no, raw = sets.arrived(connection, known.chain, payload["seq"], set_id)
            found = changeset.read(raw)
            person = found.header.user if isinstance(found, ChangeSet) else None
            kind = known.kind if counts else payload["d"]
            changed = msgspec.structs.replace(changed, person=person, kind=kind)
        is_open = payload["by"] is None and not counts
        self.doubts[set_id] = msgspec.structs.replace(changed, open=is_open)
