"""
A request that is sent again with its key is done once, and answered as the first time.

``MAINSTAY_API_REPEATS`` says how often one key is sent.
"""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections import Counter

import pytest

from tests.factories import NOW, TODAY
from webapp.models import AuditEvent, Engagement, IdempotentAnswer, Role, Team
from webapp.services import customers, idempotency

REPEATS = int(os.environ.get("MAINSTAY_API_REPEATS", "80"))
"""So often the same key is sent; 10,000 times in full."""

PROGRAMS = 8


@pytest.fixture
def hr(make):
    return make.person(roles=[Role.HR])


def _body(make, code="mail"):
    return {"code": code, "name": "Mail", "site_id": make.home.id}


def test_the_first_answer_is_given_again(make, api_client, hr):
    client, body = api_client(hr), _body(make)

    first = client.post("/api/v1/teams", json=body, headers={"Idempotency-Key": '"abc"'})
    again = client.post("/api/v1/teams", json=body, headers={"Idempotency-Key": "abc"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.data, again.headers["Location"], again.headers["ETag"]) == (
        first.data,
        first.headers["Location"],
        first.headers["ETag"],
    )
    assert (first.headers.get("Idempotent-Replayed"), again.headers["Idempotent-Replayed"]) == (None, "true")
    assert make.session.query(Team).count() == 1
    assert make.session.query(AuditEvent).filter_by(action="create_team").count() == 1


@pytest.mark.parametrize("changed", ["body", "address"])
def test_a_key_is_good_for_one_request_only(make, api_client, hr, changed):
    client, team = api_client(hr), make.team()
    make.commit()
    client.post("/api/v1/teams", json=_body(make), headers={"Idempotency-Key": "abc"})

    if changed == "body":
        answer = client.post("/api/v1/teams", json=_body(make, "chat"), headers={"Idempotency-Key": "abc"})
    else:
        answer = client.patch(f"/api/v1/teams/{team.id}", json=_body(make), headers={"Idempotency-Key": "abc"})

    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert make.session.query(Team).filter_by(code="chat").count() == 0


def test_two_programs_may_use_the_same_key(make, api_client, hr):
    one, other = api_client(hr), api_client(make.person(roles=[Role.HR]))

    answers = [
        client.post("/api/v1/teams", json=_body(make, code), headers={"Idempotency-Key": "abc"}).status_code
        for client, code in ((one, "mail"), (other, "chat"))
    ]

    assert answers == [201, 201]


def test_what_was_refused_is_tried_anew(make, api_client, hr):
    make.team(code="mail")
    client, body = api_client(hr), _body(make)
    refused = client.post("/api/v1/teams", json=body, headers={"Idempotency-Key": "abc"})
    make.session.delete(make.session.query(Team).one())
    make.commit()

    again = client.post("/api/v1/teams", json=body, headers={"Idempotency-Key": "abc"})

    assert (refused.status_code, again.status_code) == (422, 201)
    assert "Idempotent-Replayed" not in again.headers


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ä"])
def test_keys_that_nobody_could_send_again_are_refused(make, api_client, hr, key):
    answer = api_client(hr).post(
        "/api/v1/teams", json=_body(make), headers={"Idempotency-Key": key.encode().decode("latin-1")}
    )

    assert answer.status_code == 400
    assert make.session.query(Team).count() == 0


def test_answers_are_kept_for_72_hours(make, api_client, hr, app):
    client, body = api_client(hr), _body(make)
    client.post("/api/v1/teams", json=body, headers={"Idempotency-Key": "abc"})

    before = idempotency.forget_old(make.session, at=NOW + dt.timedelta(hours=71, minutes=59))
    after = idempotency.forget_old(make.session, at=NOW + dt.timedelta(hours=72))

    assert (before, after) == (0, 1)
    assert make.session.query(IdempotentAnswer).count() == 0


def test_an_old_key_may_be_used_again_before_it_is_deleted(make, api_client, hr, app):
    token_client, body = api_client(hr), _body(make)
    token_client.post("/api/v1/teams", json=body, headers={"Idempotency-Key": "abc"})
    kept = make.session.query(IdempotentAnswer).one()
    kept.created_at = NOW - dt.timedelta(hours=72)
    make.commit()

    answer = token_client.post("/api/v1/teams", json=_body(make, "chat"), headers={"Idempotency-Key": "abc"})

    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer.headers


@pytest.fixture
def moment(app):
    """Return a list whose one item is the present moment."""
    moment = [NOW]
    app.extensions["clock"] = lambda: moment[0]
    return moment


def test_the_same_key_many_times_at_once_has_one_effect(make, api_client, hr, app, moment):
    """Eight programs at a time: one team, every answer the first one's for 72 hours, and none to another body."""
    client, body = api_client(hr, expires_on=TODAY + dt.timedelta(days=7)), _body(make)
    authorization = client.environ_base["HTTP_AUTHORIZATION"]
    answers: Counter[tuple[bool, int, bytes, bool]] = Counter()
    start = threading.Barrier(PROGRAMS)

    def send():
        mine = app.test_client(use_cookies=False)
        told: Counter[tuple[bool, int, bytes, bool]] = Counter()
        start.wait()
        for number in range(REPEATS // PROGRAMS):
            # One in ten means something else by the same key.
            other = number % 10 == 9
            headers = {"Idempotency-Key": "abc", "Authorization": authorization}
            answer = mine.post("/api/v1/teams", json=body | {"code": "chat"} if other else body, headers=headers)
            told[other, answer.status_code, b"" if other else answer.data, "Idempotent-Replayed" in answer.headers] += 1
        answers.update(told)

    threads = [threading.Thread(target=send) for _ in range(PROGRAMS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moment[0] = NOW + dt.timedelta(hours=71, minutes=59)
    late = client.post("/api/v1/teams", json=body, headers={"Idempotency-Key": "abc"})

    repeats, others = REPEATS // PROGRAMS * PROGRAMS, REPEATS // PROGRAMS // 10 * PROGRAMS
    assert answers == {
        (False, 201, late.data, False): 1,
        (False, 201, late.data, True): repeats - others - 1,
        (True, 422, b"", False): others,
    }
    assert (late.status_code, late.headers["Idempotent-Replayed"]) == (201, "true")
    assert make.session.query(Team).count() == 1
    assert make.session.query(AuditEvent).filter_by(action="create_team").count() == 1


@pytest.mark.parametrize(("key", "kept"), [("K-4711", False), ("Zoë 1", False), ("K-47", True)])
def test_an_erased_customer_is_in_no_answer_and_their_work_is_not_made_twice(make, api_client, key, kept):
    kind, at = make.engagement_type(), NOW.isoformat()
    client = api_client(make.person(roles=[Role.SCHEDULER]))
    written = key if not kept else "K-4711"
    body = {
        "site_id": make.home.id,
        "type_id": kind.id,
        "customer_key": written,
        "subject": "CANARY",
        **dict.fromkeys(("earliest_at", "due_at", "latest_at"), at),
    }
    first = client.post("/api/v1/engagements", json=body, headers={"Idempotency-Key": "abc"})
    assert first.status_code == 201, first.text

    customers.erase(make.session, key, reason="They asked.", by=make.actor())
    make.commit()

    held = make.session.query(IdempotentAnswer).one()
    assert ("CANARY" in held.body) is kept
    make.commit()
    again = client.post("/api/v1/engagements", json=body, headers={"Idempotency-Key": "abc"})
    assert (again.status_code, "CANARY" in again.text) == (201, kept)
    assert make.session.query(Engagement).count() == 1
