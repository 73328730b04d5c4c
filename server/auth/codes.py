"""One-time codes: ten characters a person can read aloud, type with gloves and never mistake.

Knows only text. The alphabet is Crockford's base 32 (no I, L, O, U); ten characters are 50 random
bits, which with single use, fifteen minutes and bounded attempts cannot be guessed. Typing is
forgiving: case, spaces, hyphens and look-alikes do not matter.

>>> write(bytes(range(7)))
'000G4-0R40M'
>>> read(" oo0g4 - 0r40m ") == read("000G4-0R40M"), read("too short")
(True, None)
"""

import hashlib
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CHARS: Final = 10
ENTROPY_BYTES: Final = 7
"""56 bits, of which the first 50 are used."""

_LOOKALIKES: Final = str.maketrans(
    {"O": "0", "I": "1", "L": "1", "U": "V", " ": None, "-": None, "\u2013": None}
)


def write(entropy: bytes) -> str:
    """Make a code of ``ENTROPY_BYTES`` random bytes, in two groups of five."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a code is made of {ENTROPY_BYTES} bytes, not {len(entropy)}")
    number = int.from_bytes(entropy) >> 6
    chars = [ALPHABET[(number >> shift) & 31] for shift in range(45, -1, -5)]
    return f"{''.join(chars[:5])}-{''.join(chars[5:])}"


def read(typed: str) -> str | None:
    """The ten characters meant by what was typed, or ``None`` when it cannot be a code."""
    text = typed[:64].upper().translate(_LOOKALIKES)
    return text if len(text) == CHARS and all(char in ALPHABET for char in text) else None


def hash_of(code: str) -> bytes:
    """What is kept of a code: its hash, for as long as it lives."""
    return hashlib.sha256(b"ortoo/enrol-code/1\x00" + code.replace("-", "").encode()).digest()
