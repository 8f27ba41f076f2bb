"""The audit trail is written with each change and shows when it was tampered with."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import delete, update

from tests.factories import NOW
from webapp.models import AuditEvent
from webapp.models.audit import UnauditedChangeError
from webapp.services import audit


@pytest.fixture
def trail(make):
    """Three events about one team, committed."""
    team = make.team()
    make.commit()
    for number in range(3):
        audit.record(make.session, "rename_team", team, by=make.actor(), detail={"to": f"Name {number}"})
    make.session.commit()
    return make.session


def test_change_without_an_audit_event_is_refused_whole(make):
    team = make.team()
    make.commit()

    team.name = "Secretly renamed"

    with pytest.raises(UnauditedChangeError, match="Team"):
        make.session.commit()


def test_bulk_statement_without_an_audit_event_is_refused(make):
    team = make.team()
    make.commit()

    make.session.execute(update(type(team)).values(name="All the same"))

    with pytest.raises(UnauditedChangeError):
        make.session.commit()


def test_untouched_chain_is_intact(trail):
    report = audit.verify_chain(trail)

    assert (report.events, report.broken_at) == (3, None)


def test_edited_event_is_found(trail):
    trail.execute(update(AuditEvent).where(AuditEvent.id == 2).values(detail={"to": "Something else"}))

    assert audit.verify_chain(trail).broken_at == 2


def test_deleted_event_is_found(trail):
    trail.execute(delete(AuditEvent).where(AuditEvent.id == 2))

    assert audit.verify_chain(trail).broken_at == 3


def test_cut_tail_is_found_by_a_digest_noted_before(trail):
    head = audit.verify_chain(trail).head
    trail.execute(delete(AuditEvent).where(AuditEvent.id == 3))

    assert audit.verify_chain(trail).broken_at is None
    assert audit.verify_chain(trail, expected_head=head).broken_at is not None


def test_event_keeps_its_moment_across_time_zones(make):
    """The digest is over UTC, so that it does not depend on how the database writes the time."""
    team = make.team()
    make.commit()
    berlin = NOW.astimezone(dt.timezone(dt.timedelta(hours=1)))
    audit.record(make.session, "rename_team", team, by=audit.Actor(person_id=None, at=berlin))
    make.session.commit()
    make.session.expire_all()

    assert audit.verify_chain(make.session).broken_at is None
