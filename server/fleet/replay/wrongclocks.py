"""Wrong clocks for simulated phones, drawn from published figures of how wrong phone clocks are.

Source of the format: a CSV table `quantity,value,unit,…` of published figures, not of samples. Responsible for reading
the figures and for one distribution that follows from them (docs/replay.md says which part is a figure and which an
assumption). Refuses to know what is replayed and what phones do with their clocks.

Kinds are dealt so that their shares hold among the phones of one run as closely as their number allows; everything
else about a phone follows from the seed and its number.

Example: `ClockErrors.read(path).draw("1", [[t1, t2], …], begins_ms, ends_ms)` gives each phone a `PhoneClock`.
"""

import csv
import random
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec

from server.fleet.phoneclock import PhoneClock

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
DAY_MS = 24 * HOUR_MS

Kind = Literal["day_behind", "day_ahead", "hours", "minutes", "gps", "automatic"]

# What the table says only in words, or not at all (docs/replay.md).
COUPLE_MS = 2 * SECOND_MS
NITZ_MS = (MINUTE_MS, 5 * MINUTE_MS)
DAYS_OFF_MS = (DAY_MS, 30 * DAY_MS)
HOURS_OFF = (1, 12)
SHARE_OF_MINUTES, SHARE_OF_GPS = 0.1, 0.05
SLEEPS_SHARE = 0.7
IDLE_MS = 20 * MINUTE_MS
FALLS_ASLEEP_MS = (2 * MINUTE_MS, 10 * MINUTE_MS)
WAKES_BEFORE_MS = 60 * SECOND_MS

HOUR_SHARE = "share of Android clocks more than 1 h off"
BEHIND_SHARE = "clock behind by more than 24 h"
AHEAD_SHARE = "clock ahead by more than 24 h"
GPS_ERROR = "fixed error when time was set from GPS (leap-second bug)"
NTP_ERROR = "error of ONE NTP request over a phone link, worst"
TOLERANCE = "oscillator tolerance in phones"
REFRESH = "Android default NTP refresh interval"
UNITS = {
    HOUR_SHARE: "%",
    BEHIND_SHARE: "%",
    AHEAD_SHARE: "%",
    GPS_ERROR: "s",
    NTP_ERROR: "ms",
    TOLERANCE: "ppm",
    REFRESH: "h",
}


class Drawn(msgspec.Struct, frozen=True):
    """What one phone was given."""

    kind: Kind
    clock: PhoneClock


class ClockErrors(msgspec.Struct, frozen=True):
    """The figures. Shares are of 1; the tolerance is the upper end of what is published."""

    hour_share: float
    behind_share: float
    ahead_share: float
    gps_ms: int
    ntp_ms: int
    drift_ppm: int
    refresh_ms: int

    @classmethod
    def read(cls, path: Path) -> "ClockErrors":
        """The figures of a table. Raises ValueError naming what is missing, OSError."""
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                rows = {row["quantity"]: row for row in csv.DictReader(file, strict=True)}
        except (KeyError, csv.Error, UnicodeDecodeError) as error:
            raise ValueError(
                f"{path.name} is no table with quantity, value and unit: {error}"
            ) from error
        figures = {name: _figure(path, rows, name, unit) for name, unit in UNITS.items()}
        made = cls(
            hour_share=figures[HOUR_SHARE] / 100,
            behind_share=figures[BEHIND_SHARE] / 100,
            ahead_share=figures[AHEAD_SHARE] / 100,
            gps_ms=round(figures[GPS_ERROR] * SECOND_MS),
            ntp_ms=round(figures[NTP_ERROR]),
            drift_ppm=round(figures[TOLERANCE]),
            refresh_ms=round(figures[REFRESH] * HOUR_MS),
        )
        if made.hour_share + made.behind_share + made.ahead_share > 1 or made.refresh_ms < 1:
            raise ValueError(f"{path.name}: its shares are more than all, or its interval is none")
        return made

    def draw(
        self, seed: str, used_ms: Sequence[Sequence[int]], begins_ms: int, ends_ms: int
    ) -> list[Drawn]:
        """A clock for each phone. `used_ms`: when each is in somebody's hand, ascending; then none is asleep."""
        count = len(used_ms)
        dealt = list(range(count))
        random.Random(f"{seed}/clocks").shuffle(dealt)  # noqa: S311 - a simulation
        found = []
        for number, moments in enumerate(used_ms):
            chance = random.Random(f"{seed}/clock/{number}")  # noqa: S311 - a simulation
            kind = self._kind((dealt[number] + chance.random()) / count)
            drift_ppm = chance.randint(-self.drift_ppm, self.drift_ppm)
            path = self._errors(kind, chance, begins_ms, ends_ms)
            offset_ms = path[0][1]
            found.append(
                Drawn(
                    kind,
                    PhoneClock(
                        began_ms=begins_ms,
                        offset_ms=offset_ms,
                        drift_ppm=drift_ppm,
                        steps=_steps(path, drift_ppm, begins_ms),
                        sleeps=_sleeps(moments, chance),
                    ),
                )
            )
        return found

    def _kind(self, quantile: float) -> Kind:
        right = 1 - self.behind_share - self.ahead_share - self.hour_share
        shares: tuple[tuple[Kind, float], ...] = (
            ("day_behind", self.behind_share),
            ("day_ahead", self.ahead_share),
            ("hours", self.hour_share),
            ("minutes", right * SHARE_OF_MINUTES),
            ("gps", right * SHARE_OF_GPS),
        )
        for kind, share in shares:
            quantile -= share
            if quantile < 0:
                return kind
        return "automatic"

    def _errors(
        self, kind: Kind, chance: random.Random, begins_ms: int, ends_ms: int
    ) -> list[tuple[int, int]]:
        """From when on the wall clock is off by how much, but for its drift; the first from the beginning."""

        def synced() -> int:
            return chance.randint(-self.ntp_ms, self.ntp_ms)

        if kind in ("day_behind", "day_ahead", "hours"):
            wrong_ms = _far_off(kind, chance)
            other_ms = chance.randint(begins_ms + 1, max(begins_ms + 1, ends_ms))
            return {
                0: [(begins_ms, wrong_ms)],  # nobody ever sets it right
                1: [(begins_ms, wrong_ms), (other_ms, synced())],  # network time arrives
                2: [(begins_ms, synced()), (other_ms, wrong_ms)],  # somebody sets it by hand
            }[chance.randrange(3)]
        first_ms = begins_ms + chance.randrange(self.refresh_ms)
        moments = [begins_ms, *range(first_ms, ends_ms, self.refresh_ms)]
        if kind == "minutes":
            return [(at, chance.choice((-1, 1)) * chance.randint(*NITZ_MS)) for at in moments]
        if kind == "gps":
            return [(at, self.gps_ms + synced()) for at in moments]
        return [
            (begins_ms, chance.randint(-COUPLE_MS, COUPLE_MS)),
            *((at, synced()) for at in moments[1:]),
        ]


def _far_off(kind: Kind, chance: random.Random) -> int:
    if kind == "hours":
        hours = chance.choice((-1, 1)) * chance.randint(*HOURS_OFF)
        # Set by hand, and so not to the second.
        return hours * HOUR_MS + (hours // abs(hours)) * chance.randrange(5 * MINUTE_MS)
    shortest, longest = DAYS_OFF_MS
    span: float = (longest / shortest) ** chance.random()
    off_ms = round(shortest * span)
    return off_ms if kind == "day_ahead" else -off_ms


def _steps(
    path: list[tuple[int, int]], drift_ppm: int, begins_ms: int
) -> tuple[tuple[int, int], ...]:
    """What the wall clock is set by, so that it is off by as much as the path says at each of its moments."""
    offset_ms = path[0][1]
    steps = []
    for at_ms, error_ms in path[1:]:
        drifting = PhoneClock(began_ms=begins_ms, offset_ms=offset_ms, drift_ppm=drift_ppm)
        by_ms = error_ms - (drifting.wall_ms(at_ms) - at_ms)
        steps.append((at_ms, by_ms))
        offset_ms += by_ms
    return tuple(steps)


def _sleeps(moments: Sequence[int], chance: random.Random) -> tuple[tuple[int, int], ...]:
    """In most pauses the phone sleeps, from some minutes after it was used until it is taken up again."""
    sleeps = []
    for before_ms, next_ms in pairwise(moments):
        if next_ms - before_ms > IDLE_MS and chance.random() < SLEEPS_SHARE:
            from_ms = before_ms + chance.randint(*FALLS_ASLEEP_MS)
            sleeps.append((from_ms, next_ms - chance.randrange(WAKES_BEFORE_MS)))
    return tuple(sleeps)


def _figure(path: Path, rows: dict[str, dict[str, str]], name: str, unit: str) -> float:
    """The value of one row; of a range its upper end."""
    row = rows.get(name)
    if row is None or (row["unit"] or "").split()[:1] != [unit]:
        raise ValueError(f"{path.name} has no {name!r} in {unit}")
    try:
        figure = float((row["value"] or "").rpartition("-")[2])
    except ValueError as error:
        raise ValueError(f"{path.name}: {name!r} is no number: {row['value']!r}") from error
    if not 0 <= figure < float("inf"):
        raise ValueError(f"{path.name}: {name!r} is no number: {row['value']!r}")
    return figure
