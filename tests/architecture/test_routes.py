"""Every route says who may use it."""

from __future__ import annotations

import pytest

from config import Config
from webapp import create_app
from webapp.models import Role
from webapp.services.access import PERMISSIONS, Permission
from webapp.web.guard import LIBRARY_ENDPOINTS, PUBLIC, declared_permission, declared_scope


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    path = tmp_path_factory.mktemp("routes") / "unused.db"
    return create_app(Config(environment="test", database_url=f"sqlite:///{path}", executor="none"), start_jobs=False)


def test_every_route_declares_its_permission(app):
    undeclared = sorted(
        {rule.endpoint for rule in app.url_map.iter_rules() if declared_permission(app, rule.endpoint) is None}
    )

    assert undeclared == []


def test_only_the_front_door_is_public(app):
    public = {
        rule.endpoint for rule in app.url_map.iter_rules() if declared_permission(app, rule.endpoint) == PUBLIC
    } - set(LIBRARY_ENDPOINTS)

    assert public == {
        "api_document.get_document",
        "calendar.feed",
        "home.healthz",
        "home.readyz",
        "hooks.receive",
        "hooks.verify",
        "metrics.index",
        "single_sign_on.back",
        "single_sign_on.begin",
    }


def test_every_operation_of_the_api_declares_the_scope_of_its_token(app):
    undeclared = sorted(
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        and declared_permission(app, rule.endpoint) != PUBLIC
        and declared_scope(app, rule.endpoint) is None
    )

    assert undeclared == []


def test_reading_the_api_takes_no_scope_for_writing_and_writing_none_for_reading(app):
    odd = [
        (rule.rule, scope.value)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/")
        and (scope := declared_scope(app, rule.endpoint)) is not None
        and scope.value.endswith(":read") != ("GET" in (rule.methods or set()))
    ]

    assert odd == []


def test_table_of_library_views_names_only_views_that_exist(app):
    assert set(LIBRARY_ENDPOINTS) <= set(app.view_functions)


def test_every_permission_is_held_by_some_role():
    assert set().union(*PERMISSIONS.values()) == set(Permission)


def test_no_view_changes_anything_on_get(app):
    """A view is either for reading or for posting back, so that a link can never act."""
    pages = [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(("/api/", "/scim/"))]
    odd = [rule for rule in pages if (rule.methods or set()) & {"PUT", "DELETE", "PATCH"}]

    assert odd == []


def test_permission_table_names_what_a_reader_expects():
    """The few that must never drift: an agent touches nobody else, and only a lead assesses."""
    assert PERMISSIONS[Role.AGENT] == {
        Permission.USE_MAINSTAY,
        Permission.VIEW_CAREERS,
        Permission.KEEP_OWN_RECORD,
        Permission.ENDORSE_COLLEAGUES,
        Permission.WORK_OWN_DAY,
        Permission.TALK,
    }
    assert [role for role in Role if Permission.REVIEW_RECORDS in PERMISSIONS[role]] == [Role.LEAD]
