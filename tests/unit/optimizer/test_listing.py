"""Columns that are priced without being listed: the same points, valid bounds, rules kept."""

from dataclasses import replace

import numpy as np
import pytest

from optimizer import Plan, Policy, Problem, solve, verify
from optimizer.assignment import unlisted as unlisted_module
from optimizer.assignment.asks import Asks
from optimizer.assignment.columns import Columns, enumerate_columns
from optimizer.assignment.earlier import Earlier
from optimizer.assignment.listing import list_model
from optimizer.assignment.model import build_model, tier_objectives
from optimizer.assignment.relaxation import certify, solve_relaxation
from optimizer.assignment.unlisted import Unlisted, leave_unlisted
from optimizer.benchmarks.generator import Shape, generate
from optimizer.control import Control
from optimizer.fit import Fit
from optimizer.plan import Assignment, Status
from optimizer.policy import TIERS, LadderStep
from optimizer.problem import Pin, Placement
from optimizer.roster import Roster

SERVICE = Policy(weights={"service": 1.0, "match": 0.3, "continuity": 0.2}, gap=0.002, time_limit_s=60.0, iterations=2)
DAY = Shape(agents=20, engagements=150, intervals=8)


@pytest.fixture(autouse=True)
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave columns unlisted in problems that a test can enumerate."""
    monkeypatch.setattr(unlisted_module, "MOST_LISTED", 1_500)
    monkeypatch.setattr("optimizer.assignment.listing.SAMPLED", 1_000)


def _varied(seed: int) -> Problem:
    """Return a day with known, excluded and eligible agents, own values and own minutes, and two contacts at once."""
    problem = generate(DAY, seed, SERVICE)
    names = [agent.id for agent in problem.agents]
    work = list(problem.engagements)
    for index in range(0, len(work), 3):
        first, second = names[index % 20], names[(index + 7) % 20]
        work[index] = replace(
            work[index],
            known_agents=(first, second),
            excluded_agents=(names[(index + 3) % 20],),
            eligible_agents=None if index % 2 else tuple(names[::2]),
            values={second: 11.5} if index % 5 == 0 else {},
            minutes_by_agent={first: 0.5 * work[index].minutes},
            channel="chat",
        )
    agents = tuple(replace(agent, concurrency={"chat": 2.0}) for agent in problem.agents)
    return replace(problem, engagements=tuple(work), agents=agents)


def _unlisted(problem: Problem) -> Unlisted:
    found = leave_unlisted(Fit(Roster.of(problem)))
    assert found is not None
    return found


@pytest.mark.parametrize("seed", [1001, 1002])
def test_the_compiled_loop_prices_every_column_as_the_arrays_do(seed: int) -> None:
    """For each engagement, its best value at given prices is that of all its columns."""
    problem = _varied(seed)
    fit = Fit(Roster.of(problem))
    prices = np.random.default_rng(seed).random(fit.roster.capacity.shape) * 3.0

    best, engagement, agent, start = _unlisted(problem).price(prices, jitter=0.0)

    columns = enumerate_columns(fit)
    values = columns.value(TIERS["customers"]) - columns.load @ prices.ravel()
    expected = np.zeros(len(problem.engagements))
    np.maximum.at(expected, columns.engagement, values)
    assert best == pytest.approx(expected, abs=1e-9)
    found = set(zip(engagement.tolist(), agent.tolist(), start.tolist(), strict=True))
    assert found <= _triples(columns)


@pytest.mark.parametrize("seed", [1001, 1002, 1003])
def test_the_bound_holds_over_all_columns_and_not_only_the_listed_ones(seed: int) -> None:
    """It is not below the LP of the whole model, and near it."""
    problem = _varied(seed)
    whole = build_model(Fit(Roster.of(problem)), Asks.of(problem))

    model = list_model(_unlisted(problem), Asks.of(problem), Control(), lambda *_: None)

    objective = tier_objectives(model)[0]
    assert model.duals is not None
    bound, slack = certify(model, objective, model.duals)
    solved = solve_relaxation(whole, tier_objectives(whole)[0], Control(), start=np.arange(len(whole.columns)))
    assert solved is not None
    assert len(model.columns) <= len(whole.columns)
    assert bound >= solved.bound - 1e-6 * abs(solved.bound)
    assert bound <= solved.bound * 1.02
    assert slack.min() >= -1e-9


def test_a_plan_of_a_listed_model_is_as_good_as_one_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are within their gaps of the same optimum, and obey the checker."""
    problem = _varied(1004)

    few = solve(problem)
    monkeypatch.setattr(unlisted_module, "MOST_LISTED", 10**9)
    whole = solve(problem)

    assert "listed by price" in few.route
    assert "listed by price" not in whole.route
    assert verify(problem, few) == ()
    assert few.objective is not None
    assert whole.objective is not None
    assert few.bound is not None
    assert few.bound >= whole.objective - 1e-6 * abs(whole.objective)
    assert few.objective >= 0.97 * whole.objective


def test_pins_previous_and_mandatory_work_keep_all_their_columns() -> None:
    """A pin on an agent whom no price would choose still holds."""
    problem = _varied(1005)
    columns = enumerate_columns(Fit(Roster.of(problem)))
    pinned, before = int(columns.engagement[0]), int(columns.engagement[-1])
    pin = Pin(problem.engagements[pinned].id, problem.agents[columns.agent[0]].id, int(columns.start[0]))
    previous = Placement(problem.engagements[before].id, problem.agents[columns.agent[-1]].id, int(columns.start[-1]))
    problem = replace(problem, pins=(pin,), previous=(previous,), max_changes=0)

    plan = solve(problem)

    placed = {each.engagement: (each.agent, each.start) for each in plan.assignments}
    assert verify(problem, plan) == ()
    assert placed[pin.engagement] == (pin.agent, pin.start)
    assert placed[previous.engagement] == (previous.agent, previous.start)


def test_columns_of_an_earlier_plan_stay_listed_however_poor_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search begins from that plan, so no round may drop a part of it, even the worst way to serve something."""
    monkeypatch.setattr("optimizer.assignment.listing.LEFT", 1)
    problem = _varied(1008)
    fit = Fit(Roster.of(problem))
    columns = enumerate_columns(fit)
    order = np.lexsort((columns.value(TIERS["customers"]), columns.engagement))
    worst = columns.select(order[np.unique(columns.engagement[order], return_index=True)[1]])
    rows = tuple(
        Assignment(problem.engagements[work].id, problem.agents[agent].id, start, 10.0, 0.0)
        for work, agent, start in zip(
            worst.engagement.tolist(), worst.agent.tolist(), worst.start.tolist(), strict=True
        )
    )
    earlier = Earlier.of(fit, Plan(Status.FEASIBLE, assignments=rows))

    model = list_model(_unlisted(problem), Asks.of(problem), Control(), lambda *_: None, earlier)

    listed = _triples(model.columns)
    assert len(rows) > 100
    assert _triples(worst) <= listed


def _triples(columns: Columns) -> set[tuple[int, int, int]]:
    return set(zip(columns.engagement.tolist(), columns.agent.tolist(), columns.start.tolist(), strict=True))


def test_what_the_loop_does_not_know_is_listed_whole() -> None:
    """A ladder, stretch work, pairs and growth due need all columns."""
    problem = _varied(1006)
    ladder = replace(problem, policy=replace(SERVICE, ladder=(LadderStep("later", 1.0),)))
    pairs = replace(problem, engagements=(replace(problem.engagements[0], shadow=True), *problem.engagements[1:]))
    stretch = replace(problem.agents[0], wants=("s01",), max_stretch_minutes=30.0)
    grows = replace(problem, agents=(stretch, *problem.agents[1:]))

    found = [leave_unlisted(Fit(Roster.of(each))) for each in (ladder, pairs, grows)]

    assert found == [None, None, None]


def test_few_columns_are_listed_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop is for what would not fit into memory."""
    monkeypatch.setattr(unlisted_module, "MOST_LISTED", 10**6)

    assert leave_unlisted(Fit(Roster.of(_varied(1007)))) is None
