"""How Alembic reaches the database: the connection it is handed, or one from the settings.

Responsible for running revisions inside one transaction on SQLite and PostgreSQL alike. Refuses to
know what a revision does.

Example: `alembic upgrade head` at a developer's desk; `ortoo migrate` hands in its own connection.
"""

import asyncio

from alembic import context
from sqlalchemy import Connection

from server.settings import load
from server.store.engine import Database
from server.store.tables import metadata


def run(connection: Connection) -> None:
    """Run the asked-for revisions on this connection."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def from_settings() -> None:
    """Open the database the settings name, run, and close it."""
    db = Database(load().url)
    try:
        async with db.writer.begin() as connection:
            await connection.run_sync(run)
    finally:
        await db.close()


handed_in = context.config.attributes.get("connection")
if handed_in is not None:
    run(handed_in)
else:
    asyncio.run(from_settings())
