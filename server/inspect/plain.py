"""What may leave the house: values without anybody's words, names or places, and ids that lead nowhere.

Responsible for turning ids into pseudonyms that are the same within one report and in no other, and for leaving out
what people said. Refuses to know what a report is about.

>>> hide = Pseudonyms(b"a secret of this report")
>>> hide(bytes(16)) == hide(bytes(16)), hide(bytes(16)) == Pseudonyms(b"another")(bytes(16))
(True, False)
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

from sync.incident.redaction import skeleton

NAME_CHARS = 12
Named = Callable[[bytes], str]
"""How an id is written."""


class Pseudonyms:
    """Those of one report."""

    def __init__(self, secret: bytes) -> None:
        """`secret`: random bytes that nobody keeps."""
        self._secret = secret

    def __call__(self, value: bytes) -> str:
        """The name that stands for this id."""
        return "~" + hmac.digest(self._secret, value, "sha256").hex()[:NAME_CHARS]


def openly(value: bytes) -> str:
    """An id as it is."""
    return value.hex()


def wordless(op: dict[str, Any]) -> dict[str, Any]:
    """An op of an incident without what was said in it (RD2)."""
    return skeleton(op)


def shown(value: Any, named: Named) -> Any:
    """A value as JSON has it, ids written by `named`."""
    if isinstance(value, bytes):
        return named(value)
    if isinstance(value, dict):
        return {key: shown(part, named) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [shown(part, named) for part in value]
    return value
