"""
Kill -9 of the server while other systems send: what was acknowledged is there, each event counts once, in any order.

Each event is sent one to five times, shuffled, by several senders at once, each of which repeats what was not
acknowledged, as senders do. In the end every engagement is what the ordered reference model says.
``MAINSTAY_INTAKE_EVENTS`` and ``MAINSTAY_INTAKE_KILLS`` say how many; docs/benchmarks.md has the command of the full
run.
"""

from __future__ import annotations

import datetime as dt
import http.client
import json
import os
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from tests.factories import Make
from tests.factories.intake import SECRET, add_rules, connect, make_events, reference, shuffle_with_copies, sort_rules
from tests.faults.killed_server import send_through_kills
from webapp.models import Engagement, EngagementState, IntakeEvent
from webapp.services.intake import signatures

EVENTS = int(os.environ.get("MAINSTAY_INTAKE_EVENTS", "60"))
KILLS = int(os.environ.get("MAINSTAY_INTAKE_KILLS", "2"))
SENDERS = 4
PATIENCE_SECONDS = 120
STATES_OF = {"done": {EngagementState.DONE}, "cancelled": {EngagementState.CANCELLED}}
UNENDED = {EngagementState.RECEIVED, EngagementState.CLASSIFIED}


class Sender:
    """Sends to whatever server is up, and knows how much was answered, that is acknowledged."""

    def __init__(self, path):
        self.path, self.url, self.answered, self.refused = path, "", 0, []
        self._local, self._lock, self._opened = threading.local(), threading.Lock(), []

    def __call__(self, event):
        body, deadline = json.dumps(event).encode(), time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            status = self._try(body)
            if status == 200:
                with self._lock:
                    self.answered += 1
                return
            if status not in {None, 409, 503}:
                self.refused.append(status)
                return
            time.sleep(0.05)
        self.refused.append("patience")

    def _try(self, body):
        """Return the status of one try, None if the server went away."""
        try:
            connection = self._connection()
            header = signatures.sign(SECRET, body, at=dt.datetime.now(dt.UTC))
            connection.request("POST", self.path, body, {"X-Mainstay-Signature": header})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection().close()
            return None
        return answer.status

    def close(self):
        """Close every connection that was opened."""
        for connection in self._opened:
            connection.close()

    def _connection(self):
        address = urlsplit(self.url).netloc
        if getattr(self._local, "connection", None) is None or self._local.address != address:
            self._local.connection = http.client.HTTPConnection(address, timeout=30)
            self._local.address = address
            self._opened.append(self._local.connection)
        return self._local.connection


def _connect(installation):
    with installation.database.writing() as session:
        make = Make(session)
        kind = make.engagement_type(code="unsorted")
        for code in ("refund", "delivery"):
            make.engagement_type(code=code)
        source = connect(make, kind=kind)
        add_rules(session, source, *sort_rules())
        make.commit()
        return f"/hooks/{source.public_id}"


def test_what_was_sent_through_kills_is_what_the_ordered_events_say(installation):
    path = _connect(installation)
    events = make_events(EVENTS, seed=11, things=max(5, EVENTS // 8))
    copies = shuffle_with_copies(events, seed=12)
    sender = Sender(path)

    began = time.monotonic()
    send_through_kills(installation, sender, copies, kills=KILLS, at_once=SENDERS)
    seconds = time.monotonic() - began
    sender.close()

    assert sender.refused == []
    assert sender.answered == len(copies)
    assert installation.count(IntakeEvent) == EVENTS
    expected = reference(events)
    with installation.database.reading() as session:
        found = {each.external_id: each for each in session.scalars(select(Engagement))}
        again = session.scalar(select(func.sum(IntakeEvent.copies)))
    assert set(found) == set(expected)
    for key, thing in expected.items():
        here = found[key]
        assert here.state in STATES_OF.get(thing["status"], UNENDED), key
        assert (here.priority, here.subject, here.customer_key) == (
            thing["priority"],
            thing["subject"],
            thing["customer"],
        ), key
    # A copy whose first answer was lost in a kill is counted as well, so there may be more than were meant.
    assert again >= len(copies) - EVENTS
    installation.assert_sound()
    sys.stderr.write(f"{len(copies):,} messages of {EVENTS:,} events, {KILLS} kills, {len(copies) / seconds:.0f}/s\n")


@pytest.mark.parametrize("seed", range(3))
def test_the_reference_itself_does_not_depend_on_the_order(seed):
    events = make_events(200, seed=seed, things=20)

    assert reference(shuffle_with_copies(events, seed=seed)) == reference(events)
