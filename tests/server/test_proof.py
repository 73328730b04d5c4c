"""The log is signed in the background, every 256 entries or 60 s, and what is handed out of it holds (TL7)."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server import keys
from server.proof import given, memory
from server.proof.export import Exporter
from server.proof.keeper import Keeper, announce
from server.proof.memory import MovedError
from server.proof.signer import Signer
from server.proof.tree import StoredTree
from server.store import log, proofs
from sync import merkle, witness
from sync.evidence.check import check
from sync.merkle import Frontier, Levels
from tests.server.conftest import House
from tests.server.pen import Pen, chance, person_id
from tests.server.signing import Signing


@pytest.fixture
async def signing(house: House) -> Signing:
    """A founded centre whose log was announced."""
    made = Signing(house)
    await made.open()
    return made


async def test_tl7_a_checkpoint_covers_every_entry_and_is_signed_with_the_announced_key(
    signing: Signing,
) -> None:
    signed = await signing.keeper.tend()
    assert signed is not None
    assert signed.size == await signing.size()
    assert signed.root == Levels(await signing.leaves()).root()
    head = await signing.house.db.reading(log.read)
    row = signing.house.intake.directory.row(witness.ORG_ROW, head.server_id)
    assert row is not None
    named = witness.log_of(head.server_id, row)
    assert named is not None
    held = witness.judge(None, signed.note, [], log=named, verify=keys.verify)
    assert isinstance(held, witness.Held)
    assert held.size == signed.size
    assert (await signing.keeper.status()).code is None


async def test_tl7_it_is_signed_after_256_entries_or_sixty_seconds(signing: Signing) -> None:
    first = await signing.keeper.tend()
    assert first is not None
    assert await signing.keeper.tend() is None
    await signing.grow(1)
    assert await signing.keeper.tend() is None
    signing.house.clock.advance(59_999)
    assert await signing.keeper.tend() is None
    signing.house.clock.advance(1)
    second = await signing.keeper.tend()
    assert second is not None
    assert second.size == first.size + 1
    await signing.grow(255)
    assert await signing.keeper.tend() is None
    await signing.grow(1)
    third = await signing.keeper.tend()
    assert third is not None
    assert third.size == second.size + 256


async def test_the_tree_is_the_same_however_it_was_signed_and_every_proof_holds(
    signing: Signing,
) -> None:
    for count in (1, 254, 300, 700, 3):
        await signing.grow(count)
        await signing.keeper.sign()
    leaves = await signing.leaves()
    size = len(leaves)
    tree = Levels(leaves)

    def look(connection: Any) -> None:
        stored = StoredTree(connection)
        for cut in {0, 1, 255, 256, 257, 511, 512, size - 1, size}:
            assert stored.root(cut) == tree.root(cut)
            assert stored.frontier(cut) == Frontier().extended(leaves[:cut])
            assert given.consistency(connection, cut, size) == merkle.consistency_proof(
                cut, size, tree.node
            )
        for index in (0, 255, 256, size - 1):
            assert given.inclusion(connection, index, size) == merkle.inclusion_proof(
                index, size, tree.node
            )
        assert given.inclusion(connection, size, size) is None
        assert given.inclusion(connection, 0, size + 1) is None
        assert given.consistency(connection, 0, size + 1) is None
        assert proofs.tiles_stored(connection, 0) == size // 256
        full = given.tile(connection, merkle.Tile(0, 1))
        assert full == b"".join(leaves[256:512])
        width = size % 256
        partial = given.tile(connection, merkle.Tile(0, size // 256, width))
        assert partial == b"".join(leaves[-width:])
        assert given.tile(connection, merkle.Tile(0, size // 256, width + 1)) is None
        above = given.tile(connection, merkle.Tile(1, 0, size // 256))
        assert above == b"".join(tree.node(8, at) for at in range(size // 256))
        assert given.tile(connection, merkle.Tile(1, 0, size // 256 + 1)) is None

    await signing.house.db.reading(look)


async def test_tl7_a_long_catching_up_is_signed_step_by_step(signing: Signing) -> None:
    await signing.grow(1_000)

    def look(connection: Any) -> Any:
        return signing.signer.look(connection, 400)

    sizes = []
    while True:
        looked = await signing.house.db.reading(look)
        if looked.stored is not None and looked.stored.size == looked.size:
            break
        signed = signing.signer.sign(looked, 7)
        await signing.house.db.writing(proofs.keep, signed, looked.tiles)
        sizes.append(signed.size)
    assert sizes == [400, 800, await signing.size()]
    assert signed.root == Levels(await signing.leaves()).root()


async def test_tl7_what_is_signed_is_remembered_outside_before_anybody_sees_it(
    signing: Signing,
) -> None:
    looked = await signing.house.db.reading(signing.signer.look)
    signed = signing.signer.sign(looked, 7)
    # Killed here: the database does not know of it, the file does.
    remembered = memory.recall(signing.signer.path)
    assert remembered is not None
    assert remembered.note == signed.note
    again = await signing.keeper.sign()
    assert again is not None
    assert again.note == signed.note, "the same tree is not signed twice"
    stored = await signing.house.db.reading(given.newest)
    assert stored is not None
    assert stored.note == signed.note
    assert stored.signed_at_ms == 7


async def test_tl7_a_second_process_that_was_faster_is_noticed(signing: Signing) -> None:
    looked = await signing.house.db.reading(signing.signer.look)
    other = Signer(signing.house.settings, os.urandom)
    other.sign(looked, 1)
    with pytest.raises(MovedError):
        signing.signer.sign(looked, 2)
    assert await signing.keeper.sign() is not None


async def test_two_nodes_that_share_the_key_sign_one_tree(signing: Signing, tmp_path: Path) -> None:
    """Each has a memory of its own; the database they share is one, so their trees are."""
    await signing.keeper.sign()
    elsewhere = tmp_path / "other"
    elsewhere.mkdir()
    shutil.copy(signing.house.settings.data_dir / "log.key", elsewhere / "log.key")
    shutil.copy(signing.signer.path, elsewhere / "log.signed")
    settings = msgspec.structs.replace(signing.house.settings, data_dir=elsewhere)
    second = Keeper(
        signing.house.db, signing.house.intake, signing.house.clock, Signer(settings, os.urandom)
    )
    for keeper in (second, signing.keeper, second):
        await signing.grow(100)
        assert await keeper.sign() is not None
        assert (await keeper.status()).code is None
    signed = await signing.house.db.reading(given.newest)
    assert signed is not None
    assert signed.root == Levels(await signing.leaves()).root()


async def test_an_incident_leaves_either_database_in_a_sound_file(signing: Signing) -> None:
    pen, incident = Pen("exported", person_id("officer")), chance("exported")[:16]
    await pen.enrol(signing.house.intake)
    raws = [pen.open(), pen.create(incident), pen.note(incident), pen.note(chance("x")[:16])]
    await signing.house.intake.submit([*raws, pen.note(incident, "后来")], pen.device)
    await signing.grow(300)
    await signing.keeper.sign()
    exporter = Exporter(signing.house.db, signing.signer, signing.house.clock)
    report = check(await exporter.incident(incident), verify=keys.verify)
    assert report.findings == []
    assert len(report.shown) == 3
    checked = await signing.house.db.reading(signing.signer.audit, await signing.size())
    assert checked == len(raws) + 1


async def test_a_node_without_the_key_follows_and_says_so(signing: Signing, tmp_path: Path) -> None:
    await signing.keeper.sign()
    settings = msgspec.structs.replace(signing.house.settings, data_dir=tmp_path / "other")
    other = Keeper(
        signing.house.db, signing.house.intake, signing.house.clock, Signer(settings, os.urandom)
    )
    await announce(signing.house.intake, Signer(settings, os.urandom))
    assert not (tmp_path / "other" / "log.key").exists(), "the log has its key already"
    await signing.grow(300)
    assert await other.tend() is None
    status = await other.status()
    assert status.code == "log_key_differs"
    assert status.cure


async def test_only_on_the_first_day_of_a_log_a_centre_must_write_at_its_start(
    signing: Signing,
) -> None:
    # On a full disk a transaction fails that would write nothing itself: with it goes what was performed meanwhile.
    await signing.house.intake.stop()
    await signing.keeper.start()
    await signing.keeper.stop()


async def test_the_keeper_signs_by_itself_and_stops_when_told(
    signing: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    tended = asyncio.Event()
    tend = signing.keeper.tend

    async def told() -> None:
        await tend()
        tended.set()

    monkeypatch.setattr(signing.keeper, "tend", told)
    await signing.keeper.start()
    async with asyncio.timeout(20):
        await tended.wait()
    await signing.keeper.stop()
    await signing.keeper.stop()
    assert await signing.house.db.reading(given.newest) is not None
