"""Problem and plan files: exit codes, refusals, and schemas that say what the code does."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from optimizer import Plan, Policy, ProblemError, Status, solve, verify
from optimizer.benchmarks.generator import Shape, generate
from optimizer.files import ExitCode, assign_file, read_plan, read_problem
from optimizer.plan import Assignment, Cause, Fix, PolicyPrice
from optimizer.problem import Agent, Engagement, Forecast, Limits, Pin, Placement, Problem, Requirement
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, problems

DOCS = Path(__file__).resolve().parents[3] / "docs"
PROBLEM_SCHEMA = json.loads((DOCS / "problem.schema.json").read_text(encoding="utf-8"))
PLAN_SCHEMA = json.loads((DOCS / "plan.schema.json").read_text(encoding="utf-8"))
VALID_PROBLEM = jsonschema.Draft202012Validator(PROBLEM_SCHEMA)
VALID_PLAN = jsonschema.Draft202012Validator(PLAN_SCHEMA)


def _write(tmp_path: Path, content: object) -> Path:
    file = tmp_path / "problem.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return file


def test_exit_codes_are_those_of_the_documentation():
    codes = {code.name: int(code) for code in ExitCode}

    assert codes == {"PLAN": 0, "REFUSED": 2, "NO_PLAN": 3, "SOLVER_ERROR": 4}


def test_a_plan_is_written_and_read_back(tmp_path):
    problem = a_problem([an_agent()], [an_engagement()], policy=EXACT)
    out = tmp_path / "plan.json"

    answer = assign_file(_write(tmp_path, problem.to_json()), out)

    assert answer.exit_code is ExitCode.PLAN
    assert read_plan(out) == answer.plan
    assert verify(problem, read_plan(out)) == ()


def test_seed_and_time_limit_can_be_set_from_outside(tmp_path):
    file = _write(tmp_path, a_problem([an_agent()], [an_engagement()]).to_json())

    answer = assign_file(file, seed=7, time_limit_s=5)

    assert answer.plan is not None
    assert answer.plan.seed == 7


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"version": 1, "version": 1}', "'version' twice"),
        ("[]", "must be an object"),
        ({"version": 1}, "is required"),
    ],
)
def test_bad_input_is_refused(tmp_path, content, words):
    out = tmp_path / "plan.json"

    answer = assign_file(_write(tmp_path, content), out)

    assert answer.exit_code is ExitCode.REFUSED
    assert words in "\n".join(answer.errors)
    assert not out.exists()


def test_a_missing_file_and_one_that_is_no_text_are_refused(tmp_path):
    latin = tmp_path / "latin.json"
    latin.write_bytes('{"ä": 1}'.encode("latin-1"))

    assert "can not be read" in assign_file(tmp_path / "none.json").errors[0]
    assert "not UTF-8" in assign_file(latin).errors[0]


def test_a_byte_order_mark_does_no_harm(tmp_path):
    file = tmp_path / "problem.json"
    file.write_text(json.dumps(a_problem([], []).to_json()), encoding="utf-8-sig")

    assert read_problem(file).agents == ()


def test_what_cannot_fit_into_the_memory_is_refused_before_it_is_parsed(tmp_path):
    file = tmp_path / "large.json"
    with file.open("wb") as large:
        large.truncate(200_000_000)

    with pytest.raises(ProblemError, match="needs about"):
        read_problem(file, memory_mb=1024)


def test_an_infeasible_problem_has_its_own_exit_code_and_says_why(tmp_path):
    problem = a_problem([], [an_engagement(must_assign=True)])
    out = tmp_path / "plan.json"

    answer = assign_file(_write(tmp_path, problem.to_json()), out)

    assert answer.exit_code is ExitCode.NO_PLAN
    assert answer.errors == ("$.engagements[0].must_assign: e1 must be assigned",)
    assert read_plan(out).status is Status.INFEASIBLE


def test_a_failing_solver_has_its_own_exit_code(tmp_path):
    problem = generate(Shape(agents=20, engagements=200), seed=1, policy=Policy(time_limit_s=20.0, gap=0.0))

    def kill_the_child(_progress):
        lists = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        for pid in {int(pid) for each in lists for pid in each.read_text(encoding="utf-8").split()}:
            os.kill(pid, signal.SIGKILL)

    answer = assign_file(_write(tmp_path, problem.to_json()), on_progress=kill_the_child)

    assert answer.exit_code is ExitCode.SOLVER_ERROR
    assert answer.errors[0]


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
@given(problems())
def test_the_schemas_accept_what_the_code_writes(problem):
    VALID_PROBLEM.validate(problem.to_json())
    VALID_PLAN.validate(json.loads(json.dumps(solve(problem).to_json(), allow_nan=False)))


def _names(kind: type) -> set[str]:
    return {each.name.rstrip("_") for each in fields(kind)}


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        (Agent, "agent"),
        (Engagement, "engagement"),
        (Forecast, "forecast"),
        (Limits, "limits"),
        (Pin, "pin"),
        (Placement, "placement"),
        (Policy, "policy"),
        (Requirement, "requirement"),
    ],
)
def test_the_problem_schema_has_every_field(kind, place):
    assert set(PROBLEM_SCHEMA["$defs"][place]["properties"]) == _names(kind)
    assert PROBLEM_SCHEMA["$defs"][place]["additionalProperties"] is False


def test_the_schemas_have_every_field_of_the_whole_files():
    assert set(PROBLEM_SCHEMA["properties"]) == _names(Problem)
    assert set(PLAN_SCHEMA["properties"]) == _names(Plan)
    assert set(PLAN_SCHEMA["$defs"]["assignment"]["properties"]) == _names(Assignment)
    unassigned = PLAN_SCHEMA["$defs"]["unassigned"]["properties"]
    assert set(unassigned["cause"]["properties"]) == _names(Cause)
    assert unassigned["fix"] == {"$ref": "#/$defs/fix"}
    assert set(PLAN_SCHEMA["$defs"]["fix"]["properties"]) == _names(Fix)
    policy = PLAN_SCHEMA["properties"]["prices"]["properties"]["policy"]
    assert set(policy["items"]["properties"]) == _names(PolicyPrice)
