"""Sealed files: a bundle that only those it is for can read (SPEC BU8).

Responsible for the layout: who may open the file, and in which pieces its content is sealed, so that one of any size is
opened in bounded memory and one that was cut off still gives what came before. It computes no cipher: wrapping,
sealing and opening are handed in.

>>> made = b"".join(seal([b"abc"], [(bytes(8), bytes(113))], lambda nonce, data, aad: data + bytes(16)))
>>> found = opened([made], lambda key_id, wrapped: bytes(32), lambda key, nonce, data, aad: data[:-16])
>>> b"".join(found)
b'abc'
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from sync import canon, ids
from sync.bundle import Stream
from sync.canon import CanonError
from sync.changeset import Bin8

MAGIC: Final = b"ortoo/sealed/1\n"
INFO: Final = b"ortoo/sealed/1"
"""The context under which content keys are wrapped."""
LENGTH_BYTES: Final = 2
PIECE_BYTES: Final = 16_384
TAG_BYTES: Final = 16
KEY_BYTES: Final = 32
WRAPPED_BYTES: Final = 65 + KEY_BYTES + TAG_BYTES
"""A fresh public key, then the content key under it."""
RECIPIENTS_MAX: Final = 16

Wrapped = Annotated[bytes, Meta(min_length=WRAPPED_BYTES, max_length=WRAPPED_BYTES)]
Recipients = Annotated[list[tuple[Bin8, Wrapped]], Meta(min_length=1, max_length=RECIPIENTS_MAX)]

Unwrap = Callable[[bytes, bytes], bytes | None]
"""Takes a key id and a wrapped content key; gives the content key, or None where that is for somebody else."""
SealPiece = Callable[[bytes, bytes, bytes], bytes]
"""Takes nonce, plain bytes and what they are bound to; gives them sealed."""
OpenPiece = Callable[[bytes, bytes, bytes, bytes], bytes | None]
"""Takes key, nonce, sealed bytes and what they are bound to; gives them plain, None where they do not open."""


class SealError(ValueError):
    """A file that cannot be opened here: `code` is `bad_seal_header` or `sealed_to_others`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def key_id(public: bytes) -> bytes:
    """8 bytes that tell who a file is for: of a P-256 point of 65 bytes."""
    return ids.tagged_hash("ortoo/bundle/key/1", public)[:8]


def nonce(number: int, *, is_last: bool) -> bytes:
    """12 bytes: the number of a piece, and whether it is the last."""
    return number.to_bytes(11) + bytes([is_last])


def seal(
    pieces: Iterable[bytes], recipients: Sequence[tuple[bytes, bytes]], seal_piece: SealPiece
) -> Iterator[bytes]:
    """The bytes of a sealed file. `recipients`: the content key, wrapped for each, beside the id of its key."""
    header = canon.encode([[at, wrapped] for at, wrapped in recipients])
    yield MAGIC + len(header).to_bytes(LENGTH_BYTES) + header
    bound = ids.tagged_hash("ortoo/sealed/1", header)
    stream, number, is_last = Stream(pieces), 0, False
    while not is_last:
        plain = stream.take_most(PIECE_BYTES)
        is_last = stream.is_over()
        yield seal_piece(nonce(number, is_last=is_last), plain, bound)
        number += 1


def opened(pieces: Iterable[bytes], unwrap: Unwrap, open_piece: OpenPiece) -> Iterator[bytes]:
    """What was sealed, piece by piece, up to the first that is missing or does not open; the bundle inside then ends
    there and says so. Raises SealError where the file is for others.
    """
    stream = Stream(pieces)
    header = _header(stream)
    try:
        found = msgspec.convert(canon.decode(header), Recipients, builtin_types=(bytes,))
    except (CanonError, msgspec.ValidationError):
        raise SealError("bad_seal_header") from None
    keys = (unwrap(at, wrapped) for at, wrapped in found)
    key = next((one for one in keys if one is not None), None)
    if key is None:
        raise SealError("sealed_to_others")
    bound = ids.tagged_hash("ortoo/sealed/1", header)
    number, is_last = 0, False
    while not is_last:
        data = stream.take_most(PIECE_BYTES + TAG_BYTES)
        is_last = stream.is_over()
        plain = open_piece(key, nonce(number, is_last=is_last), data, bound)
        if plain is None:
            return
        yield plain
        number += 1


def _header(stream: Stream) -> bytes:
    begun = stream.take(len(MAGIC) + LENGTH_BYTES)
    if begun is None or not begun.startswith(MAGIC):
        raise SealError("bad_seal_header")
    header = stream.take(int.from_bytes(begun[len(MAGIC) :]))
    if header is None:
        raise SealError("bad_seal_header")
    return header
