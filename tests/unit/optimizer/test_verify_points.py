"""The checker's points and certificate, term by term, with figures derived by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from optimizer.plan import Assignment, Growth, Plan, Prices, Reservation, Status, TierResult
from optimizer.policy import TERMS, LadderStep, Policy
from optimizer.problem import Agent, Engagement, Forecast, Placement, Problem, Requirement
from optimizer.verify import verify
from optimizer.verify.case import Case
from optimizer.verify.points import points_of, total_points
from tests.factories.optimizer_problems import START

ADA = Agent("ada", {"billing": 3}, (30.0,) * 4, cost_per_minute=0.5, concurrency={"chat": 2.0})
BEN = replace(ADA, id="ben", skills={"billing": 2}, wants=("billing",), max_stretch_minutes=60.0)
NEEDS = (Requirement("billing", 3, 2.0), Requirement("tax", 4, 1.0, preferred=True), Requirement("law", 0, 1.0))
WORK = Engagement("e1", 20.0, "chat", 0, 1, 3, 3, 10.0, NEEDS)
ROW = Assignment("e1", "ada", 0, 20.0, 0.0)


def _problem(term: str, *, agent: Agent = ADA, work: Engagement = WORK, **fields: Any) -> Problem:
    """Return a problem whose policy weighs one term by 2."""
    policy = Policy(weights={term: 2.0}, late_share=0.4, lapse_within_days=30, ladder=(LadderStep("overtime", 7.0),))
    asked: dict[str, Any] = {"start": START, "interval_minutes": 30.0, "intervals": 4, "policy": policy}
    return Problem(agents=(agent, BEN), engagements=(work,), **(asked | fields))


def _points(problem: Problem, row: Assignment = ROW) -> dict[str, float]:
    """Return the points of a row that are not 0."""
    case = Case.of(problem, Plan(Status.FEASIBLE, 0.0, assignments=(row,)))
    return {term: points for term, points in points_of(case, row).items() if points}


def _totals(problem: Problem, *rows: Assignment, **fields: Any) -> dict[str, float]:
    case = Case.of(problem, Plan(Status.FEASIBLE, 0.0, assignments=rows, **fields))
    return {term: points for term, points in total_points(case).items() if points}


@pytest.mark.parametrize(("start", "lateness"), [(0, 1.0), (1, 1.0), (2, 0.7), (3, 0.4)])
def test_service_falls_from_due_to_latest(start, lateness):
    """Worth 10 · 3 = 30, weight 2; halfway from interval 1 to 3 half of the fall from 1 to 0.4 is done."""
    assert _points(_problem("service"), replace(ROW, start=start)) == pytest.approx({"service": 60 * lateness})


def test_service_after_latest_stays_at_the_late_share():
    soon = replace(WORK, due=0, latest=1)

    assert _points(_problem("service", work=soon), replace(ROW, start=3)) == pytest.approx({"service": 24.0})


@pytest.mark.parametrize(
    ("skills", "fit"),
    [({"billing": 3}, 0.75), ({"billing": 5, "tax": 4}, 1.0), ({"billing": 3, "tax": 1}, 0.8125), ({}, 0.25)],
)
def test_match_is_the_weighted_share_of_levels(skills, fit):
    """(2 · billing + 1 · tax + 1 · law) ÷ 4; law at level 0 is met by everyone."""
    agent = replace(ADA, skills=skills)

    assert _points(_problem("match", agent=agent)) == pytest.approx({"match": 60 * fit})


def test_match_is_whole_where_nothing_has_weight():
    weightless = replace(WORK, requires=(Requirement("billing", 3, 0.0),))

    assert _points(_problem("match", work=weightless)) == {"match": 60.0}


def test_continuity_is_the_worth_with_a_known_agent():
    assert _points(_problem("continuity", work=replace(WORK, known_agents=("ada",)))) == {"continuity": 60.0}
    assert _points(_problem("continuity", work=replace(WORK, known_agents=("ben",)))) == {}


def test_growth_is_stretch_and_learning_beside():
    assert _points(_problem("growth"), replace(ROW, stretch="billing")) == {"growth": 40.0}
    assert _points(_problem("growth"), replace(ROW, shadow="ben")) == {"growth": 40.0}
    assert _points(_problem("growth")) == {}


@pytest.mark.parametrize(
    ("lapses_on", "skills", "practised"),
    [
        (date(2026, 12, 23), {"billing": 3}, True),
        (date(2026, 12, 24), {"billing": 3}, False),
        (date(2026, 11, 1), {"billing": 1}, True),
        (date(2026, 12, 1), {"billing": 0}, False),
    ],
)
def test_practice_of_what_lapses_within_thirty_days(lapses_on, skills, practised):
    agent = replace(ADA, skills=skills, lapses_on={"billing": lapses_on})

    assert _points(_problem("practice", agent=agent)) == ({"practice": 40.0} if practised else {})


def test_a_skill_that_is_required_at_no_level_is_not_practised():
    agent = replace(ADA, skills={"law": 2}, lapses_on={"law": date(2026, 11, 24), "cars": date(2026, 11, 24)})

    assert _points(_problem("practice", agent=agent)) == {}


def test_cost_is_agent_minutes_at_the_rate():
    """20 minutes, two chats at once, 0.5 a minute, weight 2: 10; in overtime 15; a learner's 20 minutes: 20."""
    assert _points(_problem("cost")) == {"cost": -10.0}
    assert _points(_problem("cost"), replace(ROW, relaxed=("overtime",))) == {"cost": -15.0, "relaxation": -7.0}
    assert _points(_problem("cost"), replace(ROW, shadow="ben")) == {"cost": -30.0}


def test_a_given_value_replaces_what_is_computed():
    given = replace(WORK, values={"ada": -4.0}, known_agents=("ada",))

    for term in ("service", "match", "continuity", "cost"):
        assert _points(_problem(term, work=given)) == {"given": -4.0}
    assert _points(_problem("growth", work=given), replace(ROW, shadow="ben")) == {"given": -4.0, "growth": 40.0}
    assert _points(_problem("balance", work=given), replace(ROW, relaxed=("overtime",))) == {
        "given": -4.0,
        "relaxation": -7.0,
    }


@pytest.mark.parametrize(("agent", "start", "left"), [("ada", 0, False), ("ada", 1, True), ("ben", 0, True)])
def test_stability_is_the_minutes_of_a_previous_assignment_that_was_left(agent, start, left):
    problem = _problem("stability", previous=(Placement("e1", agent, start),))

    assert _points(problem) == ({"stability": -40.0} if left else {})
    assert _totals(problem, ROW) == ({"stability": -40.0} if left else {})
    assert _totals(problem) == {"stability": -40.0}


def test_reserved_minutes_serve_contacts_and_cost_minutes():
    """5 agent minutes at two chats: 10 contact minutes at 3 points, weight 2; cost 5 · 0.5 · 2."""
    chats = (Forecast("chats", "chat", (), (40.0, 0.0, 0.0, 0.0), 3.0),)
    kept = (Reservation("chats", "ada", 0, 5.0), Reservation("chats", "ada", 0, 5.0))

    assert _totals(_problem("service", forecast=chats), reserved=kept[:1]) == {"service": 60.0}
    assert _totals(_problem("cost", forecast=chats), reserved=kept[:1]) == {"cost": -5.0}
    assert _totals(_problem("cost", forecast=chats), reserved=kept) == {"cost": -10.0}


def test_balance_counts_what_goes_beyond_its_breakpoints():
    """
    Capacity 100. Occupancy 75 beyond 60 and 70: 15 + 5 = 20. Heavy 40 beyond 10, 20, 30: 30 + 20 + 10 = 60.

    Stretch 15 beyond 10: 5. Together 85, weight 2. Overtime loads nobody's capacity, but is heavy all the same.
    """
    agent = Agent("ada", {}, (50.0, 50.0, 0.0, 0.0), overtime=(30.0,) * 4)
    works = (
        Engagement("e1", 25.0, "mail", 0, 0, 1, 1, 1.0, (), heavy=True),
        Engagement("e2", 15.0, "mail", 0, 0, 1, 1, 1.0, (), heavy=True),
        Engagement("e3", 15.0, "mail", 0, 0, 1, 1, 1.0, ()),
    )
    voice = (Forecast("voice", "voice", (), (50.0,) * 4),)
    problem = replace(_problem("balance", agent=agent, forecast=voice), engagements=works)
    rows = [Assignment("e1", "ada", 0, 25.0, 0.0), Assignment("e2", "ada", 1, 15.0, 0.0)]
    rows.append(Assignment("e3", "ada", 1, 15.0, 0.0, stretch="billing"))
    kept = (Reservation("voice", "ada", 0, 20.0),)

    assert _totals(problem, *rows, reserved=kept) == pytest.approx({"balance": -170.0})
    rows[0] = replace(rows[0], relaxed=("overtime",))
    assert _totals(problem, *rows, reserved=kept) == pytest.approx({"balance": -130.0, "relaxation": -7.0})


def test_growth_that_stays_owed_is_a_debt():
    owed = replace(ADA, growth_due_minutes=50.0)
    problem = _problem("continuity", agent=owed)

    assert _totals(problem) == {"debt": -50.0}
    assert _totals(problem, replace(ROW, stretch="billing")) == {"debt": -30.0}
    assert _totals(_problem("continuity", agent=replace(ADA, growth_due_minutes=20.0)), replace(ROW, stretch="x")) == {}


OWING = replace(_problem("service", agent=replace(ADA, growth_due_minutes=50.0)), engagements=())
LISTED = Growth("ada", 50.0, 0.0, 50.0)


@pytest.mark.parametrize(
    ("growth", "sound"),
    [
        ((LISTED,), True),
        ((), False),
        ((LISTED, LISTED), False),
        ((replace(LISTED, due=49.0),), False),
        ((replace(LISTED, planned=1.0),), False),
        ((replace(LISTED, debt=51.0),), False),
    ],
)
def test_the_growth_list_says_what_was_due_planned_and_owed(growth, sound):
    plan = Plan(Status.FEASIBLE, 0.0, terms={"debt": -50.0}, growth=growth)

    assert [violation.rule for violation in verify(OWING, plan)] == ([] if sound else ["growth"])


EMPTY = replace(_problem("service"), engagements=(), policy=Policy(weights={}, gap=0.01, growth_epsilon=0.1))


def _tier(name: str = "customers", objective: float = 0.0, bound: float = 0.0, gap: float = 0.0) -> TierResult:
    return TierResult(name, objective, bound, gap, 0.0)


@pytest.mark.parametrize(
    ("fields", "rules"),
    [
        ({}, []),
        ({"bound": 0.0, "gap": 0.0}, []),
        ({"bound": -1.0}, ["bound"]),
        ({"bound": 5.0, "gap": 7.0}, []),
        ({"terms": {"service": 1.0}}, ["terms"]),
        ({"objective": 1.0}, ["objective"]),
        ({"status": Status.INFEASIBLE}, ["status"]),
        ({"status": Status.TIME_LIMIT_NO_PLAN}, ["status"]),
        ({"status": Status.CANCELLED}, []),
        ({"status": Status.OPTIMAL, "tiers": (_tier(gap=0.01),)}, []),
        ({"status": Status.OPTIMAL, "tiers": (_tier(), _tier("growth", gap=0.011))}, ["status"]),
        ({"status": Status.FEASIBLE, "tiers": (_tier(gap=0.5),)}, []),
        ({"tiers": (_tier("growth"), _tier("customers"))}, ["tier"]),
        ({"tiers": (_tier(), _tier())}, ["tier"]),
        ({"tiers": (replace(_tier(), kept=1.0),)}, ["tier"]),
        ({"tiers": (_tier(objective=1.0, bound=0.5),)}, ["bound", "epsilon"]),
        ({"tiers": (_tier(objective=1.0, bound=1.0), _tier("growth"))}, ["epsilon"]),
        ({"prices": Prices(agent={"ada": (0.0,) * 4}, skill={"tax": {"1": (0.0,) * 4}})}, []),
        ({"prices": Prices(agent={"ada": (0.0,) * 5})}, ["prices"]),
        ({"prices": Prices(skill={"tax": {"1": (0.0,) * 3}})}, ["prices"]),
        ({"prices": Prices(skill={"tax": {"1": (0.0, 0.0, 0.0, -0.1)}})}, ["prices"]),
    ],
)
def test_an_empty_plan_claims_no_more_than_is_proven(fields, rules):
    plan = replace(Plan(Status.FEASIBLE, 0.0), **fields)

    assert [violation.rule for violation in verify(EMPTY, plan)] == rules


@pytest.mark.parametrize(
    ("tier", "later", "objective", "rules"),
    [
        ("customers", True, -10.0, []),
        ("customers", True, -9.1, []),
        ("customers", True, -9.0, ["epsilon"]),
        ("customers", False, -9.9, ["epsilon"]),
        ("customers", False, -10.0, []),
    ],
)
def test_later_tiers_take_epsilon_of_an_earlier_one_and_the_last_gives_nothing(tier, later, objective, rules):
    """ε is a tenth of what was found, and −10 is left: −9.1 − 0.91 is just below it, −9 − 0.9 is not."""
    problem = replace(EMPTY, engagements=(replace(WORK, values={"ada": -10.0}, must_assign=True, requires=()),))
    tiers = [TierResult(tier, objective, 0.0, 0.0, -10.0)] + ([_tier("growth")] if later else [])
    plan = Plan(
        Status.FEASIBLE,
        -10.0,
        terms={"given": -10.0},
        assignments=(replace(ROW, value=-10.0, terms={"given": -10.0}),),
        tiers=tuple(tiers),
    )

    assert [violation.rule for violation in verify(problem, plan)] == rules


@pytest.mark.parametrize(
    "fields", [{"assignments": (ROW,)}, {"reserved": (Reservation("chats", "ada", 0, 5.0),)}, {"growth": (LISTED,)}]
)
def test_a_run_without_a_plan_holds_nothing_of_one(fields):
    nothing = Plan(Status.TIME_LIMIT_NO_PLAN)

    assert verify(OWING, nothing) == ()
    assert [violation.rule for violation in verify(OWING, replace(nothing, **fields))] == ["status"]


@pytest.mark.parametrize("term", TERMS)
def test_every_term_of_a_row_is_compared(term):
    problem = replace(EMPTY, engagements=(replace(WORK, requires=()),))
    plan = Plan(Status.FEASIBLE, 0.0, assignments=(replace(ROW, terms={term: 1.0}),))

    assert [violation.rule for violation in verify(problem, plan)] == ["terms"]


@pytest.mark.parametrize(("told", "sound"), [(1.0, True), (1.0 + 9e-7, True), (1.01, False), (None, True)])
def test_the_gap_is_that_of_bound_and_objective(told, sound):
    """(20 − 10) ÷ 10."""
    problem = replace(EMPTY, engagements=(replace(WORK, values={"ada": 10.0}, requires=()),))
    row = replace(ROW, value=10.0, terms={"given": 10.0})
    plan = Plan(Status.FEASIBLE, 10.0, 20.0, told, terms={"given": 10.0}, assignments=(row,))

    assert [violation.rule for violation in verify(problem, plan)] == ([] if sound else ["gap"])
