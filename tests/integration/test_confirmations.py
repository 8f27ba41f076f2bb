"""Confirmations: a person's own word, for one skill or many, that can be taken back."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent
from webapp.services import confirmations, records


@pytest.fixture
def ana(make):
    return make.person(name="Ana")


@pytest.fixture
def skills(make, ana):
    found = [make.skill(), make.skill()]
    for skill in found:
        make.record(ana, skill, 3)
    return found


def confirm(make, session, person, skills, **values):
    by = make.actor(values.get("by", person))
    return confirmations.confirm(session, person, skill_ids=[skill.id for skill in skills], by=by)


def test_many_are_confirmed_by_one_command(make, session, ana, skills):
    confirm(make, session, ana, skills)

    kept = [records.get_record(session, ana.id, skill.id) for skill in skills]
    events = session.scalars(select(AuditEvent).where(AuditEvent.action == "confirm_current")).all()
    assert [(record.confirmed_at, record.refreshed_on) for record in kept] == [(NOW, TODAY)] * 2
    assert [record.validated_level for record in kept] == [3, 3]
    assert [event.detail for event in events] == [{"skills": [skill.code for skill in skills]}]


def test_taking_it_back_leaves_the_record_as_it_was(make, session, ana, skills):
    before = records.projections_on(session, [ana.id], TODAY)
    keys = confirm(make, session, ana, skills)

    named = confirmations.take_back(session, ana, event_ids=keys, by=make.actor(ana))

    assert records.projections_on(session, [ana.id], TODAY) == before
    assert named == skills
    with pytest.raises(ConflictError):
        confirmations.take_back(session, ana, event_ids=keys[:1], by=make.actor(ana))


def test_nobody_confirms_or_takes_back_for_somebody_else(make, session, ana, skills):
    keys, other = confirm(make, session, ana, skills), make.person()

    with pytest.raises(ForbiddenError):
        confirm(make, session, ana, skills, by=other)
    with pytest.raises(NotFoundError):
        confirmations.take_back(session, other, event_ids=keys, by=make.actor(other))


def test_only_confirmations_can_be_taken_back_this_way(make, session, ana, skills):
    review = records.load_logs(session, {(ana.id, skills[0].id)})[ana.id, skills[0].id][0]

    with pytest.raises(NotFoundError):
        confirmations.take_back(session, ana, event_ids=[review.id], by=make.actor(ana))
    with pytest.raises(NotFoundError):
        confirmations.take_back(session, ana, event_ids=[], by=make.actor(ana))


def test_what_is_not_on_record_or_retired_is_not_confirmed(make, session, ana, skills):
    skills[1].retired_at = NOW

    with pytest.raises(NotFoundError):
        confirm(make, session, ana, [make.skill()])
    with pytest.raises(NotFoundError):
        confirm(make, session, ana, [])
    with pytest.raises(InvalidInputError):
        confirm(make, session, ana, skills)
