"""
Kill -9 of the server while programs repeat requests with an ``Idempotency-Key``: each has one effect and one answer.

``MAINSTAY_REPEATED_REQUESTS`` and ``MAINSTAY_REPEATED_KILLS`` say how many; docs/benchmarks.md has the command of the
full run.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from collections import defaultdict
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select

from tests import running
from tests.factories import Make
from tests.faults.killed_server import send_through_kills
from webapp.models import AuditEvent, Role, Site, Team, TokenScope
from webapp.services import access, api_tokens
from webapp.services.audit import Actor

REQUESTS = int(os.environ.get("MAINSTAY_REPEATED_REQUESTS", "30"))
KILLS = int(os.environ.get("MAINSTAY_REPEATED_KILLS", "1"))
TIMES = 3
PROGRAMS = 4
PATIENCE_SECONDS = 240


@pytest.fixture
def secret(installation):
    """Return the secret of a token that may add teams."""
    with installation.database.writing() as session:
        make = Make(session)
        person = make.person(site=make.site(code="harbour", name="Harbour"), roles=[Role.HR])
        _, secret = api_tokens.create_token(
            session,
            person,
            name="Test",
            scopes=[TokenScope.PEOPLE_WRITE],
            site_id=None,
            expires_on=running.now().date(),
            viewer=access.get_viewer(session, person.id),
            by=Actor(person_id=person.id, at=running.now()),
        )
        make.commit()
        return secret


class Program:
    """Sends each request until it is answered, to whatever server is up, and keeps every answer."""

    def __init__(self, secret, site_id):
        self.url, self.answers, self.refused, self._secret, self._site_id = "", defaultdict(list), [], secret, site_id
        self._lock = threading.Lock()

    @property
    def answered(self):
        """How many requests have an answer."""
        return sum(len(each) for each in self.answers.values())

    def __call__(self, number):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            status, text, repeated = self._try(number)
            if status == 201:
                with self._lock:
                    self.answers[number].append((text, repeated))
                return
            if status not in {None, 409, 503}:
                self.refused.append((status, text))
                return
            time.sleep(0.05)
        self.refused.append("patience")

    def _try(self, number):
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        headers = {
            "Authorization": f"Bearer {self._secret}",
            "Content-Type": "application/json",
            "Idempotency-Key": f"key-{number}",
        }
        body = json.dumps({"code": f"team-{number}", "name": f"Team {number}", "site_id": self._site_id})
        try:
            connection.request("POST", "/api/v1/teams", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("Idempotent-Replayed") == "true"
        except (OSError, http.client.HTTPException):
            return None, b"", False
        finally:
            connection.close()


def test_repeated_requests_have_one_effect_through_kills(installation, secret):
    with installation.database.reading() as session:
        site_id = session.scalars(select(Site.id).where(Site.code == "harbour")).one()
    program, numbers = Program(secret, site_id), [number for number in range(REQUESTS) for _ in range(TIMES)]
    began = time.monotonic()
    send_through_kills(installation, program, numbers, kills=KILLS, at_once=PROGRAMS)
    seconds = time.monotonic() - began

    assert program.refused == []
    assert {number: len(answers) for number, answers in program.answers.items()} == dict.fromkeys(
        range(REQUESTS), TIMES
    )
    for number, answers in program.answers.items():
        assert len({text for text, _ in answers}) == 1, number
        # None is the first answer if that one was lost with the server.
        assert sum(not repeated for _, repeated in answers) <= 1, number
    added = (Team.code.like("team-%"), Team.site_id == site_id)
    assert installation.count(Team, *added) == REQUESTS
    with installation.database.reading() as session:
        told = session.execute(
            select(AuditEvent.subject_id, func.count())
            .where(AuditEvent.action == "create_team")
            .group_by(AuditEvent.subject_id)
        ).all()
    assert sorted(count for _, count in told) == [1] * REQUESTS
    installation.assert_sound()
    lost = sum(all(repeated for _, repeated in answers) for answers in program.answers.values())
    sys.stderr.write(
        f"{len(numbers):,} requests of {REQUESTS:,} keys, {KILLS} kills, {lost} first answers lost, {seconds:.0f} s\n"
    )
