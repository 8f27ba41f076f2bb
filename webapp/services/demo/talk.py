"""What people say around today's plan in the demo: customers who praise, threads, an exchange, a huddle's note."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Assignment, EngagementState, Person, Plan, Role, RoleGrant
from webapp.services import access, lifecycle, praise
from webapp.services.audit import Actor
from webapp.services.demo.company import SEED
from webapp.services.planning import swaps
from webapp.services.talk import huddle, rescue, threads

PRAISES = (
    "For the first time somebody explained my bill so that I understand it.",
    "She rang back exactly when she had said. I had not expected that any more.",
    "Calm, quick and kind, although I was neither of the three.",
    "Found the fault in ten minutes that the fitter had looked for twice.",
    "Wrote to my mother in large letters. You would not believe what that meant to her.",
)
TALKS = (
    # The agent's question, and what the scheduler says to it, if anything yet.
    ("She can only be reached after four. May I move it to the end of my shift?", "Yes, I have made room at 16:30."),
    ("The customer file says two addresses. Which one does the meter belong to?", None),
    ("I know this family from last winter. I would like to keep the case to its end.", "Good, it is yours."),
)
NOTE = "Say at the start of each outage call that the crew is on its way, before asking anything."
SWAP_REASON = "I have spoken to this customer before, and I am in the office at that time."
_TRIED = 6


def seed_talk(session: Session, plan: Plan, *, at: dt.datetime) -> int:
    """
    Let the people of a live plan of today talk, and return how much they have said.

    Parameters
    ----------
    session
        A writing session.
    plan
        The published plan of today.
    at
        The present moment.
    """
    chance = random.Random(f"{SEED}-{plan.site_id}-{plan.day_on.isoformat()}-talk")
    rows = session.scalars(
        select(Assignment)
        .where(Assignment.plan_id == plan.id)
        .options(joinedload(Assignment.engagement), joinedload(Assignment.person))
        .order_by(Assignment.starts_at, Assignment.id)
    ).all()
    scheduler = session.scalar(
        select(Person)
        .join(RoleGrant, RoleGrant.person_id == Person.id)
        .where(RoleGrant.role == Role.SCHEDULER, RoleGrant.site_id == plan.site_id)
        .order_by(Person.id)
        .limit(1)
    )
    if not rows or scheduler is None:
        return 0
    said = _praise(session, chance, rows, by=_by(scheduler, at))
    said += _threads(session, chance, rows, scheduler, at=at)
    said += _swap(session, rows, at=at)
    person = chance.choice(rows).person
    huddle.agree(
        session, plan.site, team=person.team, day_on=plan.day_on, text=NOTE, owner_id=person.id, by=_by(scheduler, at)
    )
    return said + 1


def _by(person: Person, at: dt.datetime) -> Actor:
    return Actor(person_id=person.id, at=at, channel="cli")


def _praise(session: Session, chance: random.Random, rows: Sequence[Assignment], *, by: Actor) -> int:
    """Let customers praise agents for what they have done today, or for themselves while nothing is done yet."""
    done = [row for row in rows if row.engagement.state is EngagementState.DONE]
    chosen = chance.sample(done or list(rows), k=min(len(PRAISES), len(done or rows)))
    for number, (row, words) in enumerate(zip(chosen, PRAISES, strict=False), start=1):
        praise.receive(
            session,
            customer_key=row.engagement.customer_key,
            person=row.person,
            about=row.engagement if done else None,
            words=words,
            external_id=f"demo-{row.plan.site_id}-{row.plan.day_on:%y%m%d}-{number}",
            by=by,
        )
    return len(chosen)


def _threads(
    session: Session, chance: random.Random, rows: Sequence[Assignment], scheduler: Person, *, at: dt.datetime
) -> int:
    """Let agents ask about work that lies ahead, and one of them call for help with what they are at."""
    ahead = [row for row in rows if row.starts_at > at and row.engagement.state in lifecycle.UNSTARTED]
    said = 0
    for row, (question, answer) in zip(chance.sample(ahead, k=min(3, len(ahead))), TALKS, strict=False):
        key = f"demo-{row.id}"
        asked_at = at - dt.timedelta(minutes=25)
        viewer = access.get_viewer(session, row.person_id)
        threads.write(session, row.engagement_id, question, key=key, viewer=viewer, by=_by(row.person, asked_at))
        said += 1
        if answer is not None:
            viewer = access.get_viewer(session, scheduler.id)
            answered_at = at - dt.timedelta(minutes=18)
            threads.write(
                session, row.engagement_id, answer, key=f"{key}-answer", viewer=viewer, by=_by(scheduler, answered_at)
            )
            threads.mark_read(
                session, threads.get_thread(session, row.engagement_id, viewer=viewer), person_id=scheduler.id
            )
            said += 1
    busy = next((row for row in rows if row.engagement.state is EngagementState.IN_PROGRESS), None)
    if busy is not None:
        rescue.call_for_help(session, busy, key=f"demo-{busy.id}-help", by=_by(busy.person, at))
        said += 1
    return said


def _swap(session: Session, rows: Sequence[Assignment], *, at: dt.datetime) -> int:
    """Let two agents think about an exchange that no rule stands against, if there are two."""
    today = at.astimezone(ZoneInfo(rows[0].plan.site.time_zone)).date()
    ahead = [row for row in rows if row.starts_at > at and row.engagement.state in lifecycle.UNSTARTED]
    for mine in ahead[-_TRIED:]:
        for theirs in swaps.list_partners(session, mine)[-1:]:
            try:
                swaps.propose_swap(session, mine, theirs, reason=SWAP_REASON, today=today, by=_by(mine.person, at))
            except (InvalidInputError, ConflictError):
                continue
            return 1
    return 0
