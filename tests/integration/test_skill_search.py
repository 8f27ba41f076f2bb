"""The catalogue's one search: names, codes and synonyms, always as the catalogue is now."""

from __future__ import annotations

import pytest

from tests.factories import NOW
from webapp.errors import InvalidInputError
from webapp.models import SkillKind
from webapp.services import catalogue, own_skills, palette, skill_search
from webapp.services.audit import Actor
from webapp.services.catalogue import CatalogueFilter, SkillEntry

BY = Actor(person_id=None, at=NOW)


def entry(name: str, *synonyms: str) -> SkillEntry:
    code = name.lower().replace(" ", "-")
    return SkillEntry(code=code, name=name, kind=SkillKind.PRODUCT, synonyms=synonyms)


def names(session, text: str, **options) -> list[str]:
    hits = skill_search.search_skills(session, text, **options)
    return [catalogue.get_skill(session, hit.key).name for hit in hits]


def test_a_skill_is_found_by_its_synonym_and_in_spite_of_an_error(session):
    catalogue.create_skill(session, entry("Refunds", "money back"), by=BY)
    catalogue.create_skill(session, entry("Billing"), by=BY)

    assert names(session, "money back") == ["Refunds"]
    assert names(session, "biling") == ["Billing"]


def test_the_search_follows_what_changes(session):
    skill = catalogue.create_skill(session, entry("Refunds"), by=BY)
    session.commit()
    before = names(session, "reimbursement")

    catalogue.edit_skill(session, skill, entry("Refunds", "reimbursement"), version=skill.version, seen={}, by=BY)
    session.commit()

    assert (before, names(session, "reimbursement")) == ([], ["Refunds"])


def test_what_a_rolled_back_transaction_added_is_never_found_again(session):
    catalogue.create_skill(session, entry("Billing"), by=BY)
    session.commit()
    catalogue.create_skill(session, entry("Telepathy"), by=BY)
    inside = names(session, "telepathy")

    session.rollback()

    assert (inside, names(session, "telepathy")) == (["Telepathy"], [])


def test_retired_skills_are_found_only_if_asked_for(session):
    skill = catalogue.create_skill(session, entry("Telex"), by=BY)
    catalogue.retire_skill(session, skill, by=BY)

    assert names(session, "telex") == []
    assert names(session, "telex", retired=True) == ["Telex"]


def test_skills_that_were_merged_into_others_are_not_found(session):
    kept = catalogue.create_skill(session, entry("Refunds"), by=BY)
    merged = catalogue.create_skill(session, entry("Money back"), by=BY)
    merged.merged_into_id = kept.id

    assert names(session, "money back", retired=True) == []


def test_catalogue_palette_and_own_skills_find_alike(session, make):
    for name in ("Refund fraud", "Partial refunds", "Billing"):
        catalogue.create_skill(session, entry(name), by=BY)
    agent = make.person()
    wanted = ["Refund fraud", "Partial refunds"]

    listed = catalogue.list_skills(session, CatalogueFilter(text="refund"), viewer=make.viewer(agent))

    assert [line.skill.name for line in listed] == wanted
    assert [skill.name for skill in palette.find_skills(session, "refund")] == wanted
    assert [skill.name for skill in own_skills.list_addable_skills(session, agent.id, text="refund")] == wanted


def test_synonyms_are_kept_once_and_without_the_name_itself(session):
    skill = catalogue.create_skill(session, entry("Refunds", " money back ", "Money-back", "refunds", ""), by=BY)

    assert catalogue.describe(skill).synonyms == ("money back",)


def test_synonyms_that_stay_keep_their_rows_when_others_change(session):
    skill = catalogue.create_skill(session, entry("Refunds", "a", "b"), by=BY)
    session.flush()
    kept = {synonym.text: synonym.id for synonym in skill.synonyms}

    catalogue.edit_skill(session, skill, entry("Refunds", "b", "c"), version=skill.version, seen={}, by=BY)

    assert {synonym.text: synonym.id for synonym in skill.synonyms}["b"] == kept["b"]
    assert {synonym.text for synonym in skill.synonyms} == {"b", "c"}


@pytest.mark.parametrize("synonyms", [["x" * 201], [f"word {number}" for number in range(101)]])
def test_synonyms_that_are_too_long_or_too_many_are_refused(session, synonyms):
    with pytest.raises(InvalidInputError) as refused:
        catalogue.create_skill(session, entry("Refunds", *synonyms), by=BY)

    assert refused.value.field == "synonyms"


def test_a_field_that_chooses_a_skill_asks_for_the_best_first(session, make, sign_in):
    refunds = catalogue.create_skill(session, entry("Refunds", "money back"), by=BY)
    fraud = catalogue.create_skill(session, entry("Refund fraud"), by=BY)
    agent = sign_in(make.person())

    assert agent.get("/palette/skills?q=refnds").json["ids"] == [refunds.id]
    assert agent.get("/palette/skills?q=refund").json["ids"] == [refunds.id, fraud.id]
    assert agent.get("/palette/skills").json["ids"] == []
