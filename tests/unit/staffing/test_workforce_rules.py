"""The independent checker refuses each broken rule by name, and a problem that cannot be names its field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.plan import Status
from optimizer.reading import ProblemError
from optimizer.staffing.workforce import (
    Course,
    Demand,
    Entry,
    EntryKind,
    Outsourcing,
    Present,
    Profile,
    WorkforcePlan,
    plan_workforce,
)
from optimizer.staffing.workforce.answer import Entered, Served
from optimizer.staffing.workforce.verify import verify_workforce
from tests.factories.workforce import a_workforce

MAIL = Profile("mail", frozenset({"mail"}), pay=10.0)
BOTH = Profile("both", frozenset({"mail", "phone"}), pay=10.0)
PROBLEM = a_workforce(
    quarters=3,
    profiles=(MAIL, BOTH),
    present=(Present("home", "mail", 3.0), Present("home", "both", 1.0)),
    demands=(Demand("home", "mail", (4.0, 4.0, 4.0), 100.0), Demand("home", "phone", (1.0, 2.5, 2.5), 100.0)),
    courses=(Course("phone", "phone", 1, cost=5.0, class_cost=10.0, class_size=2, seats=2, mentor_minutes=10.0),),
    entries=(Entry("hire", EntryKind.HIRE, "home", "mail", 20.0, 10.0, 2, ramp=(0.5,), mentor_minutes=10.0),),
    outsourcing=(Outsourcing("home", "phone", 60.0, 0.3),),
    budget=300.0,
)
COURSE, HIRE = PROBLEM.courses[0], PROBLEM.entries[0]


@pytest.fixture(scope="module")
def plan():
    """Return a plan in which something of every kind happens."""
    found = plan_workforce(PROBLEM, gap=0.0)
    assert found.entered
    assert found.learners
    assert found.mentoring
    assert found.outsourced
    return found


def rules(problem, plan):
    return {each.rule for each in verify_workforce(problem, plan)}


def without_first(plan, name):
    return replace(plan, **{name: getattr(plan, name)[1:]})


def with_first(plan, name, **changes):
    first, *others = getattr(plan, name)
    return replace(plan, **{name: (replace(first, **changes), *others)})


def test_a_plan_of_the_optimizer_obeys_every_rule(plan):
    assert verify_workforce(PROBLEM, plan) == ()


@pytest.mark.parametrize(
    ("rule", "spoil"),
    [
        ("reference", lambda plan: with_first(plan, "entered", entry="nobody")),
        ("reference", lambda plan: with_first(plan, "served", quarter=9)),
        ("reference", lambda plan: replace(plan, costs=plan.costs[1:])),
        ("amount", lambda plan: with_first(plan, "served", fte=-1.0)),
        ("amount", lambda plan: with_first(plan, "unmet", fte=float("nan"))),
        ("whole", lambda plan: with_first(plan, "entered", people=0.5)),
        ("whole", lambda plan: with_first(plan, "learners", people=0.5)),
        ("whole", lambda plan: with_first(plan, "classes", classes=1.5)),
        ("entry", lambda plan: with_first(plan, "entered", people=3)),
        ("course", lambda plan: with_first(plan, "learners", profile="both")),
        ("class", lambda plan: without_first(plan, "classes")),
        ("seat", lambda plan: with_first(plan, "learners", people=3)),
        ("start", lambda plan: with_first(plan, "learners", people=4)),
        ("head count", lambda plan: without_first(plan, "head_counts")),
        ("head count", lambda plan: without_first(plan, "entered")),
        ("skill", lambda plan: replace(plan, served=(*plan.served, Served("home", "mail", "phone", 0, 0.1)))),
        ("supply", lambda plan: with_first(plan, "served", fte=9.0)),
        ("mentoring", lambda plan: replace(plan, mentoring=())),
        ("own people", lambda plan: replace(plan, served=())),
        ("demand", lambda plan: without_first(plan, "unmet")),
        ("outsourcing", lambda plan: with_first(plan, "outsourced", fte=0.4)),
        ("costs", lambda plan: replace(plan, costs=(replace(plan.costs[0], pay=-5.0), *plan.costs[1:]))),
        ("objective", lambda plan: replace(plan, objective=plan.objective - 1.0)),
        ("bound", lambda plan: replace(plan, bound=plan.objective + 1.0)),
        ("gap", lambda plan: replace(plan, gap=0.3)),
    ],
)
def test_a_broken_plan_is_refused_by_the_name_of_the_rule(plan, rule, spoil):
    assert rule in rules(PROBLEM, spoil(plan))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("budget", {"budget": 1.0}),
        ("budget of quarter", {"budget_by_quarter": (1.0, 1.0, 1.0)}),
        ("mentors", {"mentor_share": 0.0}),
    ],
)
def test_a_plan_of_a_wider_problem_is_refused_by_a_narrower_one(plan, rule, change):
    assert rules(replace(PROBLEM, **change), plan) == {rule}


@pytest.mark.parametrize(
    "empty",
    [
        WorkforcePlan(Status.OPTIMAL),
        WorkforcePlan(Status.TIME_LIMIT_NO_PLAN, entered=(Entered("hire", 0, 1),)),
    ],
)
def test_a_run_without_objective_has_no_plan_and_says_why(empty):
    assert rules(PROBLEM, empty) == {"status"}


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: replace(MAIL, attrition=1.0), "$.attrition"),
        (lambda: replace(MAIL, attrition="a tenth"), "$.attrition"),  # type: ignore[arg-type]
        (lambda: replace(MAIL, skills="mail"), "$.skills"),  # type: ignore[arg-type]
        (lambda: replace(MAIL, skills=frozenset()), "$.skills"),
        (lambda: Present("home", "mail", -1.0), "$.people"),
        (lambda: Demand("home", "mail", (1.0, float("nan")), 5.0), "$.fte[1]"),
        (lambda: replace(COURSE, requires=frozenset({"phone"})), "$.requires"),
        (lambda: replace(COURSE, class_size=0), "$.class_size"),
        (lambda: replace(COURSE, seats=1.5), "$.seats"),
        (lambda: replace(COURSE, working_share=1.5), "$.working_share"),
        (lambda: replace(HIRE, kind="friend"), "$.kind"),
        (lambda: replace(HIRE, ramp=(0.5, 1.2)), "$.ramp[1]"),
        (lambda: replace(HIRE, most=True), "$.most"),
        (lambda: Outsourcing("home", "mail", -1.0, 1.0), "$.cost"),
        (lambda: replace(PROBLEM, quarters=0), "$.quarters"),
        (lambda: replace(PROBLEM, sites=()), "$.sites"),
        (lambda: replace(PROBLEM, sites=("home", "home")), "$.sites[1]"),
        (lambda: replace(PROBLEM, profiles=(MAIL, BOTH, replace(BOTH, id="other"))), "$.profiles[2]"),
        (lambda: replace(PROBLEM, present=(Present("moon", "mail", 1.0),)), "$.present[0].site"),
        (lambda: replace(PROBLEM, entries=(replace(HIRE, profile="chat"),)), "$.entries[0].profile"),
        (lambda: replace(PROBLEM, outsourcing=(Outsourcing("home", "chat", 1.0, 1.0),)), "$.outsourcing[0].skill"),
        (lambda: replace(PROBLEM, demands=(Demand("home", "mail", (1.0,), 5.0),), outsourcing=()), "$.demands[0].fte"),
        (lambda: replace(PROBLEM, minutes_per_fte=0.0), "$.minutes_per_fte"),
        (lambda: replace(PROBLEM, mentor_share=2.0), "$.mentor_share"),
        (lambda: replace(PROBLEM, budget=-1.0), "$.budget"),
        (lambda: replace(PROBLEM, budget_by_quarter=(1.0,)), "$.budget_by_quarter"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(make, path):
    with pytest.raises(ProblemError) as refused:
        make()

    assert refused.value.path == path
