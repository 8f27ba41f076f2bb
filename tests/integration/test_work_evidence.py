"""Work becomes use events: once for each piece, whatever is counted how often, and never what was taken back."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from tests.factories import NOW, TODAY
from webapp.models import (
    AssignmentResponse,
    EngagementState,
    ImportBatch,
    ImportKind,
    ImportState,
    Plan,
    PlanRun,
    PlanState,
    Policy,
    Response,
    SkillEvent,
    SkillEventKind,
)
from webapp.models.plan import Assignment
from webapp.services import records, work_evidence
from webapp.services.records import NewEvent
from webapp.services.work_evidence import Counted

DAY = dt.timedelta(days=1)
YESTERDAY = NOW - DAY


class Floor:
    """A site with Ana, a skill, a kind of mail that requires it, and plans of yesterday."""

    def __init__(self, make):
        self.make, self.session = make, make.session
        self.site = make.home
        self.ana = make.person(name="Ana")
        self.billing, self.german = make.skill(name="Billing"), make.skill(name="German")
        self.mail = make.engagement_type(requires={self.billing: 2}, prefers={self.german: 1})
        self.policy = Policy(code="balanced", number=1, name="Balanced", description="", settings={}, created_at=NOW)
        self.session.add(self.policy)
        self.session.flush()

    def plan(self, engagements, person, *, state=PlanState.PUBLISHED, published_at=YESTERDAY, starts_at=YESTERDAY):
        run = PlanRun(
            site_id=self.site.id,
            day_on=starts_at.date(),
            starts_at=starts_at,
            interval_minutes=30,
            intervals=48,
            policy_id=self.policy.id,
            seed=1,
            time_limit_seconds=5,
            gap_target=0.01,
            input_digest="",
            created_at=NOW,
        )
        plan = Plan(run=run, site_id=self.site.id, day_on=starts_at.date(), objective=0, terms={}, created_at=NOW)
        self.session.add(plan)
        self.session.flush()
        placed = [
            Assignment(
                plan_id=plan.id,
                engagement_id=engagement.id,
                person_id=person.id,
                starts_at=starts_at,
                minutes=15,
                value=1,
                terms={},
            )
            for engagement in engagements
        ]
        self.session.add_all(placed)
        self.session.flush()
        plan.state, plan.published_at = state, published_at
        self.session.flush()
        return placed

    def mails(self, count, state=EngagementState.DONE):
        return [self.make.engagement(self.mail, state=state) for _ in range(count)]

    def count(self, *people, until=TODAY, days=14):
        ids = [person.id for person in people or (self.ana,)]
        first_on = until - days * DAY
        return work_evidence.count_work(
            self.session, self.site, ids, first_on=first_on, until=until, by=self.make.actor()
        )

    def used(self, person=None, skill=None):
        record = records.find_record(self.session, (person or self.ana).id, (skill or self.billing).id)
        return (record.used_count, record.last_used_on) if record else (0, None)

    def events(self):
        return self.session.scalar(select(func.count()).select_from(SkillEvent))


@pytest.fixture
def floor(make):
    return Floor(make)


def test_finished_work_is_used_skill_once_a_day(floor):
    floor.plan(floor.mails(3), floor.ana)

    counted = floor.count()

    assert counted == Counted(written=1, taken_back=0, records=1)
    assert floor.used() == (3, YESTERDAY.date())
    assert floor.used(skill=floor.german) == (0, None)


def test_counting_again_changes_nothing(floor):
    floor.plan(floor.mails(3), floor.ana)
    floor.count()
    before = floor.events()

    again = floor.count()

    assert again == Counted()
    assert floor.events() == before


def test_use_never_raises_a_level_and_keeps_one_from_fading(floor, make):
    floor.billing.half_life_days = 100
    old = NOW - 15 * DAY
    make.record(floor.ana, floor.billing, 4, at=old)
    before = records.get_record(floor.session, floor.ana.id, floor.billing.id).fades_on or TODAY
    floor.plan(floor.mails(5), floor.ana)

    floor.count()

    record = records.get_record(floor.session, floor.ana.id, floor.billing.id)
    assert (record.validated_level, record.effective_level) == (4, 4)
    assert record.fades_on == before + 14 * DAY


def test_work_without_any_evidence_gives_no_level(floor):
    floor.plan(floor.mails(200), floor.ana)

    floor.count()

    record = records.get_record(floor.session, floor.ana.id, floor.billing.id)
    assert (record.validated_level, record.effective_level, record.used_count) == (0, 0, 200)


@pytest.mark.parametrize("state", sorted(set(EngagementState) - {EngagementState.DONE}))
def test_only_what_is_done_counts(floor, state):
    floor.plan(floor.mails(2, state), floor.ana)

    assert floor.count() == Counted()


def test_what_is_opened_again_or_cancelled_later_is_taken_back(floor):
    mails = floor.mails(3)
    floor.plan(mails, floor.ana)
    floor.count()
    mails[0].state = EngagementState.RETURNED
    mails[1].state = EngagementState.CANCELLED

    counted = floor.count()
    after_one = floor.used()
    mails[2].state = EngagementState.CLASSIFIED
    floor.count()

    assert counted == Counted(written=1, taken_back=1, records=1)
    assert after_one == (1, YESTERDAY.date())
    assert floor.used() == (0, None)


def test_marking_done_over_and_over_counts_once(floor):
    (mail,) = floor.mails(1)
    floor.plan([mail], floor.ana)
    for state in (EngagementState.PLANNED, EngagementState.DONE) * 4:
        mail.state = state
        floor.session.flush()
        floor.count()

    assert floor.used() == (1, YESTERDAY.date())


def test_the_plan_published_last_says_who_did_it(floor, make):
    ben, mails = make.person(name="Ben"), floor.mails(2)
    floor.plan(mails, floor.ana, state=PlanState.SUPERSEDED, published_at=YESTERDAY)
    floor.plan(mails, ben, published_at=YESTERDAY + dt.timedelta(hours=1))

    floor.count(floor.ana, ben)

    assert (floor.used(), floor.used(ben)) == ((0, None), (2, YESTERDAY.date()))


def test_drafts_and_declined_work_count_for_nobody(floor):
    mails = floor.mails(2)
    floor.plan(mails[:1], floor.ana, state=PlanState.DRAFT, published_at=None)
    (declined,) = floor.plan(mails[1:], floor.ana)
    answer = AssignmentResponse(assignment_id=declined.id, response=Response.DECLINED, reason="Ill", at=NOW)
    floor.session.add(answer)
    floor.session.flush()

    assert floor.count() == Counted()


def test_the_day_of_the_count_is_not_counted_yet(floor):
    floor.plan(floor.mails(1), floor.ana, starts_at=NOW)

    assert floor.count() == Counted()
    assert floor.count(until=TODAY + DAY).written == 1


def test_contacts_of_a_log_count_on_the_day_at_the_site(floor, make):
    """Half past eleven in the evening in London is the next day in Berlin."""
    late = dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.UTC)
    call = make.engagement_type(requires={floor.billing: 1})
    for at in (late, late + dt.timedelta(minutes=5)):
        make.contact(call, at, 3.0, person_id=floor.ana.id)

    floor.count()

    assert floor.used() == (2, dt.date(2026, 11, 21))


def outcome(floor, skill, count, at):
    event = NewEvent(floor.ana.id, skill.id, SkillEventKind.OUTCOME, level=1, count=count, at=at, source="acd-log")
    records.append_events(floor.session, [event], by=floor.make.actor())
    records.reproject(floor.session, [(floor.ana.id, skill.id)], TODAY)


def test_what_a_call_log_has_counted_is_not_counted_twice(floor, make):
    """The log's own skill has the code of the type; what the type asks for beside it is counted by use alone."""
    calls = make.skill(code="home-ps", name="Calls")
    kind = make.engagement_type(code="home-ps", requires={calls: 1, floor.billing: 1})
    first = NOW - 5 * DAY
    for number in range(6):
        make.contact(kind, first + number * dt.timedelta(minutes=10), 3.0, person_id=floor.ana.id)
    outcome(floor, calls, 6, first + dt.timedelta(minutes=50))
    make.contact(kind, YESTERDAY, 3.0, person_id=floor.ana.id)

    floor.count()

    assert floor.used(skill=calls) == (7, YESTERDAY.date())
    assert floor.used() == (7, YESTERDAY.date())


def test_use_gives_way_when_a_later_log_counts_the_same_contacts(floor, make):
    calls = make.skill(code="home-ps", name="Calls")
    kind = make.engagement_type(code="home-ps", requires={calls: 1})
    for number in range(4):
        make.contact(kind, YESTERDAY + number * dt.timedelta(minutes=10), 3.0, person_id=floor.ana.id)
    floor.count()
    assert floor.used(skill=calls) == (4, YESTERDAY.date())

    outcome(floor, calls, 4, YESTERDAY + dt.timedelta(minutes=30))
    floor.count()

    assert floor.used(skill=calls) == (4, YESTERDAY.date())


@pytest.mark.parametrize(
    ("counted_at", "moved_at", "first"),
    [
        (None, None, dt.date(2025, 10, 31)),
        (NOW - DAY, None, TODAY - 14 * DAY),
        (NOW - DAY, NOW - 2 * DAY, TODAY - 14 * DAY),
        (NOW - DAY, NOW, dt.date(2025, 10, 31)),
    ],
)
def test_a_log_that_came_since_lets_all_days_be_counted(floor, make, counted_at, moved_at, first):
    make.contact(floor.mail, dt.datetime(2025, 11, 1, 12, tzinfo=dt.UTC), 3.0, person_id=floor.ana.id)
    if moved_at is not None:
        batch = ImportBatch(
            kind=ImportKind.ACD_LOG,
            state=ImportState.APPLIED,
            file_name="calls.csv",
            file_digest="0" * 64,
            content=b"",
            site_id=floor.site.id,
            mapping={},
            options={},
            report={},
            created_at=moved_at,
            applied_at=moved_at,
        )
        floor.session.add(batch)
        floor.session.flush()

    assert work_evidence.first_day_to_count(floor.session, floor.site, TODAY, since=counted_at) == first
