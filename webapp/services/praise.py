"""
Praise: a customer's good word about an agent.

It earns the customer a thank-you, which is an engagement that belongs to that agent, and it reaches the agent as a
notice. A praise is received once: whoever hands it in names it, and a second time returns the first.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import InvalidInputError
from webapp.models import Engagement, EngagementType, Person, Praise, Stance
from webapp.services import audit, lifecycle, notices
from webapp.services.audit import Actor

DUE_AFTER = dt.timedelta(days=2)
LATEST_AFTER = dt.timedelta(days=5)
MAX_WORDS = 400


def receive(
    session: Session,
    *,
    customer_key: str,
    person: Person,
    about: Engagement | None = None,
    words: str = "",
    external_id: str = "",
    by: Actor,
) -> Praise:
    """
    Keep a praise, give its agent the thank-you to the customer, and tell them.

    Parameters
    ----------
    session
        A session.
    customer_key
        Key of the customer who praised.
    person
        The agent who is praised; the thank-you is theirs.
    about
        The engagement that it is about, if that is known.
    words
        The customer's words; they expire.
    external_id
        What makes it the same praise when it is handed in again; one is made up if there is none.
    by
        Who hands it in.

    Raises
    ------
    InvalidInputError
        If the customer is missing, the words are too long, the person is no active agent or hands it in themselves, or
        no engagement type is for thanking customers.
    """
    customer_key, words, external_id = customer_key.strip(), words.strip(), external_id.strip()
    if external_id:
        known = session.scalar(select(Praise).where(Praise.external_id == external_id))
        if known is not None:
            return known
    if not customer_key:
        raise InvalidInputError("Say which customer it came from.", field="customer_key")
    if len(words) > MAX_WORDS:
        raise InvalidInputError(f"Keep the words under {MAX_WORDS} characters.", field="words")
    if not person.active or not person.is_agent:
        raise InvalidInputError("Choose an agent who works here.", field="person_id")
    if person.id == by.person_id:
        raise InvalidInputError("Nobody hands in praise of themselves: let somebody else do it.", field="person_id")
    kind = find_thanking_type(session)
    if kind is None:
        raise InvalidInputError("There is no engagement type for thanking customers: add one whose stance is praise.")
    external_id = external_id or uuid.uuid4().hex[:16].upper()
    thanks = Engagement(
        external_id=f"THX-{uuid.uuid4().hex[:12].upper()}",
        site_id=person.site_id,
        engagement_type_id=kind.id,
        customer_key=customer_key,
        earliest_at=by.at,
        due_at=by.at + DUE_AFTER,
        latest_at=by.at + LATEST_AFTER,
        priority=3,
        owner_id=person.id,
    )
    lifecycle.begin(session, thanks, action="thank_customer", detail={"owner_id": person.id}, by=by)
    praise = Praise(
        external_id=external_id,
        at=by.at,
        customer_key=customer_key,
        words=words,
        person_id=person.id,
        about_id=about.id if about is not None else None,
        thanks_id=thanks.id,
        recorded_by_id=by.person_id,
    )
    session.add(praise)
    audit.record(
        session,
        "receive_praise",
        praise,
        by=by,
        person_id=person.id,
        detail={"about_id": praise.about_id, "thanks_id": thanks.id, "site_id": person.site_id},
    )
    notices.notify(
        session,
        person.id,
        kind="praise",
        text=f"A customer has praised you. Thanking them is yours: {thanks.external_id}.",
        link="/day",
        by=by,
    )
    return praise


def find_thanking_type(session: Session) -> EngagementType | None:
    """Return the engagement type of thank-yous: the first one in use whose stance is praise and that can wait."""
    kinds = session.scalars(
        select(EngagementType)
        .where(EngagementType.stance == Stance.PRAISE, EngagementType.active)
        .order_by(EngagementType.id)
    )
    return next((kind for kind in kinds if not kind.channel.live), None)


def list_of_person(
    session: Session, person: Person, *, since: dt.datetime | None = None, limit: int = 20
) -> Sequence[Praise]:
    """Return what customers said in praise of a person, since a moment or ever, the newest first."""
    return session.scalars(
        select(Praise)
        .where(Praise.person_id == person.id, *([Praise.at >= since] if since is not None else []))
        .options(joinedload(Praise.thanks))
        .order_by(Praise.at.desc(), Praise.id.desc())
        .limit(limit)
    ).all()


def list_about(session: Session, engagement: Engagement) -> Sequence[Praise]:
    """Return the praise that an engagement earned."""
    return session.scalars(
        select(Praise)
        .where(Praise.about_id == engagement.id)
        .options(joinedload(Praise.person), joinedload(Praise.thanks))
        .order_by(Praise.at, Praise.id)
    ).all()
