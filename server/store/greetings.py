"""What devices showed when they greeted: the sync token of each chain, and what was amiss.

Responsible for the current token of a chain (SPEC FK3) and for one row per chain and kind of event, so that a device
that asks a thousand times leaves a count and not a thousand rows. Refuses to judge either.

Example: `note(connection, [Happening(chain, "copied", at_ms, {"head": 7})])`; the second time only `last_ms`, `count`
and the proof change.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import query, query_in, upsert
from sync import canon
from sync.forks import Greeted


class Happening(msgspec.Struct, frozen=True):
    """Something that befell a chain. `proof` is what shows it: canonical values, ids as bytes."""

    chain: bytes
    kind: str
    """copied, rolled_back, forked, rotated, needs_login, contradicted, revoked, moved, removed, wiped, upgraded"""
    at_ms: int
    proof: dict[str, Any]


class Event(msgspec.Struct, frozen=True):
    """One kind of happening on one chain: when first and last, how often, and the newest proof."""

    kind: str
    first_ms: int
    last_ms: int
    count: int
    proof: dict[str, Any]


def tokens(connection: Connection, chains: Sequence[bytes]) -> dict[bytes, Greeted]:
    """The token each of these chains was given last."""
    rows = query_in(
        connection,
        "SELECT chain, token, request, shown FROM sync_tokens WHERE chain IN (?)",
        chains,
    )
    return {
        bytes(chain): Greeted(bytes(token), bytes(request), None if shown is None else bytes(shown))
        for chain, token, request, shown in rows
    }


def keep_tokens(connection: Connection, given: dict[bytes, Greeted]) -> None:
    """Write the tokens given."""
    rows = [(chain, *msgspec.structs.astuple(greeted)) for chain, greeted in given.items()]
    upsert(connection, tables.sync_tokens, rows)


def note(connection: Connection, happened: Sequence[Happening]) -> None:
    """Count what happened."""
    if not happened:
        return
    chains = list({one.chain for one in happened})
    known = {(chain, kind): rest for chain, kind, *rest in _rows_of(connection, chains)}
    for one in happened:
        first_ms, _last, count, _proof = known.get((one.chain, one.kind), (one.at_ms, 0, 0, b""))
        proof = canon.encode(one.proof)
        known[one.chain, one.kind] = [first_ms, one.at_ms, count + 1, proof]
    changed = {(one.chain, one.kind) for one in happened}
    upsert(connection, tables.chain_events, [(*key, *known[key]) for key in changed])


def events(connection: Connection) -> dict[bytes, list[Event]]:
    """Every event by chain, the newest first."""
    rows = query(
        connection,
        "SELECT chain, kind, first_ms, last_ms, count, proof FROM chain_events ORDER BY last_ms DESC, kind",
    )
    found: dict[bytes, list[Event]] = {}
    for chain, kind, first_ms, last_ms, count, proof in rows:
        said: Any = canon.decode(bytes(proof))
        found.setdefault(bytes(chain), []).append(Event(kind, first_ms, last_ms, count, said))
    return found


def _rows_of(connection: Connection, chains: list[bytes]) -> list[tuple[Any, ...]]:
    rows = query_in(
        connection,
        "SELECT chain, kind, first_ms, last_ms, count, proof FROM chain_events WHERE chain IN (?)",
        chains,
    )
    return [(bytes(chain), *rest) for chain, *rest in rows]
