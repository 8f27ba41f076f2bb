"""Merging skills: everything that names one follows, and an undo restores exactly it."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from tests.factories import NOW, TODAY
from webapp.db import Base
from webapp.errors import ConflictError, DependencyError, InvalidInputError
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import (
    AuditEvent,
    HiringProfile,
    Job,
    JobState,
    LinkKind,
    ProfileRequirement,
    Role,
    RoleRequirement,
    SkillEventKind,
    SkillLevelDescription,
    SkillLink,
    SkillRecord,
    SkillSynonym,
    TypeRequirement,
)
from webapp.services import record_history, record_renewal, records, reviews
from webapp.services.records import NewEvent
from webapp.services.skill_merging.merging import merge_skill, undo_merge
from webapp.services.skill_merging.plan import plan_merge
from webapp.services.skill_merging.rows import OWN_RULES, STAYING, list_followers, list_namings

DAY = dt.timedelta(days=1)


@pytest.fixture
def pair(make):
    """Return the skill that goes and the one that stays."""
    return make.skill(code="invoices", name="Invoices"), make.skill(code="billing", name="Billing")


@pytest.fixture
def hr(make):
    """Return the person who merges."""
    return make.person(roles=[Role.HR])


@pytest.fixture
def lead(make):
    """Return somebody who gives evidence."""
    return make.person(roles=[Role.LEAD], leads=[make.team()])


def say(session, make, author, person, skill, level, *, days=10, kind=SkillEventKind.REVIEW):
    """Append one event about a person and project the record."""
    at = NOW - days * DAY
    by = make.actor(author, at=at)
    records.append_events(session, [NewEvent(person.id, skill.id, kind, level=level, at=at)], by=by)
    records.reproject(session, [(person.id, skill.id)], TODAY)


def level_of(session, person, skill):
    """Return the validated level on record, None without one."""
    record = records.find_record(session, person.id, skill.id)
    return record.validated_level if record else None


def dump(session):
    """Return every row of every table but the log of changes itself."""
    hidden = {"audit_event", "skill_merge", "job"}
    volatile = {"version"}
    return {
        table.name: sorted(
            repr({key: value for key, value in row.items() if key not in volatile | own_keys(table)})
            for row in session.execute(select(table)).mappings()
        )
        for table in Base.metadata.sorted_tables
        if table.name not in hidden
    }


def own_keys(table):
    """Return the columns whose value an undo need not restore: the key of a projected record."""
    return {"id"} if table.name == "skill_record" else set()


def test_each_column_that_names_a_skill_has_a_rule():
    known = {naming.key for naming in list_followers()} | STAYING | OWN_RULES

    assert {naming.key for naming in list_namings()} == known
    assert all("id" in naming.table.c for naming in list_namings())


def test_a_record_is_projected_from_the_events_of_both(session, make, pair, hr, lead):
    invoices, billing = pair
    ana, ben = make.person(), make.person()
    say(session, make, lead, ana, invoices, 4, days=5)
    say(session, make, lead, ana, billing, 2, days=20)
    say(session, make, lead, ben, invoices, 3)

    merge_skill(session, invoices, billing, by=make.actor(hr))

    assert (level_of(session, ana, billing), level_of(session, ben, billing)) == (4, 3)
    assert session.scalar(select(func.count()).where(SkillRecord.skill_id == invoices.id)) == 0


def test_requirements_follow_and_the_stricter_stays(session, make, pair, hr):
    invoices, billing = pair
    both = make.engagement_type(requires={invoices: 4}, prefers={billing: 2})
    one = make.engagement_type(prefers={invoices: 1})
    role = make.service_role(gates={invoices: 3})
    session.add(RoleRequirement(service_role_id=role.id, skill_id=billing.id, level=5, weight=2.0, gate=False))

    merge_skill(session, invoices, billing, by=make.actor(hr))

    lines = session.scalars(select(TypeRequirement).order_by(TypeRequirement.engagement_type_id)).all()
    assert [(line.engagement_type_id, line.skill_id, line.level, line.preferred) for line in lines] == [
        (both.id, billing.id, 4, False),
        (one.id, billing.id, 1, True),
    ]
    gate = session.scalars(select(RoleRequirement)).one()
    assert (gate.skill_id, gate.level, gate.weight, gate.gate) == (billing.id, 5, 2.0, True)


def test_an_editor_of_what_asked_for_it_hears_of_the_merge(session, make, pair, hr):
    kind = make.engagement_type(requires={pair[0]: 2})
    before = kind.version

    merge_skill(session, *pair, by=make.actor(hr))

    assert kind.version > before


def test_hiring_profiles_follow(session, make, pair, hr):
    invoices, billing = pair
    profile = HiringProfile(
        name="Spring", site_id=make.home.id, head_count=1, basis={}, created_by_id=hr.id, created_at=NOW
    )
    profile.requirements = [
        ProfileRequirement(skill_id=invoices.id, level=3, gate=True, demand_minutes=60.0, engagement_count=4),
        ProfileRequirement(skill_id=billing.id, level=4, gate=False, demand_minutes=20.0, engagement_count=5),
    ]
    session.add(profile)

    merge_skill(session, invoices, billing, by=make.actor(hr))

    line = session.scalars(select(ProfileRequirement)).one()
    found = (line.skill_id, line.level, line.gate, line.demand_minutes, line.engagement_count)
    assert found == (billing.id, 4, True, 60.0, 5)


def test_links_follow_without_loops_and_twins(session, make, pair, hr):
    invoices, billing = pair
    maths, tax = make.skill(name="Maths"), make.skill(name="Tax")
    for skill, other, kind in (
        (invoices, maths, LinkKind.PREREQUISITE),
        (billing, maths, LinkKind.PREREQUISITE),
        (tax, invoices, LinkKind.PREREQUISITE),
        (invoices, billing, LinkKind.RELATED),
    ):
        session.add(SkillLink(skill_id=skill.id, other_id=other.id, kind=kind, weight=1.0))

    merge_skill(session, invoices, billing, by=make.actor(hr))

    links = session.execute(select(SkillLink.skill_id, SkillLink.other_id, SkillLink.kind)).all()
    assert sorted(links) == sorted(
        [(billing.id, maths.id, LinkKind.PREREQUISITE), (tax.id, billing.id, LinkKind.PREREQUISITE)]
    )


def test_descriptions_of_the_target_win_and_missing_ones_are_filled(session, make, pair, hr):
    invoices, billing = pair
    for skill, level, text in ((invoices, 1, "old one"), (invoices, 2, "old two"), (billing, 2, "new two")):
        session.add(SkillLevelDescription(skill_id=skill.id, level=level, text=text))

    merge_skill(session, invoices, billing, by=make.actor(hr))

    texts = session.execute(select(SkillLevelDescription.skill_id, SkillLevelDescription.text)).all()
    assert sorted(texts) == [(billing.id, "new two"), (billing.id, "old one")]


def test_name_code_and_synonyms_of_the_source_find_the_target(session, make, pair, hr):
    invoices, billing = pair
    session.add_all(SkillSynonym(skill_id=skill.id, text="accounts") for skill in pair)
    session.add(SkillSynonym(skill_id=invoices.id, text="bills"))

    merge_skill(session, invoices, billing, by=make.actor(hr))

    texts = session.execute(select(SkillSynonym.skill_id, SkillSynonym.text)).all()
    # The code differs from the name in nothing but its first letter, so that it is no word of its own.
    assert sorted(texts) == [(billing.id, "Invoices"), (billing.id, "accounts"), (billing.id, "bills")]


def test_undo_restores_every_row_exactly(session, make, pair, hr, lead):
    invoices, billing = pair
    ana = make.person()
    say(session, make, lead, ana, invoices, 4, days=5)
    say(session, make, lead, ana, billing, 2, days=20)
    say(session, make, lead, make.person(), invoices, 3)
    make.engagement_type(requires={invoices: 4, billing: 2})
    make.service_role(gates={invoices: 3})
    session.add(SkillLink(skill_id=invoices.id, other_id=billing.id, kind=LinkKind.RELATED, weight=0.5))
    session.add(SkillSynonym(skill_id=invoices.id, text="bills"))
    session.add(SkillLevelDescription(skill_id=invoices.id, level=2, text="two"))
    session.flush()
    before = dump(session)

    merge = merge_skill(session, invoices, billing, by=make.actor(hr))
    merged = dump(session)
    undo_merge(session, merge, by=make.actor(hr, at=NOW + DAY))

    assert merged != before
    assert dump(session) == before


def test_what_moved_and_was_edited_since_refuses_the_undo_in_words(session, make, pair, hr):
    invoices, billing = pair
    make.engagement_type(name="Billing call", requires={invoices: 4})
    merge = merge_skill(session, invoices, billing, by=make.actor(hr))
    session.scalars(select(TypeRequirement)).one().level = 2
    session.flush()

    with pytest.raises(DependencyError, match="engagement type Billing call: was edited since"):
        undo_merge(session, merge, by=make.actor(hr))

    assert invoices.merged_into_id == billing.id


def test_a_merge_after_another_carries_the_parts_and_is_undone_first(session, make, pair, hr, lead):
    invoices, billing = pair
    money = make.skill(name="Money")
    ana = make.person()
    say(session, make, lead, ana, invoices, 4)
    first = merge_skill(session, invoices, billing, by=make.actor(hr))
    second = merge_skill(session, billing, money, by=make.actor(hr, at=NOW + DAY))

    assert level_of(session, ana, money) == 4
    with pytest.raises(ConflictError, match="Undo that merge first"):
        undo_merge(session, first, by=make.actor(hr))
    undo_merge(session, second, by=make.actor(hr, at=NOW + 2 * DAY))
    assert (invoices.merged_into_id, level_of(session, ana, billing)) == (billing.id, 4)
    undo_merge(session, first, by=make.actor(hr, at=NOW + 3 * DAY))
    assert (invoices.merged_into_id, level_of(session, ana, invoices)) == (None, 4)


def test_no_row_of_any_table_names_a_merged_skill_but_log_and_merge(session, make, pair, hr, lead):
    invoices, billing = pair
    say(session, make, lead, make.person(), invoices, 4)
    make.engagement_type(requires={invoices: 4, billing: 2})
    make.service_role(gates={invoices: 3})
    other = make.skill()
    for skill, other_skill in ((invoices, other), (other, invoices)):
        session.add(SkillLink(skill_id=skill.id, other_id=other_skill.id, kind=LinkKind.RELATED, weight=0.5))
    session.add(SkillSynonym(skill_id=invoices.id, text="bills"))
    session.add(SkillLevelDescription(skill_id=invoices.id, level=2, text="two"))

    merge_skill(session, invoices, billing, by=make.actor(hr))

    for naming in list_namings():
        count = session.scalar(select(func.count()).select_from(naming.table).where(naming.column == invoices.id))
        assert count == 0 or naming.key in STAYING, naming.key


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda source, target: setattr(target, "retired_at", NOW), "Billing is retired"),
        (lambda source, target: setattr(source, "merged_into_id", target.id), "Invoices is part of Billing already"),
    ],
)
def test_a_merge_that_makes_no_sense_is_refused(session, make, pair, hr, prepare, words):
    prepare(*pair)
    session.flush()
    session.expire_all()

    with pytest.raises((InvalidInputError, ConflictError), match=words):
        merge_skill(session, *pair, by=make.actor(hr))


def test_a_skill_is_not_merged_into_itself(session, make, pair, hr):
    with pytest.raises(InvalidInputError, match="itself"):
        merge_skill(session, pair[0], pair[0], by=make.actor(hr))


def test_a_circle_of_prerequisites_is_refused_with_its_skills(session, make, pair, hr):
    invoices, billing = pair
    maths = make.skill(name="Maths")
    for skill, other in ((invoices, maths), (maths, billing)):
        session.add(SkillLink(skill_id=skill.id, other_id=other.id, kind=LinkKind.PREREQUISITE, weight=1.0))

    with pytest.raises(InvalidInputError, match=r"in a circle: .*Maths"):
        plan_merge(session, invoices, billing)


def test_a_merge_writes_one_audit_event(session, make, pair, hr, lead):
    say(session, make, lead, make.person(), pair[0], 4)
    before = session.scalar(select(func.count(AuditEvent.id)))

    merge_skill(session, *pair, by=make.actor(hr))

    event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert session.scalar(select(func.count(AuditEvent.id))) == before + 1
    assert (event.action, event.detail["into"], event.detail["people"]) == ("merge_skill", "billing", 1)


def test_many_records_are_right_at_once_and_written_by_a_job(session, make, pair, hr, lead, monkeypatch):
    monkeypatch.setattr(record_renewal, "AT_ONCE", 3)
    monkeypatch.setattr(record_renewal, "PART", 3)
    invoices, billing = pair
    people = [make.person() for _ in range(8)]
    for person in people:
        say(session, make, lead, person, invoices, 4, days=5)
        say(session, make, lead, person, billing, 1, days=20)

    merge_skill(session, invoices, billing, by=make.actor(hr))

    held = records.projections_on(session, [person.id for person in people], TODAY)
    assert {held[person.id][billing.id].validated_level for person in people} == {4}
    parts = []
    while count := record_renewal.renew_part(session, [billing.id], by=make.actor(hr)):
        parts.append(count)
    assert parts == [3, 3, 2]
    assert {level_of(session, person, billing) for person in people} == {4}


def test_a_day_before_the_merge_shows_two_skills_and_the_day_after_one(session, make, pair, hr, lead):
    invoices, billing = pair
    ana = make.person()
    say(session, make, lead, ana, invoices, 4, days=30)
    say(session, make, lead, ana, billing, 2, days=40)
    merge = merge_skill(session, invoices, billing, by=make.actor(hr, at=NOW - 10 * DAY))
    undo_merge(session, merge, by=make.actor(hr, at=NOW - 5 * DAY))

    def levels(days):
        held = record_history.as_of(session, ana, TODAY - days * DAY)
        return {skill_id: projection.validated_level for skill_id, projection in held.items()}

    assert levels(11) == {invoices.id: 4, billing.id: 2}
    assert levels(10) == levels(6) == {billing.id: 4}
    assert levels(5) == levels(0) == {invoices.id: 4, billing.id: 2}
    points = record_history.list_level_points(session, ana, billing.id, TODAY)
    assert [(point.on, point.effective) for point in points] == [
        (TODAY - 40 * DAY, 2),
        (TODAY - 10 * DAY, 4),
        (TODAY - 5 * DAY, 2),
    ]


def test_a_claim_about_a_merged_skill_is_taken_back_for_good(session, make, pair, hr):
    invoices, billing = pair
    ana = make.person()
    records.claim_level(session, ana, skill_id=invoices.id, level=4, by=make.actor(ana))
    merge = merge_skill(session, invoices, billing, by=make.actor(hr, at=NOW + DAY))

    records.withdraw_claim(session, ana, skill_id=billing.id, by=make.actor(ana, at=NOW + 2 * DAY))
    undo_merge(session, merge, by=make.actor(hr, at=NOW + 3 * DAY))

    assert records.get_record(session, ana.id, invoices.id).claimed_level is None


def test_a_review_of_a_merged_skill_can_be_taken_back(session, make, pair, hr):
    invoices, billing = pair
    team = make.team()
    ana, lead = make.person(team=team), make.person(roles=[Role.LEAD], leads=[team])
    viewer = make.viewer(lead)
    event = reviews.review(session, ana, skill_id=invoices.id, level=4, viewer=viewer, by=make.actor(lead))
    merge_skill(session, invoices, billing, by=make.actor(hr, at=NOW + DAY))

    record = reviews.retract_review(session, event, viewer=viewer, by=make.actor(lead, at=NOW + 2 * DAY))

    assert (record.skill_id, record.validated_level) == (billing.id, 0)
    assert records.find_record(session, ana.id, invoices.id) is None


def test_nobody_claims_a_merged_skill(session, make, pair, hr):
    ana = make.person()
    merge_skill(session, *pair, by=make.actor(hr))

    with pytest.raises(InvalidInputError, match="Invoices is part of Billing now"):
        records.claim_level(session, ana, skill_id=pair[0].id, level=3, by=make.actor(ana))


def test_the_job_writes_what_waits_in_parts_and_ends(database, make, pair, hr, lead, monkeypatch):
    monkeypatch.setattr(record_renewal, "AT_ONCE", 3)
    monkeypatch.setattr(record_renewal, "PART", 3)
    session, (invoices, billing) = make.session, pair
    people = [make.person() for _ in range(5)]
    for person in people:
        say(session, make, lead, person, invoices, 4)
    merge_skill(session, invoices, billing, by=make.actor(hr))
    make.commit()
    load_bodies()

    ran = Executor(database, lambda: NOW).run_once()

    assert ran
    session.expire_all()
    job = session.scalars(select(Job)).one()
    assert (job.kind, job.state, job.result) == (record_renewal.RENEW_JOB, JobState.DONE, {"records": 5})
    assert {level_of(session, person, billing) for person in people} == {4}
