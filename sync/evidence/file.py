"""The evidence file of one incident: everything about it, and enough of the log to check that (SPEC XP).

Responsible for the bytes of the file: writing one from its parts and taking one apart again. It does not judge what a
file says; `evidence_check` does. The centre's key signs a hash over the whole content, so that no byte is left out.

>>> content = Content(1, "ortoo", bytes(16), bytes(16), bytes(8), bytes(32), "", 0, bytes(16), [], [], [])
>>> data = write(content, name="ortoo/a/b", sign=lambda message: bytes(64))
>>> read(data).content == content
True
>>> read(b"hello")
Unreadable(code='not_canonical', where='byte 1', detail='trailing_bytes')
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from sync import canon, note
from sync.canon import CanonError
from sync.changeset import Bin8, Bin16, Bin32, Int, Natural

FORMAT: Final = "ortoo/export/1"
FILE_BYTES_MAX: Final = 268_435_456
LINKS_BETWEEN_MAX: Final = 64
"""Of more sets than this between two of one chain, which are about other matters, only the number is told."""


class Entry(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """One ruling as its bytes, and the proof that it is in the log (TL2)."""

    ruling: bytes
    proof: list[Bin32]


class Chain(Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """What ties the sets of one chain together: its first envelope, and `[header, signature]` of sets in between."""

    opening: bytes
    links: list[tuple[bytes, bytes]]


class Content(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in the file. `n` rulings are about the entity, `head` is the head over them (TL10).

    `entries` are those and the ones about keys and names, by index; `sets` the envelopes in the order they were ruled.
    """

    at_ms: Int
    by: str
    entity: Bin16
    server: Bin16
    epoch: Bin8
    pub: Bin32
    checkpoint: str
    n: Natural
    head: Bin16
    entries: list[Entry]
    sets: list[bytes]
    chains: list[Chain]


class Export(Struct, frozen=True):
    """A file taken apart: its content, the bytes that the seal covers, and the seal."""

    content: Content
    content_bytes: bytes
    seal: str


class Unreadable(Struct, frozen=True):
    """Why a file cannot be taken apart: a code of XP5, and the place."""

    code: str
    where: str
    detail: str


def seal_text(entity: bytes, content_bytes: bytes) -> str:
    """What the centre signs (XP2)."""
    digest = b64encode(sha256(content_bytes).digest()).decode()
    return f"{FORMAT}\n{entity.hex()}\n{digest}\n"


def write(content: Content, *, name: str, sign: Callable[[bytes], bytes]) -> bytes:
    """The bytes of the file. `name` is the origin of the log, `sign` its key's. Raises CanonError."""
    # The encoder keeps the order of a struct's fields, so it is written as the map that it stands for.
    content_bytes = canon.encode(msgspec.msgpack.decode(canon.ENCODER.encode(content)))
    text = seal_text(content.entity, content_bytes)
    seal = note.sign_note(text, name, content.pub, sign)
    return canon.encode([FORMAT, content_bytes, seal])


def read(data: bytes) -> Export | Unreadable:
    """The file in its parts, or why it is none."""
    if len(data) > FILE_BYTES_MAX:
        return Unreadable("too_large", "the file", f"{len(data)} of at most {FILE_BYTES_MAX} bytes")
    try:
        parts = canon.decode(data)
    except CanonError as error:
        return Unreadable("not_canonical", f"byte {error.offset}", error.code)
    match parts:
        case [str(form), bytes(content_bytes), str(seal)] if form == FORMAT:
            pass
        case _:
            return Unreadable("not_an_export", "the file", f"it is not [{FORMAT}, content, seal]")
    start = len(data) - len(canon.encode(seal)) - len(content_bytes)
    try:
        plain = canon.decode(content_bytes)
    except CanonError as error:
        return Unreadable("not_canonical", f"byte {start + error.offset}", error.code)
    try:
        content = msgspec.convert(plain, Content, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        return Unreadable("not_an_export", "the content", str(error))
    return Export(content, content_bytes, seal)
