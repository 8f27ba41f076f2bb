"""What-if: scenarios of a day, trials of a weight on a day that is over, a site's own policy, and what went to WFM."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, Code, Name, PrimaryKey, Versioned
from webapp.models.job import Job
from webapp.models.organisation import Person, Site
from webapp.models.plan import Plan, Policy


class Scenario(Versioned, Base):
    """
    A day as it might be: changes that are applied to its problem and never to the live data, and what then comes out.

    ``changes`` are as :mod:`webapp.services.planning.what_if` reads them; they name people and types by id.
    ``base_plan`` is the plan that the day had when the scenario was solved last; ``input_digest`` is that of its inputs
    then, so that it can be told whether they have changed since. Before ``keep_before`` nothing may change.
    """

    __tablename__ = "scenario"
    __table_args__ = (
        Index("ix_scenario_site_day", "site_id", "day_on"),
        CheckConstraint("time_limit_seconds > 0", name="time_limit"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    day_on: Mapped[dt.date]
    name: Mapped[Name]
    changes: Mapped[list[Any]] = mapped_column(default=list)
    policy_code: Mapped[Code]
    seed: Mapped[int] = mapped_column(default=1)
    time_limit_seconds: Mapped[float]
    interval_minutes: Mapped[int]
    keep_before: Mapped[dt.datetime | None]
    policy_id: Mapped[int | None] = mapped_column(ForeignKey("policy.id"))
    base_plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))
    input_digest: Mapped[str] = mapped_column(String(64), default="")
    starts_at: Mapped[dt.datetime | None]
    problem: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    answer: Mapped[dict[str, Any] | None] = mapped_column(deferred=True)
    solved_at: Mapped[dt.datetime | None]
    applied_at: Mapped[dt.datetime | None]
    removed_at: Mapped[dt.datetime | None]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[dt.datetime]

    site: Mapped[Site] = relationship()
    policy: Mapped[Policy | None] = relationship()
    base_plan: Mapped[Plan | None] = relationship()
    job: Mapped[Job | None] = relationship()
    created_by: Mapped[Person | None] = relationship()


class WeightTrial(Base):
    """
    What one weight of a policy does on a day that is over: the day's own problem, solved for each weight of a grid.

    ``points`` holds one object for each weight: value by term, work served and assignments unlike the published plan's.
    """

    __tablename__ = "weight_trial"
    __table_args__ = (Index("ix_weight_trial_site_day", "site_id", "day_on"),)

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    day_on: Mapped[dt.date]
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    policy_id: Mapped[int] = mapped_column(ForeignKey("policy.id"))
    term: Mapped[str] = mapped_column(String(20))
    grid: Mapped[list[Any]]
    seconds_each: Mapped[float]
    points: Mapped[list[Any] | None]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    created_at: Mapped[dt.datetime]

    site: Mapped[Site] = relationship()
    plan: Mapped[Plan] = relationship()
    policy: Mapped[Policy] = relationship()
    job: Mapped[Job | None] = relationship()


class SitePolicy(Versioned, Base):
    """Which policy a site's runs begin with unless a scheduler chooses another."""

    __tablename__ = "site_policy"

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), unique=True)
    policy_code: Mapped[Code]

    site: Mapped[Site] = relationship()


class BlockExport(Base):
    """Blocks of training and mentoring that were handed to the workforce system: stable id → digest of what it said."""

    __tablename__ = "block_export"
    __table_args__ = (Index("ix_block_export_site_created", "site_id", "created_at"),)

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    first_on: Mapped[dt.date]
    last_on: Mapped[dt.date]
    blocks: Mapped[dict[str, Any]]
    created_at: Mapped[dt.datetime]

    site: Mapped[Site] = relationship()
