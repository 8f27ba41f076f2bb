"""The log of skill events and the records projected from it."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from tests.factories import NOW, TODAY
from webapp.cli import records as records_command
from webapp.cli.console import cli
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent, Interest, SkillEvent, SkillEventKind, SkillRecord
from webapp.models.audit import UnauditedChangeError
from webapp.services import audit, records
from webapp.services.projection import Projection, project
from webapp.services.records import NewEvent

PROVISIONAL, OUTCOME, REVIEW = SkillEventKind.PROVISIONAL, SkillEventKind.OUTCOME, SkillEventKind.REVIEW


@pytest.fixture
def ana(make):
    return make.person(name="Ana")


@pytest.fixture
def billing(make):
    return make.skill(name="Billing", code="billing")


def as_projection(record: SkillRecord) -> Projection:
    return Projection(**{name: getattr(record, name) for name in Projection.__slots__})


def audited(session) -> list[tuple[str, dict]]:
    return [(event.action, event.detail) for event in session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def test_a_claim_is_kept_beside_the_validated_level_and_audited_without_its_note(session, make, ana, billing):
    record = records.claim_level(session, ana, skill_id=billing.id, level=4, note=" With Ben. ", by=make.actor(ana))

    assert (record.claimed_level, record.claimed_at, record.effective_level) == (4, NOW, 0)
    assert as_projection(record).awaits_review
    assert audited(session) == [("claim_level", {"skill": "billing", "level": 4})]
    assert session.scalar(select(SkillEvent.note)) == "With Ben."


@pytest.mark.parametrize("level", [-1, 6, 3.5, True, None, "3"])
def test_a_level_is_a_whole_number_from_0_to_5(session, make, ana, billing, level):
    with pytest.raises(InvalidInputError) as caught:
        records.claim_level(session, ana, skill_id=billing.id, level=level, by=make.actor(ana))

    assert caught.value.field == "level"


def test_a_note_that_nobody_would_read_is_refused(session, make, ana, billing):
    with pytest.raises(InvalidInputError, match="1000"):
        records.claim_level(session, ana, skill_id=billing.id, level=3, note="x" * 1001, by=make.actor(ana))


def test_only_the_person_speaks_for_themselves(session, make, ana, billing):
    ben = make.person(name="Ben")

    with pytest.raises(ForbiddenError):
        records.claim_level(session, ana, skill_id=billing.id, level=3, by=make.actor(ben))


def test_an_unknown_skill_cannot_be_claimed(session, make, ana):
    with pytest.raises(NotFoundError):
        records.claim_level(session, ana, skill_id=999, level=3, by=make.actor(ana))


def test_a_retired_skill_cannot_be_claimed(session, make, ana, billing):
    billing.retired_at = NOW

    with pytest.raises(InvalidInputError, match="Billing is retired"):
        records.claim_level(session, ana, skill_id=billing.id, level=3, by=make.actor(ana))


def test_withdrawing_a_claim_restores_the_one_before_it(session, make, ana, billing):
    by = make.actor(ana)
    records.claim_level(session, ana, skill_id=billing.id, level=2, by=by)
    records.claim_level(session, ana, skill_id=billing.id, level=5, by=by)

    first = records.withdraw_claim(session, ana, skill_id=billing.id, by=by).claimed_level
    second = records.withdraw_claim(session, ana, skill_id=billing.id, by=by).claimed_level

    assert (first, second) == (2, None)
    with pytest.raises(ConflictError):
        records.withdraw_claim(session, ana, skill_id=billing.id, by=by)


def test_confirming_notes_when(session, make, ana, billing):
    records.claim_level(session, ana, skill_id=billing.id, level=2, by=make.actor(ana))
    later = NOW + dt.timedelta(days=30)

    record = records.confirm_current(session, ana, skill_id=billing.id, by=make.actor(ana, at=later))

    assert record.confirmed_at == later


def test_what_is_not_on_record_cannot_be_confirmed(session, make, ana, billing):
    with pytest.raises(NotFoundError):
        records.confirm_current(session, ana, skill_id=billing.id, by=make.actor(ana))


def test_interest_can_be_set_and_taken_back(session, make, ana, billing):
    by = make.actor(ana)

    wish = records.set_interest(session, ana, skill_id=billing.id, interest=Interest.RATHER_NOT, by=by).interest
    after = records.set_interest(session, ana, skill_id=billing.id, interest=Interest.NONE, by=by).interest

    assert (wish, after) == (Interest.RATHER_NOT, Interest.NONE)


def test_nobody_appends_evidence_about_themselves(session, make, ana, billing):
    with pytest.raises(ForbiddenError):
        records.append_events(session, [NewEvent(ana.id, billing.id, PROVISIONAL, level=5)], by=make.actor(ana))


def test_evidence_needs_a_level(session, make, ana, billing):
    with pytest.raises(InvalidInputError):
        records.append_events(session, [NewEvent(ana.id, billing.id, REVIEW)], by=make.actor())


def test_an_append_without_an_audit_event_cannot_be_committed(session, make, ana, billing):
    make.commit()
    records.append_events(session, [NewEvent(ana.id, billing.id, PROVISIONAL, level=3)], by=make.actor())

    with pytest.raises(UnauditedChangeError):
        session.commit()


def test_keys_come_back_in_the_order_of_the_events(session, make, ana, billing):
    events = [NewEvent(ana.id, billing.id, PROVISIONAL, level=level) for level in (1, 4, 2, 5, 3)]

    keys = records.append_events(session, events, by=make.actor())

    assert [session.get_one(SkillEvent, key).level for key in keys] == [1, 4, 2, 5, 3]


def test_a_projection_replaces_the_record_that_was_there(session, make, ana, billing):
    pair = (ana.id, billing.id)
    records.append_events(session, [NewEvent(*pair, PROVISIONAL, level=3)], by=make.actor())
    records.reproject(session, [pair], TODAY)
    record = records.get_record(session, *pair)
    first = (record.effective_level, record.version)
    records.append_events(session, [NewEvent(*pair, REVIEW, level=1)], by=make.actor())

    count = records.reproject(session, [pair, pair], TODAY)

    assert (count, first) == (1, (3, 1))
    assert (record.effective_level, record.version) == (1, 2)


def test_retracted_events_no_longer_count(session, make, ana, billing):
    by = make.actor()
    keys = records.append_events(session, [NewEvent(ana.id, billing.id, PROVISIONAL, level=3)], by=by)

    pairs = records.retract_events(session, keys, by=by, source="undo")

    records.reproject(session, pairs, TODAY)
    assert records.get_record(session, ana.id, billing.id).effective_level == 0


def test_only_events_of_the_log_are_retracted(session, make):
    with pytest.raises(NotFoundError):
        records.retract_events(session, [12], by=make.actor())


def test_levels_are_right_before_on_and_after_each_expiry(session, make, ana, billing):
    """The record is projected to the middle of its life, and asked about days on both sides."""
    ben = make.person(name="Ben")
    expiries = [(5, TODAY - dt.timedelta(days=3)), (4, TODAY + dt.timedelta(days=3)), (2, None)]
    records.append_events(
        session,
        [NewEvent(ana.id, billing.id, PROVISIONAL, level=level, expires_on=on) for level, on in expiries],
        by=make.actor(),
    )
    records.reproject(session, [(ana.id, billing.id)], TODAY)

    levels = [
        records.levels_on(session, [ana.id, ben.id], TODAY + dt.timedelta(days=days)) for days in (-4, -3, 2, 3, 99)
    ]

    assert [found[ana.id][billing.id] for found in levels] == [5, 4, 4, 2, 2]
    assert all(found[ben.id] == {} for found in levels)


def test_only_levels_above_zero_are_given(session, make, ana, billing):
    records.claim_level(session, ana, skill_id=billing.id, level=4, by=make.actor(ana))

    assert records.levels_on(session, [ana.id], TODAY) == {ana.id: {}}


def test_projections_can_be_asked_for_some_skills(session, make, ana, billing):
    other = make.skill()
    make.record(ana, billing, 3)
    make.record(ana, other, 2)

    found = records.projections_on(session, [ana.id], TODAY, skill_ids=[other.id])

    assert list(found[ana.id]) == [other.id]
    assert found[ana.id][other.id].effective_level == 2


def test_records_are_refreshed_when_their_evidence_has_expired(session, make, ana, billing):
    expiry = TODAY + dt.timedelta(days=3)
    records.append_events(
        session, [NewEvent(ana.id, billing.id, PROVISIONAL, level=4, expires_on=expiry)], by=make.actor()
    )
    records.reproject(session, [(ana.id, billing.id)], TODAY)

    early = records.refresh_due(session, expiry - dt.timedelta(days=1), by=make.actor())
    due = records.refresh_due(session, expiry, by=make.actor())
    again = records.refresh_due(session, expiry, by=make.actor())

    assert (early, due, again) == (0, 1, 0)
    assert records.get_record(session, ana.id, billing.id).effective_level == 0
    assert audited(session) == [("refresh_records", {"on": expiry.isoformat(), "count": 1})]


def test_many_records_are_projected_in_bulk(session, make):
    """The first day of a centre: every record equals the projection of its own log, whatever batch it came in."""
    people = [make.person() for _ in range(12)]
    skills = [make.skill() for _ in range(40)]
    records.append_events(
        session,
        [
            NewEvent(
                person.id,
                skill.id,
                OUTCOME if (number + place) % 3 else PROVISIONAL,
                level=(number + place) % 6,
                at=NOW - dt.timedelta(days=place),
                count=place,
                expires_on=TODAY + dt.timedelta(days=place - 20),
            )
            for number, person in enumerate(people)
            for place, skill in enumerate(skills)
        ],
        by=make.actor(),
    )
    pairs = {(person.id, skill.id) for person in people for skill in skills}

    count = records.reproject(session, pairs, TODAY)

    logs = records.load_logs(session, pairs)
    assert count == session.scalar(select(func.count()).select_from(SkillRecord)) == 480
    for record in session.scalars(select(SkillRecord)):
        assert as_projection(record) == project(logs[record.person_id, record.skill_id], TODAY)


def test_two_who_write_at_the_same_time_miss_no_word_of_each_other(database, make, ana, billing):
    """The second begins before the first has committed, with an older review: the record keeps the newer one."""
    make.commit()
    pair = (ana.id, billing.id)

    def write(session, level, *, days_ago):
        event = NewEvent(*pair, REVIEW, level=level, at=NOW - dt.timedelta(days=days_ago))
        records.append_events(session, [event], by=make.actor())
        records.reproject(session, [pair], TODAY)
        audit.record(session, "review_record", records.get_record(session, *pair), by=make.actor())

    def write_second():
        with database.transaction() as session:
            write(session, 1, days_ago=1)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            write(session, 5, days_ago=0)
            second = pool.submit(write_second)
            with pytest.raises(TimeoutError):
                second.result(timeout=1)
        second.result(timeout=30)

    with database.reading() as session:
        assert records.get_record(session, *pair).validated_level == 5


def test_the_console_command_refreshes_what_is_due(session, make, ana, billing, database, monkeypatch):
    event = NewEvent(ana.id, billing.id, PROVISIONAL, level=4, expires_on=TODAY)
    records.append_events(session, [event], by=make.actor())
    records.reproject(session, [(ana.id, billing.id)], TODAY - dt.timedelta(days=1))
    make.commit()
    monkeypatch.setattr(records_command, "get_database", lambda: database)

    told = CliRunner().invoke(cli, ["records", "refresh", "--on", TODAY.isoformat(), "--json"])

    assert json.loads(told.output) == {"on": TODAY.isoformat(), "refreshed": 1}
