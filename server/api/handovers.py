"""From one shift to the next: ``POST /api/handovers``, the list, one of them to read and print, and taking it over.

A note belongs to a seat, not to an incident: what concerns one incident alone is an entry there. With its words it
keeps what was open at that moment, as counts and as the list of incidents; words of incidents are read from them when
the list is shown, so that those taken away are gone here too (SPEC RD3). It stands on the wall of the seat until
somebody takes it over in their own name. Nothing in it is ever changed.

Example: ``POST /api/handovers {"id": "…", "text": "昂素所二号车电台坏了"}``, then ``POST /api/handovers/…/take``.
"""

from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection, and_, select

from server.api.handed import seat_of, shown
from server.api.ids import Hex32, Ms, from_hex, hex_or_none
from server.api.session import NO_STORE
from server.api.spec import SESSION, SESSION_AND_CSRF, json_body, refusals
from server.api.summaries import visible_to
from server.api.wall import picture
from server.api.wallrows import Handover, Wall
from server.auth.guards import Access, SignedIn, may_dispatch
from server.now import Clock
from server.problems import ProblemError
from server.store import handovers
from server.store.engine import Database
from server.store.handovers import Note
from server.store.people import Directory
from server.store.tables import deadlines, incidents
from sync import canon

MAX_LISTED: Final = 50
"""Notes named at once, the newest: two weeks of three shifts."""
MAX_OPEN: Final = 500
"""Incidents kept in one note, the oldest; ``more`` counts the rest."""
_DUE_BY: Final = ("C1", "C2", "C5", "C6", "C7")
"""Clocks of an incident that goes on; the earliest due of them is what comes next."""


class NewHandover(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A note. ``id`` is 16 bytes of chance made by whoever writes, so that sending it again writes it once."""

    id: Hex32
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4_000, pattern="^[^\\x00]*$")]


class Count(msgspec.Struct, frozen=True):
    """How many stood in a column, and how many of them were overdue."""

    n: int
    overdue: int


class Counts(msgspec.Struct, frozen=True):
    """What the wall showed. ``silent`` devices counted against nobody, like what was undelivered."""

    signing: Count
    feedback: Count
    callback: Count
    undelivered: int
    silent: int


class Going(msgspec.Struct, frozen=True, array_like=True):
    """An incident that went on: its status then, and the clock that was due next with its moment."""

    incident: bytes
    status: str
    exercise: bool
    clock: str | None
    due_ms: int | None


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is kept with the words: counts, incidents, and how many more there were."""

    counts: Counts
    going: list[Going]
    more: int


class OpenThen(msgspec.Struct, frozen=True):
    """An incident that was open when the note was written: how it stood then (``status``, ``clock``, ``due_ms``) and
    how it stands ``now``."""

    incident: Hex32
    number: str | None
    tag: str
    title: str
    place: str
    station: Hex32 | None
    exercise: bool
    status: str
    clock: str | None
    due_ms: Ms | None
    now: str


class HandoverPage(msgspec.Struct, frozen=True):
    """One note, to read and to print."""

    now_ms: Ms
    handover: Handover
    counts: Counts
    incidents: list[OpenThen]
    more: int


def _seat(who: SignedIn) -> bytes:
    seat = seat_of(who)
    if seat is None:
        raise ProblemError("not_allowed", detail="A station's watch belongs to a station.")
    return seat


def _counts(wall: Wall) -> Counts:
    def of(name: str) -> Count:
        one = getattr(wall, name)
        return Count(len(one.rows) + one.more, one.overdue)

    return Counts(
        signing=of("signing"),
        feedback=of("feedback"),
        callback=of("callback"),
        undelivered=len(wall.undelivered) + wall.undelivered_more,
        silent=wall.completeness.silent,
    )


def _going(connection: Connection, who: SignedIn) -> list[Going]:
    """The incidents that go on, the oldest first, each with what is due next of it."""
    found = connection.execute(
        select(incidents.c.id, incidents.c.status, incidents.c.exercise)
        .where(incidents.c.ended_at_ms.is_(None), visible_to(who))
        .order_by(incidents.c.created_at_ms.nulls_last(), incidents.c.id)
    ).all()
    due: dict[bytes, tuple[int, str]] = {}
    running = select(deadlines.c.incident, deadlines.c.deadline, deadlines.c.due_ms).where(
        and_(
            deadlines.c.deadline.in_(_DUE_BY),
            deadlines.c.done_ms.is_(None),
            deadlines.c.due_ms.is_not(None),
        )
    )
    for incident, clock, due_ms in connection.execute(running):
        next_ = due_ms, clock
        due[incident] = min(due.get(incident, next_), next_)
    going = []
    for incident, status, exercise in found:
        due_ms, clock = due.get(incident, (None, None))
        going.append(Going(incident, status, exercise, clock, due_ms))
    return going


@post(
    "/api/handovers",
    tags=["wall"],
    operation_id="handOver",
    guards=[may_dispatch],
    security=SESSION_AND_CSRF,
    responses=refusals("bad_request", "not_signed_in", "csrf", "not_allowed", "not_ready"),
)
async def hand_over(
    data: Annotated[
        NewHandover,
        json_body(
            {"id": "00112233445566778899aabbccddeeff", "text": "昂素所二号车电台坏了，先打电话。"},
            "What the next shift must know",
        ),
    ],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    clock: NamedDependency[Clock],
) -> Response[Handover]:
    """Write a note for the next shift; what is open now is kept with it. The same note sent again is written once."""
    seat, text, directory = _seat(who), data.text.strip(), access.directory()
    if not text:
        raise ProblemError("bad_request", detail="The note has no words.")
    wanted, now_ms = bytes.fromhex(data.id), clock.now_ms()

    def look(connection: Connection) -> tuple[Counts, list[Going]]:
        return _counts(picture(connection, who, directory, now_ms)), _going(connection, who)

    counts, going = await db.reading(look)
    kept = Kept(counts, going[:MAX_OPEN], max(0, len(going) - MAX_OPEN))
    note = Note(
        id=wanted,
        seat=seat,
        at_ms=now_ms,
        author=who.person.id,
        text=text,
        open=sum(not one.exercise for one in going),
        raw=canon.encode(msgspec.to_builtins(kept, builtin_types=(bytes,))),
    )

    def write(connection: Connection) -> Note:
        before = handovers.find(connection, wanted)
        if before is None:
            handovers.add(connection, note)
            return note
        if (before.seat, before.author, before.text) != (seat, who.person.id, text):
            raise ProblemError("not_ready", detail="Another note has this id.")
        return before

    written = await db.writing(write)
    return Response(shown(written, directory), status_code=201, headers=NO_STORE)


@get(
    "/api/handovers",
    tags=["wall"],
    operation_id="listHandovers",
    guards=[may_dispatch],
    security=SESSION,
    responses=refusals("not_signed_in", "not_allowed"),
)
async def list_handovers(
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
) -> Response[list[Handover]]:
    """List the notes of the own seat, the newest first."""
    seat, directory = _seat(who), access.directory()

    def read(connection: Connection) -> list[Note]:
        return handovers.newest(connection, seat, MAX_LISTED, open_only=False)

    notes = await db.reading(read)
    return Response([shown(note, directory) for note in notes], headers=NO_STORE)


def _of_the_seat(connection: Connection, wanted: bytes, seat: bytes) -> Note:
    note = handovers.find(connection, wanted)
    if note is None or note.seat != seat:
        raise ProblemError("not_found", detail="This seat has no such note.")
    return note


@get(
    "/api/handovers/{handover:str}",
    tags=["wall"],
    operation_id="getHandover",
    guards=[may_dispatch],
    security=SESSION,
    responses=refusals("bad_id", "not_signed_in", "not_allowed", "not_found"),
)
async def read_handover(
    handover: FromPath[str],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    clock: NamedDependency[Clock],
) -> Response[HandoverPage]:
    """Show one note with what was open when it was written, and beside each incident how it stands now."""
    wanted, seat, directory = from_hex(handover, "note"), _seat(who), access.directory()
    now_ms = clock.now_ms()

    def read(connection: Connection) -> HandoverPage:
        return _page(connection, _of_the_seat(connection, wanted, seat), directory, now_ms)

    return Response(await db.reading(read), headers=NO_STORE)


def _page(connection: Connection, note: Note, directory: Directory, now_ms: int) -> HandoverPage:
    kept = msgspec.convert(canon.decode(note.raw), Kept, builtin_types=(bytes,))
    wanted = [one.incident for one in kept.going]
    rows = connection.execute(select(incidents).where(incidents.c.id.in_(wanted))).mappings()
    known = {row["id"]: row for row in rows}
    return HandoverPage(
        now_ms=now_ms,
        handover=shown(note, directory),
        counts=kept.counts,
        incidents=[
            OpenThen(
                incident=one.incident.hex(),
                number=row["number"],
                tag=row["tag"],
                title=row["title"],
                place=row["place"],
                station=hex_or_none(row["station"]),
                exercise=one.exercise,
                status=one.status,
                clock=one.clock,
                due_ms=one.due_ms,
                now=row["status"],
            )
            for one in kept.going
            if (row := known.get(one.incident)) is not None
        ],
        more=kept.more,
    )


@post(
    "/api/handovers/{handover:str}/take",
    tags=["wall"],
    operation_id="takeOver",
    status_code=200,
    guards=[may_dispatch],
    security=SESSION_AND_CSRF,
    responses=refusals("bad_id", "not_signed_in", "csrf", "not_allowed", "not_found", "not_ready"),
)
async def take_over(
    handover: FromPath[str],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    clock: NamedDependency[Clock],
) -> Response[Handover]:
    """Take a note over in the own name: it leaves the wall of the seat. Done once; the same person may say so again."""
    wanted, seat, directory = from_hex(handover, "note"), _seat(who), access.directory()

    def write(connection: Connection) -> Note:
        _of_the_seat(connection, wanted, seat)
        handovers.take(connection, wanted, clock.now_ms(), who.person.id)
        return _of_the_seat(connection, wanted, seat)

    note = await db.writing(write)
    if note.taken_by != who.person.id:
        taker = shown(note, directory).taken_by_name
        raise ProblemError("not_ready", detail=f"{taker} has taken it over already.")
    return Response(shown(note, directory), headers=NO_STORE)


ROUTES: Final[list[Any]] = [hand_over, list_handovers, read_handover, take_over]
