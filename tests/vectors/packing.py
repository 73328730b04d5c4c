"""MessagePack in its shortest forms, tagged hashes and the JSON form of values: all the machinery the witness has.

Example: `pack({"b": 1, "a": [True, None]}).hex()` is `82a16192c3c0a16201`.
"""

import re
from hashlib import sha256
from typing import Any


def pack(value: Any) -> bytes:
    """Canonical bytes of a good value (CB1 to CB3)."""
    if value is None or isinstance(value, bool):
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, str):
        text = value.encode()
        return _head(len(text), 0xA0, 32, {0xD9: 1, 0xDA: 2}) + text
    if isinstance(value, bytes):
        return _head(len(value), 0, 0, {0xC4: 1, 0xC5: 2, 0xC6: 4}) + value
    if isinstance(value, list):
        return _head(len(value), 0x90, 16, {0xDC: 2, 0xDD: 4}) + b"".join(map(pack, value))
    pairs = sorted((key.encode(), item) for key, item in value.items())
    packed = b"".join(pack(key.decode()) + pack(item) for key, item in pairs)
    return _head(len(pairs), 0x80, 16, {0xDE: 2, 0xDF: 4}) + packed


def _head(size: int, fix: int, fix_limit: int, forms: dict[int, int]) -> bytes:
    if size < fix_limit:
        return bytes([fix | size])
    lead, width = next((lead, width) for lead, width in forms.items() if size < 256**width)
    return bytes([lead]) + size.to_bytes(width, "big")


def _integer(value: int) -> bytes:
    if -32 <= value < 128:
        return bytes([value & 0xFF])
    for power, width in enumerate((1, 2, 4, 8)):
        if 0 <= value < 256**width:
            return bytes([0xCC + power]) + value.to_bytes(width, "big")
        if -(256**width) // 2 <= value < 0:
            return bytes([0xD0 + power]) + value.to_bytes(width, "big", signed=True)
    raise ValueError(value)


def tagged(tag: str, *parts: bytes) -> bytes:
    """SHA-256 over tag, zero byte and parts."""
    return sha256(tag.encode() + b"\x00" + b"".join(parts)).digest()


def value_json(value: Any) -> Any:
    """A value as JSON: bytes become `{"$bin": hex}`, everything else stays what it is."""
    if isinstance(value, bytes):
        return {"$bin": value.hex()}
    if isinstance(value, list):
        return [value_json(item) for item in value]
    if isinstance(value, dict):
        return {key: value_json(item) for key, item in value.items()}
    return value


def squeezed(data: bytes) -> str:
    """Hex in which a long run of one byte is written `61*16384`, so that large cases stay readable."""
    parts = []
    for match in re.finditer(rb"(?s)(.)\1{63,}|(?:(?!(.)\2{63}).)+", data):
        run = match.group()
        parts.append(f"{run[:1].hex()}*{len(run)}" if match.group(1) else run.hex())
    return " ".join(parts)
