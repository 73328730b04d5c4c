"""The one who knows: what was truly written, what was promised, who was let see what, and when.

Responsible for listening at every door of the simulated world and remembering, and for checking on the
spot what can be checked on the spot. Refuses to ask the product what it thinks: promises are read from the bytes that
crossed the wire.

Example: `oracle.acked[set_id]` are the bytes the centre has said are durable, whether or not anybody heard it say so.
"""

import gzip
from collections import Counter
from collections.abc import Callable

import msgspec

from server import keys
from sync import changeset, exchange, note, rulings
from sync.changeset import ChangeSet
from tests.sim.phone import Act, Phone, Stored
from tests.sim.wire import MSGPACK, Request, Response

HUB = "hub:"
NIL = b"\xc0"
DESK = "desk of "  # and the station: who wrote what was written there
MOVES = rulings.KIND_SCOPE.encode()
SEEN_MS = 500  # an answer may have been made this long before it is heard of here


class Broken(AssertionError):
    """An invariant does not hold. `number` is its number in `invariants`, 0 for a plain fault."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"I{number}: {what}")
        self.number = number


class Wrote(msgspec.Struct, frozen=True):
    """A set as it came into being: whose, what, and the true time."""

    phone: str
    act: Act
    true_ms: int


class Bearer(msgspec.Struct):
    """Whom a token stands for."""

    chain: bytes
    person: bytes


class Oracle:
    """Remembers everything."""

    def __init__(self, true_ms: Callable[[], int], log_key: bytes) -> None:
        """`log_key` is the public key by which the log is signed."""
        self._true_ms = true_ms
        self._log_key = log_key
        self.tally: Counter[str] = Counter()
        self.written: dict[bytes, Wrote] = {}
        self.acked: dict[bytes, bytes] = {}
        self.pushed: set[bytes] = set()  # whatever came to the centre over a network
        self.forged: set[bytes] = set()  # ids of sets that nobody signed
        self.bearers: dict[str, Bearer] = {}
        self.servers: set[str] = set()  # tokens of stations, which may see what their phones may
        self.owned: dict[str, set[bytes]] = {}  # by phone: sets its vault is known to hold
        self.cursors: dict[str, dict[str, tuple[int, int, bytes]]] = {}
        self.fooled: set[str] = set()  # phones that met a liar and not yet the calm
        self.cleared: set[str] = set()  # phones that deleted all they had
        self.stations: dict[bytes, list[tuple[int, bytes | None]]] = {}
        self.at_risk: set[bytes] = set()  # sets that a centre which was put back has lost
        self.once_redacted: set[bytes] = set()  # what a lost part of the log took away
        self.log: list[bytes] = []  # leaf hashes, as far as they were ever seen
        self.checkpoints: dict[int, bytes] = {}  # roots by size, as they were given out
        self._left: dict[str, dict[bytes, tuple[int, int]]] = {}  # scope, incident: ruling, place
        self.snapshots: dict[bytes, str] = {}  # scopes by the hashes that were offered
        self.served: Counter[str] = Counter()  # calls answered, by word
        self.entries_served = 0
        self.broken: list[Broken] = []

    # ---- what phones tell ------------------------------------------------------------------------

    def wrote(self, phone: Phone, set_id: bytes, act: Act) -> None:
        """The vault has taken a set."""
        self.tally["sets"] += 1
        self.written[set_id] = Wrote(phone.name, act, self._true_ms())
        self.owned.setdefault(phone.name, set()).add(set_id)

    def cleared_itself(self, phone: Phone) -> None:
        """It has nothing any more, as one that was suspended (EX12)."""
        nowhere = self.owned.get(phone.name, set()) - self.acked.keys() - phone.rotten
        if nowhere:
            lost = min(nowhere).hex()[:8]
            self.broken.append(Broken(1, f"{phone.name} cleared itself of {lost}, nowhere else"))
        self.tally["cleared"] += 1
        self.cleared.add(phone.name)
        self.forget(phone)

    def written_by_hand(self, set_id: bytes, act: Act) -> None:
        """A set of a client that keeps nothing."""
        self.written[set_id] = Wrote("visitor", act, self._true_ms())

    def fault(self, what: str) -> None:
        """Something that may not happen anywhere."""
        self.broken.append(Broken(0, what))

    def forget(self, phone: Phone) -> None:
        """Its storage was exchanged: what it held and how far it had read is no longer promised."""
        self.owned.pop(phone.name, None)
        self.cursors.pop(phone.name, None)

    def look(self, phone: Phone) -> Stored:
        """Compare a phone's storage with all that is known of it. Raises Broken."""
        stored = phone.stored()
        held = {own.id for own in stored.own}
        for set_id in self.owned.get(phone.name, set()) - held:
            raise Broken(15, f"{phone.name} no longer holds its set {set_id.hex()[:8]}")
        self.owned[phone.name] = held
        if phone.name in self.fooled:
            self.cursors.pop(phone.name, None)
            return stored
        if stored.alarm is not None:
            raise Broken(6, f"{phone.name} raises an alarm over the log: {stored.alarm}")
        before = self.cursors.get(phone.name, {})
        for scope, (epoch, n, _head) in stored.cursors.items():
            # What a station says beside the centre is dropped with it, and may be read again.
            if not scope.startswith(HUB) and scope in before and (epoch, n) < before[scope][:2]:
                raise Broken(
                    7, f"{phone.name} went back in {scope}: {before[scope][:2]} to {epoch, n}"
                )
        self.cursors[phone.name] = stored.cursors
        return stored

    # ---- what the centre tells -------------------------------------------------------------------

    def moved(self, person: bytes, station: bytes | None) -> None:
        """A person belongs to this station from now on."""
        self.stations.setdefault(person, []).append((self._true_ms(), station))

    def answered(self, request: Request, response: Response) -> None:
        """The centre has given an answer, whether it will arrive or not."""
        self.served[request.word] += 1
        if request.path == "/api/enrol":
            self._enrolled(response)
        elif response.status == 200 and response.type.startswith(MSGPACK):
            body = gzip.decompress(request.body) if request.encoding == "gzip" else request.body
            if request.word == "push":
                self._pushed(body, response.body)
            elif request.word == "pull":
                self._pulled(request.token, response.body)
            elif request.word == "rotate":
                self._rotated(request.token, body, response.body)
        elif response.status in (200, 206) and request.word == "snapshot":
            self._fetched(request)

    def _enrolled(self, response: Response) -> None:
        if response.status == 201:
            said = msgspec.json.decode(response.body)
            self.bearers["Bearer " + said["token"]] = Bearer(
                bytes.fromhex(said["chain"]), bytes.fromhex(said["person"]["id"])
            )

    def _rotated(self, token: str, asked: bytes, body: bytes) -> None:
        said = msgspec.msgpack.decode(body)
        opening = msgspec.msgpack.decode(asked, type=dict[str, msgspec.Raw])
        read = changeset.read(bytes(next(iter(opening.values()))))
        if isinstance(read, ChangeSet) and isinstance(said.get("token"), str):
            self.tally["rotations"] += 1
            new = Bearer(read.header.chain, self.bearers[token].person)
            self.bearers["Bearer " + said["token"]] = new

    def _pushed(self, asked: bytes, body: bytes) -> None:
        sets = exchange.decode(exchange.PushRequest, asked).sets
        results = exchange.decode(exchange.PushReply, body).results
        if len(sets) != len(results):
            self.broken.append(Broken(1, "a push was not answered set by set"))
        for raw, result in zip(sets, results, strict=False):
            self.tally[result.r] += 1
            if result.id is not None:
                self.pushed.add(result.id)
            if result.r in exchange.DURABLE:
                assert result.id is not None
                self.acked.setdefault(result.id, bytes(raw))

    def _pulled(self, token: str, body: bytes) -> None:
        reply = exchange.decode(exchange.PullReply, body)
        for page in reply.scopes:
            self.entries_served += len(page.entries)
            if page.snapshot is not None:
                self.snapshots[page.snapshot.hash] = page.scope
            if page.entries:
                self._sent(token, page.scope)
                self._told(page, reply.size)
        if reply.checkpoint is not None:
            self._signed(reply.checkpoint.note)

    def _told(self, page: exchange.ScopePage, size: int) -> None:
        """Once somebody was told that an incident has left a scope, nobody is sent its sets from before that line."""
        for raw in page.entries:
            n, said, envelope = msgspec.msgpack.decode(raw, type=tuple[int, bytes, msgspec.Raw])
            if MOVES not in said and (page.scope not in self._left or bytes(envelope) == NIL):
                continue
            ruling = rulings.read_ruling(said)
            if (gone := rulings.leaving(ruling, page.scope)) is not None:
                self._left.setdefault(page.scope, {})[gone] = (ruling.idx, n)
                continue
            known = self._left.get(page.scope, {})
            idx, last = known.get(ruling.payload.get("e", b""), (size + 1, 0))
            if idx <= size and n < last and bytes(envelope) != NIL:
                self.broken.append(Broken(13, f"{page.scope} still sends words at {n}"))

    def _fetched(self, request: Request) -> None:
        self.tally["snapshots fetched"] += 1
        self.entries_served += 1
        self._sent(request.token, self.snapshots[bytes.fromhex(request.rest)])

    def _sent(self, token: str, scope: str) -> None:
        if token in self.servers:
            return
        self.may_see(token, scope, self._true_ms() - SEEN_MS)

    def _signed(self, signed: str) -> None:
        read = note.read_note(signed)
        given = note.read_checkpoint(read.text)
        size, newest = given.size, max(self.checkpoints, default=0)
        if not note.is_signed(read, given.origin, self._log_key, keys.verify):
            self.broken.append(Broken(6, f"nobody signed the checkpoint of {size} entries"))
        if size < newest:
            self.broken.append(Broken(6, f"a checkpoint of {size} entries after one of {newest}"))
        if self.checkpoints.setdefault(size, given.root) != given.root:
            self.broken.append(Broken(6, f"two checkpoints of {size} entries"))

    def may_see(self, token: str, scope: str, since_ms: int) -> None:
        """I13: whoever is sent entries of a scope must have had a right to it at some time from `since_ms` on."""
        bearer = self.bearers[token]
        inside = scope.split(":", 2)[2] if scope.startswith(HUB) else scope
        if not self._may_see(bearer, inside, since_ms):
            who = bearer.chain.hex()[:8]
            self.broken.append(Broken(13, f"{who} was sent entries of {scope}"))

    def _may_see(self, bearer: Bearer, scope: str, since: int) -> bool:
        kind, _, rest = scope.partition(":")
        if kind == "org":
            return True
        if kind == "device":
            return bytes.fromhex(rest) in self.chains_of(bearer.person)
        history = self.stations.get(bearer.person, [])
        recent = [station for at, station in history if at >= since]
        earlier = [station for at, station in history if at < since][-1:]
        return any(
            station is not None and rest.partition(":")[0] == station.hex()
            for station in earlier + recent
        )

    def chains_of(self, person: bytes) -> set[bytes]:
        """A chain may take another's place, and reads what concerned that one; never somebody else's."""
        return {bearer.chain for bearer in self.bearers.values() if bearer.person == person}

    def put_back(self, there: set[bytes], raws: list[bytes], redacted: set[bytes]) -> None:
        """The centre goes on from an old copy with these sets and rulings; `redacted`: all that ever was."""
        self.tally["centres put back"] += 1
        self.at_risk |= self.acked.keys() - there
        self.once_redacted |= redacted
        self.log = [rulings.leaf_hash(raw) for raw in raws]
        self.checkpoints.clear()
        self._left.clear()

    def log_stands(self, raws: list[bytes]) -> None:
        """The log as stored now must begin with all of it that was seen before. Raises Broken."""
        leaves = [rulings.leaf_hash(raw) for raw in raws]
        if leaves[: len(self.log)] != self.log:
            raise Broken(6, f"the log no longer begins with what it was: {len(self.log)} entries")
        self.log = leaves
