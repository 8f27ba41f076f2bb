"""Threads on engagements: who reads and says what, calls for help, and when words are gone."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from tests.factories.plans import assign, draft_plan, publish
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import (
    AuditEvent,
    EngagementState,
    Notice,
    OutgoingEvent,
    PlanState,
    Role,
    ThreadGuest,
    ThreadMessage,
)
from webapp.services import access, customers, live
from webapp.services.audit import Actor
from webapp.services.talk import calling, rescue, threads

HOUR = dt.timedelta(hours=1)


class Floor:
    """A site with two teams, their leads, a scheduler, and an engagement that the live plan gives to Ada."""

    def __init__(self, make):
        self.make, self.session = make, make.session
        self.skill = make.skill(name="Billing")
        self.kind = make.engagement_type(name="Refund", requires={self.skill: 2})
        team, other = make.team(), make.team()
        self.ada, self.ben = make.person(name="Ada", team=team), make.person(name="Ben", team=other)
        self.lead = make.person(name="Lea", roles=[Role.LEAD], leads=[team])
        self.other_lead = make.person(name="Leo", roles=[Role.LEAD], leads=[other])
        self.scheduler = make.person(name="Sid", roles=[Role.SCHEDULER])
        self.far = make.person(name="Far", roles=[Role.SCHEDULER], site=make.site(name="Far"))
        self.hr = make.person(name="Hal", roles=[Role.HR])
        self.engagement = make.engagement(
            self.kind, external_id="C-1", customer_key="K-1", state=EngagementState.PLANNED
        )
        self.plan = draft_plan(make)
        self.assignment = assign(make, self.plan, self.engagement, self.ada)
        publish(make, self.plan, by=self.scheduler)

    def viewer(self, person):
        return access.get_viewer(self.session, person.id)

    def say(self, person, text="Hello", *, at=NOW, key=None):
        return threads.write(
            self.session,
            self.engagement.id,
            text,
            key=key or f"{person.id}-{text}-{at}"[:64],
            viewer=self.viewer(person),
            by=Actor(person_id=person.id, at=at),
        )

    def read(self, person):
        return threads.get_thread(self.session, self.engagement.id, viewer=self.viewer(person))

    def texts(self, person):
        return [message.text for message in self.read(person).messages]

    def give_to(self, person, *, at):
        """Publish a plan that takes the work from whoever has it."""
        plan = draft_plan(self.make)
        assignment = assign(self.make, plan, self.engagement, person)
        self.plan.state = PlanState.SUPERSEDED
        self.session.flush()
        publish(self.make, plan, by=self.scheduler)
        # A published plan stays as it is: moment and predecessor are written past the guard of the model.
        table = plan.metadata.tables["plan"]
        self.session.execute(
            table.update().where(table.c.id == plan.id).values(published_at=at, supersedes_id=self.plan.id)
        )
        self.session.expire_all()
        self.plan, self.assignment = plan, assignment

    def begin(self):
        self.engagement.state = EngagementState.IN_PROGRESS
        self.session.flush()

    def notices(self, person, kind="thread"):
        return self.session.scalars(select(Notice).where(Notice.person_id == person.id, Notice.kind == kind)).all()


@pytest.fixture
def floor(make):
    return Floor(make)


def test_agent_dispatcher_and_lead_read_what_each_of_them_says(floor):
    floor.say(floor.scheduler, "Can you take it first?")
    floor.say(floor.ada, "Yes.")
    floor.say(floor.lead, "Thank you.")

    for person in (floor.ada, floor.scheduler, floor.lead):
        assert floor.texts(person) == ["Can you take it first?", "Yes.", "Thank you."]


@pytest.mark.parametrize("who", ["ben", "other_lead", "far", "hr"])
def test_nobody_else_knows_that_there_is_a_thread(floor, who):
    floor.say(floor.ada)
    person = getattr(floor, who)

    with pytest.raises(NotFoundError):
        floor.read(person)
    with pytest.raises(NotFoundError):
        floor.say(person)
    assert threads.list_threads(floor.session, viewer=floor.viewer(person)) == []
    assert threads.count_unread(floor.session, [floor.engagement.id], viewer=floor.viewer(person)) == {}


def test_who_is_no_longer_assigned_keeps_what_was_said_until_then_and_sees_nothing_later(floor):
    floor.say(floor.scheduler, "Before", at=NOW)
    floor.give_to(floor.ben, at=NOW + HOUR)
    floor.say(floor.scheduler, "After", at=NOW + 2 * HOUR)

    assert floor.texts(floor.ada) == ["Before"]
    assert floor.texts(floor.lead) == ["Before"]
    assert floor.texts(floor.ben) == ["Before", "After"]
    assert floor.texts(floor.other_lead) == ["Before", "After"]
    with pytest.raises(ForbiddenError):
        floor.say(floor.ada, "Still here", at=NOW + 3 * HOUR)
    assert len(floor.notices(floor.ada)) == 1


def test_who_gets_the_work_back_reads_all_of_it(floor):
    floor.give_to(floor.ben, at=NOW + HOUR)
    floor.say(floor.scheduler, "Between", at=NOW + HOUR)
    floor.give_to(floor.ada, at=NOW + 2 * HOUR)

    assert floor.texts(floor.ada) == ["Between"]
    assert floor.read(floor.ada).seat.may_write


def test_the_owner_of_the_case_takes_part_whoever_works_on_it(floor):
    floor.engagement.owner_id = floor.ben.id
    floor.session.flush()
    floor.say(floor.ada, "Shall I call?")

    assert floor.texts(floor.ben) == ["Shall I call?"]
    assert [notice.link for notice in floor.notices(floor.ben)] == [f"/talk/{floor.engagement.id}"]


def test_a_form_that_is_sent_twice_says_it_once(floor):
    first = floor.say(floor.ada, "Once", key="form-1")
    second = floor.say(floor.ada, "Once", key="form-1")

    assert first.id == second.id
    assert floor.texts(floor.ada) == ["Once"]
    with pytest.raises(ConflictError):
        floor.say(floor.scheduler, "Mine", key="form-1")


@pytest.mark.parametrize("text", ["", "   ", "x" * 1_001])
def test_a_message_says_something_and_not_too_much(floor, text):
    with pytest.raises(InvalidInputError) as caught:
        floor.say(floor.ada, text, key="key")

    assert caught.value.field == "text"


def test_unread_is_what_others_said_since_one_last_read(floor):
    floor.say(floor.ada, "One")
    floor.say(floor.ada, "Two")
    seen = floor.read(floor.scheduler)
    assert len(seen.unread) == 2

    threads.mark_read(floor.session, seen, person_id=floor.scheduler.id)
    floor.say(floor.ada, "Three")
    floor.say(floor.scheduler, "My own")

    key = floor.engagement.id
    assert threads.count_unread(floor.session, [key], viewer=floor.viewer(floor.scheduler)) == {key: (4, 1)}
    assert len(floor.read(floor.lead).unread) == 4


def test_one_notice_waits_however_much_is_said_and_holds_none_of_it(floor):
    for number in range(3):
        floor.say(floor.scheduler, f"Secret {number}")

    (notice,) = floor.notices(floor.ada)
    assert "Secret" not in notice.text
    assert floor.notices(floor.scheduler) == []


def test_withdrawn_words_are_gone_for_everybody_and_only_their_author_withdraws_them(floor):
    message = floor.say(floor.ada, "Regret")
    with pytest.raises(NotFoundError):
        threads.get_own_message(floor.session, message.id, viewer=floor.viewer(floor.scheduler))
    with pytest.raises(ForbiddenError):
        threads.withdraw(floor.session, message, by=Actor(person_id=floor.scheduler.id, at=NOW))

    threads.withdraw(floor.session, message, by=Actor(person_id=floor.ada.id, at=NOW))

    (kept,) = floor.read(floor.scheduler).messages
    assert (kept.text, kept.withdrawn_at) == ("", NOW)
    assert floor.read(floor.scheduler).unread == frozenset()


def test_the_trail_and_other_systems_learn_that_something_was_said_and_never_what(floor):
    before = live.newest_event(floor.session)
    floor.say(floor.ada, "Words that stay here")

    event = floor.session.scalars(select(AuditEvent).where(AuditEvent.action == "write_message")).one()
    assert event.detail == {"engagement_id": floor.engagement.id, "site_id": floor.engagement.site_id}
    assert floor.session.scalars(select(OutgoingEvent)).all() == []
    topics = live.read_changes(floor.session, before).topics
    assert {f"thread:{floor.engagement.id}", f"threads:{floor.engagement.site_id}", f"day:{floor.ada.id}"} <= topics


def test_old_words_are_removed_and_young_ones_stay(floor):
    floor.say(floor.ada, "Old", at=NOW - 100 * 24 * HOUR)
    floor.say(floor.ada, "Young")

    by = Actor(person_id=None, at=NOW, channel="job")
    count = threads.remove_old(floor.session, floor.engagement.site, NOW - 90 * 24 * HOUR, by=by)

    assert count == 1
    assert floor.texts(floor.ada) == ["Young"]


def test_a_customer_who_is_erased_leaves_nothing_on_threads(floor):
    floor.say(floor.ada, "They said a lot.")

    customers.erase(floor.session, "K-1", reason="They asked.", by=Actor(person_id=None, at=NOW, channel="cli"))

    assert floor.session.scalars(select(ThreadMessage)).all() == []


def _call(floor, *, key="call"):
    return rescue.call_for_help(floor.session, floor.assignment, key=key, by=Actor(person_id=floor.ada.id, at=NOW))


def _mentor(floor, make, *, level=4, on_shift=True):
    person = make.person(name="Mia")
    make.record(person, floor.skill, level)
    if on_shift:
        make.shift(person, starts_at=NOW - HOUR)
    return person


def test_a_call_for_help_reaches_dispatcher_lead_and_mentor_who_may_answer(floor, make):
    mentor, novice, away = _mentor(floor, make), _mentor(floor, make, level=3), _mentor(floor, make, on_shift=False)
    floor.say(floor.scheduler, "Said before the call")
    floor.begin()
    _call(floor)

    for person in (floor.scheduler, floor.lead, mentor):
        assert len(floor.notices(person, "help_now")) == 1
    for person in (novice, away, floor.other_lead, floor.ada):
        assert floor.notices(person, "help_now") == []
    assert [message.kind.value for message in floor.read(mentor).messages] == ["help"]
    assert [call.engagement_id for call in rescue.list_open_calls(floor.session, make.home)] == [floor.engagement.id]

    floor.say(mentor, "I am coming.")

    assert rescue.list_open_calls(floor.session, make.home) == []


def test_calling_again_while_nobody_has_answered_adds_nothing(floor, make):
    mentor = _mentor(floor, make)
    floor.begin()

    assert _call(floor).id == _call(floor, key="again").id
    assert len(floor.notices(mentor, "help_now")) == 1
    assert len(floor.session.scalars(select(ThreadGuest)).all()) == 1


def test_a_mentor_reads_on_and_writes_no_more_once_the_work_is_over(floor, make):
    mentor = _mentor(floor, make)
    floor.begin()
    _call(floor)
    floor.engagement.state = EngagementState.DONE
    floor.session.flush()

    assert len(floor.read(mentor).messages) == 1
    with pytest.raises(ForbiddenError):
        floor.say(mentor)


def test_help_is_called_for_with_work_under_way_and_by_its_agent_only(floor):
    with pytest.raises(ConflictError):
        _call(floor)
    floor.begin()
    with pytest.raises(ForbiddenError):
        rescue.call_for_help(floor.session, floor.assignment, key="key", by=Actor(person_id=floor.ben.id, at=NOW))


def test_dispatcher_and_agent_talk_on_the_pages(floor, sign_in):
    floor.make.shift(floor.ada, starts_at=NOW - HOUR)
    address = f"/talk/{floor.engagement.id}"
    scheduler, ada, ben = sign_in(floor.scheduler), sign_in(floor.ada), sign_in(floor.ben)

    assert "/talk/" in scheduler.get(f"/engagements/{floor.engagement.id}").text
    answer = scheduler.post(address, data={"key": "a", "text": "Can you <b>begin</b>?"})
    assert answer.status_code == 302
    day = ada.get(f"/day?day={TODAY.isoformat()}").text
    assert "1 new" in day
    page = ada.get(address).text
    assert "Can you &lt;b&gt;begin&lt;/b&gt;?" in page
    assert ada.post(f"{address}/read").status_code == 302
    assert "1 new" not in ada.get("/talk").text
    assert ada.post(address, data={"key": "b", "text": "On it."}).status_code == 302
    assert "On it." in scheduler.get("/talk").text
    assert ben.get(address).status_code == 404
    assert ben.post(address, data={"key": "c", "text": "Me too"}).status_code == 404


def test_an_empty_message_is_refused_beside_its_field_and_nothing_is_kept(floor, sign_in, database):
    key = floor.engagement.id
    answer = sign_in(floor.ada).post(f"/talk/{key}", data={"key": "a", "text": "  "})

    assert answer.status_code == 422
    assert "Write what you want to say." in answer.text
    with database.reading() as session:
        assert session.scalars(select(ThreadMessage)).all() == []


def test_need_help_now_stands_on_the_day_and_the_call_among_the_threads(floor, sign_in):
    floor.make.shift(floor.ada, starts_at=NOW - HOUR)
    floor.begin()
    address = f"/talk/assignments/{floor.assignment.id}/help"
    ada, ben, scheduler = sign_in(floor.ada), sign_in(floor.ben), sign_in(floor.scheduler)

    assert "Need help now" in ada.get(f"/day?day={TODAY.isoformat()}").text
    assert ben.post(address).status_code == 404
    assert ada.post(address).status_code == 302
    assert "Needs help" in scheduler.get("/talk").text


def test_a_message_is_withdrawn_by_its_author_on_the_page_only(floor, sign_in):
    message = floor.say(floor.ada, "Regret")
    address = f"/talk/messages/{message.id}/withdraw"
    ada, scheduler = sign_in(floor.ada), sign_in(floor.scheduler)

    assert scheduler.post(address).status_code == 404
    assert ada.post(address).status_code == 302
    page = scheduler.get(f"/talk/{floor.engagement.id}").text
    assert "Withdrawn" in page
    assert "Regret" not in page


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", ""),
        ("+351 220 000 000", "tel:+351220000000"),
        ("(0351) 22-000.00", "tel:03512200000"),
        ("TEL:+351 220 000 000;ext=12", "tel:+351220000000;ext=12"),
        ("sip:ada@phones.example", "sip:ada@phones.example"),
        ("https://meet.example.com/room/1?p=2", "https://meet.example.com/room/1?p=2"),
    ],
)
def test_an_address_that_may_be_opened_is_kept_as_its_link(text, address):
    assert calling.read_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://meet.example.com/1",
        "https://ada:secret@meet.example.com/1",
        "https://localhost/1",
        "https://meet.example.com:8443/1",
        "https://[",
        'https://meet.example.com/"><b>',
        "tel:",
        "sip:",
        "ada",
        "tel:+35122\n0000000",
        "+" + "1" * 300,
    ],
)
def test_anything_else_is_refused_beside_its_field(text):
    with pytest.raises(InvalidInputError) as caught:
        calling.read_address(text)

    assert caught.value.field == "call_address"


def test_the_dispatcher_on_duty_is_one_who_is_not_away(floor, make):
    second = make.person(name="Sue", roles=[Role.SCHEDULER])
    assert calling.find_on_duty(floor.session, make.home, at=NOW) == floor.scheduler

    make.absence(floor.scheduler, NOW - HOUR, NOW + HOUR)

    assert calling.find_on_duty(floor.session, make.home, at=NOW) == second
    assert calling.find_on_duty(floor.session, make.home, at=NOW + HOUR) == floor.scheduler


def test_an_agent_calls_the_dispatcher_and_says_so_if_they_like(floor, sign_in):
    scheduler, ada, ben = sign_in(floor.scheduler), sign_in(floor.ada), sign_in(floor.ben)
    assert 'href="tel:' not in ada.get("/day").text
    saved = _save_address(scheduler, "/talk/address", "+351 220 000 000")
    assert saved.status_code == 302
    assert 'href="tel:+351220000000"' in ada.get("/day").text
    address = f"/talk/{floor.engagement.id}"
    assert 'href="tel:+351220000000"' in ada.get(address).text

    assert ben.post(f"{address}/called").status_code == 404
    assert ada.post(f"{address}/called", data={"key": "k"}).status_code == 302
    assert ada.post(f"{address}/called", data={"key": "k"}).status_code == 302
    page = scheduler.get(address).text
    assert page.count('id="message-') == 1
    assert "Called" in page


def test_hr_says_where_somebody_is_called_and_a_wrong_address_is_named(floor, sign_in):
    hr, ada = sign_in(floor.hr), sign_in(floor.ada)
    address = f"/talk/people/{floor.ada.id}/address"

    assert _save_address(hr, address, "ftp://x").status_code == 422
    assert _save_address(hr, address, "sip:ada@phones.example").status_code == 302
    assert "sip:ada@phones.example" in ada.get("/talk/address").text
    assert ada.get(f"/talk/people/{floor.ben.id}/address").status_code == 403


def _save_address(client, address, text):
    page = client.get(address).text
    sent = dict(re.findall(r'name="(version|seen|began)"[^>]*value="([^"]*)"', page))
    return client.post(
        address, data={key: html.unescape(value) for key, value in sent.items()} | {"call_address": text}
    )
