"""A station that lies: it stands at its address in front of an honest one, and on its line to the centre.

Responsible for lies that its owner could tell with all that passes through his hands: sets that are dropped and said to
be kept, answers made up, old, late or of somebody else, sets, rulings and scopes edited on their way (with the heads
reckoned anew, so that nothing shows in one answer alone), scopes and entries that are hidden, logs that ended. Refuses
what nobody can tell from the centre itself: it says that it is a station, and its own name.

Example: `Evil(station, chance, {"drops"}, told)` answers a push with `kept` and hands nothing on.
"""

import asyncio
import gzip
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server.store import log
from sync import canon, changeset, exchange, rulings
from sync.changeset import ChangeSet
from sync.exchange import HelloReply, PullReply, PushReply, PushRequest, PushResult, ScopePage
from sync.incident.redaction import skeleton
from tests.sim.network import Node
from tests.sim.station import Station
from tests.sim.wire import MSGPACK, LostError, Request, Response

LIES = (
    "drops",
    "claims",
    "replays",
    "repeats",
    "delays",
    "edits",
    "rules",
    "redacts",
    "hides",
    "ends",
)
MADE_UP = 1 << 40
LONGEST_S = 30.0
REMEMBERED = 12  # answers and requests


class Evil:
    """What phones meet in the place of the station."""

    def __init__(
        self,
        station: Station,
        chance: random.Random,
        lies: Sequence[str],
        *,
        strength: float,
        lied: Callable[[str, Request], None],
    ) -> None:
        """Each call is lied to with this chance, by one of the lies that fit it; `lied` is told each."""
        self.station = station
        self._chance = chance
        self.lies = set(lies)
        self._strength = strength
        self._lied = lied
        self._answers: dict[str, list[Response]] = {}
        self._asked: list[Request] = []

    async def handle(self, request: Request) -> Response:
        """The answer, or a lie. Raises LostError."""
        fitting = [lie for lie in LIES if lie in self.lies and request.word in WHERE[lie]]
        if not fitting or self._chance.random() > self._strength:
            return await self._honest(request)
        lie = self._chance.choice(fitting)
        self._lied(lie, request)
        if lie == "drops":
            return self._kept(request)
        if lie == "delays":
            await asyncio.sleep(self._chance.uniform(1.0, LONGEST_S))
        if lie == "repeats" and self._asked:
            await self._again(self._chance.choice(self._asked))
        if lie == "claims" and self._chance.random() < 0.5:
            return self._claimed(self._kept(request))
        if lie == "replays" and (known := self._answers.get(request.word)):
            return self._chance.choice(known)
        honest = await self._honest(request)
        change = CHANGES.get(lie)
        if honest.status != 200 or not honest.type.startswith(MSGPACK) or change is None:
            return honest
        return change(self, request, honest)

    async def _honest(self, request: Request) -> Response:
        self._asked = [*self._asked, request][-REMEMBERED:]
        response = await self.station.handle(request)
        known = self._answers.setdefault(request.word, [])
        known.append(response)
        del known[:-REMEMBERED]
        return response

    async def _again(self, request: Request) -> None:
        try:
            await self.station.handle(request)
        except LostError:
            return

    # ---- pushes ------------------------------------------------------------------------------------

    def _server(self) -> bytes:
        return self.station.storage.look(log.read).server_id

    def _kept(self, request: Request) -> Response:
        at_ms = self.station.clock.now_ms()
        read = [changeset.read(bytes(raw)) for raw in sets_in(request)]
        results = [
            PushResult(r=exchange.KEPT, id=one.set_id, at_ms=at_ms)
            if isinstance(one, ChangeSet)
            else PushResult(r=exchange.MALFORMED)
            for one in read
        ]
        return _packed(PushReply(results=results, have=-1, server=self._server()))

    def _claimed(self, honest: Response) -> Response:
        reply = exchange.decode(PushReply, honest.body)
        results = [
            msgspec.structs.replace(
                one,
                r=self._chance.choice([exchange.STORED, exchange.DUPLICATE]),
                idx=self._chance.randrange(1, MADE_UP),
                d=self._chance.choice(["accepted", "rejected"]),
                why=None,
            )
            for one in reply.results
            if one.id is not None
        ]
        if len(results) < len(reply.results):
            return honest
        return _packed(msgspec.structs.replace(reply, results=results))

    def claim(self, _request: Request, honest: Response) -> Response:
        """Say that everything is at the centre."""
        return self._claimed(honest)

    # ---- pulls -------------------------------------------------------------------------------------

    def edit(self, _request: Request, honest: Response) -> Response:
        """Change a byte of a set."""

        def change(entry: list[Any]) -> list[Any]:
            envelope = entry[2]
            if envelope is None or envelope[2] is None:
                return entry
            body = bytearray(envelope[2])
            body[self._chance.randrange(len(body))] ^= 0x01
            return [*entry[:2], [*envelope[:2], bytes(body)]]

        return self._one_changed(honest, change)

    def rule(self, _request: Request, honest: Response) -> Response:
        """Let a ruling decide otherwise, or another one stand over it."""

        def change(entry: list[Any]) -> list[Any]:
            ruling = rulings.read_ruling(entry[1])
            if ruling.kind not in rulings.DECIDING:
                return entry
            was = ruling.payload["d"]
            payload = ruling.payload | (
                {"d": "rejected", "why": "no_authority"}
                if was in rulings.COUNTED
                else {"d": "accepted", "why": None}
            )
            idx = ruling.idx
            if not rulings.is_provisional(idx) and self._chance.random() < 0.3:
                idx = self._chance.randrange(idx, MADE_UP)
            return [entry[0], _ruled(ruling, idx, ruling.kind, payload), entry[2]]

        return self._one_changed(honest, change)

    def redact(self, _request: Request, honest: Response) -> Response:
        """Say that the words of a set were taken away."""

        def change(entry: list[Any]) -> list[Any]:
            ruling, envelope = rulings.read_ruling(entry[1]), entry[2]
            if ruling.kind != rulings.KIND_SET or envelope is None or envelope[2] is None:
                return entry
            ops = [skeleton(op) for op in canon.decode(envelope[2])[3]]
            said = {"at": ruling.at_ms, "by": bytes(16), "ground": "minor", "text": "", "ops": ops}
            kept = {key: ruling.payload[key] for key in ruling.payload if key != "in"}
            raw = _ruled(ruling, ruling.idx, rulings.KIND_REDACT, kept | said)
            return [entry[0], raw, [*envelope[:2], None]]

        return self._one_changed(honest, change)

    def hide(self, request: Request, honest: Response) -> Response:
        """Leave scopes out, or an entry."""
        if request.word == "hello":
            hello = exchange.decode(HelloReply, honest.body)
            left = [one for one in hello.scopes if self._chance.random() < 0.6]
            return _packed(msgspec.structs.replace(hello, scopes=left))
        reply = exchange.decode(PullReply, honest.body)
        if self._chance.random() < 0.5:
            left_pages = [page for page in reply.scopes if self._chance.random() < 0.5]
            return _packed(msgspec.structs.replace(reply, scopes=left_pages))
        return self._one_changed(honest, lambda _entry: None)

    def _one_changed(
        self, honest: Response, change: Callable[[list[Any]], list[Any] | None]
    ) -> Response:
        """One entry of one page is another, and what follows from it is reckoned anew."""
        reply = exchange.decode(PullReply, honest.body)
        full = [at for at, page in enumerate(reply.scopes) if page.entries]
        if not full:
            return honest
        at = self._chance.choice(full)
        page = reply.scopes[at]
        which = self._chance.randrange(len(page.entries))
        before = [msgspec.msgpack.decode(bytes(raw)) for raw in page.entries]
        changed = change(before[which])
        entries = [*before[:which], *([] if changed is None else [changed]), *before[which + 1 :]]
        begun = self._head_before(page)
        if begun is None:
            return honest
        pages = [*reply.scopes[:at], _page(page, entries, begun), *reply.scopes[at + 1 :]]
        return _packed(msgspec.structs.replace(reply, scopes=pages))

    def _head_before(self, page: ScopePage) -> bytes | None:
        if page.from_ == 1:
            return rulings.SCOPE_HEAD_ZERO
        rows = self.station.storage.look(
            lambda connection: connection.exec_driver_sql(
                "SELECT e.head FROM scope_entries e JOIN scopes s ON s.id = e.scope"
                " WHERE s.name = ? AND e.n = ?",
                (page.scope, page.from_ - 1),
            ).fetchall()
        )
        return bytes(rows[0][0]) if rows else None

    # ---- hellos ------------------------------------------------------------------------------------

    def end(self, _request: Request, honest: Response) -> Response:
        """Speak of another log: one that nobody knows, a smaller one, or scopes that stand elsewhere."""
        hello = exchange.decode(HelloReply, honest.body)
        kind = self._chance.choice(["epoch", "lost", "older", "newer"])
        state, scopes = hello.log, hello.scopes
        if kind == "epoch":
            state = msgspec.structs.replace(state, epoch=self._chance.randbytes(8), size=0)
        elif kind == "lost":
            made_up = (self._chance.randbytes(8), self._chance.randrange(9))
            state = msgspec.structs.replace(state, lost=[*state.lost, made_up])
        else:
            by = -1 if kind == "older" else 1
            scopes = [(name, max(1, epoch + by), n) for name, epoch, n in scopes]
        return _packed(msgspec.structs.replace(hello, log=state, scopes=scopes))


class EvilLine:
    """What the station's own machine does to what it hands up: some sets are edited on the way."""

    def __init__(self, centre: Node, evil: Evil, chance: random.Random) -> None:
        self._centre = centre
        self._evil = evil
        self._chance = chance

    async def handle(self, request: Request) -> Response:
        """The centre's answer. Raises LostError."""
        if request.word == "push" and "edits" in self._evil.lies and self._chance.random() < 0.3:
            sets = [bytes(raw) for raw in sets_in(request)]
            which = self._chance.randrange(len(sets))
            bad = bytearray(sets[which])
            bad[self._chance.randrange(len(bad) // 2, len(bad))] ^= 0x01
            sets[which] = bytes(bad)
            try:
                body = exchange.encode({"sets": [msgspec.Raw(raw) for raw in sets]})
                msgspec.msgpack.decode(body)
            except (msgspec.MsgspecError, UnicodeError):
                return await self._centre.handle(request)
            request = msgspec.structs.replace(request, body=body, encoding="identity")
        return await self._centre.handle(request)


def sets_in(request: Request) -> list[msgspec.Raw]:
    """The envelopes of a push."""
    body = gzip.decompress(request.body) if request.encoding == "gzip" else request.body
    return list(exchange.decode(PushRequest, body).sets)


def _ruled(was: rulings.Ruling, idx: int, kind: str, payload: dict[str, Any]) -> bytes:
    return rulings.encode_ruling(rulings.Ruling(rulings.VERSION, idx, was.at_ms, kind, payload))


def _page(page: ScopePage, entries: list[list[Any]], head: bytes) -> ScopePage:
    """The page with these entries in the place of its own."""
    made: list[msgspec.Raw] = []
    for n, entry in enumerate(entries, page.from_):
        head = rulings.scope_head(head, rulings.leaf_hash(entry[1]))
        made.append(msgspec.Raw(msgspec.msgpack.encode([n, *entry[1:]])))
    to = page.from_ + len(made) - 1
    return msgspec.structs.replace(page, entries=made, to=to, n=page.n + to - page.to, head=head)


def _packed(reply: msgspec.Struct) -> Response:
    return Response(200, MSGPACK, exchange.encode(reply))


WHERE: dict[str, frozenset[str]] = {
    "drops": frozenset({"push"}),
    "claims": frozenset({"push"}),
    "replays": frozenset({"hello", "push", "pull"}),
    "repeats": frozenset({"hello", "push", "pull"}),
    "delays": frozenset({"hello", "push", "pull", "time"}),
    "edits": frozenset({"pull"}),
    "rules": frozenset({"pull"}),
    "redacts": frozenset({"pull"}),
    "hides": frozenset({"hello", "pull"}),
    "ends": frozenset({"hello"}),
}
CHANGES: dict[str, Callable[[Evil, Request, Response], Response]] = {
    "claims": Evil.claim,
    "edits": Evil.edit,
    "rules": Evil.rule,
    "redacts": Evil.redact,
    "hides": Evil.hide,
    "ends": Evil.end,
}
