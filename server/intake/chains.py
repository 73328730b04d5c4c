"""What judging a time has to know of the chains that speak of it.

Responsible for the two questions, and for their answers out of what is stored. Refuses to know who asks.

Example: `Chains(connection).forked_at(chain)` is None while a chain has one writer.
"""

from typing import Protocol

from sqlalchemy import Connection

from server.store import devices
from server.store.devices import Device


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
