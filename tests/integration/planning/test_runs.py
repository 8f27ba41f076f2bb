"""Runs: asked for, solved in a job, checked, kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.plan import Status
from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.db import Database
from webapp.errors import ConflictError, InvalidInputError
from webapp.jobs import build_executor
from webapp.models import Assignment, Channel, Job, JobState, Notice, Plan, PlanRun, Reservation, Unassigned
from webapp.services.planning import pins, plans, policies, publish, runs, store
from webapp.services.planning.earlier import find_earlier
from webapp.services.planning.runs import RunRequest


class TestRequest:
    def test_a_request_queues_a_job(self, session: Session, make: Make, day: Day) -> None:
        run = runs.request_run(session, day.site, TODAY, request=RunRequest(), by=make.actor(day.scheduler))

        assert run.job is not None
        assert (run.job.kind, run.job.payload) == (runs.JOB_KIND, {"run_id": run.id})
        assert (run.starts_at, run.intervals, run.status) == (AT_NINE, 8, None)

    def test_a_second_run_waits_for_the_first(self, session: Session, make: Make, day: Day) -> None:
        by = make.actor(day.scheduler)
        runs.request_run(session, day.site, TODAY, request=RunRequest(), by=by)

        with pytest.raises(ConflictError, match="under way"):
            runs.request_run(session, day.site, TODAY, request=RunRequest(), by=by)

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"interval_minutes": 7}, "interval_minutes"),
            ({"time_limit_seconds": 0}, "time_limit_seconds"),
            ({"time_limit_seconds": 601}, "time_limit_seconds"),
            ({"seed": -1}, "seed"),
            ({"gap": 1.0}, "gap"),
        ],
    )
    def test_choices_out_of_range_are_refused(
        self, session: Session, make: Make, day: Day, values: dict[str, Any], field: str
    ) -> None:
        with pytest.raises(InvalidInputError) as refused:
            runs.request_run(session, day.site, TODAY, request=RunRequest(**values), by=make.actor())

        assert refused.value.field == field

    def test_presets_are_stored_once(self, session: Session, make: Make) -> None:
        first = policies.ensure_presets(session, by=make.actor())
        again = policies.ensure_presets(session, by=make.actor())

        assert [policy.id for policy in again] == [policy.id for policy in first]
        assert again[0].code == "default"

    def test_a_changed_preset_becomes_a_version_of_its_own(self, session: Session, make: Make) -> None:
        before = {policy.code: policy for policy in policies.ensure_presets(session, by=make.actor())}["catch-up"]
        before.description = "An older wording."
        session.flush()

        now = {policy.code: policy for policy in policies.ensure_presets(session, by=make.actor())}["catch-up"]

        assert (before.number, now.number) == (1, 2)
        assert now.settings["revision"] == 2


class TestSolve:
    def test_everything_possible_is_served_and_the_rest_explained(self, session: Session, day: Day, solve_day) -> None:
        """Ben can do all three mails in his 216 minutes; nobody has Router at level 5."""
        plan = solve_day()

        served = set(session.scalars(select(Assignment.engagement_id).where(Assignment.plan_id == plan.id)))
        (left_out,) = plans.list_unassigned(session, plan)
        assert served == {engagement.id for engagement in day.easy}
        assert (left_out.engagement_id, left_out.cause) == (day.hard.id, "no_skill")
        assert left_out.detail["text"].startswith("Nobody has Router at level 5.")
        assert left_out.fix is not None
        assert "Ada Byron" in left_out.fix["text"]

    def test_calls_get_the_minutes_of_the_only_one_who_can(self, session: Session, day: Day, solve_day) -> None:
        """Ada is there for seven of the eight half hours, in each of which 20 minutes are forecast."""
        plan = solve_day()

        figures = plans.headline(session, plan)

        people = set(session.scalars(select(Reservation.person_id).where(Reservation.plan_id == plan.id)))
        assert people == {day.ada.id}
        assert (figures.forecast_minutes, round(figures.kept_minutes, 3)) == (160.0, 140.0)
        assert (figures.assigned, figures.unassigned, figures.agents_on_shift) == (3, 1, 2)
        assert figures.served_share == pytest.approx(0.75)
        assert figures.occupancy == pytest.approx((140 + 60) / (7 * 27 + 8 * 27))

    def test_minutes_kept_for_chat_count_once_for_each_contact_at_a_time(
        self, session: Session, make: Make, day: Day, solve_day
    ) -> None:
        """20 contact minutes of chat, two at a time, take 10 of Ben's minutes and are 20 minutes kept."""
        chat = make.engagement_type(
            channel=Channel.CHAT, concurrency=2, requires={day.billing: 2}, handle_minutes=10.0, value=50.0
        )
        make.forecast(chat, AT_NINE, 20.0)

        plan = solve_day()

        minutes = session.scalars(select(Reservation.minutes).where(Reservation.engagement_type_id == chat.id)).all()
        assert sum(minutes) == pytest.approx(10.0)
        assert plans.headline(session, plan).kept_minutes == pytest.approx(140.0 + 20.0)

    def test_an_agent_reads_why(self, session: Session, day: Day, solve_day) -> None:
        plan = solve_day()

        for assignment in plans.list_assignments(session, plan):
            assert "It uses your Billing (your level" in assignment.why["to_agent"][0]

    def test_a_stored_plan_reads_back_as_it_was_and_breaks_no_rule(self, session: Session, solve_day) -> None:
        plan = solve_day()

        loaded = store.load_plan(session, plan)

        assert runs.find_violations(loaded) == ()
        assert loaded.answer.objective == plan.objective

    def test_the_same_inputs_and_seed_give_the_same_plan(self, session: Session, solve_day) -> None:
        one, other = solve_day(), solve_day()

        assert store.load_plan(session, one).answer.assignments == store.load_plan(session, other).answer.assignments

    def test_an_answer_that_breaks_a_rule_is_thrown_away(self, session: Session, day: Day, solve_day) -> None:
        loaded = store.load_plan(session, solve_day())
        broken = replace(loaded.answer.assignments[0], agent=str(day.ada.id), start=4)

        answer = runs.checked(
            loaded.problem, loaded.answer.with_changes(assignments=(broken, *loaded.answer.assignments[1:]))
        )

        assert answer.status is Status.SOLVER_ERROR
        assert not answer.has_plan
        assert "thrown away" in answer.message

    def test_pins_that_cannot_hold_are_named(self, session: Session, make: Make, day: Day) -> None:
        """Ben has no Router skill at all, so the pin stands against the skill rule."""
        pins.pin_engagement(session, day.hard, day.ben, AT_NINE, reason="Try it", by=make.actor(day.scheduler))
        by = make.actor(day.scheduler)
        run = runs.request_run(session, day.site, TODAY, request=RunRequest(time_limit_seconds=60), by=by)
        built = runs.prepare(session, run, today=TODAY)

        plan = runs.finish(session, run, built, runs.solve(built.problem), by=by)

        assert plan is None
        assert run.status == "infeasible"
        assert runs.conflict_words(session, run) == ["hard is pinned to Ben Okri at 09:00."]

    def test_runs_keep_what_has_begun(self, session: Session, make: Make, day: Day, solve_day) -> None:
        first = solve_day()
        before = store.load_plan(session, first).answer.assignments
        publish.publish_plan(session, first, today=TODAY, by=make.actor(day.scheduler))
        by = make.actor(day.scheduler)
        request = RunRequest(time_limit_seconds=5, seed=5, keep_before=AT_NINE + dt.timedelta(hours=4))
        run = runs.request_run(session, day.site, TODAY, request=request, by=by)
        built = runs.prepare(session, run, today=TODAY)

        plan = runs.finish(session, run, built, runs.solve(built.problem), by=by)

        assert built.problem.frozen_before == 8
        assert plan is not None
        after = store.load_plan(session, plan).answer.assignments
        assert [(each.engagement, each.agent, each.start) for each in after] == [
            (each.engagement, each.agent, each.start) for each in before
        ]


def job_of(session: Session, run_id: int) -> int:
    """Return the id of a run's job."""
    job_id = session.get_one(PlanRun, run_id).job_id
    assert job_id is not None
    return job_id


class TestJob:
    @pytest.fixture
    def run_id(self, session: Session, make: Make, day: Day) -> int:
        run = runs.request_run(
            session, day.site, TODAY, request=RunRequest(time_limit_seconds=60), by=make.actor(day.scheduler)
        )
        make.commit()
        return run.id

    def test_the_job_stores_the_plan_and_tells_the_scheduler(self, app: Flask, database: Database, run_id: int) -> None:
        assert build_executor(app).run_once()

        with database.reading() as session:
            run = session.get_one(PlanRun, run_id)
            assert run.job is not None
            assert (run.job.state, run.job.progress) == (JobState.DONE, 1.0)
            assert run.plan is not None
            assert run.job.result == {"run_id": run_id, "plan_id": run.plan.id, "status": run.status}
            (notice,) = session.scalars(select(Notice)).all()
            assert (notice.person_id, notice.link) == (run.created_by_id, f"/plans/{run.plan.id}")

    def test_a_cancelled_job_ends_cancelled(self, app: Flask, database: Database, run_id: int) -> None:
        with database.transaction() as session:
            session.get_one(Job, job_of(session, run_id)).cancel_requested = True

        build_executor(app).run_once()

        with database.reading() as session:
            assert session.get_one(Job, job_of(session, run_id)).state is JobState.CANCELLED
            assert session.scalar(select(Plan)) is None

    def test_a_worker_that_lost_its_lease_writes_nothing(
        self, app: Flask, database: Database, run_id: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another worker takes the job over while this one solves; what this one found must not be stored twice."""
        solve = runs.solve

        def _solve_and_lose(*args: Any, **kwargs: Any) -> Any:
            answer = solve(*args, **kwargs)
            with database.transaction() as session:
                session.get_one(Job, job_of(session, run_id)).lease_owner = "somebody else"
            return answer

        monkeypatch.setattr(runs, "solve", _solve_and_lose)
        build_executor(app).run_once()

        with database.reading() as session:
            assert session.get_one(PlanRun, run_id).status is None
            assert not session.scalars(select(Plan)).all()
            assert not session.scalars(select(Assignment)).all()
            assert not session.scalars(select(Unassigned)).all()

    def test_a_day_that_lost_its_shifts_fails_with_the_reason(
        self, app: Flask, database: Database, session: Session, make: Make, day: Day, run_id: int
    ) -> None:
        day.ada.active = day.ben.active = False
        for row in session.query(type(make.forecast(day.calls, AT_NINE + dt.timedelta(days=3), 5))).all():
            session.delete(row)
        make.commit()

        build_executor(app).run_once()

        with database.reading() as reading:
            job = reading.scalar(select(Job))
            assert job is not None
            assert job.state is JobState.FAILED
            assert "Nobody works" in (job.error or "")


def test_run_now_needs_no_job(database: Database, session: Session, make: Make, day: Day) -> None:
    make.commit()

    run_id = runs.run_now(
        database,
        day.site.id,
        TODAY,
        request=RunRequest(time_limit_seconds=60),
        by=make.actor(day.scheduler),
        clock=lambda: NOW,
    )

    with database.reading() as reading:
        run = reading.get_one(PlanRun, run_id)
        assert run.job_id is None
        assert run.plan is not None


class TestEarlier:
    def test_a_run_begins_from_the_published_plan_of_the_same_intervals(
        self, session: Session, make: Make, day: Day, solve_day
    ) -> None:
        live = publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler))
        horizon = store.horizon_of(live.run)

        found = find_earlier(session, day.site.id, TODAY, horizon=horizon)
        other = find_earlier(session, day.site.id, TODAY, horizon=replace(horizon, intervals=horizon.intervals + 1))
        nothing = find_earlier(session, day.site.id, TODAY + dt.timedelta(days=1), horizon=horizon)

        assert found is not None
        assert {each.engagement for each in found.assignments} == {
            each.engagement for each in store.load_plan(session, live).answer.assignments
        }
        assert (other, nothing) == (None, None)
