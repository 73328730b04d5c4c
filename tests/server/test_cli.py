"""The command line: settings that are refused with a sentence, and a doctor with a cure."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from server.cli import main
from server.settings import Settings, SettingsError, load


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
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, text: str, names: str) -> None:
    file = tmp_path / "ortoo.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=names):
        load(file, {})


def test_plain_postgresql_urls_go_through_asyncpg() -> None:
    for given in ("postgresql://u@h/d", "postgres://u@h/d", "postgresql+asyncpg://u@h/d"):
        assert Settings(database_url=given).url == "postgresql+asyncpg://u@h/d"


def test_migrate_says_where_the_database_stood_and_stands(tmp_path: Path) -> None:
    assert invoke("migrate", DATA_DIR=str(tmp_path)) == (
        0,
        "The database stands at revision 0001 (it stood at none).\n",
    )
    assert (tmp_path / "ortoo.db").exists()


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
    assert "npm --prefix pwa run build" in output

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


def test_the_doctor_does_not_need_the_database_to_answer(tmp_path: Path) -> None:
    code, output = invoke(
        "doctor", DATA_DIR=str(tmp_path), DATABASE_URL="postgresql://nobody@127.0.0.1:1/none"
    )
    assert code == 1
    assert "cannot be reached" in output
