"""
Operations one after another, as the links of the document lead: what one answers, the next is asked for.

What is made a step before must be there, what is removed must be gone, and what was read with an entity tag can be
changed with it. In small each role goes only through what it may do; ``MAINSTAY_API_SEQUENCES`` says how many sequences
each role goes through in full, and then through every operation.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import re
from collections import Counter

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.core import NOT_SET
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.generation.stateful import run_state_machine_as_test

from tests.integration.api.generated import GENERATED_CHECKS, build_world, with_known
from webapp.models import Role
from webapp.services.access import PERMISSIONS
from webapp.web.guard import declared_permission
from webapp.web.request import get_session

SEQUENCES = int(os.environ.get("MAINSTAY_API_SEQUENCES", "0"))
AT_ONCE = 6
"""Sequences that are generated together: what one changed makes the library mistrust many in a row."""

LEAST_LINKS = {"agent": 3, "lead": 6, "scheduler": 10, "hr": 10, "admin": 10}
"""So many different links each role has to follow to an answer of success, or the sequences show little."""

_SETTINGS = hypothesis.settings(
    max_examples=AT_ONCE,
    stateful_step_count=30,
    deadline=None,
    database=None,
    derandomize=False,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def schema(app):
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    # Only what the document itself says leads on; the library would guess more.
    schema.config.phases.stateful.inference.algorithms.clear()
    schema.config.generation.update(modes=[GenerationMode.POSITIVE])
    return schema


@pytest.fixture
def usable(app):
    """Return a function that leaves of a document what a role may do."""

    def _usable(schema, role):
        held = PERMISSIONS[Role(role)]
        found = {
            (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
            for rule in app.url_map.iter_rules()
            if declared_permission(app, rule.endpoint) in held
            for method in rule.methods or ()
        }
        return schema.include(lambda context: (context.operation.path, context.operation.method) in found)

    return _usable


class _There:
    """What was made and what was removed, by its address: the next answers have to say so."""

    def __init__(self):
        self.made, self.gone = set(), set()

    def hold(self, path, response):
        status, found = response.status_code, response.headers.get("location", ())
        assert path not in self.gone or status >= 400, f"{path} was removed and answers {status}"
        assert path not in self.made or status != 404, f"{path} was made and is not found"
        if status == 201:
            # SQLite gives the key of a row that was removed to the next one.
            self.made.update(found)
            self.gone.difference_update(found)
        if status == 204:
            self.made.discard(path)
            self.gone.add(path)


class _Log:
    """What came of sequences: how often each link was followed to an answer of success, and what was wrong."""

    def __init__(self):
        self.followed: Counter[str] = Counter()
        self.wrong: list[str] = []


def _machine(schema, headers, known, log):
    """Return sequences as a class that the library goes through, each step held against the document."""
    turn, there = itertools.count(), _There()

    class Sequence(schema.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case):
            return {"headers": headers}

        def before_call(self, case):
            # One in four asks for what is made up, with every filter.
            if next(turn) % 4 == 0:
                return
            if case.body is not NOT_SET:
                case.body = with_known(case.body, known)
            if self.recorder.cases[case.id].transition is None:
                case.path_parameters, case.query = with_known(case.path_parameters, known), {}

        def after_call(self, response, case):
            super().after_call(response, case)
            step = self.recorder.cases[case.id]
            if step.transition is not None and step.is_transition_applied and response.status_code < 300:
                log.followed[step.transition.id] += 1

        def validate_response(self, response, case, additional_checks=None, **options):
            try:
                case.validate_response(
                    response, checks=GENERATED_CHECKS, transport_kwargs=options or None, recorder=self.recorder
                )
                there.hold(case.formatted_path, response)
            except (AssertionError, FailureGroup) as error:
                # Written down rather than raised: it would not come again in the state that it left behind.
                log.wrong.append(f"{case.method} {case.formatted_path} {case.body!r}: {error!r}")

    return Sequence


def _go(schema, headers, known, *, many):
    """Go through sequences, a few at a time, until something is wrong or there were many."""
    log = _Log()
    machine = _machine(schema, headers, known, log)
    for number in range(0, many, AT_ONCE):
        # A new state needs new sequences, and a failure the same ones again.
        with contextlib.suppress(FlakyStrategyDefinition):
            run_state_machine_as_test(hypothesis.seed(number)(machine), settings=_SETTINGS)
        if log.wrong:
            break
    return log


@pytest.mark.parametrize("role", LEAST_LINKS)
def test_what_one_operation_answers_the_next_one_takes(make, make_token, schema, usable, role):
    people, known = build_world(make)
    headers = {"Authorization": f"Bearer {make_token(people[role])[1]}"}
    make.commit()

    log = _go(schema if SEQUENCES else usable(schema, role), headers, known, many=SEQUENCES or AT_ONCE)

    assert log.wrong == []
    assert len(log.followed) >= LEAST_LINKS[role], log.followed


@pytest.mark.parametrize(
    "broken", [("scheduler", "absences.remove_absence", "was removed"), ("hr", "skills.create_skill", "is not found")]
)
def test_a_step_that_is_not_as_the_one_before_it_is_found(app, make, make_token, schema, broken):
    """The harness itself: an absence that was removed is still read, or a skill that was just made is not."""
    role, operation, words = broken
    people, known = build_world(make)
    headers = {"Authorization": f"Bearer {make_token(people[role])[1]}"}
    make.commit()
    view = app.view_functions[f"api_{operation}"]

    def _forget(*args, **options):
        answer = view(*args, **options)
        get_session().rollback()
        return answer

    app.view_functions[f"api_{operation}"] = functools.wraps(view)(_forget)

    paths = schema.include(path_regex=f"^/api/v1/{operation.partition('.')[0]}")
    log = _go(paths, headers, known, many=30 * AT_ONCE)

    assert any(words in each for each in log.wrong)
