"""What a stopped centre has stored, read without its code.

Responsible for reading the log's tables from a copy, so that the files stay as the fault left them, and for
taking headers apart. Refuses to judge.

Example: `read_stopped(data_dir).by_id[set_id][0].raw` are the bytes of a set as they stand in the database.
"""

import shutil
import sqlite3
import tempfile
from collections import defaultdict
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec


class UnreadableError(Exception):
    """The database cannot be read; the message says what the attempt ended with."""


class Stored(NamedTuple):
    """A row of `sets` with what its header says."""

    arrival_no: int
    id: bytes
    chain: bytes
    seq: int
    idx: int
    raw: bytes
    named: tuple[bytes, bytes, int]  # id, chain and seq as the header has them
    prev: bytes | None
    lane: int
    signature: bytes
    body: bytes | None


class Database:
    """Everything a stopped centre has stored, read once."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Read it all; a few hundred bytes of memory per set."""
        self.damage = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        self.damage += [str(row) for row in db.execute("PRAGMA foreign_key_check")]
        self.sets = [
            _stored(row)
            for row in db.execute(
                "SELECT arrival_no, set_id, chain, seq, idx, envelope FROM sets ORDER BY arrival_no"
            )
        ]
        self.rulings: dict[int, bytes] = dict(db.execute("SELECT idx, bytes FROM rulings"))
        self.said = {idx: msgspec.msgpack.decode(raw) for idx, raw in self.rulings.items()}
        self.redacted = {said[4]["set"] for said in self.said.values() if said[3] == "redact"}
        self.head = db.execute("SELECT idx, arrival_no, origin, epoch FROM log_head").fetchone()
        self.scopes = db.execute("SELECT id, name, epoch, n, head FROM scopes").fetchall()
        self.entries: dict[int, list[tuple[int, int, bytes]]] = defaultdict(list)
        for scope, n, idx, head in db.execute(
            "SELECT scope, n, idx, head FROM scope_entries ORDER BY scope, n"
        ):
            self.entries[scope].append((n, idx, head))
        self.keys = {
            chain: (alg, pub)
            for chain, alg, pub in db.execute("SELECT chain, alg, pub FROM devices")
        }
        self.chain_heads = {
            chain: (have, top, stored)
            for chain, have, top, stored in db.execute(
                "SELECT chain, have, top, stored FROM chain_heads"
            )
        }
        [(self.server,)] = db.execute("SELECT server_id FROM log_head")
        self.received_ms: dict[bytes, int] = dict(
            db.execute("SELECT set_id, received_at_ms FROM sets")
        )
        self.owed = [bytes(chain) for (chain,) in db.execute("SELECT chain FROM spool")]
        self.by_id: dict[bytes, list[Stored]] = defaultdict(list)
        self.by_chain: dict[bytes, list[Stored]] = defaultdict(list)
        for one in self.sets:
            self.by_id[one.id].append(one)
            self.by_chain[one.chain].append(one)


def _stored(row: tuple[int, bytes, bytes, int, int, bytes]) -> Stored:
    arrival_no, set_id, chain, seq, idx, raw = row
    header_bytes, signature, body = msgspec.msgpack.decode(raw)
    header = msgspec.msgpack.decode(header_bytes)
    named = sha256(b"ortoo/set/1\x00" + header_bytes).digest(), header[1], header[2]
    prev, lane = header[3], header[11]
    return Stored(arrival_no, set_id, chain, seq, idx, raw, named, prev, lane, signature, body)


def read_stopped(data_dir: Path) -> Database:
    """Everything in the SQLite database of a centre that is not running. Raises UnreadableError."""
    with tempfile.TemporaryDirectory(prefix="ortoo-evidence-") as temporary:
        for name in ("ortoo.db", "ortoo.db-wal"):
            if (data_dir / name).exists():
                shutil.copy(data_dir / name, temporary)
        db = sqlite3.connect(Path(temporary) / "ortoo.db")
        try:
            return Database(db)
        except (sqlite3.DatabaseError, msgspec.MsgspecError, ValueError, TypeError) as error:
            raise UnreadableError(f"it cannot be read: {error}") from error
        finally:
            db.close()
