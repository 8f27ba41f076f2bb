"""Planning: policies, pins, runs, plans and what they hold."""

from __future__ import annotations

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, event, inspect, text
from sqlalchemy.orm import Mapped, Session, UOWTransaction, mapped_column, relationship

from webapp.db import Base, Code, Name, PrimaryKey, Versioned
from webapp.models.job import Job
from webapp.models.organisation import Person, Site
from webapp.models.work import Engagement, EngagementType


class PlanState(enum.StrEnum):
    """Whether a plan is live. A published plan is immutable; the next one supersedes it."""

    DRAFT = "draft"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"


class Response(enum.StrEnum):
    """An agent's answer to an assignment."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


class Policy(Base):
    """
    Named, versioned weights and limits of the optimizer; ``settings`` is the problem file's policy object.

    A version is never changed; ``reason`` says why it came. A code whose newest version is retired is offered no more.
    """

    __tablename__ = "policy"
    __table_args__ = (UniqueConstraint("code", "number"),)

    id: Mapped[PrimaryKey]
    code: Mapped[Code]
    number: Mapped[int]
    name: Mapped[Name]
    description: Mapped[str] = mapped_column(Text, default="")
    settings: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(String(300), default="")
    retired_at: Mapped[dt.datetime | None]
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]

    created_by: Mapped[Person | None] = relationship()


class Pin(Base):
    """An assignment that a person fixed for a day, with a reason; removed pins stay for the record."""

    __tablename__ = "pin"
    __table_args__ = (
        Index(
            "ix_pin_engagement_open",
            "engagement_id",
            unique=True,
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    id: Mapped[PrimaryKey]
    engagement_id: Mapped[int] = mapped_column(ForeignKey("engagement.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    starts_at: Mapped[dt.datetime]
    reason: Mapped[str] = mapped_column(String(300))
    created_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]
    removed_at: Mapped[dt.datetime | None]
    removed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    engagement: Mapped[Engagement] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])


class PlanRun(Base):
    """
    One solve: its inputs, seed, policy, bound and gap.

    ``problem`` is the problem file that was solved; ``id_map`` is not needed because ids in it are database ids.
    ``input_digest`` identifies the state
    of the inputs, so that publishing can tell whether they changed since.  ``inputs`` counts them; ``answer`` is what
    the optimizer says of its work
    beside the plan: solver, route, tiers, message.
    """

    __tablename__ = "plan_run"
    __table_args__ = (Index("ix_plan_run_site_day", "site_id", "day_on"),)

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    day_on: Mapped[dt.date]
    starts_at: Mapped[dt.datetime]
    interval_minutes: Mapped[int]
    intervals: Mapped[int]
    policy_id: Mapped[int] = mapped_column(ForeignKey("policy.id"))
    seed: Mapped[int] = mapped_column(default=1)
    time_limit_seconds: Mapped[float]
    gap_target: Mapped[float]
    problem: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    inputs: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    input_digest: Mapped[str] = mapped_column(String(64), default="")
    status: Mapped[str | None] = mapped_column(String(30))
    stopped_by: Mapped[str | None] = mapped_column(String(20))
    objective: Mapped[float | None]
    bound: Mapped[float | None]
    gap: Mapped[float | None]
    seconds: Mapped[float | None]
    peak_mb: Mapped[float | None]
    conflict: Mapped[list[Any] | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]

    site: Mapped[Site] = relationship()
    policy: Mapped[Policy] = relationship()
    job: Mapped[Job | None] = relationship()
    created_by: Mapped[Person | None] = relationship()
    plan: Mapped[Plan | None] = relationship(back_populates="run")


class PlanPart(Base):
    """
    A part of a large run that is solved by itself: agents and engagements that share nothing with the other parts.

    ``answer`` is what the optimizer said of it, from which the solve that joins the parts begins.
    """

    __tablename__ = "plan_part"
    # The run that it is a part of is audited.
    audited: ClassVar[bool] = False
    __table_args__ = (UniqueConstraint("run_id", "number"),)

    id: Mapped[PrimaryKey]
    run_id: Mapped[int] = mapped_column(ForeignKey("plan_run.id"))
    number: Mapped[int]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    agents: Mapped[int]
    engagements: Mapped[int]
    status: Mapped[str | None] = mapped_column(String(30))
    objective: Mapped[float | None]
    bound: Mapped[float | None]
    seconds: Mapped[float | None]
    answer: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)

    run: Mapped[PlanRun] = relationship()
    job: Mapped[Job | None] = relationship()


class Plan(Versioned, Base):
    """The result of a run, and of the moves that a scheduler made in it before it was published."""

    __tablename__ = "plan"
    __table_args__ = (
        Index("ix_plan_site_day_state", "site_id", "day_on", "state"),
        Index(
            "ix_plan_live",
            "site_id",
            "day_on",
            unique=True,
            sqlite_where=text("state = 'published'"),
            postgresql_where=text("state = 'published'"),
        ),
    )

    id: Mapped[PrimaryKey]
    run_id: Mapped[int] = mapped_column(ForeignKey("plan_run.id"), unique=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    day_on: Mapped[dt.date]
    state: Mapped[PlanState] = mapped_column(default=PlanState.DRAFT)
    objective: Mapped[float]
    terms: Mapped[dict[str, Any]]
    prices: Mapped[dict[str, Any]] = mapped_column(default=dict, deferred=True)
    published_at: Mapped[dt.datetime | None]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    supersedes_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))
    created_at: Mapped[dt.datetime]

    run: Mapped[PlanRun] = relationship(back_populates="plan")
    site: Mapped[Site] = relationship()
    published_by: Mapped[Person | None] = relationship()
    assignments: Mapped[list[Assignment]] = relationship(back_populates="plan", cascade="all, delete-orphan")
    unassigned: Mapped[list[Unassigned]] = relationship(back_populates="plan", cascade="all, delete-orphan")
    reservations: Mapped[list[Reservation]] = relationship(back_populates="plan", cascade="all, delete-orphan")


class Assignment(Base):
    """Engagement → agent at a start time in a plan, with its value by term (points)."""

    __tablename__ = "assignment"
    __table_args__ = (
        UniqueConstraint("plan_id", "engagement_id"),
        Index("ix_assignment_person_start", "person_id", "starts_at"),
    )

    id: Mapped[PrimaryKey]
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id", ondelete="CASCADE"))
    engagement_id: Mapped[int] = mapped_column(ForeignKey("engagement.id"), index=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    starts_at: Mapped[dt.datetime]
    minutes: Mapped[float]
    value: Mapped[float]
    terms: Mapped[dict[str, Any]]
    why: Mapped[dict[str, Any]] = mapped_column(default=dict)
    relaxed: Mapped[list[Any]] = mapped_column(default=list)
    pin_id: Mapped[int | None] = mapped_column(ForeignKey("pin.id"))
    moved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))

    plan: Mapped[Plan] = relationship(back_populates="assignments")
    engagement: Mapped[Engagement] = relationship()
    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    pin: Mapped[Pin | None] = relationship()
    response: Mapped[AssignmentResponse | None] = relationship(back_populates="assignment")


class AssignmentResponse(Versioned, Base):
    """An agent's answer, and the order in which they mean to work; apart, because a published plan is immutable."""

    __tablename__ = "assignment_response"

    id: Mapped[PrimaryKey]
    assignment_id: Mapped[int] = mapped_column(ForeignKey("assignment.id", ondelete="CASCADE"), unique=True)
    response: Mapped[Response | None]
    reason: Mapped[str] = mapped_column(String(300), default="")
    position: Mapped[int | None]
    at: Mapped[dt.datetime]

    assignment: Mapped[Assignment] = relationship(back_populates="response")


class Unassigned(Base):
    """An engagement that the plan does not serve, with the cause and the cheapest fix."""

    __tablename__ = "unassigned"
    __table_args__ = (UniqueConstraint("plan_id", "engagement_id"),)

    id: Mapped[PrimaryKey]
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id", ondelete="CASCADE"))
    engagement_id: Mapped[int] = mapped_column(ForeignKey("engagement.id"), index=True)
    cause: Mapped[str] = mapped_column(String(40))
    detail: Mapped[dict[str, Any]]
    fix: Mapped[dict[str, Any] | None]

    plan: Mapped[Plan] = relationship(back_populates="unassigned")
    engagement: Mapped[Engagement] = relationship()


class Reservation(Base):
    """Minutes of an agent that the plan keeps for a live engagement type in one interval."""

    __tablename__ = "reservation"
    __table_args__ = (
        UniqueConstraint("plan_id", "person_id", "engagement_type_id", "starts_at"),
        CheckConstraint("minutes > 0", name="minutes"),
    )

    id: Mapped[PrimaryKey]
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    engagement_type_id: Mapped[int] = mapped_column(ForeignKey("engagement_type.id"))
    starts_at: Mapped[dt.datetime]
    minutes: Mapped[float]

    plan: Mapped[Plan] = relationship(back_populates="reservations")
    engagement_type: Mapped[EngagementType] = relationship()
    person: Mapped[Person] = relationship()


class PublishedPlanError(RuntimeError):
    """Something tried to change a published plan: a bug, refused before it reaches the database."""


_MAY_CHANGE_AFTER_PUBLISHING = {"state", "version"}


@event.listens_for(Session, "before_flush")
def _keep_published_plans(session: Session, _context: UOWTransaction, _instances: object) -> None:
    for instance in (*session.new, *session.dirty, *session.deleted):
        if isinstance(instance, Plan):
            state = inspect(instance).attrs.state.history
            was = state.deleted[0] if state.deleted else instance.state
            frozen = instance not in session.new and was in {PlanState.PUBLISHED, PlanState.SUPERSEDED}
            changed = {attribute.key for attribute in inspect(instance).attrs if attribute.history.has_changes()}
            if frozen and (instance in session.deleted or changed - _MAY_CHANGE_AFTER_PUBLISHING):
                raise PublishedPlanError(
                    f"Plan {instance.id} is {was}; its {', '.join(sorted(changed)) or 'row'} cannot change."
                )
        elif isinstance(instance, Assignment | Unassigned | Reservation) and (
            instance in session.deleted or session.is_modified(instance)
        ):
            plan: Plan | None = instance.__dict__.get("plan") or session.get(Plan, instance.plan_id)
            if plan is not None and inspect(plan).persistent and _was_published(plan):
                raise PublishedPlanError(
                    f"Plan {plan.id} is {plan.state}; its {type(instance).__name__.lower()} rows cannot change."
                )


def _was_published(plan: Plan) -> bool:
    history = inspect(plan).attrs.state.history
    was = history.deleted[0] if history.deleted else plan.state
    return was in {PlanState.PUBLISHED, PlanState.SUPERSEDED}
