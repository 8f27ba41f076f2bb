"""The ROADEF challenge 2007: its files are read, its rules are checked, its days become problems."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from optimizer import Policy, solve, verify
from optimizer.benchmarks.roadef import (
    Intervention,
    RoadefFormatError,
    RoadefInstance,
    RoadefSolution,
    Technician,
    Visit,
    read_instance,
    read_solution,
)
from optimizer.benchmarks.roadef_checker import check

# Two domains with two levels each. Intervention 2 follows 1; 3 may be hired out for 40 of a budget of 50.
INSTANCE = RoadefInstance(
    name="own",
    budget=50,
    interventions=(
        Intervention(1, 60, (), 1, 100, ((1, 0), (0, 0))),
        Intervention(2, 45, (1,), 2, 30, ((1, 1), (0, 0))),
        Intervention(3, 30, (), 3, 40, ((2, 1), (1, 0))),
    ),
    technicians=(
        Technician(1, (2, 1), frozenset({3})),
        Technician(2, (1, 0), frozenset()),
        Technician(3, (0, 2), frozenset({1})),
    ),
)
# Technicians 1 and 2 are team 1 on day 1; technician 1 alone is team 1 on day 2.
GOOD = RoadefSolution(
    visits=(Visit(1, 1, 0, 1), Visit(3, 1, 60, 1), Visit(2, 2, 0, 1)),
    teams={1: ((3,), (1, 2)), 2: ((2, 3), (1,))},
)


def test_the_cost_weighs_the_ends_of_the_priorities_and_of_all_work():
    """Ends: priority 1 at 60, priority 2 at 120 + 45, priority 3 at 90, everything at 165."""
    verdict = check(INSTANCE, GOOD)

    assert verdict.feasible
    assert verdict.cost == 28 * 60 + 14 * 165 + 4 * 90 + 165


def changed(visits=None, teams=None):
    """Return the good solution with other visits or teams."""
    return replace(GOOD, visits=GOOD.visits if visits is None else visits, teams=GOOD.teams if teams is None else teams)


@pytest.mark.parametrize(
    ("solution", "faults"),
    [
        (
            changed(visits=(Visit(1, 1, 0, 1), Visit(3, 1, 45, 1), Visit(2, 2, 0, 1))),
            ("interventions 1 and 3 overlap in one team",),
        ),
        (
            changed(visits=(Visit(1, 1, 0, 1), Visit(3, 1, 91, 1), Visit(2, 2, 0, 1))),
            ("intervention 3 ends after minute 120 of its day",),
        ),
        (
            changed(teams={1: ((2, 3), (1,)), 2: ((2, 3), (1,))}),
            ("intervention 3 needs 2 of level 1 in domain 1; its team has 1",),
        ),
        (
            changed(teams={1: ((), (1, 2, 3)), 2: ((2, 3), (1,))}),
            ("technician 3 has day 1 off and is in a team",),
        ),
        (
            changed(teams={1: ((3,), (1, 2), (2,)), 2: ((2, 3), (1,))}),
            ("technician 2 is in 2 teams on day 1",),
        ),
        (
            changed(visits=(Visit(1, 2, 45, 1), Visit(3, 1, 60, 1), Visit(2, 2, 0, 1))),
            ("intervention 2 starts before its predecessor 1 is finished",),
        ),
        (
            changed(visits=(Visit(1, 1, 0, 1), Visit(3, 1, 60, 1), Visit(2, 2, 0, 2))),
            ("intervention 2 is given to team 2, which does not work on day 2",),
        ),
        (
            changed(visits=(Visit(1, 1, 0, 0), Visit(3, 1, 60, 1), Visit(2, 2, 0, 1))),
            ("intervention 1 is given to team 0, which does not work on day 1",),
        ),
        (
            changed(visits=(Visit(3, 1, 60, 1), Visit(2, 2, 0, 1))),
            (
                "hiring out interventions 1 costs 100, the budget is 50",
                "intervention 2 is done though its predecessor 1 is hired out",
            ),
        ),
        (changed(visits=(*GOOD.visits, Visit(9, 1, 0, 1))), ("there is no intervention 9",)),
        (changed(visits=(*GOOD.visits, GOOD.visits[0])), ("intervention 1 is scheduled 2 times",)),
        (
            changed(teams={**GOOD.teams, 3: ((7,),)}),
            ("there is no technician 7, who is in a team on day 3",),
        ),
    ],
)
def test_each_broken_rule_is_named(solution, faults):
    verdict = check(INSTANCE, solution)

    assert not verdict.feasible
    assert verdict.faults == faults


def test_two_teams_may_work_at_the_same_time():
    """Domain 1 of intervention 1 needs level 1, which technician 2 has alone."""
    solution = RoadefSolution(
        visits=(Visit(1, 2, 0, 2), Visit(2, 2, 60, 1)),
        teams={2: ((), (1, 3), (2,))},
    )

    assert check(INSTANCE, solution).feasible


def test_what_the_budget_covers_may_be_hired_out():
    """Intervention 3 costs 40 of 50 and nothing follows it; its end does not count."""
    verdict = check(INSTANCE, replace(GOOD, visits=(Visit(1, 1, 0, 1), Visit(2, 2, 0, 1))))

    assert verdict.feasible
    assert verdict.cost == 28 * 60 + 14 * 165 + 165


def test_an_overlap_is_found_behind_a_shorter_visit():
    """A visit of 60 minutes from 0 on overlaps one from 45 on, though another from 10 to 40 lies between."""
    instance = replace(
        INSTANCE,
        interventions=tuple(
            Intervention(number, minutes, (), 1, 0, ((1, 0), (0, 0))) for number, minutes in ((1, 60), (2, 30), (3, 10))
        ),
    )
    solution = RoadefSolution((Visit(1, 1, 0, 1), Visit(2, 1, 10, 1), Visit(3, 1, 45, 1)), {1: ((), (1,))})

    faults = check(instance, solution).faults

    assert "interventions 1 and 2 overlap in one team" in faults
    assert "interventions 1 and 3 overlap in one team" in faults


def test_the_verdicts_on_the_labelled_solutions_are_reproduced(shared_data):
    folder = shared_data / "optim" / "roadef2007"
    with (folder / "solutions" / "LABELS.csv").open(encoding="utf-8") as labels:
        rows = list(csv.DictReader(labels))

    for row in rows:
        instance = read_instance(folder / f"A{row['solution'].split('_')[1]}")
        verdict = check(instance, read_solution(folder / "solutions" / row["solution"]))

        assert verdict.feasible is (row["feasible"] == "yes")
        assert verdict.cost == int(row["cost"])
        assert "; ".join(verdict.faults) == row["fault"]
    assert len(rows) == 4


def test_a_seat_asks_for_the_highest_level_that_so_many_must_have():
    """Two of level 1 and one of level 2 in domain 1, one of level 1 in domain 2: the first seat takes the hard part."""
    assert list(INSTANCE.interventions[2].seats()) == [{1: 2, 2: 1}, {1: 1}]


def test_a_day_becomes_a_problem_of_seats():
    """Technician 3 is off on day 1; intervention 2 has a predecessor. Seats: 1 of intervention 1, 2 of 3."""
    problem = INSTANCE.to_problem(day=1)

    plan = solve(problem)

    assert [sum(agent.capacity) for agent in problem.agents] == [120.0, 120.0, 0.0]
    assert [each.id for each in problem.engagements] == ["i0001-1", "i0003-1", "i0003-2"]
    assert verify(problem, plan) == ()
    # Two technicians have 240 minutes for 60 + 2 × 30; only technician 1 has what the hard seat asks for.
    assert {each.engagement for each in plan.assignments} == {"i0001-1", "i0003-1", "i0003-2"}
    assert ("i0003-1", "t0001") in {(each.engagement, each.agent) for each in plan.assignments}


def test_the_challenges_instances_become_problems_with_valid_plans(shared_data):
    folder = shared_data / "optim" / "roadef2007"

    for name in ("A1", "A2", "A4"):
        instance = read_instance(folder / name)
        problem = instance.to_problem(policy=Policy(weights={"service": 1.0}, gap=0.02))
        plan = solve(problem)

        assert len(problem.agents) == len(instance.technicians)
        assert verify(problem, plan) == ()
        assert plan.assignments


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("instance", "name domains level techs interv abandon\nx two 2 1 1 0\n", "'two'"),
        ("instance", "name\n", "no line after its header"),
        ("interv_list", "header\n1 60 1 0 1\n", "no list in brackets"),
        ("interv_list", "header\n1 60 [ ] 1 0 1 0\n", "2 demands, not 2 × 2"),
        ("tech_list", "header\n1 2 [ ]\n", "1 levels, not 2"),
    ],
)
def test_a_broken_instance_file_is_refused(tmp_path, file, text, message):
    files = {
        "instance": "name domains level techs interv abandon\nx 2 2 1 1 0\n",
        "interv_list": "header\n1 60 [ ] 1 0 1 0 0 0\n",
        "tech_list": "header\n1 2 2 [ ]\n",
    }
    for name, content in (files | {file: text}).items():
        (tmp_path / name).write_text(content)

    with pytest.raises(RoadefFormatError, match=message):
        read_instance(tmp_path)


@pytest.mark.parametrize(
    ("dates", "teams", "message"),
    [("1 1 0\n", "1 [ 1 ]\n", "four numbers"), ("1 1 0 1\n", "1 [ 1 \n", "a day and its teams")],
)
def test_a_broken_solution_file_is_refused(tmp_path, dates, teams, message):
    (tmp_path / "interv_dates").write_text(dates)
    (tmp_path / "tech_teams").write_text(teams)

    with pytest.raises(RoadefFormatError, match=message):
        read_solution(tmp_path)
