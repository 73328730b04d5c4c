"""Feedback that is past its limit: one row per clock that nobody has stopped (SPEC C6, C7, C7r).

Responsible for finding them at a moment and for saying who was sent, since when it is due and what was said of the
delay. Refuses to judge: a row here is a countdown that ran out, not a finding.

Example: an incident cleared two days ago without final feedback gives a row of clock ``C7``; once its officer wrote one
without signal, ``answer_to(row, view)`` tells when it was written and when it came.
"""

from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, and_, select

from server.api.ids import Hex32, Ms, hex_or_none
from server.intake.project import newest
from server.store.people import Directory
from server.store.tables import deadlines, incidents
from sync.incident.orders import counts

MAX_ROWS: Final = 500
"""Rows of one list; a banner has some sixty incidents a day."""
_TABLES: Final = {"unit": "units", "person": "people", "vehicle": "vehicles"}


class Delay(msgspec.Struct, frozen=True):
    """What was said of a delay, and the desk's answer to it (SPEC FB4); ``reply`` is null while it waits."""

    op: str
    by_name: str
    at: Ms
    received_at: Ms | None
    text: str
    reply: str | None


class Late(msgspec.Struct, frozen=True):
    """Feedback past its limit. ``clock`` is ``C6`` (first), ``C7`` (final) or ``C7r`` (returned, to be corrected);
    ``sent`` are the names of who was sent."""

    incident: Hex32
    number: str | None
    tag: str
    title: str
    place: str
    station: Hex32 | None
    exercise: bool
    status: str
    round: int
    clock: str
    start_ms: Ms
    due_ms: Ms
    sent: list[str]
    delays: list[Delay]


class Answered(msgspec.Struct, frozen=True):
    """Feedback that came after all: when it was written and when the centre had it."""

    at: Ms
    received_at: Ms | None


class Found(msgspec.Struct, frozen=True, array_like=True):
    """A countdown that ran out, as it stood at a moment: without a word of what people wrote, which may have to go."""

    entity: bytes
    round: int
    status: str
    exercise: bool
    clock: str
    start_ms: int
    due_ms: int


def find(connection: Connection, seen: ColumnElement[bool], now_ms: int) -> list[Found]:
    """Every feedback clock that ran out and that nobody stopped, the longest overdue first; at most `MAX_ROWS`."""
    missing = and_(
        deadlines.c.deadline.in_(("C6", "C7")),
        deadlines.c.done_ms.is_(None),
        deadlines.c.due_ms < now_ms,
    )
    given = connection.execute(
        select(incidents, deadlines.c.deadline, deadlines.c.start_ms, deadlines.c.due_ms)
        .join(deadlines, deadlines.c.incident == incidents.c.id)
        .where(missing, seen)
        .order_by(deadlines.c.due_ms, incidents.c.id)
        .limit(MAX_ROWS)
    ).mappings()
    found = [_found(row, row["deadline"], row["start_ms"], row["due_ms"]) for row in given]
    returned = connection.execute(
        select(incidents)
        .where(
            incidents.c.feedback_state == "returned",
            incidents.c.correct_due_ms < now_ms,
            standing(),
        )
        .where(seen)
        .order_by(incidents.c.correct_due_ms, incidents.c.id)
        .limit(MAX_ROWS)
    ).mappings()
    found += [_found(row, "C7r", row["correct_from_ms"], row["correct_due_ms"]) for row in returned]
    return sorted(found, key=lambda one: (one.due_ms, one.entity, one.clock))[:MAX_ROWS]


def standing() -> ColumnElement[bool]:
    """Incidents that feedback is still wanted of: nobody asks about what was withdrawn or is a duplicate."""
    return incidents.c.status.not_in(("withdrawn", "duplicate"))


def _found(row: RowMapping, clock: str, start_ms: int, due_ms: int) -> Found:
    return Found(
        row["id"], row["round"], row["status"], bool(row["exercise"]), clock, start_ms, due_ms
    )


def late_of(one: Found, view: dict[str, Any], directory: Directory) -> Late:
    """The row of a list, with who was sent and what was said of the delay."""
    return Late(
        incident=one.entity.hex(),
        number=view["number"],
        tag=view["created"]["tag"] if view["created"] else "",
        title=newest(view, "title") or "",
        place=newest(view, "place") or "",
        station=hex_or_none(view["station"]),
        exercise=one.exercise,
        status=one.status,
        round=one.round,
        clock=one.clock,
        start_ms=one.start_ms,
        due_ms=one.due_ms,
        sent=sent_of(view, directory),
        delays=delays_of(view, directory),
    )


def sent_of(view: dict[str, Any], directory: Directory) -> list[str]:
    """The names of whom orders of this round went to that were not taken back."""
    names = []
    for order in view["orders"]:
        if order["round"] == view["round"] and counts(order):
            row = directory.row(_TABLES[order["to"][0]], order["to"][1])
            names.append(str(row["name"]) if row else "")
    return names


def delays_of(view: dict[str, Any], directory: Directory) -> list[Delay]:
    """What was said of delays, the first first."""
    found = []
    for entry in view["entries"]:
        if entry["kind"] == "delay_reason":
            person = directory.person(entry["by"])
            found.append(
                Delay(
                    op=entry["op"].hex(),
                    by_name=person.name if person else "",
                    at=entry["at"],
                    received_at=entry["received_at"],
                    text=entry["text"],
                    reply=entry["answer"] and entry["answer"]["reply"],
                )
            )
    return found


def answer_to(row: Late, view: dict[str, Any]) -> Answered | None:
    """The feedback that stops a row's clock, None while there is none."""
    after_ms = row.start_ms if row.clock == "C7r" else 0
    for entry in view["feedback"]:
        fits = entry["final"] or row.clock == "C6"
        if entry["round"] == row.round and fits and entry["at"] > after_ms:
            return Answered(entry["at"], entry["received_at"])
    return None
