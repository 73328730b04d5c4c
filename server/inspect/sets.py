"""One stored set as support looks at it: what it did, when, and every ruling on it with what admission had before it.

Responsible for reading a set and its rulings into plain values, and for deciding the first ruling again (RL7). Refuses
to show words unless it is told to, and to change anything.

Example: `told(connection, sets.by_arrival(connection, 7), Showing(openly))` has `rulings[0].again == "same"`.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.inspect.plain import Named, shown, wordless
from server.intake import replay
from server.store.rows import query
from server.store.sets import Evidence
from sync import changeset, rulings
from sync.changeset import KIND_CHAIN, ChangeSet


class Showing(msgspec.Struct, frozen=True):
    """How much is shown: ids as `named` writes them; `words`: also what people said; `outside`: to somebody to whom
    even the number of an incident says too much."""

    named: Named
    words: bool = False
    outside: bool = False


class ToldRuling(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ruling on the set. `facts`: what admission looked at, as it kept them (RL7). `again`: how it comes out decided
    again, of first rulings: `same`, `otherwise`, `redacted`, `other_set`."""

    idx: int
    at: int
    kind: str
    decision: str
    why: str | None = None
    flags: list[str] = []
    number: str | None = None
    by: str | None = None
    facts: dict[str, Any] = {}
    again: str | None = None


class ToldSet(msgspec.Struct, frozen=True, omit_defaults=True):
    """A set. Times in ms: `received` by the server, `stamped` by the author's stamp, `wall` by the author's own clock.
    `unread`: a newer version wrote it. `ops` are None once redacted. `shown_as`: what of an incident it gave."""

    set: str
    chain: str
    seq: int
    arrival: int
    received: int
    bytes: int
    rulings: list[ToldRuling]
    unread: bool = False
    stamped: int | None = None
    wall: int | None = None
    user: str | None = None
    lane: int = 0
    kind: str | None = None
    entity: str | None = None
    scope: str | None = None
    ops: list[Any] | None = None
    shown_as: list[str] = []


def told(
    connection: Connection, one: Evidence, showing: Showing, shown_as: Sequence[str] = ()
) -> ToldSet:
    """Everything about one stored set."""
    named = showing.named
    found = changeset.read(one.envelope)
    standing = rulings.read_ruling(one.ruling)
    payload = standing.payload
    plain = ToldSet(
        set=named(payload["set"]),
        chain=named(payload["chain"]),
        seq=payload["seq"],
        arrival=one.arrival_no,
        received=one.received_at_ms,
        bytes=len(one.envelope),
        rulings=[_ruling(at, one, showing) for at in _rulings(connection, standing)],
        entity=None if payload["e"] is None else named(payload["e"]),
        shown_as=list(shown_as),
    )
    if not isinstance(found, ChangeSet):
        return msgspec.structs.replace(plain, unread=True)
    header, body = found.header, found.body
    return msgspec.structs.replace(
        plain,
        stamped=int.from_bytes(header.hlc[:6]),
        wall=header.wall_ms,
        user=named(header.user),
        lane=header.lane,
        scope=_scope(header.scope, named),
        kind=None if body is None else body.kind,
        ops=None if body is None else [_op(op, body.kind, showing) for op in body.ops],
    )


def _op(op: dict[str, Any], kind: str, showing: Showing) -> Any:
    is_plain = showing.words or kind == KIND_CHAIN
    return shown(op if is_plain else wordless(op), showing.named)


def _scope(scope: str, named: Named) -> str:
    """The ids in the name of a scope, written as others are."""
    parts = scope.split(":")
    return ":".join(
        named(bytes.fromhex(part))
        if len(part) == 32 and set(part) <= set("0123456789abcdef")
        else part
        for part in parts
    )


def _rulings(connection: Connection, standing: rulings.Ruling) -> list[rulings.Ruling]:
    """Every ruling that decides about the set, the first one first."""
    if standing.kind == rulings.KIND_SET:
        return [standing]
    rows = query(
        connection,
        "SELECT r.bytes FROM entity_rulings e JOIN rulings r ON r.idx = e.idx"
        " WHERE e.entity = ? ORDER BY r.idx",
        (standing.payload["e"],),
    )
    earlier = (rulings.read_ruling(bytes(raw)) for (raw,) in rows)
    on_it = [
        one
        for one in earlier
        if one.kind in rulings.DECIDING
        and one.payload["set"] == standing.payload["set"]
        and one.idx < standing.idx
    ]
    return [*on_it, standing]


def _ruling(one: rulings.Ruling, stored: Evidence, showing: Showing) -> ToldRuling:
    payload, named = one.payload, showing.named
    by = payload.get("by")
    return ToldRuling(
        idx=one.idx,
        at=one.at_ms,
        kind=one.kind,
        decision=payload["d"],
        why=payload["why"],
        flags=list(payload["flags"]),
        number=None if showing.outside else payload["no"],
        by=None if by is None else named(by),
        facts=shown(payload.get("in", {}), named),
        again=replay.decide(one, stored.envelope) if one.kind == rulings.KIND_SET else None,
    )
