"""Reading times of other systems: with an offset, or on the wall of a named zone.

Knows no columns. The result is milliseconds since the Unix epoch, UTC; these are *foreign* times
and prove nothing about ours.

>>> read_time("2026-03-12T14:31:08+08:00", None, ZoneInfo("UTC"))
1773297068000
>>> read_time("2026-03-12 14:31:08", None, ZoneInfo("Asia/Shanghai"))
1773297068000
>>> read_time("12/03/2026 14:31", "%d/%m/%Y %H:%M", ZoneInfo("Asia/Shanghai"))
1773297060000
"""

import re
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
EARLIEST_MS: Final = 946_684_800_000
"""2000-01-01: a time before it is a damaged field or another unit, not an incident."""
LATEST_MS: Final = 4_102_444_800_000
"""2100-01-01."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ISO: Final = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?", re.IGNORECASE
)


def read_time(value: str | int, time_format: str | None, zone: ZoneInfo) -> int:
    """Milliseconds UTC. Raises ``ValueError`` with a sentence that says what was expected.

    An hour that a zone passes twice means its first passing. A whole number is taken only where the
    format says ``unix_s`` or ``unix_ms``, or where there is no format and it is plausible as
    milliseconds."""
    at_ms = _read(value, time_format, zone)
    if not EARLIEST_MS <= at_ms < LATEST_MS:
        raise ValueError("the time is not between the years 2000 and 2100")
    return at_ms


def _read(value: str | int, time_format: str | None, zone: ZoneInfo) -> int:
    if time_format in {"unix_s", "unix_ms"}:
        text = str(value).strip()
        if not re.fullmatch(r"\d{1,15}", text):
            raise ValueError(f"expected a whole number ({time_format})")
        return int(text) * (1000 if time_format == "unix_s" else 1)
    if isinstance(value, int):
        if time_format is not None:
            raise ValueError(f"expected text in the form {time_format}")
        return value
    if time_format is not None:
        try:
            moment = datetime.strptime(value.strip(), time_format)  # noqa: DTZ007 - the zone is added below
        except ValueError as error:
            raise ValueError(f"expected the form {time_format}") from error
        return _ms(moment, zone)
    text = value.strip()
    if not _ISO.fullmatch(text):
        raise ValueError("expected YYYY-MM-DD hh:mm:ss, or ISO 8601 with an offset")
    try:
        return _ms(datetime.fromisoformat(text.replace(",", ".").upper()), zone)
    except ValueError as error:
        raise ValueError(f"there is no such time: {error}") from error


def _ms(moment: datetime, zone: ZoneInfo) -> int:
    """Whole milliseconds, cut off; computed in integers because a float of this size is not
    exact.
    """
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    since = aware - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000
