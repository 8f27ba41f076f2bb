"""The demand side of a problem: engagements that may be done on the day, and minutes forecast for live contacts."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session, joinedload

from optimizer import problem as asked
from webapp.models import (
    Assignment,
    AssignmentResponse,
    Channel,
    Contact,
    Engagement,
    EngagementState,
    EngagementType,
    ForecastInterval,
    Pin,
    Plan,
    PlanState,
    Response,
    Site,
    TypeRequirement,
)
from webapp.services import lifecycle
from webapp.services.planning import tranches
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.what_if import AnyRow
from webapp.services.spans import Span
from webapp.services.zones import day_bounds

LIVE_CHANNELS = tuple(channel for channel in Channel if channel.live)
_DEFERRABLE = EngagementType.channel.not_in(LIVE_CHANNELS)
# Whoever served a customer so recently is known to them.
KNOWN_FOR = dt.timedelta(days=90)
_KEYS_PER_QUERY = 500


def list_engagements(
    session: Session, site: Site, day_on: dt.date, *, horizon: Horizon, today: dt.date
) -> list[Engagement]:
    """
    Return the deferrable engagements that may be done in the horizon, by id.

    Left out is what is pinned to another day, or planned by the published plan of another day that has not passed at
    ``today``.
    """
    found = session.scalars(
        select(Engagement)
        .where(_of_day(site, horizon))
        .options(joinedload(Engagement.engagement_type).selectinload(EngagementType.requirements))
        .order_by(Engagement.id)
    ).all()
    elsewhere = _taken_elsewhere(session, site, day_on, horizon=horizon, today=today)
    return [engagement for engagement in found if engagement.id not in elsewhere]


@dataclass(frozen=True, slots=True)
class Workload:
    """The time of an engagement: ``minutes`` of contact in a window of starts, on time until ``due_at``."""

    minutes: float
    channel: Channel
    earliest_at: dt.datetime
    due_at: dt.datetime
    latest_at: dt.datetime


def list_workload(
    session: Session, site: Site, day_on: dt.date, *, horizon: Horizon, today: dt.date
) -> tuple[list[Workload], list[EngagementType]]:
    """Return the time that :func:`list_engagements` would ask for, and its types; a page needs no more than that."""
    kinds = {kind.id: kind for kind in session.scalars(select(EngagementType).where(_DEFERRABLE))}
    columns = (
        *(Engagement.id, Engagement.engagement_type_id, Engagement.minutes),
        *(Engagement.earliest_at, Engagement.due_at, Engagement.latest_at),
    )
    elsewhere = _taken_elsewhere(session, site, day_on, horizon=horizon, today=today)
    found: list[Workload] = []
    asked_for: dict[int, EngagementType] = {}
    for engagement_id, kind_id, minutes, *moments in session.execute(select(*columns).where(_of_day(site, horizon))):
        if engagement_id in elsewhere:
            continue
        kind = asked_for[kind_id] = kinds[kind_id]
        found.append(Workload(kind.handle_minutes if minutes is None else minutes, kind.channel, *moments))
    return found, list(asked_for.values())


def list_begun(session: Session, plan: Plan) -> list[Engagement]:
    """Return what is under way or done of a plan's work, by id; a later plan of the day still tells it."""
    return list(
        session.scalars(
            select(Engagement)
            .join(Assignment, Assignment.engagement_id == Engagement.id)
            .where(
                Assignment.plan_id == plan.id,
                Engagement.state.in_((EngagementState.IN_PROGRESS, EngagementState.DONE)),
            )
            .options(joinedload(Engagement.engagement_type).selectinload(EngagementType.requirements))
            .order_by(Engagement.id)
        )
    )


def _of_day(site: Site, horizon: Horizon) -> ColumnElement[bool]:
    return and_(
        Engagement.site_id == site.id,
        Engagement.state.in_(lifecycle.PLANNABLE),
        Engagement.earliest_at < horizon.ends_at,
        Engagement.latest_at >= horizon.starts_at,
        Engagement.engagement_type_id.in_(select(EngagementType.id).where(_DEFERRABLE)),
    )


def _taken_elsewhere(session: Session, site: Site, day_on: dt.date, *, horizon: Horizon, today: dt.date) -> set[int]:
    starts_at, ends_at = day_bounds(day_on, site.time_zone)
    pinned = session.scalars(
        select(Pin.engagement_id)
        .join(Pin.engagement)
        .where(
            _of_day(site, horizon), Pin.removed_at.is_(None), (Pin.starts_at < starts_at) | (Pin.starts_at >= ends_at)
        )
    )
    planned = session.scalars(
        select(Assignment.engagement_id)
        .join(Assignment.plan)
        .where(Plan.site_id == site.id, Plan.state == PlanState.PUBLISHED, Plan.day_on != day_on, Plan.day_on >= today)
    )
    return set(pinned) | set(planned)


def live_concurrency(types: Iterable[EngagementType]) -> dict[str, float]:
    """Return simultaneous contacts by channel: the least of its types, so that no plan promises too much."""
    least: dict[str, float] = {}
    for kind in types:
        least[kind.channel.value] = min(least.get(kind.channel.value, float(kind.concurrency)), float(kind.concurrency))
    return {channel: contacts for channel, contacts in sorted(least.items()) if contacts > 1}


def build_requirements(requirements: Sequence[TypeRequirement]) -> tuple[asked.Requirement, ...]:
    """Return the requirements of a type as the optimizer takes them."""
    return tuple(
        asked.Requirement(skill=str(each.skill_id), level=each.level, weight=each.weight, preferred=each.preferred)
        for each in requirements
    )


def build_engagements(
    session: Session,
    engagements: Sequence[Engagement],
    *,
    site: Site,
    horizon: Horizon,
    agent_ids: Collection[int],
) -> tuple[asked.Engagement, ...]:
    """
    Return the engagements as the optimizer takes them.

    A start stands for the interval in which the work begins: one whose window holds no begin of an interval may start
    in
    the interval that holds its earliest moment.  An agent who declined an engagement is not asked again.
    """
    known = _known_agents(session, engagements, site=site, before=horizon.starts_at, agent_ids=agent_ids)
    declined = _declined_by(session, site, horizon, agent_ids)
    built = []
    for engagement in engagements:
        earliest, due, latest = window(engagement, horizon)
        kind = engagement.engagement_type
        built.append(
            asked.Engagement(
                id=str(engagement.id),
                minutes=engagement.handle_minutes,
                channel=kind.channel.value,
                earliest=earliest,
                due=due,
                latest=latest,
                priority=engagement.priority,
                value=kind.value,
                requires=build_requirements(kind.requirements),
                owner=_owner(engagement, agent_ids, declined.get(engagement.id, ())),
                known_agents=known.get(engagement.id, ()),
                excluded_agents=declined.get(engagement.id, ()),
                stance=kind.stance.value,
            )
        )
    return tuple(built)


def _owner(engagement: Engagement, agent_ids: Collection[int], declined: Collection[str]) -> str | None:
    """Return the case owner, if they are there on the day and have not given it back: the case stays with them."""
    if engagement.owner_id not in agent_ids or str(engagement.owner_id) in declined:
        return None
    return str(engagement.owner_id)


def release_owners(problem: asked.Problem) -> asked.Problem:
    """
    Return a problem whose cases stay with their owners where that is possible at all.

    An owner who does not work on the day lets go for the day, and so does one whom a pin or the frozen window passes
    over: a person has decided that, and the plan must obey both.
    """
    working = {agent.id for agent in problem.agents if sum(agent.capacity) > 0}
    fixed = {each.engagement: each.agent for each in problem.previous if each.start < problem.frozen_before}
    fixed |= {pin.engagement: pin.agent for pin in problem.pins}
    return replace(
        problem,
        engagements=tuple(
            replace(each, owner=None)
            if each.owner is not None and (each.owner not in working or fixed.get(each.id, each.owner) != each.owner)
            else each
            for each in problem.engagements
        ),
    )


def window(engagement: Engagement | Workload, horizon: Horizon) -> tuple[int, int, int]:
    """Return first allowed start, last start that is not late (perhaps before the horizon), last allowed start."""
    last = horizon.intervals - 1
    latest = min(last, horizon.index_of(engagement.latest_at))
    earliest = max(0, horizon.index_from(engagement.earliest_at))
    if earliest > latest:
        earliest = latest = min(last, max(0, horizon.index_of(engagement.earliest_at)))
    return earliest, min(last, horizon.index_of(engagement.due_at)), latest


def _known_agents(
    session: Session,
    engagements: Sequence[Engagement],
    *,
    site: Site,
    before: dt.datetime,
    agent_ids: Collection[int],
) -> dict[int, tuple[str, ...]]:
    agents = set(agent_ids)
    if not agents:
        return {}
    wanted = sorted({engagement.customer_key for engagement in engagements if engagement.customer_key})
    served: dict[str, set[int]] = defaultdict(set)
    query = (
        select(Contact.customer_key, Contact.person_id)
        .where(
            Contact.site_id == site.id,
            Contact.arrived_at >= before - KNOWN_FOR,
            Contact.arrived_at < before,
            Contact.person_id.is_not(None),
        )
        .distinct()
    )
    # By the index of the customers: a busy site has a million contacts in these days, and few of them matter.
    for first in range(0, len(wanted), _KEYS_PER_QUERY):
        some = wanted[first : first + _KEYS_PER_QUERY]
        for customer_key, person_id in session.execute(query.where(Contact.customer_key.in_(some))):
            if person_id is not None:
                served[customer_key].add(person_id)
    return {
        engagement.id: tuple(
            str(person_id)
            for person_id in sorted((served[engagement.customer_key] | {engagement.owner_id or 0}) & agents)
        )
        for engagement in engagements
    }


def _declined_by(
    session: Session, site: Site, horizon: Horizon, agent_ids: Collection[int]
) -> dict[int, tuple[str, ...]]:
    if not agent_ids:
        return {}
    declined: dict[int, set[int]] = defaultdict(set)
    rows = session.execute(
        select(Assignment.engagement_id, Assignment.person_id)
        .join(AssignmentResponse, AssignmentResponse.assignment_id == Assignment.id)
        .join(Engagement, Engagement.id == Assignment.engagement_id)
        .where(_of_day(site, horizon), AssignmentResponse.response == Response.DECLINED)
    )
    for engagement_id, person_id in rows:
        if person_id in agent_ids:
            declined[engagement_id].add(person_id)
    return {engagement_id: tuple(str(each) for each in sorted(people)) for engagement_id, people in declined.items()}


def list_forecast_spans(session: Session, site: Site, starts_at: dt.datetime, ends_at: dt.datetime) -> list[Span]:
    """Return when the forecast intervals begin and end that :func:`list_forecast` would return."""
    query = select(ForecastInterval.starts_at, ForecastInterval.length_minutes).join(ForecastInterval.engagement_type)
    rows = session.execute(query.where(_forecast_between(site, starts_at, ends_at)))
    return [(begins, begins + dt.timedelta(minutes=minutes)) for begins, minutes in rows]


def _forecast_between(site: Site, starts_at: dt.datetime, ends_at: dt.datetime) -> ColumnElement[bool]:
    return and_(
        ForecastInterval.site_id == site.id,
        ForecastInterval.starts_at >= starts_at,
        ForecastInterval.starts_at < ends_at,
        ForecastInterval.minutes > 0,
        EngagementType.channel.in_(LIVE_CHANNELS),
    )


def list_forecast(session: Session, site: Site, starts_at: dt.datetime, ends_at: dt.datetime) -> list[ForecastInterval]:
    """Return the forecast intervals of live types that begin in a period and hold minutes."""
    return list(
        session.scalars(
            select(ForecastInterval)
            .join(ForecastInterval.engagement_type)
            .where(_forecast_between(site, starts_at, ends_at))
            .options(joinedload(ForecastInterval.engagement_type).selectinload(EngagementType.requirements))
            .order_by(ForecastInterval.engagement_type_id, ForecastInterval.starts_at)
        )
    )


def build_forecast(rows: Sequence[AnyRow], *, horizon: Horizon, live_priority: int) -> tuple[asked.Forecast, ...]:
    """
    Return the forecast as classes of the optimizer, one for each tranche of each live engagement type.

    Minutes of rows that are longer or shorter than the horizon's intervals are spread evenly over their length.  A
    contact minute is worth value × ``live_priority`` ÷ handle minutes of its type × the probability that it is needed.
    """
    minutes: dict[int, list[float]] = {}
    volume: dict[int, list[float]] = {}
    types: dict[int, EngagementType] = {}
    for row in rows:
        types[row.engagement_type_id] = row.engagement_type
        spread = minutes.setdefault(row.engagement_type_id, [0.0] * horizon.intervals)
        contacts = volume.setdefault(row.engagement_type_id, [0.0] * horizon.intervals)
        for index, share in overlap_shares(row, horizon).items():
            spread[index] += row.minutes * share
            contacts[index] += row.volume * share
    return tuple(
        demand
        for type_id in sorted(minutes)
        for demand in _tranches(types[type_id], minutes[type_id], volume[type_id], live_priority=live_priority)
    )


def _tranches(
    kind: EngagementType, minutes: Sequence[float], volume: Sequence[float], *, live_priority: int
) -> Iterator[asked.Forecast]:
    """Yield the classes of one type; the worth of a tranche is that of its intervals, weighed by their minutes."""
    cut = [
        tranches.split(each, volume=contacts, handle_minutes=kind.handle_minutes)
        for each, contacts in zip(minutes, volume, strict=True)
    ]
    total = sum(minutes)
    per_minute = kind.value * live_priority / kind.handle_minutes
    for number in range(tranches.COUNT):
        slices = [interval[number] for interval in cut]
        needed = sum(each.minutes * each.probability for each in slices) / (total / tranches.COUNT) if total else 0.0
        yield asked.Forecast(
            class_=tranches.name(kind.id, number),
            channel=kind.channel.value,
            requires=build_requirements(kind.requirements),
            minutes=tuple(round(each.minutes, 4) for each in slices),
            value_per_minute=round(per_minute * needed, 6),
        )


def overlap_shares(row: AnyRow, horizon: Horizon) -> Mapping[int, float]:
    """Return which share of a forecast row falls into which interval of the horizon."""
    ends_at = row.starts_at + dt.timedelta(minutes=row.length_minutes)
    shares: dict[int, float] = {}
    for index in range(max(0, horizon.index_of(row.starts_at)), min(horizon.intervals, horizon.index_from(ends_at))):
        begin = horizon.start_of(index)
        common = min(ends_at, begin + horizon.length) - max(row.starts_at, begin)
        shares[index] = common / dt.timedelta(minutes=row.length_minutes)
    return shares
