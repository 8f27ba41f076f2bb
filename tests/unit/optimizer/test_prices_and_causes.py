"""Shadow prices have the right sign and size; causes say what really stands in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer import Sentences, explain, solve
from optimizer.plan import CauseCode, Certainty, Fix, FixCode, Unassigned
from optimizer.problem import Forecast, Limits, Requirement
from optimizer.sentences import CAUSES, FIXES, GAINS, OBSTACLES, ObstacleCode
from tests.factories.optimizer_problems import a_problem, an_agent, an_engagement, problems


def test_one_more_minute_is_worth_the_best_that_is_left_over():
    # 30 minutes for 20 minutes at 12 points and 20 at 10: the LP sells the last minutes at 10 / 20 a minute.
    problem = a_problem([an_agent()], [an_engagement("e1", minutes=20), an_engagement("e2", minutes=20, value=12)])

    prices = solve(problem).prices

    assert prices.agent["a1"] == pytest.approx((0.5,))
    assert prices.skill["billing"]["3"] == pytest.approx((0.5,))


def test_minutes_to_spare_are_worth_nothing():
    assert solve(a_problem([an_agent()], [an_engagement()])).prices.agent == {"a1": (0.0,)}


def test_a_skill_that_nobody_has_on_shift_is_priced_by_the_work_that_waits_for_it():
    # 10 points for 10 minutes at interval 1, when nobody is on shift.
    work = [an_engagement(earliest=1, due=1, latest=1)]
    problem = a_problem([an_agent(capacity=(30.0, 0.0))], work)

    assert solve(problem).prices.skill["billing"]["3"] == pytest.approx((0.0, 1.0))


def test_forecast_demand_prices_the_interval_that_it_fills():
    calls = Forecast("voice", "voice", (Requirement("billing", 1),), (60.0, 10.0), 2.0)
    problem = a_problem([an_agent(capacity=(30.0, 30.0))], [], forecast=(calls,))

    assert solve(problem).prices.agent["a1"] == pytest.approx((2.0, 0.0))


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(problems())
def test_prices_are_never_negative_and_every_gap_in_the_plan_has_a_reason(problem):
    plan = solve(problem)

    rows = [*plan.prices.agent.values(), *(row for levels in plan.prices.skill.values() for row in levels.values())]
    assert all(price >= 0 for row in rows for price in row)
    assert all(len(row) == problem.intervals for row in rows)
    if plan.has_plan:
        served = {each.engagement for each in plan.assignments}
        assert {each.engagement for each in plan.unassigned} == {each.id for each in problem.engagements} - served
        for each in plan.unassigned:
            assert all(line.strip() for line in Sentences().unassigned(each))


NEEDS_BOTH = (Requirement("billing", 3), Requirement("spanish", 3))
CASES = [
    ({"eligible_agents": ()}, {}, CauseCode.NOBODY_ALLOWED, FixCode.ALLOW_AGENT),
    ({"requires": (Requirement("billing", 5),)}, {}, CauseCode.NO_SKILL, FixCode.RAISE_LEVEL),
    ({"channel": "chat"}, {"channels": ("email",)}, CauseCode.NO_CHANNEL, FixCode.OPEN_CHANNEL),
    ({}, {"capacity": (0.0,)}, CauseCode.OFF_SHIFT, FixCode.ADD_MINUTES),
    ({}, {"limits": Limits(contacts={"email": 0})}, CauseCode.LIMIT, FixCode.RAISE_LIMIT),
    ({"value": 0.0}, {}, CauseCode.NOT_WORTH, FixCode.NONE),
]


@pytest.mark.parametrize(("work", "staff", "cause", "fix"), CASES)
def test_the_cause_is_what_really_stands_in_the_way(work, staff, cause, fix):
    problem = a_problem([an_agent(**staff)], [an_engagement(**work)])
    if cause is CauseCode.NOT_WORTH:
        # Work of no value that is served at a cost is not served.
        problem = a_problem([an_agent(**staff)], [an_engagement(values={"a1": -1.0})])

    left_out = explain(problem, solve(problem), "e1")

    assert isinstance(left_out, Unassigned)
    assert (left_out.cause.code, left_out.fix.code) == (cause, fix)


def test_a_missing_skill_names_the_skill_and_who_is_nearest():
    agents = [an_agent("far", skills={"billing": 1}), an_agent("near", skills={"billing": 4})]
    problem = a_problem(agents, [an_engagement(requires=(Requirement("billing", 5),))])

    left_out = solve(problem).unassigned[0]

    assert (left_out.cause.skill, left_out.cause.level) == ("billing", 5)
    assert left_out.cause.agents == ("near", "far")
    assert (left_out.fix.agent, left_out.fix.level) == ("near", 5)
    assert Sentences().unassigned(left_out) == [
        "Nobody who may take it has billing at level 5; the nearest are near, far.",
        "Bring near to level 5 in billing. The plan would gain at least 10.0 points.",
    ]


def test_skills_that_no_one_has_together_are_a_cause_of_their_own():
    agents = [an_agent("b", skills={"billing": 3}), an_agent("s", skills={"spanish": 3, "billing": 2})]
    left_out = solve(a_problem(agents, [an_engagement(requires=NEEDS_BOTH)])).unassigned[0]

    assert left_out.cause.code is CauseCode.NO_SKILL_MIX
    assert (left_out.fix.agent, left_out.fix.skill, left_out.fix.level) == ("s", "billing", 3)


def test_sold_capacity_names_the_work_and_a_fix_that_works():
    problem = a_problem([an_agent()], [an_engagement("e1", minutes=20), an_engagement("e2", minutes=20, value=12)])
    plan = solve(problem)

    left_out = plan.unassigned[0]

    assert left_out.cause.code is CauseCode.SOLD
    assert left_out.cause.engagements == ("e2",)
    # 40 minutes are asked, 30 are there: ten more, worth the ten points of e1.
    assert (left_out.fix.agent, left_out.fix.minutes, left_out.fix.gain) == ("a1", 10.0, 10.0)
    more = replace(problem, agents=(an_agent(capacity=(40.0,)),))
    # e2 brings 12, and e1 its 10 with the minutes added.
    assert solve(more).objective == pytest.approx(22)


def test_capacity_kept_for_calls_names_the_class():
    calls = Forecast("voice", "voice", (), (30.0,), 5.0)
    plan = solve(a_problem([an_agent()], [an_engagement()], forecast=(calls,)))

    assert plan.unassigned[0].cause.classes == ("voice",)


def test_every_code_has_a_sentence():
    assert set(CAUSES) == set(CauseCode)
    assert set(FIXES) == set(FixCode)
    assert set(OBSTACLES) == set(ObstacleCode)
    assert set(GAINS) == set(Certainty)


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("max_stretch_minutes", "Set the most minutes of stretch work in a shift of Ada to 40."),
        ("limits.heavy_minutes", "Set the most minutes of heavy work in a shift of Ada to 40."),
        ("limits.contacts.chat", "Set the most engagements on chat in a shift of Ada to 40."),
        ("overtime", "Set the overtime of Ada in interval 2 to 40."),
        ("proactive_share_min", "Set the least share of proactive work to 40."),
        ("proactive_share_max", "Set the largest share of proactive work to 40."),
    ],
)
def test_every_limit_has_a_name_in_its_sentence(limit, words):
    fix = Fix(FixCode.RAISE_LIMIT, "a1", interval=2, limit=limit, limit_to=40.0)

    assert Sentences(name={"a1": "Ada", "": ""}.__getitem__).fix(fix) == words


def test_a_fix_says_all_that_is_needed_and_how_sure_its_gain_is():
    more = Fix(FixCode.ADD_MINUTES, "a1", interval=3, minutes=12.5)
    fix = Fix(FixCode.RAISE_LEVEL, "a1", "billing", 4, gain=7.0, gain_is=Certainty.ESTIMATE, also=(more,))

    assert Sentences().fix(fix) == (
        "Bring a1 to level 4 in billing. Give a1 12.5 more minutes around interval 3. "
        "The plan would gain about 7.0 points."
    )
