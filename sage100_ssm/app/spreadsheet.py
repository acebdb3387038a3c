"""Tables for spreadsheets, in which no text becomes a formula, whatever a side sent.

CSV opens in Excel with a double click (semicolons, UTF-8 with a byte order mark); ``.xlsx`` is Excel's own.
"""

import csv
import io
from collections.abc import Iterable, Sequence

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

Line = Sequence[str | int]

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


def csv_table(heading: Line, lines: Iterable[Line]) -> bytes:
    """A table as CSV."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=";")
    writer.writerow(heading)
    writer.writerows([_no_formula(value) for value in line] for line in lines)
    return stream.getvalue().encode("utf-8-sig", errors="replace")


def workbook(heading: Line, lines: Iterable[Line], widths: Sequence[int]) -> tuple[Workbook, Worksheet]:
    """A table as a workbook with one sheet, whose heading stays in view.

    Args:
        heading: the names of the columns.
        lines: the lines below it.
        widths: the width of each column, in characters.
    """
    book = Workbook(write_only=False)
    sheet = book.active
    assert isinstance(sheet, Worksheet), "a new workbook has a sheet"
    sheet.append(list(heading))
    for number, line in enumerate(lines, 2):
        for index, value in enumerate(line, 1):
            cell = sheet.cell(number, index)
            cell.value = ILLEGAL_CHARACTERS_RE.sub("", value) if isinstance(value, str) else value
            if isinstance(value, str):
                cell.data_type = "s"  # a text, never a formula
    sheet.freeze_panes = "A2"
    for index, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    return book, sheet


def workbook_bytes(book: Workbook) -> bytes:
    """A workbook as the content of an ``.xlsx`` file."""
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _no_formula(value: str | int) -> str | int:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_SIGNS) else value
