"""Open pages follow what others do, without reload: by a stream, and by asking where there is no room for one."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import expect

from tests import running
from tests.factories import Make
from webapp.models import Role

AGENT, LEAD = "agent@example.test", "lead@example.test"
UNDISTURBED = "window.undisturbed = true"


@pytest.fixture(scope="module")
def seeded(database, password_hash):
    with database.writing() as session:
        make = Make(session)
        team = make.team(name="North")
        billing = make.skill(name="Billing")
        agent = make.person(name="Ana Agent", email=AGENT, team=team)
        lead = make.person(name="Leo Lead", email=LEAD, roles=[Role.LEAD], leads=[team], team=team)
        for person in (agent, lead):
            session.refresh(person, ["account"])
            assert person.account is not None
            person.account.password = password_hash
        for skill in (billing, make.skill(name="Chat"), make.skill(name="Refunds"), make.skill(name="Orders")):
            make.record(agent, skill, 0, claimed=3, at=dt.datetime.now(dt.UTC) - dt.timedelta(days=2))
        make.commit()


def review(lead, skill: str, level: int) -> None:
    """Let the lead review a skill of the agent by the inbox."""
    lead.page.get_by_role("link", name=f"Ana Agent {skill}").first.click()
    lead.page.get_by_role("radio", name=f"{level} ").check()
    lead.press("Review", exact=True)
    expect(lead.page.locator("#toasts")).to_contain_text(f"is reviewed at level {level}")


@pytest.fixture(params=["stream", "poll"])
def two(request, visit, browser, database_url, tmp_path, served):
    """Return an agent and a lead with their pages open, by a server with room for streams and by one without."""
    if request.param == "stream":
        yield visit(AGENT), visit(LEAD), "stream"
        return
    with running.server(database_url, tmp_path, LIVE_STREAMS="0") as full:
        pair = visit(), visit()
        for visitor, email in zip(pair, (AGENT, LEAD), strict=True):
            visitor.url = full.url
            visitor.sign_in(email)
        yield *pair, "poll"
        for visitor in pair:
            visitor.page.close()


def test_a_review_appears_on_the_agents_open_page_and_typed_text_stays(two):
    agent, lead, way = two
    skill, level = ("Billing", 4) if way == "stream" else ("Chat", 2)
    agent.open("/my/skills", check=False)
    agent.page.evaluate(UNDISTURBED)
    expect(agent.page.locator("html")).to_have_attribute("data-live", way)
    card = agent.page.get_by_role("listitem").filter(has=agent.page.get_by_role("heading", name=skill))
    expect(card).to_contain_text("waits for a review")
    search = agent.page.get_by_label("Search")
    search.fill("half a wo")
    card.get_by_role("button", name="Still right").focus()
    lead.open("/reviews", check=False)

    review(lead, skill, level)

    expect(card).to_contain_text("Reviewed", timeout=20_000)
    expect(card).to_contain_text(f"level {level}")
    expect(search).to_have_value("half a wo")
    expect(card.get_by_role("button", name="Still right")).to_be_focused()
    expect(agent.page.locator("[data-live-note]")).to_have_count(0)
    assert agent.page.evaluate("window.undisturbed")


def test_a_page_that_a_busy_server_tells_to_wait_shows_the_change_later(visit):
    agent, lead = visit(AGENT), visit(LEAD)
    agent.open("/my/skills", check=False)
    refused: list[str] = []

    def answer(route):
        if "x-mainstay-live" in route.request.headers and len(refused) < 2:
            refused.append(route.request.url)
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="Busy")
        else:
            route.continue_()

    agent.page.route("**/my/skills*", answer)
    card = agent.page.get_by_role("listitem").filter(has=agent.page.get_by_role("heading", name="Orders"))
    expect(agent.page.locator("html")).to_have_attribute("data-live", "stream")
    lead.open("/reviews", check=False)

    review(lead, "Orders", 5)

    expect(card).to_contain_text("level 5", timeout=20_000)
    assert len(refused) == 2


def test_a_review_that_somebody_is_writing_is_never_replaced_but_told_of(visit):
    agent, lead = visit(AGENT), visit(LEAD)
    agent.open("/my/skills", check=False)
    lead.open("/reviews", check=False)
    lead.page.get_by_role("link", name="Ana Agent Refunds").first.click()
    lead.page.evaluate(UNDISTURBED)
    expect(lead.page.locator("html")).to_have_attribute("data-live", "stream")
    note = lead.page.get_by_label("What you have seen")
    note.fill("Saw her settle one")

    agent.page.get_by_role("link", name="Change claim of Refunds").click()
    agent.page.get_by_role("radio", name="5 ").check()
    agent.press("Claim")

    expect(lead.page.get_by_text("Changed by Ana Agent")).to_be_visible(timeout=20_000)
    expect(note).to_have_value("Saw her settle one")
    lead.check_again()
    lead.press("Show the change")
    expect(lead.page.get_by_text("Changed by Ana Agent")).to_have_count(0)
    assert lead.page.evaluate("window.undisturbed")
