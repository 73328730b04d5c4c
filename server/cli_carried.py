"""What became of a file that people carried, in sentences.

Responsible for what `ortoo bundle` says of a file's maker, of what it held, and of each thing that is wrong with it.
Refuses to take anything in.

Example: `tell_faults(carried)` names the first twenty places with cause and cure, and whether the file is whole.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from server.courier.carried import Carried, Refused
from server.courier.files import as_json, told_of
from server.imports.hygiene import for_terminal
from server.now import SystemClock
from sync import errors
from sync.bundle import Manifest

NOT_STORED = ("bad_signature", "too_large", "malformed")
SHOWN = 20
FUTURE_MS = 60_000  # so far ahead of the clock here a maker's clock is worth a word


def not_stored(carried: Carried) -> int:
    """How many sets could not be stored."""
    return sum(carried.results[r] for r in NOT_STORED)


def taken_at_centre(carried: Carried) -> str:
    """What became of the sets of a file at a centre."""
    known, lost = carried.results["duplicate"], not_stored(carried)
    fresh = carried.results.total() - known - lost
    return f"taken in {fresh} new, {known} known before, {lost} not stored"


def taken_at_station(carried: Carried, settled: int, owed: int) -> str:
    """What became of the sets of a file at a station, and what the centre ruled on what it owed."""
    kept, known = carried.results["kept"], carried.results["duplicate"]
    lost = not_stored(carried)
    return (
        f"taken in {kept} kept for the centre, {known} it knows, {lost} not stored\n"
        f"answered {settled} that were owed to the centre; {owed} are owed"
    )


def tell_maker(made: Manifest | None) -> None:
    """Who made it, when, and for whom, by its own word."""
    if made is None:
        click.echo("made     nobody can say by whom: it does not begin with a whole manifest")
        return
    at = datetime.fromtimestamp(max(0, min(made.at_ms, 253_402_300_799_000)) / 1000, UTC)
    ahead = made.at_ms > SystemClock().now_ms() + FUTURE_MS
    when = f"{at:%Y-%m-%d %H:%M:%S} UTC{' (in the future, by this clock)' if ahead else ''}"
    click.echo(for_terminal(f"made     {when} by {made.by}, chain {made.chain.hex()}"))
    if made.counts:
        click.echo(f"put in   {counted_words(made.counts)}, by its own word")
    if made.to is not None:
        click.echo(f"for      server {made.to.hex()}")


def counted_words(kinds: Mapping[str, int]) -> str:
    """How many of each kind."""
    return ", ".join(for_terminal(f"{kind}s {count}") for kind, count in sorted(kinds.items()))


def tell_refused(refused: list[Refused]) -> None:
    """The sets that do not count, and why."""
    for one in refused[:SHOWN]:
        click.echo(f"  record {one.n}: {one.r}: {sentence(one.why or one.r)}")
    if len(refused) > SHOWN:
        click.echo("  ... the others stand in the report")


def tell_faults(carried: Carried) -> None:
    """What could not be read or believed, and whether the file is whole."""
    for fault in carried.faults[:SHOWN]:
        click.echo(f"  record {fault.n}, byte {fault.offset}: {sentence(fault.code)}")
    if carried.faults_count > SHOWN:
        click.echo(f"  ... and {carried.faults_count - SHOWN} more")
    click.echo(f"whole    {'yes' if carried.is_whole else 'NO'}")


def sentence(code: str) -> str:
    """A code with its cause and cure."""
    entry = errors.lookup(code)
    return f"{code}: {entry.cause} -> {entry.cure}"


def write_report(path: Path, file: Path, carried: Carried, *, was_sealed: bool) -> None:
    """Everything for whoever looks into it, as JSON."""
    report = {"file": file.name} | as_json(told_of(carried, was_sealed=was_sealed))
    path.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
