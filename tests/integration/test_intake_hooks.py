"""The address for messages of other systems believes signatures and nothing else."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from tests.factories import NOW
from tests.factories.intake import BOX, HOOK, SECRET, connect, plain, signed
from webapp.models import Engagement, IntakeEvent
from webapp.services.intake import signatures, sources
from webapp.services.secrets import SecretBox

DAY = dt.timedelta(days=1)


@pytest.fixture
def source(make):
    return connect(make)


@dataclass(frozen=True)
class Hook:
    """Sends signed messages to the source."""

    client: FlaskClient
    address: str

    def __call__(self, message=None, **how):
        return self.client.post(self.address, **signed(plain() if message is None else message, **how))


@pytest.fixture
def hook(make, client, source):
    address = f"/hooks/{source.public_id}"
    make.commit()
    return Hook(client, address)


def count(database, model):
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model))


def test_a_signed_message_is_taken_and_a_copy_answers_alike(hook, database):
    first, second = hook(), hook()

    assert (first.status_code, first.json) == (200, {"duplicate": False, "events": 1, "failed": 0})
    assert (second.status_code, second.json) == (200, {"duplicate": True, "events": 1, "failed": 0})
    assert count(database, Engagement) == count(database, IntakeEvent) == 1


def test_a_message_needs_no_csrf_token(app, hook):
    """The other tests switch the check off; here it is on."""
    app.config["WTF_CSRF_ENABLED"] = True

    assert hook().status_code == 200


def test_a_message_that_was_changed_on_its_way_is_refused_and_leaves_nothing(hook, client, database):
    genuine = signed(plain(subject="Small"))

    answer = client.post(hook.address, **{**genuine, "data": genuine["data"].replace(b"Small", b"Large")})

    assert (answer.status_code, answer.json["error"]) == (401, "not_genuine")
    assert count(database, IntakeEvent) == 0


@pytest.mark.parametrize("late", [dt.timedelta(minutes=6), dt.timedelta(minutes=-6)])
def test_an_old_message_is_refused_even_though_it_was_genuine(hook, database, late):
    assert hook(at=NOW - late).status_code == 401
    assert count(database, IntakeEvent) == 0


def test_a_replayed_message_has_no_second_effect(hook, client, database):
    genuine = signed(plain())

    answers = [client.post(hook.address, **genuine) for _ in range(3)]

    assert [answer.json["duplicate"] for answer in answers] == [False, True, True]
    assert count(database, Engagement) == 1


def test_while_the_secret_changes_both_are_good_and_a_day_later_one(make, source, client):
    new = sources.change_secret(make.session, source, box=BOX, by=HOOK)
    address = f"/hooks/{source.public_id}"
    make.commit()
    assert client.post(address, **signed(plain(event_id="a"))).status_code == 200
    assert client.post(address, **signed(plain(event_id="b"), secret=new)).status_code == 200

    source.former_until = NOW
    make.commit()

    assert client.post(address, **signed(plain(event_id="c"))).status_code == 401
    assert client.post(address, **signed(plain(event_id="d"), secret=new)).status_code == 200


def test_a_secret_that_got_known_ends_at_once(make, source, client):
    sources.change_secret(make.session, source, at_once=True, box=BOX, by=HOOK)
    address = f"/hooks/{source.public_id}"
    make.commit()

    assert client.post(address, **signed(plain())).status_code == 401


def test_secrets_stand_encrypted_in_the_database(source):
    assert SECRET not in source.secret
    assert BOX.decrypt(source.secret) == SECRET


def test_an_installation_with_another_key_says_so_in_its_log_and_not_to_the_sender(app, hook):
    app.extensions["secret_box"] = SecretBox("another-key-of-an-installation")

    answer = hook()

    assert answer.status_code == 400
    assert SECRET not in answer.text


def test_unknown_and_switched_off_sources_answer_alike(make, source, client):
    source.active = False
    address = f"/hooks/{source.public_id}"
    make.commit()

    unknown = client.post("/hooks/nobody", **signed(plain()))
    switched_off = client.post(address, **signed(plain()))

    assert unknown.status_code == switched_off.status_code == 404


@pytest.mark.parametrize("body", [b"{", b"NaN", b""])
def test_what_is_no_message_is_refused(hook, client, body):
    arguments = signed(plain())
    headers = signed_bytes(body)

    answer = client.post(hook.address, data=body, headers=headers, content_type=arguments["content_type"])

    assert (answer.status_code, answer.json["error"]) == (400, "no_message")


def signed_bytes(body):
    return {"X-Mainstay-Signature": signatures.sign(SECRET, body, at=NOW)}


def test_a_message_beyond_256_kib_is_refused_before_it_is_read(hook, client, database):
    answer = client.post(hook.address, **signed({"id": "x" * 300_000}))

    assert answer.status_code == 413
    assert count(database, IntakeEvent) == 0


def test_an_unreadable_event_is_kept_and_the_sender_need_not_repeat_it(hook, database):
    answer = hook({"event_id": "e", "nothing": 1})

    assert (answer.status_code, answer.json["failed"]) == (200, 1)
    assert count(database, IntakeEvent) == 1
    assert count(database, Engagement) == 0


def test_the_senders_question_before_it_sends_is_answered_to_who_knows_the_word(hook, client):
    good = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": sources.verify_token(SECRET)}

    assert client.get(hook.address, query_string=good).text == "1158201444"
    assert client.get(hook.address, query_string={**good, "hub.verify_token": "guess"}).status_code == 401


@pytest.mark.parametrize(
    "message", [1, "text", [], {}, {"id": {}}, {"id": [1, {"a": 2}]}, {"id": "a" * 100}, {"id": 1e300, "priority": 99}]
)
def test_any_json_is_answered_and_none_breaks_the_server(hook, message):
    assert hook(message).status_code == 200
