"""
Kill -9 of workers in the middle of webhooks out: each event arrives, and counts once for who tells them by their ids.

``MAINSTAY_DELIVERY_EVENTS`` and ``MAINSTAY_DELIVERY_KILLS`` say how many; docs/benchmarks.md has the command of the
full run.
"""

from __future__ import annotations

import datetime as dt
import functools
import os
import random
import sys
import time
from collections import Counter

import pytest
from sqlalchemy import select

from tests import running
from tests.factories import Make
from tests.factories.intake import BOX
from tests.factories.receiver import Receiver, Reply
from tests.faults.installation import wait_until
from webapp.models import DeliveryState, EventKind, Job, JobState, OutgoingEvent, Role, WebhookDelivery
from webapp.services import outbox, webhooks
from webapp.services.audit import Actor
from webapp.services.outgoing import Gate
from webapp.services.webhooks import SubscriptionDraft

EVENTS = int(os.environ.get("MAINSTAY_DELIVERY_EVENTS", "60"))
KILLS = int(os.environ.get("MAINSTAY_DELIVERY_KILLS", "1"))
SETTINGS = {"OUTGOING_ALLOW": "127.0.0.1"}
START_SECONDS = 120.0


@pytest.fixture
def receiver():
    """Return a receiver that takes a moment for each event, so that kills find workers at it."""
    with Receiver(lambda _received: Reply(before=0.02)) as receiver:
        yield receiver


@pytest.fixture
def expected(installation, receiver):
    """Subscribe the receiver, and let things happen; return the ids of these events."""
    with installation.database.writing() as session:
        make = Make(session)
        by = Actor(person_id=make.person(roles=[Role.ADMIN]).id, at=running.now())
        draft = SubscriptionDraft("Warehouse", f"{receiver.url}/in", [EventKind.ENGAGEMENT_STATE])
        webhooks.create_subscription(session, draft, gate=Gate.parse("127.0.0.1"), box=BOX, by=by)
        happened = [outbox.NewEvent(EventKind.ENGAGEMENT_STATE, "engagement", number) for number in range(EVENTS)]
        assert outbox.emit(session, happened, at=running.now()) == EVENTS
        make.commit()
        return set(session.scalars(select(OutgoingEvent.key)))


def _let_time_pass(installation):
    """Do what waiting for the ends of leases and claims would do."""
    installation.expire_leases()
    with installation.database.transaction() as session:
        for delivery in session.scalars(select(WebhookDelivery).where(WebhookDelivery.state == DeliveryState.WAITING)):
            delivery.next_at -= dt.timedelta(hours=1)


def _delivered(installation):
    return installation.count(WebhookDelivery, WebhookDelivery.state == DeliveryState.DELIVERED)


def _has_arrived(receiver, count):
    return len(receiver.requests) >= count


def test_each_event_arrives_through_kills_and_counts_once(installation, receiver, expected):
    began = time.monotonic()
    for turn in range(KILLS):
        arrived = functools.partial(_has_arrived, receiver, EVENTS * (turn + 1) // (KILLS + 1))
        with running.worker(installation.url, installation.folder, **SETTINGS) as victim:
            wait_until(arrived, seconds=START_SECONDS)
            time.sleep(random.uniform(0, 0.05))
            victim.kill()
        _let_time_pass(installation)
    with running.worker(installation.url, installation.folder, **SETTINGS):
        wait_until(lambda: _delivered(installation) == EVENTS, seconds=START_SECONDS + EVENTS)
    seconds = time.monotonic() - began

    times = Counter(received.headers["mainstay-event-id"] for received in receiver.requests)
    assert set(times) == expected
    # A receiver that counts each id once has counted each event once; every copy says the same.
    said = {(received.headers["mainstay-event-id"], received.body) for received in receiver.requests}
    assert len(said) == EVENTS
    # No more than what a killed worker had sent and not yet noted is sent again.
    assert len(receiver.requests) <= EVENTS + KILLS
    assert installation.count(WebhookDelivery) == EVENTS
    installation.assert_sound()
    sys.stderr.write(f"{EVENTS:,} events, {KILLS} kills, {len(receiver.requests):,} received, {seconds:.0f} s\n")


def test_what_a_dead_job_left_is_sent_without_a_new_event(installation, receiver, expected):
    """Its worker died as often as a job is tried; nothing happens at the centre that would queue another."""
    with installation.database.transaction() as session:
        job = session.scalars(select(Job).where(Job.kind == outbox.DELIVER_JOB)).one()
        job.state, job.attempts, job.ended_at = JobState.DEAD, job.max_attempts, running.now()
        for event in session.scalars(select(OutgoingEvent)):
            event.at -= dt.timedelta(hours=1)

    with running.worker(installation.url, installation.folder, **SETTINGS):
        wait_until(lambda: _delivered(installation) == EVENTS, seconds=START_SECONDS)

    assert {received.headers["mainstay-event-id"] for received in receiver.requests} == expected
