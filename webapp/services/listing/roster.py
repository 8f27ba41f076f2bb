"""Shifts and absences."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, selectinload

from webapp.models import Absence, AbsenceKind, Person, Shift
from webapp.services.access import Permission, Viewer
from webapp.services.listing.directory import of_site, where_equal
from webapp.services.listing.keyset import Page, PageRequest, read_page

SHIFT_ORDERS = {"id": Shift.id, "starts_at": Shift.starts_at, "external_id": Shift.external_id}
ABSENCE_ORDERS = {"id": Absence.id, "starts_at": Absence.starts_at}


@dataclass(frozen=True, slots=True)
class RosterFilter:
    """What a list of shifts or absences is narrowed to: those that share time with [``after``, ``before``)."""

    external_id: str | None = None
    person_id: int | None = None
    person: str | None = None
    site: str | None = None
    after: dt.datetime | None = None
    before: dt.datetime | None = None
    kind: AbsenceKind | None = None


def list_shifts(session: Session, *, viewer: Viewer, chosen: RosterFilter, wanted: PageRequest) -> Page[Shift]:
    """Return a page of the shifts of people whose roster the viewer sees."""
    query = select(Shift).join(Shift.person).options(contains_eager(Shift.person), selectinload(Shift.breaks))
    query = where_equal(query, {Shift.external_id: chosen.external_id})
    query = _narrowed(query, Shift, viewer, chosen)
    return read_page(session, query, wanted=wanted, columns=SHIFT_ORDERS, key=Shift.id)


def list_absences(session: Session, *, viewer: Viewer, chosen: RosterFilter, wanted: PageRequest) -> Page[Absence]:
    """Return a page of the absences of people whose roster the viewer sees."""
    query = select(Absence).join(Absence.person).options(contains_eager(Absence.person))
    query = where_equal(query, {Absence.kind: chosen.kind})
    query = _narrowed(query, Absence, viewer, chosen)
    return read_page(session, query, wanted=wanted, columns=ABSENCE_ORDERS, key=Absence.id)


def _narrowed(query: Any, model: type[Shift | Absence], viewer: Viewer, chosen: RosterFilter) -> Any:
    query = query.where(viewer.sees(Permission.VIEW_ROSTER))
    query = where_equal(query, {model.person_id: chosen.person_id, Person.external_id: chosen.person})
    query = of_site(query, Person.site_id, chosen.site)
    if chosen.after is not None:
        query = query.where(model.ends_at > chosen.after)
    if chosen.before is not None:
        query = query.where(model.starts_at < chosen.before)
    return query
