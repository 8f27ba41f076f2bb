"""What a lesson gains is what the LP gains, and the best lesson is proven with few LPs."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from optimizer import solve
from optimizer.assignment.asks import Asks
from optimizer.assignment.model import build_model, tier_objectives
from optimizer.assignment.relaxation import InfeasibleError
from optimizer.benchmarks.crosstraining import run_training
from optimizer.benchmarks.generator import Shape, generate
from optimizer.control import Control
from optimizer.crosstraining import Lesson, cross_training_value, list_lessons, teach
from optimizer.fit import Fit
from optimizer.policy import LadderStep, Policy
from optimizer.problem import Forecast, Requirement
from optimizer.roster import Roster
from tests.factories.optimizer_problems import a_problem, an_agent, an_engagement, problems

EXAMPLES = int(os.environ.get("MAINSTAY_PROPERTY_EXAMPLES", "25"))


def whole_lp(problem):
    """Return the optimum of the first tier's LP over all columns at once, by another interface; None if infeasible."""
    model = build_model(Fit(Roster.of(problem)), Asks.of(problem))
    objective = next(each for each in tier_objectives(model) if each.tier == "customers")
    matrix = sparse.csr_array(sparse.hstack([model.on_columns, model.on_continuous]))
    bounds = [(0.0, 1.0)] * len(model.columns) + [(0.0, upper) for upper in model.continuous.upper.tolist()]
    if not bounds:
        return objective.constant if (model.lower <= 0).all() and (model.upper >= 0).all() else None
    low = np.isfinite(model.lower)
    result = linprog(
        -np.concatenate([objective.on_columns, objective.on_continuous]),
        A_ub=np.vstack([matrix.toarray(), -matrix[low].toarray()]),
        b_ub=np.concatenate([model.upper, -model.lower[low]]),
        bounds=bounds,
    )
    return None if result.fun is None else objective.constant - result.fun


def test_a_lesson_gains_the_work_that_it_makes_possible():
    # Billing at level 3 fills a1's 30 minutes. a2 is idle; with billing they serve e2 and 10 more forecast minutes.
    spanish = an_agent("a2", skills={"spanish": 3})
    engagements = [an_engagement("e1", minutes=30.0, value=40.0), an_engagement("e2", minutes=20.0, value=15.0)]
    voice = Forecast("voice", "voice", (Requirement("billing", 2),), (10.0,), 0.5)
    problem = a_problem([an_agent("a1"), spanish], engagements, forecast=(voice,))

    value = cross_training_value(problem, top=5)

    best = value.best
    assert best is not None
    assert value.certified
    assert value.base == pytest.approx(40.0)
    # Level 3 allows both, 15 + 10 × 0.5; the lowest level that is asked for and that a2 lacks is 2: calls alone.
    assert best.lesson == Lesson("a2", "billing", 2)
    assert best.least == pytest.approx(5.0)
    assert best.most == pytest.approx(5.0)


def test_the_level_of_a_lesson_counts():
    problem = a_problem([an_agent("a1", skills={})], [an_engagement("e1", value=7.0)])

    value = cross_training_value(problem, [Lesson("a1", "billing", 2), Lesson("a1", "billing", 3)])

    assert [gain.lesson.level for gain in value.gains] == [3, 2]
    assert [gain.most for gain in value.gains] == pytest.approx([7.0, 0.0])


def test_lessons_are_the_next_level_that_work_asks_for():
    engagements = [
        an_engagement("e1", requires=(Requirement("billing", 4),)),
        an_engagement("e2", requires=(Requirement("billing", 2), Requirement("spanish", 1, preferred=True))),
    ]
    agents = [an_agent("a1", skills={"billing": 3}), an_agent("a2", skills={"spanish": 1})]

    lessons = list_lessons(a_problem(agents, engagements))

    assert lessons == (Lesson("a1", "billing", 4), Lesson("a1", "spanish", 1), Lesson("a2", "billing", 2))


def test_a_lesson_changes_one_level_of_one_agent():
    problem = a_problem([an_agent("a1"), an_agent("a2")], [])

    taught = teach(problem, Lesson("a2", "spanish", 2))

    assert taught.agents[0] == problem.agents[0]
    assert taught.agents[1].skills == {"billing": 3, "spanish": 2}


@pytest.mark.parametrize(
    ("lesson", "message"),
    [(Lesson("a9", "billing", 3), "no agent 'a9'"), (Lesson("a1", "billing", 3), "at level 3 already")],
)
def test_a_lesson_that_cannot_be_given_is_refused(lesson, message):
    problem = a_problem([an_agent("a1")], [an_engagement()])

    with pytest.raises(ValueError, match=message):
        cross_training_value(problem, [lesson])


def test_nothing_to_prove_is_refused():
    with pytest.raises(ValueError, match="top must be at least 1"):
        cross_training_value(a_problem([an_agent("a1")], []), top=0)


def test_where_nothing_would_gain_no_lesson_is_solved():
    value = cross_training_value(a_problem([an_agent("a1")], [an_engagement()]), [Lesson("a1", "spanish", 1)])

    assert (value.best, value.solves, value.certified) == (None, 0, True)
    assert value.gains[0].most == pytest.approx(0.0)


def test_an_infeasible_problem_is_no_lesson_s_fault():
    problem = a_problem([an_agent("a1", skills={})], [an_engagement(must_assign=True)])

    with pytest.raises(InfeasibleError):
        cross_training_value(problem)


def test_an_expired_clock_proves_nothing():
    problem = a_problem([an_agent("a1", skills={})], [an_engagement()])

    value = cross_training_value(problem, control=Control(deadline_at=time.monotonic() - 1.0))

    assert not value.certified
    assert value.solves == 0


def test_a_cap_on_solves_leaves_valid_ranges():
    problem = generate(Shape(agents=8, engagements=60, intervals=4, load=0.8, forecast=0.3), seed=3)

    value = cross_training_value(problem, top=20, most_solves=2)

    assert (value.solves, value.certified) == (2, False)
    base = whole_lp(problem)
    for gain in value.gains[:8]:
        exact = whole_lp(teach(problem, gain.lesson)) - base
        assert gain.least - 1e-5 <= exact <= gain.most + 1e-5


@settings(max_examples=EXAMPLES)
@given(problem=problems(least=1), top=st.integers(1, 3))
def test_the_best_lessons_equal_brute_force(problem, top):
    """Every bound holds, every solved gain is exact, and the best ones are those that solving all of them finds."""
    base = whole_lp(problem)
    assume(base is not None)

    value = cross_training_value(problem, top=top)

    exact = {}
    for gain in value.gains:
        taught = whole_lp(teach(problem, gain.lesson))
        exact[gain.lesson] = -np.inf if taught is None else taught - base
        assert gain.least - 1e-5 <= exact[gain.lesson] <= gain.most + 1e-5
        if gain.solved:
            assert gain.most == pytest.approx(gain.least, abs=1e-4)
    assert value.certified
    best = sorted((gain for gain in exact.values() if gain > 1e-4), reverse=True)[:top]
    found = [gain.least for gain in value.gains if gain.solved and gain.least > 1e-4][:top]
    assert found == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("rich", [False, True])
def test_a_tenth_of_the_solves_proves_the_best_of_a_day(rich):
    shape = Shape(agents=20, engagements=120, intervals=8, load=0.7, forecast=0.3, rich=rich)
    problem = generate(shape, seed=1001)

    value = cross_training_value(problem, top=3)

    assert value.certified
    assert len(value.gains) > 100
    assert value.solves <= len(value.gains) / 10


def test_a_plan_to_start_from_changes_nothing():
    problem = generate(
        Shape(agents=6, engagements=30, intervals=4), seed=2, policy=Policy(time_limit_s=5.0, iterations=50)
    )

    with_plan = cross_training_value(problem, plan=solve(problem))
    without = cross_training_value(problem)

    assert with_plan.base == pytest.approx(without.base)
    assert with_plan.gains[0].most == pytest.approx(without.gains[0].most, abs=1e-4)


def test_who_mentors_is_solved_because_others_change_too():
    # a2 learns billing at 4 and, as a mentor, lets a1 stretch to the level-4 engagement that starts when both work.
    learner = an_agent("a1", skills={"billing": 3}, wants=("billing",), max_stretch_minutes=30.0)
    mentor = an_agent("a2", skills={"billing": 3}, mentor_for=("billing",))
    hard = an_engagement("e1", requires=(Requirement("billing", 4),), excluded_agents=("a2",), value=12.0)
    problem = a_problem([learner, mentor], [hard])

    value = cross_training_value(problem, [Lesson("a2", "billing", 4)])

    assert value.best is not None
    assert value.best.least == pytest.approx(12.0)


def test_the_benchmark_counts_solves_beside_brute_force():
    (run,) = run_training(Shape(agents=5, engagements=20, intervals=4, forecast=0.3), [1], top=1, brute_force=True)

    assert run.certified
    assert run.best_gain == pytest.approx(run.brute_gain, abs=1e-3)
    assert 0 < run.share < 1
    assert run.seconds > 0


def test_two_who_could_learn_the_same_are_a_pair_when_one_of_them_has():
    # With billing a1 leads and a2, who wants it, learns beside: 7.5 points late by half, less 2 for starting late.
    # Taught to both at once nobody could learn beside any more, so that the lessons cannot be screened together.
    learner = an_agent("a2", (0.0, 30.0), skills={}, wants=("billing",), max_stretch_minutes=20.0)
    paired = an_engagement(minutes=5.0, value=7.5, requires=(Requirement("billing", 1),), shadow=True)
    policy = Policy(weights={"service": 1.0}, ladder=(LadderStep("later", 2.0),), gap=0.0)
    problem = a_problem([an_agent("a1", (0.0, 30.0), skills={}), learner], [paired], policy=policy)

    value = cross_training_value(problem)

    assert value.certified
    assert [(gain.lesson.agent, gain.solved) for gain in value.gains] == [("a1", True), ("a2", True)]
    assert [gain.most for gain in value.gains] == pytest.approx([1.75, 0.0])
