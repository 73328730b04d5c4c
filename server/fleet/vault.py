"""What a simulated device keeps: its key, its own chain, its outbox, and how far it has read.

Responsible for never losing a set that was written, and for never giving one sequence number twice.
Refuses to know what a set says and whether there is a network. One SQLite database per device, a
file with full durability or memory.

Example: after `append(…)` returns, `waiting(…)` offers the set until `settle(id, "stored", …)`.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY CHECK (one = 1), said BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sets (
  seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, lane INTEGER NOT NULL, stamp BLOB NOT NULL,
  made_ms INTEGER NOT NULL, raw BLOB NOT NULL, result TEXT, why TEXT);
CREATE INDEX IF NOT EXISTS outbox ON sets (lane DESC, seq) WHERE result IS NULL;
CREATE TABLE IF NOT EXISTS cursors (
  scope TEXT PRIMARY KEY, epoch INTEGER NOT NULL, n INTEGER NOT NULL, head BLOB NOT NULL);
"""

# Results that mean the bytes are durable at the centre (EX2).
DURABLE = frozenset({"stored", "duplicate", "fork", "held", "rejected", "opaque"})


class Identity(msgspec.Struct, frozen=True):
    """Who a device is: its key, its chain and what enrolment gave it. Ids are 16 bytes."""

    alg: str
    key_seed: bytes
    nonce: bytes
    chain: bytes
    person: bytes
    token: str


class Head(msgspec.Struct, frozen=True):
    """The newest set of the own chain; `stamp` is its packed HLC."""

    seq: int
    id: bytes
    stamp: bytes


class Waiting(msgspec.Struct, frozen=True):
    """A set the centre has not answered for."""

    id: bytes
    raw: bytes


class Cursor(msgspec.Struct, frozen=True):
    """How far one scope was read: position and rolling head (SC2)."""

    epoch: int
    n: int
    head: bytes


class Tally(msgspec.Struct, frozen=True):
    """How many sets were made, how many of them the centre holds, how many it refused to store."""

    made: int
    acked: int
    refused: int


class Vault:
    """One device's storage."""

    def __init__(self, path: Path | None = None) -> None:
        """Open or make the database at `path`; in memory when there is none."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the database; a file keeps everything."""
        self._db.close()

    def identity(self) -> Identity | None:
        """Who this device is, once it was enrolled."""
        row = self._db.execute("SELECT said FROM identity").fetchone()
        return None if row is None else msgspec.msgpack.decode(row[0], type=Identity)

    def keep_identity(self, identity: Identity) -> None:
        """Remember who this device is. A vault belongs to one chain: raises IntegrityError twice."""
        self._db.execute("INSERT INTO identity VALUES (1, ?)", (msgspec.msgpack.encode(identity),))

    def head(self) -> Head | None:
        """The newest set of the own chain; None before the first."""
        row = self._db.execute("SELECT seq, id, stamp FROM sets ORDER BY seq DESC LIMIT 1")
        found = row.fetchone()
        return None if found is None else Head(*found)

    def append(self, head: Head, lane: int, made_ms: int, raw: bytes) -> None:
        """Store a set for good and put it in the outbox. Raises IntegrityError for a used seq."""
        self._db.execute(
            "INSERT INTO sets (seq, id, lane, stamp, made_ms, raw) VALUES (?, ?, ?, ?, ?, ?)",
            (head.seq, head.id, lane, head.stamp, made_ms, raw),
        )

    def waiting(self, most_sets: int, most_bytes: int) -> list[Waiting]:
        """What to send next: the priority lane first, each lane in seq order (EX3)."""
        batch: list[Waiting] = []
        size_bytes = 0
        for id_, raw in self._db.execute(
            "SELECT id, raw FROM sets WHERE result IS NULL ORDER BY lane DESC, seq LIMIT ?",
            (most_sets,),
        ):
            size_bytes += len(raw)
            if batch and size_bytes > most_bytes:
                break
            batch.append(Waiting(id_, raw))
        return batch

    def pending(self) -> tuple[int, int | None]:
        """How many sets wait, and when the oldest of them was made."""
        count, oldest_ms = self._db.execute(
            "SELECT count(*), min(made_ms) FROM sets WHERE result IS NULL"
        ).fetchone()
        return count, oldest_ms

    def settle(self, answers: list[tuple[bytes, str, str | None]]) -> None:
        """Note the centre's answers: set id, result, reason."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.executemany(
            "UPDATE sets SET result = ?, why = ? WHERE id = ?",
            [(result, why, id_) for id_, result, why in answers],
        )
        self._db.execute("COMMIT")

    def tally(self) -> Tally:
        """Sets made, held by the centre, refused by it."""
        made, answered, acked = self._db.execute(
            "SELECT count(*), count(result), count(*) FILTER (WHERE result IN "
            "(SELECT value FROM json_each(?))) FROM sets",
            (msgspec.json.encode(sorted(DURABLE)).decode(),),
        ).fetchone()
        return Tally(made, acked, answered - acked)

    def ids(self) -> Iterator[bytes]:
        """The id of every set in the vault, in seq order."""
        for (id_,) in self._db.execute("SELECT id FROM sets ORDER BY seq"):
            yield id_

    def retire(self, made_before_ms: int) -> None:
        """Forget answered sets older than that, never the newest: the next one links to it."""
        self._db.execute(
            "DELETE FROM sets WHERE result IS NOT NULL AND made_ms < ? "
            "AND seq < (SELECT max(seq) FROM sets)",
            (made_before_ms,),
        )

    def cursors(self) -> dict[str, Cursor]:
        """How far each scope was read."""
        rows = self._db.execute("SELECT scope, epoch, n, head FROM cursors")
        return {scope: Cursor(*rest) for scope, *rest in rows}

    def move_cursor(self, scope: str, cursor: Cursor) -> None:
        """Remember how far a scope was read."""
        self._db.execute(
            "INSERT INTO cursors VALUES (?, ?, ?, ?) ON CONFLICT (scope) DO UPDATE "
            "SET epoch = excluded.epoch, n = excluded.n, head = excluded.head",
            (scope, cursor.epoch, cursor.n, cursor.head),
        )
