"""
Customers are keys, and nothing else: erasing one, and keeping it erased.

Every table with a ``customer_key`` stands in :data:`HOLDERS` with what else of its row is the customer's; a test fails
for one that does not. Erasing replaces the key everywhere by one random token, clears the words, and keeps a digest of
the key (:mod:`webapp.services.erasure_memory`), by which what is restored or imported afterwards is found and erased
again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, func, null, select, update
from sqlalchemy.orm import Session

from webapp.db import Base
from webapp.errors import InvalidInputError
from webapp.models import Engagement, ErasedCustomer, ImportBatch, ImportChange
from webapp.services import audit, idempotency, payload_words
from webapp.services.audit import Actor
from webapp.services.erasure_memory import Mark, get_memory
from webapp.services.talk import threads

TOKEN_START = "erased-"  # noqa: S105 - the beginning of a pseudonym, no secret
_ROWS_AT_ONCE = 500
NOTHING: Any = object()
"""Stands for SQL's NULL among the values of a holder: a JSON column would write ``None`` as the text ``null``."""


@dataclass(frozen=True, slots=True)
class Holder:
    """What else of a row belongs to the customer: columns, and the values that stand there when it is gone."""

    clears: Mapping[str, Any] = field(default_factory=dict)


HOLDERS: dict[str, Holder] = {
    "engagement": Holder({"subject": ""}),
    "contact": Holder(),
    "check_in": Holder(),
    "praise": Holder({"words": ""}),
    "intake_item": Holder({"facts": {}, "verdict": {}}),
    "intake_event": Holder({"body": NOTHING, "error": ""}),
    "intake_example": Holder({"words": {}}),
    "routing_contact": Holder(),
}
"""By table; a module with a table of its own adds it here."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What erasing a customer did: rows by table; empty where nothing was held under the key."""

    rows: Mapping[str, int]
    before: bool

    @property
    def count(self) -> int:
        """Rows of all tables."""
        return sum(self.rows.values())


def is_erased(session: Session, customer_key: str) -> bool:
    """Return whether a customer was erased."""
    return bool(_find(session, customer_key))


def _find(session: Session, customer_key: str) -> Sequence[ErasedCustomer]:
    """Return the rows of an erased customer: one, or several where a restore has brought some of other keys."""
    digests = [mark.digest for mark in get_memory().marks(customer_key)]
    query = select(ErasedCustomer).where(ErasedCustomer.digest.in_(digests))
    return session.scalars(query.order_by(ErasedCustomer.id)).all()


def erase(session: Session, customer_key: str, *, reason: str, by: Actor) -> Erasure:
    """
    Erase a customer: their key and their words, wherever they are held; a second time finds nothing and says so.

    Raises
    ------
    InvalidInputError
        If the key or the reason is empty, or the key is that of a customer who was erased.
    """
    customer_key, reason = customer_key.strip(), reason.strip()
    if not customer_key:
        raise InvalidInputError("Say whose key it is.", field="customer_key")
    if customer_key.startswith(TOKEN_START):
        raise InvalidInputError("This customer was erased already.", field="customer_key")
    if not reason or len(reason) > 200:
        raise InvalidInputError("Say why, in at most 200 characters.", field="reason")
    found, mark = _find(session, customer_key), get_memory().mark(customer_key)
    if found:
        known = _keep_one(session, found, mark, by=by)
        if not _holds(session, customer_key):
            return Erasure(rows={}, before=True)
    else:
        known = ErasedCustomer(digest=mark.digest, key_id=mark.key_id, at=by.at, reason=reason)
        session.add(known)
        session.flush()
    before = known.at != by.at
    rows = _replace(session, customer_key)
    audit.record(session, "erase_customer", known, by=by, detail={"rows": {k: v for k, v in rows.items() if v}})
    return Erasure(rows=rows, before=before)


def _keep_one(session: Session, found: Sequence[ErasedCustomer], mark: Mark, *, by: Actor) -> ErasedCustomer:
    """Leave the oldest of a customer's rows, under their present mark: of other keys, or of none, there are no more."""
    kept = found[0]
    if len(found) == 1 and kept.digest == mark.digest:
        return kept
    for other in found[1:]:
        session.delete(other)
    session.flush()
    kept.digest, kept.key_id = mark.digest, mark.key_id
    audit.record(session, "renew_erasure", kept, by=by)
    session.flush()
    return kept


def strengthen(session: Session, *, by: Actor) -> int:
    """Key the plain digests that versions before have left, and return how many; nobody has to name the customers."""
    memory = get_memory()
    plain = session.scalars(
        select(ErasedCustomer).where(ErasedCustomer.key_id.is_(None)).order_by(ErasedCustomer.id).with_for_update()
    ).all()
    for erased in plain:
        mark = memory.strengthen(erased.digest)
        twin = session.scalars(select(ErasedCustomer).where(ErasedCustomer.digest == mark.digest)).all()
        _keep_one(session, [erased, *twin], mark, by=by)
    return len(plain)


def count_unknown(session: Session) -> int:
    """Return how many customers were erased under a key that this installation does not have: nobody knows them."""
    query = select(func.count()).select_from(ErasedCustomer)
    return session.scalar(query.where(ErasedCustomer.key_id.not_in(get_memory().key_ids))) or 0


def erase_again(session: Session, *, by: Actor) -> int:
    """
    Erase once more what came back under keys that were erased, from a backup or a file; return how many rows.

    Reads each different key once, and nothing at all while nobody was erased.
    """
    digests, memory = set(session.scalars(select(ErasedCustomer.digest))), get_memory()
    if not digests:
        return 0
    keys: set[str] = set()
    for table in _tables():
        keys.update(session.scalars(select(table.c.customer_key).distinct()))
    back = sorted(key for key in keys - {""} if any(mark.digest in digests for mark in memory.marks(key)))
    return sum(erase(session, key, reason="It came back.", by=by).count for key in back)


def _tables() -> list[Table]:
    return [Base.metadata.tables[name] for name in HOLDERS]


def _holds(session: Session, customer_key: str) -> bool:
    return any(
        session.scalar(select(table.c.id).where(table.c.customer_key == customer_key).limit(1)) is not None
        for table in _tables()
    )


def _replace(session: Session, customer_key: str) -> dict[str, int]:
    token = TOKEN_START + secrets.token_hex(16)
    engagements = session.scalars(select(Engagement.id).where(Engagement.customer_key == customer_key)).all()
    rows = {
        "import_change": _forget_imports(session, engagements),
        "thread_message": threads.forget(session, engagements),
        "idempotent_answer": idempotency.forget_customer(session, customer_key),
        "intake_elsewhere": payload_words.forget_elsewhere(session, customer_key),
    }
    for table in _tables():
        values: dict[str, Any] = {
            name: null() if value is NOTHING else value for name, value in HOLDERS[table.name].clears.items()
        }
        if "version" in table.c:
            values["version"] = table.c.version + 1
        statement = update(table).where(table.c.customer_key == customer_key)
        rows[table.name] = session.connection().execute(statement.values(customer_key=token, **values)).rowcount
    # The statements go past the session's objects: whoever holds one must read it anew.
    session.expire_all()
    return rows


def _forget_imports(session: Session, engagement_ids: Iterable[int]) -> int:
    """Clear the customer out of what imports noted of their engagements, and the files that these came in."""
    ordered, count, batches = sorted(engagement_ids), 0, set()
    for start in range(0, len(ordered), _ROWS_AT_ONCE):
        changes = session.scalars(
            select(ImportChange).where(
                ImportChange.subject_kind == Engagement.__tablename__,
                ImportChange.subject_id.in_(ordered[start : start + _ROWS_AT_ONCE]),
            )
        )
        for change in changes:
            for side in ("before", "after"):
                snapshot = getattr(change, side)
                if snapshot:
                    setattr(change, side, {**snapshot, "customer_key": "", "subject": ""})
            batches.add(change.batch_id)
            count += 1
    if batches:
        session.execute(update(ImportBatch).where(ImportBatch.id.in_(batches)).values(content=b""))
    session.flush()
    return count
