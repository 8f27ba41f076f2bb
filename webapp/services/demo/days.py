"""What changes from day to day in the demo: shifts, contacts that have happened, and engagements to plan."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from webapp.models import (
    Contact,
    ContactOutcome,
    Engagement,
    EngagementState,
    EngagementType,
    Person,
    Shift,
    ShiftBreak,
    Site,
    SkillRecord,
    Team,
)
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.demo import catalogue
from webapp.services.demo.care import seed_care
from webapp.services.demo.company import SEED

SHIFT_DAYS = range(-3, 7)
CONTACT_DAYS = 28
ENGAGEMENTS_PER_SITE = 450
KNOWN_FOR_TOMORROW = 120
"""So much of a day's work is known the day before; the rest comes overnight."""

CONTACTS_PER_SHARE = 15.0
PATTERNS = ((8, 0), (10, 0), (12, 0))
_CHUNK = 2_000


def seed_day(session: Session, *, at: dt.datetime) -> bool:
    """
    Build the week of shifts, the weeks of contacts and the engagements around the present day of each site.

    Parameters
    ----------
    session
        A writing session.
    at
        The present moment.

    Returns
    -------
    bool
        Whether anything was missing and was built.
    """
    built = 0
    for site in session.scalars(select(Site).order_by(Site.id)).all():
        today = at.astimezone(ZoneInfo(site.time_zone)).date()
        agents = list(
            session.scalars(
                select(Person)
                .join(Team, Team.id == Person.team_id)
                .where(Person.site_id == site.id, Person.is_agent, Person.active)
                .order_by(Person.id)
            )
        )
        for offset in SHIFT_DAYS:
            built += _shifts(session, agents, site, today + dt.timedelta(days=offset))
        for offset in range(CONTACT_DAYS, -1, -1):
            built += _contacts(session, agents, site, today - dt.timedelta(days=offset), until=at)
        built += _engagements(session, agents, site, today)
        built += _engagements(session, agents, site, today + dt.timedelta(days=1), most=KNOWN_FOR_TOMORROW)
        built += seed_care(session, site, by=Actor(person_id=None, at=at, channel="cli"))
    if built:
        by = Actor(person_id=None, at=at, channel="cli")
        subject = session.scalars(select(Site).order_by(Site.id)).first()
        if subject is not None:
            audit.record(session, "seed_demo_day", subject, by=by, detail={"rows": built})
    return built > 0


def _chance(site: Site, day: dt.date, purpose: str) -> random.Random:
    return random.Random(f"{SEED}-{site.code}-{day.isoformat()}-{purpose}")


def _local(site: Site, day: dt.date, hour: float) -> dt.datetime:
    midnight = dt.datetime.combine(day, dt.time(), tzinfo=ZoneInfo(site.time_zone))
    whole = midnight.replace(hour=int(hour), minute=round(hour % 1 * 60))
    return whole.astimezone(dt.UTC)


def _shifts(session: Session, agents: Sequence[Person], site: Site, day: dt.date) -> int:
    prefix = f"demo-{site.code}-{day.isoformat()}-"
    if session.scalar(select(func.count()).select_from(Shift).where(Shift.external_id.startswith(prefix))):
        return 0
    count = 0
    for index, person in enumerate(agents):
        # Everybody works five of seven days; the days off move along the list, so that each day is staffed alike.
        if (index + day.toordinal()) % 7 < 2:
            continue
        hour, minute = PATTERNS[(index + day.toordinal() // 7) % len(PATTERNS)]
        start = hour + minute / 60
        shift = Shift(
            external_id=f"{prefix}{person.external_id}",
            person_id=person.id,
            starts_at=_local(site, day, start),
            ends_at=_local(site, day, start + 8.5),
        )
        for begin, length in ((2.25, 15), (4.0, 30), (6.25, 15)):
            rest = _local(site, day, start + begin)
            shift.breaks.append(ShiftBreak(starts_at=rest, ends_at=rest + dt.timedelta(minutes=length)))
        session.add(shift)
        count += 1
    session.flush()
    return count


def _shape(hour: float) -> float:
    """Return how busy an hour is: a peak before noon and a lower one in the late afternoon."""
    return 0.15 + math.exp(-((hour - 10.8) ** 2) / 5) + 0.7 * math.exp(-((hour - 16.6) ** 2) / 6)


def _arrivals(chance: random.Random, count: int) -> Iterator[float]:
    hours = [8.1 + step / 4 for step in range(48)]
    for hour in chance.choices(hours, weights=[_shape(hour) for hour in hours], k=count):
        yield hour + chance.random() / 4


def _contacts(session: Session, agents: Sequence[Person], site: Site, day: dt.date, *, until: dt.datetime) -> int:
    """Write the live contacts of one day that have ended by now; a day that was cut short is completed later."""
    prefix = f"demo-{site.code}-{day.isoformat()}-"
    known = set(session.scalars(select(Contact.external_id).where(Contact.external_id.startswith(prefix))))
    types = {kind.code: kind for kind in session.scalars(select(EngagementType))}
    chance = _chance(site, day, "contacts")
    weekday = 0.8 if day.weekday() >= 5 else 1.0
    rows: list[dict[str, Any]] = []
    for seed in catalogue.TYPES:
        if not seed.channel.live:
            continue
        kind = types[seed.code]
        share = seed.porto if site.code == "porto" else seed.halifax
        count = round(chance.gauss(share * CONTACTS_PER_SHARE, share * 0.8) * weekday)
        for number, hour in enumerate(sorted(_arrivals(chance, count))):
            arrived_at = _local(site, day, 0) + dt.timedelta(hours=hour)
            wait = round(chance.expovariate(1 / 25))
            minutes = max(1.0, chance.lognormvariate(math.log(seed.minutes * 0.85), 0.55))
            abandoned = wait > 110
            served_at = arrived_at + dt.timedelta(seconds=wait)
            ended_at = served_at + dt.timedelta(minutes=minutes)
            person = chance.choice(agents)
            # Every draw comes before the skip below, so that a second run draws the same for the rows it adds.
            customer_key = f"T{chance.randint(10_000, 99_999)}"
            external_id = f"{prefix}{seed.code}-{number:04d}"
            if ended_at > until or external_id in known:
                continue
            rows.append(
                {
                    "external_id": external_id,
                    "site_id": site.id,
                    "engagement_type_id": kind.id,
                    "person_id": None if abandoned else person.id,
                    "customer_key": customer_key,
                    "arrived_at": arrived_at,
                    "served_at": None if abandoned else served_at,
                    "ended_at": served_at if abandoned else ended_at,
                    "wait_seconds": wait,
                    "outcome": ContactOutcome.ABANDONED if abandoned else ContactOutcome.SERVED,
                }
            )
    for start in range(0, len(rows), _CHUNK):
        session.execute(insert(Contact), rows[start : start + _CHUNK])
    return len(rows)


def _engagements(
    session: Session, agents: Sequence[Person], site: Site, day: dt.date, *, most: int = ENGAGEMENTS_PER_SITE
) -> int:
    """Write the first so many engagements of a day that are missing; the same ones whenever they are written."""
    prefix = f"{site.code[:3].upper()}-{day:%y%m%d}-"
    query = select(Engagement.external_id).where(Engagement.external_id.startswith(prefix))
    known = set(session.scalars(query))
    if len(known) >= most:
        return 0
    types = {kind.code: kind for kind in session.scalars(select(EngagementType))}
    chance = _chance(site, day, "engagements")
    seeds = [seed for seed in catalogue.TYPES if not seed.channel.live]
    weights = [seed.porto if site.code == "porto" else seed.halifax for seed in seeds]
    owners = find_able(session, agents)
    for number, seed in enumerate(chance.choices(seeds, weights=weights, k=ENGAGEMENTS_PER_SITE)[:most]):
        kind = types[seed.code]
        engagement = _engagement(
            chance,
            f"{prefix}{number:04d}",
            site=site,
            day=day,
            kind=kind,
            seed=seed,
            owners=owners.get(kind.id, []),
        )
        if engagement.external_id not in known:
            session.add(engagement)
    session.flush()
    return most - len(known)


def _engagement(
    chance: random.Random,
    external_id: str,
    *,
    site: Site,
    day: dt.date,
    kind: EngagementType,
    seed: catalogue.TypeSeed,
    owners: Sequence[int],
) -> Engagement:
    hour = chance.choice((8.0, 8.0, 8.0, 9.0, 10.0, 11.5, 13.0, 14.5, 16.0))
    patience = chance.choice((2.0, 4.0, 6.0, 9.0, 12.0))
    opens = _local(site, day, hour)
    closing = _local(site, day, 20.0)
    due = min(closing, opens + dt.timedelta(hours=patience))
    latest = min(closing, due + dt.timedelta(hours=2))
    owned = seed.code.startswith("case") and owners and chance.random() < 0.4
    return Engagement(
        external_id=external_id,
        site_id=site.id,
        engagement_type_id=kind.id,
        customer_key=f"T{chance.randint(10_000, 99_999)}",
        subject=seed.name,
        earliest_at=opens,
        due_at=due,
        latest_at=latest,
        priority=chance.choices((1, 2, 3, 4, 5), weights=(6, 18, 50, 20, 6))[0],
        minutes=round(max(3.0, chance.lognormvariate(math.log(seed.minutes), 0.3)), 1),
        owner_id=chance.choice(list(owners)) if owned else None,
        state=EngagementState.CLASSIFIED,
    )


def find_able(session: Session, agents: Sequence[Person]) -> dict[int, list[int]]:
    """Return, for each engagement type, the agents who meet all that it requires."""
    ids = [person.id for person in agents]
    levels: dict[tuple[int, int], int] = {}
    for row in session.scalars(select(SkillRecord).where(SkillRecord.person_id.in_(ids))):
        levels[row.person_id, row.skill_id] = row.effective_level
    return {
        kind.id: [
            person_id
            for person_id in ids
            if all(
                need.preferred or levels.get((person_id, need.skill_id), 0) >= need.level for need in kind.requirements
            )
        ]
        for kind in session.scalars(select(EngagementType))
    }
