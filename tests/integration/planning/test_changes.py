"""What people change: moves, pins, answers of agents; and the score of a day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import Assignment, EngagementState, Notice, Plan, Reservation, Response
from webapp.services.audit import Actor
from webapp.services.planning import day as agent_day
from webapp.services.planning import explanations, moves, overview, pins, plans, publish, runs, scoring, store
from webapp.services.planning.timeline import plan_timeline

Where = tuple[int, int, dt.datetime]


@pytest.fixture
def plan(solve_day: Callable[[], Plan]) -> Plan:
    """Return a draft of the small day."""
    return solve_day()


@pytest.fixture
def live(session: Session, make: Make, day: Day, solve_day) -> Plan:
    """Return the published plan of the small day."""
    return publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler))


@pytest.fixture
def by(make: Make, day: Day) -> Actor:
    """Return the scheduler as an actor."""
    return make.actor(day.scheduler)


def first_of(session: Session, plan: Plan) -> Assignment:
    """Return the first assignment of a plan."""
    return plans.list_assignments(session, plan)[0]


def rows_of(session: Session, plan: Plan) -> tuple[set[Where], dict[Where, float], float]:
    """Return what a plan holds: who does what when, the minutes kept for live contacts, and its value."""
    session.expire_all()
    work = {(each.engagement_id, each.person_id, each.starts_at) for each in plans.list_assignments(session, plan)}
    kept = session.scalars(select(Reservation).where(Reservation.plan_id == plan.id))
    live = {(each.engagement_type_id, each.person_id, each.starts_at): round(each.minutes, 4) for each in kept}
    return work, live, round(plan.objective, 2)


class TestMoves:
    def test_a_move_within_the_rules_changes_the_plan(self, session: Session, day: Day, plan: Plan, by: Actor) -> None:
        chosen = first_of(session, plan)
        other = day.ada if chosen.person_id == day.ben.id else day.ben

        moves.move_engagement(session, plan, chosen.engagement_id, person_id=other.id, start=6, pin_reason=None, by=by)

        place = moves.get_place(session, plan, chosen.engagement_id)
        assert (place.person_id, place.start) == (other.id, 6)
        assert runs.find_violations(store.load_plan(session, plan)) == ()

    def test_the_check_says_what_is_lost(self, session: Session, day: Day, plan: Plan) -> None:
        """Ada's 27 minutes of an interval hold 20 of calls; a mail of 20 takes some of them away."""
        chosen = first_of(session, plan)

        check = moves.check(session, plan, chosen.engagement_id, person_id=day.ada.id, start=6)

        assert check.allowed
        assert check.value_after < check.value_before
        assert check.released_minutes > 0
        assert "minutes kept for live contacts" in check.text

    def test_an_undo_brings_back_kept_minutes(self, session: Session, day: Day, plan: Plan, by: Actor) -> None:
        """As above, a mail at Ada's sixth half hour takes minutes that were kept for calls."""
        before = rows_of(session, plan)
        chosen = first_of(session, plan).engagement_id
        moves.move_engagement(session, plan, chosen, person_id=day.ada.id, start=6, pin_reason=None, by=by)
        after = rows_of(session, plan)

        moves.undo_move(session, plan, chosen, by=by)

        assert after[1] != before[1]
        assert rows_of(session, plan) == before
        assert all(each.moved_by_id is None for each in plans.list_assignments(session, plan))

    def test_an_undo_brings_back_work_that_was_pushed_out(
        self, session: Session, day: Day, plan: Plan, by: Actor
    ) -> None:
        """Mails are heaped on one half hour of Ben's until one has to leave the plan for the next."""
        pushed_out = 0
        for chosen in [each.engagement_id for each in plans.list_assignments(session, plan)]:
            check = moves.check(session, plan, chosen, person_id=day.ben.id, start=5)
            before = rows_of(session, plan)
            moves.move_engagement(session, plan, chosen, person_id=day.ben.id, start=5, pin_reason=None, by=by)
            if check.displaced:
                pushed_out += 1
                moves.undo_move(session, plan, chosen, by=by)
                assert rows_of(session, plan) == before

        assert pushed_out

    def test_only_the_latest_change_can_be_undone(self, session: Session, day: Day, plan: Plan, by: Actor) -> None:
        first, second = (each.engagement_id for each in plans.list_assignments(session, plan)[:2])
        moves.move_engagement(session, plan, first, person_id=day.ada.id, start=6, pin_reason=None, by=by)
        moves.move_engagement(session, plan, second, person_id=day.ada.id, start=6, pin_reason=None, by=by)

        with pytest.raises(ConflictError, match="changed since"):
            moves.undo_move(session, plan, first, by=by)
        moves.undo_move(session, plan, second, by=by)
        with pytest.raises(ConflictError, match="changed since"):
            moves.undo_move(session, plan, second, by=by)

    def test_a_move_against_the_rules_is_refused_in_words(
        self, session: Session, day: Day, plan: Plan, by: Actor
    ) -> None:
        check = moves.check(session, plan, day.hard.id, person_id=day.ben.id, start=0)

        assert check.text == "Not possible: Ben Okri needs Router at level 5, has level 0."
        with pytest.raises(InvalidInputError, match="needs Router"):
            moves.move_engagement(session, plan, day.hard.id, person_id=day.ben.id, start=0, pin_reason=None, by=by)

    def test_outside_its_window_the_times_are_told(self, session: Session, plan: Plan) -> None:
        chosen = first_of(session, plan)

        check = moves.check(session, plan, chosen.engagement_id, person_id=chosen.person_id, start=7)

        assert "from 09:00 to 12:00 only" in check.text

    def test_a_moved_plan_can_be_published(self, session: Session, day: Day, plan: Plan, by: Actor) -> None:
        chosen = first_of(session, plan)
        moves.move_engagement(
            session, plan, chosen.engagement_id, person_id=day.ben.id, start=5, pin_reason=None, by=by
        )

        publish.publish_plan(session, plan, today=TODAY, by=by)

        moved = next(
            each for each in plans.list_assignments(session, plan) if each.engagement_id == chosen.engagement_id
        )
        assert moved.moved_by_id == day.scheduler.id

    def test_a_move_may_pin(self, session: Session, day: Day, plan: Plan, by: Actor) -> None:
        chosen = first_of(session, plan)

        moves.move_engagement(
            session, plan, chosen.engagement_id, person_id=day.ben.id, start=5, pin_reason="Asked for him", by=by
        )

        pin = pins.find_pin(session, chosen.engagement_id)
        assert pin is not None
        assert (pin.person_id, pin.starts_at) == (day.ben.id, AT_NINE + dt.timedelta(hours=2.5))
        assert first_of(session, plan).plan_id == plan.id

    def test_pinned_work_is_not_moved_by_accident(self, session: Session, day: Day, plan: Plan, by: Actor) -> None:
        chosen = first_of(session, plan)
        pins.pin_engagement(session, chosen.engagement, chosen.person, chosen.starts_at, reason="Known", by=by)

        with pytest.raises(ConflictError, match="pinned to"):
            moves.move_engagement(
                session, plan, chosen.engagement_id, person_id=day.ada.id, start=6, pin_reason=None, by=by
            )

    def test_a_live_plan_stays_and_the_pin_waits_for_the_next_run(
        self, session: Session, day: Day, live: Plan, solve_day, by: Actor
    ) -> None:
        chosen = first_of(session, live)
        with pytest.raises(ConflictError):
            moves.move_engagement(
                session, live, chosen.engagement_id, person_id=day.ada.id, start=6, pin_reason=None, by=by
            )

        moves.move_engagement(
            session, live, chosen.engagement_id, person_id=day.ada.id, start=6, pin_reason="Asked for her", by=by
        )

        place = moves.get_place(session, solve_day(), chosen.engagement_id)
        assert (place.person_id, place.start) == (day.ada.id, 6)
        assert first_of(session, live).person_id == chosen.person_id

    def test_unknown_people_and_work_are_not_found(self, session: Session, plan: Plan) -> None:
        chosen = first_of(session, plan)
        with pytest.raises(NotFoundError):
            moves.check(session, plan, chosen.engagement_id, person_id=10**6, start=0)
        with pytest.raises(NotFoundError):
            moves.get_place(session, plan, 10**6)


class TestPins:
    def test_a_pin_needs_a_reason_and_a_person(self, session: Session, make: Make, day: Day, by: Actor) -> None:
        for reason, who in (("  ", by), ("x" * 301, by), ("Good", make.actor())):
            with pytest.raises(InvalidInputError):
                pins.pin_engagement(session, day.easy[0], day.ben, AT_NINE, reason=reason, by=who)

    def test_a_new_pin_replaces_the_old(self, session: Session, day: Day, by: Actor) -> None:
        old = pins.pin_engagement(session, day.easy[0], day.ben, AT_NINE, reason="First", by=by)
        new = pins.pin_engagement(session, day.easy[0], day.ada, AT_NINE, reason="Second", by=by)

        assert old.removed_at is not None
        assert pins.find_pin(session, day.easy[0].id) is new
        assert list(pins.list_pins(session, day.site, TODAY)) == [new]

    def test_a_pin_is_taken_off_once_and_brought_back(self, session: Session, day: Day, by: Actor) -> None:
        pin = pins.pin_engagement(session, day.easy[0], day.ben, AT_NINE, reason="Known", by=by)
        pins.unpin(session, pin, by=by)
        with pytest.raises(ConflictError):
            pins.unpin(session, pin, by=by)

        again = pins.restore(session, pin, by=by)

        assert (again.person_id, again.reason, again.removed_at) == (day.ben.id, "Known", None)

    def test_a_draft_shows_the_pin(self, session: Session, plan: Plan, by: Actor) -> None:
        chosen = first_of(session, plan)
        pin = pins.pin_engagement(session, chosen.engagement, chosen.person, chosen.starts_at, reason="Known", by=by)
        assert chosen.pin_id == pin.id

        pins.unpin(session, pin, by=by)
        assert first_of(session, plan).pin_id is None

    def test_a_pin_of_the_run_that_was_taken_off_no_longer_binds(
        self, session: Session, day: Day, solve_day, by: Actor
    ) -> None:
        pin = pins.pin_engagement(session, day.easy[0], day.ada, AT_NINE, reason="Known", by=by)
        plan = solve_day()
        pins.unpin(session, pin, by=by)

        moves.move_engagement(session, plan, day.easy[0].id, person_id=day.ben.id, start=3, pin_reason=None, by=by)

        assert runs.find_violations(store.load_plan(session, plan)) == ()
        publish.publish_plan(session, plan, today=TODAY, by=by)


class TestAnswers:
    def test_an_agent_sees_their_published_day(self, session: Session, day: Day, live: Plan) -> None:
        ada, ben = (agent_day.day_of(session, person, TODAY) for person in (day.ada, day.ben))

        assert ada.plan is live
        assert {block.engagement_type.name for block in ada.live} == {"Router calls"}
        assert ada.live_minutes == pytest.approx(140.0)
        assert ben.live == ()
        assert len(ada.work) + len(ben.work) == 3
        assert ada.work_minutes + ben.work_minutes == pytest.approx(60.0)

    def test_live_minutes_of_neighbouring_intervals_are_one_block(self, session: Session, day: Day, live: Plan) -> None:
        """The break at eleven cuts Ada's calls into two blocks: 9–11 and 11.30–13."""
        blocks = agent_day.day_of(session, day.ada, TODAY).live

        assert [(block.starts_at, block.ends_at) for block in blocks] == [
            (AT_NINE, AT_NINE + dt.timedelta(hours=2)),
            (AT_NINE + dt.timedelta(hours=2.5), AT_NINE + dt.timedelta(hours=4)),
        ]

    def test_a_draft_is_nobodys_day(self, session: Session, day: Day, plan: Plan) -> None:
        assert agent_day.day_of(session, day.ben, TODAY).plan is None
        chosen = first_of(session, plan)
        with pytest.raises(NotFoundError):
            agent_day.get_own_assignment(session, chosen.id, person=chosen.person)

    def test_accepting_says_so(self, session: Session, make: Make, live: Plan) -> None:
        chosen = first_of(session, live)

        agent_day.respond(session, chosen, response=Response.ACCEPTED, by=make.actor(chosen.person))

        assert chosen.engagement.state is EngagementState.ACCEPTED
        assert plans.headline(session, live).accepted == 1

    def test_declining_returns_the_work_and_tells_the_scheduler(
        self, session: Session, make: Make, day: Day, live: Plan, solve_day
    ) -> None:
        chosen = first_of(session, live)

        agent_day.respond(session, chosen, response=Response.DECLINED, reason="Dentist", by=make.actor(chosen.person))

        assert chosen.engagement.state is EngagementState.RETURNED
        told = session.scalars(select(Notice).where(Notice.kind == "decline")).all()
        assert [(each.person_id, each.link) for each in told] == [(day.scheduler.id, f"/plans/{live.id}/declines")]
        assert [each.id for each in plans.list_declines(session, live)] == [chosen.id]
        again = moves.get_place(session, solve_day(), chosen.engagement_id)
        assert again.person_id not in {None, chosen.person_id}

    def test_an_answer_can_be_taken_back(self, session: Session, make: Make, live: Plan) -> None:
        chosen = first_of(session, live)
        by = make.actor(chosen.person)
        agent_day.respond(session, chosen, response=Response.DECLINED, reason="Dentist", by=by)

        agent_day.withdraw_response(session, chosen, by=by)

        assert chosen.engagement.state is EngagementState.OFFERED
        assert plans.list_declines(session, live) == []

    def test_a_decline_needs_a_reason(self, session: Session, make: Make, live: Plan) -> None:
        chosen = first_of(session, live)
        for reason in ("", "x" * 301):
            with pytest.raises(InvalidInputError):
                agent_day.respond(
                    session, chosen, response=Response.DECLINED, reason=reason, by=make.actor(chosen.person)
                )

    def test_nobody_answers_for_another(self, session: Session, live: Plan, by: Actor) -> None:
        chosen = first_of(session, live)
        with pytest.raises(ForbiddenError):
            agent_day.respond(session, chosen, response=Response.ACCEPTED, by=by)
        with pytest.raises(ForbiddenError):
            agent_day.reorder(session, chosen.person, TODAY, assignment_ids=[chosen.id], by=by)

    def test_answers_to_an_old_plan_or_to_finished_work_are_refused(
        self, session: Session, make: Make, live: Plan, solve_day, by: Actor
    ) -> None:
        chosen = first_of(session, live)
        chosen.engagement.state = EngagementState.DONE
        with pytest.raises(ConflictError, match="done"):
            agent_day.respond(session, chosen, response=Response.ACCEPTED, by=make.actor(chosen.person))
        chosen.engagement.state = EngagementState.PLANNED
        publish.publish_plan(session, solve_day(), today=TODAY, by=by)
        with pytest.raises(ConflictError, match="newer plan"):
            agent_day.respond(session, chosen, response=Response.ACCEPTED, by=make.actor(chosen.person))

    def test_an_agent_orders_their_own_day(self, session: Session, make: Make, live: Plan) -> None:
        person = first_of(session, live).person
        ids = [each.assignment.id for each in agent_day.day_of(session, person, TODAY).work]

        before = agent_day.reorder(session, person, TODAY, assignment_ids=list(reversed(ids)), by=make.actor(person))

        session.expire_all()
        assert before == tuple(ids)
        assert [each.assignment.id for each in agent_day.day_of(session, person, TODAY).work] == ids[::-1]

    def test_an_order_of_another_day_is_refused(self, session: Session, make: Make, live: Plan) -> None:
        person = first_of(session, live).person
        with pytest.raises(ConflictError, match="changed"):
            agent_day.reorder(session, person, TODAY, assignment_ids=[10**6], by=make.actor(person))


class TestExplanations:
    def test_why_names_levels_and_the_next_best(self, session: Session, plan: Plan) -> None:
        chosen = first_of(session, plan)

        said = explanations.why(session, plan, chosen.engagement_id)

        assert f"{chosen.person.name} has Billing at level" in said[0]

    def test_why_not_names_what_is_missing(self, session: Session, day: Day, plan: Plan) -> None:
        said = explanations.why_not(session, plan, day.hard.id, day.ada.id)

        assert said == ["Ada Byron needs Router at level 5, has level 3."]

    def test_why_not_compares_values(self, session: Session, day: Day, plan: Plan) -> None:
        chosen = first_of(session, plan)
        other = day.ada if chosen.person_id == day.ben.id else day.ben

        said = explanations.why_not(session, plan, chosen.engagement_id, other.id)

        assert any("points" in line for line in said)

    def test_what_the_plan_does_not_know_is_not_found(self, session: Session, day: Day, plan: Plan) -> None:
        with pytest.raises(NotFoundError):
            explanations.why(session, plan, day.hard.id)
        with pytest.raises(NotFoundError):
            explanations.why_not(session, plan, 10**6, day.ada.id)


class TestPictures:
    def test_work_lies_one_piece_after_another_and_not_in_breaks(self, session: Session, day: Day, plan: Plan) -> None:
        for row in plan_timeline(session, plan).rows:
            ends = [block.ends_at for block in row.work]
            assert all(block.starts_at >= end for block, end in zip(row.work[1:], ends, strict=False))
            assert all(not (start <= block.starts_at < end) for block in row.work for start, end in row.breaks)

    def test_load_adds_up(self, session: Session, day: Day, plan: Plan) -> None:
        load = overview.plan_load(session, plan)

        assert load.capacity == pytest.approx(15 * 27)
        assert sum(each.planned_live for each in load.intervals) == pytest.approx(140)
        assert sum(each.planned_work for each in load.intervals) == pytest.approx(60)
        assert (load.engagements, load.agents_on_shift, load.live) == (4, 2, 160.0)


class TestScore:
    def test_without_contacts_there_is_no_score(self, session: Session, live: Plan) -> None:
        assert scoring.score_plan(session, live) is None

    def test_real_work_finds_the_minutes_that_were_kept(
        self, session: Session, make: Make, day: Day, live: Plan
    ) -> None:
        """At 9.00 10 min meet 20 kept: all. At 9.30 40 min meet 20: half. At 11 Ada has a break: none."""
        make.contact(day.calls, AT_NINE, 10)
        make.contact(day.calls, AT_NINE + dt.timedelta(minutes=30), 20)
        make.contact(day.calls, AT_NINE + dt.timedelta(minutes=30), 20)
        make.contact(day.calls, AT_NINE + dt.timedelta(hours=2), 10)

        score = scoring.score_plan(session, live)

        assert score is not None
        assert score.actual_minutes == pytest.approx(60)
        assert [each.share for each in score.intervals[:5]] == [1.0, 0.5, None, None, 0.0]
        assert score.share == pytest.approx(30 / 60)

    def test_an_abandoned_contact_counts_with_the_minutes_of_its_type(
        self, session: Session, make: Make, day: Day, live: Plan
    ) -> None:
        contact = make.contact(day.calls, AT_NINE, 1)
        contact.served_at = None
        session.flush()

        score = scoring.score_plan(session, live)

        assert score is not None
        assert score.actual_minutes == pytest.approx(day.calls.handle_minutes)
