"""How a refusal is told: `application/problem+json` with a code, a cause and a cure (EX6).

Responsible for turning every refusal of a whole request into one shape. Refuses to know why a
room refuses: a room raises `ProblemError("code")` and this one looks the code up in `sync.errors`.

Example: `raise ProblemError("queue_full", retry_after_s=2)` answers 503 with `Retry-After: 2`.
"""

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.exceptions import ValidationException as LitestarValidation
from litestar.types import Send
from sqlalchemy.exc import SQLAlchemyError

from server.failures import cause_of, is_store_failure
from sync import errors

MEDIA_TYPE = "application/problem+json"
NO_STORE = "no-store"

log = logging.getLogger("ortoo.problems")

# What the framework itself refuses, said in our words.
_BY_STATUS = {
    400: "bad_request",
    401: "not_signed_in",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
}


class ProblemError(Exception):
    """A refusal of one whole request. `detail` is for people and carries no personal data."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        retry_after_s: int | None = None,
        allow: str = "",
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Name the code; status, cause and cure come from the registry in `sync.errors`. `allow` names the methods
        that the address takes, as its header does (RFC 9110 10.2.1).
        """
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.allow = allow
        self.extra = extra or {}

    @property
    def status(self) -> int:
        """The HTTP status the registry gives this code."""
        return errors.lookup(self.code).status

    def body(self) -> bytes:
        """The problem answer as JSON bytes."""
        entry = errors.lookup(self.code)
        answer: dict[str, Any] = {
            "type": f"urn:ortoo:problem:{self.code}",
            "title": self.code.replace("_", " "),
            "status": entry.status,
            "code": self.code,
            "cause": entry.cause,
            "cure": entry.cure,
        }
        if self.detail:
            answer["detail"] = self.detail
        return msgspec.json.encode(answer | self.extra)

    def headers(self) -> dict[str, str]:
        """Headers that go with the answer."""
        named = {"content-type": MEDIA_TYPE, "cache-control": NO_STORE}
        if self.retry_after_s is not None:
            named["retry-after"] = str(self.retry_after_s)
        if self.allow:
            named["allow"] = self.allow
        return named


async def refuse(send: Send, problem: ProblemError) -> None:
    """Answer with a problem, outside the framework (EX6)."""
    content = problem.body()
    headers = [(name.encode(), text.encode()) for name, text in problem.headers().items()]
    headers.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})


def _answer(problem: ProblemError) -> Response[bytes]:
    headers = problem.headers()
    media_type = headers.pop("content-type")
    return Response(
        content=problem.body(), status_code=problem.status, headers=headers, media_type=media_type
    )


def on_problem(_request: Request[Any, Any, Any], error: ProblemError) -> Response[bytes]:
    """Answer a refusal one of our own rooms raised."""
    return _answer(error)


def on_http(_request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer a refusal of the framework (no such route, body too large, wrong type)."""
    code = _BY_STATUS.get(
        error.status_code, "internal" if error.status_code >= 500 else "bad_request"
    )
    extra: dict[str, Any] = {}
    if isinstance(error, LitestarValidation) and error.extra:
        extra["errors"] = error.extra
    told = {name.lower(): text for name, text in (error.headers or {}).items()}
    detail = error.detail if code != "internal" else ""
    return _answer(ProblemError(code, detail, allow=told.get("allow", ""), extra=extra))


def on_store(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a store that is away or full: that passes, and nothing was half done. A bad statement is our mistake."""
    if not is_store_failure(error):
        return on_failure(request, error)
    route = request.scope.get("path_template")
    log.error("the store failed", extra={"error": cause_of(error), "route": route})
    return _answer(ProblemError("not_stored", retry_after_s=5))


def on_failure(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer our own mistake: logged whole here, told to the caller without its insides."""
    log.error("request failed", exc_info=error, extra={"route": request.scope.get("path_template")})
    return _answer(ProblemError("internal"))


HANDLERS: dict[int | type[Exception], Any] = {
    ProblemError: on_problem,
    HTTPException: on_http,
    SQLAlchemyError: on_store,
    OSError: on_store,
    Exception: on_failure,
}
