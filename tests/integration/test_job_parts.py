"""A job that waits for its parts is queued exactly once when the last of them has ended, whoever ends it."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from tests.factories import NOW
from webapp.errors import ConflictError
from webapp.jobs.executor import Executor
from webapp.jobs.registry import job
from webapp.models import Job, JobState
from webapp.services import job_overview, jobs
from webapp.services.audit import Actor
from webapp.services.job_kinds import get_kind
from webapp.services.job_overview import JobFilter

SYSTEM = Actor(person_id=None, at=NOW, channel="job")
JOINED: list[int] = []


@job("test.whole")
def _whole(context):
    with context.database.reading() as session:
        parts = jobs.list_parts(session, context.job_id)
    if not parts:
        asked = [jobs.Part("test.part", {"number": number}) for number in range(context.payload["parts"])]
        with context.database.transaction() as session:
            jobs.split(session, context.job_id, asked, owner=context.owner, by=context.actor())
        return
    JOINED.append(context.job_id)
    bad = sum(1 for part in parts if part.state is not JobState.DONE)
    with context.database.transaction() as session:
        if bad:
            jobs.fail(session, context.job_id, owner=context.owner, at=context.clock(), error=f"{bad} parts are bad.")
        else:
            context.complete(session, {"parts": len(parts)})


FAILING: set[int] = set()


@job("test.part")
def _part(context):
    if context.payload["number"] in FAILING:
        raise ConflictError("This part cannot be done.")
    with context.database.transaction() as session:
        context.complete(session)


@pytest.fixture(autouse=True)
def nothing_yet():
    JOINED.clear()
    FAILING.clear()


@pytest.fixture
def executor(database):
    return Executor(database, lambda: NOW)


@pytest.fixture
def whole(database, executor):
    """Return a job that waits for three parts."""
    with database.transaction() as session:
        key = jobs.enqueue(session, "test.whole", {"parts": 3}, by=SYSTEM).id
    executor.run_once()
    return key


def read(database, key):
    with database.reading() as session:
        return session.get_one(Job, key)


def read_parts(database, key):
    with database.reading() as session:
        return jobs.list_parts(session, key)


def take(session, owner, at=NOW):
    job = jobs.lease_next(session, owner=owner, at=at)
    assert job is not None
    return job


def work_off(executor):
    while executor.run_once():
        pass


def test_whole_waits_for_its_parts_without_a_worker_and_then_joins_them(database, executor, whole):
    waiting = read(database, whole)
    assert (waiting.state, waiting.open_parts, waiting.lease_owner) == (JobState.WAITING, 3, None)

    work_off(executor)

    assert read(database, whole).state is JobState.DONE
    assert [whole] == JOINED


@pytest.mark.parametrize("turn", range(5))
def test_two_parts_that_end_at_once_queue_the_whole_exactly_once(database, executor, whole, turn):
    executor.run_once()
    with database.transaction() as session:
        held = [take(session, f"worker {n}").id for n in range(2)]
    begin = threading.Barrier(2)
    queued = []

    def end(number):
        begin.wait()
        with database.transaction() as session:
            jobs.complete(session, held[number], owner=f"worker {number}", at=NOW)
            if whole in session.info.get(jobs.QUEUED_HERE, []):
                queued.append(number)

    threads = [threading.Thread(target=end, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    joined = read(database, whole)
    assert (joined.state, joined.open_parts, len(queued)) == (JobState.QUEUED, 0, 1)
    work_off(executor)
    assert [whole] == JOINED


def test_part_of_a_killed_worker_is_done_by_another_and_counted_once(database, executor, whole):
    with database.transaction() as session:
        killed = take(session, "killed", at=NOW - 2 * jobs.LEASE).id

    work_off(executor)
    with pytest.raises(jobs.LeaseLostError), database.transaction() as session:
        jobs.complete(session, killed, owner="killed", at=NOW)

    assert read(database, killed).attempts == 2
    assert read(database, whole).state is JobState.DONE
    assert [whole] == JOINED


def test_failed_part_alone_is_tried_again_and_the_whole_joins_once_more(database, executor, whole):
    FAILING.add(1)
    work_off(executor)
    failed = read(database, whole)
    assert (failed.state, failed.error) == (JobState.FAILED, "1 parts are bad.")
    before = {part.id: part.attempts for part in read_parts(database, whole)}

    FAILING.clear()
    with database.transaction() as session:
        job_overview.retry(session, session.get_one(Job, whole), by=SYSTEM)
    assert read(database, whole).state is JobState.WAITING
    assert read(database, whole).open_parts == 1
    work_off(executor)

    assert read(database, whole).state is JobState.DONE
    assert {part.id: part.attempts for part in read_parts(database, whole)} == before
    assert [whole, whole] == JOINED


def test_cancelling_the_whole_cancels_what_has_not_ended(database, executor, whole):
    executor.run_once()
    with database.transaction() as session:
        jobs.request_cancel(session, session.get_one(Job, whole))

    work_off(executor)

    assert read(database, whole).state is JobState.CANCELLED
    assert [part.state for part in read_parts(database, whole)] == [
        JobState.DONE,
        JobState.CANCELLED,
        JobState.CANCELLED,
    ]
    assert JOINED == []


def test_part_whose_whole_is_done_without_it_cannot_be_tried_again(database, executor, whole):
    work_off(executor)
    with database.transaction() as session:
        part = jobs.list_parts(session, whole)[0]
        part.state = JobState.FAILED

    with pytest.raises(ConflictError), database.transaction() as session:
        job_overview.retry(session, jobs.list_parts(session, whole)[0], by=SYSTEM)


def test_dead_letters_are_tried_again_together_or_discarded(database, executor):
    with database.transaction() as session:
        keys = [jobs.enqueue(session, "test.part", {"number": n}, by=SYSTEM).id for n in range(3)]
        for key in keys:
            dead = session.get_one(Job, key)
            dead.state, dead.attempts, dead.error, dead.ended_at = JobState.DEAD, 5, "Its worker died 5 times.", NOW
    with database.transaction() as session:
        job_overview.discard(session, session.get_one(Job, keys[0]), by=SYSTEM)
    with database.transaction() as session:
        assert job_overview.retry_all(session, JobFilter(kind="test.part"), by=SYSTEM) == (2, 0)

    work_off(executor)

    assert [read(database, key).state for key in keys] == [JobState.DISCARDED, JobState.DONE, JobState.DONE]
    assert [read(database, key).attempts for key in keys] == [5, 1, 1]
    with pytest.raises(ConflictError), database.transaction() as session:
        job_overview.discard(session, session.get_one(Job, keys[0]), by=SYSTEM)


def test_job_that_is_handed_back_is_free_at_once_and_the_attempt_does_not_count(database, whole):
    with database.transaction() as session:
        key = take(session, "leaving").id
    with database.transaction() as session:
        jobs.give_back(session, key, owner="leaving")

    with database.transaction() as session:
        taken = take(session, "staying")
        assert (taken.id, taken.attempts) == (key, 1)


def test_pauses_double_up_to_a_limit_and_differ_by_chance():
    kind = get_kind("webhooks.deliver")
    assert [kind.backoff(n, chance=0.0).total_seconds() for n in (1, 2, 3)] == [15.0, 30.0, 60.0]
    assert kind.backoff(3, chance=0.5) == dt.timedelta(seconds=90)
    assert kind.backoff(99, chance=1.0) == dt.timedelta(hours=1)


def test_persons_take_turns_and_nobody_has_more_at_work_than_their_quota(make, database):
    busy, other = make.person(), make.person()
    for person, count in ((busy, 4), (other, 1)):
        for _ in range(count):
            jobs.enqueue(make.session, "plan.solve", {}, by=make.actor(person))
    busy_id, other_id = busy.id, other.id
    make.commit()

    taken = []
    for number in range(5):
        with database.transaction() as session:
            job = jobs.lease_next(session, owner=f"worker {number}", at=NOW)
            taken.append(job and job.requested_by_id)

    assert taken == [busy_id, other_id, busy_id, None, None]


def test_workers_at_once_do_not_get_past_a_persons_quota(make, database):
    person = make.person()
    for _ in range(6):
        jobs.enqueue(make.session, "plan.solve", {}, by=make.actor(person))
    make.commit()
    begin, taken = threading.Barrier(4), []

    def take(number):
        begin.wait()
        with database.transaction() as session:
            job = jobs.lease_next(session, owner=f"worker {number}", at=NOW)
            if job is not None:
                taken.append(job.id)

    threads = [threading.Thread(target=take, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert len(taken) == len(set(taken)) == 2
