"""Rules of check-ins and what they make for tomorrow; and what is about to slip today."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import CheckInRule, CheckInTrigger, Engagement, EngagementType, Site
from webapp.services import check_ins, lifecycle, ownership
from webapp.services.audit import Actor
from webapp.services.check_ins import RuleDraft

CHECK_IN_SHARE = 0.03
RULES = (
    # Name, check-in, what makes a customer due, days, after what, priority.
    ("A week after a recovery", "check-in-care", CheckInTrigger.AFTER_TYPE, 7, "case-recovery", 4),
    ("Given back or expired", "check-in-care", CheckInTrigger.AFTER_SETBACK, 2, None, 4),
    ("Four weeks of silence", "check-in", CheckInTrigger.NO_CONTACT, 28, None, 2),
)
DUE_SOON = (
    # Type, subject, minutes until it is due, priority.
    ("callback-payment", "Asked to be called before the shop opens", 50, 4),
    ("mail-billing", "Second mail about the same bill", 75, 3),
    ("case-recovery", "Waited at home for a fitter who did not come", 95, 5),
)


def seed_care(session: Session, site: Site, *, by: Actor) -> int:
    """Add rules of check-ins to a site that has none, and make those of tomorrow; return how many rows that were."""
    if session.scalar(select(CheckInRule.id).where(CheckInRule.site_id == site.id).limit(1)) is not None:
        return 0
    types = {kind.code: kind.id for kind in session.scalars(select(EngagementType))}
    for name, code, trigger, days, after, priority in RULES:
        draft = RuleDraft(
            name=name,
            engagement_type_id=types[code],
            trigger=trigger,
            days=days,
            after_type_id=types[after] if after else None,
            priority=priority,
        )
        check_ins.create_rule(session, site, draft=draft, by=by)
    present = ownership.settings_of(session, site.id)
    ownership.change_settings(
        session,
        site,
        dispatcher_id=present.dispatcher_id,
        slip_minutes=present.slip_minutes,
        untouched_minutes=present.untouched_minutes,
        check_in_share=CHECK_IN_SHARE,
        by=by,
    )
    tomorrow = by.at.astimezone(ZoneInfo(site.time_zone)).date() + dt.timedelta(days=1)
    return len(RULES) + check_ins.create(session, site, tomorrow, by=by)


def seed_slipping(session: Session, site: Site, *, by: Actor) -> int:
    """Add work that is due soon and that no plan holds, because it came after the plan; return how much."""
    types = {kind.code: kind.id for kind in session.scalars(select(EngagementType))}
    added = 0
    for number, (code, subject, minutes, priority) in enumerate(DUE_SOON, start=1):
        external_id = f"{site.code[:3].upper()}-SOON-{by.at:%y%m%d}-{number}"
        if session.scalar(select(Engagement.id).where(Engagement.external_id == external_id)) is not None:
            continue
        engagement = Engagement(
            external_id=external_id,
            site_id=site.id,
            engagement_type_id=types[code],
            customer_key=f"T1000{number}",
            subject=subject,
            earliest_at=by.at,
            due_at=by.at + dt.timedelta(minutes=minutes),
            latest_at=by.at + dt.timedelta(minutes=minutes + 120),
            priority=priority,
        )
        lifecycle.begin(session, engagement, by=by)
        added += 1
    return added
