"""Headers find their columns, and a mapping that cannot work is refused with what is near."""

from __future__ import annotations

import pytest

from webapp.services.importing.columns import check_mapping, suggest_mapping
from webapp.services.importing.kinds import KINDS
from webapp.services.importing.kinds.people import People
from webapp.services.importing.kinds.records import Records
from webapp.services.importing.problems import FileRefusedError, near_match


def test_canonical_other_and_misspelt_headers_are_found():
    mapping = suggest_mapping(People.columns, ("Employee ID", "Full name", "E-Mail", "job tile", "unrelated"))

    assert mapping == {"external_id": "Employee ID", "name": "Full name", "email": "E-Mail", "job_title": "job tile"}


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        ({"external_id": "id"}, "lacks the required column name"),
        ({"external_id": "id", "name": "nam"}, "no header “nam”. Did you mean “name”"),
        ({"external_id": "id", "name": "id"}, "mapped to external_id and name"),
        ({"external_id": "id", "name": "name", "nmae": "x"}, "no column nmae"),
    ],
)
def test_mapping_that_cannot_work_is_refused(mapping, text):
    with pytest.raises(FileRefusedError, match=text):
        check_mapping(People.columns, ("id", "name", "x"), mapping)


def test_wide_file_of_records_needs_no_skill_column():
    mapping = Records.suggest(("person", "billing", "phone"), ("billing", "phone"))

    Records.check(("person", "billing", "phone"), mapping)

    assert mapping == {"person": "person"}


@pytest.mark.parametrize("mapping", [{}, {"person": "who"}, {"person": "person", "expires_on": "gone"}])
def test_records_that_are_neither_long_nor_wide_are_refused(mapping):
    with pytest.raises(FileRefusedError):
        Records.check(("person",), mapping)


def test_every_kind_accepts_the_example_of_its_own_template():
    for kind in KINDS.values():
        for column in kind.columns:
            if column.example:
                column.parser.parse(column.example)


def test_nothing_similar_is_no_suggestion():
    assert near_match("billing", ["phone", "chat"]) == ""
