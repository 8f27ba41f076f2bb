"""A fix is true: the changed problem can serve the engagement and is worth what the fix promises."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer import Plan, Policy, Problem, apply_fix, solve
from optimizer.benchmarks.generator import Shape, generate
from optimizer.fixes import CHANGES, every_part, shifts_with
from optimizer.plan import Cause, CauseCode, Certainty, Fix, FixCode, Unassigned
from optimizer.problem import Limits, Pin, Requirement
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, problems

FIRST_TIER_ALONE = {"service": 1.0, "match": 0.2, "continuity": 0.2}


def _best(plan: Plan) -> float:
    return next(tier.objective for tier in plan.tiers if tier.tier == "customers")


def _served(problem: Problem, left_out: Unassigned) -> bool:
    """Return whether the changed problem has a plan that serves the engagement."""
    changed = apply_fix(problem, left_out)
    must = tuple(
        replace(each, must_assign=True) if each.id == left_out.engagement else each for each in changed.engagements
    )
    return solve(replace(changed, engagements=must)).has_plan


def _gained(problem: Problem, plan: Plan, left_out: Unassigned) -> float:
    assert plan.objective is not None
    return _best(solve(apply_fix(problem, left_out))) - plan.objective


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(problems(least=1))
def test_every_fix_of_a_tiny_problem_serves_the_engagement_and_gains_what_it_says(problem):
    plan = solve(problem)

    for left_out in plan.unassigned:
        fix = left_out.fix
        if fix.code is FixCode.NONE:
            continue
        assert fix.gain_is is not None
        if fix.gain_is is Certainty.CERTAIN:
            assert fix.gain is not None
            assert _served(problem, left_out)
            assert _gained(problem, plan, left_out) >= fix.gain - 1e-4


def _with_all_else_as_planned(problem: Problem, plan: Plan, left_out: Unassigned) -> Problem:
    """Return the changed problem in which only the agents of the fix may do anything else than in the plan."""
    agents = {part.agent for part in every_part(left_out.fix)}
    pins = tuple(
        Pin(each.engagement, each.agent, each.start) for each in plan.assignments if each.agent not in agents
    )  # fmt: skip
    others = {each.engagement for each in plan.unassigned} - {left_out.engagement}
    changed = apply_fix(problem, left_out)
    work = tuple(replace(each, eligible_agents=()) if each.id in others else each for each in changed.engagements)
    exact = replace(changed.policy, gap=0.0, iterations=None, time_limit_s=20)
    return replace(changed, pins=pins, engagements=work, policy=exact)


def test_the_fixes_of_a_day_gain_what_they_say_with_all_else_as_planned():
    """Of a day of 20 × 150 one fix of each kind is solved again."""
    shape = Shape(agents=20, engagements=150, intervals=8, load=1.1, forecast=0.2, rich=True)
    policy = Policy(weights=FIRST_TIER_ALONE, gap=0.02, time_limit_s=60, iterations=3)
    problem = generate(shape, 11, policy)
    plan = solve(problem)
    mendable = [each for each in plan.unassigned if each.fix.code is not FixCode.NONE]
    kinds = {(each.cause.code, each.fix.code, len(each.fix.also)): each for each in mendable}

    assert len(kinds) >= 2
    for left_out in list(kinds.values())[:6]:
        assert left_out.fix.gain_is is Certainty.CERTAIN
        changed = solve(_with_all_else_as_planned(problem, plan, left_out))

        assert changed.objective is not None
        assert plan.objective is not None
        assert left_out.fix.gain is not None
        assert changed.objective >= plan.objective + left_out.fix.gain - 1e-3


NEEDS_BOTH = (Requirement("billing", 3), Requirement("spanish", 2))
HAND_MADE = [
    # The agent lacks two skills and the channel: nothing less serves it.
    (
        {"requires": NEEDS_BOTH, "channel": "chat"},
        {"skills": {"billing": 1}, "channels": ("email",)},
        [FixCode.RAISE_LEVEL, FixCode.RAISE_LEVEL, FixCode.OPEN_CHANNEL],
    ),
    # 70 minutes need three intervals; only the first is on shift.
    (
        {"minutes": 70.0},
        {"capacity": (30.0, 0.0, 0.0)},
        [FixCode.ADD_MINUTES, FixCode.ADD_MINUTES],
    ),
    # The horizon ends before the work does, whatever minutes are added: it has to start earlier.
    (
        {"minutes": 60.0, "earliest": 1, "due": 1, "latest": 1},
        {"capacity": (30.0, 30.0)},
        [FixCode.EXTEND_WINDOW],
    ),
    # The window is over when the shift begins.
    ({}, {"capacity": (0.0, 30.0)}, [FixCode.EXTEND_WINDOW]),
    ({"eligible_agents": (), "excluded_agents": ("a1",)}, {}, [FixCode.ALLOW_AGENT]),
    ({"language": "es", "site": "north"}, {}, [FixCode.OPEN_CHANNEL]),
    ({"heavy": True, "minutes": 20.0}, {"limits": Limits(heavy_minutes=15)}, [FixCode.RAISE_LIMIT]),
]


@pytest.mark.parametrize(("work", "staff", "codes"), HAND_MADE)
def test_a_fix_names_everything_that_is_needed(work, staff, codes):
    problem = a_problem([an_agent(**staff)], [an_engagement(**work)])
    plan = solve(problem)

    left_out = plan.unassigned[0]

    assert Counter(part.code for part in every_part(left_out.fix)) == Counter(codes)
    assert left_out.fix.gain_is is Certainty.CERTAIN
    assert _served(problem, left_out)
    assert _gained(problem, plan, left_out) >= (left_out.fix.gain or 0.0) - 1e-6


def test_the_gain_of_training_is_net_of_the_work_that_gives_way():
    # a1 does e1 (20 minutes, 12 points) in 30 minutes; e2 (20 minutes, 30 points) would take its place: 18 points.
    work = [
        an_engagement("e1", minutes=20, value=12),
        an_engagement("e2", minutes=20, value=30, requires=(Requirement("spanish", 2),)),
    ]
    problem = a_problem([an_agent()], work)
    plan = solve(problem)

    fix = plan.unassigned[0].fix

    assert (fix.code, fix.skill, fix.level) == (FixCode.RAISE_LEVEL, "spanish", 2)
    assert fix.gain == pytest.approx(18)
    assert _gained(problem, plan, plan.unassigned[0]) == pytest.approx(18)


def test_a_share_of_the_policy_is_named_with_the_value_that_allows_the_work():
    # 10 of 20 minutes would be proactive: a share of at most 0.5 allows both.
    policy = replace(EXACT, proactive_share_max=0.4)
    work = [an_engagement("e1"), an_engagement("e2", stance="proactive", value=5)]
    problem = a_problem([an_agent()], work, policy=policy)
    plan = solve(problem)

    fix = plan.unassigned[0].fix

    assert (fix.code, fix.agent, fix.limit, fix.limit_to) == (FixCode.RAISE_LIMIT, None, "proactive_share_max", 0.5)
    assert _gained(problem, plan, plan.unassigned[0]) == pytest.approx(5)


def test_solving_longer_gives_more_time_and_no_fix_changes_nothing():
    problem = a_problem([an_agent()], [an_engagement()], policy=replace(EXACT, iterations=5))

    longer = apply_fix(problem, Unassigned("e1", Cause(CauseCode.SEARCH), Fix(FixCode.SOLVE_LONGER)))
    same = apply_fix(problem, Unassigned("e1", Cause(CauseCode.NOT_WORTH), Fix(FixCode.NONE)))

    assert (longer.policy.time_limit_s, longer.policy.iterations) == (80.0, 20)
    assert same == problem


def test_a_fix_for_somebody_unknown_is_an_error():
    problem = a_problem([an_agent()], [an_engagement()])

    for left_out in (
        Unassigned("e9", Cause(CauseCode.SOLD), Fix(FixCode.EXTEND_WINDOW, interval=0)),
        Unassigned("e1", Cause(CauseCode.SOLD), Fix(FixCode.ADD_MINUTES, "zoe", interval=0, minutes=5.0)),
    ):
        with pytest.raises(LookupError):
            apply_fix(problem, left_out)


def test_minutes_outside_every_shift_become_a_shift_of_their_own():
    assert shifts_with(((0, 2), (5, 8)), 3) == ((0, 2), (3, 4), (5, 8))
    assert shifts_with(((0, 2), (5, 8)), 6) == ((0, 2), (5, 8))
    assert shifts_with((), 6) == ()


def test_every_fix_can_be_made():
    assert set(CHANGES) == set(FixCode)
