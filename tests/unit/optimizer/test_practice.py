"""Work that keeps a lapsing skill in practice goes to whoever would lose it, whatever route finds the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from optimizer import Policy, Problem, Sentences, solve, verify, why
from optimizer.assignment import listing, unlisted
from optimizer.problem import Forecast, Requirement
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, placed

POLICY = Policy(
    weights={"service": 1.0, "practice": 0.5}, growth_epsilon=0.0, gap=0.001, time_limit_s=60.0, iterations=2
)
RUSTY = "a3"
VOICE = Forecast("voice", "voice", (), (100.0,) * 4, 1.0)


def _day(agents: int, works: int, *forecast: Forecast) -> Problem:
    """Return a day of four half hours on which all are alike, but the billing of one of them is about to lapse.

    Every second piece of work is billing, the others are chat; each takes ten minutes at any time of the day.
    """
    skills = {"billing": 3, "chat": 3}
    team = [an_agent(f"a{number}", (30.0,) * 4, skills=skills) for number in range(agents)]
    team = [replace(each, lapses_on={"billing": date(2026, 12, 1)} if each.id == RUSTY else {}) for each in team]
    work = [
        an_engagement(f"{skill}{number}", requires=(Requirement(skill, 3),), due=3, latest=3)
        for number in range(works // 2)
        for skill in ("billing", "chat")
    ]
    return a_problem(team, work, forecast=forecast, policy=POLICY)


@pytest.mark.parametrize(
    ("route", "day", "most_listed"),
    [
        ("sifting LP, Lagrangian greedy", _day(6, 30), 10**6),
        ("sifting LP, dive", _day(20, 120, VOICE), 10**6),
        ("dual ascent, annealing", _day(20, 120), 10**6),
        ("columns listed by price", _day(20, 120), 1_500),
    ],
)
def test_a_whole_day_of_practice_where_nothing_else_differs(
    monkeypatch: pytest.MonkeyPatch, route: str, day: Problem, most_listed: int
) -> None:
    """120 minutes are twelve of ten: 120 · 0.5 = 60 points. Each work brings ten points, each minute of calls one."""
    monkeypatch.setattr(unlisted, "MOST_LISTED", most_listed)
    monkeypatch.setattr(listing, "SAMPLED", 1_000)

    plan = solve(day)

    reserved = sum(sum(each.minutes) for each in day.forecast)
    theirs = [each for each in plan.assignments if each.agent == RUSTY]
    assert plan.route.startswith(route)
    assert verify(day, plan) == ()
    assert len(plan.assignments) == len(day.engagements)
    assert plan.terms["service"] == pytest.approx(10 * len(day.engagements) + reserved)
    assert [each.engagement[:7] for each in theirs] == ["billing"] * 12
    assert plan.terms["practice"] == pytest.approx(60)
    for each in theirs:
        assert "It keeps a skill in practice that would lapse soon." in Sentences().why(why(day, plan, each.engagement))


@pytest.mark.parametrize(("lapses_on", "agent"), [(date(2026, 12, 23), "a2"), (date(2026, 12, 24), "a1")])
def test_thirty_days_ahead_are_soon_and_thirty_one_are_not(lapses_on: date, agent: str) -> None:
    """The plan begins on 23 November. Where no skill lapses soon, the agent whom the customer knows gets the work."""
    policy = replace(EXACT, weights={"service": 1.0, "practice": 0.5, "continuity": 0.01}, growth_epsilon=0.02)
    team = [an_agent("a1"), an_agent("a2", lapses_on={"billing": lapses_on})]

    plan = solve(a_problem(team, [an_engagement(known_agents=("a1",))], policy=policy))

    assert placed(plan) == {"e1": (agent, 0)}


def test_practice_takes_nothing_from_customers() -> None:
    """With the known agent the work is worth a tenth more; at an ε of 0 that decides, and practice is not named."""
    policy = replace(POLICY, weights={"service": 1.0, "continuity": 0.1, "practice": 100.0})
    team = [an_agent("a1"), an_agent("a2", lapses_on={"billing": date(2026, 12, 1)})]
    problem = a_problem(team, [an_engagement(known_agents=("a1",))], policy=policy)

    plan = solve(problem)

    assert placed(plan) == {"e1": ("a1", 0)}
    assert not any("practice" in line for line in Sentences().why(why(problem, plan, "e1")))


def test_work_that_is_alike_at_every_start_fills_the_whole_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 agents with 30 minutes in each of 4 half hours have room for 480 pieces of ten minutes; 320 fit."""
    monkeypatch.setattr(unlisted, "MOST_LISTED", 1_500)
    monkeypatch.setattr(listing, "SAMPLED", 1_000)
    day = _day(40, 320)
    day = replace(day, agents=tuple(replace(each, lapses_on={}) for each in day.agents))

    plan = solve(day)

    assert plan.route.startswith("columns listed by price")
    assert verify(day, plan) == ()
    assert plan.terms["service"] == pytest.approx(3200, rel=0.01)
