"""One's own data: all of it, in one file, for oneself alone."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import time
import zipfile

import pytest

from tests.factories import NOW
from webapp.db import Base
from webapp.errors import ForbiddenError
from webapp.models import (
    Assignment,
    Attachment,
    Plan,
    PlanRun,
    PlanState,
    Policy,
    Role,
    SkillEvent,
    SkillEventKind,
)
from webapp.services import audit, notices, own_export


@pytest.fixture
def ana(make):
    return make.person(name="Ana", external_id="a1", team=make.team(name="Ours"))


@pytest.fixture
def billing(make):
    return make.skill(name="Billing", code="billing")


@pytest.fixture
def export(make):
    """Return a function that takes a person's data along and returns the archive and its JSON."""

    def _export(person):
        target = io.BytesIO()
        own_export.export_own(make.session, person, target, by=make.actor(person))
        files = zipfile.ZipFile(target)
        return files, json.loads(files.read(own_export.JSON_NAME))

    return _export


def attach(make, person, *, name="photo.png", content=b"\x89PNG"):
    return make._add(
        Attachment(
            person_id=person.id,
            file_name=name,
            content_type="image/png",
            digest="0" * 64,
            content=content,
            created_at=NOW,
            created_by_id=person.id,
        )
    )


def test_the_archive_holds_what_there_is_with_names_beside_keys(make, session, export, ana, billing):
    lead = make.person(name="Lea", roles=[Role.LEAD])
    make.record(ana, billing, 3, claimed=4, by=lead)
    make.shift(ana, breaks=[(NOW, NOW + dt.timedelta(minutes=15))])
    make.absence(ana, NOW, NOW + dt.timedelta(days=1))
    make.engagement(owner_id=ana.id, customer_key="CANARY-customer", subject="CANARY-subject")
    notices.notify(session, ana.id, kind="test", text="Hello", by=make.actor())
    attachment = attach(make, ana)

    files, content = export(ana)

    tables = content["tables"]
    assert content["person"] == {"number": "a1", "name": "Ana"}
    assert [(row["skill_name"], row["claimed_level"]) for row in tables["skill_record"]] == [("Billing", 4)]
    assert {row["author_name"] for row in tables["skill_event"]} == {"Ana", "Lea"}
    assert len(tables["shift"]) == len(tables["shift_break"]) == len(tables["absence"]) == len(tables["notice"]) == 1
    assert files.read(f"attachments/{attachment.id}-photo.png") == b"\x89PNG"
    assert "CANARY" not in json.dumps(content)
    assert "password" not in tables["account"][0]


def test_nothing_of_another_person_is_in_it(make, session, export, ana, billing):
    other = make.person(name="Ben", email="canary@example.test")
    make.record(other, billing, 5, claimed=5)
    make.shift(other)
    notices.notify(session, other.id, kind="test", text="CANARY", by=make.actor())
    attach(make, other, content=b"CANARY")
    audit.record(session, "look", other, by=make.actor(other), person_id=other.id, detail={"note": "CANARY"})

    files, content = export(ana)

    everything = b"".join(files.read(name) for name in files.namelist())
    assert b"CANARY" not in everything
    assert b"canary@example.test" not in everything
    assert [row["id"] for row in content["tables"]["person"]] == [ana.id]


def test_a_draft_plan_is_the_schedulers_trial_and_stays_out(make, session, export, ana):
    made = make.engagement()
    plan = _plan(make, ana, made)

    _, before = export(ana)
    plan.state = PlanState.PUBLISHED
    session.flush()
    _, after = export(ana)

    assert len(before["tables"]["assignment"]) == 0
    assert len(after["tables"]["assignment"]) == 1


def _plan(make, person, engagement):
    policy = make._add(Policy(code="p", number=1, name="P", settings={}, created_at=NOW))
    run = make._add(
        PlanRun(
            site_id=person.site_id,
            day_on=NOW.date(),
            starts_at=NOW,
            interval_minutes=30,
            intervals=4,
            policy_id=policy.id,
            time_limit_seconds=5.0,
            gap_target=0.01,
            created_at=NOW,
        )
    )
    plan = make._add(
        Plan(
            run_id=run.id,
            site_id=person.site_id,
            day_on=NOW.date(),
            state=PlanState.DRAFT,
            objective=1.0,
            terms={},
            created_at=NOW,
        )
    )
    make._add(
        Assignment(
            plan_id=plan.id,
            engagement_id=engagement.id,
            person_id=person.id,
            starts_at=NOW,
            minutes=5.0,
            value=1.0,
            terms={},
        )
    )
    return plan


def test_the_table_of_skills_opens_in_a_spreadsheet_without_running_anything(make, session, export, ana):
    make.record(ana, make.skill(name="=HYPERLINK(1)"), 2)

    files, _ = export(ana)

    rows = list(csv.DictReader(io.StringIO(files.read(own_export.RECORDS_NAME).decode("utf-8-sig"))))
    assert not rows[0]["skill_name"].startswith("=")
    assert rows[0]["validated_level"] == "2"


def test_the_readme_names_every_table_and_why_others_are_missing(make, session, export, ana):
    files, _ = export(ana)

    text = files.read(own_export.README_NAME).decode()
    assert "Everything that Mainstay holds about Ana (a1), 23 November 2026, 09:00 UTC." in text
    assert all(f"  {name}" in text for name in [*own_export.ABOUT, *own_export.LEFT_OUT])
    assert "account.password: It opens the account." in text


def test_taking_it_is_audited_and_only_ones_own_is_taken(make, session, export, ana):
    export(ana)

    assert audit.person_history(session, ana.id)[0].action == "export_own_data"
    with pytest.raises(ForbiddenError, match="nobody another's"):
        own_export.export_own(session, make.person(name="Ben"), io.BytesIO(), by=make.actor(ana))


def test_a_long_life_is_exported_within_a_minute(make, session, export, ana, billing):
    """Ten thousand events, the most that a person of 20 years gathers, and 20 MB of files."""
    session.add_all(
        SkillEvent(person_id=ana.id, skill_id=billing.id, kind=SkillEventKind.CLAIM, at=NOW, author_id=ana.id, level=1)
        for _ in range(10_000)
    )
    for number in range(4):
        attach(make, ana, name=f"{number}.png", content=bytes(5_000_000))
    began = time.monotonic()

    _, content = export(ana)

    assert time.monotonic() - began < 60
    assert len(content["tables"]["skill_event"]) == 10_000


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\x.png", "...", "a b\n.png", "ü.png", ""])
def test_no_name_of_a_file_leads_out_of_the_archive(name):
    path = own_export.attachment_name(7, name)

    folder, _, rest = path.partition("/")
    assert folder == "attachments"
    assert rest.startswith("7-")
    assert set(rest) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def test_the_page_shows_what_there_is_and_answers_with_the_file(make, ana, billing, sign_in):
    make.record(ana, billing, 3)
    client = sign_in(ana)

    page, answer = client.get("/my/data"), client.post("/my/data")

    assert "Skill record" in page.text
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"] == "attachment; filename=mainstay-a1-2026-11-23.zip"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Billing" in zipfile.ZipFile(io.BytesIO(answer.data)).read(own_export.JSON_NAME).decode()


def test_a_link_takes_nothing_along_and_strangers_sign_in_first(client, ana, make):
    make.commit()

    assert client.get("/my/data").status_code == 302
    assert client.post("/my/data").status_code == 401


def test_the_archive_is_made_of_tables_that_exist():
    assert set(own_export.ABOUT) <= set(Base.metadata.tables)
