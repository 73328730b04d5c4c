"""The command line: settings that are refused with a sentence, and a doctor with a cure."""

import asyncio
import shutil
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from server.cli import main
from server.settings import Settings, SettingsError, load
from server.store.migrate import MIGRATIONS
from sync import canon, rulings
from tests.server.desks import centre
from tests.server.pen import chance


def invoke(*words: str, **variables: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, words, env={f"ORTOO_{k}": v for k, v in variables.items()})
    return done.exit_code, done.output


def test_help_lists_every_word_without_importing_the_rooms_behind_them() -> None:
    code, output = invoke("--help")
    assert code == 0
    for word in ("serve", "migrate", "doctor", "demo", "replay", "import", "bench"):
        assert f"  {word} " in output


def test_variables_win_over_the_file_and_reach_into_groups(tmp_path: Path) -> None:
    file = tmp_path / "ortoo.toml"
    file.write_text('port = 1\nhost = "10.0.0.1"\n[limits]\nqueue_sets = 7\n', encoding="utf-8")
    settings = load(file, {"ORTOO_PORT": "9", "ORTOO_LIMITS__BATCH_SETS": "3", "HOME": "/"})
    assert (settings.port, settings.host) == (9, "10.0.0.1")
    assert (settings.limits.queue_sets, settings.limits.batch_sets) == (7, 3)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("port = 'many'", "port"),
        ("prot = 8000", "prot"),
        ("port = ", "not TOML"),
        ("role = 'hub'", "role"),
        ("port = 65536", "port"),
        ("limits = { queue_sets = 0 }", "queue_sets"),
        ("database_url = 'mysql://u@h/d'", "database_url"),
        ("database_url = '/var/lib/ortoo.db'", "database_url"),
        ("upstream = 'centre.example'", "upstream"),
        ("role = 'station'\ndatabase_url = 'postgresql://u@h/d'", "database_url: a station"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, text: str, names: str) -> None:
    file = tmp_path / "ortoo.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=names):
        load(file, {})


def test_a_centre_on_postgresql_does_not_serve_as_a_station(tmp_path: Path) -> None:
    url = "postgresql://u@127.0.0.1:1/d"
    code, output = invoke("serve", "--role", "station", DATA_DIR=str(tmp_path), DATABASE_URL=url)
    assert (code, "leave database_url empty" in output) == (2, True), output


def test_a_station_without_a_centre_does_not_serve_and_is_told_how_to_join_one(
    tmp_path: Path,
) -> None:
    centre_of = {"DATA_DIR": str(tmp_path / "centre")}
    assert invoke("migrate", **centre_of)[0] == 0
    code, output = invoke("station", "code", "--station", "甲派出所", **centre_of)
    assert (code, "no such station (there are: none)" in output) == (1, True)
    code, output = invoke("station", "join", "--code", "x", **centre_of)
    assert (code, "this is a centre" in output) == (1, True)

    station_of = {"DATA_DIR": str(tmp_path / "station"), "ROLE": "station", "PORT": "0"}
    assert invoke("migrate", **station_of)[0] == 0
    code, output = invoke("serve", **station_of)
    assert (code, "ortoo station code --station NAME" in output) == (1, True)
    code, output = invoke("station", "code", "--station", "甲派出所", **station_of)
    assert (code, "run this there" in output) == (1, True)
    code, output = invoke("station", "join", "--code", "x", **station_of)
    assert (code, "say where the centre is" in output) == (2, True)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        code, output = invoke("station", "join", "--code", "x", "--upstream", url, **station_of)
        flags = ("serve", "--role", "station", "--upstream", url)
        of_flags = {"DATA_DIR": station_of["DATA_DIR"], "STATION_CODE": "x"}
        assert "does not answer" in invoke(*flags, **of_flags)[1], "flags are as good as settings"
        assert invoke(*flags[:-1], "centre.example", **of_flags)[0] == 2
    assert (code, "does not answer" in output, "SSL_CERT_FILE" in output) == (1, True, True)
    code, output = invoke("doctor", **station_of)
    assert "BAD  centre: this station has none" in output


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("ORTOO_PROT", "ORTOO_PORT"),
        ("ORTOO_DATADIR", "ORTOO_DATA_DIR"),
        ("ORTOO_LIMIT__QUEUE_SETS", "ORTOO_LIMITS__QUEUE_SETS"),
        ("ORTOO_LIMITS__QUEUE_SET", "ORTOO_LIMITS__QUEUE_SETS"),
        ("ORTOO_LIMITS_QUEUE_SETS", "ORTOO_LIMITS__QUEUE_SETS"),
        ("ORTOO_PORT__X", "ORTOO_PORT"),
        ("ORTOO_LIMITS", "ORTOO_LIMITS__"),
        ("ORTOO_CONFG", "ORTOO_CONFIG"),
    ],
)
def test_a_mistyped_variable_is_named_with_the_nearest_known_one(
    variable: str, nearest: str
) -> None:
    with pytest.raises(SettingsError, match=rf"{variable} .*{nearest}"):
        load(None, {variable: "5"})


def test_variables_of_other_rooms_are_no_settings() -> None:
    others = ("ORTOO_REAL_DATA", "ORTOO_ADMIN_PASSWORD", "ORTOO_CHROMIUM")
    assert load(None, dict.fromkeys(others, "x")) == Settings()


def test_plain_postgresql_urls_go_through_asyncpg() -> None:
    for given in ("postgresql://u@h/d", "postgres://u@h/d", "postgresql+asyncpg://u@h/d"):
        assert Settings(database_url=given).url == "postgresql+asyncpg://u@h/d"
    assert Settings(database_url="sqlite:////x.db").url == "sqlite+aiosqlite:////x.db"


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert Settings(host="::1", port=9).origin == "http://[::1]:9"


def test_migrate_says_where_the_database_stood_and_stands(tmp_path: Path) -> None:
    assert invoke("migrate", DATA_DIR=str(tmp_path)) == (
        0,
        "The database stands at revision 0001 (it stood at none).\n",
    )
    assert (tmp_path / "ortoo.db").exists()


def test_what_only_a_centre_has_is_refused_at_a_station_and_leaves_no_key_there(
    tmp_path: Path,
) -> None:
    station = {"DATA_DIR": str(tmp_path), "ROLE": "station"}
    for words in (
        ("log", "check"),
        ("log", "key"),
        ("log", "declare-loss", "--why", "x", "--yes"),
        ("export", "incident", "00", "--out", str(tmp_path / "file")),
        ("backup", "--to", str(tmp_path / "copies")),
        ("restore", str(tmp_path), "--why", "x"),
    ):
        code, output = invoke(*words, **station)
        assert (code, "centre_only: " in output) == (1, True), words
    assert list(tmp_path.iterdir()) == []


def test_a_station_says_whether_it_holds_something_that_is_nowhere_else(tmp_path: Path) -> None:
    assert invoke("station", "empty", DATA_DIR=str(tmp_path))[0] == 1, "there is no database"
    assert invoke("migrate", DATA_DIR=str(tmp_path))[0] == 0
    assert invoke("station", "empty", DATA_DIR=str(tmp_path)) == (
        0,
        "Nothing is held here that the centre has not confirmed.\n",
    )
    with closing(sqlite3.connect(tmp_path / "ortoo.db")) as db, db:
        db.execute("INSERT INTO spool (arrival_no, chain, seq, lane) VALUES (1, x'00', 0, 0)")
        db.execute(
            "INSERT INTO spool (arrival_no, chain, seq, lane, why) VALUES (2, x'00', 1, 0, 'too_large')"
        )
    code, output = invoke("station", "empty", DATA_DIR=str(tmp_path))
    assert (code, "1 wait to go up, 0 for its ruling, 1 it would not take" in output) == (1, True)
    assert "once the line is there" in output, output


LATER = """\
revision = "0002"
down_revision = "0001"


def upgrade():
    pass
"""


def _a_later_revision(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in place whose newest revision is one more."""
    shutil.copytree(MIGRATIONS, path / "migrations")
    (path / "migrations" / "versions" / "0002_later.py").write_text(LATER)
    monkeypatch.setattr("server.store.migrate.MIGRATIONS", path / "migrations")


def test_the_tables_of_a_station_that_holds_something_are_rewritten_only_for_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = {"DATA_DIR": str(tmp_path / "data"), "ROLE": "station"}
    assert invoke("migrate", **station)[0] == 0, "an empty disk asks nothing"
    database = tmp_path / "data" / "ortoo.db"
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("INSERT INTO spool (arrival_no, chain, seq, lane) VALUES (1, x'00', 0, 0)")
    assert invoke("migrate", **station)[0] == 0, "nothing is rewritten"

    _a_later_revision(tmp_path, monkeypatch)
    code, output = invoke("migrate", **station)
    assert (code, "1 wait to go up" in output, "--despite WHY" in output) == (1, True, True), output
    assert invoke("migrate", "--despite", " ", **station)[0] == 2
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)

    despite = ("--despite", "the disk is failing")
    assert invoke("migrate", *despite, **station) == (
        0,
        "The database stands at revision 0002 (it stood at 0001).\n",
    )
    with closing(sqlite3.connect(database)) as db:
        [(kind, count, proof)] = db.execute("SELECT kind, count, proof FROM chain_events")
    assert (kind, count) == ("upgraded", 1)
    assert canon.decode(proof) == {
        "from": "0001",
        "to": "0002",
        "despite": "the disk is failing",
        "pending": 1,
    }


def test_a_centre_is_asked_nothing_before_its_tables_are_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke("migrate", DATA_DIR=str(tmp_path / "data"))
    _a_later_revision(tmp_path, monkeypatch)
    assert invoke("migrate", DATA_DIR=str(tmp_path / "data"))[0] == 0


def test_the_doctor_says_what_to_do_about_each_finding(tmp_path: Path) -> None:
    data, app = tmp_path / "data", tmp_path / "dist"
    code, output = invoke("doctor", DATA_DIR=str(data), PWA_DIR=str(app), PORT="0")
    assert code == 1
    assert f"-> run: mkdir -p {data}" in output

    data.mkdir()
    (data / "desk.key").write_bytes(b"x")
    (data / "desk.key").chmod(0o644)
    code, output = invoke("doctor", DATA_DIR=str(data), PWA_DIR=str(app), PORT="0")
    assert code == 1
    assert "-> run: ortoo migrate" in output
    assert "-> run: chmod 600" in output
    assert "-> build it: make setup" in output

    invoke("migrate", DATA_DIR=str(data))
    (data / "desk.key").chmod(0o600)
    app.mkdir()
    (app / "index.html").write_text("<!doctype html>")
    code, output = invoke("doctor", DATA_DIR=str(data), PWA_DIR=str(app), PORT="0")
    assert (code, output.splitlines()[-1]) == (0, "All is well.")
    assert "journal_mode wal, synchronous 2" in output


def test_the_doctor_notices_a_taken_port_and_an_open_cookie(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _code, output = invoke(
            "doctor", DATA_DIR=str(tmp_path), PORT=str(port), PUBLIC_URL="https://ortoo.example"
        )
    assert "BAD  port" in output
    assert "BAD  cookies" in output


def test_the_doctor_notices_what_would_lock_everybody_out(tmp_path: Path) -> None:
    _code, output = invoke(
        "doctor", DATA_DIR=str(tmp_path), HOST="0.0.0.0", PORT="0", COOKIE_SECURE="true"
    )
    assert "BAD  cookies: cookie_secure is true, origin http://0.0.0.0:0" in output
    assert "BAD  address" in output


def test_the_doctor_takes_an_ipv6_address_for_what_it_is(tmp_path: Path) -> None:
    _code, output = invoke("doctor", DATA_DIR=str(tmp_path), HOST="::1", PORT="0")
    assert "::1:0 is free" in output


def test_the_doctor_does_not_need_the_database_to_answer(tmp_path: Path) -> None:
    code, output = invoke(
        "doctor", DATA_DIR=str(tmp_path), DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )
    assert code == 1
    assert "cannot be reached" in output


def _empty(path: Path) -> None:
    path.parent.mkdir()


def _unmigrated(path: Path) -> None:
    path.parent.mkdir()
    path.touch()


def _folder(path: Path) -> None:
    path.mkdir(parents=True)


def _noise(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is not a database" * 1_000)


def _newer(path: Path) -> None:
    invoke("migrate", DATA_DIR=str(path.parent))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


COMMANDS = [
    ["serve", "--port", "0"],
    ["rebuild"],
    ["rebuild", "--check"],
    ["admin", "create", "--login", "narsu", "--name", "娜日苏"],
    ["admin", "password", "--login", "narsu"],
    ["import", __file__, "--source", "city", "--as", "narsu"],
]


@pytest.mark.parametrize(
    ("ruin", "cure", "mends"),
    [
        (_empty, "run: ortoo migrate", True),
        (_unmigrated, "run: ortoo migrate", True),
        (_folder, "must be an Ortoo database", False),
        (_noise, "must be an Ortoo database", False),
        (_newer, "start the newer Ortoo again", False),
    ],
)
def test_no_command_begins_on_a_database_that_is_not_ready_and_each_says_what_to_do(
    tmp_path: Path, ruin: Callable[[Path], None], cure: str, mends: bool
) -> None:
    data = tmp_path / "data"
    ruin(data / "ortoo.db")
    _code, said = invoke("doctor", DATA_DIR=str(data), PORT="0")
    assert f"-> {cure}" in said or cure in said
    for command in COMMANDS:
        code, output = invoke(*command, DATA_DIR=str(data), ADMIN_PASSWORD="steppe wind 31")
        assert (code, cure in output) == (1, True), (command, output)
    code, output = invoke("migrate", DATA_DIR=str(data))
    assert (code, "stands at revision" in output or cure in output) == (0 if mends else 1, True)


def test_a_database_that_another_program_holds_is_said_to_be_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.store.engine.BUSY_TIMEOUT_S", 0.1)
    invoke("migrate", DATA_DIR=str(tmp_path))
    holder = sqlite3.connect(tmp_path / "ortoo.db", isolation_level=None)
    with closing(holder):
        holder.execute("BEGIN IMMEDIATE")
        for command in (["serve", "--port", "0"], ["rebuild"], ["migrate"], ["doctor"]):
            code, output = invoke(*command, DATA_DIR=str(tmp_path), PORT="0")
            assert (code, "it takes none: database is locked" in output) == (1, True), output


def test_a_port_that_is_taken_ends_serving_before_it_begins(tmp_path: Path) -> None:
    invoke("migrate", DATA_DIR=str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, output = invoke("serve", "--port", str(port), DATA_DIR=str(tmp_path))
    assert code == 1
    assert output.splitlines()[0] == f"Error: port: 127.0.0.1:{port}: Address already in use"
    assert invoke("serve", "--port", "70000", DATA_DIR=str(tmp_path))[0] == 2


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for command in (["migrate"], ["demo", "--data", str(tmp_path / "file" / "below")]):
        code, output = invoke(*command, DATA_DIR=str(tmp_path / "file" / "below"))
        assert code in (1, 2)
        assert f"{tmp_path / 'file' / 'below'}: Not a directory" in output


def test_the_demo_does_not_move_into_a_real_centre(tmp_path: Path) -> None:
    invoke("migrate", DATA_DIR=str(tmp_path))
    code, output = invoke("demo", "--data", str(tmp_path), "--port", "0")
    assert code == 2
    assert "no demo" in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ortoo.db"]


def test_a_mapping_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    invoke("migrate", DATA_DIR=str(tmp_path))
    code, output = invoke(
        "import", __file__, "--source", "s", "--as", "x", "--mapping", "@nowhere.json",
        DATA_DIR=str(tmp_path),
    )  # fmt: skip
    assert code == 2
    assert "nowhere.json" in output


def test_a_ruling_that_somebody_changed_is_found_and_named(
    tmp_path: Path, migrated_file: Path
) -> None:
    async def a_day_at_the_centre() -> None:
        async with centre(tmp_path, migrated_file) as house:
            pen = await house.phone()
            await house.push(pen, pen.create(chance("incident")[:16]))

    asyncio.run(a_day_at_the_centre())
    code, said = invoke("rebuild", "--check", DATA_DIR=str(tmp_path))
    assert (code, "2 rulings decided again, 0 came out otherwise." in said) == (0, True), said
    with closing(sqlite3.connect(tmp_path / "ortoo.db")) as connection, connection:
        [(idx, raw)] = connection.execute(
            "SELECT idx, bytes FROM rulings WHERE kind = 'set' ORDER BY idx DESC LIMIT 1"
        )
        ruling = rulings.read_ruling(raw)
        changed = replace(ruling, payload=ruling.payload | {"d": "rejected", "why": "no_authority"})
        connection.execute(
            "UPDATE rulings SET bytes = ? WHERE idx = ?", (rulings.encode_ruling(changed), idx)
        )
    code, said = invoke("rebuild", "--check", DATA_DIR=str(tmp_path))
    assert (code, f"The first of them: {idx}." in said) == (1, True), said
    _code, said = invoke("doctor", DATA_DIR=str(tmp_path), PORT="0")
    assert "BAD  rulings: 2 decided again, 1 came out otherwise" in said
