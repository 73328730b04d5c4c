"""The writing half of a simulated phone: its key and its chain, with or without a network.

Responsible for signing sets onto the chain, for what the chain says of the phone's clocks (SPEC TM), for
leaving a chain whose storage is in doubt, and for writing again what of it was damaged (SPEC FK).
Refuses to talk to anybody and to read what others wrote.

Example: after `chain.turn("copied")` every set goes onto a new chain, under a new key, whose first
set names the old one; the sets of the old one still wait in the vault and are sent.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from server import keys
from server.fleet.timebase import Timebase
from server.fleet.timekeeper import Reading, Timekeeper, owed_by
from server.fleet.vault import DAMAGED, REWRITTEN, Head, Identity, Kept, Vault
from sync import changeset, clock, forks, ids, samples
from sync.changeset import (
    FLAG_RESTORED_STORAGE,
    KIND_CHAIN,
    ChangeSet,
    Draft,
    Writer,
    chain_open_op,
    write,
)
from sync.clock import Stamp
from sync.ids import ChainId, SetId
from sync.refusal import OPS_MAX

APP = "ortoo-fleet/1"
MEND = "damaged"

Entropy = Callable[[int], bytes]


class OwnChain:
    """One device's chain, and those before it."""

    def __init__(
        self, vault: Vault, time: Timebase, entropy: Entropy, *, records_centre: bool
    ) -> None:
        """Nothing is written before `adopt`. With `records_centre` the chain says what was heard of the centre."""
        self._vault = vault
        self._time = time
        self._entropy = entropy
        self._records_centre = records_centre
        self.keeper = Timekeeper(time, entropy(8))
        self._ended = vault.clocks()  # of sessions before this one
        self.seen: tuple[int, bytes] | None = None
        self.beacon: bytes | None = None
        self.identity: Identity
        self._writer = Writer(ChainId(bytes(16)))

    def adopt(self, identity: Identity) -> None:
        """Go on with a chain where the vault says it stands; leave it if its bytes are no longer what was signed."""
        self._take_up(identity)
        head = self._vault.head(identity.chain)
        if head is None:
            self._open()
            return
        self._writer = Writer(
            ChainId(identity.chain), head.seq + 1, SetId(head.id), Stamp.unpack(head.stamp)
        )
        self.mend()

    def _take_up(self, identity: Identity) -> None:
        self.identity = identity
        self._key = keys.SigningKey(identity.alg, identity.key_seed)
        self._writer = Writer(ChainId(identity.chain), stamp=self._writer.stamp)

    def new_identity(self, person: bytes, token: str, instead_of: bytes | None = None) -> Identity:
        """A fresh key and the chain that follows from it."""
        key_seed, nonce = self._entropy(32), self._entropy(16)
        public = keys.SigningKey(keys.ED25519, key_seed).public
        chain = ids.chain_id(public, nonce)
        return Identity(keys.ED25519, key_seed, nonce, chain, person, token, instead_of)

    @property
    def public(self) -> bytes:
        """The public half of the key in use."""
        return self._key.public

    @property
    def last_seq(self) -> int:
        """Seq of the newest set of the chain in use."""
        return self._writer.seq - 1

    def _open(self, continues: tuple[bytes, int, bytes, str] | None = None) -> None:
        identity = self.identity
        op = chain_open_op(identity.alg, self._key.public, identity.nonce, APP)
        scope = f"device:{identity.chain.hex()}"
        draft = Draft(identity.person, scope, KIND_CHAIN, identity.chain, [op])
        flags = 0 if continues is None else FLAG_RESTORED_STORAGE
        self._sign(draft, self._time.now_ms(), continues=continues, flags=flags)

    def write(
        self, kind: str, entity: bytes, ops: Sequence[dict[str, Any]], *, scope: str, priority: bool
    ) -> bytes:
        """Sign one action onto the chain and into the vault; returns the set id (32 bytes)."""
        draft = Draft(self.identity.person, scope, kind, entity, ops, lane=int(priority))
        return self._sign(draft, self._time.now_ms())

    def _sign(
        self,
        draft: Draft,
        made_ms: int,
        *,
        continues: tuple[bytes, int, bytes, str] | None = None,
        flags: int = 0,
    ) -> bytes:
        keeper, now = self.keeper, self.keeper.read()
        written = write(
            self._writer,
            draft,
            wall_ms=now.wall_ms,
            offset_ms=None,
            mono=(keeper.clocks.session, now.m),
            salt=self._entropy(16),
            sign=self._key.sign,
            seen=self.seen if self._records_centre else None,
            beacon=self.beacon if self._records_centre else None,
            continues=continues,
            flags=flags,
        )
        head = Head(self._writer.seq, written.set_id, written.writer.stamp.pack())
        clocks = keeper.clocks
        if self._records_centre and draft.ops[0]["t"] != samples.OBS:
            clocks = keeper.after_writing(now)
        with self._vault.together():
            self._vault.append(self.identity.chain, head, draft.lane, made_ms, written.raw)
            if clocks is not keeper.clocks:
                self._vault.keep_clocks(clocks)
        if clocks is not keeper.clocks:
            keeper.wrote(written.set_id, now.m, clocks)
        self._writer = written.writer
        return written.set_id

    # ---- what is heard of the centre (AU3, TM12) ---------------------------------------------------

    def saw(self, size: int, leaf: bytes, *, of_station: bool) -> None:
        """The newest ruling is this one. A station may know of an older one than we do (HB5)."""
        if not of_station or size > (self.seen[0] if self.seen is not None else 0):
            self.seen = (size, leaf)

    def given(self, beacon: bytes | None, *, of_station: bool) -> None:
        """A beacon came; one of a station is not always newer than the one we have. They begin with their time."""
        if beacon is not None and not (of_station and self.beacon and beacon <= self.beacon):
            self.beacon = beacon

    # ---- the clocks (TM) -------------------------------------------------------------------------

    @property
    def wants_sample(self) -> bool:
        """Whether the centre should be asked what time it is, before what waits is sent."""
        return self._records_centre and self.keeper.wants_sample

    def heard_time(self, sent: Reading, server_ms: int, uncertainty_ms: int) -> None:
        """The centre said what time it is, in answer to what left at `sent`."""
        if self._records_centre and self.keeper.heard(sent, server_ms, uncertainty_ms):
            self._vault.keep_clocks(self.keeper.clocks)

    def place_samples(self) -> None:
        """Write what the chain has to say of the clocks before what waits is sent; mostly nothing."""
        if not self._records_centre:
            return
        due = self.keeper.due()
        ops = [op for one in self._ended for op in owed_by(one)] + due
        after = samples.placed(self.keeper.clocks) if due else self.keeper.clocks
        chain, before = self.identity.chain, self._writer
        try:
            with self._vault.together():
                for at in range(0, len(ops), OPS_MAX):
                    draft = Draft(
                        self.identity.person,
                        f"device:{chain.hex()}",
                        KIND_CHAIN,
                        chain,
                        ops[at : at + OPS_MAX],
                        lane=1,
                    )
                    self._sign(draft, self._time.now_ms())
                for one in self._ended:
                    self._vault.forget_clocks(one.session)
                if due:
                    self._vault.keep_clocks(after)
        except BaseException:
            self._writer = before
            raise
        self._ended = []
        self.keeper.placed(after)

    def hear(self, stamps: list[Stamp]) -> None:
        """Advance the clock to the newest believable stamp (HL2)."""
        stamp, _ahead = clock.receive(self._writer.stamp, self._time.now_ms(), None, stamps)
        self._writer = msgspec.structs.replace(self._writer, stamp=stamp)

    # ---- leaving a chain (FK5, FK7) --------------------------------------------------------------

    def turn(self, why: str) -> None:
        """Append nothing more to this chain: open another in its place."""
        with self._vault.together():
            self._turn(why, self.last_seq + 1)

    def _turn(self, why: str, ends_before: int) -> None:
        old = self.identity
        # A chain that was never granted a place is passed over: the next one asks for the same place.
        place = old.instead_of or old.chain
        head = self._vault.head(place)
        assert head is not None, "a chain that is left has a first set"
        last = self._vault.before(place, ends_before if place == old.chain else head.seq + 1)
        last_seq, last_id = last or (head.seq, head.id)
        new = self.new_identity(old.person, old.token, place)
        self._vault.keep_identity(new)
        self._take_up(new)
        self._open(continues=(place, last_seq, last_id, why))

    def granted(self, token: str) -> None:
        """The centre gave the old chain's place to this one, or enrolled it."""
        self.identity = msgspec.structs.replace(self.identity, token=token, instead_of=None)
        self._vault.keep_identity(self.identity)

    def mend(self) -> bool:
        """Look whether own sets are still what was signed; leave the chain at the first that is not, and write again
        what of it and after it has not been sent. True when there was any."""
        old = self.identity
        kept = self._vault.unsure(old.chain)
        broken = next((at for at, one in enumerate(kept) if not self._is_whole(one)), None)
        if broken is None:
            return False
        if old.instead_of is not None:
            broken = 0  # nothing of it was sent: all of it goes onto the next
        with self._vault.together():
            self._turn(MEND, kept[broken].seq)
            renamed: dict[bytes, bytes] = {}
            for one in kept[broken:]:
                self._write_again(old.chain, one, renamed)
        return True

    def _is_whole(self, one: Kept) -> bool:
        read = changeset.read(one.raw)
        # One that a newer app wrote on this vault cannot be read here, and is no worse for it.
        if read.set_id != one.id or not (
            isinstance(read, ChangeSet) or read.code == "newer_version"
        ):
            return False
        message = changeset.signing_bytes(one.id)
        _header, signature = forks.witness(one.raw)
        return keys.verify(self.identity.alg, self._key.public, message, signature)

    def _write_again(self, chain: bytes, one: Kept, renamed: dict[bytes, bytes]) -> None:
        if one.is_sent:
            return
        left = forks.legible(one.raw)
        if left is None or left.kind == KIND_CHAIN:
            # What a chain says of itself and of its clocks has no place in another.
            is_of_chain = one.seq == 0 or left is not None
            self._vault.set_aside(one.id, REWRITTEN if is_of_chain else DAMAGED, None)
            return
        orig: dict[str, Any] = {"chain": chain, "seq": one.seq, "set": one.id}
        if left.hlc is not None:
            orig["hlc"] = left.hlc
        ops = forks.again(left.ops, orig, happened_ms=one.made_ms, renamed=renamed)
        scope = left.scope or f"device:{chain.hex()}"
        draft = Draft(self.identity.person, scope, left.kind, left.entity, ops, lane=one.lane)
        set_id = self._sign(draft, one.made_ms, flags=FLAG_RESTORED_STORAGE)
        for index in range(len(ops)):
            renamed[ids.op_id(SetId(one.id), index)] = ids.op_id(SetId(set_id), index)
        self._vault.set_aside(one.id, REWRITTEN, set_id.hex())


def seeded_entropy(*parts: str | bytes) -> Entropy:
    """Bytes that follow from the parts alone: the same parts give the same stream."""
    stem = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    count = 0

    def draw(size: int) -> bytes:
        nonlocal count
        count += 1
        out = b""
        while len(out) < size:
            out += ids.tagged_hash("ortoo/fleet/1", stem, b"%d.%d" % (count, len(out)))
        return out[:size]

    return draw
