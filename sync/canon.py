"""Canonical bytes: the strict MessagePack profile under every hash and signature (SPEC CB).

Responsible for turning plain values into the one byte string that stands for them, and for refusing every other byte
string. Knows nothing of change sets or incidents.

>>> encode({"b": 1, "a": [True, None]}).hex()
'82a16192c3c0a16201'
>>> decode(bytes.fromhex("82a16192c3c0a16201"))
{'a': [True, None], 'b': 1}
>>> decode(b"\\xcc\\x05")
Traceback (most recent call last):
sync.canon.CanonError: not_shortest at byte 0

Source: the MessagePack specification, for the forms of values; the profile is our own (CB1 to CB6).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

Value = Any
"""nil, bool, int, str, bytes, list, or dict with str keys (CB1); recursive, so not spelled out as a type."""

INT_MAX: Final = 2**53 - 1
DEPTH_MAX: Final = 8
TEXT_BYTES_MAX: Final = 16_384
_SHORT: Final = TEXT_BYTES_MAX // 4
"""A text of so many characters cannot have too many bytes, for none has more than four."""

CODES: Final = frozenset(
    {
        "float",
        "extension",
        "integer_range",
        "not_shortest",
        "key_order",
        "key_type",
        "duplicate_key",
        "utf8",
        "depth",
        "text_too_long",
        "truncated",
        "trailing_bytes",
        "reserved",
        "unsupported",
    }
)

# msgspec writes the shortest form of every integer and length, and its "deterministic" order sorts text keys by code
# point, which is the order of their UTF-8 bytes. So equality with its output proves CB2 and CB3 in C.
ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")
_DECODER: Final = msgspec.msgpack.Decoder()


class CanonError(ValueError):
    """Bytes or a value outside the profile: `code` is one of `CODES`, `offset` the byte where it shows (CB8), 0 for a
    value.
    """

    def __init__(self, code: str, offset: int = 0) -> None:
        super().__init__(f"{code} at byte {offset}")
        self.code = code
        self.offset = offset


def fault(value: object, depth: int = 0) -> str | None:
    """The code of the first thing in `value` that CB1 or CB5 forbids, or None. Source: SPEC CB1, CB5.

    It runs for every op on the server's hot path, so it looks at exact types and leaves surrogates to the encoder.
    """
    kind = type(value)
    if kind is str:
        return "text_too_long" if _is_too_long(value) else None  # type: ignore[arg-type]
    if kind is bytes or kind is bool or value is None:
        return None
    if kind is int:
        return None if -INT_MAX <= value <= INT_MAX else "integer_range"  # type: ignore[operator]
    if kind is dict or kind is list:
        return _nested_fault(value, depth + 1) if depth < DEPTH_MAX else "depth"  # type: ignore[arg-type]
    return "float" if kind is float else "unsupported"


def _nested_fault(value: dict[object, object] | list[object], depth: int) -> str | None:
    if isinstance(value, dict):
        for key in value:
            if type(key) is not str:
                return "key_type"
            if len(key) > _SHORT and _is_too_long(key):
                return "text_too_long"
    for item in value.values() if isinstance(value, dict) else value:
        if type(item) is str and len(item) <= _SHORT:
            continue
        if code := fault(item, depth):
            return code
    return None


def _is_too_long(text: str) -> bool:
    return len(text) > _SHORT and len(text.encode(errors="surrogatepass")) > TEXT_BYTES_MAX


def encode(value: Value) -> bytes:
    """The canonical bytes of `value`. Raises `CanonError` when it has no form under CB1, or is over a bound of CB5."""
    if code := fault(value):
        raise CanonError(code)
    try:
        return ENCODER.encode(value)
    except UnicodeEncodeError:
        raise CanonError("utf8") from None


def decode(data: bytes) -> Value:
    """The value whose canonical bytes are `data`. Raises `CanonError` naming the first fault for any other bytes."""
    try:
        value = _DECODER.decode(data)
        if fault(value) is None and ENCODER.encode(value) == data:
            return value
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    # Only refused bytes come here, so the exact reason may cost a slow second reading.
    raise diagnose(data)


def is_canonical(data: bytes) -> bool:
    """Whether `data` is the canonical bytes of some value."""
    try:
        decode(data)
    except CanonError:
        return False
    return True


def diagnose(data: bytes) -> CanonError:
    """Why `data` is not canonical: the first fault met when reading from the left (CB8)."""
    try:
        end, _ = _Reader(data).value(0, 0)
        if end != len(data):
            raise CanonError("trailing_bytes", end)
    except CanonError as error:
        return error
    return CanonError("unsupported", 0)


class _Reader:
    """A plain strict reader, used only to name a fault; `decode` above is the fast way in."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def uint(self, at: int, size: int) -> int:
        if at + size > len(self.data):
            raise CanonError("truncated", len(self.data))
        return int.from_bytes(self.data[at : at + size], "big")

    def sized(self, start: int, at: int, size: int, floor: int) -> int:
        """A length field of `size` bytes that must not fit the next smaller form (CB2)."""
        length = self.uint(at, size)
        if length < floor:
            raise CanonError("not_shortest", start)
        return length

    def value(self, at: int, depth: int) -> tuple[int, str]:
        """The end of the value at `at` and its kind."""
        lead = self.uint(at, 1)
        if lead <= 0x7F or lead >= 0xE0:
            return at + 1, "int"
        if lead <= 0x8F:
            return self.map(at + 1, lead & 0x0F, at, depth), "map"
        if lead <= 0x9F:
            return self.array(at + 1, lead & 0x0F, at, depth), "array"
        if lead <= 0xBF:
            return self.text(at + 1, lead & 0x1F), "str"
        return self.wide(at, lead, depth)

    def wide(self, at: int, lead: int, depth: int) -> tuple[int, str]:
        if lead in (0xC0, 0xC2, 0xC3):
            return at + 1, "scalar"
        if lead == 0xC1:
            raise CanonError("reserved", at)
        if lead in (0xCA, 0xCB):
            raise CanonError("float", at)
        if lead in (0xC7, 0xC8, 0xC9) or 0xD4 <= lead <= 0xD8:
            raise CanonError("extension", at)
        if 0xCC <= lead <= 0xD3:
            return self.integer(at, lead), "int"
        if lead in (0xC4, 0xC5, 0xC6):
            size = 1 << (lead - 0xC4)
            length = self.sized(at, at + 1, size, (0, 1 << 8, 1 << 16)[lead - 0xC4])
            return self.skip(at + 1 + size, length), "bin"
        if lead in (0xD9, 0xDA, 0xDB):
            size = 1 << (lead - 0xD9)
            length = self.sized(at, at + 1, size, (32, 1 << 8, 1 << 16)[lead - 0xD9])
            return self.text(at + 1 + size, length), "str"
        size = 2 if lead in (0xDC, 0xDE) else 4
        length = self.sized(at, at + 1, size, 16 if size == 2 else 1 << 16)
        if lead in (0xDC, 0xDD):
            return self.array(at + 1 + size, length, at, depth), "array"
        return self.map(at + 1 + size, length, at, depth), "map"

    def integer(self, at: int, lead: int) -> int:
        signed = lead >= 0xD0
        power = (lead - 0xD0) if signed else (lead - 0xCC)
        size = 1 << power
        number = self.uint(at + 1, size)
        if signed:
            number -= (1 << (8 * size)) if number >> (8 * size - 1) else 0
            # Positive numbers have unsigned forms, so a signed form must need its full width.
            shortest = number < (-32, -(2**7), -(2**15), -(2**31))[power]
        else:
            shortest = number >= (128, 2**8, 2**16, 2**32)[power]
        if not shortest:
            raise CanonError("not_shortest", at)
        if not -INT_MAX <= number <= INT_MAX:
            raise CanonError("integer_range", at)
        return at + 1 + size

    def skip(self, at: int, length: int) -> int:
        if at + length > len(self.data):
            raise CanonError("truncated", len(self.data))
        return at + length

    def text(self, at: int, length: int) -> int:
        end = self.skip(at, length)
        try:
            self.data[at:end].decode()
        except UnicodeDecodeError as error:
            raise CanonError("utf8", at + error.start) from None
        if length > TEXT_BYTES_MAX:
            raise CanonError("text_too_long", at)
        return end

    def array(self, at: int, length: int, start: int, depth: int) -> int:
        if depth >= DEPTH_MAX:
            raise CanonError("depth", start)
        for _ in range(length):
            at, _kind = self.value(at, depth + 1)
        return at

    def map(self, at: int, length: int, start: int, depth: int) -> int:
        if depth >= DEPTH_MAX:
            raise CanonError("depth", start)
        previous: bytes | None = None
        for _ in range(length):
            end, kind = self.value(at, depth + 1)
            if kind != "str":
                raise CanonError("key_type", at)
            lead = self.data[at]
            key = self.data[at + (1 if lead <= 0xBF else 1 + (1 << (lead - 0xD9))) : end]
            if previous is not None and key <= previous:
                raise CanonError("duplicate_key" if key == previous else "key_order", at)
            previous = key
            at, _kind = self.value(end, depth + 1)
        return at
