"""The composition root: everything is made here, once, and handed to whoever needs it.

Responsible for building the rooms in order, opening them at start and closing them at the end.
Refuses to know what any room does. Known only by the command line and by tests.

Handlers ask for what they need by name: `settings`, `clock`, `entropy`, `db`, `intake`, `hub`.

Example: `build_app(Settings(data_dir=tmp), clock=VirtualClock(0))` is a whole centre in one process.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from server import problems
from server.api import health
from server.now import Clock, SystemClock
from server.settings import Settings
from server.store.engine import Database

Entropy = Callable[[int], bytes]
BODY_LIMIT_BYTES = 64 * 1024 * 1024  # import files; the sync routes hold themselves to far less


def route_handlers() -> list[Any]:
    """Every route of the house, floor by floor."""
    return [health.health]


def build_app(
    settings: Settings, *, clock: Clock | None = None, entropy: Entropy = secrets.token_bytes
) -> Litestar:
    """One centre, ready to be served or driven in-process."""
    clock = clock or SystemClock()
    db = Database(settings.url, readers=settings.limits.reader_connections)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await db.close()

    parts: dict[str, Any] = {
        "settings": settings,
        "clock": clock,
        "entropy": entropy,
        "db": db,
    }
    return Litestar(
        route_handlers=route_handlers(),
        dependencies={
            name: Provide(lambda part=part: part, sync_to_thread=False)  # type: ignore[misc]
            for name, part in parts.items()
        },
        exception_handlers=problems.HANDLERS,
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(title="Ortoo", version="1", path="/api"),
        compression_config=CompressionConfig(
            backend="gzip", minimum_size=1_000, exclude=["^/sync/"]
        ),
        request_max_body_size=BODY_LIMIT_BYTES,
    )
