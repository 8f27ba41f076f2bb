"""Calibration, second looks and quality criteria: their pages, and who sees what."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.models import EvaluationCriterion, ImportKind, Role, SkillEventKind
from webapp.services import calibration, calibration_sampling, evaluations, records
from webapp.services.importing import batches
from webapp.services.records import NewEvent

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

DAY = dt.timedelta(days=1)


@pytest.fixture
def team(make):
    """Return a team."""
    return make.team(name="Blue")


@pytest.fixture
def lead(make, team):
    """Return its lead."""
    return make.person(name="Lena", roles=[Role.LEAD], leads=[team], is_agent=False)


@pytest.fixture
def hr(make):
    """Return somebody of HR."""
    return make.person(name="Hanna", roles=[Role.HR], is_agent=False)


@pytest.fixture
def listening(make):
    """Return a skill."""
    return make.skill(code="listening", name="Listening")


def say(make, person, skill, kind, author, level, *, days):
    """Append one event and project the record."""
    by = make.actor(author, at=NOW - days * DAY)
    records.append_events(make.session, [NewEvent(person.id, skill.id, SkillEventKind(kind), level=level)], by=by)
    records.reproject(make.session, [(person.id, skill.id)], TODAY)


def claim_and_find(make, person, skill, reviewer, *, claimed, reviewed, evaluated):
    """Let somebody claim, a lead review, and a quality evaluation come later."""
    say(make, person, skill, "claim", person, claimed, days=40)
    say(make, person, skill, "review", reviewer, reviewed, days=35)
    say(make, person, skill, "evaluation", None, evaluated, days=30)


def test_a_lead_sees_their_team_and_themselves_and_hr_sees_all(make, team, lead, hr, listening):
    other_team = make.team()
    other_lead = make.person(name="Otto", roles=[Role.LEAD], leads=[other_team], is_agent=False)
    claim_and_find(make, make.person(team=team), listening, lead, claimed=4, reviewed=3, evaluated=2)
    claim_and_find(make, make.person(team=other_team), listening, other_lead, claimed=1, reviewed=5, evaluated=3)

    seen = calibration.calibrate(make.session, viewer=make.viewer(lead), on=TODAY)
    whole = calibration.calibrate(make.session, viewer=make.viewer(hr), on=TODAY)

    assert seen.whole is not None
    assert whole.whole is not None
    assert (seen.whole.count, seen.whole.bias) == (1, 1.5)
    assert [(line.reviewer, line.accuracy.bias) for line in seen.reviewers] == [(lead, 1.0)]
    assert (whole.whole.count, whole.whole.bias) == (2, -0.75)
    assert [line.reviewer.name for line in whole.reviewers] == ["Lena", "Otto"]


def test_the_page_says_when_there_is_too_little(make, team, lead, listening, sign_in):
    claim_and_find(make, make.person(team=team), listening, lead, claimed=4, reviewed=3, evaluated=2)

    page = sign_in(lead).get("/calibration").text

    assert "Too few to tell: fewer than 5" in page
    assert "Of 1 claims 0 met the level that others found later, 1 lay above it" in page


def test_the_page_shows_bias_with_its_interval_and_the_tables_as_csv(make, team, lead, hr, listening, sign_in):
    for _ in range(6):
        claim_and_find(make, make.person(team=team), listening, lead, claimed=4, reviewed=3, evaluated=2)
    client = sign_in(hr)

    assert "+1.50" in client.get("/calibration").text
    assert "listening,Listening,6,6,1.5,1.5,1.5,1.5,0.0" in client.get("/calibration?format=csv").text
    assert "Lena,6,6,1.0" in client.get("/calibration?format=csv&table=reviewers").text
    figure = client.get(f"/calibration/figure?skill={listening.id}&format=csv").text
    assert "4,2,6" in figure
    assert client.get("/calibration/figure").mimetype == "image/svg+xml"
    assert client.get("/calibration/figure?skill=999").status_code == 404


def test_nothing_to_compare_is_said_plainly_and_agents_are_kept_out(make, lead, sign_in):
    assert "Nothing to compare yet" in sign_in(lead).get("/calibration").text
    assert sign_in(make.person()).get("/calibration").status_code == 403


def test_second_looks_stay_the_same_all_week_and_mark_what_is_done(make, team, lead, listening, sign_in):
    people = [make.person(name=f"Agent {number}", team=team) for number in range(10)]
    for person in people:
        say(make, person, listening, "review", lead, 3, days=100)
    viewer, session = make.viewer(lead), make.session

    monday = calibration_sampling.second_looks(session, viewer=viewer, on=TODAY)
    say(make, monday[0].record.person, listening, "review", lead, 5, days=0)
    sunday = calibration_sampling.second_looks(session, viewer=viewer, on=TODAY + 6 * DAY)

    assert len(monday) == calibration_sampling.PLACES
    assert [look.record.id for look in sunday] == [look.record.id for look in monday]
    assert [look.done for look in sunday] == [True, *[False] * 5]
    client = sign_in(lead)
    page = client.get("/calibration").text
    assert "Worth a second look this week" in page
    assert f"/reviews?record={monday[1].record.id}" in page
    assert client.get("/calibration/second-look.csv").text.count("\n") == 7


def test_second_looks_are_spread_over_tenure_and_leave_out_what_was_reviewed_lately(make, team, lead, listening):
    for number in range(9):
        hired_on = TODAY - (100 if number < 3 else 2_000) * DAY
        person = make.person(team=team, hired_on=hired_on)
        say(make, person, listening, "review", lead, 3, days=100)
    say(make, make.person(team=team), listening, "review", lead, 3, days=10)

    looks = calibration_sampling.second_looks(make.session, viewer=make.viewer(lead), on=TODAY, places=3)

    # Ten people, three of them new: 3 × 3/10 and 3 × 7/10 of three places.
    assert sorted(look.stratum.tenure for look in looks) == ["3 years or more", "3 years or more", "under a year"]
    assert calibration_sampling.second_looks(make.session, viewer=make.viewer(make.person()), on=TODAY) == []


@pytest.fixture
def criterion(make, hr):
    """Return a criterion that waits, with its file."""
    make.person(external_id="a1")
    by = make.actor()
    text = "person,date,criterion,score,scale_max\na1,2026-11-03,Empathy,4,5\na1,2026-11-04,Empathy,5,5\n"
    batch = batches.upload(
        make.session, kind=ImportKind.EVALUATIONS, file_name="qa.csv", content=text.encode(), viewer=None, by=by
    )
    batches.apply(make.session, batch, viewer=None, by=by)
    return make.session.scalars(select(EvaluationCriterion)).one()


def form_of(criterion, skill_id, **changes):
    """Return what the form of a criterion sends."""
    cuts = {f"cut_{level}": round(100 * cut) for level, cut in enumerate(evaluations.USUAL_CUTS, start=1)}
    return {"skill_id": skill_id, "version": criterion.version, **cuts, **changes}


def test_hr_maps_a_criterion_with_a_preview_on_its_last_file(make, hr, criterion, listening, sign_in):
    client, address = sign_in(hr), f"/calibration/criteria/{criterion.id}"
    assert "waits for a skill" in client.get("/calibration/criteria").text
    assert "4 of 0–5" in client.get(address).text

    looked = client.post(address, data=form_of(criterion, listening.id, look="1", cut_5="75"))
    kept = client.post(address, data=form_of(criterion, listening.id), follow_redirects=True)

    assert "4 of 0–5, 5 of 0–5" in looked.text
    assert "Empathy is kept" in kept.text
    assert "Quality,Empathy,listening,10,30,50,70,90,no,2" in client.get("/calibration/criteria?format=csv").text


@pytest.mark.parametrize(("changes", "words"), [({"cut_1": "80"}, "that rise"), ({"cut_1": ""}, "Give a share.")])
def test_shares_that_make_no_sense_are_refused(hr, criterion, listening, sign_in, changes, words):
    data = form_of(criterion, listening.id, **changes)

    answer = sign_in(hr).post(f"/calibration/criteria/{criterion.id}", data=data)

    assert answer.status_code == 422
    assert words in answer.text


def test_only_hr_maps_criteria_and_unknown_ones_are_not_found(lead, hr, criterion, sign_in):
    assert sign_in(lead).get("/calibration/criteria").status_code == 403
    assert sign_in(hr).get("/calibration/criteria/999").status_code == 404
