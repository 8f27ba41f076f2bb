"""A problem file is read whole or refused with the path of every error."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from optimizer import Policy, Problem, ProblemError
from optimizer.policy import DEFAULT_WEIGHTS, PRESETS, WEIGHTED_TERMS
from tests.factories.optimizer_problems import a_problem, an_agent, an_engagement, problems

DOCUMENT: dict[str, Any] = {
    "version": 1,
    "start": "2026-11-23T07:00:00+01:00",
    "interval_minutes": 30,
    "intervals": 4,
    "max_carry": 15,
    "agents": [
        {
            "id": "a1",
            "skills": {"billing": 4, "spanish": 3},
            "capacity": [25.5, 25.5, 0, 25.5],
            "concurrency": {"chat": 3},
            "cost_per_minute": 0.5,
            "wants": ["billing"],
            "max_stretch_minutes": 60,
            "mentor_for": ["billing"],
        }
    ],
    "engagements": [
        {
            "id": "e1",
            "minutes": 12.5,
            "channel": "email",
            "earliest": 0,
            "due": 2,
            "latest": 3,
            "priority": 3,
            "value": 10.0,
            "requires": [{"skill": "billing", "level": 3, "weight": 1.0, "preferred": False}],
            "customer": "c9",
            "known_agents": ["a1"],
            "excluded_agents": [],
            "values": {"a1": 7.25},
            "minutes_by_agent": {"a1": 11.0},
        }
    ],
    "forecast": [
        {"class": "voice", "channel": "voice", "requires": [], "minutes": [90, 120, 80, 60], "value_per_minute": 1.0}
    ],
    "pins": [{"engagement": "e1", "agent": "a1", "start": 3}],
    "previous": [{"engagement": "e1", "agent": "a1", "start": 3}],
    "policy": {
        "name": "default",
        "weights": {"service": 1.0},
        "growth_epsilon": 0.005,
        "seed": 1,
        "gap": 0.001,
        "time_limit_s": 60,
        "threads": 1,
    },
}


def _changed(path, value):
    document = copy.deepcopy(DOCUMENT)
    *way, last = path
    place: Any = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


def test_the_documented_example_is_read():
    problem = Problem.from_json(DOCUMENT)

    assert problem.agents[0].capacity == (25.5, 25.5, 0.0, 25.5)
    assert problem.engagements[0].minutes_with("a1") == 11.0
    assert problem.policy.weights == {"service": 1.0}
    assert problem.policy.weight("match") == 0.0


def test_required_fields_are_enough():
    document = {"version": 1, "start": "2026-11-23T07:00:00Z", "interval_minutes": 15, "intervals": 1}

    problem = Problem.from_json(document)

    assert problem.agents == ()
    assert problem.policy.weights == DEFAULT_WEIGHTS


@pytest.mark.parametrize(
    ("path", "value", "where", "words"),
    [
        (("surprise",), 1, "$.surprise", "not a field"),
        (("agents", 0, "levels"), {}, "$.agents[0].levels", "not a field"),
        (("version",), 2, "$.version", "must be 1"),
        (("start",), "2026-11-23T07:00:00", "$.start", "offset"),
        (("start",), "tomorrow", "$.start", "offset"),
        (("interval_minutes",), 0, "$.interval_minutes", "above 0"),
        (("intervals",), 1.5, "$.intervals", "whole"),
        (("intervals",), True, "$.intervals", "boolean"),
        (("agents",), {}, "$.agents", "list"),
        (("agents", 0), [], "$.agents[0]", "object"),
        (("agents", 0, "capacity", 1), float("nan"), "$.agents[0].capacity[1]", "finite"),
        (("agents", 0, "capacity", 1), 10**400, "$.agents[0].capacity[1]", "finite"),
        (("agents", 0, "capacity", 1), float("inf"), "$.agents[0].capacity[1]", "finite"),
        (("agents", 0, "capacity", 1), -1, "$.agents[0].capacity[1]", "negative"),
        (("agents", 0, "capacity", 1), "25", "$.agents[0].capacity[1]", "a text"),
        (("agents", 0, "capacity"), [1, 2], "$.agents[0].capacity", "4 numbers"),
        (("agents", 0, "skills", "billing"), 6, "$.agents[0].skills.billing", "between 0 and 5"),
        (("agents", 0, "skills", "billing"), 3.5, "$.agents[0].skills.billing", "whole"),
        (("agents", 0, "skills", "a b"), -1, "$.agents[0].skills['a b']", "between 0 and 5"),
        (("agents", 0, "concurrency", "chat"), 0.5, "$.agents[0].concurrency.chat", "at least 1"),
        (("agents", 0, "lapses_on"), {"billing": "30.11."}, "$.agents[0].lapses_on.billing", "2026-11-30"),
        (("agents", 0, "limits"), {"contacts": {"chat": -1}}, "$.agents[0].limits.contacts.chat", "negative"),
        (("agents", 0, "shifts"), [[0, 2]], "$.agents[0].shifts", "leave out interval"),
        (("agents", 0, "shifts"), [[0, 9]], "$.agents[0].shifts", "after the horizon"),
        (("agents", 0, "shifts"), [[0]], "$.agents[0].shifts[0]", "pair"),
        (("engagements", 0, "latest"), -1, "$.engagements[0].latest", "window is empty"),
        (("engagements", 0, "latest"), 4, "$.engagements[0].latest", "outside the horizon"),
        (("engagements", 0, "minutes"), 0, "$.engagements[0].minutes", "above 0"),
        (("engagements", 0, "minutes"), 1e12, "$.engagements[0].minutes", "between"),
        (("engagements", 0, "priority"), 6, "$.engagements[0].priority", "between 1 and 5"),
        (("engagements", 0, "stance"), "angry", "$.engagements[0].stance", "reactive"),
        (("agents", 0, "authorities"), "refund", "$.agents[0].authorities", "a text"),
        (("agents", 0, "authorities"), [""], "$.agents[0].authorities[0]", "empty"),
        (("agents", 0, "growth_due_minutes"), -1, "$.agents[0].growth_due_minutes", "negative"),
        (("engagements", 0, "authority"), [1], "$.engagements[0].authority[0]", "a number"),
        (("engagements", 0, "owner"), "zoe", "$.engagements[0].owner", "unknown agent"),
        (("engagements", 0, "owner"), 1, "$.engagements[0].owner", "a number"),
        (("engagements", 0, "shadow"), 1, "$.engagements[0].shadow", "true or false"),
        (("forecast", 0, "authority"), {}, "$.forecast[0].authority", "list"),
        (("engagements", 0, "known_agents"), ["zoe"], "$.engagements[0].known_agents[0]", "unknown agent"),
        (("engagements", 0, "values"), {"zoe": 1}, "$.engagements[0].values.zoe", "unknown agent"),
        (("engagements", 0, "requires", 0, "level"), 6, "$.engagements[0].requires[0].level", "between 0 and 5"),
        (("forecast", 0, "minutes"), [1], "$.forecast[0].minutes", "4 numbers"),
        (("pins", 0, "agent"), "zoe", "$.pins[0].agent", "unknown agent"),
        (("pins", 0, "engagement"), "e9", "$.pins[0].engagement", "unknown engagement"),
        (("previous", 0, "start"), 4, "$.previous[0].start", "outside the horizon"),
        (("policy", "weights", "charm"), 1, "$.policy.weights.charm", "not a weighted term"),
        (("policy", "weights", "service"), 1e12, "$.policy.weights.service", "between"),
        (("policy", "gap"), 1, "$.policy.gap", "below 1"),
        (("policy", "time_limit_s"), 0, "$.policy.time_limit_s", "above 0"),
        (("policy", "ladder"), [{"step": "hope", "price": 1}], "$.policy.ladder[0].step", "must be one of"),
        (("frozen_before",), 5, "$.frozen_before", "between 0 and 4"),
    ],
)
def test_an_error_names_its_path(path, value, where, words):
    with pytest.raises(ProblemError) as refused:
        Problem.from_json(_changed(path, value))

    assert refused.value.path == where
    assert words in refused.value.message


def test_all_errors_are_listed_at_once():
    document = _changed(("agents", 0, "capacity"), [True, "x", 0, 1])
    del document["interval_minutes"]
    document["engagements"][0]["minutes"] = -1

    with pytest.raises(ProblemError) as refused:
        Problem.from_json(document)

    assert [path for path, _ in refused.value.errors] == [
        "$.interval_minutes",
        "$.agents[0].capacity[0]",
        "$.agents[0].capacity[1]",
        "$.engagements[0].minutes",
    ]


@pytest.mark.parametrize(("part", "name"), [("agents", "id"), ("engagements", "id"), ("forecast", "class")])
def test_duplicate_ids_are_refused(part, name):
    document = copy.deepcopy(DOCUMENT)
    document[part].append(copy.deepcopy(document[part][0]))

    with pytest.raises(ProblemError, match="stands already at index 0") as refused:
        Problem.from_json(document)

    assert refused.value.path == f"$.{part}[1].{name}"


def test_names_that_a_solver_would_confuse_are_different_skills():
    agent = an_agent(skills={"tier-2": 3, "tier_2": 1})

    problem = a_problem([agent], [an_engagement()])

    assert problem.agents[0].skills == {"tier-2": 3, "tier_2": 1}


def test_an_error_can_be_rebuilt_from_its_parts():
    error = ProblemError("$.a", "is wrong", ("$.b", "too"))

    assert copy.copy(error).errors == error.errors


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(problems())
def test_json_and_back_is_the_same_problem(problem):
    text = json.dumps(problem.to_json(), allow_nan=False)

    read = Problem.from_json(json.loads(text))

    assert read == problem
    assert read.digest() == problem.digest()


def test_the_digest_does_not_depend_on_how_a_number_is_written():
    whole = a_problem([an_agent()], [], policy=Policy(time_limit_s=6))
    fraction = a_problem([an_agent()], [], policy=Policy(time_limit_s=6.0))

    assert whole.digest() == fraction.digest()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_applies_by_name(name):
    policy = Problem.from_json(_changed(("policy",), {"name": name})).policy

    assert policy == Policy.preset(name)
    assert set(policy.weights) <= set(WEIGHTED_TERMS)
    assert PRESETS[name].words.endswith(".")


def test_given_weights_replace_those_of_the_preset():
    policy = Problem.from_json(_changed(("policy",), {"name": "calm-day", "weights": {"service": 2}})).policy

    assert policy.weights == {"service": 2.0}
    assert policy.growth_epsilon == PRESETS["calm-day"].growth_epsilon


@pytest.mark.parametrize(
    ("lists", "words"),
    [({"excluded_agents": ("a1",)}, "excluded agents"), ({"eligible_agents": ()}, "not among the eligible")],
)
def test_an_owner_whom_the_lists_refuse_is_an_error(lists, words):
    with pytest.raises(ProblemError, match=words) as refused:
        an_engagement(owner="a1", **lists)

    assert refused.value.path == "$.owner"


def test_fields_that_came_later_leave_the_digest_of_older_problems_as_it_was():
    """A saved plan names its problem by the digest; a new release must not make it the plan of another problem."""
    older = json.dumps(a_problem([an_agent()], [an_engagement()]).to_json())

    assert not any(name in older for name in ("authority", "authorities", "growth_due_minutes", "owner"))
