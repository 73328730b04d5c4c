"""A phone that is not a phone: a real client of the protocol, with its own key, vault and outbox.

Responsible for sending sets until the centre has them, for reading what the centre says, and for
rotating when it is told to (SPEC FK). Refuses to know why a set is written, where time comes from
and where chance comes from; those are handed in, so that one seed gives one history. What it writes
onto, network or not, is `chain.OwnChain`.

Example: `device.write(KIND_INCIDENT, incident, [op], scope=…)` returns the set id at once;
`device.kick()` then sends it now, or after as many attempts as the link needs.
"""

import base64
import json
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx2
import msgspec

from server import keys
from server.fleet.chain import APP, Entropy, OwnChain
from server.fleet.meeting import Met
from server.fleet.pages import BrokenScopeError
from server.fleet.reading import Begin, Follow, Reading, Shown
from server.fleet.timebase import Timebase
from server.fleet.vault import Offered, Vault, Waiting
from server.wire import (
    CENTRE_ONLY,
    NEEDS_LOGIN,
    NOT_STORED,
    REVOKED,
    ServerRefusalError,
    Wire,
    garbled,
    refuse,
)
from sync import exchange
from sync.changeset import KIND_CHAIN, purged_op
from sync.refusal import OPS_MAX

HELLO_EVERY_MS = 6 * 3_600_000  # scopes change with the month; a listener greets with each stream
HELLO_AFTER_FAILING_MS = 600_000  # the centre then wants to know what is still pending here
REFUSED_AGAIN_MS = 600_000  # EX14
RETRY_MS = (2_000, 60_000)  # first wait after a failure, longest wait; doubling, with jitter


class Device:
    """One simulated device. Its methods are called from one event loop only."""

    def __init__(
        self,
        vault: Vault,
        http: httpx2.AsyncClient,
        time: Timebase,
        *,
        entropy: Entropy,
        chance: random.Random,
        online: Callable[[], bool] = lambda: True,
        follow: Follow | None = None,
        begin: Begin | None = None,
        anew: Callable[[str], None] | None = None,
        records_centre: bool = False,
        storage: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`http` has the server's address and this device's link; `chance` spreads retries and
        never enters a set. `anew` is told a scope whose lines so far count no more. `online` is what the
        phone believes of its network: False saves an attempt. `storage`: how much of its disk is used, in percent.

        With `records_centre` the chain says what was heard of the centre: each set names the newest ruling and
        beacon, samples of the clocks stand between them, and what was dropped is signed. A replay over dropping links
        leaves that out, so that the same calls give the same sets over any link.
        """
        self._vault = vault
        self._time = time
        self._chance = chance
        self._online = online
        self._storage = storage
        self._records_centre = records_centre
        self._chain = OwnChain(vault, time, entropy, records_centre=records_centre)
        self._wire = Wire(http, lambda: self._chain.identity)
        self._met = Met(vault)
        self.reading = Reading(
            vault,
            self._wire,
            time,
            chain=self._chain,
            met=self._met,
            shown=Shown(follow, begin, anew),
            doubt=self.greet_again,
        )
        self._greeted_ms: int | None = None
        self._tried_ms: int | None = None  # when what was refused was offered again
        self._wants_pull = False
        self._busy = False
        self.duplicates = 0
        identity = vault.identity()
        if identity is not None:
            self._chain.adopt(identity)

    @property
    def enrolled(self) -> bool:
        """Whether this device has a chain the server knows."""
        return self._vault.identity() is not None

    @property
    def vault(self) -> Vault:
        """What this device keeps."""
        return self._vault

    @property
    def person(self) -> bytes:
        """The person this device was enrolled for."""
        return self._chain.identity.person

    @property
    def chain(self) -> bytes:
        """The chain this device writes on now."""
        return self._chain.identity.chain

    async def enrol(
        self, code: str, label: str, http: httpx2.AsyncClient | None = None
    ) -> Mapping[str, Any]:
        """Trade a one-time code for a chain of one's own; returns the server's whole answer.

        A chain that waits for another's place is enrolled itself: what was written on it meanwhile counts.
        `http` is the network it happens in, where that is not the device's own link.
        Raises ServerRefusalError, or httpx2.TransportError when that network is down.
        """
        known = self._vault.identity()
        waits = known is not None and known.instead_of is not None
        new = known if known is not None and waits else self._chain.new_identity(bytes(16), "")
        reply = await (http or self._wire.http).post(
            "/api/enrol",
            json={
                "code": code,
                "alg": new.alg,
                "pub": _b64url(keys.SigningKey(new.alg, new.key_seed).public),
                "nonce": _b64url(new.nonce),
                "label": label,
                "app": APP,
                "continues": new.instead_of.hex() if new.instead_of else None,
            },
        )
        refuse(reply)
        answer: dict[str, Any] = reply.json()
        if answer["chain"] != new.chain.hex():
            raise garbled("another chain was enrolled")
        if waits:
            self._chain.granted(answer["token"])
        else:
            person = bytes.fromhex(answer["person"]["id"])
            new = msgspec.structs.replace(new, person=person, token=answer["token"])
            self._vault.keep_identity(new)
            self._chain.adopt(new)
        self._greeted_ms = None
        return answer

    def write(
        self,
        kind: str,
        entity: bytes,
        ops: Sequence[dict[str, Any]],
        *,
        scope: str,
        priority: bool = False,
    ) -> bytes:
        """Sign one action onto the chain and into the vault; returns the set id (32 bytes).

        Needs no network and is never refused for want of one.
        """
        return self._chain.write(kind, entity, ops, scope=scope, priority=priority)

    def follow_scope(self, scope: str) -> None:
        """Read a scope too that hello does not name, such as an older month of the own station."""
        self.reading.follow(scope)

    def greet_again(self) -> None:
        """Say hello before whatever is sent next, as after a restart."""
        self._greeted_ms = None

    def meet(self, http: httpx2.AsyncClient) -> None:
        """Talk to another server from now on: a station, or the centre (HB)."""
        self._wire.http = http
        self._greeted_ms = None

    def kick(self, *, pull: bool = False) -> None:
        """Send what waits (and read what is new), trying again until it is done."""
        self._wants_pull |= pull
        if not self._busy:
            self._busy = True
            self._time.spawn(self._settle())

    async def _settle(self) -> None:
        failures, failing_since_ms = 0, None
        try:
            while self._wants_pull or self._vault.pending()[0]:
                if self._online() and await self._succeeds():
                    if not self._wants_pull and not self._offers(1, 1, 0):
                        return  # what is left is at this station, and waits for the centre
                    failures, failing_since_ms = 0, None
                    continue
                failures += 1
                now_ms = self._time.now_ms()
                failing_since_ms = now_ms if failing_since_ms is None else failing_since_ms
                if now_ms - failing_since_ms > HELLO_AFTER_FAILING_MS:
                    self._greeted_ms = None
                await self._time.sleep_until(now_ms + self._wait_ms(failures))
        finally:
            self._busy = False

    async def _succeeds(self) -> bool:
        """One attempt; False when another may go better. Raises ServerRefusalError for a final no."""
        try:
            await self.attempt(pull=self._wants_pull)
        except (httpx2.TransportError, BrokenScopeError):
            return False
        except ServerRefusalError as error:
            if not error.may_pass:
                raise
            return False
        return True

    def _wait_ms(self, failures: int) -> int:
        first_ms, longest_ms = RETRY_MS
        bound_ms = min(longest_ms, first_ms << min(failures - 1, 10))
        return round(bound_ms * self._chance.uniform(0.5, 1.0))

    async def attempt(self, *, pull: bool) -> None:
        """One attempt at everything: hello when due, push until the outbox is empty, pull. A centre that
        cannot store is still read.

        Raises httpx2.TransportError, ServerRefusalError or BrokenScopeError; whatever was answered before stands.
        """
        await self._attempt(pull=pull)
        if self._greeted_ms is None:
            await self._attempt(
                pull=False
            )  # the pull told of another epoch, or another server answered

    async def _attempt(self, *, pull: bool) -> None:
        if self._chain.identity.instead_of is not None:
            await self._take_place()
        now_ms = self._time.now_ms()
        # A clock that was set back since says nothing of how long it was.
        if self._greeted_ms is None or not 0 <= now_ms - self._greeted_ms <= HELLO_EVERY_MS:
            why = await self._told_to_rotate()
            if why is not None:
                self._chain.turn(why)
                await self._take_place()
                await self.hello()
        if self._tried_ms is None or abs(now_ms - self._tried_ms) >= REFUSED_AGAIN_MS:
            self._tried_ms = now_ms
            self._vault.offer_refused()
        if self._vault.pending()[0]:
            if self._chain.wants_sample:
                await self._ask_time()
            self._chain.place_samples()
        unstored = None
        try:
            await self._push()
        except ServerRefusalError as refused:
            if refused.code != NOT_STORED:
                raise
            unstored = refused
        if pull:
            await self._read()
        if unstored is not None:
            raise unstored

    async def _read(self) -> None:
        """Pull, and ask the station that was read what became of what it keeps."""
        self._wants_pull = False
        try:
            await self.pull()
        except BaseException:
            self._wants_pull = True
            raise
        if self._met.heard_ms and self._vault.pending()[0]:
            await self._push(self._met.heard_ms)

    async def _told_to_rotate(self) -> str | None:
        """Greet; why this chain must be left, if it must (FK4)."""
        try:
            return (await self.hello()).rotate
        except ServerRefusalError as refused:
            if refused.code == NEEDS_LOGIN:
                return "continued"
            if refused.code == REVOKED:
                await self._hand_over(refused)
            raise

    async def _hand_over(self, refused: ServerRefusalError) -> None:
        """What it holds may still be handed in, and nothing else; so may what only a station called safe (HB15), or
        a log that has ended (EX12)."""
        self._met.refused(refused.log)
        self._vault.owe_hearsay()
        await self._push()

    async def _take_place(self) -> None:
        """Ask for the place of the chain that was left (FK5); at a station it waits (HB5). Whoever is too late hands in
        what it holds of the old one, and is told so: ServerRefusalError `rotation_needs_login`."""
        try:
            opening = msgspec.Raw(self._vault.raw(self.chain, 0))
            request = exchange.RotateRequest(opening)
            reply = await self._wire.call("rotate", request, exchange.RotateReply)
        except ServerRefusalError as refused:
            if refused.code == CENTRE_ONLY:
                return
            if refused.code in (NEEDS_LOGIN, REVOKED):
                await self._hand_over(refused)
            raise
        if reply.chain != self.chain:
            raise garbled("another chain was given a place")
        self._chain.granted(reply.token)
        self._greeted_ms = None

    def _offers(self, most_sets: int, most_bytes: int, heard_ms: int) -> list[Waiting]:
        """What is to be handed in here next. A chain that has no place yet is not the centre's business."""
        identity = self._chain.identity
        not_yet = identity.chain if identity.instead_of is not None else b""
        at = Offered(self._met.station, self._time.now_ms(), heard_ms)
        return self._vault.waiting(most_sets, most_bytes, but=not_yet, at=at)

    async def _push(self, heard_ms: int = 0) -> None:
        """Hand in what waits; also what the station keeps that is talked to, which has heard of the centre then."""
        most_bytes = exchange.BATCH_BYTES_MAX - 4096
        while batch := self._offers(exchange.BATCH_SETS_MAX, most_bytes, heard_ms):
            request = exchange.PushRequest([msgspec.Raw(one.raw) for one in batch])
            reply = await self._wire.call("push", request, exchange.PushReply)
            if len(reply.results) != len(batch):
                raise garbled("the answer is to another push")
            greeted = self._met.station
            results = self._met.answered(reply)
            if self._met.station != greeted:
                self._greeted_ms = None  # another server than the one that was greeted
            self.duplicates += sum(answer.r == exchange.DUPLICATE for answer in results)
            told = list(zip(batch, results, strict=True))
            settled = [
                (one.id, answer.r, answer.why)
                for one, answer in told
                if answer.r != exchange.KEPT
                and (answer.r not in exchange.DURABLE or answer.id == one.id)
            ]
            kept = [
                (one.id, answer.at_ms or self._time.now_ms())
                for one, answer in told
                if answer.r == exchange.KEPT and answer.id == one.id
            ]
            self._vault.settle(settled, self._met.station)
            self._vault.kept(self._met.station, kept, self._time.now_ms())
            self._chain.keeper.settled(id_ for id_, _r, _why in settled)
            if not settled and not kept:
                # An answer to another push, from some proxy's memory: nothing of ours is safe yet.
                raise garbled("the answer names other sets")

    async def _ask_time(self) -> None:
        """A sample of the clocks, where hello is not due."""
        sent = self._chain.keeper.read()
        request = exchange.TimeRequest(t1=sent.wall_ms)
        try:
            reply = await self._wire.call("time", request, exchange.TimeReply)
        except ServerRefusalError:
            return  # whoever may not ask may still hand in what waits
        if reply.t1 == sent.wall_ms:
            self._chain.heard_time(sent, reply.t3, reply.uncertainty_ms)

    async def hello(self) -> exchange.HelloReply:
        """Say who and where we are, learn which scopes there are."""
        # Whose chain waits for a place greets as the one that was left (HB5).
        left = self._chain.identity.instead_of
        head = self._vault.head(left) if left is not None else None
        pending, oldest_ms = self._vault.pending()
        token, request_id = self._vault.greeting(self._chance.randbytes(16))
        sent = self._chain.keeper.read()
        request = exchange.HelloRequest(
            v=1,
            app=APP,
            chain=left or self.chain,
            head=head.seq if head is not None else self._chain.last_seq,
            pending=pending,
            oldest_ms=oldest_ms,
            wall_ms=sent.wall_ms,
            mono=(self._chain.keeper.clocks.session, sent.m),
            request_id=request_id,
            token=token,
            storage=self._storage(),
            contradicted=self._vault.contradictions() or None,
        )
        reply = await self._wire.call("hello", request, exchange.HelloReply)
        if (reply.request_id, reply.wall_ms) != (request_id, sent.wall_ms):
            raise garbled("the answer is to another hello")
        self._chain.heard_time(sent, reply.now_ms, reply.uncertainty_ms)
        if reply.token is not None:
            self._vault.greeted(request_id, reply.token)
        if self._met.greeted(reply):
            self._chain.seen = None  # it named a place in the log that ended
        self._chain.given(reply.beacon, of_station=bool(self._met.station))
        if not self._met.station:
            self._vault.owe_hearsay()
            self._vault.contradicted(request.chain, reply.have)
        own = [f"device:{chain.hex()}" for chain in self._vault.chains()]
        over = self._met.shut_out(name for name, _epoch, _n in reply.scopes)
        scopes = [
            one for one in reply.scopes if self._met.may_be_ours(one[0]) and one[0] not in over
        ]
        self._purge([*own, *(name for name, _epoch, _n in scopes)])
        self.reading.named(scopes)
        for scope in own:  # enrolled anew, it asks for those it wrote on before (FK6)
            self.follow_scope(scope)
        self._greeted_ms = sent.wall_ms
        return reply

    def _purge(self, named: Sequence[str]) -> None:
        """Forget the scopes that are followed no longer, and sign that (SC5) where the chain says what it heard."""
        gone = self._met.gone(self.reading.cursors, named)
        left = self.reading.forget(gone)
        with self._vault.together():
            signed = left if self._records_centre else []
            for at in range(0, len(signed), OPS_MAX):
                told = signed[at : at + OPS_MAX]
                ops = [purged_op(scope, was.epoch, was.n) for scope, was in told]
                self.write(KIND_CHAIN, self.chain, ops, scope=f"device:{self.chain.hex()}")
            for scope in gone:
                self._vault.drop_cursor(scope)

    async def pull(self) -> None:
        """Read every known scope to its newest entry. Raises BrokenScopeError for one that lies."""
        await self.reading.pull()

    async def listen(self) -> None:
        """Greet, then follow the server's hints for as long as one stream lasts; each is a pull.

        Raises httpx2.TransportError when the link drops, ServerRefusalError when refused.
        """
        await self.hello()
        self.kick(pull=True)
        async with self._wire.hints() as stream:
            if stream.status_code != httpx2.codes.OK:
                await stream.aread()
                self._wire.refuse(stream)
            event = ""
            async for line in stream.aiter_lines():
                if line.startswith("event:"):
                    event = line.removeprefix("event:").strip()
                elif line.startswith("data:") and event == "moved":
                    self._hinted(json.loads(line.removeprefix("data:")))

    def _hinted(self, moved: dict[str, Any]) -> None:
        known = self.reading.cursors.get(moved["scope"])
        if known is None:
            self._greeted_ms = None  # a scope not heard of yet: hello names it
        elif known.n >= moved["n"]:
            return
        self.kick(pull=True)


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
