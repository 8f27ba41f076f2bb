"""Seeing what is there: HR looks for people, keeps the question, takes the list along and acts on it."""

from __future__ import annotations

import csv
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests.factories import Make
from webapp.models import BulkAction, Interest, Notice, Role, SkillKind

BERLIN = ZoneInfo("Europe/Berlin")
TODAY = dt.datetime.now(BERLIN).date()
TUESDAY = TODAY + dt.timedelta(days=(2 - TODAY.isoweekday()) % 7)


def _sign_in_of(make, person, password_hash):
    make.session.refresh(person, ["account"])
    person.account.password = password_hash


@pytest.fixture(scope="module")
def seeded(database, password_hash):
    """Build HR, a lead and four agents: Ana and Bo fit, Cem is away on Tuesday, Dana's Spanish is at 2."""
    at = dt.datetime.now(dt.UTC) - dt.timedelta(days=20)
    with database.writing() as session:
        make = Make(session)
        team = make.team(name="Care")
        hr = make.person(name="Hana Roth", email="hr@example.test", roles=[Role.HR])
        lead = make.person(name="Lea Lund", email="lead@example.test", roles=[Role.LEAD], leads=[team])
        spanish = make.skill(name="Spanish", kind=SkillKind.LANGUAGE)
        billing = make.skill(name="Billing")
        start = dt.datetime.combine(TUESDAY, dt.time(12), tzinfo=BERLIN).astimezone(dt.UTC)
        people = {
            name: make.person(name=name, team=team) for name in ("Ana Ruiz", "Bo Larsen", "Cem Aydin", "Dana Kral")
        }
        for name, person in people.items():
            make.record(person, spanish, 2 if name == "Dana Kral" else 3, interest=Interest.GROW, at=at)
            make.record(person, billing, 4, at=at)
            if name != "Cem Aydin":
                make.shift(person, starts_at=start, hours=6)
        for person in (hr, lead):
            _sign_in_of(make, person, password_hash)
        make.commit()


def test_hr_finds_spanish_and_billing_free_on_tuesday_afternoon(visit, database):
    visitor = visit("hr@example.test")
    page = visitor.page
    visitor.open("/who-can")

    page.get_by_label("Skill 1", exact=True).select_option(label="Spanish")
    page.get_by_label("Lowest level of skill 1").select_option(value="3")
    visitor.press("Find", exact=True)
    page.get_by_label("Skill 2", exact=True).select_option(label="Billing")
    page.get_by_label("Lowest level of skill 2").select_option(value="4")
    page.get_by_label("or the next").select_option(label="Tuesday")
    page.get_by_label("Free from").fill("13:00")
    page.get_by_label("until").fill("17:00")
    visitor.press("Find", exact=True)
    found = page.get_by_role("table", name="People who can").get_by_role("rowheader")
    expect(found).to_contain_text(["Ana Ruiz", "Bo Larsen"])
    expect(found).to_have_count(2)
    visitor.check_again()
    with page.expect_download() as download:
        page.get_by_role("main").get_by_role("link", name="CSV").click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["name"], row["shift_start"]) for row in rows] == [("Ana Ruiz", "12:00"), ("Bo Larsen", "12:00")]

    visitor.press("Keep this search")
    page.get_by_label("Name").fill("Spanish on Tuesdays")
    visitor.press("Keep", exact=True)
    expect(page.get_by_role("navigation", name="Kept searches")).to_contain_text("Spanish on Tuesdays")
    visitor.check_again()

    visitor.press("Choose all 2")
    page.get_by_label("For those chosen, in").select_option(label="Spanish")
    visitor.press("Do something…")
    visitor.check()
    visitor.press("Show what happens")
    expect(page.get_by_role("table", name="What would happen")).to_contain_text("is asked")
    visitor.check_again()
    visitor.press("Do it for 2")
    messages = page.get_by_role("status", name="Messages")
    expect(messages).to_contain_text("Asked 2 people.")
    visitor.press("Undo", within=messages)
    expect(messages).to_contain_text("Taken back.")
    with database.reading() as session:
        assert session.scalars(select(Notice)).all() == []
        assert session.scalars(select(BulkAction.undone_at)).one() is not None


def test_a_lead_sees_which_skills_lie_idle(visit):
    visitor = visit("lead@example.test", phone=True)
    page = visitor.page

    visitor.open("/hidden-skills")

    expect(page.get_by_role("table", name="Skills that nobody schedules")).to_contain_text("Spanish")
