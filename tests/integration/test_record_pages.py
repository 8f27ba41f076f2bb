"""My skills, and the skills of people whom one works with."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW, TODAY
from webapp.models import Interest, Role, SkillEventKind
from webapp.services import records
from webapp.services.records import NewEvent

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def team(make):
    return make.team(name="Ours")


@pytest.fixture
def ana(make, team):
    return make.person(name="Ana", team=team, external_id="a1")


@pytest.fixture
def billing(make):
    return make.skill(name="Billing", code="billing", group=make.group(name="Money"))


def give(make, person, skill, level, *, expires_on=None, kind=SkillEventKind.PROVISIONAL):
    event = NewEvent(person.id, skill.id, kind, level=level, at=NOW - dt.timedelta(days=9), expires_on=expires_on)
    records.append_events(make.session, [event], by=make.actor())
    records.reproject(make.session, [(person.id, skill.id)], TODAY)


@pytest.fixture
def projection_of(database):
    """Return a function that reads a record as the application left it."""

    def _read(person, skill):
        with database.reading() as session:
            return records.projections_on(session, [person.id], TODAY)[person.id].get(skill.id)

    return _read


def test_an_empty_record_names_the_next_step(ana, sign_in):
    answer = sign_in(ana).get("/my/skills")

    assert answer.status_code == 200
    assert "Your record is empty" in answer.text
    assert "/my/skills/add" in answer.text


def test_a_record_says_in_words_what_a_level_rests_on(make, ana, billing, sign_in):
    give(make, ana, billing, 3, expires_on=TODAY + dt.timedelta(days=9))

    text = sign_in(ana).get("/my/skills").text

    assert "Imported, nobody has reviewed it; expires on Wed 2 Dec 2026" in text
    assert "warn-text" in text


def test_a_search_that_finds_nothing_leads_to_the_catalogue(make, ana, billing, sign_in):
    give(make, ana, billing, 3)
    client = sign_in(ana)

    assert "Billing" in client.get("/my/skills?q=bill").text
    assert "/my/skills/add?q=zzz" in client.get("/my/skills?q=zzz").text


def test_the_record_comes_as_csv(make, ana, billing, sign_in):
    give(make, ana, billing, 3)

    answer = sign_in(ana).get("/my/skills?format=csv")

    assert answer.mimetype == "text/csv"
    assert "billing,Billing,,3,3,yes,,none" in answer.text


def test_skills_to_add_are_found_by_word_and_leave_out_what_is_claimed(make, ana, billing, sign_in):
    make.skill(name="Spanish")
    records.claim_level(make.session, ana, skill_id=billing.id, level=2, by=make.actor(ana))
    client = sign_in(ana)

    everything, nothing = client.get("/my/skills/add").text, client.get("/my/skills/add?q=zzz").text

    assert "Spanish" in everything
    assert f"/my/skills/{billing.id}/claim" not in everything
    assert "Nothing in the catalogue matches" in nothing


def test_a_claim_is_made_with_what_supports_it_and_can_be_undone(projection_of, ana, billing, sign_in):
    client = sign_in(ana)

    made = client.post(f"/my/skills/{billing.id}/claim", data={"level": "4", "note": "Ask Ben."})
    claimed = projection_of(ana, billing).claimed_level
    toast = client.get("/my/skills").text
    undone = client.post(f"/my/skills/{billing.id}/withdraw")

    assert (made.status_code, claimed, undone.status_code) == (302, 4, 302)
    assert f"/my/skills/{billing.id}/withdraw" in toast
    assert projection_of(ana, billing).claimed_level is None


def test_the_form_shows_what_is_claimed_now(make, ana, billing, sign_in):
    records.claim_level(make.session, ana, skill_id=billing.id, level=2, by=make.actor(ana))

    text = sign_in(ana).get(f"/my/skills/{billing.id}/claim").text

    assert '<input checked class="form-check-input" id="level-2"' in text


@pytest.mark.parametrize("data", [{}, {"level": "6"}, {"level": "x"}, {"level": "3", "note": "x" * 1001}])
def test_a_claim_that_is_none_is_refused_beside_its_field(make, ana, billing, sign_in, data):
    answer = sign_in(ana).post(f"/my/skills/{billing.id}/claim", data=data)

    assert answer.status_code == 422
    assert "field-error" in answer.text


def test_nobody_claims_for_another_whatever_the_form_says(make, projection_of, ana, billing, sign_in):
    """A form field that names a person, a validated level or an author is not read."""
    ben = make.person(name="Ben")
    data = {"level": "5", "person_id": str(ben.id), "validated_level": "5", "author_id": "1"}

    sign_in(ana).post(f"/my/skills/{billing.id}/claim", data=data)

    assert projection_of(ana, billing).validated_level == 0
    assert projection_of(ben, billing) is None


def test_a_skill_that_does_not_exist_is_not_found(ana, sign_in):
    client = sign_in(ana)

    assert client.get("/my/skills/99/claim").status_code == 404
    assert client.get("/my/skills/99").status_code == 404
    assert client.post("/my/skills/99/confirm").status_code == 404


def test_still_right_is_one_click(make, projection_of, ana, billing, sign_in):
    give(make, ana, billing, 3)

    answer = sign_in(ana).post(f"/my/skills/{billing.id}/confirm")

    assert answer.status_code == 302
    assert projection_of(ana, billing).confirmed_at == NOW


def test_a_wish_is_set_and_its_undo_restores_the_one_before(make, projection_of, ana, billing, sign_in):
    give(make, ana, billing, 3)
    client = sign_in(ana)

    client.post(f"/my/skills/{billing.id}/interest/grow")
    grown = projection_of(ana, billing).interest
    toast = client.get("/my/skills").text

    assert grown is Interest.GROW
    assert f"/my/skills/{billing.id}/interest/none" in toast
    assert client.post(f"/my/skills/{billing.id}/interest/love").status_code == 404


def test_a_wish_about_a_retired_skill_is_refused(make, ana, billing, sign_in):
    give(make, ana, billing, 3)
    billing.retired_at = NOW

    assert sign_in(ana).post(f"/my/skills/{billing.id}/interest/grow").status_code == 422


def test_one_record_shows_its_log_and_its_figure(make, ana, billing, sign_in):
    give(make, ana, billing, 3)
    records.claim_level(make.session, ana, skill_id=billing.id, level=4, note="Ask Ben.", by=make.actor(ana))
    client = sign_in(ana)

    page = client.get(f"/my/skills/{billing.id}").text
    picture = client.get(f"/my/skills/{billing.id}/figure?format=csv").text

    assert "Ask Ben." in page
    assert "Billing: level over time" in page
    assert "2026-11-23,4,3" in picture


def test_the_history_shows_events_levels_over_time_and_any_day(make, ana, billing, sign_in):
    give(make, ana, billing, 3)
    client = sign_in(ana)

    page = client.get("/my/skills/history?on=2026-11-20").text
    before = client.get("/my/skills/history?on=2026-01-01").text

    assert "Skills by level" in page
    assert "Nothing was on record on Thu 1 Jan 2026" in before
    assert client.get("/my/skills/history/figure").mimetype == "image/svg+xml"
    assert "billing,provisional,3" in client.get("/my/skills/history.csv").text


def test_a_history_without_events_says_so(ana, sign_in):
    assert "Nothing has happened yet" in sign_in(ana).get("/my/skills/history").text


def test_those_who_are_no_agents_have_no_own_record(make, sign_in):
    hr = make.person(roles=[Role.HR])

    assert sign_in(hr).get("/my/skills").status_code == 403


def test_a_lead_reads_the_skills_of_their_people_and_may_review_them(make, team, ana, billing, sign_in):
    give(make, ana, billing, 3)
    lead = make.person(roles=[Role.LEAD], leads=[team])
    client = sign_in(lead)

    page = client.get(f"/people/{ana.id}/skills").text

    assert "Skills of Ana" in page
    assert "/reviews?record=" in page
    assert "a1,billing,Billing,,3,3,yes,,none" in client.get(f"/people/{ana.id}/skills?format=csv").text
    assert "billing,provisional,3" in client.get(f"/people/{ana.id}/skills/history.csv").text
    assert client.get(f"/people/{ana.id}/skills/figure").status_code == 200


def test_hr_reads_but_is_not_offered_to_review(make, ana, billing, sign_in):
    give(make, ana, billing, 3)
    hr = make.person(roles=[Role.HR])

    page = sign_in(hr).get(f"/people/{ana.id}/skills").text

    assert "Skills of Ana" in page
    assert "/reviews?record=" not in page


def test_a_persons_skills_are_shown_as_of_any_day(make, team, ana, billing, sign_in):
    give(make, ana, billing, 3, expires_on=TODAY + dt.timedelta(days=3))
    client = sign_in(make.person(roles=[Role.LEAD], leads=[team]))

    before = client.get(f"/people/{ana.id}/skills?on=2026-11-01").text
    after = client.get(f"/people/{ana.id}/skills?on=2026-12-24").text

    assert "Nothing on record" in before
    assert "This is what remains by then" in after
    assert "Nothing on record" in after


@pytest.mark.parametrize("path", ["", "/history.csv", "/figure"])
def test_people_outside_the_scope_are_not_found(make, billing, sign_in, path):
    stranger = make.person(team=make.team())
    lead = make.person(roles=[Role.LEAD], leads=[make.team()])

    assert sign_in(lead).get(f"/people/{stranger.id}/skills{path}").status_code == 404
