"""Reviews by leads, and the order in which they are asked for."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import (
    Assignment,
    AuditEvent,
    Channel,
    EngagementState,
    Plan,
    PlanRun,
    PlanState,
    Policy,
    Reservation,
    Role,
    SkillEventKind,
)
from webapp.services import inbox, records, reviews
from webapp.services.inbox import Occasion
from webapp.services.records import NewEvent

PROVISIONAL = SkillEventKind.PROVISIONAL


class Floor:
    """A team with its lead, and people outside it."""

    def __init__(self, make):
        self.make = make
        self.session = make.session
        self.team = make.team(name="Ours")
        self.lead = make.person(name="Lea", team=self.team, roles=[Role.AGENT, Role.LEAD], leads=[self.team])
        self.ana = make.person(name="Ana", team=self.team)
        self.ben = make.person(name="Ben", team=self.team)
        self.stranger = make.person(name="Stranger", team=make.team(name="Theirs"))
        self.viewer = make.viewer(self.lead)

    def import_level(self, person, skill, level, *, expires_on=None):
        event = NewEvent(person.id, skill.id, PROVISIONAL, level=level, expires_on=expires_on)
        records.append_events(self.session, [event], by=self.make.actor())
        records.reproject(self.session, [(person.id, skill.id)], TODAY)

    def claim(self, person, skill, level, *, at=NOW):
        records.claim_level(self.session, person, skill_id=skill.id, level=level, by=self.make.actor(person, at=at))

    def draft(self, *, on=TODAY):
        policy = Policy(code=f"balanced-{on}", number=1, name="Balanced", description="", settings={}, created_at=NOW)
        self.session.add(policy)
        self.session.flush()
        run = PlanRun(
            site_id=self.lead.site_id,
            day_on=on,
            starts_at=NOW,
            interval_minutes=30,
            intervals=48,
            policy_id=policy.id,
            seed=1,
            time_limit_seconds=5,
            gap_target=0.01,
            input_digest="",
            created_at=NOW,
        )
        plan = Plan(run=run, site_id=run.site_id, day_on=on, objective=0, terms={}, created_at=NOW)
        self.session.add(plan)
        self.session.flush()
        return plan

    def publish(self, plan):
        self.session.flush()
        plan.state = PlanState.PUBLISHED
        self.session.flush()

    def assign(self, plan, person, kind, minutes):
        engagement = self.make.engagement(kind, state=EngagementState.DONE)
        self.session.add(
            Assignment(
                plan_id=plan.id,
                engagement_id=engagement.id,
                person_id=person.id,
                starts_at=NOW,
                minutes=minutes,
                value=1,
                terms={},
            )
        )

    def review(self, person, skill, level, **values):
        by = values.pop("by", self.lead)
        return reviews.review(
            self.session,
            person,
            skill_id=skill.id,
            level=level,
            viewer=values.pop("viewer", self.viewer),
            by=self.make.actor(by, at=values.pop("at", NOW)),
            **values,
        )

    def queue(self, **values):
        return [
            (request.record.person.name, request.record.skill.name, request.occasion)
            for request in inbox.review_order(self.session, self.viewer, TODAY, **values)
        ]


@pytest.fixture
def floor(make):
    return Floor(make)


@pytest.fixture
def billing(make):
    return make.skill(name="Billing", code="billing")


def test_a_review_sets_the_validated_level_and_answers_the_claim(floor, session, billing):
    floor.claim(floor.ana, billing, 4)

    floor.review(floor.ana, billing, 3, note="Sat beside her on Friday.")

    record = records.get_record(session, floor.ana.id, billing.id)
    event = session.scalar(select(AuditEvent).where(AuditEvent.action == "review_record"))
    assert (record.claimed_level, record.validated_level, record.validated_by) == (4, 3, SkillEventKind.REVIEW)
    assert floor.queue() == []
    assert event.detail == {"skill": "billing", "level": 3, "before": 0}
    assert event.person_id == floor.ana.id


def test_a_claim_after_the_review_asks_again(floor, billing):
    floor.review(floor.ana, billing, 3)

    floor.claim(floor.ana, billing, 4, at=NOW + dt.timedelta(hours=1))

    assert floor.queue() == [("Ana", "Billing", Occasion.CLAIM)]


def test_nobody_assesses_themselves_even_as_lead_of_their_own_team(floor, billing):
    floor.claim(floor.lead, billing, 5)

    with pytest.raises(ForbiddenError):
        floor.review(floor.lead, billing, 5)
    assert floor.queue() == []


def test_a_review_is_given_in_ones_own_name(floor, billing):
    with pytest.raises(ForbiddenError):
        floor.review(floor.ana, billing, 5, by=floor.ben)


def test_a_lead_reviews_nobody_outside_their_teams(floor, billing):
    floor.claim(floor.stranger, billing, 5)

    with pytest.raises(NotFoundError):
        floor.review(floor.stranger, billing, 5)
    assert floor.queue() == []


@pytest.mark.parametrize("role", [Role.AGENT, Role.SCHEDULER, Role.HR, Role.ADMIN])
def test_only_leads_review(floor, make, billing, role):
    other = make.person(roles=[role])

    with pytest.raises(NotFoundError):
        floor.review(floor.ana, billing, 5, by=other, viewer=make.viewer(other))


def test_a_review_names_a_level_of_a_skill_in_use(floor, billing):
    with pytest.raises(InvalidInputError):
        floor.review(floor.ana, billing, 6)
    billing.retired_at = NOW
    with pytest.raises(InvalidInputError):
        floor.review(floor.ana, billing, 3)


def test_a_review_can_be_taken_back_once_by_who_gave_it(floor, make, session, billing):
    floor.import_level(floor.ana, billing, 2)
    event_id = floor.review(floor.ana, billing, 4)
    other = make.person(roles=[Role.LEAD], leads=[floor.team])

    with pytest.raises(NotFoundError):
        reviews.retract_review(session, event_id, viewer=make.viewer(other), by=make.actor(other))
    record = reviews.retract_review(session, event_id, viewer=floor.viewer, by=make.actor(floor.lead))

    assert (record.validated_level, record.validated_by) == (2, PROVISIONAL)
    with pytest.raises(ConflictError):
        reviews.retract_review(session, event_id, viewer=floor.viewer, by=make.actor(floor.lead))


def test_what_is_no_review_cannot_be_taken_back_as_one(floor, make, session, billing):
    floor.claim(floor.ana, billing, 2)

    for event_id in (1, 99):
        with pytest.raises(NotFoundError):
            reviews.retract_review(session, event_id, viewer=floor.viewer, by=make.actor(floor.lead))


def test_imported_levels_that_nobody_has_looked_at_are_asked_for_too(floor, billing):
    floor.import_level(floor.ana, billing, 3)
    floor.import_level(floor.stranger, billing, 3)

    assert floor.queue() == [("Ana", "Billing", Occasion.UNSEEN)]


def test_without_work_claims_come_first_and_the_oldest_first(floor, make, billing):
    products = make.skill(name="Products")
    floor.import_level(floor.ana, billing, 3)
    floor.claim(floor.ben, billing, 3, at=NOW - dt.timedelta(days=1))
    floor.claim(floor.ana, products, 2, at=NOW - dt.timedelta(days=2))

    assert [line[:2] for line in floor.queue()] == [("Ana", "Products"), ("Ben", "Billing"), ("Ana", "Billing")]


def test_what_the_published_plan_relies_on_comes_before_what_work_asks_for(floor, make, session, billing):
    """Ben's imported products are planned for 30 minutes today; four hours of open work ask for billing."""
    products = make.skill(name="Products")
    floor.import_level(floor.ben, products, 3)
    floor.import_level(floor.ana, products, 3)
    floor.claim(floor.ana, billing, 3)
    plan = floor.draft()
    floor.assign(plan, floor.ben, make.engagement_type(requires={products: 2}), 30)
    floor.publish(plan)
    make.engagement(make.engagement_type(requires={billing: 3}, handle_minutes=240))
    session.flush()

    requests = inbox.review_order(session, floor.viewer, TODAY)

    assert [(r.record.person.name, r.relied_minutes, r.demand.minutes) for r in requests] == [
        ("Ben", 30, 0),
        ("Ana", 0, 240),
        ("Ana", 0, 0),
    ]


def test_minutes_kept_for_live_work_count_as_relied_on(floor, make, session, billing):
    floor.import_level(floor.ana, billing, 3)
    calls = make.engagement_type(channel=Channel.VOICE, requires={billing: 2})
    plan = floor.draft()
    session.add(
        Reservation(plan_id=plan.id, person_id=floor.ana.id, engagement_type_id=calls.id, starts_at=NOW, minutes=25)
    )
    floor.publish(plan)

    (request,) = inbox.review_order(session, floor.viewer, TODAY)

    assert request.relied_minutes == 25


def test_drafts_past_plans_and_preferred_skills_are_not_relied_on(floor, make, session, billing):
    floor.import_level(floor.ana, billing, 3)
    kind, wish = make.engagement_type(requires={billing: 2}), make.engagement_type(prefers={billing: 2})
    draft, past, today = floor.draft(on=TODAY + dt.timedelta(1)), floor.draft(on=TODAY - dt.timedelta(1)), floor.draft()
    floor.assign(draft, floor.ana, kind, 10)
    floor.assign(past, floor.ana, kind, 20)
    floor.assign(today, floor.ana, wish, 40)
    floor.publish(past)
    floor.publish(today)

    (request,) = inbox.review_order(session, floor.viewer, TODAY)

    assert request.relied_minutes == 0


def test_demand_counts_the_open_work_of_the_week_that_the_level_would_qualify_for(floor, make, session, billing):
    """Work of 15 and 25 minutes and 60 forecast minutes; what is harder, over, later or elsewhere does not count."""
    floor.claim(floor.ana, billing, 3)
    easy = make.engagement_type(requires={billing: 3})
    hard = make.engagement_type(requires={billing: 4})
    calls = make.engagement_type(channel=Channel.VOICE, requires={billing: 1}, handle_minutes=5)
    make.engagement(easy)
    make.engagement(easy, minutes=25)
    make.engagement(easy, state=EngagementState.CANCELLED)
    make.engagement(easy, earliest_at=NOW + dt.timedelta(days=8))
    make.engagement(hard)
    make.engagement(easy, site=make.site())
    make.forecast(calls, NOW, 60)
    make.forecast(calls, NOW + dt.timedelta(days=8), 60)

    (request,) = inbox.review_order(session, floor.viewer, TODAY)

    assert (request.demand.minutes, request.demand.count) == (15 + 25 + 60, 2 + 12)


def test_expired_levels_leave_the_queue(floor, billing):
    floor.import_level(floor.ana, billing, 3, expires_on=TODAY)

    assert floor.queue() == []


def test_the_queue_can_be_narrowed_to_a_team_or_a_reason(floor, make, session, billing):
    other_team = make.team()
    cleo = make.person(name="Cleo", team=other_team)
    floor.import_level(floor.ana, billing, 3)
    floor.claim(cleo, billing, 2)
    both = make.viewer(make.person(roles=[Role.LEAD], leads=[floor.team, other_team]))

    def names(**values):
        return [request.record.person.name for request in inbox.review_order(session, both, TODAY, **values)]

    assert names() == ["Cleo", "Ana"]
    assert names(team_id=other_team.id) == ["Cleo"]
    assert names(occasion=Occasion.UNSEEN) == ["Ana"]


def test_inactive_people_and_retired_skills_wait_for_no_review(floor, session, billing, make):
    products = make.skill()
    floor.claim(floor.ana, products, 2)
    floor.claim(floor.ben, billing, 2)
    products.retired_at = NOW
    floor.ben.active = False
    session.flush()

    assert floor.queue() == []


def test_a_record_opens_for_its_lead_only(floor, session, make, billing):
    floor.claim(floor.ana, billing, 2)
    floor.claim(floor.stranger, billing, 2)
    floor.claim(floor.lead, billing, 2)
    ana, stranger, own = (
        records.get_record(session, person.id, billing.id) for person in (floor.ana, floor.stranger, floor.lead)
    )

    assert reviews.get_reviewable_record(session, ana.id, viewer=floor.viewer) is ana
    for record in (stranger, own):
        with pytest.raises(NotFoundError):
            reviews.get_reviewable_record(session, record.id, viewer=floor.viewer)
