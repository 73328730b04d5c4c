"""The centre's own chain: what people at desks do becomes signed sets like any other (AU2).

Responsible for the key file, for opening the chain and for writing drafts onto it. Refuses to judge
what is written: it goes through the same door as a phone's set.

The chain's id follows from the key alone, so a key file is all there is to keep. Where the chain
stands is read from the log, never from a file of its own, so that the two cannot disagree.

Example: `written = desk.write(writer, draft, now_ms)`; the next call takes `written.writer`.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from server import keys
from server.intake.verify import Incoming, read_one
from server.store.devices import Device
from sync import ids
from sync.changeset import (
    KIND_CHAIN,
    Draft,
    Writer,
    Written,
    chain_open_op,
    write,
)
from sync.clock import Stamp
from sync.ids import SetId

KEY_FILE = "desk.key"
APP = "ortoo-centre"
SCOPE = "org"


class Heard(msgspec.Struct, frozen=True):
    """What is known of the log when a set is written: its newest ruling with the beginning of its leaf, a beacon."""

    seen: tuple[int, bytes] | None = None
    beacon: bytes | None = None


class Desk:
    """The key that signs for desks, and the chain it writes."""

    def __init__(self, data_dir: Path, entropy: Callable[[int], bytes], start_ms: int) -> None:
        """Take up the key in `data_dir`, or make one."""
        self._key = keys.load_or_create(data_dir / KEY_FILE, keys.ED25519, entropy)
        self._entropy = entropy
        self.nonce = ids.tagged_hash("ortoo/desk-nonce/1", self._key.seed)[:16]
        self._session = entropy(8)
        self._start_ms = start_ms
        self.chain = ids.chain_id(self._key.public, self.nonce)

    @property
    def key(self) -> keys.SigningKey:
        """The signing key, for its public half."""
        return self._key

    def device(self, now_ms: int) -> Device:
        """The desk chain as a device of nobody."""
        return Device(
            chain=self.chain,
            person=None,
            alg=self._key.alg,
            pub=self._key.public,
            label="desk",
            app=APP,
            token_hash=None,
            enrolled_at_ms=now_ms,
        )

    def opening(self) -> Draft:
        """The first set of the chain."""
        op = chain_open_op(self._key.alg, self._key.public, self.nonce, APP)
        return Draft(user=bytes(16), scope=SCOPE, kind=KIND_CHAIN, entity=self.chain, ops=[op])

    def resumed(self, seq: int, last: bytes) -> Writer:
        """Where the chain stands when its newest set is the envelope `last` with number `seq`."""
        found = read_one(last)
        assert isinstance(found, Incoming)
        assert found.change is not None
        stamp = Stamp.unpack(found.change.header.hlc)
        return Writer(self.chain, seq + 1, SetId(found.set_id), stamp)

    def write(
        self, writer: Writer, draft: Draft, now_ms: int, heard: Heard
    ) -> tuple[Incoming, Writer]:
        """Sign a draft as the next set. Raises `sync.canon.CanonError` for values outside CB1."""
        written: Written = write(
            writer,
            draft,
            wall_ms=now_ms,
            offset_ms=0,
            mono=(self._session, max(0, now_ms - self._start_ms)),
            salt=self._entropy(16),
            sign=self._key.sign,
            seen=heard.seen,
            beacon=heard.beacon,
        )
        found = read_one(written.raw)
        if not isinstance(found, Incoming):
            raise DraftError(found.why)
        return found, written.writer


class DraftError(ValueError):
    """A draft that makes no valid set: too many ops, too large, or no ops at all."""
