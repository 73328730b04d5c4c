"""Support asks why: a device's stream, what a screen is made from, and a report that may leave the house."""

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from server.cli import main
from server.intake.door import Intake
from server.now import VirtualClock
from server.perform import Performer
from server.settings import Settings
from server.store.engine import Database
from sync import rulings
from tests.server.pen import EPOCH_MS, STATION, UNIT, Pen, chance, found_org, person_id

INCIDENT = chance("inspected")[:16]
NUMBER = "261130-0001"
CALLER, PHONE, WORDS = "巴特尔", "13800002046", "醉酒的人在门口"


def ortoo(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def pen() -> Pen:
    return Pen("inspected phone", person_id("officer"))


@pytest.fixture
def data(tmp_path: Path, migrated_file: Path, pen: Pen) -> Path:
    """A data directory with one incident: told, noted, and an order that an officer may not give."""
    made = tmp_path / "data"
    made.mkdir()
    shutil.copyfile(migrated_file, made / "ortoo.db")
    asyncio.run(_lived(made, pen))
    return made


async def _lived(made: Path, pen: Pen) -> None:
    settings = Settings(data_dir=made)
    db = Database(settings.url)
    intake = Intake(settings, VirtualClock(EPOCH_MS), os.urandom, db, Performer({}))
    await intake.start()
    await found_org(intake)
    await pen.enrol(intake)
    order = {"t": "order.issue", "order": bytes(16), "to": ["unit", UNIT], "kind": "dispatch"}
    facts = [("caller_name", CALLER), ("caller_phone", PHONE), ("title", "扰乱秩序")]
    told = [{"t": "fact.set", "f": name, "v": value, "p": []} for name, value in facts]
    raws = [
        pen.open(),
        pen.create(INCIDENT, STATION, *told),
        pen.note(INCIDENT, WORDS),
        pen.set(INCIDENT, order | {"round": 0}),
        pen.note(INCIDENT, "又来了"),
    ]
    # The note before the last is still under way.
    await intake.submit([raws[0], raws[1], raws[3], raws[4]], pen.device)
    await intake.stop()
    await db.close()


def test_a_stream_says_of_every_set_what_became_of_it_and_why(data: Path, pen: Pen) -> None:
    page = ortoo("inspect", "device", pen.chain.hex()[:10], "--data", data)
    assert page.exit_code == 0, page.output
    assert "held without a gap to 1, the newest is 4, 4 sets in all" in page.output
    assert "missing: 2" in page.output
    assert "rejected no_authority [gap]" in page.output
    assert page.output.count("decided again: the same") == 4
    assert WORDS not in page.output
    assert CALLER not in page.output

    troubled = ortoo("inspect", "device", pen.chain.hex(), "--data", data, "--troubled")
    assert troubled.output.count("received") == 1
    assert "order.issue" in troubled.output

    spoken = ortoo("inspect", "device", pen.chain.hex(), "--data", data, "--words", "--since", 4)
    assert "又来了" in spoken.output
    assert "3 of its sets are not listed here" in spoken.output


def test_a_ruling_that_does_not_follow_from_its_set_is_named(data: Path, pen: Pen) -> None:
    with sqlite3.connect(data / "ortoo.db") as db:
        (idx, raw), *_ = (
            (idx, raw)
            for idx, raw in db.execute("SELECT idx, bytes FROM rulings WHERE kind = 'set'")
            if rulings.read_ruling(raw).payload["d"] == rulings.REJECTED
        )
        ruled = rulings.read_ruling(raw)
        forged = msgspec.structs.replace(
            ruled, payload=ruled.payload | {"d": "accepted", "why": None}
        )
        db.execute(
            "UPDATE rulings SET bytes = ? WHERE idx = ?", (rulings.encode_ruling(forged), idx)
        )
    page = ortoo("inspect", "device", pen.chain.hex(), "--data", data, "--troubled")
    assert f"set {idx}: accepted" in page.output
    assert "decided again: OTHERWISE" in page.output


def test_an_incident_says_which_set_gave_what_is_shown(data: Path) -> None:
    page = ortoo("inspect", "incident", NUMBER, "--data", data)
    assert page.exit_code == 0, page.output
    assert page.output.startswith(f"incident {NUMBER}  reported\nthe rows that lists read are")
    shown = next(line for line in page.output.splitlines() if "shown as" in line)
    for place in ("created", "fields.caller_name", "fields.title"):
        assert place in shown
    assert "shown as entries" in page.output

    with sqlite3.connect(data / "ortoo.db") as db:
        db.execute("UPDATE incidents SET title = 'x'")
    wrong = ortoo("inspect", "incident", INCIDENT.hex(), "--data", data)
    assert "the rows that lists read ARE NOT what the log says" in wrong.output


def test_a_report_holds_no_word_no_name_and_no_id(data: Path, pen: Pen, tmp_path: Path) -> None:
    whole = ""
    for kind, name in (("device", pen.chain.hex()), ("incident", NUMBER)):
        out = tmp_path / f"{kind}.json"
        made = ortoo("inspect", kind, name, "--data", data, "--out", out)
        assert made.exit_code == 0, made.output
        whole += out.read_text()
        (told,) = (
            part
            for part in msgspec.json.decode(out.read_bytes()).values()
            if isinstance(part, dict)
        )
        of_one = {one["entity"] for one in told["sets"] if one.get("kind") == "incident"}
        assert len(of_one) == 1, "one name for one incident throughout a report"
    secret = [NUMBER, WORDS, CALLER, PHONE, "扰乱秩序", "phone inspected"]
    ids = [INCIDENT, pen.chain, pen.person, STATION, pen.writer.prev or b"", pen.key.public]
    for told_nowhere in secret + [one.hex() for one in ids]:
        assert told_nowhere not in whole
    assert '"no_authority"' in whole, "what happened is told all the same"
    assert (
        ortoo("inspect", "device", pen.chain.hex(), "--words", "--out", tmp_path / "x").exit_code
        == 2
    )


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (("device", "ffff"), "nothing here is called ffff"),
        (("device", ""), "nothing here is called"),
        (("incident", "\x1b[31m"), "nothing here is called \\x1b[31m"),
    ],
)
def test_what_is_not_here_is_said_so(data: Path, asked: tuple[str, str], answer: str) -> None:
    refused = ortoo("inspect", *asked, "--data", data)
    assert refused.exit_code == 1
    assert answer in refused.output
