"""One history for both databases: it arrives at what `tables` says, and finds its way back."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from server.store.engine import Database
from server.store.migrate import downgrade, revisions, upgrade
from server.store.tables import metadata


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_the_history_arrives_at_the_tables_the_code_uses(db: Database) -> None:
    assert await db.reading(differences) == []


async def test_an_empty_database_says_so_and_a_full_one_stands_at_the_head(empty_url: str) -> None:
    db = Database(empty_url)
    before, head = await revisions(db)
    await upgrade(db)
    after, _ = await revisions(db)
    await db.close()
    assert (before, after) == (None, head)


async def test_migrating_twice_changes_nothing(db: Database) -> None:
    await upgrade(db)
    assert await db.reading(differences) == []


async def test_every_step_can_be_taken_back(db: Database) -> None:
    await downgrade(db, "base")
    left = await db.reading(lambda connection: inspect(connection).get_table_names())
    assert left == ["alembic_version"]
    await upgrade(db)
    assert await db.reading(differences) == []
