"""Evidence from the command line: list, export, verify, and the log's own words; exit codes and sentences."""

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli import main
from server.intake.door import Intake
from server.now import VirtualClock
from server.perform import Performer
from server.settings import Settings
from server.store.engine import Database
from tests.server.pen import EPOCH_MS, Pen, chance, found_org, person_id

INCIDENT = chance("cli incident")[:16]


def ortoo(*words: object, input: str | None = None) -> Result:  # noqa: A002  click's own word
    return CliRunner().invoke(main, [str(word) for word in words], input=input)


@pytest.fixture
def data(tmp_path: Path, migrated_file: Path) -> Path:
    """A data directory with one incident, as a server leaves it that was just stopped."""
    made = tmp_path / "data"
    made.mkdir()
    shutil.copyfile(migrated_file, made / "ortoo.db")
    asyncio.run(_lived(made))
    return made


async def _lived(made: Path) -> None:
    settings = Settings(data_dir=made)
    db = Database(settings.url)
    intake = Intake(settings, VirtualClock(EPOCH_MS), os.urandom, db, Performer({}))
    await intake.start()
    await found_org(intake)
    pen = Pen("cli", person_id("officer"))
    await pen.enrol(intake)
    raws = [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT, "到了")]
    await intake.submit(raws, pen.device)
    await intake.stop()
    await db.close()


def exported(data: Path, out: Path, *more: object) -> Result:
    return ortoo("export", "incident", INCIDENT.hex(), "--data", data, "--out", out, *more)


def test_the_round_from_list_to_verify(data: Path, tmp_path: Path) -> None:
    listed = ortoo("list", "incidents", "--data", data, "--ids")
    assert (listed.exit_code, listed.output) == (0, f"{INCIDENT.hex()}\n")
    whole = ortoo("list", "incidents", "--data", data)
    assert whole.output.split()[0] == INCIDENT.hex()
    number = whole.output.split()[1]
    out = tmp_path / "a" / "evidence.ortoo"
    made = exported(data, out)
    assert made.exit_code == 0, made.output
    assert f"{out.stat().st_size} bytes" in made.output
    checked = ortoo("verify", out)
    assert checked.exit_code == 0, checked.output
    assert checked.output.splitlines()[-1] == f"SOUND: {out}"
    assert "compare it" in checked.output
    again = tmp_path / "b.ortoo"
    by_number = ortoo("export", "incident", number, "--data", data, "--out", again)
    assert by_number.exit_code == 0, by_number.output
    assert ortoo("verify", again, "--against", out).exit_code == 0


def test_the_key_is_told_and_may_be_pinned(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "evidence.ortoo"
    exported(data, out)
    told = ortoo("log", "key", "--data", data)
    fingerprint, whole = told.output.splitlines()
    for key in (fingerprint, fingerprint.replace(" ", "").upper(), whole):
        checked = ortoo("verify", out, "--key", key)
        assert checked.exit_code == 0, checked.output
        assert "compare it" not in checked.output
    checked = ortoo("verify", out, "--key", "0123 4567")
    assert checked.exit_code == 1
    assert "other_key" in checked.output


def test_a_changed_file_is_told_with_its_place(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "evidence.ortoo"
    exported(data, out)
    whole = out.read_bytes()
    at = whole.index("到了".encode())
    out.write_bytes(whole[:at] + "没到".encode() + whole[at + 6 :])
    checked = ortoo("verify", out)
    assert checked.exit_code == 1
    assert "content_changed: the file" in checked.output
    assert "bad_set: set 2 of the file" in checked.output
    assert checked.output.splitlines()[-1].startswith("NOT SOUND: ")
    out.write_bytes(whole[:-9])
    assert "not_canonical: byte " in ortoo("verify", out).output
    assert ortoo("verify", tmp_path / "missing").exit_code == 2


def test_a_restored_older_copy_is_refused_with_its_cure_and_a_loss_may_be_declared(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tmp_path / "older.db"
    assert ortoo("log", "key", "--data", data).exit_code == 0
    shutil.copyfile(data / "ortoo.db", older)
    monkeypatch.setenv("ORTOO_ADMIN_PASSWORD", "a-long-password")
    monkeypatch.setenv("ORTOO_HASHING", "light")
    monkeypatch.setenv("ORTOO_DATA_DIR", str(data))
    assert ortoo("admin", "create", "--login", "narsu", "--name", "娜日苏").exit_code == 0
    earlier = tmp_path / "earlier.ortoo"
    assert exported(data, earlier).exit_code == 0
    assert ortoo("log", "check", "--data", data).exit_code == 0
    shutil.copyfile(older, data / "ortoo.db")
    refused = exported(data, tmp_path / "later.ortoo")
    assert refused.exit_code == 1
    assert "log_rolled_back" in refused.output
    assert "->" in refused.output
    assert not (tmp_path / "later.ortoo").exists()
    examined = ortoo("doctor").output
    assert "BAD  log: log_rolled_back" in examined
    assert "-> Restore the newest copy." in examined
    assert ortoo("log", "check", "--data", data).exit_code == 1
    declared = ortoo("log", "declare-loss", "--data", data, "--why", "旧备份", input="y\n")
    assert declared.exit_code == 0, declared.output
    assert "has begun" in declared.output
    later = tmp_path / "later.ortoo"
    assert exported(data, later).exit_code == 0
    assert ortoo("verify", later).exit_code == 0
    assert ortoo("verify", later, "--against", earlier).exit_code == 0, "the incident lost nothing"
    again = ortoo("log", "declare-loss", "--data", data, "--why", "noch mal", input="y\n")
    assert again.exit_code == 1
    assert "nothing is lost" in again.output


def test_an_altered_database_gives_no_file(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "evidence.ortoo"
    database = sqlite3.connect(data / "ortoo.db", isolation_level=None)
    database.execute("DELETE FROM sets WHERE arrival_no = (SELECT MAX(arrival_no) FROM sets)")
    database.close()
    made = exported(data, out)
    assert made.exit_code == 1
    assert "set_missing: the set of entry " in made.output
    assert "no file was written" in made.output
    assert not out.exists()


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DELETE FROM sets WHERE arrival_no = 3", "is not there"),
        ("UPDATE sets SET envelope = x'c0' WHERE arrival_no = 3", "is not what was ruled"),
        (
            "UPDATE sets SET envelope = (SELECT envelope FROM sets WHERE arrival_no = 2) WHERE arrival_no = 3",
            "is not what was ruled",
        ),
        ("UPDATE sets SET set_id = zeroblob(32) WHERE arrival_no = 3", "has no ruling of its own"),
        ("DELETE FROM rulings WHERE idx = 4", "it is not there"),
    ],
)
def test_the_whole_log_is_looked_over_and_what_was_altered_is_named(
    data: Path, sql: str, told: str
) -> None:
    assert ortoo("log", "key", "--data", data).exit_code == 0
    well = ortoo("log", "check", "--data", data)
    assert well.exit_code == 0
    assert "3 sets are what they were" in well.output
    database = sqlite3.connect(data / "ortoo.db", isolation_level=None)
    assert database.execute(sql).rowcount == 1
    database.close()
    ill = ortoo("log", "check", "--data", data)
    assert ill.exit_code == 1
    assert "log_changed" in ill.output
    assert told in ill.output


def test_what_is_not_there_is_said(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "x"
    unknown = ortoo("export", "incident", "00" * 16, "--data", data, "--out", out)
    assert (unknown.exit_code, unknown.output) == (1, f"Error: there is no incident {'00' * 16}\n")
    assert (
        "no incident 251125-9999"
        in ortoo("export", "incident", "251125-9999", "--data", data, "--out", out).output
    )
    empty = ortoo("list", "incidents", "--data", tmp_path / "nowhere")
    assert empty.exit_code == 1
    assert "no data directory" in empty.output


def test_the_verifier_page_is_put_beside_the_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = tmp_path / "pages"
    monkeypatch.setenv("ORTOO_PWA_DIR", str(pages))
    out = tmp_path / "out" / "evidence.ortoo"
    missing = exported(data, out, "--with-verifier")
    assert missing.exit_code == 1
    assert "npm --prefix pwa run build" in missing.output
    pages.mkdir()
    (pages / "verifier.html").write_text("<!doctype html>", encoding="utf-8")
    assert exported(data, out, "--with-verifier").exit_code == 0
    assert (out.parent / "verifier.html").read_text(encoding="utf-8") == "<!doctype html>"
