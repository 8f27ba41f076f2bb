"""Finding people and skills by a few letters, for the command palette."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from webapp.models import Person, Skill
from webapp.services import skill_search
from webapp.services.access import Permission, Viewer

LIMIT = 8


def matches(text: str, words: str) -> bool:
    """Return whether a text contains each of the words."""
    return all(word in text.lower() for word in words.lower().split())


def find_people(session: Session, words: str, *, viewer: Viewer, limit: int = LIMIT) -> Sequence[Person]:
    """Return active people in the viewer's scope whose name or external id has the words; names that begin so first."""
    query = (
        select(Person)
        .where(
            viewer.sees(Permission.VIEW_PEOPLE),
            Person.active,
            or_(_contains(Person.name, words), _contains(Person.external_id, words)),
        )
        .order_by(_begins(Person.name, words), Person.name)
        .options(joinedload(Person.team), joinedload(Person.site))
        .limit(limit)
    )
    return session.scalars(query).all()


def find_skills(session: Session, words: str, *, limit: int = LIMIT) -> Sequence[Skill]:
    """Return skills in use that answer to the words by name, code or synonym, the best first."""
    return skill_search.find_skills(session, words, limit=limit)


def _contains(column: InstrumentedAttribute[str], words: str) -> ColumnElement[bool]:
    return and_(*(func.lower(column).contains(word, autoescape=True) for word in words.lower().split()))


def _begins(column: InstrumentedAttribute[str], words: str) -> ColumnElement[int]:
    return case((func.lower(column).startswith(words.lower(), autoescape=True), 0), else_=1)
