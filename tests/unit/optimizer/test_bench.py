"""The comparison tells distances, times, ratios, wins and losses as they are."""

from __future__ import annotations

import pytest

from optimizer import Policy, Problem, Status
from optimizer.benchmarks.assignment import Answer, compare, judge, versions, weigh
from optimizer.benchmarks.generator import START, Shape
from optimizer.benchmarks.instances import Instance, Selection, list_instances
from optimizer.benchmarks.summary import summarise
from optimizer.plan import Plan, Progress

EMPTY = Problem(start=START, interval_minutes=30.0, intervals=1, policy=Policy())


def answer(objective, bound, seconds, told=(), violations=()):
    """Return a solver's answer; `told` are seconds, incumbent and proven gap."""
    status = Status.FEASIBLE if objective is not None else Status.TIME_LIMIT_NO_PLAN
    gap = None if objective is None else (bound - objective) / objective
    progress = tuple(Progress("customers", at, incumbent=incumbent, gap=proven) for at, incumbent, proven in told)
    plan = Plan(status, objective, bound, gap, seconds=seconds, peak_mb=50.0)
    return lambda solver: Answer(solver, plan, violations, progress)


def compared(best_known=None, **answers):
    """Return the comparison of answers by solver on one empty problem."""
    return weigh(Instance("one", 5, EMPTY, best_known), [make(solver) for solver, make in answers.items()])


def test_distances_count_from_the_best_value_and_the_best_bound_of_all():
    """Ours 90 of best 100 is 11.1 % off it, and 22.2 % below the bound of 110."""
    comparison = compared(ours=answer(90.0, 120.0, 4.0), highs=answer(100.0, 110.0, 8.0))

    ours, highs = comparison.runs
    assert (comparison.best, comparison.best_bound) == (100.0, 110.0)
    assert ours.to_best == pytest.approx(10 / 90)
    assert ours.to_bound == pytest.approx(20 / 90)
    assert ours.gap == pytest.approx(30 / 90)
    assert highs.to_best == 0.0


def test_the_literatures_best_value_counts_where_it_is_better():
    comparison = compared(best_known=105.0, ours=answer(100.0, 110.0, 4.0))

    assert comparison.best == 105.0
    assert comparison.runs[0].to_best == pytest.approx(0.05)


def test_a_bound_of_a_rounded_model_is_no_bound_of_the_problem():
    comparison = compared(ours=answer(90.0, 120.0, 4.0), cpsat=answer(90.0, 91.0, 4.0))

    assert comparison.best_bound == 120.0


def test_a_bound_below_a_valid_plan_is_named_as_wrong():
    comparison = compared(ours=answer(90.0, 95.0, 4.0), highs=answer(100.0, 100.0, 4.0), cbc=answer(None, 120.0, 4.0))

    assert [run.bound_holds for run in comparison.runs] == [False, True, True]


def test_times_are_those_of_the_first_plan_near_enough():
    """Best is 100: 99.2 is within 1 % of it, 99.95 within 0.1 %. Proven are 0.8 % on the way and 0.05 % at the end."""
    told = [(1.0, 50.0, None), (2.0, 99.2, None), (3.0, 99.2, 0.008), (5.0, 99.95, None)]

    (run,) = compared(ours=answer(100.0, 100.05, 7.0, told)).runs

    assert run.first_plan_seconds == 1.0
    assert run.seconds_to == {"1.0%": 2.0, "0.5%": 5.0, "0.1%": 5.0}
    assert run.seconds_to_proven == {"1.0%": 3.0, "0.5%": 7.0, "0.1%": 7.0}


def test_a_plan_that_breaks_a_rule_counts_as_none():
    (run,) = compared(ours=answer(90.0, 90.0, 1.0, violations=("capacity: too much",))).runs

    assert run.objective is None
    assert run.violations == ("capacity: too much",)
    assert run.to_best is None
    assert run.seconds_to == {"1.0%": None, "0.5%": None, "0.1%": None}


@pytest.mark.parametrize(
    ("ours", "peer", "verdict"),
    [(2.0, 1.0, "better"), (1.0, 2.0, "worse"), (1.0, 1.0 + 1e-12, "equal"), (1.0, None, "better"),
     (None, 1.0, "worse"), (None, None, "equal"), (-5.0, -6.0, "better"), (0.0, 0.0, "equal")],
)  # fmt: skip
def test_any_plan_is_better_than_none(ours, peer, verdict):
    assert judge(ours, peer) == verdict


def test_the_summary_counts_wins_and_losses_and_takes_medians_over_failures_too():
    won = compared(ours=answer(100.0, 101.0, 2.0), highs=answer(90.0, 110.0, 4.0))
    lost = compared(ours=answer(80.0, 100.0, 3.0), highs=answer(90.0, 100.0, 4.0))
    failed = compared(ours=answer(70.0, 77.0, 1.0), highs=answer(None, None, 4.0))

    summary = summarise([won, lost, failed])

    ours, highs = summary.medians
    (ratios,) = summary.ratios
    assert (ratios.better, ratios.equal, ratios.worse) == (2, 0, 1)
    assert ratios.seconds == pytest.approx(0.5)
    assert (ours.plans, highs.plans) == (3, 2)
    assert ours.seconds == 2.0
    assert ours.gap == pytest.approx(0.1)
    # Of 0 %, 11.1 % and no plan at all the middle is 11.1 %.
    assert highs.to_best == pytest.approx(10 / 90)
    # Ours 1/100 and HiGHS 11/90; ours 20/80 and HiGHS 10/90.
    assert ratios.to_bound == pytest.approx((0.01 / (11 / 90) + 0.25 / (10 / 90)) / 2)


def test_who_fails_on_most_problems_has_no_median():
    failed = compared(ours=answer(70.0, 77.0, 1.0), highs=answer(None, None, 4.0))

    summary = summarise([failed, failed, failed])

    assert summary.medians[1].to_best is None
    assert summary.ratios[0].to_bound is None


def test_ours_in_a_process_of_its_own_is_measured_on_drawn_problems():
    shape = Shape(agents=3, engagements=8, intervals=4)
    selection = Selection("random", shape, seeds=(1, 2), time_limit_s=60.0, gap=0.001)

    comparisons = list(compare(list_instances(selection)))

    for comparison in comparisons:
        (run,) = comparison.runs
        assert run.violations == ()
        assert run.gap is not None
        assert run.gap <= 0.001
        assert run.to_bound == pytest.approx(run.gap)
        assert run.seconds_to["0.1%"] is not None
        assert run.seconds_to_proven["0.1%"] is not None
    assert summarise(comparisons).ratios == ()


def test_the_versions_name_python_and_every_package():
    assert {"python", "processors", "highspy", "pulp", "ortools"} <= set(versions())


def test_a_comparison_is_json_data():
    comparison = compared(ours=answer(90.0, 90.0, 1.0))

    assert comparison.to_json()["runs"][0]["objective"] == 90.0
