"""
Finding skills of the catalogue by name, code and synonym, with typing errors forgiven: the one search of all pages.

The index is built once in each process and again when the catalogue changed, which a few sums over its rows tell.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Pool, func, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Skill, SkillSynonym
from webapp.services.word_index import Entry, Hit, WordIndex

Row = TypeVar("Row")

_indexes: weakref.WeakKeyDictionary[Pool, dict[str, tuple[Hashable, WordIndex]]] = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def cached_index(session: Session, name: str, revision: Hashable, build: Callable[[], Iterable[Entry]]) -> WordIndex:
    """
    Return the index of a name in a database, built anew if the revision is not the one that it was built at.

    Parameters
    ----------
    session
        A session; what it has changed itself and not committed is indexed, but never kept.
    name
        What is indexed.
    revision
        Differs whenever what is indexed differs.
    build
        Reads the entries.
    """
    pool = session.get_bind().engine.pool
    with _lock:
        kept = _indexes.setdefault(pool, {}).get(name)
    if kept is not None and kept[0] == revision:
        return kept[1]
    index = WordIndex(build())
    if "changed" not in session.info:
        with _lock:
            _indexes[pool][name] = (revision, index)
    return index


def search_skills(
    session: Session, text: str, *, retired: bool = False, mentioned: bool = False, limit: int | None = None
) -> list[Hit]:
    """
    Return the skills that answer to a text, the best first.

    Parameters
    ----------
    session
        A session.
    text
        Words or their beginnings.
    retired
        Whether retired skills are found, too.
    mentioned
        Whether skills in whose description alone the words stand come in, last.
    limit
        How many at most; all if None.
    """
    return skill_index(session, retired=retired).search(text, mentioned=mentioned, limit=limit)


def find_skills(session: Session, text: str, *, limit: int) -> list[Skill]:
    """Return the skills in use that answer to a text, the best first, with their groups."""
    hits = search_skills(session, text, limit=limit)
    found = session.scalars(
        select(Skill).where(Skill.id.in_([hit.key for hit in hits])).options(joinedload(Skill.group))
    )
    return in_order(hits, {skill.id: skill for skill in found})


def in_order(hits: Sequence[Hit], rows: Mapping[int, Row]) -> list[Row]:
    """Return the rows that were found in the order of the search; those that are not there are left out."""
    return [rows[hit.key] for hit in hits if hit.key in rows]


def skill_index(session: Session, *, retired: bool = False) -> WordIndex:
    """Return the index of the catalogue; skills that were merged into others are not in it."""
    revision = _revision(session)
    name = "skills with retired ones" if retired else "skills"
    return cached_index(session, name, revision, lambda: _entries(session, retired=retired))


def _revision(session: Session) -> Hashable:
    skills = select(
        func.count(),
        func.max(Skill.id),
        # Each edit of a skill raises its version.
        func.sum(Skill.version),
        func.count(Skill.retired_at),
        func.sum(func.length(Skill.name)),
        func.min(Skill.name),
        func.max(Skill.name),
    )
    synonyms = select(func.count(), func.max(SkillSynonym.id), func.max(SkillSynonym.text))
    return (*session.execute(skills).one(), *session.execute(synonyms).one())


def _entries(session: Session, *, retired: bool) -> Iterable[Entry]:
    synonyms: dict[int, list[str]] = {}
    for skill_id, text in session.execute(select(SkillSynonym.skill_id, SkillSynonym.text).order_by(SkillSynonym.text)):
        synonyms.setdefault(skill_id, []).append(text)
    query = select(Skill.id, Skill.name, Skill.code, Skill.description).where(Skill.merged_into_id.is_(None))
    if not retired:
        query = query.where(Skill.retired_at.is_(None))
    for key, name, code, description in session.execute(query):
        # People who work with imports know a skill by its code.
        yield Entry(key, name, (*synonyms.get(key, ()), code), description)
