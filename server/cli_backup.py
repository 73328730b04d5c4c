"""`ortoo backup`, `ortoo backup verify`, `ortoo restore`: a centre that can be lost and put back.

Responsible for reading these command lines and for saying in sentences what was made, what is wrong, and what to do
next. Refuses to do the work itself. A backup is made beside a serving centre; putting one back needs it stopped.

Example: `ortoo backup --to /mnt/backup`; after the disaster `ortoo restore /mnt/backup/ortoo-20261128-131500 --why "the
disk failed"`. docs/recovery.md is the whole way.
"""

import asyncio
import os
from pathlib import Path

import click

from server.backup.faults import BackupError, Found
from server.backup.make import make, note_last
from server.backup.restore import restore as put_back
from server.backup.verify import Report, examine
from server.cli import of_centre, refuse, settings_of
from server.doctor import database, port
from server.imports.hygiene import for_terminal
from server.now import SystemClock
from server.settings import CONFIG_VARIABLE

existing = click.Path(exists=True, path_type=Path)


def _fail(error: BackupError) -> click.ClickException:
    return click.ClickException(_told(error.found))


def _told(found: Found) -> str:
    return f"{found.code}: {for_terminal(found.detail)}\n     {found.cause}\n  -> {found.cure}"


@click.group(invoke_without_command=True)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to put it: a directory on another disk than the database. Each backup gets one of its own in there.",
)
@click.option("--verify/--no-verify", "check", default=True, help="Look at all of it afterwards.")
@click.pass_context
def backup(ctx: click.Context, folder: Path | None, *, check: bool) -> None:
    """Copy the database and the keys beside it, while the server goes on. Holds secrets: 0600."""
    if ctx.invoked_subcommand is not None:
        return
    if folder is None:
        raise click.UsageError("say where to put it: ortoo backup --to DIRECTORY")
    settings = of_centre(settings_of(ctx))
    refuse(asyncio.run(database(settings)))
    named = ctx.find_root().obj or os.environ.get(CONFIG_VARIABLE)
    config = Path(named) if named else None
    try:
        made = asyncio.run(make(settings, folder, config=config, at_ms=SystemClock().now_ms()))
    except BackupError as error:
        raise _fail(error) from error
    click.echo(f"{made}")
    if not check:
        click.echo("NOT VERIFIED: run ortoo backup verify before you count on it")
        return
    report = examine(made)
    if _tell(made, report) and report.manifest is not None:
        note_last(settings, made, report.manifest)
        return
    ctx.exit(1)


@backup.command("verify")
@click.argument("place", type=existing)
@click.pass_context
def verify(ctx: click.Context, place: Path) -> None:
    """Look at every byte of a backup: hashes, database, log, decisions. Exit code 1 when any is wrong."""
    if not _tell(place, examine(place)):
        ctx.exit(1)


def _tell(place: Path, report: Report) -> bool:
    page = report.manifest
    if page is not None:
        click.echo(f"centre     {for_terminal(page.centre)}, {page.origin}")
        click.echo(f"made       {page.made_at} by Ortoo {page.made_by}, from {page.database}")
        click.echo(f"holds      {page.rulings} rulings ({page.signed} signed), {page.sets} sets")
        for part in page.parts:
            click.echo(f"           {part.name}, {part.size} bytes")
    for found in report.findings:
        click.echo(f"BAD  {_told(found)}")
    if report.findings:
        click.echo(f"NOT SOUND: {place}")
        return False
    click.echo(f"SOUND: {place}")
    return True


@click.command()
@click.argument("place", type=existing)
@click.option("--why", required=True, help="What happened, for those who read the log later.")
@click.option("--replace", is_flag=True, help="Move aside what is there: nothing of it is deleted.")
@click.pass_context
def restore(ctx: click.Context, place: Path, why: str, *, replace: bool) -> None:
    """Put a backup back where the settings say, and declare it in the log. The server must be stopped."""
    settings = of_centre(settings_of(ctx))
    refuse([port(settings)])
    try:
        done = asyncio.run(put_back(place, settings, why=why, replace=replace, clock=SystemClock()))
    except BackupError as error:
        raise _fail(error) from error
    page, declared = done.manifest, done.declared
    click.echo(f"Put back: {page.rulings} rulings and {page.sets} sets as of {page.made_at}.")
    for old in done.held:
        click.echo(f"Moved aside: {old} (.{done.aside})")
    gone = declared.size - declared.kept
    click.echo(
        f"{declared.ended} has ended; entries {declared.kept + 1} to {declared.size} ({gone}) are declared lost."
        if gone > 0
        else f"{declared.ended} has ended; nobody here knows what was ruled after that."
    )
    click.echo(f"{declared.begun} has begun. Phones offer again what they keep, as they call.")
    click.echo("Start the server, and go on with docs/recovery.md: what to look at afterwards.")
