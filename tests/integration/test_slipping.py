"""What is about to slip: which engagements, why, and what mends each; on the page and by the buttons."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW
from tests.factories.plans import assign, draft_plan, publish
from webapp.models import AuditEvent, Engagement, EngagementState, Pin, Role
from webapp.services import slipping
from webapp.services.slipping import Cause

MINUTE = dt.timedelta(minutes=1)
HOUR = 60 * MINUTE


@pytest.fixture
def scheduler(make):
    return make.person(name="Sam", roles=[Role.SCHEDULER])


@pytest.fixture
def skill(make):
    return make.skill(name="Billing")


@pytest.fixture
def agent(make, skill):
    person = make.person(name="Ada")
    make.record(person, skill, 3)
    make.shift(person, starts_at=NOW - HOUR)
    return person


@pytest.fixture
def work(make, skill):
    """Return a function that builds work which is due so long from now."""
    kind = make.engagement_type(name="Refund", requires={skill: 2})

    def build(due, **values):
        window = {"earliest_at": NOW - HOUR, "due_at": NOW + due, "latest_at": NOW + due + HOUR}
        return make.engagement(kind, **window | values)

    return build


def slips(make, scheduler, **how):
    found = slipping.list_slipping(make.session, viewer=make.viewer(scheduler), at=NOW, **how)
    return [(each.engagement, each.cause) for each in found]


def test_what_is_due_soon_and_in_no_plan_slips_and_the_least_time_comes_first(make, scheduler, work):
    later, soon, over = work(100 * MINUTE), work(30 * MINUTE), work(-30 * MINUTE)
    work(121 * MINUTE)
    work(30 * MINUTE, state=EngagementState.IN_PROGRESS)
    work(30 * MINUTE, state=EngagementState.DONE)

    found = slips(make, scheduler)

    assert found == [(soon, Cause.DUE), (over, Cause.DUE), (later, Cause.DUE)]


def test_as_many_are_counted_as_are_listed(make, scheduler, agent, work):
    for due in (30 * MINUTE, -30 * MINUTE, 121 * MINUTE):
        work(due)
    work(5 * HOUR, state=EngagementState.RECEIVED, earliest_at=NOW - 20 * HOUR)
    plan = draft_plan(make)
    assign(make, plan, work(4 * HOUR, state=EngagementState.OFFERED), agent, starts_at=NOW + HOUR / 2)
    assign(make, plan, work(4 * HOUR, state=EngagementState.OFFERED), agent, starts_at=NOW + 20 * HOUR)
    publish(make, plan)

    listed = slips(make, scheduler)
    make.session.expire_all()

    assert len(listed) == slipping.count_slipping(make.session, agent.site, NOW)
    assert {cause for _, cause in listed} >= {Cause.DUE, Cause.AWAY}


def test_what_an_agent_will_begin_in_time_does_not_slip(make, scheduler, agent, work):
    planned, missed = (work(60 * MINUTE, state=EngagementState.OFFERED) for _ in range(2))
    plan = draft_plan(make)
    assign(make, plan, planned, agent, starts_at=NOW + 10 * MINUTE)
    assign(make, plan, missed, agent, starts_at=NOW - 30 * MINUTE)
    publish(make, plan)

    assert slips(make, scheduler) == [(missed, Cause.DUE)]


@pytest.mark.parametrize("why", ["absent", "off shift", "gone"])
def test_work_of_an_agent_who_is_away_slips_even_if_it_is_due_late(make, scheduler, agent, work, why):
    engagement = work(5 * HOUR, state=EngagementState.ACCEPTED)
    plan = draft_plan(make)
    starts_at = NOW + (12 * HOUR if why == "off shift" else HOUR)
    assign(make, plan, engagement, agent, starts_at=starts_at)
    publish(make, plan)
    if why == "absent":
        make.absence(agent, starts_at=NOW, ends_at=NOW + 4 * HOUR)
    if why == "gone":
        agent.active = False
        make.session.flush()

    assert slips(make, scheduler) == [(engagement, Cause.AWAY)]


def test_what_has_come_back_and_nobody_looked_at_slips(make, scheduler, work):
    old = work(10 * HOUR, state=EngagementState.RETURNED)
    old.earliest_at = NOW - 2 * HOUR
    fresh = work(10 * HOUR, state=EngagementState.RECEIVED)
    fresh.earliest_at = NOW - 10 * MINUTE
    make.session.flush()

    assert slips(make, scheduler) == [(old, Cause.UNTOUCHED)]


def test_who_is_free_and_has_the_skills_is_named_with_the_moment(make, scheduler, agent, skill, work):
    busy = make.person(name="Bo")
    make.record(busy, skill, 4)
    make.shift(busy, starts_at=NOW - HOUR)
    weak = make.person(name="Cy")
    make.record(weak, skill, 1)
    make.shift(weak, starts_at=NOW - HOUR)
    engagement, doing = work(60 * MINUTE, minutes=20.0), work(9 * HOUR, state=EngagementState.ACCEPTED)
    plan = draft_plan(make)
    assign(make, plan, doing, agent, starts_at=NOW, minutes=15.0)
    publish(make, plan)

    found = slipping.list_slipping(make.session, viewer=make.viewer(scheduler), at=NOW)
    make.absence(busy, starts_at=NOW, ends_at=NOW + 8 * HOUR)
    later = slipping.list_slipping(make.session, viewer=make.viewer(scheduler), at=NOW)

    assert [(each.engagement, each.free, each.starts_at) for each in found] == [(engagement, busy, NOW)]
    assert [(each.free, each.starts_at) for each in later] == [(agent, NOW + 15 * MINUTE)]


def test_the_scheduler_of_another_site_sees_none(make, work):
    work(30 * MINUTE)
    elsewhere = make.site()

    assert slips(make, make.person(roles=[Role.SCHEDULER], site=elsewhere)) == []


class TestPages:
    def test_giving_it_to_who_is_free_pins_it_and_can_be_taken_back(
        self, make, sign_in, scheduler, agent, work, database
    ):
        engagement = work(60 * MINUTE)
        make.commit()
        client = sign_in(scheduler)

        page = client.get("/slipping").text
        answer = client.post(f"/slipping/{engagement.id}/assign")

        assert "Give it to Ada" in page
        assert answer.status_code == 302
        with database.reading() as session:
            pin = session.scalars(select(Pin)).one()
            assert (pin.engagement_id, pin.person_id) == (engagement.id, agent.id)
        assert "Pinned to Ada" in client.get("/slipping").text

    def test_more_time_and_an_end_with_a_reason(self, make, sign_in, scheduler, work, database):
        engagement, other = work(60 * MINUTE), work(30 * MINUTE)
        make.commit()
        client = sign_in(scheduler)

        client.post(f"/slipping/{engagement.id}/extend", data={"minutes": "120"})
        client.post(f"/slipping/{other.id}/cancel", data={"reason": "duplicate"})
        nothing = client.post(f"/slipping/{engagement.id}/cancel", data={"reason": "because"})
        too_much = client.post(f"/slipping/{engagement.id}/extend", data={"minutes": "-5"})

        with database.reading() as session:
            stored = session.get_one(Engagement, engagement.id)
            assert (stored.due_at, stored.latest_at) == (NOW + 3 * HOUR, NOW + 4 * HOUR)
            assert stored.state is EngagementState.CLASSIFIED
            assert session.get_one(Engagement, other.id).state is EngagementState.CANCELLED
            ended = session.scalars(select(AuditEvent).where(AuditEvent.action == "cancel_engagement")).one()
            assert ended.detail["reason"] == "duplicate"
        assert nothing.status_code == 409
        assert too_much.status_code in {400, 409, 422}

    def test_the_list_as_csv_and_the_count_at_the_scheduler(self, make, sign_in, scheduler, agent, work):
        work(60 * MINUTE, external_id="C-1")
        make.commit()
        client = sign_in(scheduler)

        assert "C-1,home" in client.get("/slipping?format=csv").text
        assert "1 about to slip" in client.get("/plans?day=2026-11-23").text

    def test_the_rules_of_the_site_are_kept(self, make, sign_in, scheduler, work):
        work(60 * MINUTE)
        make.commit()
        client = sign_in(scheduler)
        good = {"dispatcher_id": scheduler.id, "slip_minutes": 30, "untouched_minutes": 45, "check_in_percent": 5}

        refused = client.post("/slipping/settings", data=good | {"slip_minutes": 2})
        kept = client.post("/slipping/settings", data=good)

        assert (refused.status_code, kept.status_code) == (422, 302)
        assert "Choose a number from 5 to 1440." in refused.text
        assert "Nothing is about to slip" in client.get("/slipping").text

    def test_agents_and_others_sites_are_kept_out(self, make, sign_in, agent, work):
        engagement = work(60 * MINUTE)
        other = make.person(roles=[Role.SCHEDULER], site=make.site())
        make.commit()

        assert sign_in(agent).get("/slipping").status_code == 403
        client = sign_in(other)
        for action in ("assign", "extend", "cancel"):
            assert client.post(f"/slipping/{engagement.id}/{action}").status_code == 404
