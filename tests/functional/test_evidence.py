"""An agent brings evidence on a phone, the lead accepts it, and the agent reads why the level is what it is."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from playwright.sync_api import expect

from tests.factories import Make
from tests.factories import badges as made
from tests.factories.centre import ZONE, build_centre, email_of
from webapp.models import SkillEventKind
from webapp.services import evidence_issuers, records
from webapp.services.audit import Actor
from webapp.services.evidence_issuers import IssuerValues
from webapp.services.records import NewEvent

GIL = "gil@example.test"
KEY = made.new_key("EC")


@pytest.fixture(scope="module")
def seeded(database, password_hash):
    """Build a centre in which Gil claims Spanish, a colleague holds it, and HR trusts an academy."""
    at = dt.datetime.now(dt.UTC)
    with database.writing() as session:
        make = Make(session)
        centre = build_centre(make, day_on=at.astimezone(ZONE).date(), password_hash=password_hash)
        catalan = make.skill(name="Catalan", code="catalan")
        tool = make.skill(name="Sign language", code="signs")
        gil = make.person(name="Gil Tan", email=GIL, team=centre.team)
        noa = make.person(name="Noa Li", team=centre.team)
        for person in (gil, noa):
            session.refresh(person, ["account"])
            assert person.account is not None
            person.account.password = password_hash
        records.claim_level(session, gil, skill_id=catalan.id, level=4, by=Actor(gil.id, at))
        records.claim_level(session, noa, skill_id=tool.id, level=2, by=Actor(noa.id, at))
        records.append_events(session, [NewEvent(gil.id, tool.id, SkillEventKind.REVIEW, level=3)], by=Actor(None, at))
        records.reproject(session, [(gil.id, tool.id)], at.date())
        issuer = evidence_issuers.create_issuer(
            session,
            IssuerValues("Academy", made.ISSUER_KEY, json.dumps(made.public(KEY).as_dict())),
            by=Actor(centre.lead.id, at),
        )
        evidence_issuers.add_mapping(
            session,
            issuer,
            achievement_key=made.ACHIEVEMENT_KEY,
            skill_id=tool.id,
            level=3,
            by=Actor(centre.lead.id, at),
        )
        make.commit()


@pytest.mark.timeout(300)
def test_an_agent_brings_a_certificate_on_a_phone_and_the_lead_accepts_it(visit):
    agent, lead = visit(GIL, phone=True), visit(email_of("lead"))
    page = agent.page

    agent.open("/my/skills")
    agent.follow("Catalan", within=page.get_by_role("main"))
    agent.follow("Add evidence", within=page.get_by_role("main"))
    page.get_by_label("Certificate").check()
    page.get_by_label("What it is called").fill("Nivell C1")
    page.get_by_label("Who issued it").fill("Generalitat")
    page.get_by_label("Photo or PDF").set_input_files({"name": "c1.png", "mimeType": "image/png", "buffer": made.png()})
    page.get_by_role("radio", name="Proficient").check()
    agent.press("Add this evidence")
    expect(page.get_by_text("Nivell C1 waits for your lead or HR.")).to_be_visible()

    lead.open("/evidence")
    expect(lead.page.get_by_role("heading", name="Nivell C1")).to_be_visible()
    lead.press("Accept", exact=True)
    expect(lead.page.get_by_text("Nivell C1 of Gil Tan counts at level 4.")).to_be_visible()
    lead.check_again()

    agent.open("/my/skills")
    agent.follow("Catalan", within=page.get_by_role("main"))
    expect(page.get_by_text("The evidence speaks for level 4")).to_be_visible()
    expect(page.get_by_text("Generalitat: Nivell C1")).to_be_visible()
    agent.check_again()


@pytest.mark.timeout(300)
def test_an_agent_brings_a_badge_endorses_a_colleague_and_takes_their_data_along(visit):
    agent = visit(GIL, phone=True)
    page = agent.page
    badge = made.baked_png(
        made.token(made.credential(credentialSubject=made.subject(GIL)), KEY), b"openbadgecredential"
    )

    agent.open("/my/skills/badges/add")
    page.get_by_label("Badge", exact=True).set_input_files(
        {"name": "badge.png", "mimeType": "image/png", "buffer": badge}
    )
    agent.press("Add this badge")
    expect(page.get_by_text("Spanish B2 counts for Sign language")).to_be_visible()

    agent.open("/colleagues")
    agent.follow("Noa Li")
    agent.follow("Endorse Sign language")
    page.get_by_role("radio", name="Advanced beginner").check()
    agent.press("Endorse", exact=True)
    expect(page.get_by_text("You endorse this")).to_be_visible()
    agent.check_again()

    agent.open("/my/data")
    with page.expect_download() as download:
        agent.press("Take it along")
    assert download.value.suggested_filename.endswith(".zip")


@pytest.mark.timeout(300)
def test_hr_trusts_an_issuer(visit):
    hr = visit(email_of("hr"))

    hr.open("/badge-issuers")
    hr.follow("Academy", within=hr.page.get_by_role("main"))
    hr.follow("Edit", within=hr.page.get_by_role("main"))
    hr.open("/badge-issuers/new")
    hr.page.get_by_label("Name").fill("Institute")
    hr.page.get_by_label("Identifiers").fill("https://institute.example/issuer")
    hr.page.get_by_label("Public keys").fill(made.new_key("EC").as_pem(private=False).decode())
    hr.press("Trust this issuer")
    expect(hr.page.get_by_text("Institute is trusted.")).to_be_visible()
