"""Files become tables or are refused before anything could be written."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

import openpyxl
import pytest

from webapp.services.importing import reading, table, workbook
from webapp.services.importing.problems import FileRefusedError
from webapp.services.importing.reading import read_table


def cells(content: bytes, **options):
    return [row.cells for row in read_table(content, **options).rows()]


def workbook_of(*rows) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separator_is_found_by_the_header(separator):
    content = f"a{separator}b\n1{separator}2\n".encode()

    assert cells(content) == [("1", "2")]


def test_separator_inside_quotes_of_the_header_does_not_count():
    assert cells(b'"a,b,c";d\n1;2\n') == [("1", "2")]


def test_byte_order_mark_is_no_part_of_the_header():
    assert read_table("\N{BYTE ORDER MARK}name,b\nx,y\n".encode()).header == ("name", "b")


def test_rows_are_numbered_as_a_spreadsheet_shows_them_and_empty_ones_skipped():
    rows = list(read_table(b"a,b\n1,2\n\n,\n3,4\n").rows())

    assert [row.number for row in rows] == [2, 5]


def test_latin_1_is_refused_with_its_row_and_read_when_declared():
    content = "a,b\n1,2\nMüller,x\n".encode("latin-1")

    with pytest.raises(FileRefusedError) as refused:
        read_table(content)

    assert (refused.value.problem.code, refused.value.problem.row) == ("encoding", 3)
    assert cells(content, encoding="latin-1")[1] == ("Müller", "x")


def test_unknown_encoding_is_refused():
    with pytest.raises(FileRefusedError, match="not known"):
        read_table(b"a,b\n1,2\n", encoding="ebcdic")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"\n\n ,, \n", "empty"),
        ("a,b\n1,2\n".encode("utf-16"), "encoding"),
        (b"a,b\n1,\x00\n", "binary"),
        (b"\xd0\xcf\x11\xe0rest", "old_excel"),
        (b"PK\x03\x04rest", "not_a_workbook"),
        (b"a,A\n1,2\n", "duplicate_header"),
        (",".join(f"c{i}" for i in range(201)).encode() + b"\n1\n", "too_many_columns"),
    ],
)
def test_what_is_no_table_is_refused(content, code):
    with pytest.raises(FileRefusedError) as refused:
        read_table(content)

    assert refused.value.problem.code == code


@pytest.mark.parametrize("line", ['"open', 'x,"a"b', '"a""'])
def test_broken_quotes_are_refused_with_their_row(line):
    with pytest.raises(FileRefusedError) as refused:
        cells(f"a,b\n1,2\n{line}\n3,4\n".encode())

    assert refused.value.problem.code == "broken_quotes"
    assert refused.value.problem.row >= 3


@pytest.mark.parametrize("line", ["1", "1,2,3"])
def test_ragged_row_is_a_problem_of_that_row(line):
    rows = list(read_table(f"a,b\n{line}\n3,4\n".encode()).rows())

    assert [problem.code for problem in rows[0].problems] == ["ragged_row"]
    assert rows[1].problems == ()


def test_formula_is_a_problem_and_a_guarded_cell_is_text_again():
    rows = list(read_table(b"a,b\n=1+1,'=x\n'-3,'plain\n").rows())

    assert [(problem.code, problem.column) for problem in rows[0].problems] == [("formula", "a")]
    assert rows[0].cells[1] == "=x"
    assert rows[1].cells == ("-3", "'plain")


def test_cell_without_end_is_a_problem():
    rows = list(read_table(b"a\n" + b"x" * (table.MAX_CELL_CHARACTERS + 1) + b"\n").rows())

    assert [problem.code for problem in rows[0].problems] == ["too_long"]


def test_too_many_rows_are_refused():
    with pytest.raises(FileRefusedError) as refused:
        cells(b"a\n1\n2\n3\n", max_rows=2)

    assert refused.value.problem.code == "too_many_rows"


def test_apostrophe_that_guards_is_taken_off_and_one_that_is_text_stays():
    assert cells(b"a,b,c,d\n'=x,''=x,'x,''\n") == [("=x", "'=x", "'x", "''")]


def test_large_file_is_refused_by_its_size_alone(monkeypatch):
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 10)

    with pytest.raises(FileRefusedError) as refused:
        read_table(b"a" * 11)

    assert refused.value.problem.code == "too_large"


def test_workbook_gives_the_same_text_as_csv_would():
    content = workbook_of(
        ["id", "level", "share", "on", "at", "flag", "none"],
        ["p1", 3, 0.5, dt.date(2026, 4, 3), dt.datetime.combine(dt.date(2026, 4, 3), dt.time(8, 30)), True, None],
    )

    assert cells(content) == [("p1", "3", "0.5", "2026-04-03", "2026-04-03 08:30:00", "yes", "")]


def test_formula_cell_of_a_workbook_is_refused_with_row_and_column():
    rows = list(read_table(workbook_of(["id", "level"], ["p1", "=1+2"])).rows())

    assert [(p.row, p.column, p.code) for p in rows[0].problems] == [(2, "level", "formula")]


def test_empty_workbook_is_refused():
    with pytest.raises(FileRefusedError) as refused:
        read_table(workbook_of())

    assert refused.value.problem.code == "empty"


def test_bomb_is_refused_before_it_is_unpacked():
    """A small archive that claims to unpack to hundreds of megabytes is never opened."""
    buffer = io.BytesIO(workbook_of(["id"], ["p1"]))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", b" " * (workbook.MAX_UNPACKED_BYTES + 1))

    with pytest.raises(FileRefusedError) as refused:
        read_table(buffer.getvalue())

    assert refused.value.problem.code == "unpacks_too_large"


def test_swollen_part_is_refused_below_the_total_limit():
    buffer = io.BytesIO(workbook_of(["id"], ["p1"]))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/picture.xml", b" " * (5 * 1024 * 1024))

    with pytest.raises(FileRefusedError) as refused:
        read_table(buffer.getvalue())

    assert refused.value.problem.code == "unpacks_too_large"


def test_archive_that_is_no_workbook_is_refused():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "hello")

    with pytest.raises(FileRefusedError) as refused:
        read_table(buffer.getvalue())

    assert refused.value.problem.code == "not_a_workbook"


def test_damaged_sheet_is_refused_as_a_file():
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook_of(["id"], ["p1"]))) as good, zipfile.ZipFile(buffer, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, b"<broken" if name.endswith("sheet1.xml") else good.read(name))

    with pytest.raises(FileRefusedError) as refused:
        read_table(buffer.getvalue())

    assert refused.value.problem.code == "not_a_workbook"


def test_entities_in_a_sheet_are_not_expanded():
    """An XML part that grows by entities is refused, not unfolded."""
    buffer = io.BytesIO()
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><worksheet>&a;</worksheet>'
    with zipfile.ZipFile(io.BytesIO(workbook_of(["id"], ["p1"]))) as good, zipfile.ZipFile(buffer, "w") as bad:
        for name in good.namelist():
            bad.writestr(name, bomb if name.endswith("sheet1.xml") else good.read(name))

    with pytest.raises(FileRefusedError):
        read_table(buffer.getvalue())
