"""Files that people carry: taken in whole or in part, once or often, from friend or foe, and answered with proof
(BU).
"""

import asyncio
import json
import os
import shutil
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection

from server import keys
from server.cli import main
from server.courier.carried import Carried, take_in
from server.intake.door import Intake
from server.intake.redact import Ground, redact
from server.now import VirtualClock
from server.perform import Performer
from server.proof.keeper import announce
from server.proof.signer import Signer
from server.seal import SealKey, opened, sealed_to
from server.settings import Settings
from server.store import log, proofs, sets
from server.store.engine import Database
from sync import bundle, changeset, errors, sealed, witness
from sync.bundle import BundleWriter, Manifest, Proving
from sync.changeset import ChangeSet
from sync.rulings import Ruling
from sync.sealed import SealError
from sync.witness import Log
from tests.server.conftest import House
from tests.server.desks import centre as desk_centre
from tests.server.pen import EPOCH_MS, Pen, chance, found_org, person_id

INCIDENT = chance("carried incident")[:16]
SPOKEN = "线人巴图住在三队"


def carried_by(pen: Pen, raws: Sequence[bytes], at_ms: int = EPOCH_MS, **more: object) -> bytes:
    """The file a phone makes of its sets."""
    writer = BundleWriter()
    made = Manifest(
        "test/1", at_ms, pen.chain, pen.key.alg, pen.key.public, pen.nonce,
        counts={"set": len(raws)}, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    parts = [writer.begin(made), *(writer.add(bundle.SET, raw) for raw in raws)]
    return b"".join([*parts, writer.end(pen.key.sign)])


def written(pen: Pen) -> list[bytes]:
    return [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT, SPOKEN), pen.note(INCIDENT)]


async def imported(intake: Intake, file: bytes) -> Carried:
    return await take_in(intake, bundle.read([file], verify=keys.verify))


async def held(house: House, raws: Sequence[bytes]) -> list[bool]:
    """Which of these sets the centre holds."""

    def look(connection: Connection) -> list[bool]:
        found = []
        for raw in raws:
            read = changeset.read(raw)
            assert isinstance(read, ChangeSet)
            at = read.header.chain, read.header.seq, read.set_id
            found.append(sets.standing(connection, *at) is not None)
        return found

    return await house.db.reading(look)


def placed(file: bytes) -> list[int]:
    """Where each record begins, and the length of the whole."""
    return [*(one.offset for one in bundle.read([file], verify=keys.verify)), len(file)]


async def test_bu7_a_phone_that_was_never_heard_is_taken_in_as_if_it_had_pushed(
    house: House,
) -> None:
    pen = Pen("carried", person_id("officer"))
    await pen.enrol(house.intake)
    raws = written(pen)
    file = carried_by(pen, raws)
    house.clock.advance(365 * 86_400_000)  # it lay in a drawer
    first = await imported(house.intake, file)
    assert (first.is_whole, dict(first.results)) == (True, {"stored": 4})
    idx = await house.db.reading(lambda connection: log.read(connection).idx)
    again = await imported(house.intake, file)
    assert (again.is_whole, dict(again.results), list(again.ruled)) == (
        True,
        {"duplicate": 4},
        list(first.ruled),
    )
    assert await house.db.reading(lambda connection: log.read(connection).idx) == idx


async def test_bu2_cut_at_every_edge_and_inside_every_record_it_gives_what_is_whole(
    house: House,
) -> None:
    pen = Pen("cut", person_id("officer"))
    await pen.enrol(house.intake)
    raws = written(pen)
    file = carried_by(pen, raws)
    at = placed(file)
    assert len(at) == len(raws) + 3, "a manifest, the sets, the end, and where it ends"
    for whole in range(len(raws) + 1):
        for cut in (at[whole + 1], at[whole + 1] + 40):
            carried = await imported(house.intake, file[:cut])
            assert not carried.is_whole
            assert [fault.code for fault in carried.faults] == ["truncated"]
            assert carried.results.total() == whole
            assert await held(house, raws) == [place < whole for place in range(len(raws))]


async def test_bu5_one_changed_byte_costs_one_record(house: House) -> None:
    pen = Pen("bent", person_id("officer"))
    await pen.enrol(house.intake)
    raws = written(pen)
    file = carried_by(pen, raws)
    at = placed(file)
    for place in range(1, len(raws) + 1):
        bent = bytearray(file)
        bent[at[place + 1] - 3] ^= 4
        carried = await imported(house.intake, bytes(bent))
        assert [(fault.n, fault.code) for fault in carried.faults] == [(place + 1, "damaged")]
        assert carried.results.total() == len(raws) - 1
    assert await held(house, raws) == [True] * len(raws)


async def test_a_carrier_can_neither_forge_nor_enrol_nor_take_words_away(house: House) -> None:
    pen, stranger = Pen("honest", person_id("officer")), Pen("stranger", person_id("officer"))
    await pen.enrol(house.intake)
    raws = written(pen)
    parts = changeset.read(raws[2])
    assert isinstance(parts, ChangeSet)
    forged = Pen("honest", person_id("officer"))
    forged.key = stranger.key
    forged.writer = pen.writer
    hostile = [
        forged.note(INCIDENT, "假的"),
        changeset.without_body(parts),
        carried_by(pen, raws),
        bytes(changeset.SET_BYTES_MAX + 1),
        *written(stranger),
    ]
    carried = await imported(house.intake, carried_by(stranger, hostile))
    assert carried.is_whole, "the file is; what it holds is another matter"
    assert [(one.r, one.why) for one in carried.refused] == [
        ("bad_signature", "bad_signature"),
        ("malformed", "no_body"),
        ("malformed", "not_canonical"),
        ("too_large", "too_large"),
        *[("held", "unenrolled")] * 4,
    ]
    assert await held(house, raws) == [False] * len(raws)


async def test_words_that_were_taken_away_do_not_come_back_with_an_old_file(house: House) -> None:
    pen = Pen("talker", person_id("officer"))
    await pen.enrol(house.intake)
    raws = written(pen)
    file = carried_by(pen, raws)
    await imported(house.intake, file)
    said = changeset.read(raws[2])
    assert isinstance(said, ChangeSet)
    ground = Ground(person_id("commander"), "informant", "线人身份")
    await house.intake.transaction(lambda batch: redact(batch, INCIDENT, [said.set_id], ground))
    again = await imported(house.intake, file)
    assert dict(again.results) == {"duplicate": 4}
    at = said.header.chain, said.header.seq, said.set_id
    kept = await house.db.reading(proofs.envelope, *at)
    assert kept is not None
    assert SPOKEN.encode() not in kept


# ---- from the command line -----------------------------------------------------------------


def ortoo(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def centre(tmp_path: Path, migrated_file: Path) -> Path:
    """The data directory of a centre that has enrolled a phone and never heard of it again."""
    made = tmp_path / "data"
    made.mkdir()
    shutil.copyfile(migrated_file, made / "ortoo.db")

    async def live() -> None:
        settings = Settings(data_dir=made)
        db = Database(settings.url)
        intake = Intake(settings, VirtualClock(EPOCH_MS), os.urandom, db, Performer({}))
        await intake.start()
        await found_org(intake)
        await Pen("away", person_id("officer")).enrol(intake)
        await announce(intake, Signer(settings, os.urandom))
        await intake.stop()
        await db.close()

    asyncio.run(live())
    return made


def logs_row(centre: Path) -> tuple[Log, bytes]:
    """The log as a phone knows it, and the key to seal to."""

    async def look() -> tuple[Log, bytes]:
        db = Database(Settings(data_dir=centre).url)
        head = await db.reading(log.read)
        row = await db.reading(proofs.named_log, head.server_id)
        await db.close()
        found = witness.log_of(head.server_id, row)
        assert found is not None
        assert row is not None
        return found, row["seal"]

    return asyncio.run(look())


def proven(answer: bytes, by: Log) -> list[Ruling]:
    """The rulings that a phone believes of an answer; all of them, or the story is over."""
    proving, found = Proving(by, keys.verify), []
    for one in bundle.read([answer], verify=keys.verify):
        assert not one.code
        if one.kind == bundle.CHECKPOINT:
            assert proving.rest_on(one.value) == ""
        elif one.kind == bundle.RULING:
            ruling = proving.proven(one.value)
            assert isinstance(ruling, Ruling)
            found.append(ruling)
    return found


def test_the_round_from_a_phone_to_the_centre_and_back(centre: Path, tmp_path: Path) -> None:
    pen = Pen("away", person_id("officer"))
    raws = written(pen)
    file = tmp_path / "ortoo-1.bundle"
    file.write_bytes(carried_by(pen, raws))
    looked = ortoo("bundle", "inspect", file, "--data", centre)
    assert "4 of the sets are new here, 0 are known" in looked.output
    assert f"chain {pen.chain.hex()}" in looked.output
    assert "put in   sets 4, by its own word\n" in looked.output
    assert "whole    yes" in looked.output
    first = ortoo("bundle", "import", file, "--data", centre)
    assert first.exit_code == 0, first.output
    assert "taken in 4 new, 0 known before, 0 not stored" in first.output
    report = json.loads((tmp_path / "ortoo-1.report.json").read_text(encoding="utf-8"))
    assert (report["whole"], report["results"], report["refused"]) == (True, {"stored": 4}, [])
    answer = (tmp_path / "ortoo-1.answer.bundle").read_bytes()
    heard = proven(answer, logs_row(centre)[0])
    assert [one.payload["set"] for one in heard] == [
        found.set_id for raw in raws if isinstance(found := changeset.read(raw), ChangeSet)
    ]
    assert SPOKEN.encode() not in answer, "an answer holds nobody's words"
    again = ortoo("bundle", "import", file, "--data", centre)
    assert "taken in 0 new, 4 known before, 0 not stored" in again.output
    assert proven((tmp_path / "ortoo-1.answer.bundle").read_bytes(), logs_row(centre)[0]) == heard
    looked = ortoo("bundle", "inspect", file, "--data", centre)
    assert "0 of the sets are new here, 4 are known" in looked.output
    out = tmp_path / "back.bundle"
    made = ortoo("bundle", "export", "--chain", pen.chain.hex(), "--out", out, "--data", centre)
    assert made.exit_code == 0, made.output
    assert proven(out.read_bytes(), logs_row(centre)[0]) == heard


def test_what_is_wrong_with_a_file_is_told_with_cause_and_cure(
    centre: Path, tmp_path: Path
) -> None:
    pen = Pen("away", person_id("officer"))
    whole = carried_by(pen, written(pen), at_ms=EPOCH_MS * 10)
    file = tmp_path / "half.bundle"
    file.write_bytes(whole[:-1])
    looked = ortoo("bundle", "inspect", file, "--data", tmp_path / "nowhere")
    assert looked.exit_code == 1, "there is no such directory"
    looked = ortoo("bundle", "inspect", file, "--data", centre)
    assert "in the future" in looked.output
    assert errors.lookup("truncated").cure in looked.output
    taken = ortoo("bundle", "import", file, "--data", centre)
    assert taken.exit_code == 1
    assert "taken in 4 new" in taken.output
    report = json.loads((tmp_path / "half.report.json").read_text(encoding="utf-8"))
    assert [fault["code"] for fault in report["faults"]] == ["truncated"]
    assert all(fault["cause"] and fault["cure"] for fault in report["faults"])
    nothing = tmp_path / "photo.jpg"
    nothing.write_bytes(b"\xff\xd8" * 100)
    assert (
        errors.lookup("not_a_bundle").cure
        in ortoo("bundle", "import", nothing, "--data", centre).output
    )


def test_bu9_what_is_sealed_to_the_centre_is_read_by_it_alone(centre: Path, tmp_path: Path) -> None:
    pen, phone = Pen("away", person_id("officer")), SealKey(99)
    by, seal = logs_row(centre)
    plain = carried_by(pen, written(pen), to=chance("server")[:16], reply=phone.public)
    whole = b"".join(sealed_to([plain], [seal], os.urandom))
    assert SPOKEN.encode() in plain
    assert SPOKEN.encode() not in whole
    file = tmp_path / "sealed.bundle"
    file.write_bytes(whole)
    key = (centre / "log.key").rename(tmp_path / "log.key")
    looked = ortoo("bundle", "inspect", file, "--data", centre)
    assert looked.exit_code == 1
    assert errors.lookup("sealed_to_others").cure in looked.output
    key.rename(centre / "log.key")
    looked = ortoo("bundle", "inspect", file, "--data", centre)
    assert "sealed   yes" in looked.output
    assert "4 of the sets are new here" in looked.output
    file.write_bytes(whole[:-1])
    cut = ortoo("bundle", "import", file, "--data", centre)
    assert (cut.exit_code, "truncated" in cut.output) == (1, True)
    file.write_bytes(whole)
    taken = ortoo("bundle", "import", file, "--data", centre)
    assert taken.exit_code == 0, taken.output
    answer = (tmp_path / "sealed.answer.bundle").read_bytes()
    assert answer.startswith(sealed.MAGIC)
    assert len(proven(b"".join(opened([answer], phone)), by)) == 4
    with pytest.raises(SealError, match="sealed_to_others"):
        list(opened([answer], SealKey(98)))


# ---- at a desk -----------------------------------------------------------------------------------


async def test_an_administrator_takes_a_file_in_at_a_desk_and_gets_the_answer(
    tmp_path: Path, migrated_file: Path
) -> None:
    async with desk_centre(tmp_path, migrated_file) as made:
        pen, phone = Pen("away", person_id("officer")), SealKey(99)
        await pen.enrol(made.intake)
        row = await made.app.state.db.reading(
            lambda connection: proofs.named_log(connection, log.read(connection).server_id)
        )
        assert row is not None
        plain = carried_by(pen, written(pen), reply=phone.public)
        file = b"".join(sealed_to([plain], [row["seal"]], os.urandom))
        admin, other = await made.sign_in("admin"), await made.sign_in("dispatcher")
        assert (await other.upload("/api/bundles", file)).status_code == 403
        answer = await admin.upload("/api/bundles", file)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["report"]["whole"], told["report"]["results"]) == (True, {"stored": 4})
        back = b"".join(opened([b64decode(told["answer"])], phone))
        assert (
            sum(one.kind == bundle.RULING for one in bundle.read([back], verify=keys.verify)) == 4
        )
        half = await admin.upload("/api/bundles", plain[:-1])
        assert half.json()["report"]["faults"][0]["code"] == "truncated"
        for wrong, code in ((b"PK", "not_a_bundle"), (file[:40], "bad_seal_header")):
            refused = await admin.upload("/api/bundles", wrong)
            assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_bu7_a_file_of_rubbish_keeps_nobody_waiting(house: House) -> None:
    pen = Pen("rubbish", person_id("officer"))
    rubbish = BundleWriter()
    whole = carried_by(pen, [])
    file = whole[: len(bundle.MAGIC)] + b"".join(rubbish.add("junk", 0) for _ in range(20_000))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(others())
    carried = await imported(house.intake, file)
    beside.cancel()
    assert carried.faults_count == 20_001, "each is told of, and that the end is missing"
    assert turns >= 70, "whoever else has something to do comes in between"
