"""`ortoo demo`, `ortoo replay`, `ortoo bench`: the words that set simulated devices to work.

Responsible for reading their command lines, for progress and exit codes, and for handing the
composition of a centre to rooms that may not know it. Refuses to do the work itself.

Example: `ortoo replay calls.csv.gz --format alexandria --limit 225`.
"""

import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

DEVICES = 40
SEED = "1"
STATIONS_MOST = 20


def _links(_ctx: click.Context, _param: click.Parameter, value: str) -> Any:
    from server.fleet.replay.cast import Links

    try:
        return Links.named(value)
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error)) from error


def _topology(_ctx: click.Context, _param: click.Parameter, value: str) -> int:
    """How many stations."""
    what, _, number = value.partition("=")
    if value == "perfect":
        return 0
    if what != "stations" or not number.isdecimal() or not 0 < int(number) <= STATIONS_MOST:
        raise click.BadParameter(f"`perfect`, or `stations=N` with N from 1 to {STATIONS_MOST}")
    return int(number)


def _clocks(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Any:
    from server.fleet.replay.wrongclocks import ClockErrors

    if value is None:
        return None
    try:
        return ClockErrors.read(value)
    except (OSError, ValueError) as error:
        raise click.BadParameter(str(error)) from error


def _logins(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> list[Any]:
    from server.fleet.replay.run import Login

    found = []
    for value in values:
        login, colon, password = value.partition(":")
        if not colon:
            raise click.BadParameter("a login is written NAME:PASSWORD")
        found.append(Login(login, password))
    return found


def _output(_ctx: click.Context, _param: click.Parameter, value: Path | None) -> Path | None:
    """A file to write at the end, tried at the beginning: minutes of work must not end in a refusal."""
    if value is not None:
        try:
            value.parent.mkdir(parents=True, exist_ok=True)
            there = value.exists()
            value.open("ab").close()
            if not there:
                value.unlink()  # an empty report must not be taken for one
        except OSError as error:
            raise click.BadParameter(f"{value} cannot be written: {error.strerror}") from error
    return value


def _empty_directory(
    _ctx: click.Context, _param: click.Parameter, value: Path | None
) -> Path | None:
    if value is not None:
        try:
            value.mkdir(parents=True, exist_ok=True)
            full = any(value.iterdir())
        except OSError as error:
            raise click.BadParameter(f"{value} cannot be used: {error.strerror}") from error
        if full:
            raise click.BadParameter(f"{value} is not empty: a replay begins with nothing")
    return value


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["alexandria", "sf-fire", "san-diego"]),
    required=True,
    help="Whose records they are.",
)
@click.option("--server", help="A running centre; without it one is made, in virtual time.")
@click.option(
    "--login",
    "logins",
    multiple=True,
    callback=_logins,
    metavar="NAME:PASSWORD",
    help="With --server: a dispatcher's and an administrator's login (give it twice).  [default: the demo's]",
)
@click.option("--devices", type=click.IntRange(1, 500), default=DEVICES, show_default=True)
@click.option("--limit", type=click.IntRange(1), help="Only the first N calls.")
@click.option(
    "--links",
    default="seeded",
    show_default=True,
    callback=_links,
    help="A directory of NAME.up/NAME.down traces, or `seeded`, or `perfect`.",
)
@click.option(
    "--clocks",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    callback=_clocks,
    help="Published figures of clock error: draw wrong clocks from them and hold every verdict against the file.",
)
@click.option(
    "--topology",
    default="perfect",
    show_default=True,
    callback=_topology,
    help="`perfect`: phones talk to the centre. `stations=N`: those of N townships to a station, whose own line to the"
    " centre is away half the time.",
)
@click.option("--seed", help="Keys, outages and retries follow from it.  [default: 1]")
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    callback=_empty_directory,
    help="Keep the database and the devices' vaults in this directory.",
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_output,
    help="Write the report as JSON.",
)
@click.pass_context
def replay(
    ctx: click.Context,
    file: Path,
    format_name: str,
    *,
    server: str | None,
    logins: list[Any],
    devices: int,
    limit: int | None,
    links: Any,
    clocks: Any,
    topology: int,
    seed: str | None,
    keep: Path | None,
    report_file: Path | None,
) -> None:
    """Replay recorded calls for service through a centre, with simulated officers.

    Exit code 1 when a set was lost, the timelines do not agree with the file or a verdict contradicts it, or when the
    file or the server cannot be used.
    """
    from server.fleet import world
    from server.fleet.replay import run, sources
    from server.fleet.replay.calls import SourceError

    if logins and not server:
        raise click.UsageError("--login is for a running centre: name it with --server")
    if (clocks or topology) and server:
        what = "--clocks" if clocks else "--topology"
        raise click.UsageError(f"{what} needs a centre in virtual time: leave out --server")
    if clocks and topology:
        raise click.UsageError("--clocks holds phones against the centre they talk to: no stations")
    if server and not logins:
        logins = [run.Login(name, world.PASSWORD) for name in ("dispatcher", "admin")]
    try:
        source = sources.read(file, format_name, limit)
    except SourceError as error:
        raise click.ClickException(str(error)) from error
    if not source.calls:
        raise click.ClickException(f"{file} holds no call that can be read")
    with tempfile.TemporaryDirectory(prefix="ortoo-replay-") as temporary:
        place = keep or Path(temporary)
        options = run.Options(
            file=file.name,
            devices=devices,
            links=links,
            # At a server that has a past, keys of an earlier replay must not come again.
            seed=seed or (secrets.token_hex(4) if server else SEED),
            vaults=place / "vaults" if keep else None,
            own_server=server is None,
            clocks=clocks,
            stations=topology,
        )
        report = _run(source, options, server, logins, place)
    click.echo(report.table())
    if report_file is not None:
        report_file.write_bytes(report.json())
    ctx.exit(1 if report.faults else 0)


def _run(source: Any, options: Any, server: str | None, logins: list[Any], place: Path) -> Any:
    import logging

    import httpx2
    import uvloop

    from server.app import build_app
    from server.fleet.replay import run
    from server.fleet.replay.alone import replay_alone
    from server.fleet.replay.plan import plan
    from server.now import VirtualClock
    from server.wire import ServerRefusalError

    logging.disable(logging.INFO)  # a progress bar and a table are what is wanted here
    acts = len(plan(source.calls, options.devices).acts)
    label = f"{len(source.calls)} calls"
    with click.progressbar(length=acts, label=label, file=sys.stderr) as bar:
        try:
            if server is None:
                return uvloop.run(replay_alone(build_app, source, options, place, bar.update))
            return uvloop.run(
                run.replay(
                    source,
                    server.rstrip("/"),
                    logins,
                    options,
                    clock=VirtualClock(run.begins_ms(source)),
                    chance=run.Labelled(options.seed),
                    progress=bar.update,
                )
            )
        except ServerRefusalError as error:
            hint = "; name others with --login" if error.code == "wrong_login" else ""
            raise click.ClickException(f"{error}{hint}") from error
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        except httpx2.TransportError as error:
            raise click.ClickException(f"the server cannot be reached: {error}") from error


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".data/demo"),
    show_default=True,
    help="Where the demo keeps everything.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
def demo(data: Path, host: str, port: int) -> None:
    """Serve a living demo: a banner whose officers and desks are simulated around you."""
    import logging

    import uvloop

    from server.app import build_app
    from server.fleet.demo.run import InUseError, alone_in
    from server.fleet.demo.run import demo as run_demo

    logging.disable(logging.INFO)  # the terminal is for the address and the logins
    try:
        data.mkdir(parents=True, exist_ok=True)
        # The demo's passwords are known to everyone: they must never open a real centre.
        if (data / "ortoo.db").exists() and not (data / "lock").exists():
            raise click.UsageError(f"{data} holds a centre that is no demo; choose another --data")
    except OSError as error:
        raise click.UsageError(f"--data {data}: {error.strerror}") from error
    try:
        with alone_in(data):
            uvloop.run(run_demo(build_app, data, host, port, click.echo))
    except InUseError as error:
        raise click.ClickException(f"{error}; stop it or choose another --data") from error
    except OSError as error:
        place = f"{host}:{port}"
        raise click.ClickException(f"{place}: {error.strerror}; try another --port") from error


@click.command()
@click.option(
    "--case", type=click.Choice(["P1", "P13"]), required=True, help="Which row of the table."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    callback=_output,
    help="Where the figures go, as JSON.",
)
@click.option("--runs", type=click.IntRange(1, 50), default=5, show_default=True)
def bench(case: str, out: Path, runs: int) -> None:
    """Measure one performance case against a real server process."""
    import asyncio
    import logging

    import msgspec

    from server.app import build_app
    from server.fleet.bench import p1, p13, prepare, report
    from server.fleet.bench.machine import machine

    logging.disable(logging.INFO)
    before = machine()  # its load is that of others, before ours begins
    with tempfile.TemporaryDirectory(prefix="ortoo-bench-") as temporary:
        prepared = Path(temporary)
        if case == "P13":
            target = asyncio.run(p13.prepare(build_app, prepared))
            found = report.waited(asyncio.run(p13.waits(prepared, target, runs)), before)
        else:
            work = asyncio.run(prepare.prepare(build_app, prepared, p1.DEVICES))
            found = report.report(case, asyncio.run(p1.storms(prepared, work, runs)), before)
    click.echo(report.table(found))
    out.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
