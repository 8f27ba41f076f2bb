"""A field that has to be filled in is not called optional, and what may be left empty is."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re

import pytest
from flask_wtf import FlaskForm
from wtforms import SelectMultipleField

import webapp.blueprints
from webapp.models import Role

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def optional_labels(page):
    """Return the labels and legends of a page that are called optional."""
    found = re.findall(r"<(?:label|legend)[^>]*>([^<]*)<span class=\"optional\">", page)
    return {label.strip() for label in found}


@pytest.fixture
def admin(make, sign_in):
    return sign_in(make.person(roles=[Role.ADMIN, Role.SCHEDULER]))


@pytest.mark.parametrize(
    ("address", "optional"),
    [
        ("/webhooks/new", set()),
        ("/simulations", set()),
        ("/connections/new/zendesk", {"Ids of agents there"}),
        ("/connections/new/genesys", {"Ids of agents there", "Ids of skills there"}),
        ("/policies/trials", set()),
        ("/check-ins/new", set()),
    ],
)
def test_only_what_may_be_left_empty_is_called_optional(admin, address, optional):
    answer = admin.get(address)

    assert answer.status_code == 200
    assert optional_labels(answer.text) == optional


def test_a_webhook_without_events_is_refused_beside_the_field(admin):
    answer = admin.post("/webhooks/new", data={"name": "A", "url": "https://hooks.example/", "site_id": ""})

    assert answer.status_code == 422
    assert answer.text.count("Choose at least one kind of event.") == 1


def test_every_list_of_boxes_says_whether_one_has_to_be_ticked(database):
    unmarked = set()
    for package in pkgutil.iter_modules(webapp.blueprints.__path__):
        name = f"webapp.blueprints.{package.name}.forms"
        if importlib.util.find_spec(name) is None:
            continue
        for form in vars(importlib.import_module(name)).values():
            if isinstance(form, type) and issubclass(form, FlaskForm):
                for field, made in vars(form).items():
                    kind = getattr(made, "field_class", None)
                    if isinstance(kind, type) and issubclass(kind, SelectMultipleField):
                        needed = [*made.args[1:2], made.kwargs.get("validators")]
                        if not any("required" in each.field_flags for some in needed if some for each in some):
                            unmarked.add(f"{package.name}.{form.__name__}.{field}")

    # People are ticked in the rows of a table, which has no label of its own.
    assert unmarked == {"search.BulkActionForm.people"}
