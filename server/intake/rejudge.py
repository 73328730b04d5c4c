"""Judging every clock again from the log alone: verdicts follow from evidence, and this proves it (SPEC VD9).

Responsible for the rows of `verdicts` and their timers when everything is folded again, and for finding a log that
says less, or more, of a clock than its evidence does. Refuses to rule: what is missing in the log stays missing, and
is told. Samples of clocks must stand as they should before.

Example: `wrong = await rejudge(db, check=True)`; it is 0 unless there is a bug or somebody has tampered.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from server.intake import timing, verdicts
from server.intake.chains import Chains
from server.intake.memory import Incident, load
from server.intake.verdicts import SETTLING_MS, Finding
from server.store import log, people, projections, sets, timers
from server.store import verdicts as stored
from server.store.engine import Database
from server.store.people import Directory
from server.store.rows import query
from server.store.verdicts import Key, Row
from sync import rulings, verdict
from sync.time import Timed
from sync.verdict import BEST

PAGE = 200  # incidents judged in one transaction
BY_TIME = frozenset({verdict.NOT_DELIVERED, verdict.UNPROVEN})
"""Findings that a timer writes down: one that is due by now is not missing, its timer will ring."""


class Written:
    """Index of the newest ruling on each clock, by incident: as of the page that is looked at, and no page before."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._upto = 0
        self._newest: dict[bytes, dict[Key, int]] = {}

    def read_on(self, connection: Connection) -> None:
        """Read what was ruled since."""
        sql = "SELECT idx, bytes FROM rulings WHERE kind = 'verdict' AND idx > ? ORDER BY idx"
        for idx, raw in query(connection, sql, (self._upto,)):
            ruling = rulings.read_ruling(bytes(raw))
            self._newest.setdefault(ruling.payload["e"], {})[verdicts.about(ruling)] = idx
            self._upto = idx

    def of(self, entity: bytes) -> list[int]:
        """Of one incident, in order."""
        return sorted(self._newest.get(entity, {}).values())


async def rejudge(db: Database, *, check: bool) -> int:
    """Judge all incidents; gives how many had a verdict that did not stand as it should."""
    written = Written()
    await db.reading(written.read_on)  # most of it while nobody has to wait
    wrong = 0
    after: bytes | None = b""
    while after is not None:
        after, differing = await db.writing(_page, after, check, written)
        wrong += differing
    return wrong


def _page(
    connection: Connection, after: bytes, check: bool, written: Written
) -> tuple[bytes | None, int]:
    log.lock(connection)  # no batch may come between the look and the rows
    written.read_on(connection)
    directory = people.directory(connection)
    entities = projections.entities(connection, after, PAGE)
    now_ms = _newest_ms(connection)
    wrong: list[list[Finding]] = []
    moments: list[tuple[bytes, int | None]] = []
    waiting = timers.moments(connection, timers.VERDICTS, entities)
    for entity in entities:
        incident = load(connection, entity, directory)
        if not incident.scopes or not verdicts.runs(incident):
            continue
        ruled = sets.rulings_at(connection, written.of(entity))
        said = [rulings.read_ruling(raw) for _idx, _at_ms, raw in ruled]
        differing, turns_ms = _found(connection, incident, directory, said, now_ms)
        if waiting.get(entity, now_ms + SETTLING_MS + 1) <= now_ms + SETTLING_MS:
            continue  # somebody is about to look at it, or does so now
        if any(one.payload is not None for one in differing):
            turns_ms = now_ms  # whoever wakes then rules it
        moments.append((entity, turns_ms))
        if differing:
            wrong.append(differing)
    if not check:
        rows = [one.row for differing in wrong for one in differing if one.payload is None]
        stored.write(connection, rows)
        timers.write(connection, timers.VERDICTS, moments)
    return (entities[-1] if entities else None), len(wrong)


def _newest_ms(connection: Connection) -> int:
    """When the newest ruling was made: so far the log says what time had done."""
    rows = query(connection, "SELECT at_ms FROM rulings ORDER BY idx DESC LIMIT 1")
    return rows[0][0] if rows else 0


def _found(
    connection: Connection,
    incident: Incident,
    directory: Directory,
    ruled: list[rulings.Ruling],
    now_ms: int,
) -> tuple[list[Finding], int | None]:
    """What is not as it should be of one incident, and when time alone will change something.

    From what was written down last of each clock and from all evidence follows the row that must stand. That something
    else would have to be written down means that the log and its evidence do not belong together.
    """
    times = timing.times(connection, verdicts.needed(incident, directory.book), Chains(connection))
    found = verdicts.judge(incident, times, directory.book, now_ms)
    as_ruled = {verdicts.about(one): verdicts.row_as_ruled(incident.state, one) for one in ruled}
    kept = stored.of_incidents(connection, [incident.id])[incident.id]
    differing = [
        one
        for one in verdicts.findings(incident, found, as_ruled, every=True)
        if one.row.result not in BY_TIME
        and (
            one.payload is not None
            or one.row != kept.get(one.row.key)
            or is_contradicted(one.row, times)
        )
    ]
    return differing, verdicts.turns_ms(found)


def is_contradicted(row: Row, times: Mapping[bytes, Timed]) -> bool:
    """Whether what is known today of the two statements that a finding rests on says the opposite of it."""
    start, end = times.get(row.start_op or b""), times.get(row.end_op or b"")
    if start is None or end is None or row.within_ms is None:
        return False
    begun, done = start.proved(BEST), end.proved(BEST)
    if row.result == verdict.MET and done.lo_ms is not None and begun.hi_ms is not None:
        return done.lo_ms - begun.hi_ms > row.within_ms
    # Of the incident's own clocks another one may have started it.
    is_of_order = row.result == verdict.MISSED and row.order_id != b""
    if is_of_order and done.hi_ms is not None and begun.lo_ms is not None:
        return done.hi_ms - begun.lo_ms <= row.within_ms
    return False
