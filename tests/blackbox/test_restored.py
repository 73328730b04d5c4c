"""The disaster of docs/recovery.md, step by step as written there: nothing that a phone was told to be safe is lost.

The centre is backed up while phones and a desk work, and dies with its disk a while later. What was acknowledged in
between is on no disk of the centre's any more.
"""

import re
import shlex
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.wire import ServerRefusalError
from tests.blackbox import journal as journals
from tests.blackbox.centre import Centre
from tests.blackbox.checker import Violation, check
from tests.blackbox.crew import Crew
from tests.blackbox.journal import Journal
from tests.server.township import until

PAGE = Path(__file__).resolve().parents[2] / "docs/recovery.md"
PHONES = 4
# What a declared loss changes, and says so: rulings since the copy are made again, what only desks said is gone.
MADE_AGAIN = {
    "not_enrolled",    "answer_changed", "untimely", "ruling_changed", "log_rolled_back", "scope_rolled_back", "number",
}  # fmt: skip


def as_written(backup: Path) -> list[list[str]]:
    """The commands of the disaster, without their remarks, with this backup in the place of that of the page."""
    _before, _, told = PAGE.read_text(encoding="utf-8").partition("## The disaster")
    block = re.search(r"```sh\n(.*?)```", told, re.DOTALL)
    assert block is not None
    lines = [shlex.split(line, comments=True) for line in block[1].splitlines()]
    return [
        [str(backup) if word.startswith("/mnt/backup/") else word for word in line]
        for line in lines
    ]


def sets_in(copy: Path) -> set[str]:
    with closing(sqlite3.connect(copy)) as db:
        return {set_id.hex() for (set_id,) in db.execute("SELECT set_id FROM sets")}


async def acked(journal: Journal, *, more_than: int) -> int:
    """Wait until so many sets were answered; how many there are then."""

    async def are() -> bool:
        return journal.counts.get("acked", 0) > more_than

    await until(are)
    return journal.counts["acked"]


async def test_a_centre_that_burnt_down_is_put_back_and_phones_bring_what_it_has_lost(
    tmp_path: Path,
) -> None:
    centre = await Centre.founded(tmp_path / "centre", PHONES)
    journal = Journal(tmp_path / "journal.jsonl")
    disk = tmp_path / "backup"
    try:
        await centre.start()
        async with Crew.enrolled(centre, journal, tmp_path, "restored") as crew:
            crew.work()
            before = await acked(journal, more_than=PHONES)
            said = await centre.command("backup", "--to", str(disk))
            assert journal.counts["acked"] > before, "the centre went on meanwhile"
            [backup] = disk.iterdir()
            assert said.splitlines()[-1] == f"SOUND: {backup}"
            late = await crew.joined(0)  # a phone that the copy knows nothing of
            late.act()
            await acked(journal, more_than=journal.counts["acked"] + 3 * PHONES)
            await crew.time.stop()
            centre.kill()
            shutil.rmtree(centre.data_dir)
            for phone in crew.phones:
                phone.write()  # nobody tells them, and nobody has to

            answered = {line["id"] for line in journals.read(journal.path) if line["e"] == "acked"}
            lost = answered - sets_in(backup / "ortoo.db")
            assert len(lost) > PHONES

            for words in as_written(backup):
                if words == ["systemctl", "start", "ortoo"]:
                    await centre.start()
                    for phone in crew.phones:
                        phone.device.greet_again()  # the line it listened on has ended
                    with pytest.raises(ServerRefusalError, match="not_signed_in"):
                        await late.device.attempt(pull=True)
                    await crew.enrol(late)
                    [(_ended, kept)] = (await late.device.hello()).log.lost
                    assert 0 < kept <= journal.counts["acked"], (
                        "what others wrote since is asked for"
                    )
                    await crew.drained()
                elif words == ["ortoo", "doctor"]:
                    told = await centre.command("doctor", code=1)
                    seen = {line.split(":")[0] for line in told.splitlines() if line[:4] == "BAD "}
                    # No backup of the new centre yet, and no app in a checkout that was not built.
                    assert seen - {"BAD  app"} == {"BAD  backup"}
                elif words != ["systemctl", "stop", "ortoo"]:
                    await centre.command(*words[1:])
            alarms = {phone.device.reading.watch.alarm for phone in crew.phones}
            duplicates = sum(phone.device.duplicates for phone in crew.phones)
        centre.kill()
        found: list[Violation] = check(journal.path, centre.data_dir)
        assert [one for one in found if one.kind not in MADE_AGAIN] == []
        assert [one for one in found if "was given to" in one.what] == [], "no number names two"
        assert any(one.kind == "log_rolled_back" for one in found), "this was a disaster"
        assert alarms == {None}, "it was declared"
        assert duplicates > 0
        stored = sets_in(centre.data_dir / "ortoo.db")
        phones = {set_id.hex() for phone in crew.phones for _seq, set_id, _raw in phone.made()}
        assert phones <= stored
        assert lost & phones, "and some of it had been lost"
    finally:
        centre.stop()
        journal.close()
