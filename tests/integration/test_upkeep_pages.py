"""Keeping a record alive by pages: one tap, many at once, the month's five, the week, freshness, deputies, overdue."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from tests.factories import NOW, TODAY
from webapp.models import Role
from webapp.services import records

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

DAY = dt.timedelta(days=1)


@pytest.fixture
def team(make):
    return make.team(name="Ours")


@pytest.fixture
def ana(make, team):
    return make.person(name="Ana", team=team)


@pytest.fixture
def lea(make, team):
    return make.person(name="Lea", roles=[Role.LEAD], leads=[team])


@pytest.fixture
def skills(make, ana):
    """Seven skills that nobody has said anything about for 60 to 66 days."""
    quiet = [make.skill(name=f"Skill {number}") for number in range(7)]
    for number, skill in enumerate(quiet):
        make.record(ana, skill, 3, at=NOW - (60 + number) * DAY)
    return quiet


def found(pattern, page):
    match = re.search(pattern, page)
    assert match is not None, f"{pattern} is not on the page"
    return match[1]


def undo_of(page):
    return found(r'"(/my/skills/confirmations/[\d,]+/take-back)"', page)


@pytest.fixture
def confirmed(database, ana):
    """Return a function that tells which skills Ana has confirmed."""

    def _read():
        with database.reading() as session:
            kept = records.projections_on(session, [ana.id], TODAY)[ana.id]
        return {skill_id for skill_id, projection in kept.items() if projection.confirmed_at}

    return _read


def test_one_tap_confirms_and_the_toast_takes_it_back(ana, skills, sign_in, confirmed):
    client = sign_in(ana)

    page = client.post(f"/my/skills/{skills[0].id}/confirm", follow_redirects=True).text
    after = confirmed()
    taken_back = client.post(undo_of(page), follow_redirects=True).text

    assert after == {skills[0].id}
    assert "Skill 0 is noted as still right." in page
    assert "Taken back: Skill 0." in taken_back
    assert confirmed() == set()


def test_all_that_the_list_shows_are_confirmed_at_once(ana, skills, sign_in, confirmed):
    client = sign_in(ana)
    shown = re.findall(r'name="skill_id"\s+value="(\d+)"', client.get("/my/skills?q=Skill").text)

    page = client.post("/my/skills/confirm", data={"skill_id": shown[:3]}, follow_redirects=True).text

    assert len(shown) == 7
    assert confirmed() == {int(skill_id) for skill_id in shown[:3]}
    assert "3 skills are noted as still right." in page
    client.post(undo_of(page))
    assert confirmed() == set()


def test_what_was_confirmed_today_is_not_asked_for_again(ana, skills, sign_in):
    client = sign_in(ana)
    client.post("/my/skills/confirm", data={"skill_id": [skill.id for skill in skills]})

    page = client.get("/my/skills").text

    assert "All of these are right" not in page
    assert "to look at this month" not in page


@pytest.mark.parametrize("data", [{}, {"skill_id": [10_000]}])
def test_confirming_nothing_or_what_is_not_there_is_not_found(ana, skills, sign_in, data):
    assert sign_in(ana).post("/my/skills/confirm", data=data).status_code == 404


@pytest.mark.parametrize("ids", ["1", "x", "1,x", "9" * 30])
def test_only_own_confirmations_are_taken_back(make, ana, skills, sign_in, ids):
    assert sign_in(make.person()).post(f"/my/skills/confirmations/{ids}/take-back").status_code == 404


def test_a_confirmation_is_taken_back_once(ana, skills, sign_in):
    client = sign_in(ana)
    undo = undo_of(client.post(f"/my/skills/{skills[0].id}/confirm", follow_redirects=True).text)
    client.post(undo)

    assert client.post(undo).status_code == 409


def test_the_quick_review_is_done_in_five_taps(ana, skills, sign_in, confirmed):
    client = sign_in(ana)
    page, taps, names = client.get("/my/skills/quick").text, 0, []
    while answer := re.search(r'action="(/my/skills/quick/\d+)"', page):
        names.append(found(r'id="quick-skill">([^<]+)<', page))
        page, taps = client.post(answer[1], follow_redirects=True).text, taps + 1

    # The oldest sign of life first.
    assert names == ["Skill 6", "Skill 5", "Skill 4", "Skill 3", "Skill 2"]
    assert taps == 5
    assert "Done for November" in page
    assert len(confirmed()) == 5


def test_the_quick_review_of_a_skill_that_is_not_on_record_is_not_found(make, ana, sign_in):
    skill = make.skill()

    assert sign_in(ana).post(f"/my/skills/quick/{skill.id}").status_code == 404


def test_interest_has_three_answers_one_tap_each(ana, skills, sign_in):
    page = sign_in(ana).get("/my/skills").text

    for wish in ("grow", "rather_not", "none"):
        assert f'action="/my/skills/{skills[0].id}/interest/{wish}"' in page


def test_a_level_about_to_fall_says_when_and_what_keeps_it(make, ana, sign_in):
    skill = make.skill(name="Billing")
    skill.half_life_days = 100
    make.record(ana, skill, 4, at=NOW)

    text = " ".join(sign_in(ana).get("/my/skills").text.split())
    week = sign_in(ana).get("/my/week").text

    # A level 4 with a half-life of 100 days is 3 from the 20th day on; the lead is asked 14 days before.
    assert (
        "Fades on Sun 13 Dec 2026 unless you use it or it is reviewed; your lead is asked from Sun 29 Nov 2026" in text
    )
    assert "Billing fades on 13 Dec: work with it or a review keeps it." in week


def test_the_week_of_somebody_for_whom_nothing_waits_is_empty(make, sign_in):
    answer = sign_in(make.person()).get("/my/week")

    assert answer.status_code == 200
    assert "Nothing waits for you" in answer.text


def test_the_week_of_a_lead_names_what_waits_and_what_is_overdue(make, ana, lea, sign_in):
    skill = make.skill()
    records.claim_level(make.session, ana, skill_id=skill.id, level=3, by=make.actor(ana, at=NOW - 11 * DAY))

    week = sign_in(lea).get("/my/week").text

    assert "1 claim." in week
    assert "1 of them has waited for 10 days or longer; HR sees them, too." in week


def test_answers_of_the_lead_stand_in_the_week(make, ana, lea, sign_in):
    skill = make.skill(name="Billing")
    make.record(ana, skill, 3, by=lea, at=NOW - 2 * DAY)
    make.record(ana, make.skill(name="Old"), 3, by=lea, at=NOW - 8 * DAY)

    week = sign_in(ana).get("/my/week").text

    assert "Lea reviewed Billing at 3." in week
    assert "reviewed Old" not in week


def test_everybody_reads_what_freshness_means_and_leads_see_their_teams(make, ana, lea, team, skills, sign_in):
    make.team(name="Theirs")

    agents, leads = sign_in(ana).get("/freshness").text, sign_in(lea).get("/freshness").text
    table = sign_in(lea).get("/freshness?format=csv").text

    assert "180 days" in agents
    assert "Ours" not in agents
    assert "100 %" in leads
    assert "Theirs" not in leads
    assert table.strip().splitlines()[1:] == [f"{team.code},Ours,Home,7,7,1.0"]


def name_deputy(client, lead, deputy, *, first=TODAY, last=TODAY + 6 * DAY):
    data = {"lead_id": lead.id, "deputy_id": deputy.id, "starts_on": first.isoformat(), "last_on": last.isoformat()}
    return client.post("/deputies", data=data, follow_redirects=True)


def test_a_lead_names_a_deputy_who_then_sees_whose_inbox_it_is(make, ana, lea, team, sign_in):
    ben, skill = make.person(name="Ben", team=team), make.skill(name="Billing")
    record = records.claim_level(make.session, ben, skill_id=skill.id, level=3, by=make.actor(ben))
    client, deputy = sign_in(lea), sign_in(ana)
    assert deputy.get("/reviews").status_code == 403

    page = name_deputy(client, lea, ana).text
    inbox = deputy.get("/reviews").text

    assert "Ana reviews in place of Lea." in page
    assert "For Lea" in inbox
    assert "You look at it in place of Lea." in inbox
    answered = deputy.post(f"/reviews/{record.id}", data={"level": "2"}, follow_redirects=True)
    assert "Ben is reviewed at level 2 in Billing." in answered.text


def test_ending_it_takes_the_inbox_away(make, ana, lea, sign_in):
    client, deputy = sign_in(lea), sign_in(ana)
    page = name_deputy(client, lea, ana).text

    ended = client.post(found(r'"(/deputies/\d+/end)"', page), follow_redirects=True).text

    assert "Ana no longer reviews in place of Lea." in ended
    assert deputy.get("/reviews").status_code == 403


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [(TODAY, TODAY - DAY, "The last day comes before the first."), (TODAY, TODAY + 100 * DAY, "92 days at most")],
)
def test_days_that_make_no_sense_are_named_beside_their_field(ana, lea, sign_in, first, last, message):
    answer = name_deputy(sign_in(lea), lea, ana, first=first, last=last)

    assert answer.status_code == 422
    assert message in answer.text


def test_a_second_deputy_for_the_same_days_is_refused(make, team, ana, lea, sign_in):
    ben = make.person(name="Ben", team=team)
    client = sign_in(lea)
    name_deputy(client, lea, ana)

    answer = name_deputy(client, lea, ben)

    assert answer.status_code == 422
    assert "Ana is deputy from 23 Nov 2026 to 29 Nov 2026." in answer.text


def test_an_agent_reads_who_stands_in_and_names_nobody(ana, lea, sign_in):
    client = sign_in(ana)

    assert "Nobody has a deputy" in client.get("/deputies").text
    assert name_deputy(client, lea, ana).status_code == 403


def test_hr_sees_what_is_overdue_and_who_should_answer(make, ana, lea, sign_in):
    skill = make.skill(name="Billing")
    records.claim_level(make.session, ana, skill_id=skill.id, level=3, by=make.actor(ana, at=NOW - 12 * DAY))
    hr = sign_in(make.person(name="Hana", roles=[Role.HR]))

    page = " ".join(hr.get("/reviews/overdue").text.split())
    table = hr.get("/reviews/overdue?format=csv").text

    assert "12 days" in page
    assert f'href="/deputies?lead={lea.id}"' in page
    assert table.strip().splitlines()[1].endswith("claim,2026-11-11,12,Lea")
    assert hr.get("/reviews").status_code == 403
    assert sign_in(lea).get("/reviews/overdue").status_code == 403


def test_a_team_that_nobody_leads_is_named(make, sign_in):
    alone = make.person(team=make.team(name="Nobody's"))
    records.claim_level(make.session, alone, skill_id=make.skill().id, level=3, by=make.actor(alone, at=NOW - 12 * DAY))

    page = sign_in(make.person(roles=[Role.HR])).get("/reviews/overdue").text

    assert "Nobody leads this team." in page


def test_the_inbox_shows_both_sides_and_marks_what_is_overdue(make, ana, lea, sign_in):
    skill = make.skill(name="Billing")
    make.record(ana, skill, 1, by=make.person(name="Rob"), at=NOW - 40 * DAY)
    by = make.actor(ana, at=NOW - 13 * DAY)
    records.claim_level(make.session, ana, skill_id=skill.id, level=4, note="I train others.", by=by)

    page = " ".join(sign_in(lea).get("/reviews").text.split())

    assert "The claim is two levels or more away from what others have seen." in page
    assert "Ana claims" in page
    assert "I train others." in page
    assert "13 days" in page
