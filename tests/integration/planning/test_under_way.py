"""Ordinary runs and work in progress: it keeps its place and its agent, or else takes that agent's minutes."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from optimizer.problem import Agent
from tests.factories import TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.models import Assignment, EngagementState, Plan
from webapp.services import lifecycle
from webapp.services.planning import plans, policies, publish, runs, store, under_way
from webapp.services.planning.problem import build_problem
from webapp.services.planning.staleness import check_freshness
from webapp.services.planning.under_way import UnderWay

HALF_HOUR = dt.timedelta(minutes=30)
TOMORROW = TODAY + dt.timedelta(days=1)


@pytest.fixture
def published(session: Session, make: Make, day: Day, solve_day) -> Plan:
    """Publish the small day's plan before the day begins."""
    return publish.publish_plan(
        session, solve_day(), today=TODAY, by=make.actor(day.scheduler, at=AT_NINE - 2 * HALF_HOUR)
    )


@pytest.fixture
def build(session: Session, day: Day):
    """Return a function that builds the problem of a full run."""

    def _build(on: dt.date = TODAY, **values):
        policy = policies.get_policy(session, policies.DEFAULT)
        return build_problem(session, day.site, on, policy=policy, interval_minutes=30, today=TODAY, **values)

    return _build


def begin(session: Session, make: Make, plan: Plan, *, at: dt.datetime | None = None) -> Assignment:
    """Let the agent of a plan's first work begin it, at its place or later."""
    first = plans.list_assignments(session, plan)[0]
    lifecycle.move(
        session,
        first.engagement,
        EngagementState.IN_PROGRESS,
        action="start_engagement",
        by=make.actor(first.person, at=at or first.starts_at),
    )
    session.flush()
    return first


def capacity(built, person_id: int) -> tuple[float, ...]:
    return next(agent.capacity for agent in built.problem.agents if agent.id == str(person_id))


def test_a_full_run_keeps_begun_work_with_its_agent_and_plans_nothing_over_it(
    session: Session, make: Make, day: Day, published: Plan, solve_day
) -> None:
    begun = begin(session, make, published)

    plan = solve_day()

    after = {each.engagement_id: each for each in plans.list_assignments(session, plan)}
    kept = after[begun.engagement_id]
    assert (kept.person_id, kept.starts_at) == (begun.person_id, begun.starts_at)
    assert runs.find_violations(store.load_plan(session, plan)) == ()
    publish.publish_plan(session, plan, today=TODAY, by=make.actor(day.scheduler, at=AT_NINE + HALF_HOUR))
    assert begun.engagement.state is EngagementState.IN_PROGRESS


def test_work_begun_later_than_planned_takes_minutes_from_then_on(
    session: Session, make: Make, published: Plan, build
) -> None:
    before = build()
    late = begin(session, make, published, at=AT_NINE + 5 * HALF_HOUR)

    after = build()

    assert sum(capacity(before, late.person_id)) - sum(capacity(after, late.person_id)) == pytest.approx(20.0)
    assert capacity(after, late.person_id)[5] == pytest.approx(7.0)
    assert list(after.taken) == [str(late.person_id)]


def test_work_of_another_days_plan_takes_minutes_too(
    session: Session, make: Make, day: Day, published: Plan, build
) -> None:
    """What was begun ten minutes before the end of a shift goes on in the next one."""
    for person in (day.ada, day.ben):
        make.shift(person, starts_at=AT_NINE + dt.timedelta(days=1), hours=4)
    full = build(TOMORROW)
    begun = begin(session, make, published, at=AT_NINE + dt.timedelta(hours=3, minutes=50))

    tomorrow = build(TOMORROW)

    worked = 10 * 0.9
    assert capacity(full, begun.person_id)[0] - capacity(tomorrow, begun.person_id)[0] == pytest.approx(20.0 - worked)
    assert str(begun.engagement_id) not in {each.id for each in tomorrow.problem.engagements}


def test_what_was_left_open_for_days_takes_nothing(
    session: Session, make: Make, day: Day, published: Plan, build
) -> None:
    later = TODAY + dt.timedelta(days=7)
    for person in (day.ada, day.ben):
        make.shift(person, starts_at=AT_NINE + dt.timedelta(days=7), hours=4)
    begin(session, make, published, at=AT_NINE + dt.timedelta(hours=3, minutes=50))

    assert build(later).taken == {}


def test_who_began_late_makes_no_plan_stale(session: Session, make: Make, day: Day, published: Plan, solve_day) -> None:
    begin(session, make, published, at=AT_NINE + 5 * HALF_HOUR)

    assert check_freshness(session, published, today=TODAY).changes == ()
    assert check_freshness(session, solve_day(), today=TODAY).changes == ()


def test_a_draft_that_gives_begun_work_to_another_agent_cannot_be_published(
    session: Session, make: Make, day: Day, published: Plan, solve_day
) -> None:
    draft = solve_day()
    begun = begin(session, make, published)
    other = day.ada if begun.person_id == day.ben.id else day.ben
    moved = next(each for each in plans.list_assignments(session, draft) if each.engagement_id == begun.engagement_id)
    moved.person_id = other.id
    session.flush()

    with pytest.raises(publish.StalePlanError) as refused:
        publish.publish_plan(session, draft, today=TODAY, by=make.actor(day.scheduler, at=AT_NINE + HALF_HOUR))

    assert refused.value.inputs


_capacities = st.lists(st.sampled_from([0.0, 7.5, 13.5, 27.0]), min_size=1, max_size=12).map(tuple)


@st.composite
def _work(draw):
    agents = tuple(Agent(id=str(number), skills={}, capacity=draw(_capacities)) for number in range(3))
    work = draw(
        st.lists(
            st.builds(
                UnderWay,
                engagement=st.integers(1, 99).map(str),
                agent=st.sampled_from([*(agent.id for agent in agents), "gone"]),
                start=st.integers(0, 14),
                minutes=st.floats(0.5, 120).map(lambda minutes: round(minutes, 1)),
            ),
            max_size=6,
        )
    )
    return agents, work


@given(_work())
def test_taking_minutes_keeps_every_rule(case) -> None:
    """Each agent loses what their work still needs, or all they have from its start on; nobody else loses anything."""
    agents, work = case

    left = under_way.take(agents, work)

    for before, after in zip(agents, left, strict=True):
        mine = [each for each in work if each.agent == before.id]
        assert all(0 <= has <= had for had, has in zip(before.capacity, after.capacity, strict=True))
        first = min((each.start for each in mine), default=len(before.capacity))
        assert after.capacity[:first] == before.capacity[:first]
        wanted, lost = sum(each.minutes for each in mine), sum(before.capacity) - sum(after.capacity)
        assert lost <= wanted + 0.01
        last = max((each.start for each in mine), default=len(before.capacity))
        # Minutes that found no room leave none free behind the latest start.
        assert lost == pytest.approx(wanted, abs=0.01) or sum(after.capacity[last:]) == pytest.approx(0, abs=0.01)
    assert under_way.give_back(left, under_way.taken_minutes(agents, left)) == agents
