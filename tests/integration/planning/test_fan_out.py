"""Several days and sites are planned at once, and what their plans share is brought together."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from optimizer.verify import verify
from tests.factories import NOW, TODAY
from webapp.errors import InvalidInputError
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import Assignment, Job, JobState, Notice, Plan, PlanPart, PlanRun, PlanState
from webapp.services import job_overview, job_workers, jobs
from webapp.services.planning import fan_out, plans, split_run, store
from webapp.services.planning.runs import RunRequest

REQUEST = RunRequest(time_limit_seconds=5, gap=0.001)
TOMORROW = TODAY + dt.timedelta(days=1)


@pytest.fixture
def executor(database):
    load_bodies()
    return Executor(database, lambda: NOW)


def work_off(executor):
    while executor.run_once():
        pass


def at(day_on, hour, zone="Europe/Berlin"):
    return dt.datetime.combine(day_on, dt.time(hour), ZoneInfo(zone)).astimezone(dt.UTC)


@pytest.fixture
def scheduler(make):
    return make.person(name="Sam", is_agent=False)


@pytest.fixture
def centres(make):
    """Return two sites with one agent each on two days, and two pieces of work a day."""
    skill = make.skill(name="Billing")
    mail = make.engagement_type(name="Billing mail", requires={skill: 2}, handle_minutes=20.0)
    sites = [make.site(code=code) for code in ("north", "south")]
    for site in sites:
        agent = make.person(site=site)
        make.record(agent, skill, 4)
        for day_on in (TODAY, TOMORROW):
            make.shift(agent, starts_at=at(day_on, 9), hours=4)
            for number in range(2):
                make.engagement(
                    mail,
                    external_id=f"{site.code}-{day_on}-{number}",
                    site=site,
                    earliest_at=at(day_on, 9),
                    due_at=at(day_on, 12),
                )
    return sites, mail


def ask(database, sites, days, scheduler, make):
    by = make.actor(scheduler)
    make.commit()
    with database.transaction() as session:
        sites = [session.merge(site, load=False) for site in sites]
        asked = fan_out.request_many(session, sites, days, request=REQUEST, by=by)
        return asked.job.id, [(site.code, on) for site, on, _ in asked.left_out]


def test_each_sites_day_becomes_a_plan_and_the_whole_tells_once(database, make, centres, scheduler, executor):
    sites, _ = centres
    job_id, left_out = ask(database, sites, [TODAY, TOMORROW], scheduler, make)
    assert left_out == []

    work_off(executor)

    with database.reading() as session:
        whole = session.get_one(Job, job_id)
        assert whole.state is JobState.DONE
        assert whole.result == {"runs": 4, "plans": 4, "solved_again": 0, "without_plan": 0}
        drafts = session.scalars(select(Plan).where(Plan.state == PlanState.DRAFT)).all()
        assert {(plan.site.code, plan.day_on) for plan in drafts} == {
            (code, on) for code in ("north", "south") for on in (TODAY, TOMORROW)
        }
        assert session.scalars(select(Notice.text).where(Notice.link == f"/jobs/{job_id}")).all() == [
            "4 of 4 days are planned."
        ]


def test_days_without_anything_to_plan_are_left_out(database, make, centres, scheduler, executor):
    sites, _ = centres
    later = TODAY + dt.timedelta(days=9)
    _, left_out = ask(database, sites[:1], [TODAY, later], scheduler, make)

    assert left_out == [("north", later)]


def test_nothing_to_plan_at_all_is_refused_and_queues_nothing(database, make, centres, scheduler):
    sites, _ = centres
    with pytest.raises(InvalidInputError, match="nothing to plan"):
        ask(database, sites, [TODAY + dt.timedelta(days=9)], scheduler, make)

    with database.reading() as session:
        assert session.scalars(select(Job)).all() == []


def test_work_that_two_days_planned_is_kept_by_one_and_the_other_day_is_solved_again(
    database, make, centres, scheduler, executor
):
    sites, mail = centres
    window = {"earliest_at": at(TODAY, 9), "due_at": at(TOMORROW, 12)}
    both = [make.engagement(mail, external_id=f"both-{n}", site=sites[0], **window).id for n in range(3)]
    job_id, _ = ask(database, sites[:1], [TODAY, TOMORROW], scheduler, make)

    work_off(executor)

    with database.reading() as session:
        whole = session.get_one(Job, job_id)
        assert (whole.state, whole.result["plans"], whole.result["solved_again"]) == (JobState.DONE, 2, 1)
        planned = session.scalars(
            select(Assignment.engagement_id).join(Assignment.plan).where(Plan.state == PlanState.DRAFT)
        ).all()
        assert sorted(planned) == sorted(set(planned))
        assert set(both) <= set(planned)
        assert len(planned) == 7
        for plan in session.scalars(select(Plan).where(Plan.state == PlanState.DRAFT)):
            loaded = store.load_plan(session, plan)
            assert verify(loaded.problem, loaded.answer) == ()


def test_day_that_failed_is_shown_and_alone_tried_again(database, make, centres, scheduler, executor):
    sites, _ = centres
    job_id, _ = ask(database, sites, [TODAY], scheduler, make)
    with database.transaction() as session:
        run = fan_out.list_runs(session, job_id)[0]
        assert run.job is not None
        jobs.request_cancel(session, run.job)
    work_off(executor)

    with database.reading() as session:
        whole = session.get_one(Job, job_id)
        assert whole.state is JobState.FAILED
        assert whole.error == "1 of 2 days have no plan. Try these again; the others are drafts."
    with database.transaction() as session:
        job_overview.retry(session, session.get_one(Job, job_id), by=make.actor(None))
    work_off(executor)

    with database.reading() as session:
        assert session.get_one(Job, job_id).state is JobState.DONE
        assert len(session.scalars(select(Plan)).all()) == 2


@pytest.fixture
def two_worlds(make):
    """Return a site whose two teams share no skill: mail for one, returns for the other."""
    site = make.home
    for name in ("Billing", "Returns"):
        skill = make.skill(name=name)
        kind = make.engagement_type(name=f"{name} mail", requires={skill: 2}, handle_minutes=20.0)
        for _ in range(2):
            agent = make.person(site=site)
            make.record(agent, skill, 3)
            make.shift(agent, starts_at=at(TODAY, 9), hours=4)
        for number in range(6):
            make.engagement(
                kind, external_id=f"{name}-{number}", earliest_at=at(TODAY, 9), due_at=at(TODAY, 12), site=site
            )
    return site


def test_large_day_that_comes_apart_is_solved_in_parts_and_then_whole(
    database, make, two_worlds, scheduler, executor, monkeypatch
):
    monkeypatch.setattr(split_run, "LEAST_ENGAGEMENTS", 10)
    job_workers.note(make.session, "two", executor="worker", concurrency=2, at=NOW)
    job_id, _ = ask(database, [two_worlds], [TODAY], scheduler, make)

    work_off(executor)

    with database.reading() as session:
        assert session.get_one(Job, job_id).state is JobState.DONE
        run = session.scalars(select(PlanRun)).one()
        parts = split_run.list_parts(session, run.id)
        assert [(part.agents, part.engagements, part.status) for part in parts] == [(2, 6, "optimal")] * 2
        plan = session.scalars(select(Plan)).one()
        assert plan.objective >= sum(part.objective or 0.0 for part in parts) - 1e-6
        loaded = store.load_plan(session, plan)
        assert verify(loaded.problem, loaded.answer) == ()
        assert len(loaded.answer.assignments) == 12


def test_part_of_a_day_that_failed_only_makes_the_whole_begin_with_less(
    database, make, two_worlds, scheduler, executor, monkeypatch
):
    monkeypatch.setattr(split_run, "LEAST_ENGAGEMENTS", 10)
    job_workers.note(make.session, "two", executor="worker", concurrency=2, at=NOW)
    job_id, _ = ask(database, [two_worlds], [TODAY], scheduler, make)
    executor.run_once()
    with database.transaction() as session:
        part = session.scalars(select(PlanPart)).first()
        job = session.get_one(Job, part.job_id)
        job.attempts = job.max_attempts

    work_off(executor)

    with database.reading() as session:
        assert session.get_one(Job, job_id).state is JobState.DONE
        assert [part.status for part in session.scalars(select(PlanPart).order_by(PlanPart.number))] == [
            None,
            "optimal",
        ]
        assert len(plans.list_plans(session, two_worlds, TODAY)) == 1
        assert len(session.scalars(select(Assignment)).all()) == 12


def test_small_days_and_single_workers_are_not_taken_apart(database, make, two_worlds, scheduler, executor):
    job_workers.note(make.session, "two", executor="worker", concurrency=2, at=NOW)
    ask(database, [two_worlds], [TODAY], scheduler, make)

    work_off(executor)

    with database.reading() as session:
        assert session.scalars(select(PlanPart)).all() == []
