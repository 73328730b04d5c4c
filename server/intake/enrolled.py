"""Devices that join and devices that are cut off, in the transaction that says so.

Responsible for their records, for the ruling that tells everybody, and for putting before people what came from a
device while it was in other hands. Refuses to know how a device proves who it is: whoever enrols it has asked.

Example: `batch.devices.revoke(chain, "lost", compromised_since_ms=since_ms)` is True the first time.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection

from server.intake.ledger import Ledger
from server.intake.memory import Memory
from server.store import devices, doubts, sets, subscriptions
from server.store.devices import Device
from server.store.doubts import COMPROMISED, Doubt
from sync import changeset, rulings
from sync.changeset import ChangeSet

Org = Callable[[str, bytes, dict[str, Any]], int]
"""Rules that the organisation has this row: what it is, its id, the row. Gives the index."""


class Enrolled:
    """What one batch does to devices."""

    def __init__(
        self, connection: Connection, memory: Memory, ledger: Ledger, at_ms: int, org: Org
    ) -> None:
        """Every change is ruled at `at_ms`, by `org`."""
        self._connection = connection
        self._memory = memory
        self._ledger = ledger
        self._at_ms = at_ms
        self._org = org

    def enrol(self, device: Device) -> int:
        """Take a device in, or replace its record. Gives the index of the ruling that says so."""
        devices.save(self._connection, device)
        self._memory.devices[device.chain] = device
        return self._org("devices", device.chain, device.public())

    def revoke(self, chain: bytes, why: str, *, compromised_since_ms: int | None = None) -> bool:
        """Revoke a device from now on, and say since when it was in other hands if it was (AU6). False
        when there is no such device or nothing new is said.
        """
        device = self._memory.device(self._connection, chain)
        if device is None or device.is_desk:
            return False
        known_since_ms = device.compromised_since_ms
        is_worse = compromised_since_ms is not None and (
            known_since_ms is None or compromised_since_ms < known_since_ms
        )
        if device.revoked_at_ms is None:
            device = msgspec.structs.replace(device, revoked_at_ms=self._at_ms, revoked_why=why)
        elif not is_worse:
            return False
        if is_worse:
            device = msgspec.structs.replace(device, compromised_since_ms=compromised_since_ms)
        self.enrol(device)
        subscriptions.forget(self._connection, chain)
        if is_worse:
            self._doubt_since(chain, compromised_since_ms or 0)
        return True

    def _doubt_since(self, chain: bytes, since_ms: int) -> None:
        """Put before people what a device sent since it was in other hands, though it was accepted."""
        self._ledger.write_log()
        for stored in sets.received_since(self._connection, chain, since_ms):
            found = changeset.read(stored.envelope)
            payload = rulings.read_ruling(stored.ruling).payload
            is_known = doubts.by_set(self._connection, payload["set"]) is not None
            if payload["d"] in rulings.COUNTED and not is_known and isinstance(found, ChangeSet):
                no, entity, user = stored.arrival_no, payload["e"], found.header.user
                one = Doubt(no, found.set_id, chain, entity, user, COMPROMISED)
                doubts.add(self._connection, [one])
