"""The board of a site's day, put together for a page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.models import Assignment, EngagementState, Plan, PlanRun, Site
from webapp.services import zones
from webapp.services.board import breaches, feed, floor, queue
from webapp.services.board.progress import DayProgress, IntervalProgress, day_progress
from webapp.services.planning import plans, runs, successors
from webapp.services.planning.day import find_live_plan


@dataclass(frozen=True, slots=True)
class Board:
    """
    A site's day at one moment.

    Parameters
    ----------
    site, day_on, at
        Where and when.
    plan
        The published plan; None if there is none, and with it ``progress``.
    progress
        Plan against actual by interval.
    floor
        The agents of today, by state.
    queues
        What waits, by type.
    breaches
        What is going to be missed.
    declined
        Assignments of the plan that were declined and that nobody else has.
    feed
        What happened.
    open_run
        A run that is under way.
    former
        The plan to which one step leads back.
    """

    site: Site
    day_on: dt.date
    at: dt.datetime
    plan: Plan | None
    progress: DayProgress | None
    floor: Sequence[floor.OnFloor]
    queues: Sequence[queue.TypeQueue]
    breaches: Sequence[breaches.Breach]
    declined: Sequence[Assignment]
    feed: Sequence[feed.FeedLine]
    open_run: PlanRun | None
    former: Plan | None

    @property
    def on_floor(self) -> int:
        """How many agents are on shift and not absent."""
        return sum(each.state in floor.ON_FLOOR for each in self.floor)

    @property
    def absent(self) -> int:
        """How many are absent."""
        return sum(each.state is floor.FloorState.ABSENT for each in self.floor)

    @property
    def short(self) -> Sequence[IntervalProgress]:
        """The intervals from now on that are short of staff for live contacts."""
        return [each for each in self.progress.ahead if each.short] if self.progress is not None else []


def board_of(session: Session, site: Site, *, at: dt.datetime) -> Board:
    """Return the board of today at a site."""
    day_on = zones.to_local(at, site.time_zone).date()
    starts_at, ends_at = zones.day_bounds(day_on, site.time_zone)
    plan = find_live_plan(session, site.id, day_on)
    return Board(
        site=site,
        day_on=day_on,
        at=at,
        plan=plan,
        progress=day_progress(session, plan, at=at) if plan is not None else None,
        floor=floor.list_floor(session, site, plan, starts_at=starts_at, ends_at=ends_at, at=at),
        queues=queue.list_queues(session, site, starts_at=starts_at, ends_at=ends_at, at=at),
        breaches=breaches.list_breaches(session, site, plan, ends_at=ends_at, at=at),
        declined=[
            each
            for each in (plans.list_declines(session, plan) if plan is not None else ())
            if each.engagement.state is EngagementState.RETURNED
        ],
        feed=feed.list_feed(session, site, starts_at=starts_at, at=at),
        open_run=runs.find_open_run(session, site.id, day_on),
        former=successors.find_former(session, plan, at=at) if plan is not None else None,
    )
