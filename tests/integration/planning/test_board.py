"""The board of today: what it shows, sick calls, planning again, and the step back."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.moves import Move
from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day, places
from webapp.db import Database
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import (
    Absence,
    AbsenceKind,
    AgentPresence,
    Assignment,
    EngagementState,
    Notice,
    Plan,
    PlanRun,
    PlanState,
    PresenceState,
    Role,
    Swap,
    SwapState,
)
from webapp.services import lifecycle, roster_marks
from webapp.services.board import sickness, today
from webapp.services.board.breaches import BreachKind
from webapp.services.board.floor import FloorState
from webapp.services.planning import plans, publish, replan, rungs, runs, store, successors

HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)


def board(session: Session, day: Day, at: dt.datetime) -> today.Board:
    session.flush()
    return today.board_of(session, day.site, at=at)


def states(shown: today.Board) -> dict[str, FloorState]:
    return {each.person.name: each.state for each in shown.floor}


class TestFloor:
    def test_who_is_where(self, session: Session, make: Make, day: Day, published: Plan) -> None:
        ill = make.person(name="Ill Agent")
        make.shift(ill, starts_at=AT_NINE, hours=4)
        make.absence(ill, AT_NINE, AT_NINE + 4 * HOUR, kind=AbsenceKind.SICK)
        late = make.person(name="Late Agent")
        make.shift(late, starts_at=AT_NINE + 3 * HOUR, hours=4)

        shown = board(session, day, AT_NINE + 2 * HOUR + 10 * MINUTE)

        assert states(shown)["Ada Byron"] is FloorState.BREAK
        assert states(shown)["Ill Agent"] is FloorState.ABSENT
        assert states(shown)["Late Agent"] is FloorState.LATER
        assert (shown.absent, shown.on_floor) == (1, 2)
        assert states(board(session, day, AT_NINE + 5 * HOUR))["Ada Byron"] is FloorState.OVER

    def test_begun_work_and_live_routing_say_more_than_the_roster(
        self, session: Session, make: Make, day: Day, published: Plan
    ) -> None:
        first = plans.list_assignments(session, published)[0]
        other = day.ada if first.person_id == day.ben.id else day.ben
        lifecycle.move(
            session, first.engagement, EngagementState.IN_PROGRESS, action="start_engagement", by=make.actor()
        )
        session.add(
            AgentPresence(
                person_id=other.id,
                site_id=day.site.id,
                state=PresenceState.AFTER_WORK,
                since=AT_NINE,
                idle_since=AT_NINE,
            )
        )

        shown = states(board(session, day, AT_NINE + HOUR))

        assert shown[first.person.name] is FloorState.WORKING
        assert shown[other.name] is FloorState.AFTER_WORK


class TestProgress:
    def test_contacts_and_completed_work_stand_in_their_interval(
        self, session: Session, make: Make, day: Day, published: Plan
    ) -> None:
        make.contact(day.calls, AT_NINE + 35 * MINUTE, 12.0)
        lifecycle.move(
            session,
            day.easy[0],
            EngagementState.DONE,
            action="complete_engagement",
            by=make.actor(at=AT_NINE + 40 * MINUTE),
        )

        shown = board(session, day, AT_NINE + HOUR).progress

        assert shown is not None
        assert shown.present == 2
        second = shown.intervals[1]
        assert (second.served, round(second.served_minutes), second.done, second.done_minutes) == (1, 12, 1, 20.0)
        assert sum(each.due for each in shown.intervals) == 3

    def test_minutes_kept_by_somebody_away_leave_the_interval_short(
        self, session: Session, make: Make, day: Day, published: Plan
    ) -> None:
        before = {each.starts_at for each in board(session, day, AT_NINE).short}

        make.absence(day.ada, AT_NINE + HOUR, AT_NINE + 4 * HOUR, kind=AbsenceKind.SICK)

        short = [each for each in board(session, day, AT_NINE).short if each.starts_at not in before]
        assert len(short) >= 3
        assert all(each.starts_at >= AT_NINE + HOUR for each in short)
        assert short[0].short == pytest.approx(short[0].needed)


class TestBreaches:
    def test_work_of_somebody_away_late_work_and_work_of_nobody(
        self, session: Session, make: Make, day: Day, published: Plan
    ) -> None:
        make.engagement(day.mail, external_id="fresh", earliest_at=AT_NINE, due_at=AT_NINE + HOUR)
        own = {key for key, person in places(session, published).items() if person == day.ben.id}
        assert own
        make.absence(day.ben, AT_NINE, AT_NINE + 4 * HOUR, kind=AbsenceKind.SICK)

        now = {each.engagement.external_id: each.kind for each in board(session, day, AT_NINE).breaches}
        later = {each.engagement.id: each.kind for each in board(session, day, AT_NINE + 3.5 * HOUR).breaches}

        assert now["fresh"] is BreachKind.NOBODY
        assert {each.id for each in day.easy if now.get(each.external_id) is BreachKind.ABSENT} == own
        assert {later[key] for key in places(session, published).keys() - own} <= {BreachKind.LATE}

    def test_queues_count_by_type(self, session: Session, make: Make, day: Day, published: Plan) -> None:
        lifecycle.move(
            session, day.easy[0], EngagementState.DONE, action="complete_engagement", by=make.actor(at=AT_NINE)
        )

        mail = next(each for each in board(session, day, AT_NINE + 4 * HOUR).queues if each.engagement_type is day.mail)

        assert (mail.planned, mail.done, mail.late, mail.next_due_at) == (2, 1, 2, None)


class TestSickCalls:
    @pytest.mark.parametrize(
        ("words", "name", "since", "until"),
        [
            ("Ada Byron", "Ada Byron", None, None),
            ("ada is sick", "ada", None, None),
            ("ada sick from now", "ada", None, None),
            ("Byron from 10:40 until 15", "Byron", dt.time(10, 40), dt.time(15)),
            ("ben ill till 12:30", "ben", None, dt.time(12, 30)),
        ],
    )
    def test_a_line_is_read(self, words: str, name: str, since: dt.time | None, until: dt.time | None) -> None:
        assert sickness.read_call(words) == sickness.SickCall(name, since, until)

    @pytest.mark.parametrize("words", ["", "  ", "sick", "ada until 25", "ada from 9:75"])
    def test_a_line_without_name_or_with_no_time_is_refused(self, words: str) -> None:
        with pytest.raises(InvalidInputError) as refused:
            sickness.read_call(words)
        assert refused.value.field == "who"

    def test_it_breaks_what_the_plan_gave_them(self, session: Session, make: Make, day: Day, published: Plan) -> None:
        lead = make.person(name="Lea", roles=[Role.SCHEDULER], is_agent=False)
        viewer, by = make.viewer(day.scheduler), make.actor(day.scheduler, at=AT_NINE)

        absence = sickness.report_call(session, day.site, "ada", viewer=viewer, by=by)

        broken = sickness.find_broken(session, absence)
        adas = [key for key, person in places(session, published).items() if person == day.ada.id]
        assert [each.engagement_id for each in broken.assignments] == adas
        assert broken.live_minutes == pytest.approx(
            sum(each.minutes for each in plans.list_reservations(session, published) if each.person_id == day.ada.id)
        )
        assert (absence.kind, absence.starts_at) == (AbsenceKind.SICK, AT_NINE)
        told = session.scalars(select(Notice.person_id).where(Notice.kind == "absence")).all()
        assert told == [lead.id]
        with pytest.raises(ConflictError, match="already"):
            sickness.report_call(session, day.site, "ada", viewer=viewer, by=by)

    @pytest.mark.parametrize(("hours", "covered"), [(0, False), (3, True)])
    def test_it_tells_apart_what_the_mark_counts_and_what_was_planned_earlier(  # noqa: PLR0917 - each is a fixture
        self, session: Session, make: Make, day: Day, published: Plan, sign_in, hours: int, covered: bool
    ) -> None:
        """All work is planned before noon: who leaves at nine leaves it uncovered, who leaves at noon behind."""
        count = list(places(session, published).values()).count(day.ada.id)
        absence = sickness.report_person(session, day.ada, by=make.actor(day.scheduler, at=AT_NINE + hours * HOUR))
        client = sign_in(day.scheduler)

        broken = sickness.find_broken(session, absence)
        (marked,) = roster_marks.list_changed(session, published)
        make.commit()
        page = client.get(f"/board?absence={absence.id}").text

        assert (len(broken.assignments), broken.earlier) == (count, count if covered else 0)
        assert len(broken.uncovered) == marked.uncovered == (0 if covered else count)
        assert (f"(0 not covered any more, {count} planned earlier and not begun)" in page) is covered
        assert ("All its work is still covered." in page) is covered

    def test_a_part_of_a_name_must_fit_one(self, session: Session, make: Make, day: Day) -> None:
        make.person(name="Adele Ruiz")
        viewer, by = make.viewer(day.scheduler), make.actor(day.scheduler, at=AT_NINE)

        with pytest.raises(InvalidInputError, match="Ada Byron, Adele Ruiz"):
            sickness.report_call(session, day.site, "ad", viewer=viewer, by=by)
        with pytest.raises(InvalidInputError, match="No agent of Home"):
            sickness.report_call(session, day.site, "zoe", viewer=viewer, by=by)
        found = sickness.report_call(session, day.site, "byron until 11:00", viewer=viewer, by=by)
        assert found.ends_at == AT_NINE + 2 * HOUR


class TestReplan:
    def test_the_policy_says_what_stands_and_how_much_may_move(
        self, session: Session, make: Make, day: Day, published: Plan
    ) -> None:
        by = make.actor(day.scheduler, at=AT_NINE)

        run = replan.request_replan(session, day.site, TODAY, request=replan.defaults(published), by=by)

        assert run.inputs is not None
        assert run.inputs["keep_before"] == (AT_NINE + 15 * MINUTE).isoformat()
        assert (run.inputs["max_changes"], run.inputs["replan"], run.time_limit_seconds) == (3, True, 10.0)
        built = runs.prepare(session, run, today=TODAY)
        assert (built.problem.frozen_before, built.problem.max_changes) == (1, 3)
        assert built.problem.policy.weight("stability") == replan.STABILITY

    def test_rungs_that_are_allowed_reach_the_problem(
        self, session: Session, make: Make, day: Day, published: Plan
    ) -> None:
        request = replan.ReplanRequest(keep_minutes=0, max_changes=None, seconds=5, ladder=(("later", 5.0),))

        run = replan.request_replan(session, day.site, TODAY, request=request, by=make.actor(day.scheduler, at=AT_NINE))

        assert runs.prepare(session, run, today=TODAY).problem.policy.price_of("later") == 5.0

    def test_without_a_published_plan_there_is_nothing_to_keep(self, session: Session, make: Make, day: Day) -> None:
        request = replan.ReplanRequest(keep_minutes=15, max_changes=3, seconds=5)
        with pytest.raises(ConflictError, match="No plan"):
            replan.request_replan(session, day.site, TODAY, request=request, by=make.actor(day.scheduler))


class TestStepBack:
    def test_the_plan_before_is_live_again_as_a_plan_of_its_own(
        self, session: Session, make: Make, day: Day, published: Plan, solve_day
    ) -> None:
        make.absence(day.ben, AT_NINE, AT_NINE + 4 * HOUR, kind=AbsenceKind.SICK)
        by = make.actor(day.scheduler, at=AT_NINE)
        second = publish.publish_plan(session, solve_day(seed=2), today=TODAY, by=by)

        third = successors.step_back(session, second, today=TODAY, by=by)

        assert (published.state, second.state, third.state) == (
            PlanState.SUPERSEDED,
            PlanState.SUPERSEDED,
            PlanState.PUBLISHED,
        )
        assert third.id not in {published.id, second.id}
        assert places(session, third) == places(session, published)
        assert third.supersedes_id == second.id

    def test_after_a_while_it_is_too_late(self, session: Session, make: Make, day: Day, published: Plan, solve_day):
        second = publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler, at=AT_NINE))

        with pytest.raises(ConflictError, match="too late"):
            successors.step_back(session, second, today=TODAY, by=make.actor(day.scheduler, at=AT_NINE + HOUR))
        with pytest.raises(ConflictError, match="newer plan"):
            successors.step_back(session, published, today=TODAY, by=make.actor(day.scheduler, at=AT_NINE))


class TestRungs:
    def test_work_one_level_too_hard_is_served_by_that_rung_alone(
        self, session: Session, make: Make, day: Day, solve_day
    ) -> None:
        harder = make.engagement_type(name="Router tuning", requires={day.tech: 4}, handle_minutes=20.0)
        wanted = make.engagement(harder, external_id="tune", earliest_at=AT_NINE, due_at=AT_NINE + 3 * HOUR)
        plan = solve_day()

        found = {rung.step: rung for rung in rungs.list_rungs(session, plan, wanted.id, today=TODAY, at=AT_NINE)}

        assert found["lower_level"].serves
        assert found["lower_level"].person is not None
        assert found["lower_level"].person.id == day.ada.id
        assert not found["later"].serves
        assert not found["overtime"].serves
        assert found["overtime"].note
        hard = {rung.step: rung for rung in rungs.list_rungs(session, plan, day.hard.id, today=TODAY, at=AT_NINE)}
        assert not any(rung.serves for rung in hard.values())


class TestPages:
    def test_the_board_its_figure_and_its_tables(self, make: Make, day: Day, published: Plan, sign_in) -> None:
        client = sign_in(day.scheduler)
        make.commit()

        page = client.get("/board")

        assert page.status_code == 200
        assert b"Ada Byron" in page.data
        assert client.get("/board/progress?format=svg").status_code == 200
        for table in ("agents", "queue", "breaches"):
            answer = client.get(f"/board?format=csv&table={table}")
            assert answer.mimetype == "text/csv"

    def test_without_a_plan_it_says_what_to_do(self, make: Make, day: Day, sign_in) -> None:
        client = sign_in(day.scheduler)
        make.commit()
        assert b"No plan of today is published" in client.get("/board").data
        assert client.get("/board/progress").status_code == 404

    def test_a_sick_call_leads_to_what_it_breaks_and_bad_ones_keep_their_words(
        self, database, make: Make, day: Day, published: Plan, sign_in
    ) -> None:
        client = sign_in(day.scheduler)
        make.commit()

        refused = client.post("/board/sick", data={"who": "zoe until 12:00"})
        done = client.post("/board/sick", data={"who": "ada"})

        assert refused.status_code == 422
        assert b"zoe until 12:00" in refused.data
        assert done.status_code == 302
        assert b"This breaks" in client.get(done.location).data
        with database.reading() as session:
            assert session.scalars(select(Absence.person_id)).all() == [day.ada.id]

    def test_a_replan_is_queued_and_its_result_published_and_taken_back(
        self, session: Session, make: Make, day: Day, published: Plan, solve_day, sign_in
    ) -> None:
        client, plan = sign_in(day.scheduler), solve_day(seed=2)
        make.commit()

        assert client.post("/board/replan", data={"keep_minutes": "x", "seconds": "5"}).status_code == 422
        asked = client.post("/board/replan", data={"keep_minutes": "15", "max_changes": "2", "seconds": "5"})
        assert asked.status_code == 302
        assert client.get(asked.location).status_code == 200
        assert client.post("/board/replan", data={"keep_minutes": "15", "seconds": "5"}).status_code == 409
        assert client.get(f"/board/plans/{plan.id}").status_code == 200
        assert client.post(f"/board/plans/{plan.id}/publish").status_code == 302
        assert b"Publish the plan before again" in client.get("/board").data
        assert client.post(f"/board/plans/{plan.id}/step-back").status_code == 302
        assert client.post(f"/board/plans/{plan.id}/step-back").status_code == 409

    def test_another_sites_board_is_not_found_and_agents_have_none(
        self, make: Make, day: Day, published: Plan, sign_in
    ) -> None:
        far = make.site(name="Far")
        scheduler, agent = sign_in(day.scheduler), sign_in(day.ada)
        make.commit()

        assert scheduler.get(f"/board?site={far.id}").status_code == 404
        assert scheduler.post(f"/board/sick?site={far.id}", data={"who": "ada"}).status_code == 404
        assert agent.get("/board").status_code == 403

    def test_an_agent_says_that_they_are_ill(self, database, make: Make, day: Day, published: Plan, sign_in) -> None:
        client = sign_in(day.ben)
        make.commit()

        assert client.post("/day/ill").status_code == 302
        assert client.post("/day/ill").status_code == 409
        with database.reading() as session:
            absence = session.scalars(select(Absence)).one()
            assert (absence.person_id, absence.kind, absence.starts_at) == (day.ben.id, AbsenceKind.SICK, NOW)
            assert day.scheduler.id in session.scalars(select(Notice.person_id).where(Notice.kind == "absence")).all()

    def test_swaps_from_page_to_page(self, database, make: Make, day: Day, published: Plan, sign_in) -> None:
        make.commit()
        with database.reading() as session:
            rows = session.scalars(select(Assignment).where(Assignment.plan_id == published.id)).all()
            mine = next(each.id for each in rows if each.person_id == day.ben.id)
            theirs = next(each.id for each in rows if each.person_id == day.ada.id)
        ben, ada = sign_in(day.ben), sign_in(day.ada)
        make.commit()

        assert ben.get(f"/day/assignments/{mine}/swap").status_code == 200
        assert ben.get(f"/day/assignments/{theirs}/swap").status_code == 404
        assert ben.post(f"/day/assignments/{mine}/swap", data={"other": str(theirs)}).status_code == 302
        with database.reading() as session:
            swap = session.scalars(select(Swap)).one()
        assert b"Exchanges" in ada.get("/day").data
        assert ben.post(f"/day/swaps/{swap.id}/refuse").status_code == 404
        assert ada.post(f"/day/swaps/{swap.id}/agree").status_code == 302
        with database.reading() as session:
            assert session.get_one(Swap, swap.id).state in {SwapState.AGREED, SwapState.MADE}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_of_two_who_go_on_from_one_plan_the_second_is_refused(
    database: Database, session: Session, make: Make, day: Day, published: Plan
) -> None:
    work = plans.list_assignments(session, published)[0]
    by = make.actor(day.scheduler, at=AT_NINE - HOUR)
    start = store.horizon_of(published.run).index_of(work.starts_at)
    stay = [Move(str(work.engagement_id), str(work.person_id), start)]
    make.commit()
    with database.writing() as other:
        seen_before = other.get_one(Plan, published.id)
        assert seen_before.state is PlanState.PUBLISHED
        made = successors.succeed(session, published, stay, kind="offer", today=TODAY, by=by)
        session.commit()

        with pytest.raises(ConflictError, match="newer plan"):
            successors.succeed(other, seen_before, stay, kind="offer", today=TODAY, by=by)
        with pytest.raises(ConflictError, match="newer plan"):
            successors.step_back(other, seen_before, today=TODAY, by=by)

    assert session.get_one(Plan, made.id, populate_existing=True).state is PlanState.PUBLISHED


def test_a_run_remembers_what_was_asked(session: Session, make: Make, day: Day, published: Plan) -> None:
    by = make.actor(day.scheduler, at=AT_NINE)
    run: PlanRun = replan.request_replan(session, day.site, TODAY, request=replan.defaults(published), by=by)
    assert run.gap_target == replan.GAP
