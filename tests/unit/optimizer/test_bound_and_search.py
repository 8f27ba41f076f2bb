"""Bounds hold over all columns, and the heuristics of larger problems return valid, repeatable plans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import linprog

from optimizer import Policy, solve, verify
from optimizer.assignment.asks import Asks
from optimizer.assignment.dive import dive
from optimizer.assignment.ledger import Ledger
from optimizer.assignment.model import Model, Objective, build_model, tier_objectives
from optimizer.assignment.neighbourhood import search_neighbourhoods
from optimizer.assignment.relaxation import InfeasibleError, certify, solve_relaxation
from optimizer.assignment.rounding import exchange, lagrangian_greedy, regret_greedy
from optimizer.assignment.search import complete
from optimizer.benchmarks.generator import Shape, generate
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.problem import Problem
from optimizer.roster import Roster
from tests.factories.optimizer_problems import problems

MIDDLE = Shape(agents=16, engagements=160, intervals=16, load=0.7)
BUSY = replace(MIDDLE, load=0.5, forecast=0.4, rich=True)


def _model(problem: Problem) -> tuple[Model, Objective]:
    model = build_model(Fit(Roster.of(problem)), Asks.of(problem))
    return model, tier_objectives(model)[0]


def _whole_lp(model: Model, objective: Objective) -> float | None:
    """Return the value of the LP over all columns by another way: SciPy on the whole matrix."""
    matrix = sparse.csr_array(sparse.hstack([model.on_columns, model.on_continuous]))
    points = np.concatenate([objective.on_columns, objective.on_continuous])
    lowest = np.isfinite(model.lower)
    rows = sparse.csr_array(sparse.vstack([matrix, -matrix[np.flatnonzero(lowest)]]))
    limits = np.concatenate([model.upper, -model.lower[lowest]])
    upper = np.concatenate([np.ones(len(model.columns)), model.continuous.upper])
    if not len(points):
        return objective.constant if (limits >= -1e-9).all() else None
    bounds = [(0.0, most) for most in upper.tolist()]
    solved: Any = linprog(-points, A_ub=cast("Any", rows), b_ub=limits, bounds=bounds)
    return objective.constant - float(solved.fun) if solved.status == 0 else None


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(problems())
def test_sifting_finds_the_value_of_the_whole_lp(problem):
    model, objective = _model(problem)

    try:
        relaxation = solve_relaxation(model, objective, Control(), start=np.zeros(0, dtype=np.int64))
    except InfeasibleError:
        assert _whole_lp(model, objective) is None
        return

    assert relaxation is not None
    assert relaxation.proven
    assert relaxation.bound == pytest.approx(_whole_lp(model, objective), abs=1e-5)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(problems(asks=False), st.integers(0, 1000))
def test_any_duals_give_a_bound(problem, seed):
    model, objective = _model(problem)
    duals = np.random.default_rng(seed).normal(scale=3.0, size=len(model.upper))

    bound, slack = certify(model, objective, duals)

    best = _whole_lp(model, objective)
    assert best is not None
    assert bound >= best - 1e-6
    assert (slack >= -1e-9).all()


@pytest.mark.parametrize("shape", [MIDDLE, BUSY], ids=["engagements", "with forecast"])
def test_the_bound_on_a_middle_problem_is_that_of_the_whole_lp(shape):
    model, objective = _model(generate(shape, seed=3))

    relaxation = solve_relaxation(model, objective, Control(), start=np.zeros(0, dtype=np.int64))

    assert relaxation is not None
    assert relaxation.bound == pytest.approx(_whole_lp(model, objective), rel=1e-6)
    # Any plan that uses a column is worth at most the bound minus its slack.
    plan = complete(model, objective, lagrangian_greedy(model, objective, relaxation).columns(), Control())
    assert plan is not None
    assert plan.objective <= relaxation.bound - relaxation.slack[plan.chosen].max() + 1e-6


@pytest.mark.parametrize("shape", [MIDDLE, BUSY], ids=["engagements", "with forecast"])
def test_every_heuristic_returns_a_plan_within_all_rows(shape):
    model, objective = _model(generate(shape, seed=5))
    control = Control()
    relaxation = solve_relaxation(model, objective, control, start=np.zeros(0, dtype=np.int64))
    assert relaxation is not None

    first = regret_greedy(model, objective)
    rounded = lagrangian_greedy(model, objective, relaxation)
    dived = dive(model, objective, relaxation, control)
    exchanged = lagrangian_greedy(model, objective, relaxation)
    exchange(model, objective, exchanged, control)

    plans = [complete(model, objective, each.columns(), control) for each in (first, rounded, dived, exchanged)]
    for plan in plans:
        assert plan is not None
        used = np.zeros(len(model.columns))
        used[plan.chosen] = 1.0
        activity = model.on_columns @ used + model.on_continuous @ plan.continuous
        assert (activity <= model.upper + 1e-6).all()
        assert plan.objective <= relaxation.bound + 1e-6


def test_exchanges_only_gain():
    model, objective = _model(generate(MIDDLE, seed=6))
    ledger = regret_greedy(model, objective)
    before = objective.on_columns[ledger.columns()].sum()

    exchange(model, objective, ledger, Control())

    assert objective.on_columns[ledger.columns()].sum() >= before


def test_neighbourhoods_improve_and_repeat():
    problem = generate(BUSY, seed=7, policy=Policy(iterations=8, gap=0.0, time_limit_s=120))
    model, objective = _model(problem)
    relaxation = solve_relaxation(model, objective, Control(), start=np.zeros(0, dtype=np.int64))
    assert relaxation is not None
    start = complete(model, objective, regret_greedy(model, objective).columns(), Control())
    assert start is not None

    def search():
        return search_neighbourhoods(model, objective, relaxation.slack, relaxation.bound, start, Control())[0]

    first, second = search(), search()

    assert first.objective > start.objective
    assert first.chosen.tolist() == second.chosen.tolist()
    whole = complete(model, objective, first.chosen, Control())
    assert whole is not None
    assert whole.objective >= first.objective - 1e-6


@pytest.mark.parametrize("seed", [1])
def test_a_middle_problem_is_solved_near_its_bound(seed):
    problem = generate(BUSY, seed=seed, policy=Policy(time_limit_s=6, gap=0.005))

    plan = solve(problem)

    assert verify(problem, plan) == ()
    assert plan.tiers[0].gap <= 0.1
    assert plan.bound is not None
    assert plan.objective is not None
    assert plan.bound >= plan.objective
    assert plan.objective >= (1 - problem.policy.growth_epsilon) * plan.tiers[0].objective - 1e-4
    assert {tier.tier for tier in plan.tiers} == {"customers", "growth"}


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(problems(forecast=False, asks=False), st.randoms(use_true_random=False))
def test_the_ledger_says_what_fits_in_any_order(problem, random):
    model, _ = _model(replace(problem, policy=replace(problem.policy, weights={"service": 1.0})))
    ledger = Ledger(model)
    columns = list(range(len(model.columns)))
    random.shuffle(columns)
    for column in columns[:30]:
        engagement = model.columns.engagement[column]
        if ledger.chosen[engagement] >= 0 and random.random() < 0.3:
            ledger.remove(int(ledger.chosen[engagement]))
        if ledger.chosen[engagement] < 0 and ledger.fits(column):
            ledger.add(column)

    # A share that must be reached may still be missed; every upper limit holds.
    used = np.zeros(len(model.columns))
    used[ledger.columns()] = 1.0
    values = np.zeros(len(model.continuous))
    values[: len(model.continuous.carry_cell)] = ledger.smallest_carry()
    activity = model.on_columns @ used + model.on_continuous @ values
    rows = [name for name in model.families if name not in {"share", "once"}]
    for name in rows:
        part = model.families[name]
        assert (activity[part] <= model.upper[part] + 1e-6).all(), name
