"""What people do with intake: sort what is unsure, mend what failed, and let customers' words go."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from tests.factories import NOW
from tests.factories.intake import HOOK, add_rules, connect, send, sort_rules
from webapp.errors import ConflictError, DependencyError, InvalidInputError, NotFoundError
from webapp.models import (
    AuditEvent,
    Channel,
    Engagement,
    EngagementState,
    IntakeEvent,
    IntakeExample,
    IntakeItem,
    IntakeState,
    Role,
)
from webapp.services import customers, engagements
from webapp.services.audit import Actor
from webapp.services.intake import mapping, phoned, receiving, reruns, retention, reviewing, sources
from webapp.services.intake.classifying import TypeRule

DAY = dt.timedelta(days=1)


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
    return make.viewer(make.person(roles=[Role.SCHEDULER]))


@pytest.fixture
def by(scheduler):
    return Actor(person_id=scheduler.person_id, at=NOW)


def one(session, model):
    return session.scalars(select(model).execution_options(populate_existing=True)).one()


def test_the_queue_shows_what_the_rules_lean_to_first(make, source, scheduler, types):
    send(make.session, source, text="A refund for the parcel", subject="Mine")

    (waiting,) = reviewing.list_waiting(make.session, viewer=scheduler)
    waiting = reviewing.with_choices(make.session, waiting)

    assert waiting.text == "Mine\nA refund for the parcel"
    assert waiting.source_name == "Helpdesk"
    assert [choice.engagement_type.code for choice in waiting.choices] == ["delivery", "refund", "unsorted"]
    assert waiting.choices[0].why == "rules: parcel"


def test_who_may_not_read_customers_words_does_not(make, source):
    send(make.session, source, text="Hello from Ann")

    (waiting,) = reviewing.list_waiting(make.session, viewer=make.viewer(make.person(roles=[Role.ADMIN])))

    assert waiting.text == ""


def test_a_decision_sorts_the_engagement_and_is_kept_as_an_example(make, source, scheduler, types, by):
    send(make.session, source, text="Hello parcel refund 12345", customer="c-1")
    engagement = one(make.session, Engagement)

    done = reviewing.decide(
        make.session, [engagement.id, engagement.id], type_id=types["refund"].id, viewer=scheduler, by=by
    )

    assert done == [engagement.id]
    assert engagement.state is EngagementState.CLASSIFIED
    assert engagement.engagement_type_id == types["refund"].id
    example = one(make.session, IntakeExample)
    assert example.engagement_type_id == types["refund"].id
    assert "hello" in example.words
    assert not any("12345" in word for word in example.words)
    assert reviewing.count_waiting(make.session, viewer=scheduler) == 0


def test_what_a_person_decided_no_later_event_changes(make, source, scheduler, types, by):
    send(make.session, source, text="Hello", updated_at=1)
    reviewing.decide(
        make.session, [one(make.session, Engagement).id], type_id=types["delivery"].id, viewer=scheduler, by=by
    )

    send(make.session, source, text="refund refund", subject="New", updated_at=2)

    engagement = one(make.session, Engagement)
    assert engagement.engagement_type_id == types["delivery"].id
    assert (engagement.state, engagement.subject) == (EngagementState.CLASSIFIED, "New")


def test_a_decision_is_taken_back_with_its_example(make, source, scheduler, types, by):
    send(make.session, source, text="Hello")
    ids = reviewing.decide(
        make.session, [one(make.session, Engagement).id], type_id=types["refund"].id, viewer=scheduler, by=by
    )

    reviewing.reopen(make.session, ids, viewer=scheduler, by=by)

    assert one(make.session, Engagement).state is EngagementState.RECEIVED
    assert make.session.scalar(select(func.count(IntakeExample.id))) == 0
    with pytest.raises(ConflictError):
        reviewing.reopen(make.session, ids, viewer=scheduler, by=by)


def test_an_event_waits_only_as_long_as_its_engagement(make, source, scheduler, types, by):
    send(make.session, source, text="Hello")
    event = one(make.session, IntakeEvent)
    told = [event.state]
    ids = reviewing.decide(
        make.session, [one(make.session, Engagement).id], type_id=types["refund"].id, viewer=scheduler, by=by
    )
    told.append(event.state)

    reviewing.reopen(make.session, ids, viewer=scheduler, by=by)

    assert [*told, event.state] == [IntakeState.REVIEW, IntakeState.ACCEPTED, IntakeState.REVIEW]


def test_only_work_of_ones_own_site_is_sorted(make, source, types, by):
    send(make.session, source, text="Hello")
    far = make.viewer(make.person(roles=[Role.SCHEDULER], site=make.site()))

    assert reviewing.list_waiting(make.session, viewer=far) == []
    with pytest.raises(NotFoundError):
        reviewing.decide(
            make.session, [one(make.session, Engagement).id], type_id=types["refund"].id, viewer=far, by=by
        )


def test_no_work_becomes_a_call(make, source, scheduler, by):
    call = make.engagement_type(code="call", channel=Channel.VOICE)

    with pytest.raises(InvalidInputError):
        reviewing.decide(make.session, [], type_id=call.id, viewer=scheduler, by=by)


def test_decisions_are_learnt_from(make, source, scheduler, types, by):
    for number in range(12):
        send(make.session, source, id=f"a{number}", text="my card was swallowed")
        send(make.session, source, id=f"b{number}", text="where do I stand in the queue")
    for engagement in make.session.scalars(select(Engagement)).all():
        kind = types["refund"] if engagement.external_id.startswith("a") else types["delivery"]
        reviewing.decide(make.session, [engagement.id], type_id=kind.id, viewer=scheduler, by=by)
    send(make.session, source, id="new", text="the machine swallowed a card")

    (waiting,) = reviewing.list_waiting(make.session, viewer=scheduler)
    choices = reviewing.with_choices(make.session, waiting).choices

    assert choices[0].engagement_type.code == "refund"
    assert choices[0].why.startswith("learnt: ")
    # It suggests and decides nothing, however sure it is.
    assert waiting.engagement.state is EngagementState.RECEIVED


def test_a_rule_is_made_from_a_word_and_sorts_what_waits(make, source, scheduler, types, by):
    send(make.session, source, id="one", text="Card swallowed")
    send(make.session, source, id="two", text="Hello")
    rule = TypeRule("delivery", ("swallowed",), weight=2.0)
    assert len(reviewing.would_sort(make.session, rule, source=source, viewer=scheduler)) == 1

    made = reviewing.make_rule(make.session, source, words=["swallowed"], type_code="delivery", by=by)
    sorted_now = reviewing.sort_again(make.session, source, by=by)

    assert made.number == source.mapping_number == 3
    assert sorted_now == 1
    assert reviewing.count_waiting(make.session, viewer=scheduler) == 1


def mend(session, source, pointer="/number"):
    """Let the mapping find the reference at another place as well."""
    rules = mapping.to_json(sources.current_rules(session, source))
    rules["fields"]["external_id"]["at"] = ["/id", pointer]
    sources.save_mapping(session, source, mapping.from_json(rules), based_on=source.mapping_number, by=HOOK)


def test_failed_events_are_read_again_with_the_mended_mapping(make, source, by):
    outcome = send(make.session, source, id=None, number="n-1", text="refund")
    mend(make.session, source)

    rerun = reruns.run_again(make.session, source, by=by)

    assert reruns.count_mended(rerun) == 1
    assert one(make.session, Engagement).external_id == "n-1"
    event = make.session.get_one(IntakeEvent, outcome.event_id)
    assert (event.state, event.mapping_number) == (IntakeState.ACCEPTED, source.mapping_number)
    with pytest.raises(ConflictError):
        reruns.run_again(make.session, source, by=by)


def test_a_rerun_is_taken_back(make, source, by):
    outcome = send(make.session, source, id=None, number="n-1", text="refund")
    send(make.session, source, id="n-2", text="refund", subject="Before", updated_at=1)
    send(make.session, source, id=None, number="n-2", subject="After", updated_at=2)
    mend(make.session, source)
    rerun = reruns.run_again(make.session, source, by=by)
    subjects = dict(make.session.execute(select(Engagement.external_id, Engagement.subject)).all())
    assert subjects == {"n-1": "", "n-2": "After"}

    reruns.undo(make.session, source, rerun, by=by)

    found = {each.external_id: each for each in make.session.scalars(select(Engagement))}
    assert found["n-1"].state is EngagementState.CANCELLED
    assert found["n-2"].subject == "Before"
    assert make.session.get_one(IntakeEvent, outcome.event_id).state is IntakeState.FAILED
    with pytest.raises(ConflictError):
        reruns.undo(make.session, source, rerun, by=by)
    again = reruns.run_again(make.session, source, by=by)
    assert reruns.count_mended(again) == 2


def test_a_rerun_from_which_newer_events_went_on_is_not_taken_back(make, source, by):
    send(make.session, source, id=None, number="n-1", text="refund", updated_at=1)
    mend(make.session, source)
    rerun = reruns.run_again(make.session, source, by=by)
    send(make.session, source, id="n-1", subject="Newer", updated_at=2)

    with pytest.raises(DependencyError) as refused:
        reruns.undo(make.session, source, rerun, by=by)

    assert refused.value.rows == ("n-1",)


def held(session):
    """Return everything that intake holds, as one text."""
    rows = [
        *session.execute(select(IntakeEvent.body, IntakeEvent.customer_key, IntakeEvent.error)),
        *session.execute(select(IntakeItem.facts, IntakeItem.customer_key)),
        *session.execute(select(IntakeExample.words, IntakeExample.customer_key)),
    ]
    return str(rows)


def test_payloads_expire_and_their_keys_stay(make, source):
    send(make.session, source, event_id="e", text="Canary words", customer="c-canary")
    later = Actor(person_id=None, at=NOW + 30 * DAY, channel="job")
    assert retention.expire(make.session, make.home.id, by=Actor(None, NOW + 29 * DAY)) == 0

    assert retention.expire(make.session, make.home.id, by=later) == 2
    assert retention.expire(make.session, make.home.id, by=later) == 0

    assert "Canary" not in held(make.session)
    assert send(make.session, source, event_id="e", text="Canary words", customer="c-canary").duplicate
    assert "Canary" not in held(make.session)


def test_an_erased_customer_leaves_nothing_behind(make, source, scheduler, types, by):
    send(make.session, source, id="mine", text="Canary words", customer="c-canary", subject="Canary line")
    send(make.session, source, id=None, customer="c-canary", text="Canary in a failed one")
    send(make.session, source, id="odd", text="Canary elsewhere", note={"owner": "c-canary"})
    send(make.session, source, id="other", text="Stays", customer="c-canary-2")
    engagement = make.session.scalars(select(Engagement).where(Engagement.external_id == "mine")).one()
    reviewing.decide(make.session, [engagement.id], type_id=types["refund"].id, viewer=scheduler, by=by)

    customers.erase(make.session, "c-canary", reason="asked", by=by)

    bodies = str(make.session.execute(select(IntakeEvent.body)).all())
    assert "Canary" not in bodies
    assert "Stays" in bodies
    items = str(make.session.execute(select(IntakeItem.facts).where(IntakeItem.external_key == "mine")).all())
    assert "Canary" not in items
    assert one(make.session, IntakeExample).words == {}
    assert "c-canary" not in str([event.detail for event in make.session.scalars(select(AuditEvent))])


def test_a_number_as_key_is_found_in_payloads_that_write_it_as_a_number(make, source):
    send(make.session, source, id="odd", text="Canary", note={"owner": 5201})
    send(make.session, source, id="other", text="Stays", note={"owner": 52010})

    customers.erase(make.session, "5201", reason="asked", by=HOOK)

    bodies = str(make.session.execute(select(IntakeEvent.body)).all())
    assert "Canary" not in bodies
    assert "Stays" in bodies


def test_an_erased_customers_work_can_still_be_sorted(make, source, scheduler, types, by):
    send(make.session, source, text="Canary", customer="c-canary")
    customers.erase(make.session, "c-canary", reason="asked", by=by)
    engagement = one(make.session, Engagement)

    assert reviewing.sort_again(make.session, source, by=by) == 0
    assert reviewing.decide(make.session, [engagement.id], type_id=types["refund"].id, viewer=scheduler, by=by)


def test_a_copy_that_comes_after_erasure_brings_nothing_back(make, source):
    send(make.session, source, event_id="e", text="Canary", customer="c-canary")
    customers.erase(make.session, "c-canary", reason="asked", by=HOOK)

    assert send(make.session, source, event_id="e", text="Canary", customer="c-canary").duplicate
    assert "Canary" not in held(make.session)


def test_a_source_needs_sound_values(make, types):
    for wrong in (
        {"name": ""},
        {"threshold": 1.5},
        {"retention_days": 0},
    ):
        with pytest.raises(InvalidInputError):
            connect(make, kind=types["unsorted"], **wrong)
    with pytest.raises(InvalidInputError):
        connect(make, kind=make.engagement_type(channel=Channel.VOICE))


def test_receiving_by_an_unknown_address_is_no_source(make, source):
    assert receiving.find_source(make.session, source.public_id) == source
    with pytest.raises(NotFoundError):
        receiving.find_source(make.session, "nobody")


def phoned_in(make, subject, by):
    draft = engagements.EngagementDraft(type_id=0, earliest_at=NOW, due_at=NOW, latest_at=NOW, subject=subject)
    return phoned.add_of_unknown_type(make.session, site=make.home, draft=draft, by=by)


def test_work_that_is_phoned_in_gets_its_type_by_the_rules(make, source, types, by):
    added = phoned_in(make, "Wants a refund", by)

    assert (added.engagement_type_id, added.state) == (types["refund"].id, EngagementState.CLASSIFIED)


def test_work_that_is_phoned_in_and_unclear_waits_to_be_sorted(make, source, types, scheduler, by):
    added = phoned_in(make, "Something odd", by)

    assert (added.engagement_type_id, added.state) == (types["unsorted"].id, EngagementState.RECEIVED)
    (waiting,) = reviewing.list_waiting(make.session, viewer=scheduler)
    assert (waiting.source_name, waiting.text) == ("Form", "Something odd")


def test_without_any_type_nothing_can_be_phoned_in(make, by):
    with pytest.raises(InvalidInputError):
        phoned_in(make, "Something", by)


def test_the_form_takes_work_of_unknown_type(make, source, sign_in, database):
    form = {
        "type_id": "",
        "subject": "Something odd",
        "earliest_at": "2026-11-24T10:00",
        "due_at": "2026-11-24T12:00",
        "latest_at": "2026-11-24T14:00",
        "priority": "3",
        "owner_id": "",
    }

    answer = sign_in(make.person(roles=[Role.SCHEDULER])).post("/engagements/new", data=form)

    assert answer.status_code == 302
    with database.reading() as session:
        assert session.scalars(select(Engagement)).one().state is EngagementState.RECEIVED
