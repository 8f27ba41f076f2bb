"""Whatever stands in a problem, it is refused by path or answered with a plan that passes the checker."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from optimizer import Policy, Problem, ProblemError, Status, solve, verify
from optimizer.benchmarks.generator import Shape, generate
from optimizer.files import ExitCode, judge, write_whole
from optimizer.parsing import parse_file
from optimizer.reading import MOST_ERRORS, Findings
from tests.factories.optimizer_problems import a_problem, an_agent, an_engagement

Path = tuple[str | int, ...]


def _rich_document() -> dict[str, Any]:
    """Return a problem with something in every part of the format."""
    shape = Shape(agents=3, engagements=5, intervals=3, load=0.7, forecast=0.3, classes=1, rich=True)
    document = generate(shape, seed=1, policy=Policy(time_limit_s=20.0)).to_json()
    work, agent = document["engagements"][0], document["agents"][0]["id"]
    document["agents"][0]["skills"] |= {need["skill"]: 5 for need in work["requires"]}
    work["minutes"] = 10.0
    document["pins"] = [{"engagement": work["id"], "agent": agent, "start": work["earliest"], "reason": "asked"}]
    document["previous"] = [{"engagement": document["engagements"][1]["id"], "agent": agent, "start": 1}]
    document["policy"]["weights"] |= {"balance": 1.0, "cost": 1.0}
    document["policy"]["ladder"] = [{"step": "later", "price": 1.0}, {"step": "overtime", "price": 2.0}]
    document["agents"][1] |= {"overtime": [10.0] * 3, "limits": {"contacts": {"email": 1}}, "shifts": [[0, 3]]}
    return document


def _places(value: object, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, member in members:
        yield from _places(member, (*path, step))


RICH = _rich_document()
NUMBERS = [0, -1, 1, 2, 5, 0.5, 1e-9, 1e6, 1e9, -1e9, 1e12, 10**400, float("nan"), float("inf"), 999_999_999]
TEXTS = ["", " ", "x", "\ud800", "\0", "a00001", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-23"]
CONTAINERS: list[Any] = [[], {}, [[]], [None], {"": 1}, {"a00000": 1}]
NASTY = st.sampled_from([None, True, *NUMBERS, *TEXTS, *CONTAINERS])


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@example([(("intervals",), 999_999_999)])
@given(st.lists(st.tuples(st.sampled_from(list(_places(RICH))), NASTY), min_size=1, max_size=3))
def test_a_problem_with_something_strange_is_refused_or_solved(changes):
    document = copy.deepcopy(RICH)
    for path, value in changes:
        place: Any = document
        for step in path[:-1]:
            place = place[step] if isinstance(place, dict | list) and _has(place, step) else {}
        if isinstance(place, dict) or (isinstance(place, list) and _has(place, path[-1])):
            place[path[-1]] = copy.deepcopy(value)

    problem = _read_or_refuse(document)

    if problem is not None:
        plan = solve(problem)
        assert verify(problem, plan) == ()
        assert plan.status is not Status.SOLVER_ERROR
        assert json.loads(json.dumps(plan.to_json(), allow_nan=False)) == plan.to_json()


def test_the_problem_to_spoil_is_sound():
    assert solve(Problem.from_json(RICH)).assignments


def _read_or_refuse(document: dict[str, Any]) -> Problem | None:
    try:
        return Problem.from_json(document)
    except ProblemError as refused:
        if not all(where.startswith("$") and what for where, what in refused.errors):
            raise
        return None


def _has(place: dict[Any, Any] | list[Any], step: str | int) -> bool:
    return step in place if isinstance(place, dict) else isinstance(step, int) and step < len(place)


def test_reading_ends_after_so_many_errors():
    """Otherwise a file of ten megabytes of something else makes gigabytes of complaints."""
    findings = Findings()
    for index in range(MOST_ERRORS - 1):
        findings.at("agents", index).add("is wrong")

    with pytest.raises(ProblemError) as refused:
        findings.at("pins").add("are wrong")

    assert len(refused.value.errors) == MOST_ERRORS + 1
    assert refused.value.errors[MOST_ERRORS - 1] == ("$.pins", "are wrong")
    assert refused.value.errors[-1][1].startswith("there may be more errors")


def test_a_field_that_stands_twice_is_named_where_it_stands(tmp_path):
    file = tmp_path / "problem.json"
    file.write_text('{"agents": [{}, {"id": "a", "skills": {"x": 1, "y": 2, "x": 3}}]}', encoding="utf-8")

    with pytest.raises(ProblemError) as refused:
        parse_file(file)

    assert refused.value.errors == (("$.agents[1].skills", "has the field 'x' twice"),)


def test_a_field_that_stands_twice_far_down_is_found(tmp_path):
    """The search for its place must not be nested as deeply as the file."""
    file = tmp_path / "problem.json"
    file.write_text("[" * 900 + '{"x": 1, "x": 1}' + "]" * 900, encoding="utf-8")

    with pytest.raises(ProblemError, match="'x' twice"):
        parse_file(file)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_text("old", encoding="utf-8")

    with pytest.raises(UnicodeEncodeError):
        write_whole(plan, "new\ud800")

    assert plan.read_text(encoding="utf-8") == "old"
    write_whole(plan, "new")
    assert plan.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [plan]


def test_a_link_stays_a_link(tmp_path):
    link = tmp_path / "latest.json"
    link.symlink_to(tmp_path / "plan.json")

    write_whole(link, "new")

    assert link.is_symlink()
    assert (tmp_path / "plan.json").read_text(encoding="utf-8") == "new"


def test_a_plan_that_breaks_a_rule_is_not_passed_on():
    problem = a_problem([an_agent()], [an_engagement()])
    plan = solve(problem)
    broken = plan.with_changes(assignments=(*plan.assignments, *plan.assignments))

    answer = judge(problem, broken)

    assert answer.exit_code is ExitCode.SOLVER_ERROR
    assert "once: e1 is listed 2 times." in answer.errors
    assert answer.plan is not None
    assert not answer.plan.has_plan
    assert "breaks a rule" in answer.plan.message
    assert judge(problem, plan).exit_code is ExitCode.PLAN
