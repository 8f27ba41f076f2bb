"""The console command: what a new installation needs, with errors as sentences and exit codes."""

from __future__ import annotations

import datetime as dt
import json
import socket
import sys

import pytest
from sqlalchemy import select

from tests.factories import NOW
from webapp.cli import console, main
from webapp.models import Account, AuditEvent, Role, RoleGrant, Site


@pytest.fixture
def mainstay(database, monkeypatch, capsys):
    """Return a function that runs ``mainstay`` with some words and returns its exit code, output and errors."""
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MAINSTAY_ENV", "test")
    monkeypatch.setenv("MAINSTAY_EXECUTOR", "none")

    def _run(*words):
        console.get_config.cache_clear()
        console.get_database.cache_clear()
        monkeypatch.setattr(sys, "argv", ["mainstay", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        console.get_database().dispose()
        told = capsys.readouterr()
        return ended.value.code or 0, told.out, told.err

    yield _run
    console.get_config.cache_clear()
    console.get_database.cache_clear()


def test_first_site_and_first_admin_of_a_new_installation(mainstay, database):
    assert mainstay("site", "add", "harbour", "Harbour", "Europe/Berlin")[0] == 0
    code, out, _ = mainstay(
        "admin", "create", "ann@example.test", "Ann", "--site", "harbour", "--password", "long enough here"
    )

    assert (code, out.strip()) == (0, "Ann may sign in as ann@example.test.")
    with database.reading() as session:
        assert session.scalars(select(RoleGrant.role)).all() == [Role.ADMIN]
        assert (session.scalars(select(Account)).one().password or "").startswith("$argon2")
        actions = session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert actions == ["create_site", "create_person", "grant_role", "create_account"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("site", "add", "harbour", "Harbour", "Europe/Nowhere"), "time zone is not known"),
        (("admin", "create", "a@b.test", "Ann", "--site", "nowhere", "--password", "long enough here"), "no site"),
        (("admin", "create", "a@b.test", "Ann", "--site", "nowhere", "--password", "short"), "at least 10"),
    ],
)
def test_wrong_words_are_answered_with_a_sentence_and_change_nothing(mainstay, database, words, told):
    code, _, err = mainstay(*words)

    assert code == 1
    assert err.startswith("mainstay: ")
    assert told in err
    with database.reading() as session:
        assert session.scalars(select(Site)).all() == []
        assert session.scalars(select(AuditEvent)).all() == []


def test_status_of_the_schema_for_scripts(mainstay):
    code, out, _ = mainstay("db", "status", "--json")

    status = json.loads(out)
    assert code == 0
    assert status["current"] == status["head"]


def test_audit_verify_tells_by_its_exit_code(mainstay, database):
    mainstay("site", "add", "harbour", "Harbour", "Europe/Berlin")
    code, out, _ = mainstay("audit", "verify", "--json")
    head = json.loads(out)["head"]
    assert code == 0
    assert mainstay("audit", "verify", "--head", head)[0] == 0

    with database.writing() as session:
        session.scalars(select(AuditEvent)).one().detail = {"code": "forged"}
        session.commit()

    assert mainstay("audit", "verify")[0] == 1
    assert mainstay("audit", "verify", "--head", "f" * 64)[0] == 1


def test_demo_with_its_public_password_never_runs_in_production(mainstay, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "s" * 32)
    monkeypatch.setenv("PASSWORD_SALT", "p" * 16)
    monkeypatch.setenv("MAINSTAY_ENV", "production")

    code, _, err = mainstay("demo", "--no-serve")

    assert code == 1
    assert "MAINSTAY_ENV=production" in err


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_that_is_no_number_is_refused(mainstay, monkeypatch, command):
    monkeypatch.setenv("PORT", "eighty")

    code, _, err = mainstay(command)

    assert code == 2
    assert "'eighty' is not a valid integer" in err


def test_a_port_that_is_taken_is_told_in_a_sentence(mainstay):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        code, _, err = mainstay("serve", "--port", str(port))

    assert code == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in err
    assert "PORT=9000" in err


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_records_are_refreshed_and_work_counted_by_hand(mainstay, database, make):
    """A level 4 with a half-life of 100 days is 3 by the 20th day; two calls of last year count on their day."""
    site, skill = make.site(code="harbour"), make.skill()
    skill.half_life_days = 100
    person = make.person(site=site)
    make.record(person, skill, 4, at=NOW)
    kind = make.engagement_type(requires={skill: 1})
    for minutes in (0, 9):
        at = dt.datetime(2025, 11, 3, 9, minutes, tzinfo=dt.UTC)
        make.contact(kind, at, 3.0, person_id=person.id, site_id=site.id)
    make.commit()

    later = (NOW + dt.timedelta(days=30)).date().isoformat()
    refreshed = mainstay("records", "refresh", "--on", later, "--json")
    counted = mainstay("records", "count-work", "--site", "harbour", "--from", "2025-11-01", "--json")
    again = mainstay("records", "count-work", "--site", "harbour", "--from", "2025-11-01")

    assert (refreshed[0], json.loads(refreshed[1])) == (0, {"on": later, "refreshed": 1})
    assert json.loads(counted[1]) == {"written": 1, "taken_back": 0, "records": 1}
    assert again[1] == "0 days of use written, 0 taken back.\n"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_work_of_a_site_that_is_not_there_is_not_counted(mainstay, database):
    code, _, told = mainstay("records", "count-work", "--site", "nowhere", "--from", "2026-01-01")

    assert code != 0
    assert "No site has the code nowhere." in told
