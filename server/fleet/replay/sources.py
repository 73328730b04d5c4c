"""Which source formats there are, and reading a whole file of one.

Responsible for order of receipt and the limit; refuses to know any format's columns.

Example: `read(Path("calls.csv.gz"), "alexandria", limit=225)` is about one day of that centre.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from server.fleet.replay import alexandria, san_diego, sf_fire
from server.fleet.replay.calls import Call, Numbers, Problems, Source

FORMATS: dict[str, Callable[[Path, Problems, Numbers], Iterator[Call]]] = {
    "alexandria": alexandria.read,
    "sf-fire": sf_fire.read,
    "san-diego": san_diego.read,
}


def read(path: Path, format_name: str, limit: int | None = None) -> Source:
    """The file's calls in order of receipt, the first `limit` of them.

    Raises SourceError when the file is not of the format.
    """
    problems, numbers = Problems(), Numbers()
    calls = sorted(
        FORMATS[format_name](path, problems, numbers),
        key=lambda call: (call.received_ms, call.source_no),
    )
    return Source(
        format=format_name,
        calls=tuple(calls[:limit]),
        problems=tuple(problems.first),
        problem_count=problems.count,
        repeated_numbers=numbers.repeated,
    )
