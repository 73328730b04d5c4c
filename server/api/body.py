"""A request whose JSON is read with every way of being unreadable told as a refusal.

Refuses to know shapes: those are the handlers'. The framework answers malformed JSON by itself, but takes bytes that
are no text, and brackets nested past reason, for a mistake of the server.

Example: ``Router("/", ..., request_class=DeskRequest)``."""

from typing import Any

from litestar import Request

from server.problems import ProblemError


class DeskRequest(Request[Any, Any, Any]):
    """A request to one of the calls for desks."""

    async def json(self) -> Any:
        """The body as JSON. Raises ``ProblemError("bad_request")`` where it cannot be read at all."""
        try:
            return await super().json()
        except UnicodeDecodeError as error:
            raise ProblemError("bad_request", detail="The body is not UTF-8.") from error
        except RecursionError as error:
            raise ProblemError("bad_request", detail="The body is nested too deep.") from error
