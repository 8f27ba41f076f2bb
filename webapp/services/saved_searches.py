"""Searches that people keep under a name, for themselves or for all who search the same people."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager

from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import SavedSearch
from webapp.services import audit
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor

QUESTION = frozenset({"skill", "level", "site", "team", "on", "weekday", "from", "until", "reviewed", "fresh", "near"})
"""What of an address belongs to a search; all else, such as the format of a download, is left out."""

MOST_SEARCHES = 50
_NAME_LENGTH = 120


def list_searches(session: Session, *, viewer: Viewer) -> Sequence[SavedSearch]:
    """Return the viewer's searches and those that people of their sites share, by name."""
    shared = and_(SavedSearch.shared, viewer.sees(Permission.SEARCH_SKILLS))
    return session.scalars(
        select(SavedSearch)
        .join(SavedSearch.owner)
        .where(or_(SavedSearch.owner_id == viewer.person_id, shared))
        .options(contains_eager(SavedSearch.owner))
        .order_by(func.lower(SavedSearch.name), SavedSearch.id)
    ).all()


def save_search(session: Session, *, name: str, query: str, shared: bool = False, by: Actor) -> SavedSearch:
    """
    Keep a search; one of the same name by the same person is replaced.

    Parameters
    ----------
    session
        A session.
    name
        What to call it.
    query
        The part of the address after the question mark.
    shared
        Whether others see it. It shows each of them only the people whom they may see.
    by
        Who keeps it.

    Raises
    ------
    InvalidInputError
        If the name is empty, too long, nothing is asked, or there are too many.
    """
    name = " ".join(name.split())
    if not name:
        raise InvalidInputError("Give the search a name.", field="name")
    if len(name) > _NAME_LENGTH:
        raise InvalidInputError(f"Keep the name under {_NAME_LENGTH} characters.", field="name")
    question = [(key, value) for key, value in parse_qsl(query) if key in QUESTION]
    if not any(key == "skill" for key, _ in question):
        raise InvalidInputError("Ask for a skill first, then save the search.", field="name")
    own = session.scalars(select(SavedSearch).where(SavedSearch.owner_id == by.person_id)).all()
    saved = next((search for search in own if search.name.casefold() == name.casefold()), None)
    if saved is None:
        if len(own) >= MOST_SEARCHES:
            raise InvalidInputError(f"You keep {MOST_SEARCHES} searches; remove one first.", field="name")
        saved = SavedSearch(owner_id=by.person_id, created_at=by.at)
        session.add(saved)
    saved.name, saved.query, saved.shared = name, urlencode(question), shared
    audit.record(session, "save_search", saved, by=by, detail={"query": saved.query, "shared": shared})
    return saved


def remove_search(session: Session, search_id: int, *, viewer: Viewer, by: Actor) -> SavedSearch:
    """
    Forget one's own search and return what it was, so that it can be saved again.

    Raises
    ------
    NotFoundError
        If there is no such search of the viewer's.
    """
    search = session.scalar(
        select(SavedSearch).where(SavedSearch.id == search_id, SavedSearch.owner_id == viewer.person_id)
    )
    if search is None:
        raise NotFoundError("There is no such search of yours.")
    audit.record(session, "remove_search", search, by=by, detail={"query": search.query, "shared": search.shared})
    session.delete(search)
    session.flush()
    return search
