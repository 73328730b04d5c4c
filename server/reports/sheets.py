"""Tables as files: CSV that a spreadsheet opens without running anything, and XLSX.

Responsible for bytes. Refuses to know what a table says. Text that a spreadsheet would take for a formula gets an
apostrophe in front in CSV; in XLSX every text is written as text.

>>> csv_bytes(Sheet("a", [], ["who"], [["=cmd|' /C calc'!A0"]])).decode("utf-8-sig").splitlines()[1]
"'=cmd|' /C calc'!A0"
"""

import csv
import io
from collections.abc import Sequence
from typing import Final

import msgspec
import xlsxwriter

Cell = str | int | float | None

_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")
"""How a text begins that Excel, WPS or LibreOffice may take for a formula, the full-width signs included."""
TEXT_MAX: Final = 32_767
"""Characters of one cell of XLSX."""
NAME_MAX: Final = 31
WIDTH_MAX: Final = 44


class Sheet(msgspec.Struct, frozen=True):
    """A table under its head, with notes above it."""

    name: str
    notes: Sequence[str]
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def csv_bytes(sheet: Sheet) -> bytes:
    """The table alone, UTF-8 with the mark by which Excel knows it; every row says for itself what period it is of."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_harmless(cell) for cell in sheet.head])
    writer.writerows([_harmless(cell) for cell in row] for row in sheet.rows)
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return "'" + cell
    return cell


def xlsx_bytes(sheets: Sequence[Sheet]) -> bytes:
    """A workbook with one page for each sheet: notes, head, rows; the head stays in sight."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 2})
    title = book.add_format({"bold": True, "font_size": 13})
    for sheet in sheets:
        page = book.add_worksheet(sheet.name[:NAME_MAX])
        for at, note in enumerate(sheet.notes):
            page.write_string(at, 0, note[:TEXT_MAX], title if at == 0 else None)
        top = len(sheet.notes) + (1 if sheet.notes else 0)
        for column, word in enumerate(sheet.head):
            page.write_string(top, column, word, bold)
            page.set_column(column, column, _width(word, [row[column] for row in sheet.rows]))
        for line, row in enumerate(sheet.rows, top + 1):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    page.write_string(line, column, cell[:TEXT_MAX])
                elif cell is not None:
                    page.write_number(line, column, cell)
        page.freeze_panes(top + 1, 0)
        page.set_paper(9)  # A4
        page.set_landscape()
        page.fit_to_pages(1, 0)
        page.repeat_rows(top)
        page.set_footer("&R&P / &N")
    book.close()
    return out.getvalue()


def _width(word: str, cells: Sequence[Cell]) -> float:
    """Wide enough for most of it; a Chinese character takes two."""
    longest = max((_columns(str(cell)) for cell in cells if cell is not None), default=0)
    return min(WIDTH_MAX, max(8, longest + 2, -(-_columns(word) // 2) + 2))


def _columns(text: str) -> int:
    return sum(2 if ord(char) > 0x2E80 else 1 for char in text)
