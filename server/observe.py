"""Logs as one JSON object a line, in UTF-8, without anything about people.

Responsible for how a log line looks and for which fields may stand in it. Refuses to decide what is
worth a line. Ids of sets, chains and incidents may be logged; names, phone numbers, narratives,
tokens and bodies may not: fields of those names are cut out whoever puts them in.

Example: `logging.getLogger("ortoo.intake").info("batch", extra={"sets": 50})` prints
`{"event":"batch","level":"info","logger":"ortoo.intake","sets":50,"at":"2026-11-24T03:00:00Z"}`.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import msgspec
import structlog

PRIVATE = frozenset(
    [
        "authorization",
        "body",
        "caller",
        "caller_name",
        "caller_phone",
        "cookie",
        "csrf",
        "login",
        "name",
        "narrative",
        "password",
        "phone",
        "text",
        "title",
        "token",
    ]
)


def _without_private(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    event.pop("color_message", None)  # uvicorn's second copy of a line, for terminals
    for name in PRIVATE & event.keys():
        event[name] = "(left out)"
    return event


def _render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


def configure(level: int = logging.INFO) -> None:
    """Send every log line of the process to standard error in the one form."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        _without_private,
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # httpx2 would tell the address of every push, which is all that is needed to send one.
    for noisy in ("uvicorn.access", "aiosqlite", "sqlalchemy", "alembic", "httpx2", "httpcore2"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
