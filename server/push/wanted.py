"""The effect of kind `push`: that somebody's phones shall be knocked at, and about which order.

Responsible for its shape and for whose phones an order concerns. Refuses to know addresses and services.

The payload is MessagePack, a map: `what` (`order`, `nudge`), `incident`, `order` (16 bytes each, null where
there is none), `person` or `chain` (16 bytes, the other null), `at_ms`. Whoever decides on a push in a transaction
keeps it there, and hands it on when the transaction has committed:

Example: `batch.afterwards(want(batch.connection, Wanted("nudge", batch.at_ms, incident, order, person=someone)))`.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import Connection

from server.store import outbox, subscriptions
from server.store.outbox import Effect
from server.store.people import Directory

PUSH: Final = "push"
"""The kind of effect."""


class Wanted(msgspec.Struct, frozen=True):
    """One push that is wanted, for every device of a person or for one chain."""

    what: Literal["order", "nudge"]
    at_ms: int
    incident: bytes | None = None
    order: bytes | None = None
    person: bytes | None = None
    chain: bytes | None = None


def want(connection: Connection, wanted: Wanted) -> Effect:
    """Keep the effect with what was decided; it is performed after the commit."""
    return outbox.add(connection, PUSH, msgspec.msgpack.encode(wanted), wanted.at_ms)


def read(payload: bytes) -> Wanted:
    """The effect again. Raises msgspec.MsgspecError for anything else."""
    return msgspec.msgpack.decode(payload, type=Wanted)


def receivers(directory: Directory, kind: str, target: bytes) -> list[bytes]:
    """The people an order to a `person`, `unit` or `vehicle` concerns, by the organisation as it stands now."""
    if kind == "person":
        return [target]
    unit: bytes | None = target
    if kind == "vehicle":
        unit = (directory.row("vehicles", target) or {}).get("unit")
    return [person.id for person in directory.people() if unit is not None and person.unit == unit]


def want_order(
    connection: Connection,
    directory: Directory,
    at_ms: int,
    incident: bytes,
    order: Mapping[str, Any],
) -> list[Effect]:
    """Want a push about a new order of a view, to everybody it concerns who has subscribed; whoever gave it knows.
    An order that is signed by now, or taken back, needs none.
    """
    if not order["open"] or order["milestones"].get("signed"):
        return []
    concerned = receivers(directory, *order["to"])
    people = subscriptions.subscribed(connection, concerned)
    return [
        want(connection, Wanted("order", at_ms, incident, order["id"], person=person))
        for person in people
        if person != order["issued_by"]
    ]
