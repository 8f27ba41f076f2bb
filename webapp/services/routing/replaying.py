"""Making stored decisions again from what they were made from: the same, or a fault of the program."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from optimizer.routing import Choice, Scorer
from webapp.errors import NotFoundError
from webapp.models import RoutingDecision, Site
from webapp.services.routing import desks
from webapp.services.routing.snapshots import AgentQuestion, ContactQuestion, Question, read_question, scorer_of
from webapp.services.routing.stored_desks import StoredDesk
from webapp.services.zones import day_bounds

_AT_ONCE = 500
_SAME_SCORE = 1e-9


@dataclass(frozen=True, slots=True)
class Replayed:
    """A decision made again: who, or which contact, came out now, and whether that is what was stored."""

    decision: RoutingDecision
    person_id: int | None
    contact_id: int | None
    score: float | None
    same: bool


class Replayer:
    """
    Makes decisions again; desks are read once.

    Parameters
    ----------
    session
        A session.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._desk = lru_cache(maxsize=8)(self._read_desk)
        self._scorers: dict[tuple[int, str], Scorer] = {}

    def _read_desk(self, desk_id: int) -> StoredDesk:
        return desks.get_desk(self._session, desk_id)

    def question(self, decision: RoutingDecision) -> tuple[Question, StoredDesk, Scorer]:
        """Return what a decision was asked, with its desk and what scored it."""
        stored = self._desk(decision.desk_id)
        key = (decision.desk_id, repr(sorted(decision.rule.items())))
        if key not in self._scorers:
            self._scorers[key] = scorer_of(stored.desk, decision.rule)
        return read_question(decision.snapshot), stored, self._scorers[key]

    def again(self, decision: RoutingDecision) -> Replayed:
        """Make a decision again, and compare."""
        question, stored, scorer = self.question(decision)
        choice = question.answer(scorer)
        person_id, contact_id = _named(question, stored, choice, decision)
        score = None if choice is None else choice.score
        near = (score is None) == (decision.score is None) and (
            score is None or abs(score - (decision.score or 0.0)) <= _SAME_SCORE * max(1.0, abs(score))
        )
        same = near and (person_id, contact_id) == (decision.person_id, decision.contact_id)
        return Replayed(decision, person_id, contact_id, score, same)


def _named(
    question: Question, stored: StoredDesk, choice: Choice | None, decision: RoutingDecision
) -> tuple[int | None, int | None]:
    if isinstance(question, ContactQuestion):
        contact_id = None if choice is None else question.contact_ids[choice.position]
        return stored.person_of[question.column], contact_id
    if choice is None:
        return None, decision.contact_id
    return stored.person_of[int(question.candidates.columns[choice.position])], decision.contact_id


def value_with(question: Question, stored: StoredDesk, scorer: Scorer, person_id: int) -> tuple[float, float] | None:
    """
    Return score and value in points of a contact with somebody else who was free at the moment of the decision.

    None if they were not among those who could be chosen: then the two cannot be compared.
    """
    column = stored.column_of.get(person_id)
    if column is None or not isinstance(question, AgentQuestion):
        return None
    places = (question.candidates.columns == column).nonzero()[0]
    if not len(places):
        return None
    scorer.enter(question.now)
    scores = scorer.scores(question.asked, question.candidates)
    return float(scores[places[0]]), scorer.value(question.asked, column)


def get_decision(session: Session, decision_id: int, *, site_ids: Any = None) -> RoutingDecision:
    """
    Return a decision with what it read.

    Raises
    ------
    NotFoundError
        If there is none, or it lies outside the sites.
    """
    query = select(RoutingDecision).where(RoutingDecision.id == decision_id).options(undefer(RoutingDecision.snapshot))
    if site_ids is not None:
        query = query.where(RoutingDecision.site_id.in_(site_ids))
    found = session.scalar(query)
    if found is None:
        raise NotFoundError("There is no such decision.")
    return found


def list_day(session: Session, site: Site, day_on: dt.date) -> Iterator[RoutingDecision]:
    """Yield the decisions of a site's day, in their order."""
    starts_at, ends_at = day_bounds(day_on, site.time_zone)
    after = 0
    while True:
        query = (
            select(RoutingDecision)
            .where(
                RoutingDecision.site_id == site.id,
                RoutingDecision.at >= starts_at,
                RoutingDecision.at < ends_at,
                RoutingDecision.id > after,
            )
            .options(undefer(RoutingDecision.snapshot))
            .order_by(RoutingDecision.id)
            .limit(_AT_ONCE)
        )
        found = session.scalars(query).all()
        yield from found
        if len(found) < _AT_ONCE:
            return
        after = found[-1].id
