"""Which clocks a batch says more of, and what is found of those whose time has come (SPEC VD9).

Responsible for having the clocks of an incident looked at a second after something was said of them, and for writing
down what is found then: rulings, rows and timers. Refuses to judge: `verdicts` does, on times that `moments` finds.

Example: after `looking.note(incident, ops)` the timers that `looking.flush()` sets hold the incident's, a second ahead.
"""

from typing import Any

from sqlalchemy import Connection

from server.intake import verdicts
from server.intake.ledger import Ledger
from server.intake.memory import Incident, Memory
from server.intake.moments import Moments
from server.intake.timing import BACK_SETS
from server.intake.verdicts import Finding
from server.store import timers
from server.store import verdicts as stored_verdicts
from server.store.verdicts import Row
from sync import rulings

Moved = dict[bytes, int | None]
"""Timers by incident: when each rings (ms), None for one that is taken away."""


class Looking:
    """That of one batch."""

    def __init__(
        self,
        connection: Connection,
        memory: Memory,
        ledger: Ledger,
        moments: Moments,
        at_ms: int,
    ) -> None:
        """Nothing is to be looked at yet; every finding is ruled at `at_ms`."""
        self._connection = connection
        self._memory = memory
        self._ledger = ledger
        self._moments = moments
        self._at_ms = at_ms
        self._to_look: dict[bytes, Incident] = {}
        self._to_judge: dict[bytes, Incident] = {}
        self._filled: dict[bytes, int] = {}

    def note(self, incident: Incident, ops: list[dict[str, Any]]) -> None:
        """These ops were ruled to count, or not to count any more."""
        if verdicts.touches(ops):
            self._to_look[incident.id] = incident

    def filled(self, chain: bytes, seq: int) -> None:
        """A set came after one that follows it in its chain."""
        self._filled[chain] = max(seq, self._filled.get(chain, 0))

    def judge(self, incident: Incident) -> None:
        """Look at its clocks in this batch, as they stand at its end."""
        self._to_judge[incident.id] = incident

    def flush(self) -> list[tuple[bytes, int | None]]:
        """Write down what was found, and set the timers that moved, which it gives."""
        moved = list((self._look_soon() | self._judge()).items())
        timers.write(self._connection, timers.VERDICTS, moved)
        return moved

    def _look_soon(self) -> Moved:
        """Have the clocks looked at of which this batch says more."""
        told = sorted(self._moments.told_more_of())
        entities = stored_verdicts.open_among(self._connection, told)
        for chain, seq in self._filled.items():
            # Signed before what came earlier: now it is certain by when.
            entities += stored_verdicts.open_before(self._connection, chain, seq)
        for chain, first, last, until_ms in self._moments.vouched():
            # And so were those before them in their chain; what lies far back came long ago.
            low = first - BACK_SETS
            entities += stored_verdicts.open_before(self._connection, chain, last, low, until_ms)
        for entity in entities:
            self._to_look[entity] = self._memory.incident(self._connection, entity)
        soon_ms = self._at_ms + verdicts.SETTLING_MS
        moved: Moved = {}
        for incident in self._to_look.values():
            turns_ms = incident.turns_ms
            is_seen = turns_ms is not None and self._at_ms <= turns_ms <= soon_ms
            if not is_seen and incident.scopes and verdicts.runs(incident):
                moved[incident.id] = incident.turns_ms = soon_ms
        return moved

    def _judge(self) -> Moved:
        """Rule what is to be found by now."""
        running = [one for one in self._to_judge.values() if one.scopes and verdicts.runs(one)]
        # Of all of them at once: a phone's sets lie side by side in its chain.
        book = self._memory.directory.book
        needed = (item for one in running for item in verdicts.needed(one, book))
        times = self._moments.times(needed)
        standing = stored_verdicts.of_incidents(self._connection, [one.id for one in running])
        rows: list[Row] = []
        moved: Moved = dict.fromkeys(self._to_judge)
        for incident in running:
            found = verdicts.judge(incident, times, book, self._at_ms)
            rows += [
                self._rule(incident, one)
                for one in verdicts.findings(incident, found, standing[incident.id])
            ]
            moved[incident.id] = incident.turns_ms = verdicts.turns_ms(found)
        stored_verdicts.write(self._connection, rows)
        return moved

    def _rule(self, incident: Incident, one: Finding) -> Row:
        """Write down what was found of one clock if it is to be; gives the row that then stands."""
        if one.payload is None:
            return one.row
        payload = {"e": incident.id} | one.payload
        idx, leaf = self._ledger.rule(rulings.KIND_VERDICT, payload)
        self._ledger.list_in(incident.scopes, idx, None, leaf)
        return verdicts.ruled_row(one.row, payload["result"], idx, self._at_ms)
