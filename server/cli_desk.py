"""`ortoo admin`, `ortoo import`: what an administrator does at the machine itself, without a browser.

Responsible for reading these command lines, for asking for passwords where nobody looks over a shoulder, and for
telling what became of a file. Refuses to do the work itself. Both work on the database directly, beside a running
server or without one; an open wall sees the change when it next asks.

Example: `ortoo admin create --login narsu --name 娜日苏`, then `ortoo import calls.csv --format csv --source city-110
--as narsu`."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
import msgspec

from server.api.imports import ImportReport, Mode, report_of, shown
from server.auth.logins import Logins
from server.auth.passwords import Cost, Passwords
from server.auth.sessions import Sessions
from server.cli import refuse, settings_of
from server.doctor import database
from server.imports.apply import Importer, RejectedImportError
from server.imports.files import FileKind, Format, read_file
from server.imports.hygiene import for_terminal, write_csv
from server.imports.lines import Encoding
from server.imports.mapping import read_mapping
from server.imports.names import names_of
from server.intake.batch import MOVED
from server.intake.door import Intake
from server.now import SystemClock
from server.perform import Performer
from server.problems import ProblemError
from server.settings import STATION, Settings
from server.store import upstream
from server.store.engine import Database
from server.upstream.clock import StationClock, machine
from sync import errors
from sync.incident.kinds import ROLES
from sync.time import CENTRE_UNCERTAINTY_MS

PASSWORD_VARIABLE = "ORTOO_ADMIN_PASSWORD"  # noqa: S105  the name of a variable
SHOWN_FAULTS = 50
REMEMBERED_INCIDENTS = 1_000
"""What a file holds about one incident stands together, as a rule."""
NO_CENTRE = 'this data is a station\'s: set role = "station" (ORTOO_ROLE=station)'
NOT_JOINED = "this station has no centre yet: ortoo station join"

T = TypeVar("T")


@asynccontextmanager
async def house(settings: Settings) -> AsyncIterator[tuple[Database, Intake]]:
    """The database and its one door, without HTTP. Raises ClickException for a database that is not ready."""

    async def nobody_listens(_payload: bytes) -> None:
        """Listeners are in the server's process; they see the log when they next look."""

    refuse(await database(settings))
    db = Database(settings.url, readers=settings.limits.reader_connections)
    known = await db.reading(upstream.read)
    if (known is not None) != (settings.role == STATION):
        await db.close()
        raise click.ClickException(NOT_JOINED if known is None else NO_CENTRE)
    of_station = None
    if known is not None:
        of_station = StationClock(machine())
        of_station.resume(known)
    performer = Performer({MOVED: nobody_listens})
    limits = msgspec.structs.replace(settings.limits, cached_incidents=REMEMBERED_INCIDENTS)
    intake = Intake(
        msgspec.structs.replace(settings, limits=limits),
        of_station or SystemClock(),
        secrets.token_bytes,
        db,
        performer,
        uncertainty=of_station.uncertainty_ms if of_station else lambda: CENTRE_UNCERTAINTY_MS,
    )
    try:
        await intake.start()
        yield db, intake
    finally:
        await intake.stop()
        await db.close()


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end; a refusal becomes a sentence with its cure, and exit code 1."""

    async def whole() -> T:
        return await work()

    try:
        return asyncio.run(whole())
    except ProblemError as error:
        entry = errors.lookup(error.code)
        raise click.ClickException(f"{error.detail or entry.cause} {entry.cure}") from error


def _password() -> str:
    """From the environment or asked for twice; never from the command line, where others can read it."""
    given = os.environ.get(PASSWORD_VARIABLE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise click.ClickException(f"there is no terminal to ask at: set {PASSWORD_VARIABLE}")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked


def _logins(settings: Settings, db: Database) -> Logins:
    cost = Cost.light() if settings.hashing == "light" else Cost()
    return Logins(db, Passwords(cost), SystemClock())


@click.group()
def admin() -> None:
    """Create people who can log in, and give them new passwords."""


@admin.command("create")
@click.option("--login", required=True, help="What the person types to log in.")
@click.option("--name", required=True, help="What others read.")
@click.option("--role", type=click.Choice(ROLES), default="admin", show_default=True)
@click.pass_context
def create(ctx: click.Context, login: str, name: str, role: str) -> None:
    """Create a person with a login. The password is asked for, or read from ORTOO_ADMIN_PASSWORD."""
    settings = settings_of(ctx)
    password = _password()

    async def work() -> bool:
        async with house(settings) as (db, intake):
            logins = _logins(settings, db)
            holder = await logins.holder(login)
            if holder is not None and intake.directory.person(holder) is not None:
                raise ProblemError(
                    "login_taken", detail=f"The login {for_terminal(login)} is taken."
                )
            person = secrets.token_bytes(16)
            # The login first: a person without one is a name in a list, a login without a person opens nothing.
            await logins.set(person, login, password)
            await intake.org("people", person, {"name": name, "role": role})
            return True

    run(work)
    click.echo(f"{for_terminal(name)} ({role}) can log in as {for_terminal(login)}.")


@admin.command("password")
@click.option("--login", required=True, help="Whose password.")
@click.pass_context
def password(ctx: click.Context, login: str) -> None:
    """Give a person a new password; all their sessions end."""
    settings = settings_of(ctx)
    new = _password()

    async def work() -> None:
        async with house(settings) as (db, _intake):
            logins = _logins(settings, db)
            person = await logins.holder(login)
            if person is None:
                raise click.ClickException(f"nobody logs in as {for_terminal(login)}")
            await logins.set(person, login, new)
            await Sessions(db, SystemClock(), secrets.token_bytes).end_all(person)

    run(work)
    click.echo(f"{for_terminal(login)} has a new password; open sessions have ended.")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", required=True, help="Whose numbers these are, e.g. city-110.")
@click.option(
    "--as", "login", required=True, help="Login of the dispatcher in whose name it is done."
)
@click.option(
    "--format", "form", type=click.Choice(get_args(Format)), help="[default: by the file's ending]"
)
@click.option(
    "--encoding", type=click.Choice(get_args(Encoding)), default="utf-8", show_default=True
)
@click.option(
    "--mapping", default="ortoo", help="`ortoo`, JSON, or @FILE with JSON.  [default: ortoo]"
)
@click.option("--mode", type=click.Choice(get_args(Mode)), default="all", show_default=True)
@click.option(
    "--refused",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the refused lines and why to this CSV file.",
)
@click.pass_context
def import_orders(
    ctx: click.Context,
    file: Path,
    *,
    source: str,
    login: str,
    form: Format | None,
    encoding: Encoding,
    mapping: str,
    mode: Mode,
    refused: Path | None,
) -> None:
    """Bring in orders of another system from FILE: JSON lines, or CSV with a header line.

    Repeating an import changes nothing; a changed line updates its incident. Exit code 1 when a line was refused.
    """
    settings = settings_of(ctx)
    if mapping.startswith("@"):
        try:
            mapping = Path(mapping[1:]).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter(f"{mapping[1:]}: {error}", param_hint="--mapping") from error
    kind = FileKind(form or ("csv" if file.suffix.lower() == ".csv" else "jsonl"), encoding)

    data = file.read_bytes()

    async def work() -> ImportReport:
        plan = read_mapping(mapping)
        async with house(settings) as (db, intake):
            person = await _logins(settings, db).holder(login)
            acts = intake.directory.person(person) if person is not None else None
            if acts is None or not {"dispatcher", "commander"} & set(acts.roles):
                raise click.ClickException(
                    f"{for_terminal(login)} is not a dispatcher or commander"
                )
            reading = read_file(data, kind, plan, names_of(intake.directory))
            if reading.refused and mode == "all":
                return report_of(reading, [])
            try:
                outcomes = await Importer(intake, secrets.token_bytes).take(
                    reading.orders, source, acts.id
                )
            except RejectedImportError as error:
                raise click.ClickException(f"the centre would not have it: {error}") from error
            return report_of(reading, [shown(outcome) for outcome in outcomes])

    report = run(work)
    _tell(report, mode)
    if refused is not None:
        _write_refused(report, refused)
    ctx.exit(1 if report.refused else 0)


def _tell(report: ImportReport, mode: str) -> None:
    for fault in report.errors[:SHOWN_FAULTS]:
        place = f"line {fault.line}" + (
            f", column {fault.column}" if fault.column is not None else ""
        )
        click.echo(for_terminal(f"{place}: {fault.code}: {fault.reason}"), err=True)
    if len(report.errors) > SHOWN_FAULTS:
        click.echo(f"... and {report.refused} refused lines in all", err=True)
    if report.ignored_columns:
        click.echo(f"columns not used: {for_terminal(', '.join(report.ignored_columns))}", err=True)
    if report.refused and mode == "all":
        click.echo(f"Nothing was imported: {report.refused} of {report.read} lines were refused.")
        return
    click.echo(
        f"{report.read} read: {report.imported} imported, {report.updated} updated, "
        f"{report.duplicate} known already, {report.refused} refused."
    )


def _write_refused(report: ImportReport, target: Path) -> None:
    rows: list[tuple[Any, ...]] = [
        (fault.line, fault.column, fault.code, fault.reason, fault.offset)
        for fault in report.errors
    ]
    table = write_csv(["line", "column", "code", "reason", "byte offset"], rows)
    # The mark at the start lets spreadsheet programs see that the text is UTF-8.
    target.write_text(table, encoding="utf-8-sig", newline="")
