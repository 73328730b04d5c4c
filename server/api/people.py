"""Keeping the organisation: rows of every kind, and the logins of people. For administrators.

Checks the shape of a row and that what it names exists, then rules on it through the intake, so that every device
learns of it in its order. Knows no screen. A removed row keeps its place in the log; what it did before stays named in
timelines by id.

Example: ``POST /api/org/stations {"name": "昂素派出所"}`` answers ``{"id": "...", "idx": 12}``; ``PUT
/api/org/people/<id>/login`` gives a login."""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

import msgspec
from litestar import Response, delete, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from server.api.emptiness import demand_empty, trail
from server.api.entering import through
from server.api.ids import Hex32, from_hex
from server.api.session import NO_STORE
from server.api.spec import SESSION_AND_CSRF, json_body, refusals
from server.auth.guards import Access, SignedIn, may_administer
from server.auth.logins import Logins
from server.intake.batch import Batch
from server.intake.door import Intake
from server.problems import ProblemError
from server.store import devices
from server.store.people import Directory

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Role = Literal[
    "officer",
    "guard",
    "station",
    "dispatcher",
    "commander",
    "callback",
    "reviewer",
    "supervisor",
    "admin",
]

PEOPLE: Final = "people"
MOVED: Final = "moved"
REMOVED: Final = "removed"
Despite = Annotated[str | None, QueryParameter(min_length=1, max_length=500)]


class _Row(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """What every row has in common: it holds nothing it does not name."""


class StationIn(_Row, frozen=True):
    """A police station."""

    name: Name


class UnitIn(_Row, frozen=True):
    """A unit that takes orders."""

    name: Name
    station: Hex32


class PersonIn(_Row, frozen=True):
    """A person and what they may do. ``roles`` are further ones beside ``role``."""

    name: Name
    role: Role
    roles: list[Role] = []
    station: Hex32 | None = None
    unit: Hex32 | None = None


class VehicleIn(_Row, frozen=True):
    """A vehicle that takes orders."""

    name: Name
    unit: Hex32 | None = None
    station: Hex32 | None = None


class CodeIn(_Row, frozen=True):
    """A code of a category or a result, and its words."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    zh: Name
    en: Name


class ScriptIn(_Row, frozen=True):
    """Words to begin a call with. ``{centre}``, ``{when}`` and ``{title}`` stand for the centre, the time of the report
    as one says it, and the incident."""

    name: Name
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]


SHAPES: Final[dict[str, type[_Row]]] = {
    "stations": StationIn,
    "units": UnitIn,
    "people": PersonIn,
    "vehicles": VehicleIn,
    "categories": CodeIn,
    "results": CodeIn,
    "scripts": ScriptIn,
}
NAMES: Final = {"station": "stations", "unit": "units"}
"""Fields of a row that name another row, and among which it must be."""


class Kept(msgspec.Struct, frozen=True):
    """A row that was ruled on: its id and the ruling's index."""

    id: Hex32
    idx: int


class LoginIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person's new login and password."""

    login: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


def row_of(what: str, data: dict[str, Any], directory: Directory) -> dict[str, Any]:
    """A row as the ruling carries it: ids as bytes, nothing empty. Raises ``ProblemError`` where it cannot be."""
    shape = SHAPES.get(what)
    if shape is None:
        raise ProblemError(
            "not_found", detail=f"There is no {what[:40]!r} here; there are: {', '.join(SHAPES)}."
        )
    try:
        read = msgspec.convert(data, shape)
    except msgspec.ValidationError as error:
        raise ProblemError("bad_request", detail=str(error)) from error
    row = {name: value for name, value in msgspec.to_builtins(read).items() if value is not None}
    for field, table in NAMES.items():
        if field in row:
            row[field] = bytes.fromhex(row[field])
            if directory.row(table, row[field]) is None:
                raise ProblemError(
                    "bad_request", detail=f"The {field} it names is not among {table}."
                )
    return row


_REFUSALS: Final = (
    "bad_request",
    "bad_id",
    "not_signed_in",
    "csrf",
    "centre_only",
    "not_allowed",
    "not_found",
    "queue_full",
)


@post(
    "/api/org/{what:str}",
    tags=["organisation"],
    operation_id="addOrgRow",
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(*_REFUSALS),
)
async def add_row(
    what: FromPath[str],
    data: Annotated[dict[str, Any], json_body({"name": "昂素派出所"}, "A station")],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    intake: NamedDependency[Intake],
    entropy: NamedDependency[Callable[[int], bytes]],
) -> Response[Kept]:
    """Add a row: `what` is stations, units, people, vehicles, categories, results or scripts; the body is of
    that kind.
    """
    row = row_of(what, data, access.directory())
    row_id = entropy(16)
    idx = await through(intake.org(what, row_id, row, by=who.person.id))
    return Response(Kept(row_id.hex(), idx), headers=NO_STORE)


@put(
    "/api/org/{what:str}/{row_id:str}",
    tags=["organisation"],
    operation_id="keepOrgRow",
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(*_REFUSALS, "device_not_empty"),
)
async def keep_row(
    what: FromPath[str],
    row_id: FromPath[str],
    data: Annotated[dict[str, Any], json_body({"name": "昂素派出所"}, "A station")],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    intake: NamedDependency[Intake],
    despite: Despite = None,
) -> Response[Kept]:
    """Replace a row, or add it under an id of one's own. Repeating it changes nothing.

    A person who goes to another station loses the records of the old one: while a device of theirs is not known to
    hold nothing that is not here, that needs a word in `despite` why it cannot wait, which is kept with the device.
    """
    directory = access.directory()
    row = row_of(what, data, directory)
    known = from_hex(row_id, what)
    if directory.row(what, known) == row:
        return Response(Kept(row_id, directory.idx), headers=NO_STORE)

    def job(batch: Batch) -> int:
        if what == PEOPLE and _goes_elsewhere(batch.directory.row(what, known), row):
            _leave(batch, known, MOVED, who, despite)
        return batch.org(what, known, row, by=who.person.id)

    idx = await through(intake.transaction(job))
    return Response(Kept(row_id, idx), headers=NO_STORE)


def _goes_elsewhere(before: dict[str, Any] | None, after: dict[str, Any]) -> bool:
    return before is not None and before.get("station") != after.get("station")


def _leave(batch: Batch, person: bytes, kind: str, who: SignedIn, despite: str | None) -> None:
    """Write down for each device of a person that they go to another station, or go for good."""
    for device in devices.every(batch.connection):
        if device.person == person and device.in_use:
            contact = demand_empty(batch, device.chain, despite=despite)
            batch.happened(device.chain, kind, trail(who, "", despite, contact))


@delete(
    "/api/org/{what:str}/{row_id:str}",
    tags=["organisation"],
    operation_id="removeOrgRow",
    status_code=200,
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(*_REFUSALS, "not_ready", "device_not_empty"),
)
async def remove_row(
    what: FromPath[str],
    row_id: FromPath[str],
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    intake: NamedDependency[Intake],
    despite: Despite = None,
) -> Response[Kept]:
    """Remove a row. A person removed can no longer log in; what others wrote about them stays. While a device of theirs
    is not known to hold nothing that is not here, that needs a word in `despite`, as moving them does.
    """
    known, directory = from_hex(row_id, what), access.directory()
    if what not in SHAPES or directory.row(what, known) is None:
        raise ProblemError("not_found", detail="There is no such row.")
    if known == who.person.id:
        raise ProblemError(
            "not_ready", detail="Nobody removes themselves; another administrator can."
        )

    def job(batch: Batch) -> int:
        if what == PEOPLE:
            _leave(batch, known, REMOVED, who, despite)
        return batch.org(what, known, None, by=who.person.id)

    idx = await through(intake.transaction(job))
    return Response(Kept(row_id, idx), headers=NO_STORE)


@put(
    "/api/people/{person:str}/login",
    tags=["organisation"],
    operation_id="setLogin",
    status_code=204,
    guards=[may_administer],
    security=SESSION_AND_CSRF,
    responses=refusals(
        "bad_request",
        "bad_id",
        "not_signed_in",
        "csrf",
        "centre_only",
        "not_allowed",
        "not_found",
        "login_taken",
        "weak_password",
    ),
)
async def set_login(
    person: FromPath[str],
    data: Annotated[
        LoginIn, json_body({"login": "narsu", "password": "steppe wind 31"}, "A dispatcher")
    ],
    access: NamedDependency[Access],
    logins: NamedDependency[Logins],
) -> Response[None]:
    """Give a person a login and a password. All their sessions end."""
    known = from_hex(person, "person")
    if access.directory().person(known) is None:
        raise ProblemError("not_found", detail="There is no such person.")
    await logins.set(known, data.login, data.password)
    await access.sessions.end_all(known)
    return Response(None, status_code=204, headers=NO_STORE)


ROUTES: Final[list[Any]] = [add_row, keep_row, remove_row, set_login]
