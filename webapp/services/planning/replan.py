"""Planning the rest of a live day again: what stands, how little may change, and how long it may take."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.orm import Session

from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Plan, PlanRun, Site
from webapp.services.audit import Actor
from webapp.services.planning import policies, runs
from webapp.services.planning.day import find_live_plan

MAX_KEEP_MINUTES = 240
GAP = 0.005
"""Relative gap at which such a run stops: half a percent found now is worth more than a tenth found in a minute."""

STABILITY = 5.0
"""Weight of leaving a published assignment, as much per minute as the calmest preset and more: the day has begun."""

RUNG_PRICES = (("lower_level", 3.0), ("hand_over", 4.0), ("later", 5.0))
"""Rungs of the ladder that a re-plan may allow beside its policy's, with their prices in points."""


@dataclass(frozen=True, slots=True)
class ReplanRequest:
    """
    What a scheduler chooses; :func:`defaults` gives what the policy says.

    Parameters
    ----------
    keep_minutes
        What begins within so many minutes from now stands.
    max_changes
        Engagements that may move beyond those that cannot stand; None is no limit.
    seconds
        Time limit.
    ladder
        Steps of the relaxation ladder that are allowed beside the policy's, with their prices in points.
    """

    keep_minutes: int
    max_changes: int | None
    seconds: float
    ladder: tuple[tuple[str, float], ...] = field(default=())


def defaults(plan: Plan) -> ReplanRequest:
    """Return what the policy of a published plan says of planning its rest again."""
    settings = policies.PlanningSettings.of(plan.run.policy)
    return ReplanRequest(
        keep_minutes=settings.replan_keep_minutes,
        max_changes=settings.replan_max_changes,
        seconds=settings.replan_seconds,
    )


def chosen(session: Session, site: Site, day_on: dt.date, **choices: Any) -> ReplanRequest:
    """
    Return what a policy says of planning a published plan's rest again, with other choices where there are any.

    Raises
    ------
    ConflictError
        If no plan of the day is published.
    """
    return replace(defaults(_get_live(session, site, day_on)), **choices)


def _get_live(session: Session, site: Site, day_on: dt.date) -> Plan:
    live = find_live_plan(session, site.id, day_on)
    if live is None:
        raise ConflictError("No plan of this day is published. Run the day first.")
    return live


def request_replan(session: Session, site: Site, day_on: dt.date, *, request: ReplanRequest, by: Actor) -> PlanRun:
    """
    Queue a run of the rest of a site's day, from now on, that begins at the published plan and changes little.

    Raises
    ------
    ConflictError
        If no plan of the day is published, or a run for it is still under way.
    InvalidInputError
        If a choice is out of range.
    """
    live = _get_live(session, site, day_on)
    if not 0 <= request.keep_minutes <= MAX_KEEP_MINUTES:
        raise InvalidInputError(f"Between 0 and {MAX_KEEP_MINUTES} minutes may stand.", field="keep_minutes")
    ladder = dict(request.ladder)
    for rung in policies.optimizer_policy(live.run.policy, seed=1, time_limit_seconds=1.0).ladder:
        ladder[rung.step] = rung.price
    return runs.request_run(
        session,
        site,
        day_on,
        request=runs.RunRequest(
            policy=live.run.policy.code,
            interval_minutes=live.run.interval_minutes,
            time_limit_seconds=request.seconds,
            gap=GAP,
            seed=live.run.seed,
            keep_before=by.at + dt.timedelta(minutes=request.keep_minutes),
            max_changes=request.max_changes,
            stability=STABILITY,
            ladder=tuple(ladder.items()) if ladder else None,
            replan=True,
        ),
        by=by,
    )
