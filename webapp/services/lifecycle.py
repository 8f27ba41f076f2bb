"""
An engagement's life: the states that it may pass through, and the only functions that move it.

:data:`TRANSITIONS` is the whole rule. Each move is checked against it, written into the engagement's history in the
same transaction, and audited: a single one by :func:`move`, many at once by whatever command moves them, which audits
itself. No other module assigns the state of an engagement; a test reads the code for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, literal, or_, select, update
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError
from webapp.models import Engagement, EngagementEvent, EngagementState, Plan
from webapp.services import audit, outbox
from webapp.services.audit import Actor, HasId

_State = EngagementState

ENDED = frozenset({_State.DONE, _State.EXPIRED, _State.CANCELLED})
"""Nothing is left to do; only opening it again leads out, and an expired one may still turn out to be done."""

WAITING = frozenset({_State.CLASSIFIED, _State.RETURNED})
"""No plan holds it, or none any more."""

IN_PLAN = frozenset({_State.PLANNED, _State.OFFERED, _State.ACCEPTED, _State.IN_PROGRESS})
"""A live plan gives it to an agent, who has not given it back."""

UNSTARTED = frozenset({_State.PLANNED, _State.OFFERED, _State.ACCEPTED})
"""A live plan gives it to an agent, who has not begun: a newer plan may give it to another, or leave it out."""

PLANNABLE = WAITING | UNSTARTED
"""What a plan may look at: not what has arrived without a sure type, and not what somebody has begun."""

OPEN = frozenset(_State) - ENDED
"""Somebody still has to do something."""

_OPENED_AGAIN = OPEN

TRANSITIONS: Mapping[EngagementState, frozenset[EngagementState]] = {
    _State.RECEIVED: frozenset({_State.CLASSIFIED}) | ENDED,
    _State.CLASSIFIED: frozenset({_State.RECEIVED, _State.PLANNED, _State.OFFERED}) | ENDED,
    _State.PLANNED: frozenset(_State) - {_State.PLANNED, _State.RECEIVED},
    _State.OFFERED: frozenset(_State) - {_State.OFFERED, _State.RECEIVED},
    _State.ACCEPTED: frozenset(_State) - {_State.ACCEPTED, _State.RECEIVED},
    # What somebody has begun does not expire under their hands.
    _State.IN_PROGRESS: frozenset(_State) - {_State.IN_PROGRESS, _State.RECEIVED, _State.EXPIRED},
    _State.RETURNED: frozenset(_State) - {_State.RETURNED, _State.RECEIVED, _State.IN_PROGRESS},
    # Taking back an end leads to where the live plan has the engagement, or to where no plan does.
    _State.DONE: _OPENED_AGAIN,
    _State.CANCELLED: _OPENED_AGAIN,
    _State.EXPIRED: _OPENED_AGAIN | {_State.DONE, _State.CANCELLED},
}
"""What may follow each state."""

_ROWS_AT_ONCE = 500


def unanswered_state(plan: Plan, at: dt.datetime) -> EngagementState:
    """Return how work of a live plan stands that nobody has answered: offered once its day has come at the site."""
    today = at.astimezone(ZoneInfo(plan.site.time_zone)).date()
    return _State.OFFERED if plan.day_on <= today else _State.PLANNED


def begin(
    session: Session,
    engagement: Engagement,
    *,
    state: EngagementState = EngagementState.CLASSIFIED,
    action: str = "add_engagement",
    detail: Mapping[str, Any] | None = None,
    by: Actor,
) -> Engagement:
    """Add an engagement in its first state, with the first line of its history."""
    if state not in {_State.RECEIVED, _State.CLASSIFIED}:
        raise ConflictError(f"No engagement begins as {state.value}.")
    engagement.state = state
    session.add(engagement)
    audit.record(session, action, engagement, by=by, detail=detail)
    _note(session, engagement, action=action, before=None, by=by, owner_id=engagement.owner_id)
    return engagement


def move(
    session: Session,
    engagement: Engagement,
    state: EngagementState,
    *,
    action: str,
    by: Actor,
    subject: HasId | None = None,
    person_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
    may_stay: bool = False,
) -> None:
    """
    Move an engagement to another state, audited.

    Parameters
    ----------
    session
        A session.
    engagement
        The engagement.
    state
        Where it goes.
    action
        Verb of the domain.
    by
        Who moves it.
    subject
        What the audit names; the engagement, unless an agent's assignment says it better.
    person_id
        The person whose data it concerns, if there is one.
    detail
        What else the audit tells.
    may_stay
        Whether it may be there already, because somebody says the same twice.

    Raises
    ------
    ConflictError
        If :data:`TRANSITIONS` does not let it go there.
    """
    before = engagement.state
    if state is not before or not may_stay:
        require_transition(engagement, state)
        engagement.state = state
    audit.record(
        session,
        action,
        subject or engagement,
        by=by,
        person_id=person_id,
        detail={**(detail or {}), "state": [before.value, state.value]},
    )
    if state is not before:
        _note(session, engagement, action=action, before=before, by=by)


def require_transition(engagement: Engagement, state: EngagementState) -> None:
    """
    Refuse a move that :data:`TRANSITIONS` does not hold.

    Raises
    ------
    ConflictError
        If the engagement may not become that.
    """
    if state not in TRANSITIONS[engagement.state]:
        present, wanted = (each.value.replace("_", " ") for each in (engagement.state, state))
        raise ConflictError(f"This engagement is {present} and cannot become {wanted}.")


def move_all(
    session: Session,
    engagement_ids: Collection[int],
    *,
    among: Collection[EngagementState],
    state: EngagementState,
    action: str,
    by: Actor,
) -> set[int]:
    """
    Move those of many engagements that are in one of some states, and return their ids; the caller audits its command.

    Parameters
    ----------
    session
        A session.
    engagement_ids
        Engagements.
    among
        States that they are moved out of; those in other states stay as they are.
    state
        Where they go.
    action
        What their history says moved them.
    by
        Who moves them.

    Raises
    ------
    ValueError
        If :data:`TRANSITIONS` does not lead from one of the states to the other: a mistake of the caller.
    """
    leaving = {each for each in among if each is not state}
    astray = [each.value for each in leaving if state not in TRANSITIONS[each]]
    if astray:
        raise ValueError(f"Nothing leads from {', '.join(sorted(astray))} to {state.value}.")
    moved: set[int] = set()
    for some in _chunks(sorted(engagement_ids)):
        chosen = (Engagement.id.in_(some), Engagement.state.in_(leaving))
        found = session.execute(select(Engagement.id, Engagement.state).where(*chosen).with_for_update())
        were = {engagement_id: str(before.value) for engagement_id, before in found}
        ids = sorted(were)
        if not ids:
            continue
        session.execute(
            insert(EngagementEvent).from_select(
                ["engagement_id", "at", "action", "before", "after", "actor_id", "channel"],
                select(
                    Engagement.id,
                    literal(by.at, EngagementEvent.at.type),
                    literal(action),
                    Engagement.state,
                    literal(state, EngagementEvent.after.type),
                    literal(by.person_id, EngagementEvent.actor_id.type),
                    literal(by.channel),
                )
                .where(Engagement.id.in_(ids))
                .order_by(Engagement.id),
            )
        )
        session.execute(
            update(Engagement)
            .where(Engagement.id.in_(ids))
            .values(state=state, version=Engagement.version + 1)
            .execution_options(synchronize_session="fetch")
        )
        outbox.emit_states(session, ids, before=were, state=state.value, at=by.at)
        moved.update(ids)
    return moved


def note_written(
    session: Session,
    changes: Iterable[tuple[int, Mapping[str, Any] | None, Mapping[str, Any]]],
    *,
    action: str,
    by: Actor,
) -> None:
    """
    Write the history of engagements that a file has written.

    Parameters
    ----------
    session
        A session.
    changes
        Id, snapshot before (None if the row is new) and snapshot after, with ``state`` and ``owner_id``.
    action
        What their history says changed them.
    by
        Who imported them.
    """
    rows = [
        {
            "engagement_id": row_id,
            "at": by.at,
            "action": action,
            "before": EngagementState(before["state"]) if before else None,
            "after": EngagementState(after["state"]),
            "actor_id": by.person_id,
            "channel": by.channel,
            "owner_id": after["owner_id"],
        }
        for row_id, before, after in changes
        if before is None or any(before[name] != after[name] for name in ("state", "owner_id"))
    ]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        session.execute(insert(EngagementEvent), rows[start : start + _ROWS_AT_ONCE])
    for state in sorted({row["after"] for row in rows}):
        were = {
            row["engagement_id"]: row["before"].value if row["before"] is not None else None
            for row in rows
            if row["after"] is state and row["before"] is not state
        }
        outbox.emit_states(session, were, before=were, state=state.value, at=by.at)


def history(session: Session, engagement: Engagement) -> Sequence[EngagementEvent]:
    """Return the history of an engagement, the oldest line first."""
    return session.scalars(
        select(EngagementEvent)
        .where(EngagementEvent.engagement_id == engagement.id)
        .options(joinedload(EngagementEvent.actor), joinedload(EngagementEvent.owner))
        .order_by(EngagementEvent.at, EngagementEvent.id)
    ).all()


def last_event(session: Session, engagement: Engagement) -> EngagementEvent | None:
    """Return the newest line of an engagement's history that changed its state, or None if it has none."""
    return session.scalar(
        select(EngagementEvent)
        .where(
            EngagementEvent.engagement_id == engagement.id,
            or_(EngagementEvent.before.is_(None), EngagementEvent.before != EngagementEvent.after),
        )
        .order_by(EngagementEvent.id.desc())
        .limit(1)
    )


def note_owner(session: Session, engagement: Engagement, owner_id: int | None, *, action: str, by: Actor) -> None:
    """Write into an engagement's history that it has another owner; the caller audits its command."""
    _note(session, engagement, action=action, before=engagement.state, by=by, owner_id=owner_id)


def _note(
    session: Session,
    engagement: Engagement,
    *,
    action: str,
    before: EngagementState | None,
    by: Actor,
    owner_id: int | None = None,
) -> None:
    session.add(
        EngagementEvent(
            engagement_id=engagement.id,
            at=by.at,
            action=action,
            before=before,
            after=engagement.state,
            actor_id=by.person_id,
            channel=by.channel,
            owner_id=owner_id,
        )
    )
    session.flush()
    if before is not engagement.state:
        were = {engagement.id: before.value if before is not None else None}
        outbox.emit_states(session, [engagement.id], before=were, state=engagement.state.value, at=by.at)


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        yield ids[start : start + _ROWS_AT_ONCE]
