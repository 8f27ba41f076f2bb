"""
What a backup must not bring back: keys that were revoked, customers who were erased and sessions that have ended since.

A backup is older than the moment of its restore. What was taken from somebody meanwhile is read from the database
that is replaced, or from a file that was written from it before; where neither is there, nothing says which keys
still hold, so that all are revoked. Customers who were erased are known by a keyed digest; where neither list
is there, an erasure that came after the backup cannot be known, and the restore says so.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import Account, ApiToken, CalendarFeed, ErasedCustomer
from webapp.services import audit, customers
from webapp.services.audit import Actor
from webapp.services.erasure_memory import Mark, get_memory

FORMAT = "mainstay-revocations"


@dataclass(frozen=True, slots=True)
class Revocations:
    """
    What must not come back.

    Parameters
    ----------
    tokens
        Hashes of the secrets of revoked API tokens and calendar links.
    customers
        Marks of erased customers, each as one word; see :mod:`webapp.services.erasure_memory`.
    """

    tokens: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()

    def joined(self, other: Revocations) -> Revocations:
        """Return what either names."""
        return Revocations(tokens=self.tokens | other.tokens, customers=self.customers | other.customers)


def read_revocations(session: Session) -> Revocations:
    """Return what a database says has been revoked."""
    tokens = session.scalars(select(ApiToken.secret_hash).where(ApiToken.revoked_at.is_not(None)))
    links = session.scalars(select(CalendarFeed.token_digest).where(CalendarFeed.revoked_at.is_not(None)))
    erased = session.execute(select(ErasedCustomer.digest, ErasedCustomer.key_id))
    return Revocations(
        tokens=frozenset(tokens) | frozenset(links),
        customers=frozenset(Mark(digest, key_id).written() for digest, key_id in erased),
    )


def write_revocations(path: Path, revocations: Revocations) -> None:
    """Write them to a file, to be kept beside the backups."""
    content = {"format": FORMAT, "tokens": sorted(revocations.tokens), "customers": sorted(revocations.customers)}
    # Whoever is interrupted leaves the list that was there, and never the beginning of one.
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    partial.replace(path)


def load_revocations(path: Path) -> Revocations:
    """
    Read a file that :func:`write_revocations` wrote.

    Raises
    ------
    InvalidInputError
        If it is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        form = found["format"]
        # The first lists were written before customers could be erased.
        listed = Revocations(frozenset(map(str, found["tokens"])), frozenset(map(str, found.get("customers", ()))))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{path} is no list of revocations: {error}.") from error
    if form != FORMAT:
        raise InvalidInputError(f"{path} is no list of revocations, but {form!r}.")
    return listed


def reapply(session: Session, known: Revocations | None, *, by: Actor) -> tuple[int, int]:
    """
    Take away again what a restored backup has brought back, and end all sessions.

    Returns how many keys it took, and how many rows of erased customers it erased once more.

    Parameters
    ----------
    session
        A session on the restored rows.
    known
        What has been revoked; None if nobody can say, which revokes every key.
    by
        Who restores.
    """
    for account in session.scalars(select(Account)):
        # A session names its account by this; a new one ends every session that the backup remembers.
        account.fs_uniquifier = secrets.token_hex(16)
    taken = 0
    for token in session.scalars(select(ApiToken).where(ApiToken.revoked_at.is_(None))):
        if known is None or token.secret_hash in known.tokens:
            token.revoked_at = by.at
            taken += 1
    for link in session.scalars(select(CalendarFeed).where(CalendarFeed.revoked_at.is_(None))):
        if known is None or link.token_digest in known.tokens:
            link.revoked_at = by.at
    session.flush()
    return taken, _erase_again(session, known, by=by)


def _erase_again(session: Session, known: Revocations | None, *, by: Actor) -> int:
    # Rows come back as they were; those of a plain digest are keyed later, by the job that keys them anyhow.
    remembered = {_keyed(Mark(*row)) for row in session.execute(select(ErasedCustomer.digest, ErasedCustomer.key_id))}
    for word in sorted(known.customers if known is not None else frozenset()):
        mark = _keyed(Mark.read(word))
        if mark not in remembered:
            reason = "Erased after the backup that was restored."
            erased = ErasedCustomer(digest=mark.digest, key_id=mark.key_id, at=by.at, reason=reason)
            session.add(erased)
            audit.record(session, "keep_erased", erased, by=by)
            remembered.add(mark)
    return customers.erase_again(session, by=by)


def _keyed(mark: Mark) -> Mark:
    return get_memory().strengthen(mark.digest) if mark.key_id is None else mark
