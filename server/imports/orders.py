"""From a row to an order, or to the reasons why not: one pass over the fields, every fault told.

Knows our fields and the names of our stations, units and people; knows no file and writes nothing.
Foreign text is kept as it came.

Example: a row ``{"source_no": "7", "station": "昂素派出所", "title": "围栏纠纷", "tier": "3"}``
becomes an ``Order`` whose facts are ``{"source_no": "7", "tier": 3, "title": "围栏纠纷"}``; with
``"tier": "soon"`` it becomes one fault in the column ``tier``."""

import hashlib
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from server.imports.lines import Fault
from server.imports.mapping import REQUIRED, Mapping
from server.imports.rows import Row, Scalar
from server.imports.times import read_time
from sync import canon

TEXT_BYTES: Final = {"narrative": 16_000, "source_no": 128, "category": 64, "caller_phone": 64}
TEXT_BYTES_OTHERWISE: Final = 1_000
FACT_TEXTS: Final = (
    "source_no",
    "title",
    "category",
    "place",
    "caller_name",
    "caller_phone",
    "narrative",
)
ORDER_KINDS: Final = ("dispatch", "backup", "advisory")
WORDS: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "是": True,
    "false": False,
    "0": False,
    "no": False,
    "否": False,
}

T = TypeVar("T")
Fact = str | int | tuple[int, int]
Target = tuple[str, bytes]


class Names(msgspec.Struct, frozen=True):
    """Whom a file may speak of: ids by hex or exact name. A name that two bear is not in here, so
    it is refused.
    """

    stations: MappingOf[str, bytes]
    units: MappingOf[str, bytes]
    people: MappingOf[str, bytes]


class Order(msgspec.Struct, frozen=True):
    """One order as another system gave it. ``at_ms`` is when it began there, ``issued_at_ms`` when
    the unit was sent.
    """

    line: int
    source_no: str
    station: bytes
    facts: dict[str, Fact]
    at_ms: int | None
    target: Target | None
    order_kind: str
    issued_at_ms: int | None
    exercise: bool

    def content_hash(self) -> bytes:
        """Hash of everything the row says; two rows with one hash say the same."""
        facts = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self.facts.items()
        }
        said = [
            self.station,
            dict(sorted(facts.items())),
            self.at_ms,
            list(self.target) if self.target else None,
            self.order_kind,
            self.issued_at_ms,
            self.exercise,
        ]
        return hashlib.sha256(b"ortoo/import/1\x00" + canon.encode(said)).digest()


class _WrongError(ValueError):
    """Why one value was not taken: a stable code and a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class _Reader:
    """The values of one row by our names, and the faults found while reading them."""

    def __init__(self, row: Row, mapping: Mapping) -> None:
        self.row = row
        self.mapping = mapping
        self.faults: list[Fault] = []

    def raw(self, field: str) -> Scalar:
        """The value of a field, its default when empty, in our words where the mapping
        translates.
        """
        column = self.mapping.columns.get(field)
        value = self.row.values.get(column) if column is not None else None
        if isinstance(value, str):
            value = value.strip()
        if value is None or value == "":
            value = self.mapping.defaults.get(field)
        if isinstance(value, str):
            value = self.mapping.values.get(field, {}).get(value, value)
        return None if value == "" else value

    def read(self, field: str, parse: Callable[[Scalar], T]) -> T | None:
        """Parse a field. A missing one is ``None``; a wrong one is a fault and ``None``."""
        value = self.raw(field)
        if value is None:
            return None
        try:
            return parse(value)
        except _WrongError as wrong:
            self.wrong(field, wrong.code, str(wrong))
        return None

    def wrong(self, field: str, code: str, reason: str) -> None:
        """Note a fault in the column that a field comes from."""
        column = self.mapping.columns.get(field, field)
        self.faults.append(Fault(self.row.line, column, code, reason))


def read_order(row: Row, mapping: Mapping, zone: ZoneInfo, names: Names) -> Order | list[Fault]:
    """Read one row: the order it tells of, or every reason why it cannot be taken."""
    reader = _Reader(row, mapping)

    def time(value: Scalar) -> int:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise _WrongError("time", "The time is neither text nor a whole number.")
        try:
            return read_time(value, mapping.time_format, zone)
        except ValueError as error:
            raise _WrongError("time", f"The time cannot be read: {error}.") from error

    facts = _read_facts(reader, time)
    station = reader.read("station", _named(names.stations, "station"))
    target = _read_target(reader, names)
    kind = reader.read("order_kind", _word(ORDER_KINDS)) or "dispatch"
    issued_at_ms = reader.read("issued_at", time)
    exercise = reader.read("exercise", _yes_or_no) or False
    for field in REQUIRED:
        if reader.raw(field) is None:
            reader.wrong(field, "missing", "The row has no value here, and it needs one.")
    if reader.faults or station is None:
        return reader.faults
    begins = facts.get("city_received_at", facts.get("city_issued_at"))
    return Order(
        line=row.line,
        source_no=str(facts["source_no"]),
        station=station,
        facts=dict(sorted(facts.items())),
        at_ms=begins if isinstance(begins, int) else None,
        target=target,
        order_kind=kind,
        issued_at_ms=issued_at_ms,
        exercise=exercise,
    )


def _read_facts(reader: _Reader, time: Callable[[Scalar], int]) -> dict[str, Fact]:
    facts: dict[str, Fact] = {}
    for field in FACT_TEXTS:
        text = reader.read(field, _text_within(TEXT_BYTES.get(field, TEXT_BYTES_OTHERWISE)))
        if text is not None:
            facts[field] = text
    for field, low, high in (("level", 1, 4), ("tier", 0, 1_440)):
        number = reader.read(field, _whole(low, high))
        if number is not None:
            facts[field] = number
    _read_point(reader, facts)
    for field in ("city_received_at", "city_issued_at"):
        at_ms = reader.read(field, time)
        if at_ms is not None:
            facts[field] = at_ms
    return facts


def _read_target(reader: _Reader, names: Names) -> Target | None:
    unit = reader.read("unit", _named(names.units, "unit"))
    person = reader.read("person", _named(names.people, "person"))
    if reader.raw("unit") is not None and reader.raw("person") is not None:
        reason = "The row names a unit and a person; an order goes to one of them."
        reader.wrong("person", "type", reason)
    if unit is not None:
        return "unit", unit
    return ("person", person) if person is not None else None


def _read_point(reader: _Reader, facts: dict[str, Fact]) -> None:
    lat = reader.read("lat", _degrees(90))
    lon = reader.read("lon", _degrees(180))
    if lat is not None and lon is not None:
        facts["point"] = (lat, lon)
    elif (reader.raw("lat") is None) != (reader.raw("lon") is None):
        missing = "lat" if reader.raw("lat") is None else "lon"
        reader.wrong(missing, "missing", "A position needs both lat and lon.")


def _text_within(limit_bytes: int) -> Callable[[Scalar], str]:
    def parse(value: Scalar) -> str:
        if isinstance(value, bool):
            raise _WrongError("type", "Text was expected, not true or false.")
        text = value if isinstance(value, str) else str(value)
        if len(text.encode("utf-8", "surrogatepass")) > limit_bytes:
            raise _WrongError("too_long", f"The text is longer than {limit_bytes} bytes of UTF-8.")
        if any("\ud800" <= char <= "\udfff" for char in text):
            raise _WrongError("type", "The text holds half of a character (a lone surrogate).")
        return text

    return parse


def _whole(low: int, high: int) -> Callable[[Scalar], int]:
    def parse(value: Scalar) -> int:
        text = str(value)
        if (
            isinstance(value, bool)
            or not text.isascii()
            or not text.isdigit()
            or not low <= int(text[:18]) <= high
        ):
            raise _WrongError("range", f"A whole number from {low} to {high} was expected.")
        return int(text)

    return parse


def _degrees(limit: int) -> Callable[[Scalar], int]:
    """Decimal degrees, WGS-84, to integers of 1e-7 degree."""

    def parse(value: Scalar) -> int:
        try:
            degrees = Decimal(str(value))
        except InvalidOperation:
            degrees = Decimal("NaN")
        if isinstance(value, bool) or not degrees.is_finite() or abs(degrees) > limit:
            raise _WrongError("range", f"Decimal degrees from -{limit} to {limit} were expected.")
        return int((degrees * 10_000_000).to_integral_value())

    return parse


def _named(ids_by_name: MappingOf[str, bytes], what: str) -> Callable[[Scalar], bytes]:
    def parse(value: Scalar) -> bytes:
        found = ids_by_name.get(str(value)) if not isinstance(value, bool) else None
        if found is None:
            raise _WrongError(
                "unknown_value", f"There is no {what} of this name or id, or two bear the name."
            )
        return found

    return parse


def _word(words: tuple[str, ...]) -> Callable[[Scalar], str]:
    def parse(value: Scalar) -> str:
        if value not in words:
            raise _WrongError("unknown_value", f"One of {', '.join(words)} was expected.")
        return str(value)

    return parse


def _yes_or_no(value: Scalar) -> bool:
    known = WORDS.get(str(value).casefold())
    if known is None:
        raise _WrongError("unknown_value", "true or false was expected.")
    return known
