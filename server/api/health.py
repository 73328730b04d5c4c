"""Is the centre there, and how far has its log come: for load balancers and for people.

Example: `GET /api/health` answers `{"ok": true, "role": "centre", "version": "0.1.0", "log_size": 42}`.
"""

import msgspec
from litestar import get
from litestar.di import NamedDependency
from sqlalchemy import select

import server
from server.settings import Settings
from server.store.engine import Database
from server.store.tables import log_head


class Health(msgspec.Struct, frozen=True):
    """`log_size` is the index of the newest ruling."""

    ok: bool
    role: str
    version: str
    log_size: int


@get("/api/health", tags=["server"], operation_id="getHealth")
async def health(db: NamedDependency[Database], settings: NamedDependency[Settings]) -> Health:
    """Answer once the database has answered."""
    async with db.read() as connection:
        size = (await connection.execute(select(log_head.c.idx))).scalar()
    return Health(ok=True, role=settings.role, version=server.__version__, log_size=size or 0)
