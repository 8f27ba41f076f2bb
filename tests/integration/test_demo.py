"""The demo's company is believable, and seeding it again changes nothing."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import delete, func, select

from optimizer import solve
from tests.factories import NOW, Make
from webapp.models import (
    Channel,
    CheckIn,
    ConnectionWrite,
    Contact,
    Engagement,
    EngagementState,
    EngagementType,
    IntakeSource,
    IntakeState,
    Job,
    Person,
    Plan,
    Policy,
    Praise,
    Role,
    RoleGrant,
    RoutingDecision,
    Scenario,
    Shift,
    Site,
    Skill,
    SkillEvent,
    SlotState,
    Stance,
    StretchSlot,
    Swap,
    ThreadMessage,
    WebhookSubscription,
)
from webapp.services import access, forecasting, slipping
from webapp.services.demo import seed_before_planning, seed_company, seed_day, seed_since_publishing
from webapp.services.intake import reviewing, sources
from webapp.services.planning import policies, publish, runs
from webapp.services.routing import comparing
from webapp.services.secrets import SecretBox

BOX = SecretBox("a key for tests")


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
    # 450 a day at each of two sites, and what is known of tomorrow: 120 at each, beside the check-ins by rules.
    check_ins = _count(seeded, CheckIn)
    assert _count(seeded, Engagement) - check_ins == 900 + 2 * 120
    assert 20 <= check_ins <= 120


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

    # 120 of each site's work were known the day before; the next day's are known now.
    made = _count(seeded, Engagement) - engagements
    assert made == 900
    assert shifts < _count(seeded, Shift) < shifts * 1.3


def test_no_contact_lies_in_the_future(seeded):
    assert seeded.scalar(select(func.max(Contact.ended_at))) <= NOW


AT_ELEVEN = dt.datetime.combine(NOW.date(), dt.time(11), dt.UTC)


@pytest.fixture
def surrounded(seeded):
    """Return a session of the demo at eleven o'clock with what is connected, before anything is planned."""
    seed_before_planning(seeded, box=BOX, at=AT_ELEVEN)
    seeded.commit()
    return seeded


def _porto(session):
    return session.scalars(select(Site).where(Site.code == "porto")).one()


def _scheduler(session):
    return session.scalars(select(Person).where(Person.external_id == "scheduler-porto")).one()


def test_the_helpdesk_has_sent_a_dozen_messages_and_some_wait_to_be_sorted(surrounded):
    source = surrounded.scalars(select(IntakeSource)).one()
    viewer = access.get_viewer(surrounded, _scheduler(surrounded).id)

    states = sources.count_states(surrounded, source)

    assert states[IntakeState.FAILED] == 0
    assert states[IntakeState.IGNORED] == 1
    assert states[IntakeState.REVIEW] == len(reviewing.list_waiting(surrounded, viewer=viewer)) >= 3
    assert sum(states.values()) >= 14
    kinds = select(EngagementType.code).join(Engagement, Engagement.engagement_type_id == EngagementType.id)
    sorted_ones = set(
        surrounded.scalars(
            kinds.where(Engagement.external_id.startswith("ZD-"), Engagement.state != EngagementState.RECEIVED)
        )
    )
    assert {"mail-billing", "mail-returns", "mail-contract", "mail-german", "case-meter", "case-heat"} <= sorted_ones

    _assert_agents_chose_when_they_grow(surrounded)
    _assert_built_once(surrounded)
    _assert_sent_again_the_next_day(surrounded)


def _assert_agents_chose_when_they_grow(session):
    slots = session.scalars(select(StretchSlot).order_by(StretchSlot.id)).all()

    assert [slot.state for slot in slots] == [SlotState.CHOSEN] * 3 + [SlotState.REFUSED]
    assert {slot.person.site_id for slot in slots} == {_porto(session).id}
    assert all(slot.starts_at > AT_ELEVEN for slot in slots)
    assert all(slot.reason for slot in slots if slot.state is SlotState.REFUSED)


def _assert_built_once(session):
    models = (IntakeSource, WebhookSubscription, Policy, Engagement, SkillEvent, StretchSlot)
    before = [_count(session, model) for model in models]

    assert seed_before_planning(session, box=BOX, at=AT_ELEVEN) == 0

    assert [_count(session, model) for model in models] == before
    assert [each.number for each in policies.list_versions(session, "winter-storms")] == [2, 1]


def _assert_sent_again_the_next_day(session):
    before = _count(session, Engagement)

    assert seed_before_planning(session, box=BOX, at=AT_ELEVEN + dt.timedelta(days=1)) > 0

    assert before + 10 <= _count(session, Engagement) <= before + 20


@pytest.fixture
def published(surrounded):
    """Return the plan of a tenth of Porto's day, so that it is solved at once, and what has happened since."""
    session, site = surrounded, _porto(surrounded)
    day_on = AT_ELEVEN.date()
    tenth = f"POR-{day_on:%y%m%d}-00"
    others = Engagement.external_id.startswith(f"POR-{day_on:%y%m%d}-") & ~Engagement.external_id.startswith(tenth)
    session.execute(delete(Engagement).where(others))
    by = Make(session).actor(_scheduler(session), at=AT_ELEVEN)
    forecasting.build_forecast(session, site, day_on, by=by)
    policies.ensure_presets(session, by=by)
    run = runs.request_run(session, site, day_on, request=runs.RunRequest(time_limit_seconds=30.0), by=by)
    built = runs.prepare(session, run, today=day_on)
    plan = runs.finish(session, run, built, runs.checked(built.problem, solve(built.problem)), by=by)
    assert plan is not None
    session.delete(run.job)
    run.job = None
    session.flush()
    publish.publish_plan(session, plan, today=day_on, by=by)
    seed_since_publishing(session, plan, at=AT_ELEVEN)
    session.commit()
    return session


def test_a_published_day_is_lived_in(published):
    session, site = published, _porto(published)
    plan = session.scalars(select(Plan)).one()

    slips = slipping.list_slipping(
        session, viewer=access.get_viewer(session, _scheduler(session).id), at=AT_ELEVEN, site_id=site.id
    )
    compared = comparing.compare_day(session, site, plan.day_on)

    assert {slipping.Cause.DUE, slipping.Cause.UNTOUCHED} <= {each.cause for each in slips}
    assert _count(session, Praise) == 5
    assert _count(session, ThreadMessage) >= 5
    assert _count(session, Swap) <= 1
    assert compared.agreement.of >= 40
    assert 0.2 < compared.agreement.value < 0.95
    assert {each.name for each in session.scalars(select(Scenario))} == {
        "Two more agents fall ill",
        "A storm over the coast",
    }
    assert {"scenario.solve", "simulation.run"} <= set(session.scalars(select(Job.kind)))

    # Nobody decides, says or sends anything in the future, or by itself to the outside.
    assert session.scalar(select(func.max(RoutingDecision.at))) <= AT_ELEVEN
    assert session.scalar(select(func.max(ThreadMessage.at))) <= AT_ELEVEN
    assert _count(session, ConnectionWrite) == 0
