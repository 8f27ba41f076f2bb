"""The admin's pages of what leaves Mainstay."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from config import Config
from tests.factories.receiver import Reply
from webapp import create_app
from webapp.jobs import build_executor
from webapp.models import Connection, EventKind, Role, WebhookDelivery, WebhookSubscription
from webapp.services import outbox


@pytest.fixture
def app(database, clock):
    """Return the application, allowed to call loopback."""
    config = Config(environment="test", executor="none", outgoing_allow="127.0.0.1")
    app = create_app(config, database=database, clock=clock, start_jobs=False)
    app.config["WTF_CSRF_ENABLED"] = False
    return app


@pytest.fixture
def admin(make, sign_in):
    """Return a client with an admin signed in."""
    return sign_in(make.person(roles=[Role.ADMIN]))


@pytest.fixture
def run_jobs(app):
    """Return a function that runs what waits, by the application's own wiring."""

    def _run():
        executor = build_executor(app)
        while executor.run_once():
            pass

    return _run


def _read(database, model):
    with database.reading() as session:
        return session.scalars(select(model).order_by(model.id)).all()


def _webhook(receiver, **values):
    return {
        "name": "Helpdesk",
        "url": f"{receiver.url}/in",
        "kinds": ["plan.published"],
        "site_id": "",
        "active": "y",
        **values,
    }


def test_a_webhook_is_added_and_its_secret_shown_this_once(admin, database, receiver, run_jobs):
    answer = admin.post("/webhooks/new", data=_webhook(receiver), follow_redirects=True)

    (secret,) = re.findall(r'value="(whsec_[^"]+)"', answer.text)
    (made,) = _read(database, WebhookSubscription)
    assert secret not in admin.get(f"/webhooks/{made.id}").text
    assert secret not in admin.get(f"/webhooks/{made.id}/edit").text

    admin.post(f"/webhooks/{made.id}/test")
    run_jobs()
    assert receiver.requests[0].json["kind"] == "test"
    page = admin.get(f"/webhooks/{made.id}").text
    assert "Delivered" in page
    assert "200" in page


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"url": "https://10.0.0.1/"}, "private network"),
        ({"url": "gopher://x"}, "begins with https://"),
        ({"kinds": []}, "Choose at least one kind of event."),
    ],
)
def test_what_cannot_be_called_is_told_beside_its_field_and_nothing_typed_is_lost(
    admin, database, receiver, values, words
):
    answer = admin.post("/webhooks/new", data=_webhook(receiver, **values))

    assert answer.status_code == 422
    assert words in answer.text
    assert 'value="Helpdesk"' in answer.text
    assert _read(database, WebhookSubscription) == []


def test_dead_letters_are_seen_filtered_taken_along_and_sent_again(admin, database, make, session, receiver, run_jobs):
    admin.post("/webhooks/new", data=_webhook(receiver))
    receiver.answer = lambda _: Reply(410)
    outbox.emit(session, [outbox.NewEvent(EventKind.PLAN_PUBLISHED, "plan", 7)], at=make.actor(make.person()).at)
    make.commit()
    run_jobs()

    (made,), (dead,) = _read(database, WebhookSubscription), _read(database, WebhookDelivery)
    assert "answered 410" in admin.get(f"/webhooks/{made.id}?state=dead").text
    assert "No deliveries" in admin.get(f"/webhooks/{made.id}?state=delivered").text
    table = admin.get(f"/webhooks/{made.id}?format=csv").text
    assert "plan.published,plan:7" in table
    assert ",dead,1,410," in table

    receiver.answer = lambda _: Reply(200)
    assert admin.post(f"/webhooks/deliveries/{dead.id}/resend").status_code == 302
    run_jobs()
    assert _read(database, WebhookDelivery)[0].state.value == "delivered"


def test_a_connection_begins_in_shadow_and_shows_what_it_would_write(admin, database, make, receiver, run_jobs):
    site, skill = make.home, make.skill(code="billing")
    agent = make.person(external_id="u-1", name="CANARY-name")
    make.record(agent, skill, 3, by=make.person())
    make.commit()
    form = {
        "name": "ACD",
        "site_id": site.id,
        "base_url": receiver.url,
        "account": "WS1",
        "user": "AC1",
        "token": "CANARY-token",
        "people_by": "external_id",
        "skill_ids": "billing = Billing",
        "writes_levels": "y",
        "shadow": "y",
        "active": "y",
    }

    assert admin.post("/connections/new/twilio", data=form).status_code == 302
    (made,) = _read(database, Connection)
    assert admin.post(f"/connections/{made.id}/compare").status_code == 302
    run_jobs()

    page = admin.get(f"/connections/{made.id}").text
    assert receiver.requests == []
    assert "/v1/Workspaces/WS1/Workers/u-1" in page
    assert "Billing" in page
    assert "CANARY" not in page
    assert "levels,u-1" in admin.get(f"/connections/{made.id}?format=csv").text
    assert "CANARY-token" not in admin.get(f"/connections/{made.id}/edit").text
    assert "ACD" in admin.get("/connections").text


def test_an_unknown_system_is_not_found(admin):
    assert admin.get("/connections/new/other").status_code == 404
    for preset in ("zendesk", "freshdesk", "genesys", "twilio", "csv"):
        assert admin.get(f"/connections/new/{preset}").status_code == 200


def test_what_is_on_is_not_removed_by_mistake(admin, database, make, receiver):
    form = {"name": "File", "site_id": make.home.id, "people_by": "email", "writes_levels": "y", "active": "y"}
    make.commit()
    admin.post("/connections/new/csv", data=form)
    (made,) = _read(database, Connection)

    assert admin.post(f"/connections/{made.id}/delete").status_code == 409
    assert _read(database, Connection)
