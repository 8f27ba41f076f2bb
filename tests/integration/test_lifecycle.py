"""An engagement's life: no sequence of commands reaches an illegal state, loses its owner or breaks its history."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.factories import NOW, TODAY
from tests.factories.plans import assign, draft_plan, publish
from webapp.errors import ConflictError
from webapp.models import (
    Engagement,
    EngagementState,
    Notice,
    Plan,
    PlanState,
    Response,
    Role,
)
from webapp.services import audit, engagement_upkeep, engagements, lifecycle, ownership, people
from webapp.services.planning import day as planned_day

State = EngagementState
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


@pytest.fixture
def scheduler(make):
    return make.person(name="Sam", roles=[Role.SCHEDULER])


@pytest.fixture
def agent(make, scheduler):
    return make.person(name="Ada")


def place(make, engagement, person, *, day_on=TODAY, starts_at=NOW):
    plan = draft_plan(make, day_on=day_on)
    assignment = assign(make, plan, engagement, person, starts_at=starts_at)
    publish(make, plan)
    return assignment


def history(make, engagement):
    return [(line.before, line.after, line.action) for line in lifecycle.history(make.session, engagement)]


class TestRules:
    def test_nothing_leads_to_where_it_came_from_and_every_state_can_be_reached(self):
        reached = {State.RECEIVED, State.CLASSIFIED}
        for _ in State:
            reached |= set().union(*(lifecycle.TRANSITIONS[state] for state in reached))

        assert reached == set(State)
        assert all(state not in lifecycle.TRANSITIONS[state] for state in State)

    def test_everything_open_can_end_and_what_is_begun_does_not_expire(self):
        for state in lifecycle.OPEN:
            assert {State.DONE, State.CANCELLED} <= lifecycle.TRANSITIONS[state]
        assert State.EXPIRED not in lifecycle.TRANSITIONS[State.IN_PROGRESS]

    def test_what_nobody_has_classified_is_not_planned(self):
        assert State.RECEIVED not in lifecycle.PLANNABLE
        assert not lifecycle.TRANSITIONS[State.RECEIVED] & lifecycle.IN_PLAN

    def test_an_illegal_move_changes_and_tells_nothing(self, make):
        engagement = make.engagement(state=State.RECEIVED)

        with pytest.raises(ConflictError, match="received and cannot become in progress"):
            lifecycle.move(make.session, engagement, State.IN_PROGRESS, action="try", by=make.actor())

        assert engagement.state is State.RECEIVED
        assert history(make, engagement) == []
        assert audit.history(make.session, engagement) == []

    def test_a_bulk_move_that_no_rule_allows_is_a_mistake_of_the_caller(self, make):
        with pytest.raises(ValueError, match="received to planned"):
            lifecycle.move_all(
                make.session, {1}, among={State.RECEIVED}, state=State.PLANNED, action="try", by=make.actor()
            )

    def test_a_bulk_move_takes_those_in_the_named_states_and_writes_their_history(self, make):
        by = make.actor()
        first, second = make.engagement(), make.engagement(state=State.RETURNED)
        other = make.engagement(state=State.DONE)

        moved = lifecycle.move_all(
            make.session,
            {first.id, second.id, other.id},
            among=lifecycle.WAITING,
            state=State.PLANNED,
            action="publish_plan",
            by=by,
        )

        make.session.info["audited"] = True
        assert moved == {first.id, second.id}
        assert [first.state, second.state, other.state] == [State.PLANNED, State.PLANNED, State.DONE]
        assert history(make, second) == [(State.RETURNED, State.PLANNED, "publish_plan")]
        assert history(make, other) == []
        line = lifecycle.history(make.session, first)[0]
        assert (line.at, line.actor_id, line.channel) == (by.at, by.person_id, by.channel)


class TestOwnDay:
    @pytest.fixture
    def work(self, make, agent):
        return place(make, make.engagement(state=State.OFFERED), agent)

    def test_beginning_accepts(self, make, agent, work):
        planned_day.start(make.session, work, by=make.actor(agent))

        assert work.engagement.state is State.IN_PROGRESS
        assert work.response.response is Response.ACCEPTED

    def test_beginning_twice_is_refused(self, make, agent, work):
        planned_day.start(make.session, work, by=make.actor(agent))

        with pytest.raises(ConflictError):
            planned_day.start(make.session, work, by=make.actor(agent))

    def test_finishing_needs_no_beginning_and_both_can_be_taken_back(self, make, agent, work):
        planned_day.start(make.session, work, by=make.actor(agent))
        planned_day.finish(make.session, work, by=make.actor(agent))
        done = work.engagement.state
        planned_day.undo_progress(make.session, work, by=make.actor(agent))
        begun = work.engagement.state
        with pytest.raises(ConflictError):
            planned_day.undo_progress(make.session, work, by=make.actor(agent))

        assert (done, begun) == (State.DONE, State.IN_PROGRESS)
        assert [action for _, _, action in history(make, work.engagement)] == [
            "start_engagement",
            "finish_engagement",
            "undo_progress",
        ]

    def test_finishing_at_once_is_taken_back_to_the_offer(self, make, agent, work):
        planned_day.finish(make.session, work, by=make.actor(agent))
        planned_day.undo_progress(make.session, work, by=make.actor(agent))

        assert work.engagement.state is State.OFFERED

    def test_what_somebody_else_ended_is_not_taken_back(self, make, agent, scheduler, work):
        planned_day.start(make.session, work, by=make.actor(agent))
        engagements.complete_engagement(make.session, work.engagement, by=make.actor(scheduler))

        with pytest.raises(ConflictError, match="Something else"):
            planned_day.undo_progress(make.session, work, by=make.actor(agent))

    def test_what_was_given_back_is_not_finished(self, make, agent, work):
        planned_day.respond(make.session, work, response=Response.DECLINED, reason="Ill", by=make.actor(agent))

        with pytest.raises(ConflictError, match="not yours to finish"):
            planned_day.finish(make.session, work, by=make.actor(agent))


class TestUpkeep:
    def test_work_is_offered_when_its_day_comes(self, make, agent):
        today, tomorrow = (make.engagement(state=State.PLANNED) for _ in range(2))
        place(make, today, agent)
        place(make, tomorrow, agent, day_on=TODAY + DAY, starts_at=NOW + DAY)

        counts = [engagement_upkeep.offer_day(make.session, make.home, TODAY, by=make.actor()) for _ in range(2)]

        assert counts == [1, 0]
        assert (today.state, tomorrow.state) == (State.OFFERED, State.PLANNED)

    def test_what_nobody_began_expires_after_its_last_day(self, make, agent, scheduler):
        late = make.engagement(owner_id=agent.id, external_id="C-1")
        begun = make.engagement(state=State.IN_PROGRESS)
        due = {"earliest_at": NOW - 3 * HOUR, "due_at": NOW - 2 * HOUR, "latest_at": NOW - HOUR}
        for each in (late, begun):
            each.earliest_at, each.due_at, each.latest_at = due.values()
        make.session.flush()

        same_day = engagement_upkeep.expire(make.session, make.home, TODAY, by=make.actor())
        next_day = engagement_upkeep.expire(make.session, make.home, TODAY + DAY, by=make.actor())
        again = engagement_upkeep.expire(make.session, make.home, TODAY + DAY, by=make.actor())

        assert (same_day, next_day, again) == (0, 1, 0)
        assert (late.state, begun.state) == (State.EXPIRED, State.IN_PROGRESS)
        told = make.session.scalars(select(Notice).order_by(Notice.person_id)).all()
        assert {notice.person_id for notice in told} == {agent.id, scheduler.id}
        assert all("C-1" in notice.text for notice in told)

    def test_customers_words_are_cleared_once_their_time_is_over(self, make):
        old, fresh, open_one = (
            make.engagement(state=state, subject="Where is my money")
            for state in (State.DONE, State.DONE, State.CLASSIFIED)
        )
        for each in (old, open_one):
            each.earliest_at = each.due_at = each.latest_at = NOW - 100 * DAY
        make.session.flush()

        count = engagement_upkeep.clear_words(make.session, make.home, NOW - 90 * DAY, by=make.actor())

        assert count == 1
        assert [old.subject, bool(fresh.subject), bool(open_one.subject)] == ["", True, True]


class TestOwners:
    def test_in_work_it_is_the_agents_else_the_case_owners_else_the_dispatchers(self, make, agent, scheduler):
        other = make.person()
        in_work = make.engagement(state=State.ACCEPTED, owner_id=other.id)
        place(make, in_work, agent)
        case, nobodys = make.engagement(owner_id=other.id), make.engagement()

        owners = ownership.owners_of(make.session, [in_work, case, nobodys])

        assert owners == {in_work.id: agent, case.id: other, nobodys.id: scheduler}

    def test_the_site_names_its_dispatcher(self, make, scheduler):
        second = make.person(roles=[Role.SCHEDULER])
        engagement = make.engagement()

        ownership.change_settings(
            make.session,
            make.home,
            dispatcher_id=second.id,
            slip_minutes=60,
            untouched_minutes=30,
            check_in_share=0.2,
            by=make.actor(),
        )
        named = ownership.owner_of(make.session, engagement)
        second.active = False
        make.session.flush()

        assert named == second
        assert ownership.owner_of(make.session, engagement) == scheduler

    def test_later_work_of_a_customer_goes_to_the_owner_of_the_open_case(self, make, agent, scheduler):
        case = make.engagement(owner_id=agent.id, customer_key="K-1")

        def ask(**values):
            key = {"customer_key": "K-1", "site_id": make.home.id, "at": NOW} | values
            return ownership.find_case_owner(make.session, **key)

        found = ask()
        elsewhere, nobody = ask(site_id=make.site().id), ask(customer_key="")
        make.absence(agent, starts_at=NOW - HOUR, ends_at=NOW + HOUR)
        away = ask()
        back = ask(at=NOW + 2 * HOUR)
        engagements.complete_engagement(make.session, case, by=make.actor())

        assert (found, elsewhere, nobody, away, back) == (agent.id, None, None, None, agent.id)
        assert ask(at=NOW + 2 * HOUR) is None

    def test_cases_of_somebody_who_leaves_are_the_dispatchers_at_once(self, make, agent, scheduler):
        admin = make.person(roles=[Role.ADMIN])
        case = make.engagement(owner_id=agent.id)
        ended = make.engagement(owner_id=agent.id, state=State.DONE)

        people.deactivate_person(make.session, agent, viewer=make.viewer(admin), by=make.actor(admin))

        assert (case.owner_id, ended.owner_id) == (None, agent.id)
        assert ownership.owner_of(make.session, case) == scheduler
        notice = make.session.scalars(select(Notice).where(Notice.person_id == scheduler.id)).one()
        assert "1 case of Ada, who has left, is yours now." in notice.text
        line = lifecycle.history(make.session, case)[-1]
        assert (line.action, line.owner_id, line.before, line.after) == (
            "hand_over",
            scheduler.id,
            State.CLASSIFIED,
            State.CLASSIFIED,
        )

    def test_mine_are_those_that_the_rule_says_are_mine(self, make, agent, scheduler):
        other = make.person()
        gone = make.person(active=False)
        each = [
            make.engagement(),
            make.engagement(owner_id=agent.id),
            make.engagement(owner_id=gone.id),
            make.engagement(owner_id=other.id, state=State.OFFERED),
            make.engagement(state=State.RETURNED),
            make.engagement(state=State.IN_PROGRESS),
        ]
        for engagement in each[3:]:
            place(make, engagement, agent, day_on=TODAY + engagement.id * DAY)
        owners = ownership.owners_of(make.session, each)

        for person in (agent, other, scheduler):
            mine = set(
                make.session.scalars(select(Engagement.id).where(ownership.is_owned_by(make.session, person.id)))
            )
            assert mine == {key for key, owner in owners.items() if owner == person}


COMMANDS = st.lists(
    st.sampled_from(
        [
            "accept",
            "decline",
            "withdraw",
            "start",
            "finish",
            "undo",
            "complete",
            "cancel",
            "reopen",
            "classify",
            "publish",
            "drop",
            "offer",
            "expire",
            "leave",
        ]
    ),
    max_size=18,
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(commands=COMMANDS, begins=st.sampled_from([State.RECEIVED, State.CLASSIFIED]))
def test_no_sequence_of_commands_breaks_a_life(make, agent, scheduler, commands, begins):  # noqa: C901 - a command each
    session, by = make.session, make.actor(agent)
    for plan in session.scalars(select(Plan).where(Plan.state == PlanState.PUBLISHED)):
        plan.state = PlanState.SUPERSEDED
    session.flush()
    admin = make.person(roles=[Role.ADMIN])
    engagement = make.engagement(owner_id=agent.id, state=begins)
    agent.active = True
    live = None

    def put_in_plan():
        nonlocal live
        if engagement.state not in lifecycle.PLANNABLE:
            raise ConflictError("A plan does not look at it.")
        take_out()
        live = place(make, engagement, agent)
        lifecycle.move_all(
            session,
            {engagement.id},
            among=lifecycle.PLANNABLE,
            state=lifecycle.unanswered_state(live.plan, NOW),
            action="publish_plan",
            by=by,
        )
        audit.record(session, "publish_plan", live.plan, by=by)

    def take_out():
        nonlocal live
        if live is None:
            return
        live.plan.state = PlanState.SUPERSEDED
        session.flush()
        lifecycle.move_all(
            session,
            {engagement.id},
            among=lifecycle.UNSTARTED,
            state=State.CLASSIFIED,
            action="publish_plan",
            by=by,
        )
        audit.record(session, "publish_plan", live.plan, by=by)
        live = None

    def need():
        if live is None:
            raise ConflictError("It is in no plan.")
        return live

    def leave():
        if agent.active:
            people.deactivate_person(session, agent, viewer=make.viewer(admin), by=make.actor(admin))

    run = {
        "accept": lambda: planned_day.respond(session, need(), response=Response.ACCEPTED, by=by),
        "decline": lambda: planned_day.respond(session, need(), response=Response.DECLINED, reason="No", by=by),
        "withdraw": lambda: planned_day.withdraw_response(session, need(), by=by),
        "start": lambda: planned_day.start(session, need(), by=by),
        "finish": lambda: planned_day.finish(session, need(), by=by),
        "undo": lambda: planned_day.undo_progress(session, need(), by=by),
        "complete": lambda: engagements.complete_engagement(session, engagement, by=by),
        "cancel": lambda: engagements.cancel_engagement(session, engagement, by=by),
        "reopen": lambda: engagements.reopen_engagement(session, engagement, by=by),
        "classify": lambda: lifecycle.move(session, engagement, State.CLASSIFIED, action="classify", by=by),
        "publish": put_in_plan,
        "drop": take_out,
        "offer": lambda: engagement_upkeep.offer_day(session, make.home, TODAY, by=by),
        "expire": lambda: engagement_upkeep.expire(session, make.home, TODAY + 30 * DAY, by=by),
        "leave": leave,
    }
    for command in commands:
        before = engagement.state
        try:
            run[command]()
        except ConflictError:
            assert engagement.state is before
        session.refresh(engagement)
        assert ownership.owner_of(session, engagement).active

    lines = lifecycle.history(session, engagement)
    state = begins
    for line in lines:
        assert line.before is state
        assert line.after is line.before or line.after in lifecycle.TRANSITIONS[line.before]
        state = line.after
    assert state is engagement.state
