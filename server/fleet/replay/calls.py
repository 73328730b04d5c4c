"""One recorded call, whatever the source: what came in, who was sent, what they did and when.

Responsible for the shape every source format is read into, and for opening files (plain or gzip).
Refuses to know any format's columns, any server and any device.

Example: a call received at 10:00:00, dispatched to car 12 at 10:01:00, acknowledged at 10:01:09 is
`Call(received_ms=…, legs=(Leg("12", …, steps=(Step("signed", …),)),))`. Times are milliseconds
since the Unix epoch, UTC; a time the source does not have is None or simply no step.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

StepKind = Literal["signed", "departed", "arrived", "cleared", "feedback", "note"]
DeskKind = Literal["close", "reopen", "withdraw"]

PROBLEMS_SHOWN = 20

# The order in which things recorded for the same millisecond are taken to have happened.
STEP_RANK: dict[str, int] = {
    name: rank
    for rank, name in enumerate(
        ("signed", "departed", "arrived", "note", "cleared", "feedback"),
    )
}


class Step(msgspec.Struct, frozen=True):
    """One thing a field unit did. `text` is a note's or a feedback's words."""

    kind: StepKind
    at_ms: int
    text: str = ""


class Leg(msgspec.Struct, frozen=True):
    """One unit sent to a call. `unit` is the source's own name, empty where it names none.

    Without `dispatched_ms` nobody was sent, and steps (if any) stand without an order.
    """

    unit: str
    dispatched_ms: int | None
    steps: tuple[Step, ...] = ()
    round: int = 0


class DeskStep(msgspec.Struct, frozen=True):
    """One thing the desk did with the whole call, in the round it names."""

    kind: DeskKind
    at_ms: int
    round: int
    text: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call for service. `source_no` is unique in its file even where the source's is not."""

    source_no: str
    received_ms: int
    ready_ms: int | None = None
    title: str
    place: str = ""
    point: tuple[int, int] | None = None  # 1e-7 degree, WGS-84
    level: int
    area: str = ""  # the source's own district, battalion or agency
    narrative: str = ""
    legs: tuple[Leg, ...] = ()
    desk: tuple[DeskStep, ...] = ()
    ambiguous: bool = False  # a time lies in the hour that the clocks ran through twice


class SourceProblem(msgspec.Struct, frozen=True):
    """A cell that cannot be read. The row is kept where its other cells make sense."""

    line: int
    column: str
    reason: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file, read: calls in order of receipt, and what could not be read."""

    format: str
    calls: tuple[Call, ...]
    problems: tuple[SourceProblem, ...]  # the first PROBLEMS_SHOWN
    problem_count: int
    repeated_numbers: int


class SourceError(ValueError):
    """The file as a whole is not of the format named; the message says what is missing."""


class Problems:
    """What could not be read: the first few are kept, all are counted."""

    def __init__(self) -> None:
        """Start with none."""
        self.first: list[SourceProblem] = []
        self.count = 0

    def add(self, line: int, column: str, reason: str) -> None:
        """Note one more."""
        self.count += 1
        if len(self.first) < PROBLEMS_SHOWN:
            self.first.append(SourceProblem(line, column, reason))


class Numbers:
    """Gives each call a number that is unique in its file, and counts the repeats it mended."""

    def __init__(self) -> None:
        """Start with no number seen."""
        self._seen: dict[str, int] = {}
        self.repeated = 0

    def unique(self, number: str) -> str:
        """`25-1` the first time, `25-1#2` the second; an empty number is `blank`."""
        name = number.strip() or "blank"
        times = self._seen.get(name, 0) + 1
        self._seen[name] = times
        if times == 1:
            return name
        self.repeated += 1
        return f"{name}#{times}"


def rows(
    path: Path, needed: frozenset[str], problems: Problems
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells of each row of a CSV file (gzip by its first bytes), streaming.

    A UTF-8 byte order mark is skipped. A row of another width than the header, or with bytes that are no UTF-8, is
    noted and kept: missing cells are empty, further ones left out. Raises SourceError when the file cannot be read
    to its end or lacks one of the columns.
    """
    line = 0
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if zipped else raw
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
            reader = csv.reader(text)
            header = next(reader, [])
            missing = needed - set(header)
            if missing:
                raise SourceError(
                    f"{path.name} has no column {', '.join(sorted(missing))}; is it another format?"
                )
            for cells in reader:
                line = reader.line_num
                if not cells:
                    continue
                if len(cells) != len(header):
                    problems.add(line, "", f"{len(cells)} cells where the header has {len(header)}")
                row = dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))
                for column, cell in row.items():
                    if "\ufffd" in cell:
                        problems.add(line, column, "bytes that are not UTF-8")
                yield line, row
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        raise SourceError(f"{path.name} cannot be read beyond line {line}: {error}") from error
