"""Identifiers and tagged hashes (SPEC ID).

Responsible for the names of things: how an id is computed from bytes and how it is written as text. Makes no random
ids; chance is handed in where it is needed.

>>> to_hex(chain_id(bytes(32), bytes(16)))
'9e5d033282da4fcfaa3eaf2b546eca5c'
"""

from __future__ import annotations

from hashlib import sha256
from typing import NewType

ChainId = NewType("ChainId", bytes)  # 16 bytes
SetId = NewType("SetId", bytes)  # 32 bytes
EntityId = NewType("EntityId", bytes)  # 16 bytes
PersonId = NewType("PersonId", bytes)  # 16 bytes
OrderId = NewType("OrderId", bytes)  # 16 bytes
OpId = NewType("OpId", bytes)  # 17 bytes

_SET = b"ortoo/set/1\x00"
_BODY = b"ortoo/body/1\x00"
_CHAIN = b"ortoo/chain/1\x00"


def tagged_hash(tag: str, *parts: bytes) -> bytes:
    """SHA-256 over `ascii(tag) || 0x00 || parts`, 32 bytes. One tag per purpose; nothing is hashed without one."""
    return sha256(b"".join((tag.encode("ascii"), b"\x00", *parts))).digest()


def set_id(header_bytes: bytes) -> SetId:
    """The identity of a set: a hash of its header bytes, never of its signature (ID2)."""
    return SetId(sha256(_SET + header_bytes).digest())


def body_hash(body_bytes: bytes) -> bytes:
    """What the header says of the body, 32 bytes (ID4)."""
    return sha256(_BODY + body_bytes).digest()


def chain_id(public_key: bytes, nonce: bytes) -> ChainId:
    """16 bytes from a public key (32 bytes Ed25519, 65 bytes uncompressed P-256) and a 16-byte nonce (ID3)."""
    return ChainId(sha256(_CHAIN + public_key + nonce).digest()[:16])


def op_id(of_set: bytes, index: int) -> OpId:
    """17 bytes: the first 16 of the set id and the op's index, 0 to 19 (ID5)."""
    return OpId(of_set[:16] + bytes((index,)))


def to_hex(value: bytes) -> str:
    """Lower-case hex, the form of every id in JSON and URLs (ID1)."""
    return value.hex()


def from_hex(text: str, size: int = 16) -> bytes:
    """The bytes of an id written in lower-case hex. Raises ValueError for any other text or length."""
    value = bytes.fromhex(text)
    if len(value) != size or text != value.hex():
        raise ValueError(f"expected {size} bytes as lower-case hex")
    return value
