"""Reading failed events again with the present mapping, and taking that back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, DependencyError, NotFoundError
from webapp.models import Engagement, IntakeEvent, IntakeItem, IntakeRerun, IntakeSource, IntakeState
from webapp.services import audit, engagements, lifecycle
from webapp.services.audit import Actor
from webapp.services.intake import items, mapping, receiving

MOST_AT_ONCE = 500


def run_again(session: Session, source: IntakeSource, *, event_ids: list[int] | None = None, by: Actor) -> IntakeRerun:
    """
    Read failed events again, those that still have their payload; up to :data:`MOST_AT_ONCE`.

    Parameters
    ----------
    session, source
        Whose events.
    event_ids
        Which; all if None.
    by
        Who asks for it.

    Raises
    ------
    ConflictError
        If none can be read again.
    """
    query = (
        select(IntakeEvent)
        .where(
            IntakeEvent.source_id == source.id,
            IntakeEvent.state == IntakeState.FAILED,
            IntakeEvent.body.is_not(None),
        )
        .order_by(IntakeEvent.id)
        .limit(MOST_AT_ONCE)
        .with_for_update()
    )
    if event_ids is not None:
        query = query.where(IntakeEvent.id.in_(event_ids))
    events = session.scalars(query).all()
    if not events:
        raise ConflictError("No failed event still has its payload, so there is nothing to read again.")
    rules = receiving.current_mapping(session, source)
    changes = [_run_one(session, source, rules, event, by=by) for event in events]
    rerun = IntakeRerun(
        source_id=source.id,
        mapping_number=source.mapping_number,
        changes=changes,
        at=by.at,
        by_id=by.person_id,
    )
    session.add(rerun)
    figures = {"events": len(changes), "failed": sum(change["state"] == IntakeState.FAILED.value for change in changes)}
    audit.record(session, "read_events_again", rerun, by=by, detail={"source_id": source.id, **figures})
    return rerun


def _run_one(
    session: Session, source: IntakeSource, rules: mapping.Mapping, event: IntakeEvent, *, by: Actor
) -> dict[str, Any]:
    before = {"error": event.error, "mapping_number": event.mapping_number}
    reading = mapping.read(rules, event.body)
    key = str(reading.values.get("external_id", ""))
    item = session.scalar(select(IntakeItem).where(IntakeItem.source_id == source.id, IntakeItem.external_key == key))
    facts = None if item is None else dict(item.facts)
    receiving.apply(session, source, rules, event, reading, by=by)
    session.flush()
    item = session.get(IntakeItem, event.item_id) if event.item_id is not None else None
    return {
        "event_id": event.id,
        "state": event.state.value,
        "before": before,
        "item_id": event.item_id,
        "facts": facts,
        "version": None if item is None else item.version,
    }


def count_mended(rerun: IntakeRerun) -> int:
    """Return how many events a rerun mended."""
    return sum(change["state"] != IntakeState.FAILED.value for change in rerun.changes)


def get_rerun(session: Session, source: IntakeSource, rerun_id: int) -> IntakeRerun:
    """
    Return a rerun of a source.

    Raises
    ------
    NotFoundError
        If the source has none of this id.
    """
    rerun = session.get(IntakeRerun, rerun_id)
    if rerun is None or rerun.source_id != source.id:
        raise NotFoundError("There is no such rerun.")
    return rerun


def undo(session: Session, source: IntakeSource, rerun: IntakeRerun, *, by: Actor) -> None:
    """
    Take a rerun back: its events are failed again, and what they alone had made is cancelled.

    Raises
    ------
    ConflictError
        If it was taken back already.
    DependencyError
        If newer events or people have gone on from it; it names them, and nothing is taken back.
    """
    if rerun.undone_at is not None:
        raise ConflictError("This was taken back already.")
    mended = [change for change in reversed(rerun.changes) if change["state"] != IntakeState.FAILED.value]
    # A thing that several of the events are about is as the last of them left it.
    last = {change["item_id"]: change["version"] for change in rerun.changes if change["item_id"] is not None}
    found = session.scalars(
        select(IntakeItem)
        .where(IntakeItem.id.in_(last))
        .options(joinedload(IntakeItem.engagement))
        .with_for_update(of=IntakeItem)
    ).all()
    grown = [each.external_key for each in found if each.version != last[each.id] or _begun(each.engagement)]
    if grown:
        raise DependencyError(
            "Newer events or people have gone on from what this made; nothing was taken back.", rows=grown
        )
    rules = receiving.current_mapping(session, source)
    known = {each.id: each for each in found}
    for change in mended:
        event = session.get_one(IntakeEvent, change["event_id"])
        event.state, event.item_id = IntakeState.FAILED, None
        event.error, event.mapping_number = change["before"]["error"], change["before"]["mapping_number"]
        if change["item_id"] is not None:
            _restore(session, source, rules, known[change["item_id"]], change["facts"], by=by)
    rerun.undone_at = by.at
    audit.record(session, "undo_rerun", rerun, by=by, detail={"source_id": source.id, "events": len(mended)})


def _begun(engagement: Engagement | None) -> bool:
    return engagement is not None and engagement.state in lifecycle.IN_PLAN


def _restore(
    session: Session,
    source: IntakeSource,
    rules: mapping.Mapping,
    item: IntakeItem,
    facts: dict[str, Any] | None,
    *,
    by: Actor,
) -> None:
    """Make a thing what it was; one that was not there becomes an engagement that was cancelled."""
    if facts:
        status_before = str(items.known(item).get("status", ""))
        item.facts = facts
        items.bring_up_to_date(session, item, source, rules, status_before=status_before, by=by)
        return
    item.facts = {}
    if item.engagement is not None and item.engagement.state not in lifecycle.ENDED:
        engagements.cancel_engagement(session, item.engagement, by=by)
    session.flush()
