"""Web Push subscriptions: at most one of each device, and at most one device of each.

Responsible for keeping, finding and forgetting them, and for how sending went lately. Refuses to know what is sent,
and whether an address may be spoken to.

Example: `save(connection, Subscription(chain, endpoint, p256dh, auth, now_ms))`; the phone that somebody else used
before no longer hears their orders, for the endpoint is the new device's alone.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from server.store import tables
from server.store.rows import execute, query, query_in, upsert


class Subscription(msgspec.Struct, frozen=True):
    """Where the messages of one device go and how they are sealed (RFC 8291): its 65-byte point and 16-byte secret.

    `refusals` counts those in a row that were the message's or the key's fault, since `succeeded_at_ms`."""

    chain: bytes
    endpoint: str
    p256dh: bytes
    auth: bytes
    created_at_ms: int
    succeeded_at_ms: int | None = None
    refusals: int = 0


_COLUMNS = ", ".join(f"s.{column.name}" for column in tables.push_subscriptions.columns)
_IN_USE = "d.revoked_at_ms IS NULL AND d.continued_by IS NULL"


def _subscription(row: Sequence[object]) -> Subscription:
    chain, endpoint, p256dh, auth, *rest = row
    raw = (bytes(part) for part in (p256dh, auth))  # type: ignore[call-overload]
    return Subscription(bytes(chain), endpoint, *raw, *rest)  # type: ignore[call-overload,arg-type]


def save(connection: Connection, one: Subscription) -> None:
    """Keep this subscription as the device's only one; no other device keeps the same endpoint."""
    execute(
        connection,
        "DELETE FROM push_subscriptions WHERE endpoint = ? AND chain <> ?",
        (one.endpoint, one.chain),
    )
    upsert(connection, tables.push_subscriptions, [msgspec.structs.astuple(one)])


def of_chain(connection: Connection, chain: bytes) -> Subscription | None:
    """The subscription of a device, None when it has none or is no longer in use."""
    rows = query(
        connection,
        f"SELECT {_COLUMNS} FROM push_subscriptions s JOIN devices d ON d.chain = s.chain"  # noqa: S608  our own words
        f" WHERE s.chain = ? AND {_IN_USE}",
        (chain,),
    )
    return _subscription(rows[0]) if rows else None


def of_person(connection: Connection, person: bytes) -> list[Subscription]:
    """The subscriptions of a person's devices that are in use."""
    rows = query(
        connection,
        f"SELECT {_COLUMNS} FROM push_subscriptions s JOIN devices d ON d.chain = s.chain"  # noqa: S608  our own words
        f" WHERE d.person = ? AND {_IN_USE} ORDER BY s.chain",
        (person,),
    )
    return [_subscription(row) for row in rows]


def subscribed(connection: Connection, people: Sequence[bytes]) -> list[bytes]:
    """Those of these people who have a subscription on a device in use."""
    rows = query_in(
        connection,
        "SELECT DISTINCT d.person FROM push_subscriptions s JOIN devices d ON d.chain = s.chain"  # noqa: S608  our own words
        f" WHERE {_IN_USE} AND d.person IN (?)",
        people,
    )
    return sorted(bytes(person) for (person,) in rows)


def any_kept(connection: Connection) -> bool:
    """Whether there is a subscription at all: where push is not used nothing is worked out for it."""
    return bool(query(connection, "SELECT 1 FROM push_subscriptions LIMIT 1"))


def succeeded(connection: Connection, one: Subscription, at_ms: int) -> None:
    """Note that the service took a message."""
    execute(
        connection,
        "UPDATE push_subscriptions SET succeeded_at_ms = ?, refusals = 0 WHERE chain = ? AND endpoint = ?",
        (at_ms, one.chain, one.endpoint),
    )


def refused(connection: Connection, one: Subscription) -> None:
    """Note that the service would not take a message."""
    execute(
        connection,
        "UPDATE push_subscriptions SET refusals = refusals + 1 WHERE chain = ? AND endpoint = ?",
        (one.chain, one.endpoint),
    )


def forget(connection: Connection, chain: bytes, endpoint: str | None = None) -> None:
    """Forget what a device subscribed to, or only this endpoint: it may have another by now."""
    if endpoint is None:
        execute(connection, "DELETE FROM push_subscriptions WHERE chain = ?", (chain,))
        return
    execute(
        connection,
        "DELETE FROM push_subscriptions WHERE chain = ? AND endpoint = ?",
        (chain, endpoint),
    )


def move(connection: Connection, old: bytes, new: bytes) -> None:
    """Let the chain that takes another's place hear what that one subscribed to."""
    forget(connection, new)
    execute(connection, "UPDATE push_subscriptions SET chain = ? WHERE chain = ?", (new, old))
