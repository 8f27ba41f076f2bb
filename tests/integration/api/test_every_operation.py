"""
Every operation as every role, with generated requests: what the document says is what happens, and nothing breaks.

Half of the requests are as the document wants them, with keys of rows that exist put in for made-up ones so that they
get past "not found"; the other half break the document on purpose and must be refused. ``MAINSTAY_API_EXAMPLES`` says
how many of each are sent to each operation as each role.
"""

from __future__ import annotations

import functools
import os

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, strategies
from schemathesis.core import NOT_SET
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode

from tests.integration.api.generated import GENERATED_CHECKS, ROLES, build_world, with_known

EXAMPLES = int(os.environ.get("MAINSTAY_API_EXAMPLES", "2"))
_SETTINGS = hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="MAINSTAY_API_EXAMPLES" not in os.environ,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def world(make):
    """Build a row of each kind."""
    return build_world(make)


@pytest.fixture
def schema(app):
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)


def _send(case, headers):
    return case.call_and_validate(headers=headers, checks=GENERATED_CHECKS)


def _tag(app, case, headers):
    """Return the entity tag of what a request is about, as a program reads it before it changes something."""
    read = app.test_client(use_cookies=False).get(case.formatted_path, headers=headers)
    return read.headers.get("ETag", '"unknown"')


def _walk(app, schema, headers, known):
    """Send requests that fit the document to every operation, and check each answer against it."""
    for found in schema.get_all_operations():
        strategy = found.ok().as_strategy(generation_mode=GenerationMode.POSITIVE)

        @_SETTINGS
        @hypothesis.given(strategy, strategies.booleans())
        def check(case, existing):
            sent = dict(headers)
            if existing:
                case.path_parameters = with_known(case.path_parameters, known)
                if case.body is not NOT_SET:
                    case.body = with_known(case.body, known)
                if case.method in {"PATCH", "DELETE"}:
                    sent["If-Match"] = _tag(app, case, headers)
            _send(case, sent)

        check()


@pytest.mark.parametrize("role", ROLES)
def test_requests_that_fit_the_document_are_answered_as_it_says(app, make, make_token, schema, world, role):
    people, known = world
    headers = {"Authorization": f"Bearer {make_token(people[role])[1]}"} if role in people else {}
    make.commit()

    _walk(app, schema, headers, known)


@pytest.mark.parametrize(
    "answer", [({"items": "none", "next": None}, 200), ({"items": []}, 200), ({}, 299), ("broken", 500)]
)
def test_an_answer_that_is_not_as_the_document_says_is_found(app, make, make_token, schema, world, answer):
    """The harness itself: one operation answers otherwise than it is documented."""
    people, known = world
    headers = {"Authorization": f"Bearer {make_token(people['hr'])[1]}"}
    make.commit()
    operation = app.view_functions["api_sites.list_sites"]
    spoilt = functools.wraps(operation)(lambda *_args, **_kwargs: answer)
    app.view_functions["api_sites.list_sites"] = spoilt

    with pytest.raises((FailureGroup, Failure)):
        _walk(app, schema.include(path="/api/v1/sites"), headers, known)


@pytest.mark.parametrize("role", ["scheduler", "hr"])
def test_requests_that_break_the_document_are_refused(app, make, make_token, schema, world, role):
    people, _ = world
    headers = {"Authorization": f"Bearer {make_token(people[role])[1]}"}
    make.commit()

    for found in schema.get_all_operations():
        operation = found.ok()
        strategy = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

        @_SETTINGS
        @hypothesis.given(strategy)
        def check(case):
            _send(case, headers)

        try:
            check()
        except hypothesis.errors.Unsatisfiable:
            # Nothing of an operation without parameters and body can be broken.
            continue
