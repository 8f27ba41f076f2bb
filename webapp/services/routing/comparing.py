"""Shadow mode: what routing advised beside what the telephone system did, and what the difference is worth."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, undefer

from optimizer.days import Interval
from webapp.models import RoutingContact, RoutingDecision, Site
from webapp.services.routing.replaying import Replayer, value_with
from webapp.services.zones import day_bounds

MOST_COMPARED = 2_000
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Compared:
    """
    One contact: the decision, and who really took it.

    ``gain`` is the score of the advised agent less that of the one who took it, in points by the rule's own estimate;
    None where the other was not free by our books, so that the two cannot be compared.
    """

    decision: RoutingDecision
    contact: RoutingContact
    gain: float | None

    @property
    def agreed(self) -> bool:
        """Whether both chose the same agent."""
        return self.decision.person_id == self.contact.actual_id


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % confidence interval by Wilson's score (1927)."""

    count: int
    of: int
    low: float
    high: float

    @classmethod
    def of_counts(cls, count: int, of: int) -> Share:
        """Return the share of a count."""
        if not of:
            return cls(0, 0, 0.0, 1.0)
        share, z2 = count / of, _Z * _Z
        middle = (share + z2 / (2 * of)) / (1 + z2 / of)
        half = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
        return cls(count, of, max(0.0, middle - half), min(1.0, middle + half))

    @property
    def value(self) -> float:
        """The share itself, 0 of nothing."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the day: contacts that were compared, and how many agreed."""

    starts_at: dt.datetime
    compared: int
    agreed: int
    gain: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A day in shadow."""

    rows: Sequence[Compared]
    agreement: Share
    gain: Interval | None
    total_gain: float
    incomparable: int
    hours: Sequence[Hour]


def compare_day(session: Session, site: Site, day_on: dt.date) -> Comparison:
    """Return a day's decisions beside what the telephone system did, as far as it said; the newest first."""
    starts_at, ends_at = day_bounds(day_on, site.time_zone)
    newest = (
        select(func.max(RoutingDecision.id))
        .join(RoutingContact, RoutingContact.id == RoutingDecision.contact_id)
        .where(
            RoutingDecision.site_id == site.id,
            RoutingDecision.at >= starts_at,
            RoutingDecision.at < ends_at,
            RoutingDecision.person_id.is_not(None),
            RoutingContact.actual_id.is_not(None),
            RoutingDecision.at <= RoutingContact.started_at,
        )
        .group_by(RoutingDecision.contact_id)
    )
    query = (
        select(RoutingDecision)
        .where(RoutingDecision.id.in_(newest))
        .options(
            undefer(RoutingDecision.snapshot),
            joinedload(RoutingDecision.person),
            joinedload(RoutingDecision.contact).joinedload(RoutingContact.actual),
            joinedload(RoutingDecision.contact).joinedload(RoutingContact.engagement_type),
        )
        .order_by(RoutingDecision.id.desc())
        .limit(MOST_COMPARED)
    )
    replayer = Replayer(session)
    rows = [_compared(replayer, decision) for decision in session.scalars(query)]
    gains = [row.gain for row in rows if row.gain is not None]
    return Comparison(
        rows=rows,
        agreement=Share.of_counts(sum(row.agreed for row in rows), len(rows)),
        gain=Interval.of(np.array(gains)) if len(gains) > 1 else None,
        total_gain=sum(gains),
        incomparable=len(rows) - len(gains),
        hours=_hours(rows),
    )


def _compared(replayer: Replayer, decision: RoutingDecision) -> Compared:
    contact = decision.contact
    if contact is None or contact.actual_id is None:
        raise RuntimeError(f"Decision {decision.id} has lost its contact.")
    if contact.actual_id == decision.person_id:
        return Compared(decision, contact, 0.0)
    question, stored, scorer = replayer.question(decision)
    other = value_with(question, stored, scorer, contact.actual_id)
    return Compared(decision, contact, None if other is None else (decision.score or 0.0) - other[0])


def _hours(rows: Sequence[Compared]) -> list[Hour]:
    found: dict[dt.datetime, list[Compared]] = {}
    for row in rows:
        found.setdefault(row.decision.at.replace(minute=0, second=0, microsecond=0), []).append(row)
    return [
        Hour(
            starts_at,
            len(each),
            sum(row.agreed for row in each),
            sum(row.gain for row in each if row.gain is not None),
        )
        for starts_at, each in sorted(found.items())
    ]
