"""Shifts, engagement types and engagements."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import aliased

from webapp.models import (
    Engagement,
    EngagementState,
    EngagementType,
    ImportKind,
    Person,
    Shift,
    ShiftBreak,
    Site,
    Skill,
    TypeRequirement,
)
from webapp.services import engagement_types, lifecycle
from webapp.services.access import Permission
from webapp.services.exporting.base import Export, moment_text
from webapp.services.exporting.formats import Row, to_text

_KEPT = lifecycle.ENDED | {EngagementState.RECEIVED}
_Span = tuple[dt.datetime, dt.datetime]


class ShiftsExport(Export):
    """Shifts by external id."""

    name = ImportKind.SHIFTS
    permission = Permission.VIEW_ROSTER

    def rows(self) -> Iterator[Row]:
        """Yield one row a shift."""
        query = (
            select(Shift.id, Shift.external_id, Person.external_id, Shift.starts_at, Shift.ends_at, Shift.inferred)
            .join(Person, Shift.person_id == Person.id)
            .where(self.viewer.sees(self.permission))
            .order_by(Shift.external_id)
        )
        for part in self._parts(query):
            breaks = self._breaks([line[0] for line in part])
            for shift_id, external_id, person, starts_at, ends_at, inferred in part:
                yield {
                    "external_id": external_id,
                    "person": person,
                    "starts_at": moment_text(starts_at),
                    "ends_at": moment_text(ends_at),
                    # Moments and not times of day: those of a night on which the clocks go back happen twice.
                    "breaks": "; ".join(f"{moment_text(start)}/{moment_text(end)}" for start, end in breaks[shift_id])
                    or None,
                    "inferred": inferred,
                }

    def _breaks(self, ids: Sequence[int]) -> dict[int, list[_Span]]:
        found: dict[int, list[_Span]] = defaultdict(list)
        query = select(ShiftBreak.shift_id, ShiftBreak.starts_at, ShiftBreak.ends_at).order_by(ShiftBreak.starts_at)
        for shift_id, starts_at, ends_at in self.session.execute(query.where(ShiftBreak.shift_id.in_(ids))):
            found[shift_id].append((starts_at, ends_at))
        return found


class TypesExport(Export):
    """Engagement types by code, those out of use included."""

    name = ImportKind.ENGAGEMENT_TYPES
    permission = Permission.VIEW_WORK

    def rows(self) -> Iterator[Row]:
        """Yield one row a type."""
        requirements = self._requirements()
        for part in self._parts(select(*EngagementType.__table__.c).order_by(EngagementType.code)):
            for kind in part:
                asked = "; ".join(requirements[kind.id]) or None
                yield {**engagement_types.plain_values(kind), "requirements": asked}

    def _requirements(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        query = (
            select(TypeRequirement, Skill.code).join(Skill, TypeRequirement.skill_id == Skill.id).order_by(Skill.code)
        )
        for line, code in self.session.execute(query):
            weight = f" *{to_text(line.weight)}" if line.weight != 1 else ""
            found[line.engagement_type_id].append(f"{code}>={line.level}{weight}{' ?' if line.preferred else ''}")
        return found


class EngagementsExport(Export):
    """
    Engagements by external id.

    What a plan made of them stays behind: work in a plan, and returned work, is classified where it arrives.
    """

    name = ImportKind.ENGAGEMENTS
    permission = Permission.VIEW_WORK

    def rows(self) -> Iterator[Row]:
        """Yield one row an engagement."""
        owner = aliased(Person)
        query = (
            select(
                Engagement.external_id,
                Site.code.label("site"),
                EngagementType.code.label("type"),
                Engagement.customer_key,
                Engagement.subject,
                Engagement.earliest_at,
                Engagement.due_at,
                Engagement.latest_at,
                Engagement.priority,
                Engagement.minutes,
                owner.external_id.label("owner"),
                Engagement.state,
            )
            .join(Site, Engagement.site_id == Site.id)
            .join(EngagementType, Engagement.engagement_type_id == EngagementType.id)
            .outerjoin(owner, Engagement.owner_id == owner.id)
            .where(self.viewer.sees_site(self.permission))
            .order_by(Engagement.external_id)
        )
        for part in self._parts(query):
            for line in part:
                state = line.state if line.state in _KEPT else EngagementState.CLASSIFIED
                yield {
                    "external_id": line.external_id,
                    "site": line.site,
                    "type": line.type,
                    "customer": line.customer_key,
                    "subject": line.subject,
                    "earliest_at": moment_text(line.earliest_at),
                    "due_at": moment_text(line.due_at),
                    "latest_at": moment_text(line.latest_at),
                    "priority": line.priority,
                    "minutes": line.minutes,
                    "owner": line.owner,
                    "state": state.value,
                }
