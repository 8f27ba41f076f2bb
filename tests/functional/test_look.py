"""What every page has: palette, shortcuts, themes, tables, toasts, notices and the progress of a job."""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests.factories import Make
from webapp.models import Job, JobState, Notice, Role
from webapp.services import audit, jobs, notices

# Sign-ins are limited for each account, so the tests take turns.
ADMINS = tuple(f"admin{number}@example.test" for number in range(4))
_turns = itertools.cycle(ADMINS)


@pytest.fixture(scope="module")
def seeded(database, password_hash):
    with database.writing() as session:
        make = Make(session)
        admins = [make.person(name="Ada Admin", email=email, roles=[Role.ADMIN]) for email in ADMINS]
        for admin in admins:
            session.refresh(admin, ["account"])
            assert admin.account is not None
            admin.account.password = password_hash
            notices.notify(session, admin.id, kind="run_finished", text="Done.", link="/audit", by=make.actor(admin))
        for name in ("Mei Tanaka", "Tomasz Kowal"):
            person = make.person(name=name)
            for level in range(30):
                audit.record(session, "claim_level", person, by=make.actor(person), detail={"level": [0, level]})
        make.skill(name="Billing disputes")
        job = jobs.enqueue(session, "plan.solve", {}, by=make.actor(admins[0]))
        # Held by nobody who runs: the test moves it on.
        job.state, job.progress, job.progress_detail = JobState.RUNNING, 0.25, {"gap": 0.031}
        job.lease_owner, job.lease_until = "test", make.actor().at.replace(year=2099)
        make.commit()


@pytest.fixture
def admin():
    """Return the address of an admin who may still sign in."""
    return next(_turns)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_shared_pages_are_accessible_and_never_scroll_sideways(visit, admin, phone):
    visitor = visit(admin, phone=phone)
    for path in ("/account", "/notices", "/jobs", "/jobs/1", "/audit", "/no-such-page"):
        with visitor.expecting(404):
            visitor.open(path)
        wide, shown = visitor.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= shown, path


@pytest.mark.parametrize(
    ("letters", "name", "address"), [("audit", "Audit trail", "/audit"), ("mei", "Mei Tanaka", "")]
)
def test_palette_leads_anywhere_by_keyboard_alone(visit, admin, letters, name, address):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/account", check=False)

    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Find people")
    expect(field).to_be_focused()
    page.keyboard.type(letters)
    chosen = page.get_by_role("option", selected=True)
    expect(chosen).to_contain_text(name)
    expect(field).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    visitor.check_again()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    assert address in page.url


def test_palette_says_when_it_finds_nothing_and_gives_focus_back(visit, admin):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/account", check=False)

    opener = page.get_by_role("button", name="Find people, skills, pages")
    opener.click()
    page.keyboard.type("zzzz")
    expect(page.locator("[data-palette-status]")).to_contain_text("Nothing found")
    page.keyboard.press("Escape")

    expect(page.get_by_role("combobox", name="Find people")).to_be_hidden()
    expect(opener).to_be_focused()


def test_question_mark_lists_the_keys_and_they_work(visit, admin):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/account", check=False)

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_contain_text("Audit trail")
    visitor.check_again()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("a")

    expect(page).to_have_url(re.compile("/audit$"))


def test_keys_can_be_switched_off_and_stay_off(visit, admin):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/account", check=False)

    page.keyboard.press("?")
    page.get_by_label("Single-key shortcuts are on").uncheck()
    page.reload()
    page.keyboard.press("?")

    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_keys_are_letters_while_somebody_types(visit, admin):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/audit", check=False)

    page.get_by_role("searchbox", name="Who").click()
    page.keyboard.type("g j?")

    expect(page.get_by_role("searchbox", name="Who")).to_have_value("g j?")
    expect(page).to_have_url(re.compile("/audit$"))


def test_theme_is_kept_until_it_is_changed(visit, admin):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/account", check=False)
    html = page.locator("html")

    expect(html).to_have_attribute("data-bs-theme", "light")
    page.get_by_label("Dark", exact=True).check()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.get_by_label("As the device").check()
    expect(html).to_have_attribute("data-bs-theme", "light")


def test_choice_of_columns_is_remembered(visit, admin):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/audit", check=False)
    heading = page.get_by_role("columnheader", name="Digest")

    expect(heading).to_be_hidden()
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("Digest").check()
    expect(heading).to_be_visible()
    visitor.check_again()
    page.reload()

    expect(heading).to_be_visible()


def test_a_filter_submits_itself_and_stands_in_the_address(visit, admin):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/audit", check=False)

    page.get_by_label("Action").select_option(label="Claim level")

    expect(page).to_have_url(re.compile(r"/audit\?action=claim_level$"))
    expect(page.get_by_role("status").filter(has_text="rows")).to_contain_text("60 rows")
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url(re.compile("action=claim_level.*page=2"))
    page.get_by_role("link", name="Clear").click()
    expect(page).to_have_url(re.compile("/audit$"))


def test_the_list_of_pages_shows_where_one_is(visit, admin):
    """It is longer than the window is high, and the audit trail stands near its end."""
    visitor = visit(admin)
    visitor.open("/audit", check=False)

    expect(visitor.page.locator(".sidebar [aria-current]")).to_be_in_viewport(ratio=1)


def test_the_drawer_opens_every_page_on_a_phone(visit, admin):
    visitor = visit(admin, phone=True)
    page = visitor.page
    visitor.open("/account", check=False)

    page.get_by_role("button", name="All pages").click()
    visitor.check_again()
    page.get_by_role("navigation", name="All pages").get_by_role("link", name="Audit trail").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Audit trail")


def test_a_notice_opens_what_it_tells_of_and_is_read_then(visit, admin, database):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/account", check=False)

    page.get_by_role("link", name="Notices, 1 unread").click()
    page.get_by_role("main").get_by_role("button", name="Open").click()

    expect(page).to_have_url(re.compile("/audit$"))
    expect(page.get_by_role("link", name="Notices", exact=True)).to_be_visible()
    with database.reading() as session:
        assert session.scalars(select(Notice.read_at).where(Notice.read_at.is_not(None))).all()


def test_progress_of_a_job_moves_by_itself_and_ends_with_its_outcome(visit, admin, database):
    visitor = visit(admin)
    page = visitor.page
    visitor.open("/jobs/1", check=False)
    expect(page.locator("[data-job-figures]")).to_contain_text("3.10 %")

    with database.transaction() as session:
        job = session.get_one(Job, 1)
        job.progress, job.progress_detail = 0.75, {"gap": 0.004}
    expect(page.locator("[data-job-figures]")).to_contain_text("0.40 %")
    expect(page.get_by_role("progressbar")).to_have_js_property("value", 0.75)
    with database.transaction() as session:
        job = session.get_one(Job, 1)
        job.state, job.progress, job.result = JobState.DONE, 1.0, {"plan_id": 7}
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)

    expect(page.get_by_text("Plan id")).to_be_visible()
    visitor.check_again()
