"""What people say differently about the same thing: ``GET /api/rulings/conflicts``.

Responsible for listing incidents whose facts have several live values that differ, and steps with claims that
contradict each other or are disputed, each statement with who, when and how sure. Refuses to rule: ``POST
/api/incidents/{id}/moves`` does, with ``resolve`` naming every value that was shown, ``dispute``,
``withdraw_claim`` or ``keep_both``.

Example: two places of one incident come as ``{"f": "place", "values": [{"value": "嘎查东", …}, …]}``.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from server.api.asking import Inquiry, questions
from server.api.detail import CALLER_FACTS, device_labels, masked
from server.api.ids import Hex32, Ms, hex_or_none, plain
from server.api.session import NO_STORE
from server.api.spec import SESSION, refusals
from server.api.stories import Stories, Story
from server.api.summaries import ENDED, Summary, summary_of, visible_to
from server.api.wallrows import Open
from server.auth.guards import CALLER_KNOWN, Access, SignedIn, at_desk
from server.intake.contested import Slot, spoken, waiting_facts, waiting_steps
from server.now import Clock
from server.store.engine import Database
from server.store.people import Directory
from server.store.tables import incidents
from sync.fold import Item
from sync.incident.state import IncidentState

MAX_PAGE: Final = 100


class Said(msgspec.Struct, frozen=True):
    """Who said something, when, and how sure that is. ``at`` is when it happened, ``received_at`` when the centre
    had it, ``late_by`` the difference when over a minute; ``flags`` are the doubts of its ruling (SPEC RL2); it stands
    in record ``seq`` of ``chain``."""

    op: str
    by: Hex32
    by_name: str
    device: str
    chain: Hex32
    seq: int
    at: Ms
    received_at: Ms | None
    late_by: int | None
    late_entry: bool
    flags: list[str]


class Value(msgspec.Struct, frozen=True):
    """One live value of a fact."""

    value: Any
    said: Said


class Fact(msgspec.Struct, frozen=True):
    """A fact with values that differ, in the order of the cells. ``preds`` are the ops of all of them: what a
    ``resolve`` names."""

    f: str
    values: list[Value]
    preds: list[str]
    asked: list[Inquiry]


class Objection(msgspec.Struct, frozen=True):
    """Who disputes a claim, or took it back, and why."""

    said: Said
    why: str


class Claim(msgspec.Struct, frozen=True):
    """One claim of a step. ``via`` is how it came, ``said_by`` who said it where another wrote it down, ``position``
    latitude, longitude and accuracy in metres. ``effective``: the one that counts now."""

    said: Said
    via: str
    said_by: Hex32 | None
    said_by_name: str | None
    position: tuple[int, int, int] | None
    standing: bool
    effective: bool
    disputes: list[Objection]
    withdrawn: Objection | None


class ContestedStep(msgspec.Struct, frozen=True):
    """A step of one order, or of the incident, in one round. ``why`` is ``contradictory`` when what stands is
    more than three minutes apart for one person, or a quarter of an hour for a crew; else ``disputed``."""

    kind: str
    round: int
    order: Hex32 | None
    why: str
    claims: list[Claim]
    asked: list[Inquiry]


class Conflicted(msgspec.Struct, frozen=True):
    """One incident with everything in it that people should look at together."""

    incident: Summary
    facts: list[Fact]
    steps: list[ContestedStep]


class Conflicts(msgspec.Struct, frozen=True):
    """A page of incidents with conflicts, the last changed first; ``next`` is the cursor of the page after."""

    now_ms: Ms
    incidents: list[Conflicted]
    open: Open
    next: int | None


_OPEN: Final = and_(
    or_(incidents.c.conflicts > 0, incidents.c.contradictions > 0), incidents.c.status.not_in(ENDED)
)


def open_conflicts(connection: Connection, seen: ColumnElement[bool]) -> Open:
    """Count what is open among the incidents a person may see; drills are counted nowhere."""
    row = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(incidents.c.conflicts), 0),
            func.coalesce(func.sum(incidents.c.contradictions), 0),
        ).where(_OPEN, seen, ~incidents.c.exercise)
    ).one()
    return Open(*map(int, row))


@get(
    "/api/rulings/conflicts",
    tags=["rulings"],
    operation_id="listConflicts",
    guards=[at_desk],
    security=SESSION,
    responses=refusals("bad_request", "not_signed_in", "not_allowed"),
)
async def list_conflicts(
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    clock: NamedDependency[Clock],
    *,
    before: Annotated[int | None, QueryParameter(description="`next` of the page before")] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_PAGE)] = 50,
) -> Response[Conflicts]:
    """List open incidents with facts or steps that are said in two ways, the last changed first. A station sees its
    own."""
    seen = visible_to(who)

    def read(connection: Connection) -> tuple[list[tuple[Summary, bytes, int]], Open]:
        asked = select(incidents).where(_OPEN, seen)
        if before is not None:
            asked = asked.where(incidents.c.updated_idx < before)
        newest = asked.order_by(incidents.c.updated_idx.desc()).limit(limit + 1)
        rows = connection.execute(newest).mappings()
        found = [(summary_of(row), row["id"], row["updated_idx"]) for row in rows]
        return found, open_conflicts(connection, seen)

    found, counted = await db.reading(read)
    shown = found[:limit]
    told = await stories.read_all([entity for _summary, entity, _idx in shown])
    chains = {item.chain for story in told.values() for item in story.items}
    labels = await db.reading(device_labels, chains)
    telling = _Telling(access.directory(), labels, knows_caller=who.has(CALLER_KNOWN))
    page = Conflicts(
        now_ms=clock.now_ms(),
        incidents=[
            telling.conflicted(summary, told[entity])
            for summary, entity, _idx in shown
            if entity in told
        ],
        open=counted,
        next=shown[-1][2] if len(found) > limit else None,
    )
    return Response(page, headers=NO_STORE)


class _Telling:
    """Shapes what is folded for one reader."""

    def __init__(
        self, directory: Directory, labels: dict[bytes, str], *, knows_caller: bool
    ) -> None:
        self._directory = directory
        self._labels = labels
        self._knows_caller = knows_caller

    def conflicted(self, summary: Summary, story: Story) -> Conflicted:
        """One incident."""
        state = IncidentState(story.id)
        state.add(story.items)
        said = spoken(state)

        def asked(items: Iterable[Item]) -> list[Inquiry]:
            return questions(said, [item.op for item in items], state, self._name)

        facts = [
            self._fact(field, items, asked(items))
            for field, items in sorted(waiting_facts(state, said).items())
        ]
        steps = [self._step(slot, state, asked(slot.claims)) for slot in waiting_steps(state, said)]
        return Conflicted(summary, facts, steps)

    def _fact(self, field: str, items: list[Item], asked: list[Inquiry]) -> Fact:
        hides = field in CALLER_FACTS and not self._knows_caller
        values = [
            Value(masked(item.fields["v"]) if hides else plain(item.fields["v"]), self._said(item))
            for item in items
        ]
        return Fact(field, values, [item.op.hex() for item in items], asked)

    def _step(self, slot: Slot, state: IncidentState, asked: list[Inquiry]) -> ContestedStep:
        disputes = state.counted("milestone.dispute")
        withdrawals = state.counted("milestone.withdraw")
        claims = []
        for item in slot.claims:
            taken_back = [
                one
                for one in withdrawals
                if one.fields["claim"] == item.op and one.user == item.user
            ]
            said_by = item.fields.get("by")
            claims.append(
                Claim(
                    said=self._said(item),
                    via=item.fields["via"],
                    said_by=hex_or_none(said_by),
                    said_by_name=None if said_by is None else self._name(said_by),
                    position=item.fields.get("pos"),
                    standing=item.op in slot.standing,
                    effective=item.op == slot.effective,
                    disputes=[
                        self._objection(one) for one in disputes if one.fields["claim"] == item.op
                    ],
                    withdrawn=self._objection(taken_back[0]) if taken_back else None,
                )
            )
        why = "contradictory" if slot.is_contradictory else "disputed"
        return ContestedStep(slot.kind, slot.round, hex_or_none(slot.order), why, claims, asked)

    def _objection(self, item: Item) -> Objection:
        return Objection(self._said(item), item.fields["why"])

    def _said(self, item: Item) -> Said:
        return Said(
            op=item.op.hex(),
            by=item.user.hex(),
            by_name=self._name(item.user),
            device=self._labels.get(item.chain, ""),
            chain=item.chain.hex(),
            seq=item.seq,
            at=item.occurred_at_ms,
            received_at=item.at_ms,
            late_by=item.late_by_ms,
            late_entry=item.is_late_entry,
            flags=list(item.flags),
        )

    def _name(self, person: bytes) -> str:
        found = self._directory.person(person)
        return found.name if found is not None else ""


ROUTES: Final[list[Any]] = [list_conflicts]
