"""``mainstay import`` and ``mainstay forecast``: for scripts and for operators."""

from __future__ import annotations

import csv
import json

import openpyxl
import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

import webapp.cli.forecasts  # registers its commands
import webapp.cli.importing
from webapp.cli import console
from webapp.errors import NotFoundError
from webapp.models import AuditEvent, Contact, ForecastInterval, Person, Shift

LOG = (
    "call_id,customer,type,date,entered_at,queued_at,left_queue_at,outcome,served_at,ended_at,agent\n"
    "1,c1,PS,2026-11-09,10:00:00,10:00:00,10:00:05,served,10:00:05,10:03:05,AVI\n"
    "2,,PS,2026-11-09,10:10:00,10:10:00,10:12:00,abandoned,,,\n"
    "3,,PS,2026-11-09,10:10:00,,,lost,,,\n"
)


@pytest.fixture
def run(database, make, monkeypatch):
    """Return a function that runs the console command on the database of the test."""
    make.site(code="ber", name="Berlin", time_zone="Europe/Berlin")
    make.person(email="op@example.test", external_id="op")
    make.commit()
    monkeypatch.setattr(webapp.cli.importing, "get_database", lambda: database)
    monkeypatch.setattr(webapp.cli.forecasts, "get_database", lambda: database)

    def _run(*arguments, code=0):
        result = CliRunner().invoke(console.cli, [str(each) for each in arguments], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result.output

    return _run


@pytest.fixture
def people(tmp_path):
    """Return a file of two people."""
    path = tmp_path / "people.csv"
    path.write_text("Nr;name;site\na1;Ana;ber\na2;Bo;\n", encoding="utf-8")
    return path


def count(database, model):
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_dry_run_reports_and_writes_nothing(database, run, people):
    output = run("import", "people", people, "--dry-run", "--site", "ber", "--map", "external_id=Nr")

    assert "person: 2 new" in output
    assert "Nothing was written." in output
    assert count(database, Person) == 1


def test_file_is_imported_and_undone(database, run, people):
    output = run("import", "people", people, "--site", "ber", "--map", "external_id=Nr", "--as", "op@example.test")

    assert "mainstay import undo 1" in output
    assert count(database, Person) == 3
    assert "2 database rows" in run("import", "undo", "1")
    assert count(database, Person) == 1
    with database.reading() as session:
        event = session.scalar(select(AuditEvent).where(AuditEvent.action == "apply_import"))
        assert (event.channel, event.actor.external_id) == ("cli", "op")


def test_refused_file_ends_with_code_1_and_lists_problems(database, run, people, tmp_path):
    errors = tmp_path / "errors.csv"

    output = run("import", "people", people, "--map", "external_id=Nr", "--errors", errors, code=1)

    assert "row 3, site: No site is given." in output
    assert "Nothing was written." in output
    with errors.open(encoding="utf-8", newline="") as file:
        assert [line["code"] for line in csv.DictReader(file)] == ["required"]
    assert count(database, Person) == 1


def test_report_comes_as_json(run, people):
    report = json.loads(run("import", "people", people, "--site", "ber", "--map", "external_id=Nr", "--json"))

    assert (report["applied"], report["rows"], report["new"], report["errors"]) == (True, 2, 2, 0)


def test_file_that_cannot_be_read_is_reported_as_json(run, tmp_path):
    path = tmp_path / "broken.csv"
    path.write_bytes("name\nä\n".encode("latin-1"))

    report = json.loads(run("import", "people", path, "--json", code=1))

    assert report["problems"][0]["code"] == "encoding"


def test_unknown_site_and_malformed_mapping_are_refused(run, people):
    with pytest.raises(NotFoundError, match="no site nowhere"):
        run("import", "people", people, "--site", "nowhere")
    assert "column=header" in run("import", "people", people, "--map", "external_id", code=2)


def test_undo_that_is_hindered_names_the_rows(database, run, people):
    run("import", "people", people, "--site", "ber", "--map", "external_id=Nr")
    with database.transaction() as session:
        session.scalar(select(Person).where(Person.external_id == "a1")).name = "Anna"
        session.info["audited"] = True
        session.flush()

    assert "a1 Ana was edited since" in run("import", "undo", "1", code=1)
    with pytest.raises(NotFoundError):
        run("import", "undo", "99")


def test_imports_are_listed(run, people):
    run("import", "people", people, "--site", "ber", "--map", "external_id=Nr")

    assert json.loads(run("import", "list", "--json"))["imports"][0]["kind"] == "people"
    assert "people applied people.csv" in run("import", "list")


def test_template_is_written_by_the_name_of_the_file(run, tmp_path):
    run("import", "template", "skills", tmp_path / "skills.csv")
    run("import", "template", "skills", tmp_path / "skills.xlsx")

    book = openpyxl.load_workbook(tmp_path / "skills.xlsx")
    header = (tmp_path / "skills.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert [cell.value for cell in book.worksheets[0][1]] == header.split(",")


def test_call_log_becomes_contacts_forecast_and_items(database, run, tmp_path):
    path, items = tmp_path / "log.csv", tmp_path / "problem.json"
    path.write_text(LOG, encoding="utf-8")

    output = run("import", "acd-log", path, "--site", "ber", "--as-items", items, "--day", "2026-11-09")
    forecast = json.loads(run("forecast", "build", "--site", "ber", "--day", "2026-11-10", "--json"))

    assert "The outcome is not in the preset." in output
    assert "1 rows became nothing" in output
    assert (count(database, Contact), count(database, Shift)) == (2, 1)
    assert len(json.loads(items.read_text(encoding="utf-8"))["engagements"]) == 2
    assert (forecast["volume"], forecast["weights"]) == (2.0, {"2026-11-09": 1.0})
    assert forecast["staffed_minutes"] >= forecast["workload_minutes"] == 6.0
    assert count(database, ForecastInterval) == 1
    assert "to staff" in run("forecast", "build", "--site", "ber", "--day", "2026-11-10", "--service-level", "0")


def test_items_need_a_day_and_a_forecast_a_known_site(run, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(LOG, encoding="utf-8")

    assert "--as-items needs" in run("import", "acd-log", path, "--as-items", tmp_path / "p.json", code=2)
    with pytest.raises(NotFoundError):
        run("forecast", "build", "--site", "nowhere", "--day", "2026-11-10")


def test_long_list_of_problems_is_cut_on_the_screen(run, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("external_id,name,site\n" + "".join(f"a{n},,ber\n" for n in range(30)), encoding="utf-8")

    assert "and 10 more" in run("import", "people", path, code=1)


def test_dry_run_of_shifts_tells_the_difference_and_a_flag_removes_what_is_missing(database, run, tmp_path):
    path = tmp_path / "week.csv"
    header = "external_id,person,starts_at,ends_at\n"
    path.write_text(header + "a,op,2026-11-23 09:00,2026-11-23 13:00\nb,op,2026-11-24 09:00,2026-11-24 13:00\n")
    run("import", "shifts", path)
    path.write_text(header + "a,op,2026-11-23 10:00,2026-11-23 13:00\nc,op,2026-11-24 14:00,2026-11-24 16:00\n")

    kept = run("import", "shifts", path, "--dry-run")
    removed = json.loads(run("import", "shifts", path, "--dry-run", "--remove-missing", "people", "--json"))
    assert count(database, Shift) == 2
    applied = run("import", "shifts", path, "--remove-missing", "people")

    assert "against the roster: 1 added, 1 moved, 0 changed, 1 gone from the file (kept)" in kept
    assert "2026-11-23 to 2026-11-24: 1 person" in kept
    assert (removed["difference"]["gone"], removed["removed"]) == (1, 1)
    assert "1 removed" in applied
    with database.reading() as session:
        assert sorted(session.scalars(select(Shift.external_id))) == ["a", "c"]
    assert "unknown" not in run("import", "undo", 2)
    with database.reading() as session:
        assert sorted(session.scalars(select(Shift.external_id))) == ["a", "b"]
