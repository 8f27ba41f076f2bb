"""
Imports that count already and whose records are not all projected again.

Until they are, whoever reads records projects the rest from the log, so that an import is seen whole or not at all.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Select, Table, and_, or_, select
from sqlalchemy.orm import Session

from webapp.models import ImportBatch, Skill, SkillEvent

Pair = tuple[int, int]

_BATCHES: Table = ImportBatch.__table__  # type: ignore[assignment]
_UNPROJECTED = select(_BATCHES.c.id, _BATCHES.c.projected_to).where(_BATCHES.c.projected_to.is_not(None))
_PEOPLE_AT_ONCE = 400


def list_unprojected(session: Session) -> dict[int, int]:
    """Return the imports whose records are not all projected: import → last event that is."""
    return dict(session.connection().execute(_UNPROJECTED).all())


def list_unprojected_since(session: Session, before: Mapping[int, int]) -> dict[int, int]:
    """
    Return the imports of which records read since ``before`` was told may be projected or not.

    SQLite shows a transaction one state of the database; PostgreSQL shows each query its own, so that an import may
    have begun to count in between.
    """
    if session.get_bind().dialect.name == "sqlite":
        return dict(before)
    begun = dict.fromkeys(list_unprojected(session), 0)
    return {**begun, **before}


def people_unprojected(imports: Mapping[int, int]) -> Select[int]:
    """Return a query of the people who have records that are not projected since these imports."""
    events = [
        and_(SkillEvent.import_batch_id == batch_id, SkillEvent.id > projected_to)
        for batch_id, projected_to in imports.items()
    ]
    return select(SkillEvent.person_id).where(or_(*events))


def find_unprojected_pairs(
    session: Session,
    imports: Mapping[int, int],
    person_ids: Collection[int],
    *,
    skill_ids: Collection[int] | None = None,
) -> set[Pair]:
    """Return the people's records that events of these imports belong to and that are not projected: person, skill."""
    if not imports:
        return set()
    roots = dict(session.execute(select(Skill.id, Skill.merged_into_id).where(Skill.merged_into_id.is_not(None))).all())
    people, pairs = sorted(person_ids), set[Pair]()
    for batch_id, projected_to in imports.items():
        for start in range(0, len(people), _PEOPLE_AT_ONCE):
            query = (
                select(SkillEvent.person_id, SkillEvent.skill_id)
                .where(
                    SkillEvent.import_batch_id == batch_id,
                    SkillEvent.id > projected_to,
                    SkillEvent.person_id.in_(people[start : start + _PEOPLE_AT_ONCE]),
                )
                .distinct()
            )
            pairs |= {(person, roots.get(skill) or skill) for person, skill in session.execute(query)}
    return pairs if skill_ids is None else {pair for pair in pairs if pair[1] in skill_ids}
