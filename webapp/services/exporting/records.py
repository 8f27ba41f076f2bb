"""Skill records as levels, and the whole log of skill events behind them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from webapp.models import ImportKind, Person, Skill, SkillEvent
from webapp.services import records
from webapp.services.access import Permission
from webapp.services.exporting.base import Export, day_text, moment_text
from webapp.services.exporting.formats import Row
from webapp.services.importing.kinds.records import NEVER

_PEOPLE_AT_ONCE = 400


class RecordsExport(Export):
    """Effective levels above 0 in skills that are in use, by person and skill."""

    name = ImportKind.RECORDS
    permission = Permission.VIEW_RECORDS

    def rows(self) -> Iterator[Row]:
        """Yield one row a level."""
        codes = dict(self.session.execute(select(Skill.id, Skill.code).where(Skill.retired_at.is_(None))).all())
        query = (
            select(Person.id, Person.external_id).where(self.viewer.sees(self.permission)).order_by(Person.external_id)
        )
        people = self.session.execute(query).all()
        for start in range(0, len(people), _PEOPLE_AT_ONCE):
            some = people[start : start + _PEOPLE_AT_ONCE]
            held = records.projections_on(self.session, [person_id for person_id, _ in some], self.on)
            for person_id, external_id in some:
                levels = [
                    (codes[skill_id], projection)
                    for skill_id, projection in held[person_id].items()
                    if skill_id in codes and projection.effective_level
                ]
                for code, projection in sorted(levels, key=lambda line: line[0]):
                    yield {
                        "person": external_id,
                        "skill": code,
                        "level": projection.effective_level,
                        "expires_on": day_text(projection.valid_until) or NEVER,
                    }


class EventsExport(Export):
    """The log of skill events, in the order in which it was written; files that support events stay behind."""

    name = ImportKind.SKILL_EVENTS
    permission = Permission.MOVE_LOG

    def rows(self) -> Iterator[Row]:
        """Yield one row an event."""
        # Eight bytes an event, in ascending order: the number of the event that another one takes back is its place.
        ids = array("q")
        for part in self._parts(self._query()):
            for line in part:
                ids.append(line.id)
                yield {
                    "event": len(ids),
                    "person": line.person,
                    "skill": line.skill,
                    "kind": line.kind.value,
                    "at": moment_text(line.at),
                    "author": line.author,
                    "level": line.level,
                    "interest": line.interest.value if line.interest is not None else None,
                    "count": line.count,
                    "expires_on": day_text(line.expires_on),
                    "note": line.note,
                    "source": line.source,
                    "link": line.link,
                    "retracts": bisect_left(ids, line.retracts_id) + 1 if line.retracts_id is not None else None,
                }

    def _query(self) -> Any:
        author = aliased(Person)
        return (
            select(
                SkillEvent.id,
                Person.external_id.label("person"),
                Skill.code.label("skill"),
                SkillEvent.kind,
                SkillEvent.at,
                author.external_id.label("author"),
                SkillEvent.level,
                SkillEvent.interest,
                SkillEvent.count,
                SkillEvent.expires_on,
                SkillEvent.note,
                SkillEvent.source,
                SkillEvent.link,
                SkillEvent.retracts_id,
            )
            .join(Person, SkillEvent.person_id == Person.id)
            .join(Skill, SkillEvent.skill_id == Skill.id)
            .outerjoin(author, SkillEvent.author_id == author.id)
            .order_by(SkillEvent.id)
        )
