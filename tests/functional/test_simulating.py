"""What another rule of routing would have done yesterday, asked for and read in the browser."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests.factories import Make
from webapp.models import Channel, Role, Simulation

ZONE = ZoneInfo("Europe/Berlin")
YESTERDAY = dt.datetime.now(ZONE).date() - dt.timedelta(days=1)


@pytest.fixture(scope="module")
def seeded(database, password_hash):
    """Let two people have answered calls yesterday, some of which came at once."""
    opens = dt.datetime.combine(YESTERDAY, dt.time(9), tzinfo=ZONE).astimezone(dt.UTC)
    with database.writing() as session:
        make = Make(session)
        site = make.site(code="harbour", name="Harbour", time_zone=ZONE.key)
        scheduler = make.person(
            name="Sam Sato", email="scheduler@example.test", site=site, roles=[Role.SCHEDULER], is_agent=False
        )
        session.refresh(scheduler, ["account"])
        assert scheduler.account is not None
        scheduler.account.password = password_hash
        skill = make.skill(name="Answering calls")
        calls = make.engagement_type(name="Calls", channel=Channel.VOICE, requires={skill: 2})
        team = make.team(site=site, name="Care")
        for name in ("Yara Early", "Yuri Early"):
            person = make.person(name=name, site=site, team=team)
            make.shift(person, starts_at=opens, hours=3)
            make.record(person, skill, 3, at=opens - dt.timedelta(days=30))
            for number in range(10):
                make.contact(calls, opens + number * dt.timedelta(minutes=11), 9, site_id=site.id, person_id=person.id)
        make.commit()


def test_a_simulation_is_asked_for_and_read(visit, database):
    visitor = visit("scheduler@example.test")
    page = visitor.page
    visitor.open("/simulations")

    ask = page.get_by_role("region", name="Simulate a day")
    ask.get_by_label("Day", exact=True).fill(YESTERDAY.isoformat())
    ask.get_by_label("Draws").fill("5")
    visitor.press("Simulate", within=ask, exact=True)

    # The page follows its job by itself until the result is there.
    expect(page.get_by_role("heading", name="In plain words")).to_be_visible(timeout=60_000)
    plot = page.locator("figure img.only-light")
    plot.scroll_into_view_if_needed()
    expect(plot).to_have_js_property("complete", True)
    assert plot.evaluate("picture => picture.naturalWidth") > 100
    table = page.get_by_role("table", name="What came out, by policy")
    expect(table.get_by_role("rowheader")).to_contain_text(["Longest idle", "Best skill"])
    visitor.check_again()
    with page.expect_download() as download:
        page.get_by_role("main").get_by_role("link", name="CSV").first.click()
    assert "longest-idle" in download.value.path().read_text(encoding="utf-8-sig")
    with database.reading() as session:
        simulation = session.scalars(select(Simulation)).one()
        assert simulation.result is not None
        assert (simulation.day_on, simulation.seeds) == (YESTERDAY, 5)


def test_simulations_on_a_phone(visit):
    visitor = visit("scheduler@example.test", phone=True)
    for path in ("/simulations", "/simulations/1"):
        visitor.open(path)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390, path
