"""How the API describes itself: security schemes, groups, examples and the refusals each call may
answer with.

Knows no handler; handlers borrow its pieces. The description is OpenAPI 3.1 at
``/api/openapi.json`` and, for people, ``/api/docs``.

Example: ``@get("/api/wall", guards=[at_desk], security=SESSION, responses=refusals("not_signed_in",
"not_allowed"))``."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.enums import RequestEncodingType
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
    SecurityScheme,
    Tag,
)
from litestar.params import BodyKwarg

import server
from server import problems
from server.auth.sessions import COOKIE, CSRF_HEADER
from sync import errors

SESSION: Final[list[dict[str, list[str]]]] = [{"session": []}]
SESSION_AND_CSRF: Final[list[dict[str, list[str]]]] = [{"session": [], "csrf": []}]
OPEN: Final[list[dict[str, list[str]]]] = [{}]

DESCRIPTION: Final = """\
The calls of desks and of systems around them. Ids are 32 lower-case hex digits; times are integer \
milliseconds since the Unix epoch, UTC; coordinates are integers of 1e-7 degree, WGS-84.

Every refusal of a request is `application/problem+json` with a stable `code`, its `cause` and its `cure`.

Devices speak MessagePack at `/sync/v1/`; that exchange is described in `sync/SPEC.md`, section EX."""


JSONL_EXAMPLE: Final = (
    '{"source_no": "1", "station": "昂素派出所", "title": "草场纠纷", "city_received_at": "2026-03-12 14:31:08"}\n'
    '{"source_no": "2", "station": "昂素派出所", "title": "牲畜走失", "unit": "昂素一车组"}\n'
)
CSV_EXAMPLE: Final = (
    "source_no,station,title,city_received_at,unit\r\n"
    "1,昂素派出所,草场纠纷,2026-03-12 14:31:08,\r\n"
    "2,昂素派出所,牲畜走失,,昂素一车组\r\n"
)


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


@dataclass
class FileUpload(Operation):
    """An operation whose body is a file as it is, which no type of ours can describe."""

    def __post_init__(self) -> None:
        """Say what the body is."""
        kinds = {"application/jsonl": JSONL_EXAMPLE, "text/csv": CSV_EXAMPLE}
        self.request_body = RequestBody(
            required=True,
            description="The file itself: one JSON object per line, or CSV whose first line names the columns.",
            content={
                kind: OpenAPIMediaType(
                    schema=Schema(type=OpenAPIType.STRING),
                    examples={"two orders": Example(summary="Two orders", value=value)},
                )
                for kind, value in kinds.items()
            },
        )


@dataclass
class BundleUpload(Operation):
    """An operation whose body is a bundle."""

    def __post_init__(self) -> None:
        """Say what the body is."""
        self.request_body = RequestBody(
            required=True,
            description="The file itself (SPEC BU), sealed or not.",
            content={
                "application/octet-stream": OpenAPIMediaType(
                    schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
                )
            },
        )


class Described(JsonRenderPlugin):
    """The description as JSON, with the words of our own docstrings where the framework leaves them out."""

    def __init__(self, words: Callable[[], dict[str, str]]) -> None:
        """`words` gives the docstring of each structure by its name."""
        super().__init__(path="/")
        self._words = words

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """Add what is missing and write JSON."""
        words = self._words()
        for name, schema in openapi_schema["components"]["schemas"].items():
            if name in words:
                schema["description"] = _flat(words[name])
        for item in openapi_schema["paths"].values():
            for operation in item.values():
                said = _flat(operation.get("description") or "")
                operation["description"] = said
                operation["summary"] = said.split(". ")[0].split(": ")[0].rstrip(".")
        return super().render(request, openapi_schema)


def words_of(modules: Iterable[ModuleType]) -> dict[str, str]:
    """The docstrings of the structures that modules define, by their names."""
    return {
        name: inspect.getdoc(thing) or ""
        for module in modules
        for name, thing in vars(module).items()
        if isinstance(thing, type) and issubclass(thing, msgspec.Struct) and thing.__doc__
    }


def _flat(text: str) -> str:
    """Paragraphs without the line breaks of source code."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n") if part.strip())


def openapi_config(words: Callable[[], dict[str, str]]) -> OpenAPIConfig:
    """The description's frame: title, groups and security schemes."""
    return OpenAPIConfig(
        title="Ortoo",
        version=server.__version__,
        description=DESCRIPTION,
        path="/api/openapi.json",  # alone there: the router answers what is below its path in HTML
        render_plugins=[Described(words)],
        use_handler_docstrings=True,
        tags=[
            Tag(name="session", description="Logging in and out."),
            Tag(
                name="incidents",
                description="Incidents, their merged timeline, and what a desk does with them.",
            ),
            Tag(name="wall", description="What breaches next, and what is silent."),
            Tag(
                name="rulings",
                description="What the centre held or rejected, and what people decide.",
            ),
            Tag(name="reviews", description="Feedback: its review, and what is overdue."),
            Tag(name="callback", description="Calling callers back."),
            Tag(name="reports", description="Figures about every clock."),
            Tag(name="organisation", description="Stations, units, people and codes."),
            Tag(name="policies", description="Limits, zones and modes: what holds since when."),
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
