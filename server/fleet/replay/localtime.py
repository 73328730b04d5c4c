"""Local times without an offset, as dispatch systems print them, to UTC.

Responsible for time zones and the hour that runs twice when clocks are set back. Refuses to know
what a time stands for.

Example: in New York on 2025-11-02 the text 01:10 means 05:10 or 06:10 UTC. A dispatch printed 01:10
for a call received 01:40 can only be the second: `Zone("America/New_York").utc_ms(t, not_before)`.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What lies outside is a damaged cell, such as the 1900-01-01 of an empty field.
YEARS = (2000, 2100)


class Zone:
    """One time zone, with a memory of whether it met a time that could be two."""

    def __init__(self, name: str) -> None:
        """Name a zone of the IANA database."""
        self._zone = ZoneInfo(name)
        self.met_doubled_hour = False
        self.second_pass = False  # told by `utc_ms` where nothing else tells the passes apart

    def doubled(self, local: datetime) -> bool:
        """Whether a naive local time stands for two instants."""
        first, second = (_ms(local.replace(tzinfo=self._zone, fold=fold)) for fold in (0, 1))
        return second > first  # equal on all but two nights; less in the hour that is left out

    def utc_ms(self, local: datetime, not_before_ms: int | None = None) -> int:
        """The instant a naive local time stands for, in ms.

        In the doubled hour it is the first pass, unless `second_pass` is set, or the first lies before
        `not_before_ms` and the second does not.

        Raises ValueError for a year that no recorded call can have.
        """
        if not YEARS[0] <= local.year < YEARS[1]:
            raise ValueError(f"the year {local.year} is not between {YEARS[0]} and {YEARS[1]}")
        first = _ms(local.replace(tzinfo=self._zone, fold=0))
        if not self.doubled(local):
            return first
        self.met_doubled_hour = True
        second = _ms(local.replace(tzinfo=self._zone, fold=1))
        told = not_before_ms is not None and first < not_before_ms <= second
        return second if told or self.second_pass else first


def _ms(aware: datetime) -> int:
    passed = aware - _EPOCH
    return passed.days * 86_400_000 + passed.seconds * 1000 + passed.microseconds // 1000


def iso(text: str) -> datetime:
    """`2025-08-24 00:07:06.000` as a naive time. Raises ValueError."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is not None:
        raise ValueError("a time with an offset where local time is expected")
    return parsed


def american(text: str) -> datetime:
    """`04/07/2020 11:53:08 PM` as a naive time. Raises ValueError."""
    date, clock, half = text.split()
    month, day, year = (int(part) for part in date.split("/"))
    hour, minute, second = (int(part) for part in clock.split(":"))
    if half not in ("AM", "PM") or not 1 <= hour <= 12:
        raise ValueError(f"{text!r} is not a 12-hour time")
    return datetime(  # noqa: DTZ001 - local by nature: the source prints no offset
        year, month, day, hour % 12 + (12 if half == "PM" else 0), minute, second
    )
