"""What would change it is true: with so much more value, or at those levels, the agent is chosen, and not before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from optimizer import Policy, Problem, Sentences, solve, what_would_change
from optimizer.explain import offers_of
from optimizer.problem import Pin, Placement, Requirement
from optimizer.reasons import ObstacleCode, WhatWouldChange
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, placed, problems

MATCHED = replace(EXACT, weights={"service": 1.0, "match": 1.0})
A_LITTLE = 0.01


def _plain(problem: Problem) -> Problem:
    """Return the problem with values that are the same for every start, so that one figure can be forced."""
    policy = Policy(weights={"service": 1.0, "match": 0.5}, late_share=1.0, gap=0.0, time_limit_s=20.0)
    return replace(
        problem,
        policy=policy,
        engagements=tuple(replace(each, shadow=False, owner=None) for each in problem.engagements),
        agents=tuple(replace(each, growth_due_minutes=0.0) for each in problem.agents),
    )


def _with_value(problem: Problem, engagement_id: str, agent_id: str, value: float) -> Problem:
    work = tuple(
        replace(each, values={**each.values, agent_id: value}) if each.id == engagement_id else each
        for each in problem.engagements
    )
    return replace(problem, engagements=work)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(problems(least=1, asks=False), st.data())
def test_with_the_value_that_is_named_the_agent_is_chosen_and_with_less_not(problem, data):
    problem = _plain(problem)
    plan = solve(problem)
    assume(plan.has_plan)
    work = data.draw(st.sampled_from(problem.engagements))
    offers = offers_of(problem, plan, work)
    assume(offers)
    offer = data.draw(st.sampled_from(offers))

    answer = what_would_change(problem, plan, work.id, offer.agent)

    if answer.value_more is None:
        assert answer.obstacles
        return
    assert answer.levels_needed == {}
    more = offer.value + answer.value_more + A_LITTLE
    assert placed(solve(_with_value(problem, work.id, offer.agent, more)))[work.id][0] == offer.agent
    if answer.value_more_least > 2 * A_LITTLE:
        less = solve(_with_value(problem, work.id, offer.agent, offer.value + answer.value_more_least - A_LITTLE))
        assert placed(less).get(work.id, ("nobody", 0))[0] != offer.agent


def test_the_value_that_is_missing_is_that_of_the_work_in_the_way():
    # a1's 30 minutes bring 30 points with e2; e1 is worth 10, and a2 does it for as much: 30 are missing.
    agents = [an_agent("a1"), an_agent("a2")]
    hard = an_engagement("e2", minutes=30, value=30, eligible_agents=("a1",))
    problem = a_problem(agents, [an_engagement("e1"), hard])
    plan = solve(problem)

    answer = what_would_change(problem, plan, "e1", "a1")

    assert answer.value_more == pytest.approx(30)
    assert Sentences().what_would_change(answer) == [
        "With 30.0 points more, or with that much less for what a1 does instead, it would go to a1."
    ]


def test_a_level_that_is_needed_is_named_with_what_is_still_missing():
    agents = [an_agent("a1", skills={"billing": 1}), an_agent("a2")]
    problem = a_problem(agents, [an_engagement(known_agents=("a2",))], policy=replace(EXACT, weights={"continuity": 1}))
    plan = solve(problem)

    answer = what_would_change(problem, plan, "e1", "a1")

    assert answer.levels_needed == {"billing": 3}
    assert answer.value_more == pytest.approx(10)
    assert len(Sentences().what_would_change(answer)) == 2


def test_the_smallest_level_that_would_be_enough_is_named():
    # Both have billing. Spanish is preferred at 4: a2 has 2 of 4, so 3 of 4 are enough for a1 to be ahead.
    agents = [an_agent("a1"), an_agent("a2", skills={"billing": 3, "spanish": 2})]
    liked = (Requirement("billing", 3), Requirement("spanish", 4, preferred=True))
    problem = a_problem(agents, [an_engagement(requires=liked, eligible_agents=None)], policy=MATCHED)
    plan = solve(problem)
    assert placed(plan) == {"e1": ("a2", 0)}

    answer = what_would_change(problem, plan, "e1", "a1")

    # Half of the fit is Spanish: two of four levels short of a2's half are 0.25 × 10 points.
    assert answer.value_more == pytest.approx(2.5)
    assert answer.levels == {"spanish": 2}
    raised = replace(agents[0], skills={"billing": 3, "spanish": 3})
    assert placed(solve(replace(problem, agents=(raised, agents[1])))) == {"e1": ("a1", 0)}
    assert "spanish at level 2" in Sentences().what_would_change(answer)[1]


def test_who_has_it_already_needs_no_change():
    problem = a_problem([an_agent()], [an_engagement()])

    answer = what_would_change(problem, solve(problem), "e1", "a1")

    assert answer.value_more == 0
    assert Sentences().what_would_change(answer) == ["It is with a1, or might as well be."]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"pins": (Pin("e1", "a1"),)}, ObstacleCode.PINNED),
        ({"previous": (Placement("e1", "a1", 0),), "frozen_before": 1}, ObstacleCode.FROZEN),
        ({"pins": (Pin("e2", "a2"),)}, ObstacleCode.CAPACITY),
    ],
)
def test_what_no_value_changes_is_named(fields, code):
    agents = [an_agent("a1"), an_agent("a2")]
    problem = a_problem(agents, [an_engagement("e1"), an_engagement("e2", minutes=30)], **fields)
    plan = solve(problem)

    answer = what_would_change(problem, plan, "e1", "a2")

    assert answer.value_more is None
    assert [obstacle.code for obstacle in answer.obstacles] == [code]
    assert Sentences().what_would_change(answer)[0].startswith("a2: ")


def test_a_rule_that_no_level_changes_is_named():
    problem = a_problem([an_agent(), an_agent("a2")], [an_engagement(excluded_agents=("a2",))])

    answer = what_would_change(problem, solve(problem), "e1", "a2")

    assert [obstacle.code for obstacle in answer.obstacles] == [ObstacleCode.EXCLUDED]
    with pytest.raises(LookupError):
        what_would_change(problem, solve(problem), "e1", "zoe")


def test_a_gap_of_the_solves_is_told():
    answer = WhatWouldChange("e1", "a1", value_more=30.0, value_more_least=5.0, by_price=9.0)

    assert Sentences().what_would_change(answer) == [
        "With 5.0 to 30.0 points more it would go to a1; no solve was exact enough to tell.",
        "By the prices of the plan about 9.0.",
    ]


def test_prices_tell_about_how_much_is_missing():
    # Both are free: what a2 lacks is the customer who knows a1, 10 points × 0.5.
    policy = replace(EXACT, weights={"service": 1.0, "continuity": 0.5})
    problem = a_problem([an_agent("a1"), an_agent("a2")], [an_engagement(known_agents=("a1",))], policy=policy)

    answer = what_would_change(problem, solve(problem), "e1", "a2")

    assert answer.by_price == pytest.approx(5)
    assert answer.value_more == pytest.approx(5)
