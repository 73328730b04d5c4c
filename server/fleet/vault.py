"""What a simulated device keeps: its key, its own chains, its outbox, and how far it has read.

Responsible for never losing a set that was written, and for never giving one sequence number of a
chain twice. Refuses to know what a set says and whether there is a network. One SQLite database per
device, a file with full durability or memory. A device that had to begin another chain keeps the
sets of all of them.

Example: after `append(…)` returns, `waiting(…)` offers the set until `settle(id, "stored", …)`.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sync.samples import Clocks

SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (one INTEGER PRIMARY KEY CHECK (one = 1), said BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS greeting (
  one INTEGER PRIMARY KEY CHECK (one = 1), token BLOB, request BLOB);
CREATE TABLE IF NOT EXISTS sets (
  nr INTEGER PRIMARY KEY, chain BLOB NOT NULL, seq INTEGER NOT NULL, id BLOB NOT NULL UNIQUE,
  lane INTEGER NOT NULL, stamp BLOB NOT NULL, made_ms INTEGER NOT NULL, raw BLOB NOT NULL,
  result TEXT, why TEXT, word_of BLOB, UNIQUE (chain, seq));
CREATE INDEX IF NOT EXISTS outbox ON sets (lane DESC, nr) WHERE result IS NULL;
CREATE TABLE IF NOT EXISTS kept (
  id BLOB NOT NULL, server BLOB NOT NULL, at_ms INTEGER NOT NULL, offered_ms INTEGER NOT NULL,
  PRIMARY KEY (id, server)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clocks (session BLOB PRIMARY KEY, said BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS watched (name TEXT PRIMARY KEY, said BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cursors (
  scope TEXT PRIMARY KEY, epoch INTEGER NOT NULL, n INTEGER NOT NULL, head BLOB NOT NULL);
"""

# What became of a set whose bytes are damaged (FK7): written again, or past reading. It is kept, not sent.
REWRITTEN = "rewritten"
DAMAGED = "damaged"

# Between two offers of a set to the station that keeps it.
AGAIN_MS = 120_000

# How many sets were called safe that the centre had not got, since it was last told so (EX14).
CONTRADICTED = "contradicted"

# Results that mean the bytes are durable at the centre (EX2).
DURABLE = frozenset({"stored", "duplicate", "fork", "held", "rejected", "opaque"})
# And that they are stored nowhere.
REFUSED = frozenset({"bad_signature", "too_large", "malformed"})


class Identity(msgspec.Struct, frozen=True):
    """Who a device is: its key, its chain and what enrolment gave it. Ids are 16 bytes.

    While `instead_of` names a chain, this one asks for its place; `token` is then still the old one's (FK5).
    """

    alg: str
    key_seed: bytes
    nonce: bytes
    chain: bytes
    person: bytes
    token: str
    instead_of: bytes | None = None


class Head(msgspec.Struct, frozen=True):
    """The newest set of the own chain; `stamp` is its packed HLC."""

    seq: int
    id: bytes
    stamp: bytes


class Offered(msgspec.Struct, frozen=True):
    """The station that is offered something. `heard_ms`: it has heard of the centre then, and was read since."""

    server: bytes
    now_ms: int
    heard_ms: int = 0


class Waiting(msgspec.Struct, frozen=True):
    """A set the centre has not answered for."""

    id: bytes
    raw: bytes


class Kept(msgspec.Struct, frozen=True):
    """One own set as it lies in the vault."""

    seq: int
    id: bytes
    lane: int
    made_ms: int
    raw: bytes
    is_sent: bool


class Cursor(msgspec.Struct, frozen=True):
    """How far one scope was read: position and rolling head (SC2)."""

    epoch: int
    n: int
    head: bytes


class Tally(msgspec.Struct, frozen=True):
    """How many sets were made, how many of them the centre holds, how many it refused to store; of those that it
    has not answered, how many a station keeps (HB4).
    """

    made: int
    acked: int
    refused: int
    kept: int


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

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is there whole or not at all. May stand inside another."""
        self._db.execute("SAVEPOINT together")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO together")
            self._db.execute("RELEASE together")
            raise
        self._db.execute("RELEASE together")

    def keep_identity(self, identity: Identity) -> None:
        """Remember who this device is from now on; another chain has not greeted yet."""
        before = self.identity()
        said = msgspec.msgpack.encode(identity)
        self._db.execute("INSERT OR REPLACE INTO identity VALUES (1, ?)", (said,))
        if before is None or before.chain != identity.chain:
            self._db.execute("DELETE FROM greeting")

    def chains(self) -> list[bytes]:
        """Every chain this device ever wrote on."""
        return [chain for (chain,) in self._db.execute("SELECT DISTINCT chain FROM sets")]

    def greeting(self, request: bytes) -> tuple[bytes | None, bytes]:
        """The sync token to show and the name of the hello: `request`, unless one is still unanswered (FK3)."""
        self._db.execute(
            "INSERT INTO greeting VALUES (1, NULL, ?) ON CONFLICT (one) DO UPDATE "
            "SET request = COALESCE(request, excluded.request)",
            (request,),
        )
        token, asked = self._db.execute("SELECT token, request FROM greeting").fetchone()
        return token, asked

    def greeted(self, request: bytes, token: bytes) -> None:
        """Keep the token that this hello obtained; what it said to be contradicted is said."""
        with self.together():
            asked = self._db.execute(
                "UPDATE greeting SET token = ?, request = NULL WHERE request = ?", (token, request)
            )
            if asked.rowcount:
                self._db.execute("DELETE FROM watched WHERE name = ?", (CONTRADICTED,))

    def raw(self, chain: bytes, seq: int) -> bytes:
        """The bytes of one own set."""
        found = self._db.execute("SELECT raw FROM sets WHERE chain = ? AND seq = ?", (chain, seq))
        (raw,) = found.fetchone()
        return bytes(raw)

    def head(self, chain: bytes) -> Head | None:
        """The newest set of a chain; None before the first."""
        row = self._db.execute(
            "SELECT seq, id, stamp FROM sets WHERE chain = ? ORDER BY seq DESC LIMIT 1", (chain,)
        )
        found = row.fetchone()
        return None if found is None else Head(*found)

    def append(self, chain: bytes, head: Head, lane: int, made_ms: int, raw: bytes) -> None:
        """Store a set for good and put it in the outbox. Raises IntegrityError for a used seq."""
        self._db.execute(
            "INSERT INTO sets (chain, seq, id, lane, stamp, made_ms, raw) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (chain, head.seq, head.id, lane, head.stamp, made_ms, raw),
        )

    def clocks(self) -> list[Clocks]:
        """What sessions remember of their clocks for which something was written."""
        rows = self._db.execute("SELECT said FROM clocks ORDER BY rowid")
        return [msgspec.msgpack.decode(said, type=Clocks) for (said,) in rows]

    def keep_clocks(self, clocks: Clocks) -> None:
        """Remember this of a session; nothing of one that owes its chain nothing."""
        if clocks.oldest_m is None:
            self.forget_clocks(clocks.session)
        else:
            self._db.execute(
                "INSERT OR REPLACE INTO clocks VALUES (?, ?)",
                (clocks.session, msgspec.msgpack.encode(clocks)),
            )

    def forget_clocks(self, session: bytes) -> None:
        """This session owes nothing any more."""
        self._db.execute("DELETE FROM clocks WHERE session = ?", (session,))

    def unsure(self, chain: bytes) -> list[Kept]:
        """The sets of a chain to look at before it goes on, in order: the newest, and those that nobody else has."""
        rows = self._db.execute(
            "WITH held AS (SELECT *, result IS NOT NULL OR id IN (SELECT id FROM kept) AS is_sent "
            "FROM sets WHERE chain = ?1) SELECT seq, id, lane, made_ms, raw, is_sent FROM held "
            "WHERE NOT is_sent OR seq = (SELECT max(seq) FROM held) ORDER BY seq",
            (chain,),
        )
        return [
            Kept(seq, id_, lane, made_ms, raw, bool(sent))
            for seq, id_, lane, made_ms, raw, sent in rows
        ]

    def before(self, chain: bytes, seq: int) -> tuple[int, bytes] | None:
        """Seq and id of the newest set of a chain below `seq`; None when there is none."""
        row = self._db.execute(
            "SELECT seq, id FROM sets WHERE chain = ? AND seq < ? ORDER BY seq DESC LIMIT 1",
            (chain, seq),
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def set_aside(self, id_: bytes, result: str, why: str | None) -> None:
        """Take a damaged set out of the outbox; its bytes stay."""
        self._db.execute("UPDATE sets SET result = ?, why = ? WHERE id = ?", (result, why, id_))

    def waiting(
        self, most_sets: int, most_bytes: int, *, but: bytes = b"", at: Offered | None = None
    ) -> list[Waiting]:
        """What to send next, except of one chain, and what the station `at` keeps and would say nothing new of (HB4):
        the priority lane first, each lane in the order written (EX3).
        """
        to = at or Offered(b"", 0)
        batch: list[Waiting] = []
        size_bytes = 0
        for id_, raw in self._db.execute(
            "SELECT id, raw FROM sets WHERE result IS NULL AND chain <> ? AND NOT EXISTS "
            "(SELECT 1 FROM kept WHERE kept.id = sets.id AND server = ? AND NOT "
            "(at_ms < ? AND abs(? - offered_ms) >= ?)) ORDER BY lane DESC, nr LIMIT ?",
            (but, to.server, to.heard_ms, to.now_ms, AGAIN_MS, most_sets),
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

    def settle(self, answers: list[tuple[bytes, str, str | None]], word_of: bytes = b"") -> None:
        """Note the centre's answers: set id, result, reason. `word_of` is the station that told them, where one did.
        What the centre takes in as new contradicts the station that had called it safe (EX14).
        """
        with self.together():
            if not word_of:
                said = {
                    id_
                    for (id_,) in self._db.execute(
                        "SELECT id FROM sets WHERE result IS NULL AND word_of IS NOT NULL"
                    )
                }
                new = DURABLE - {"duplicate"}
                self._contradict(sum(id_ in said and result in new for id_, result, _ in answers))
            self._db.executemany(
                "UPDATE sets SET result = ?, why = ?, word_of = ? WHERE id = ?",
                [
                    (result, why, word_of if word_of and result in DURABLE else None, id_)
                    for id_, result, why in answers
                ],
            )

    def kept(self, server: bytes, sets: Iterable[tuple[bytes, int]], now_ms: int) -> None:
        """Note what a station keeps, and since when by its own clock: it stays owed to the centre (HB4)."""
        with self.together():
            self._db.executemany(
                "INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)",
                [(id_, server, at_ms, now_ms) for id_, at_ms in sets],
            )

    def ruled(self, told: Iterable[tuple[bytes, str | None]], word_of: bytes = b"") -> None:
        """Note that the centre has ruled on these, own ones or not: it is the answer to those that wait (HB4).
        `word_of` as in `settle`.
        """
        with self.together():
            self._db.executemany(
                "UPDATE sets SET result = 'duplicate', why = ?, word_of = ? WHERE id = ? AND result IS NULL",
                [(why, word_of or None, id_) for id_, why in told],
            )

    def owe_hearsay(self) -> None:
        """Offer to the centre once more what only stations said that it has (HB15)."""
        self._db.execute("UPDATE sets SET result = NULL, why = NULL WHERE word_of IS NOT NULL")

    def offer_refused(self) -> None:
        """Offer again what was stored nowhere: it may have been changed on its way (EX14)."""
        self._db.execute(
            "UPDATE sets SET result = NULL, why = NULL WHERE result IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(sorted(REFUSED)).decode(),),
        )

    def contradicted(self, chain: bytes, have: int) -> None:
        """The centre holds a chain up to `have` and not the next set: if that one was said to be safe, it and what
        follows is owed again (EX14).
        """
        with self.together():
            self._db.execute(
                "WITH safe AS (SELECT seq FROM sets WHERE chain = ?1 AND seq > ?2 AND result IN "
                "(SELECT value FROM json_each(?3))) UPDATE sets SET result = NULL, why = NULL "
                "WHERE chain = ?1 AND seq IN safe AND ?2 + 1 IN safe",
                (chain, have, msgspec.json.encode(sorted(DURABLE)).decode()),
            )
            (found,) = self._db.execute("SELECT changes()").fetchone()
            self._contradict(found)

    def _contradict(self, found: int) -> None:
        """So many sets were called safe without being so."""
        if found:
            self.watch(CONTRADICTED, msgspec.msgpack.encode(self.contradictions() + found))

    def contradictions(self) -> int:
        """How many sets were called safe that the centre had not got, since it was last told so."""
        said = self.watched(CONTRADICTED)
        return 0 if said is None else msgspec.msgpack.decode(said, type=int)

    def owe_everything(self) -> None:
        """Offer again what was said to be safe: the log it was safe in is another one now (TL11)."""
        self._db.execute(
            "DELETE FROM kept WHERE id IN (SELECT id FROM sets WHERE result IS NOT NULL)"
        )
        self._db.execute(
            "UPDATE sets SET result = NULL, why = NULL, word_of = NULL "
            "WHERE result IN (SELECT value FROM json_each(?)) OR word_of IS NOT NULL",
            (msgspec.json.encode(sorted(DURABLE)).decode(),),
        )

    def tally(self) -> Tally:
        """What became of all sets. One that was written again counts once."""
        made, answered, acked, kept = self._db.execute(
            "SELECT count(*), count(result), count(*) FILTER (WHERE result IN "
            "(SELECT value FROM json_each(?))), count(*) FILTER (WHERE result IS NULL AND id IN "
            "(SELECT id FROM kept)) FROM sets WHERE result IS NOT ?",
            (msgspec.json.encode(sorted(DURABLE)).decode(), REWRITTEN),
        ).fetchone()
        return Tally(made, acked, answered - acked, kept)

    def ids(self) -> Iterator[bytes]:
        """The id of every set in the vault that stands for itself, in the order written."""
        for (id_,) in self._db.execute(
            "SELECT id FROM sets WHERE result IS NOT ? ORDER BY nr", (REWRITTEN,)
        ):
            yield id_

    def retire(self, made_before_ms: int) -> None:
        """Forget sets that are safe at the centre by its own word and older than that, never the newest of a chain:
        the next one links to it.
        """
        self._db.execute(
            "DELETE FROM sets WHERE result IN (SELECT value FROM json_each(?)) AND word_of IS NULL "
            "AND made_ms < ? AND seq < (SELECT max(seq) FROM sets AS same WHERE same.chain = sets.chain)",
            (msgspec.json.encode(sorted(DURABLE)).decode(), made_before_ms),
        )

    def watched(self, name: str) -> bytes | None:
        """What was noted of the centre's log under this name (TL9)."""
        row = self._db.execute("SELECT said FROM watched WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def watch(self, name: str, said: bytes | None) -> None:
        """Note something of the centre's log, or (None) forget it."""
        if said is None:
            self._db.execute("DELETE FROM watched WHERE name = ?", (name,))
        else:
            self._db.execute("INSERT OR REPLACE INTO watched VALUES (?, ?)", (name, said))

    def cursors(self) -> dict[str, Cursor]:
        """How far each scope was read."""
        rows = self._db.execute("SELECT scope, epoch, n, head FROM cursors")
        return {scope: Cursor(*rest) for scope, *rest in rows}

    def drop_cursor(self, scope: str) -> None:
        """Forget that a scope was read."""
        self._db.execute("DELETE FROM cursors WHERE scope = ?", (scope,))

    def move_cursor(self, scope: str, cursor: Cursor) -> None:
        """Remember how far a scope was read."""
        self._db.execute(
            "INSERT INTO cursors VALUES (?, ?, ?, ?) ON CONFLICT (scope) DO UPDATE "
            "SET epoch = excluded.epoch, n = excluded.n, head = excluded.head",
            (scope, cursor.epoch, cursor.n, cursor.head),
        )
