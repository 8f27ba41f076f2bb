"""Work that changes hands on its day: offers of what was declined, and exchanges between agents."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.factories import TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day, places
from webapp.db import Database
from webapp.errors import ConflictError, ForbiddenError, NotFoundError
from webapp.models import Assignment, EngagementState, Notice, Plan, PlanState, Response, Swap, SwapState
from webapp.services.planning import day as agent_day
from webapp.services.planning import offers, plans, publish, swaps

HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)


class TestDeclinedWork:
    @pytest.fixture
    def declined(self, session: Session, make: Make, day: Day, published: Plan) -> Assignment:
        """Let the agent of the first piece of work decline it, early in the day."""
        first = plans.list_assignments(session, published)[0]
        by = make.actor(first.person, at=AT_NINE - 30 * MINUTE)
        agent_day.respond(session, first, response=Response.DECLINED, reason="My headset broke", by=by)
        return first

    def test_the_best_others_are_named_with_what_it_costs(
        self, session: Session, day: Day, declined: Assignment
    ) -> None:
        found = offers.find_replacements(session, declined, today=TODAY, at=AT_NINE - 30 * MINUTE)

        other = day.ada if declined.person_id == day.ben.id else day.ben
        assert [each.person.id for each in found] == [other.id]
        assert found[0].why

    def test_who_is_away_or_declined_it_is_no_replacement(
        self, session: Session, make: Make, day: Day, declined: Assignment
    ) -> None:
        other = day.ada if declined.person_id == day.ben.id else day.ben
        make.absence(other, AT_NINE, AT_NINE + 4 * HOUR)

        assert offers.find_replacements(session, declined, today=TODAY, at=AT_NINE) == []

    def test_a_case_that_its_owner_has_given_back_may_go_to_another(
        self, session: Session, make: Make, day: Day, solve_day
    ) -> None:
        case = day.easy[0]
        case.owner_id = day.ada.id
        session.flush()
        plan = publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler))
        hers = next(row for row in plans.list_assignments(session, plan) if row.engagement_id == case.id)
        by = make.actor(day.ada, at=AT_NINE - 30 * MINUTE)
        agent_day.respond(session, hers, response=Response.DECLINED, reason="They asked for somebody else", by=by)

        found = offers.find_replacements(session, hers, today=TODAY, at=AT_NINE - 30 * MINUTE)

        assert [each.person.id for each in found] == [day.ben.id]

    def test_an_offer_is_a_plan_that_follows_and_waits_for_an_answer(
        self, session: Session, make: Make, day: Day, published: Plan, declined: Assignment
    ) -> None:
        best = offers.find_replacements(session, declined, today=TODAY, at=AT_NINE)[0]
        before = places(session, published)

        made = offers.offer(
            session, declined, best.person, start=best.start, today=TODAY, by=make.actor(day.scheduler, at=AT_NINE)
        )

        assert (published.state, made.state) == (PlanState.SUPERSEDED, PlanState.PUBLISHED)
        assert places(session, made) == {**before, declined.engagement_id: best.person.id}
        assert places(session, published) == before
        assert declined.engagement.state is EngagementState.OFFERED
        mine = next(
            each for each in plans.list_assignments(session, made) if each.engagement_id == declined.engagement_id
        )
        agent_day.respond(session, mine, response=Response.ACCEPTED, by=make.actor(best.person, at=AT_NINE))
        assert mine.engagement.state is EngagementState.ACCEPTED
        with pytest.raises(ConflictError):
            offers.offer(
                session, declined, best.person, start=best.start, today=TODAY, by=make.actor(day.scheduler, at=AT_NINE)
            )

    def test_work_that_nobody_declined_is_not_found(
        self, session: Session, make: Make, day: Day, published: Plan
    ) -> None:
        first = plans.list_assignments(session, published)[0]
        with pytest.raises(NotFoundError):
            offers.get_declined(session, first.id, viewer=make.viewer(day.scheduler))


class TestSwaps:
    @pytest.fixture
    def pair(self, session: Session, make: Make, day: Day, published: Plan) -> tuple[Assignment, Assignment]:
        """Return a piece of work of each of the two agents."""
        rows = plans.list_assignments(session, published)
        mine = next(each for each in rows if each.person_id == day.ada.id)
        theirs = next(each for each in rows if each.person_id == day.ben.id)
        return mine, theirs

    def propose(self, session: Session, make: Make, pair: tuple[Assignment, Assignment]) -> Swap:
        by = make.actor(pair[0].person, at=AT_NINE - HOUR)
        return swaps.propose_swap(session, *pair, reason="Dentist", today=TODAY, by=by)

    def test_two_who_agree_exchange_at_once_where_it_costs_little(
        self, session: Session, make: Make, day: Day, published: Plan, pair: tuple[Assignment, Assignment]
    ) -> None:
        policy = published.run.policy
        policy.settings = {**policy.settings, "planning": {"swap_max_loss": 1000.0}}
        swap = self.propose(session, make, pair)
        assert places(session, published) == {row.engagement_id: row.person_id for row in published.assignments}

        swaps.agree(session, swap, today=TODAY, by=make.actor(pair[1].person, at=AT_NINE - HOUR))

        assert swap.state is SwapState.MADE
        made = session.get_one(Plan, swap.made_plan_id)
        assert made.state is PlanState.PUBLISHED
        assert places(session, made) == {
            **places(session, published),
            pair[0].engagement_id: pair[1].person_id,
            pair[1].engagement_id: pair[0].person_id,
        }

    def test_of_two_proposals_at_once_for_the_same_work_one_is_left(
        self, database: Database, session: Session, make: Make, day: Day, published: Plan, pair: tuple[Assignment, ...]
    ) -> None:
        ids, by = [each.id for each in pair], [make.actor(each.person, at=AT_NINE - HOUR) for each in pair]
        session.commit()
        start, refused = threading.Barrier(2), []

        def propose(mine: int) -> None:
            start.wait()
            try:
                with database.transaction() as own:
                    one, other = own.get_one(Assignment, ids[mine]), own.get_one(Assignment, ids[1 - mine])
                    swaps.propose_swap(own, one, other, today=TODAY, by=by[mine])
            except ConflictError as error:
                refused.append(str(error))

        threads = [threading.Thread(target=propose, args=(number,)) for number in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert refused == ["One of the two already waits for another exchange."]
        with database.reading() as reading:
            assert len(reading.scalars(select(Swap)).all()) == 1

    def test_one_that_costs_more_than_the_policy_allows_waits_for_the_scheduler(
        self, session: Session, make: Make, day: Day, published: Plan, pair: tuple[Assignment, Assignment]
    ) -> None:
        policy = published.run.policy
        policy.settings = {**policy.settings, "planning": {"swap_max_loss": -1000.0}}
        swap = self.propose(session, make, pair)

        swaps.agree(session, swap, today=TODAY, by=make.actor(pair[1].person, at=AT_NINE - HOUR))

        assert (swap.state, published.state) == (SwapState.AGREED, PlanState.PUBLISHED)
        assert list(swaps.list_agreed(session, published)) == [swap]
        assert day.scheduler.id in session.scalars(select(Notice.person_id).where(Notice.kind == "swap")).all()
        swaps.make_swap(session, swap, today=TODAY, by=make.actor(day.scheduler, at=AT_NINE - HOUR))
        assert swap.state is SwapState.MADE

    def test_only_those_who_are_asked_answer(
        self, session: Session, make: Make, day: Day, pair: tuple[Assignment, Assignment]
    ) -> None:
        swap = self.propose(session, make, pair)
        with pytest.raises(ForbiddenError):
            swaps.agree(session, swap, today=TODAY, by=make.actor(pair[0].person))
        with pytest.raises(ForbiddenError):
            swaps.withdraw(session, swap, by=make.actor(pair[1].person))
        with pytest.raises(ConflictError, match="already waits"):
            self.propose(session, make, pair)
        with pytest.raises(NotFoundError):
            swaps.get_swap(session, swap.id, person=make.person())

        swaps.refuse(session, swap, by=make.actor(pair[1].person))

        assert swap.state is SwapState.REFUSED
        with pytest.raises(ConflictError):
            swaps.agree(session, swap, today=TODAY, by=make.actor(pair[1].person))
