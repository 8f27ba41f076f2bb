"""Nobody beats hindsight: its bound is right by hand, agrees with a linear program, and no rule exceeds it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from optimizer.benchmarks.routing import CentreShape, draw_day, try_rules
from optimizer.hindsight import bound_value
from optimizer.plan import Prices
from optimizer.problem import Forecast, Requirement
from optimizer.routing import Contact, Desk
from optimizer.simulate import Call
from tests.factories.optimizer_problems import a_problem, an_agent

BILLING = Forecast("billing", "voice", (Requirement("billing", 1),), (30.0, 30.0), 2.0)


def a_call(name, arrived_at, handle_seconds, patience_seconds=0.0, worth=20.0):
    return Call(Contact(name, "billing", arrived_at, worth=worth), handle_seconds, patience_seconds)


def bound(agents, calls, bucket_seconds=1800.0):
    problem = a_problem(agents, [], forecast=(BILLING,))
    return bound_value(problem, Desk.of(problem, Prices(), {"billing": 10.0}), calls, bucket_seconds=bucket_seconds)


def test_who_knew_all_would_keep_the_time_for_the_call_of_more_worth():
    # 1,200 seconds for 10 points or, later, 1,800 - 0 seconds of the same half hour for 40: half an hour holds the
    # second whole and a third of 1,800 - 1,500 = 300 seconds of the first, which is worth 10 * 300 / 1200 = 2.5.
    calls = [a_call("c1", 0.0, 1200.0, worth=10.0), a_call("c2", 200.0, 1500.0, worth=40.0)]

    assert bound([an_agent(capacity=(30.0, 0.0))], calls) == pytest.approx(42.5, rel=2e-3)


def test_time_after_the_shift_is_free_but_nobody_begins_then():
    late = [a_call("c1", 1790.0, 1800.0), a_call("c2", 1810.0, 60.0), a_call("c3", 1790.0, 60.0, patience_seconds=15.0)]

    assert bound([an_agent(capacity=(30.0, 0.0))], late) == pytest.approx(40.0)


def test_nothing_to_serve_is_worth_nothing():
    assert bound([an_agent(capacity=(30.0, 30.0))], []) == 0.0
    assert bound([an_agent(capacity=(0.0, 0.0))], [a_call("c1", 5.0, 60.0)]) == 0.0
    assert bound([an_agent(skills={}, capacity=(30.0, 30.0))], [a_call("c1", 5.0, 60.0)]) == 0.0


def test_shorter_buckets_never_bound_worse():
    # Two calls of 600 seconds that must begin at once cannot both be served; only buckets of 600 seconds see it.
    calls = [a_call("c1", 0.0, 600.0), a_call("c2", 0.0, 600.0)]

    assert bound([an_agent(capacity=(30.0, 30.0))], calls) == pytest.approx(40.0)
    assert bound([an_agent(capacity=(30.0, 30.0))], calls, bucket_seconds=600.0) == pytest.approx(20.0, rel=5e-3)


def test_the_bound_agrees_with_a_linear_program():
    """Without patience a call has one moment to begin; half hours are the buckets. The program is written anew here."""
    random = np.random.default_rng(3)
    agents = [an_agent(f"a{number}", (30.0, 30.0)) for number in range(2)]
    calls = [
        a_call(f"c{number}", float(at), float(handle), worth=float(worth))
        for number, (at, handle, worth) in enumerate(
            zip(random.uniform(0, 3600, 30), random.uniform(200, 900, 30), random.uniform(5, 30, 30), strict=True)
        )
    ]
    rows, limits = [], []
    for number in range(30):
        rows.append([float(column // 2 == number) for column in range(60)])
        limits.append(1.0)
    for agent in range(2):
        for begin in (0.0, 1800.0):
            rows.append([0.0] * 60)
            limits.append(1800.0)
            for number, call in enumerate(calls):
                at = call.contact.arrived_at
                used = min(at + call.handle_seconds, begin + 1800.0) - max(at, begin)
                rows[-1][2 * number + agent] = max(0.0, used)

    worth = [call.contact.worth for call in calls for _ in range(2)]
    found_by = linprog(-np.array(worth), A_ub=np.array(rows), b_ub=limits)
    assert found_by.fun is not None
    optimum = -found_by.fun

    found = bound(agents, calls)

    assert found >= optimum - 1e-9
    assert found == pytest.approx(optimum, rel=5e-3)
    assert found < sum(worth) / 2


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_rule_exceeds_it(seed):
    day = draw_day(CentreShape(agents=10, skills=3, intervals=4, load=1.1), seed)
    highest = bound_value(day.problem, day.desk, day.calls)

    shares = {name: outcomes[0].value / highest for name, outcomes in try_rules([day]).items()}

    assert max(shares.values()) <= 1.0
    assert min(shares.values()) > 0.7
