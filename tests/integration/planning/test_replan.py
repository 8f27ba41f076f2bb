"""Planning again from now on: what stands, how little changes, and whom it concerns."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import solve
from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.models import AbsenceKind, Engagement, EngagementState, Notice, Plan, PlanRun, Site
from webapp.services import lifecycle, live
from webapp.services.planning import plans, publish, runs
from webapp.services.planning.earlier import find_earlier
from webapp.services.planning.problem import DayProblem

HALF_PAST_TEN = AT_NINE + dt.timedelta(hours=1.5)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def published(session: Session, make: Make, day: Day, solve_day) -> Plan:
    """Publish the small day's plan before the day begins."""
    by = make.actor(day.scheduler, at=AT_NINE - dt.timedelta(hours=1))
    return publish.publish_plan(session, solve_day(), today=TODAY, by=by)


@pytest.fixture
def replan(session: Session, make: Make, day: Day):
    """Return a function that plans the rest of the day again, and returns the problem and the plan."""

    def _replan(*, at: dt.datetime = HALF_PAST_TEN, **values) -> tuple[DayProblem, Plan]:
        by = make.actor(day.scheduler, at=at)
        request = runs.RunRequest(
            time_limit_seconds=20, keep_before=at + 15 * MINUTE, replan=True, **{"max_changes": 0, **values}
        )
        run: PlanRun = runs.request_run(session, day.site, TODAY, request=request, by=by)
        built = runs.prepare(session, run, today=TODAY)
        earlier = find_earlier(session, day.site.id, TODAY, horizon=built.horizon)
        answer = runs.settle(built.problem, solve(built.problem, warm=earlier), keep=earlier)
        plan = runs.finish(session, run, built, answer, by=by)
        session.delete(run.job)
        run.job = None
        session.flush()
        assert plan is not None, (run.status, run.answer)
        return built, plan

    return _replan


def places(session: Session, plan: Plan) -> dict[int, tuple[int, dt.datetime]]:
    return {each.engagement_id: (each.person_id, each.starts_at) for each in plans.list_assignments(session, plan)}


def reserved(session: Session, plan: Plan) -> dict[tuple[int, dt.datetime], float]:
    return {(each.person_id, each.starts_at): round(each.minutes, 2) for each in plans.list_reservations(session, plan)}


class TestTheFrozenWindow:
    def test_nothing_changes_where_nothing_happened(self, session: Session, published: Plan, replan) -> None:
        built, plan = replan()

        assert built.problem.frozen_before == 4
        assert built.problem.max_changes == 0
        assert places(session, plan) == places(session, published)
        assert reserved(session, plan) == reserved(session, published)

    def test_work_that_somebody_ill_cannot_finish_is_planned_anew_for_others(
        self, session: Session, make: Make, day: Day, published: Plan, replan
    ) -> None:
        ada = {key for key, (person, _) in places(session, published).items() if person == day.ada.id}
        make.absence(day.ada, AT_NINE, AT_NINE + dt.timedelta(hours=4), kind=AbsenceKind.SICK)

        built, plan = replan(at=AT_NINE)

        assert not {each.engagement for each in built.problem.previous if each.agent == str(day.ada.id)} or not [
            each for each in built.problem.previous if each.start < built.problem.frozen_before
        ]
        assert {person for person, _ in places(session, plan).values()} <= {day.ben.id}
        assert ada <= places(session, plan).keys()

    def test_the_cap_on_changes_does_not_count_what_cannot_stand(
        self, session: Session, make: Make, day: Day, published: Plan, replan
    ) -> None:
        bens = [key for key, (person, _) in places(session, published).items() if person == day.ben.id]
        make.absence(day.ben, AT_NINE, AT_NINE + dt.timedelta(hours=4), kind=AbsenceKind.SICK)

        built, plan = replan(at=AT_NINE - dt.timedelta(hours=1))

        assert built.problem.max_changes == len(bens)
        stayed = {key: place for key, place in places(session, published).items() if key not in bens}
        assert {key: places(session, plan)[key] for key in stayed} == stayed


class TestWorkThatIsUnderWay:
    def begin(self, session: Session, make: Make, plan: Plan, state: EngagementState, at: dt.datetime) -> Engagement:
        first = plans.list_assignments(session, plan)[0]
        lifecycle.move(session, first.engagement, state, action="begin_engagement", by=make.actor(at=at))
        session.flush()
        return first.engagement

    def test_done_work_stays_in_the_plan_of_the_day_and_is_nobodys_change(
        self, session: Session, make: Make, day: Day, published: Plan, replan
    ) -> None:
        done = self.begin(session, make, published, EngagementState.DONE, AT_NINE + 30 * MINUTE)
        before = len(session.scalars(select(Notice).where(Notice.kind == "day_published")).all())

        _, plan = replan()

        assert places(session, plan)[done.id] == places(session, published)[done.id]
        publish.publish_plan(session, plan, today=TODAY, by=make.actor(day.scheduler, at=HALF_PAST_TEN))
        assert done.state is EngagementState.DONE
        assert len(session.scalars(select(Notice).where(Notice.kind == "day_published")).all()) == before

    def test_what_is_finished_between_run_and_publishing_makes_nothing_stale(
        self, session: Session, make: Make, day: Day, published: Plan, replan
    ) -> None:
        _, plan = replan()
        for engagement in day.easy:
            lifecycle.move(
                session, engagement, EngagementState.DONE, action="complete_engagement", by=make.actor(at=HALF_PAST_TEN)
            )

        publish.publish_plan(session, plan, today=TODAY, by=make.actor(day.scheduler, at=HALF_PAST_TEN))

        assert {engagement.state for engagement in day.easy} == {EngagementState.DONE}

    def test_what_somebody_is_doing_stays_with_them(
        self, session: Session, make: Make, day: Day, published: Plan, replan
    ) -> None:
        doing = self.begin(session, make, published, EngagementState.IN_PROGRESS, AT_NINE)

        built, plan = replan(at=AT_NINE - dt.timedelta(hours=1), max_changes=None)

        assert str(doing.id) in {pin.engagement for pin in built.problem.pins}
        assert places(session, plan)[doing.id] == places(session, published)[doing.id]


class TestWhomItConcerns:
    def test_only_those_whose_day_changed_are_told_and_see_it(
        self, session: Session, make: Make, day: Day, published: Plan, replan
    ) -> None:
        cyd = make.person(name="Cyd")
        make.commit()
        bens = [key for key, (person, _) in places(session, published).items() if person == day.ben.id]
        assert bens
        make.absence(day.ben, AT_NINE, AT_NINE + dt.timedelta(hours=4), kind=AbsenceKind.SICK)
        _, plan = replan(at=AT_NINE - dt.timedelta(hours=1))
        others = [
            person
            for person in (day.ada, cyd)
            if person.id not in {who for key, (who, _) in places(session, plan).items() if key in bens}
        ]
        since, told = live.newest_event(session), set(session.scalars(select(Notice.id)))

        publish.publish_plan(session, plan, today=TODAY, by=make.actor(day.scheduler, at=AT_NINE))

        notices = session.scalars(select(Notice).where(Notice.id.not_in(told), Notice.kind == "day_published")).all()
        changes = live.read_changes(session, since)
        assert day.ben.id in {notice.person_id for notice in notices}
        assert changes.about({f"day:{day.ben.id}", f"plans:{day.site.id}"}) == {
            f"day:{day.ben.id}",
            f"plans:{day.site.id}",
        }
        for person in others:
            assert person.id not in {notice.person_id for notice in notices}
            assert changes.about({f"day:{person.id}", f"person:{person.id}", f"notices:{person.id}"}) == set()

    def test_the_first_plan_of_a_day_is_told_to_all_who_wait_for_one(
        self, session: Session, day: Day, published: Plan
    ) -> None:
        changes = live.read_changes(session, 0)

        assert changes.about({f"day:{day.ada.id}", f"day:{day.ben.id}"}) == {f"day:{day.ada.id}", f"day:{day.ben.id}"}

    def test_an_engagement_that_changes_is_told_to_the_agent_who_has_it(
        self, session: Session, make: Make, day: Day, published: Plan
    ) -> None:
        first = plans.list_assignments(session, published)[0]
        since = live.newest_event(session)

        lifecycle.move(session, first.engagement, EngagementState.DONE, action="complete_engagement", by=make.actor())

        other = day.ada if first.person_id == day.ben.id else day.ben
        about = live.read_changes(session, since).about({f"day:{first.person_id}", f"day:{other.id}"})
        assert about == {f"day:{first.person_id}"}


class TestChoices:
    @pytest.mark.parametrize("changes", [-1, 10_001])
    def test_a_cap_that_makes_no_sense_is_refused(self, session: Session, make: Make, day: Day, changes: int) -> None:
        with pytest.raises(Exception, match="may move"):
            runs.request_run(
                session,
                session.get_one(Site, day.site.id),
                TODAY,
                request=runs.RunRequest(max_changes=changes),
                by=make.actor(day.scheduler, at=NOW),
            )
