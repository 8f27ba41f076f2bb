"""What each role comes for, on a small centre with a published day: lead, HR, agent, scheduler, admin."""

from __future__ import annotations

import csv
import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests import running
from tests.factories import Make
from tests.factories.centre import ZONE, build_centre
from webapp.models import HiringProfile, SkillEvent, SkillEventKind

DAY = dt.datetime.now(ZoneInfo(ZONE.key)).date() + dt.timedelta(days=1)
ROLES = ("agent", "lead", "scheduler", "hr", "admin")
EMAIL = {role: f"{'ana' if role == 'agent' else role}@example.test" for role in ROLES}


@pytest.fixture(scope="module")
def seeded(database, database_url, password_hash):
    with database.writing() as session:
        make = Make(session)
        build_centre(make, day_on=DAY, password_hash=password_hash)
        make.commit()
    day = ("--site", "harbour", "--day", DAY.isoformat(), "--seconds", "5")
    running.mainstay("plan", "run", *day, "--publish", "--as", EMAIL["scheduler"], database_url=database_url)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_the_navigation_is_accessible_and_fits(visit, role, phone):
    """Pages hold no surprise: nothing scrolls sideways, axe finds nothing in light and dark, the console is silent."""
    visitor = visit(EMAIL[role], phone=phone)
    links = visitor.page.locator(".drawer nav a" if phone else ".sidebar nav a")
    addresses = links.evaluate_all("all => all.map(link => new URL(link.href).pathname)")
    assert len(addresses) >= 4
    for address in addresses:
        # What axe sees hardly depends on the width; agents, who mostly come by phone, are looked at in both.
        visitor.open(address, check=role == "agent" or not phone)
        expect(visitor.page.get_by_role("heading", level=1)).to_have_count(1)
        wide, shown = visitor.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= shown, f"{address} is {wide} pixels wide on a screen of {shown}"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", ["scheduler", "hr", "lead"])
def test_pages_behind_the_lists_are_accessible(visit, role):
    """From each list the first entry is opened, and from there whatever its tabs and buttons lead to."""
    visitor = visit(EMAIL[role])
    page = visitor.page
    starts = {
        "scheduler": [f"/plans?day={DAY}", "/plans/1", "/engagements", "/types", f"/roster?day={DAY}"],
        "hr": ["/people", "/people/structure", "/skills", "/careers", f"/profiles/new?day={DAY}"],
        "lead": ["/reviews", "/heat-map/", "/people"],
    }
    for start in starts[role]:
        visitor.open(start)
        found = page.locator("main a[href^='/']:not([download])").evaluate_all(
            "all => all.map(link => link.getAttribute('href'))"
        )
        for address in _one_of_each(found):
            visitor.open(address)


def _one_of_each(addresses):
    """Return the first address of each kind of page; pages that differ by an id or a filter alone look alike."""
    kinds: dict[str, str] = {}
    for address in addresses:
        if "format=" not in address:
            kinds.setdefault(re.sub(r"\d+", "n", address.partition("?")[0]), address)
    return list(kinds.values())


def test_lead_reviews_a_claim_by_keyboard_alone(visit, database):
    visitor = visit(EMAIL["lead"])
    page = visitor.page
    visitor.open("/account/", check=False)

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


def test_hr_finds_who_can_and_takes_the_list_along(visit):
    visitor = visit(EMAIL["hr"])
    page = visitor.page
    visitor.open("/who-can")

    page.get_by_label("Skill 1", exact=True).select_option(label="Network faults")
    page.get_by_label("Lowest level of skill 1").select_option(value="3")
    page.get_by_label("On", exact=True).fill(DAY.isoformat())
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


def test_hr_draws_a_hiring_profile_from_what_the_plan_left_out(visit, database):
    visitor = visit(EMAIL["hr"])
    page = visitor.page

    visitor.open(f"/profiles/new?day={DAY}")
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
