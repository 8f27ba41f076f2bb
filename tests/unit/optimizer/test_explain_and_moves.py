"""Why this agent, why not that one, and what a move by hand would do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from optimizer import Move, MoveError, Sentences, Status, apply_moves, check_move, solve, verify, why, why_not
from optimizer.problem import Forecast, Limits, Pin, Placement, Requirement
from optimizer.sentences import ObstacleCode
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, placed, problems

TWO = [an_agent("a1", skills={"billing": 4}), an_agent("a2", skills={"billing": 3})]
SERVICE_AND_CONTINUITY = replace(EXACT, weights={"service": 1.0, "continuity": 0.1})


def test_why_gives_value_price_and_the_next_best():
    problem = a_problem(TWO, [an_engagement(known_agents=("a1",))], policy=SERVICE_AND_CONTINUITY)

    reason = why(problem, solve(problem), "e1")

    assert reason.assignment.agent == "a1"
    assert reason.knows_customer
    assert reason.levels == (("billing", 4, 3),)
    assert reason.able == 2
    assert [(offer.agent, offer.value, offer.price) for offer in reason.alternatives] == [("a2", 10.0, 0.0)]
    words = Sentences(name={"a1": "Ada", "a2": "Ben"}.__getitem__).why(replace(reason, levels=()))
    assert words == [
        "The customer knows Ada.",
        "With Ada it brings 11.0 points for minutes worth 0.0; the next best, Ben, 10.0 for 0.0.",
    ]


def test_why_of_an_unassigned_engagement_is_no_answer():
    problem = a_problem(TWO, [an_engagement(eligible_agents=())])

    with pytest.raises(LookupError):
        why(problem, solve(problem), "e1")


@pytest.mark.parametrize(
    ("work", "staff", "code"),
    [
        ({"requires": (Requirement("billing", 5),)}, {}, ObstacleCode.SKILL),
        ({"excluded_agents": ("a1",)}, {}, ObstacleCode.EXCLUDED),
        ({"eligible_agents": ()}, {}, ObstacleCode.NOT_LISTED),
        ({}, {"channels": ("voice",)}, ObstacleCode.CHANNEL),
        ({"language": "es"}, {}, ObstacleCode.LANGUAGE),
        ({"site": "north"}, {}, ObstacleCode.SITE),
        ({}, {"capacity": (0.0,)}, ObstacleCode.OFF_SHIFT),
        ({"authority": ("refund",)}, {}, ObstacleCode.AUTHORITY),
        ({"shadow": True}, {}, ObstacleCode.SHADOW),
        ({"shadow": True}, {"capacity": (0.0,)}, ObstacleCode.OFF_SHIFT),
    ],
)
def test_why_not_names_the_rule_in_the_way(work, staff, code):
    problem = a_problem([an_agent(**staff)], [an_engagement(**work)])

    answer = why_not(problem, solve(problem), "e1", "a1")

    assert [obstacle.code for obstacle in answer.obstacles] == [code]
    assert Sentences().why_not(answer)[0].startswith("a1: ")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"pins": (Pin("e1", "a2"),)}, ObstacleCode.PINNED),
        ({"previous": (Placement("e1", "a2", 0),), "frozen_before": 1}, ObstacleCode.FROZEN),
    ],
)
def test_why_not_names_what_people_have_fixed(fields, code):
    problem = a_problem(TWO, [an_engagement()], **fields)

    answer = why_not(problem, solve(problem), "e1", "a1")

    assert [obstacle.code for obstacle in answer.obstacles] == [code]


def test_why_not_puts_value_and_price_side_by_side():
    # a1 is the only one for e2, worth 30 for all 30 minutes of theirs: 1 a minute. The minutes of a2 are free.
    hard = an_engagement("e2", minutes=30, value=30, requires=(Requirement("billing", 4),))
    problem = a_problem(
        TWO, [an_engagement("e1", minutes=20, known_agents=("a1",)), hard], policy=SERVICE_AND_CONTINUITY
    )

    answer = why_not(problem, solve(problem), "e1", "a1")

    assert answer.offer is not None
    assert answer.offer.value == pytest.approx(11)
    assert answer.offer.price == pytest.approx(20)
    assert answer.chosen is not None
    assert answer.chosen.agent == "a2"
    assert answer.chosen.net == pytest.approx(10)
    assert answer.in_the_way == ("e2",)


def test_a_move_tells_what_it_costs():
    problem = a_problem(TWO, [an_engagement(known_agents=("a1",))], policy=SERVICE_AND_CONTINUITY)
    plan = solve(problem)

    check = check_move(problem, plan, "e1", "a2", 0)

    assert check.is_allowed
    assert (check.value_before, check.value_after) == pytest.approx((11, 10))
    assert check.value_lost == pytest.approx(1)
    assert check.displaced == ()


def test_a_move_displaces_the_least_valuable_work():
    # a1 has 30 minutes: 20 (30 points) and 10 (10 points). e3 of 10 minutes needs one of them gone.
    work = [
        an_engagement("e1", minutes=20, value=30, eligible_agents=("a1",)),
        an_engagement("e2", value=10, eligible_agents=("a1",)),
        an_engagement("e3", value=5),
    ]
    problem = a_problem(TWO, work)
    plan = solve(problem)

    check = check_move(problem, plan, "e3", "a1", 0)
    moved = apply_moves(problem, plan, [Move("e3", "a1", 0)])

    assert check.displaced == ("e2",)
    assert check.value_lost == pytest.approx(10)
    assert moved.status is Status.FEASIBLE
    assert placed(moved) == {"e1": ("a1", 0), "e3": ("a1", 0)}
    assert moved.objective == pytest.approx(35)
    assert verify(problem, moved) == ()


def test_a_move_releases_only_the_reserved_minutes_that_it_needs():
    calls = Forecast("voice", "voice", (), (30.0,), 2.0)
    problem = a_problem([an_agent()], [an_engagement()], forecast=(calls,))
    plan = solve(problem)

    check = check_move(problem, plan, "e1", "a1", 0)

    assert [(kept.class_, kept.interval) for kept in check.released] == [("voice", 0)]
    assert check.released[0].minutes == pytest.approx(10, abs=1e-4)
    assert check.value_lost == pytest.approx(10, abs=1e-3)
    assert verify(problem, apply_moves(problem, plan, [Move("e1", "a1", 0)])) == ()


@pytest.mark.parametrize(
    ("fields", "move", "code"),
    [
        ({}, ("e1", "novice", 0), ObstacleCode.SKILL),
        ({}, ("e1", "a1", 1), ObstacleCode.WINDOW),
        ({"pins": (Pin("e1", "a1"),)}, ("e1", "a2", 0), ObstacleCode.PINNED),
        ({"previous": (Placement("e1", "a1", 0),), "frozen_before": 1}, ("e1", "a2", 0), ObstacleCode.FROZEN),
        ({"previous": (Placement("e1", "a1", 0),), "max_changes": 0}, ("e1", "a2", 0), ObstacleCode.CHANGES),
        ({"pins": (Pin("e2", "a2"),)}, ("e1", "a2", 0), ObstacleCode.CAPACITY),
    ],
)
def test_a_move_against_a_rule_is_refused(fields, move, code):
    agents = [
        an_agent("a1", (30.0, 30.0)),
        an_agent("a2", (30.0, 0.0)),
        an_agent("novice", (30.0, 30.0), skills={}),
    ]
    problem = a_problem(agents, [an_engagement("e1", minutes=20), an_engagement("e2", minutes=25)], **fields)
    if fields.get("pins") == (Pin("e2", "a2"),):
        problem = replace(problem, frozen_before=0)
    plan = solve(problem)

    check = check_move(problem, plan, *move)

    assert [obstacle.code for obstacle in check.violations] == [code]
    with pytest.raises(MoveError):
        apply_moves(problem, plan, [Move(*move)])


def test_a_move_past_a_limit_is_refused():
    agents = [an_agent("a1", limits=Limits(heavy_minutes=10)), an_agent("a2")]
    work = [an_engagement("e1", heavy=True, eligible_agents=("a1",)), an_engagement("e2", heavy=True)]
    problem = a_problem(agents, work)

    check = check_move(problem, solve(problem), "e2", "a1", 0)

    assert [(obstacle.code, obstacle.name) for obstacle in check.violations] == [(ObstacleCode.LIMIT, "heavy")]


def test_unknown_names_are_errors():
    problem = a_problem(TWO, [an_engagement()])
    plan = solve(problem)

    for move in (("e9", "a1", 0), ("e1", "zoe", 0)):
        with pytest.raises(LookupError):
            check_move(problem, plan, *move)
    with pytest.raises(LookupError):
        why_not(problem, plan, "e1", "zoe")


def test_taking_an_engagement_out_leaves_it_unassigned():
    problem = a_problem(TWO, [an_engagement()])

    out = apply_moves(problem, solve(problem), [Move("e1")])

    assert out.assignments == ()
    assert out.find_unassigned("e1") is not None
    assert verify(problem, out) == ()


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(problems(least=1), st.data())
def test_every_move_that_is_allowed_leaves_a_valid_plan(problem, data):
    # A share over the whole plan is not a matter of one move; the checker of the plan reports it.
    problem = replace(problem, policy=replace(problem.policy, proactive_share_min=None, proactive_share_max=None))
    plan = solve(problem)
    assume(plan.has_plan)
    work = data.draw(st.sampled_from(problem.engagements)).id
    agent = data.draw(st.sampled_from(problem.agents)).id
    start = data.draw(st.integers(0, problem.intervals - 1))

    check = check_move(problem, plan, work, agent, start)

    if check.is_allowed:
        moved = apply_moves(problem, plan, [Move(work, agent, start)])
        assert verify(problem, moved) == ()
        assert moved.objective == pytest.approx(check.value_after)
        assert placed(moved)[work] == (agent, start)


LEARNER = an_agent("learner", skills={"billing": 2}, wants=("billing",), max_stretch_minutes=15.0)


def test_why_not_names_the_owner():
    problem = a_problem(TWO, [an_engagement(owner="a2")])

    answer = why_not(problem, solve(problem), "e1", "a1")

    assert [(each.code, each.name) for each in answer.obstacles] == [(ObstacleCode.OWNER, "a2")]
    assert Sentences().why_not(answer) == ["a1: it belongs to a2."]


def test_a_pair_is_explained_by_who_could_lead_it():
    problem = a_problem([LEARNER, *TWO], [an_engagement(shadow=True)])
    plan = solve(problem)

    reason = why(problem, plan, "e1")

    assert reason.assignment.shadow == "learner"
    assert {reason.assignment.agent, *(offer.agent for offer in reason.alternatives)} == {"a1", "a2"}


def test_a_move_that_would_make_a_pair_is_refused_with_the_reason():
    problem = a_problem([LEARNER, *TWO], [an_engagement(shadow=True)])
    plan = solve(problem)
    elsewhere = "a2" if plan.assignments[0].agent == "a1" else "a1"

    check = check_move(problem, plan, "e1", elsewhere, 0)

    assert [each.code for each in check.violations] == [ObstacleCode.PAIR]
    with pytest.raises(MoveError):
        apply_moves(problem, plan, [Move("e1", elsewhere, 0)])


def test_taking_a_pair_out_frees_both_and_leaves_the_debt_of_growth():
    learner = replace(LEARNER, growth_due_minutes=10.0)
    problem = a_problem([learner, *TWO], [an_engagement(shadow=True)])
    plan = solve(problem)

    changed = apply_moves(problem, plan, [Move("e1")])

    assert (plan.growth[0].debt, changed.growth[0].debt) == (0, 10)
    assert changed.terms["debt"] == pytest.approx(-10)
    assert verify(problem, changed) == ()


def test_work_moved_onto_a_learner_displaces_the_pair():
    # 20 minutes beside the lead and 25 of their own: 45 > 30, so the pair has to go.
    learner = replace(LEARNER, max_stretch_minutes=60.0)
    easy = an_engagement("e2", minutes=25, value=1, requires=(Requirement("billing", 1),), eligible_agents=("learner",))
    problem = a_problem([learner, TWO[0]], [an_engagement(minutes=20, shadow=True), easy])
    plan = solve(problem)
    assert set(placed(plan)) == {"e1"}

    check = check_move(problem, plan, "e2", "learner", 0)

    assert check.is_allowed
    assert check.displaced == ("e1",)
    assert verify(problem, apply_moves(problem, plan, [Move("e2", "learner", 0)])) == ()
