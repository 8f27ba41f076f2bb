"""Stretch slots: when, and in which skill, agents chose to grow. Instances with their arithmetic, and properties."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer import Problem, ProblemError, Sentences, Status, check_move, solve, verify, why, why_not
from optimizer.benchmarks.generator import Shape, generate
from optimizer.policy import LadderStep, Policy
from optimizer.problem import Pin, Placement, Requirement, StretchSlot
from optimizer.reasons import ObstacleCode
from optimizer.standing import find_standing
from tests.factories.optimizer_problems import (
    EXACT,
    a_problem,
    an_agent,
    an_engagement,
    learning_problems,
    placed,
    problems,
)
from tests.factories.rules_at_the_edge import MENTOR as COVER
from tests.factories.rules_at_the_edge import STRETCH, STRICT, ada, ben, broken, row, work

EXAMPLES = int(os.environ.get("MAINSTAY_PROPERTY_EXAMPLES", "25"))
some = settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

DAY = (30.0,) * 4
LEARNER = an_agent("learner", DAY, skills={"billing": 2}, wants=("billing",), max_stretch_minutes=60.0)
MENTOR = an_agent("mentor", DAY, skills={"billing": 5}, mentor_for=("billing",))
ANYWHEN = an_engagement(due=3, latest=3, eligible_agents=("learner",))


def slot(start: int, end: int, skill: str = "billing") -> StretchSlot:
    return StretchSlot(start, end, skill)


def _with_slots(*slots: StretchSlot, **fields: Any) -> Problem:
    learner = replace(LEARNER, stretch_slots=slots, **fields)
    return a_problem([learner, MENTOR], [ANYWHEN])


@pytest.mark.parametrize(
    ("slots", "starts"),
    [
        ((), {0, 1, 2, 3}),
        ((slot(2, 3),), {2}),
        ((slot(0, 1), slot(2, 4)), {0, 2, 3}),
        ((slot(1, 3, "spanish"),), set()),
        ((slot(1, 1),), set()),
    ],
    ids=["none chosen", "one", "two", "another skill", "no room"],
)
def test_stretch_work_starts_where_the_agent_chose_it(slots, starts):
    problem = _with_slots(*slots)

    possible = {start for start in range(4) if solve(replace(problem, pins=(Pin("e1", "learner", start),))).assignments}

    assert possible == starts


@pytest.mark.parametrize(("chosen", "starts"), [((1, 2), set()), ((1, 3), {1}), ((1, 4), {1, 2})])
def test_stretch_work_lies_wholly_within_its_slot(chosen, starts):
    # 40 minutes run in two intervals of 30.
    problem = a_problem([replace(LEARNER, stretch_slots=(slot(*chosen),)), MENTOR], [replace(ANYWHEN, minutes=40.0)])

    possible = {start for start in range(4) if solve(replace(problem, pins=(Pin("e1", "learner", start),))).assignments}

    assert possible == starts


def test_a_shift_without_a_slot_is_as_free_as_before():
    problem = _with_slots(slot(1, 2), shifts=((0, 2), (2, 4)))

    possible = {start for start in range(4) if solve(replace(problem, pins=(Pin("e1", "learner", start),))).assignments}

    assert possible == {1, 2, 3}


def test_work_that_needs_no_stretch_is_not_bound():
    problem = _with_slots(slot(3, 4), skills={"billing": 3})

    assert placed(solve(problem)) == {"e1": ("learner", 0)}


def test_slots_grant_nothing_that_the_agent_does_not_want():
    assert solve(_with_slots(slot(0, 4), wants=())).assignments == ()


def test_outside_a_slot_the_ladder_may_still_lower_a_level():
    ladder = replace(EXACT, ladder=(LadderStep("lower_level", 4.0),))
    problem = replace(_with_slots(slot(2, 3)), engagements=(replace(ANYWHEN, latest=0, due=0),), policy=ladder)

    plan = solve(problem)

    assert [(each.start, each.stretch, each.relaxed) for each in plan.assignments] == [(0, None, ("lower_level",))]
    assert plan.objective == pytest.approx(6)
    assert verify(problem, plan) == ()


def test_what_stood_in_the_frozen_window_stays_where_it_was():
    frozen = Placement("e1", "learner", 0)
    problem = replace(_with_slots(slot(2, 3)), previous=(frozen,), frozen_before=1)

    plan = solve(problem)

    assert placed(plan) == {"e1": ("learner", 0)}
    assert verify(problem, plan) == ()
    assert find_standing(problem, [frozen]) == (frozen,)
    assert find_standing(replace(problem, frozen_before=0), [frozen]) == ()


def test_a_learner_beside_a_lead_keeps_to_their_slots_too():
    pair = replace(ANYWHEN, eligible_agents=("mentor",), shadow=True)
    problem = a_problem([replace(LEARNER, stretch_slots=(slot(2, 3),)), MENTOR], [pair])

    assert placed(solve(problem)) == {"e1": ("mentor", 2)}
    other = replace(LEARNER, stretch_slots=(slot(0, 4, "spanish"),))
    assert solve(a_problem([other, MENTOR], [pair])).assignments == ()


def test_a_learner_lacks_the_skill_of_their_slot():
    """Two skills are required: they learn the one that they chose for that time."""
    needs = (Requirement("billing", 3), Requirement("spanish", 1))
    pair = replace(ANYWHEN, eligible_agents=("mentor",), shadow=True, requires=needs)
    mentor = replace(MENTOR, skills={"billing": 5, "spanish": 3})
    learner = replace(LEARNER, wants=("billing", "spanish"), stretch_slots=(slot(1, 2, "spanish"),))

    assert placed(solve(a_problem([learner, mentor], [pair]))) == {"e1": ("mentor", 1)}
    speaker = replace(learner, skills={"billing": 2, "spanish": 1})
    assert solve(a_problem([speaker, mentor], [pair])).assignments == ()


@pytest.mark.parametrize(
    ("slots", "fields", "rules"),
    [
        ((), {}, []),
        ((slot(0, 1),), {}, []),
        ((slot(0, 4),), {}, []),
        ((slot(1, 2),), {}, ["skill", "skill"]),
        ((slot(0, 0),), {}, ["skill", "skill"]),
        ((slot(0, 1, "law"),), {}, ["skill", "skill"]),
        ((slot(2, 3),), {"shifts": ((0, 2), (2, 4))}, []),
        ((slot(1, 2),), {"shifts": ((0, 2), (2, 4))}, ["skill", "skill"]),
    ],
)
def test_the_checker_knows_the_slots(slots, fields, rules):
    learner = ben(stretch_slots=slots, **fields)

    assert broken([learner, COVER], [work()], [row("e1", "ben", **STRETCH)], policy=STRICT) == rules


def test_the_checker_holds_learners_to_their_slots():
    pair, rows = work(shadow=True), [row("e1", "ada", 1, shadow="ben")]

    for chosen, rules in ((slot(1, 2), []), (slot(0, 1), ["shadow"]), (slot(1, 2, "law"), ["shadow"])):
        assert broken([ada(), ben(stretch_slots=(chosen,))], [pair], rows, policy=STRICT) == rules


def _growth_outside_slots(problem, plan):
    """Return what an agent who chose slots does of stretch outside them, with nothing of the package's own rules."""
    agents = {agent.id: agent for agent in problem.agents}
    works = {each.id: each for each in problem.engagements}
    found = []
    for each in plan.assignments:
        if each.start < problem.frozen_before:
            continue
        grown = [(each.agent, {each.stretch})] if each.stretch is not None else []
        if each.shadow is not None:
            grown.append((each.shadow, {need.skill for need in works[each.engagement].requires}))
        for who, skills in grown:
            agent = agents[who]
            shift = next((one for one in agent.shifts if one[0] <= each.start < one[1]), (0, problem.intervals))
            if any(shift[0] <= one.start < shift[1] for one in agent.stretch_slots) and not any(
                one.skill in skills and one.start <= each.start < one.end for one in agent.stretch_slots
            ):
                found.append((each.engagement, who))
    return found


@some
@given(learning_problems() | problems())
def test_no_plan_holds_growth_outside_the_slots_of_who_chose_some(problem):
    plan = solve(problem)

    assert _growth_outside_slots(problem, plan) == []
    assert verify(problem, plan) == ()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_day_with_many_slots_obeys_them_and_still_grows(seed):
    policy = Policy(weights={"service": 1.0, "growth": 1.0}, growth_epsilon=0.05, gap=0.005, time_limit_s=30.0)
    day = Shape(agents=12, engagements=80, load=0.8, skills=5, breadth=0.6, rich=True, slots=0.7)
    problem = generate(day, seed, policy)

    plan = solve(problem)

    assert sum(bool(agent.stretch_slots) for agent in problem.agents) >= 4
    assert any(each.stretch is not None for each in plan.assignments)
    assert _growth_outside_slots(problem, plan) == []
    assert verify(problem, plan) == ()


@some
@given(learning_problems(forecast=False))
def test_a_further_slot_never_lowers_the_optimum(problem):
    """Without lowered levels, which a slot turns into stretch, and without growth that comes before customers."""
    calm = replace(
        problem,
        agents=tuple(
            replace(agent, growth_due_minutes=0.0, stretch_slots=(slot(0, 0, "spanish"),)) for agent in problem.agents
        ),
        policy=replace(problem.policy, growth_epsilon=0.0, ladder=()),
    )
    more = replace(calm, agents=tuple(replace(each, stretch_slots=(slot(0, calm.intervals),)) for each in calm.agents))

    best, wider = solve(calm), solve(more)

    if best.status is not Status.INFEASIBLE:
        assert (wider.objective or 0.0) >= (best.objective or 0.0) - 1e-5


def test_the_reason_says_that_it_is_the_agents_own_slot():
    own, free = _with_slots(slot(0, 2)), _with_slots()

    said = [Sentences().why(why(each, solve(each), "e1")) for each in (own, free)]

    assert "It is stretch work in billing, in a slot that learner chose for it, with a mentor on shift." in said[0]
    assert "It is stretch work in billing, which learner wants to grow in, with a mentor on shift." in said[1]


def test_who_chose_other_times_is_told_apart_from_who_can_not():
    problem = _with_slots(slot(2, 3))
    early = replace(problem, engagements=(replace(ANYWHEN, due=1, latest=1),))

    answer = why_not(early, solve(early), "e1", "learner")
    move = check_move(problem, solve(problem), "e1", "learner", 0)

    assert [each.code for each in answer.obstacles] == [ObstacleCode.SKILL, ObstacleCode.SLOT]
    assert "learner: chose other times or skills for stretch work in this shift." in Sentences().why_not(answer)
    assert ObstacleCode.SLOT in [each.code for each in move.violations]
    hopeless = replace(early, agents=(replace(early.agents[0], wants=()), MENTOR))
    assert [each.code for each in why_not(hopeless, solve(hopeless), "e1", "learner").obstacles] == [ObstacleCode.SKILL]


def test_slots_are_read_back_and_leave_older_problems_as_they_were():
    problem = _with_slots(slot(0, 1), slot(2, 2, "spanish"))

    assert Problem.from_json(problem.to_json()) == problem
    assert problem.to_json()["agents"][0]["stretch_slots"][0] == {"start": 0, "end": 1, "skill": "billing"}
    assert "stretch_slots" not in _with_slots().to_json()["agents"][0]


@pytest.mark.parametrize(
    ("slots", "path"),
    [
        ([{"start": 2, "end": 1, "skill": "billing"}], "$.agents[0].stretch_slots[0].end"),
        ([{"start": -1, "end": 1, "skill": "billing"}], "$.agents[0].stretch_slots[0].start"),
        ([{"start": 0, "end": 5, "skill": "billing"}], "$.agents[0].stretch_slots[0]"),
        ([{"start": 4, "end": 4, "skill": "billing"}], "$.agents[0].stretch_slots[0]"),
        ([{"start": 0, "end": 1}], "$.agents[0].stretch_slots[0].skill"),
        (
            [{"start": 0, "end": 2, "skill": "billing"}, {"start": 1, "end": 3, "skill": "billing"}],
            "$.agents[0].stretch_slots[1]",
        ),
    ],
)
def test_wrong_slots_are_refused_with_their_path(slots, path):
    document = _with_slots().to_json()
    document["agents"][0]["stretch_slots"] = slots

    with pytest.raises(ProblemError) as refused:
        Problem.from_json(document)

    assert refused.value.path == path
