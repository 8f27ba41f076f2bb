"""``mainstay bench assign``: what a person and a script read, and what wrong options are answered with."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from webapp.cli.bench import bench

SMALL = ("assign", "--size", "3x8", "--intervals", "4", "--seeds", "2", "--seconds", "60", "--gap", "0.001")


def run(*words):
    """Return exit code, output and errors of the command."""
    answer = CliRunner().invoke(bench, list(words))
    return answer.exit_code, answer.stdout, answer.stderr


def test_a_person_reads_each_problem_and_the_medians():
    code, out, err = run(*SMALL, "--against", "highs")

    assert (code, err) == (0, "")
    assert "3x8, seed 1001: 3 agents, 8 engagements, 4 intervals" in out
    assert "3x8, seed 1002" in out
    assert "Medians" in out
    assert "2 of 2" in out
    assert "Ours against highs: better" in out


def test_a_script_reads_seeds_versions_and_all_figures():
    code, out, _ = run(*SMALL, "--json")

    told = json.loads(out)
    assert code == 0
    assert [problem["seed"] for problem in told["problems"]] == [1001, 1002]
    assert told["options"]["size"] == "3x8"
    assert told["versions"]["highspy"]
    assert told["problems"][0]["runs"][0]["violations"] == []
    assert told["summary"]["medians"][0]["plans"] == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--size", "5y5"), "--size: '5y5' is no size such as 200x2000"),
        (("--size", "x"), "--size"),
        (("--seeds", "0"), "--seeds"),
        (("--seconds", "0"), "--seconds"),
        (("--against", "gurobi"), "--against: 'gurobi' is none of highs, cbc, cpsat"),
        (("--eligible", "0.9"), "--eligible: the share of eligible pairs must be above 0 and at most 0.637"),
        (("--instances", "holes"), "--instances: 'holes' is none of random"),
        (("--instances", "gap:nowhere.txt"), "--instances: gap:nowhere.txt"),
    ],
)
def test_a_wrong_option_is_named_with_what_would_be_right(words, told):
    code, out, err = run("assign", *words)

    assert (code, out) == (2, "")
    assert told in " ".join(err.split())
