"""An import is taken back whole, or not at all and the rows that hinder it are named."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from webapp.errors import ConflictError, DependencyError, ForbiddenError
from webapp.models import ImportKind, ImportState, Person, Role, Skill, SkillRecord, Team
from webapp.services import records

PEOPLE = "external_id,name,site,team,team_name\na1,Ana,ber,care,Care\na2,Bo,ber,care,\n"


@pytest.fixture
def place(make):
    """Return the only site."""
    return make.site(code="ber", time_zone="Europe/Berlin")


def people(session):
    return session.scalar(select(func.count()).select_from(Person))


def test_added_rows_are_gone_and_changed_rows_as_before(make, importing, place):
    importing.apply(ImportKind.PEOPLE, "external_id,name,site\na1,Anna,ber\n")
    importing.apply(ImportKind.PEOPLE, PEOPLE)

    importing.undo()

    assert make.session.scalars(select(Person.name)).all() == ["Anna"]
    assert make.session.scalar(select(Team)) is None
    assert importing.batch.state is ImportState.UNDONE


def test_row_that_was_edited_since_is_named_and_nothing_is_undone(make, importing, place):
    importing.apply(ImportKind.PEOPLE, PEOPLE)
    make.session.scalar(select(Person).where(Person.external_id == "a2")).name = "Bob"
    make.session.flush()

    with pytest.raises(DependencyError) as refused:
        importing.undo()

    assert refused.value.rows[0] == "Row 3: a2 Bo was edited since (name)"
    assert people(make.session) == 2
    assert importing.batch.state is ImportState.APPLIED


def test_row_that_others_refer_to_is_named(make, importing, place):
    importing.apply(ImportKind.PEOPLE, PEOPLE)
    make.shift(make.session.scalar(select(Person).where(Person.external_id == "a1")))

    with pytest.raises(DependencyError) as refused:
        importing.undo()

    assert "Row 2: a1 Ana is in use (1 × shift)" in refused.value.rows
    assert people(make.session) == 2


def test_changed_row_that_was_deleted_since_is_named(make, importing, place):
    importing.apply(ImportKind.PEOPLE, "external_id,name,site\na1,Ana,ber\n")
    importing.apply(ImportKind.PEOPLE, "external_id,name,site\na1,Anna,ber\n")
    make.session.delete(make.session.scalar(select(Person)))
    make.session.flush()

    with pytest.raises(DependencyError) as refused:
        importing.undo()

    assert refused.value.rows == ("Row 2: a1 Anna was deleted since",)


def test_added_row_that_was_deleted_since_hinders_nothing(make, importing, place):
    importing.apply(ImportKind.PEOPLE, PEOPLE)
    make.session.delete(make.session.scalar(select(Person).where(Person.external_id == "a2")))
    make.session.flush()

    importing.undo()

    assert people(make.session) == 0


def test_import_cannot_be_undone_twice(importing, place):
    importing.apply(ImportKind.PEOPLE, PEOPLE)
    importing.undo()

    with pytest.raises(ConflictError):
        importing.undo()


def test_only_those_who_may_import_a_kind_may_undo_it(make, importing, place):
    importing.apply(ImportKind.PEOPLE, PEOPLE)

    with pytest.raises(ForbiddenError):
        importing.undo(as_=make.person(roles=[Role.SCHEDULER], site=place))


def test_levels_are_retracted_and_their_people_and_skills_taken_out_of_use(make, importing, place):
    """The log of skill events is append-only, so whoever it names cannot vanish."""
    importing.apply(ImportKind.PEOPLE, PEOPLE)
    of_people = importing.batch
    importing.apply(ImportKind.SKILLS, "code,name,group,group_name\nbilling,Billing,g,G\n")
    of_skills = importing.batch
    importing.apply(ImportKind.RECORDS, "person,skill,level\na1,billing,3\n")

    importing.undo()
    importing.undo(of_skills)
    importing.undo(of_people)

    assert make.session.scalar(select(SkillRecord.effective_level)) == 0
    assert make.session.scalar(select(Skill.retired_at)) is not None
    assert make.session.execute(select(Person.external_id, Person.active)).all() == [("a1", False)]
    assert make.session.scalar(select(Team.code)) == "care"


def test_word_of_a_person_about_themselves_hinders_the_undo_of_their_import(make, importing, place):
    importing.apply(ImportKind.PEOPLE, PEOPLE)
    skill = make.skill(code="billing")
    person = make.session.scalar(select(Person).where(Person.external_id == "a1"))
    records.claim_level(make.session, person, skill_id=skill.id, level=4, by=make.actor(person))

    with pytest.raises(DependencyError) as refused:
        importing.undo()

    assert refused.value.rows[0] == "Row 2: a1 Ana is in use (1 × skill event)"


def test_link_of_a_later_skill_hinders_and_links_within_the_file_do_not(make, importing):
    importing.apply(ImportKind.SKILLS, "code,name,prerequisites\na,A,b\nb,B,\n")
    first = importing.batch
    importing.apply(ImportKind.SKILLS, "code,name,prerequisites\nc,C,a\n")

    with pytest.raises(DependencyError) as refused:
        importing.undo(first)
    assert refused.value.rows == ("Row 2: a A is in use (1 × skill link)",)

    importing.undo()
    importing.undo(first)
    assert make.session.scalar(select(Skill)) is None
