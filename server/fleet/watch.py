"""A simulated phone as a witness of the log: it keeps the highest checkpoint it has checked (SPEC TL9).

Responsible for asking about once a minute, for what is held, and for an alarm when the next does not grow out of it.
Refuses to stop anything: whatever the log does, the device goes on writing and sending.

Example: `watch.due(now_ms)` is the size to ask from; `watch.heard(reply.checkpoint)` judges what came.
"""

from typing import Any, Final

import msgspec

from server import keys
from server.fleet.vault import Vault
from sync import witness
from sync.exchange import GivenCheckpoint
from sync.witness import Held

ASK_EVERY_MS: Final = 60_000


class Named(msgspec.Struct, array_like=True, frozen=True):
    """The row of the organisation that names the log, and whose it is."""

    server: bytes
    row: dict[str, Any]


class LogWatch:
    """Watches one log for one device."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._asked_ms: int | None = None

    @property
    def held(self) -> Held | None:
        """The highest checkpoint that was checked."""
        raw = self._vault.watched("held")
        return None if raw is None else msgspec.msgpack.decode(raw, type=Held)

    @property
    def alarm(self) -> str | None:
        """What was wrong with the log when it was last looked at, None while all is well."""
        raw = self._vault.watched("alarm")
        return None if raw is None else raw.decode()

    def learn(self, what: str, row_id: bytes, row: dict[str, Any] | None) -> None:
        """Take note of a row that names the log."""
        if what == witness.ORG_ROW and row is not None:
            self._vault.watch("log", msgspec.msgpack.encode(Named(row_id, row)))

    def due(self, now_ms: int) -> int | None:
        """The size to ask from; None when the last answer is young."""
        if self._asked_ms is not None and 0 <= now_ms - self._asked_ms < ASK_EVERY_MS:
            return None
        self._asked_ms = now_ms
        held = self.held
        return held.size if held is not None else 0

    def heard(self, given: GivenCheckpoint | None) -> None:
        """Judge what came; before the row that names the log has come, nothing is judged."""
        raw = self._vault.watched("log")
        if given is None or raw is None:
            return
        named = msgspec.msgpack.decode(raw, type=Named)
        log = witness.log_of(named.server, named.row)
        if log is None:
            return
        found = witness.judge(self.held, given.note, given.proof, log=log, verify=keys.verify)
        if isinstance(found, str):
            self._vault.watch("alarm", found.encode())
            return
        self._vault.watch("held", msgspec.msgpack.encode(found))
        self._vault.watch("alarm", None)
