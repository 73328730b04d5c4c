"""How the vector files write bytes and values; `tests/vectors/README.md` tells the same in words.

Example: `data_of("da4001 61*16385")` is three bytes and 16 385 times the letter a.
"""

from typing import Any


def data_of(written: str) -> bytes:
    """The bytes of `hex hex*count …`."""
    parts = (part.partition("*") for part in written.split())
    return b"".join(bytes.fromhex(piece) * int(count or 1) for piece, _, count in parts)


def value_of(written: Any) -> Any:
    """The value that a vector's JSON stands for, including those that have no canonical bytes."""
    if isinstance(written, list):
        return [value_of(item) for item in written]
    if not isinstance(written, dict):
        return written
    match written:
        case {"$bin": digits}:
            return bytes.fromhex(digits)
        case {"$float": digits}:
            return float(digits)
        case {"$int": digits}:
            return int(digits)
        case {"$units": units}:
            return b"".join(unit.to_bytes(2, "big") for unit in units).decode(
                "utf-16-be", "surrogatepass"
            )
        case {"$times": [text, count]}:
            return text * count
        case {"$nested": depth}:
            nested: Any = []
            for _ in range(depth - 1):
                nested = [nested]
            return nested
    return {key: value_of(item) for key, item in written.items()}
