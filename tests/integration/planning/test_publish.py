"""Publishing: a person makes a plan live, stale inputs are shown, published plans never change."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError
from webapp.models import Channel, EngagementState, Interest, Notice, Plan, PlanState, Response, ShiftBreak, Stance
from webapp.models.plan import PublishedPlanError
from webapp.services import audit
from webapp.services.planning import compare, moves, pins, plans, publish
from webapp.services.planning import day as agent_day
from webapp.services.planning.staleness import check_freshness

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def by(make: Make, day: Day):
    """Return the scheduler as an actor."""
    return make.actor(day.scheduler)


class TestPublish:
    def test_a_published_plan_is_live_and_its_work_planned(self, session: Session, day: Day, solve_day, by) -> None:
        plan = publish.publish_plan(session, solve_day(), today=TODAY, by=by)

        assert (plan.state, plan.published_by_id, plan.published_at) == (PlanState.PUBLISHED, day.scheduler.id, NOW)
        assert agent_day.find_live_plan(session, day.site.id, TODAY) is plan
        assert {engagement.state for engagement in day.easy} == {EngagementState.OFFERED}
        assert day.hard.state is EngagementState.CLASSIFIED

    def test_the_agents_concerned_are_told_once(self, session: Session, day: Day, solve_day, by) -> None:
        publish.publish_plan(session, solve_day(), today=TODAY, by=by)

        told = session.scalars(select(Notice.person_id).where(Notice.kind == "day_published")).all()
        assert sorted(told) == sorted({day.ada.id, day.ben.id})

    def test_the_trail_says_who(self, session: Session, day: Day, solve_day, by) -> None:
        plan = publish.publish_plan(session, solve_day(), today=TODAY, by=by)

        event = audit.history(session, plan)[0]
        assert (event.action, event.actor_id) == ("publish_plan", day.scheduler.id)

    def test_the_next_plan_supersedes(self, session: Session, solve_day, by) -> None:
        first = publish.publish_plan(session, solve_day(), today=TODAY, by=by)
        second = publish.publish_plan(session, solve_day(seed=2), today=TODAY, by=by)

        assert (first.state, second.state) == (PlanState.SUPERSEDED, PlanState.PUBLISHED)
        assert second.supersedes_id == first.id

    def test_an_acceptance_stands_where_the_place_is_the_same(
        self, session: Session, make: Make, solve_day, by
    ) -> None:
        first = publish.publish_plan(session, solve_day(), today=TODAY, by=by)
        old = plans.list_assignments(session, first)[0]
        agent_day.respond(session, old, response=Response.ACCEPTED, by=make.actor(old.person))

        second = publish.publish_plan(session, solve_day(), today=TODAY, by=by)

        new = next(each for each in plans.list_assignments(session, second) if each.engagement_id == old.engagement_id)
        assert (new.person_id, new.starts_at) == (old.person_id, old.starts_at)
        assert new.engagement.state is EngagementState.ACCEPTED
        assert new.response is not None
        assert new.response.response is Response.ACCEPTED

    def test_nobody_publishes_without_a_name(self, session: Session, make: Make, solve_day) -> None:
        with pytest.raises(ForbiddenError):
            publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor())

    def test_a_plan_is_published_once(self, session: Session, solve_day, by) -> None:
        plan = publish.publish_plan(session, solve_day(), today=TODAY, by=by)

        with pytest.raises(ConflictError, match="published"):
            publish.publish_plan(session, plan, today=TODAY, by=by)

    def test_its_rows_cannot_change(self, session: Session, solve_day, by) -> None:
        plan = publish.publish_plan(session, solve_day(), today=TODAY, by=by)
        plans.list_assignments(session, plan)[0].minutes = 1.0

        with pytest.raises(PublishedPlanError):
            session.flush()


class TestStaleInputs:
    def test_nothing_changed(self, session: Session, solve_day) -> None:
        assert check_freshness(session, solve_day(), today=TODAY).fresh

    def test_new_work_is_shown_and_needs_a_confirmation(
        self, session: Session, make: Make, day: Day, solve_day, by
    ) -> None:
        plan = solve_day()
        make.engagement(day.mail, external_id="late", earliest_at=AT_NINE, due_at=AT_NINE + dt.timedelta(hours=3))

        with pytest.raises(publish.StalePlanError) as stale:
            publish.publish_plan(session, plan, today=TODAY, by=by)

        assert [(change.kind, change.subject) for change in stale.value.inputs] == [("engagement", "late")]
        assert stale.value.broken == ()
        publish.publish_plan(session, plan, today=TODAY, seen_digest=stale.value.freshness.digest, by=by)
        assert plan.state is PlanState.PUBLISHED

    def test_a_confirmation_covers_only_what_was_shown(
        self, session: Session, make: Make, day: Day, solve_day, by
    ) -> None:
        plan = solve_day()
        window: dict[str, Any] = {"earliest_at": AT_NINE, "due_at": AT_NINE + dt.timedelta(hours=3)}
        make.engagement(day.mail, **window)
        with pytest.raises(publish.StalePlanError) as stale:
            publish.publish_plan(session, plan, today=TODAY, by=by)
        make.engagement(day.mail, **window)

        with pytest.raises(publish.StalePlanError):
            publish.publish_plan(session, plan, today=TODAY, seen_digest=stale.value.freshness.digest, by=by)

    def test_a_plan_that_would_break_rules_now_cannot_be_confirmed(
        self, session: Session, make: Make, day: Day, solve_day, by
    ) -> None:
        plan = solve_day()
        for person in (day.ada, day.ben):
            make.absence(person, AT_NINE, AT_NINE + dt.timedelta(hours=4))

        with pytest.raises(publish.StalePlanError) as stale:
            publish.publish_plan(session, plan, today=TODAY, by=by)

        overfull = [each for each in stale.value.broken if "more planned than there is time for" in each]
        assert len(overfull) == len({each.partition(" has ")[0] for each in overfull}) > 0
        assert all("the first at 09:" in each or "the first at 1" in each for each in overfull)
        assert not any("beyond interval" in each for each in stale.value.broken)
        assert {"Ada Byron", "Ben Okri"} <= {change.subject for change in stale.value.inputs}
        with pytest.raises(publish.StalePlanError):
            publish.publish_plan(session, plan, today=TODAY, seen_digest=stale.value.freshness.digest, by=by)

    def test_cancelled_work_breaks_the_plan(self, session: Session, day: Day, solve_day) -> None:
        plan = solve_day()
        day.easy[0].state = EngagementState.CANCELLED
        session.flush()

        freshness = check_freshness(session, plan, today=TODAY)

        assert publish.find_broken_rules(session, plan, freshness) == ("easy-0 is planned but no longer to be done.",)

    def test_levels_forecast_priorities_and_people_are_told_in_words(
        self, session: Session, make: Make, day: Day, solve_day
    ) -> None:
        plan = solve_day()
        make.record(day.ben, day.tech, 2)
        make.forecast(day.calls, AT_NINE + dt.timedelta(hours=3.25), 25.0, length=15)
        day.easy[1].priority = 5
        make.person(name="Newcomer")
        session.flush()

        told = {(change.kind, change.text) for change in check_freshness(session, plan, today=TODAY).changes}

        assert ("agent", "has other levels: Router 2 (was 0).") in told
        assert ("forecast", "is forecast with 185 min, was 160 min.") in told
        assert ("engagement", "has changed: priority.") in told
        assert ("agent", "joined the site.") in told

    def test_who_left_wants_and_works_otherwise_is_told(
        self, session: Session, make: Make, day: Day, solve_day
    ) -> None:
        """Cem leaves, Ben wants to grow, Ada's break moves by an hour, and a chat may now be one at a time only."""
        cem = make.person(name="Cem")
        chat = make.engagement_type(name="Chat", channel=Channel.CHAT, concurrency=2, requires={day.billing: 2})
        make.forecast(chat, AT_NINE, 10.0)
        plan = solve_day()
        cem.active = False
        make.record(day.ben, day.tech, 0, interest=Interest.GROW)
        pause = session.scalars(select(ShiftBreak)).one()
        pause.starts_at, pause.ends_at = pause.starts_at + HOUR, pause.ends_at + HOUR
        chat.concurrency = 1
        day.mail.stance = Stance.COMMUNITY
        session.flush()

        told = {(change.subject, change.text) for change in check_freshness(session, plan, today=TODAY).changes}

        assert ("Cem", "is no agent of this site any more.") in told
        assert ("Ben Okri", "wants other skills, or has evidence that lapses on other days.") in told
        assert ("Ada Byron", "works at other times.") in told
        assert ("Ada Byron", "may handle another number of contacts at once.") in told
        assert ("easy-2", "has changed: channel or stance.") in told

    def test_other_hours_are_told(self, session: Session, make: Make, day: Day, solve_day) -> None:
        plan = solve_day()
        make.shift(make.person(), starts_at=AT_NINE + dt.timedelta(hours=4), hours=2)

        changes = check_freshness(session, plan, today=TODAY).changes

        assert changes[0].text == "The hours in which anybody works have changed."

    def test_a_day_without_anybody_is_told(self, session: Session, make: Make, day: Day, solve_day, by) -> None:
        plan = solve_day()
        make_gone = pins.pin_engagement(session, day.easy[0], day.ben, AT_NINE, reason="Knows it", by=by)
        day.ben.active = False
        session.flush()

        freshness = check_freshness(session, plan, today=TODAY)

        assert make_gone.person_id == day.ben.id
        assert freshness.now is None
        assert "pinned to Ben Okri" in publish.find_broken_rules(session, plan, freshness)[0]

    def test_a_pin_that_the_plan_obeys_changes_nothing(self, session: Session, solve_day, by) -> None:
        plan = solve_day()
        chosen = plans.list_assignments(session, plan)[0]
        pins.pin_engagement(session, chosen.engagement, chosen.person, chosen.starts_at, reason="Good", by=by)

        assert check_freshness(session, plan, today=TODAY).fresh

    def test_a_pin_elsewhere_is_a_change(self, session: Session, day: Day, solve_day, by) -> None:
        plan = solve_day()
        chosen = plans.list_assignments(session, plan)[0]
        other = day.ada if chosen.person_id == day.ben.id else day.ben
        pins.pin_engagement(session, chosen.engagement, other, chosen.starts_at, reason="Better", by=by)

        assert [change.kind for change in check_freshness(session, plan, today=TODAY).changes] == ["pin"]


class TestDiscard:
    def test_a_draft_can_be_put_away_and_brought_back(self, session: Session, solve_day, by) -> None:
        plan: Plan = solve_day()

        plans.discard(session, plan, by=by)
        put_away = plan.state
        plans.restore(session, plan, by=by)

        assert (put_away, plan.state) == (PlanState.DISCARDED, PlanState.DRAFT)

    def test_only_drafts_are_discarded_and_only_discarded_plans_restored(self, session: Session, solve_day, by) -> None:
        plan = solve_day()
        with pytest.raises(ConflictError):
            plans.restore(session, plan, by=by)
        publish.publish_plan(session, plan, today=TODAY, by=by)
        with pytest.raises(ConflictError):
            plans.discard(session, plan, by=by)


class TestCompare:
    def test_plans_of_the_same_answer_do_not_differ(self, session: Session, solve_day) -> None:
        one, other = solve_day(), solve_day()

        found = compare.compare_plans(session, other, one)

        assert (found.moved, found.affected) == ((), ())

    def test_a_decline_moves_work_and_affects_people(
        self, session: Session, make: Make, day: Day, solve_day, by
    ) -> None:
        first = publish.publish_plan(session, solve_day(), today=TODAY, by=by)
        declined = plans.list_assignments(session, first)[0]
        agent_day.respond(
            session, declined, response=Response.DECLINED, reason="Too much", by=make.actor(declined.person)
        )

        second = solve_day()
        other = compare.find_other(session, second)
        assert other is first
        found = compare.compare_plans(session, second, other)

        (moved,) = [each for each in found.moved if each.engagement.id == declined.engagement_id]
        assert moved.kind == "agent"
        assert {each.person.id for each in found.affected} >= {declined.person_id}

    def test_each_kind_of_change_is_told(self, session: Session, make: Make, day: Day, solve_day, by) -> None:
        """One mail is done meanwhile, one is new, and one of the others is moved to a later time of the same agent."""
        first = solve_day()
        done, later = plans.list_assignments(session, first)[:2]
        done.engagement.state = EngagementState.DONE
        new = make.engagement(day.mail, external_id="new", earliest_at=AT_NINE, due_at=AT_NINE + dt.timedelta(hours=3))
        second = solve_day()
        place = moves.get_place(session, second, later.engagement_id)
        start = 6 if place.start != 6 else 5
        moves.move_engagement(
            session, second, later.engagement_id, person_id=place.person_id or 0, start=start, pin_reason=None, by=by
        )

        found = compare.compare_plans(session, second, first)

        kinds = {each.engagement.id: each.kind for each in found.moved}
        assert kinds[done.engagement_id] == "dropped"
        assert kinds[new.id] == "added"
        assert kinds[later.engagement_id] in {"time", "agent"}
        assert sum(each.gained for each in found.affected) >= 1
        assert sum(each.lost for each in found.affected) >= 1

    def test_plans_of_other_days_are_not_compared(self, session: Session, solve_day) -> None:
        one, other = solve_day(), solve_day()
        other.day_on = TODAY + dt.timedelta(days=1)

        with pytest.raises(InvalidInputError):
            compare.compare_plans(session, one, other)

    def test_a_plan_is_held_against_the_one_that_it_replaced(self, session: Session, solve_day, by) -> None:
        first = publish.publish_plan(session, solve_day(), today=TODAY, by=by)
        second = publish.publish_plan(session, solve_day(), today=TODAY, by=by)

        assert compare.find_other(session, second) is first

    def test_a_first_plan_has_nothing_beside_it(self, session: Session, solve_day) -> None:
        assert compare.find_other(session, solve_day()) is None
