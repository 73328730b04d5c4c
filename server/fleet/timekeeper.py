"""What a simulated phone remembers of its clocks, so that others can tell later when it wrote what (SPEC TM1 to TM4).

Responsible for the session of the monotonic clock, for readings around an exchange, for heartbeats, and for the
samples that go into the chain. Refuses to talk to anybody and to judge what a sample proves.

A session ends with the object. What an ended one still owes its chain the vault has kept, together with the set that
needs it; `owed_by` says what that is.

Example: `sent = keeper.read()`, then the exchange, then `keeper.heard(sent, reply.now_ms, reply.uncertainty_ms)`;
before sets are sent, `keeper.due()` gives the ops of the set to write first.
"""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from server.fleet.timebase import Timebase
from sync import samples
from sync.canon import INT_MAX
from sync.samples import KEEP_EVERY_MS, UNSENT_MS, Clocks, Sample


class Reading(Struct, frozen=True):
    """Both clocks of a phone at one moment, the monotonic one in ms since the session began."""

    m: int
    wall_ms: int


class Timekeeper:
    """The clocks of one session, and what is left of those before it."""

    def __init__(self, time: Timebase, session: bytes) -> None:
        """Begin a session now. `session`: 8 random bytes."""
        self._time = time
        self._began_m = time.mono_ms()
        # Own sets that wait to be sent and have no sample after them in the chain: id and m.
        self._unsent: dict[bytes, int] = {}
        self._sampled_m: int | None = None
        self.clocks = Clocks(session)

    def read(self) -> Reading:
        """Both clocks now."""
        return Reading(self._time.mono_ms() - self._began_m, self._time.now_ms())

    def heard(self, sent: Reading, server_ms: int, uncertainty_ms: int) -> bool:
        """The centre said what time it is, in answer to what left at `sent`. True when a set written before now has
        another sample after it, which the vault should not lose."""
        now = self.read()
        found = samples.sample(
            m1=sent.m,
            wall1_ms=sent.wall_ms,
            server_ms=server_ms,
            uncertainty_ms=uncertainty_ms,
            m4=now.m,
            wall4_ms=now.wall_ms,
            hidden=False,
        )
        if not isinstance(found, Sample):
            return False
        self._watch(found.m)
        before = self.clocks.waiting
        self.clocks = samples.keep(self.clocks, found)
        self._sampled_m = found.m
        return self.clocks.oldest_m is not None and self.clocks.waiting != before

    def after_writing(self, now: Reading) -> Clocks:
        """What will be remembered once a set was written."""
        self._watch(now.m)
        return samples.wrote(self.clocks, now.m, now.wall_ms)

    def wrote(self, set_id: bytes, m: int, clocks: Clocks) -> None:
        """It was, and the vault has `clocks`."""
        self.clocks = clocks
        self._unsent[set_id] = m

    def settled(self, set_ids: Iterable[bytes]) -> None:
        """The centre has answered for these."""
        for set_id in set_ids:
            self._unsent.pop(set_id, None)

    @property
    def wants_sample(self) -> bool:
        """Whether another sample tells something before what waits is sent."""
        now_m, unsent_m = self.read().m, self._oldest_m
        if self._sampled_m is None or now_m - self._sampled_m > KEEP_EVERY_MS:
            return True
        return unsent_m is not None and self._sampled_m < unsent_m and now_m - unsent_m > UNSENT_MS

    def due(self) -> list[dict[str, Any]]:
        """The ops to write before sets are sent, mostly none."""
        chosen = samples.to_place(self.clocks, self.read().m, self._oldest_m)
        return [samples.op_of(self.clocks.session, kept) for kept in chosen]

    def placed(self, clocks: Clocks) -> None:
        """What was due is in the chain, and the vault has `clocks`."""
        self.clocks = clocks
        newest_m = -1 if clocks.placed_m is None else clocks.placed_m
        self._unsent = {set_id: m for set_id, m in self._unsent.items() if m > newest_m}

    @property
    def _oldest_m(self) -> int | None:
        return min(self._unsent.values(), default=None)

    def _watch(self, until_m: int) -> None:
        self.clocks = self._time.watched(self.clocks, self._began_m, until_m)


def owed_by(ended: Clocks) -> list[dict[str, Any]]:
    """The ops that a session which is over still owes its chain."""
    return [samples.op_of(ended.session, kept) for kept in samples.to_place(ended, INT_MAX, None)]
