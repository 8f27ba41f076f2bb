"""The inbox: each record once, for the first reason that it has, with both sides where the evidence disagrees."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW, TODAY
from webapp.models import Role, SkillEventKind
from webapp.services import inbox, record_history, records
from webapp.services.disputes import two_sides
from webapp.services.inbox import Occasion
from webapp.services.records import NewEvent

DAY = dt.timedelta(days=1)


class Floor:
    """A team with its lead and Ana."""

    def __init__(self, make):
        self.make, self.session = make, make.session
        team = make.team()
        self.lea = make.person(name="Lea", roles=[Role.LEAD], leads=[team])
        self.rob = make.person(name="Rob")
        self.ana = make.person(name="Ana", team=team)
        self.skill = make.skill(name="Billing")

    def log(self, kind, level=None, *, days=0, by=None, **values):
        event = NewEvent(self.ana.id, self.skill.id, kind, level=level, at=NOW - days * DAY, **values)
        records.append_events(self.session, [event], by=self.make.actor(by))
        records.reproject(self.session, [(self.ana.id, self.skill.id)], TODAY)

    def waiting(self, on=TODAY, **values):
        return inbox.review_order(self.session, self.make.viewer(self.lea), on, **values)

    def sides(self):
        (request,) = self.waiting()
        lines = record_history.history(self.session, self.ana.id, skill_id=self.skill.id)
        return two_sides(request.projection, lines, "Ana")


@pytest.fixture
def floor(make):
    return Floor(make)


def test_a_claim_far_from_the_evidence_is_a_dispute_and_no_second_item(floor):
    floor.log(SkillEventKind.REVIEW, 2, days=30, by=floor.rob)
    floor.log(SkillEventKind.CLAIM, 5, days=3, by=floor.ana, note="I train the others.")

    (request,) = floor.waiting()
    sides = floor.sides()

    assert (request.occasion, request.since) == (Occasion.DISPUTE, TODAY - 3 * DAY)
    assert (sides.first.level, sides.second.who, sides.second.level) == (2, "Ana claims", 5)
    assert sides.second.words == "I train the others."


def test_two_reviewers_apart_are_named(floor):
    floor.log(SkillEventKind.REVIEW, 1, days=30, by=floor.rob)
    floor.log(SkillEventKind.REVIEW, 4, days=5, by=floor.lea)

    (request,) = floor.waiting()
    sides = floor.sides()

    assert (request.occasion, request.since) == (Occasion.DISPUTE, TODAY - 5 * DAY)
    assert [(side.who, side.level) for side in (sides.first, sides.second)] == [
        ("Rob reviewed", 1),
        ("Lea reviewed", 4),
    ]


def test_evidence_apart_from_the_review_shows_its_mean_and_waits_since_the_first_of_it(floor):
    """Evaluations at 1 and 2 weigh alike: 1.5 on average, 2.5 below the review."""
    floor.log(SkillEventKind.REVIEW, 4, days=30, by=floor.rob)
    floor.log(SkillEventKind.EVALUATION, 1, days=12, by=floor.lea)
    floor.log(SkillEventKind.EVALUATION, 2, days=4, by=floor.lea)

    (request,) = floor.waiting()
    sides = floor.sides()

    assert (request.occasion, request.since) == (Occasion.DISPUTE, TODAY - 12 * DAY)
    assert (sides.first.level, sides.second.level, sides.second.is_mean) == (4, 1.5, True)
    assert sides.second.who == "2 × evaluation since"


def test_a_settled_record_has_no_sides_and_does_not_wait(floor):
    floor.log(SkillEventKind.REVIEW, 3, by=floor.rob)

    lines = record_history.history(floor.session, floor.ana.id)
    kept = records.projections_on(floor.session, [floor.ana.id], TODAY)[floor.ana.id][floor.skill.id]
    assert floor.waiting() == []
    assert two_sides(kept, lines, "Ana") is None


@pytest.mark.parametrize(("left", "waits"), [(15, False), (14, True), (1, True)])
def test_a_level_about_to_fall_waits_from_two_weeks_before(floor, left, waits):
    floor.log(SkillEventKind.REVIEW, 3, days=30, by=floor.rob, expires_on=TODAY + left * DAY)

    requests = floor.waiting()

    assert [(request.occasion, request.since) for request in requests] == (
        [(Occasion.EXPIRING, TODAY - (14 - left) * DAY)] if waits else []
    )


def test_a_fading_level_is_found_on_any_later_day_without_a_refresh(floor):
    """A level 4 with a half-life of 100 days is 3 from the 20th day on."""
    floor.skill.half_life_days = 100
    floor.log(SkillEventKind.REVIEW, 4, by=floor.rob)

    assert [request.fall.on for request in floor.waiting(TODAY + 10 * DAY)] == [TODAY + 20 * DAY]
    assert floor.waiting(TODAY) == []


def test_use_takes_it_out_again(floor):
    floor.skill.half_life_days = 100
    floor.log(SkillEventKind.REVIEW, 4, days=15, by=floor.rob)
    before = len(floor.waiting())

    floor.log(SkillEventKind.USE, count=3, days=1)

    assert (before, floor.waiting()) == (1, [])


def test_an_unseen_level_about_to_fall_is_one_item(floor):
    floor.log(SkillEventKind.PROVISIONAL, 3, days=20, expires_on=TODAY + 5 * DAY)

    (request,) = floor.waiting()

    assert request.occasion is Occasion.UNSEEN
    assert request.fall.on == TODAY + 5 * DAY


def test_the_inbox_is_narrowed_to_a_reason(floor):
    floor.log(SkillEventKind.CLAIM, 3, by=floor.ana)

    assert len(floor.waiting(occasion=Occasion.CLAIM)) == 1
    assert floor.waiting(occasion=Occasion.DISPUTE) == []
