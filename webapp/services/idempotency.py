"""
Requests that are sent twice and done once: the answer is kept with the work, and given again.

Of two requests with the same token and key the first writes the row; the second waits for its transaction and finds the
answer, or nothing if the first failed, and then does the work itself.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import IdempotentAnswer

KEPT = dt.timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class RepeatableRequest:
    """What makes two requests the same."""

    token_id: int
    key: str
    method: str
    path: str
    body: bytes

    @property
    def body_hash(self) -> str:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).hexdigest()


def begin(session: Session, request: RepeatableRequest, *, at: dt.datetime) -> IdempotentAnswer | None:
    """
    Take a key for a request, or return what its first sending was answered.

    Raises
    ------
    InvalidInputError
        If the key was used within 72 hours for another request.
    """
    session.execute(
        delete(IdempotentAnswer).where(
            IdempotentAnswer.token_id == request.token_id,
            IdempotentAnswer.key == request.key,
            IdempotentAnswer.created_at <= at - KEPT,
        )
    )
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    # PostgreSQL waits here for another transaction that holds the key; on SQLite it has waited to begin.
    taken = session.scalar(
        dialect.insert(IdempotentAnswer)
        .values(
            token_id=request.token_id,
            key=request.key,
            method=request.method,
            path=request.path,
            body_hash=request.body_hash,
            status=0,
            headers={},
            body="",
            created_at=at,
        )
        .on_conflict_do_nothing(index_elements=["token_id", "key"])
        .returning(IdempotentAnswer.id)
    )
    if taken is not None:
        return None
    known = session.scalars(
        select(IdempotentAnswer).where(
            IdempotentAnswer.token_id == request.token_id, IdempotentAnswer.key == request.key
        )
    ).one()
    if (known.method, known.path, known.body_hash) != (request.method, request.path, request.body_hash):
        raise InvalidInputError("This Idempotency-Key was used for another request. Choose a new key for each request.")
    return known


def keep_answer(
    session: Session, request: RepeatableRequest, *, status: int, headers: Mapping[str, str], body: str
) -> None:
    """Keep what a request was answered, in the transaction of what it did."""
    session.execute(
        update(IdempotentAnswer)
        .where(IdempotentAnswer.token_id == request.token_id, IdempotentAnswer.key == request.key)
        .values(status=status, headers=dict(headers), body=body)
    )


def forget_old(session: Session, *, at: dt.datetime) -> int:
    """Delete the answers that are older than 72 hours; return how many."""
    found = session.scalars(
        delete(IdempotentAnswer).where(IdempotentAnswer.created_at <= at - KEPT).returning(IdempotentAnswer.id)
    )
    return len(found.all())


def forget_customer(session: Session, customer_key: str) -> int:
    """
    Empty the answers that name a customer, and return how many there were.

    Their rows stay: a request that is sent again is still done once, and is told no more than that.
    """
    written = json.dumps(customer_key)
    named = or_(
        *(IdempotentAnswer.body.contains(f'"customer_key":{blank}{written}', autoescape=True) for blank in ("", " "))
    )
    found = session.scalars(update(IdempotentAnswer).where(named).values(body="{}").returning(IdempotentAnswer.id))
    return len(found.all())
