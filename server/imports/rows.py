"""From lines to rows: CSV with a header line, or one JSON object per line. Knows no field by name.

A row is what a file says: values by column, with the line it began on. Faulty rows are reported and
left out, the others stay.

>>> from server.imports.lines import Line
>>> rows, faults, columns = read_csv([Line(1, "no,title"), Line(2, '7,"a, b"'), Line(3, "8")])
>>> rows[0].line, rows[0].values, faults[0].line, faults[0].code, columns
(2, {'no': '7', 'title': 'a, b'}, 3, 'columns', ('no', 'title'))
"""

import csv
from collections.abc import Iterator
from typing import Final

import msgspec

from server.imports.lines import MAX_ROWS, Fault, Line
from server.problems import ProblemError

Scalar = str | int | float | bool | None

MAX_COLUMNS: Final = 200


class Row(msgspec.Struct, frozen=True):
    """One record: the lines it began and ended on and its values by the file's own column names."""

    line: int
    last_line: int
    values: dict[str, Scalar]


Rows = tuple[list[Row], list[Fault], tuple[str, ...]]


def _too_many(count: int) -> ProblemError:
    return ProblemError(
        "file_too_large", detail=f"The file has {count} rows; at most {MAX_ROWS} are read at once."
    )


def read_jsonl(lines: list[Line]) -> Rows:
    """Read one JSON object per line; empty lines are skipped. Values must be text, numbers, true,
    false or null.
    """
    rows: list[Row] = []
    faults: list[Fault] = []
    columns: dict[str, None] = {}
    filled = [line for line in lines if line.text.strip()]
    if len(filled) > MAX_ROWS:
        raise _too_many(len(filled))
    decoder = msgspec.json.Decoder(dict[str, Scalar])
    for line in filled:
        try:
            values = decoder.decode(line.text)
        except msgspec.ValidationError as error:
            reason = f"The line must be one JSON object with plain values: {error}."
            faults.append(Fault(line.number, _nested(line.text), "not_json", reason))
            continue
        except msgspec.DecodeError as error:
            faults.append(
                Fault(line.number, _json_column(line.text, error), "not_json", f"{error}.")
            )
            continue
        if len(values) > MAX_COLUMNS:
            reason = f"The object has {len(values)} keys; at most {MAX_COLUMNS} are read."
            faults.append(Fault(line.number, None, "columns", reason))
            continue
        columns.update(dict.fromkeys(values))
        rows.append(Row(line.number, line.number, values))
    return rows, faults, tuple(columns)


def _json_column(text: str, error: Exception) -> int:
    """The character a syntax error points at: msgspec counts bytes of UTF-8 from 0, people count
    characters from 1. A line that stops too early is at fault behind its last one.
    """
    tail = str(error).rpartition("(byte ")[2].rstrip(")")
    return len(text.encode()[: int(tail)].decode(errors="replace") if tail.isdigit() else text) + 1


def _nested(text: str) -> str | int:
    """The first column whose value is not plain; a character where there are no columns."""
    try:
        whole = msgspec.json.decode(text)
    except msgspec.DecodeError as error:  # the shape is judged before the end of the line is read
        return _json_column(text, error)
    if not isinstance(whole, dict):
        return 1
    return next((name for name, value in whole.items() if isinstance(value, dict | list)), 1)


def read_csv(lines: list[Line]) -> Rows:
    """Read CSV (RFC 4180, comma) whose first line names the columns. A quoted field may span
    lines.
    """
    reader = csv.reader(_feed(lines), strict=True)
    rows: list[Row] = []
    faults: list[Fault] = []
    header: tuple[str, ...] | None = None
    while True:
        began = reader.line_num + 1
        number = lines[began - 1].number if began <= len(lines) else began
        try:
            record = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            faults.append(
                Fault(number, None, "columns", f"The quotes of this record do not add up: {error}.")
            )
            continue
        if not record:
            continue
        if header is None:
            header = _header(record)
            continue
        if len(rows) + len(faults) >= MAX_ROWS:
            raise _too_many(len(rows) + len(faults) + 1)
        if len(record) != len(header):
            reason = f"The record has {len(record)} fields, the header has {len(header)}."
            missing = header[len(record)] if len(record) < len(header) else None
            faults.append(Fault(number, missing, "columns", reason))
            continue
        last = lines[reader.line_num - 1].number
        rows.append(Row(number, last, dict(zip(header, record, strict=True))))
    return rows, faults, header or ()


def _feed(lines: list[Line]) -> Iterator[str]:
    for line in lines:
        yield line.text + "\n"


def _header(record: list[str]) -> tuple[str, ...]:
    header = tuple(name.strip() for name in record)
    if len(header) > MAX_COLUMNS:
        raise ProblemError(
            "bad_mapping",
            detail=f"The header names {len(header)} columns; at most {MAX_COLUMNS} are read.",
        )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ProblemError(
            "bad_mapping", detail=f"The header names these columns twice: {', '.join(twice)[:200]}."
        )
    return header
