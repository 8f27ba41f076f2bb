"""Rows with the same key are found, however many keys a file has."""

from __future__ import annotations

import pytest

from webapp.services.importing import keys
from webapp.services.importing.keys import FirstRows


@pytest.fixture
def rows():
    rows = FirstRows()
    yield rows
    rows.close()


@pytest.mark.parametrize("in_memory", [0, 3, 100])
def test_first_row_of_each_key_is_remembered(rows, monkeypatch, in_memory):
    monkeypatch.setattr(keys, "IN_MEMORY", in_memory)

    first = [rows.first_row(("person", number % 10), number) for number in range(30)]

    assert first == [number % 10 for number in range(30)]


@pytest.mark.parametrize("in_memory", [0, 100])
def test_keys_of_different_columns_and_types_are_different(rows, monkeypatch, in_memory):
    monkeypatch.setattr(keys, "IN_MEMORY", in_memory)

    assert [rows.first_row(key, row) for row, key in enumerate([("a", "1"), ("a", 1), ("b", "1"), ("a", "1")])] == [
        0,
        1,
        2,
        0,
    ]
