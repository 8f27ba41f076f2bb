"""A receiver on loopback, and an executor that may call it."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW
from tests.factories.receiver import Receiver
from webapp import jobs
from webapp.jobs.executor import Executor
from webapp.models import EventKind
from webapp.services import webhooks
from webapp.services.outgoing import Gate
from webapp.services.secrets import SecretBox
from webapp.services.webhooks import SubscriptionDraft

GATE = Gate.parse("127.0.0.1")
BOX = SecretBox("a key for tests alone")


class Clock:
    """Tells a moment that tests move."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> dt.datetime:
        """Return the moment."""
        return self.at

    def pass_by(self, **values: float) -> None:
        """Let time pass."""
        self.at += dt.timedelta(**values)


@pytest.fixture
def moving_clock():
    return Clock()


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def work(database, moving_clock):
    """Return a function that runs all jobs that wait, by a worker of its own, and returns how many."""
    jobs.load_bodies()

    def _work(limit=50, **options):
        executor = Executor(database, moving_clock, options={"gate": GATE, "secrets": BOX, **options})
        count = 0
        while count < limit and executor.run_once():
            count += 1
        return count

    return _work


@pytest.fixture
def subscribe(make, receiver):
    """Return a function that subscribes the receiver, and returns subscription and secret."""
    admin = make.person(roles=("admin",))

    def _subscribe(*kinds, **values):
        draft = SubscriptionDraft(
            values.pop("name", "Receiver"), values.pop("url", f"{receiver.url}/in"), kinds or tuple(EventKind)[:1]
        )
        return webhooks.create_subscription(
            make.session,
            SubscriptionDraft(**{**{name: getattr(draft, name) for name in ("name", "url", "kinds")}, **values}),
            gate=GATE,
            box=BOX,
            by=make.actor(admin),
        )

    return _subscribe
