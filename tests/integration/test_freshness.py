"""Freshness: by the rule on one record, and the same by the database for people and teams."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW, TODAY
from webapp.services import freshness, records
from webapp.services.freshness import Freshness
from webapp.services.projection import Projection


def ago(days):
    return NOW - dt.timedelta(days=days)


@pytest.mark.parametrize(
    ("half_life", "age", "fresh"),
    [(None, 180, True), (None, 181, False), (90, 45, True), (90, 46, False), (91, 45, True), (91, 46, False),
     (359, 179, True), (359, 180, False), (1000, 180, True), (1000, 181, False)],
)  # fmt: skip
def test_a_record_is_fresh_for_half_a_year_or_half_of_the_half_life(make, session, half_life, age, fresh):
    team = make.team()
    person, skill = make.person(team=team), make.skill()
    skill.half_life_days = half_life
    record = make.record(person, skill, 3, at=ago(age))

    told = freshness.is_fresh(Projection(refreshed_on=record.refreshed_on), half_life, TODAY)
    by_person = freshness.by_person(session, [person.id], TODAY)
    by_team = freshness.by_team(session, [team.id], TODAY)

    assert told is fresh
    assert by_person == {person.id: Freshness(1, int(fresh))}
    assert by_team == {team.id: Freshness(1, int(fresh))}


def test_only_what_is_held_counts_and_nobody_who_left(make, session):
    team, person = make.team(), None
    person, gone = make.person(team=team), make.person(team=team, active=False)
    held, claimed, retired = make.skill(), make.skill(), make.skill()
    make.record(person, held, 2, at=ago(10))
    make.record(person, claimed, 0, claimed=3, at=ago(10))
    make.record(person, retired, 4, at=ago(10))
    make.record(gone, held, 2, at=ago(400))
    retired.retired_at = NOW

    assert freshness.by_team(session, [team.id], TODAY) == {team.id: Freshness(1, 1)}


def test_confirming_makes_fresh_and_an_empty_record_has_no_share(make, session):
    person, skill = make.person(), make.skill()
    make.record(person, skill, 3, at=ago(300))
    before = freshness.by_person(session, [person.id], TODAY)[person.id]

    records.confirm_current(session, person, skill_id=skill.id, by=make.actor(person))

    assert before.share == 0.0
    assert freshness.by_person(session, [person.id], TODAY)[person.id].share == 1.0
    assert Freshness().share is None
