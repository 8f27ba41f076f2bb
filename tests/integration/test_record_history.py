"""How records came to be."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW, TODAY
from webapp.models import Role, SkillEventKind
from webapp.services import record_history, records
from webapp.services.record_history import LevelCount, LevelPoint
from webapp.services.records import NewEvent

BERLIN = "Europe/Berlin"


def days_ago(days: int) -> dt.datetime:
    return NOW - dt.timedelta(days=days)


@pytest.fixture
def ana(make):
    return make.person(name="Ana")


@pytest.fixture
def billing(make, session, ana):
    """Return a skill that Ana claims at 3 nine days ago; an import says 2 from six days ago to yesterday."""
    skill = make.skill(name="Billing")
    records.claim_level(session, ana, skill_id=skill.id, level=3, by=make.actor(ana, at=days_ago(9)))
    event = NewEvent(
        ana.id,
        skill.id,
        SkillEventKind.PROVISIONAL,
        level=2,
        at=days_ago(6),
        expires_on=TODAY - dt.timedelta(days=1),
    )
    records.append_events(session, [event], by=make.actor())
    records.reproject(session, [(ana.id, skill.id)], TODAY)
    return skill


def test_the_log_is_shown_newest_first_with_what_no_longer_stands(session, make, ana, billing):
    records.withdraw_claim(session, ana, skill_id=billing.id, by=make.actor(ana))

    lines = record_history.history(session, ana.id, skill_id=billing.id)

    assert [(line.event.kind.value, line.standing) for line in lines] == [
        ("withdraw", True),
        ("provisional", True),
        ("claim", False),
    ]


def test_the_log_of_a_person_holds_all_skills_the_newest_first(session, make, ana, billing):
    other = make.skill()
    records.claim_level(session, ana, skill_id=other.id, level=1, by=make.actor(ana))

    assert len(record_history.history(session, ana.id)) == 3
    assert record_history.history(session, ana.id)[0].event.skill is other


def test_records_are_shown_as_of_any_day(session, ana, billing):
    def levels(days):
        found = record_history.as_of(session, ana, TODAY - dt.timedelta(days=days)).get(billing.id)
        return found and (found.claimed_level, found.effective_level)

    assert [levels(days) for days in (10, 9, 6, 2, 1)] == [None, (3, 0), (3, 2), (3, 2), (3, 0)]


def test_levels_change_on_the_days_of_events_and_of_expiry(session, ana, billing):
    log = record_history.load_person_logs(session, ana.id)[billing.id]

    points = record_history.level_points(log, BERLIN, TODAY)

    assert points == [
        LevelPoint(TODAY - dt.timedelta(days=9), 3, 0),
        LevelPoint(TODAY - dt.timedelta(days=6), 3, 2),
        LevelPoint(TODAY - dt.timedelta(days=1), 3, 0),
    ]


def test_nothing_after_the_last_day_is_shown(session, ana, billing):
    log = record_history.load_person_logs(session, ana.id)[billing.id]

    points = record_history.level_points(log, BERLIN, TODAY - dt.timedelta(days=3))

    assert len(points) == 2


def test_skills_are_counted_by_level_over_time(session, make, ana, billing):
    other = make.skill()
    event = NewEvent(ana.id, other.id, SkillEventKind.REVIEW, level=4, at=days_ago(3))
    records.append_events(session, [event], by=make.actor())

    counts = record_history.list_level_counts(session, ana, TODAY)

    assert counts == [
        LevelCount(TODAY - dt.timedelta(days=9), (0, 0, 0, 0, 0)),
        LevelCount(TODAY - dt.timedelta(days=6), (0, 1, 0, 0, 0)),
        LevelCount(TODAY - dt.timedelta(days=3), (0, 1, 0, 1, 0)),
        LevelCount(TODAY - dt.timedelta(days=1), (0, 0, 0, 1, 0)),
    ]


def test_a_month_of_use_is_one_line_between_the_evidence(session, make):
    ana, lead = make.person(name="Ana"), make.person(roles=[Role.LEAD])
    billing, chat = make.skill(name="Billing"), make.skill(name="Chat")
    make.record(ana, billing, 3, by=lead, at=NOW - dt.timedelta(days=10))
    days = {billing: (40, 12, 8, 3), chat: (2,)}
    uses = [
        NewEvent(ana.id, skill.id, SkillEventKind.USE, count=2, at=NOW - dt.timedelta(days=ago))
        for skill, agos in days.items()
        for ago in agos
    ]
    records.append_events(session, uses, by=make.actor())

    lines = record_history.condense(record_history.history(session, ana.id), BERLIN)

    assert [(line.event.skill.name, line.event.kind.value, line.days, line.contacts) for line in lines] == [
        ("Chat", "use", 1, 2),
        ("Billing", "use", 3, 6),
        ("Billing", "review", 0, 0),
        ("Billing", "use", 1, 2),
    ]
