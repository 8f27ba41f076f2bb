"""Webhooks out: written with the change, signed, delivered at least once, and given up in the open."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import hmac
import json

import pytest
from sqlalchemy import func, select

from tests.factories import NOW
from tests.factories.receiver import Reply
from tests.integration.outgoing.conftest import BOX, GATE
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import (
    DeliveryState,
    EngagementState,
    EventKind,
    Job,
    JobState,
    Notice,
    OutgoingEvent,
    Role,
    WebhookDelivery,
)
from webapp.services import deliveries, jobs, lifecycle, outbox, outgoing, reviews, webhooks
from webapp.services.access import get_viewer
from webapp.services.audit import Actor
from webapp.services.secrets import SecretBox
from webapp.services.webhooks import SubscriptionDraft

SYSTEM = Actor(person_id=None, at=NOW, channel="cli")


def _emit(session, kind=EventKind.PLAN_PUBLISHED, subject_id=7, **values):
    return outbox.emit(session, [outbox.NewEvent(kind, "plan", subject_id, **values)], at=NOW)


def _deliveries(database):
    with database.reading() as session:
        return session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)).all()


def _verify(received, secret):
    """Check a signature as a receiver would, by the guide."""
    parts = [part.split("=", 1) for part in received.headers["mainstay-signature"].split(",")]
    seconds = next(value for name, value in parts if name == "t")
    wanted = hmac.new(secret.encode(), seconds.encode() + b"." + received.body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(wanted, value) for name, value in parts if name == "v1")


def test_no_more_is_taken_than_is_sent_before_another_worker_takes_it(session, subscribe):
    subscribe(EventKind.PLAN_PUBLISHED)
    for number in range(30):
        _emit(session, subject_id=number)
    deliveries.fan_out(session, at=NOW)

    taken = deliveries.claim(session, box=BOX, at=NOW)

    assert taken
    assert len(taken) * dt.timedelta(seconds=outgoing.TOTAL_SECONDS) < deliveries.CLAIM


class TestOutbox:
    def test_what_nobody_follows_is_not_written(self, session):
        assert _emit(session) == 0
        assert session.scalar(select(func.count(OutgoingEvent.id))) == 0

    def test_an_event_exists_exactly_if_its_change_does(self, database, make, session, subscribe):
        subscribe(EventKind.PLAN_PUBLISHED)
        make.commit()

        _emit(session)
        session.rollback()

        with database.reading() as reading:
            assert reading.scalar(select(func.count(OutgoingEvent.id))) == 0
            assert reading.scalar(select(func.count(Job.id))) == 0

    def test_a_hundred_events_wait_for_one_job(self, session, subscribe):
        subscribe(EventKind.PLAN_PUBLISHED)

        for number in range(100):
            _emit(session, subject_id=number)

        assert session.scalar(select(func.count(Job.id))) == 1

    def test_moves_of_engagements_are_told_with_both_states(self, make, session, subscribe):
        subscribe(EventKind.ENGAGEMENT_STATE)
        engagement = make.engagement(make.engagement_type(), customer_key="CANARY-customer", subject="CANARY-words")

        lifecycle.move(session, engagement, EngagementState.DONE, action="complete_engagement", by=SYSTEM)

        (event,) = session.scalars(select(OutgoingEvent))
        assert (event.subject_kind, event.subject_id, event.site_id) == (
            "engagement",
            engagement.id,
            engagement.site_id,
        )
        assert event.payload == {"engagement": engagement.external_id, "before": "classified", "state": "done"}

    def test_many_moves_at_once_are_told_one_by_one(self, make, session, subscribe):
        subscribe(EventKind.ENGAGEMENT_STATE)
        kind = make.engagement_type()
        ids = {make.engagement(kind).id for _ in range(3)}

        lifecycle.move_all(
            session,
            ids,
            among={EngagementState.CLASSIFIED},
            state=EngagementState.CANCELLED,
            action="cancel_engagement",
            by=SYSTEM,
        )

        events = session.scalars(select(OutgoingEvent)).all()
        assert {event.subject_id for event in events} == ids
        assert {event.payload["before"] for event in events} == {"classified"}

    def test_a_review_that_changes_a_level_is_told_and_one_that_does_not_is_not(self, make, session, subscribe):
        subscribe(EventKind.LEVEL_VALIDATED)
        team, skill = make.team(), make.skill()
        agent = make.person(team=team)
        lead = make.person(roles=(Role.LEAD,), leads=[team])
        viewer = get_viewer(session, lead.id)

        for _ in range(2):
            reviews.review(session, agent, skill_id=skill.id, level=3, viewer=viewer, by=make.actor(lead))

        (event,) = session.scalars(select(OutgoingEvent))
        assert (event.subject_kind, event.subject_id, event.site_id) == ("person", agent.id, agent.site_id)
        assert event.payload["skill_id"] == skill.id
        assert (event.payload["validated_level_before"], event.payload["validated_level"]) == (0, 3)

    def test_a_dead_job_is_told_but_not_one_that_delivers(self, make, session, subscribe):
        subscribe(EventKind.JOB_DEAD)
        make.commit()
        dead = jobs.enqueue(session, "no.such", {"site_id": make.home.id}, by=SYSTEM, max_attempts=1)
        own = jobs.enqueue(session, outbox.DELIVER_JOB, {}, by=SYSTEM, max_attempts=1)
        for job in (dead, own):
            jobs.hold(session, job, owner="me", at=NOW)

        for job in (dead, own):
            jobs.release(session, job.id, owner="me", at=NOW, error="It broke.")

        (event,) = session.scalars(select(OutgoingEvent))
        assert (event.subject_id, event.site_id) == (dead.id, make.home.id)
        assert event.payload == {"job_kind": "no.such", "attempts": 1}


class TestDelivery:
    def test_an_event_arrives_signed(self, database, make, session, subscribe, receiver, work):
        _, secret = subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session, data={"day": "2026-11-23"})
        make.commit()

        work()

        (received,) = receiver.requests
        said = received.json
        assert _verify(received, secret)
        assert not _verify(received, secret + "x")
        assert (said["kind"], said["subject"], said["data"]) == (
            "plan.published",
            {"kind": "plan", "id": 7},
            {"day": "2026-11-23"},
        )
        assert received.headers["mainstay-event-id"] == said["id"]
        (delivery,) = _deliveries(database)
        assert (delivery.state, delivery.status, delivery.attempts) == (DeliveryState.DELIVERED, 200, 1)

    def test_only_those_get_it_who_follow_its_kind_and_site(self, make, session, subscribe, receiver, work):
        near, far = make.site(), make.site()
        subscribe(EventKind.JOB_DEAD, url=f"{receiver.url}/kind")
        subscribe(EventKind.PLAN_PUBLISHED, url=f"{receiver.url}/far", site_id=far.id)
        subscribe(EventKind.PLAN_PUBLISHED, url=f"{receiver.url}/near", site_id=near.id)
        subscribe(EventKind.PLAN_PUBLISHED, url=f"{receiver.url}/all")
        subscribe(EventKind.PLAN_PUBLISHED, url=f"{receiver.url}/off", active=False)
        _emit(session, site_id=near.id)
        make.commit()

        work()

        assert sorted(received.path for received in receiver.requests) == ["/all", "/near"]

    def test_events_are_sent_in_their_order(self, make, session, subscribe, receiver, work):
        subscribe(EventKind.PLAN_PUBLISHED)
        for number in range(45):
            _emit(session, subject_id=number)
        make.commit()

        work()

        sequences = [received.json["sequence"] for received in receiver.requests]
        assert len(sequences) == 45
        assert sequences == sorted(sequences)

    def test_failures_are_tried_again_later_and_later_until_they_are_dead(  # noqa: PLR0917 - each is a fixture
        self, database, make, session, subscribe, receiver, work, moving_clock
    ):
        subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session)
        make.commit()
        receiver.answer = lambda _: Reply(500)

        work()
        assert len(receiver.requests) == 1
        work()
        assert len(receiver.requests) == 1, "no attempt before its time"
        for _ in range(200):
            moving_clock.pass_by(minutes=15)
            work()

        (delivery,) = _deliveries(database)
        assert (delivery.state, delivery.attempts, delivery.status) == (DeliveryState.DEAD, 8, 500)
        assert len({received.json["id"] for received in receiver.requests}) == 1
        assert len(receiver.requests) == 8
        assert dt.timedelta(hours=16) < delivery.ended_at - NOW < dt.timedelta(hours=34)

    def test_what_failed_arrives_once_the_receiver_is_back(  # noqa: PLR0917 - each is a fixture
        self, database, make, session, subscribe, receiver, work, moving_clock
    ):
        subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session)
        make.commit()
        receiver.answer = lambda _: Reply(503)
        work()

        receiver.answer = lambda _: Reply(204)
        moving_clock.pass_by(minutes=3)
        work()

        (delivery,) = _deliveries(database)
        assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.DELIVERED, 2, "")

    def test_a_receiver_may_ask_to_wait(self, database, make, session, subscribe, receiver, work):
        subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session)
        make.commit()
        receiver.answer = lambda _: Reply(429, headers={"Retry-After": "3600"})

        work()

        assert _deliveries(database)[0].next_at >= NOW + dt.timedelta(hours=1)

    def test_gone_means_gone(self, database, make, session, subscribe, receiver, work):
        subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session)
        make.commit()
        receiver.answer = lambda _: Reply(410)

        work()

        assert _deliveries(database)[0].state is DeliveryState.DEAD

    def test_a_worker_that_dies_after_sending_sends_again_under_the_same_id(  # noqa: PLR0917 - each is a fixture
        self, database, make, session, subscribe, receiver, work, moving_clock
    ):
        """At least once: a receiver that remembers ids does it once."""
        subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session)
        make.commit()
        with database.transaction() as claiming:
            deliveries.fan_out(claiming, at=NOW)
            (taken,) = deliveries.claim(claiming, box=BOX, at=NOW)
        deliveries.send(taken, gate=GATE, at=NOW)
        # Here the worker is killed: it has sent, and noted nothing.

        work()
        assert len(receiver.requests) == 1, "somebody else may still be at it"
        moving_clock.pass_by(minutes=3)
        work()

        ids = [received.json["id"] for received in receiver.requests]
        assert len(ids) == 2
        assert len(set(ids)) == 1
        assert receiver.requests[0].body == receiver.requests[1].body
        assert _deliveries(database)[0].state is DeliveryState.DELIVERED

    def test_a_late_worker_takes_no_success_back(self, database, make, session, subscribe):
        subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session)
        make.commit()
        with database.transaction() as claiming:
            deliveries.fan_out(claiming, at=NOW)
            (taken,) = deliveries.claim(claiming, box=BOX, at=NOW)
        note = functools.partial(deliveries.note, chance=0.5, at=NOW)

        with database.transaction() as other:
            note(other, taken.delivery_id, taken.attempt, deliveries.Outcome(200))
        with database.transaction() as late:
            assert note(late, taken.delivery_id, 1, deliveries.Outcome(500, "Late.")) is None

        assert _deliveries(database)[0].state is DeliveryState.DELIVERED

    def test_ten_dead_in_a_row_switch_it_off_and_tell_the_admins(
        self, database, make, session, subscribe, receiver, work
    ):
        subscription, _ = subscribe(EventKind.PLAN_PUBLISHED)
        for number in range(12):
            _emit(session, subject_id=number)
        make.commit()
        receiver.answer = lambda _: Reply(410)

        work()

        with database.reading() as reading:
            found = webhooks.get_subscription(reading, subscription.id)
            assert (found.active, found.paused_at) == (False, NOW)
            assert reading.scalar(select(func.count(Notice.id)).where(Notice.kind == "webhook_paused")) == 1
        assert len(receiver.requests) >= 10

    def test_what_is_sent_by_hand_again_is_the_same_event(self, database, make, session, subscribe, receiver, work):
        subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session)
        make.commit()
        receiver.answer = lambda _: Reply(410)
        work()
        receiver.answer = lambda _: Reply(200)

        with database.transaction() as resending:
            delivery = webhooks.get_delivery(resending, _deliveries(database)[0].id)
            webhooks.resend(resending, delivery, by=SYSTEM)
            with pytest.raises(ConflictError):
                webhooks.resend(resending, delivery, by=SYSTEM)
        work()

        assert len({received.json["id"] for received in receiver.requests}) == 1
        assert _deliveries(database)[0].state is DeliveryState.DELIVERED

    def test_a_test_event_goes_to_one_subscription_alone(self, database, make, subscribe, receiver, work):
        one, _ = subscribe(EventKind.PLAN_PUBLISHED, url=f"{receiver.url}/one")
        subscribe(EventKind.PLAN_PUBLISHED, url=f"{receiver.url}/other")
        make.commit()

        with database.transaction() as testing:
            webhooks.send_test(testing, webhooks.get_subscription(testing, one.id), by=SYSTEM)
        work()

        assert [(received.path, received.json["kind"]) for received in receiver.requests] == [("/one", "test")]

    def test_a_wrong_key_is_told_and_nothing_is_sent_unsigned(self, database, make, session, subscribe, receiver, work):
        subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session)
        make.commit()

        work(secrets=SecretBox("another key"))

        assert receiver.requests == []
        assert "SECRET_KEY" in _deliveries(database)[0].error

    def test_old_events_are_deleted_but_not_dead_letters(  # noqa: PLR0917 - each is a fixture
        self, database, make, session, subscribe, receiver, work, moving_clock
    ):
        subscribe(EventKind.PLAN_PUBLISHED)
        _emit(session, subject_id=1)
        make.commit()
        work()
        receiver.answer = lambda _: Reply(410)
        _emit(session, subject_id=2)
        make.commit()
        work()

        moving_clock.pass_by(days=31)
        with database.transaction() as pruning:
            deliveries.prune(pruning, at=moving_clock())

        with database.reading() as reading:
            assert reading.scalars(select(OutgoingEvent.subject_id)).all() == [2]


class TestSubscriptions:
    def test_after_a_rotation_both_secrets_sign_for_a_day(self, make, session, subscribe, receiver, work, moving_clock):
        subscription, old = subscribe(EventKind.PLAN_PUBLISHED)
        new = webhooks.rotate_secret(session, subscription, box=BOX, by=SYSTEM)
        _emit(session)
        make.commit()
        work()
        moving_clock.pass_by(hours=25)
        _emit(session)
        make.commit()
        work()

        first, second = receiver.requests
        assert _verify(first, old)
        assert _verify(first, new)
        assert _verify(second, new)
        assert not _verify(second, old)

    def test_the_secret_is_nowhere_in_the_database_as_it_is(self, session, subscribe):
        subscription, secret = subscribe(EventKind.PLAN_PUBLISHED)

        assert secret not in subscription.secret
        assert BOX.decrypt(subscription.secret) == secret

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("name", {"name": " "}),
            ("kinds", {"kinds": ()}),
            ("kinds", {"kinds": (EventKind.TEST,)}),
            ("url", {"url": "https://10.0.0.1/"}),
            ("url", {"url": "ftp://a.example/"}),
            ("site_id", {"site_id": 999}),
        ],
    )
    def test_what_cannot_work_is_refused_beside_its_field(self, session, make, field, values):
        draft = {"name": "A", "url": "https://hooks.example/", "kinds": (EventKind.JOB_DEAD,), **values}

        with pytest.raises(InvalidInputError) as caught:
            webhooks.create_subscription(
                session, SubscriptionDraft(**draft), gate=GATE, box=BOX, by=make.actor(make.person())
            )
        assert caught.value.field == field


def test_nobodys_words_leave(make, session, subscribe):
    """Canaries in every field that names somebody or quotes a customer."""
    subscribe(*outbox.FOLLOWABLE)
    team, skill = make.team(name="CANARY-team"), make.skill(name="CANARY-skill")
    agent = make.person(name="CANARY-name", email="canary@canary.example", team=team)
    lead = make.person(name="CANARY-lead", roles=(Role.LEAD,), leads=[team])
    engagement = make.engagement(make.engagement_type(), customer_key="CANARY-key", subject="CANARY-subject")
    reviews.review(
        session,
        agent,
        skill_id=skill.id,
        level=2,
        note="CANARY-note",
        viewer=get_viewer(session, lead.id),
        by=make.actor(lead),
    )
    lifecycle.move(session, engagement, EngagementState.DONE, action="complete_engagement", by=make.actor(lead))

    events = session.scalars(select(OutgoingEvent)).all()
    assert {event.kind for event in events} == {EventKind.LEVEL_VALIDATED, EventKind.ENGAGEMENT_STATE}
    assert all(b"canary" not in webhooks.body_of(event).lower() for event in events)
    assert json.loads(webhooks.body_of(events[0]))["sequence"] == events[0].id
    assert session.scalar(select(Job.state).where(Job.kind == outbox.DELIVER_JOB)) is JobState.QUEUED
