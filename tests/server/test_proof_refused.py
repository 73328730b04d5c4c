"""A log that did not only grow is not signed, and says why; a declared loss begins a new epoch (TL7, TL8)."""

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server import keys
from server.proof import given, loss
from server.proof.keeper import Keeper
from server.proof.loss import NothingLostError
from server.proof.signer import RefusedError, Signer
from server.proof.tree import StoredTree
from server.store import log
from sync import note, witness
from sync.merkle import Levels
from tests.server.conftest import House
from tests.server.pen import Pen, person_id
from tests.server.signing import Signing


@pytest.fixture
def backend() -> str:
    """What is altered here behind the centre's back is a SQLite file."""
    return "sqlite"


@pytest.fixture
async def signing(house: House) -> Signing:
    """A founded centre whose log was announced."""
    made = Signing(house)
    await made.open()
    return made


def stored_file(house: House) -> Path:
    assert house.db.path is not None, "this story is about a SQLite file"
    return house.db.path


def altered(path: Path, sql: str, *values: Any) -> None:
    """Somebody with access to the file changes it behind the centre's back."""
    database = sqlite3.connect(path, isolation_level=None)
    changed = database.execute(sql, values).rowcount
    database.close()
    assert changed, "the alteration hit nothing"


async def refused(signing: Signing) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await signing.house.db.reading(signing.signer.look)
    assert await signing.keeper.sign() is None
    status = await signing.keeper.status()
    assert status.code == caught.value.code
    assert status.cause
    assert status.cure
    return caught.value


async def test_tl7_a_restored_older_database_is_not_signed(signing: Signing) -> None:
    await signing.grow(300)
    await signing.keeper.sign()
    older = await signing.size()
    path = stored_file(signing.house)
    copy = path.with_name("copy.db")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    await signing.grow(40)
    await signing.keeper.sign()
    newer = await signing.size()
    with sqlite3.connect(copy) as source, sqlite3.connect(path) as target:
        source.backup(target)
    refusal = await refused(signing)
    assert refusal.code == "log_rolled_back"
    assert f"entries {older + 1} to {newer} are gone" in refusal.detail
    # Not even when it has grown past what was signed: it is another tree.
    fresh = signing.house.new_intake()
    await signing.house.intake.stop()
    await fresh.start()
    signing.house.intake = fresh
    signing.keeper._intake = fresh
    await signing.grow(100)
    assert (await refused(signing)).code == "log_changed"


@pytest.mark.parametrize("at", ["in a full tile", "in the tail"])
async def test_tl7_a_changed_byte_in_what_was_signed_is_found(signing: Signing, at: str) -> None:
    await signing.grow(300)
    await signing.keeper.sign()
    size = await signing.size()
    idx = 20 if at == "in a full tile" else size - 1
    await signing.grow(1)
    altered(
        stored_file(signing.house),
        "UPDATE rulings SET bytes = CAST(replace(CAST(bytes AS TEXT), 'c', 'd') AS BLOB) WHERE idx = ?",
        idx,
    )
    if at == "in the tail":
        assert (await refused(signing)).code == "log_changed"
        return

    # The tiles of what was hashed before stand for it; hashing everything again says where.
    def audit(connection: Any) -> int | None:
        return StoredTree(connection).differing_tile(size)

    assert await signing.house.db.reading(audit) == idx


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DELETE FROM rulings WHERE idx = ?", "it is not there"),
        ("UPDATE rulings SET bytes = x'c0' WHERE idx = ?", "no ruling"),
        (
            "UPDATE rulings SET bytes = (SELECT bytes FROM rulings r WHERE r.idx = 1) WHERE idx = ?",
            "those of entry",
        ),
    ],
)
async def test_tl7_new_entries_are_read_back_before_they_are_signed(
    signing: Signing, sql: str, told: str
) -> None:
    await signing.keeper.sign()
    await signing.grow(5)
    idx = await signing.size() - 2
    altered(stored_file(signing.house), sql, idx)
    refusal = await refused(signing)
    assert refusal.code == "log_changed"
    assert f"entry {idx}: " in refusal.detail
    assert told in refusal.detail


async def test_tl7_a_lost_or_damaged_memory_stops_the_signing(signing: Signing) -> None:
    await signing.keeper.sign()
    path = signing.signer.path
    whole = path.read_text(encoding="utf-8")
    path.unlink()
    assert (await refused(signing)).code == "log_memory_missing"
    path.write_text(whole.replace("\ntime ", "\ntime 1"), encoding="utf-8")
    assert (await refused(signing)).code == "log_memory_damaged"
    path.write_bytes(b"\xff")
    assert (await refused(signing)).code == "log_memory_damaged"
    path.write_text(whole, encoding="utf-8")
    await signing.grow(1)
    assert await signing.keeper.sign() is not None
    assert (await signing.keeper.status()).code is None


async def test_tl7_the_memory_of_another_log_is_refused(signing: Signing) -> None:
    head = await signing.house.db.reading(log.read)
    key = signing.signer.own_key()
    assert key is not None
    origin = witness.origin_of(head.server_id, bytes(8))
    text = note.checkpoint_text(note.Checkpoint(origin, 1, bytes(32)))
    signing.signer.path.write_text(note.sign_note(text, origin, key.public, key.sign), "utf-8")
    assert (await refused(signing)).code == "log_epoch_differs"


async def test_tl7_without_room_for_the_memory_nothing_is_signed(
    signing: Signing, tmp_path: Path
) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("", encoding="utf-8")
    settings = msgspec.structs.replace(signing.house.settings, log_memory=blocked / "log.signed")
    keeper = Keeper(
        signing.house.db, signing.house.intake, signing.house.clock, Signer(settings, os.urandom)
    )
    assert await keeper.sign() is None
    assert (await keeper.status()).code == "log_not_kept"
    assert await signing.house.db.reading(given.newest) is None


async def test_tl7_what_was_remembered_and_not_told_is_remembered_once_more_before_it_is(
    signing: Signing,
) -> None:
    # The process died in between, or the disk did not sync the name of the file: it may not be there for good.
    before = await signing.keeper.sign()
    await signing.house.db.writing(
        lambda connection: connection.exec_driver_sql("DELETE FROM log_checkpoints")
    )
    file = signing.signer.path.stat().st_ino
    again = await signing.keeper.sign()
    assert again is not None
    assert again == before
    assert signing.signer.path.stat().st_ino != file


# ---- a declared loss -----------------------------------------------------------------------------


async def test_tl8_a_declared_loss_is_named_in_the_log_and_begins_a_new_epoch(
    signing: Signing,
) -> None:
    await signing.grow(300)
    await signing.keeper.sign()
    kept = await signing.size()
    path = stored_file(signing.house)
    copy = path.with_name("copy.db")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    await signing.grow(40)
    before = await signing.keeper.sign()
    assert before is not None
    await signing.house.intake.stop()
    with sqlite3.connect(copy) as source, sqlite3.connect(path) as target:
        source.backup(target)
    intake = signing.house.new_intake()
    await intake.start()
    signing.house.intake = intake
    declared = await loss.declare(intake, signing.signer, os.urandom, why="the disk of 3 March")
    assert (declared.ended, declared.size, declared.kept) == (before.origin, before.size, kept)
    head = await signing.house.db.reading(log.read)
    assert witness.origin_of(head.server_id, head.epoch) == declared.begun != before.origin
    row = intake.directory.row(witness.ORG_ROW, head.server_id)
    assert row is not None
    (lost,) = row["lost"]
    assert (lost["size"], lost["root"], lost["kept"]) == (before.size, before.root, kept)
    assert lost["why"] == "the disk of 3 March"
    keeper = Keeper(signing.house.db, intake, signing.house.clock, signing.signer)
    after = await keeper.sign()
    assert after is not None
    assert after.origin == declared.begun
    assert after.root == Levels(await signing.leaves()).root()
    # A phone that held the lost log hears of it and goes on, without an alarm.
    key = signing.signer.own_key()
    assert key is not None
    held = witness.Held(before.origin, key.public, before.size, before.root, before.note)
    named = witness.log_of(head.server_id, row)
    assert named is not None
    found = witness.judge(held, after.note, [], log=named, verify=keys.verify)
    assert isinstance(found, witness.Held)
    with pytest.raises(NothingLostError):
        await loss.declare(intake, signing.signer, os.urandom, why="again")


async def test_tl7_a_row_that_cannot_be_read_is_told_and_signing_goes_on_once_it_is_mended(
    signing: Signing,
) -> None:
    await signing.keeper.sign()
    file = stored_file(signing.house)
    with sqlite3.connect(file) as source:
        [(whole,)] = source.execute("SELECT bytes FROM org_rows WHERE what = 'logs'").fetchall()
    altered(file, "UPDATE org_rows SET bytes = ? WHERE what = 'logs'", b"\xc1")
    await signing.grow(3)
    assert await signing.keeper.tend() is None
    assert (await refused(signing)).code == "log_changed"
    assert (await signing.keeper.status()).code == "log_changed"
    altered(file, "UPDATE org_rows SET bytes = ? WHERE what = 'logs'", whole)
    assert await signing.keeper.tend() is not None
    assert (await signing.keeper.status()).code is None


async def test_tl8_what_came_after_an_older_copy_was_restored_is_not_called_kept(
    signing: Signing,
) -> None:
    await signing.keeper.sign()
    await signing.grow(3)
    kept = await signing.size()
    path = stored_file(signing.house)
    copy = path.with_name("copy.db")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    signing.house.clock.advance(1_000)
    await signing.grow(40)
    before = await signing.keeper.sign()
    assert before is not None
    await signing.house.intake.stop()
    with sqlite3.connect(copy) as source, sqlite3.connect(path) as target:
        source.backup(target)
    signing.house.clock.advance(60_000)
    intake = signing.house.intake = signing.house.new_intake()
    await intake.start()
    await signing.grow(2)  # nobody had looked at the health page yet
    declared = await loss.declare(intake, signing.signer, os.urandom, why="the disk of 3 March")
    assert (declared.size, declared.kept) == (before.size, kept)


async def test_tl8_a_declaration_that_was_cut_off_is_finished_by_the_next(signing: Signing) -> None:
    await signing.grow(10)
    await signing.keeper.sign()
    path = signing.signer.path
    remembered = path.read_bytes()
    altered(stored_file(signing.house), "DELETE FROM rulings WHERE idx = ?", await signing.size())
    altered(stored_file(signing.house), "UPDATE log_head SET idx = idx - 1")
    declared = await loss.declare(signing.house.intake, signing.signer, os.urandom, why="one row")
    path.write_bytes(remembered)  # killed before the file was put aside
    assert (await refused(signing)).code == "log_epoch_differs"
    again = await loss.declare(signing.house.intake, signing.signer, os.urandom, why="one row")
    assert again == declared
    assert await signing.keeper.sign() is not None


async def test_tl8_scopes_begin_anew_with_the_epoch(signing: Signing) -> None:
    pen = Pen(1, person_id("officer"))
    await pen.enrol(signing.house.intake)
    await signing.keeper.sign()

    def epochs(connection: Any) -> set[int]:
        return {row[0] for row in connection.exec_driver_sql("SELECT epoch FROM scopes")}

    assert await signing.house.db.reading(epochs) == {1}
    signing.signer.path.unlink()
    await loss.declare(signing.house.intake, signing.signer, os.urandom, why="the file is gone")
    [anew] = await signing.house.db.reading(epochs)
    assert anew > 1
    later = Pen(2, person_id("officer"))
    await later.enrol(signing.house.intake)
    await signing.house.intake.submit([later.open()], later.device)
    assert await signing.house.db.reading(epochs) == {anew}, "those that are yet to come too"
    await loss.declare(
        signing.house.intake, signing.signer, os.urandom, why="an older copy", put_back=3
    )
    [again] = await signing.house.db.reading(epochs)
    assert again > anew


async def test_tl8_nothing_is_declared_for_a_key_that_is_not_here(
    signing: Signing, tmp_path: Path
) -> None:
    settings = msgspec.structs.replace(signing.house.settings, data_dir=tmp_path / "other")
    with pytest.raises(RefusedError, match="log_key_differs"):
        await loss.declare(
            signing.house.intake, Signer(settings, os.urandom), os.urandom, why="wrong node"
        )


async def test_tl7_what_is_read_back_must_be_what_was_written(signing: Signing) -> None:
    """A disk that changes a byte between writing and signing: the bytes are a ruling, but not the one that was made."""
    await signing.keeper.sign()
    await signing.grow(3)
    idx = await signing.size() - 1
    file = stored_file(signing.house)
    before = await signing.leaves()
    altered(
        file,
        "UPDATE rulings SET bytes = CAST(replace(CAST(bytes AS TEXT), 'categories', 'categorieZ') AS BLOB)"
        " WHERE idx = ?",
        idx,
    )
    assert await signing.leaves() != before
    assert await signing.keeper.sign() is None
    status = await signing.keeper.status()
    assert status.code == "log_changed"
    assert f"entry {idx}: its bytes are not those that were written" in status.detail
