"""Logging in and out at a desk: ``/api/session``.

Turns a login and password into a session cookie and tells a page who it is working for. Knows
nothing of incidents. The cookie is opaque, ``HttpOnly`` and ``SameSite=Lax``; the page gets the
CSRF token in the body and sends it with every call that changes something.

Example: ``POST /api/session {"login": "narsu", "password": "..."}`` answers ``{"person": {"name":
"娜日苏", ...}, "csrf": "...", ...}``."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency

from server.api.ids import Hex32, Ms, hex_or_none
from server.api.spec import OPEN, SESSION_AND_CSRF, json_body, refusals
from server.auth.guards import Access, SignedIn, came_from_elsewhere, signed_in
from server.auth.logins import Logins
from server.auth.sessions import ABSOLUTE_MS, COOKIE
from server.now import Clock
from server.problems import ProblemError
from server.settings import Settings
from server.store.people import Person

NO_STORE: Final = {"cache-control": "no-store"}


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person types to log in."""

    login: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)]


class Who(msgspec.Struct, frozen=True):
    """The person a session belongs to. ``roles`` holds ``role`` and any others."""

    id: Hex32
    name: str
    role: str
    roles: tuple[str, ...]
    station: Hex32 | None
    unit: Hex32 | None


class ServerInfo(msgspec.Struct, frozen=True):
    """The server that answered and its clock."""

    role: str
    name: str
    now_ms: Ms


class SessionInfo(msgspec.Struct, frozen=True):
    """Who is signed in. Without a session ``person`` is null and ``csrf`` empty."""

    person: Who | None
    csrf: str
    server: ServerInfo


def who_is(person: Person) -> Who:
    """A person as the API shows them."""
    return Who(
        id=person.id.hex(),
        name=person.name,
        role=person.role,
        roles=person.roles,
        station=hex_or_none(person.station),
        unit=hex_or_none(person.unit),
    )


def _info(settings: Settings, clock: Clock, who: SignedIn | None) -> SessionInfo:
    return SessionInfo(
        person=who_is(who.person) if who else None,
        csrf=who.session.csrf if who else "",
        server=ServerInfo(settings.role, settings.name, clock.now_ms()),
    )


def _cookie(settings: Settings, value: str, max_age_s: int) -> Cookie:
    return Cookie(
        key=COOKIE,
        value=value,
        max_age=max_age_s,
        path="/",
        httponly=True,
        secure=settings.cookie_secure,
        samesite="lax",
    )


@get("/api/session", tags=["session"], operation_id="getSession", security=OPEN)
async def read_session(
    request: Request[Any, Any, Any],
    access: NamedDependency[Access],
    settings: NamedDependency[Settings],
    clock: NamedDependency[Clock],
) -> Response[SessionInfo]:
    """Tell who is signed in, with the token that unsafe calls need. Open to anyone: without a
    session it says so.
    """
    who = await access.who(request)
    return Response(_info(settings, clock, who), headers=NO_STORE)


@post(
    "/api/session",
    tags=["session"],
    operation_id="logIn",
    status_code=200,
    security=OPEN,
    responses=refusals(
        "bad_request",
        "wrong_login",
        "came_from_elsewhere",
        "too_many_attempts",
        "too_many_requests",
    ),
)
async def log_in(
    request: Request[Any, Any, Any],
    *,
    data: Annotated[
        Credentials, json_body({"login": "narsu", "password": "steppe wind 31"}, "A dispatcher")
    ],
    access: NamedDependency[Access],
    logins: NamedDependency[Logins],
    settings: NamedDependency[Settings],
    clock: NamedDependency[Clock],
) -> Response[SessionInfo]:
    """Log in. Always begins a new session; the one whose cookie came along ends."""
    if came_from_elsewhere(request, settings.origin):
        raise ProblemError("came_from_elsewhere")
    address = request.client.host if request.client else ""
    person_id = await logins.check(data.login, data.password, address)
    person = access.directory().person(person_id)
    if person is None:
        raise ProblemError("wrong_login")
    token, session = await access.sessions.begin(person_id, request.cookies.get(COOKIE))
    who = SignedIn(person, session)
    return Response(
        _info(settings, clock, who),
        headers=NO_STORE,
        cookies=[_cookie(settings, token, ABSOLUTE_MS // 1000)],
    )


@delete(
    "/api/session",
    tags=["session"],
    operation_id="logOut",
    status_code=204,
    guards=[signed_in],
    security=SESSION_AND_CSRF,
    responses=refusals("not_signed_in", "csrf"),
)
async def log_out(
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    settings: NamedDependency[Settings],
) -> Response[None]:
    """Log out: the session ends at the server, and the browser forgets its cookie."""
    await access.sessions.end(who.session.key)
    return Response(None, status_code=204, headers=NO_STORE, cookies=[_cookie(settings, "", 0)])


ROUTES: Final = [read_session, log_in, log_out]
