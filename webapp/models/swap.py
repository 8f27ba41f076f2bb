"""Swaps: two agents who want to exchange two assignments of a published plan."""

from __future__ import annotations

import datetime as dt
import enum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from webapp.db import Base, PrimaryKey, Versioned
from webapp.models.organisation import Person
from webapp.models.plan import Plan
from webapp.models.work import Engagement


class SwapState(enum.StrEnum):
    """Where a swap stands; ``agreed`` waits for the scheduler, ``made`` stands in a published plan."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    MADE = "made"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"

    @property
    def ended(self) -> bool:
        """Whether nobody has to answer any more."""
        return self not in {SwapState.PROPOSED, SwapState.AGREED}


class Swap(Versioned, Base):
    """
    One agent's proposal to another to exchange two engagements of a published plan.

    The plan itself never changes: a swap that is made is a plan of its own, ``made_plan_id``, which supersedes it.
    ``value_lost`` is points of its first tier, known once the other agent has agreed.
    """

    __tablename__ = "swap"
    __table_args__ = (
        Index("ix_swap_site_state", "site_id", "state"),
        CheckConstraint("proposer_id <> other_id", name="two_people"),
        CheckConstraint("engagement_id <> other_engagement_id", name="two_engagements"),
    )

    id: Mapped[PrimaryKey]
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"), index=True)
    proposer_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    engagement_id: Mapped[int] = mapped_column(ForeignKey("engagement.id"))
    other_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    other_engagement_id: Mapped[int] = mapped_column(ForeignKey("engagement.id"))
    state: Mapped[SwapState] = mapped_column(default=SwapState.PROPOSED)
    reason: Mapped[str] = mapped_column(String(300), default="")
    proposed_at: Mapped[dt.datetime]
    answered_at: Mapped[dt.datetime | None]
    value_lost: Mapped[float | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[dt.datetime | None]
    made_plan_id: Mapped[int | None] = mapped_column(ForeignKey("plan.id"))

    plan: Mapped[Plan] = relationship(foreign_keys=[plan_id])
    proposer: Mapped[Person] = relationship(foreign_keys=[proposer_id])
    other: Mapped[Person] = relationship(foreign_keys=[other_id])
    engagement: Mapped[Engagement] = relationship(foreign_keys=[engagement_id])
    other_engagement: Mapped[Engagement] = relationship(foreign_keys=[other_engagement_id])
