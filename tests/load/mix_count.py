"""Whether all that the page mix was told is done is in the database: what is missing or too much, in words."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, select

from tests.load.mix_client import Outcome
from webapp.db import Database
from webapp.models import AssignmentResponse, AuditEvent, RoutingContact
from webapp.services import audit

_NAMES_AT_ONCE = 500


def count_confirmations(database: Database) -> Counter[int]:
    """Return how many confirmations of their own records people have made by pages."""
    counts = (
        select(AuditEvent.person_id, func.count())
        .where(AuditEvent.action == "confirm_current", AuditEvent.channel == "page", AuditEvent.person_id.is_not(None))
        .group_by(AuditEvent.person_id)
    )
    with database.reading() as session:
        return Counter({person_id or 0: count for person_id, count in session.execute(counts)})


def find_lost(database: Database, seen: Outcome, *, before: Counter[int]) -> list[str]:
    """
    Return each effect that was acknowledged and is not there, or is there more often than anybody asked.

    Parameters
    ----------
    database
        Where to look.
    seen
        What all clients were told.
    before
        The confirmations that were there before the first request.
    """
    found = _confirmations(database, seen, before) + _answers(database, seen) + _contacts(database, seen)
    return found + _chain(database)


def _confirmations(database: Database, seen: Outcome, before: Counter[int]) -> list[str]:
    there, told = count_confirmations(database) - before, Counter(seen.confirmed)
    missing = [f"person {key}: {count} confirmations" for key, count in sorted((told - there).items())]
    surplus = (there - told).total()
    return missing + ([f"{surplus} confirmations too many"] if surplus > seen.unknown else [])


def _answers(database: Database, seen: Outcome) -> list[str]:
    with database.reading() as session:
        rows = session.execute(select(AssignmentResponse.assignment_id, AssignmentResponse.response))
        there = {key: response.value if response is not None else None for key, response in rows}
    wrong = [key for key, means in seen.answered.items() if there.get(key) != means]
    # An answer that was lost on its way may have been the last one.
    return [f"assignment {key}: {there.get(key)}, not {seen.answered[key]}" for key in wrong[seen.unknown :]]


def _contacts(database: Database, seen: Outcome) -> list[str]:
    missing = []
    for start in range(0, len(seen.contacts), _NAMES_AT_ONCE):
        names = seen.contacts[start : start + _NAMES_AT_ONCE]
        with database.reading() as session:
            found = session.scalars(select(RoutingContact.external_id).where(RoutingContact.external_id.in_(names)))
            counted = list(found)
        missing += [f"contact {name}" for name in set(names) - set(counted)]
        missing += [f"a contact twice: {name}" for name in set(counted) if counted.count(name) > 1]
    return missing


def _chain(database: Database) -> list[str]:
    with database.reading() as session:
        broken = audit.verify_chain(session).broken_at
    return [] if broken is None else [f"the audit chain breaks at event {broken}"]
