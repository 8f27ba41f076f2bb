"""Levels from a file are provisional evidence; wrong ones are named by row, column and code, and none is written."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from tests.factories import NOW
from tests.integration.importing.conftest import count
from webapp.models import ImportKind, Role, Skill, SkillEvent, SkillEventKind, SkillRecord

LONG = "person,skill,level\np1,billing,3\np1,phone,0\np2,phone,5\n"


def test_records_become_provisional_evidence_that_expires(make, importing, work):
    report = importing.apply(ImportKind.RECORDS, LONG)

    record = make.session.scalar(select(SkillRecord).where(SkillRecord.effective_level == 3))
    assert report.tallies["skill_event"].new == 3
    assert record.validated_by is SkillEventKind.PROVISIONAL
    assert record.valid_until == NOW.date() + dt.timedelta(days=180)
    assert importing.apply(ImportKind.RECORDS, LONG).total.unchanged == 3


def test_wide_file_says_the_same_as_a_long_one(make, importing, work):
    importing.apply(ImportKind.RECORDS, LONG)

    report = importing.apply(ImportKind.RECORDS, "person,billing,Phone\np1,3,0\np2,,5\n")

    assert (report.total.new, report.total.unchanged) == (0, 3)


def test_lower_level_in_a_later_file_replaces_the_earlier_one(make, importing, work):
    importing.apply(ImportKind.RECORDS, LONG)

    report = importing.apply(ImportKind.RECORDS, "person,skill,level\np1,billing,1\n")

    billing = make.session.scalar(select(Skill).where(Skill.code == "billing"))
    record = make.session.scalar(select(SkillRecord).where(SkillRecord.skill_id == billing.id))
    assert report.tallies["skill_event"].changed == 1
    assert record.effective_level == 1
    importing.undo()
    make.session.refresh(record)
    assert record.effective_level == 3


def test_wrong_records_are_named_and_none_is_written(make, importing, work, codes):
    report = importing.apply(
        ImportKind.RECORDS,
        "person,skill,level,expires_on\n"
        "p1,biling,3,\n"
        "p9,billing,3,\n"
        "p1,billing,6,\n"
        "p1,billing,-1,\n"
        'p1,billing,"3,5",\n'
        "p1,billing,3.5,03/04/2026\n"
        "p1,billing,2,2020-01-01\n"
        "p2,billing,2,\n"
        "p2,billing,3,\n",
    )

    assert codes(report) == [
        (2, "skill", "unknown_skill"),
        (3, "person", "unknown_person"),
        (4, "level", "not_a_level"),
        (5, "level", "not_a_level"),
        (6, "level", "not_a_level"),
        (7, "level", "not_a_level"),
        (7, "expires_on", "ambiguous_date"),
        (8, "expires_on", "expired"),
        (10, "person", "duplicate_key"),
    ]
    assert all(problem.accepted for problem in report.problems)
    assert count(make.session, SkillEvent) == 0


def test_wide_file_with_an_unknown_skill_or_level_is_refused(importing, work, codes):
    report = importing.check(ImportKind.RECORDS, "person,billing,ghost\np1,7,1\n")

    assert codes(report) == [(1, "skill", "unknown_skill"), (2, "billing", "not_a_level")]


def test_nobody_imports_levels_of_their_own(make, importing, place, codes):
    hr = make.person(external_id="h1", roles=[Role.HR], serves=[place], site=place)
    make.skill(code="billing")

    report = importing.apply(ImportKind.RECORDS, "person,skill,level\nh1,billing,5\n", as_=hr)

    assert codes(report) == [(2, "person", "own_record")]
