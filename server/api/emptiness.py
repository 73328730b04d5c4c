"""Before a device is shut out, or its person moves: whether it is known to hold nothing that is not here.

Responsible for that question, for the refusal ``device_not_empty`` while nobody says why it cannot wait, and for what
is written down of it. Refuses to know what is done then.

Example: in a transaction ``demand_empty(batch, chain, despite=None)``; afterwards ``batch.happened(chain, "moved",
trail(who, why, despite, contact))``."""

from typing import Any, Final

from server.auth.guards import SignedIn
from server.intake.batch import Batch
from server.problems import ProblemError
from server.store import devices
from server.store.devices import Contact

LATELY_MS: Final = 5 * 60_000
"""As on the wall: what a device said within this time is believed to be so still."""


def demand_empty(batch: Batch, chain: bytes, *, despite: str | None) -> Contact | None:
    """What a device said last. Raises ``ProblemError`` where it may hold what is not here and nobody says why that
    cannot wait: it is empty when it said so lately, and all that it had written came.
    """
    contact = devices.contacts(batch.connection).get(chain)
    if despite is None and not _is_empty(batch, chain, contact):
        raise ProblemError("device_not_empty")
    return contact


def _is_empty(batch: Batch, chain: bytes, contact: Contact | None) -> bool:
    if contact is None or contact.pending > 0:
        return False
    head = devices.all_heads(batch.connection).get(chain)
    have = -1 if head is None else head.have
    return batch.at_ms - contact.last_contact_ms <= LATELY_MS and have >= contact.head


def trail(who: SignedIn, why: str, despite: str | None, contact: Contact | None) -> dict[str, Any]:
    """Who did it and why, what the device had said last, and why that did not wait."""
    return {
        "by": who.person.id,
        "name": who.person.name,
        "why": why,
        "despite": despite,
        "heard": None if contact is None else contact.last_contact_ms,
        "pending": None if contact is None else contact.pending,
    }
