"""The pages of intake: connect, read, try out, sort, mend; for those who may, at their own sites."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.factories.intake import HOOK, SECRET, add_rules, connect, send, sort_rules
from webapp.models import Engagement, EngagementState, IntakeEvent, IntakeSource, IntakeState, Role
from webapp.services.intake import sources
from webapp.services.intake.mapping import FieldRule


@pytest.fixture
def types(make):
    return {code: make.engagement_type(code=code, name=code.title()) for code in ("refund", "delivery", "unsorted")}


@pytest.fixture
def source(make, types):
    source = connect(make, kind=types["unsorted"])
    add_rules(make.session, source, *sort_rules())
    return source


@pytest.fixture
def scheduler(make):
    return make.person(roles=[Role.SCHEDULER])


def one(database, model, *conditions):
    with database.reading() as session:
        return session.scalars(select(model).where(*conditions)).one()


def new_source(types, home, **changed):
    return {
        "preset": "zendesk",
        "site_id": home.id,
        "name": "Zendesk",
        "signature": "zendesk",
        "secret": "",
        "default_type_id": types["unsorted"].id,
        "threshold": "0.5",
        "retention_days": "30",
        "active": "y",
        **changed,
    }


def test_a_system_is_connected_and_its_secret_is_shown_once(make, sign_in, scheduler, types, database):
    form = new_source(types, make.home)
    client = sign_in(scheduler)

    answer = client.post("/intake/sources/new", data=form, follow_redirects=True)

    (secret,) = set(re.findall(r"whsec_[\w-]{30,}", answer.text))
    source = one(database, IntakeSource)
    assert f"/hooks/{source.public_id}" in answer.text
    assert secret not in client.get(f"/intake/sources/{source.id}").text
    assert secret not in source.secret
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"name": ""}, "Give a name"), ({"threshold": "7"}, "between 0 and 1"), ({"secret": "short"}, "16 to 200")],
)
def test_wrong_values_are_told_beside_their_field(make, sign_in, scheduler, types, changed, message):
    form = new_source(types, make.home, **changed)

    answer = sign_in(scheduler).post("/intake/sources/new", data=form)

    assert answer.status_code == 422
    assert message in answer.text


def test_nobody_connects_a_system_to_another_site(make, sign_in, scheduler, types):
    far = make.site()
    form = new_source(types, make.home, site_id=far.id)

    assert sign_in(scheduler).post("/intake/sources/new", data=form).status_code == 422


def test_a_source_shows_what_came_and_what_failed(make, sign_in, scheduler, source):
    send(make.session, source, text="I want a refund", id="case-7")
    send(make.session, source, id=None, event_id="bad")
    address = f"/intake/sources/{source.id}"
    client = sign_in(scheduler)

    assert "case-7" in client.get(address).text
    failed = client.get(address, query_string={"state": "failed"}).text
    assert "case-7" not in failed
    assert "Reference" in failed
    assert "case-7" in client.get(address, query_string={"format": "csv"}).text
    assert client.get(f"{address}/by-hour", query_string={"format": "csv"}).status_code == 200
    assert "svg" in client.get(f"{address}/by-hour").text
    assert source.name in client.get("/intake/sources").text


def test_a_payload_is_shown_with_what_no_rule_reads(make, sign_in, scheduler, source):
    outcome = send(make.session, source, text="Canary words", extra={"deep": "kept"})
    address = f"/intake/sources/{source.id}/events/{outcome.event_id}"

    page = sign_in(scheduler).get(address).text

    assert "Canary words" in page
    assert "/extra/deep" in page


def test_an_admin_sees_the_shape_of_a_payload_and_not_the_customers_words(make, sign_in, source):
    # The subject stands in the engagement, which is open to all who see work.
    words = {"text": "Canary words", "customer": "c-canary", "extra": "canary!"}
    outcome = send(make.session, source, event_id="e", **words)
    address = f"/intake/sources/{source.id}"
    client = sign_in(make.person(roles=[Role.ADMIN]))

    for page in (f"{address}/events/{outcome.event_id}", f"{address}/mapping", "/intake/review"):
        answer = client.get(page)
        assert answer.status_code == 200
        assert "canary" not in answer.text.lower()
    assert "text of 12 characters" in client.get(f"{address}/events/{outcome.event_id}").text


def test_a_payload_that_has_expired_is_gone(make, sign_in, scheduler, source):
    outcome = send(make.session, source, text="Canary words")
    make.session.get_one(IntakeEvent, outcome.event_id).body = None
    address = f"/intake/sources/{source.id}/events/{outcome.event_id}"

    assert "expired" in sign_in(scheduler).get(address).text


def fields_of(page):
    """Return the fields of the page's mapping form as a browser would send them."""
    form = page[page.index('<form method="post" class="intake-sides"') :]
    form = form[: form.index("</form>")]
    sent = {}
    for match in re.finditer(r"<input[^>]*>", form):
        tag = match.group()
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name:
            sent[name.group(1)] = html.unescape(value.group(1)) if value else ""
    for match in re.finditer(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        sent[match.group(1)] = html.unescape(match.group(2)).strip()
    for match in re.finditer(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        options = re.search(r'<option selected value="([^"]*)"', match.group(2)) or re.search(
            r'<option value="([^"]*)"', match.group(2)
        )
        sent[match.group(1)] = html.unescape(options.group(1)) if options else ""
    return sent


def test_a_mapping_is_tried_on_the_last_payload_and_saved_as_a_version(make, sign_in, scheduler, source, database):
    send(make.session, source, text="I want a refund", title="The line")
    address, number = f"/intake/sources/{source.id}/mapping", source.mapping_number
    client = sign_in(scheduler)
    sent = fields_of(client.get(address).text)
    sent["subject-at"] = "/title"

    tried = client.post(address, data={**sent, "try": "1"})
    saved = client.post(address, data={**sent, "save": "1", "note": "Title"})

    assert tried.status_code == 200
    assert re.search(r"Subject</th>\s*<td[^>]*>\s*The line", tried.text)
    assert saved.status_code == 302
    with database.reading() as session:
        kept = session.get_one(IntakeSource, source.id)
        assert kept.mapping_number == number + 1
        rules = sources.current_rules(session, kept)
        assert rules.fields["subject"].at == ("/title",)
        assert len(rules.rules) == 2
    assert client.get(f"{address}/{number}").status_code == 200


def test_what_cannot_work_is_told_and_nothing_typed_is_lost(make, sign_in, scheduler, source):
    address = f"/intake/sources/{source.id}/mapping"
    client = sign_in(scheduler)
    sent = fields_of(client.get(address).text)
    sent |= {"subject-at": "title", "note": "My words"}

    answer = client.post(address, data={**sent, "save": "1"})

    assert answer.status_code == 422
    assert "begins with a slash" in answer.text
    assert "My words" in answer.text


def test_who_saves_a_mapping_second_is_told_and_keeps_their_text(make, sign_in, scheduler, source, database):
    address = f"/intake/sources/{source.id}/mapping"
    client = sign_in(scheduler)
    sent = fields_of(client.get(address).text)
    assert client.post(address, data={**sent, "save": "1"}).status_code == 302

    second = client.post(address, data={**sent, "subject-default": "Mine", "save": "1"})

    assert second.status_code == 422
    assert "Somebody saved version" in second.text
    assert "Mine" in second.text


def test_a_line_of_rules_comes_and_goes_without_a_script(make, sign_in, scheduler, source):
    address = f"/intake/sources/{source.id}/mapping"
    client = sign_in(scheduler)
    sent = fields_of(client.get(address).text)

    more = client.post(address, data={**sent, "add": "1"})

    assert more.text.count('aria-label="Rule ') == 4


def test_failed_events_are_read_again_and_that_is_undone(make, sign_in, scheduler, source, database):
    send(make.session, source, id=None, number="n-1", text="refund")
    rules = sources.current_rules(make.session, source)
    fields = {**rules.fields, "external_id": FieldRule(at=("/id", "/number"))}
    sources.save_mapping(make.session, source, replace(rules, fields=fields), based_on=source.mapping_number, by=HOOK)
    address = f"/intake/sources/{source.id}"
    client = sign_in(scheduler)

    assert client.post(f"{address}/rerun").status_code == 302
    assert one(database, Engagement).state is EngagementState.CLASSIFIED

    assert client.post(f"{address}/reruns/1/undo").status_code == 302
    assert one(database, Engagement).state is EngagementState.CANCELLED
    assert one(database, IntakeEvent).state is IntakeState.FAILED


def test_what_waits_is_sorted_by_a_key_and_that_is_undone(make, sign_in, scheduler, source, types, database):
    send(make.session, source, text="Hello there", id="case-7")
    engagement = make.session.scalars(select(Engagement)).one()
    key, kind = engagement.id, types["refund"].id
    client = sign_in(scheduler)
    page = client.get("/intake/review").text
    assert "Hello there" in page
    assert 'data-keys="1"' in page

    client.post("/intake/review/decide", data={"engagement": key, "type": kind})

    assert one(database, Engagement).state is EngagementState.CLASSIFIED
    assert "Nothing to sort" in client.get("/intake/review").text

    client.post("/intake/review/reopen", query_string={"engagement": key})

    assert one(database, Engagement).state is EngagementState.RECEIVED
    assert "case-7" in client.get("/intake/review", query_string={"format": "csv"}).text


def test_several_are_sorted_at_once_and_none_without_a_choice(make, sign_in, scheduler, source, types, database):
    for number in range(3):
        send(make.session, source, text="Hello", id=f"case-{number}")
    ids = [each.id for each in make.session.scalars(select(Engagement))]
    kind = types["delivery"].id
    client = sign_in(scheduler)

    client.post("/intake/review/decide", data={"engagement": ids, "type": kind})

    with database.reading() as session:
        assert {each.state for each in session.scalars(select(Engagement))} == {EngagementState.CLASSIFIED}
    assert client.post("/intake/review/decide", data={"type": kind}).status_code == 422


def test_a_rule_is_made_where_the_work_is_sorted(make, sign_in, scheduler, source, types, database):
    send(make.session, source, text="Card swallowed")
    client, key = sign_in(scheduler), source.id

    answer = client.post(f"/intake/sources/{key}/rules", data={"words": "swallowed, card", "type_code": "delivery"})

    assert answer.status_code == 302
    engagement = one(database, Engagement)
    assert (engagement.state, engagement.engagement_type_id) == (EngagementState.CLASSIFIED, types["delivery"].id)


def test_a_source_is_edited_and_gets_another_secret(make, sign_in, scheduler, source, database):
    address = f"/intake/sources/{source.id}"
    client = sign_in(scheduler)
    page = client.get(f"{address}/edit").text
    (version,) = re.findall(r'name="version"[^>]*value="(\d+)"', page)
    form = {
        "version": version,
        "seen": "{}",
        "began": "{}",
        "name": "Renamed",
        "signature": "mainstay",
        "default_type_id": source.default_type_id,
        "threshold": "0.7",
        "retention_days": "10",
    }

    assert client.post(f"{address}/edit", data=form).status_code == 302
    changed = client.post(f"{address}/secret", data={"secret": "a-secret-of-the-sender"}, follow_redirects=True)

    found = one(database, IntakeSource)
    assert (found.name, found.threshold, found.active) == ("Renamed", 0.7, False)
    assert "a-secret-of-the-sender" in changed.text
    assert SECRET not in changed.text
    assert found.former_until is not None
