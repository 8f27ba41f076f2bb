"""``mainstay assign`` answers every bad problem with an exit code and a sentence, and never with a crash."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from optimizer.files import read_plan
from optimizer.plan import Status
from optimizer.reading import MOST_ERRORS
from webapp.cli.assigning import assign

REFUSED, NO_PLAN, PLAN = 2, 3, 0
Change = Callable[[dict[str, Any]], object]


def _document() -> dict[str, Any]:
    """Return a sound problem: one agent, one engagement, two intervals."""
    requires = [{"skill": "billing", "level": 3}]
    times = {"earliest": 0, "due": 0, "latest": 1}
    engagement = {
        "id": "e1",
        "minutes": 10,
        "channel": "email",
        "priority": 1,
        "value": 10,
        "requires": requires,
        **times,
    }
    return {
        "version": 1,
        "start": "2026-11-23T08:00:00+00:00",
        "interval_minutes": 30,
        "intervals": 2,
        "agents": [{"id": "a1", "skills": {"billing": 3}, "capacity": [30, 30]}],
        "engagements": [engagement],
        "policy": {"time_limit_s": 20},
    }


def _text(change: Change | None = None) -> str:
    document = _document()
    if change is not None:
        change(document)
    return json.dumps(document)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder for the problem and its plan."""
    return tmp_path


@pytest.fixture
def answer(folder: Path) -> Callable[..., Result]:
    """Return a function that writes a problem, runs ``mainstay assign`` on it and returns what came of it."""

    def run(text: str, *options: str) -> Result:
        (folder / "problem.json").write_text(text, encoding="utf-8")
        words = [str(folder / "problem.json"), "-o", str(folder / "plan.json"), *options]
        result = CliRunner().invoke(assign, words)
        assert isinstance(result.exception, SystemExit | None), result.exception
        return result

    return run


def _first(document: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Change the engagement of a document and return it."""
    engagement: dict[str, Any] = document["engagements"][0]
    engagement.update(fields)
    return engagement


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: _first(d, latest=7), "$.engagements[0].latest: is outside the horizon"),
        (lambda d: _first(d, earliest=-1), "$.engagements[0].earliest: must not be negative"),
        (lambda d: _first(d, earliest=1, latest=0), "$.engagements[0].latest: is before earliest"),
        (lambda d: _first(d, minutes=0), "$.engagements[0].minutes: must be above 0"),
        (lambda d: _first(d, value=1e12), "$.engagements[0].value: must be between"),
        (lambda d: _first(d, values={"a1": -1e12}), "$.engagements[0].values.a1: must be between"),
        (lambda d: d["policy"].update(weights={"service": 1e12}), "$.policy.weights.service: must be between"),
        (lambda d: d["policy"].update(weights={"charm": 1}), "$.policy.weights.charm: is not a weighted term"),
        (lambda d: d["policy"].update(time_limit_s=0), "$.policy.time_limit_s: must be above 0"),
        (lambda d: _first(d, value=float("nan")), "$.engagements[0].value: must be a finite number"),
        (lambda d: _first(d, value=float("inf")), "$.engagements[0].value: must be a finite number"),
        (lambda d: _first(d, value=10**400), "$.engagements[0].value: must be a finite number"),
        (lambda d: _first(d, value=True), "$.engagements[0].value: must be a number, not a boolean"),
        (lambda d: _first(d, value="10"), "$.engagements[0].value: must be a number, not a text"),
        (lambda d: _first(d, must_assign=1), "$.engagements[0].must_assign: must be true or false"),
        (lambda d: _first(d, priority=1.5), "$.engagements[0].priority: must be a whole number"),
        (lambda d: _first(d, id=7), "$.engagements[0].id: must be a text, not a number"),
        (lambda d: _first(d, id=""), "$.engagements[0].id: must not be empty"),
        (lambda d: _first(d, requires={}), "$.engagements[0].requires: must be a list, not an object"),
        (lambda d: _first(d, colour="red"), "$.engagements[0].colour: is not a field"),
        (lambda d: _first(d, known_agents=["a9"]), "$.engagements[0].known_agents[0]: names the unknown agent 'a9'"),
        (lambda d: _first(d, values={"tier-2": 1}), "$.engagements[0].values['tier-2']: names the unknown agent"),
        (lambda d: d.update(agents=d["agents"] * 2), "$.agents[1].id: 'a1' stands already at index 0"),
        (lambda d: d.update(engagements=d["engagements"] * 2), "$.engagements[1].id: 'e1' stands already"),
        (lambda d: d.update(engagements=None), "$.engagements: must be a list, not null"),
        (lambda d: d["agents"][0].update(capacity=[30]), "$.agents[0].capacity: must have 2 numbers"),
        (lambda d: d.update(intervals=10**9), "$.agents[0].capacity: must have 1000000000 numbers"),
        (lambda d: d.update(intervals=10**9, agents=[], engagements=[]), "$.intervals: must be between 1 and 100000"),
        (lambda d: d.update(start="2026-11-23T08:00:00"), "$.start: must carry an offset"),
        (lambda d: d.update(version=2), "$.version: must be 1"),
        (lambda d: d.update(pins=[{"engagement": "e9", "agent": "a1"}]), "$.pins[0].engagement: names the unknown"),
        (lambda d: d.update(pins=[{"engagement": "e1", "agent": "a1", "start": 5}]), "$.pins[0].start: is outside"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(answer, folder, change, message):
    result = answer(_text(change))

    assert result.exit_code == REFUSED
    assert message in result.stderr
    assert not (folder / "plan.json").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "$: not JSON"),
        ("null", "$: must be an object, not null"),
        ("\0\0", "$: not JSON"),
        ("[" * 200_000, "$: the file is nested too deeply"),
        (
            _text(lambda d: _first(d, value=0)).replace('"value": 0', f'"value": {"1" * 5000}'),
            "$: a number has too many",
        ),
        (_text().replace('"value": 10', '"value": 10, "value": 20'), "$.engagements[0]: has the field 'value' twice"),
        (
            _text(lambda d: d.update(agents=[{}] * 500)),
            f"$: there may be more errors; these are the first {MOST_ERRORS}",
        ),
    ],
    ids=["empty", "null", "zero bytes", "deep", "digits", "repeated", "hopeless"],
)
def test_a_file_that_is_no_problem_at_all_is_refused(answer, text, message):
    result = answer(text)

    assert result.exit_code == REFUSED
    assert message in result.stderr
    assert len(result.stderr.splitlines()) <= MOST_ERRORS + 1


def test_a_million_engagements_are_refused_before_they_are_parsed(answer, folder):
    engagement = json.dumps(_document()["engagements"][0])

    result = answer(
        _text(lambda d: d.update(engagements=[])).replace("[]", f"[{', '.join([engagement] * 10**6)}]"),
        "--memory-mb",
        "1024",
    )

    assert result.exit_code == REFUSED
    assert "MB of memory; the limit is 1024 MB" in result.stderr


def test_a_small_file_of_many_values_is_refused_before_it_is_parsed(answer):
    """Each empty list takes three bytes of the file and thirty times as much once it is parsed."""
    result = answer("[" + "[]," * 5_000_000 + "[]]", "--memory-mb", "512")

    assert result.exit_code == REFUSED
    assert "MB of memory; the limit is 512 MB" in result.stderr


@pytest.mark.parametrize("option", [("--seconds", "nan"), ("--seconds", "inf"), ("--seconds", "0"), ("--seed", "-1")])
def test_options_are_held_to_the_rules_of_the_file(answer, option):
    result = answer(_text(), *option)

    assert result.exit_code == REFUSED
    assert f"$.policy.{'seed' if option[0] == '--seed' else 'time_limit_s'}: must be" in result.stderr


def test_contradictory_pins_are_named_and_nothing_else(answer, folder):
    pins = [{"engagement": "e1", "agent": "a1", "start": start} for start in (0, 1)]

    result = answer(_text(lambda d: d.update(pins=pins)))

    assert result.exit_code == NO_PLAN
    assert result.stderr.splitlines() == [
        "$.pins[0]: e1 is pinned to a1 at interval 0",
        "$.pins[1]: e1 is pinned to a1 at interval 1",
    ]
    assert read_plan(folder / "plan.json").status is Status.INFEASIBLE


@pytest.mark.parametrize(
    ("change", "served"),
    [
        (lambda d: d["agents"][0].update(capacity=[0, 0]), 0),
        (lambda d: d.update(agents=[]), 0),
        (lambda d: d.update(engagements=[]), 0),
        (lambda d: (_first(d, value=1e9, priority=5), d["policy"].update(weights={"service": 1e6})), 1),
        (lambda d: (_first(d, id="\ud800\0é日本\n"), d["agents"][0].update(id="🙂")), 1),
        (lambda d: (d.update(start="9999-12-31T23:00:00-14:00"), d["policy"].update(lapse_within_days=999_999_999)), 1),
    ],
    ids=["zero capacity", "empty roster", "no engagements", "largest values", "strange ids", "end of time"],
)
def test_a_strange_problem_that_is_sound_gets_a_proven_plan(answer, folder, change, served):
    result = answer(_text(change))

    assert result.exit_code == PLAN, result.output
    plan = read_plan(folder / "plan.json")
    assert plan.status is Status.OPTIMAL
    assert len(plan.assignments) == served


def test_names_that_differ_in_a_sign_alone_stay_apart(answer, folder):
    """Modelling layers rewrite such signs, so that two rows or columns would become one."""

    def double(document: dict[str, Any]) -> None:
        agent, work = document["agents"][0], document["engagements"][0]
        names = ("tier-2", "tier_2", "tier 2")
        document["agents"] = [{**agent, "id": name, "skills": {name: 3}, "capacity": [10, 0]} for name in names]
        document["engagements"] = [
            {**work, "id": name, "channel": name, "requires": [{"skill": name, "level": 3}]} for name in names
        ]

    result = answer(_text(double))

    assert result.exit_code == PLAN
    chosen = {each.engagement: each.agent for each in read_plan(folder / "plan.json").assignments}
    assert chosen == {"tier-2": "tier-2", "tier_2": "tier_2", "tier 2": "tier 2"}


def test_running_out_of_time_is_never_called_infeasible(answer, folder):
    result = answer(_text(lambda d: _first(d, must_assign=True)), "--seconds", "0.000001")

    # A quick machine finds a first plan, or proves it best, before anybody looks at the clock.
    plan = read_plan(folder / "plan.json")
    expected = {Status.TIME_LIMIT_NO_PLAN: NO_PLAN, Status.FEASIBLE: 0, Status.OPTIMAL: 0}
    assert result.exit_code == expected[plan.status]


def test_a_plan_that_can_not_be_written_is_an_error_of_its_own(folder):
    problem, out = folder / "problem.json", folder / ("x" * 300)
    problem.write_text(_text(), encoding="utf-8")

    result = CliRunner().invoke(assign, [str(problem), "-o", str(out)])

    assert result.exit_code == 4
    assert "the plan can not be written" in result.stderr
    assert [each.name for each in folder.iterdir()] == ["problem.json"]


def test_problem_and_plan_may_be_pipes(folder):
    source, sink = folder / "source", folder / "sink"
    os.mkfifo(source)
    os.mkfifo(sink)
    read: list[str] = []
    threads = [
        threading.Thread(target=lambda: source.write_text(_text(), encoding="utf-8")),
        threading.Thread(target=lambda: read.append(sink.read_text(encoding="utf-8"))),
    ]
    for thread in threads:
        thread.start()

    result = CliRunner().invoke(assign, [str(source), "-o", str(sink)])

    for thread in threads:
        thread.join(timeout=30)
    assert result.exit_code == PLAN
    assert json.loads(read[0])["status"] == "optimal"
    assert sink.is_fifo()
