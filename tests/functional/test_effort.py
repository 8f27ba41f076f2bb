"""
What keeping the inventory alive costs: clicks, key presses and seconds for the commonest tasks, counted in a browser.

``pytest -n 0 -s tests/functional/test_effort.py`` prints the figures; the limits hold in every run.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import expect

from tests.factories import Make
from tests.factories.centre import ZONE, build_centre, email_of
from webapp.models import SkillEvent, SkillEventKind
from webapp.services import records
from webapp.services.audit import Actor

QUEUE = 20
MOST_KEYS = 60
GIL = "gil@example.test"
LONG_AGO = dt.timedelta(days=70)


@dataclass
class Effort:
    """What one task took so far."""

    task: str
    clicks: int = 0
    keys: int = 0
    started: float = field(default_factory=time.perf_counter)

    def click(self, locator):
        self.clicks += 1
        locator.click()

    def press(self, page, key):
        self.keys += 1
        page.keyboard.press(key)

    def end(self):
        seconds = time.perf_counter() - self.started
        # The figures are what the test is run for with -s.
        print(  # noqa: T201
            f"effort: {self.task:<44} {self.clicks:>3} clicks {self.keys:>3} keys {seconds:>6.1f} s"
        )
        return self.clicks + self.keys


@pytest.fixture(scope="module")
def seeded(database, password_hash):
    """Build a centre in which Gil has seven skills to look at and colleagues of hers have claimed twenty levels."""
    at = dt.datetime.now(dt.UTC)
    with database.writing() as session:
        make = Make(session)
        centre = build_centre(make, day_on=at.astimezone(ZONE).date(), password_hash=password_hash)
        gil = make.person(name="Gil Tan", email=GIL, team=centre.team)
        session.refresh(gil, ["account"])
        assert gil.account is not None
        gil.account.password = password_hash
        for number in range(7):
            make.record(gil, make.skill(name=f"Tool {number}"), 3, by=centre.lead, at=at - LONG_AGO)
        for number in range(4):
            skill = make.skill(name=f"Product {number}")
            for name, person in centre.agents.items():
                if name != "ana":
                    by = Actor(person_id=person.id, at=at - dt.timedelta(days=1))
                    records.claim_level(session, person, skill_id=skill.id, level=2 + number % 3, by=by)
        make.commit()


@pytest.mark.timeout(300)
def test_the_five_commonest_tasks_of_an_agent(visit):
    agent = visit(GIL, phone=True)
    page = agent.page
    efforts = {}

    agent.open("/my/skills")
    effort = Effort("do the monthly five")
    effort.click(page.get_by_role("link", name="Quick review"))
    for number in range(1, 6):
        expect(page.get_by_role("status").filter(has_text=f"{number} of 5")).to_be_visible()
        effort.click(page.get_by_role("button", name="Still right"))
    expect(page.get_by_text(re.compile("^Done for "))).to_be_visible()
    efforts["five"] = effort.end()
    agent.check()

    agent.open("/my/skills", check=False)
    effort = Effort("confirm a skill")
    effort.click(page.get_by_role("button", name=re.compile(r"^Still right\s*: Tool 0$")))
    expect(page.get_by_text("Tool 0 is noted as still right.")).to_be_visible()
    efforts["confirm"] = effort.end()

    effort = Effort("say what one wants")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Tool 1"))
    effort.click(card.get_by_role("button", name="Grow it"))
    expect(page.get_by_text("You want to grow Tool 1")).to_be_visible()
    efforts["interest"] = effort.end()

    effort = Effort("claim a level")
    effort.click(page.get_by_role("link", name=re.compile(r"^Claim\s+of Tool 2$")))
    effort.click(page.get_by_role("radio", name=re.compile("4")))
    effort.click(page.get_by_role("button", name="Claim this level"))
    expect(page.get_by_text("You claim level 4 in Tool 2")).to_be_visible()
    efforts["claim"] = effort.end()

    effort = Effort("see why a level is what it is")
    effort.click(page.get_by_role("link", name="Tool 3", exact=True))
    expect(page.get_by_role("heading", level=1, name="Tool 3")).to_be_visible()
    efforts["why"] = effort.end()

    assert efforts == {"five": 6, "confirm": 1, "interest": 1, "claim": 3, "why": 1}


@pytest.mark.timeout(300)
def test_a_lead_clears_a_queue_of_twenty_by_keyboard_alone(visit, database):
    lead = visit(email_of("lead"))
    page = lead.page
    lead.open("/reviews?occasion=claim")
    effort = Effort(f"clear a queue of {QUEUE} reviews")
    for _ in range(QUEUE):
        effort.press(page, "2")
        with page.expect_navigation(wait_until="load"):
            effort.press(page, "Enter")
        expect(page.get_by_text(re.compile("is reviewed at level 2"))).to_be_visible()

    presses = effort.end()

    with database.reading() as session:
        given = session.query(SkillEvent).filter_by(kind=SkillEventKind.REVIEW, level=2, source="page").count()
    assert given == QUEUE
    assert presses < MOST_KEYS


@pytest.mark.timeout(300)
def test_the_pages_of_upkeep_are_fit_for_everybody(visit):
    """What the visitor notes is asserted with each page: console, policy, failed requests, axe in light and dark."""
    hr = visit(email_of("hr"))
    hr.open("/reviews/overdue")
    hr.open("/deputies")
    hr.open("/freshness")
    lead = visit(email_of("lead"), phone=True)
    lead.open("/my/week")
    lead.open("/deputies")
