"""`ortoo`: everything an administrator does, one word each.

Responsible for reading the command line and for exit codes. Refuses to do the work itself: each
command imports the room it belongs to when it runs, so that `--help` stays instant and a room that
is not installed hurts nobody else.

Example: `ortoo migrate && ortoo serve`.
"""

import asyncio
import importlib
import os
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from server import __version__
from server.settings import PORT_MAX, STATION, Settings, SettingsError, load

if TYPE_CHECKING:
    from server.doctor import Finding

GRACE_S = 5
ONLY_THERE = "this is a station. Run it at the centre: that keeps the log, and all that is here comes back from there"

# Commands that live in other rooms: word -> (module, attribute, one line for --help).
ELSEWHERE = {
    "migrate": (
        "server.cli_migrate",
        "migrate",
        "Bring the database to the newest revision.",
    ),
    "demo": ("server.cli_fleet", "demo", "Serve a living demo: a centre with phones at work."),
    "replay": ("server.cli_fleet", "replay", "Replay recorded public calls through a centre."),
    "admin": ("server.cli_desk", "admin", "Create people who can log in; give new passwords."),
    "import": (
        "server.cli_desk",
        "import_orders",
        "Bring in orders of another system from a file.",
    ),
    "bench": ("server.cli_fleet", "bench", "Measure one performance case."),
    "bundle": ("server.cli_bundle", "bundle_", "Take in and hand out files that people carry."),
    "inspect": (
        "server.cli_inspect",
        "inspect",
        "Say what a device sent, and what a screen is made from.",
    ),
    "list": ("server.cli_proof", "list_", "List what the centre holds."),
    "export": ("server.cli_proof", "export", "Write the evidence of one incident into a file."),
    "verify": ("server.cli_proof", "verify", "Check an evidence file, offline."),
    "backup": (
        "server.cli_backup",
        "backup",
        "Copy the centre while it works; check a copy.",
    ),
    "restore": ("server.cli_backup", "restore", "Put a copy back, and declare it in the log."),
    "station": (
        "server.cli_station",
        "station",
        "Let township stations in; join one to its centre.",
    ),
    "log": ("server.cli_proof", "log_", "Look after the signed log: its key, its health."),
}


class Lazy(click.Group):
    """A group whose further commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All words, those of other rooms included."""
        return sorted({*super().list_commands(ctx), *ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this word."""
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, attribute, _line = ELSEWHERE[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the words without importing the rooms behind them."""
        rows = []
        for word in self.list_commands(ctx):
            if word in ELSEWHERE:
                rows.append((word, ELSEWHERE[word][2]))
            elif (command := super().get_command(ctx, word)) is not None:
                rows.append((word, command.get_short_help_str(80)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ortoo")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Settings as TOML; ORTOO_* variables win over it.",
)
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """驿传 Ortoo: one authoritative incident timeline for people out of reach of each other."""
    ctx.obj = config


def settings_of(ctx: click.Context) -> Settings:
    """The settings this command was started with; a sentence and exit code 2 if they are bad."""
    try:
        return load(ctx.find_root().obj)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def of_centre(settings: Settings) -> Settings:
    """These settings, for what only a centre has: the log and its key, evidence, backups. Exit code 1 at a station."""
    if settings.role == STATION:
        raise click.ClickException(f"centre_only: {ONLY_THERE}")
    return settings


def refuse(findings: "Iterable[Finding]") -> None:
    """Stop with exit code 1 and the doctor's words at the first thing that stands in the way."""
    for finding in findings:
        if not finding.fine:
            raise click.ClickException(f"{finding.what}: {finding.seen}\n  -> {finding.cure}")


def _web_url(_ctx: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is not None and not given.startswith(("http://", "https://")):
        raise click.BadParameter("it begins with http:// or https://")
    return given


@main.command()
@click.option("--host", help="Address to listen on, over the settings.")
@click.option(
    "--port", type=click.IntRange(0, PORT_MAX), help="Port to listen on, over the settings."
)
@click.option(
    "--role", type=click.Choice(["centre", STATION]), help="What it serves as, over the settings."
)
@click.option(
    "--upstream", callback=_web_url, help="Of a station: where its centre is, over the settings."
)
@click.pass_context
def serve(ctx: click.Context, /, **over: Any) -> None:
    """Serve phones and desks until told to stop."""
    import gc

    import msgspec
    import uvicorn

    from server import doctor, observe
    from server.app import build_app
    from server.edge import Edge
    from server.store.wal import settle
    from server.wire import SERVED_IDLE_S

    settings = settings_of(ctx)
    given = {name: value for name, value in over.items() if value is not None}
    try:
        settings = msgspec.structs.replace(settings, **given)
    except SettingsError as error:
        raise click.UsageError(str(error)) from error
    observe.configure()
    try:
        settle(settings.url)
    except OSError as error:
        raise click.ClickException(
            f"write-ahead log: {error.filename}: {error.strerror}\n"
            "  -> what it holds cannot be brought onto the disk: look at the disk, and start again"
        ) from error
    if settings.role == STATION:
        _join_first(settings)
    refuse([*asyncio.run(doctor.database(settings)), doctor.port(settings)])
    app = build_app(settings)
    _greet(settings)
    # Folded incidents live long and form no cycles, and what a batch is made of is gone once it is written. Looking
    # through both at every few hundred allocations, as the collector does by default, costs a seventh of the push path.
    gc.freeze()
    gc.set_threshold(400_000, 20, 100)

    class Server(uvicorn.Server):
        """Tells the listeners to go before it waits for them."""

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            app.state.hub.drain()
            super().handle_exit(sig, frame)

    Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http=Edge,
            forwarded_allow_ips=settings.trusted_proxies,
            lifespan="on",
            access_log=False,  # a line per push would cost more than the push
            log_config=None,
            server_header=False,
            timeout_keep_alive=SERVED_IDLE_S,
            # Streams end themselves when the house drains; this is for those that do not.
            timeout_graceful_shutdown=GRACE_S,
        )
    ).run()


def _join_first(settings: Settings) -> None:
    """See that a station has a centre, and join it with the code of the environment if it has none."""
    import secrets

    from server.doctor import database
    from server.upstream.join import CODE_VARIABLE, NotJoinedError, join_first

    refuse(asyncio.run(database(settings)))
    code = os.environ.get(CODE_VARIABLE, "")
    try:
        asyncio.run(join_first(settings, code, secrets.token_bytes))
    except NotJoinedError as error:
        raise click.ClickException(str(error)) from error


def _greet(settings: Settings) -> None:
    """Where the server is to be found, and how the first person gets in when there is nobody yet."""
    from server.auth.logins import anyone
    from server.store.engine import Database

    async def somebody() -> bool:
        db = Database(settings.url)
        try:
            return await db.reading(anyone)
        finally:
            await db.close()

    click.echo(f"Ortoo serves {settings.name} at {settings.origin}")
    if settings.role != STATION and not asyncio.run(somebody()):
        click.echo("Nobody can log in yet. Run: ortoo admin create --login NAME --name 'Full Name'")


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; say what differs, exit 1 if anything.")
@click.pass_context
def rebuild(ctx: click.Context, check: bool) -> None:
    """Fold every incident again from the log and replace what screens read.

    With --check every ruling on a set is decided again too, from the set and what the ruling says.
    """
    from server.doctor import database
    from server.intake.rebuild import rebuild as run
    from server.intake.replay import replay
    from server.intake.requeue import requeue

    settings = settings_of(ctx)
    refuse(asyncio.run(database(settings)))

    def show(seen: int, wrong: int) -> None:
        click.echo(f"{seen} incidents folded, {wrong} differed", err=True)

    seen, wrong = asyncio.run(run(settings.url, check=check, progress=show))
    did = "differ" if check else "were replaced"
    click.echo(f"{seen} incidents, {wrong} {did}.")
    queued, misplaced = asyncio.run(requeue(settings.url, check=check))
    click.echo(f"{queued} sets in the queue, {misplaced} {did}.")
    if not check:
        return
    decided = asyncio.run(replay(settings.url))
    click.echo(f"{decided.again} rulings decided again, {len(decided.wrong)} came out otherwise.")
    if decided.wrong:
        click.echo(f"The first of them: {', '.join(map(str, decided.wrong[:10]))}.")
    ctx.exit(1 if wrong or misplaced or decided.wrong else 0)


@main.command("doctor")
@click.pass_context
def look(ctx: click.Context) -> None:
    """Look the installation over and say what to do about each finding."""
    from server.doctor import examine

    findings = asyncio.run(examine(settings_of(ctx)))
    for finding in findings:
        click.echo(f"{'ok  ' if finding.fine else 'BAD '} {finding.what}: {finding.seen}")
        if not finding.fine:
            click.echo(f"     -> {finding.cure}")
    bad = sum(not finding.fine for finding in findings)
    click.echo("All is well." if not bad else f"{bad} of {len(findings)} need attention.")
    ctx.exit(1 if bad else 0)
