"""What an operator watches of the work behind the pages: jobs, plan runs, and what waits to be sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.models import Job, JobState, PlanRun, WebhookDelivery

RECENT = dt.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """
    Counts and figures at one moment.

    Parameters
    ----------
    jobs
        How many jobs there are, by kind and state; those that ended well or were cancelled, of the last day alone.
    oldest_waiting_seconds
        Age of the oldest job that waits, by kind.
    runs
        Plan runs of the last day, by status.
    run_seconds, run_gap
        Medians of these runs; None where there is none.
    deliveries
        Webhook deliveries by state; those that arrived, of the last day alone.
    """

    jobs: Mapping[tuple[str, str], int]
    oldest_waiting_seconds: Mapping[str, float]
    runs: Mapping[str, int]
    run_seconds: float | None
    run_gap: float | None
    deliveries: Mapping[str, int]


def read(session: Session, *, at: dt.datetime) -> Telemetry:
    """Return what there is to watch."""
    since = at - RECENT
    alive = (JobState.QUEUED, JobState.RUNNING, JobState.DEAD)
    jobs = session.execute(
        select(Job.kind, Job.state, func.count())
        .where(Job.state.in_(alive) | (Job.created_at >= since))
        .group_by(Job.kind, Job.state)
    )
    waiting = session.execute(
        select(Job.kind, func.min(Job.created_at)).where(Job.state == JobState.QUEUED).group_by(Job.kind)
    )
    runs = session.execute(
        select(PlanRun.status, PlanRun.seconds, PlanRun.gap).where(
            PlanRun.created_at >= since, PlanRun.status.is_not(None)
        )
    ).all()
    deliveries = session.execute(
        select(WebhookDelivery.state, func.count())
        .where(WebhookDelivery.ended_at.is_(None) | (WebhookDelivery.created_at >= since))
        .group_by(WebhookDelivery.state)
    )
    statuses = [status for status, _, _ in runs if status is not None]
    return Telemetry(
        jobs={(kind, state.value): count for kind, state, count in jobs},
        oldest_waiting_seconds={kind: (at - oldest).total_seconds() for kind, oldest in waiting},
        runs={status: statuses.count(status) for status in set(statuses)},
        run_seconds=_median([seconds for _, seconds, _ in runs]),
        run_gap=_median([gap for _, _, gap in runs]),
        deliveries={state.value: count for state, count in deliveries},
    )


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
