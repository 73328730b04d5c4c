"""Who may enter: named guards that stand on handlers, and the one place that reads the session
cookie.

Knows roles and sessions; refuses to know incidents. A guard decides who may ask; whether a command
on one incident is theirs to give is judged by the intake under the rules of AU, whatever the guard
let through. Guards hang on handlers and never look at paths, so no spelling of a path gets around
one.

Example: ``@get("/api/wall", guards=[at_desk])``; the handler then takes ``who:
NamedDependency[SignedIn]``."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from server.auth.sessions import COOKIE, CSRF_HEADER, Session, Sessions
from server.problems import ProblemError
from server.settings import STATION
from server.store.people import Directory, Person

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Awaitable[None]]

DISPATCH: Final = frozenset({"dispatcher", "commander"})
DESK: Final = DISPATCH | {"station", "callback", "reviewer", "supervisor", "admin"}
"""Roles that work at a desk. Officers and guards work on their device, under its key."""
CALLER_KNOWN: Final = DISPATCH | {"callback", "station"}
"""Roles that may read a caller's name and number; the others see them masked."""

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_COOKIE_CHARS: Final = 128
_STATE: Final = "signed_in"


class SignedIn(msgspec.Struct, frozen=True):
    """The person behind a request and the session it came in."""

    person: Person
    session: Session

    def has(self, roles: frozenset[str]) -> bool:
        """Tell whether the person holds one of the roles."""
        return not roles.isdisjoint(self.person.roles)


class Access:
    """Finds who is signed in. ``directory`` gives the organisation as it stands now."""

    def __init__(self, sessions: Sessions, directory: Callable[[], Directory]) -> None:
        self.sessions = sessions
        self.directory = directory

    async def who(self, connection: Connection) -> SignedIn | None:
        """The signed-in person, or ``None``. A person removed from the organisation is nobody."""
        token = connection.cookies.get(COOKIE, "")
        if not 0 < len(token) <= MAX_COOKIE_CHARS:
            return None
        session = await self.sessions.find(token)
        if session is None:
            return None
        person = self.directory().person(session.person)
        return None if person is None else SignedIn(person, session)


async def signed_in(connection: Connection, _handler: BaseRouteHandler) -> None:
    """Anyone with an open session; a request that changes something also carries the session's
    CSRF token.
    """
    access: Access = connection.app.state.access
    who = await access.who(connection)
    if who is None:
        raise ProblemError("not_signed_in")
    if connection.scope.get("method") not in SAFE_METHODS:
        given = connection.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), who.session.csrf.encode()):
            raise ProblemError("csrf")
    connection.scope["state"][_STATE] = who


def _roles(roles: frozenset[str], name: str, doc: str, *, at_centre: bool = False) -> Guard:
    """`at_centre`: what such people change is changed at the centre alone (HB8)."""

    async def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        await signed_in(connection, handler)
        is_change = connection.scope.get("method") not in SAFE_METHODS
        if at_centre and is_change and connection.app.state.settings.role == STATION:
            raise ProblemError("centre_only")
        who: SignedIn = connection.scope["state"][_STATE]
        if not who.has(roles):
            raise ProblemError(
                "not_allowed", detail=f"This is open to: {', '.join(sorted(roles))}."
            )

    guard.__name__ = guard.__qualname__ = name
    guard.__doc__ = doc
    return guard


at_desk = _roles(DESK, "at_desk", "Anyone who works at a desk.")
may_dispatch = _roles(DISPATCH | {"station"}, "may_dispatch", "Those who create and order.")
may_import = _roles(DISPATCH, "may_import", "Those who take orders of other systems in.")
may_call_back = _roles(DISPATCH | {"callback"}, "may_call_back", "Those who call callers back.")
may_redact = _roles(
    frozenset({"commander", "supervisor"}),
    "may_redact",
    "Those who may take words away.",
    at_centre=True,
)
may_rule = _roles(
    DISPATCH | {"station"},
    "may_rule",
    "Those who decide about what is held or rejected.",
    at_centre=True,
)
may_review = _roles(
    DISPATCH | {"reviewer", "supervisor"},
    "may_review",
    "Those who watch over feedback and its review.",
)
may_read_figures = _roles(
    DISPATCH | {"station", "supervisor"}, "may_read_figures", "Those who read figures."
)
may_see_devices = _roles(
    DISPATCH | {"station", "admin", "supervisor"},
    "may_see_devices",
    "Those who look after devices.",
)
may_carry = _roles(
    frozenset({"admin", "station"}), "may_carry", "Those to whom people bring files."
)
may_switch_mode = _roles(
    frozenset({"commander", "admin"}),
    "may_switch_mode",
    "Those who switch the mode.",
    at_centre=True,
)
may_administer = _roles(
    frozenset({"admin"}), "may_administer", "Administrators alone.", at_centre=True
)


def provide_who(request: Request[Any, Any, Any]) -> SignedIn:
    """The person a guard let in; a handler that asks for it without a guard is our own mistake."""
    who: SignedIn = request.scope["state"][_STATE]
    return who


def came_from_elsewhere(connection: Connection, origin: str) -> bool:
    """Tell whether a browser says that another site sent this request: for log-in, which has no
    session yet.
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    sent_by = connection.headers.get("origin")
    if sent_by is None:
        return False
    host = connection.headers.get("host", "")
    return sent_by not in {origin, f"http://{host}", f"https://{host}"}
