"""
What happens to engagements by themselves, once a day at each site, and every hour for the last.

- Work that a live plan holds for a day that has come is *offered*: it is before its agent for an answer.
- Work whose latest start lies before the site's midnight and that nobody began *expires*; whose it was is told, and so
  is the dispatcher. The day in which the latest start passed is left to mend it by hand.
- Customers' words of engagements that ended long ago are cleared.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.models import Assignment, Engagement, EngagementState, Plan, PlanState, Praise, Site
from webapp.services import audit, lifecycle, notices, ownership
from webapp.services.audit import Actor
from webapp.services.zones import day_bounds

EXPIRABLE = lifecycle.OPEN - {EngagementState.IN_PROGRESS}
_NAMED = 3


def offer_day(session: Session, site: Site, on: dt.date, *, by: Actor) -> int:
    """Offer what live plans of a site hold for a day and nobody has answered; return how many engagements that were."""
    ids = session.scalars(
        select(Assignment.engagement_id)
        .join(Assignment.plan)
        .where(Plan.site_id == site.id, Plan.day_on == on, Plan.state == PlanState.PUBLISHED)
    ).all()
    moved = lifecycle.move_all(
        session,
        set(ids),
        among={EngagementState.PLANNED},
        state=EngagementState.OFFERED,
        action="offer_day",
        by=by,
    )
    if moved:
        audit.record(
            session,
            "offer_day",
            site,
            by=by,
            detail={"site_id": site.id, "day": on.isoformat(), "engagements": len(moved)},
        )
    return len(moved)


def expire(session: Session, site: Site, on: dt.date, *, by: Actor, limit: int = 500) -> int:
    """
    Expire a site's engagements whose latest start lies before a day and that nobody began; return how many those were.

    At most ``limit`` at once, so that other writers need not wait long; whoever calls goes on until there are none.
    """
    midnight, _ = day_bounds(on, site.time_zone)
    late = session.scalars(
        select(Engagement)
        .where(Engagement.site_id == site.id, Engagement.state.in_(EXPIRABLE), Engagement.latest_at < midnight)
        .order_by(Engagement.latest_at, Engagement.id)
        .limit(limit)
    ).all()
    if not late:
        return 0
    owners = ownership.owners_of(session, late)
    moved = lifecycle.move_all(
        session,
        {each.id for each in late},
        among=EXPIRABLE,
        state=EngagementState.EXPIRED,
        action="expire_engagement",
        by=by,
    )
    told: dict[int, list[Engagement]] = defaultdict(list)
    dispatcher = ownership.find_dispatcher(session, site.id)
    for each in late:
        for person in {owners.get(each.id), dispatcher} - {None}:
            if person is not None:
                told[person.id].append(each)
    for person_id, theirs in sorted(told.items()):
        _tell(
            session,
            person_id,
            theirs,
            site=site,
            dispatches=dispatcher is not None and dispatcher.id == person_id,
            by=by,
        )
    audit.record(
        session,
        "expire_engagements",
        site,
        by=by,
        detail={"site_id": site.id, "before": on.isoformat(), "engagement_ids": sorted(moved)},
    )
    return len(moved)


def _tell(session: Session, person_id: int, late: list[Engagement], *, site: Site, dispatches: bool, by: Actor) -> None:
    named = ", ".join(each.external_id for each in late[:_NAMED])
    more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
    notices.notify(
        session,
        person_id,
        kind="engagement_expired",
        text=f"Nobody began {named}{more} in time: {'it has' if len(late) == 1 else 'they have'} expired.",
        link=f"/engagements?site={site.id}&state=expired&day=" if dispatches else "/day",
        by=by,
    )


def clear_words(session: Session, site: Site, before: dt.datetime, *, by: Actor, limit: int = 500) -> int:
    """
    Clear the subjects of a site's engagements that ended, and the words of praise, from before a moment.

    An engagement counts by its latest start, which an end never precedes by more than its window.
    """
    ended = session.scalars(
        select(Engagement.id)
        .where(
            Engagement.site_id == site.id,
            Engagement.state.in_(lifecycle.ENDED),
            Engagement.latest_at < before,
            Engagement.subject != "",
        )
        .order_by(Engagement.id)
        .limit(limit)
    ).all()
    praised = session.scalars(
        select(Praise.id)
        .join(Praise.thanks)
        .where(Engagement.site_id == site.id, Praise.at < before, Praise.words != "")
        .order_by(Praise.id)
        .limit(limit)
    ).all()
    if ended:
        session.execute(
            update(Engagement)
            .where(Engagement.id.in_(ended))
            .values(subject="", version=Engagement.version + 1)
            .execution_options(synchronize_session="fetch")
        )
    if praised:
        session.execute(update(Praise).where(Praise.id.in_(praised)).values(words=""))
    if ended or praised:
        audit.record(
            session,
            "clear_customer_words",
            site,
            by=by,
            detail={"before": before.isoformat(), "engagements": len(ended), "praise": len(praised)},
        )
    return len(ended) + len(praised)
