"""What a simulated phone reads: pages of scopes, each applied where it goes on, or begun anew with a snapshot.

Responsible for how far each scope was read, for believing no page that does not add up (SPEC EX4), and for what else
follows from reading: the clock hears stamps (HL2), the log is watched (TL9), and what the centre ruled of own sets is
an answer to them (HB4). Refuses to decide when to read, and to show anything: whoever does is told.

Example: `await reading.pull()` reads every known scope to its end; `reading.cursors["org"].n` is how far that is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from server.fleet.chain import OwnChain
from server.fleet.meeting import Met
from server.fleet.pages import BrokenScopeError, Read, follow_on, opened
from server.fleet.timebase import Timebase
from server.fleet.vault import Cursor, Vault
from server.fleet.watch import LogWatch
from server.wire import Wire, garbled
from sync import exchange, rulings
from sync.clock import Stamp
from sync.snapshot import Snapshot

PULL_BUDGET_BYTES = 1_048_576
UNREAD = Cursor(0, 0, rulings.SCOPE_HEAD_ZERO)

Follow = Callable[[str, rulings.Ruling, bytes | None], None]
"""Told each applied entry: scope, ruling, envelope if it came along."""
Begin = Callable[[Snapshot], None]
"""Told the snapshot that a scope begins with, in place of its entries so far."""


class Shown(msgspec.Struct, frozen=True):
    """Whoever is told what was read; `anew` is told a scope whose lines so far count no more."""

    follow: Follow | None = None
    begin: Begin | None = None
    anew: Callable[[str], None] | None = None


class Reading:
    """The scopes of one device."""

    def __init__(
        self,
        vault: Vault,
        wire: Wire,
        time: Timebase,
        *,
        chain: OwnChain,
        met: Met,
        shown: Shown,
        doubt: Callable[[], None],
    ) -> None:
        """Go on where the vault says. `doubt` is called when the next hello may say something else: another server, or
        another log, may be the one that is read now, or other scopes be ours.
        """
        self._vault = vault
        self._wire = wire
        self._time = time
        self._chain = chain
        self._met = met
        self.shown = shown
        self._doubt = doubt
        self.watch = LogWatch(vault)
        self.cursors = vault.cursors()
        self.pulled_sets: set[bytes] | None = None  # set ids met in pulls, where someone asks

    def follow(self, scope: str) -> None:
        """Read this scope too, from its beginning."""
        if scope not in self.cursors:
            self.move(scope, UNREAD)

    def named(self, scopes: Iterable[tuple[str, int, int]]) -> None:
        """A server has named these, with their epochs: what was read of an earlier one counts no more (EX5)."""
        for scope, epoch, _newest in scopes:
            known = self.cursors.get(scope)
            if known is None or known.epoch < epoch:
                self._begin_anew(scope, epoch)

    def forget(self, scopes: Sequence[str]) -> list[tuple[str, Cursor]]:
        """Read these no longer. Gives how far each was read; the vault still has it."""
        return [(scope, self.cursors.pop(scope)) for scope in scopes]

    def move(self, scope: str, cursor: Cursor) -> None:
        """A scope was read so far."""
        self.cursors[scope] = cursor
        self._vault.move_cursor(scope, cursor)

    async def pull(self) -> None:
        """Read every known scope to its newest entry. Raises BrokenScopeError for one that lies."""
        complete = False
        while not complete:
            at_station = bool(self._met.station)
            request = exchange.PullRequest(
                self._met.asks(self.cursors),
                PULL_BUDGET_BYTES,
                None if at_station else self.watch.due(self._time.now_ms()),
            )
            reply = await self._wire.call("pull", request, exchange.PullReply)
            if reply.server is not None:
                self._met.station, at_station = reply.server, True
            for page in reply.scopes:
                if page.snapshot is not None:
                    await self._begin_with(page, page.snapshot)
                else:
                    self._apply(page)
            self._chain.saw(reply.size, reply.leaf, of_station=at_station)
            self._chain.given(reply.beacon, of_station=at_station)
            self._met.read(reply)
            self.watch.heard(reply.checkpoint)
            complete = reply.complete

    def _apply(self, page: exchange.ScopePage) -> None:
        at = self.cursors.get(page.scope)
        if at is not None and at.epoch not in (0, page.epoch):
            self._doubt()  # the log may be another one too (TL11)
        if at is not None and at.epoch == page.epoch and page.from_ != at.n + 1:
            raise garbled("the answer is to another pull")  # from some proxy's memory
        try:
            read, cursor = follow_on(page, at)
        except BrokenScopeError:
            # What is held of the scope does not go with what is said of it now (EX4): see who says so.
            self._doubt()
            self._begin_anew(page.scope, page.epoch)
            raise
        if page.from_ == 1 and self.shown.anew is not None:
            self.shown.anew(page.scope)
        self._listen_to(read)
        self._heed(read)
        for ruling, carried in read:
            if ruling.kind == rulings.KIND_ORG:
                told = ruling.payload
                self._learn(told["what"], told["id"], told["row"])
            if self.pulled_sets is not None and ruling.kind == rulings.KIND_SET:
                self.pulled_sets.add(ruling.payload["set"])
            if self.shown.follow is not None:
                self.shown.follow(page.scope, ruling, carried)
        self.move(page.scope, cursor)

    def _begin_anew(self, scope: str, epoch: int) -> None:
        self.move(scope, Cursor(epoch, 0, rulings.SCOPE_HEAD_ZERO))

    async def _begin_with(self, page: exchange.ScopePage, offer: exchange.Offer) -> None:
        """Begin a scope again with the snapshot that was offered (SN3). Raises BrokenScopeError."""
        packed = await self._wire.fetch(f"snapshot/{offer.hash.hex()}")
        whole = opened(packed, page, offer)
        for row in whole.org:
            self._learn(*row)
        records = [record for _entity, some in whole.records() for record in some]
        self._chain.hear([Stamp.unpack(record.eff) for record in records])
        if self.pulled_sets is not None:
            self.pulled_sets |= {record.set for record in records}
        if self.shown.begin is not None:
            self.shown.begin(whole)
        self.move(page.scope, Cursor(whole.epoch, whole.n, whole.head))

    def _learn(self, what: str, row_id: bytes, row: dict[str, Any] | None) -> None:
        """Take note of rows of the organisation that say who keeps the log, which stations are over, and where our
        person belongs.
        """
        self.watch.learn(what, row_id, row)
        self._met.learn(what, row_id, row)
        person = self._chain.identity.person
        if (what, row_id) == ("people", person) and self._met.belongs(row):
            self._doubt()  # other scopes are ours from now on

    def _listen_to(self, read: Sequence[Read]) -> None:
        """Advance the clock to the newest believable stamp of a page (HL2)."""
        stamps = [
            Stamp.unpack(ruling.payload["eff"])
            for ruling, _envelope in read
            if ruling.kind == rulings.KIND_SET
        ]
        self._chain.hear(stamps)

    def _heed(self, read: Sequence[Read]) -> None:
        """What the centre has ruled is an answer to what waits, whoever handed it in (HB4). What a station thinks is
        none, nor what one says of a log that has ended.
        """
        if not self._met.is_behind and self._vault.pending()[0]:
            told = (
                (ruling.payload["set"], ruling.payload["why"])
                for ruling, _envelope in read
                if ruling.kind in rulings.DECIDING and not rulings.is_provisional(ruling.idx)
            )
            self._vault.ruled(told, self._met.station)
