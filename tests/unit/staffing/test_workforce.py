"""A workforce plan is the cheapest there is, by hand and by trying everything, and obeys every rule."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.benchmarks.workforce import CentreShape, make_workforce, run_workforce
from optimizer.control import Control
from optimizer.plan import Status, StoppedBy
from optimizer.staffing.workforce import (
    Course,
    Demand,
    Entry,
    EntryKind,
    Outsourcing,
    Present,
    PriceSource,
    Profile,
    plan_workforce,
    with_reachable_profiles,
)
from optimizer.staffing.workforce.verify import verify_workforce
from tests.factories.workforce import a_random_workforce, a_workforce, cheapest_by_trying_everything

EXAMPLES = int(os.environ.get("MAINSTAY_PROPERTY_EXAMPLES", "8"))
MAIL = Profile("mail", frozenset({"mail"}), pay=10.0)
BOTH = Profile("both", frozenset({"mail", "phone"}), pay=10.0)
HIRE = Entry("hire", EntryKind.HIRE, "home", "mail", cost=20.0, pay=10.0, most=3)


def planned(problem, **options):
    """Return the proven plan of a problem, which the independent checker passed."""
    plan = plan_workforce(problem, gap=0.0, **options)
    assert verify_workforce(problem, plan) == ()
    assert plan.status is Status.OPTIMAL
    return plan


def test_who_meets_the_demand_already_does_nothing():
    plan = planned(a_workforce())

    assert plan.objective == pytest.approx(0.0)
    assert (plan.entered, plan.unmet) == ((), ())


def test_somebody_is_hired_where_that_costs_less_than_what_is_missing():
    """3 are needed, 2 are there: 1 missing costs 100 a quarter, a hire 20 and 10 of pay a quarter: 20 + 2 × 10 = 40."""
    problem = a_workforce(demands=(Demand("home", "mail", (3.0, 3.0), 100.0),), entries=(HIRE,))

    plan = planned(problem)

    assert plan.objective == pytest.approx(40.0)
    assert plan.do_nothing == pytest.approx(200.0)
    assert [(row.entry, row.quarter, row.people) for row in plan.entered] == [("hire", 0, 1)]


def test_newcomers_count_by_their_ramp_and_cost_their_mentors_time():
    """
    As above, at half productivity and with 100 of 1,000 minutes of mentoring in the first quarter.

    Of 3 FTE of work the two do 2 − 0.1 and the newcomer 0.5: 0.6 FTE × 100 is missing, 40 + 60 = 100. Only one may
    come, because two would do 2 − 0.2 + 1 = 2.8 for 80 + 20, which is 100 as well.
    """
    entry = replace(HIRE, ramp=(0.5,), mentor_minutes=100.0, most=1)
    problem = a_workforce(demands=(Demand("home", "mail", (3.0, 3.0), 100.0),), entries=(entry,))

    plan = planned(problem)

    assert plan.objective == pytest.approx(100.0)
    assert [(row.skill, row.quarter, row.fte) for row in plan.mentoring] == [("mail", 0, pytest.approx(0.1))]


def test_attrition_of_the_present_saves_no_budget_and_leaves_work_undone():
    """2 people less 25 % are 1.5 in the second quarter: 0.5 FTE × 100 is missing; pay is counted beyond theirs: 0."""
    plan = planned(a_workforce(profiles=(replace(MAIL, attrition=0.25),)))

    assert plan.objective == pytest.approx(50.0)
    assert [round(row.people, 6) for row in plan.head_counts] == [2.0, 1.5]


def test_training_adds_a_skill_after_the_course_and_takes_time_and_a_whole_class():
    """
    3 can do mail, which needs 2; phone needs 1 in the last two of three quarters, at 100 for each that it lacks.

    One learner for one quarter costs 5 and the class of up to four 30: 35. Phone is then served in quarters 1 and 2; in
    quarter 0 two are left for mail, which is enough.
    """
    problem = a_workforce(
        quarters=3,
        profiles=(MAIL, BOTH),
        present=(Present("home", "mail", 3.0),),
        demands=(
            Demand("home", "mail", (2.0, 2.0, 2.0), 100.0),
            Demand("home", "phone", (0.0, 1.0, 1.0), 100.0),
        ),
        courses=(Course("phone", "phone", 1, cost=5.0, class_cost=30.0, class_size=4),),
    )

    plan = planned(problem)

    assert plan.objective == pytest.approx(35.0)
    assert plan.do_nothing == pytest.approx(200.0)
    assert [(row.profile, row.quarter, row.people) for row in plan.learners] == [("mail", 0, 1)]
    assert [(row.quarter, row.classes) for row in plan.classes] == [(0, 1)]


def test_nobody_learns_what_nobody_can_mentor():
    """As above, with 10 minutes of mentoring, and nobody who can phone: both quarters of phone stay unmet."""
    problem = a_workforce(
        quarters=3,
        profiles=(MAIL, BOTH),
        present=(Present("home", "mail", 3.0),),
        demands=(Demand("home", "phone", (0.0, 1.0, 1.0), 100.0),),
        courses=(Course("phone", "phone", 1, cost=5.0, class_cost=30.0, class_size=4, mentor_minutes=10.0),),
    )

    assert planned(problem).objective == pytest.approx(200.0)


def test_promoting_in_comes_first_where_its_seats_last_and_it_costs_less():
    """2 of 4 FTE are missing over two quarters: one seat at 5 + 20, the other by a hire at 20 + 20: 65."""
    seat = replace(HIRE, id="in", kind=EntryKind.PROMOTE_IN, cost=5.0, most=1)
    problem = a_workforce(demands=(Demand("home", "mail", (4.0, 4.0), 100.0),), entries=(HIRE, seat))

    plan = planned(problem)

    assert plan.objective == pytest.approx(65.0)
    assert sorted(row.entry for row in plan.entered) == ["hire", "in"]


def test_prices_are_those_of_linear_programs_and_say_which():
    """
    One of 3 FTE is missing in each of two quarters. Outsourcing costs 50 for at most 0.5, unmet work 100.

    Without hires one more FTE costs 100 in either program. A budget of 25 buys 0.5 FTE in one quarter of the two, and
    one unit of money more saves 100 / 50 − 1 = 1.
    """
    problem = a_workforce(
        demands=(Demand("home", "mail", (3.0, 3.0), 100.0),),
        outsourcing=(Outsourcing("home", "mail", 50.0, 0.5),),
        budget=25.0,
    )

    plan = planned(problem)

    assert plan.objective == pytest.approx(200.0 - 25.0)
    for source in PriceSource:
        prices = plan.prices[source]
        assert prices.source is source
        assert prices.demand["home", "mail"] == pytest.approx((100.0, 100.0))
        assert prices.budget == pytest.approx(1.0)


def test_a_seat_is_priced_in_the_relaxed_program_alone():
    """One seat more would save 100 + 100 of unmet work for 20 + 20: 160 in quarter 0, and 100 − 30 in quarter 1."""
    problem = a_workforce(demands=(Demand("home", "mail", (9.0, 9.0), 100.0),), entries=(replace(HIRE, most=1),))

    plan = planned(problem)

    assert plan.prices[PriceSource.RELAXED].entries["hire"] == pytest.approx((160.0, 70.0))
    assert plan.prices[PriceSource.FIXED].entries == {}


def test_reachable_profiles_are_those_of_one_course_more():
    course = Course("phone", "phone", 1, cost=5.0, class_cost=30.0, class_size=4, requires=frozenset({"mail"}))
    problem = with_reachable_profiles(a_workforce(courses=(course,)))

    assert [each.id for each in problem.profiles] == ["mail", "mail + phone"]


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_the_optimum_is_that_of_trying_everything(first):
    for seed in range(first, first + 10):
        problem = a_random_workforce(seed)

        plan = planned(problem)

        assert plan.objective == pytest.approx(cheapest_by_trying_everything(problem), abs=1e-5), seed


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(1_000, 9_999), money=st.floats(0, 150), share=st.floats(0, 1))
def test_removing_budget_never_raises_what_a_plan_is_worth(seed, money, share):
    problem = replace(a_random_workforce(seed), budget=money)

    more, less = planned(problem), planned(replace(problem, budget=money * share))

    assert -less.objective <= -more.objective + 1e-5


@settings(max_examples=EXAMPLES)
@given(seed=st.integers(1_000, 9_999))
def test_the_bound_holds_and_doing_nothing_is_no_better(seed):
    problem = a_random_workforce(seed)

    plan = plan_workforce(problem, gap=0.2)

    assert verify_workforce(problem, plan) == ()
    assert plan.bound is not None
    assert plan.objective is not None
    assert plan.do_nothing is not None
    assert plan.bound <= cheapest_by_trying_everything(problem) + 1e-5
    assert plan.objective <= plan.do_nothing + 1e-5


def test_the_same_problem_gives_the_same_plan():
    first, second = (plan_workforce(a_random_workforce(7)) for _ in range(2))

    assert (first.entered, first.learners, first.served) == (second.entered, second.learners, second.served)


def test_a_run_that_is_cancelled_claims_no_more_than_it_has():
    problem = make_workforce(CentreShape(sites=2, quarters=4, skills=12, profiles=12, courses=12, people=40), 1)

    plan = plan_workforce(problem, control=Control(should_cancel=lambda: True))

    assert (plan.status, plan.objective, plan.stopped_by) == (Status.CANCELLED, None, StoppedBy.CANCEL)
    assert verify_workforce(problem, plan) == ()


def test_a_run_that_is_late_claims_no_more_than_it_has():
    problem = make_workforce(CentreShape(sites=2, quarters=4, skills=12, profiles=12, courses=12, people=40), 1)

    plan = plan_workforce(problem, control=Control(deadline_at=0.0))

    assert (plan.status, plan.objective, plan.stopped_by) == (Status.TIME_LIMIT_NO_PLAN, None, StoppedBy.CLOCK)


def test_the_benchmark_tells_gap_seconds_memory_and_violations():
    shape = CentreShape(sites=1, quarters=3, skills=6, profiles=6, courses=6, people=20)

    (run,) = run_workforce(shape, [1], gap=0.005, seconds=600.0)

    assert run.violations == 0
    assert run.plan.gap is not None
    assert run.plan.gap <= 0.005
    assert all(word in run.line() for word in ("seed 1: optimal", "gap", " s (", " of processor", " MB"))
