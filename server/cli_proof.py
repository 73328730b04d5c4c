"""`ortoo list`, `ortoo export`, `ortoo verify`, `ortoo log`: evidence that can be checked without us.

Responsible for reading these command lines and for saying in sentences what is proven and what is wrong. Refuses to do
the work itself. All but `verify` work on the database directly, beside a running server or without one; `verify` needs
nothing but the file.

Example: `ortoo list incidents --data DIR --ids`, then `ortoo export incident ID --data DIR --out FILE` and on any other
machine `ortoo verify FILE`.
"""

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from sqlalchemy import Connection

from server import keys
from server.cli import of_centre, settings_of
from server.cli_desk import house
from server.imports.hygiene import for_terminal
from server.now import SystemClock
from server.proof import loss
from server.proof.export import Exporter, UnknownIncidentError, UnsoundError
from server.proof.keeper import announce
from server.proof.loss import NothingLostError
from server.proof.signer import RefusedError, Signer
from server.settings import Settings
from server.store import log, proofs
from server.store.rows import query
from sync import note, witness
from sync.evidence.check import check
from sync.evidence.compare import compare
from sync.evidence.found import Found, found
from sync.evidence.report import Finding, Report

VERIFIER = "verifier.html"
SHOWN_FINDINGS = 40

T = TypeVar("T")

at_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The server's data directory, over the settings.",
)


def settings_at(ctx: click.Context, data: Path | None) -> Settings:
    """The settings of this command, over which `--data` names another directory."""
    settings = settings_of(ctx)
    if data is None or data.resolve() == settings.data_dir.resolve():
        return settings
    settings = msgspec.structs.replace(settings, data_dir=data, database_url="", log_memory=None)
    if not (data / "ortoo.db").exists():
        raise click.ClickException(f"{data / 'ortoo.db'} is not there: {data} is no data directory")
    return settings


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end; a refusal becomes its cause and its cure, and exit code 1."""

    async def whole() -> T:
        return await work()

    try:
        return asyncio.run(whole())
    except RefusedError as error:
        raise click.ClickException(f"{error.code}: {error.detail}\n  -> {error.cure}") from error


@click.group("list")
def list_() -> None:
    """List what the centre holds."""


@list_.command("incidents")
@at_data
@click.option("--ids", is_flag=True, help="Ids alone, one a line.")
@click.pass_context
def list_incidents(ctx: click.Context, data: Path | None, *, ids: bool) -> None:
    """Every incident, the oldest first: id, number, status."""
    settings = settings_at(ctx, data)

    async def work() -> list[tuple[str, str, str]]:
        async with house(settings) as (db, _intake):
            return await db.reading(_incidents)

    for incident, number, status in run(work):
        click.echo(incident if ids else f"{incident}  {number:<12}  {status}")


def _incidents(connection: Connection) -> list[tuple[str, str, str]]:
    rows = query(
        connection, "SELECT id, number, status FROM incidents ORDER BY created_at_ms, number, id"
    )
    return [(bytes(at).hex(), number or "-", status) for at, number, status in rows]


@click.group()
def export() -> None:
    """Write evidence into a file."""


@export.command("incident")
@click.argument("incident")
@at_data
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file to write.",
)
@click.option("--with-verifier", is_flag=True, help=f"Put {VERIFIER} beside it.")
@click.pass_context
def export_incident(
    ctx: click.Context, incident: str, data: Path | None, *, out: Path, with_verifier: bool
) -> None:
    """Everything about one incident, by its id or its number, provable offline."""
    settings = of_centre(settings_at(ctx, data))
    page = settings.pwa_dir / VERIFIER
    if with_verifier and not page.is_file():
        raise click.ClickException(f"{page} is not there. Run: npm --prefix pwa run build")

    async def work() -> tuple[bytes, str]:
        async with house(settings) as (db, intake):
            found = await db.reading(_incident, incident)
            if found is None:
                raise click.ClickException(f"there is no incident {for_terminal(incident)}")
            signer = Signer(settings, secrets.token_bytes)
            await announce(intake, signer)
            try:
                written = await Exporter(db, signer, SystemClock()).incident(found)
            except UnknownIncidentError as error:
                raise click.ClickException(f"nothing was ruled about {error}") from error
            except UnsoundError as error:
                _tell(error.findings)
                raise click.ClickException(
                    "what is stored is not what was signed; no file was written.\n"
                    "  -> restore an intact copy of the database and export again"
                ) from error
            key = signer.own_key()
            assert key is not None
            return written, note.fingerprint(key.public)

    written, fingerprint = run(work)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(written)
    click.echo(f"{out}: {len(written)} bytes, log key {fingerprint}")
    if with_verifier:
        shutil.copyfile(page, out.parent / VERIFIER)
        click.echo(f"{out.parent / VERIFIER}: opens in any browser, without a network")


def _incident(connection: Connection, named: str) -> bytes | None:
    rows = query(connection, "SELECT id FROM incidents WHERE number = ?", (named,))
    if rows:
        return bytes(rows[0][0])
    try:
        wanted = bytes.fromhex(named)
    except ValueError:
        return None
    known = proofs.entity_heads(connection, [wanted])
    return wanted if wanted in known else None


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An earlier file of the same incident: has the past stayed what it was?",
)
@click.option(
    "--key", help="The log's key as known from elsewhere: its fingerprint or its whole text."
)
@click.pass_context
def verify(ctx: click.Context, file: Path, against: Path | None, key: str | None) -> None:
    """Check an evidence file, offline. Exit code 1 when anything is wrong with it."""
    report = check(file.read_bytes(), verify=keys.verify)
    findings = [*report.findings, *_other_key(report, key)]
    if against is not None:
        earlier = check(against.read_bytes(), verify=keys.verify)
        if earlier.findings:
            findings.append(
                Finding("not_comparable", "the earlier file", f"{len(earlier.findings)} findings")
            )
        findings += compare(report, earlier)
    _facts(report, is_pinned=key is not None)
    if findings:
        _tell(findings)
        click.echo(f"NOT SOUND: {len(findings)} findings in {file}")
        ctx.exit(1)
    click.echo(f"SOUND: {file}")


def _other_key(report: Report, key: str | None) -> list[Finding]:
    if key is None or report.content is None:
        return []
    public = report.content.pub
    digits = "".join(key.split()).lower()
    if digits == "".join(note.fingerprint(public).split()):
        return []
    if key.strip() == note.verifier_key(report.origin, public):
        return []
    return [Finding("other_key", "the file", f"it is sealed with {note.fingerprint(public)}")]


def _tell(findings: list[Finding]) -> None:
    for finding in findings[:SHOWN_FINDINGS]:
        click.echo(for_terminal(f"  {finding.code}: {finding.where}: {finding.detail}"))
    if len(findings) > SHOWN_FINDINGS:
        click.echo(f"  ... and {len(findings) - SHOWN_FINDINGS} more")


def _facts(report: Report, *, is_pinned: bool) -> None:
    content, checkpoint = report.content, report.checkpoint
    if content is None or checkpoint is None:
        return
    redacted = sum(shown.is_redacted for shown in report.shown)
    click.echo(f"incident   {content.entity.hex()}")
    click.echo(f"log        {report.origin}, {checkpoint.size} entries")
    click.echo(
        f"rulings    {len(report.about)} about this incident, {content.n} by the centre's count"
    )
    click.echo(f"sets       {len(report.shown)}, {redacted} of them redacted")
    for ruling, one in found(report):
        click.echo(
            for_terminal(f"verdict    {one.clock} {one.result}, {_told(one)} (entry {ruling.idx})")
        )
    if report.unseen:
        click.echo(
            f"           {report.unseen} sets about other matters lie between and are not shown"
        )
    click.echo(f"log key    {note.fingerprint(content.pub)}")
    if not is_pinned:
        click.echo("           taken from the file: compare it with the one the centre publishes")


def _told(one: Found) -> str:
    """How long something took, as far as that was proved, and by which grade of evidence."""
    lo, hi = ("?" if bound is None else f"{bound / 1000:.3f}" for bound in (one.lo, one.hi))
    within = "no limit" if one.within is None else f"within {one.within / 1000:.3f} s"
    why = "" if not one.why else f", {' '.join(one.why)}"
    grade = "" if one.grade is None else f", grade {one.grade}"
    return f"{lo} to {hi} s, {within}{grade}{why}"


@click.group("log")
def log_() -> None:
    """Look after the signed log."""


@log_.command("key")
@at_data
@click.pass_context
def log_key(ctx: click.Context, data: Path | None) -> None:
    """The public key that signs the log, for those who check files."""
    settings = of_centre(settings_at(ctx, data))

    async def work() -> tuple[str, str]:
        async with house(settings) as (db, intake):
            await announce(intake, Signer(settings, secrets.token_bytes))
            return await db.reading(_named_key)

    fingerprint, whole = run(work)
    click.echo(f"{fingerprint}\n{whole}")


def _named_key(connection: Connection) -> tuple[str, str]:
    head = log.read(connection)
    row = witness.read_row(proofs.named_log(connection, head.server_id))
    assert row is not None, "announced before"
    origin = witness.origin_of(head.server_id, row.epoch)
    return note.fingerprint(row.pub), note.verifier_key(origin, row.pub)


@log_.command("check")
@at_data
@click.pass_context
def log_check(ctx: click.Context, data: Path | None) -> None:
    """Hash the whole log again and compare it with what was signed. Exit code 1 when it differs."""
    settings = of_centre(settings_at(ctx, data))
    signer = Signer(settings, secrets.token_bytes)

    async def work() -> str:
        async with house(settings) as (db, _intake):
            return await db.reading(_checked, signer)

    click.echo(run(work))


def _checked(connection: Connection, signer: Signer) -> str:
    looked = signer.look(connection)
    signed = looked.before.checkpoint.size if looked.before else 0
    sets = signer.audit(connection, signed)
    return (
        f"{signed} signed entries and {sets} sets are what they were;"
        f" {looked.head.idx - signed} entries are not signed yet."
    )


@log_.command("declare-loss")
@at_data
@click.option("--why", required=True, help="What happened, for those who read the log later.")
@click.confirmation_option(
    prompt="Signed rulings are declared lost for good and the log begins a new epoch. Go on?"
)
@click.pass_context
def log_declare_loss(ctx: click.Context, data: Path | None, why: str) -> None:
    """Let a log go on whose signed rulings are gone for good: names them, begins a new epoch."""
    settings = of_centre(settings_at(ctx, data))

    async def work() -> Any:
        async with house(settings) as (_db, intake):
            signer = Signer(settings, secrets.token_bytes)
            try:
                return await loss.declare(intake, signer, secrets.token_bytes, why=why)
            except NothingLostError as error:
                raise click.ClickException(
                    "the log stands as it was signed: nothing is lost"
                ) from error

    declared = run(work)
    gone = declared.size - declared.kept
    click.echo(
        f"{declared.ended} has ended; entries {declared.kept + 1} to {declared.size} ({gone}) are declared lost."
        if gone > 0
        else f"{declared.ended} has ended; no entry is known to be lost."
    )
    click.echo(f"{declared.begun} has begun. Phones send again what they hold.")
