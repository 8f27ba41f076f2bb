"""Demand against capacity of a site's day, by interval, before and after it is planned."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import problem as asked
from webapp.models import Assignment, Plan, Policy, Reservation, Site
from webapp.services import roster
from webapp.services.planning import demand, policies, store, supply
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.problem import find_horizon


@dataclass(frozen=True, slots=True)
class IntervalLoad:
    """
    One interval in agent minutes.

    ``capacity`` is productive minutes, ``live`` forecast for live contacts, ``deferrable`` what engagements need if
    each is spread evenly over
    its window.  ``planned_live`` and ``planned_work`` are what a plan puts there and ``planned_starts`` how many
    engagements it begins there, 0 without one.
    """

    starts_at: dt.datetime
    capacity: float
    live: float
    deferrable: float
    planned_live: float = 0.0
    planned_work: float = 0.0
    planned_starts: int = 0


@dataclass(frozen=True, slots=True)
class DayLoad:
    """A day by interval, and what there is to plan."""

    horizon: Horizon
    intervals: tuple[IntervalLoad, ...]
    engagements: int
    agents_on_shift: int

    @property
    def capacity(self) -> float:
        """Productive minutes of the day."""
        return sum(each.capacity for each in self.intervals)

    @property
    def live(self) -> float:
        """Agent minutes that live contacts are forecast to need."""
        return sum(each.live for each in self.intervals)

    @property
    def deferrable(self) -> float:
        """Agent minutes that engagements need."""
        return sum(each.deferrable for each in self.intervals)


def day_load(
    session: Session, site: Site, day_on: dt.date, *, today: dt.date, policy: Policy, interval_minutes: int
) -> DayLoad:
    """
    Return demand against capacity of a day from what the database holds now.

    Raises
    ------
    InvalidInputError
        If nobody works and nothing is forecast on that day.
    """
    settings = policies.PlanningSettings.of(policy)
    horizon = find_horizon(session, site, day_on, interval_minutes=interval_minutes)
    people = supply.list_agent_ids(session, site)
    minutes = roster.capacity(session, people, horizon.starts_at, horizon.interval_minutes, horizon.intervals)
    rows = demand.list_forecast(session, site, horizon.starts_at, horizon.ends_at)
    work, kinds = demand.list_workload(session, site, day_on, horizon=horizon, today=today)
    live_kinds = {row.engagement_type_id: row.engagement_type for row in rows}
    return _load(
        horizon,
        capacity=[[each * (1.0 - settings.shrinkage) for each in own] for own in minutes.values()],
        contacts=demand.live_concurrency([*live_kinds.values(), *kinds]),
        work=[(each.minutes, each.channel.value, *demand.window(each, horizon)[::2]) for each in work],
        forecast=demand.build_forecast(rows, horizon=horizon, live_priority=settings.live_priority),
    )


def plan_load(session: Session, plan: Plan) -> DayLoad:
    """Return demand against capacity as a plan's run saw it, with what the plan put into each interval."""
    problem, horizon = store.load_problem(plan.run), store.horizon_of(plan.run)
    contacts_of: dict[str, float] = {}
    for agent in problem.agents:
        contacts_of |= agent.concurrency
    load = _load(
        horizon,
        capacity=[agent.capacity for agent in problem.agents],
        contacts=contacts_of,
        work=[(each.minutes, each.channel, each.earliest, each.latest) for each in problem.engagements],
        forecast=problem.forecast,
    )
    concurrency = {agent.id: agent.concurrency for agent in problem.agents}
    channels = {engagement.id: engagement.channel for engagement in problem.engagements}
    live, work, starts = [0.0] * horizon.intervals, [0.0] * horizon.intervals, [0] * horizon.intervals
    reserved = select(Reservation.starts_at, Reservation.minutes).where(Reservation.plan_id == plan.id)
    for starts_at, minutes in session.execute(reserved):
        live[horizon.index_of(starts_at)] += minutes
    assigned = select(Assignment.starts_at, Assignment.minutes, Assignment.person_id, Assignment.engagement_id).where(
        Assignment.plan_id == plan.id
    )
    for starts_at, minutes, person_id, engagement_id in session.execute(assigned):
        contacts = concurrency.get(str(person_id), {}).get(channels.get(str(engagement_id), ""), 1.0)
        left, index = minutes, horizon.index_of(starts_at)
        starts[index] += 1
        while left > 0 and index < horizon.intervals:
            done = min(left, float(horizon.interval_minutes))
            work[index] += done / contacts
            left, index = left - done, index + 1
    return DayLoad(
        horizon=horizon,
        intervals=tuple(
            IntervalLoad(
                each.starts_at, each.capacity, each.live, each.deferrable, live[index], work[index], starts[index]
            )
            for index, each in enumerate(load.intervals)
        ),
        engagements=load.engagements,
        agents_on_shift=load.agents_on_shift,
    )


def _load(
    horizon: Horizon,
    *,
    capacity: Sequence[Sequence[float]],
    contacts: Mapping[str, float],
    work: Sequence[tuple[float, str, int, int]],
    forecast: Sequence[asked.Forecast],
) -> DayLoad:
    """
    Add up a day.

    Parameters
    ----------
    horizon
        The intervals.
    capacity
        Productive minutes of each agent, by interval.
    contacts
        Simultaneous contacts by channel, where they are more than one.
    work
        Contact minutes, channel, first and last interval of each engagement.
    forecast
        Classes of live contacts.
    """
    count = horizon.intervals
    live = [sum(each.minutes[index] / contacts.get(each.channel, 1.0) for each in forecast) for index in range(count)]
    deferrable = [0.0] * count
    for minutes, channel, earliest, latest in work:
        share = minutes / contacts.get(channel, 1.0) / (latest - earliest + 1)
        for index in range(earliest, latest + 1):
            deferrable[index] += share
    return DayLoad(
        horizon=horizon,
        intervals=tuple(
            IntervalLoad(horizon.start_of(index), sum(own[index] for own in capacity), live[index], deferrable[index])
            for index in range(count)
        ),
        engagements=len(work),
        agents_on_shift=sum(1 for own in capacity if any(own)),
    )
