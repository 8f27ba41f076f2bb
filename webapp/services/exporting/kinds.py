"""The kinds of export, by name, and taking one out."""

from __future__ import annotations

import datetime as dt
from typing import BinaryIO

from sqlalchemy.orm import Session

from webapp.errors import ForbiddenError
from webapp.models import ImportKind
from webapp.services.access import Viewer
from webapp.services.exporting.base import Export
from webapp.services.exporting.formats import Format, write
from webapp.services.exporting.people import PeopleExport
from webapp.services.exporting.records import EventsExport, RecordsExport
from webapp.services.exporting.skills import SkillsExport
from webapp.services.exporting.work import EngagementsExport, ShiftsExport, TypesExport
from webapp.services.importing.kinds import KINDS

EXPORTS: dict[ImportKind, type[Export]] = {
    kind.name: kind
    for kind in (
        PeopleExport,
        SkillsExport,
        RecordsExport,
        EventsExport,
        ShiftsExport,
        TypesExport,
        EngagementsExport,
    )
}


def exports_of(viewer: Viewer) -> list[ImportKind]:
    """Return the kinds that the viewer may export."""
    return [name for name, kind in EXPORTS.items() if viewer.can(kind.permission)]


def export(session: Session, kind: ImportKind, form: Format, target: BinaryIO, *, viewer: Viewer, on: dt.date) -> int:
    """
    Write all rows of a kind that the viewer may see, and return how many there were.

    Parameters
    ----------
    session
        A session.
    kind
        One of :data:`EXPORTS`.
    form
        How the file is written.
    target
        A file that is open for writing.
    viewer
        Whose scope limits the rows.
    on
        The day whose levels count.

    Raises
    ------
    ForbiddenError
        If the viewer may not see rows of this kind.
    InvalidInputError
        If the form cannot hold that many rows.
    """
    require_kind(kind, viewer=viewer)
    rows = EXPORTS[kind](session, viewer=viewer, on=on)
    return write(form, target, rows.header(), rows.rows())


def require_kind(kind: ImportKind, *, viewer: Viewer) -> None:
    """
    Refuse a kind that the viewer may not export.

    Raises
    ------
    ForbiddenError
        If they may not.
    """
    if not viewer.can(EXPORTS[kind].permission):
        raise ForbiddenError(f"Your roles do not include exporting {KINDS[kind].title.lower()}.")
