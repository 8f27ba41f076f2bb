"""The huddle: what it shows of yesterday and today, and what becomes of what it agrees."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from tests.factories.plans import assign, draft_plan, publish
from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import EngagementEvent, EngagementState, HuddleNote, Notice, Praise, Role
from webapp.services import access
from webapp.services.audit import Actor
from webapp.services.talk import huddle, threads

HOUR = dt.timedelta(hours=1)
YESTERDAY = NOW - 24 * HOUR


class Morning:
    """A site with two teams on shift."""

    def __init__(self, make):
        self.make, self.session = make, make.session
        self.team, self.other = make.team(name="Red"), make.team(name="Blue")
        self.ada, self.ben = make.person(name="Ada", team=self.team), make.person(name="Ben", team=self.other)
        self.scheduler = make.person(name="Sid", roles=[Role.SCHEDULER])
        self.skill = make.skill(name="Billing")
        self.kind = make.engagement_type(name="Refund", requires={self.skill: 2})
        for person in (self.ada, self.ben):
            make.shift(person, starts_at=NOW - HOUR)

    def page(self, *, team=None):
        viewer = access.get_viewer(self.session, self.scheduler.id)
        return huddle.huddle_of(self.session, self.make.home, team=team, viewer=viewer, at=NOW)

    def happened(self, state, person, *, at=YESTERDAY):
        engagement = self.make.engagement(self.kind, state=state)
        self.session.add(
            EngagementEvent(
                engagement_id=engagement.id,
                at=at,
                action="test",
                before=None,
                after=state,
                actor_id=person.id,
                channel="page",
            )
        )
        self.session.flush()
        return engagement

    def agree(self, text="Call back first", *, owner=None, team=None):
        return huddle.agree(
            self.session,
            self.make.home,
            team=team,
            day_on=TODAY,
            text=text,
            owner_id=(owner or self.ada).id,
            by=Actor(person_id=self.scheduler.id, at=NOW),
        )


@pytest.fixture
def morning(make):
    return Morning(make)


def test_yesterday_is_what_was_done_praised_and_slipped_then(morning, make):
    morning.happened(EngagementState.DONE, morning.ada)
    morning.happened(EngagementState.DONE, morning.ben)
    morning.happened(EngagementState.DONE, morning.ada, at=NOW - HOUR)
    late = morning.happened(EngagementState.EXPIRED, morning.scheduler)
    make.session.add(
        Praise(external_id="P", at=YESTERDAY, customer_key="K", person_id=morning.ada.id, thanks_id=late.id)
    )
    make.session.flush()

    shown = morning.page()

    assert shown.done == 2
    assert shown.praised == [(morning.ada, 1)]
    assert [each.id for each in shown.slipped] == [late.id]
    assert morning.page(team=morning.other).done == 1
    assert morning.page(team=morning.other).praised == []


def test_today_is_who_is_here_and_who_is_away_by_team(morning, make):
    make.absence(morning.ben, NOW - HOUR, NOW + 5 * HOUR)

    shown = morning.page()

    assert [each.person.name for each in shown.here] == ["Ada"]
    assert [each.person.name for each in shown.away] == ["Ben"]
    assert morning.page(team=morning.team).away == []


def test_at_most_three_risks_the_first_due_first(morning, make):
    for number in range(5):
        make.engagement(
            morning.kind,
            external_id=f"C-{number}",
            state=EngagementState.CLASSIFIED,
            earliest_at=NOW - HOUR,
            due_at=NOW + (5 - number) * dt.timedelta(minutes=5),
            latest_at=NOW + HOUR,
        )

    assert [each.engagement.external_id for each in morning.page().risks] == ["C-4", "C-3", "C-2"]


def test_a_question_is_open_until_somebody_else_than_an_agent_has_the_last_word(morning, make):
    engagement = make.engagement(morning.kind, state=EngagementState.PLANNED)
    plan = draft_plan(make)
    assign(make, plan, engagement, morning.ada)
    publish(make, plan, by=morning.scheduler)
    for_ada, for_sid = (access.get_viewer(make.session, each.id) for each in (morning.ada, morning.scheduler))

    def say(viewer, key):
        by = Actor(person_id=viewer.person_id, at=NOW)
        threads.write(make.session, engagement.id, "Words", key=key, viewer=viewer, by=by)

    viewer = access.get_viewer(make.session, morning.scheduler.id)
    say(for_ada, "1")
    assert len([each for each in threads.list_threads(make.session, viewer=viewer) if each.open_question]) == 1
    say(for_sid, "2")
    assert not [each for each in threads.list_threads(make.session, viewer=viewer) if each.open_question]


def test_what_is_agreed_reaches_its_owner_once_and_stays_until_it_is_done(morning):
    note, again = morning.agree(), morning.agree()
    assert note.id == again.id
    (notice,) = morning.session.scalars(select(Notice).where(Notice.person_id == morning.ada.id)).all()
    assert "Call back" not in notice.text

    later = TODAY + dt.timedelta(days=2)
    assert huddle.list_own_notes(morning.session, morning.ada, day_on=later) == [note]
    huddle.close(morning.session, note, done=True, by=Actor(person_id=morning.ada.id, at=NOW))

    assert huddle.list_own_notes(morning.session, morning.ada, day_on=later) == []
    assert huddle.list_own_notes(morning.session, morning.ada, day_on=TODAY) == [note]


def test_what_one_team_agrees_another_does_not_see(morning):
    note = morning.agree(team=morning.team)

    assert huddle.list_own_notes(morning.session, morning.ben, day_on=TODAY) == []
    assert huddle.list_own_notes(morning.session, morning.ada, day_on=TODAY) == [note]
    with pytest.raises(NotFoundError):
        huddle.get_note(morning.session, note.id, viewer=access.get_viewer(morning.session, morning.ben.id))


@pytest.mark.parametrize(("text", "field"), [("", "text"), ("x" * 301, "text"), ("Fine", "owner_id")])
def test_a_note_has_words_and_an_owner_of_the_huddle(morning, make, text, field):
    owner = make.person(site=make.site()) if field == "owner_id" else None

    with pytest.raises(InvalidInputError) as caught:
        morning.agree(text, owner=owner)

    assert caught.value.field == field


def test_the_dispatcher_notes_it_and_the_agent_finds_it_on_their_day(morning, sign_in, database):
    scheduler, ada, ben = sign_in(morning.scheduler), sign_in(morning.ada), sign_in(morning.ben)
    page = scheduler.get("/huddle")
    for words in ("Yesterday", "Nobody is away", "Nothing is going to be missed", "Start five minutes"):
        assert words in page.text

    sent = {"text": "Call back <first>", "owner_id": morning.ada.id}
    assert scheduler.post("/huddle", data=sent).status_code == 302
    assert scheduler.post("/huddle", data=sent | {"text": ""}).status_code == 422
    assert "Call back &lt;first&gt;" in ada.get("/day").text
    assert "Call back &lt;first&gt;" in ben.get("/day").text
    with database.reading() as session:
        note = session.scalars(select(HuddleNote)).one()
    assert ben.post(f"/huddle/notes/{note.id}/done").status_code == 404
    assert ada.post(f"/huddle/notes/{note.id}/done").status_code == 302
    assert ada.get("/huddle").status_code == 403
