"""What all moves of a desk are made of: their base, the forms of their fields, and how an op is written.

Refuses to know any single move.

>>> op("entry.add", kind="note", text="到了", data=None)
{'t': 'entry.add', 'kind': 'note', 'text': '到了'}
"""

from typing import Annotated, Any

import msgspec

OpHex = Annotated[
    str,
    msgspec.Meta(pattern="^[0-9a-f]{34}$", description="17 bytes of an op id as lower-case hex"),
]
Ops = Annotated[list[OpHex], msgspec.Meta(min_length=1, max_length=100)]
Why = Annotated[str, msgspec.Meta(min_length=1, max_length=1_000)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Op = dict[str, Any]


class BaseMove(
    msgspec.Struct, frozen=True, tag_field="move", forbid_unknown_fields=True, kw_only=True
):
    """One thing a desk does; ``move`` says which."""


def op(t: str, **fields: Any) -> Op:
    """An op; fields that are ``None`` are left out, as the SPEC asks."""
    return {"t": t} | {name: value for name, value in fields.items() if value is not None}


def id_of(text: str) -> bytes:
    """The bytes of an id in hex."""
    return bytes.fromhex(text)
