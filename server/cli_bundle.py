"""`ortoo bundle inspect | import | export`: files that people carry between phones, stations and the centre.

Responsible for reading these command lines and for what each does at a centre and at a station. Refuses to do the work
itself, and leaves the sentences to `cli_carried`. Works on the database directly, beside a running server or without
one; whoever is at a desk sees the change as if a phone had sent it.

Example: `ortoo bundle import ortoo-4f1c9a2e.bundle` takes it in and writes `ortoo-4f1c9a2e.answer.bundle` beside it,
for the way back.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import click
from sqlalchemy import Connection

from server.cli_carried import (
    counted_words,
    not_stored,
    sentence,
    taken_at_centre,
    taken_at_station,
    tell_faults,
    tell_maker,
    tell_refused,
    write_report,
)
from server.cli_desk import house
from server.cli_proof import at_data, settings_at
from server.cli_proof import run as run_proof
from server.courier import backlog
from server.courier.answer import (
    Answering,
    BadReplyKeyError,
    parts_of,
    reply_key,
    words_for,
    write_answer,
)
from server.courier.backlog import LogUnknownError, Packing
from server.courier.carried import Carried, take_in
from server.courier.files import is_sealed, own_key, records_of
from server.courier.heeded import Heeding
from server.courier.indices import Indices
from server.doctor import database
from server.intake.door import Intake
from server.intake.queue import IntakeClosedError
from server.now import SystemClock
from server.proof.keeper import Keeper, announce
from server.proof.signer import Signer
from server.seal import SealKey
from server.settings import STATION, Settings
from server.store import sets, spool
from server.store.engine import Database
from sync import bundle, changeset
from sync.bundle import Manifest, Record
from sync.sealed import SealError

PIECE_BYTES = 65_536

T = TypeVar("T")
House = tuple[Settings, Database, Intake]

the_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("bundle")
def bundle_() -> None:
    """Take in and hand out files that people carry: what could not be sent, and what was ruled of it."""


def _records(file: Path, key: SealKey | None) -> Iterator[Record]:
    return records_of(_pieces(file), key)


def _is_sealed(file: Path) -> bool:
    return is_sealed(next(_pieces(file), b""))


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as begun:
        while piece := begun.read(PIECE_BYTES):
            yield piece


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end; a file that cannot be opened or written becomes its cause and its cure, and exit code 1."""
    try:
        return run_proof(work)
    except SealError as error:
        raise click.ClickException(sentence(error.code)) from error
    except LogUnknownError as error:
        raise click.ClickException(sentence("log_unknown")) from error
    except OSError as error:
        why = f"a file cannot be read or written: {error.strerror} -> make room, or name another place"
        raise click.ClickException(why) from error


@bundle_.command("inspect")
@the_file
@at_data
@click.pass_context
def inspect(ctx: click.Context, file: Path, data: Path | None) -> None:
    """Who made a file, when, what is new in it and what is not whole. Changes nothing."""
    settings = settings_at(ctx, data)
    click.echo(f"sealed   {'yes' if _is_sealed(file) else 'NO: whoever carries it can read it'}")
    carried, kinds, known = run(lambda: _look(settings, file))
    tell_maker(carried.manifest)
    click.echo(f"holds    {counted_words(kinds) or 'nothing'}")
    if known is None:
        click.echo("         there is no centre here to compare with: see ortoo doctor")
    elif kinds[bundle.SET]:
        click.echo(
            f"         {kinds[bundle.SET] - known} of the sets are new here, {known} are known"
        )
    tell_faults(carried)


async def _look(settings: Settings, file: Path) -> tuple[Carried, Counter[str], int | None]:
    """What is in the file, how many records of each kind, how many of its sets are held; None without a database."""
    key = own_key(settings)
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
    """Take in what a phone or a station could not send, and write the answer to carry back beside the file. At a
    station also an answer of the centre, after which what it speaks of is owed no longer.

    The same file may be taken in as often as one likes. Exit code 1 when the file is not whole or a set is not stored.
    """
    settings = settings_at(ctx, data)
    told, base = file.with_suffix(".report.json"), file.with_suffix(".answer.bundle")

    async def work() -> tuple[Carried, str, list[Path]]:
        async with house(settings) as (db, intake):
            heeding = await Heeding.begun(intake, db) if settings.role == STATION else None
            try:
                carried = await take_in(intake, _records(file, own_key(settings)), heeding)
            except IntakeClosedError as error:
                raise click.ClickException(sentence(error.code)) from error
            write_report(told, file, carried, was_sealed=_is_sealed(file))
            at = (settings, db, intake)
            if heeding is None:
                answers = await _answer(at, carried.ruled, base, carried.manifest)
                return carried, taken_at_centre(carried), answers
            answers = await _words(at, carried, base)
            counts = await db.reading(spool.counts)
            owed = counts.waiting + counts.handed
            return carried, taken_at_station(carried, heeding.settled, owed), answers

    carried, said, answers = run(work)
    tell_maker(carried.manifest)
    click.echo(said)
    tell_refused(carried.refused)
    tell_faults(carried)
    click.echo(f"report   {told}")
    for answer in answers:
        click.echo(f"answer   {answer}: give it to whoever goes back")
    ctx.exit(0 if carried.is_whole and not not_stored(carried) else 1)


@bundle_.command("export")
@click.option("--chain", "chains", multiple=True, help="At the centre: a device's chain, in hex.")
@click.option("--unsent", is_flag=True, help="At a station: everything that is owed to the centre.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@at_data
@click.pass_context
def export(
    ctx: click.Context, chains: tuple[str, ...], unsent: bool, out: Path, data: Path | None
) -> None:
    """Write a file for somebody to carry.

    At the centre what stands on every set of a device (--chain), for a phone that has not heard; at a station what is
    owed to the centre (--unsent), in as many files as it needs.
    """
    settings = settings_at(ctx, data)
    if unsent == bool(chains):
        raise click.UsageError("say what to write: --chain CHAIN, or --unsent")
    if unsent != (settings.role == STATION):
        where = (
            "only a station owes anything" if unsent else "only the centre can prove its rulings"
        )
        raise click.ClickException(f"{where}: run this there")
    if unsent:
        _export_unsent(settings, out)
    else:
        _export_rulings(settings, chains, out)


def _export_unsent(settings: Settings, out: Path) -> None:
    files: list[Path] = []

    def next_file(number: int) -> BinaryIO:
        files.append(_numbered(out, number))
        return files[-1].open("wb")

    async def work() -> list[int]:
        async with house(settings) as (db, intake):
            by = Packing(db, intake, SystemClock(), secrets.token_bytes)
            return await backlog.written(by, next_file)

    made = run(work)
    for file, count in zip(files, made, strict=True):
        click.echo(f"{file}: {count} sets, which the centre alone can read. They stay here too.")
    if not made:
        click.echo("nothing is owed to the centre: there is no file")


def _export_rulings(settings: Settings, chains: tuple[str, ...], out: Path) -> None:
    try:
        wanted = [bytes.fromhex(chain) for chain in chains]
    except ValueError as error:
        raise click.UsageError("a chain is 32 hex digits, as the devices desk shows it") from error

    async def work() -> tuple[int, list[Path]]:
        async with house(settings) as (db, intake):
            ruled = Indices()
            for chain in wanted:
                ruled.update(await db.reading(sets.standing_of, chain))
            if not ruled:
                raise click.ClickException("nothing of these chains is held here")
            return len(ruled), await _answer((settings, db, intake), ruled, out)

    count, files = run(work)
    for file in files:
        click.echo(f"{file}: not sealed, whoever carries it can read it")
    click.echo(f"         {count} rulings in all")


async def _answer(
    at: House, ruled: Indices, out: Path, asked: Manifest | None = None
) -> list[Path]:
    """Write the rulings with their proofs, in as many files as they need. Raises RefusedError where the log may not be
    signed.
    """
    settings, _db, intake = at
    await announce(intake, Signer(settings, secrets.token_bytes))
    by = _answering(at)
    files: list[Path] = []
    with _refusing_bad_keys():
        reply_key(asked)  # before there is a file
        for number, part in enumerate(parts_of(ruled), 1):
            files.append(_numbered(out, number))
            with files[-1].open("wb") as file:
                await write_answer(by, part, asked, file.write)
    return files


async def _words(at: House, carried: Carried, out: Path) -> list[Path]:
    """At a station: write that it keeps what was brought, where it does."""
    with _refusing_bad_keys():
        words = await words_for(_answering(at), carried)
    if not words:
        return []
    await asyncio.to_thread(out.write_bytes, words)
    return [out]


@contextmanager
def _refusing_bad_keys() -> Iterator[None]:
    try:
        yield
    except BadReplyKeyError as error:
        raise click.ClickException(sentence("bad_reply_key")) from error


def _answering(at: House) -> Answering:
    settings, db, intake = at
    clock, signer = SystemClock(), Signer(settings, secrets.token_bytes)
    return Answering(db, intake, Keeper(db, intake, clock, signer), clock, secrets.token_bytes)


def _numbered(out: Path, number: int) -> Path:
    """The name of a part: the first has the name that was asked for."""
    return out if number == 1 else out.with_name(f"{out.stem}.{number}{out.suffix}")
