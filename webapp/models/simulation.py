"""Simulations: what another policy of routing would have done with the contacts of a day."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey
from webapp.models.job import Job
from webapp.models.organisation import Site


class Simulation(Base):
    """
    One day's real contacts, simulated under several policies of routing.

    ``policies`` are names of rules, in the order in which they are shown; ``seeds`` counts the draws of what the log
    cannot tell. ``inputs`` counts what went in; ``result`` holds means with their intervals, once the job has ended
    well. Neither names a person. Who asked stands in the job.
    """

    __tablename__ = "simulation"
    __table_args__ = (
        Index("ix_simulation_site_day", "site_id", "day_on"),
        CheckConstraint("seeds BETWEEN 1 AND 200", name="seeds"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    day_on: Mapped[dt.date]
    policies: Mapped[list[Any]]
    seeds: Mapped[int]
    first_seed: Mapped[int]
    target_seconds: Mapped[int]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"), unique=True)
    inputs: Mapped[dict[str, Any] | None]
    result: Mapped[dict[str, Any] | None]
    created_at: Mapped[dt.datetime]

    site: Mapped[Site] = relationship()
    job: Mapped[Job | None] = relationship()
