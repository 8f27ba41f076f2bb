"""A simulated day adds up, agrees with queueing theory, and shows what a rule of routing is worth."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.benchmarks.bank import BankLogError
from optimizer.benchmarks.bank_calls import list_bank_days, read_calls
from optimizer.benchmarks.routing import CentreShape, draw_day, time_decisions, try_rules, with_headroom
from optimizer.days import Interval, compare_days, draw_calls, pool
from optimizer.plan import Prices
from optimizer.problem import Forecast, Requirement
from optimizer.routing import RECOMMENDED, RULES, Contact, Desk, Router
from optimizer.simulate import Call, DayOutcome, simulate_day
from optimizer.staffing import abandonment
from tests.factories.optimizer_problems import a_problem, an_agent

BILLING = Forecast("billing", "voice", (Requirement("billing", 1),), (30.0, 30.0), 2.0)


def a_call(name, arrived_at, handle_seconds=600.0, patience_seconds=300.0):
    return Call(Contact(name, "billing", arrived_at), handle_seconds, patience_seconds)


def simulate(agents, calls, rule="longest-idle"):
    problem = a_problem(agents, [], forecast=(BILLING,))
    desk = Desk.of(problem, Prices(), {"billing": 10.0})
    return simulate_day(problem, Router(desk, RULES[rule]), calls)


def test_a_day_is_counted_by_hand():
    # a1 serves c1 from 0 to 600. c2 arrives at 500 and waits 100; c3 arrives at 700 and gives up at 1000; c4 arrives at
    # 1190 and is answered at 1200, within 20 seconds, for 1000 seconds. Each is worth 2 × 10 = 20 points.
    calls = [a_call("c1", 0.0), a_call("c2", 500.0), a_call("c3", 700.0), a_call("c4", 1190.0, 1000.0)]

    day = simulate([an_agent(capacity=(30.0, 30.0))], calls)

    assert (day.offered, day.answered, day.abandoned, day.within) == (4, 3, 1, 2)
    assert day.value == pytest.approx(60.0)
    assert day.wait_seconds == pytest.approx(0 + 100 + 300 + 10)
    assert day.occupancy == pytest.approx(2200 / 3600)
    assert (day.service_level, day.abandonment, day.worst_class) == (0.5, 0.25, 0.5)


def test_agents_serve_in_their_intervals_and_end_what_they_began():
    # The agent comes at 1800. A call of half an hour that begins at 3500 runs beyond the horizon and still counts.
    agents = [an_agent(capacity=(0.0, 30.0))]
    calls = [a_call("c1", 0.0), a_call("c2", 1700.0), a_call("c3", 3500.0, 1800.0), a_call("c4", 3590.0)]

    day = simulate(agents, calls)

    assert (day.answered, day.abandoned) == (2, 2)
    assert day.busy_seconds.tolist() == [600.0 + 100.0]
    assert day.signed_in_seconds.tolist() == [1800.0]


def test_who_signs_out_while_serving_gets_nothing_more():
    day = simulate([an_agent(capacity=(30.0, 0.0))], [a_call("c1", 1700.0), a_call("c2", 1750.0, patience_seconds=9e9)])

    assert (day.answered, day.abandoned) == (1, 1)


def test_nothing_offered_is_no_failure():
    day = simulate([an_agent(capacity=(0.0, 0.0))], [])

    assert (day.service_level, day.abandonment, day.occupancy, day.worst_class) == (1.0, 0.0, 0.0, 1.0)


def test_abandonment_agrees_with_erlang_a():
    """M/M/n+M: 10 agents, 11 Erlang, handle time and patience of 5 minutes, 200 hours; 5 % is three standard errors."""
    random = np.random.default_rng(7)
    arrivals = np.sort(random.uniform(0, 200 * 3600, 26_400))
    handled, patience = random.exponential(300.0, (2, len(arrivals)))
    handled *= 300.0 / handled.mean()
    calls = [
        Call(Contact(f"c{number}", "billing", at), handle, waits)
        for number, (at, handle, waits) in enumerate(zip(arrivals, handled, patience, strict=True))
    ]
    forecast = Forecast("billing", "voice", (Requirement("billing", 1),), (30.0,) * 400)
    agents = [an_agent(f"a{number}", (30.0,) * 400) for number in range(10)]
    problem = a_problem(agents, [], forecast=(forecast,))
    router = Router(Desk.of(problem, Prices(), {"billing": 5.0}), RULES["longest-idle"])

    day = simulate_day(problem, router, calls)

    expected = abandonment(10, 11.0, handle_minutes=5.0, patience_minutes=5.0)
    assert day.abandonment == pytest.approx(expected, rel=0.05)


def test_drawn_calls_have_the_means_that_were_asked_for():
    work = {"billing": (3000.0, 9000.0), "other": (60.0, 0.0)}

    def draw():
        handle_minutes = {"billing": 5.0, "other": 6.0}
        return draw_calls(work, handle_minutes=handle_minutes, patience_minutes=2.0, interval_minutes=30.0, seed=3)

    calls = [call for call in draw() if call.contact.class_ == "billing"]

    first = [call for call in calls if call.contact.arrived_at < 1800]
    assert len(first) == pytest.approx(600, abs=4 * 600**0.5)
    assert len(calls) - len(first) == pytest.approx(1800, abs=4 * 1800**0.5)
    assert np.mean([call.handle_seconds for call in calls]) == pytest.approx(300, rel=0.05)
    assert np.mean([call.patience_seconds for call in calls]) == pytest.approx(120, rel=0.08)
    assert draw() == draw()
    assert [call.contact.arrived_at for call in calls] == sorted(call.contact.arrived_at for call in calls)


def test_each_rule_meets_the_same_day_and_loses_nobody():
    day = draw_day(CentreShape(agents=12, skills=4, intervals=4, load=1.0), seed=5)

    outcomes = try_rules([day])

    for (outcome,) in outcomes.values():
        assert outcome.offered == len(day.calls)
        assert outcome.answered + outcome.abandoned == outcome.offered
        assert (outcome.busy_seconds <= outcome.signed_in_seconds + 1e-6).all()
    assert try_rules([day])["bid-price-cover"][0].value == outcomes["bid-price-cover"][0].value


@pytest.mark.parametrize("rival", ["longest-idle", "best-skill", "greedy-fit"])
def test_the_recommended_rule_is_worth_more_and_answers_no_fewer(routed, rival):
    """On days that no rule was tuned on; the full comparison is in docs/benchmarks.md."""
    difference = compare_days(routed[RECOMMENDED], routed[rival])

    assert difference.value.mean > 0
    assert difference.service_level.mean > 0


@pytest.fixture(scope="module")
def routed():
    days = (draw_day(CentreShape(intervals=8, load=0.95), seed) for seed in range(3001, 3007))
    return try_rules(days, {name: RULES[name] for name in ("longest-idle", "best-skill", "greedy-fit", RECOMMENDED)})


def an_outcome(value, within, abandoned):
    none = np.zeros(0)
    return DayOutcome(10, 10 - abandoned, abandoned, within, value, 0.0, none, none)


def test_differences_are_paired_by_day():
    # Value +10 % and +20 %: mean 15 %, standard error 5 %, t(1) at 97.5 % is 12.706.
    ours = [an_outcome(110.0, 8, 1), an_outcome(60.0, 6, 1)]
    theirs = [an_outcome(100.0, 7, 1), an_outcome(50.0, 5, 3)]

    difference = compare_days(ours, theirs)

    assert difference.value.mean == pytest.approx(0.15)
    assert difference.value.half_width == pytest.approx(12.706 * 0.05, rel=1e-3)
    assert difference.service_level.mean == pytest.approx(0.1)
    assert difference.service_level.half_width == pytest.approx(0.0, abs=1e-9)
    assert difference.abandonment.mean == pytest.approx(-0.1)


def test_a_single_day_proves_nothing():
    difference = compare_days([an_outcome(110.0, 8, 1)], [an_outcome(0.0, 8, 1)])

    assert difference.value == Interval(0.0, float("inf"))
    with pytest.raises(ValueError, match="no days"):
        compare_days([], [])


def test_intervals_say_whether_they_are_more_than_chance():
    assert (Interval(2.0, 0.5).low, Interval(2.0, 0.5).high) == (1.5, 2.5)
    assert Interval(2.0, 0.5).decided
    assert Interval(-2.0, 0.5).decided
    assert not Interval(2.0, 2.0).decided
    assert Interval(2.0, 0.5).overlaps(Interval(3.0, 0.5))
    assert not Interval(2.0, 0.5).overlaps(Interval(3.1, 0.5))
    assert not Interval(3.1, 0.5).overlaps(Interval(2.0, 0.5))


def test_draws_of_one_day_are_pooled():
    pooled = pool([an_outcome(110.0, 8, 1), an_outcome(60.0, 6, 3)])

    assert (pooled.offered, pooled.answered, pooled.abandoned, pooled.value) == (20, 16, 4, 170.0)
    assert pooled.service_level == pytest.approx(0.7)
    with pytest.raises(ValueError, match="no outcomes"):
        pool([])


def test_headroom_follows_the_square_root():
    # 120 minutes are 4 agents for half an hour; half of √4 = 2 more is 1 agent, 30 minutes.
    assert with_headroom((120.0, 0.0), 0.5) == (150.0, 0.0)


def test_decisions_are_timed():
    times = time_decisions(RULES["batch"], agents=30, classes=3, intervals=1)

    assert times.events > 100
    assert 0 < times.median <= times.percentile_99


def test_the_banks_calls_become_days(shared_data):
    path = shared_data / "demand" / "technion_aug_01-14.csv"

    calls = read_calls(path)
    day, again = next(list_bank_days(path, seeds=(1, 2), least_before=7))

    assert {call.on.isoweekday() for call in calls} == {7, 1, 2, 3, 4}
    assert len(day.calls) == 2001  # 10 August 2010: calls of 07:00 to 24:00 that asked for an agent.
    assert day.desk.price.max() > 0
    assert [call.contact for call in again.calls] == [call.contact for call in day.calls]
    assert again.calls != day.calls
    given_up = [call for call in calls if not call.handled_seconds]
    assert min(call.waited_seconds for call in given_up) > 0
    assert min(call.handle_seconds for call in day.calls) > 0


def test_a_log_is_read_row_by_row(tmp_path):
    """Asked for an agent at 07:01:10, waited 20 s and was served 90 s; hung up in the menu; Friday; gave up at 30 s."""
    rows = [
        "PS,2010-08-02,2,7:01:10,20,AGENT,90",
        "PS,2010-08-02,0,7:01:20,0,HANG,0",
        "PS,2010-08-06,0,9:00:00,20,AGENT,90",
        "NE,2010-08-02,1,7:00:30,30,HANG,0",
        "NE,2010-08-02,1,6:59:00,30,HANG,0",
    ]
    file = tmp_path / "log.csv"
    file.write_text("type,date,priority,vru_exit,q_time,outcome,ser_time\n" + "\n".join(rows), encoding="utf-8")

    later, earlier = sorted(read_calls(file), key=lambda call: -call.arrived_at)

    assert (later.type_, later.priority, later.arrived_at, later.handled_seconds) == ("PS", True, 70.0, 90.0)
    assert (earlier.type_, earlier.waited_seconds, earlier.handled_seconds) == ("NE", 30.0, 0.0)


@pytest.mark.parametrize(
    "text", ["type,date\nPS,2010-08-02\n", "type,date,outcome,q_time,ser_time\nPS,never,AGENT,x,1\n"]
)
def test_another_file_is_no_log(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(BankLogError, match=r"log\.csv cannot be read as the log"):
        read_calls(file)
