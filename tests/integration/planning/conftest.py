"""A small site whose day can be reasoned about: two agents, two skills, four engagements, one live type."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.orm import Session

from optimizer import solve
from tests.factories import NOW, TODAY, Make
from webapp.models import Channel, Engagement, EngagementType, Person, Plan, PlanRun, Role, Site, Skill
from webapp.services.planning import moves, plans, policies, publish, runs

AT_NINE = dt.datetime.combine(TODAY, dt.time(8), dt.UTC)
"""Nine o'clock in Berlin on the day that the tests plan."""


@dataclass(frozen=True)
class Day:
    """The rows of the small site. ``ada`` can do everything, ``ben`` only mail in billing; nobody can do ``hard``."""

    site: Site
    ada: Person
    ben: Person
    scheduler: Person
    billing: Skill
    tech: Skill
    mail: EngagementType
    calls: EngagementType
    easy: tuple[Engagement, ...]
    hard: Engagement


@pytest.fixture
def day(make: Make) -> Day:
    """Build the small site: shifts 9–13 h in Berlin, a break for Ada, calls of 20 min in each half hour."""
    billing, tech = make.skill(name="Billing"), make.skill(name="Router")
    ada, ben = make.person(name="Ada Byron"), make.person(name="Ben Okri")
    make.record(ada, billing, 4)
    make.record(ada, tech, 3)
    make.record(ben, billing, 3)
    for person in (ada, ben):
        pauses = [(AT_NINE + dt.timedelta(hours=2), AT_NINE + dt.timedelta(hours=2.5))] if person is ada else []
        make.shift(person, starts_at=AT_NINE, hours=4, breaks=pauses)
    mail = make.engagement_type(name="Billing mail", requires={billing: 2}, handle_minutes=20.0)
    calls = make.engagement_type(name="Router calls", channel=Channel.VOICE, requires={tech: 2}, handle_minutes=10.0)
    wizard = make.engagement_type(name="Router wizardry", requires={tech: 5})
    window: dict[str, Any] = {"earliest_at": AT_NINE, "due_at": AT_NINE + dt.timedelta(hours=3)}
    easy = tuple(make.engagement(mail, external_id=f"easy-{number}", **window) for number in range(3))
    hard = make.engagement(wizard, external_id="hard", **window)
    for half_hour in range(8):
        make.forecast(calls, AT_NINE + dt.timedelta(minutes=30 * half_hour), 20.0)
    scheduler = make.person(name="Sam", roles=[Role.SCHEDULER], is_agent=False)
    return Day(make.home, ada, ben, scheduler, billing, tech, mail, calls, easy, hard)


@pytest.fixture
def solve_day(session: Session, make: Make, day: Day):
    """Return a function that runs the small day to its end and returns the plan."""

    def _solve(*, seconds: float = 60.0, seed: int = 1) -> Plan:
        by = make.actor(day.scheduler)
        policies.ensure_presets(session, by=by)
        request = runs.RunRequest(time_limit_seconds=seconds, seed=seed)
        run: PlanRun = runs.request_run(session, day.site, TODAY, request=request, by=by)
        built = runs.prepare(session, run, today=NOW.date())
        # In this process, because a child for each of many tests costs a second each; the job's tests use a child.
        plan = runs.finish(session, run, built, runs.checked(built.problem, solve(built.problem)), by=by)
        # No executor works here; the job would otherwise count as under way.
        session.delete(run.job)
        run.job = None
        session.flush()
        assert plan is not None
        return plan

    return _solve


@pytest.fixture
def published(session: Session, make: Make, day: Day, solve_day) -> Plan:
    """Publish the small day's plan before the day begins; each of the two agents has some of its work."""
    by, draft = make.actor(day.scheduler, at=AT_NINE - dt.timedelta(hours=1)), solve_day()
    first = plans.list_assignments(session, draft)[0]
    if len(set(places(session, draft).values())) == 1:
        other = day.ada if first.person_id == day.ben.id else day.ben
        moves.move_engagement(session, draft, first.engagement_id, person_id=other.id, start=5, pin_reason=None, by=by)
    return publish.publish_plan(session, draft, today=TODAY, by=by)


def places(session: Session, plan: Plan) -> dict[int, int]:
    """Return who does each engagement of a plan, by their keys."""
    return {each.engagement_id: each.person_id for each in plans.list_assignments(session, plan)}
