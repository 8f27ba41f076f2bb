"""
The week of a site as minutes: what its work needs, hour by hour, and what its people have.

Live contacts are needed in the hour for which they are forecast, dated engagements at any hour of their window up to
when they are due.  Minutes are agent minutes: those of contacts that one agent handles side by side are divided by how
many.  Supply is shift − breaks − absences, × (1 − shrinkage) of the default policy, and levels are those of the day on
which the week begins, or of today if it has begun.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from optimizer.graphs.cover import Work
from webapp.errors import NotFoundError
from webapp.models import Engagement, EngagementType, Person, Site, Team
from webapp.services import lifecycle, records, roster
from webapp.services.access import Permission, Viewer
from webapp.services.planning import demand, policies, supply
from webapp.services.planning.horizon import Horizon
from webapp.services.zones import day_bounds

DAYS = 7
SLOT_MINUTES = 60


@dataclass(frozen=True, slots=True)
class WeekWork:
    """
    Work of one type that may be done in the same hours.

    Parameters
    ----------
    id
        Its name for the optimizer.
    kind
        The engagement type.
    minutes
        Agent minutes that it needs.
    slots
        Hours in which it may be done, from the begin of the week on.
    live
        Whether it is a forecast of live contacts.
    count
        How many contacts or engagements it is.
    """

    id: str
    kind: EngagementType
    minutes: float
    slots: range
    live: bool
    count: float


@dataclass(frozen=True, slots=True)
class SiteWeek:
    """
    A week of a site.

    Parameters
    ----------
    site, first_on
        Whose week, and its first day.
    levels_on
        The day of which the levels are.
    horizon
        Its hours, of real time whatever the clocks do.
    works
        What is needed.
    people
        The active agents of the site.
    minutes
        Minutes of each person by hour.
    levels
        Effective levels of each person by skill.
    """

    site: Site
    first_on: dt.date
    levels_on: dt.date
    horizon: Horizon
    works: tuple[WeekWork, ...]
    people: tuple[Person, ...]
    minutes: Mapping[int, Sequence[float]]
    levels: Mapping[int, Mapping[int, int]]

    @property
    def days(self) -> list[dt.date]:
        """The days of the week."""
        return [self.first_on + dt.timedelta(days=day) for day in range(DAYS)]

    def day_of(self, slot: int) -> dt.date:
        """Return the day of an hour by the site's clock."""
        return self.horizon.start_of(slot).astimezone(ZoneInfo(self.site.time_zone)).date()

    def can(self, person_id: int, kind: EngagementType, *, plus: tuple[int, int] | None = None) -> bool:
        """Return whether a person meets what a type requires, with another (skill, level) ``plus`` if given."""
        held = dict(self.levels.get(person_id, {}))
        if plus is not None:
            held[plus[0]] = max(held.get(plus[0], 0), plus[1])
        return all(held.get(each.skill_id, 0) >= each.level for each in kind.requirements if not each.preferred)

    def supply(self) -> dict[str, dict[int, int]]:
        """Return whole minutes by person and hour, as the optimizer takes them."""
        return {
            str(person.id): {slot: round(own) for slot, own in enumerate(self.minutes[person.id]) if round(own)}
            for person in self.people
        }

    def demand(self) -> list[Work]:
        """Return what is needed, from whom and when, as the optimizer takes it."""
        crews: dict[int, frozenset[str]] = {}
        for work in self.works:
            if work.kind.id not in crews:
                able = (person.id for person in self.people if self.can(person.id, work.kind))
                crews[work.kind.id] = frozenset(str(person_id) for person_id in able)
        return [Work(work.id, round(work.minutes), crews[work.kind.id], frozenset(work.slots)) for work in self.works]


def monday_of(day: dt.date) -> dt.date:
    """Return the Monday of a day's week."""
    return day - dt.timedelta(days=day.weekday())


def list_sites(session: Session, *, viewer: Viewer) -> list[Site]:
    """Return the sites in which the viewer sees anybody's records, by name: a lead sees the sites of their teams."""
    scope = viewer.scope(Permission.VIEW_RECORDS)
    of_teams = select(Team.site_id).where(Team.id.in_(scope.team_ids))
    return list(
        session.scalars(
            select(Site)
            .where(or_(viewer.sees_site(Permission.VIEW_RECORDS), Site.id.in_(of_teams)))
            .order_by(Site.name)
        )
    )


def get_site(session: Session, site_id: int, *, viewer: Viewer) -> Site:
    """
    Return one of the sites of :func:`list_sites`.

    Raises
    ------
    NotFoundError
        If there is no such site for the viewer.
    """
    site = next((site for site in list_sites(session, viewer=viewer) if site.id == site_id), None)
    if site is None:
        raise NotFoundError("There is no such site.")
    return site


def list_visible_ids(session: Session, week: SiteWeek, *, viewer: Viewer) -> set[int]:
    """Return the people of a week whose records the viewer may see; of the others no name is told."""
    seen = session.scalars(
        select(Person.id).where(viewer.sees(Permission.VIEW_RECORDS), Person.site_id == week.site.id)
    )
    return set(seen)


def read_week(session: Session, site: Site, first_on: dt.date, *, today: dt.date) -> SiteWeek:
    """
    Read a site's week.

    Parameters
    ----------
    session
        A session.
    site, first_on
        Whose week, and its first day.
    today
        Today at the site: levels are those of the first day, or of today within the week.
    """
    starts_at, _ = day_bounds(first_on, site.time_zone)
    ends_at, _ = day_bounds(first_on + dt.timedelta(days=DAYS), site.time_zone)
    horizon = Horizon(starts_at, SLOT_MINUTES, -(-(ends_at - starts_at) // dt.timedelta(minutes=SLOT_MINUTES)))
    levels_on = min(max(first_on, today), first_on + dt.timedelta(days=DAYS - 1))
    people = supply.list_agents(session, site)
    ids = [person.id for person in people]
    settings = policies.settings_of_site(session, site)
    own = roster.capacity(session, ids, starts_at, SLOT_MINUTES, horizon.intervals)
    return SiteWeek(
        site=site,
        first_on=first_on,
        levels_on=levels_on,
        horizon=horizon,
        works=(*_live(session, site, horizon), *_dated(session, site, horizon)),
        people=tuple(people),
        minutes={person_id: [each * (1 - settings.shrinkage) for each in own[person_id]] for person_id in ids},
        levels=records.levels_on(session, ids, levels_on),
    )


def _live(session: Session, site: Site, horizon: Horizon) -> list[WeekWork]:
    rows = demand.list_forecast(session, site, horizon.starts_at, horizon.ends_at)
    kinds = {row.engagement_type_id: row.engagement_type for row in rows}
    contacts = demand.live_concurrency(kinds.values())
    minutes: dict[tuple[int, int], float] = defaultdict(float)
    volume: dict[tuple[int, int], float] = defaultdict(float)
    for row in rows:
        for slot, share in demand.overlap_shares(row, horizon).items():
            at_once = contacts.get(row.engagement_type.channel.value, 1.0)
            minutes[row.engagement_type_id, slot] += row.minutes * share / at_once
            volume[row.engagement_type_id, slot] += row.volume * share
    return [
        WeekWork(
            f"live-{kind_id}-{slot}",
            kinds[kind_id],
            needed,
            range(slot, slot + 1),
            live=True,
            count=volume[kind_id, slot],
        )
        for (kind_id, slot), needed in sorted(minutes.items())
    ]


def _dated(session: Session, site: Site, horizon: Horizon) -> list[WeekWork]:
    """Return the deferrable engagements that are due in the week or overdue, those of equal type and window as one."""
    engagements = session.scalars(
        select(Engagement)
        .join(Engagement.engagement_type)
        .where(
            Engagement.site_id == site.id,
            Engagement.state.in_(lifecycle.PLANNABLE),
            Engagement.earliest_at < horizon.ends_at,
            Engagement.due_at < horizon.ends_at,
            Engagement.latest_at >= horizon.starts_at,
            EngagementType.channel.not_in(demand.LIVE_CHANNELS),
        )
        .options(joinedload(Engagement.engagement_type).selectinload(EngagementType.requirements))
    ).all()
    together: dict[tuple[int, int, int], list[Engagement]] = defaultdict(list)
    for engagement in engagements:
        slots = _window(engagement, horizon)
        together[engagement.engagement_type_id, slots.start, slots.stop].append(engagement)
    return [
        WeekWork(
            f"dated-{kind_id}-{first}-{after}",
            same[0].engagement_type,
            sum(each.handle_minutes for each in same),
            range(first, after),
            live=False,
            count=len(same),
        )
        for (kind_id, first, after), same in sorted(together.items())
    ]


def _window(engagement: Engagement, horizon: Horizon) -> range:
    """Return the hours in which an engagement may be done: until it is due, or until it may start last if that is."""
    due_at = engagement.due_at if engagement.due_at >= horizon.starts_at else engagement.latest_at
    first = max(0, horizon.index_of(engagement.earliest_at))
    done_at = due_at + dt.timedelta(minutes=engagement.handle_minutes)
    return range(first, max(first + 1, min(horizon.intervals, horizon.index_from(done_at))))


def load_people(session: Session, person_ids: Collection[int]) -> dict[int, Person]:
    """Return people by key, with their teams."""
    found = session.scalars(select(Person).where(Person.id.in_(person_ids)).options(selectinload(Person.team)))
    return {person.id: person for person in found}
