"""Wrong files: each is answered with what is wrong where, or refused for its size, and nothing is written."""

from __future__ import annotations

import csv
import html
import io
import json
import zipfile

import openpyxl
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from config import Config
from tests.factories import Make
from webapp import create_app
from webapp.cli import console, importing
from webapp.db import Base, Database
from webapp.models import Account, ImportBatch, Role

BOM = b"\xef\xbb\xbf"
RECORDS = b"person,skill,level,expires_on\n"
PEOPLE = b"external_id,name,email,site\n"
MANY_ROWS = 100_000
ADMIN = "admin@example.test"
KEPT_ASIDE = {"import_batch", "column_mapping", "audit_event"}
"""Tables that hold the file itself and what was said about it; no other may change."""


def _workbook(rows) -> bytes:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in rows:
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _bomb() -> bytes:
    """Return a workbook of some 300 KiB whose one sheet would unpack to 300 MiB."""
    file = io.BytesIO(_workbook([["person", "skill", "level"]]))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet2.xml", b"<c><v>0</v></c>" * (20 * 1024 * 1024))
    return file.getvalue()


def _many_rows(last: bytes) -> bytes:
    return PEOPLE + b"".join(b"n%d,Name %d,,home\n" % (number, number) for number in range(MANY_ROWS - 1)) + last


# What is wrong → kind, file, row, column, code, and a word of what would be accepted.
WRONG = {
    "broken quotes": ("people", PEOPLE + b'p9,"Ana,a@example.test,home\n', 2, "", "broken_quotes", "quote"),
    "ragged row": ("people", PEOPLE + b"p8,Ana,,home\np9,Ana\n", 3, "", "ragged_row", "as many cells"),
    "row too long": ("people", PEOPLE + b"p9,Duarte, Ana,,home\n", 2, "", "ragged_row", "quotes"),
    "Latin-1": ("people", PEOPLE + "p9,José,,home\n".encode("latin-1"), 2, "", "encoding", "latin-1"),
    "UTF-16": ("people", "external_id,name\n".encode("utf-16"), 0, "", "encoding", "UTF-8"),
    "nothing": ("people", b"", 0, "", "empty", "header row"),
    "byte order mark alone": ("people", BOM, 0, "", "empty", "header row"),
    "header alone": ("people", BOM + PEOPLE, 0, "", "empty", "one row"),
    "wrong header": ("records", b"who,what,how\np1,billing,3\n", 1, "", "wrong_header", "person, skill"),
    "one header twice": ("people", b"name,external_id,name\nAna,p9,Ana\n", 1, "name", "duplicate_header", "own name"),
    "id twice": (
        "people",
        PEOPLE + b"p9,Ana,,home\np8,Bo,,home\np9,Cy,,home\n",
        4,
        "external_id",
        "duplicate_key",
        "one row",
    ),
    "unknown skill": ("records", RECORDS + b"p1,biling,3,\n", 2, "skill", "unknown_skill", "billing"),
    "unknown person": ("records", RECORDS + b"p77,billing,3,\n", 2, "person", "unknown_person", ""),
    "level 6": ("records", RECORDS + b"p1,billing,6,\n", 2, "level", "not_a_level", "0 to 5"),
    "level −1": ("records", RECORDS + b"p1,billing,-1,\n", 2, "level", "not_a_level", "0 to 5"),
    "level 3.5": ("records", RECORDS + b"p1,billing,3.5,\n", 2, "level", "not_a_level", "whole"),
    'level "3,5"': ("records", RECORDS + b'p1,billing,"3,5",\n', 2, "level", "not_a_level", "whole"),
    "no level": ("records", RECORDS + b"p1,billing,,\n", 2, "level", "required", "0 to 5"),
    "impossible date": (
        "records",
        RECORDS + b"p1,billing,3,2027-02-30\n",
        2,
        "expires_on",
        "impossible_date",
        "2026-04-03",
    ),
    "ambiguous date": (
        "records",
        RECORDS + b"p1,billing,3,03/04/2027\n",
        2,
        "expires_on",
        "ambiguous_date",
        "2026-04-03",
    ),
    "formula in CSV": ("records", RECORDS + b"p1,billing,=1+2,\n", 2, "level", "formula", "value"),
    "formula in XLSX": (
        "records",
        _workbook([["person", "skill", "level"], ["p1", "billing", "=1+2"]]),
        2,
        "level",
        "formula",
        "value",
    ),
    "XLSX bomb": ("records", _bomb(), 0, "", "unpacks_too_large", "At most 192 MiB"),
    "archive that is no workbook": ("records", b"PK\x03\x04" + b"\0" * 100, 0, "", "not_a_workbook", ""),
    "the last of 100,000 rows": (
        "people",
        _many_rows(b"n1,Name,,home\n"),
        MANY_ROWS + 1,
        "external_id",
        "duplicate_key",
        "one row",
    ),
    "more rows than are taken": (
        "people",
        PEOPLE + b"".join(b"n%d,N,,home\n" % number for number in range(200_001)),
        200_002,
        "",
        "too_many_rows",
        "smaller files",
    ),
}


def _count_rows(database: Database) -> dict[str, int]:
    """Return how many rows each table has: imports keep nothing aside, so all must be as before."""
    with database.reading() as session:
        tables = Base.metadata.sorted_tables
        return {table.name: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


@pytest.fixture(scope="module")
def seeded(database):
    with database.writing() as session:
        make = Make(session)
        make.person(external_id="p1", name="Ana Duarte")
        make.person(email=ADMIN, roles=[Role.ADMIN])
        make.skill(code="billing", name="Billing")
        make.commit()


@pytest.fixture
def console_database(database, database_url, seeded, monkeypatch):
    """Point the console command at this test file's database."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    console.get_config.cache_clear()
    console.get_database.cache_clear()
    yield database
    console.get_database().dispose()
    console.get_config.cache_clear()
    console.get_database.cache_clear()


@pytest.mark.parametrize("wrong", WRONG)
def test_console_names_the_place_and_what_would_be_accepted_and_writes_nothing(console_database, tmp_path, wrong):
    kind, content, row, column, code, accepted = WRONG[wrong]
    file = tmp_path / "file.bin"
    file.write_bytes(content)
    before = _count_rows(console_database)

    answer = CliRunner().invoke(importing.importing, [kind, str(file), "--json"])

    assert (answer.exit_code, type(answer.exception)) == (1, SystemExit), answer.exception
    report = json.loads(answer.stdout)
    problem = report["problems"][0]
    assert (problem["row"], problem["column"], problem["code"]) == (row, column, code), problem
    assert accepted in f"{problem['message']} {problem['accepted']}"
    assert report["applied"] is False
    after = _count_rows(console_database)
    # A worker finishes what a killed command left: long imports note themselves and the job that would.
    assert {name for name in before if before[name] != after[name]} <= KEPT_ASIDE | {"job"}


@pytest.fixture
def client(database, seeded):
    """Return a client in which an admin is signed in."""
    app = create_app(Config(environment="test", executor="none"), database=database, start_jobs=False)
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    with database.reading() as session, client.session_transaction() as cookie:
        cookie["_user_id"] = session.scalars(select(Account.fs_uniquifier).where(Account.email == ADMIN)).one()
        cookie["_fresh"] = True
    return client


def _upload(client, database, kind: str, content: bytes) -> tuple[TestResponse, ImportBatch | None]:
    """Go the way of the pages: upload, take the columns as they are suggested, look at the check."""
    # Encoded here, because the client would leave the temporary file open that it makes of a larger form.
    file = FileStorage(io.BytesIO(content), filename="file.csv")
    boundary, body = encode_multipart({"file": file, "site_id": "", "encoding": ""})
    content_type = f"multipart/form-data; boundary={boundary}"
    answer = client.post(f"/imports/new/{kind}", data=body, content_type=content_type)
    if answer.status_code != 302:
        return answer, None
    with database.reading() as session:
        batch = session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc()).limit(1)).one()
    columns = {f"column_{name}": header for name, header in batch.mapping.items()}
    return client.post(answer.location, data=columns, follow_redirects=True), batch


# The check of a file is the same for both; the console's test has gone through the hundred thousand rows.
@pytest.mark.parametrize("wrong", [name for name in WRONG if name != "the last of 100,000 rows"])
def test_page_names_the_place_and_what_would_be_accepted_and_writes_nothing(database, client, wrong):
    kind, content, row, _column, code, accepted = WRONG[wrong]
    before = _count_rows(database)

    answer, batch = _upload(client, database, kind, content)

    text = html.unescape(answer.text)
    assert accepted in text
    if answer.status_code == 200:
        assert batch is not None
        problems = list(
            csv.DictReader(io.StringIO(client.get(f"/imports/{batch.id}/problems.csv").text.lstrip("\ufeff")))
        )
        assert (problems[0]["row"], problems[0]["code"]) == (str(row), code)
        assert "The file has problems" in text
        assert "Import it" not in text
    else:
        assert answer.status_code == 422
    after = _count_rows(database)
    assert {name for name in before if before[name] != after[name]} <= KEPT_ASIDE


def test_byte_order_mark_and_semicolons_are_no_mistake(console_database, tmp_path):
    """Spreadsheets write both unasked, so a file with them is right."""
    file = tmp_path / "people.csv"
    file.write_bytes(BOM + PEOPLE.replace(b",", b";") + b"p20;Bo;;home\r\n")

    answer = CliRunner().invoke(importing.importing, ["people", str(file), "--dry-run", "--json"])

    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout)["new"] == 1
