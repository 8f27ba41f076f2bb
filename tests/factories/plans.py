"""Builders of plans: a draft, what it holds, and the moment from which it is published and stays as it is."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence

from tests.factories import NOW, TODAY, Make
from webapp.models import (
    Assignment,
    Engagement,
    EngagementType,
    Person,
    Plan,
    PlanRun,
    PlanState,
    Policy,
    Reservation,
    Site,
)


def draft_plan(make: Make, *, site: Site | None = None, day_on: dt.date = TODAY) -> Plan:
    """Build an empty draft for a day of a site, in intervals of 30 minutes."""
    site_id = (site or make.home).id
    policy = Policy(code=f"policy-{secrets.token_hex(4)}", number=1, name="Plain", settings={}, created_at=NOW)
    make.session.add(policy)
    make.session.flush()
    run = PlanRun(
        site_id=site_id,
        day_on=day_on,
        starts_at=NOW,
        interval_minutes=30,
        intervals=16,
        policy_id=policy.id,
        time_limit_seconds=10,
        gap_target=0.01,
        created_at=NOW,
    )
    make.session.add(run)
    make.session.flush()
    plan = Plan(
        run_id=run.id,
        site_id=site_id,
        day_on=day_on,
        state=PlanState.DRAFT,
        objective=1.0,
        terms={},
        created_at=NOW,
    )
    make.session.add(plan)
    make.session.flush()
    return plan


def assign(
    make: Make,
    plan: Plan,
    engagement: Engagement,
    person: Person,
    *,
    starts_at: dt.datetime = NOW,
    minutes: float = 15.0,
    why: Sequence[str] = (),
) -> Assignment:
    """Put an engagement into a draft."""
    assignment = Assignment(
        plan_id=plan.id,
        engagement_id=engagement.id,
        person_id=person.id,
        starts_at=starts_at,
        minutes=minutes,
        value=1.0,
        terms={},
        why={"to_agent": list(why)},
    )
    make.session.add(assignment)
    make.session.flush()
    return assignment


def reserve(
    make: Make, plan: Plan, kind: EngagementType, person: Person, starts_at: dt.datetime, minutes: float
) -> Reservation:
    """Keep minutes of a person for a live type in one interval of a draft."""
    reservation = Reservation(
        plan_id=plan.id, person_id=person.id, engagement_type_id=kind.id, starts_at=starts_at, minutes=minutes
    )
    make.session.add(reservation)
    make.session.flush()
    return reservation


def publish(make: Make, plan: Plan, *, by: Person | None = None) -> Plan:
    """Make a draft the live plan of its day."""
    plan.state, plan.published_at = PlanState.PUBLISHED, NOW
    plan.published_by_id = by.id if by is not None else None
    make.session.flush()
    return plan
