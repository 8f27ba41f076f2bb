"""A what-if in the browser: somebody away is tried beside the published plan, read, kept as a file and put away."""

from __future__ import annotations

import csv
import io

import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select

from tests.factories.centre import email_of
from webapp.models import Absence, Assignment, Person, Plan, Scenario


@pytest.fixture(scope="module")
def seeded(published_centre):
    """Serve a small centre whose next day is published."""


@pytest.fixture
def busiest(database):
    """Return the name and the number of engagements of whoever has most to do in the published plan."""
    with database.reading() as session:
        query = select(Person.name, func.count()).join(Assignment, Assignment.person_id == Person.id)
        name, count = session.execute(query.group_by(Person.name).order_by(func.count().desc(), Person.name)).first()
    return name, count


def planned(database):
    """Return what a what-if must not touch: plans, who has what, and absences."""
    with database.reading() as session:
        rows = session.execute(select(Assignment.id, Assignment.person_id, Assignment.starts_at, Assignment.plan_id))
        plans = session.execute(select(Plan.id, Plan.state)).all()
        return sorted(map(tuple, rows)), plans, session.scalar(select(func.count()).select_from(Absence))


def test_an_absence_is_tried_beside_the_published_plan(visit, published_centre, database, busiest):
    scheduler, (name, count), before = visit(email_of("scheduler")), busiest, planned(database)
    page = scheduler.page
    scheduler.open(f"/scenarios?day={published_centre.day_on}")

    with scheduler.expecting(422):
        page.get_by_label("Time limit").fill("0")
        scheduler.press("Begin")
        expect(page.get_by_role("alert")).to_contain_text("2 fields need another look")
        for label, kept in (("Name", ""), ("Time limit", "0")):
            expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
            expect(page.get_by_label(label)).to_have_value(kept)
        scheduler.check_again()
    page.get_by_label("Name").fill(f"{name} is ill")
    page.get_by_label("Time limit").fill("10")
    scheduler.press("Begin")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name} is ill")
    scheduler.check()

    away = page.locator("details", has_text="Somebody is away")
    away.locator("summary").click()
    away.get_by_label("Agent").select_option(label=name)
    away.get_by_label("From").fill("16:00")
    away.get_by_label("To").fill("08:00")
    with scheduler.expecting(422):
        scheduler.press("Add", within=away, exact=True)
        expect(away.locator("[aria-invalid=true]")).not_to_have_count(0)
        expect(away.get_by_label("Agent").locator("option:checked")).to_have_text(name)
        expect(away.get_by_label("From")).to_have_value("16:00")
    away.get_by_label("From").fill("08:00")
    away.get_by_label("To").fill("16:00")
    scheduler.press("Add", within=away, exact=True)
    expect(page.locator(".change-list")).to_contain_text(name)
    expect(page.locator("html")).to_have_attribute("data-live", "stream")
    scheduler.press("Solve")

    # The page follows its job by itself until the outcome stands beside the plan.
    figures = page.get_by_role("table", name="Figures side by side")
    expect(figures.get_by_role("columnheader")).to_have_count(3, timeout=60_000)
    expect(figures.get_by_role("columnheader").nth(1)).to_contain_text("published")
    affected = page.get_by_role("table", name="People whose day would differ").get_by_role("row")
    expect(affected.filter(has_text=name).get_by_role("cell").nth(1)).to_have_text(str(count))
    scheduler.check_again()
    with page.expect_download() as download:
        page.get_by_role("main").get_by_role("link", name="CSV").first.click()
    changed = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig"))))
    assert len(changed) >= count
    assert planned(database) == before


def test_a_what_if_on_a_phone(visit, published_centre):
    scheduler = visit(email_of("scheduler"), phone=True)
    for path in (f"/scenarios?day={published_centre.day_on}", "/scenarios/1", "/scenarios/1/make-so"):
        scheduler.open(path)
        assert scheduler.page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_it_is_compared_again_not_made_so_and_put_away(visit, published_centre, database, busiest):
    scheduler, (name, _), before = visit(email_of("scheduler")), busiest, planned(database)
    page = scheduler.page

    scheduler.open(f"/scenarios?day={published_centre.day_on}", check=False)
    figures = page.get_by_role("table", name="Figures side by side")
    expect(figures.get_by_role("columnheader").nth(2)).to_contain_text(f"{name} is ill")
    scheduler.check()
    page.get_by_role("table", name="Scenarios of the day").get_by_role("link", name=f"{name} is ill").click()
    scheduler.follow("Make it so")
    expect(page.get_by_role("main")).to_contain_text(name)
    scheduler.follow("Cancel")
    scheduler.press("Put away")

    expect(page.locator("#toasts")).to_contain_text("Undo")
    expect(page.get_by_role("main")).to_contain_text("No scenario yet")
    scheduler.check_again()
    with database.reading() as session:
        assert session.scalars(select(Scenario)).one().removed_at is not None
    assert planned(database) == before
