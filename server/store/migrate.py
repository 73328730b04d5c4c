"""Bringing a database to the newest revision, and saying how far it is.

Responsible for running `migrations/` from inside the program. Refuses to know what a revision does.

Example: `await upgrade(db)` before the first `serve`; `await revisions(db)` gives `(current, head)`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from server.store.engine import Database

RESTORING = "restoring"
"""What stands in the place of a revision while a copy is put back: no server starts on that."""
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


async def upgrade(db: Database, revision: str = "head") -> None:
    """Apply every revision up to `revision`, in one transaction."""
    async with db.writer.begin() as connection:
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), revision))


async def downgrade(db: Database, revision: str) -> None:
    """Take revisions back down to `revision`, in one transaction."""
    async with db.writer.begin() as connection:
        await connection.run_sync(lambda sync: command.downgrade(_config(sync), revision))


def is_known(revision: str) -> bool:
    """Whether this program has the revision; one it has not was written by a newer program."""
    known = ScriptDirectory.from_config(_config()).walk_revisions()
    return revision in {script.revision for script in known}


async def revisions(db: Database) -> tuple[str | None, str | None]:
    """The revision the database stands at (None: empty) and the newest one there is."""
    head = ScriptDirectory.from_config(_config()).get_current_head()

    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with db.reader.connect() as connection:
        return await connection.run_sync(current), head
