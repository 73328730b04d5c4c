"""`ortoo station`: letting a township station in at the centre, and joining it to its centre at the station.

Responsible for reading these command lines and for saying in sentences what came of them. Refuses to do the work
itself. `code` works on the centre's database, `join` on the station's; both beside a running server or without one.

Example: at the centre `ortoo station code --station 昂素派出所`; at the station
`ortoo station join --upstream https://centre.example --code 7KQ2M-9XR4T`, then `ortoo serve`.
"""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Final

import click

from server.auth.enrol import Enrolment, Whose
from server.cli import refuse, settings_of
from server.cli_desk import house, run
from server.doctor import database
from server.imports.hygiene import for_terminal
from server.now import SystemClock
from server.settings import STATION
from server.store import spool
from server.store.engine import Database
from server.store.people import Directory
from server.store.spool import Counts
from server.store.upstream import Upstream
from server.upstream.join import NotJoinedError
from server.upstream.join import join as join_centre
from sync.incident.escalation import CENTRE

EMPTIES_ITSELF: Final = (
    "once the line is there the first two go up by themselves; ortoo doctor names the others"
)
"""What becomes of what a station owes."""


@click.group()
def station() -> None:
    """Let township stations in, and join one to its centre."""


@station.command()
@click.option("--station", "named", required=True, help="Name or id of the station.")
@click.pass_context
def code(ctx: click.Context, named: str) -> None:
    """Issue a one-time code for a station, at the centre."""
    settings = settings_of(ctx)
    if settings.role == STATION:
        raise click.ClickException("stations are let in at the centre: run this there")

    async def work() -> tuple[str, str, int]:
        async with house(settings) as (db, intake):
            row_id = _station(intake.directory, named)
            enrolment = Enrolment(db, SystemClock(), secrets.token_bytes)
            issued, ends_ms = await enrolment.issue(Whose(station=row_id), by=CENTRE)
            row = intake.directory.row("stations", row_id)
            return row["name"] if row else "", issued, ends_ms

    name, issued, ends_ms = run(work)
    until = datetime.fromtimestamp(ends_ms / 1000, UTC).strftime("%H:%M")
    click.echo(f"{issued} lets {for_terminal(name)} in, once, until {until} UTC. At the station:")
    click.echo(f"  ortoo station join --upstream {settings.origin} --code {issued}")


@station.command()
@click.option("--upstream", "url", help="Where the centre is.  [default: upstream of the settings]")
@click.option("--code", "one_time", required=True, help="The code that the centre issued.")
@click.pass_context
def join(ctx: click.Context, url: str | None, one_time: str) -> None:
    """Join this station to its centre. Its data directory must be migrated: ortoo migrate."""
    settings = settings_of(ctx)
    if settings.role != STATION:
        raise click.ClickException('this is a centre: set role = "station" (ORTOO_ROLE=station)')
    refuse(asyncio.run(database(settings)))
    url = url or settings.upstream
    if not url:
        raise click.UsageError(
            "say where the centre is: --upstream URL, or upstream in the settings"
        )

    async def work() -> Upstream:
        db = Database(settings.url)
        try:
            return await join_centre(settings, db, url, one_time, secrets.token_bytes)
        finally:
            await db.close()

    try:
        joined = asyncio.run(work())
    except NotJoinedError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Joined {url} as station {joined.station.hex()}. Start it: ortoo serve")


@station.command()
@click.pass_context
def empty(ctx: click.Context) -> None:
    """Say whether this station holds what the centre has not confirmed; exit 1 if it does.

    Before its machine is moved, upgraded or given away: what its desks wrote may be nowhere else.
    """
    settings = settings_of(ctx)
    refuse(asyncio.run(database(settings)))

    async def work() -> Counts:
        db = Database(settings.url)
        try:
            return await db.reading(spool.counts)
        finally:
            await db.close()

    holds = owed(asyncio.run(work()))
    if holds is not None:
        raise click.ClickException(f"{holds}\n  -> {EMPTIES_ITSELF}")
    click.echo("Nothing is held here that the centre has not confirmed.")


def owed(counts: Counts) -> str | None:
    """What the centre has not confirmed of what a station holds, in words; None when it holds nothing of that kind."""
    if not (counts.waiting or counts.handed or counts.refused):
        return None
    return (
        f"the centre has not confirmed everything: {counts.waiting} wait to go up, {counts.handed} for its ruling,"
        f" {counts.refused} it would not take"
    )


def _station(directory: Directory, named: str) -> bytes:
    """The station of this name or id. Raises ClickException unless there is exactly one."""
    rows = directory.of("stations")
    found = [at for at, row in rows.items() if named in (row["name"], at.hex())]
    if len(found) != 1:
        known = ", ".join(sorted(row["name"] for row in rows.values())) or "none"
        why = (
            "several stations have that name: give the id" if found else "there is no such station"
        )
        raise click.ClickException(f"{why} (there are: {for_terminal(known)})")
    return found[0]
