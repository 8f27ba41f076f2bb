"""Whatever happens on a floor, in any order and twice over: no slot is given twice and no contact is lost."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from tests.factories import NOW
from tests.factories.routing import SKILLS, build_floor
from webapp.db import Database
from webapp.errors import ConflictError
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
from webapp.services.routing import events, floors
from webapp.services.routing.replaying import Replayer, list_day

HELD = (ReservationState.OPEN, ReservationState.ACCEPTED)
ABLE = {"hotline": ("billing", 1), "chat": ("returns", 1), "expert": ("billing", 4)}


def check(session, floor):
    """Hold the floor against what must be true of it at any moment."""
    session.expire_all()
    held = session.scalars(select(RoutingReservation).where(RoutingReservation.state.in_(HELD))).all()
    assert max(Counter((each.person_id, each.slot) for each in held).values(), default=1) == 1
    by_contact = {each.contact_id: each for each in held}
    assert len(by_contact) == len(held)
    for contact in session.scalars(select(RoutingContact)):
        reservation = by_contact.get(contact.id)
        wanted = {
            RoutingContactState.WAITING: None,
            RoutingContactState.OFFERED: ReservationState.OPEN,
            RoutingContactState.ACTIVE: ReservationState.ACCEPTED,
            RoutingContactState.ENDED: None,
            RoutingContactState.ABANDONED: None,
        }[contact.state]
        assert (reservation.state if reservation else None) is wanted
        assert (contact.ended_at is not None) is contact.state.ended
        if reservation is not None:
            assert contact.person_id == reservation.person_id
            if contact.actual_id is not None:
                # The telephone system decided; it knows no levels.
                continue
            skill, level = ABLE[contact.engagement_type.code.partition("-")[0]]
            assert SKILLS[floor.name(reservation.person_id)].get(skill, 0) >= level
    for presence in session.scalars(select(AgentPresence)):
        mine = [each for each in held if each.person_id == presence.person_id]
        assert presence.load == pytest.approx(min(sum(each.share for each in mine), 1.0), abs=1e-6)
        assert set(presence.contacts) == {str(each.slot) for each in mine}
        if presence.state is PresenceState.AVAILABLE:
            assert not mine
        if presence.state is PresenceState.BUSY:
            assert mine


def happen(floor, session, chance, number):
    """Let one random thing happen."""
    name = f"{chance.choice(list(SKILLS))}-{floor.site.id}"
    ids = session.scalars(select(RoutingContact.id)).all() or [0]
    reservations = session.scalars(select(RoutingReservation.id)).all() or [0]
    session.commit()
    contact_id, reservation_id = chance.choice(ids), chance.choice(reservations)
    person_id = chance.choice(list(floor.agents.values())).id
    arrival = floor.arrival(chance.choice([number, max(number - 3, 0)]), chance.choice(list(ABLE)))
    kinds = {
        "arrive": lambda taking: taking.arrive(arrival),
        "come": lambda taking: taking.free(name, key=chance.choice([None, f"e{number}"])),
        "accept": lambda taking: taking.accept(reservation_id),
        "decline": lambda taking: taking.decline(reservation_id),
        "end": lambda taking: taking.end(contact_id, after_work=chance.random() < 0.3),
        "abandon": lambda taking: taking.abandon(contact_id),
        "start": lambda taking: taking.start(contact_id, name),
        "away": lambda taking: taking.leave(person_id),
        "rest": lambda taking: taking.leave(person_id, state=PresenceState.AFTER_WORK),
        "tick": lambda taking: taking.tick(),
    }
    weights = [6, 5, 4, 1, 3, 1, 1, 1, 1, 2]
    kind = chance.choices(list(kinds), weights)[0]
    floor.wait(chance.choice([0, 1, 5, 25]))
    if {"accept": reservation_id, "decline": reservation_id, "end": contact_id, "abandon": contact_id}.get(kind) == 0:
        return
    if kind == "start" and contact_id == 0:
        return
    if chance.random() < 0.1:
        # As if the process had been restarted: all it knows comes from the database.
        floors.forget()
    try:
        floor.do(session, kinds[kind])
    except ConflictError:
        session.rollback()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("mode", [RoutingMode.LIVE, RoutingMode.SHADOW])
def test_whatever_happens_no_slot_is_given_twice_and_no_contact_is_lost(make, session, seed, mode):
    chance = random.Random(seed)
    floor = build_floor(make, mode=mode, after_work_seconds=chance.choice([0, 20]))
    if seed % 2:
        session.execute(update(RoutingDesk).values(priced=True))
        session.commit()

    for number in range(60):
        happen(floor, session, chance, number)
        check(session, floor)
        session.commit()

    if mode is RoutingMode.LIVE:
        assert not serve_out(floor, session)
    replayer = Replayer(session)
    answers = [replayer.again(decision) for decision in list_day(session, floor.site, NOW.date())]
    assert answers
    assert [each.decision.id for each in answers if not each.same] == []


def serve_out(floor, session):
    """Let everybody come and serve until nothing waits; return what waits for ever."""
    left: Sequence[int] = ()
    for _ in range(100):
        floor.wait(61)
        for name in SKILLS:
            floor.do(session, lambda taking, name=name: taking.free(f"{name}-{floor.site.id}"))
        floor.do(session, lambda taking: taking.tick())
        for contact_id, state in session.execute(
            select(RoutingContact.id, RoutingContact.state).where(RoutingContact.ended_at.is_(None))
        ).all():
            session.commit()
            if state in {RoutingContactState.OFFERED, RoutingContactState.ACTIVE}:
                floor.do(session, lambda taking, key=contact_id: taking.end(key))
        left = session.scalars(select(RoutingContact.id).where(RoutingContact.ended_at.is_(None))).all()
        session.commit()
        if not left:
            break
    return left


def test_two_processes_never_give_one_slot_twice(make, session, database):
    floor = build_floor(make)
    for name in SKILLS:
        floor.do(session, lambda taking, name=name: taking.free(f"{name}-{floor.site.id}"))
    site_id, at = floor.site.id, floor.at
    # Each has a database of its own, and so knows the floor by itself, as another process does.
    others = [Database(database.url) for _ in range(2)]
    begin = threading.Barrier(2)
    arrivals = [
        [floor.arrival(10 * which + number, ["hotline", "chat"][number % 2]) for number in range(8)]
        for which in range(2)
    ]
    session.commit()

    def arrive(which, number):
        begin.wait()
        arrival = arrivals[which][number]
        with others[which].transaction() as own:
            return events.take_in(own, site_id, lambda taking: taking.arrive(arrival), at=at)

    with ThreadPoolExecutor(2) as pool:
        for number in range(8):
            outcomes = list(pool.map(arrive, [0, 1], [number, number]))
            assert all(outcome.contact_id is not None for outcome in outcomes)
            check(session, floor)
            session.commit()
    for other in others:
        other.dispose()
    assert len(session.scalars(select(RoutingContact.id)).all()) == 16


def test_the_database_itself_refuses_a_slot_that_is_held(make, session):
    floor = build_floor(make)
    floor.do(session, lambda taking: taking.free(f"ana-{floor.site.id}"))
    arrival = floor.arrival(1)
    floor.do(session, lambda taking: taking.arrive(arrival))

    copied = "site_id, person_id, slot, share, state, made_at, expires_at"
    with pytest.raises(IntegrityError):
        session.execute(
            text(
                f"INSERT INTO routing_reservation (contact_id, {copied}) "  # noqa: S608 - names of our own columns
                f"SELECT contact_id, {copied} FROM routing_reservation"
            )
        )


def test_a_stored_decision_is_never_changed(make, session):
    floor = build_floor(make)
    arrival = floor.arrival(1)
    floor.do(session, lambda taking: taking.arrive(arrival))
    decision = session.scalar(select(RoutingDecision))

    decision.score = 7.0
    with pytest.raises(RuntimeError, match="kept as it was stored"):
        session.flush()
