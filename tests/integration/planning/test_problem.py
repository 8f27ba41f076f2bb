"""What the optimizer is asked about a day."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.errors import InvalidInputError
from webapp.models import Channel, EngagementState, Interest
from webapp.services.planning import pins, policies
from webapp.services.planning.problem import Effort, build_problem, find_horizon
from webapp.services.planning.tranches import COUNT, by_type


@pytest.fixture
def policy(session: Session, make: Make):
    """Return the default policy."""
    policies.ensure_presets(session, by=make.actor())
    return policies.get_policy(session, "default")


@pytest.fixture
def build(session: Session, day: Day, policy):
    """Return a function that builds the problem of the small day."""

    def _build(**values):
        arguments = {"policy": policy, "interval_minutes": 30, "today": NOW.date()} | values
        return build_problem(session, day.site, TODAY, **arguments)

    return _build


class TestSupply:
    def test_capacity_is_shift_without_breaks_and_shrinkage(self, build, day: Day) -> None:
        """9–13 h with a break from 11 to 11.30: eight half hours, one of them empty, each × (1 − 0.1)."""
        agents = {agent.id: agent for agent in build().problem.agents}

        assert agents[str(day.ada.id)].capacity == (27.0, 27.0, 27.0, 27.0, 0.0, 27.0, 27.0, 27.0)
        assert agents[str(day.ben.id)].capacity == (27.0,) * 8

    def test_levels_are_effective_levels_of_skills_that_the_day_asks_for(self, build, day: Day, make: Make) -> None:
        make.record(day.ben, make.skill(), 5)

        agents = {agent.id: agent for agent in build().problem.agents}

        assert agents[str(day.ben.id)].skills == {str(day.billing.id): 3}

    def test_wants_are_skills_that_the_agent_said_they_want_to_grow(self, build, day: Day, make: Make) -> None:
        make.record(day.ben, day.tech, 0, interest=Interest.GROW)

        agents = {agent.id: agent for agent in build().problem.agents}

        assert agents[str(day.ben.id)].wants == (str(day.tech.id),)
        assert agents[str(day.ben.id)].max_stretch_minutes == 60.0
        assert agents[str(day.ada.id)].max_stretch_minutes == 0.0

    def test_nobody_costs_more_or_takes_longer_than_another(self, build) -> None:
        """Pay never becomes a cost, and a person's own handle time never a length."""
        problem = build().problem

        assert {agent.cost_per_minute for agent in problem.agents} == {0.0}
        assert all(not engagement.minutes_by_agent for engagement in problem.engagements)

    def test_a_higher_pay_band_changes_nothing_that_is_asked(
        self, build, session: Session, day: Day, make: Make
    ) -> None:
        """The same problem has the same plan: nobody loses work because they earn more."""
        before = build().problem.digest()

        day.ben.service_role_id = make.service_role(pay_from=90_000, pay_to=120_000).id
        session.flush()

        assert build().problem.digest() == before

    def test_agents_of_other_sites_and_inactive_ones_are_not_asked(self, build, day: Day, make: Make) -> None:
        make.person(site=make.site())
        make.person(active=False)

        assert {agent.id for agent in build().problem.agents} == {str(day.ada.id), str(day.ben.id)}

    def test_two_shifts_that_meet_in_an_interval_are_one_for_its_limits(self, build, day: Day, make: Make) -> None:
        """13.00 ends the first shift; one from 13.10 shares no interval with it, one that begins at 13.00 joins."""
        make.shift(day.ben, starts_at=AT_NINE + dt.timedelta(minutes=250), hours=1)
        make.shift(day.ada, starts_at=AT_NINE + dt.timedelta(minutes=225), hours=1)

        agents = {agent.id: agent for agent in build().problem.agents}

        assert agents[str(day.ben.id)].shifts == ((0, 8), (8, 11))
        assert agents[str(day.ada.id)].shifts == ((0, 10),)

    def test_an_absence_takes_the_minutes_away(self, build, day: Day, make: Make) -> None:
        make.absence(day.ben, AT_NINE, AT_NINE + dt.timedelta(hours=1))

        agents = {agent.id: agent for agent in build().problem.agents}

        assert agents[str(day.ben.id)].capacity[:3] == (0.0, 0.0, 27.0)


class TestDemand:
    def test_windows_become_intervals(self, build, day: Day) -> None:
        asked = {engagement.id: engagement for engagement in build().problem.engagements}[str(day.easy[0].id)]

        assert (asked.earliest, asked.due, asked.latest) == (0, 6, 6)

    def test_a_window_between_two_begins_may_start_in_its_interval(self, build, day: Day, make: Make) -> None:
        start = AT_NINE + dt.timedelta(minutes=40)
        short = make.engagement(day.mail, earliest_at=start, due_at=start + dt.timedelta(minutes=10))

        asked = {engagement.id: engagement for engagement in build().problem.engagements}[str(short.id)]

        assert (asked.earliest, asked.latest) == (1, 1)

    def test_forecast_minutes_are_spread_over_shorter_intervals(self, build, day: Day) -> None:
        problem = build(interval_minutes=15).problem

        forecast = by_type(problem).forecast
        assert [demand.class_ for demand in forecast] == [str(day.calls.id)]
        assert forecast[0].minutes == (10.0,) * 16

    def test_first_minutes_of_a_forecast_are_worth_more_than_the_last(self, build, day: Day) -> None:
        worth = [demand.value_per_minute for demand in build().problem.forecast]

        assert len(worth) == COUNT
        assert worth == sorted(worth, reverse=True)
        assert worth[0] > worth[-1]

    def test_live_work_is_forecast_and_never_an_item(self, build, day: Day, make: Make) -> None:
        live = make.engagement(day.calls, earliest_at=AT_NINE)

        assert str(live.id) not in {engagement.id for engagement in build().problem.engagements}

    @pytest.mark.parametrize("state", [EngagementState.DONE, EngagementState.CANCELLED])
    def test_what_is_over_is_not_planned(self, build, day: Day, session: Session, state: EngagementState) -> None:
        day.easy[0].state = state
        session.flush()

        assert str(day.easy[0].id) not in {engagement.id for engagement in build().problem.engagements}

    def test_the_case_owner_and_who_served_the_customer_are_known(self, build, day: Day, make: Make) -> None:
        day.easy[0].owner_id = day.ada.id
        make.contact(
            day.calls, AT_NINE - dt.timedelta(days=3), 5, person_id=day.ben.id, customer_key=day.easy[0].customer_key
        )

        asked = {engagement.id: engagement for engagement in build().problem.engagements}[str(day.easy[0].id)]

        assert asked.known_agents == (str(day.ada.id), str(day.ben.id))

    def test_concurrency_of_a_channel_is_the_least_of_its_types(self, build, day: Day, make: Make) -> None:
        for contacts in (2, 3):
            chat = make.engagement_type(channel=Channel.CHAT, concurrency=contacts)
            make.forecast(chat, AT_NINE, 30.0)

        assert {agent.concurrency["chat"] for agent in build().problem.agents} == {2.0}


class TestPins:
    def test_a_pin_becomes_a_pin_of_the_problem(self, build, day: Day, make: Make, session: Session) -> None:
        pins.pin_engagement(
            session, day.easy[0], day.ben, AT_NINE + dt.timedelta(hours=1), reason="Knows it", by=make.actor(day.ada)
        )

        (pin,) = build().problem.pins

        assert (pin.engagement, pin.agent, pin.start) == (str(day.easy[0].id), str(day.ben.id), 2)

    def test_work_that_is_pinned_to_another_day_is_left_alone(
        self, build, day: Day, make: Make, session: Session
    ) -> None:
        tomorrow = AT_NINE + dt.timedelta(days=1)
        pins.pin_engagement(session, day.easy[0], day.ben, tomorrow, reason="Asked for", by=make.actor(day.ada))

        assert str(day.easy[0].id) not in {engagement.id for engagement in build().problem.engagements}

    def test_a_pin_to_somebody_who_left_is_named(self, build, day: Day, make: Make, session: Session) -> None:
        pins.pin_engagement(session, day.easy[0], day.ben, AT_NINE, reason="Knows it", by=make.actor(day.ada))
        day.ben.active = False
        session.flush()

        with pytest.raises(InvalidInputError, match=r"easy-0 is pinned to Ben Okri"):
            build()


class TestDigest:
    def test_the_same_inputs_have_the_same_digest(self, build) -> None:
        assert build().digest == build().digest

    def test_effort_and_policy_are_no_inputs(self, build) -> None:
        assert build(effort=Effort(seed=7, time_limit_seconds=90)).digest == build().digest

    def test_another_level_is_another_input(self, build, day: Day, make: Make) -> None:
        before = build().digest
        make.record(day.ben, day.tech, 2)

        assert build().digest != before


class TestHorizon:
    def test_the_day_is_trimmed_to_its_work(self, session: Session, day: Day) -> None:
        horizon = find_horizon(session, day.site, TODAY, interval_minutes=30)

        assert (horizon.starts_at, horizon.intervals) == (AT_NINE, 8)

    def test_a_day_without_work_is_refused(self, session: Session, day: Day) -> None:
        with pytest.raises(InvalidInputError, match="Nobody works"):
            find_horizon(session, day.site, TODAY + dt.timedelta(days=1), interval_minutes=30)

    @pytest.mark.parametrize(
        ("on", "hours"), [(dt.date(2026, 3, 29), 7), (dt.date(2026, 10, 25), 9), (dt.date(2026, 10, 26), 8)]
    )
    def test_a_night_lasts_as_long_as_it_lasts(self, session: Session, make: Make, on: dt.date, hours: int) -> None:
        """From local midnight to eight o'clock in Berlin the clocks of two nights a year skip or repeat an hour."""
        berlin = ZoneInfo("Europe/Berlin")
        start = dt.datetime.combine(on, dt.time(), berlin).astimezone(dt.UTC)
        end = dt.datetime.combine(on, dt.time(8), berlin).astimezone(dt.UTC)
        make.shift(make.person(), starts_at=start, hours=(end - start) / dt.timedelta(hours=1))

        horizon = find_horizon(session, make.home, on, interval_minutes=30)

        assert (horizon.starts_at, horizon.intervals) == (start, hours * 2)
