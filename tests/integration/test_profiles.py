"""Hiring profiles from unserved work; every figure derived by hand."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent, HiringProfile, Plan, PlanRun, PlanState, Policy, Role, Unassigned
from webapp.services import profiles, unserved


@pytest.fixture
def hr(make):
    return make.person(roles=[Role.HR], is_agent=False)


@pytest.fixture
def publish(session, make):
    """Return a function that publishes a plan of today which leaves engagements unassigned: engagement → cause."""

    def _publish(causes, *, site=None, day=TODAY, settings=None):
        site = site or make.home
        policy = Policy(
            code="default", number=len(session.scalars(select(Policy)).all()) + 1, name="Default",
            settings=settings or {"planning": {"shrinkage": 0.2}}, created_at=NOW,
        )  # fmt: skip
        session.add(policy)
        session.flush()
        run = PlanRun(
            site_id=site.id, day_on=day, starts_at=NOW, interval_minutes=30, intervals=4, policy_id=policy.id,
            time_limit_seconds=5.0, gap_target=0.01, created_at=NOW,
        )  # fmt: skip
        session.add(run)
        session.flush()
        plan = Plan(
            run_id=run.id, site_id=site.id, day_on=day, state=PlanState.DRAFT, objective=0.0, terms={}, created_at=NOW
        )
        session.add(plan)
        session.flush()
        for engagement, cause in causes.items():
            session.add(Unassigned(plan_id=plan.id, engagement_id=engagement.id, cause=cause, detail={}))
        session.flush()
        plan.state = PlanState.PUBLISHED
        session.flush()
        return plan

    return _publish


def draft_of(session, plan, **values):
    found = unserved.find_published_plan(session, plan.site, plan.day_on)
    assert found is plan
    return unserved.draft_profile(session, found, **values)


def test_requirements_trace_to_the_unserved_work(session, make, publish):
    """
    Six mails of 15 minutes ask for billing 2, four more also for German 4: 60 + 90 = 150 minutes in all.

    Billing 2 is asked for by 150 of 150 minutes, a gate. German 4 by 60 of 150, less than half: learnt after the start.
    A preferred skill is no requirement.
    """
    billing, german, chat = make.skill(name="Billing"), make.skill(name="German"), make.skill(name="Chat")
    mail = make.engagement_type(requires={billing: 2}, prefers={chat: 5})
    german_mail = make.engagement_type(requires={billing: 2, german: 4})
    plain = [make.engagement(mail) for _ in range(6)]
    in_german = [make.engagement(german_mail) for _ in range(4)]

    draft = draft_of(session, publish(dict.fromkeys([*plain, *in_german], "no_skill")))

    assert draft.minutes == 150
    assert [(line.skill.name, line.level, line.gate, line.demand_minutes) for line in draft.requirements] == [
        ("Billing", 2, True, 150),
        ("German", 4, False, 60),
    ]
    assert list(draft.requirements[1].engagements) == in_german


def test_minutes_are_an_agents(session, make, publish):
    """Three chats at once: 30 handle minutes take 10 minutes of an agent; an engagement's own minutes come first."""
    kind = make.engagement_type(handle_minutes=30.0, concurrency=3)

    draft = draft_of(
        session, publish({make.engagement(kind): "no_skill", make.engagement(kind, minutes=60.0): "no_skill"})
    )

    assert draft.minutes == 30


def test_draft_starts_with_the_work_that_skill_would_have_served(session, make, publish):
    short, hard = make.engagement_type(name="Short"), make.engagement_type(name="Hard")
    plan = publish({make.engagement(short): "sold", make.engagement(hard): "no_skill", make.engagement(hard): "sold"})

    draft = draft_of(session, plan)

    assert [(group.engagement_type.name, group.count, group.chosen) for group in draft.types] == [
        ("Hard", 2, True),
        ("Short", 1, False),
    ]
    assert draft.types[0].causes == {"no_skill": 1, "sold": 1}
    assert len(draft.unserved) == 2
    assert len(draft_of(session, plan, type_ids=[short.id]).unserved) == 1


def test_draft_takes_all_work_where_only_time_was_short(session, make, publish):
    draft = draft_of(session, publish({make.engagement(): "sold"}))

    assert len(draft.unserved) == 1


def test_head_count_is_unserved_minutes_by_productive_minutes_of_a_shift(session, make, publish):
    """
    Shifts of 8 h without their half hour of break, and of 6 h: the median of 450 and 360 is 405, less 20 % is 324.

    700 unserved minutes ÷ 324 is 2.16, so three people.  The night shift of the day after does not count.
    """
    ada, ben = make.person(), make.person()
    pause = (NOW, NOW + dt.timedelta(minutes=30))
    make.shift(ada, breaks=[pause])
    make.shift(ben, hours=6)
    make.shift(ben, starts_at=NOW + dt.timedelta(days=1), hours=1)
    kind = make.engagement_type(requires={make.skill(): 2}, handle_minutes=350.0)

    draft = draft_of(session, publish({make.engagement(kind): "no_skill", make.engagement(kind): "no_skill"}))

    assert draft.shift_minutes == pytest.approx(324)
    assert draft.head_count == 3


def test_day_without_shifts_takes_the_usual_shift(session, make, publish):
    draft = draft_of(session, publish({make.engagement(): "no_skill"}))

    assert draft.shift_minutes == pytest.approx(450 * 0.8)


def test_plan_that_served_everything_leaves_nothing_to_hire_for(session, make, hr, publish):
    draft = draft_of(session, publish({}))

    assert (draft.types, draft.requirements, draft.head_count) == ((), (), 0)
    with pytest.raises(InvalidInputError):
        profiles.keep_profile(session, draft, name="None", head_count=1, note="", by=make.actor(hr))


def test_days_with_a_published_plan_are_listed_newest_first(session, make, publish):
    publish({}, day=TODAY - dt.timedelta(days=1))
    publish({})
    publish({}, site=make.site())

    assert unserved.list_planned_days(session, make.home) == [TODAY, TODAY - dt.timedelta(days=1)]
    assert unserved.find_published_plan(session, make.home, TODAY + dt.timedelta(days=1)) is None


@pytest.fixture
def draft(session, make, publish):
    billing, german = make.skill(code="billing", name="Billing"), make.skill(code="german", name="German")
    kind = make.engagement_type(name="Mail", requires={billing: 3, german: 2}, handle_minutes=30.0)
    return draft_of(session, publish({make.engagement(kind, external_id="e-1"): "no_skill"}))


def test_kept_profile_holds_what_it_was_drawn_from(session, make, hr, draft):
    profile = profiles.keep_profile(session, draft, name=" Spring ", head_count=2, note="", by=make.actor(hr))

    session.expire_all()
    basis = profiles.read_basis(profile)
    assert (profile.name, profile.head_count, basis.suggested_head_count) == ("Spring", 2, 1)
    assert [(line.skill.code, line.level, line.engagement_count) for line in profile.requirements] == [
        ("billing", 3, 1),
        ("german", 2, 1),
    ]
    assert [trace.external_id for trace in basis.asking_for(profile.requirements[0].skill_id)] == ["e-1"]
    assert basis.asking_for(999) == []
    assert session.scalars(select(AuditEvent.action)).all() == ["keep_hiring_profile"]


@pytest.mark.parametrize(("field", "values"), [("name", {"name": " "}), ("head_count", {"head_count": 0})])
def test_wrong_profile_is_refused_beside_the_field(session, make, hr, draft, field, values):
    with pytest.raises(InvalidInputError) as refused:
        profiles.keep_profile(session, draft, **{"name": "A", "head_count": 1, "note": "", **values}, by=make.actor(hr))

    assert refused.value.field == field


def test_profile_is_changed_once_and_the_second_editor_told(session, make, hr, draft):
    profile = profiles.keep_profile(session, draft, name="A", head_count=1, note="", by=make.actor(hr))
    change = {"note": "", "version": profile.version, "seen": profiles.describe(profile), "by": make.actor(hr)}

    profiles.update_profile(session, profile, name="B", head_count=3, **change)
    with pytest.raises(ConflictError) as refused:
        profiles.update_profile(session, profile, name="C", head_count=4, **change)

    assert refused.value.changes == {"Name": ("A", "B"), "Head count": ("1", "3")}


def test_profile_of_another_site_is_unknown(session, make, hr, draft):
    profile = profiles.keep_profile(session, draft, name="A", head_count=1, note="", by=make.actor(hr))
    stranger = make.person(roles=[Role.HR], site=make.site())

    assert profiles.get_profile(session, profile.id, viewer=make.viewer(hr)) is profile
    assert list(profiles.list_profiles(session, viewer=make.viewer(hr), site_id=make.home.id)) == [profile]
    assert list(profiles.list_profiles(session, viewer=make.viewer(stranger))) == []
    with pytest.raises(NotFoundError):
        profiles.get_profile(session, profile.id, viewer=make.viewer(stranger))


def test_removed_profile_stays_in_the_trail(session, make, hr, draft):
    profile = profiles.keep_profile(session, draft, name="A", head_count=1, note="", by=make.actor(hr))

    profiles.delete_profile(session, profile, by=make.actor(hr))

    assert session.scalars(select(HiringProfile)).all() == []
    assert session.scalars(select(AuditEvent.action)).all()[-1] == "delete_hiring_profile"


def test_internal_people_come_nearest_first_whatever_their_department(session, make, hr, draft):
    """Both skills are gates. A shop assistant who misses one level is nearer than one who misses a gate whole."""
    billing, german = (line.skill for line in draft.requirements)
    shop, near, full, growing = (
        make.person(name="Shop", is_agent=False),
        make.person(name="Near", is_agent=False),
        make.person(name="Full"),
        make.person(name="Growing"),
    )
    make.person(name="Stranger", is_agent=False)
    make.record(shop, billing, 3)
    for person, levels in ((near, (2, 2)), (full, (3, 2)), (growing, (1, 1))):
        make.record(person, billing, levels[0])
        make.record(person, german, levels[1])

    found = profiles.list_candidates(
        session, make.home, profiles.weigh(draft.requirements), viewer=make.viewer(hr), on=TODAY
    )

    assert [line.person.name for line in found.incoming] == ["Near", "Shop"]
    assert [line.person.name for line in found.growing] == ["Growing"]
    assert found.full == 1
    assert found.incoming[0].readiness.share == pytest.approx((2 / 3 + 1) / 2)


def test_candidates_lie_in_the_viewers_scope(session, make, hr, draft):
    far = make.person(name="Far", site=make.site())
    make.record(far, draft.requirements[0].skill, 5)
    weighed = profiles.weigh(draft.requirements)
    admin = make.person(roles=[Role.ADMIN], is_agent=False)

    assert profiles.list_candidates(session, make.home, weighed, viewer=make.viewer(hr), on=TODAY).incoming == ()
    everywhere = profiles.list_candidates(session, make.home, weighed, viewer=make.viewer(admin), on=TODAY)
    assert [line.person.name for line in everywhere.incoming] == ["Far"]
