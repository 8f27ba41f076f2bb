"""The command palette: finds what a person may open, and nothing else."""

from __future__ import annotations

import pytest

from tests.factories import NOW
from webapp.models import Role
from webapp.services import palette


@pytest.mark.parametrize(("words", "found"), [("", True), ("heat", True), ("map heat", True), ("heat maps", False)])
def test_a_page_is_found_by_all_its_words(words, found):
    assert palette.matches("Heat map", words) is found


def test_people_whose_name_begins_so_come_first(make):
    lead = make.person(roles=[Role.ADMIN], name="Zoe Admin")
    make.person(name="Ana Maria")
    make.person(name="Maria Zola")
    found = palette.find_people(make.session, "maria", viewer=make.viewer(lead))
    assert [person.name for person in found] == ["Maria Zola", "Ana Maria"]


def test_a_lead_finds_their_team_only(make):
    near, far = make.team(), make.team()
    lead = make.person(roles=[Role.LEAD], leads=[near], name="Lead")
    make.person(name="Kim Near", team=near)
    make.person(name="Kim Far", team=far)
    found = palette.find_people(make.session, "kim", viewer=make.viewer(lead))
    assert [person.name for person in found] == ["Kim Near"]


def test_an_agent_finds_no_people(make):
    agent = make.person(name="Kim")
    assert palette.find_people(make.session, "kim", viewer=make.viewer(agent)) == []


def test_inactive_people_and_retired_skills_are_not_found(make):
    admin = make.person(roles=[Role.ADMIN])
    make.person(name="Gone Away", active=False)
    make.skill(name="Telex").retired_at = NOW
    make.session.flush()
    assert palette.find_people(make.session, "gone", viewer=make.viewer(admin)) == []
    assert palette.find_skills(make.session, "telex") == []


@pytest.mark.parametrize("words", ["%", "_", "100%"])
def test_signs_of_the_database_are_letters_like_others(make, words):
    make.skill(name="Refunds")
    assert palette.find_skills(make.session, words) == []


def test_people_are_found_by_their_number_and_skills_by_their_code(make):
    admin = make.person(roles=[Role.ADMIN])
    make.person(name="Kim", external_id="E-4711")
    make.skill(name="Refunds", code="REF-7")
    assert len(palette.find_people(make.session, "4711", viewer=make.viewer(admin))) == 1
    assert len(palette.find_skills(make.session, "ref-7")) == 1


def test_no_more_than_a_handful_is_offered(make):
    for _ in range(palette.LIMIT + 3):
        make.skill()
    assert len(palette.find_skills(make.session, "skill")) == palette.LIMIT


def test_the_page_answers_with_pages_people_and_skills(make, sign_in):
    admin = make.person(roles=[Role.ADMIN])
    make.person(name="Audrey Stone")
    make.skill(name="Audio chat")
    hits = sign_in(admin).get("/palette?q=aud").get_json()["hits"]
    assert {(hit["kind"], hit["text"]) for hit in hits} >= {
        ("page", "Audit trail"),
        ("person", "Audrey Stone"),
        ("skill", "Audio chat"),
    }
    assert all(hit["url"].startswith("/") for hit in hits)


def test_without_letters_it_offers_the_persons_pages(make, sign_in):
    hits = sign_in(make.person()).get("/palette").get_json()["hits"]
    assert {hit["kind"] for hit in hits} == {"page"}
    assert "Audit trail" not in {hit["text"] for hit in hits}


def test_the_palette_is_for_those_who_signed_in(client):
    assert client.get("/palette?q=a", headers={"Accept": "application/json"}).status_code == 401
