"""What judging a time has to know of the chains that speak of it.

Responsible for what is asked of a chain, and the answers out of what is stored; and for which sets of a chain say
something of it that counts. Refuses to know who asks, and what they say.

Example: `Chains(connection).forked_at(chain)` is None while a chain has one writer.
"""

from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from sqlalchemy import Connection

from server.store import devices
from server.store.devices import Device
from sync import rulings
from sync.changeset import KIND_CHAIN, ChangeSet


class Known(Protocol):
    """What is known of chains: in a batch what it has in hand, else what is stored."""

    def device(self, chain: bytes) -> Device | None:
        """The enrolled device of a chain."""

    def forked_at(self, chain: bytes) -> int | None:
        """The seq from which it has two writers."""


class Chains:
    """What is stored of them."""

    def __init__(self, connection: Connection) -> None:
        """Ask when asked."""
        self._connection = connection

    def device(self, chain: bytes) -> Device | None:
        """The enrolled device of a chain."""
        return devices.by_chain(self._connection, chain)

    def forked_at(self, chain: bytes) -> int | None:
        """The seq from which it has two writers."""
        head = devices.heads(self._connection, [chain]).get(chain)
        return None if head is None else head.forked_at


def said_of_itself(
    change: ChangeSet, ruling: rulings.Ruling, doubtful: AbstractSet[str]
) -> list[dict[str, Any]]:
    """The ops of a ruled set about its own chain, where it counts and has none of these flags; else none."""
    body, payload = change.body, ruling.payload
    is_good = (
        body is not None
        and body.kind == KIND_CHAIN
        and body.entity == change.header.chain
        and payload["d"] in rulings.COUNTED
        and doubtful.isdisjoint(payload["flags"])
    )
    return body.ops if body is not None and is_good else []
