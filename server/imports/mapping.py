"""Which column of a foreign file means what, and how its times are written.

A mapping is data. It knows the names of our fields and nothing of files. The built-in mapping
``ortoo`` expects our own names; any other is a JSON object from our names to the file's, with a few
options beside them:

>>> mapping = read_mapping('{"source_no": "编号", "title": "标题", "station": "所", "zone": "UTC"}')
>>> mapping.columns["title"], mapping.zone
('标题', 'UTC')
>>> read_mapping("ortoo").columns["place"]
'place'
"""

from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from server.problems import ProblemError

Field = Literal[
    "source_no",
    "station",
    "title",
    "category",
    "place",
    "lat",
    "lon",
    "caller_name",
    "caller_phone",
    "narrative",
    "level",
    "tier",
    "city_received_at",
    "city_issued_at",
    "unit",
    "person",
    "order_kind",
    "issued_at",
    "exercise",
]
"""What a row may tell. ``unit`` or ``person`` names who the order goes to; ``issued_at`` is when it
was given if not now.
"""

FIELDS: Final[tuple[str, ...]] = get_args(Field)
REQUIRED: Final = ("source_no", "station", "title")

MAX_MAPPING_CHARS: Final = 8_192
MAX_COLUMN_CHARS: Final = 128
OPTIONS: Final = ("zone", "time_format", "defaults", "values")


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to read one kind of file.

    ``columns``: our field -> name of the file's column. ``zone``: IANA zone of times without an
    offset. ``time_format``: ``strptime`` format, ``unix_s`` or ``unix_ms``; none means ISO 8601
    with an offset or ``YYYY-MM-DD hh:mm:ss``. ``defaults``: our field -> text where the column is
    missing or empty. ``values``: our field -> {their word: ours}."""

    columns: dict[str, str]
    zone: str = "Asia/Shanghai"
    time_format: str | None = None
    defaults: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}


ORTOO: Final = Mapping(columns={field: field for field in FIELDS})
"""The built-in mapping: columns are called as we call them."""

NAMED: Final = {"ortoo": ORTOO}


def _wrong(reason: str) -> ProblemError:
    return ProblemError("bad_mapping", detail=reason)


def read_mapping(text: str) -> Mapping:
    """Read a mapping by name or from JSON. Raises ``ProblemError("bad_mapping")`` saying what is
    wrong with it.
    """
    text = text.strip()
    if text in NAMED:
        return NAMED[text]
    if len(text) > MAX_MAPPING_CHARS:
        raise _wrong(f"The mapping is longer than {MAX_MAPPING_CHARS} characters.")
    if not text.startswith("{"):
        raise _wrong(
            f"There is no mapping named {text[:80]!r}. "
            f"Known: {', '.join(NAMED)}; a JSON object also serves."
        )
    try:
        raw = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        whole: dict[str, object] = {
            key: msgspec.json.decode(raw.pop(key)) for key in OPTIONS if key in raw
        }
        whole["columns"] = {
            field: msgspec.json.decode(name, type=str) for field, name in raw.items()
        }
        mapping = msgspec.convert(whole, Mapping)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise _wrong(f"The mapping cannot be read: {error}.") from error
    _check(mapping)
    return mapping


def _check(mapping: Mapping) -> None:
    for field in (*mapping.columns, *mapping.defaults, *mapping.values):
        if field not in FIELDS:
            raise _wrong(f"{field[:80]!r} is not one of our fields: {', '.join(FIELDS)}.")
    for field in REQUIRED:
        if field not in mapping.columns and field not in mapping.defaults:
            raise _wrong(f"The mapping does not say where {field!r} comes from.")
    for field, column in mapping.columns.items():
        if not 0 < len(column) <= MAX_COLUMN_CHARS:
            raise _wrong(f"The column of {field!r} must have 1 to {MAX_COLUMN_CHARS} characters.")
    if "source_no" in mapping.defaults:
        raise _wrong("'source_no' tells rows apart, so it can have no default.")
    try:
        ZoneInfo(mapping.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise _wrong(
            f"{mapping.zone[:80]!r} is not a time zone; an example is 'Asia/Shanghai'."
        ) from error
