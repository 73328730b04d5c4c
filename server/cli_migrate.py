"""`ortoo migrate`: bringing the database to the newest revision, and asking a station first what it alone holds.

Responsible for refusing to rewrite the tables of a station that holds what the centre has not confirmed, unless
somebody says why that cannot wait, and for keeping what they said. Refuses to know what a revision does.

Example: `ortoo migrate`; with the centre out of reach `ortoo migrate --despite "the disk must be replaced today"`.
"""

import asyncio
import secrets

import click

from server.cli import refuse, settings_of
from server.cli_station import EMPTIES_ITSELF, owed
from server.doctor import MIGRATE, database
from server.intake.desk import Desk
from server.now import SystemClock
from server.settings import STATION, Settings
from server.store import greetings, spool
from server.store.engine import Database
from server.store.greetings import Happening
from server.store.migrate import revisions, upgrade
from server.store.spool import Counts

UPGRADED = "upgraded"
"""What befell a station whose tables were rewritten while it held what the centre had not confirmed."""


@click.command()
@click.option(
    "--despite",
    metavar="WHY",
    help="Of a station: why its tables are rewritten before the centre has confirmed all that it holds.",
)
@click.pass_context
def migrate(ctx: click.Context, despite: str | None) -> None:
    """Bring the database to the newest revision.

    A station that stands at an older one, and holds what the centre has not confirmed, is not touched without a reason.
    """
    settings = settings_of(ctx)
    if despite is not None and not despite.strip():
        raise click.UsageError("--despite takes the reason, in words")
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(
            f"data directory: {settings.data_dir}: {error.strerror}"
        ) from error
    refuse(found for found in asyncio.run(database(settings)) if found.cure != MIGRATE)
    before, after = asyncio.run(_migrate(settings, despite))
    click.echo(f"The database stands at revision {after} (it stood at {before or 'none'}).")


async def _migrate(settings: Settings, despite: str | None) -> tuple[str | None, str | None]:
    """The revision before and after."""
    db = Database(settings.url)
    try:
        before, newest = await revisions(db)
        counts = Counts(0, None, 0, 0)
        if settings.role == STATION and before not in (None, newest):
            counts = await db.reading(spool.counts)
        holds = owed(counts)
        if holds is not None and despite is None:
            raise click.ClickException(
                f"{holds}\n  -> {EMPTIES_ITSELF}; the program from before can go on until then."
                " If it cannot wait, say why: ortoo migrate --despite WHY"
            )
        await upgrade(db)
        if holds is not None:
            now_ms = SystemClock().now_ms()
            chain = Desk(settings.data_dir, secrets.token_bytes, now_ms).chain
            pending = counts.waiting + counts.handed + counts.refused
            proof = {"from": before, "to": newest, "despite": despite, "pending": pending}
            await db.writing(greetings.note, [Happening(chain, UPGRADED, now_ms, proof)])
        return before, (await revisions(db))[0]
    finally:
        await db.close()
