"""Work from a helpdesk: connected, its messages read and tried out, and what is unsure sorted by a person."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from tests.factories import Make
from webapp.models import Channel, Engagement, EngagementState, IntakeEvent, IntakeState, Role

SURE = {"event_id": "1", "id": "4711", "customer": "c-7", "subject": "Refund", "text": "My refund is not here yet."}
UNSURE = {"event_id": "2", "id": "4712", "customer": "c-8", "subject": "A question", "text": "May I come by at nine?"}


@pytest.fixture(scope="module")
def seeded(database, password_hash):
    """Build a site with two kinds of mail, who connects systems and who schedules."""
    with database.writing() as session:
        make = Make(session)
        site = make.site(code="harbour", name="Harbour")
        people = [
            make.person(name="Ada Admin", email="admin@example.test", site=site, roles=[Role.ADMIN], is_agent=False),
            make.person(
                name="Sam Sato",
                email="scheduler@example.test",
                site=site,
                roles=[Role.SCHEDULER],
                serves=[site],
                is_agent=False,
            ),
        ]
        for person in people:
            session.refresh(person, ["account"])
            assert person.account is not None
            person.account.password = password_hash
        for name in ("Refund", "General mail"):
            make.engagement_type(name=name, channel=Channel.EMAIL)
        make.commit()


def send(address: str, secret: str, message: dict[str, str]) -> dict[str, object]:
    """Send a message signed as a helpdesk signs it, and return what was answered."""
    body, stamp = json.dumps(message).encode(), str(int(time.time()))
    mark = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Mainstay-Signature": f"t={stamp},v1={mark}"}
    request = urllib.request.Request(address, data=body, headers=headers, method="POST")  # noqa: S310 - our own server
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - likewise
        return dict(json.load(answer))


def test_a_helpdesk_is_connected_and_what_it_sends_becomes_work(visit, database):
    admin = visit("admin@example.test")
    page = admin.page
    admin.open("/intake/sources")
    admin.follow("Connect a system")
    page.get_by_label("Sends").select_option(value="plain")
    page.get_by_label("Name").fill("Helpdesk")
    page.get_by_label("Type while unsorted").select_option(label="General mail")
    admin.press("Connect", exact=True)
    expect(page.get_by_role("heading", level=1)).to_have_text("Secret of Helpdesk")
    admin.check()
    secret = page.locator("#secret").inner_text().strip()
    address = page.locator("dd").filter(has_text="/hooks/").inner_text().strip()
    admin.follow("I have entered it")

    # Words are tried on an invented sample before they count.
    admin.follow("How messages are read")
    rule = page.get_by_role("group", name="Rule 1")
    rule.get_by_label("Type").select_option(label="Refund")
    rule.get_by_label("Any of these words").fill("refund*")
    admin.press("Try it", within=page.locator(".intake-actions"))
    expect(page.get_by_text("Refund, without asking: refund*")).to_be_visible()
    admin.check_again()
    page.get_by_label("What changed").fill("Refunds are known by their word.")
    admin.press("Save as version 2")
    expect(page.get_by_role("status", name="Messages")).to_contain_text("2")

    assert send(address, secret, SURE) == {"duplicate": False, "events": 1, "failed": 0}
    assert send(address, secret, UNSURE) == {"duplicate": False, "events": 1, "failed": 0}
    assert send(address, secret, SURE)["duplicate"] is True
    with pytest.raises(urllib.error.HTTPError, match="401"):
        send(address, "not the secret", UNSURE)
    admin.open("/intake/sources")
    admin.follow("Helpdesk", within=page.get_by_role("main"))
    expect(page.get_by_role("table", name=re.compile("Events"))).to_contain_text("4712")
    admin.check_again()

    # The scheduler says what the unsure one is, by one key.
    scheduler = visit("scheduler@example.test")
    scheduler.open("/intake/review")
    expect(scheduler.page.locator(".intake-words")).to_contain_text("May I come by at nine?")
    choice = scheduler.page.locator(".intake-choice").filter(has_text="General mail")
    scheduler.page.keyboard.press(choice.locator("kbd").inner_text().strip())
    expect(scheduler.page.get_by_text("Nothing to sort")).to_be_visible()
    scheduler.check_again()
    scheduler.open("/engagements?day=&q=4712")
    scheduler.follow("4712", within=scheduler.page.get_by_role("main"))
    expect(scheduler.page.get_by_role("main")).to_contain_text("Classified")
    expect(scheduler.page.get_by_role("main")).to_contain_text("General mail")
    scheduler.check()

    with database.reading() as session:
        kinds = {
            each.external_id: (each.engagement_type.name, each.state) for each in session.scalars(select(Engagement))
        }
        events = {each.state for each in session.scalars(select(IntakeEvent))}
    assert kinds == {
        "4711": ("Refund", EngagementState.CLASSIFIED),
        "4712": ("General mail", EngagementState.CLASSIFIED),
    }
    assert events == {IntakeState.ACCEPTED}


def test_sorting_and_sources_on_a_phone(visit):
    for email, paths in {
        "admin@example.test": ("/intake/sources", "/intake/sources/1", "/intake/sources/1/mapping"),
        "scheduler@example.test": ("/intake/review",),
    }.items():
        visitor = visit(email, phone=True)
        for path in paths:
            visitor.open(path)
            assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390, path
