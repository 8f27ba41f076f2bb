"""On tiny problems the optimum equals that of trying everything."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from optimizer import Policy, Status, solve, verify
from optimizer.assignment.columns import enumerate_columns
from optimizer.assignment.rows.changes import keeps_previous
from optimizer.fit import Fit
from optimizer.policy import TIERS
from optimizer.problem import Engagement, Problem
from optimizer.roster import Roster
from tests.factories.optimizer_problems import an_agent, problems

tiny = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def _fits(problem: Problem, roster: Roster, columns, chosen: list[int]) -> bool:
    """Say whether chosen columns obey every rule that ties them together, in plain loops."""
    load = np.zeros(roster.capacity.shape)
    extra = np.zeros(roster.capacity.shape)
    used: dict[tuple, float] = defaultdict(float)
    proactive = total = 0.0
    for column in chosen:
        own = columns.load[[column]].toarray().reshape(load.shape)
        (extra if columns.overtime[column] else load)[:] += own
        agent = int(columns.agent[column])
        work = problem.engagements[columns.engagement[column]]
        shift = roster.shift_of[agent, columns.start[column]]
        used["stretch", agent, shift] += columns.minutes[column] * (columns.stretch[column] >= 0)
        used["heavy", agent, shift] += columns.minutes[column] * work.heavy
        used[work.channel, agent, shift] += 1
        total += columns.minutes[column]
        proactive += columns.minutes[column] * (work.stance == "proactive")
    if (extra > roster.overtime + 1e-9).any():
        return False
    for agent in range(len(problem.agents)):
        carried = 0.0
        for interval in range(problem.intervals):
            carried = max(0.0, carried + load[agent, interval] - roster.capacity[agent, interval])
            if carried > roster.carry_limit[agent, interval] + 1e-9:
                return False
    for (what, agent, shift), amount in used.items():
        person = problem.agents[agent]
        most = {"stretch": person.max_stretch_minutes, "heavy": person.limits.heavy_minutes}.get(
            what, person.limits.contacts.get(what)
        )
        if shift >= 0 and most is not None and amount > most + 1e-9:
            return False
    low, high = problem.policy.proactive_share_min, problem.policy.proactive_share_max
    return (low is None or proactive >= low * total - 1e-9) and (high is None or proactive <= high * total + 1e-9)


def _try_everything(problem: Problem) -> float | None:
    """Return the best first-tier value over all plans, or None if there is no plan."""
    roster = Roster.of(problem)
    columns = enumerate_columns(Fit(roster))
    kept = keeps_previous(problem, columns)
    values = columns.value(TIERS["customers"])
    frozen = {place.engagement for place in problem.previous if place.start < problem.frozen_before}
    pins = {pin.engagement: pin for pin in problem.pins}
    choices: list[list[int]] = []
    for index, work in enumerate(problem.engagements):
        options = []
        for column in np.flatnonzero(columns.engagement == index).tolist():
            agent, start = roster.ids[columns.agent[column]], columns.start[column]
            pin = pins.get(work.id)
            pinned = pin is None or (agent == pin.agent and pin.start in (None, start))
            window = kept[column] if work.id in frozen else start >= problem.frozen_before
            if pinned and window:
                options.append(column)
        if not (work.must_assign or work.id in pins or work.id in frozen):
            options.append(-1)
        choices.append(options)
    best = None
    for combination in itertools.product(*choices):
        chosen = [column for column in combination if column >= 0]
        left = len(problem.previous) - int(kept[chosen].sum()) if chosen else len(problem.previous)
        if problem.max_changes is not None and left > problem.max_changes:
            continue
        if _fits(problem, roster, columns, chosen):
            value = float(values[chosen].sum()) if chosen else 0.0
            best = value if best is None else max(best, value)
    return best


@tiny
@given(problems(forecast=False))
def test_the_first_tier_equals_trying_everything(problem):
    count = len(enumerate_columns(Fit(Roster.of(problem))))
    assume(count <= 60)

    plan = solve(problem)

    best = _try_everything(problem)
    if best is None:
        assert plan.status is Status.INFEASIBLE
        assert plan.conflicts
    else:
        assert plan.status is Status.OPTIMAL
        assert plan.tiers[0].objective == pytest.approx(best, abs=1e-5)
        assert plan.tiers[0].bound >= best - 1e-5
        least = best - problem.policy.growth_epsilon * abs(best)
        assert plan.objective >= least - 1e-4
    assert verify(problem, plan) == ()


@tiny
@given(problems())
def test_every_plan_passes_the_independent_checker(problem):
    plan = solve(problem)

    assert plan.status in (Status.OPTIMAL, Status.INFEASIBLE)
    assert verify(problem, plan) == ()
    assert type(plan).from_json(plan.to_json()) == plan


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(problems(asks=False))
def test_one_more_agent_never_lowers_the_optimum(problem):
    problem = replace(problem, policy=replace(problem.policy, proactive_share_min=None, proactive_share_max=None))
    more = an_agent("extra", (30.0,) * problem.intervals, skills={"billing": 4, "spanish": 4}, languages=("es",))

    before = solve(problem).tiers[0].objective
    after = solve(replace(problem, agents=(*problem.agents, more))).tiers[0].objective

    assert after >= before - 1e-5


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(problems(asks=False), st.sampled_from(["capacity", "window", "level"]))
def test_more_room_never_lowers_the_optimum(problem, what):
    def relax(work: Engagement) -> Engagement:
        if what == "window":
            # The due time moves along, so that no start becomes later than it was.
            return replace(work, latest=problem.intervals - 1, due=max(work.due, work.latest))
        return work

    # A ladder step prices what a wider window or a higher capacity gives for nothing; a fit is no matter of room.
    plain = replace(
        problem.policy, weights={"service": 1.0}, ladder=(), proactive_share_min=None, proactive_share_max=None
    )
    problem = replace(problem, policy=plain)
    agents = problem.agents
    if what == "capacity":
        agents = tuple(replace(agent, capacity=tuple(30.0 for _ in agent.capacity)) for agent in agents)
    if what == "level":
        agents = tuple(replace(agent, skills=dict.fromkeys(agent.skills, 5)) for agent in agents)
    wider = replace(problem, agents=agents, engagements=tuple(relax(work) for work in problem.engagements))

    assert solve(wider).tiers[0].objective >= solve(problem).tiers[0].objective - 1e-5


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(problems(asks=False))
def test_scaling_all_values_scales_the_objective(problem):
    assume(not problem.policy.ladder)
    scaled = replace(
        problem,
        engagements=tuple(
            replace(work, value=3 * work.value, values={agent: 3 * points for agent, points in work.values.items()})
            for work in problem.engagements
        ),
        forecast=tuple(replace(demand, value_per_minute=3 * demand.value_per_minute) for demand in problem.forecast),
    )

    assert solve(scaled).tiers[0].objective == pytest.approx(3 * solve(problem).tiers[0].objective, abs=1e-4)


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(problems(asks=False))
def test_a_higher_rate_never_changes_what_customers_get(problem):
    """The cost tier comes after customers and may give up ε of them at most, whatever the rates are."""
    dear = replace(
        problem,
        agents=tuple(replace(agent, cost_per_minute=50.0) for agent in problem.agents),
        policy=replace(problem.policy, weights={**problem.policy.weights, "cost": 1.0}),
    )

    best = solve(replace(problem, policy=replace(problem.policy, growth_epsilon=0.0))).tiers[0].objective
    plan = solve(dear)

    assert plan.objective >= best - problem.policy.growth_epsilon * abs(best) - 1e-4


def test_the_same_input_and_seed_give_the_same_plan():
    from optimizer.benchmarks.generator import Shape, generate  # noqa: PLC0415

    shape = Shape(agents=6, engagements=30, intervals=8, load=0.6, forecast=0.3, rich=True)
    problem = generate(shape, seed=4, policy=Policy(time_limit_s=60, gap=0.002, iterations=40))

    first, second = solve(problem), solve(problem)

    assert first.stopped_by in ("gap", "iterations")
    same = {"seconds": 0.0, "peak_mb": 0.0}
    assert first.with_changes(**same) == second.with_changes(**same)
