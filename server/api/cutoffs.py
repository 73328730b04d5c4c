"""Overdue feedback frozen at a cut-off: ``POST /api/feedback/cutoffs``, the lists, and one of them to read and print.

Responsible for taking the list as it stands at this moment, hashing it and keeping it for good. Feedback that comes
later changes nothing in it: it is told beside the row, with when it was written and when it came, for an officer
without signal may have written in time. What is kept holds ids, times and codes alone: words are read from the incident
when the list is shown, so that those taken away are gone here too (SPEC RD3). Drills stand in it, marked and uncounted.

Example: ``POST /api/feedback/cutoffs {}`` answers ``{"id": …, "hash": …, "n": 3, …}``.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy import Connection, true

from server.api import overdue
from server.api.ids import Hex32, Ms, from_hex
from server.api.overdue import Answered, Found, Late, answer_to, late_of
from server.api.session import NO_STORE
from server.api.spec import SESSION, SESSION_AND_CSRF, refusals
from server.api.stories import Stories
from server.auth.guards import Access, SignedIn, may_review
from server.now import Clock
from server.problems import ProblemError
from server.store import cutoffs
from server.store.cutoffs import Cutoff
from server.store.engine import Database
from server.store.people import Directory
from sync import canon, ids

MAX_LISTED: Final = 100
"""Lists named at once, the newest; a banner freezes one or two a day."""
HASH_TAG: Final = "ortoo/cutoff/1"


class Frozen(msgspec.Struct, frozen=True):
    """One frozen list: who took it when, the hash over it, and how many rows it has without drills."""

    id: Hex32
    at_ms: Ms
    by: Hex32
    by_name: str
    hash: str
    n: int


class FrozenRow(msgspec.Struct, frozen=True):
    """A row as it stood, and beside it the feedback that has come since."""

    row: Late
    answered: Answered | None


class FrozenList(msgspec.Struct, frozen=True):
    """One frozen list, to read and to print."""

    now_ms: Ms
    cutoff: Frozen
    rows: list[FrozenRow]


class KeptDelay(msgspec.Struct, frozen=True, array_like=True):
    """A delay reason that there was, and the desk's answer to it then."""

    op: bytes
    reply: str | None


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A row as it is kept: the countdown, and which delay reasons there were with the desk's answer to each."""

    found: Found
    delays: list[KeptDelay]


def bytes_of(at_ms: int, author: bytes, rows: list[Kept]) -> bytes:
    """What is hashed and kept: the moment, the author and the rows, in canonical bytes."""
    return canon.encode([at_ms, author, msgspec.to_builtins(rows, builtin_types=(bytes,))])


def _kept(found: Found, view: dict[str, Any]) -> Kept:
    said = [entry for entry in view["entries"] if entry["kind"] == "delay_reason"]
    return Kept(
        found,
        [KeptDelay(entry["op"], entry["answer"] and entry["answer"]["reply"]) for entry in said],
    )


def _as_it_stood(kept: Kept, view: dict[str, Any], directory: Directory) -> Late:
    """The row of then: of delay reasons those that were there, with the answer they had."""
    row = late_of(kept.found, view, directory)
    replies = {one.op.hex(): one.reply for one in kept.delays}
    delays = [
        msgspec.structs.replace(one, reply=replies[one.op])
        for one in row.delays
        if one.op in replies
    ]
    return msgspec.structs.replace(row, delays=delays)


def _frozen(cutoff: Cutoff, directory: Directory) -> Frozen:
    person = directory.person(cutoff.author)
    return Frozen(
        id=cutoff.id.hex(),
        at_ms=cutoff.at_ms,
        by=cutoff.author.hex(),
        by_name=person.name if person else "",
        hash=cutoff.hash.hex(),
        n=cutoff.n,
    )


@post(
    "/api/feedback/cutoffs",
    tags=["reviews"],
    operation_id="freezeOverdue",
    guards=[may_review],
    security=SESSION_AND_CSRF,
    responses=refusals("not_signed_in", "csrf", "not_allowed"),
)
async def freeze(
    *,
    who: NamedDependency[SignedIn],
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    entropy: NamedDependency[Callable[[int], bytes]],
    clock: NamedDependency[Clock],
) -> Response[Frozen]:
    """Freeze the list of overdue feedback as it stands now."""
    now_ms, directory = clock.now_ms(), access.directory()
    found = await db.reading(overdue.find, true(), now_ms)
    told = await stories.read_all([one.entity for one in found])
    rows = [_kept(one, told[one.entity].view) for one in found if one.entity in told]
    raw = bytes_of(now_ms, who.person.id, rows)
    cutoff = Cutoff(
        id=entropy(16),
        at_ms=now_ms,
        author=who.person.id,
        hash=ids.tagged_hash(HASH_TAG, raw),
        n=sum(not row.found.exercise for row in rows),
        raw=raw,
    )
    await db.writing(cutoffs.add, cutoff)
    return Response(_frozen(cutoff, directory), status_code=201, headers=NO_STORE)


@get(
    "/api/feedback/cutoffs",
    tags=["reviews"],
    operation_id="listCutoffs",
    guards=[may_review],
    security=SESSION,
    responses=refusals("not_signed_in", "not_allowed"),
)
async def list_cutoffs(
    access: NamedDependency[Access], db: NamedDependency[Database]
) -> Response[list[Frozen]]:
    """List the frozen lists, the newest first."""
    directory = access.directory()
    found = await db.reading(cutoffs.newest, MAX_LISTED)
    return Response([_frozen(one, directory) for one in found], headers=NO_STORE)


@get(
    "/api/feedback/cutoffs/{cutoff:str}",
    tags=["reviews"],
    operation_id="getCutoff",
    guards=[may_review],
    security=SESSION,
    responses=refusals("bad_id", "not_signed_in", "not_allowed", "not_found"),
)
async def read_cutoff(
    cutoff: FromPath[str],
    *,
    access: NamedDependency[Access],
    db: NamedDependency[Database],
    stories: NamedDependency[Stories],
    clock: NamedDependency[Clock],
) -> Response[FrozenList]:
    """Show one frozen list as it was taken, and beside each row the feedback that has come since."""
    wanted = from_hex(cutoff, "cutoff")

    def read(connection: Connection) -> Cutoff | None:
        return cutoffs.find(connection, wanted)

    found = await db.reading(read)
    if found is None:
        raise ProblemError("not_found", detail="There is no frozen list with this id.")
    _at_ms, _author, told = canon.decode(found.raw)
    rows = msgspec.convert(told, list[Kept], builtin_types=(bytes,))
    known = await stories.read_all(sorted({kept.found.entity for kept in rows}))
    directory = access.directory()
    shown = []
    for kept in rows:
        view = known[kept.found.entity].view
        row = _as_it_stood(kept, view, directory)
        shown.append(FrozenRow(row, answer_to(row, view)))
    frozen = FrozenList(clock.now_ms(), _frozen(found, directory), shown)
    return Response(frozen, headers=NO_STORE)


ROUTES: Final[list[Any]] = [freeze, list_cutoffs, read_cutoff]
