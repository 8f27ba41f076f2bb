"""Plans, their assignments, and jobs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload

from webapp.errors import NotFoundError
from webapp.models import Assignment, AssignmentResponse, Engagement, Job, JobState, Plan, PlanRun, PlanState, Response
from webapp.services.access import Permission, Viewer
from webapp.services.listing.directory import of_site, where_equal
from webapp.services.listing.keyset import Page, PageRequest, read_page

PLAN_ORDERS = {"id": Plan.id, "day_on": Plan.day_on, "created_at": Plan.created_at}
ASSIGNMENT_ORDERS = {"id": Assignment.id, "starts_at": Assignment.starts_at, "value": Assignment.value}
JOB_ORDERS = {"id": Job.id, "created_at": Job.created_at}


@dataclass(frozen=True, slots=True)
class PlanFilter:
    """What a list of plans is narrowed to."""

    site_id: int | None = None
    site: str | None = None
    day_on: dt.date | None = None
    state: PlanState | None = None


def list_plans(session: Session, *, viewer: Viewer, chosen: PlanFilter, wanted: PageRequest) -> Page[Plan]:
    """Return a page of the plans of the viewer's sites."""
    query = (
        select(Plan)
        .join(Plan.site)
        .where(viewer.sees_site(Permission.VIEW_PLANS))
        .options(contains_eager(Plan.site), joinedload(Plan.run).joinedload(PlanRun.policy))
    )
    query = where_equal(query, {Plan.site_id: chosen.site_id, Plan.day_on: chosen.day_on, Plan.state: chosen.state})
    query = of_site(query, Plan.site_id, chosen.site)
    return read_page(session, query, wanted=wanted, columns=PLAN_ORDERS, key=Plan.id)


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """What a list of assignments is narrowed to."""

    person_id: int | None = None
    engagement_id: int | None = None
    response: Response | None = None


def list_assignments(
    session: Session, plan: Plan, *, chosen: AssignmentFilter, wanted: PageRequest
) -> Page[Assignment]:
    """Return a page of the assignments of a plan."""
    query = (
        select(Assignment)
        .outerjoin(Assignment.response)
        .where(Assignment.plan_id == plan.id)
        .options(contains_eager(Assignment.response), joinedload(Assignment.engagement), joinedload(Assignment.person))
    )
    query = where_equal(
        query,
        {
            Assignment.person_id: chosen.person_id,
            Assignment.engagement_id: chosen.engagement_id,
            AssignmentResponse.response: chosen.response,
        },
    )
    return read_page(session, query, wanted=wanted, columns=ASSIGNMENT_ORDERS, key=Assignment.id)


def get_assignment(session: Session, assignment_id: int, *, viewer: Viewer) -> Assignment:
    """
    Return an assignment of a plan of the viewer's sites.

    Raises
    ------
    NotFoundError
        If there is none, or its site lies outside the viewer's scope.
    """
    assignment = session.scalar(
        select(Assignment)
        .join(Assignment.plan)
        .join(Plan.site)
        .where(Assignment.id == assignment_id, viewer.sees_site(Permission.VIEW_PLANS))
        .options(
            joinedload(Assignment.response),
            joinedload(Assignment.engagement).joinedload(Engagement.engagement_type),
            joinedload(Assignment.person),
        )
    )
    if assignment is None:
        raise NotFoundError("There is no such assignment.")
    return assignment


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What a list of jobs is narrowed to."""

    kind: str | None = None
    state: JobState | None = None


def list_jobs(session: Session, *, viewer: Viewer, chosen: JobFilter, wanted: PageRequest) -> Page[Job]:
    """Return a page of the jobs that the viewer asked for; of everybody's for those who manage jobs."""
    query = where_equal(select(Job), {Job.kind: chosen.kind, Job.state: chosen.state})
    if not viewer.can(Permission.MANAGE_JOBS):
        query = query.where(Job.requested_by_id == viewer.person_id)
    return read_page(session, query, wanted=wanted, columns=JOB_ORDERS, key=Job.id)
