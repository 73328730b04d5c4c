"""`ortoo bundle inspect | import | export`: files that people carry between phones and the centre.

Responsible for reading these command lines and for saying in sentences what a file holds, what became of it and what to
do about the rest. Refuses to do the work itself. Works on the database directly, beside a running server or without
one; whoever is at a desk sees the change as if a phone had sent it.

Example: `ortoo bundle import ortoo-4f1c9a2e.bundle` takes it in and writes `ortoo-4f1c9a2e.answer.bundle` beside it,
for the way back.
"""

import json
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click
from sqlalchemy import Connection

from server.cli_desk import house
from server.cli_proof import at_data, settings_at
from server.cli_proof import run as run_proof
from server.courier.answer import Answering, BadReplyKeyError, reply_key, write_answer
from server.courier.carried import Carried, Refused, take_in
from server.courier.files import as_json, is_sealed, own_key, records_of, told_of
from server.doctor import database
from server.imports.hygiene import for_terminal
from server.intake.door import Intake
from server.intake.queue import IntakeClosedError
from server.now import SystemClock
from server.proof.keeper import Keeper, announce
from server.proof.signer import Signer
from server.seal import SealKey
from server.settings import STATION, Settings
from server.store import sets
from server.store.engine import Database
from sync import bundle, changeset, errors
from sync.bundle import Manifest, Record
from sync.sealed import SealError

PIECE_BYTES = 65_536
SHOWN = 20
FUTURE_MS = 60_000  # so far ahead of the centre's clock a maker's clock is worth a word

T = TypeVar("T")

the_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("bundle")
def bundle_() -> None:
    """Take in and hand out files that people carry: what phones could not send, and what was ruled of it."""


def _records(file: Path, key: SealKey | None) -> Iterator[Record]:
    return records_of(_pieces(file), key)


def _is_sealed(file: Path) -> bool:
    return is_sealed(next(_pieces(file), b""))


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as begun:
        while piece := begun.read(PIECE_BYTES):
            yield piece


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end; a file that cannot be opened becomes its cause and its cure, and exit code 1."""
    try:
        return run_proof(work)
    except SealError as error:
        raise click.ClickException(_sentence(error.code)) from error


def _centre_at(ctx: click.Context, data: Path | None) -> Settings:
    """The settings of a centre: only who keeps the log can prove an answer."""
    settings = settings_at(ctx, data)
    if settings.role == STATION:
        raise click.ClickException("bundles are answered at the centre: carry the file there")
    return settings


@bundle_.command("inspect")
@the_file
@at_data
@click.pass_context
def inspect(ctx: click.Context, file: Path, data: Path | None) -> None:
    """Who made a file, when, what is new in it and what is not whole. Changes nothing."""
    settings = settings_at(ctx, data)
    click.echo(f"sealed   {'yes' if _is_sealed(file) else 'NO: whoever carries it can read it'}")
    carried, kinds, known = run(lambda: _look(settings, file))
    _tell_maker(carried.manifest)
    click.echo(f"holds    {_counted_words(kinds) or 'nothing'}")
    if known is None:
        click.echo("         there is no centre here to compare with: see ortoo doctor")
    elif kinds[bundle.SET]:
        click.echo(
            f"         {kinds[bundle.SET] - known} of the sets are new here, {known} are known"
        )
    _tell_faults(carried)


async def _look(settings: Settings, file: Path) -> tuple[Carried, Counter[str], int | None]:
    """What is in the file, how many records of each kind, how many of its sets are held; None without a database."""
    key = own_key(Signer(settings, secrets.token_bytes))
    if not all(found.fine for found in await database(settings)):
        return *_counted(None, file, key), None
    db = Database(settings.url)
    try:
        carried, kinds = await db.reading(_counted, file, key)
    finally:
        await db.close()
    return carried, kinds, carried.results["known"]


def _counted(
    connection: Connection | None, file: Path, key: SealKey | None
) -> tuple[Carried, Counter[str]]:
    carried, kinds = Carried(), Counter[str]()
    for record in _records(file, key):
        carried.note(record)
        if record.code or record.kind in {bundle.MANIFEST, bundle.END}:
            continue
        kinds[record.kind] += 1
        if connection is not None and record.kind == bundle.SET:
            carried.results["known"] += _is_held(connection, record.value)
    return carried, kinds


def _is_held(connection: Connection, raw: bytes) -> bool:
    read = changeset.read(raw)
    if isinstance(read, changeset.ChangeSet):
        place = read.header.chain, read.header.seq
    elif read.chain is not None and read.seq is not None:
        place = read.chain, read.seq
    else:
        return False
    return sets.standing(connection, *place, read.set_id or b"") is not None


@bundle_.command("import")
@the_file
@at_data
@click.pass_context
def import_(ctx: click.Context, file: Path, data: Path | None) -> None:
    """Take in what a phone could not send, and write the answer to carry back beside the file.

    The same file may be taken in as often as one likes. Exit code 1 when the file is not whole or a set is not stored.
    """
    settings = _centre_at(ctx, data)
    answer, told = file.with_suffix(".answer.bundle"), file.with_suffix(".report.json")

    async def work() -> Carried:
        async with house(settings) as (db, intake):
            try:
                carried = await take_in(
                    intake, _records(file, own_key(Signer(settings, secrets.token_bytes)))
                )
            except IntakeClosedError as error:
                raise click.ClickException(_sentence(error.code)) from error
            _write_report(told, file, carried)
            if carried.ruled:
                await _answer((settings, db, intake), carried.ruled, answer, carried.manifest)
            return carried

    carried = run(work)
    _tell_maker(carried.manifest)
    results = carried.results
    fresh = sum(results.values()) - results["duplicate"] - sum(results[r] for r in _NOT_STORED)
    click.echo(
        f"taken in {fresh} new, {results['duplicate']} known before,"
        f" {sum(results[r] for r in _NOT_STORED)} not stored"
    )
    _tell_refused(carried.refused)
    _tell_faults(carried)
    click.echo(f"report   {told}")
    if carried.ruled:
        click.echo(f"answer   {answer}: give it to whoever goes back")
    not_stored = any(results[r] for r in _NOT_STORED)
    ctx.exit(0 if carried.is_whole and not not_stored else 1)


_NOT_STORED = ("bad_signature", "too_large", "malformed")


@bundle_.command("export")
@click.option("--chain", "chains", multiple=True, required=True, help="A device's chain, in hex.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@at_data
@click.pass_context
def export(ctx: click.Context, chains: tuple[str, ...], out: Path, data: Path | None) -> None:
    """Write what stands on every set of a device into a file, for a phone that has not heard."""
    settings = _centre_at(ctx, data)
    try:
        wanted = [bytes.fromhex(chain) for chain in chains]
    except ValueError as error:
        raise click.UsageError("a chain is 32 hex digits, as the devices desk shows it") from error

    async def work() -> int:
        async with house(settings) as (db, intake):
            ruled = [idx for chain in wanted for idx in await db.reading(sets.standing_of, chain)]
            if not ruled:
                raise click.ClickException("nothing of these chains is held here")
            await _answer((settings, db, intake), ruled, out)
            return len(ruled)

    click.echo(f"{out}: {run(work)} rulings, not sealed: whoever carries it can read them")


async def _answer(
    house_of: tuple[Settings, Database, Intake],
    ruled: Iterable[int],
    out: Path,
    asked: Manifest | None = None,
) -> None:
    """Write the rulings with their proofs. Raises RefusedError where the log may not be signed."""
    settings, db, intake = house_of
    clock, signer = SystemClock(), Signer(settings, secrets.token_bytes)
    await announce(intake, signer)
    by = Answering(db, intake, Keeper(db, intake, clock, signer), clock, secrets.token_bytes)
    try:
        reply_key(asked)  # before there is a file
        with out.open("wb") as file:
            await write_answer(by, list(ruled), asked, file.write)
    except BadReplyKeyError as error:
        raise click.ClickException(_sentence("bad_reply_key")) from error


def _tell_maker(made: Manifest | None) -> None:
    if made is None:
        click.echo("made     nobody can say by whom: it does not begin with a whole manifest")
        return
    at = datetime.fromtimestamp(max(0, min(made.at_ms, 253_402_300_799_000)) / 1000, UTC)
    ahead = made.at_ms > SystemClock().now_ms() + FUTURE_MS
    when = f"{at:%Y-%m-%d %H:%M:%S} UTC{' (in the future, by this clock)' if ahead else ''}"
    click.echo(for_terminal(f"made     {when} by {made.by}, chain {made.chain.hex()}"))
    if made.counts:
        click.echo(f"put in   {_counted_words(made.counts)}, by its own word")
    if made.to is not None:
        click.echo(f"for      server {made.to.hex()}")


def _counted_words(kinds: Mapping[str, int]) -> str:
    return ", ".join(for_terminal(f"{kind}s {count}") for kind, count in sorted(kinds.items()))


def _tell_refused(refused: list[Refused]) -> None:
    for one in refused[:SHOWN]:
        click.echo(f"  record {one.n}: {one.r}: {_sentence(one.why or one.r)}")
    if len(refused) > SHOWN:
        click.echo("  ... the others stand in the report")


def _tell_faults(carried: Carried) -> None:
    for fault in carried.faults[:SHOWN]:
        click.echo(f"  record {fault.n}, byte {fault.offset}: {_sentence(fault.code)}")
    if carried.faults_count > SHOWN:
        click.echo(f"  ... and {carried.faults_count - SHOWN} more")
    click.echo(f"whole    {'yes' if carried.is_whole else 'NO'}")


def _sentence(code: str) -> str:
    entry = errors.lookup(code)
    return f"{code}: {entry.cause} -> {entry.cure}"


def _write_report(path: Path, file: Path, carried: Carried) -> None:
    """Everything for whoever looks into it, as JSON."""
    report = {"file": file.name} | as_json(told_of(carried, was_sealed=_is_sealed(file)))
    path.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
