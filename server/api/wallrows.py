"""What the watch wall is made of: its rows, columns and figures, and how a countdown becomes a row.

Pure shaping of what was read, at a moment handed in. Knows no SQL and decides nothing: countdowns come from the
projected deadlines.

>>> state_of(1_000, 31_000, None, 40_000), state_of(1_000, 31_000, 20_000, 40_000)
('overdue', 'done')
"""

import msgspec
from sqlalchemy import RowMapping

from server.api.ids import Hex32, Ms, hex_or_none
from server.store.people import Directory


class DeadlineState(msgspec.Struct, frozen=True):
    """A countdown: ``state`` is ``done``, ``waiting``, ``running``, ``overdue`` or ``none`` (DL1)."""

    id: str
    start_ms: Ms | None
    due_ms: Ms | None
    done_ms: Ms | None
    state: str


class TargetName(msgspec.Struct, frozen=True):
    """Who an order went to."""

    kind: str
    id: Hex32
    name: str


class Nudged(msgspec.Struct, frozen=True):
    """How somebody was urged lately: by whom, by which ``channel``, and whether anybody was ``reached`` (null: nobody
    can say). ``count`` is how often people did so by it."""

    at: Ms
    by_name: str
    channel: str
    reached: bool | None
    count: int


class WallRow(msgspec.Struct, frozen=True):
    """One thing that is due. Callback rows carry ``attempts``, ``score`` and ``reason``; those after a complaint
    (``C9r``: call once more; ``C10``: put it right) its open ``step``.

    ``told`` is who has it on their list by the plan, the highest of ``desk``, ``station`` and ``commander``, since
    ``told_at``; ``nudged`` what people did about it last. ``return_requested``: the receiver waits for an answer.
    """

    incident: Hex32
    number: str | None
    tag: str
    title: str
    place: str
    station: Hex32 | None
    status: str
    level: int | None
    exercise: bool
    order: Hex32 | None
    target: TargetName | None
    deadline: DeadlineState
    device_last_contact_ms: Ms | None
    attempts: int | None
    score: int | None
    reason: str | None
    return_requested: bool = False
    step: str | None = None
    told: str | None = None
    told_at: Ms | None = None
    nudged: Nudged | None = None


class Recent(msgspec.Struct, frozen=True):
    """Something done lately, with what was found of its clock: ``result`` as in SPEC VD, ``pending`` while nobody has
    looked, and between which times it took (``elapsed_lo_ms``, ``elapsed_hi_ms``; null where nothing bounds it).

    ``override`` is what a person found, beside it. ``score`` is what the caller said, 1 to 3, where what was done is a
    callback.
    """

    incident: Hex32
    title: str
    person: str
    at: Ms
    result: str
    elapsed_lo_ms: int | None
    elapsed_hi_ms: int | None
    override: str | None
    score: int | None


class Today(msgspec.Struct, frozen=True):
    """What was done since midnight in Shanghai, by what was found. ``others``: not looked at yet, or without a
    limit."""

    met: int
    missed: int
    undetermined: int
    others: int


class Column(msgspec.Struct, frozen=True):
    """One column of the wall, the next breach first; ``more`` rows are not shown."""

    rows: list[WallRow]
    overdue: int
    next_due_ms: Ms | None
    recent: list[Recent]
    today: Today
    more: int


class Silent(msgspec.Struct, frozen=True):
    """A device not heard of lately, or a station (no ``person``; its ``name`` is the station's). ``pending`` is what it
    last said it held."""

    device: Hex32
    label: str
    person: Hex32 | None
    name: str
    station: Hex32 | None
    last_contact_ms: Ms
    pending: int
    oldest_ms: Ms | None


class Online(msgspec.Struct, frozen=True):
    """Devices heard within five minutes, of all that are enrolled and not revoked."""

    online: int
    total: int


class Completeness(msgspec.Struct, frozen=True):
    """How much of the picture can be known: devices online per ten thousand; ``unknown`` were never heard at all."""

    basis_points: int | None
    silent: int
    unknown: int


class Waiting(msgspec.Struct, frozen=True):
    """How many sets of each kind nobody has decided about."""

    held: int = 0
    rejected: int = 0
    opaque: int = 0
    compromised: int = 0


class Open(msgspec.Struct, frozen=True):
    """What is said in two ways: incidents that are not ended, their facts with values that differ, their
    contradictory steps."""

    incidents: int
    facts: int
    steps: int


class Handover(msgspec.Struct, frozen=True):
    """What one shift told the next: who, when, in which words, and how much was open then. ``taken_by_name`` is null
    while nobody of the seat has taken it over."""

    id: Hex32
    at_ms: Ms
    by: Hex32
    by_name: str
    text: str
    open: int
    taken_at_ms: Ms | None
    taken_by_name: str | None


class Wall(msgspec.Struct, frozen=True):
    """Everything the watch wall shows. ``waiting`` counts sets that nobody has decided about, ``conflicts`` what is
    said in two ways: each leads to the screen where it is worked off. ``handovers`` are those of this seat that nobody
    has taken over, the newest first."""

    now_ms: Ms
    signing: Column
    feedback: Column
    callback: Column
    undelivered: list[WallRow]
    undelivered_more: int
    silent: list[Silent]
    devices: Online
    completeness: Completeness
    waiting: Waiting
    conflicts: Open
    handovers: list[Handover]


def due_of(row: WallRow) -> tuple[int, int, int, str]:
    """By what rows are sorted: the next breach, those without a limit last, then the one that has waited longest."""
    is_open = row.deadline.due_ms is None
    return is_open, row.deadline.due_ms or 0, row.deadline.start_ms or 0, row.order or ""


def state_of(start_ms: int | None, due_ms: int | None, done_ms: int | None, now_ms: int) -> str:
    """The state of a countdown at a moment (DL1)."""
    if done_ms is not None:
        return "done"
    if start_ms is None:
        return "waiting"
    if due_ms is None:
        return "none"
    return "overdue" if now_ms > due_ms else "running"


class Names(msgspec.Struct, frozen=True):
    """Names of targets and when their devices were last heard."""

    directory: Directory
    heard_by_person: dict[bytes, int]

    def target(self, kind: str | None, target_id: bytes | None) -> TargetName | None:
        if kind is None or target_id is None:
            return None
        what = {"unit": "units", "person": "people", "vehicle": "vehicles"}.get(kind, "")
        row = self.directory.row(what, target_id)
        return TargetName(kind, target_id.hex(), row["name"] if row else "")

    def heard(self, kind: str | None, target_id: bytes | None) -> int | None:
        """The last contact of any device of the target: of a person, or of anyone in a unit or on a vehicle's unit."""
        if target_id is None:
            return None
        if kind == "person":
            return self.heard_by_person.get(target_id)
        unit: bytes | None = target_id
        if kind == "vehicle":
            unit = (self.directory.row("vehicles", target_id) or {}).get("unit")
        crew = (
            person.id
            for person in self.directory.people()
            if unit is not None and person.unit == unit
        )
        return max(
            (self.heard_by_person[one] for one in crew if one in self.heard_by_person), default=None
        )


def row_of(found: RowMapping, names: Names, now_ms: int) -> WallRow:
    is_callback = found["deadline"] == "C9"
    is_complaint = found["deadline"] in ("C9r", "C10")
    # What has no limit of its own is late from when the plan gave it to the desk.
    due_ms = found["due_ms"] if found["due_ms"] is not None else found["told_at_ms"]
    countdown = DeadlineState(
        id=found["deadline"],
        start_ms=found["start_ms"],
        due_ms=due_ms,
        done_ms=found["done_ms"],
        state=state_of(found["start_ms"], due_ms, found["done_ms"], now_ms),
    )
    return WallRow(
        incident=found["incident"].hex(),
        number=found["number"],
        tag=found["tag"],
        title=found["title"],
        place=found["place"],
        station=hex_or_none(found["station"]),
        status=found["status"],
        level=found["level"],
        exercise=found["exercise"],
        order=hex_or_none(found["order_id"]),
        target=names.target(found["to_kind"], found["to_id"]),
        deadline=countdown,
        device_last_contact_ms=names.heard(found["to_kind"], found["to_id"]),
        attempts=found["callback_attempts"] if is_callback else None,
        score=found["callback_score"] if is_callback else None,
        reason=(
            (found["callback_reason"] or found["callback_outcome"])
            if is_callback
            else found["callback_reason"]
            if is_complaint
            else None
        ),
        step=found["ladder"] if is_complaint else None,
        return_requested=bool(found["return_requested"]) and bool(found["open"]),
    )


def recent_of(found: RowMapping, names: Names) -> Recent:
    target = names.target(found["to_kind"], found["to_id"])
    return Recent(
        incident=found["incident"].hex(),
        title=found["title"],
        person=target.name if target else "",
        at=found["done_ms"],
        result=found["result"] or "pending",
        elapsed_lo_ms=found["elapsed_lo_ms"],
        elapsed_hi_ms=found["elapsed_hi_ms"],
        override=found["override_result"],
        score=found["callback_score"] if found["deadline"] == "C9" else None,
    )
