"""Policies and modes: what holds, what held, what will, and who decided it. ``/api/policies``, ``/api/modes``.

Responsible for the calls and for telling refusals field by field. A version is added, never changed; one that has not
begun may be taken back (SPEC PO3). What may be written is decided by `server.intake.limits`.

Example: ``POST /api/policies {"name": "冬季", "note": "夜间路滑", "limits": {"sign_within_ms": 45000}}`` answers
``{"id": "...", "idx": 41, "from_ms": 1753000000000}``."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection, select

from server.api.entering import through
from server.api.ids import Hex32, Ms, from_hex, hex_or_none, plain
from server.api.session import NO_STORE
from server.api.spec import SESSION, SESSION_AND_CSRF, json_body, refusals
from server.auth.guards import Access, SignedIn, at_desk, may_administer, may_switch_mode
from server.intake import limits
from server.intake.batch import Batch
from server.intake.door import Intake
from server.intake.limits import LimitRefusedError, Written
from server.now import Clock
from server.problems import ProblemError
from server.store.engine import Database
from server.store.people import Directory
from server.store.tables import org_rows, rulings
from sync import errors
from sync.incident.policy import DEFAULTS
from sync.incident.versions import LIMITS

Mode = Literal["normal", "special", "security", "emergency"]
Note = Annotated[str, msgspec.Meta(max_length=500)]
WRITING: Final = (
    "bad_request",
    "bad_id",
    "not_signed_in",
    "csrf",
    "centre_only",
    "not_allowed",
    "not_found",
    "begins_in_the_past",
    "same_beginning",
    "too_many_versions",
    "queue_full",
)


class VersionRow(msgspec.Struct, frozen=True):
    """One version: ``state`` is ``past``, ``in_force`` or ``to_come``; ``limits`` holds only what it says itself."""

    id: Hex32
    idx: int
    name: str
    from_ms: Ms
    until_ms: Ms | None
    written_at: Ms | None
    by: Hex32 | None
    by_name: str
    note: str
    zone: Hex32 | None
    mode: str | None
    state: str
    limits: dict[str, Any]


class ModeRow(msgspec.Struct, frozen=True):
    """A switch of the mode."""

    id: Hex32
    mode: str
    from_ms: Ms
    by: Hex32 | None
    by_name: str
    note: str


class Policies(msgspec.Struct, frozen=True):
    """Every version of everything, the newest first; the limits that hold where none says otherwise; the mode now."""

    now_ms: Ms
    defaults: dict[str, Any]
    versions: list[VersionRow]
    modes: list[ModeRow]
    mode: str


class Draft(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version to write. ``from_ms`` left out is now. ``limits``: fields of SPEC PO, ids as hex."""

    name: str
    note: str
    limits: dict[str, Any]
    from_ms: int | None = None
    zone: Hex32 | None = None
    mode: str | None = None

    def row(self, by: bytes) -> dict[str, Any]:
        """The row it would be. Raises ``ProblemError`` for a field that is no limit."""
        strange = sorted(self.limits.keys() - LIMITS.keys())
        if strange:
            raise refused(
                LimitRefusedError(
                    "bad_policy",
                    "Fields are at fault.",
                    [(name, "unknown_field") for name in strange],
                )
            )
        row: dict[str, Any] = self.limits | {"name": self.name, "note": self.note, "by": by}
        if self.from_ms is not None:
            row["from_ms"] = self.from_ms
        if self.zone is not None:
            row["zone"] = bytes.fromhex(self.zone)
        if self.mode is not None:
            row["mode"] = self.mode
        return row


class NewMode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The mode from now on, and why."""

    mode: Mode
    note: Note


class Added(msgspec.Struct, frozen=True):
    """A row that was written: its id, the ruling's index, and from when it holds."""

    id: Hex32
    idx: int
    from_ms: Ms


def refused(error: LimitRefusedError) -> ProblemError:
    """The refusal with each field that is at fault, its cause and its cure."""
    told = [
        {
            "field": field,
            "code": code,
            "cause": errors.lookup(code).cause,
            "cure": errors.lookup(code).cure,
        }
        for field, code in error.fields
    ]
    return ProblemError(error.code, error.detail, extra={"fields": told} if told else {})


async def written(intake: Intake, job: Callable[[Batch], Written | None]) -> Written:
    """Run a job of `limits`, its refusals told as problems."""
    try:
        done = await through(intake.transaction(job))
    except LimitRefusedError as error:
        raise refused(error) from error
    if done is None:
        raise ProblemError("not_found", detail="There is no such row.")
    return done


def name_of(directory: Directory, person: Any) -> str:
    """Who a row names as its author; empty for somebody no longer there."""
    found = directory.person(person) if isinstance(person, bytes) else None
    return found.name if found else ""


def written_at(connection: Connection, what: str) -> dict[bytes, int]:
    """When the rows of a kind were ruled on, by id."""
    rows = connection.execute(
        select(org_rows.c.id, rulings.c.at_ms)
        .join(rulings, rulings.c.idx == org_rows.c.idx)
        .where(org_rows.c.what == what)
    )
    return {row.id: row.at_ms for row in rows}


def _versions(directory: Directory, at: dict[bytes, int], now_ms: int) -> list[VersionRow]:
    rows = [
        (row["from_ms"], row_id, row)
        for row_id, row in directory.of("policies").items()
        if type(row.get("from_ms")) is int
    ]
    found: list[VersionRow] = []
    after: dict[tuple[Any, Any], int] = {}  # when the next version for the same begins
    for from_ms, row_id, row in sorted(rows, reverse=True, key=lambda one: one[:2]):
        scope = (row.get("zone"), row.get("mode"))
        until_ms = after.get(scope)
        after[scope] = from_ms
        state = "to_come" if from_ms > now_ms else "in_force"
        if until_ms is not None and until_ms <= now_ms:
            state = "past"
        found.append(
            VersionRow(
                id=row_id.hex(),
                idx=directory.made.get(row_id, 0),
                name=str(row.get("name", "")),
                from_ms=from_ms,
                until_ms=until_ms,
                written_at=at.get(row_id),
                by=hex_or_none(row.get("by")),
                by_name=name_of(directory, row.get("by")),
                note=str(row.get("note", "")),
                zone=hex_or_none(row.get("zone")),
                mode=row.get("mode"),
                state=state,
                limits=plain({name: row[name] for name in LIMITS if name in row}),
            )
        )
    return found


def defaults() -> dict[str, Any]:
    """The limits that hold where no version says otherwise, as a row would say them."""
    told: dict[str, Any] = msgspec.to_builtins(DEFAULTS)
    return {name: told[name] for name in LIMITS if told[name] is not None}


@get(
    "/api/policies",
    tags=["policies"],
    operation_id="listPolicies",
    guards=[at_desk],
    security=SESSION,
    responses=refusals("not_signed_in", "not_allowed"),
)
async def list_policies(
    access: NamedDependency[Access], db: NamedDependency[Database], clock: NamedDependency[Clock]
) -> Response[Policies]:
    """List every version of the policies with its author and dates, and every switch of the mode; the newest first."""
    now_ms, directory = clock.now_ms(), access.directory()
    at = await db.reading(written_at, "policies")
    modes = sorted(
        (
            ModeRow(
                row_id.hex(),
                row["mode"],
                row["from_ms"],
                hex_or_none(row.get("by")),
                name_of(directory, row.get("by")),
                str(row.get("note", "")),
            )
            for row_id, row in directory.of("modes").items()
        ),
        key=lambda one: (-one.from_ms, one.id),
    )
    shown = Policies(
        now_ms=now_ms,
        defaults=defaults(),
        versions=_versions(directory, at, now_ms),
        modes=modes,
        mode=directory.book.mode_at(now_ms),
    )
    return Response(shown, headers=NO_STORE)


@post(
    "/api/policies",
    tags=["policies"],
    operation_id="addPolicy",
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals("bad_policy", *WRITING),
)
async def add_policy(
    data: Annotated[
        Draft,
        json_body(
            {
                "name": "冬季",
                "note": "夜间路滑，签收放宽到 45 秒",
                "limits": {"sign_within_ms": 45_000, "arrive_within_ms": {"5": 360_000}},
            },
            "Other limits from now on",
        ),
    ],
    *,
    who: NamedDependency[SignedIn],
    intake: NamedDependency[Intake],
    entropy: NamedDependency[Callable[[int], bytes]],
) -> Response[Added]:
    """Add a version. It judges what begins from `from_ms` on, and nothing that began before; what it leaves out is as
    the wider version or the default has it."""
    row_id, row = entropy(16), data.row(who.person.id)
    done = await written(intake, partial(limits.add_policy, row_id=row_id, row=row))
    return Response(Added(row_id.hex(), done.idx, done.from_ms), headers=NO_STORE)


@delete(
    "/api/policies/{version:str}",
    tags=["policies"],
    operation_id="withdrawPolicy",
    status_code=200,
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(*WRITING, "has_begun"),
)
async def withdraw_policy(
    version: FromPath[str], who: NamedDependency[SignedIn], intake: NamedDependency[Intake]
) -> Response[Added]:
    """Take back a version that has not begun."""
    row_id = from_hex(version, "version")
    job = partial(limits.withdraw, what="policies", row_id=row_id, by=who.person.id)
    done = await written(intake, job)
    return Response(Added(version, done.idx, done.from_ms), headers=NO_STORE)


@post(
    "/api/modes",
    tags=["policies"],
    operation_id="switchMode",
    guards=[may_switch_mode],
    security=SESSION_AND_CSRF,
    responses=refusals(*WRITING),
)
async def switch_mode(
    data: Annotated[
        NewMode, json_body({"mode": "emergency", "note": "暴雪红色预警"}, "A blizzard is coming")
    ],
    *,
    who: NamedDependency[SignedIn],
    intake: NamedDependency[Intake],
    entropy: NamedDependency[Callable[[int], bytes]],
) -> Response[Added]:
    """Switch the mode of the whole organisation, from now on: policies for that mode hold for what begins in it."""
    row_id = entropy(16)
    row = {"mode": data.mode, "note": data.note, "by": who.person.id}
    done = await written(intake, partial(limits.switch_mode, row_id=row_id, row=row))
    return Response(Added(row_id.hex(), done.idx, done.from_ms), headers=NO_STORE)


ROUTES: Final[list[Any]] = [list_policies, add_policy, withdraw_policy, switch_mode]
