"""The same input and seed give the same plan, in this process and in any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer import Plan, Policy, solve
from optimizer.benchmarks.generator import Shape, generate
from tests.factories.optimizer_problems import problems

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import json, sys
from optimizer import Problem, solve
print(json.dumps(solve(Problem.from_json(json.load(sys.stdin))).to_json()))
"""


def _without_the_run(plan: Plan) -> Plan:
    """Return the plan without what says how long the run took and how much memory."""
    return plan.with_changes(seconds=0.0, peak_mb=0.0)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(problems())
def test_solving_twice_gives_one_plan(problem):
    assert _without_the_run(solve(problem)) == _without_the_run(solve(problem))


def _solve_elsewhere(document: str, hash_seed: str) -> Plan:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=document,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return Plan.from_json(json.loads(ended.stdout))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_of_sets_and_the_clock_have_no_say(seed):
    """Each process hashes texts in its own way; iterations end both runs, not the clock."""
    shape = Shape(agents=6, engagements=36, intervals=6, load=0.6, forecast=0.3, rich=True)
    policy = Policy(time_limit_s=600.0, gap=0.0, iterations=5, seed=seed)
    document = json.dumps(generate(shape, seed, policy).to_json())

    first, second = (_solve_elsewhere(document, hash_seed) for hash_seed in ("1", "2"))

    assert first.stopped_by in ("gap", "iterations")
    assert _without_the_run(first) == _without_the_run(second)
