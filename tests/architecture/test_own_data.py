"""A person's archive knows every table that points to a person, so that a new one cannot be forgotten."""

from __future__ import annotations

import pytest

from webapp import models
from webapp.db import Base
from webapp.services.own_export import ABOUT, LEFT_OUT

TABLES = Base.metadata.tables
PERSON = models.Person.__tablename__


def pointing_to(name):
    return {
        table.name
        for table in TABLES.values()
        for column in table.columns
        for key in column.foreign_keys
        if key.column.table.name == name and table.name != name
    }


def test_each_table_that_points_to_a_person_is_exported_or_named_with_a_reason():
    unknown = pointing_to(PERSON) - set(ABOUT) - set(LEFT_OUT)

    assert unknown == set(), "add these to ABOUT or LEFT_OUT in webapp/services/own_export.py"


def test_each_table_whose_rows_belong_to_exported_ones_is_exported_or_named_with_a_reason():
    unknown = set().union(*(pointing_to(name) for name in ABOUT)) - set(ABOUT) - set(LEFT_OUT)

    assert unknown == set(), "add these to ABOUT or LEFT_OUT in webapp/services/own_export.py"


def test_no_table_is_both_exported_and_left_out_and_each_exists():
    assert set(ABOUT) & set(LEFT_OUT) == set()
    assert set(ABOUT) | set(LEFT_OUT) <= set(TABLES)
    assert all(reason.endswith(".") for reason in LEFT_OUT.values())


@pytest.mark.parametrize("name", ABOUT)
def test_what_is_said_of_a_table_is_true_of_its_model(name):
    table, share = TABLES[name], ABOUT[name]

    assert bool(share.columns) != bool(share.parent)
    for column in share.columns:
        assert column == "id" or PERSON in {key.column.table.name for key in table.c[column].foreign_keys}
    if share.parent:
        assert {key.column.table.name for key in table.c[share.parent].foreign_keys} <= set(ABOUT)
    assert set(share.without or {}) <= set(table.columns.keys())
    assert share.words.endswith(".")


def test_secrets_never_leave():
    """A column that looks like a secret is left out by name."""
    kept = {
        f"{name}.{column}"
        for name, share in ABOUT.items()
        for column in TABLES[name].columns.keys() - (share.without or {}).keys()
    }

    words = ("password", "secret", "uniquifier", "token")
    assert not [name for name in kept if any(word in name.partition(".")[2] for word in words)]


def test_bytes_are_files_of_their_own():
    binary = {
        f"{name}.{column.name}"
        for name, share in ABOUT.items()
        for column in TABLES[name].columns
        if column.type.python_type is bytes and column.name not in (share.without or {})
    }

    assert binary == set()
