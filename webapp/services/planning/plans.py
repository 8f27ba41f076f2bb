"""Reading plans: who may see them, their rows as lists, and their headline figures."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, NotFoundError
from webapp.models import (
    Assignment,
    AssignmentResponse,
    Channel,
    Engagement,
    EngagementType,
    Person,
    Plan,
    PlanRun,
    PlanState,
    Reservation,
    Response,
    Site,
    Stance,
    Unassigned,
)
from webapp.services import audit
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.planning.tranches import type_of


def get_plan(session: Session, plan_id: int, *, viewer: Viewer, permission: Permission = Permission.VIEW_PLANS) -> Plan:
    """
    Return a plan of a site on which the viewer has the permission.

    Raises
    ------
    NotFoundError
        If there is no such plan for them.
    """
    plan = session.scalar(
        select(Plan)
        .join(Plan.site)
        .where(Plan.id == plan_id, viewer.sees_site(permission))
        .options(
            joinedload(Plan.site),
            joinedload(Plan.run).joinedload(PlanRun.policy),
            joinedload(Plan.run).joinedload(PlanRun.created_by),
            joinedload(Plan.published_by),
        )
    )
    if plan is None:
        raise NotFoundError("There is no such plan.")
    return plan


def list_plans(session: Session, site: Site, day_on: dt.date) -> Sequence[Plan]:
    """Return the plans of a site's day, newest first."""
    return session.scalars(
        select(Plan)
        .where(Plan.site_id == site.id, Plan.day_on == day_on)
        .options(joinedload(Plan.run).joinedload(PlanRun.policy), joinedload(Plan.published_by))
        .order_by(Plan.id.desc())
    ).all()


def list_agents(session: Session, plan: Plan) -> list[Person]:
    """Return the agents that a plan's run could choose from, by name."""
    ids = {int(agent["id"]) for agent in (plan.run.problem or {}).get("agents", ())}
    people = session.scalars(select(Person).where(Person.site_id == plan.site_id).order_by(Person.name, Person.id))
    return [person for person in people if person.id in ids]


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """Which assignments of a plan to list; empty fields do not narrow."""

    text: str = ""
    person_id: int | None = None
    engagement_type_id: int | None = None
    channel: Channel | None = None
    stance: Stance | None = None
    response: str = ""


def list_assignments(
    session: Session, plan: Plan, *, only: AssignmentFilter | None = None, sort: str = "start"
) -> Sequence[Assignment]:
    """
    Return assignments of a plan.

    Parameters
    ----------
    session
        A session.
    plan
        The plan.
    only
        What to narrow to; ``response`` is ``accepted``, ``declined`` or ``none``.
    sort
        ``start``, ``agent``, ``type``, ``priority`` or ``value``; with a leading ``-`` the other way round.
    """
    only = only or AssignmentFilter()
    query = (
        select(Assignment)
        .join(Assignment.engagement)
        .join(Engagement.engagement_type)
        .join(Assignment.person)
        .outerjoin(Assignment.response)
        .where(Assignment.plan_id == plan.id)
        .options(
            joinedload(Assignment.engagement).joinedload(Engagement.engagement_type),
            joinedload(Assignment.person),
            joinedload(Assignment.response),
            joinedload(Assignment.pin),
        )
    )
    if only.text:
        query = query.where(
            Engagement.external_id.icontains(only.text, autoescape=True)
            | Engagement.customer_key.icontains(only.text, autoescape=True)
            | Engagement.subject.icontains(only.text, autoescape=True)
            | Person.name.icontains(only.text, autoescape=True)
        )
    if only.person_id is not None:
        query = query.where(Assignment.person_id == only.person_id)
    if only.engagement_type_id is not None:
        query = query.where(Engagement.engagement_type_id == only.engagement_type_id)
    if only.channel is not None:
        query = query.where(EngagementType.channel == only.channel)
    if only.stance is not None:
        query = query.where(EngagementType.stance == only.stance)
    if only.response == "none":
        query = query.where(AssignmentResponse.response.is_(None))
    elif only.response:
        query = query.where(AssignmentResponse.response == Response(only.response))
    columns = {
        "start": Assignment.starts_at,
        "agent": Person.name,
        "type": EngagementType.name,
        "priority": Engagement.priority,
        "value": Assignment.value,
    }
    column = columns.get(sort.lstrip("-"), Assignment.starts_at)
    ordered = column.desc() if sort.startswith("-") else column.asc()
    return session.scalars(query.order_by(ordered, Assignment.starts_at, Assignment.id)).all()


def get_assignment(session: Session, plan: Plan, assignment_id: int) -> Assignment:
    """
    Return an assignment of a plan.

    Raises
    ------
    NotFoundError
        If the plan has no such assignment.
    """
    assignment = session.scalar(
        select(Assignment)
        .where(Assignment.plan_id == plan.id, Assignment.id == assignment_id)
        .options(
            joinedload(Assignment.engagement).joinedload(Engagement.engagement_type),
            joinedload(Assignment.person),
            joinedload(Assignment.response),
            joinedload(Assignment.pin),
        )
    )
    if assignment is None:
        raise NotFoundError("There is no such assignment in this plan.")
    return assignment


def list_unassigned(session: Session, plan: Plan) -> Sequence[Unassigned]:
    """Return what a plan does not serve, the most urgent and valuable first."""
    return session.scalars(
        select(Unassigned)
        .join(Unassigned.engagement)
        .join(Engagement.engagement_type)
        .where(Unassigned.plan_id == plan.id)
        .options(joinedload(Unassigned.engagement).joinedload(Engagement.engagement_type))
        .order_by((Engagement.priority * EngagementType.value).desc(), Engagement.due_at, Unassigned.id)
    ).all()


def list_reservations(session: Session, plan: Plan) -> Sequence[Reservation]:
    """Return the minutes that a plan keeps for live contacts, by start."""
    return session.scalars(
        select(Reservation)
        .where(Reservation.plan_id == plan.id)
        .options(joinedload(Reservation.engagement_type), joinedload(Reservation.person))
        .order_by(Reservation.starts_at, Reservation.person_id, Reservation.engagement_type_id)
    ).all()


def list_declines(session: Session, plan: Plan) -> Sequence[Assignment]:
    """Return the assignments of a plan that their agents declined, newest answer first."""
    return session.scalars(
        select(Assignment)
        .join(Assignment.response)
        .where(Assignment.plan_id == plan.id, AssignmentResponse.response == Response.DECLINED)
        .options(
            joinedload(Assignment.response),
            joinedload(Assignment.person),
            joinedload(Assignment.engagement).joinedload(Engagement.engagement_type),
        )
        .order_by(AssignmentResponse.at.desc())
    ).all()


@dataclass(frozen=True, slots=True)
class Headline:
    """
    A plan in figures.

    ``served_share`` is assigned ÷ all engagements, ``kept_share`` contact minutes kept ÷ forecast, ``occupancy``
    planned ÷ productive minutes
    of agents; None where there is nothing to divide by.
    """

    assigned: int
    unassigned: int
    forecast_minutes: float
    kept_minutes: float
    planned_minutes: float
    capacity_minutes: float
    agents_on_shift: int
    stretch_minutes: float
    accepted: int
    declined: int

    @property
    def served_share(self) -> float | None:
        """Assigned ÷ all engagements."""
        total = self.assigned + self.unassigned
        return self.assigned / total if total else None

    @property
    def kept_share(self) -> float | None:
        """Contact minutes kept ÷ forecast contact minutes."""
        return self.kept_minutes / self.forecast_minutes if self.forecast_minutes else None

    @property
    def occupancy(self) -> float | None:
        """Planned ÷ productive minutes."""
        return self.planned_minutes / self.capacity_minutes if self.capacity_minutes else None


def headline(session: Session, plan: Plan) -> Headline:
    """Return the figures that stand at the head of a plan's page."""
    problem = plan.run.problem or {}
    concurrency = {agent["id"]: agent.get("concurrency", {}) for agent in problem.get("agents", ())}
    channels = {type_of(demand["class"]): demand["channel"] for demand in problem.get("forecast", ())}
    work_channels = {asked["id"]: asked["channel"] for asked in problem.get("engagements", ())}
    kept = planned = stretch = 0.0
    reserved = session.execute(
        select(Reservation.person_id, Reservation.engagement_type_id, func.sum(Reservation.minutes))
        .where(Reservation.plan_id == plan.id)
        .group_by(Reservation.person_id, Reservation.engagement_type_id)
    )
    for person_id, type_id, minutes in reserved:
        planned += minutes
        kept += minutes * concurrency.get(str(person_id), {}).get(channels.get(type_id, ""), 1.0)
    assignments = session.execute(
        select(Assignment.person_id, Assignment.engagement_id, Assignment.minutes, Assignment.why).where(
            Assignment.plan_id == plan.id
        )
    ).all()
    for person_id, engagement_id, minutes, why in assignments:
        channel = work_channels.get(str(engagement_id), "")
        planned += minutes / concurrency.get(str(person_id), {}).get(channel, 1.0)
        stretch += minutes if why.get("stretch") is not None else 0.0
    answers = dict(
        session.execute(
            select(AssignmentResponse.response, func.count())
            .join(AssignmentResponse.assignment)
            .where(Assignment.plan_id == plan.id)
            .group_by(AssignmentResponse.response)
        ).all()
    )
    capacities = [sum(agent["capacity"]) for agent in problem.get("agents", ())]
    return Headline(
        assigned=len(assignments),
        unassigned=session.scalar(select(func.count()).where(Unassigned.plan_id == plan.id)) or 0,
        forecast_minutes=sum(sum(demand["minutes"]) for demand in problem.get("forecast", ())),
        kept_minutes=kept,
        planned_minutes=planned,
        capacity_minutes=sum(capacities),
        agents_on_shift=sum(1 for minutes in capacities if minutes),
        stretch_minutes=stretch,
        accepted=answers.get(Response.ACCEPTED, 0),
        declined=answers.get(Response.DECLINED, 0),
    )


def require_draft(plan: Plan) -> None:
    """
    Refuse to change a plan that is not a draft.

    Raises
    ------
    ConflictError
        If it is published, superseded or discarded.
    """
    if plan.state is not PlanState.DRAFT:
        raise ConflictError(
            f"This plan is {plan.state.value} and cannot be changed. Pin what must hold and run the day again."
        )


def discard(session: Session, plan: Plan, *, by: Actor) -> None:
    """Put a draft away; :func:`restore` brings it back."""
    require_draft(plan)
    plan.state = PlanState.DISCARDED
    audit.record(session, "discard_plan", plan, by=by, detail={"site_id": plan.site_id, "day": plan.day_on.isoformat()})


def restore(session: Session, plan: Plan, *, by: Actor) -> None:
    """
    Make a discarded plan a draft again.

    Raises
    ------
    ConflictError
        If it was not discarded.
    """
    if plan.state is not PlanState.DISCARDED:
        raise ConflictError("Only a discarded plan can be brought back.")
    plan.state = PlanState.DRAFT
    audit.record(session, "restore_plan", plan, by=by, detail={"site_id": plan.site_id, "day": plan.day_on.isoformat()})
