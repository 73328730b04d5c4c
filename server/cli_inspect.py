"""`ortoo inspect device | incident`: what a device sent set by set, and what a screen is made from.

Responsible for reading these command lines, for a page that a person can read in a terminal, and for reports that may
be handed to somebody outside. Refuses to do the work itself. Works on the database directly, beside a running server
or without one, and changes nothing.

Example: `ortoo inspect device 4f1c9a2e --troubled`, then `ortoo inspect device 4f1c9a2e --out report.json` for whoever
maintains the program: no name, no word that anybody wrote, and no id that leads anywhere is in that file.
"""

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from sqlalchemy import Connection

from server import __version__
from server.cli import refuse
from server.cli_desk import run
from server.cli_proof import at_data, settings_at
from server.doctor import database
from server.imports.hygiene import for_terminal
from server.inspect.device import ToldDevice, device
from server.inspect.incident import ToldIncident, incident
from server.inspect.plain import Pseudonyms, openly
from server.inspect.sets import Showing, ToldRuling, ToldSet
from server.settings import Settings
from server.store.engine import Database
from server.store.rows import query

Told = ToldDevice | ToldIncident
SHOWN = 8  # characters of an id in a list

to_file = click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a report without personal data, as JSON, instead of a page.",
)
with_words = click.option(
    "--words",
    is_flag=True,
    help="Show what people wrote too. Not with --out: reports leave the house.",
)


@click.group("inspect")
def inspect() -> None:
    """Say what a device sent, and what a screen is made from. Changes nothing."""


@inspect.command("device")
@click.argument("chain")
@at_data
@click.option("--since", type=click.IntRange(0), default=0, help="Sets from this seq on.")
@click.option(
    "--most",
    type=click.IntRange(1, 100_000),
    default=1_000,
    show_default=True,
    help="So many sets.",
)
@click.option("--troubled", is_flag=True, help="Only sets that do not simply count.")
@with_words
@to_file
@click.pass_context
def inspect_device(
    ctx: click.Context,
    chain: str,
    data: Path | None,
    *,
    since: int,
    most: int,
    troubled: bool,
    words: bool,
    out: Path | None,
) -> None:
    """A device's stream set by set, by its chain: 32 hex digits, or as many first ones as no other has."""

    def work(connection: Connection, showing: Showing) -> ToldDevice | None:
        found = _one(
            connection, "SELECT chain FROM chain_heads UNION SELECT chain FROM devices", chain
        )
        told = device(connection, found, showing, since=since, most=most)
        if told is None or not troubled:
            return told
        return msgspec.structs.replace(told, sets=[one for one in told.sets if _is_troubled(one)])

    _tell(settings_at(ctx, data), work, words=words, out=out)


@inspect.command("incident")
@click.argument("incident_")
@at_data
@with_words
@to_file
@click.pass_context
def inspect_incident(
    ctx: click.Context, incident_: str, data: Path | None, *, words: bool, out: Path | None
) -> None:
    """Which sets the screens of an incident are made from, by its number or its id."""

    def work(connection: Connection, showing: Showing) -> ToldIncident | None:
        rows = query(connection, "SELECT id FROM incidents WHERE number = ?", (incident_,))
        found = (
            bytes(rows[0][0]) if rows else _one(connection, "SELECT id FROM incidents", incident_)
        )
        return incident(connection, found, showing)

    _tell(settings_at(ctx, data), work, words=words, out=out)


def _one(connection: Connection, ids: str, begun: str) -> bytes:
    """The only one of these ids that begins so."""
    wanted = begun.lower()
    found = {
        bytes(row[0]) for row in query(connection, ids) if bytes(row[0]).hex().startswith(wanted)
    }
    if not wanted or not found:
        raise click.ClickException(f"nothing here is called {for_terminal(begun)}")
    if len(found) > 1:
        raise click.ClickException(
            f"{len(found)} begin with {for_terminal(begun)}: give more of it"
        )
    return found.pop()


def _tell(
    settings: Settings,
    work: Callable[[Connection, Showing], Told | None],
    *,
    words: bool,
    out: Path | None,
) -> None:
    if words and out is not None:
        raise click.UsageError("--words is for this screen; a report never holds what people wrote")
    named = openly if out is None else Pseudonyms(secrets.token_bytes(16))
    showing = Showing(named, words, outside=out is not None)

    async def asked() -> Told | None:
        refuse(await database(settings))
        db = Database(settings.url)
        try:
            return await db.reading(work, showing)
        finally:
            await db.close()

    told = run(asked)
    if told is None:
        raise click.ClickException("nothing was ever heard of it")
    if out is None:
        for line in _page(told):
            click.echo(line)
        return
    what = "device" if isinstance(told, ToldDevice) else "incident"
    report = {"ortoo": __version__, "made_at": _when(_now_ms()), what: told}
    out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    click.echo(
        f"{out}: {len(told.sets)} sets, without names and words. Read it before you send it."
    )


def _now_ms() -> int:
    return round(datetime.now(UTC).timestamp() * 1_000)


def _is_troubled(one: ToldSet) -> bool:
    last, first = one.rulings[-1], one.rulings[0]
    return (
        last.why is not None or bool(last.flags) or first.again not in ("same", None) or one.unread
    )


def _page(told: Told) -> Iterator[str]:
    if isinstance(told, ToldDevice):
        yield from _device(told)
    else:
        yield f"incident {told.number or told.incident}  {told.status}"
        stand = "are" if told.rows_stand else "ARE NOT"
        cure = "" if told.rows_stand else "; `ortoo rebuild` sets them right"
        yield f"the rows that lists read {stand} what the log says{cure}"
    yield ""
    for one in told.sets:
        yield from _set(one, on="" if isinstance(told, ToldDevice) else f" on {one.chain[:SHOWN]}")
    if isinstance(told, ToldIncident):
        for ruled in told.beside:
            rest = {
                name: value for name, value in ruled.items() if name not in ("idx", "at", "kind")
            }
            yield f"ruling {ruled['idx']}  {_when(ruled['at'])}  {ruled['kind']}  {_line(rest)}"


def _device(told: ToldDevice) -> Iterator[str]:
    whose = f"person {told.person[:SHOWN]}" if told.person else "nobody's"
    yield f"chain {told.chain}  {whose if told.enrolled else 'never enrolled'}  {told.app or ''}".rstrip()
    yield f"held without a gap to {told.have}, the newest is {told.top}, {told.stored} sets in all"
    if told.missing:
        yield f"missing: {', '.join(map(str, told.missing))}"
    if told.forked_at is not None:
        yield f"two writers from {told.forked_at} on"
    for what, at in (
        ("enrolled", told.enrolled_at),
        ("suspended", told.revoked_at),
        ("in other hands since", told.compromised_since),
    ):
        if at is not None:
            yield f"{what} {_when(at)}"
    if told.continues or told.continued_by:
        yield f"continues {told.continues or 'none'}, continued by {told.continued_by or 'none'}"
    if (said := told.contact) is not None:
        yield (
            f"said last, {_when(said['at'])}: wrote up to {said['head']}, {said['pending']} wait,"
            f" its clock {said['clock_offset_ms']} ms behind"
        )
    for event in told.events:
        yield f"{event.kind}: {event.count} times, last {_when(event.last)}"
    if told.left_out:
        yield f"{told.left_out} of its sets are not listed here"


def _set(one: ToldSet, on: str) -> Iterator[str]:
    lane = "  first lane" if one.lane else ""
    yield (
        f"{one.seq:>6}{on}  {one.set[:SHOWN]}  received {_when(one.received)}, stamped"
        f" {'-' if one.stamped is None else _when(one.stamped)}{lane}"
    )
    where = "" if one.entity is None else f" of {one.entity[:SHOWN]}"
    if one.unread:
        yield "        written by a newer version, kept unread"
    for op in one.ops or ():
        yield f"        {op['t']}{where}  {_line({k: v for k, v in op.items() if k != 't'})}".rstrip()
    for ruling in one.rulings:
        yield f"        {_ruling(ruling)}"
    if one.shown_as:
        yield f"        shown as {', '.join(one.shown_as)}"


def _ruling(one: ToldRuling) -> str:
    parts = [f"{one.kind} {one.idx}: {one.decision}"]
    parts += [one.why] if one.why else []
    parts += [f"[{' '.join(one.flags)}]"] if one.flags else []
    parts += [f"number {one.number}"] if one.number else []
    parts += [f"by {one.by[:SHOWN]}"] if one.by else []
    if one.facts:
        parts.append(f"looked at {_line(one.facts)}")
    if one.again == "same":
        parts.append("— decided again: the same")
    elif one.again:
        parts.append(f"— decided again: {one.again.upper().replace('_', ' ')}")
    return " ".join(parts)


def _line(value: object) -> str:
    return for_terminal(msgspec.json.encode(value).decode()) if value else ""


def _when(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
