"""Whom a simulated phone meets: the centre, or a station on the way to it (SPEC HB).

Responsible for telling the two apart, for what the log that a server names means (TL11), for the scopes that are worth
asking it for, and for what an answer to a push is worth. Refuses to talk and to decide when.

Example: after `met.greeted(reply)` at a station `met.station` is its id, and what it keeps is not offered to it again.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from server.fleet.vault import Cursor, Vault
from sync import exchange
from sync.exchange import HelloReply, PullReply, PushReply, PushResult

HUB: Final = "hub:"
_MET: Final = "met"
_ENDED: Final = "ended"
_REFUSED: Final = "refused"
_HOME: Final = "home"
_STATIONS: Final = "stations"


class Met:
    """The server that answered last."""

    def __init__(self, vault: Vault) -> None:
        """Nobody so far."""
        self._vault = vault
        self.station = b""
        """The server id of a station; empty at the centre."""
        self.is_behind = False
        """It speaks of a log that has ended: nothing that it says of the centre is news (HB5)."""
        self.heard_ms = 0
        """When the station had heard of the centre last, as it was read; 0 at the centre."""

    def greeted(self, reply: HelloReply) -> bool:
        """Take note of who answered. True when its log is another than the last: what that one had is owed again."""
        self.station = reply.server if reply.role == exchange.STATION else b""
        self.is_behind, self.heard_ms = False, 0
        log = reply.log
        name = f"{log.origin}/{log.epoch.hex()}".encode()
        before, ended = self._vault.watched(_MET), self._ended(reply)
        if name == before:
            return False
        if self.station and log.epoch in ended:
            self.is_behind = True
            return False
        with self._vault.together():
            if before is not None:
                self._vault.owe_everything()
            self._vault.watch(_MET, name)
            self._vault.watch(_ENDED, msgspec.msgpack.encode(sorted(ended - {log.epoch})))
        return before is not None

    def refused(self, log: str | None) -> None:
        """The centre has no more to do with this device. What another log of it had said to have is owed again, and
        handed over with the rest (EX12)."""
        before = self._vault.watched(_MET)
        if log is None or before is None or log.encode() in (before, self._vault.watched(_REFUSED)):
            return
        with self._vault.together():
            self._vault.owe_everything()
            self._vault.watch(_REFUSED, log.encode())

    def _ended(self, reply: HelloReply) -> set[bytes]:
        """Epochs that are over, as far as was ever heard."""
        before, known = self._vault.watched(_MET), self._vault.watched(_ENDED)
        ended = {epoch for epoch, _kept in reply.log.lost}
        if known is not None:
            ended |= set(msgspec.msgpack.decode(known, type=list[bytes]))
        if before is not None:
            ended.add(bytes.fromhex(before.decode().rpartition("/")[2]))
        return ended

    def learn(self, what: str, row_id: bytes, row: Mapping[str, Any] | None) -> None:
        """Take note of what the organisation says of a station's chain: that it is over, and which one goes on."""
        if what != "devices" or row is None or "station" not in row:
            return
        known = self._over()
        known.pop(row_id.hex(), None)
        if row.keys() & {"revoked_at_ms", "continued_by"}:
            known[row_id.hex()] = row.get("continued_by", b"").hex()
        self._vault.watch(_STATIONS, msgspec.msgpack.encode(known))

    def _over(self) -> dict[str, str]:
        """Chains of stations that are over, each with the one that goes on in its place, or nothing; in hex."""
        said = self._vault.watched(_STATIONS)
        return {} if said is None else msgspec.msgpack.decode(said, type=dict[str, str])

    def shut_out(self, scopes: Iterable[str]) -> set[str]:
        """Those of a station that was shut out: it can take nothing back any more (HB6)."""
        own = [scope for scope in scopes if scope.startswith(HUB)]
        over = self._over() if own else {}
        found: set[str] = set()
        for scope in own:
            chain = scope.split(":")[1]
            for _ in over:
                chain = over.get(chain) or chain
            if chain in over:
                found.add(scope)
        return found

    def read(self, reply: PullReply) -> None:
        """Take note of what was pulled. Beacons begin with their time (TM12)."""
        if self.station and reply.beacon is not None:
            self.heard_ms = int.from_bytes(reply.beacon[:6])

    def asks(self, cursors: Mapping[str, Cursor]) -> list[tuple[str, int, int]]:
        """The cursors that this server has an answer to: no other one's own scopes, and of one that is behind nothing
        but its own."""
        own = f"{HUB}{self.station.hex()}:"
        return [
            (scope, at.epoch, at.n)
            for scope, at in cursors.items()
            if (self.station and scope.startswith(own))
            or not (self.is_behind or scope.startswith(HUB))
        ]

    def belongs(self, row: Mapping[str, Any] | None) -> bool:
        """Take note of what the organisation says now of the person whose phone this is. True when that is another
        station than before."""
        home = (row or {}).get("station") or b""
        before = self._vault.watched(_HOME)
        if home != before:
            self._vault.watch(_HOME, home)
        return home != before

    def may_be_ours(self, scope: str) -> bool:
        """At a station, which may have heard less or more of the centre: no month of a station is ours but of the one
        that our person belongs to, as far as the organisation was read here (HB6)."""
        home = self._vault.watched(_HOME) if self.station else None
        family = _family(scope)
        return (
            home is None or not family.startswith("station:") or family == f"station:{home.hex()}"
        )

    def gone(self, cursors: Collection[str], named: Iterable[str]) -> list[str]:
        """The scopes that are followed no longer, as far as this server can tell: a station of its own, the centre of
        all; older months of a station that is still followed stay (SC5, HB6)."""
        still = set(named)
        if self.station:
            own = f"{HUB}{self.station.hex()}:"
            kept = {
                scope
                for scope in cursors
                if self.may_be_ours(scope) and (not scope.startswith(own) or scope in still)
            }
        else:
            ours = {_family(scope) for scope in still}
            kept = {scope for scope in cursors if _family(scope) in ours}
        kept -= self.shut_out(kept)
        return [scope for scope in cursors if scope not in kept]

    def answered(self, reply: PushReply) -> list[PushResult]:
        """What the answers to a push are worth: `kept` of nobody nothing, and of one that is behind all is `kept`."""
        if reply.server is not None:
            self.station = reply.server
        return [self._worth(one) for one in reply.results]

    def _worth(self, one: PushResult) -> PushResult:
        if self.is_behind and one.r in exchange.DURABLE:
            return msgspec.structs.replace(one, r=exchange.KEPT, at_ms=None)
        if one.r == exchange.KEPT and not self.station:
            return msgspec.structs.replace(one, id=None)
        return one


def _family(scope: str) -> str:
    """A station whatever the month, and the same for what a station lists beside it."""
    inside = scope.removeprefix(HUB).partition(":")[2] if scope.startswith(HUB) else scope
    return ":".join(inside.split(":")[:2])
