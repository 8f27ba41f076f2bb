"""What each role comes for, on a small centre with a published day: lead, HR, agent, scheduler, admin."""

from __future__ import annotations

import csv
import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests.factories.centre import email_of
from webapp.models import HiringProfile, SkillEvent, SkillEventKind


@pytest.fixture(scope="module")
def seeded(published_centre):
    """Serve a small centre whose next day is published."""


def test_lead_reviews_a_claim_by_keyboard_alone(visit, database):
    visitor = visit(email_of("lead"))
    page = visitor.page
    visitor.open("/account", check=False)

    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", level=1)).to_have_text("Reviews")
    expect(page.locator("#review-title")).to_contain_text("Ana Duarte, Billing")
    visitor.check()
    page.keyboard.press("4")
    expect(page.get_by_role("radio", name=re.compile("4"))).to_be_checked()
    page.keyboard.press("Enter")

    expect(page.get_by_role("status", name="Messages")).to_contain_text("Ana Duarte")
    visitor.check_again()
    with database.reading() as session:
        newest = session.scalars(select(SkillEvent).order_by(SkillEvent.id.desc()).limit(1)).one()
    assert (newest.kind, newest.level) == (SkillEventKind.REVIEW, 4)


def test_hr_finds_who_can_and_takes_the_list_along(visit, published_centre):
    visitor = visit(email_of("hr"))
    page = visitor.page
    visitor.open("/who-can")

    page.get_by_label("Skill 1", exact=True).select_option(label="Network faults")
    page.get_by_label("Lowest level of skill 1").select_option(value="3")
    page.get_by_label("On", exact=True).fill(published_centre.day_on.isoformat())
    page.get_by_label("Free from").fill("09:00")
    page.get_by_label("until").fill("11:00")
    visitor.press("Find", exact=True)
    table = page.get_by_role("table", name="People who can")
    expect(table.get_by_role("rowheader")).to_have_count(3)
    visitor.check_again()
    with page.expect_download() as download:
        page.get_by_role("main").get_by_role("link", name="CSV").click()

    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert {cell for row in rows for cell in row} >= {"Dana Kral", "Cem Aydin", "Fay Osei"}
    assert len(rows) == 4


def test_hr_draws_a_hiring_profile_from_what_the_plan_left_out(visit, database, published_centre):
    visitor = visit(email_of("hr"))
    page = visitor.page

    visitor.open(f"/profiles/new?day={published_centre.day_on}")
    requirement = page.get_by_role("table", name="Requirements of the draft").get_by_role("row").nth(1)
    expect(requirement).to_contain_text("Network faults")
    expect(requirement).to_contain_text("expert")
    page.get_by_label("Name").fill("Core network expert")
    visitor.press("Keep the profile")
    expect(page.get_by_role("heading", level=1)).to_have_text("Core network expert")
    visitor.check()
    with page.expect_download() as download:
        page.get_by_role("main").get_by_role("link", name="CSV").first.click()

    assert "Network faults" in download.value.path().read_text(encoding="utf-8-sig")
    with database.reading() as session:
        assert session.scalars(select(HiringProfile.name)).all() == ["Core network expert"]


def test_agent_claims_a_level_and_takes_it_back(visit):
    visitor = visit("bo@example.test", phone=True)
    page = visitor.page
    visitor.open("/my/skills", check=False)

    page.get_by_role("link", name=re.compile("Claim of Returns")).click()
    visitor.check()
    page.get_by_role("radio", name=re.compile("4")).check()
    page.get_by_label("What supports it").fill("I have trained two colleagues in it")
    visitor.press("Claim this level")
    messages = page.get_by_role("status", name="Messages")
    expect(messages).to_contain_text("You claim level 4 in Returns.")
    visitor.check()
    visitor.press("Undo", within=messages)

    expect(messages).to_contain_text("Taken back: no claim stands in Returns.")
    visitor.check()
