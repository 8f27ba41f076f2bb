"""
Work that somebody has begun: it leaves the agent as many minutes less as are still to be worked on it.

Where the live plan of the day holds the work, the plan after it holds it too, at the same place. What it does not hold
there, and what was begun later than its place says, is taken from the agent's minutes from the moment of its begin on.
Nothing of this reads the clock, so that the same facts make the same problem.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from optimizer import problem as asked
from webapp.models import Assignment, Engagement, EngagementEvent, EngagementState, Plan, Site
from webapp.services import roster, spans
from webapp.services.planning.horizon import Horizon

# Who left work open for longer than this has forgotten to say that it is done.
FORGOTTEN_AFTER = dt.timedelta(days=3)
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class UnderWay:
    """
    Begun work as the optimizer's ids tell it.

    Parameters
    ----------
    engagement, agent
        What, and who is at it.
    start
        The interval in which it began; the first of the horizon if that was earlier.
    minutes
        What of it falls into the horizon.
    """

    engagement: str
    agent: str
    start: int
    minutes: float


def list_under_way(session: Session, site: Site, *, horizon: Horizon, productive: float) -> tuple[UnderWay, ...]:
    """
    Return the work in progress at a site that takes minutes of a horizon, the earliest begin first.

    Parameters
    ----------
    session, site
        A session and whose work.
    horizon
        The intervals.
    productive
        Share of the agents' minutes that go into work; what they worked before the horizon is off already.
    """
    engagements = session.scalars(
        select(Engagement)
        .where(Engagement.site_id == site.id, Engagement.state == EngagementState.IN_PROGRESS)
        .options(joinedload(Engagement.engagement_type))
        .order_by(Engagement.id)
    ).all()
    ids = [each.id for each in engagements]
    begun, agents = _begun_at(session, ids), find_agents(session, ids)
    found = []
    for engagement in engagements:
        at, agent = begun.get(engagement.id), agents.get(engagement.id)
        if at is None or agent is None or at >= horizon.ends_at or at < horizon.starts_at - FORGOTTEN_AFTER:
            continue
        minutes = engagement.handle_minutes
        if at < horizon.starts_at:
            worked = roster.working_spans(session, [agent], at, horizon.starts_at)[agent]
            minutes -= productive * sum(spans.minutes_of(span) for span in worked)
        if minutes > 0:
            found.append((at, UnderWay(str(engagement.id), str(agent), max(0, horizon.index_of(at)), minutes)))
    return tuple(each for _, each in sorted(found, key=lambda pair: (pair[0], int(pair[1].engagement))))


def find_agents(session: Session, engagement_ids: Collection[int]) -> dict[int, int]:
    """Return who is at each of some engagements that were begun: whom the newest plan that was ever live gave it to."""
    rows = session.execute(
        select(Assignment.engagement_id, Assignment.person_id)
        .join(Assignment.plan)
        .where(Assignment.engagement_id.in_(engagement_ids), Plan.published_at.is_not(None))
        .order_by(Plan.published_at, Plan.id)
    )
    return dict(rows.all())


def _begun_at(session: Session, engagement_ids: Collection[int]) -> dict[int, dt.datetime]:
    rows = session.execute(
        select(EngagementEvent.engagement_id, func.max(EngagementEvent.at))
        .where(
            EngagementEvent.engagement_id.in_(engagement_ids),
            EngagementEvent.after == EngagementState.IN_PROGRESS,
            # Taking back "done" is no new begin.
            EngagementEvent.before != EngagementState.DONE,
        )
        .group_by(EngagementEvent.engagement_id)
    )
    return dict(rows.all())


def take(agents: Sequence[asked.Agent], work: Iterable[UnderWay]) -> tuple[asked.Agent, ...]:
    """Return the agents without the minutes of some work: each takes the next that are free from its start on."""
    left = {agent.id: list(agent.capacity) for agent in agents}
    for each in work:
        capacity, minutes = left.get(each.agent, []), each.minutes
        for index in range(each.start, len(capacity)):
            taken = min(minutes, capacity[index])
            capacity[index] = round(capacity[index] - taken, _DIGITS)
            minutes -= taken
            if minutes <= 0:
                break
    return tuple(
        replace(agent, capacity=tuple(left[agent.id])) if tuple(left[agent.id]) != agent.capacity else agent
        for agent in agents
    )


def taken_minutes(before: Sequence[asked.Agent], after: Sequence[asked.Agent]) -> dict[str, tuple[float, ...]]:
    """Return what :func:`take` took, by agent and interval; agents from whom nothing was taken are left out."""
    left = {agent.id: agent.capacity for agent in after}
    return {
        agent.id: tuple(round(had - has, _DIGITS) for had, has in zip(agent.capacity, left[agent.id], strict=True))
        for agent in before
        if agent.id in left and left[agent.id] != agent.capacity
    }


def give_back(agents: Sequence[asked.Agent], taken: Mapping[str, Sequence[float]]) -> tuple[asked.Agent, ...]:
    """Return the agents with the minutes that :func:`take` took: what they have to plan apart from begun work."""
    return tuple(
        replace(
            agent,
            capacity=tuple(
                round(has + more, _DIGITS) for has, more in zip(agent.capacity, taken[agent.id], strict=True)
            ),
        )
        if agent.id in taken
        else agent
        for agent in agents
    )


def is_late(each: UnderWay, place: asked.Placement) -> bool:
    """Return whether work began in a later interval than its place, which then holds minutes that are over."""
    return each.start > place.start
