"""Stretch slots in the browser: an agent chooses one on My week, a scheduler sees it and refuses it with a reason."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import expect

from tests.factories import Make
from tests.factories.centre import ZONE, build_centre, email_of

_WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


TOMORROW = dt.datetime.now(ZONE).date() + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def seeded(database, password_hash):
    """Let some work ask for one level more than Ana has in the skill in which she wants to grow; nothing is planned."""
    with database.writing() as session:
        make = Make(session)
        centre = build_centre(make, day_on=TOMORROW, password_hash=password_hash)
        make.engagement_type(code="dispute", name="Disputed bill", requires={centre.skills["billing"]: 4})
        make.commit()


def check_look(visitor):
    """Fail for what axe finds in light and in dark, and for a page that scrolls sideways."""
    visitor.check_again()
    wide, shown = visitor.page.evaluate(_WIDTHS)
    assert wide <= shown, visitor.page.url


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_slot_is_chosen_seen_and_refused(visit, phone):
    """Each size has its own slot; what is wrong is said beside its field, and what was chosen stays."""
    begins, ends = ("13:00", "13:30") if phone else ("09:00", "09:30")
    agent, scheduler = visit(email_of("agent"), phone=phone), visit(email_of("scheduler"), phone=phone)
    page, day = agent.page, TOMORROW.isoformat()

    agent.open(f"/week?day={day}", check=False)
    check_look(agent)
    page.get_by_role("link", name="Choose a slot in the shift from 08:00").click()
    page.get_by_label("From").select_option(label=ends)
    page.get_by_label("To").select_option(label=begins)
    with agent.expecting(422):
        agent.press("Choose it")
        wrong = page.get_by_label("To")
        expect(wrong).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"#{wrong.get_attribute('id')}-error")).not_to_be_empty()
        expect(page.get_by_label("From").locator("option:checked")).to_have_text(ends)
        expect(wrong.locator("option:checked")).to_have_text(begins)
        check_look(agent)
    page.get_by_label("From").select_option(label=begins)
    page.get_by_label("To").select_option(label=ends)
    agent.press("Choose it")
    expect(page.locator("#toasts")).to_contain_text(f"Chosen: Billing, {begins}–{ends}")
    expect(page.get_by_role("listitem").filter(has_text=f"{begins}–{ends}")).to_contain_text("Billing")
    check_look(agent)

    scheduler.open(f"/roster/stretch?day={day}", check=False)
    check_look(scheduler)
    row = scheduler.page.get_by_role("row").filter(has_text=f"{begins}–{ends}")
    expect(row).to_contain_text("Ana Duarte")
    row.get_by_role("link", name="Refuse").click()
    with scheduler.expecting(422):
        scheduler.press("Refuse it")
        expect(scheduler.page.get_by_label("Reason")).to_have_attribute("aria-invalid", "true")
        check_look(scheduler)
    scheduler.page.get_by_label("Reason").fill("The fair needs everybody then")
    scheduler.press("Refuse it")
    expect(scheduler.page.locator("#toasts")).to_contain_text("Ana Duarte is told why")
    expect(row).to_contain_text("Refused")

    agent.open(f"/week?day={day}", check=False)
    refused = page.get_by_role("listitem").filter(has_text=f"{begins}–{ends}")
    expect(refused).to_contain_text("The fair needs everybody then")
    check_look(agent)
