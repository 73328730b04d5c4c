"""`ortoo station`: letting a township station in at the centre, and joining it to its centre at the station.

Responsible for reading these command lines and for saying in sentences what came of them. Refuses to do the work
itself. `code` works on the centre's database, `join` on the station's; both beside a running server or without one.

Example: at the centre `ortoo station code --station 昂素派出所`; at the station
`ortoo station join --upstream https://centre.example --code 7KQ2M-9XR4T`, then `ortoo serve`.
"""

import secrets
from datetime import UTC, datetime

import click

from server.auth.enrol import Enrolment, Whose
from server.cli import settings_of
from server.cli_desk import house, run
from server.imports.hygiene import for_terminal
from server.now import SystemClock
from server.store.people import Directory
from sync.incident.escalation import CENTRE


@click.group()
def station() -> None:
    """Let township stations in, and join one to its centre."""


@station.command()
@click.option("--station", "named", required=True, help="Name or id of the station.")
@click.pass_context
def code(ctx: click.Context, named: str) -> None:
    """Issue a one-time code for a station, at the centre."""
    settings = settings_of(ctx)
    if settings.role != "centre":
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
