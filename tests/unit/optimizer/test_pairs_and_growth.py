"""Pairs and protected growth on days too large for brute force: found by heuristics, kept by every later step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from optimizer import Policy, Problem, solve, verify
from optimizer.assignment.asks import Asks
from optimizer.assignment.beginning import begin
from optimizer.assignment.model import Model, build_model, tier_objectives
from optimizer.assignment.rounding import exchange, regret_greedy
from optimizer.benchmarks.generator import Shape, generate
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.roster import Roster

PAIRS = 8
DAY = Shape(agents=12, engagements=90, intervals=8, load=0.7, rich=True)
POLICY = Policy(time_limit_s=60.0, gap=0.01, iterations=30)


def _day(seed: int, due: float = 0.0) -> Problem:
    """Return a day in which some engagements ask for a pair, and growth minutes are due to every third agent."""
    problem = generate(DAY, seed, POLICY)
    chosen = set(np.random.default_rng(seed).choice(DAY.engagements, PAIRS, replace=False).tolist())
    return replace(
        problem,
        agents=tuple(
            replace(agent, growth_due_minutes=0.0 if position % 3 else due)
            for position, agent in enumerate(problem.agents)
        ),
        engagements=tuple(
            replace(work, shadow=position in chosen) for position, work in enumerate(problem.engagements)
        ),
    )


def _whole_pairs(model: Model, columns: np.ndarray) -> bool:
    """Return whether leads and learners of pairs among some columns come together, at the same start."""
    halves = columns[model.columns.pair[columns] >= 0]
    leads, learners = (halves[model.columns.shadows[halves] == learns] for learns in (False, True))
    where = [
        sorted(zip(model.columns.pair[half], model.columns.start[half], strict=True)) for half in (leads, learners)
    ]
    return where[0] == where[1]


@pytest.mark.parametrize("seed", [1, 2])
def test_heuristics_place_pairs_and_never_half_of_one(seed):
    problem = _day(seed)
    model = build_model(Fit(Roster.of(problem)), Asks.of(problem))
    first = tier_objectives(model)[0]

    ledger = regret_greedy(model, first)
    placed = ledger.columns()
    exchange(model, first, ledger, Control())

    assert (model.columns.pair[placed] >= 0).sum() >= 2
    assert _whole_pairs(model, placed)
    assert _whole_pairs(model, ledger.columns())


def test_a_pair_is_not_begun_where_only_one_half_fits():
    """Only one agent is left who wants to learn, and their stretch minutes do not suffice for every pair."""
    problem = _day(1)
    everybody = build_model(Fit(Roster.of(problem)), Asks.of(problem)).columns
    learner = int(np.bincount(everybody.agent[everybody.shadows]).argmax())
    longest = float(everybody.minutes[everybody.shadows & (everybody.agent == learner)].max())
    only = tuple(
        replace(each, max_stretch_minutes=longest) if position == learner else replace(each, wants=())
        for position, each in enumerate(problem.agents)
    )
    few = replace(problem, agents=only)
    model = build_model(Fit(Roster.of(few)), Asks.of(few))

    ledger = begin(model, tier_objectives(model)[0].on_columns)

    learners = ledger.columns()[model.columns.shadows[ledger.columns()]]
    assert set(model.columns.agent[learners].tolist()) == {learner}
    assert 1 <= len(learners) < len(np.unique(model.columns.pair[model.columns.shadows]))
    assert _whole_pairs(model, ledger.columns())


@pytest.mark.parametrize("seed", [3, 4])
def test_a_day_with_pairs_and_growth_due_is_planned_and_stands_up_to_the_checker(seed):
    problem = _day(seed, due=40.0)

    plan = solve(problem)

    assert verify(problem, plan) == ()
    assert any(assignment.shadow is not None for assignment in plan.assignments)
    protected, customers = plan.tiers[0], plan.tiers[1]
    assert (protected.tier, customers.tier) == ("protected", "customers")
    assert protected.kept == pytest.approx(-sum(growth.debt for growth in plan.growth))
    assert protected.kept >= protected.objective - 1e-6
    assert sum(growth.planned for growth in plan.growth) > 0
    assert plan.gap is not None
    assert plan.gap < 0.1


def test_a_floor_of_growth_never_lifts_what_customers_can_get():
    free, floored = solve(_day(3)), solve(_day(3, due=40.0))

    assert free.bound is not None
    assert floored.objective is not None
    assert floored.objective <= free.bound + 1e-6
