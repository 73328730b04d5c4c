"""Ids as the API writes them: 32 lower-case hex digits for 16 bytes. Knows nothing of what they
name.

>>> from_hex("00112233445566778899aabbccddeeff", "incident").hex()
'00112233445566778899aabbccddeeff'
"""

import re
from typing import Annotated, Any, Final

import msgspec

from server.problems import ProblemError

_HEX32: Final = re.compile(r"[0-9a-f]{32}")

Hex32 = Annotated[
    str, msgspec.Meta(pattern="^[0-9a-f]{32}$", description="16 bytes as lower-case hex")
]
Ms = Annotated[int, msgspec.Meta(description="milliseconds since the Unix epoch, UTC")]


def from_hex(text: str, what: str) -> bytes:
    """Read an id. Raises ``ProblemError("bad_id")`` naming what it should have been the id of."""
    if not _HEX32.fullmatch(text):
        raise ProblemError(
            "bad_id", detail=f"The id of the {what} must be 32 lower-case hex digits."
        )
    return bytes.fromhex(text)


def hex_or_none(raw: bytes | None) -> str | None:
    """An id that may be missing."""
    return None if raw is None else raw.hex()


def plain(value: Any) -> Any:
    """A value of a view or a row as JSON has it: bytes as hex, deep down."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
