"""The stretch slots that some of the demo's agents chose in the shift that comes next, one of which was refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import Person, Shift, Site, StretchSlot
from webapp.services import own_week, zones
from webapp.services.audit import Actor
from webapp.services.planning import stretch_choices, stretch_slots
from webapp.services.planning.stretch_slots import SlotDraft

CHOOSERS = 4
_AHEAD = dt.timedelta(hours=36)
REFUSAL = "The outage line needs everybody then; any time before noon is fine."


def seed_stretch(session: Session, site: Site, *, by: Actor) -> int:
    """
    Let some agents choose a stretch slot, and let a scheduler refuse the last one.

    Parameters
    ----------
    session
        A writing session.
    site
        Whose agents.
    by
        The scheduler, now.

    Returns
    -------
    int
        How many slots were chosen.
    """
    if session.scalar(select(StretchSlot.id).limit(1)):
        return 0
    agents = session.scalars(
        select(Person)
        .where(Person.site_id == site.id, Person.is_agent, Person.active)
        .order_by(Person.external_id.desc())
    )
    chosen: list[StretchSlot] = []
    for agent in agents:
        slot = _choose(session, site, agent, by=replace(by, person_id=agent.id))
        chosen += [slot] if slot is not None else []
        if len(chosen) == CHOOSERS:
            stretch_choices.refuse_slot(session, chosen[-1], reason=REFUSAL, by=by)
            break
    return len(chosen)


def _choose(session: Session, site: Site, agent: Person, *, by: Actor) -> StretchSlot | None:
    """Choose the first time that no rule stands against, from the middle of the next shift on."""
    query = select(Shift).where(Shift.person_id == agent.id, Shift.ends_at > by.at, Shift.starts_at < by.at + _AHEAD)
    for shift in session.scalars(query.order_by(Shift.starts_at)):
        day_on = zones.to_local(shift.starts_at, site.time_zone).date()
        rules = stretch_slots.rules_of(session, site, day_on)
        quarters = own_week.list_quarters(shift, settled_until=stretch_slots.settled_until(by.at, rules))
        skills = stretch_slots.list_growing_skills(session, agent, day_on)
        for first in range(len(quarters) // 2, len(quarters)):
            span = own_week.find_free(quarters[first:], [], rules, zone=site.time_zone)
            if span is None or not skills:
                break
            try:
                return stretch_choices.choose_slot(session, agent, draft=SlotDraft(*span, skills[0].skill.id), by=by)
            except InvalidInputError:
                # A break or an absence lies there; the next quarter hour may do.
                continue
    return None
