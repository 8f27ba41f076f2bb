"""A level that changes reaches the next run, and tells against the plans that rest on it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import Day
from webapp.models import Person, Role, Skill
from webapp.services import reviews
from webapp.services.planning import policies, publish
from webapp.services.planning.fallen_levels import list_fallen_levels
from webapp.services.planning.problem import build_problem
from webapp.services.planning.staleness import check_freshness


def lower(session: Session, make: Make, person: Person, skill: Skill, level: int) -> None:
    """Let a lead who leads everybody say that a person is at a level."""
    person.team = make.team()
    lead = make.person(roles=[Role.LEAD], leads=[person.team], is_agent=False)
    by = make.actor(lead, at=NOW)
    reviews.review(session, person, skill_id=skill.id, level=level, viewer=make.viewer(lead), by=by)


def agent_in_next_problem(session: Session, day: Day, person: Person) -> dict[str, int]:
    policy = policies.find_policy(session, policies.DEFAULT)
    assert policy is not None
    built = build_problem(session, day.site, TODAY, policy=policy, interval_minutes=15, today=NOW.date())
    return dict(next(each for each in built.problem.agents if each.id == str(person.id)).skills)


def test_a_changed_level_is_in_the_next_runs_problem(session: Session, make: Make, day: Day) -> None:
    policies.ensure_presets(session, by=make.actor(day.scheduler))
    before = agent_in_next_problem(session, day, day.ben)

    lower(session, make, day.ben, day.billing, 1)

    assert before == {str(day.billing.id): 3}
    assert agent_in_next_problem(session, day, day.ben) == {str(day.billing.id): 1}


def test_a_published_plan_names_who_fell_below_what_its_work_asks_for(
    session: Session, make: Make, day: Day, solve_day
) -> None:
    plan = publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler))
    busy = plan.assignments[0].person
    count = sum(each.person_id == busy.id for each in plan.assignments)
    assert list_fallen_levels(session, plan) == []

    lower(session, make, busy, day.billing, 1)

    (line,) = list_fallen_levels(session, plan)
    assert (line.person, line.skill, line.required, line.present, line.count) == (busy, day.billing, 2, 1, count)
    assert any("Billing 1" in change.text for change in check_freshness(session, plan, today=TODAY).changes)


def test_a_level_that_fell_but_still_suffices_is_no_reason_to_worry(
    session: Session, make: Make, day: Day, solve_day
) -> None:
    plan = solve_day()

    for person in (day.ada, day.ben):
        lower(session, make, person, day.billing, 2)

    assert list_fallen_levels(session, plan) == []


def test_work_that_was_meant_to_stretch_never_rested_on_the_level(
    session: Session, make: Make, day: Day, solve_day
) -> None:
    plan = solve_day()
    for each in plan.assignments:
        each.why = {**each.why, "stretch": True}
    session.flush()

    for person in (day.ada, day.ben):
        lower(session, make, person, day.billing, 1)

    assert list_fallen_levels(session, plan) == []


def test_the_plans_page_says_it(session: Session, make: Make, day: Day, solve_day, sign_in) -> None:
    plan = publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler))
    plan_id, busy = plan.id, plan.assignments[0].person
    lower(session, make, busy, day.billing, 1)

    page = sign_in(day.scheduler).get(f"/plans/{plan_id}").text

    assert "Levels have fallen since this plan was made" in page
    assert f"{busy.name}</a>: Billing 1" in page
