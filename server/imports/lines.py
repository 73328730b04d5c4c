"""From bytes to numbered lines of text: encodings, line ends and bounds. Knows nothing of columns.

A line that cannot be decoded spoils only itself: in UTF-8 and in GB 18030 the bytes 0x0A and 0x0D are
always line ends and never part of another character, so splitting first and decoding then is safe.
Lines end with LF or CR LF; with CR in a file that has no LF.

>>> good, bad = read_lines(b"one\\n\\xff two\\nthree\\n", "utf-8")
>>> [line.text for line in good], bad[0].line, bad[0].column, bad[0].code, bad[0].offset
(['one', '\\ufffd two', 'three'], 2, 1, 'encoding', 4)
"""

from typing import Final, Literal

import msgspec

from server.problems import ProblemError

Encoding = Literal["utf-8", "gb18030"]

MAX_FILE_BYTES: Final = 16 * 1024 * 1024
MAX_LINE_BYTES: Final = 65_536
MAX_ROWS: Final = 20_000
"""Rows of one file. A banner has some sixty incidents a day; this is a year."""

BOM: Final = b"\xef\xbb\xbf"


class Fault(msgspec.Struct, frozen=True, omit_defaults=False):
    """Why a line was not taken: ``line`` counts from 1, ``column`` is a column's name or a
    character's number.

    ``offset`` is the byte in the file, given where the bytes themselves are at fault.
    """

    line: int
    column: str | int | None
    code: str
    reason: str
    offset: int | None = None


class Line(msgspec.Struct, frozen=True):
    """One physical line without its end; ``number`` counts from 1."""

    number: int
    text: str


def read_lines(data: bytes, encoding: Encoding) -> tuple[list[Line], list[Fault]]:
    """Split and decode a file. Faulty lines stay in the list, marked by a fault, so that quoted
    fields keep their shape.

    Raises ``ProblemError("file_too_large")`` when the whole file is beyond bounds.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ProblemError(
            "file_too_large",
            detail=f"The file has {len(data)} bytes; at most {MAX_FILE_BYTES} are read.",
        )
    offset = len(BOM) if data.startswith(BOM) else 0
    lines: list[Line] = []
    faults: list[Fault] = []
    raw_lines = data[offset:].split(b"\n" if b"\n" in data else b"\r")
    if raw_lines and not raw_lines[-1]:
        raw_lines.pop()
    for number, raw in enumerate(raw_lines, start=1):
        text, fault = _decode(raw.removesuffix(b"\r"), encoding, number, offset)
        lines.append(Line(number, text))
        if fault is not None:
            faults.append(fault)
        offset += len(raw) + 1
    return lines, faults


def _decode(raw: bytes, encoding: Encoding, number: int, offset: int) -> tuple[str, Fault | None]:
    if len(raw) > MAX_LINE_BYTES:
        reason = f"The line has {len(raw)} bytes; at most {MAX_LINE_BYTES} are read."
        return "", Fault(number, None, "too_long", reason)
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        column = len(raw[: error.start].decode(encoding, "replace")) + 1
        at = offset + error.start
        reason = f"Byte 0x{raw[error.start]:02x} at offset {at} of the file is not {encoding} text."
        return raw.decode(encoding, "replace"), Fault(number, column, "encoding", reason, at)
    where = text.find("\x00")
    if where >= 0:
        reason = "A NUL character stands in the line; the file may be UTF-16 or damaged."
        return text.replace("\x00", "\ufffd"), Fault(number, where + 1, "control_character", reason)
    return text, None
