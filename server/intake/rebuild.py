"""Folding every incident again from the log: projections are replaceable, and this proves it.

Responsible for `ortoo rebuild`: page after page of incidents, each page one transaction, so that it
may be stopped at any time and run beside a serving centre. Refuses to touch the log.

Example: `seen, wrong = await rebuild(url, check=True)`; `wrong` is 0 unless there is a bug.
"""

from collections.abc import Callable

from sqlalchemy import Connection

from server.intake import timing, words
from server.intake.memory import Incident, due_ms, load_all, projected
from server.intake.mirrored import folded, is_shown, verdict_rows
from server.intake.rejudge import rejudge
from server.store import (
    kept,
    log,
    people,
    projections,
    samples,
    sets,
    tables,
    timers,
    upstream,
    verdicts,
)
from server.store.engine import Database
from server.store.people import Directory
from server.store.projections import Projected
from server.store.rows import Row
from sync import changeset, rulings
from sync.changeset import ChangeSet

PAGE = 200  # incidents folded in one transaction
SAMPLE_KEYS = len(tables.clock_samples.primary_key.columns)
WORD_KEYS = len(tables.kept_words.primary_key.columns)


async def rebuild(
    url: str,
    *,
    check: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[int, int]:
    """Fold all incidents; gives how many there are and how many did not stand as they should."""
    db = Database(url)
    seen = wrong = 0
    after: bytes | None = b""
    try:
        while after is not None:
            last, met, differing = await db.writing(_page, after, check)
            seen, wrong = seen + met, wrong + differing
            if progress is not None and last is not None:
                progress(seen, wrong)
            after = last
        # Last, for when things happened follows from samples that had to be found first. A station judges no clock.
        if await db.reading(upstream.read) is None:
            wrong += await rejudge(db, check=check)
    finally:
        await db.close()
    return seen, wrong


def sample(connection: Connection) -> tuple[int, int]:
    """Fold some incidents and compare, writing nothing: the first by id, which is chance."""
    _last, seen, wrong = _page(connection, b"", check=True)
    return seen, wrong


def _page(connection: Connection, after: bytes, check: bool) -> tuple[bytes | None, int, int]:
    log.lock(connection)  # no batch may come between the fold and the rows
    directory = people.directory(connection)
    known = upstream.read(connection)
    station = None if known is None else known.station
    entities = projections.entities(connection, after, PAGE)
    seen = 0
    wrong: list[Projected] = []
    others_wrong = 0
    moments: list[tuple[bytes, int | None]] = []
    for entity in entities:
        incident = folded_here(connection, entity, directory)
        if not is_shown(incident, station, directory):
            # A chain, an incident of which nothing was accepted, or one of another station.
            others_wrong += not _words_stand(connection, entity, check)
            continue
        seen += 1
        # What is long due wakes somebody who sets it right.
        moments.append((entity, due_ms(incident, directory.book, 0)))
        if not stands(connection, incident, directory):
            wrong.append(projected(incident, directory.book))
        elif station is not None:
            others_wrong += not _verdicts_stand(connection, incident, check)
    if not check:
        projections.write(connection, wrong)
        timers.write(connection, timers.NUDGES, moments)
    return (entities[-1] if entities else None), seen, len(wrong) + others_wrong


def folded_here(connection: Connection, entity: bytes, directory: Directory) -> Incident:
    """An incident folded from its stored evidence, as this server folds it."""
    fold = load_all if upstream.read(connection) is None else folded
    return fold(connection, [entity], directory)[entity]


def _verdicts_stand(connection: Connection, incident: Incident, check: bool) -> bool:
    """Whether the verdicts that a station mirrors stand as they were ruled; they do afterwards, unless it is only a
    check.
    """
    should = {row.key: row for row in verdict_rows(connection, incident)}
    is_so = verdicts.of_incidents(connection, [incident.id])[incident.id] == should
    if not is_so and not check:
        verdicts.forget(connection, incident.id)
        verdicts.write(connection, list(should.values()))
    return is_so


def stands(connection: Connection, incident: Incident, directory: Directory) -> bool:
    """Whether the rows that screens read of an incident are those that it folds to."""
    known = upstream.read(connection)
    is_wanted = is_shown(incident, None if known is None else known.station, directory)
    should = projected(incident, directory.book) if is_wanted else None
    return _plain(projections.of_incident(connection, incident.id)) == _plain(should)


def _words_stand(connection: Connection, chain: bytes, check: bool) -> bool:
    """Whether what a chain says of its clocks, and of sets that it keeps, stands as its sets have it; it does
    afterwards, unless it is only a check.
    """
    clocks: dict[Row, Row] = {}
    said: dict[Row, Row] = {}
    for stored in sets.evidence(connection, chain):
        found = changeset.read(stored.envelope)
        if isinstance(found, ChangeSet):
            ruling = rulings.read_ruling(stored.ruling)
            clocks |= {row[:SAMPLE_KEYS]: row for row in timing.rows_of(found, ruling)}
            said |= {row[:WORD_KEYS]: row for row in words.rows_of(found, ruling)}
    stands = sorted(clocks.values()) == sorted(samples.of_chain(connection, chain)) and sorted(
        said.values()
    ) == sorted(kept.of_hub(connection, chain))
    if not stands and not check:
        samples.forget(connection, chain)
        samples.write(connection, list(clocks.values()))
        kept.forget(connection, chain)
        kept.write(connection, list(said.values()))
    return stands


def _plain(rows: Projected | None) -> object:
    """Rows to compare: in any order, and with truth values as SQLite keeps them."""
    if rows is None:
        return None
    parts = [[rows.incident], rows.orders, rows.deadlines, rows.nudges]
    return [
        sorted((tuple(int(v) if isinstance(v, bool) else v for v in row) for row in part), key=repr)
        for part in parts
    ]
