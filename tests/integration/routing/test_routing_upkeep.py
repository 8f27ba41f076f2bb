"""What routing needs between the events: fresh desks, sweeps, an end of what is old, and decisions made again."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from tests.factories import NOW
from tests.factories.routing import SKILLS, build_floor
from webapp.cli import console
from webapp.cli.routing import refresh, replay
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.jobs.keeper import Keeper
from webapp.models import (
    AuditEvent,
    Job,
    ReservationState,
    RoutingContact,
    RoutingDecision,
    RoutingDesk,
    RoutingReservation,
)
from webapp.services.planning import policy_editing
from webapp.services.routing import desks, keeping


@pytest.fixture
def floor(make):
    return build_floor(make)


@pytest.fixture
def keeper(database):
    """Return a function that makes a keeper at a moment."""
    return lambda at: Keeper(database, lambda: at, name="keeper", executor="embedded", concurrency=1)


@pytest.fixture
def run_due(database, keeper):
    """Return a function that runs everything that is due at a moment, and returns its jobs by kind."""
    load_bodies()

    def _run(at):
        executor = Executor(database, lambda: at)
        keeper(at).keep_schedule()
        while executor.run_once():
            pass
        with database.reading() as session:
            return {job.kind: job for job in session.scalars(select(Job).order_by(Job.id))}

    return _run


def test_without_a_plan_a_desk_weighs_by_the_policy_of_the_site(make, floor):
    """Customer first lets live contacts compete at priority 5, where they otherwise have 4."""
    before = desks.get_desk(make.session, desks.refresh(make.session, floor.site, at=NOW).id).desk
    policy_editing.set_default(make.session, floor.site, "customer-first", by=make.actor())

    after = desks.get_desk(make.session, desks.refresh(make.session, floor.site, at=NOW).id).desk

    assert after.worth.tolist() == pytest.approx([each * 5 / 4 for each in before.worth.tolist()])


@pytest.fixture
def mainstay(database, monkeypatch):
    """Return a function that runs a command and returns its exit code and output."""
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MAINSTAY_ENV", "test")
    console.get_config.cache_clear()
    console.get_database.cache_clear()

    def _run(command, *words):
        answer = CliRunner().invoke(command, list(words))
        return answer.exit_code, answer.stdout

    yield _run
    console.get_database().dispose()
    console.get_config.cache_clear()
    console.get_database.cache_clear()


def serve(floor, session, number=1, *, ends=True):
    """Let an agent come, serve a contact and be free again."""
    arrival = floor.arrival(number)
    floor.do(session, lambda taking: taking.free(f"ana-{floor.site.id}"))
    outcome = floor.do(session, lambda taking: taking.arrive(arrival))
    if ends:
        floor.do(session, lambda taking: taking.accept(outcome.offers[0].reservation_id))
        floor.do(session, lambda taking: taking.end(outcome.contact_id))
    return outcome


def test_a_keeper_moves_on_what_nobody_answered(floor, session, keeper):
    made = serve(floor, session, ends=False)
    floor.do(session, lambda taking: taking.free(f"dana-{floor.site.id}"))

    assert keeper(NOW + dt.timedelta(seconds=5)).sweep_routing() == 0
    assert keeper(NOW + dt.timedelta(seconds=21)).sweep_routing() == 1

    held = {each.person_id: each for each in session.scalars(select(RoutingReservation))}
    assert held[floor.agents["ana"].id].state is ReservationState.TIMED_OUT
    assert held[floor.agents["dana"].id].state is ReservationState.OPEN
    assert held[floor.agents["dana"].id].contact_id == made.contact_id


def test_the_schedule_builds_a_desk_anew_once_for_each_reason(floor, session, make, run_due):
    before = desks.find_desk(session, floor.site.id)
    assert before is not None
    person = make.person(name="Eva", site=floor.site)
    make.commit()

    done = run_due(NOW)["routing.prices"]
    again = run_due(NOW + dt.timedelta(minutes=1))["routing.prices"]

    session.rollback()
    desk = desks.find_desk(session, floor.site.id)
    assert desk is not None
    assert desk.id != before.id
    assert (done.result["desk_id"], done.result["priced"], again.id) == (desk.id, False, done.id)
    assert person.id in desks.get_desk(session, desk.id).person_of


def test_old_contacts_go_with_their_decisions_and_newer_ones_stay(floor, session, run_due):
    old = serve(floor, session)
    floor.wait(dt.timedelta(days=20).total_seconds())
    new = serve(floor, session, 2)
    third = floor.arrival(3)
    waiting = floor.do(session, lambda taking: taking.arrive(third))

    run_due(NOW + dt.timedelta(days=31))

    session.expire_all()
    assert set(session.scalars(select(RoutingContact.id))) == {new.contact_id, waiting.contact_id}
    assert old.contact_id not in set(session.scalars(select(RoutingDecision.contact_id)))
    assert old.contact_id not in set(session.scalars(select(RoutingReservation.contact_id)))
    event = session.scalar(select(AuditEvent).where(AuditEvent.action == "remove_old_routing"))
    assert event.detail["contacts"] == 1


def test_what_is_old_goes_a_part_at_a_time(floor, session):
    for number in range(3):
        serve(floor, session, number)
    later = NOW + dt.timedelta(days=1)

    counts = [keeping.remove_old(session, floor.site.id, before=later, limit=2) for _ in range(3)]

    assert counts == [2, 1, 0]
    assert session.scalar(select(func.count()).select_from(RoutingDecision)) == 0


def test_decisions_are_made_again_by_a_command(floor, session, mainstay):
    outcome = serve(floor, session)
    session.commit()

    one = mainstay(replay, "--decision", str(outcome.decision_id))
    whole = mainstay(replay, "--site", floor.site.code, "--day", NOW.date().isoformat(), "--json")

    assert (one[0], whole[0]) == (0, 0)
    assert "1 decisions made again, 0 came out differently." in one[1]
    assert "Ana" in one[1]
    assert json.loads(whole[1]) == {"decisions": 1, "different": []}
    assert mainstay(replay, "--decision", "999")[0] == 1
    assert mainstay(replay)[0] == 2


def test_a_decision_that_would_come_out_differently_is_told_by_the_exit_code(floor, session, mainstay):
    outcome = serve(floor, session)
    # Nobody may do this but somebody with the database in their hands; the record refuses it.
    session.execute(
        RoutingDecision.metadata.tables["routing_decision"].update().values(person_id=floor.agents["cem"].id)
    )
    session.commit()

    code, told = mainstay(replay, "--decision", str(outcome.decision_id), "--json")

    assert code == 1
    assert json.loads(told)["different"] == [outcome.decision_id]


def test_a_desk_is_built_by_a_command(floor, session, make, mainstay):
    make.person(name="Eva", site=floor.site)
    make.commit()

    code, told = mainstay(refresh, floor.site.code, "--json")

    assert code == 0
    assert json.loads(told)["desk"] == session.scalar(select(func.max(RoutingDesk.id)))
    assert mainstay(refresh, "nowhere")[0] == 1


_PROCESS = """
import datetime as dt, sys
from webapp.db import Database
from webapp.errors import BusyError
from webapp.services.routing import events
url, site_id, kind, which, at = sys.argv[1:]
database = Database(url)
print("ready", flush=True)
sys.stdin.readline()
for number in range(12):
    arrival = events.Arrival(f"{which}-{number}", kind, dt.datetime.fromisoformat(at))
    while True:
        try:
            with database.transaction() as session:
                events.take_in(session, int(site_id), lambda taking: taking.arrive(arrival), at=arrival.arrived_at)
            break
        except BusyError:
            # The other holds the site, on a slow machine for longer than this waits: sent again, it is done once.
            continue
"""


def test_two_processes_of_the_system_never_hold_one_slot_twice(floor, session, database):
    for name in SKILLS:
        floor.do(session, lambda taking, name=name: taking.free(f"{name}-{floor.site.id}"))
    session.commit()
    url = database.url.render_as_string(hide_password=False)
    words = [url, str(floor.site.id), f"chat-{floor.site.id}"]
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, *words, which, NOW.isoformat()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for which in ("left", "right")
    ]
    for racer in racers:
        assert racer.stdin is not None
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        racer.communicate(timeout=120)
        assert racer.returncode == 0

    session.expire_all()
    held = session.scalars(select(RoutingReservation).where(RoutingReservation.state == ReservationState.OPEN)).all()
    # Three agents may take three chats each; everybody else waits.
    assert len(held) == 9
    assert len({(each.person_id, each.slot) for each in held}) == len({each.contact_id for each in held}) == 9
    assert session.scalar(select(func.count()).select_from(RoutingContact)) == 24
