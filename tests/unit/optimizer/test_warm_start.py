"""Beginning from an earlier plan: read from a file, right after changes, and never binding."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from optimizer import Plan, Policy, Problem, solve, verify
from optimizer.assignment.asks import Asks
from optimizer.assignment.earlier import Earlier
from optimizer.assignment.model import build_model
from optimizer.benchmarks.generator import Shape, generate
from optimizer.files import ExitCode, assign_file
from optimizer.fit import Fit
from optimizer.plan import Status
from optimizer.roster import Roster
from tests.factories.optimizer_problems import a_problem, an_agent, an_engagement, placed

POLICY = Policy(weights={"service": 1.0, "match": 0.2}, gap=0.002, time_limit_s=60.0, iterations=3)
DAY = Shape(agents=25, engagements=260, intervals=8)


def _absent(problem: Problem, row: int) -> Problem:
    agents = list(problem.agents)
    agents[row] = replace(agents[row], capacity=(0.0,) * problem.intervals)
    return replace(problem, agents=tuple(agents))


@pytest.fixture(scope="module")
def published() -> tuple[Problem, Plan]:
    """Return a day and its plan, as read back from a file."""
    problem = generate(DAY, 1001, POLICY)
    return problem, Plan.from_json(solve(problem).to_json())


def test_after_an_absence_the_warm_plan_is_as_good_as_one_from_scratch(published: tuple[Problem, Plan]) -> None:
    """Nobody is left with work of somebody who is not there."""
    problem, plan = published
    today = _absent(problem, 3)

    warm, scratch = solve(today, warm=plan), solve(today)

    assert verify(today, warm) == ()
    assert warm.objective is not None
    assert scratch.objective is not None
    assert warm.objective >= 0.995 * scratch.objective


def test_new_gone_and_changed_work_and_people_are_no_obstacle(published: tuple[Problem, Plan]) -> None:
    """What the earlier plan names and the problem does not is left out, and the other way round."""
    problem, plan = published
    new = replace(problem.engagements[0], id="new")
    learnt = replace(problem.agents[1], skills={**problem.agents[1].skills, "s00": 5})
    today = replace(
        problem,
        engagements=(*problem.engagements[5:], new),
        agents=(learnt, *problem.agents[2:], replace(problem.agents[0], id="joined")),
    )

    warm = solve(today, warm=plan)

    assert verify(today, warm) == ()
    assert warm.status in (Status.OPTIMAL, Status.FEASIBLE)


def test_what_fits_of_an_earlier_plan_is_where_the_search_begins(published: tuple[Problem, Plan]) -> None:
    """In the same problem that is all of it."""
    problem, plan = published
    fit = Fit(Roster.of(problem))
    model = build_model(fit, Asks.of(problem))

    found = Earlier.of(fit, plan).find(model)

    begun = {
        (problem.engagements[model.columns.engagement[column]].id, problem.agents[model.columns.agent[column]].id)
        for column in found.tolist()
    }
    assert begun == {(each.engagement, each.agent) for each in plan.assignments}


def test_another_horizon_gives_no_prices(published: tuple[Problem, Plan]) -> None:
    """Prices are for intervals; a plan with more of them says nothing about these."""
    _, plan = published
    other = generate(replace(DAY, intervals=6), 1002, POLICY)

    earlier = Earlier.of(Fit(Roster.of(other)), plan)

    assert earlier.prices is None


def test_a_file_begins_from_a_plan_file(published: tuple[Problem, Plan], tmp_path: Path) -> None:
    """The child reads it, and its first plan is already nearly as good as the earlier one."""
    problem, plan = published
    (tmp_path / "problem.json").write_text(json.dumps(problem.to_json()))
    (tmp_path / "earlier.json").write_text(json.dumps(plan.to_json()))
    told: list[float] = []

    answer = assign_file(
        tmp_path / "problem.json",
        warm=tmp_path / "earlier.json",
        on_progress=lambda progress: told.append(progress.incumbent or 0.0),
    )

    assert answer.exit_code is ExitCode.PLAN
    assert plan.objective is not None
    assert next(points for points in told if points) >= 0.999 * plan.objective


def test_a_bad_earlier_plan_is_refused_by_its_own_name(tmp_path: Path) -> None:
    """The message says which of the two files is meant."""
    (tmp_path / "problem.json").write_text("{}")
    (tmp_path / "earlier.json").write_text('{"status": "wonderful"}')

    answer = assign_file(tmp_path / "problem.json", warm=tmp_path / "earlier.json")

    assert answer.exit_code is ExitCode.REFUSED
    assert "earlier.json: $.status" in answer.errors[0]


def test_an_earlier_plan_binds_nothing() -> None:
    """A better plan replaces it: the second agent alone can take both pieces of work."""
    before = a_problem([an_agent("a1")], [an_engagement("e1", minutes=20.0)])
    plan = solve(before)
    now = a_problem(
        [an_agent("a1"), an_agent("a2", capacity=(60.0,))],
        [an_engagement("e1", minutes=20.0, excluded_agents=("a1",)), an_engagement("e2", minutes=30.0)],
    )

    warm = solve(now, warm=plan)

    assert set(placed(warm)) == {"e1", "e2"}
    assert placed(warm)["e1"] == ("a2", 0)
