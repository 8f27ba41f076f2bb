"""Prices are derivatives of the LP's optimum, an assignment's price is that of all it uses, and ranges are proven."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from scipy import sparse
from scipy.optimize import linprog

from optimizer import Problem, price_ranges, solve, why, why_not
from optimizer.assignment.asks import Asks
from optimizer.assignment.model import Model, build_model, tier_objectives
from optimizer.assignment.relaxation import solve_relaxation
from optimizer.benchmarks.generator import Shape, generate
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.plan import PolicyPrice
from optimizer.price_tables import HEADERS, KINDS, RANGE_HEADER, cells_of, price_rows, with_ranges
from optimizer.prices import policy_rules, price_columns, read_prices
from optimizer.problem import Limits, Pin, Placement
from optimizer.ranges import NoSolutionError, OutOfTimeError, floor_price
from optimizer.roster import Roster
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, problems

TINY_STEP = 1e-3


def _lp(model: Model, row: int | None = None, change: float = 0.0) -> float | None:
    """Return the optimum of the whole LP by SciPy, with one row's limit moved."""
    objective = tier_objectives(model)[0]
    matrix = sparse.csr_array(sparse.hstack([model.on_columns, model.on_continuous]))
    points = np.concatenate([objective.on_columns, objective.on_continuous])
    upper = model.upper.copy()
    if row is not None:
        upper[row] += change
    lowest = np.flatnonzero(np.isfinite(model.lower))
    rows = sparse.vstack([matrix, -matrix[lowest]])
    limits = np.concatenate([upper, -model.lower[lowest]])
    kept = np.flatnonzero(np.isfinite(limits))
    bounds = [(0, None)] * len(model.columns) + [(0, each) for each in model.continuous.upper]
    if not len(points):
        return 0.0 if (limits >= 0).all() else None
    whole = cast("Any", sparse.csr_array(rows)[kept])
    found: Any = linprog(-points, A_ub=whole, b_ub=limits[kept], bounds=cast("Any", bounds), method="highs")
    return None if found.x is None else float(-found.fun + objective.constant)


def _model(problem: Problem) -> tuple[Fit, Model]:
    fit = Fit(Roster.of(problem))
    return fit, build_model(fit, Asks.of(problem))


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(problems(least=1))
def test_ranges_are_the_one_sided_derivatives_of_the_lp(problem):
    fit, model = _model(problem)
    assume(_lp(model) is not None)
    rows = {(rule.path, rule.interval or 0): row for row, rule in policy_rules(fit, model)}
    number = model.families["capacity"].start
    for agent in problem.agents:
        for interval, minutes in enumerate(agent.capacity):
            if minutes > 0:
                rows[agent.id, interval] = number
                number += 1
    cells = list(rows)[:8]

    ranges = price_ranges(problem, cells)

    optimum = _lp(model)
    assert optimum is not None
    for cell in cells:
        more, less = _lp(model, rows[cell], TINY_STEP), _lp(model, rows[cell], -TINY_STEP)
        assert more is not None
        assert ranges[cell].low == pytest.approx((more - optimum) / TINY_STEP, abs=2e-3)
        if less is None:
            assert ranges[cell].high == np.inf
        else:
            assert ranges[cell].high == pytest.approx((optimum - less) / TINY_STEP, abs=2e-3)


def test_a_price_that_is_not_unique_has_a_range():
    # 20 minutes fill the day exactly: one minute more is worth nothing, one less costs a twentieth of 10 points.
    problem = a_problem([an_agent(capacity=(20.0,))], [an_engagement(minutes=20)])

    ranges = price_ranges(problem, [("a1", 0)])

    assert ranges["a1", 0].exact
    assert (ranges["a1", 0].low, ranges["a1", 0].high) == pytest.approx((0.0, 0.5))


def test_the_prices_of_a_day_lie_within_their_ranges():
    problem = generate(Shape(agents=12, engagements=90, intervals=8, load=1.1, forecast=0.2), seed=21)
    plan = solve(replace(problem, policy=replace(problem.policy, gap=0.02, time_limit_s=5)))
    cells = [(agent.id, 3) for agent in problem.agents if agent.capacity[3] > 0]

    ranges = price_ranges(problem, cells, plan=plan)

    for agent, interval in cells:
        found = ranges[agent, interval]
        assert found.exact
        assert found.low - 1e-4 <= plan.prices.agent[agent][interval] <= found.high + 1e-4


def test_cells_without_a_price_are_errors():
    problem = a_problem([an_agent(capacity=(20.0, 0.0))], [an_engagement()])

    assert price_ranges(problem, []) == {}
    for cell in (("a1", 1), ("zoe", 0), ("$.max_changes", 0)):
        with pytest.raises(LookupError):
            price_ranges(problem, [cell])


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(problems(least=1))
def test_an_assignments_price_is_that_of_everything_it_uses(problem):
    """The price that is read from a plan file equals the duals of all rows that the column has entries in."""
    problem = replace(problem, engagements=tuple(replace(each, shadow=False) for each in problem.engagements))
    problem = replace(problem, agents=tuple(replace(each, growth_due_minutes=0.0) for each in problem.agents))
    fit, model = _model(problem)
    assume(_lp(model) is not None)
    objective = tier_objectives(model)[0]
    relaxation = solve_relaxation(model, objective, Control(), start=np.arange(len(model.columns)))
    assert relaxation is not None

    prices = price_columns(fit.roster, model.columns, read_prices(fit, model, relaxation))

    coupling = relaxation.duals.copy()
    coupling[model.families["once"]] = 0.0
    assert prices == pytest.approx(model.on_columns.T @ coupling, abs=1e-3)


def test_the_agent_of_an_engagement_has_the_best_value_minus_price():
    # Concurrency halves the minutes of a chat, so a1's two free minutes sell for less than their value.
    agents = [an_agent("a1", (20.0,), concurrency={"chat": 2.0}), an_agent("a2", (20.0,))]
    work = [
        an_engagement("e1", minutes=20, channel="chat", value=8),
        an_engagement("e2", minutes=20, value=30, eligible_agents=("a1",)),
        an_engagement("e3", minutes=20, value=5),
    ]
    problem = a_problem(agents, work)
    plan = solve(problem)

    reason = why(problem, plan, "e1")
    other = why_not(problem, plan, "e1", "a1")

    assert reason.assignment.agent == "a2"
    assert other.offer is not None
    assert other.chosen is not None
    assert other.offer.net <= other.chosen.net
    # Ten of a1's minutes at 1.5 points each, what e2 pays.
    assert other.offer.price == pytest.approx(15)


def test_limits_have_prices_of_their_own():
    agent = an_agent(capacity=(60.0,), limits=Limits(heavy_minutes=15, contacts={"chat": 1}))
    work = [
        an_engagement("e1", minutes=10, heavy=True, value=20),
        an_engagement("e2", minutes=10, heavy=True, value=10),
        an_engagement("e3", channel="chat", value=9),
        an_engagement("e4", channel="chat", value=4),
    ]
    problem = a_problem([agent], work)

    policy = solve(problem).prices.policy

    # The LP does half of e2: a minute more of heavy work is worth a point. One more chat brings e4.
    assert [(each.path, each.unit) for each in policy] == [
        ("$.agents[0].limits.heavy_minutes", "minute"),
        ("$.agents[0].limits.contacts.chat", "contact"),
    ]
    assert policy[0].price == pytest.approx(1.0)
    assert 4.0 <= policy[1].price <= 9.0
    assert price_ranges(problem, [(policy[1].path, 0)])[policy[1].path, 0].low == pytest.approx(4.0)


def test_a_cap_on_changes_has_a_price():
    # e1 was published with a2, who loses 6 of its 10 points; one change more would gain them.
    problem = a_problem(
        [an_agent("a1"), an_agent("a2")],
        [an_engagement(values={"a1": 10.0, "a2": 4.0})],
        previous=(Placement("e1", "a2", 0),),
        max_changes=0,
        policy=EXACT,
    )

    assert solve(problem).prices.policy == (PolicyPrice("max_changes", "$.max_changes", 6.0, "change"),)


def test_the_price_of_epsilon_is_the_growth_that_one_point_more_buys():
    """Stretch by the learner costs customers a third of a point of match and gives ten minutes of growth."""
    policy = replace(EXACT, weights={"service": 1.0, "match": 0.1, "growth": 1.0}, growth_epsilon=0.01)
    learner = an_agent("learner", skills={"billing": 2}, wants=("billing",), max_stretch_minutes=60)
    problem = a_problem([learner, an_agent("mentor", mentor_for=("billing",))], [an_engagement()], policy=policy)
    plan = solve(problem)

    price = floor_price(problem, plan)

    # ε of 11 points is 0.11: not enough for the whole, so that the LP would do a part of it.
    assert plan.assignments[0].agent == "mentor"
    assert price is not None
    assert price.exact
    assert (price.low, price.high) == pytest.approx((30.0, 30.0), rel=1e-4)


def test_without_a_tier_of_growth_epsilon_has_no_price():
    problem = a_problem([an_agent()], [an_engagement()])

    assert floor_price(problem, solve(problem)) is None


def test_an_interrupted_range_is_no_range():
    problem = a_problem([an_agent()], [an_engagement()])

    with pytest.raises(OutOfTimeError):
        price_ranges(problem, [("a1", 0)], control=Control(should_cancel=lambda: True))
    with pytest.raises(NoSolutionError):
        price_ranges(replace(problem, pins=(Pin("e1", "a1"),), agents=(an_agent(skills={}),)), [("a1", 0)])


def test_the_tables_have_a_row_for_each_price_and_a_range_beside_it():
    agent = an_agent(capacity=(20.0, 0.0), limits=Limits(contacts={"email": 1}))
    work = [an_engagement("e1", minutes=12), an_engagement("e2", minutes=12, value=8)]
    problem = a_problem([agent], work)
    plan = solve(problem)

    rows = {kind: price_rows(plan, kind) for kind in KINDS}

    assert [row[:2] for row in rows["agent"]] == [("a1", 0), ("a1", 1)]
    assert [row[:3] for row in rows["skill"]] == [("billing", 3, 0), ("billing", 3, 1)]
    assert [row[:4] for row in rows["policy"]] == [
        ("limits.contacts.email", "$.agents[0].limits.contacts.email", 0, "contact")
    ]
    capacity = {"a1": agent.capacity}
    for kind in ("agent", "policy"):
        cells = cells_of(plan, kind, capacity)
        ranged = with_ranges(plan, kind, price_ranges(problem, cells))
        assert all(len(row) == len(HEADERS[kind]) + len(RANGE_HEADER) for row in ranged)
        for *_, price, low, high, _exact in ranged:
            assert float(low) - 1e-6 <= float(price) <= float(high) + 1e-6
