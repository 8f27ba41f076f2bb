"""What of an earlier plan can stand, and who goes on keeping minutes for live contacts."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer import solve
from optimizer.keeping import keep_reserved
from optimizer.plan import Reservation
from optimizer.policy import Policy
from optimizer.problem import Agent, Engagement, Forecast, Placement, Problem, Requirement
from optimizer.standing import find_standing
from optimizer.totals import with_totals
from optimizer.verify import verify

START = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
BILLING = (Requirement(skill="billing", level=2),)


def agent(name: str, *capacity: float, level: int = 3) -> Agent:
    return Agent(id=name, skills={"billing": level}, capacity=capacity)


def mail(name: str, minutes: float, *, latest: int = 3, **values) -> Engagement:
    return Engagement(
        id=name,
        minutes=minutes,
        channel="email",
        earliest=0,
        due=latest,
        latest=latest,
        priority=3,
        value=10.0,
        requires=BILLING,
        **values,
    )


def problem(agents, engagements=(), forecast=(), **values) -> Problem:
    return Problem(
        start=START,
        interval_minutes=30,
        intervals=4,
        max_carry=values.pop("max_carry", 10.0),
        agents=tuple(agents),
        engagements=tuple(engagements),
        forecast=tuple(forecast),
        policy=Policy(seed=1, time_limit_s=20.0, threads=1),
        **values,
    )


def calls(*minutes: float) -> Forecast:
    return Forecast(class_="calls", channel="voice", requires=BILLING, minutes=minutes, value_per_minute=1.0)


class TestWhatStands:
    def test_what_fits_stands(self) -> None:
        day = problem([agent("ada", 30, 30, 30, 30)], [mail("one", 20), mail("two", 20)])
        were = [Placement("one", "ada", 0), Placement("two", "ada", 1)]

        assert find_standing(day, were) == tuple(were)

    def test_work_of_somebody_who_left_does_not_stand_from_there_on(self) -> None:
        day = problem([agent("ada", 30, 0, 0, 0)], [mail("before", 20), mail("after", 20)])

        assert find_standing(day, [Placement("before", "ada", 0), Placement("after", "ada", 1)]) == (
            Placement("before", "ada", 0),
        )

    def test_work_that_they_cannot_finish_any_more_does_not_stand(self) -> None:
        # 9 of 20 minutes are left of the interval in which they fell ill, and nothing follows.
        day = problem([agent("ada", 9, 0, 0, 0)], [mail("one", 20)])

        assert find_standing(day, [Placement("one", "ada", 0)]) == ()

    def test_two_that_fit_alone_but_not_together(self) -> None:
        # 25 + 25 minutes into 30 leave 20 to carry, more than 10; alone each fits.
        day = problem([agent("ada", 30, 30, 30, 30)], [mail("one", 25), mail("two", 25)])

        assert find_standing(day, [Placement("one", "ada", 0), Placement("two", "ada", 0)]) == (
            Placement("one", "ada", 0),
        )

    def test_what_was_declined_or_needs_a_level_that_fell_does_not_stand(self) -> None:
        day = problem(
            [agent("ada", 30, 30, 30, 30), agent("ben", 30, 30, 30, 30, level=1)],
            [mail("declined", 20, excluded_agents=("ada",)), mail("fallen", 20)],
        )

        assert find_standing(day, [Placement("declined", "ada", 0), Placement("fallen", "ben", 0)]) == ()

    def test_nothing_stands_where_nothing_stood(self) -> None:
        assert find_standing(problem([agent("ada", 30, 30, 30, 30)]), []) == ()

    @settings(max_examples=40, deadline=None)
    @given(st.data())
    def test_a_frozen_window_of_what_stands_can_always_be_obeyed(self, data: st.DataObject) -> None:
        minutes = st.sampled_from((0.0, 9.0, 20.0, 30.0))
        people = [agent(name, *(data.draw(minutes) for _ in range(4))) for name in ("ada", "ben")]
        work = [mail(str(number), data.draw(st.sampled_from((5.0, 20.0, 40.0)))) for number in range(5)]
        were = [
            Placement(each.id, data.draw(st.sampled_from(("ada", "ben"))), data.draw(st.integers(0, 3)))
            for each in work
        ]
        day = problem(people, work)
        stand = find_standing(day, were)
        frozen = replace(day, previous=stand, frozen_before=4)

        plan = solve(frozen)

        assert plan.has_plan
        assert not verify(frozen, plan)
        assert {(each.engagement, each.agent, each.start) for each in plan.assignments} == {
            (each.engagement, each.agent, each.start) for each in stand
        }


class TestWhoKeepsMinutes:
    def test_the_same_people_go_on_where_both_serve_as_many(self) -> None:
        day = problem([agent("ada", 30, 30, 30, 30), agent("ben", 30, 30, 30, 30)], forecast=[calls(20, 20, 20, 20)])
        plan = with_totals(
            day, solve(day).with_changes(reserved=tuple(Reservation("calls", "ben", at, 20.0) for at in range(4)))
        )
        earlier = [Reservation("calls", "ada", at, 20.0) for at in range(4)]

        kept = keep_reserved(day, plan, earlier)

        assert [(each.agent, each.interval) for each in kept] == [("ada", at) for at in range(4)]
        assert not verify(day, with_totals(day, plan.with_changes(reserved=kept)))

    def test_somebody_who_left_is_replaced_and_nobody_else_changes(self) -> None:
        # Ada left at the third interval: her 20 minutes there move to Ben, whose own 10 stay.
        day = problem(
            [agent("ada", 30, 30, 0, 0), agent("ben", 30, 30, 30, 30), agent("cyd", 30, 30, 30, 30)],
            forecast=[calls(30, 30, 30, 30)],
        )
        earlier = [Reservation("calls", "ada", at, 20.0) for at in range(4)] + [
            Reservation("calls", "ben", at, 10.0) for at in range(4)
        ]
        plan = with_totals(
            day, solve(day).with_changes(reserved=tuple(Reservation("calls", "ben", at, 30.0) for at in range(4)))
        )

        kept = keep_reserved(day, plan, earlier)

        minutes = {(each.agent, each.interval): round(each.minutes, 3) for each in kept}
        assert minutes == {("ada", 0): 20, ("ada", 1): 20, **{("ben", at): 10 if at < 2 else 30 for at in range(4)}}

    def test_work_leaves_no_room_for_what_was_kept(self) -> None:
        day = problem(
            [agent("ada", 30, 30, 30, 30), agent("ben", 30, 30, 30, 30)], [mail("one", 25)], [calls(20, 0, 0, 0)]
        )
        chosen = solve(replace(day, previous=(Placement("one", "ada", 0),), frozen_before=1))
        plan = with_totals(day, chosen.with_changes(reserved=(Reservation("calls", "ben", 0, 20.0),)))

        kept = keep_reserved(day, plan, [Reservation("calls", "ada", 0, 20.0)])

        # 30 − 25 leave 5, and 10 may be carried into the next interval: Ada keeps 15, Ben the other 5.
        assert {each.agent: round(each.minutes, 3) for each in kept} == {"ada": 15, "ben": 5}

    def test_a_plan_without_live_contacts_keeps_nothing(self) -> None:
        day = problem([agent("ada", 30, 30, 30, 30)], [mail("one", 20)])

        assert keep_reserved(day, solve(day), [Reservation("gone", "ada", 0, 5.0)]) == ()
