"""A commit that fails at the last moment, and one of which nobody knows how it ended: what the writer remembers is what
is stored, and whoever was not answered is answered the same when they come again (RL5, EX2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from server.intake.batch import Batch
from server.intake.queue import IntakeClosedError
from server.store.engine import Database
from server.store.rows import query
from sync import rulings
from tests.server.conftest import BACKENDS, House
from tests.server.pen import Pen, chance, person_id

INCIDENT = chance("incident", "commit")[:16]
LOST, THEIRS, OURS = (chance("category", name)[:16] for name in ("lost", "theirs", "ours"))

# Nothing is amiss before the commit itself.
SPOILED = {
    "sqlite": [
        "PRAGMA defer_foreign_keys = ON",
        "INSERT INTO incident_scopes (incident, scope, place) VALUES (x'00', 999999, 0)",
    ],
    "postgresql": [
        """CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'made' USING ERRCODE = '58030'; END $$""",
        """CREATE CONSTRAINT TRIGGER spoil AFTER INSERT ON rulings DEFERRABLE INITIALLY DEFERRED
           FOR EACH ROW EXECUTE FUNCTION spoil()""",
    ],
}


def category(code: str) -> dict[str, str]:
    return {"code": code, "zh": "", "en": ""}


async def fails_to_commit(house: House) -> None:
    def job(batch: Batch) -> None:
        for statement in SPOILED[house.db.dialect]:
            batch.connection.exec_driver_sql(statement)
        batch.org("categories", LOST, category("lost"))

    with pytest.raises(Exception, match=r"not_stored|FOREIGN KEY"):
        await house.intake.transaction(job)


async def test_what_a_failed_commit_would_have_stored_is_told_to_nobody(house: House) -> None:
    before = house.intake.directory
    await fails_to_commit(house)
    assert house.intake.directory.row("categories", LOST) is None
    assert house.intake.directory.idx == before.idx


async def test_another_process_that_writes_in_its_place_is_noticed(
    house: House, tmp_path: Path
) -> None:
    await fails_to_commit(house)
    neighbour = house.new_intake(data_dir=tmp_path)
    await neighbour.start()
    await neighbour.org("categories", THEIRS, category("theirs"))
    await neighbour.stop()
    await house.intake.org("categories", OURS, category("ours"))
    rows = house.intake.directory.of("categories")
    assert {LOST, THEIRS, OURS} & rows.keys() == {THEIRS, OURS}

    def heads(connection: Connection) -> list[tuple[bytes, bytes]]:
        found = query(
            connection,
            "SELECT e.head, r.bytes FROM scope_entries e JOIN rulings r ON r.idx = e.idx"
            " JOIN scopes s ON s.id = e.scope WHERE s.name = 'org' ORDER BY e.n",
        )
        return [(bytes(head), bytes(raw)) for head, raw in found]

    head = bytes(16)
    for stored, raw in await house.db.reading(heads):
        head = rulings.scope_head(head, rulings.leaf_hash(raw))
        assert head == stored


class Wire:
    """Stands before a PostgreSQL and, when told, lets one COMMIT pass, hears its answer, and is cut."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self.port = 0
        self.cuts_next_commit = False
        self.cuts = 0

    @classmethod
    @asynccontextmanager
    async def before(cls, port: int) -> AsyncIterator["Wire"]:
        wire = cls(port)
        server = await asyncio.start_server(wire._passing, "127.0.0.1", 0)
        wire.port = server.sockets[0].getsockname()[1]
        try:
            yield wire
        finally:
            server.close()

    async def _passing(self, down: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        answers, up = await asyncio.open_connection("127.0.0.1", self._upstream)
        committing = asyncio.Event()

        async def asking() -> None:
            while asked := await down.read(65_536):
                if self.cuts_next_commit and b"COMMIT" in asked:
                    self.cuts_next_commit = False
                    committing.set()
                up.write(asked)
            up.close()

        async def answering() -> None:
            while told := await answers.read(65_536):
                if committing.is_set():
                    self.cuts += 1  # it is durable there, and nobody here will know
                    break
                back.write(told)
            back.close()
            up.close()

        await asyncio.gather(asking(), answering(), return_exceptions=True)


@pytest.mark.parametrize("backend", [one for one in BACKENDS if one == "postgresql"])
async def test_a_set_whose_commit_was_never_answered_is_a_duplicate_with_the_ruling_it_got(
    house: House, tmp_path: Path
) -> None:
    base, _, port_and_name = house.settings.database_url.rpartition(":")
    port, _, name = port_and_name.partition("/")
    async with Wire.before(int(port)) as wire:
        db = Database(f"{base}:{wire.port}/{name}")
        intake = house.new_intake(db, data_dir=tmp_path)
        await intake.start()
        pen = Pen("phone", person_id("officer"))
        await pen.enrol(intake)
        sets = [pen.open(), pen.create(INCIDENT)]
        wire.cuts_next_commit = True
        with pytest.raises(IntakeClosedError) as told:
            await intake.submit(sets, pen.device)
        assert (told.value.code, wire.cuts) == ("not_stored", 1)
        ruled = await house.db.reading(_ruled, pen.chain)
        assert len(ruled) == len(sets)
        again, have = await intake.submit([*sets, pen.note(INCIDENT)], pen.device)
        assert [one.r for one in again] == ["duplicate", "duplicate", "stored"]
        assert [(one.idx, one.at_ms, one.d, one.no) for one in again[:2]] == ruled
        assert have == 2
        await intake.stop()
        await db.close()


def _ruled(connection: Connection, chain: bytes) -> list[tuple[int, int, str, str | None]]:
    rows = query(
        connection,
        "SELECT r.bytes FROM sets s JOIN rulings r ON r.idx = s.idx WHERE s.chain = ? ORDER BY s.seq",
        (chain,),
    )
    found = [rulings.read_ruling(bytes(raw)) for [raw] in rows]
    return [(one.idx, one.at_ms, one.payload["d"], one.payload["no"]) for one in found]
