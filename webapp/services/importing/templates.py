"""Templates of files: a header, an example, and for workbooks a guide to the columns."""

from __future__ import annotations

import csv
import io

import openpyxl
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from webapp.models import ImportKind
from webapp.services.importing.kinds import KINDS

_WIDEST = 60


def template_csv(kind: ImportKind) -> bytes:
    """Return a CSV template: UTF-8 with a byte-order mark, so that spreadsheets read it right."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([column.name for column in KINDS[kind].columns])
    writer.writerow([column.example for column in KINDS[kind].columns])
    return buffer.getvalue().encode("utf-8-sig")


def template_xlsx(kind: ImportKind) -> bytes:
    """Return an XLSX template; cells are text, so that no spreadsheet turns an id into a number or a date."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = KINDS[kind].title
    guide = book.create_sheet("Columns")
    guide.append(["Column", "Required", "Meaning", "Accepted"])
    for number, column in enumerate(KINDS[kind].columns, start=1):
        for row, text in ((1, column.name), (2, column.example)):
            cell = sheet.cell(row=row, column=number, value=text)
            cell.number_format = "@"
        guide.append([column.name, "yes" if column.required else "no", column.meaning, column.parser.accepts])
    for page in (sheet, guide):
        page.freeze_panes = "A2"
        for number, cells in enumerate(page.iter_cols(), start=1):
            cells[0].font = Font(bold=True)
            longest = max(len(str(cell.value or "")) for cell in cells)
            page.column_dimensions[get_column_letter(number)].width = min(_WIDEST, longest + 3)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()
