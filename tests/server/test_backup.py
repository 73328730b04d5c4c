"""A backup is what it says or is not believed; what is put back says in its log that it was."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from click.testing import CliRunner
from sqlalchemy import Connection

from server.api.stories import read_story
from server.backup import files, manifest
from server.backup.faults import FAULTS, BackupError
from server.backup.make import make
from server.backup.manifest import DATABASE, Part
from server.backup.restore import Restored, restore
from server.backup.verify import examine
from server.cli import main
from server.intake import timing
from server.intake.chains import Chains
from server.intake.desk import Desk, Heard
from server.intake.rebuild import rebuild
from server.intake.replay import replay
from server.intake.requeue import requeue
from server.now import VirtualClock
from server.proof import memory
from server.settings import Settings
from server.store import log, proofs
from server.store.engine import Database
from server.store.migrate import RESTORING
from server.store.rows import query
from server.store.tables import metadata
from sync import time, witness
from sync.changeset import Draft, Writer
from tests.server.conftest import BACKENDS, House, _statement
from tests.server.pen import EPOCH_MS, STATION, UNIT, Pen, chance, person_id
from tests.server.signing import Signing

DAY_MS = 86_400_000
INCIDENT = chance("backed up")[:16]
CHANGED_BY_A_RESTORE = {
    "alembic_version", "chain_heads", "contacts", "devices", "effects", "incident_numbers", "log_head", "log_tiles",
    "org_rows", "rulings", "scope_entries", "scopes", "sessions", "entity_heads",
}  # fmt: skip


@pytest.fixture
async def signing(house: House) -> Signing:
    """A centre with one incident, whose log is signed but for the last words."""
    made = Signing(house)
    await made.open()
    pen = Pen("phone", person_id("officer"))
    await pen.enrol(house.intake)
    await house.intake.submit(
        [pen.open(), pen.create(INCIDENT), pen.note(INCIDENT, "到了")], pen.device
    )
    await made.grow(300)
    await made.keeper.sign()
    await house.intake.submit([pen.note(INCIDENT, "完了")], pen.device)
    return made


async def backed_up(house: House, folder: Path, at_ms: int = EPOCH_MS) -> Path:
    return await make(house.settings, folder, config=None, at_ms=at_ms)


async def put_back(
    backup: Path, settings: Settings, *, replace: bool = False, days: int = 1
) -> Restored:
    clock = VirtualClock(EPOCH_MS + days * DAY_MS)
    return await restore(backup, settings, why="换盘", replace=replace, clock=clock)


def rows_of(connection: Any, name: str) -> list[Any]:
    table = metadata.tables[name]
    listed = [tuple(row) for row in connection.execute(table.select())]
    return sorted(listed, key=repr)


async def everything(settings: Settings) -> dict[str, list[Any]]:
    db = Database(settings.url)
    try:
        return {
            name: await db.reading(rows_of, name)
            for name in metadata.tables
            if name not in CHANGED_BY_A_RESTORE
        }
    finally:
        await db.close()


async def named_epochs(settings: Settings) -> tuple[str, list[tuple[str, int, int]]]:
    """The epoch that goes on, and of each that ended how much was signed and how much is kept."""

    def read(connection: Any) -> Any:
        head = log.read(connection)
        return head.epoch, witness.read_row(proofs.named_log(connection, head.server_id))

    db = Database(settings.url)
    try:
        epoch, row = await db.reading(read)
    finally:
        await db.close()
    assert row is not None
    assert row.epoch == epoch
    return epoch.hex(), [(one.epoch.hex(), one.size, one.kept) for one in row.lost]


# ---- there and back -------------------------------------------------------------------------


@pytest.fixture(params=BACKENDS)
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A machine with nothing on it but an empty database."""
    settings = Settings(data_dir=tmp_path / "new", port=0)
    if request.param == "sqlite":
        return settings
    base: str = request.getfixturevalue("postgresql_url")
    name = f"back_{os.urandom(4).hex()}"
    asyncio.run(_statement(base, f"CREATE DATABASE {name}"))
    return msgspec.structs.replace(settings, database_url=f"{base}/{name}")


@pytest.mark.parametrize("backend", BACKENDS, indirect=True)
async def test_a_copy_made_while_the_centre_works_is_put_back_on_either_database(
    new_place: Settings, signing: Signing, tmp_path: Path
) -> None:
    house, settings = signing.house, new_place
    backup = await backed_up(house, tmp_path / "copies")
    assert examine(backup).findings == []
    assert {path.stat().st_mode & 0o777 for path in backup.iterdir()} == {0o600}
    assert not {"desk.key", memory.FILE} & {path.name for path in backup.iterdir()}

    done = await put_back(backup, settings)
    assert done.held == []
    assert await everything(settings) == await everything(house.settings)
    # What was signed last is lost with the old disk: all that the copy knows to be signed is kept.
    page = manifest.read(backup)
    assert (done.declared.size, done.declared.kept) == (page.signed, page.signed)
    began, ended = await named_epochs(settings)
    assert page.origin.endswith(ended[0][0])
    assert done.declared.begun.endswith(began)

    # It is a centre: what it held before is known, what is new is taken, and the log is signed on.
    again = House(settings, Database(settings.url))
    again.clock.advance(DAY_MS)
    try:
        await again.intake.start()
        pen = Pen("phone", person_id("officer"))
        old = [
            pen.open(),
            pen.create(INCIDENT),
            pen.note(INCIDENT, "到了"),
            pen.note(INCIDENT, "完了"),
        ]
        known, _have = await again.intake.submit(old, pen.device)
        assert [result.r for result in known] == ["duplicate"] * 4
        fresh = pen.create(chance("after")[:16])
        [taken], _have = await again.intake.submit([fresh], pen.device)
        assert (taken.r, taken.no) == ("stored", "261130-1001"), "no number is given twice"
        signed = await Signing(again).keeper.sign()
        assert signed is not None
        assert signed.origin == done.declared.begun
        # Whoever finds the old disk has a key that signed for everybody: not any more.
        at_ms = again.clock.now_ms()
        desk = Desk(house.settings.data_dir, os.urandom, at_ms)
        opening, writer = desk.write(Writer(desk.chain), desk.opening(), at_ms, Heard())
        create = {"t": "incident.create", "source": "desk", "station": STATION, "tag": "T-9"}
        forged = Draft(person_id("dispatcher"), "org", "incident", chance("forged")[:16], [create])
        written, _writer = desk.write(writer, forged, at_ms, Heard())
        refused, _have = await again.intake.submit([opening.raw, written.raw], pen.device)
        assert [(result.r, result.why) for result in refused] == [("rejected", "revoked")] * 2
    finally:
        await again.intake.stop()
        await again.db.close()


async def test_what_a_desk_said_after_the_copy_and_others_bring_waits_for_a_person(
    signing: Signing, tmp_path: Path
) -> None:
    house, order = signing.house, chance("order")[:16]
    dispatcher = person_id("dispatcher")
    backup = await backed_up(house, tmp_path / "copies")
    house.clock.advance(3_600_000)
    said_ms = house.clock.now_ms()
    for op in (
        {"t": "order.issue", "order": order, "to": ["unit", UNIT], "kind": "dispatch", "round": 0},
        {"t": "entry.add", "kind": "note", "text": "已通知"},
    ):
        await house.intake.submit_desk(
            dispatcher, [Draft(dispatcher, "org", "incident", INCIDENT, [op])]
        )
    desk = house.intake.desk.chain
    kept = await house.db.reading(
        lambda connection: query(
            connection, "SELECT envelope FROM sets WHERE chain = ? ORDER BY seq", (desk,)
        )
    )

    settings = Settings(data_dir=tmp_path / "new", port=0)
    await put_back(backup, settings)
    again = House(settings, Database(settings.url))
    again.clock.advance(DAY_MS + 3_600_000)
    await again.intake.start()
    try:
        phone = Pen("phone", person_id("officer")).device
        brought, _have = await again.intake.submit([bytes(raw) for (raw,) in kept], phone)
        assert [(result.r, result.why) for result in brought] == [
            ("stored", None),
            ("held", "revoked_straddle"),
            ("stored", None),
        ]

        def told(connection: Connection) -> list[time.Timed]:
            items = read_story(connection, INCIDENT).items
            found = timing.times(connection, items, Chains(connection))
            return [found[item.op] for item in items if item.chain == desk and item.op in found]

        for timed in await again.db.reading(told):
            assert timed.grade == 0
            bounds = timed.layers[0]
            assert bounds.lo_ms is not None
            assert bounds.hi_ms is not None
            assert bounds.lo_ms <= said_ms <= bounds.hi_ms, "not when it was brought"
        seen, misplaced = await requeue(settings.url, check=True)
        assert (seen, misplaced) == (1, 0)
        assert (await replay(settings.url)).wrong == []
        assert (await rebuild(settings.url, check=True))[1] == 0
    finally:
        await again.intake.stop()
        await again.db.close()


# ---- what is wrong with a backup ------------------------------------------------------------


def page_changed(backup: Path, **changes: Any) -> None:
    """The manifest of a program that made it so, with its own sum."""
    page = manifest.read(backup)
    (backup / manifest.FILE).write_bytes(manifest.written(msgspec.structs.replace(page, **changes)))


def database_changed(backup: Path, sql: str) -> None:
    """A copy that was already so when it was made: every hash is right."""
    with closing(sqlite3.connect(backup / DATABASE, isolation_level=None)) as db:
        assert db.execute(sql).rowcount != 0
    part_signed_off(backup, DATABASE)


def part_signed_off(backup: Path, name: str) -> None:
    parts = [part for part in manifest.read(backup).parts if part.name != name]
    page_changed(backup, parts=[*parts, Part(name, *files.hashed(backup / name))])


def byte_changed(path: Path, at: int) -> None:
    whole = bytearray(path.read_bytes())
    whole[at] ^= 1
    path.write_bytes(whole)


def cut(path: Path, count: int = 1) -> None:
    path.write_bytes(path.read_bytes()[:-count])


def page_torn(backup: Path) -> None:
    database = backup / DATABASE
    whole = bytearray(database.read_bytes())
    whole[4096 : 4096 + 2048] = bytes(2048)
    database.write_bytes(whole)
    part_signed_off(backup, DATABASE)


def other_key(backup: Path) -> None:
    (backup / "log.key").write_bytes(b"k" * 32)
    part_signed_off(backup, "log.key")


def short_key(backup: Path) -> None:
    (backup / "log.key").write_bytes(b"k" * 31)
    part_signed_off(backup, "log.key")


def no_key_named(backup: Path) -> None:
    page_changed(backup, parts=[p for p in manifest.read(backup).parts if p.name != "log.key"])


LAST_SET = "(SELECT MAX(arrival_no) FROM sets)"
DAMAGES: list[tuple[str, Callable[[Path], Any]]] = [
    ("backup_not_there", lambda at: (at / manifest.FILE).unlink()),
    ("backup_manifest_changed", lambda at: byte_changed(at / manifest.FILE, 400)),
    ("backup_manifest_changed", lambda at: cut(at / manifest.FILE, 2)),
    ("backup_newer", lambda at: page_changed(at, format=2)),
    ("backup_newer", lambda at: page_changed(at, revision="9999")),
    ("backup_part_missing", lambda at: (at / "beacon.key").unlink()),
    ("backup_part_missing", no_key_named),
    ("backup_part_cut", lambda at: cut(at / DATABASE)),
    ("backup_part_changed", lambda at: byte_changed(at / DATABASE, 9_000)),
    ("backup_part_changed", lambda at: byte_changed(at / "log.key", 7)),
    ("backup_database_damaged", page_torn),
    ("backup_database_damaged", lambda at: database_changed(at, "DROP TABLE remarks")),
    ("backup_log_differs", lambda at: page_changed(at, rulings=7)),
    ("backup_log_differs", lambda at: page_changed(at, root="00" * 32)),
    ("backup_key_differs", other_key),
    ("backup_key_differs", short_key),
    (
        "backup_log_changed",
        lambda at: database_changed(at, f"DELETE FROM sets WHERE arrival_no = {LAST_SET}"),
    ),
    (
        "backup_log_changed",
        lambda at: database_changed(
            at,
            "UPDATE rulings SET bytes = CAST(replace(CAST(bytes AS TEXT), 'categories', 'categorieZ') AS BLOB)"
            " WHERE idx = 40",
        ),
    ),
    ("backup_log_changed", lambda at: database_changed(at, "DELETE FROM rulings WHERE idx = 5")),
    (
        "backup_log_changed",
        lambda at: database_changed(at, "UPDATE log_checkpoints SET note = replace(note, 'time 1', 'time 2')"),
    ),
    (
        "backup_log_changed",
        lambda at: database_changed(
            at, "UPDATE sets SET envelope = (SELECT envelope FROM sets WHERE arrival_no = 2) WHERE arrival_no = 3"
        ),
    ),
    (
        "backup_decided_otherwise",
        lambda at: database_changed(
            at,
            "UPDATE rulings SET bytes = CAST(replace(CAST(bytes AS TEXT), 'accepted', 'rejected') AS BLOB)"
            " WHERE idx = (SELECT MAX(idx) FROM rulings)",
        ),
    ),
    ("backup_folded_otherwise", lambda at: database_changed(at, "UPDATE incidents SET status = 'arrived'")),
]  # fmt: skip


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """Both kinds where a story says so, SQLite where it is about the backup alone."""
    return str(getattr(request, "param", "sqlite"))


async def test_every_fault_has_its_code_and_nothing_is_touched_by_a_restore(
    signing: Signing, tmp_path: Path
) -> None:
    met = set()
    sound = await backed_up(signing.house, tmp_path / "copies")
    for number, (code, damage) in enumerate(DAMAGES):
        backup = tmp_path / f"damaged-{number}"
        backup.mkdir()
        for path in sound.iterdir():
            files.copied(path, backup / path.name)
        damage(backup)
        report = examine(backup)
        assert [found.code for found in report.findings] == [code], (number, report.findings)
        assert report.findings[0].cure
        target = tmp_path / f"target-{number}"
        with pytest.raises(BackupError, match=f"restore_not_sound: {code}"):
            await put_back(backup, Settings(data_dir=target))
        assert not target.exists()
        met.add(code)
    of_making = {"exists", "nothing", "key_missing", "not_written"}
    assert met | {f"backup_{name}" for name in of_making} == {
        code for code in FAULTS if code.startswith("backup_")
    }
    assert examine(sound).findings == []


async def test_what_stands_in_the_way_of_a_backup_is_said(
    signing: Signing, db: Database, tmp_path: Path
) -> None:
    settings = signing.house.settings
    folder = tmp_path / "copies"
    await backed_up(signing.house, folder)
    with pytest.raises(BackupError, match="backup_exists"):
        await backed_up(signing.house, folder)
    (tmp_path / "a file").touch()
    with pytest.raises(BackupError, match="backup_not_written"):
        await backed_up(signing.house, tmp_path / "a file")
    elsewhere = msgspec.structs.replace(settings, data_dir=tmp_path / "follower")
    with pytest.raises(BackupError, match="backup_key_missing"):
        await make(elsewhere, folder, config=None, at_ms=EPOCH_MS + 1_000)
    await db.writing(lambda connection: connection.exec_driver_sql("DELETE FROM log_head"))
    with pytest.raises(BackupError, match="backup_nothing"):
        await backed_up(signing.house, folder, EPOCH_MS + 2_000)
    assert len(list(folder.iterdir())) == 1, "nothing half-made stays"


# ---- putting one back -----------------------------------------------------------------------


async def test_what_was_signed_since_is_named_lost_and_so_is_an_epoch_the_copy_never_saw(
    signing: Signing, tmp_path: Path
) -> None:
    house = signing.house
    backup = await backed_up(house, tmp_path / "copies")
    page = manifest.read(backup)
    await signing.grow(40)
    await signing.keeper.sign()
    lost = await signing.size()
    await house.intake.stop()
    settings = msgspec.structs.replace(house.settings, port=0)

    done = await put_back(backup, settings, replace=True)
    assert (done.declared.kept, done.declared.size) == (page.rulings, lost)
    first, ended = await named_epochs(settings)
    assert ended == [(page.origin.rpartition("/")[2], lost, page.rulings)]
    again = House(settings, Database(settings.url))
    again.clock.advance(2 * DAY_MS)
    await again.intake.start()
    assert await Signing(again).keeper.sign() is not None
    await again.intake.stop()
    await again.db.close()

    # The same copy once more: it knows nothing of the epoch between, what was signed last does.
    await put_back(backup, settings, replace=True, days=3)
    second, ended = await named_epochs(settings)
    assert second != first
    assert [epoch for epoch, _size, _kept in ended] == [first, page.origin.rpartition("/")[2]]


@contextmanager
def opened_elsewhere(path: Path) -> Iterator[None]:
    """Another process has the database open and does nothing with it."""
    waits = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
        "db.execute('SELECT * FROM scopes'); print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", waits, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        yield
        other.communicate(b"\n")


async def test_data_that_is_there_is_moved_aside_when_told_and_never_deleted(
    signing: Signing, tmp_path: Path
) -> None:
    house = signing.house
    backup = await backed_up(house, tmp_path / "copies")
    await house.intake.stop()
    settings = msgspec.structs.replace(house.settings, port=0)
    before = {path.name: path.read_bytes() for path in settings.data_dir.glob("*.key")}
    with pytest.raises(BackupError, match="restore_holds_data"):
        await put_back(backup, settings)
    with (
        opened_elsewhere(settings.data_dir / DATABASE),
        pytest.raises(BackupError, match="restore_in_use"),
    ):
        await put_back(backup, settings, replace=True)
    assert not list(settings.data_dir.glob("*.before-*"))
    done = await put_back(backup, settings, replace=True)
    for name, content in before.items():
        assert (settings.data_dir / f"{name}.{done.aside}").read_bytes() == content
    with closing(sqlite3.connect(settings.data_dir / f"{DATABASE}.{done.aside}")) as old:
        assert old.execute("SELECT count(*) FROM sets").fetchone() == (4,)
    assert (settings.data_dir / "desk.key").read_bytes() != before["desk.key"], (
        "a chain of its own, for places of the old one may be taken"
    )

    (tmp_path / "other").mkdir()
    other_centre = Settings(data_dir=tmp_path / "other")
    note = memory.recall(settings.data_dir / f"{memory.FILE}.ended")
    assert note is not None
    text = note.note.replace(manifest.read(backup).origin.split("/")[1], "00" * 16)
    memory.path_of(other_centre).write_text(text)
    with pytest.raises(BackupError, match="restore_other_centre"):
        await put_back(backup, other_centre)


@pytest.mark.parametrize("backend", BACKENDS[1:], indirect=True)
async def test_a_postgresql_that_holds_a_centre_is_moved_aside_too(
    signing: Signing, tmp_path: Path, postgresql_url: str
) -> None:
    house = signing.house
    backup = await backed_up(house, tmp_path / "copies")
    connection = await asyncpg.connect(postgresql_url.replace("+asyncpg", "") + "/postgres")
    name = f"held_{os.urandom(4).hex()}"
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    settings = Settings(data_dir=tmp_path / "held", database_url=f"{postgresql_url}/{name}")
    await put_back(backup, settings)
    with pytest.raises(BackupError, match="restore_holds_data"):
        await put_back(backup, settings)
    there = await asyncpg.connect(f"{postgresql_url.replace('+asyncpg', '')}/{name}")
    with pytest.raises(BackupError, match="restore_in_use"):
        await put_back(backup, settings, replace=True)
    await there.close()
    done = await put_back(backup, settings, replace=True, days=2)
    there = await asyncpg.connect(f"{postgresql_url.replace('+asyncpg', '')}/{name}")
    kept = await there.fetchval(f'SELECT count(*) FROM "{done.aside}".sets')
    fresh = await there.fetchval("SELECT count(*) FROM sets")
    await there.close()
    assert kept == fresh > 0


# ---- the command line -----------------------------------------------------------------------


def test_the_round_at_the_command_line(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, app = tmp_path / "data", tmp_path / "dist"
    data.mkdir()
    app.mkdir()
    (app / "index.html").write_text("<!doctype html>")
    shutil.copyfile(migrated_file, data / DATABASE)
    for name, value in {"DATA_DIR": data, "PWA_DIR": app, "PORT": 0, "HASHING": "light"}.items():
        monkeypatch.setenv(f"ORTOO_{name}", str(value))
    settings_file = tmp_path / "ortoo.toml"
    settings_file.write_text('name = "甲旗指挥中心"\n', encoding="utf-8")
    monkeypatch.setenv("ORTOO_CONFIG", str(settings_file))
    monkeypatch.setenv("ORTOO_ADMIN_PASSWORD", "a-long-password")

    def ortoo(code: int, *words: object) -> str:
        done = CliRunner().invoke(main, [str(word) for word in words])
        assert done.exit_code == code, done.output
        return done.output

    ortoo(0, "log", "key")
    assert "BAD  backup: none was made of this centre" in ortoo(1, "doctor")
    made = ortoo(0, "backup", "--to", tmp_path / "copies")
    [backup] = (tmp_path / "copies").iterdir()
    assert made.splitlines()[-1] == f"SOUND: {backup}"
    assert "甲旗指挥中心" in made
    assert (backup / "settings.toml").read_bytes() == settings_file.read_bytes()
    assert ortoo(0, "doctor").splitlines()[-1] == "All is well."
    ortoo(0, "admin", "create", "--login", "narsu", "--name", "娜日苏")

    refused = ortoo(1, "restore", backup, "--why", "换盘")
    assert "restore_holds_data" in refused
    assert "-> " in refused
    put = ortoo(0, "restore", backup, "--why", "换盘", "--replace")
    assert "has begun. Phones offer again what they keep" in put
    assert "Moved aside: " in put
    ortoo(0, "log", "check")
    ortoo(0, "rebuild", "--check")

    # One that was cut off before it was declared: no server starts on it.
    with closing(sqlite3.connect(data / DATABASE, isolation_level=None)) as db:
        db.execute("UPDATE alembic_version SET version_num = ?", (RESTORING,))
    for words in (["serve"], ["migrate"], ["doctor"]):
        assert "run ortoo restore once more, with --replace" in ortoo(1, *words)
    ortoo(0, "restore", backup, "--why", "换盘", "--replace")

    (backup / "log.key").write_bytes(b"x" * 32)
    wrong = ortoo(1, "backup", "verify", backup)
    assert "BAD  backup_part_changed: " in wrong
    assert wrong.splitlines()[-1] == f"NOT SOUND: {backup}"
    assert "say where to put it" in ortoo(2, "backup")
