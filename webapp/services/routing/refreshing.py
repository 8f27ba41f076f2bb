"""When a site's desk is built anew, and prices of the rest of the day that are solved in between."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import plan as answered
from optimizer.problem import Problem
from webapp.models import Plan, PlanState, RoutingMode, RoutingSetting, Site
from webapp.services.planning.problem import Effort, build_problem
from webapp.services.routing import desks
from webapp.services.routing.desks import PricedPlan

PRICE_SECONDS = 20.0
"""Time of one solve for prices: the LP is what matters, the plan that comes with it is thrown away."""

PRICES_JOB = "routing.prices"


@dataclass(frozen=True, slots=True)
class DueRefresh:
    """A site whose desk is due to be built anew; ``key`` names the reason, so that it happens once."""

    site_id: int
    day_on: dt.date
    key: str


def list_due(session: Session, at: dt.datetime) -> Iterator[DueRefresh]:
    """Yield a refresh for each routed site: one for each plan that is published, and one every few minutes."""
    rows = session.execute(
        select(Site, RoutingSetting.refresh_minutes)
        .join(RoutingSetting, RoutingSetting.site_id == Site.id)
        .where(RoutingSetting.mode != RoutingMode.OFF)
        .order_by(Site.id)
    ).all()
    for site, minutes in rows:
        day_on = at.astimezone(ZoneInfo(site.time_zone)).date()
        live = select(Plan.id).where(Plan.site_id == site.id, Plan.day_on == day_on, Plan.state == PlanState.PUBLISHED)
        slot = int(at.timestamp() // (60 * minutes))
        key = f"{PRICES_JOB}/{site.id}/{day_on.isoformat()}/{session.scalar(live) or 0}/{slot}"
        yield DueRefresh(site.id, day_on, key)


@dataclass(frozen=True, slots=True)
class Repricing:
    """The rest of a day as a problem whose prices are wanted, and the plan whose place they take."""

    problem: Problem
    priced: PricedPlan

    def with_prices(self, answer: answered.Plan) -> PricedPlan:
        """Return the plan with the prices of an answer; with its own where there was no time for any."""
        prices = dict(answer.prices.agent)
        if not prices:
            return self.priced
        return PricedPlan(self.priced.plan, self.priced.horizon, prices, resolved=True)


def find_repricing(session: Session, site: Site, *, at: dt.datetime) -> Repricing | None:
    """
    Return what is to be solved for the prices of now.

    None where there is no published plan, where it has just become the site's: then its own prices are fresh, or where
    its day is over.
    """
    day_on = at.astimezone(ZoneInfo(site.time_zone)).date()
    priced = desks.find_prices(session, site, day_on)
    if priced is None or not priced.horizon.holds(at):
        return None
    desk = desks.find_desk(session, site.id)
    if desk is None or desk.plan_id != priced.plan.id:
        return None
    run = priced.plan.run
    effort = Effort(seed=run.seed, time_limit_seconds=PRICE_SECONDS, gap=run.gap_target, keep_before=at)
    built = build_problem(
        session,
        site,
        day_on,
        policy=run.policy,
        interval_minutes=run.interval_minutes,
        today=day_on,
        effort=effort,
        horizon=priced.horizon,
    )
    return Repricing(built.problem, priced)
