"""Hidden skills: held, wanted and never scheduled."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW, TODAY
from tests.factories.plans import assign, draft_plan
from webapp.models import Interest, PlanState, Role, SkillEventKind
from webapp.services import hidden_skills, records
from webapp.services.records import NewEvent


class Centre:
    """Ana holds Spanish 3, wants it, and two mails of the week ask for Spanish 2; Ben holds it and would rather not."""

    def __init__(self, make):
        self.make, self.session = make, make.session
        self.team = make.team(name="Ours")
        self.lead = make.person(roles=[Role.LEAD], leads=[self.team])
        self.ana, self.ben = make.person(name="Ana", team=self.team), make.person(name="Ben", team=self.team)
        self.spanish = make.skill(name="Spanish")
        make.record(self.ana, self.spanish, 3, interest=Interest.GROW)
        make.record(self.ben, self.spanish, 4, interest=Interest.RATHER_NOT)
        self.mail = make.engagement_type(name="Spanish mail", requires={self.spanish: 2}, handle_minutes=20)
        self.engagements = [make.engagement(self.mail) for _ in range(2)]

    def plan(self, person, *, day_on=TODAY, state=PlanState.PUBLISHED):
        plan = draft_plan(self.make, day_on=day_on)
        assign(self.make, plan, self.engagements[0], person)
        plan.state = state
        self.session.flush()

    def found(self, **values):
        lines = hidden_skills.find_hidden_skills(self.session, TODAY, viewer=self.make.viewer(self.lead), **values)
        return [(line.person.name, line.skill.name) for line in lines]


@pytest.fixture
def centre(make):
    return Centre(make)


def test_a_wanted_skill_that_no_plan_uses_is_hidden_with_the_work_that_misses_it(centre):
    (line,) = hidden_skills.find_hidden_skills(centre.session, TODAY, viewer=centre.make.viewer(centre.lead))

    assert (line.person, line.skill) == (centre.ana, centre.spanish)
    assert (line.demand.count, line.demand.minutes) == (2, 40)


def test_work_in_a_published_plan_brings_it_to_light(centre):
    centre.plan(centre.ana)

    assert centre.found() == []


def test_a_draft_or_a_plan_of_long_ago_or_for_somebody_else_does_not(centre):
    centre.plan(centre.ana, state=PlanState.DRAFT)
    centre.plan(centre.ana, day_on=TODAY - dt.timedelta(days=91))
    centre.plan(centre.ben, day_on=TODAY - dt.timedelta(days=1))

    assert centre.found() == [("Ana", "Spanish")]


def test_a_contact_that_used_it_brings_it_to_light(centre):
    use = NewEvent(centre.ana.id, centre.spanish.id, SkillEventKind.USE, count=1, at=NOW - dt.timedelta(days=3))
    records.append_events(centre.session, [use], by=centre.make.actor())
    records.reproject(centre.session, [(centre.ana.id, centre.spanish.id)], TODAY)

    assert centre.found() == []


def test_silence_counts_only_when_asked_for_and_rather_not_never_does(centre):
    chat = centre.make.skill(name="Chat")
    centre.make.record(centre.ben, chat, 2)

    assert centre.found() == [("Ana", "Spanish")]
    assert centre.found(said=False) == [("Ana", "Spanish"), ("Ben", "Chat")]


def test_novices_and_people_out_of_sight_are_left_out(centre):
    stranger = centre.make.person(name="Zoe", team=centre.make.team())
    centre.make.record(stranger, centre.spanish, 4, interest=Interest.GROW)
    centre.make.record(centre.ben, centre.make.skill(name="Chat"), 1, interest=Interest.GROW)

    assert centre.found() == [("Ana", "Spanish")]
    assert centre.found(team_id=stranger.team_id) == []


def test_the_lead_reads_and_downloads_the_list(centre, sign_in):
    client = sign_in(centre.lead)

    page = client.get("/hidden-skills")
    sheet = client.get("/hidden-skills?format=csv")

    assert page.status_code == 200
    assert "Spanish" in page.text
    assert "40 min" in page.text
    assert sheet.text.splitlines()[1].endswith(",Ana,Ours,Spanish,3,grow,,2,40")


def test_an_agent_sees_their_own_and_nobody_elses(centre, sign_in):
    client = sign_in(centre.ana)

    own = client.get("/my/skills/hidden")

    assert "2 engagements ask" in own.text
    assert client.get("/hidden-skills").status_code == 403


def test_with_nothing_hidden_the_pages_say_so(centre, sign_in):
    centre.plan(centre.ana)

    assert "None of your skills lies idle" in sign_in(centre.ana).get("/my/skills/hidden").text
    assert "No skill lies idle" in sign_in(centre.lead).get("/hidden-skills").text
