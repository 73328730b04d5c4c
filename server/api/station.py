"""The exchange at a station: what it says of the centre, and of itself (SPEC HB2, HB4, HB5).

Responsible for telling devices what the station knows of the centre's log, for serving the centre's scopes and its own
beside them, and for refusing what only the centre does. Everything else is answered as the centre answers it. Refuses
to judge sets, and to say anything of chains that others took the place of: only the centre knows what became of that.

Example: a cursor that a phone read at the centre and that lies beyond what is mirrored here gets no page: the phone
keeps what it has and asks elsewhere.
"""

import sys
from collections.abc import Callable
from typing import Final, NoReturn

import msgspec
from sqlalchemy import Connection

from server.api import pull
from server.api.months import LATELY_MS, Months
from server.api.sync import SyncApi, read
from server.intake.greetings import Welcome
from server.intake.hub import MONTHS
from server.problems import ProblemError
from server.store import devices, log, scopes, upstream
from server.store.devices import ChainHead, Device
from server.store.people import Directory
from server.store.scopes import hub_scope
from server.store.upstream import Upstream
from sync import exchange

Cursor = tuple[str, int, int]
UNKNOWN_AGAIN_S: Final = 30


class StationApi(SyncApi):
    """The calls of a station."""

    async def _scopes(self, device: Device) -> list[scopes.Scope]:
        directory, now_ms = self._intake.directory, self._clock.now_ms()
        return await self._db.reading(followed, device, directory, self._months, now_ms)

    async def _device(self, call: str, headers: dict[bytes, bytes]) -> Device:
        try:
            return await super()._device(call, headers)
        except ProblemError as problem:
            if problem.code != "not_signed_in":
                raise
            # Only the centre can say that a token is nobody's: it may be younger than what was heard of it.
            raise ProblemError("unknown_here", retry_after_s=UNKNOWN_AGAIN_S) from problem

    async def _greet(self, device: Device, asked: exchange.HelloRequest) -> Welcome:  # noqa: ARG002
        """How far the chain is held; tokens and rotations are the centre's."""
        heads = await self._db.reading(devices.heads, [device.chain])
        return Welcome(heads.get(device.chain, ChainHead()).have, None, None)

    async def _hello(self, device: Device, raw: bytes) -> exchange.HelloReply:
        reply = await super()._hello(device, raw)
        known = await self._db.reading(_known)
        state = exchange.LogState(known.origin, known.epoch, known.size, known.lost)
        return msgspec.structs.replace(reply, log=state, beacon=known.beacon, station=known.station)

    async def _noted(self, device: Device, wiping: int) -> bool:  # noqa: ARG002
        """Leave it to the centre, which the device tells as well unless it must not wait."""
        return False

    async def _push(self, device: Device, raw: bytes) -> exchange.PushReply:
        reply = await super()._push(device, raw)
        head = await self._db.reading(log.read)
        return msgspec.structs.replace(reply, server=head.server_id)

    async def _pull(self, device: Device, raw: bytes) -> exchange.PullReply:
        asked = read(exchange.PullRequest, raw)
        may = pull.may_follow(device, self._intake.directory)
        now_ms = self._clock.now_ms()
        return await self._db.reading(answer, asked.cursors, asked.budget, now_ms, may)

    async def _rotate(self, device: Device, raw: bytes) -> NoReturn:  # noqa: ARG002
        raise ProblemError("centre_only", "it gives places to chains")

    async def _station(self, device: Device, raw: bytes) -> NoReturn:  # noqa: ARG002
        raise ProblemError("centre_only", "it knows the devices")

    async def _audit(self, device: Device, raw: bytes) -> NoReturn:  # noqa: ARG002
        raise ProblemError("centre_only", "what it has is what counts")

    def _refuse_continued(self, device: Device) -> None:
        """Serve it: it may not have heard yet that it was given a place."""


def followed(
    connection: Connection, device: Device, directory: Directory, months: Months, now_ms: int
) -> list[scopes.Scope]:
    """The scopes that the centre would have a device follow, and the station's own beside its months."""
    server = log.read(connection).server_id
    held = pull.followed(connection, device, directory, months, now_ms)
    names = [scope.name for scope in held if scope.name.startswith(MONTHS)]
    own = [hub_scope(server, name) for name in names]
    if names:
        family = hub_scope(server, names[0].rpartition(":")[0])
        own += scopes.moved_since(connection, f"{family}:", now_ms - LATELY_MS)
    found = scopes.by_name(connection, own)
    return held + [
        found.get(name) or scopes.unborn(connection, name) for name in dict.fromkeys(own)
    ]


def answer(
    connection: Connection,
    cursors: list[Cursor],
    budget: int,
    now_ms: int,
    may: Callable[[str], bool],
) -> exchange.PullReply:
    """Pages for those cursors that a device may read and that do not lie beyond what is mirrored here; of the station's
    own scopes it knows all there is."""
    known = _known(connection)
    server = log.read(connection).server_id
    hub = hub_scope(server, "")
    allowed = [
        cursor
        for cursor in cursors
        if may(cursor[0])
        or (cursor[0].startswith(hub + MONTHS) and may(cursor[0].removeprefix(hub)))
    ]
    found = scopes.by_name(connection, [name for name, _epoch, _n in allowed])
    here = [
        one
        for one in allowed
        if one[0].startswith(hub) or not _is_beyond(connection, one, found.get(one[0]))
    ]
    reply = pull.answer(connection, here, budget, now_ms, sys.maxsize)
    return msgspec.structs.replace(
        reply, size=known.size, leaf=known.leaf, beacon=known.beacon, server=server
    )


def _is_beyond(connection: Connection, cursor: Cursor, held: scopes.Scope | None) -> bool:
    name, epoch, n = cursor
    scope = held or scopes.unborn(connection, name)
    return epoch > scope.epoch or (epoch == scope.epoch and n > scope.n)


def _known(connection: Connection) -> Upstream:
    known = upstream.read(connection)
    if known is None:
        raise ProblemError("not_ready", "this station has not joined its centre")
    return known
