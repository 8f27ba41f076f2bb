"""A simulated day agrees with Erlang's formulas: each lies within the confidence interval of independent runs."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import numpy as np
import pytest

from optimizer.days import Interval
from optimizer.plan import Prices
from optimizer.problem import Forecast, Requirement
from optimizer.routing import RULES, Contact, Desk, Router
from optimizer.simulate import Call, DayOutcome, simulate_day
from optimizer.staffing import abandonment, delay_probability, mean_wait_minutes, service_level
from tests.factories.optimizer_problems import a_problem, an_agent

RUNS = 20
HOURS = int(os.environ.get("MAINSTAY_SIMULATED_HOURS", "25"))
WITHIN_SECONDS = 20.0


@dataclass(frozen=True)
class Queue:
    """Arrivals an hour (λ), mean handle minutes (1/μ), agents (n), and mean patience in minutes (1/θ) or None."""

    arrivals: float
    handle_minutes: float
    agents: int
    patience_minutes: float | None = None

    @property
    def load(self):
        return self.arrivals / 60 * self.handle_minutes


QUEUES = [Queue(20.0, 6.0, 3), Queue(60.0, 4.0, 5), Queue(108.0, 5.0, 12)]
IMPATIENT = [Queue(20.0, 6.0, 3, 2.0), Queue(60.0, 4.0, 5, 1.0), Queue(132.0, 5.0, 10, 5.0)]
"""The last has more work than agents."""


@dataclass(frozen=True)
class Run:
    """The outcome of a run, and how long those who were served waited."""

    day: DayOutcome
    waits: np.ndarray


def interval_99_9(values):
    """Return mean and half width with 99.9 % confidence: t(19) is 3.883, against 2.093 for 95 %."""
    found = Interval.of(np.array(values))
    return found.mean, found.half_width * 3.883 / 2.093


@functools.cache
def simulate(queue, rule="longest-idle"):
    return [_run(queue, rule, seed) for seed in range(RUNS)]


def _run(queue, rule, seed):
    random = np.random.default_rng([17, seed])
    arrived = np.sort(random.uniform(0, HOURS * 3600, random.poisson(queue.arrivals * HOURS)))
    handled = random.exponential(60 * queue.handle_minutes, len(arrived))
    patience = np.full(len(arrived), np.inf)
    if queue.patience_minutes is not None:
        patience = random.exponential(60 * queue.patience_minutes, len(arrived))
    drawn = zip(arrived.tolist(), handled.tolist(), patience.tolist(), strict=True)
    calls = [
        Call(Contact(f"c{number}", "billing", at), handle, waits) for number, (at, handle, waits) in enumerate(drawn)
    ]
    forecast = Forecast("billing", "voice", (Requirement("billing", 1),), (30.0,) * (2 * HOURS))
    people = [an_agent(f"a{number:02}", (30.0,) * (2 * HOURS)) for number in range(queue.agents)]
    problem = a_problem(people, [], forecast=(forecast,), intervals=2 * HOURS)
    router = Router(Desk.of(problem, Prices(), {"billing": queue.handle_minutes}), RULES[rule])
    waits = []
    day = simulate_day(
        problem, router, calls, watch=lambda decision, began, _ended: waits.append(began - decision.contact.arrived_at)
    )
    return Run(day, np.array(waits))


@pytest.mark.parametrize("queue", QUEUES)
def test_where_nobody_gives_up_it_is_erlang_c(queue):
    found = simulate(queue)

    delayed = interval_99_9([(run.waits > 0).mean() for run in found])
    level = interval_99_9([(run.waits <= WITHIN_SECONDS).mean() for run in found])
    wait = interval_99_9([run.waits.mean() for run in found])
    busy = interval_99_9([run.day.occupancy for run in found])

    times = {"handle_minutes": queue.handle_minutes}
    # Only those who wait as the last hour ends are not answered.
    assert np.mean([run.day.answered / run.day.offered for run in found]) > 0.98
    assert delayed[0] == pytest.approx(delay_probability(queue.agents, queue.load), abs=delayed[1])
    expected = service_level(queue.agents, queue.load, within_minutes=WITHIN_SECONDS / 60, **times)
    assert level[0] == pytest.approx(expected, abs=level[1])
    assert wait[0] == pytest.approx(60 * mean_wait_minutes(queue.agents, queue.load, **times), abs=wait[1])
    assert busy[0] == pytest.approx(queue.load / queue.agents, abs=busy[1])
    # The intervals are narrow enough to tell something.
    assert max(delayed[1], level[1], busy[1]) < 0.08


@pytest.mark.parametrize("queue", IMPATIENT)
def test_with_exponential_patience_it_is_erlang_a(queue):
    mean, half_width = interval_99_9([run.day.abandonment for run in simulate(queue)])

    expected = abandonment(
        queue.agents, queue.load, handle_minutes=queue.handle_minutes, patience_minutes=queue.patience_minutes
    )
    assert mean == pytest.approx(expected, abs=half_width)
    assert half_width < 0.15 * expected


@pytest.mark.parametrize("rule", ["best-skill", "bid-price-cover"])
def test_among_equal_agents_the_rule_changes_nothing(rule):
    """One class, equal agents: any rule that leaves nobody idle while somebody waits is the same M/M/n+M queue."""
    first = [run.day.abandoned for run in simulate(IMPATIENT[0])]

    assert [run.day.abandoned for run in simulate(IMPATIENT[0], rule)] == first
