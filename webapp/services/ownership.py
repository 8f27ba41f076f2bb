"""
Whose an engagement is: at every moment exactly one person's.

While a live plan gives it to an agent, it is that agent's. Else it is its case owner's, as long as they are active;
else the dispatcher's: the person whom the site named, else its first scheduler, else the first admin. A customer with
an open case at a site keeps its owner there: what comes later goes to the same agent, unless they are away.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased, joinedload

from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import (
    Absence,
    Assignment,
    Engagement,
    Person,
    Plan,
    PlanState,
    Role,
    RoleGrant,
    Site,
    WorkSettings,
)
from webapp.services import audit, lifecycle, notices
from webapp.services.audit import Actor

_ROWS_AT_ONCE = 500


def settings_of(session: Session, site_id: int) -> WorkSettings:
    """Return how a site looks after its engagements; one that said nothing has the defaults."""
    found = session.scalar(
        select(WorkSettings).where(WorkSettings.site_id == site_id).options(joinedload(WorkSettings.dispatcher))
    )
    return found or WorkSettings(site_id=site_id, slip_minutes=120, untouched_minutes=60, check_in_share=0.1)


def change_settings(
    session: Session,
    site: Site,
    *,
    dispatcher_id: int | None,
    slip_minutes: int,
    untouched_minutes: int,
    check_in_share: float,
    by: Actor,
) -> WorkSettings:
    """
    Say how a site looks after its engagements.

    Raises
    ------
    InvalidInputError
        If the dispatcher is nobody who schedules there, or a number lies outside its bounds.
    """
    if dispatcher_id is not None and dispatcher_id not in {each.id for each in list_dispatchers(session, site)}:
        raise InvalidInputError("Choose somebody who schedules this site.", field="dispatcher_id")
    for name, value, low, high in (
        ("slip_minutes", slip_minutes, 5, 1440),
        ("untouched_minutes", untouched_minutes, 5, 10_080),
        ("check_in_share", check_in_share, 0.0, 1.0),
    ):
        if not low <= value <= high:
            raise InvalidInputError(f"Choose a number from {low:g} to {high:g}.", field=name)
    settings = settings_of(session, site.id)
    settings.dispatcher_id, settings.check_in_share = dispatcher_id, check_in_share
    settings.slip_minutes, settings.untouched_minutes = slip_minutes, untouched_minutes
    session.add(settings)
    audit.record(
        session,
        "change_work_settings",
        settings,
        by=by,
        detail={
            "site_id": site.id,
            "dispatcher_id": dispatcher_id,
            "slip_minutes": slip_minutes,
            "untouched_minutes": untouched_minutes,
            "check_in_share": check_in_share,
        },
    )
    return settings


def list_dispatchers(session: Session, site: Site) -> list[Person]:
    """Return who may be a site's dispatcher: its active schedulers, the first one first."""
    query = (
        select(Person)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(RoleGrant.role == Role.SCHEDULER, RoleGrant.site_id == site.id, Person.active)
        .order_by(Person.id)
    )
    return list(session.scalars(query).unique())


def find_dispatcher(session: Session, site_id: int, *, schedulers: Sequence[Person] | None = None) -> Person | None:
    """
    Return who owns what no agent of a site owns; None only where there is neither scheduler nor admin.

    ``schedulers`` are the site's (:func:`list_dispatchers`), if they are known already.
    """
    named = settings_of(session, site_id).dispatcher
    if named is not None and named.active:
        return named
    if schedulers:
        return schedulers[0]
    order = (RoleGrant.role != Role.SCHEDULER, Person.id)
    return session.scalar(
        select(Person)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(
            Person.active,
            or_(
                and_(RoleGrant.role == Role.SCHEDULER, RoleGrant.site_id == site_id),
                RoleGrant.role == Role.ADMIN,
            ),
        )
        .order_by(*order)
        .limit(1)
    )


def owner_of(session: Session, engagement: Engagement) -> Person:
    """
    Return whose an engagement is.

    Raises
    ------
    NotFoundError
        If it would be the dispatcher's, and the installation has neither a scheduler of the site nor an admin.
    """
    owner = owners_of(session, [engagement]).get(engagement.id)
    if owner is None:
        raise NotFoundError("Nobody schedules this site, and there is no admin.")
    return owner


def owners_of(session: Session, engagements: Iterable[Engagement]) -> dict[int, Person]:
    """Return whose each of some engagements is, by its id; three queries for any number of one site."""
    wanted = list(engagements)
    agents = _agents_of(session, [each.id for each in wanted if each.state in lifecycle.IN_PLAN])
    named = {each.owner_id for each in wanted if each.owner_id is not None}
    people = {
        person.id: person
        for some in _chunks(sorted(named))
        for person in session.scalars(select(Person).where(Person.id.in_(some), Person.active))
    }
    dispatchers: dict[int, Person | None] = {}
    owners: dict[int, Person] = {}
    for each in wanted:
        owner = agents.get(each.id) or people.get(each.owner_id or 0)
        if owner is None:
            if each.site_id not in dispatchers:
                dispatchers[each.site_id] = find_dispatcher(session, each.site_id)
            owner = dispatchers[each.site_id]
        if owner is not None:
            owners[each.id] = owner
    return owners


def _agents_of(session: Session, engagement_ids: Sequence[int]) -> dict[int, Person]:
    """Return the active agents of live assignments; of two live plans the later day's says it."""
    found: dict[int, Person] = {}
    for some in _chunks(sorted(engagement_ids)):
        rows = session.execute(
            select(Assignment.engagement_id, Person)
            .join(Assignment.plan)
            .join(Person, Person.id == Assignment.person_id)
            .where(Assignment.engagement_id.in_(some), Plan.state == PlanState.PUBLISHED, Person.active)
            .order_by(Plan.day_on)
        )
        found.update((engagement_id, person) for engagement_id, person in rows)
    return found


def is_owned_by(session: Session, person_id: int) -> ColumnElement[bool]:
    """
    Return the condition on :class:`Engagement` that it is a person's, as :func:`owners_of` says.

    It names the sites whose dispatcher they are, so that it holds for the moment only.
    """
    live = aliased(Assignment)
    plan, agent, owner = aliased(Plan), aliased(Person), aliased(Person)
    in_work = (
        select(live.person_id)
        .join(plan, plan.id == live.plan_id)
        .join(agent, agent.id == live.person_id)
        .where(live.engagement_id == Engagement.id, plan.state == PlanState.PUBLISHED, agent.active)
        .order_by(plan.day_on.desc())
        .limit(1)
        .correlate(Engagement)
        .scalar_subquery()
    )
    in_plan = Engagement.state.in_(lifecycle.IN_PLAN)
    has_owner = exists().where(owner.id == Engagement.owner_id, owner.active).correlate(Engagement)
    ours = [
        site_id
        for site_id in session.scalars(select(Site.id))
        if (person := find_dispatcher(session, site_id)) is not None and person.id == person_id
    ]
    free = or_(~in_plan, in_work.is_(None))
    return or_(
        and_(in_plan, in_work == person_id),
        and_(free, has_owner, Engagement.owner_id == person_id),
        and_(free, ~has_owner, Engagement.site_id.in_(ours)),
    )


def find_case_owner(session: Session, *, customer_key: str, site_id: int, at: dt.datetime) -> int | None:
    """Return the agent who keeps the open case of a customer at a site, unless they left or are away now."""
    if not customer_key:
        return None
    away = exists().where(Absence.person_id == Person.id, Absence.starts_at <= at, Absence.ends_at > at)
    return session.scalar(
        select(Engagement.owner_id)
        .join(Person, Person.id == Engagement.owner_id)
        .where(
            Engagement.customer_key == customer_key,
            Engagement.site_id == site_id,
            Engagement.state.not_in(lifecycle.ENDED),
            Person.active,
            ~away,
        )
        .order_by(Engagement.earliest_at.desc(), Engagement.id.desc())
        .limit(1)
    )


def hand_over(session: Session, person: Person, *, by: Actor) -> int:
    """
    Give the open cases of somebody who leaves to their sites' dispatchers, who are told; return how many those were.

    The cases lose their owner, so that they are whoever's is the dispatcher at any later moment.
    """
    cases = session.scalars(
        select(Engagement)
        .where(Engagement.owner_id == person.id, Engagement.state.not_in(lifecycle.ENDED))
        .order_by(Engagement.site_id, Engagement.id)
    ).all()
    by_site: dict[int, list[Engagement]] = {}
    for each in cases:
        by_site.setdefault(each.site_id, []).append(each)
    for site_id, handed in by_site.items():
        dispatcher = find_dispatcher(session, site_id)
        for each in handed:
            each.owner_id = None
            lifecycle.note_owner(session, each, dispatcher.id if dispatcher else None, action="hand_over", by=by)
        if dispatcher is not None:
            notices.notify(
                session,
                dispatcher.id,
                kind="handed_over",
                text=f"{_count(len(handed), 'case')} of {person.name}, who has left, {_is(len(handed))} yours now.",
                link=f"/engagements?site={site_id}&owner=mine&day=",
                by=by,
            )
    if cases:
        audit.record(
            session,
            "hand_over_cases",
            person,
            by=by,
            person_id=person.id,
            detail={"engagement_ids": [each.id for each in cases]},
        )
    return len(cases)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _chunks(ids: Collection[int]) -> Iterable[Sequence[int]]:
    ordered = list(ids)
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        yield ordered[start : start + _ROWS_AT_ONCE]
