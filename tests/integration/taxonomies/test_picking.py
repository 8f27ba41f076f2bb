"""Concepts become skills with their names and links; what is there already is shown first, and undo takes back."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.factories import taxonomy_files as made
from webapp.errors import ConflictError, DependencyError, InvalidInputError, NotFoundError
from webapp.models import (
    AuditEvent,
    LinkKind,
    Skill,
    SkillGroup,
    SkillKind,
    SkillSynonym,
    TaxonomyConcept,
)
from webapp.services import catalogue, skill_links, skill_search
from webapp.services.audit import Actor
from webapp.services.catalogue import SkillEntry
from webapp.services.taxonomies import picking
from webapp.services.taxonomies.picking import Choice

BY = Actor(person_id=None, at=NOW)
RELEASE = {
    **made.FIRST,
    "broaderRelationsSkillPillar": made.broader(("refunds", "money"), ("listen", "talk"), ("telex", "listen")),
}


@pytest.fixture(autouse=True)
def release(apply):
    return apply(RELEASE)


def concept(session: Session, label: str) -> TaxonomyConcept:
    return session.scalars(select(TaxonomyConcept).where(TaxonomyConcept.label == label)).one()


def pick(session, *labels: str) -> picking.Picked:
    choices = [Choice(concept(session, label).id, SkillKind.HUMAN, "Service") for label in labels]
    return picking.pick(session, choices, by=BY)


def links(session, name: str) -> set[tuple[LinkKind, str, float]]:
    skill = session.scalars(select(Skill).where(Skill.name == name)).one()
    return {(link.kind, link.other.name, link.weight) for link in skill.links}


def test_a_picked_concept_is_a_skill_with_its_words(session):
    pick(session, "process refunds")

    skill = session.scalars(select(Skill)).one()
    assert (skill.code, skill.name, skill.kind) == ("process-refunds", "Process refunds", SkillKind.HUMAN)
    assert (skill.description, skill.group.name) == ("Pay customers back.", "Service")
    assert [synonym.text for synonym in skill.synonyms] == ["give money back", "reimburse customers"]
    assert skill.concept.label == "process refunds"
    assert [hit.key for hit in skill_search.search_skills(session, "reimburse")] == [skill.id]


def test_links_between_picked_skills_come_along(session):
    picked = pick(session, "process refunds", "consumer law", "listen actively", "operate a telex")

    assert picked.links == 2
    assert links(session, "Operate a telex") == {(LinkKind.BROADER, "Listen actively", 1.0)}
    assert links(session, "Consumer law") == {(LinkKind.RELATED, "Process refunds", 0.5)}


def test_links_reach_what_was_picked_before(session):
    pick(session, "process refunds")

    picked = pick(session, "consumer law")

    assert picked.links == 1
    assert links(session, "Consumer law") == {(LinkKind.RELATED, "Process refunds", 0.5)}


def test_a_link_that_would_close_a_circle_is_left_out(session, apply):
    line = (("telex", "listen"), ("listen", "refunds"))
    apply({**made.FIRST, "broaderRelationsSkillPillar": made.broader(*line)}, "1.1")
    telex, refunds = pick(session, "operate a telex", "process refunds").skills
    skill_links.add_link(session, refunds, other_id=telex.id, kind=LinkKind.BROADER, by=BY)

    picked = pick(session, "listen actively")

    assert picked.links == 1
    assert links(session, "Operate a telex") == {(LinkKind.BROADER, "Listen actively", 1.0)}
    assert links(session, "Listen actively") == set()


def test_what_the_catalogue_has_already_is_shown_as_alike(session):
    entry = SkillEntry(code="refunds", name="Process a refund", kind=SkillKind.PRODUCT)
    there = catalogue.create_skill(session, entry, by=BY)
    synonym = catalogue.create_skill(
        session, SkillEntry("ears", "Being all ears", SkillKind.HUMAN, synonyms=("lend an ear",)), by=BY
    )
    ids = [concept(session, label).id for label in ("process refunds", "listen actively", "consumer law")]

    candidates = picking.list_candidates(session, ids)

    assert [candidate.alike for candidate in candidates] == [(there,), (synonym,), ()]


def test_kind_and_group_are_suggested(session):
    ids = [concept(session, label).id for label in ("process refunds", "consumer law")]

    refunds, law = picking.list_candidates(session, ids)

    assert (refunds.kind, refunds.group) == (SkillKind.HUMAN, "Handling money")
    assert (law.kind, law.group) == (SkillKind.PRODUCT, "")


def test_groups_and_occupations_and_picked_ones_are_no_candidates(session):
    pick(session, "process refunds")
    ids = [
        concept(session, label).id for label in ("process refunds", "handling money", "customer service representative")
    ]

    assert picking.list_candidates(session, ids) == []
    with pytest.raises(NotFoundError):
        pick(session, "handling money")


def test_a_concept_is_picked_once(session):
    pick(session, "process refunds")

    with pytest.raises(ConflictError, match="In the catalogue already: Process refunds"):
        pick(session, "process refunds")


def test_a_code_that_is_taken_gets_a_number(session, make):
    make.skill(code="process-refunds", name="Something else")

    assert pick(session, "process refunds").skills[0].code == "process-refunds-2"


@pytest.mark.parametrize(
    "choices", [[], [Choice(number, SkillKind.TOOL) for number in range(picking.MOST_AT_ONCE + 1)]]
)
def test_nothing_and_too_much_are_refused(session, choices):
    with pytest.raises(InvalidInputError):
        picking.pick(session, choices, by=BY)


def test_undo_takes_the_skills_out_again(session):
    group = SkillGroup(code="service", name="Service")
    session.add(group)
    picked = pick(session, "process refunds", "consumer law")

    names = picking.undo(session, picked.event_id, by=BY)

    assert names == ["Consumer law", "Process refunds"]
    assert session.scalar(select(func.count()).select_from(Skill)) == 0
    assert session.scalar(select(func.count()).select_from(SkillSynonym)) == 0
    assert session.scalars(select(AuditEvent.action).order_by(AuditEvent.id.desc())).first() == "undo_pick"
    with pytest.raises(NotFoundError, match="undone already"):
        picking.undo(session, picked.event_id, by=BY)


def test_a_skill_that_is_in_use_is_not_taken_out(session, make):
    picked = pick(session, "process refunds")
    person = make.person()
    make.record(person, picked.skills[0], 3)

    with pytest.raises(DependencyError, match="cannot be undone"):
        picking.undo(session, picked.event_id, by=BY)
    assert session.scalar(select(func.count()).select_from(Skill)) == 1


def test_a_skill_that_was_edited_is_not_taken_out(session):
    picked = pick(session, "process refunds")
    (skill,) = picked.skills
    catalogue.edit_skill(session, skill, catalogue.describe(skill), version=skill.version, seen={}, by=BY)

    with pytest.raises(DependencyError, match="Process refunds was edited"):
        picking.undo(session, picked.event_id, by=BY)


def test_another_event_is_no_pick(session):
    event = session.scalars(select(AuditEvent)).first()

    with pytest.raises(NotFoundError, match="no such pick"):
        picking.undo(session, event.id, by=BY)


def test_a_requirement_of_work_counts_as_use(session, make):
    picked = pick(session, "process refunds")
    make.engagement_type(requires={picked.skills[0]: 2})

    with pytest.raises(DependencyError, match="type requirement"):
        picking.undo(session, picked.event_id, by=BY)
