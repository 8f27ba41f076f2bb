"""Files that name a merged skill go to the one that it is part of."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from webapp.models import ImportKind, SkillRecord, TypeRequirement
from webapp.services import records
from webapp.services.skill_merging.merging import merge_skill


@pytest.fixture
def pair(make):
    """Return a merged skill and the one that it is part of."""
    invoices, billing = make.skill(code="invoices", name="Invoices"), make.skill(code="billing", name="Billing")
    merge_skill(make.session, invoices, billing, by=make.actor())
    return invoices, billing


def test_levels_go_to_the_target_with_a_note(session, make, importing, pair):
    ana = make.person(external_id="a1")

    report = importing.apply(ImportKind.RECORDS, "person,skill,level\na1,invoices,3\n")

    assert report.notes == ["invoices was merged into billing: what the file says of it goes to billing."]
    assert records.get_record(session, ana.id, pair[1].id).validated_level == 3
    assert session.scalar(select(func.count()).where(SkillRecord.skill_id == pair[0].id)) == 0


def test_a_person_has_one_level_in_what_is_one_skill(make, importing, pair):
    make.person(external_id="a1")

    report = importing.apply(ImportKind.RECORDS, "person,skill,level\na1,invoices,3\na1,billing,2\n")

    assert [(problem.row, problem.code) for problem in report.problems] == [(3, "duplicate_key")]


def test_requirements_ask_for_the_target(session, importing, pair):
    text = "code,name,channel,handle_minutes,requirements\ncall,Call,voice,8,{}\n"

    report = importing.apply(ImportKind.ENGAGEMENT_TYPES, text.format("invoices>=3"))
    twice = importing.check(ImportKind.ENGAGEMENT_TYPES, text.format("invoices>=3; billing>=2"))

    assert report.sound
    assert session.scalars(select(TypeRequirement)).one().skill_id == pair[1].id
    assert [problem.code for problem in twice.problems] == ["listed_twice"]


def test_a_catalogue_file_does_not_take_a_merged_skill_into_use_again(session, importing, pair):
    report = importing.apply(ImportKind.SKILLS, "code,name\ninvoices,Invoices\n")

    session.expire_all()
    assert report.sound
    assert pair[0].retired_at is not None
    assert pair[0].merged_into_id == pair[1].id
