"""Is the server there, how far has its log come, and how does a station stand with its centre: for load balancers and
for people.

Example: `GET /api/health` answers `{"ok": true, "role": "centre", "version": "0.1.0", "log_size": 42}`.
"""

import msgspec
from litestar import get, head
from litestar.di import NamedDependency

import server
from server.intake.door import NOT_STORED, Intake
from server.proof.keeper import Keeper
from server.settings import Settings
from server.upstream.link import Link, LinkStatus
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


class UpstreamHealth(msgspec.Struct, frozen=True):
    """A station and its centre. `linked_since_ms`: the link stands since then, null while it does not; `heard_at_ms`:
    the centre's last word. `waiting` sets go up yet, the oldest since `oldest_ms`; `handed` are at the centre and wait
    for its ruling; `refused` it would not have. `offset_ms`: the centre's clock minus this machine's, null while it was
    never measured; `uncertainty_ms`: by how much the station's time may be off now. `code`: why the centre refuses
    this station, with `cause` and `cure`."""

    url: str
    linked_since_ms: int | None
    heard_at_ms: int | None
    waiting: int
    oldest_ms: int | None
    handed: int
    refused: int
    offset_ms: int | None
    uncertainty_ms: int
    code: str | None
    cause: str | None
    cure: str | None


class Health(msgspec.Struct, frozen=True):
    """`log_size` is the index of the newest ruling, at a station of the newest that it heard of. `upstream` is null at
    a centre."""

    ok: bool
    role: str
    version: str
    log_size: int
    log: LogHealth
    store: StoreHealth
    upstream: UpstreamHealth | None


@get("/api/health", tags=["server"], operation_id="getHealth", response_headers=NO_STORE)
async def health(
    keeper: NamedDependency[Keeper],
    intake: NamedDependency[Intake],
    settings: NamedDependency[Settings],
    link: NamedDependency[Link | None],
) -> Health:
    """Answer once the database has answered."""
    stands = None if link is None else await link.status()
    status = await keeper.status() if stands is None else stands.log
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
        upstream=None if stands is None else _upstream(stands),
    )


def _upstream(stands: LinkStatus) -> UpstreamHealth:
    refused = None if stands.code is None else errors.lookup(stands.code)
    return UpstreamHealth(
        url=stands.url,
        linked_since_ms=stands.linked_since_ms,
        heard_at_ms=stands.heard_at_ms,
        waiting=stands.spool.waiting,
        oldest_ms=stands.spool.oldest_ms,
        handed=stands.spool.handed,
        refused=stands.spool.refused,
        offset_ms=stands.offset_ms,
        uncertainty_ms=stands.uncertainty_ms,
        code=stands.code,
        cause=refused.cause if refused else None,
        cure=refused.cure if refused else None,
    )


@head("/api/health", include_in_schema=False, response_headers=NO_STORE)
async def is_healthy(keeper: NamedDependency[Keeper]) -> None:
    """The same without words, as some load balancers ask."""
    await keeper.status()


ROUTES = [health, is_healthy]
