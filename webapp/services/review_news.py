"""What came to a record after a lead had looked at it: they should know it before their review counts."""

from __future__ import annotations

from sqlalchemy.orm import Session

from webapp.models import SkillEventKind, SkillRecord
from webapp.services import record_history
from webapp.services.access import Viewer
from webapp.services.record_history import HistoryLine

_NO_NEWS = frozenset({SkillEventKind.INTEREST, SkillEventKind.USE, SkillEventKind.CONFIRM})


def list_news(session: Session, record: SkillRecord, *, since: int | None, viewer: Viewer) -> list[HistoryLine]:
    """
    Return what came to a record after a lead had looked at it, newest first.

    Parameters
    ----------
    session
        A session.
    record
        The record that is reviewed.
    since
        The newest event that the lead saw; None, if that is not known, finds nothing new.
    viewer
        The lead, whose own words are no news to them; nor are wishes, counts of use, and that all is still right.
    """
    if since is None:
        return []
    return [
        line
        for line in record_history.history(session, record.person_id, skill_id=record.skill_id)
        if line.event.id > since and line.event.author_id != viewer.person_id and line.event.kind not in _NO_NEWS
    ]
