"""An infeasible problem names a minimal set of pins and rules, and nothing else is called infeasible."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from optimizer import Policy, Problem, Status, solve
from optimizer.problem import Pin, Placement
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, problems


def _conflicts(problem):
    plan = solve(problem)
    assert plan.status is Status.INFEASIBLE
    assert plan.objective is None
    return [conflict.path for conflict in plan.conflicts]


def test_contradictory_pins_are_named():
    pins = (Pin("e1", "a1"), Pin("e1", "a2"), Pin("e2", "a2"))
    agents = [an_agent("a1", (60.0,)), an_agent("a2", (60.0,))]

    assert _conflicts(a_problem(agents, [an_engagement("e1"), an_engagement("e2")], pins=pins)) == [
        "$.pins[0]",
        "$.pins[1]",
    ]


def test_a_pin_against_a_skill_rule_stands_alone():
    pins = (Pin("e2", "a1"), Pin("e1", "novice"))
    problem = a_problem(
        [an_agent("a1"), an_agent("novice", skills={})], [an_engagement("e1"), an_engagement("e2")], pins=pins
    )

    assert _conflicts(problem) == ["$.pins[1]"]


def test_pins_that_do_not_fit_together_are_named_and_the_others_are_not():
    # 20 + 20 minutes do not fit into 30; the 5 minutes of e3 are not to blame.
    work = [an_engagement("e1", minutes=20), an_engagement("e2", minutes=20), an_engagement("e3", minutes=5)]
    pins = tuple(Pin(each.id, "a1", 0, "asked for") for each in work)

    assert _conflicts(a_problem([an_agent()], work, pins=pins)) == ["$.pins[0]", "$.pins[1]"]


def test_mandatory_work_without_an_agent_is_named():
    work = [an_engagement("e1"), an_engagement("e2", must_assign=True, eligible_agents=())]

    assert _conflicts(a_problem([an_agent()], work)) == ["$.engagements[1].must_assign"]


def test_a_pin_against_the_frozen_window_is_named_with_it():
    problem = a_problem(
        [an_agent("a1", (30.0, 30.0)), an_agent("a2", (30.0, 30.0))],
        [an_engagement("e1", due=1, latest=1)],
        previous=(Placement("e1", "a1", 0),),
        frozen_before=1,
        pins=(Pin("e1", "a2"),),
    )

    assert _conflicts(problem) == ["$.previous[0]", "$.pins[0]"]


def test_a_cap_on_changes_against_a_pin_is_named_with_it():
    problem = a_problem(
        [an_agent("a1"), an_agent("a2")],
        [an_engagement("e1")],
        previous=(Placement("e1", "a1", 0),),
        max_changes=0,
        pins=(Pin("e1", "a2"),),
    )

    assert sorted(_conflicts(problem)) == ["$.max_changes", "$.pins[0]"]


def test_a_share_that_mandatory_work_breaks_is_named_with_it():
    policy = replace(EXACT, proactive_share_min=0.5)
    problem = a_problem([an_agent()], [an_engagement(must_assign=True)], policy=policy)

    assert sorted(_conflicts(problem)) == ["$.engagements[0].must_assign", "$.policy.proactive_share_min"]


def test_leaving_out_any_member_makes_it_feasible():
    work = [an_engagement(f"e{number}", minutes=12) for number in range(4)]
    pins = tuple(Pin(each.id, "a1") for each in work)
    problem = a_problem([an_agent()], work, pins=pins)

    named = {int(path.removeprefix("$.pins[").removesuffix("]")) for path in _conflicts(problem)}

    # 12 · 3 = 36 > 30 and 12 · 2 = 24 ≤ 30: any three of them.
    assert len(named) == 3
    for left_out in named:
        kept = tuple(pins[number] for number in named - {left_out})
        assert solve(replace(problem, pins=kept)).status is Status.OPTIMAL


def _without(problem: Problem, path: str) -> Problem:
    """Return the problem without the pin or rule at a path."""
    where, _, rest = path.removeprefix("$.").partition("[")
    index = int(rest.partition("]")[0]) if rest else 0
    if where == "pins":
        return replace(problem, pins=(*problem.pins[:index], *problem.pins[index + 1 :]))
    if where == "previous":
        return replace(problem, previous=(*problem.previous[:index], *problem.previous[index + 1 :]))
    if where == "engagements":
        free = replace(problem.engagements[index], must_assign=False)
        work = (*problem.engagements[:index], free, *problem.engagements[index + 1 :])
        return replace(problem, engagements=work)
    if where == "max_changes":
        return replace(problem, max_changes=None)
    assert path == "$.policy.proactive_share_min"
    return replace(problem, policy=replace(problem.policy, proactive_share_min=None))


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(problems(least=2), st.data())
def test_the_set_conflicts_and_without_any_member_there_is_a_plan(problem, data):
    """Over every feature: with all others dropped the named ones still conflict, and with one of them dropped not."""
    agents = st.sampled_from([agent.id for agent in problem.agents])
    more = tuple(Pin(each.id, data.draw(agents)) for each in problem.engagements[1:] if data.draw(st.booleans()))
    problem = replace(problem, pins=(*problem.pins, *more))
    plan = solve(problem)
    assume(plan.status is Status.INFEASIBLE)

    named = [conflict.path for conflict in plan.conflicts]

    assert named
    for member in named:
        # Others may conflict as well: only the named ones are kept.
        rest = _only(problem, set(named) - {member})
        assert solve(rest).status is not Status.INFEASIBLE
    # A frozen assignment that is dropped from the problem no longer counts as a change either.
    if "$.max_changes" not in named:
        assert solve(_only(problem, set(named))).status is Status.INFEASIBLE


def _only(problem: Problem, kept: set[str]) -> Problem:
    """Return the problem with no other pins and rules than some."""
    asked = [*(f"$.pins[{index}]" for index in range(len(problem.pins)))]
    asked += [f"$.engagements[{index}].must_assign" for index in range(len(problem.engagements))]
    frozen = [index for index, each in enumerate(problem.previous) if each.start < problem.frozen_before]
    asked += [f"$.previous[{index}]" for index in frozen] + ["$.max_changes", "$.policy.proactive_share_min"]
    # From the last to the first, so that the indices of those before stay true.
    for path in reversed([path for path in asked if path not in kept]):
        problem = _without(problem, path)
    return problem


@pytest.mark.parametrize("time_limit_s", [0.001, 0.05])
def test_running_out_of_time_is_not_called_infeasible(time_limit_s):
    work = [an_engagement(f"e{number}", minutes=7 + number / 10, must_assign=True) for number in range(12)]
    agents = [an_agent(f"a{number}") for number in range(4)]

    plan = solve(a_problem(agents, work, policy=Policy(time_limit_s=time_limit_s)))

    assert plan.status in (Status.TIME_LIMIT_NO_PLAN, Status.FEASIBLE, Status.OPTIMAL)
