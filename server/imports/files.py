"""One file of orders, from its bytes to orders and faults; nothing is written yet.

Knows formats and mappings; refuses to know what is in the database. Faults of encoding, shape and meaning come out in
one list, in order of lines, so that a file is mended in one go.

Example: ``read_file(data, FileKind(format="csv", encoding="gb18030"), mapping, names)``.
"""

from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from server.imports.lines import Encoding, Fault, read_lines
from server.imports.mapping import ORTOO, REQUIRED, Mapping
from server.imports.orders import Names, Order, read_order
from server.imports.rows import read_csv, read_jsonl
from server.problems import ProblemError

Format = Literal["jsonl", "csv"]

MAX_FAULTS: Final = 200
"""Faults told in one answer; the number of refused lines is always the true one."""


class FileKind(msgspec.Struct, frozen=True):
    """How a file is written."""

    format: Format = "jsonl"
    encoding: Encoding = "utf-8"


class FileReading(msgspec.Struct, frozen=True):
    """What a file says. ``read`` counts its rows, ``refused`` those with a fault; ``ignored`` names columns nobody
    asked for.
    """

    read: int
    orders: list[Order]
    refused: int
    faults: list[Fault]
    ignored: tuple[str, ...]


def read_file(data: bytes, kind: FileKind, mapping: Mapping, names: Names) -> FileReading:
    """Read a whole file. Raises ``ProblemError`` for what spoils all of it: its size or its header."""
    lines, undecodable = read_lines(data, kind.encoding)
    rows, misshapen, columns = (read_csv if kind.format == "csv" else read_jsonl)(lines)
    if kind.format == "csv":
        _check_header(columns, mapping)
    spoilt = {fault.line for fault in undecodable}
    misshapen = [fault for fault in misshapen if fault.line not in spoilt]
    covered: set[int] = set()
    faults = [*undecodable, *misshapen]
    refused = len(misshapen)
    orders: list[Order] = []
    zone = ZoneInfo(mapping.zone)
    for row in rows:
        hit = spoilt.intersection(range(row.line, row.last_line + 1))
        covered |= hit
        found = [] if hit else read_order(row, mapping, zone, names)
        if isinstance(found, Order):
            orders.append(found)
        else:
            faults += found
            refused += 1
    refused += len(spoilt - covered)
    faults.sort(key=lambda fault: fault.line)
    named = set(mapping.columns.values())
    return FileReading(
        read=len(orders) + refused,
        orders=orders,
        refused=refused,
        faults=faults[:MAX_FAULTS],
        ignored=tuple(column for column in columns if column not in named),
    )


def _check_header(columns: tuple[str, ...], mapping: Mapping) -> None:
    """A mapping written for this kind of file must find its columns; our own needs only what every order has."""
    asked = REQUIRED if mapping is ORTOO else tuple(mapping.columns)
    missing = [
        mapping.columns[field]
        for field in asked
        if field in mapping.columns
        and field not in mapping.defaults
        and mapping.columns[field] not in columns
    ]
    if missing:
        seen = ", ".join(columns)[:200] or "nothing"
        raise ProblemError(
            "bad_mapping",
            detail=f"The first line does not name {', '.join(missing)[:200]}. It names: {seen}.",
        )
