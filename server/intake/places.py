"""Names that hang on the calendar of Asia/Shanghai: monthly scopes and the day of a number.

Responsible for SC1 and ID6. Refuses to read a clock. China has kept UTC+8 without change since
1992, so plain arithmetic serves and costs less than a time zone database.

>>> month_of(1_796_054_400_000), day_of(1_796_054_399_999)
('2026-12', '261130')
"""

from datetime import UTC, datetime, timedelta

_SHANGHAI = timedelta(hours=8)
DAY_MS = 86_400_000
LATE_DAYS = 40


def _there(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, UTC) + _SHANGHAI


def month_of(at_ms: int) -> str:
    """`yyyy-mm` of a moment."""
    return _there(at_ms).strftime("%Y-%m")


def day_of(at_ms: int) -> str:
    """`YYMMDD` of a moment."""
    return _there(at_ms).strftime("%y%m%d")


def days_until(at_ms: int, since_ms: int) -> list[str]:
    """The days from a moment on, and at least those of the last 40 days: what is handed over late is from then."""
    first_ms = min(since_ms, at_ms - LATE_DAYS * DAY_MS)
    return [day_of(day_ms) for day_ms in range(first_ms, at_ms + DAY_MS, DAY_MS)]


def month_before(month: str) -> str:
    """The month before `yyyy-mm`."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year - 1}-12" if number == 1 else f"{year}-{number - 1:02d}"


def home_scope(station: bytes, created_at_ms: int) -> str:
    """Where an incident of this station and create time lives."""
    return f"station:{station.hex()}:{month_of(created_at_ms)}"


def month_scope(home: str, station: bytes) -> str:
    """The scope of another station for the month of the home scope."""
    return f"station:{station.hex()}:{home.rpartition(':')[2]}"
