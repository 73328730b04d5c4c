"""Making foreign text harmless where it is shown: in a terminal and in a spreadsheet.

Input is kept as it came; only what leaves is treated. Knows nothing of orders.

>>> for_spreadsheet("=cmd|' /C calc'!A0"), for_spreadsheet("-12"), for_spreadsheet("12")
("'=cmd|' /C calc'!A0", "'-12", '12')
>>> for_terminal("red \\x1b[31m alert\\nnext")
'red \\\\x1b[31m alert next'
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

_FORMULA: Final = re.compile(
    r"^[\s\u00a0\ufeff\x00-\x1f]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]"
)
"""What a spreadsheet may take for a formula, full-width forms included: programs convert them."""

_CONTROL: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""C0 and C1 controls and the marks that turn the direction of text; tab and line ends are treated
apart.
"""


def for_spreadsheet(text: str) -> str:
    """Text that a spreadsheet shows and never calculates: a quote before what could begin a
    formula, no controls.
    """
    clean = _CONTROL.sub("\ufffd", text)
    return "'" + clean if _FORMULA.match(text) or _FORMULA.match(clean) else clean


def for_terminal(text: str) -> str:
    """One line of text in which no character steers the terminal."""
    flat = re.sub(r"[\t\r\n\u2028\u2029]+", " ", text)
    return _CONTROL.sub(lambda match: f"\\x{ord(match.group()):02x}", flat)


def write_csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """CSV (RFC 4180, CRLF) that opens in a spreadsheet without surprises. Numbers stay numbers."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    for row in rows:
        writer.writerow([for_spreadsheet(cell) if isinstance(cell, str) else cell for cell in row])
    return out.getvalue()
