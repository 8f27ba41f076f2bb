"""Deputies: whose people they may review, when, and what they may not."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent, Notice, Role, SkillEventKind
from webapp.services import access, deputies, inbox, records, reviews
from webapp.services.access import Permission
from webapp.services.records import NewEvent

DAY = dt.timedelta(days=1)


class Floor:
    """A team with its lead, who is a member of it, and an agent who may stand in; another team; HR."""

    def __init__(self, make):
        self.make, self.session = make, make.session
        self.team, self.other_team = make.team(name="Ours"), make.team(name="Theirs")
        both = [Role.AGENT, Role.LEAD]
        self.lea = make.person(name="Lea", team=self.team, roles=both, leads=[self.team])
        self.olga = make.person(name="Olga", team=self.other_team, roles=both, leads=[self.other_team])
        self.ana = make.person(name="Ana", team=self.team)
        self.ben = make.person(name="Ben", team=self.team)
        self.hr = make.person(name="Hana", roles=[Role.HR])
        self.skill = make.skill(name="Billing")
        for person in (self.lea, self.olga, self.ana, self.ben):
            self.claim(person)

    def claim(self, person, level=3, *, at=NOW):
        by = self.make.actor(person, at=at)
        records.claim_level(self.session, person, skill_id=self.skill.id, level=level, by=by)

    def name(self, lead=None, deputy=None, *, starts_on=TODAY, last_on=TODAY + 6 * DAY, by=None):
        by = by or self.lea
        return deputies.name_deputy(
            self.session,
            lead_id=(lead or self.lea).id,
            deputy_id=(deputy or self.ana).id,
            starts_on=starts_on,
            last_on=last_on,
            viewer=self.make.viewer(by),
            by=self.make.actor(by),
        )

    def viewer(self, person, on=TODAY):
        return access.get_viewer(self.session, person.id, on=on)

    def inbox(self, person, on=TODAY):
        requests = inbox.review_order(self.session, self.viewer(person, on), TODAY)
        return sorted(request.record.person.name for request in requests)


@pytest.fixture
def floor(make):
    return Floor(make)


def test_a_deputy_reviews_the_leads_people_but_neither_themselves_nor_the_lead(floor, session):
    floor.name()

    requests = inbox.review_order(session, floor.viewer(floor.ana), TODAY)

    assert [(request.record.person.name, request.in_place_of) for request in requests] == [("Ben", floor.lea)]
    by = floor.make.actor(floor.ana)
    reviews.review(session, floor.ben, skill_id=floor.skill.id, level=2, viewer=floor.viewer(floor.ana), by=by)
    assert records.get_record(session, floor.ben.id, floor.skill.id).validated_level == 2
    with pytest.raises(NotFoundError):
        reviews.review(session, floor.lea, skill_id=floor.skill.id, level=5, viewer=floor.viewer(floor.ana), by=by)


@pytest.mark.parametrize(("days", "seen"), [(-1, []), (0, ["Ben"]), (6, ["Ben"]), (7, [])])
def test_it_begins_and_ends_by_itself(floor, days, seen):
    floor.name()

    assert floor.inbox(floor.ana, TODAY + days * DAY) == seen


def test_a_deputy_who_leads_a_team_sees_both_and_whose_is_whose(floor, session):
    floor.name(deputy=floor.olga)

    requests = inbox.review_order(session, floor.viewer(floor.olga), TODAY)

    places = {request.record.person.name: request.in_place_of for request in requests}
    assert places == {"Ana": floor.lea, "Ben": floor.lea}


def test_a_deputy_gets_nothing_beyond_the_reviews(floor):
    floor.name()
    viewer = floor.viewer(floor.ana)

    held = {permission for permission in Permission if viewer.can(permission)}

    assert held - {permission for permission in Permission if floor.make.viewer(floor.ana).can(permission)} == {
        Permission.VIEW_RECORDS,
        Permission.REVIEW_RECORDS,
        Permission.ACCEPT_EVIDENCE,
    }
    assert viewer.scope(Permission.REVIEW_RECORDS).team_ids == {floor.team.id}


def test_the_deputy_is_told_and_it_is_audited(floor, session):
    floor.name()

    told = session.scalars(select(Notice)).one()
    event = session.scalars(select(AuditEvent).where(AuditEvent.action == "name_deputy")).one()
    assert told.person_id == floor.ana.id
    assert "Lea" in told.text
    assert (event.actor_id, event.detail["deputy"]) == (floor.lea.id, floor.ana.id)


def test_hr_names_a_deputy_and_may_review_nobody_by_that(floor):
    floor.name(by=floor.hr)

    assert floor.inbox(floor.ana) == ["Ben"]
    assert not floor.viewer(floor.hr).can(Permission.REVIEW_RECORDS)
    assert floor.inbox(floor.hr) == []


def test_nobody_names_a_deputy_for_another_lead(floor):
    with pytest.raises(NotFoundError):
        floor.name(by=floor.olga)
    with pytest.raises(NotFoundError):
        floor.name(by=floor.ana)


def test_hr_of_another_site_names_nobody(floor, make):
    with pytest.raises(NotFoundError):
        floor.name(by=make.person(site=make.site(), roles=[Role.HR]))


@pytest.mark.parametrize(("first", "last", "field"), [(5, 4, "last_on"), (-9, -1, "last_on"), (0, 92, "last_on")])
def test_days_that_make_no_sense_are_refused(floor, first, last, field):
    with pytest.raises(InvalidInputError) as caught:
        floor.name(starts_on=TODAY + first * DAY, last_on=TODAY + last * DAY)
    assert caught.value.field == field


def test_the_deputy_is_somebody_else_of_the_site_who_can_sign_in(floor, make):
    gone = make.person(active=False)
    for deputy in (floor.lea, make.person(site=make.site()), gone):
        with pytest.raises(InvalidInputError):
            floor.name(deputy=deputy)


def test_a_lead_has_one_deputy_a_day(floor):
    floor.name()

    with pytest.raises(ConflictError):
        floor.name(deputy=floor.ben, starts_on=TODAY + 6 * DAY, last_on=TODAY + 9 * DAY)
    floor.name(deputy=floor.ben, starts_on=TODAY + 7 * DAY, last_on=TODAY + 9 * DAY)


@pytest.mark.parametrize("who", ["lea", "ana", "hr"])
def test_lead_deputy_and_hr_may_end_it(floor, session, who):
    person, named = getattr(floor, who), floor.name()

    deputies.end_deputyship(session, named.id, viewer=floor.viewer(person), by=floor.make.actor(person))

    assert floor.inbox(floor.ana) == []
    assert list(deputies.list_deputyships(session, viewer=floor.viewer(person), on=TODAY)) == []


def test_others_neither_see_nor_end_it(floor, session):
    named = floor.name()

    assert list(deputies.list_deputyships(session, viewer=floor.viewer(floor.olga), on=TODAY)) == []
    with pytest.raises(NotFoundError):
        deputies.end_deputyship(session, named.id, viewer=floor.viewer(floor.olga), by=floor.make.actor(floor.olga))


def test_what_waits_for_long_is_shown_to_hr_of_the_site_alone(floor, session, make):
    late = make.person(name="Carl", team=floor.team)
    floor.claim(late, at=NOW - 10 * DAY)
    floor.claim(floor.ben, 4, at=NOW - 9 * DAY)
    event = NewEvent(floor.ana.id, floor.skill.id, SkillEventKind.PROVISIONAL, level=2, at=NOW - 40 * DAY)
    records.append_events(session, [event], by=make.actor())
    records.reproject(session, [(floor.ana.id, floor.skill.id)], TODAY)

    overdue = inbox.list_overdue(session, floor.viewer(floor.hr), TODAY, days=10)

    assert [(request.record.person.name, request.waits_days(TODAY)) for request in overdue] == [("Carl", 10)]
    stranger = make.person(site=make.site(), roles=[Role.HR])
    assert inbox.list_overdue(session, floor.viewer(stranger), TODAY, days=10) == []
    assert inbox.list_overdue(session, floor.viewer(floor.lea), TODAY, days=10) == []
