"""Events of other systems become engagements: each once, and the same in whatever order they come."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from tests.factories import NOW
from tests.factories.intake import (
    HOOK,
    add_rules,
    connect,
    make_events,
    plain,
    reference,
    send,
    shuffle_with_copies,
    sort_rules,
)
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import (
    AuditEvent,
    Channel,
    Contact,
    ContactOutcome,
    Engagement,
    EngagementState,
    IntakeEvent,
    IntakeItem,
    IntakeState,
    Role,
)
from webapp.services import audit, engagements
from webapp.services.intake import receiving, sources
from webapp.services.intake.classifying import TypeRule
from webapp.services.intake.presets import PRESETS

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def types(make):
    return {code: make.engagement_type(code=code) for code in ("refund", "delivery", "unsorted")}


@pytest.fixture
def source(make, types):
    source = connect(make, kind=types["unsorted"])
    add_rules(make.session, source, *sort_rules())
    return source


def only(session):
    return session.scalars(select(Engagement)).one()


def test_a_ticket_becomes_an_engagement_with_its_window(make, source, types):
    outcome = send(
        make.session, source, text="I want a refund", priority=5, customer="c-7", subject="Late", created_at=-30
    )

    engagement = only(make.session)
    assert outcome == receiving.Outcome(outcome.event_id, IntakeState.ACCEPTED, duplicate=False)
    assert (engagement.external_id, engagement.site_id) == ("case-1", make.home.id)
    assert engagement.engagement_type_id == types["refund"].id
    assert engagement.state is EngagementState.CLASSIFIED
    assert (engagement.customer_key, engagement.subject, engagement.priority) == ("c-7", "Late", 5)
    assert engagement.earliest_at == NOW - 30 * MINUTE
    assert engagement.due_at == engagement.earliest_at + 480 * MINUTE
    assert engagement.latest_at == engagement.due_at + 480 * MINUTE


def test_it_is_audited_by_ids_and_never_with_the_customers_words(make, source):
    send(make.session, source, text="I want a refund for Ann", customer="c-secret", subject="Ann's words")

    details = str([event.detail for event in make.session.scalars(select(AuditEvent))])
    assert "receive_engagement" in {event.action for event in make.session.scalars(select(AuditEvent))}
    assert "Ann" not in details
    assert "c-secret" not in details
    assert audit.verify_chain(make.session).broken_at is None


def test_a_copy_changes_nothing_and_is_counted(make, source):
    first = send(make.session, source, text="I want a refund", event_id="e")
    events = make.session.scalar(select(func.count(AuditEvent.id)))

    copy = send(make.session, source, text="I want a refund", event_id="e")

    assert copy == receiving.Outcome(first.event_id, IntakeState.ACCEPTED, duplicate=True)
    assert make.session.scalar(select(func.count(AuditEvent.id))) == events
    assert make.session.get_one(IntakeEvent, first.event_id, populate_existing=True).copies == 1


def test_an_event_without_a_key_is_known_by_its_body(make, source):
    message = {"id": "case-9", "text": "refund"}

    receiving.receive(make.session, source, message, by=HOOK)
    outcomes = receiving.receive(make.session, source, message, by=HOOK)

    assert outcomes[0].duplicate


def test_unsure_work_waits_for_somebody(make, source, types):
    """“Hello” speaks for nothing; it must not be planned until somebody says what it is."""
    outcome = send(make.session, source, text="Hello")

    assert outcome.state is IntakeState.REVIEW
    assert only(make.session).state is EngagementState.RECEIVED
    assert only(make.session).engagement_type_id == types["unsorted"].id


def test_a_tie_waits_for_somebody(make, source):
    send(make.session, source, text="A refund for the parcel")

    assert only(make.session).state is EngagementState.RECEIVED


def test_a_newer_word_of_the_customer_sorts_it(make, source, types):
    send(make.session, source, text="Hello", updated_at=1)
    send(make.session, source, text="Hello again, where is the parcel", updated_at=2)

    assert only(make.session).state is EngagementState.CLASSIFIED
    assert only(make.session).engagement_type_id == types["delivery"].id


def test_an_older_event_never_undoes_a_newer_one(make, source):
    send(make.session, source, subject="New", priority=5, status="done", updated_at=10)
    send(make.session, source, subject="Old", priority=1, status="open", updated_at=5)

    engagement = only(make.session)
    assert (engagement.subject, engagement.priority, engagement.state) == ("New", 5, EngagementState.DONE)


def test_an_older_event_fills_in_what_newer_ones_left_open(make, source):
    send(make.session, source, status="done", updated_at=10)
    send(make.session, source, subject="What it was about", updated_at=5)

    assert only(make.session).subject == "What it was about"
    assert only(make.session).state is EngagementState.DONE


@pytest.mark.parametrize(
    ("status", "state"), [("done", EngagementState.DONE), ("cancelled", EngagementState.CANCELLED)]
)
def test_what_ends_there_ends_here_and_is_opened_again(make, source, status, state):
    send(make.session, source, text="I want a refund", updated_at=1)
    send(make.session, source, status=status, updated_at=2)
    assert only(make.session).state is state

    send(make.session, source, status="open", updated_at=3)

    assert only(make.session).state is EngagementState.CLASSIFIED


def test_what_somebody_ended_here_stays_ended_while_the_source_only_repeats_itself(make, source):
    send(make.session, source, text="I want a refund", status="open", updated_at=1)
    engagements.complete_engagement(make.session, only(make.session), by=HOOK)

    send(make.session, source, status="open", subject="More", updated_at=2)

    assert only(make.session).state is EngagementState.DONE
    assert only(make.session).subject == "More"


def facts(session):
    """Return what each engagement is, as far as the source says it."""
    return {
        each.external_id: {
            "state": each.state.value,
            "type": each.engagement_type.code,
            "priority": each.priority,
            "subject": each.subject,
            "customer": each.customer_key,
            "window": (each.earliest_at, each.due_at, each.latest_at),
        }
        for each in session.scalars(select(Engagement).execution_options(populate_existing=True))
    }


def test_any_order_and_number_of_copies_gives_what_the_ordered_events_give(make, source):
    events = make_events(120, seed=7, things=15)
    for event in sorted(events, key=lambda each: each["updated_at"]):
        receiving.receive(make.session, source, event, by=HOOK)
    ordered = facts(make.session)
    expected = reference(events)
    ends = {"done": "done", "cancelled": "cancelled"}
    for reference_id, thing in expected.items():
        here = ordered[reference_id]
        assert here["state"] == ends.get(thing["status"], here["state"])
        assert (here["state"] in ends.values()) == (thing["status"] in ends)
        assert (here["priority"], here["subject"]) == (thing["priority"], thing["subject"])
        assert here["customer"] == thing["customer"]

    for seed in range(3):
        twin = connect(make, kind=source.default_type, name=f"Twin {seed}")
        add_rules(make.session, twin, *sort_rules())
        for event in shuffle_with_copies(events, seed=seed):
            renamed = {**event, "id": f"s{seed}-{event['id']}"}
            receiving.receive(make.session, twin, renamed, by=HOOK)
        found = facts(make.session)
        assert {name: found[f"s{seed}-{name}"] for name in ordered} == ordered


def test_what_cannot_be_understood_is_kept_with_its_reason_and_does_nothing(make, source):
    outcome = send(make.session, source, id=None, event_id="bad")

    event = make.session.get_one(IntakeEvent, outcome.event_id)
    assert event.state is IntakeState.FAILED
    assert "Reference" in event.error
    assert make.session.scalar(select(func.count(Engagement.id))) == 0


def test_a_field_that_cannot_be_read_is_told_and_the_rest_counts(make, source):
    outcome = send(make.session, source, text="I want a refund", priority="soon")

    event = make.session.get_one(IntakeEvent, outcome.event_id)
    assert event.state is IntakeState.ACCEPTED
    assert "Priority" in event.error
    assert only(make.session).priority == 3


def test_a_reference_that_belongs_to_another_site_is_refused(make, source):
    make.engagement(external_id="case-1", site=make.site())

    outcome = send(make.session, source, text="I want a refund")

    assert outcome.state is IntakeState.FAILED
    assert make.session.scalar(select(IntakeItem.engagement_id)) is None


def test_an_engagement_that_came_by_another_way_is_taken_on_with_its_type(make, source, types):
    engagement = make.engagement(types["delivery"], external_id="case-1")

    send(make.session, source, text="I want a refund", subject="From the helpdesk")

    assert engagement.subject == "From the helpdesk"
    assert engagement.engagement_type_id == types["delivery"].id


def test_the_source_may_name_type_and_owner_itself(make, source, types):
    owner = make.person(external_id="p-owner")
    make.person(external_id="p-far", site=make.site())

    send(make.session, source, type="delivery", owner="p-owner", updated_at=1)
    assert only(make.session).engagement_type_id == types["delivery"].id
    assert only(make.session).owner_id == owner.id

    send(make.session, source, owner="p-far", updated_at=2)

    assert only(make.session).owner_id is None


def test_a_type_of_calls_is_nothing_that_waits(make, source):
    make.engagement_type(code="call", channel=Channel.VOICE)

    send(make.session, source, type="call")

    assert only(make.session).state is EngagementState.RECEIVED


def test_an_acd_tells_of_contacts_that_happened(make, types):
    call = make.engagement_type(code="call", channel=Channel.VOICE)
    agent = make.person(external_id="p1001")
    source = connect(make, kind=call, preset="amazon-connect")
    sample = PRESETS["amazon-connect"].sample
    begun = {
        **sample,
        "id": "e0",
        "time": "2026-11-23T08:24:00Z",
        "detail": {**sample["detail"], "eventType": "QUEUED"},
    }
    del begun["detail"]["disconnectTimestamp"], begun["detail"]["agentInfo"]

    for message in (sample, begun, sample):
        receiving.receive(make.session, source, message, by=HOOK)

    contact = make.session.scalars(select(Contact)).one()
    assert (contact.person_id, contact.engagement_type_id) == (agent.id, call.id)
    assert contact.outcome is ContactOutcome.SERVED
    assert contact.wait_seconds == 62
    assert make.session.scalar(select(func.count(Engagement.id))) == 0


def test_a_contact_that_has_not_ended_is_none_yet(make):
    call = make.engagement_type(code="call", channel=Channel.VOICE)
    source = connect(make, kind=call, preset="amazon-connect")
    sample = PRESETS["amazon-connect"].sample
    detail = {**sample["detail"]}
    del detail["disconnectTimestamp"], detail["agentInfo"]

    outcome = receiving.receive(make.session, source, {**sample, "detail": detail}, by=HOOK)[0]

    assert outcome.state is IntakeState.ACCEPTED
    assert make.session.scalar(select(func.count(Contact.id))) == 0


def test_a_message_may_hold_several_events(make, types):
    source = connect(make, kind=types["unsorted"], preset="meta-page")
    add_rules(make.session, source, TypeRule("delivery", ("order",), weight=2.0))
    sample = PRESETS["meta-page"].sample
    change = sample["entry"][0]["changes"][0]
    like = {**change, "value": {**change["value"], "item": "reaction", "comment_id": "r"}}
    other = {**change, "value": {**change["value"], "comment_id": "9001_2"}}
    message = {**sample, "entry": [{**sample["entry"][0], "changes": [change, like, other]}]}

    outcomes = receiving.receive(make.session, source, message, by=HOOK)

    assert [each.state for each in outcomes] == [IntakeState.ACCEPTED, IntakeState.IGNORED, IntakeState.ACCEPTED]
    assert {each.external_id for each in make.session.scalars(select(Engagement))} == {"FB-9001_1", "FB-9001_2"}


def test_two_who_edit_a_mapping_do_not_overwrite_each_other(make, source):
    rules = sources.current_rules(make.session, source)
    number = source.mapping_number
    sources.save_mapping(make.session, source, rules, based_on=number, by=HOOK)

    with pytest.raises(ConflictError, match=str(number + 1)):
        sources.save_mapping(make.session, source, rules, based_on=number, by=HOOK)

    assert [each.number for each in sources.list_mappings(make.session, source)] == [number + 1, number, number - 1]


def test_a_source_is_seen_at_its_own_site_only(make, source):
    near, far = make.person(roles=[Role.SCHEDULER]), make.person(roles=[Role.SCHEDULER], site=make.site())

    assert sources.list_sources(make.session, viewer=make.viewer(near)) == [source]
    assert sources.list_sources(make.session, viewer=make.viewer(far)) == []
    assert sources.may_read_payloads(source, make.viewer(near))
    assert not sources.may_read_payloads(source, make.viewer(make.person(roles=[Role.ADMIN])))


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": NaN}', b"[" * 100_000, b"\xff", b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_refused(body):
    with pytest.raises(InvalidInputError):
        receiving.parse(body)


def test_words_that_no_database_stores_are_cleaned(make, source):
    outcome = send(make.session, source, text="refund \x00 \ud800", subject="a\x00b\ud800")

    assert outcome.state is IntakeState.ACCEPTED
    assert only(make.session).subject == "a b"


def test_plain_messages_are_what_the_preset_reads():
    assert plain(created_at=0)["created_at"] == NOW.isoformat()
