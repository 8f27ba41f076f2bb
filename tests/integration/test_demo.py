"""The demo's company is believable, and seeding it again changes nothing."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from tests.factories import NOW
from webapp.models import (
    Channel,
    Contact,
    Engagement,
    EngagementType,
    Person,
    Role,
    RoleGrant,
    Shift,
    Skill,
    SkillEvent,
    Stance,
)
from webapp.services.demo import seed_company, seed_day


@pytest.fixture
def seeded(session):
    seed_company(session, password_hash="not a hash", at=NOW, report=lambda _text: None)
    seed_day(session, at=NOW)
    session.commit()
    return session


def _count(session, model):
    return session.scalar(select(func.count()).select_from(model))


def test_company_has_the_size_that_the_readme_promises(seeded):
    assert 75 <= _count(seeded, Person) <= 90
    assert _count(seeded, Skill) == 40
    assert _count(seeded, Engagement) == 900


def test_every_role_and_every_deferrable_channel_and_stance_is_there(seeded):
    assert set(seeded.scalars(select(RoleGrant.role))) == set(Role)
    planned = seeded.execute(
        select(EngagementType.channel, EngagementType.stance)
        .join(Engagement, Engagement.engagement_type_id == EngagementType.id)
        .distinct()
    ).all()
    assert {channel for channel, _ in planned} == {channel for channel in Channel if not channel.live}
    assert {stance for _, stance in planned} == set(Stance)


def test_seeding_again_changes_nothing(seeded):
    before = [_count(seeded, model) for model in (Person, SkillEvent, Shift, Engagement, Contact)]

    seed_company(seeded, password_hash="not a hash", at=NOW, report=lambda _text: None)
    built = seed_day(seeded, at=NOW)

    assert not built
    assert [_count(seeded, model) for model in (Person, SkillEvent, Shift, Engagement, Contact)] == before


def test_next_day_brings_its_own_engagements_and_one_more_day_of_shifts(seeded):
    engagements, shifts = _count(seeded, Engagement), _count(seeded, Shift)

    assert seed_day(seeded, at=NOW + dt.timedelta(days=1))

    assert _count(seeded, Engagement) == engagements + 900
    assert shifts < _count(seeded, Shift) < shifts * 1.3


def test_no_contact_lies_in_the_future(seeded):
    assert seeded.scalar(select(func.max(Contact.ended_at))) <= NOW
