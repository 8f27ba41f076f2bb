"""
Marks of plans whose shifts changed: what changed since the run, what is not covered any more, and who is told.

What a mark says is read from the rows of :mod:`webapp.services.roster_changes`; lists ask for one count by plan.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.models import (
    OPEN_STATES,
    Assignment,
    Engagement,
    Job,
    JobState,
    Person,
    Plan,
    PlanRun,
    PlanState,
    Role,
    RoleGrant,
    RosterChange,
    Site,
)
from webapp.services import lifecycle, notices, roster_changes, spans, zones
from webapp.services.audit import Actor
from webapp.services.roster_changes import Effect
from webapp.services.spans import Span

NOTICE = "shifts_changed"
SHOWN = frozenset({PlanState.PUBLISHED, PlanState.DRAFT})
"""States of plans that show the mark: those by which somebody works, or may."""

_IDS_PER_QUERY = 900
_DAYS_NAMED = 3


@dataclass(frozen=True, slots=True)
class Mark:
    """That shifts or absences changed since a run: of how many people, and when the last time."""

    people: int
    changed_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Changed:
    """One person whose working time changed: spans in order, and whether an import changed them last."""

    person: Person
    was: tuple[Span, ...]
    now: tuple[Span, ...]
    changed_at: dt.datetime
    imported: bool
    uncovered: int

    @property
    def lost(self) -> list[Span]:
        """When they worked and do not any more."""
        return spans.subtract(self.was, self.now)

    @property
    def gained(self) -> list[Span]:
        """When they work now and did not."""
        return spans.subtract(self.now, self.was)


@dataclass(frozen=True, slots=True)
class Touched:
    """A live plan, or a run under way, that edits concern; ``uncovered`` counts what falls outside the new shifts."""

    run_id: int
    plan_id: int | None
    site_id: int
    day_on: dt.date
    people: int
    assignments: int
    uncovered: int


def marks_of(session: Session, run_ids: Collection[int]) -> dict[int, Mark]:
    """Return the marks of runs, by run; those that nothing changed for are left out. One query for a list of plans."""
    if not run_ids:
        return {}
    rows = session.execute(
        select(RosterChange.run_id, func.count(), func.max(RosterChange.changed_at))
        .where(RosterChange.run_id.in_(sorted(run_ids)))
        .group_by(RosterChange.run_id)
    )
    return {run_id: Mark(people, changed_at) for run_id, people, changed_at in rows}


def marks_of_shown(session: Session, runs: Iterable[PlanRun]) -> dict[int, Mark]:
    """Return the marks of runs whose plan is live or may become so, or that are under way."""
    return marks_of(session, [run.id for run in runs if run.plan is None or run.plan.state in SHOWN])


def find_mark(session: Session, plan: Plan | None) -> Mark | None:
    """Return the mark of a plan that is live or may become so; None if nothing changed."""
    if plan is None or plan.state not in SHOWN:
        return None
    return marks_of(session, [plan.run_id]).get(plan.run_id)


def list_changed(session: Session, plan: Plan) -> list[Changed]:
    """Return whose working time changed since the run of a plan: those first who leave most work uncovered."""
    rows = session.scalars(
        select(RosterChange).where(RosterChange.run_id == plan.run_id).options(joinedload(RosterChange.person))
    ).all()
    effects = [_effect(row) for row in rows]
    uncovered: dict[int, int] = defaultdict(int)
    for each in _uncovered(_open_work(session, [plan.id], effects)[plan.id], effects):
        uncovered[each.person_id] += 1
    changed = [
        Changed(
            row.person,
            effect.was,
            effect.now,
            row.changed_at,
            imported=row.import_batch_id is not None,
            uncovered=uncovered[row.person_id],
        )
        for row, effect in zip(rows, effects, strict=True)
    ]
    return sorted(changed, key=lambda each: (-each.uncovered, each.person.name, each.person.id))


def find_uncovered(session: Session, plan: Plan | None) -> set[int]:
    """Return the assignments of a plan of whose time a part is no working time any more."""
    if plan is None or plan.state not in SHOWN:
        return set()
    return find_uncovered_of(session, {plan.id: plan.run_id})


def find_uncovered_of(session: Session, run_ids: Mapping[int, int]) -> set[int]:
    """Return the assignments of plans, given as plan → run, of whose time a part is no working time any more."""
    noted: dict[int, list[Effect]] = defaultdict(list)
    for row in session.scalars(select(RosterChange).where(RosterChange.run_id.in_(sorted(run_ids.values())))):
        noted[row.run_id].append(_effect(row))
    touched = [plan_id for plan_id, run_id in run_ids.items() if run_id in noted]
    work = _open_work(session, touched, (effect for effects in noted.values() for effect in effects))
    return {each.id for plan_id in touched for each in _uncovered(work[plan_id], noted[run_ids[plan_id]])}


def list_touched(session: Session, effects: Iterable[Effect]) -> list[Touched]:
    """Return which live plans and runs under way effects concern, by day and site."""
    by_run: dict[int, list[Effect]] = defaultdict(list)
    for effect in effects:
        by_run[effect.run_id].append(effect)
    found = [row for some in _chunks(by_run) for row in session.execute(_plans_of(some))]
    live = {plan_id for _, plan_id, state, *_ in found if state is PlanState.PUBLISHED}
    assigned = _open_work(session, live, (effect for effects in by_run.values() for effect in effects))
    touched = []
    for run_id, plan_id, state, site_id, day_on, job_state in found:
        if state is not PlanState.PUBLISHED and job_state not in OPEN_STATES:
            continue
        own = by_run[run_id]
        people = {effect.person_id for effect in own}
        work = [each for each in assigned[plan_id] if each.person_id in people]
        touched.append(
            Touched(run_id, plan_id, site_id, day_on, len(people), len(work), sum(1 for _ in _uncovered(work, own)))
        )
    return sorted(touched, key=lambda each: (each.day_on, each.site_id, each.run_id))


def tell_schedulers(session: Session, effects: Sequence[Effect], *, what: str, by: Actor) -> int:
    """
    Tell the schedulers of each site once that shifts of planned days changed, and return how many were told.

    Parameters
    ----------
    session
        Session of the change.
    effects
        What :func:`roster_changes.note` made of the change; only live plans and runs under way are worth a notice, and
        only where something still differs from what they know.
    what
        What changed them, as the beginning of a sentence, such as ``An import``.
    by
        Who did it, and when.
    """
    changed = {(effect.run_id, effect.person_id) for effect in effects}
    rows = session.scalars(select(RosterChange).where(RosterChange.run_id.in_({run_id for run_id, _ in changed})))
    standing = [_effect(row) for row in rows if (row.run_id, row.person_id) in changed]
    by_site: dict[int, list[Touched]] = defaultdict(list)
    for each in list_touched(session, standing):
        by_site[each.site_id].append(each)
    told = 0
    for site_id, touched in sorted(by_site.items()):
        site = session.get_one(Site, site_id)
        today = zones.to_local(by.at, site.time_zone).date()
        first = min(touched, key=lambda each: (each.day_on != today, each.plan_id is None, each.day_on))
        link = f"/plans/{first.plan_id}#shifts-changed" if first.plan_id else f"/plans/runs/{first.run_id}"
        text = f"{what} changed shifts at {site.name}: {_words(touched)}"
        if any(each.day_on == today and each.plan_id for each in touched):
            text += " Open today's plan to re-optimise from now."
        for person_id in _schedulers(session, site_id):
            notices.notify(session, person_id, kind=NOTICE, text=text, link=link, by=by)
            told += 1
    return told


def _words(touched: Sequence[Touched]) -> str:
    days = sorted({each.day_on for each in touched})
    named = ", ".join(f"{day:%a %-d %b}" for day in days[:_DAYS_NAMED])
    more = f" and {len(days) - _DAYS_NAMED} more days" if len(days) > _DAYS_NAMED else ""
    uncovered = sum(each.uncovered for each in touched)
    work = "1 assignment is" if uncovered == 1 else f"{uncovered} assignments are"
    one = len(days) == 1
    plans, fit = ("plan", "fits") if one else ("plans", "fit")
    return f"the {plans} of {named}{more} no longer {fit}, and {work} not covered any more."


def _schedulers(session: Session, site_id: int) -> Sequence[int]:
    holders = select(RoleGrant.person_id).where(RoleGrant.role == Role.SCHEDULER, RoleGrant.site_id == site_id)
    return session.scalars(select(Person.id).where(Person.id.in_(holders), Person.active).order_by(Person.id)).all()


def _plans_of(run_ids: Sequence[int]) -> Select[int, int, PlanState, int, dt.date, JobState]:
    return (
        select(PlanRun.id, Plan.id, Plan.state, PlanRun.site_id, PlanRun.day_on, Job.state)
        .outerjoin(Plan, Plan.run_id == PlanRun.id)
        .outerjoin(Job, Job.id == PlanRun.job_id)
        .where(PlanRun.id.in_(run_ids))
    )


def _effect(row: RosterChange) -> Effect:
    return Effect(
        row.run_id,
        row.person_id,
        tuple(roster_changes.from_json(row.was)),
        tuple(roster_changes.from_json(row.now)),
    )


class _Placed(NamedTuple):
    """An assignment, as far as it matters here: of whole rows most is what explains them."""

    id: int
    plan_id: int
    person_id: int
    starts_at: dt.datetime
    minutes: float


def _open_work(session: Session, plan_ids: Collection[int], effects: Iterable[Effect]) -> dict[int, list[_Placed]]:
    """
    Return what is still to be done of plans by those whom effects concern, by plan.

    What an agent gave back of a live plan is not theirs to do.
    """
    people = {effect.person_id for effect in effects}
    found: dict[int, list[_Placed]] = defaultdict(list)
    open_ones = or_(
        Engagement.state.in_(lifecycle.IN_PLAN),
        and_(Plan.state != PlanState.PUBLISHED, Engagement.state.not_in(lifecycle.ENDED)),
    )
    query = (
        select(Assignment.id, Assignment.plan_id, Assignment.person_id, Assignment.starts_at, Assignment.minutes)
        .join(Assignment.engagement)
        .join(Assignment.plan)
        .where(open_ones)
    )
    for plans in _chunks(plan_ids):
        for persons in _chunks(people):
            rows = session.execute(query.where(Assignment.plan_id.in_(plans), Assignment.person_id.in_(persons)))
            for row in rows:
                found[row.plan_id].append(_Placed(*row))
    return found


def _uncovered(assigned: Iterable[_Placed], effects: Iterable[Effect]) -> Iterable[_Placed]:
    lost = {effect.person_id: spans.subtract(effect.was, effect.now) for effect in effects}
    for each in assigned:
        taken = (each.starts_at, each.starts_at + dt.timedelta(minutes=each.minutes))
        if any(spans.overlaps(span, taken) for span in lost.get(each.person_id, ())):
            yield each


def _chunks(ids: Collection[int]) -> Iterable[Sequence[int]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _IDS_PER_QUERY):
        yield ordered[start : start + _IDS_PER_QUERY]
