"""How the API describes itself: security schemes, groups, examples and the refusals each call may
answer with.

Knows no handler; handlers borrow its pieces. The description is OpenAPI 3.1 at
``/api/openapi.json`` and, for people, ``/api/docs``.

Example: ``@get("/api/wall", guards=[at_desk], security=SESSION, responses=refusals("not_signed_in",
"not_allowed"))``."""

from typing import Any, Final

import msgspec
from litestar.enums import RequestEncodingType
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, Example, SecurityScheme, Tag
from litestar.params import BodyKwarg

import server
from server import problems
from server.auth.sessions import COOKIE, CSRF_HEADER
from sync import errors

SESSION: Final[list[dict[str, list[str]]]] = [{"session": []}]
SESSION_AND_CSRF: Final[list[dict[str, list[str]]]] = [{"session": [], "csrf": []}]
DEVICE: Final[list[dict[str, list[str]]]] = [{"device": []}]
OPEN: Final[list[dict[str, list[str]]]] = [{}]

DESCRIPTION: Final = """\
The calls of desks and of systems around them. Ids are 32 lower-case hex digits; times are integer \
milliseconds since the Unix epoch, UTC; coordinates are integers of 1e-7 degree, WGS-84.

Every refusal of a request is `application/problem+json` with a stable `code`, its `cause` and its `cure`.

Devices speak MessagePack at `/sync/v1/`; that exchange is described in `sync/SPEC.md`, section EX."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was refused (RFC 9457). ``code`` is stable; ``cause`` and ``cure`` are for
    people.
    """

    type: str
    title: str
    status: int
    code: str
    cause: str
    cure: str
    detail: str | msgspec.UnsetType = msgspec.UNSET


def refusals(*codes: str) -> dict[int, ResponseSpec]:
    """Describe the problem answers a call may give, one entry per status, one example per code."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(errors.lookup(code).status, []).append(code)
    return {
        status: ResponseSpec(
            data_container=Problem,
            description=" / ".join(named),
            generate_examples=False,
            media_type=problems.MEDIA_TYPE,
            examples=[
                Example(summary=code, value=msgspec.json.decode(problems.ProblemError(code).body()))
                for code in named
            ],
        )
        for status, named in by_status.items()
    }


def example(value: dict[str, Any], summary: str) -> list[Example]:
    """One worked example of a body."""
    return [Example(summary=summary, value=value)]


def json_body(value: dict[str, Any], summary: str, description: str | None = None) -> BodyKwarg:
    """A JSON request body with a worked example: ``data: Annotated[T, json_body({...},
    "...")]``.
    """
    return BodyKwarg(
        media_type=RequestEncodingType.JSON,
        examples=example(value, summary),
        description=description,
    )


def openapi_config() -> OpenAPIConfig:
    """The description's frame: title, groups and security schemes."""
    return OpenAPIConfig(
        title="Ortoo",
        version=server.__version__,
        description=DESCRIPTION,
        path="/api",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
        use_handler_docstrings=True,
        tags=[
            Tag(name="session", description="Logging in and out."),
            Tag(
                name="incidents",
                description="Incidents, their merged timeline, and what a desk does with them.",
            ),
            Tag(name="wall", description="What breaches next, and what is silent."),
            Tag(name="callback", description="Calling callers back."),
            Tag(name="organisation", description="Stations, units, people and codes."),
            Tag(name="devices", description="Enrolling devices and looking after them."),
            Tag(name="imports", description="Orders of other systems."),
            Tag(name="server", description="The server itself."),
        ],
        components=Components(
            security_schemes={
                "session": SecurityScheme(
                    type="apiKey",
                    name=COOKIE,
                    security_scheme_in="cookie",
                    description="Cookie set by POST /api/session.",
                ),
                "csrf": SecurityScheme(
                    type="apiKey",
                    name=CSRF_HEADER,
                    security_scheme_in="header",
                    description="Token from GET /api/session, carried by every call that changes something.",
                ),
                "device": SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description="Token given to a device when it was enrolled.",
                ),
            }
        ),
    )
