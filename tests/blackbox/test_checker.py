"""A centre that is killed at any moment has kept what it acknowledged (RL5, EX2), and who says so is tried.

Every kind of broken promise, planted, is found and named: each story damages a copy of the evidence of that run, its
database, its journal, or its files.
"""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.blackbox import journal
from tests.blackbox.checker import KINDS, check
from tests.blackbox.kills import Tally, rounds

ROUNDS = 5
SEED = 20_261_128
Lines = list[dict[str, Any]]
Plant = Callable[[sqlite3.Connection, Lines], object]
pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode


class Killed(NamedTuple):
    """A run that is over: what it did, and where its journal and data directory lie."""

    tally: Tally
    journal: Path
    data_dir: Path


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """A handful of kills with nothing lost; many more are in the long lane."""
    place = tmp_path_factory.mktemp("killed")
    tally = asyncio.run(rounds(place, SEED, ROUNDS))
    return Killed(tally, place / "journal.jsonl", place / "centre")


def test_nothing_acknowledged_is_lost_to_kills_and_nothing_is_stored_twice(killed: Killed) -> None:
    # The run itself asked the checker after every kill; here only: it was a run worth the name. Whether a kill falls
    # between a commit and its answer is chance in so few; the cuts have that at every byte.
    tally = killed.tally
    assert tally.rounds == ROUNDS
    assert tally.acked > 100 * ROUNDS
    assert tally.orders > 0


class Damaged:
    """A copy of the evidence that may be spoiled."""

    def __init__(self, killed: Killed, place: Path) -> None:
        self.data_dir = place / "centre"
        shutil.copytree(killed.data_dir, self.data_dir)
        self.journal = place / "journal.jsonl"
        self.lines = list(journal.read(killed.journal))
        self.write()

    def plant(self, plant: Plant) -> None:
        with closing(sqlite3.connect(self.data_dir / "ortoo.db")) as db, db:
            plant(db, self.lines)
        self.write()

    def write(self) -> None:
        self.journal.write_text("".join(json.dumps(line) + "\n" for line in self.lines))

    def found(self) -> set[str]:
        return {violation.kind for violation in check(self.journal, self.data_dir)}


@pytest.fixture
def damaged(killed: Killed, tmp_path: Path) -> Damaged:
    return Damaged(killed, tmp_path)


def acked(db: sqlite3.Connection, lines: Lines) -> tuple[int, bytes, int]:
    """Arrival number, chain and seq of an acked set that lies in the middle of its chain."""
    ids = {line["id"] for line in lines if line["e"] == "acked"}
    found: list[tuple[int, bytes, int]] = [
        (arrival_no, chain, seq)
        for arrival_no, set_id, chain, seq in db.execute(
            "SELECT arrival_no, set_id, chain, seq FROM sets WHERE seq > 2 ORDER BY arrival_no"
        )
        if set_id.hex() in ids
    ]
    return found[len(found) // 2]


def envelope(db: sqlite3.Connection, arrival_no: int) -> list[Any]:
    row = db.execute("SELECT envelope FROM sets WHERE arrival_no = ?", (arrival_no,)).fetchone()
    parts: list[Any] = unpack(row[0])
    return parts


def store(db: sqlite3.Connection, arrival_no: int, parts: list[Any]) -> bytes:
    raw = pack(parts)
    db.execute("UPDATE sets SET envelope = ? WHERE arrival_no = ?", (raw, arrival_no))
    return raw


def lost(db: sqlite3.Connection, lines: Lines) -> None:
    db.execute("DELETE FROM sets WHERE arrival_no = ?", acked(db, lines)[:1])


def altered(db: sqlite3.Connection, lines: Lines) -> None:
    at = acked(db, lines)[0]
    header, signature, body = envelope(db, at)
    store(db, at, [header, signature, body[:-1] + bytes([body[-1] ^ 1])])


def bodiless(db: sqlite3.Connection, lines: Lines) -> None:
    at = acked(db, lines)[0]
    header, signature, _body = envelope(db, at)
    store(db, at, [header, signature, None])


def unsigned(db: sqlite3.Connection, lines: Lines) -> None:
    at = acked(db, lines)[0]
    header, _signature, body = envelope(db, at)
    raw = store(db, at, [header, bytes(64), body])
    set_id = sha256(b"ortoo/set/1\x00" + header).hexdigest()
    for line in lines:
        if line.get("id") == set_id:
            line["bytes"] = sha256(raw).hexdigest()


def misnamed(db: sqlite3.Connection, lines: Lines) -> None:
    db.execute("UPDATE sets SET seq = seq + 100000 WHERE arrival_no = ?", acked(db, lines)[:1])


def duplicate(db: sqlite3.Connection, lines: Lines) -> None:
    db.execute(
        "INSERT INTO sets SELECT (SELECT MAX(arrival_no) + 1 FROM sets), set_id, chain, seq, entity, idx,"
        " received_at_ms, envelope FROM sets WHERE arrival_no = ?",
        acked(db, lines)[:1],
    )
    db.execute("UPDATE log_head SET arrival_no = arrival_no + 1")


def out_of_order(db: sqlite3.Connection, _lines: Lines) -> None:
    """The opening of a chain and its next note change places."""
    [chain] = db.execute("SELECT chain FROM sets GROUP BY chain ORDER BY COUNT(*) DESC").fetchone()
    rows = db.execute(
        "SELECT arrival_no, envelope FROM sets WHERE chain = ? ORDER BY arrival_no", (chain,)
    ).fetchall()
    notes = [at for at, raw in rows if unpack(unpack(raw)[0])[11] == 0]
    one, other = notes[0], notes[1]
    for before, after in ((one, -1), (other, one), (-1, other)):
        db.execute("UPDATE sets SET arrival_no = ? WHERE arrival_no = ?", (after, before))


def broken_chain(db: sqlite3.Connection, lines: Lines) -> None:
    at = acked(db, lines)[0]
    header_bytes, signature, body = envelope(db, at)
    header = unpack(header_bytes)
    header[5] += 1
    store(db, at, [pack(header), signature, body])
    set_id = sha256(b"ortoo/set/1\x00" + pack(header)).digest()
    db.execute("UPDATE sets SET set_id = ? WHERE arrival_no = ?", (set_id, at))


def gap(db: sqlite3.Connection, lines: Lines) -> None:
    at, chain, seq = acked(db, lines)
    db.execute("DELETE FROM sets WHERE arrival_no = ?", (at,))
    db.execute(
        "UPDATE chain_heads SET have = ?, stored = stored - 1 WHERE chain = ?", (seq - 1, chain)
    )


def unruled(db: sqlite3.Connection, lines: Lines) -> None:
    db.execute("UPDATE sets SET idx = idx + 1 WHERE arrival_no = ?", acked(db, lines)[:1])


def ruled_twice(db: sqlite3.Connection, lines: Lines) -> None:
    idx, raw = ruling_of(db, acked(db, lines)[0])
    newest = db.execute("SELECT idx + 1 FROM log_head").fetchone()[0]
    again = unpack(raw)
    again[1] = newest
    db.execute("INSERT INTO rulings SELECT ?, at_ms, kind, ? FROM rulings WHERE idx = ?",
               (newest, pack(again), idx))  # fmt: skip
    db.execute("UPDATE log_head SET idx = idx + 1")


def ruling_of(db: sqlite3.Connection, arrival_no: int) -> tuple[int, bytes]:
    found: tuple[int, bytes] = db.execute(
        "SELECT r.idx, r.bytes FROM rulings r JOIN sets s ON s.idx = r.idx WHERE s.arrival_no = ?",
        (arrival_no,),
    ).fetchone()
    return found


def reruled(field: str, value: Any) -> Plant:
    def plant(db: sqlite3.Connection, lines: Lines) -> None:
        idx, raw = ruling_of(db, acked(db, lines)[0])
        ruling = unpack(raw)
        if field == "at_ms":
            ruling[2] += value
        else:
            ruling[4][field] = value
        db.execute("UPDATE rulings SET bytes = ? WHERE idx = ?", (pack(ruling), idx))

    return plant


def answered_again(_db: sqlite3.Connection, lines: Lines) -> None:
    ack = next(line for line in lines if line["e"] == "acked")
    lines.append(ack | {"r": "duplicate", "at_ms": ack["at_ms"] + 1})


def early_tick(_db: sqlite3.Connection, lines: Lines) -> None:
    ack = next(line for line in lines if line["e"] == "acked")
    lines.append({"e": "settled", "id": ack["id"], "r": "stored", "t_ms": ack["at_ms"] - 1})


def settled_and_lost(_db: sqlite3.Connection, lines: Lines) -> None:
    """Nobody heard an ack for it on the wire; the phone took it for safe all the same."""
    at_ms = next(line for line in lines if line["e"] == "acked")["at_ms"]
    lines.append({"e": "settled", "id": "00" * 32, "r": "stored", "t_ms": at_ms})


def never_acked(_db: sqlite3.Connection, lines: Lines) -> None:
    made = next(line for line in lines if line["e"] == "made")
    answers = ("acked", "ruled")
    lines[:] = [line for line in lines if line["e"] not in answers or line["id"] != made["id"]]


def only_pulled(db: sqlite3.Connection, lines: Lines) -> None:
    """A set whose ack was lost on the way, and whose writer read the ruling on it instead."""
    lines[:] = [line for line in lines if line["e"] not in ("acked", "have")]
    ruled = [line["id"] for line in lines if line["e"] == "ruled"]
    db.execute("DELETE FROM sets WHERE set_id = ?", (bytes.fromhex(ruled[len(ruled) // 2]),))


def told_more(_db: sqlite3.Connection, lines: Lines) -> None:
    told = [line for line in lines if line["e"] == "told"][-1]
    lines.append(told | {"n": told["n"] + 10_000})


def told_otherwise(_db: sqlite3.Connection, lines: Lines) -> None:
    next(line for line in lines if line["e"] == "told")["head"] = "00" * 16


def delisted(db: sqlite3.Connection, _lines: Lines) -> None:
    """The newest entry of the organisation's scope goes, and the scope forgets that it was there."""
    scope, n = db.execute("SELECT id, n FROM scopes WHERE name = 'org'").fetchone()
    db.execute("DELETE FROM scope_entries WHERE scope = ? AND n = ?", (scope, n))
    db.execute(
        "UPDATE scopes SET n = n - 1, head = (SELECT head FROM scope_entries WHERE scope = id AND n = ?)"
        " WHERE id = ?",
        (n - 1, scope),
    )


def restored(db: sqlite3.Connection, _lines: Lines) -> None:
    """Yesterday's backup: whole in itself, and older than what was promised."""
    [idx] = db.execute("SELECT idx / 2 FROM log_head").fetchone()
    for table in ("sets", "rulings", "scope_entries"):
        db.execute(f"DELETE FROM {table} WHERE idx > ?", (idx,))
    db.execute(
        "UPDATE log_head SET idx = ?, arrival_no = (SELECT MAX(arrival_no) FROM sets)", (idx,)
    )
    db.execute("DELETE FROM scopes WHERE id NOT IN (SELECT scope FROM scope_entries)")
    db.execute("UPDATE scopes SET n = (SELECT MAX(n) FROM scope_entries WHERE scope = id)")
    db.execute(
        "UPDATE scopes SET head = (SELECT head FROM scope_entries e WHERE e.scope = id AND e.n = scopes.n)"
    )
    db.execute("DELETE FROM incident_scopes WHERE scope NOT IN (SELECT id FROM scopes)")
    db.execute("DELETE FROM chain_heads WHERE chain NOT IN (SELECT chain FROM sets)")
    db.execute(
        "UPDATE chain_heads SET stored = (SELECT COUNT(*) FROM sets WHERE sets.chain = chain_heads.chain)"
    )


def sql(statement: str) -> Plant:
    return lambda db, _lines: db.execute(statement)


def line_of(event: str, **changes: Any) -> Plant:
    """The first promise of this kind said something else."""
    return lambda _db, lines: next(line for line in lines if line["e"] == event).update(changes)


PLANTS: list[tuple[str, str, Plant]] = [
    ("an acked set is gone", "lost", lost),
    ("a set is gone whose writer was told on a pull", "lost", only_pulled),
    ("a chain was said to be held further", "lost", line_of("have", have=100_000)),
    ("a byte of a body changed", "altered", altered),
    ("a body went without a ruling that took it", "altered", bodiless),
    ("a signature was replaced", "unsigned", unsigned),
    ("a set stands at another place", "misnamed", misnamed),
    ("a set is there twice", "duplicate", duplicate),
    ("two sets arrived the wrong way round", "out_of_order", out_of_order),
    ("a set was replaced by another", "broken_chain", broken_chain),
    ("a hole, and the summary knows it", "gap", gap),
    ("a set points to another's ruling", "unruled", unruled),
    ("a set was ruled once more", "ruled_twice", ruled_twice),
    ("a ruling was made later than told", "ruling_changed", reruled("at_ms", 1)),
    ("a decision was turned", "ruling_changed", reruled("d", "rejected")),
    ("a pull told of another ruling", "ruling_changed", line_of("ruled", d="rejected")),
    ("a repeat was answered otherwise", "answer_changed", answered_again),
    ("a tick came before the ruling", "untimely", early_tick),
    ("a phone was told of a set that is gone", "lost", settled_and_lost),
    ("a ruling is gone", "index_gap", sql("DELETE FROM rulings WHERE kind = 'org' AND idx = 3")),
    ("the log counts one too many", "index_gap", sql("UPDATE log_head SET idx = idx + 1")),
    ("the sets count one too many", "arrival_gap", sql("UPDATE log_head SET arrival_no = arrival_no + 1")),
    ("an entry of a scope is gone", "scope_gap", sql("DELETE FROM scope_entries WHERE n = 2")),
    ("a head inside a scope is another", "scope_head", sql("UPDATE scope_entries SET head = x'00' WHERE n = 2")),
    ("the head of a scope is another", "scope_head", sql("UPDATE scopes SET head = x'00'")),
    ("a scope had more entries", "scope_rolled_back", told_more),
    ("a scope had another head", "scope_rolled_back", told_otherwise),
    ("a scope began again", "scope_rolled_back", sql("UPDATE scopes SET epoch = epoch + 1")),
    ("a ruling that is listed nowhere", "unlisted", delisted),
    ("the log is another", "log_rolled_back", sql("UPDATE log_head SET epoch = x'0000000000000000'")),
    ("the log was longer", "log_rolled_back", line_of("log", size=10**9)),
    ("a backup of yesterday: sets", "lost", restored),
    ("a backup of yesterday: scopes", "scope_rolled_back", restored),
    ("a chain's summary is behind", "chain_head", sql("UPDATE chain_heads SET have = have - 1")),
    ("a device is gone", "not_enrolled", sql("DELETE FROM devices WHERE person IS NOT NULL")),
    ("a device has another key", "not_enrolled", line_of("enrolled", pub="00" * 32)),
    ("an incident has another number", "number", line_of("desk", number="000101-0001")),
    ("every set waits for ever", "stalled", never_acked),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "plant"), [pytest.param(*rest, id=story) for story, *rest in PLANTS]
)
def test_a_planted_violation_is_found_and_named(damaged: Damaged, kind: str, plant: Plant) -> None:
    damaged.plant(plant)
    assert kind in damaged.found()


def test_a_number_given_twice_is_found(damaged: Damaged) -> None:
    def plant(db: sqlite3.Connection, _lines: Lines) -> None:
        numbered = [
            (idx, ruling)
            for idx, raw in db.execute("SELECT idx, bytes FROM rulings WHERE kind = 'set'")
            if (ruling := unpack(raw))[4]["no"] is not None
        ]
        (_one, first), (idx, second) = numbered[:2]
        second[4]["no"] = first[4]["no"]
        db.execute("UPDATE rulings SET bytes = ? WHERE idx = ?", (pack(second), idx))

    damaged.plant(plant)
    assert "number" in damaged.found()


def test_a_damaged_file_is_found(damaged: Damaged) -> None:
    file = damaged.data_dir / "ortoo.db"
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = file.read_bytes()
    for spoiled in (
        whole[: len(whole) // 3],
        bytes(4096) + whole[4096:],
        whole[: len(whole) // 2] + b"\xaa" * 4096 + whole[len(whole) // 2 + 4096 :],
    ):
        file.write_bytes(spoiled)
        assert "corrupt" in damaged.found()


def test_every_kind_of_violation_was_planted() -> None:
    assert {kind for _story, kind, _plant in PLANTS} | {"corrupt"} == set(KINDS)


def test_the_checker_runs_alone_and_its_exit_code_is_the_verdict(damaged: Damaged) -> None:
    evidence = [str(damaged.journal), str(damaged.data_dir)]
    command = [sys.executable, "-m", "tests.blackbox.checker", *evidence]
    good = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout) == (0, "every promise was kept\n")
    damaged.plant(lost)
    bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bad.returncode == 1
    assert bad.stdout.startswith("lost: ") or "\nlost: " in bad.stdout
