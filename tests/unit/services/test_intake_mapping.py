"""A mapping reads any payload and raises never; what it cannot read it tells, field by field."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.errors import InvalidInputError
from webapp.services.intake import mapping as mappings
from webapp.services.intake import pointers, transforms
from webapp.services.intake.mapping import FIELDS, Condition, FieldRule, Mapping, Window
from webapp.services.intake.presets import PRESETS

NAMES = st.sampled_from(["id", "detail", "status", "a/b", "~", "", "0", "1"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=()), max_size=20)
    | st.sampled_from(["2026-11-23T08:00:00Z", "9999-12-31T23:59:59-23:00", "NEW", "1e400", 10**4000]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5),
    max_leaves=25,
)
POINTERS = st.lists(NAMES, max_size=4).map(pointers.join_pointer)
RULES = st.builds(
    FieldRule,
    at=st.lists(POINTERS, max_size=3).map(tuple),
    how=st.sampled_from(list(transforms.TRANSFORMS)),
    lookup=st.dictionaries(st.text(max_size=5), st.sampled_from(["open", "done", "3", "x"]), max_size=3),
    default=st.sampled_from(["", "open", "3", "x", "2026-11-23T08:00:00+00:00"]),
    prefix=st.sampled_from(["", "ZD-"]),
)
MAPPINGS = st.builds(
    Mapping,
    each=st.sampled_from(["", "/detail/*", "/detail/*/id/*", "/*"]),
    event_id=st.lists(POINTERS, max_size=2).map(tuple),
    when=st.lists(st.builds(Condition, POINTERS, st.just(("new*", "*"))), max_size=2).map(tuple),
    fields=st.dictionaries(st.sampled_from(list(FIELDS)), RULES),
)


def accept(data):
    """Return the mapping that JSON is, and the field at which it was refused."""
    try:
        return mappings.from_json(data), None
    except InvalidInputError as error:
        return None, error.field


@given(MAPPINGS, JSON)
def test_reading_never_raises_and_gives_what_can_be_stored(mapping, message):
    for document in mappings.split(mapping, message):
        reading = mappings.read(mapping, document, with_unknown=True)

        stored = json.dumps(dict(reading.values), allow_nan=False)
        assert "\\u0000" not in stored
        assert json.loads(stored) == dict(reading.values)
        stored.encode()
        for name, value in reading.values.items():
            assert not isinstance(value, str) or 0 < len(value) <= FIELDS[name].length
        if "external_id" not in reading.values:
            assert reading.problems


@given(MAPPINGS, JSON)
def test_every_value_of_a_payload_is_read_or_listed_as_unknown(mapping, document):
    known = mapping.known_pointers()
    unknown = {pointer for pointer, _ in mappings.read(mapping, document, with_unknown=True).unknown}

    for pointer, _ in pointers.list_leaves(document):
        covered = any(pointer == each or pointer.startswith(each + "/") for each in known)
        assert covered != (pointer in unknown)


@given(st.builds(Mapping, fields=st.dictionaries(st.sampled_from(list(FIELDS)), RULES), window=st.just(Window())))
def test_a_mapping_that_is_accepted_reads_the_same_from_its_json(mapping):
    read, refused_at = accept(json.loads(json.dumps(mappings.to_json(mapping))))

    assert refused_at is None or refused_at in FIELDS
    assert read is None or mappings.to_json(mappings.from_json(mappings.to_json(read))) == mappings.to_json(read)


@given(JSON)
def test_any_json_is_a_mapping_or_is_refused_in_words(data):
    read, _ = accept(data)

    assert read is None or "external_id" in read.fields


@pytest.mark.parametrize("code", PRESETS)
def test_a_preset_reads_its_own_sample_whole(code):
    preset = PRESETS[code]

    (document,) = mappings.split(preset.mapping, preset.sample)
    reading = mappings.read(preset.mapping, document)

    assert reading.problems == []
    assert reading.ignored == ""
    assert reading.event_key
    assert {"external_id", "opened_at"} <= set(reading.values)
    assert mappings.from_json(mappings.to_json(preset.mapping)) == preset.mapping


def test_zendesk_ticket_is_read_as_its_documentation_says():
    preset = PRESETS["zendesk"]

    reading = mappings.read(preset.mapping, preset.sample, with_unknown=True)

    assert reading.values["external_id"] == "ZD-3107"
    assert reading.values["status"] == "open"
    assert reading.values["priority"] == 4
    assert reading.values["customer_key"] == "520431"
    assert reading.values["sequence"] == dt.datetime(2026, 11, 23, 8, 12, 3, tzinfo=dt.UTC).timestamp()
    assert ("/detail/brand_id", "7") in reading.unknown


def test_a_message_of_several_events_is_taken_apart_with_what_stands_around_them():
    change = {"field": "feed", "value": {"item": "comment", "verb": "add", "comment_id": "c", "post_id": "p"}}
    message = {"object": "page", "entry": [{"id": "1", "time": 5, "changes": [change, change]}, {"id": "2", "time": 6}]}

    documents = mappings.split(PRESETS["meta-page"].mapping, message)

    assert [pointers.find(each, "/entry/id") for each in documents] == ["1", "1", "2"]
    assert pointers.find(documents[0], "/entry/changes/value/comment_id") == "c"


def test_a_message_of_too_many_events_is_refused():
    with pytest.raises(InvalidInputError, match="200"):
        mappings.split(Mapping(each="/a/*"), {"a": list(range(500))})


def test_the_shortest_window_that_applies_counts():
    window = Window(minutes=480, by_priority={5: 60}, by_type={"refund": 30})

    assert window.due_after(priority=3, type_code="mail") == dt.timedelta(minutes=480)
    assert window.due_after(priority=5, type_code="mail") == dt.timedelta(minutes=60)
    assert window.due_after(priority=5, type_code="refund") == dt.timedelta(minutes=30)


@pytest.mark.parametrize(
    ("how", "value", "made"),
    [
        ("plain", "<p>Caf&eacute; &amp; more</p>", "Café & more"),
        ("last", "arn:aws:connect:x/agent/p1001", "p1001"),
        ("number", " 3 ", 3.0),
        ("lower", "ÄRGER", "ärger"),
        ("text", ["a", 1, None, True], "a 1 true"),
        ("unix_ms", 1795421524000, dt.datetime(2026, 11, 23, 8, 12, 4, tzinfo=dt.UTC)),
        ("iso", "2026-11-23T09:12:04+01:00", dt.datetime(2026, 11, 23, 8, 12, 4, tzinfo=dt.UTC)),
    ],
)
def test_transforms(how, value, made):
    assert transforms.transform(how, value) == made


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": {"external_id": {"at": ["id"]}}},
        {"fields": {"external_id": {}}},
        {"fields": {"external_id": {"at": ["/id"], "as": "python"}}},
        {"fields": {"nonsense": {"at": ["/id"]}}},
        {"fields": {}},
        {"fields": {"external_id": {"at": ["/id"]}, "status": {"at": ["/s"], "lookup": {"new": "begun"}}}},
        {"fields": {"external_id": {"at": ["/id"]}}, "window": {"minutes": "soon"}},
        {"fields": {"external_id": {"at": ["/id"]}}, "window": {"by_priority": {"9": 5}}},
        {"fields": {"external_id": {"at": ["/id"]}}, "when": [{"at": "/x"}]},
        {"fields": {"external_id": {"at": ["/id"]}}, "rules": [{"type": "a", "any_of": []}]},
        {"fields": {"external_id": {"at": ["/id"]}}, "rules": [{"type": "a", "any_of": ["b"], "weight": 0}]},
    ],
)
def test_a_mapping_that_cannot_work_is_refused(wrong):
    with pytest.raises(InvalidInputError):
        mappings.from_json(wrong)
