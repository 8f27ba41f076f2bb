"""
Single points of failure of a week: the fewest people whose absence breaks work, what breaks, and what is short anyway.

The search is exact but may take long; what it finds within its seconds says itself how far it is proven.  A longer
search runs as a job, whose result is kept as plain JSON.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from optimizer.graphs.cover import Cover, Shortage, Work
from optimizer.graphs.single_points import Absences, SinglePoints, find_single_points
from webapp.models import EngagementType, Job, Person, Site
from webapp.services import jobs
from webapp.services.access import Viewer
from webapp.services.audit import Actor
from webapp.services.coverage import training
from webapp.services.coverage.training import Learner
from webapp.services.coverage.week import SiteWeek, WeekWork, list_visible_ids, load_people

JOB_KIND = "single-points"
PAGE_SECONDS = 2.0
JOB_SECONDS = 120.0
TRAINED_GROUPS = 3
"""For how many groups is worked out who could learn to stand in: each person takes a flow over the week."""


@dataclass(frozen=True, slots=True)
class BrokenWork:
    """
    Work of one type that is short.

    ``days`` are those on which it may be done; ``hours`` when contacts arrive, empty for work that may wait.
    """

    kind: EngagementType
    days: tuple[dt.date, ...]
    hours: tuple[dt.datetime, ...]
    count: float


@dataclass(frozen=True, slots=True)
class BrokenDemand:
    """Works that are short together, or in several hours each: what they need and what is there."""

    works: tuple[BrokenWork, ...]
    needed: int
    available: int

    @property
    def missing(self) -> int:
        """Agent minutes that are missing."""
        return self.needed - self.available


@dataclass(frozen=True, slots=True)
class Group:
    """
    People whose absence breaks work.

    ``names`` are those of people whom the viewer may see; ``others`` counts the rest. ``learners`` could be trained to
    stand in.
    """

    people: tuple[Person, ...]
    others: int
    broken: tuple[BrokenDemand, ...]
    learners: tuple[Learner, ...]


@dataclass(frozen=True, slots=True)
class WeekPoints:
    """The answer for a page; see :class:`optimizer.graphs.single_points.SinglePoints`."""

    uncovered: tuple[BrokenDemand, ...]
    size: int
    at_least: int
    proven: bool
    complete: bool
    groups: tuple[Group, ...]


def search(
    minutes: Mapping[str, Mapping[int, int]],
    works: Sequence[Work],
    *,
    seconds: float,
    should_cancel: Callable[[], bool] = lambda: False,
) -> SinglePoints:
    """Search a week's supply and demand for the smallest groups, for so many seconds at most."""
    return find_single_points(minutes, works, seconds=seconds, should_cancel=should_cancel)


def start_search(session: Session, site: Site, first_on: dt.date, *, by: Actor) -> Job:
    """Queue a longer search as a job."""
    payload = {"site_id": site.id, "first_on": first_on.isoformat()}
    return jobs.enqueue(session, JOB_KIND, payload, by=by)


def find_search(session: Session, job_id: int | None, site: Site, first_on: dt.date, *, viewer: Viewer) -> Job | None:
    """
    Return the longer search of a site's week that an address names, None if it names none.

    Raises
    ------
    NotFoundError
        If there is no such job for the viewer.
    """
    if job_id is None:
        return None
    job = jobs.get_job(session, job_id, viewer=viewer)
    asked = {"site_id": site.id, "first_on": first_on.isoformat()}
    return job if job.kind == JOB_KIND and job.payload == asked else None


def to_json(found: SinglePoints) -> dict[str, Any]:
    """Return what was found as plain JSON."""
    return asdict(found)


def from_json(stored: Mapping[str, Any]) -> SinglePoints:
    """Return what :func:`to_json` was given."""
    return SinglePoints(
        uncovered=_shortages(stored["uncovered"]),
        size=stored["size"],
        groups=tuple(Absences(tuple(group["people"]), _shortages(group["shortages"])) for group in stored["groups"]),
        at_least=stored["at_least"],
        complete=stored["complete"],
    )


def _shortages(stored: Sequence[Mapping[str, Any]]) -> tuple[Shortage, ...]:
    return tuple(Shortage(tuple(each["works"]), each["needed"], each["available"]) for each in stored)


def describe(session: Session, week: SiteWeek, found: SinglePoints, *, viewer: Viewer) -> WeekPoints:
    """
    Return what was found in words of the week: people, types and days.

    Works and people that are gone since a longer search began are left out.
    """
    works = {work.id: work for work in week.works}
    visible = list_visible_ids(session, week, viewer=viewer)
    people = load_people(session, {int(person) for group in found.groups for person in group.people})
    short = {work for shortage in found.uncovered for work in shortage.works}
    parts = Cover(week.supply(), [work for work in week.demand() if work.id not in short]).parts()
    groups = []
    for place, group in enumerate(found.groups):
        ids = [int(person) for person in group.people]
        seen = tuple(people[person_id] for person_id in ids if person_id in visible and person_id in people)
        learners = (
            training.find_learners(session, week, group, parts=parts, visible=visible) if place < TRAINED_GROUPS else ()
        )
        groups.append(
            Group(
                people=tuple(sorted(seen, key=lambda person: person.name)),
                others=len(ids) - len(seen),
                broken=_broken(week, works, group.shortages),
                learners=tuple(learners),
            )
        )
    return WeekPoints(
        uncovered=_broken(week, works, found.uncovered),
        size=found.size,
        at_least=found.at_least,
        proven=found.proven,
        complete=found.complete,
        groups=tuple(groups),
    )


def _broken(week: SiteWeek, works: Mapping[str, WeekWork], shortages: Sequence[Shortage]) -> tuple[BrokenDemand, ...]:
    """Return shortages in words of the week, those of the same types as one, the largest first."""
    together: dict[tuple[int, ...], list[Shortage]] = {}
    for shortage in shortages:
        kinds = {works[each].kind.id for each in shortage.works if each in works}
        together.setdefault(tuple(sorted(kinds)), []).append(shortage)
    found = []
    for same in together.values():
        known = [works[each] for shortage in same for each in shortage.works if each in works]
        needed, available = sum(each.needed for each in same), sum(each.available for each in same)
        found.append(BrokenDemand(_by_kind(week, known), needed, available))
    return tuple(sorted(found, key=lambda demand: -demand.missing))


def _by_kind(week: SiteWeek, works: Sequence[WeekWork]) -> tuple[BrokenWork, ...]:
    kinds = {work.kind.id: work.kind for work in works}
    found = []
    for kind_id, kind in sorted(kinds.items(), key=lambda item: item[1].name):
        own = [work for work in works if work.kind.id == kind_id]
        found.append(
            BrokenWork(
                kind,
                days=tuple(sorted({week.day_of(slot) for work in own for slot in work.slots})),
                hours=tuple(week.horizon.start_of(work.slots.start) for work in own if work.live),
                count=sum(work.count for work in own),
            )
        )
    return tuple(found)
