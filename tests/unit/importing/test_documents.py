"""JSON files become tables as CSV files do, however long they are."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.services.importing import documents
from webapp.services.importing.problems import FileRefusedError
from webapp.services.importing.reading import read_table

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)


def cells(content: str):
    return [row.cells for row in read_table(content.encode()).rows()]


def refusal(content: str | bytes):
    with pytest.raises(FileRefusedError) as refused:
        list(read_table(content if isinstance(content, bytes) else content.encode()).rows())
    return refused.value.problem


def test_objects_become_rows_and_keys_columns():
    found = read_table(b'\n[{"id": "p1", "level": 3}, {"id": "p2", "note": null, "agent": true}]')

    assert found.header == ("id", "level", "note", "agent")
    assert [row.cells for row in found.rows()] == [("p1", "3", "", ""), ("p2", "", "", "yes")]


def test_numbers_stay_as_they_are_written():
    assert cells('[{"a": 0.10, "b": 12345678901234567890, "c": 1e-7}]') == [
        ("0.10", "12345678901234567890", "0.0000001")
    ]


def test_text_like_a_formula_is_text():
    assert cells('[{"a": "=1+1", "b": "\'=x"}]') == [("=1+1", "'=x")]


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), TEXTS, min_size=1), min_size=1, max_size=5))
def test_every_text_is_read_as_it_was_written(rows):
    keys = list(dict.fromkeys(key for row in rows for key in row))

    found = read_table(json.dumps(rows).encode())

    expected = [tuple(row.get(key, "").strip() for key in keys) for row in rows]
    assert [row.cells for row in found.open_rows()] == expected


def test_objects_that_break_off_at_the_end_of_a_part_are_read_whole(monkeypatch):
    monkeypatch.setattr(documents, "_CHARACTERS_AT_ONCE", 7)

    assert cells('[{"id": "p1", "name": "Ana"}, {"id": "p2", "name": "Bo"}]') == [("p1", "Ana"), ("p2", "Bo")]


@pytest.mark.parametrize(
    "content",
    [
        '[{"a": 1}, {"a": }]',
        '[{"a": 1}, 2]',
        '[{"a": 1} {"a": 2}]',
        '[{"a": 1}, {"a": 2}',
        '[{"a": 1}, {"a": NaN}]',
        '[{"a": 1}] and more',
        '[{"a": 1}, ]',
        '[{"a": ' + "[" * 100_000 + "}]",
    ],
)
def test_broken_json_is_refused(content):
    assert refusal(content).code == "not_json"


def test_refusal_names_the_object():
    assert refusal('[{"a": 1}, {"a": }]').row == 2


@pytest.mark.parametrize("content", ["[]", "[{}]"])
def test_array_without_values_is_refused(content):
    assert refusal(content).code == "empty"


def test_nested_values_and_keys_that_stand_twice_are_problems_of_their_row():
    rows = list(read_table(b'[{"a": [1]}, {"a": 1, "a": 2}, {"a": {"b": 1}}]').rows())

    assert [[problem.code for problem in row.problems] for row in rows] == [
        ["not_plain"],
        ["duplicate_header"],
        ["not_plain"],
    ]


def test_too_many_objects_are_refused():
    with pytest.raises(FileRefusedError) as refused:
        read_table(b'[{"a": 1}, {"a": 2}, {"a": 3}]', max_rows=2)

    assert (refused.value.problem.code, refused.value.problem.row) == ("too_many_rows", 3)
