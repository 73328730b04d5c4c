"""Bytes that are nearly right: good sets, rulings and messages, changed token by token.

Responsible for reaching past the first check of a reader. Random bytes end at their first byte; these are cut into the
tokens of MessagePack, some of which are dropped, doubled, swapped or replaced by the worst a writer could put there;
and a damaged header or body is put back under lengths and hashes that are right again.

Example: `@given(hostile("set"))` draws envelopes of which about half reach the shape of their ops.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from sync import canon, ids
from tests.corpus.kept import kept

PALETTE: Final = tuple(
    bytes.fromhex(written)
    for written in (
        "c0 c2 c3 00 7f ff e0 80 90 a0 c1 "
        "cc05 cd0005 ce00000005 cf0000000000000005 d005 d1ff80 d3ffffffffffffffff "
        "ccff cdffff ceffffffff cf001fffffffffffff cf0020000000000000 cfffffffffffffffff d38000000000000000 "
        "ca3fc00000 cb3ff8000000000000 cb7ff8000000000000 "
        "c400 c4010a c50001aa c600000001aa c6ffffffff c5ffff "
        "d90161 da000161 db0000000161 dbffffffff d9ff a1ff a2c080 a3eda080 a4f4908080 a2c3 "
        "dc0001c0 dd00000001c0 ddffffffff dcffff de0001a161c0 dfffffffff "
        "d40100 d6ff00000000 c70001 c9ffffffff01 d8" + "00" * 17 + " "
        "82a161c0a161c0 82a162c0a161c0 8101c0 81c0c0 81a0c0 82a0c0a161c0 "
        "919191919191919191c0 81a16181a16181a16181a161c0 9f 8f dcffff90 "
        "a95f5f70726f746f5f5f ab636f6e7374727563746f72"
    ).split()
)
EDITS: Final = ("drop", "double", "replace", "insert", "swap", "flip", "cut", "splice")


def tokens(data: bytes) -> list[bytes]:
    """The bytes cut where MessagePack's tokens end; a container's head is a token of its own."""
    found, at = [], 0
    while at < len(data):
        end = min(len(data), at + _length(data, at))
        found.append(data[at:end])
        at = end
    return found


def _length(data: bytes, at: int) -> int:
    lead = data[at]
    if 0xA0 <= lead <= 0xBF:
        return 1 + (lead & 0x1F)
    if lead in (0xC4, 0xC5, 0xC6, 0xD9, 0xDA, 0xDB):
        size = 1 << ((lead - 0xC4) if lead < 0xD9 else (lead - 0xD9))
        return 1 + size + int.from_bytes(data[at + 1 : at + 1 + size])
    return {
        **dict.fromkeys((0xCC, 0xD0), 2),
        **dict.fromkeys((0xCD, 0xD1, 0xDC, 0xDE), 3),
        **dict.fromkeys((0xCA, 0xCE, 0xD2, 0xDD, 0xDF), 5),
        **dict.fromkeys((0xCB, 0xCF, 0xD3), 9),
    }.get(lead, 1)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes, other: bytes) -> bytes:
    """`whole` after one to four edits; `other` lends pieces."""
    parts = tokens(whole)
    for _ in range(draw(st.integers(1, 4))):
        if not parts:
            break
        at = draw(st.integers(0, len(parts) - 1))
        edit = draw(st.sampled_from(EDITS))
        if edit == "drop":
            del parts[at]
        elif edit == "double":
            parts.insert(at, parts[at])
        elif edit == "replace":
            parts[at] = draw(st.sampled_from(PALETTE))
        elif edit == "insert":
            parts.insert(at, draw(st.sampled_from(PALETTE) | st.binary(max_size=6)))
        elif edit == "swap":
            to = draw(st.integers(0, len(parts) - 1))
            parts[at], parts[to] = parts[to], parts[at]
        elif edit == "flip":
            spoiled = bytearray(parts[at])
            spoiled[draw(st.integers(0, len(spoiled) - 1))] ^= 1 << draw(st.integers(0, 7))
            parts[at] = bytes(spoiled)
        elif edit == "cut":
            parts[at] = parts[at][: draw(st.integers(0, len(parts[at]) - 1))]
        else:
            lent = tokens(other)
            start = draw(st.integers(0, max(0, len(lent) - 1)))
            parts[at:at] = lent[start : start + draw(st.integers(1, 8))]
        parts = [part for part in parts if part]
    return b"".join(parts)


@st.composite
def hostile(draw: st.DrawFn, target: str) -> bytes:
    """Bytes for one target: grown from its corpus, or nothing but chance now and then."""
    seeds = st.sampled_from([data for _story, data in kept(target)])
    whole, other = draw(seeds), draw(seeds)
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=64))
    if target in ("set", "verify") and draw(st.booleans()):
        return draw(_damaged_inside(whole, other))
    if target == "evidence" and draw(st.booleans()):
        return draw(_damaged_evidence(whole, other))
    return draw(damaged(whole, other))


@st.composite
def _damaged_inside(draw: st.DrawFn, whole: bytes, other: bytes) -> bytes:
    """An envelope whose own form is good, around a header or a body that is not."""
    try:
        header, signature, body = canon.decode(whole)
        fields: list[Any] = canon.decode(header)
        if not isinstance(body, bytes):
            return draw(damaged(whole, other))
        if draw(st.booleans()):
            spoiled = draw(damaged(header, other))
            return canon.encode([spoiled, signature, body])
        spoiled = draw(damaged(body, other))
        fields[14] = ids.body_hash(spoiled)
        return canon.encode([canon.encode(fields), signature, spoiled])
    except (canon.CanonError, msgspec.MsgspecError, ValueError, TypeError, IndexError):
        return draw(damaged(whole, other))


@st.composite
def _damaged_evidence(draw: st.DrawFn, whole: bytes, other: bytes) -> bytes:
    """A file of evidence whose own form is good, around one ruling, set or hash that is not."""
    try:
        form, content_bytes, seal = canon.decode(whole)
        content = canon.decode(content_bytes)
        places = list(_byte_strings(content))
        holder, at = draw(st.sampled_from(places))
        holder[at] = draw(damaged(holder[at], other))
        return canon.encode([form, canon.encode(content), seal])
    except (canon.CanonError, ValueError, TypeError):
        return draw(damaged(whole, other))


def _byte_strings(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where a byte string stands inside: its list or map, and its place there."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for at, item in inside:
        if isinstance(item, bytes) and item:
            yield value, at
        elif isinstance(item, dict | list):
            yield from _byte_strings(item)
