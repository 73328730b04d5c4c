"""Bundles: a file that carries sets to the centre by hand, and what was ruled of them back (SPEC BU).

Responsible for the bytes of such a file: writing it record by record, and telling in one pass, however large it is,
which records are whole, what they are, and what is not whole. It does not judge what a record says: sets are read by
`changeset`, rulings are proved by `Proving`. It opens no file and knows no key: bytes come in pieces, signing and
verifying are handed in.

>>> made = Manifest(by="ortoo", at_ms=1, chain=bytes(16), alg="Ed25519", pub=bytes(32), nonce=bytes(16))
>>> writer = BundleWriter()
>>> whole = writer.begin(made) + writer.add("set", b"...") + writer.end(lambda message: bytes(64))
>>> [(one.n, one.code) for one in read([whole[:-3]], verify=lambda *_: True)]
[(1, 'bad_manifest'), (2, ''), (3, 'truncated')]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from sync import canon, ids, merkle, note, rulings
from sync.canon import CanonError
from sync.changeset import PUBLIC_KEY_BYTES, SET_BYTES_MAX, Bin16, Bin32, Int, Natural, Verify
from sync.note import NoteError
from sync.rulings import Ruling
from sync.witness import Log

MAGIC: Final = b"ortoo/bundle/1\n"
FILE_BYTES_MAX: Final = 2**31
RECORD_BYTES_MAX: Final = SET_BYTES_MAX + 8_192
LENGTH_BYTES: Final = 4
FRAME_BYTES: Final = LENGTH_BYTES + 32
"""What stands before the bytes of a record: their length and their hash."""
REPLY_KEY_BYTES: Final = 65
BY_CHARS_MAX: Final = 64
HEAD_ZERO: Final = bytes(32)

MANIFEST: Final = "manifest"
SET: Final = "set"
RULING: Final = "ruling"
CHECKPOINT: Final = "checkpoint"
END: Final = "end"

# After one of these nothing of the file can be told apart any more.
LAST_FAULTS: Final = frozenset(
    {"not_a_bundle", "bundle_too_large", "bad_length", "truncated", "trailing"}
)


class Manifest(Struct, frozen=True, omit_defaults=True):
    """Who made the bundle, when, and what follows (BU3): `counts` by kind of record. `chain` is the maker's, with the
    key and nonce its id follows from. `to`: the server it is for. `reply`: the key that answers are sealed to.
    `signed`: origin and size of the highest checkpoint its maker has checked. `beacon`: the centre's newest (TM12), in
    an answer.
    """

    by: Annotated[str, Meta(max_length=BY_CHARS_MAX)]
    at_ms: Int
    chain: Bin16
    alg: str
    pub: bytes
    nonce: Bin16
    to: Bin16 | None = None
    counts: dict[str, Natural] = {}
    reply: bytes | None = None
    signed: tuple[str, Natural] | None = None
    beacon: Bin16 | None = None


class Entry(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A ruling as its bytes, and the proof that it is in the log under the checkpoint before it (TL2)."""

    ruling: bytes
    proof: list[Bin32]


class Checkpoint(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A signed checkpoint (TL6) and the proof that it grew out of the one of `after` entries (TL3)."""

    note: str
    after: Natural
    proof: list[Bin32]


class End(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The head over all records before, and the maker's signature over it."""

    head: Bin32
    signature: bytes


class Record(Struct, frozen=True):
    """What was found at place `n` (from 1), which begins at byte `offset`. `code` is empty for a record that is whole
    and of a known kind; then `value` is its `Manifest`, envelope, `Entry`, `Checkpoint` or `End`. Else it is a code of
    BU5.
    """

    n: int
    offset: int
    code: str = ""
    kind: str = ""
    value: Any = None


_TYPES: Final[dict[str, Any]] = {
    MANIFEST: Manifest,
    SET: bytes,
    RULING: Entry,
    CHECKPOINT: Checkpoint,
    END: End,
}


def record_hash(payload: bytes) -> bytes:
    """32 bytes that stand before the bytes of a record."""
    return ids.tagged_hash("ortoo/bundle/record/1", payload)


def next_head(head: bytes, record: bytes) -> bytes:
    """The head after a record with this hash (BU4)."""
    return ids.tagged_hash("ortoo/bundle/head/1", head, record)


def signing_bytes(head: bytes) -> bytes:
    """What the maker signs at the end."""
    return b"ortoo/bundle/end/1\x00" + head


class BundleWriter:
    """Writes a bundle, piece by piece; the caller puts the pieces one behind the other."""

    def __init__(self) -> None:
        """Nothing is written yet: `begin` comes first, `end` last."""
        self._head = HEAD_ZERO

    def begin(self, manifest: Manifest) -> bytes:
        """The beginning of the file."""
        said: dict[str, Any] = msgspec.to_builtins(manifest, builtin_types=(bytes,))
        if manifest.signed is not None:
            said["signed"] = list(manifest.signed)
        return MAGIC + self.add(MANIFEST, said)

    def add(self, kind: str, value: Any) -> bytes:
        """One record. Raises CanonError for a value outside CB1."""
        payload = canon.encode([kind, value])
        hashed = record_hash(payload)
        self._head = next_head(self._head, hashed)
        return len(payload).to_bytes(LENGTH_BYTES) + hashed + payload

    def end(self, sign: Callable[[bytes], bytes]) -> bytes:
        """The end of the file; `sign` is the maker's."""
        head = self._head
        return self.add(END, [head, sign(signing_bytes(head))])


class Stream:
    """Bytes in pieces, taken from as much as is asked for; keeps no more than that and one piece."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        """Nothing is taken yet."""
        self._pieces = iter(pieces)
        self._held = bytearray()
        self.offset = 0

    def take(self, size: int) -> bytes | None:
        """The next `size` bytes; None when there are fewer."""
        while len(self._held) < size:
            piece = next(self._pieces, None)
            if piece is None:
                return None
            self._held += piece
        taken = bytes(self._held[:size])
        del self._held[:size]
        self.offset += size
        return taken

    def take_most(self, size: int) -> bytes:
        """The next `size` bytes, or as many as there are."""
        taken = self.take(size)
        return taken if taken is not None else self.take(len(self._held)) or b""

    def is_over(self) -> bool:
        """Whether nothing follows."""
        while not self._held:
            piece = next(self._pieces, None)
            if piece is None:
                return True
            self._held += piece
        return False


def read(pieces: Iterable[bytes], *, verify: Verify) -> Iterator[Record]:
    """Every record in order, whole or not, of a file that comes in pieces of any size; its last is the end when all of
    it is there. Memory is bounded by one record and one piece.
    """
    stream = Stream(pieces)
    begun = stream.take_most(len(MAGIC))
    if begun != MAGIC:
        yield Record(0, 0, "truncated" if MAGIC.startswith(begun) else "not_a_bundle")
        return
    maker: Manifest | None = None
    head, n = HEAD_ZERO, 0
    while True:
        n, offset = n + 1, stream.offset
        if stream.is_over():
            yield Record(n, offset, "truncated")
            return
        if offset >= FILE_BYTES_MAX:
            yield Record(n, offset, "bundle_too_large")
            return
        frame = stream.take(FRAME_BYTES)
        size = 0 if frame is None else int.from_bytes(frame[:LENGTH_BYTES])
        if frame is not None and not 1 <= size <= RECORD_BYTES_MAX:
            yield Record(n, offset, "bad_length")
            return
        payload = None if frame is None else stream.take(size)
        if frame is None or payload is None:
            yield Record(n, offset, "truncated")
            return
        hashed = frame[LENGTH_BYTES:]
        if record_hash(payload) != hashed:
            head = next_head(head, hashed)
            yield Record(n, offset, "damaged")
            continue
        one = _record(n, offset, payload)
        if one.kind == MANIFEST and not one.code:
            maker = one.value if n == 1 else maker
            one = one if n == 1 else Record(n, offset, "out_of_place", MANIFEST)
        if one.kind == END and not one.code:
            yield _end(one, maker, head, verify)
            if not stream.is_over():
                yield Record(n + 1, stream.offset, "trailing")
            return
        head = next_head(head, hashed)
        yield one


def _record(n: int, offset: int, payload: bytes) -> Record:
    """One record whose hash holds."""
    try:
        value = canon.decode(payload)
    except CanonError:
        return Record(n, offset, "not_canonical")
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        return Record(n, offset, "bad_record")
    kind, said = value
    if kind not in _TYPES:
        return Record(n, offset, "unknown_kind", kind)
    try:
        read_as = msgspec.convert(said, _TYPES[kind], builtin_types=(bytes,))
    except msgspec.ValidationError:
        return Record(n, offset, "bad_manifest" if kind == MANIFEST else "bad_record", kind)
    if kind == MANIFEST and not _is_sound(read_as):
        return Record(n, offset, "bad_manifest", kind)
    return Record(n, offset, "", kind, read_as)


def _is_sound(made: Manifest) -> bool:
    """Whether a manifest names a chain that follows from its key (ID3)."""
    return (
        PUBLIC_KEY_BYTES.get(made.alg) == len(made.pub)
        and ids.chain_id(made.pub, made.nonce) == made.chain
        and (made.reply is None or len(made.reply) == REPLY_KEY_BYTES)
    )


def _end(one: Record, maker: Manifest | None, head: bytes, verify: Verify) -> Record:
    end: End = one.value
    if maker is None or end.head != head:
        return Record(one.n, one.offset, "bad_end", END)
    holds = verify(maker.alg, maker.pub, signing_bytes(head), end.signature)
    return one if holds else Record(one.n, one.offset, "bad_end", END)


class Proving:
    """What the rulings of a bundle rest on: a checkpoint signed by the log's key (BU6). Whoever carries the file can
    leave rulings out, and invent none.
    """

    def __init__(self, log: Log, verify: Verify) -> None:
        """`log` as the organisation names it."""
        self._log = log
        self._verify = verify
        self._under: note.Checkpoint | None = None

    def rest_on(self, one: Checkpoint) -> str:
        """Let the rulings that follow rest on this checkpoint. Gives a code when it proves nothing, else nothing."""
        self._under = None
        try:
            read_note = note.read_note(one.note)
            found = note.read_checkpoint(read_note.text)
        except NoteError as error:
            return error.code
        if found.origin != self._log.origin:
            return "other_log"
        if not note.is_signed(read_note, found.origin, self._log.public, self._verify):
            return "bad_signature"
        self._under = found
        return ""

    def proven(self, one: Entry) -> Ruling | str:
        """The ruling, where it is in the log; else a code: `bad_ruling`, `not_in_log`."""
        try:
            ruling = rulings.read_ruling(one.ruling)
        except CanonError:
            return "bad_ruling"
        under = self._under
        if under is None or ruling.idx > under.size:
            return "not_in_log"
        root = merkle.root_from_inclusion(
            ruling.idx - 1, under.size, rulings.leaf_hash(one.ruling), one.proof
        )
        return ruling if root == under.root else "not_in_log"
