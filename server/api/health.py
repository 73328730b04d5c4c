"""Is the centre there, and how far has its log come: for load balancers and for people.

Example: `GET /api/health` answers `{"ok": true, "role": "centre", "version": "0.1.0", "log_size": 42}`.
"""

import msgspec
from litestar import get, head
from litestar.di import NamedDependency

import server
from server.intake.door import NOT_STORED, Intake
from server.proof.keeper import Keeper
from server.settings import Settings
from sync import errors

NO_STORE = {"cache-control": "no-store"}


class LogHealth(msgspec.Struct, frozen=True):
    """`signed_size` entries are covered by a checkpoint; `code` says why nothing is signed, with `cause` and `cure`."""

    origin: str
    signed_size: int
    signed_at_ms: int | None
    code: str | None
    cause: str | None
    cure: str | None


class StoreHealth(msgspec.Struct, frozen=True):
    """`code` says why nothing could be stored the last time, with `cause` and `cure`; reading goes on (EX6)."""

    code: str | None
    cause: str | None
    cure: str | None


class Health(msgspec.Struct, frozen=True):
    """`log_size` is the index of the newest ruling."""

    ok: bool
    role: str
    version: str
    log_size: int
    log: LogHealth
    store: StoreHealth


@get("/api/health", tags=["server"], operation_id="getHealth", response_headers=NO_STORE)
async def health(
    keeper: NamedDependency[Keeper],
    intake: NamedDependency[Intake],
    settings: NamedDependency[Settings],
) -> Health:
    """Answer once the database has answered."""
    status = await keeper.status()
    trouble = None if intake.is_storing else errors.lookup(NOT_STORED)
    return Health(
        ok=True,
        role=settings.role,
        version=server.__version__,
        log_size=status.size,
        log=LogHealth(
            origin=status.origin,
            signed_size=status.signed_size,
            signed_at_ms=status.signed_at_ms,
            code=status.code,
            cause=status.cause,
            cure=status.cure,
        ),
        store=StoreHealth(
            code=NOT_STORED if trouble else None,
            cause=trouble.cause if trouble else None,
            cure=trouble.cure if trouble else None,
        ),
    )


@head("/api/health", include_in_schema=False, response_headers=NO_STORE)
async def is_healthy(keeper: NamedDependency[Keeper]) -> None:
    """The same without words, as some load balancers ask."""
    await keeper.status()


ROUTES = [health, is_healthy]
