"""Live routing gives each contact to one agent, moves on what nobody answers, and loses nothing, whatever happens."""

from __future__ import annotations

import datetime as dt
from weakref import WeakKeyDictionary

import pytest
from sqlalchemy import event, func, select, update

from tests.factories.routing import build_floor
from webapp.errors import ConflictError, NotFoundError
from webapp.models import (
    AgentPresence,
    PresenceState,
    ReservationState,
    RoutingContact,
    RoutingContactState,
    RoutingDecision,
    RoutingDesk,
    RoutingMode,
    RoutingReservation,
)
from webapp.services.routing import desks, events, floors, settings


@pytest.fixture
def floor(make):
    return build_floor(make)


def comes(floor, session, *names):
    for name in names:
        floor.do(session, lambda events, name=name: events.free(f"{name}-{floor.site.id}"))


def arrives(floor, session, number, kind="hotline", **values):
    arrival = floor.arrival(number, kind, **values)
    return floor.do(session, lambda events: events.arrive(arrival))


def presence(floor, session, name):
    session.expire_all()
    return session.scalar(select(AgentPresence).where(AgentPresence.person_id == floor.agents[name].id))


def contact(session, outcome):
    session.expire_all()
    return session.get_one(RoutingContact, outcome.contact_id)


def test_a_contact_is_offered_to_the_longest_idle_where_there_is_no_plan(floor, session):
    comes(floor, session, "bo")
    floor.wait(5)
    comes(floor, session, "ana")

    outcome = arrives(floor, session, 1)

    (offer,) = outcome.offers
    assert floor.name(offer.person_id) == "bo"
    assert offer.expires_at == floor.at + dt.timedelta(seconds=20)
    decision = session.get_one(RoutingDecision, outcome.decision_id)
    assert (decision.fallback, decision.candidates, decision.reservation_id) == ("no_plan", 2, offer.reservation_id)
    assert contact(session, outcome).state is RoutingContactState.OFFERED
    assert presence(floor, session, "bo").state is PresenceState.BUSY


def test_nobody_below_the_required_level_is_offered_a_contact(floor, session):
    comes(floor, session, "bo", "cem", "dana")

    outcome = arrives(floor, session, 1, "expert")

    assert outcome.offers == []
    assert contact(session, outcome).state is RoutingContactState.WAITING
    assert session.get_one(RoutingDecision, outcome.decision_id).candidates == 0
    comes(floor, session, "ana")
    assert contact(session, outcome).person_id == floor.agents["ana"].id


def test_an_event_that_comes_twice_has_one_effect_and_one_answer(floor, session):
    comes(floor, session, "ana")

    first, again = arrives(floor, session, 1), arrives(floor, session, 1)

    assert (first.decision_id, first.offers) == (again.decision_id, again.offers)
    assert session.scalar(select(func.count()).select_from(RoutingReservation)) == 1


def test_a_free_agent_is_told_once_what_came_of_it(floor, session):
    arrives(floor, session, 1)
    code = f"ana-{floor.site.id}"

    first = floor.do(session, lambda events: events.free(code, key="e1"))
    again = floor.do(session, lambda events: events.free(code, key="e1"))

    assert len(first.offers) == 1
    assert (first.decision_id, first.offers) == (again.decision_id, again.offers)


def test_chats_share_an_agent_and_a_call_needs_all_of_them(floor, session):
    comes(floor, session, "bo")
    chats = [arrives(floor, session, number, "chat") for number in range(4)]
    call = arrives(floor, session, 9)

    assert [len(each.offers) for each in chats] == [1, 1, 1, 0]
    assert call.offers == []
    assert presence(floor, session, "bo").contacts == {"0": "chat", "1": "chat", "2": "chat"}
    slots = session.scalars(select(RoutingReservation.slot).order_by(RoutingReservation.slot)).all()
    assert slots == [0, 1, 2]


def test_an_ended_chat_frees_its_slot_for_the_chat_that_waits(floor, session):
    comes(floor, session, "bo")
    chats = [arrives(floor, session, number, "chat") for number in range(4)]
    for chat in chats[:3]:
        floor.do(session, lambda events, chat=chat: events.accept(chat.offers[0].reservation_id))

    outcome = floor.do(session, lambda events: events.end(chats[1].contact_id))

    assert [offer.contact_id for offer in outcome.offers] == [chats[3].contact_id]
    assert presence(floor, session, "bo").load == pytest.approx(1.0)


def test_who_answers_in_time_serves(floor, session):
    comes(floor, session, "ana")
    outcome = arrives(floor, session, 1)
    reservation_id = outcome.offers[0].reservation_id

    for _ in range(2):
        floor.do(session, lambda events: events.accept(reservation_id))

    served = contact(session, outcome)
    assert (served.state, served.started_at) == (RoutingContactState.ACTIVE, floor.at)


def test_a_declined_contact_moves_on_and_is_not_offered_to_the_same_agent(floor, session):
    comes(floor, session, "ana", "dana")
    outcome = arrives(floor, session, 1)
    first = outcome.offers[0]

    moved = floor.do(session, lambda events: events.decline(first.reservation_id))
    last = floor.do(session, lambda events: events.decline(moved.offers[0].reservation_id))

    assert moved.withdrawn == [first.reservation_id]
    assert {first.person_id, moved.offers[0].person_id} == {floor.agents["ana"].id, floor.agents["dana"].id}
    assert last.offers == []
    assert contact(session, outcome).state is RoutingContactState.WAITING
    with pytest.raises(ConflictError, match="moved on"):
        floor.do(session, lambda events: events.accept(first.reservation_id))
    session.rollback()
    floor.wait(61)
    assert len(floor.do(session, lambda events: events.retry()).offers) == 1


def test_an_unanswered_reservation_moves_on_and_its_agent_is_set_away_in_the_end(floor, session):
    comes(floor, session, "ana")
    outcome = arrives(floor, session, 1)
    floor.wait(20)
    comes(floor, session, "dana")

    assert contact(session, outcome).person_id == floor.agents["dana"].id
    assert presence(floor, session, "ana").state is PresenceState.AVAILABLE
    arrives(floor, session, 2)
    floor.wait(20)
    floor.do(session, lambda events: events.sweep())

    # Dana left one unanswered, Ana two.
    assert presence(floor, session, "ana").state is PresenceState.AWAY
    assert presence(floor, session, "dana").state is not PresenceState.AWAY


def test_after_work_keeps_an_agent_until_they_are_free(floor, session):
    comes(floor, session, "ana")
    outcome = arrives(floor, session, 1)
    arrives(floor, session, 2)

    ended = floor.do(session, lambda events: events.end(outcome.contact_id, after_work=True))
    assert (ended.offers, presence(floor, session, "ana").state) == ([], PresenceState.AFTER_WORK)
    freed = floor.do(session, lambda events: events.free(f"ana-{floor.site.id}"))

    assert len(freed.offers) == 1


def test_after_work_ends_by_itself_where_the_site_says_so(make, session):
    floor = build_floor(make, after_work_seconds=30)
    comes(floor, session, "ana")
    outcome = arrives(floor, session, 1)
    arrives(floor, session, 2)
    floor.do(session, lambda events: events.end(outcome.contact_id))
    assert presence(floor, session, "ana").state is PresenceState.AFTER_WORK

    floor.wait(30)
    swept = floor.do(session, lambda events: events.sweep())

    assert len(swept.offers) == 1


def test_who_goes_away_keeps_what_they_serve_and_gives_back_what_they_were_offered(floor, session):
    comes(floor, session, "bo", "cem")
    served = arrives(floor, session, 1, "chat")
    floor.do(session, lambda events: events.accept(served.offers[0].reservation_id))
    person_id = served.offers[0].person_id
    other = floor.agents["cem" if floor.name(person_id) == "bo" else "bo"].id
    offered = arrives(floor, session, 2, "chat")
    assert offered.offers[0].person_id == other

    moved = floor.do(session, lambda events: events.leave(other))
    floor.do(session, lambda events: events.leave(person_id))

    assert [offer.person_id for offer in moved.offers] == [person_id]
    assert contact(session, served).state is RoutingContactState.ACTIVE
    assert contact(session, offered).state is RoutingContactState.WAITING


def test_who_gives_up_frees_whom_they_were_offered_to(floor, session):
    comes(floor, session, "ana")
    gone, waits = arrives(floor, session, 1), arrives(floor, session, 2)

    outcome = floor.do(session, lambda events: events.abandon(gone.contact_id))

    assert contact(session, gone).state is RoutingContactState.ABANDONED
    assert [offer.contact_id for offer in outcome.offers] == [waits.contact_id]


def test_idle_time_counts_from_this_presence_and_never_from_before_a_vacation(floor, session):
    comes(floor, session, "dana")
    floor.do(session, lambda events: events.leave(floor.agents["dana"].id))
    floor.wait(14 * 24 * 3600)
    comes(floor, session, "bo")
    floor.wait(1)
    comes(floor, session, "dana")

    outcome = arrives(floor, session, 1)

    assert floor.name(outcome.offers[0].person_id) == "bo"


def test_a_known_agent_is_chosen_where_prices_decide(make, session):
    floor = build_floor(make)
    desk = desks.find_desk(session, floor.site.id)
    assert desk is not None
    session.execute(update(RoutingDesk).where(RoutingDesk.id == desk.id).values(priced=True))
    session.commit()
    comes(floor, session, "ana", "bo", "dana")

    liked = arrives(floor, session, 1, known=(f"bo-{floor.site.id}",))
    floor.do(session, lambda events: events.end(liked.contact_id))
    best = arrives(floor, session, 2)

    assert floor.name(best.offers[0].person_id) == "ana"
    decision = session.get_one(RoutingDecision, liked.decision_id)
    assert decision.fallback == ""
    assert decision.person_id == floor.agents["bo"].id
    assert decision.parts["continuity"] > 0
    assert decision.runner_up_id == floor.agents["ana"].id


def test_whoever_served_a_customer_of_late_is_known_to_them(make, session):
    floor = build_floor(make)
    session.execute(update(RoutingDesk).values(priced=True))
    session.commit()
    comes(floor, session, "bo")
    first = arrives(floor, session, 1, customer_key="k7")
    floor.do(session, lambda events: events.end(first.contact_id))
    comes(floor, session, "ana")

    second = arrives(floor, session, 2, customer_key="k7")

    assert floor.name(second.offers[0].person_id) == "bo"


def test_shadow_advises_and_reserves_nothing(make, session):
    floor = build_floor(make, mode=RoutingMode.SHADOW)
    comes(floor, session, "ana", "dana")

    outcome = arrives(floor, session, 1)
    (offer,) = outcome.offers
    other = "dana" if floor.name(offer.person_id) == "ana" else "ana"
    floor.do(session, lambda events: events.start(outcome.contact_id, f"{other}-{floor.site.id}"))

    assert (offer.reservation_id, offer.expires_at) == (None, None)
    served = contact(session, outcome)
    assert (served.state, served.actual_id) == (RoutingContactState.ACTIVE, floor.agents[other].id)
    assert presence(floor, session, other).state is PresenceState.BUSY
    floor.do(session, lambda events: events.end(outcome.contact_id))
    assert presence(floor, session, other).state is PresenceState.AVAILABLE


def test_the_telephone_system_may_decide_otherwise(floor, session):
    comes(floor, session, "ana", "dana")
    outcome = arrives(floor, session, 1)
    other = "dana" if floor.name(outcome.offers[0].person_id) == "ana" else "ana"

    started = floor.do(session, lambda events: events.start(outcome.contact_id, f"{other}-{floor.site.id}"))

    assert started.withdrawn == [outcome.offers[0].reservation_id]
    states = dict(session.execute(select(RoutingReservation.person_id, RoutingReservation.state)).all())
    assert states == {
        outcome.offers[0].person_id: ReservationState.WITHDRAWN,
        floor.agents[other].id: ReservationState.ACCEPTED,
    }


def test_a_site_that_is_off_says_that_the_telephone_system_decides(make, session):
    floor = build_floor(make, mode=RoutingMode.OFF)

    assert arrives(floor, session, 1).fallback == "off"


def test_a_type_that_nobody_knows_is_left_to_the_telephone_system(floor, session):
    assert arrives(floor, session, 1, "greek").fallback == "unknown_type"
    with pytest.raises(NotFoundError):
        comes(floor, session, "nobody")


def test_switching_off_ends_everything_and_on_begins_anew(floor, session, make):
    comes(floor, session, "ana")
    outcome = arrives(floor, session, 1)
    for mode in (RoutingMode.OFF, RoutingMode.LIVE):
        settings.change_setting(session, floor.site, settings.Wanted(mode), by=make.actor())
        session.commit()

    assert contact(session, outcome).state is RoutingContactState.ENDED
    assert arrives(floor, session, 2).offers == []
    comes(floor, session, "ana")
    assert presence(floor, session, "ana").load == 1.0


def test_a_rollback_leaves_no_trace_in_the_process(floor, session):
    comes(floor, session, "ana")
    arrival = floor.arrival(1)
    with pytest.raises(RuntimeError, match="power"):
        floor.do(session, lambda events: (events.arrive(arrival), power_cut()))
    session.rollback()

    again = arrives(floor, session, 2)

    assert floor.name(again.offers[0].person_id) == "ana"


def power_cut():
    raise RuntimeError("power cut")


def bo_leaves_by_another_process(floor, session, monkeypatch):
    with monkeypatch.context() as other:
        other.setattr(floors, "_known", WeakKeyDictionary())
        floor.do(session, lambda taking: taking.leave(floor.agents["bo"].id))


def test_a_transaction_that_was_closed_without_an_end_leaves_no_trace_either(floor, session, monkeypatch):
    comes(floor, session, "ana", "bo")
    arrival = floor.arrival(1)

    events.take_in(session, floor.site.id, lambda taking: taking.arrive(arrival), at=floor.at)
    session.close()
    bo_leaves_by_another_process(floor, session, monkeypatch)

    assert floor.name(arrives(floor, session, 2).offers[0].person_id) == "ana"


def test_a_savepoint_that_was_taken_back_leaves_no_trace_after_the_commit(floor, session, monkeypatch):
    comes(floor, session, "ana", "bo")
    arrival = floor.arrival(1)

    savepoint = session.begin_nested()
    events.take_in(session, floor.site.id, lambda taking: taking.arrive(arrival), at=floor.at)
    savepoint.rollback()
    bo_leaves_by_another_process(floor, session, monkeypatch)

    assert floor.name(arrives(floor, session, 2).offers[0].person_id) == "ana"


def test_a_decision_asks_the_database_little_and_reads_nothing_that_its_own_process_wrote(floor, session):
    comes(floor, session, "ana", "bo")
    arrives(floor, session, 1, customer_key="k1")
    arrival, told = floor.arrival(2, customer_key="k2"), []
    connection = session.connection()
    event.listen(connection, "before_cursor_execute", lambda *args: told.append(args[2]))

    events.take_in(session, floor.site.id, lambda taking: taking.arrive(arrival), at=floor.at)

    # The lock, the site, the contact and what is known of it; then everything is stored, on SQLite row by row.
    assert len(told) == (4 if session.get_bind().dialect.name == "postgresql" else 7)


def test_pages_and_programs_share_what_a_process_knows_of_a_site(database, floor, session):
    comes(floor, session, "ana")
    asked = []

    def listen(*heard):
        asked.append(heard[2])

    event.listen(database.engine, "before_cursor_execute", listen)
    with database.writing(hurried=True) as program:
        outcome = arrives(floor, program, 1)
    comes(floor, session, "bo")
    event.remove(database.engine, "before_cursor_execute", listen)

    assert floor.name(outcome.offers[0].person_id) == "ana"
    # Neither reads the desk again, nor what the other has changed.
    assert not [each for each in asked if "routing_desk.content" in each or "agent_presence.change >" in each]
