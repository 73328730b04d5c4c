"""Signed notes and checkpoints: a few lines of text that say how far the log has come (SPEC TL5, TL6).

Responsible for the text of a note, for its signature lines, and for the three lines of a checkpoint inside one. It
signs nothing and knows no key: signing and verifying are handed in. Sources: C2SP signed-note, C2SP tlog-checkpoint.

>>> text = checkpoint_text(Checkpoint("ortoo/00/01", 0, bytes(32)))
>>> note = read_note(sign_note(text, "ortoo/00/01", bytes(32), lambda message: bytes(64)))
>>> read_checkpoint(note.text).size, note.signatures[0].name
(0, 'ortoo/00/01')
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from hashlib import sha256
from typing import Final

from msgspec import Struct

from sync import canon
from sync.merkle import HASH_BYTES

ED25519: Final = b"\x01"
"""The signature type of a plain Ed25519 key."""
SIGNATURES_MAX: Final = 16
NOTE_CHARS_MAX: Final = 8_192
_MARK: Final = "— "

Verify = Callable[[str, bytes, bytes, bytes], bool]
"""Takes algorithm name, public key, message and signature; never raises on bad input."""


class NoteError(ValueError):
    """Text that is no signed note, or a note that is no checkpoint; `code` is `bad_note` or `bad_checkpoint`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


class Signature(Struct, frozen=True):
    """One signature line: whose name, which key of that name (4 bytes), and the signature."""

    name: str
    key_id: bytes
    signature: bytes


class Note(Struct, frozen=True):
    """`text` with the newline that ends it, which is what the signatures cover."""

    text: str
    signatures: tuple[Signature, ...]


class Checkpoint(Struct, frozen=True):
    """How far a log has come: its name, the number of its entries, their root (32 bytes), and further lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def key_id(name: str, public: bytes) -> bytes:
    """4 bytes that tell one key of a name from another. Source: C2SP signed-note."""
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def verifier_key(name: str, public: bytes) -> str:
    """A public key as text, `name+id+key`, as other tools of transparency logs read it. Source: C2SP signed-note."""
    return f"{name}+{key_id(name, public).hex()}+{b64encode(ED25519 + public).decode()}"


def fingerprint(public: bytes) -> str:
    """What people compare aloud: 32 hex digits of the key's SHA-256, in groups of four."""
    digits = sha256(public).hexdigest()[:32]
    return " ".join(digits[at : at + 4] for at in range(0, 32, 4))


def sign_note(text: str, name: str, public: bytes, sign: Callable[[bytes], bytes]) -> str:
    """The note of `text`, which ends with a newline, under one signature. `public` is 32 bytes, `sign` gives the 64 of
    Ed25519 over the text. Source: C2SP signed-note.
    """
    line = b64encode(key_id(name, public) + sign(text.encode())).decode()
    return f"{text}\n{_MARK}{name} {line}\n"


def read_note(note: str) -> Note:
    """The parts of a signed note. Raises `NoteError` for text that is not exactly how a note is written."""
    if len(note) > NOTE_CHARS_MAX:
        raise NoteError("bad_note", f"longer than {NOTE_CHARS_MAX} characters")
    if any(ord(char) < 0x20 and char != "\n" for char in note):
        raise NoteError("bad_note", "a control character")
    head, gap, tail = note.rpartition("\n\n")
    if not gap or not head or not tail.endswith("\n"):
        raise NoteError("bad_note", "no empty line between text and signatures")
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise NoteError("bad_note", f"more than {SIGNATURES_MAX} signatures")
    return Note(head + "\n", tuple(_signature(line) for line in lines))


def _signature(line: str) -> Signature:
    name, space, written = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not space or not is_name(name):
        raise NoteError("bad_note", "a signature line is not written as one")
    data = _base64(written)
    if data is None or len(data) < 5:
        raise NoteError("bad_note", "a signature is not base64")
    return Signature(name, data[:4], data[4:])


def is_name(name: str) -> bool:
    """Whether a key may be called so: not empty, no white space, no plus sign."""
    return bool(name) and not any(char.isspace() or char in "+\ufeff" for char in name)


def _base64(text: str) -> bytes | None:
    """Standard base64 in its one written form: what is decoded must encode to the same text."""
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return None
    return data if b64encode(data).decode() == text else None


def is_signed(note: Note, name: str, public: bytes, verify: Verify) -> bool:
    """Whether the note has a signature of this key and none of this key that does not hold (TL5).

    Lines of other keys, and of other names, are left alone.
    """
    wanted = key_id(name, public)
    own = [line for line in note.signatures if line.name == name and line.key_id == wanted]
    return bool(own) and all(
        verify("Ed25519", public, note.text.encode(), line.signature) for line in own
    )


def checkpoint_text(checkpoint: Checkpoint) -> str:
    """The text of a checkpoint, to be signed (TL6). Source: C2SP tlog-checkpoint."""
    lines = (
        checkpoint.origin,
        str(checkpoint.size),
        b64encode(checkpoint.root).decode(),
        *checkpoint.extensions,
    )
    return "".join(f"{line}\n" for line in lines)


_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")


def read_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note's text. Raises `NoteError` with `bad_checkpoint` for any other text (TL6)."""
    origin, *rest = text.removesuffix("\n").split("\n")
    if not text.endswith("\n") or len(rest) < 2 or not origin or "" in rest:
        raise NoteError("bad_checkpoint", "a checkpoint is origin, size and root, each on a line")
    size, root = rest[0], _base64(rest[1])
    if not _SIZE.fullmatch(size) or int(size) > canon.INT_MAX:
        raise NoteError("bad_checkpoint", "the size is not a decimal number")
    if root is None or len(root) != HASH_BYTES:
        raise NoteError("bad_checkpoint", "the root is not 32 bytes in base64")
    return Checkpoint(origin, int(size), root, tuple(rest[2:]))
