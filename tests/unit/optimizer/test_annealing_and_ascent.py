"""Prices by ascent and plans by annealing: valid bounds, rules kept, the same again."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer import Policy, Problem, solve, verify
from optimizer.assignment.annealing import anneal, construct
from optimizer.assignment.ascent import relax_by_ascent
from optimizer.assignment.asks import Asks
from optimizer.assignment.model import Model, Objective, build_model, tier_objectives
from optimizer.assignment.relaxation import solve_relaxation
from optimizer.assignment.search import Incumbent, complete
from optimizer.benchmarks.generator import Shape, generate
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.plan import StoppedBy
from optimizer.roster import Roster

SERVICE = Policy(weights={"service": 1.0, "match": 0.2}, gap=1e-4, time_limit_s=120.0, iterations=2)
DAY = Shape(agents=12, engagements=120, intervals=8)


def _model(problem: Problem) -> tuple[Model, Objective]:
    model = build_model(Fit(Roster.of(problem)), Asks.of(problem))
    return model, tier_objectives(model)[0]


def _greedy(model: Model, objective: Objective) -> Incumbent:
    plan = complete(model, objective, construct(model, objective, -objective.on_columns), Control())
    assert plan is not None
    return plan


@pytest.mark.parametrize("seed", [1001, 1002, 1003])
@pytest.mark.parametrize("forecast", [0.0, 0.4])
def test_an_ascent_ends_near_the_lp_and_never_below_it(seed: int, forecast: float) -> None:
    """Its bound is that of some duals, the LP's that of the best ones."""
    model, objective = _model(generate(replace(DAY, forecast=forecast, load=0.9 - forecast), seed, SERVICE))
    known = _greedy(model, objective).objective

    climbed = relax_by_ascent(model, objective, Control(), known=known)

    solved = solve_relaxation(model, objective, Control(), start=np.arange(len(model.columns)))
    assert solved is not None
    assert climbed.bound >= solved.bound - 1e-6 * abs(solved.bound)
    assert climbed.bound <= solved.bound * 1.01
    assert climbed.slack.min() >= -1e-9


@pytest.mark.parametrize("seed", [1001, 1002])
def test_annealing_gains_on_a_greedy_plan_and_keeps_every_row(seed: int) -> None:
    """Rows of capacity, limits and once hold for the columns it returns."""
    model, objective = _model(generate(replace(DAY, rich=True), seed, SERVICE))
    first = _greedy(model, objective)
    relaxation = relax_by_ascent(model, objective, Control(), known=first.objective)

    best, stopped = anneal(model, objective, relaxation, first, Control(), lambda _: None)

    used = np.zeros(len(model.columns))
    used[best.chosen] = 1.0
    activity = model.on_columns @ used + model.on_continuous @ best.continuous
    assert best.objective > first.objective
    assert best.objective <= relaxation.bound
    assert stopped in (StoppedBy.ITERATIONS, StoppedBy.GAP)
    assert (activity <= model.upper + 1e-6).all()


def test_annealing_repeats_itself_and_follows_the_seed() -> None:
    """Moves are counted, not seconds; the policy's seed decides which they are."""
    model, objective = _model(generate(DAY, 1004, SERVICE))
    first = _greedy(model, objective)
    relaxation = relax_by_ascent(model, objective, Control(), known=first.objective)
    other = replace(model, problem=replace(model.problem, policy=replace(SERVICE, seed=2)))

    runs = [anneal(each, objective, relaxation, first, Control(), lambda _: None) for each in (model, model, other)]

    assert (runs[0][0].chosen == runs[1][0].chosen).all()
    assert runs[0][0].chosen.tolist() != runs[2][0].chosen.tolist()


def test_annealing_never_drops_what_must_be_served() -> None:
    """Work that must be served stays served, however little it is worth."""
    problem = generate(DAY, 1005, SERVICE)
    plain, _ = _model(problem)
    easy = np.argsort(-np.bincount(plain.columns.engagement, minlength=len(problem.engagements)))[:8].tolist()
    work = list(problem.engagements)
    for index in easy:
        work[index] = replace(work[index], must_assign=True, value=0.1)
    model, objective = _model(replace(problem, engagements=tuple(work)))
    first = _greedy(model, objective)
    relaxation = relax_by_ascent(model, objective, Control(), known=first.objective)

    best, _ = anneal(model, objective, relaxation, first, Control(), lambda _: None)

    assert set(easy) <= set(model.columns.engagement[best.chosen].tolist())


def test_a_cancelled_annealing_keeps_the_plan_it_has() -> None:
    """A cancel is seen before the first move."""
    model, objective = _model(generate(DAY, 1006, SERVICE))
    first = _greedy(model, objective)
    relaxation = relax_by_ascent(model, objective, Control(), known=first.objective)

    best, stopped = anneal(model, objective, relaxation, first, Control(should_cancel=lambda: True), lambda _: None)

    assert stopped is StoppedBy.CANCEL
    assert best.objective >= first.objective


@pytest.mark.parametrize("shape", [DAY, replace(DAY, rich=True), replace(DAY, forecast=0.3, load=0.6)])
def test_whole_plans_of_larger_days_obey_the_checker(shape: Shape) -> None:
    """The checker shares no code with the search."""
    problem = generate(replace(shape, agents=25, engagements=260), 1007, replace(SERVICE, gap=0.01))

    plan = solve(problem)

    assert verify(problem, plan) == ()
    assert plan.bound is not None
    assert plan.objective is not None
    assert plan.objective <= plan.bound
    assert "annealing" in plan.route
