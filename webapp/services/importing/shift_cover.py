"""For whom and for which days a file of shifts speaks, and which stored shifts it lacks."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Person, Shift, Site, Team
from webapp.services import spans, zones
from webapp.services.importing.shift_difference import Missing, SiteSpan
from webapp.services.importing.stores import Snapshot, chunks
from webapp.services.spans import Span

_IDS_PER_QUERY = 900


@dataclass(slots=True)
class SiteCover:
    """What a file says of a site: its people, and the first and last local day on which a shift begins."""

    site: Site
    first_on: dt.date
    last_on: dt.date
    people: set[int] = field(default_factory=set)

    def widen(self, person_id: int, day_on: dt.date) -> None:
        """Take one more shift in."""
        self.people.add(person_id)
        self.first_on, self.last_on = min(self.first_on, day_on), max(self.last_on, day_on)


def find_missing(session: Session, cover: SiteCover, missing: Missing, *, named: Collection[str]) -> list[int]:
    """
    Return the stored shifts of a site that begin in the file's days, are of its people, and are not named by it.

    Never of another site's people: a team or a person who moved away is not the file's to speak for.
    """
    starts_at = zones.day_bounds(cover.first_on, cover.site.time_zone)[0]
    ends_at = zones.day_bounds(cover.last_on, cover.site.time_zone)[1]
    query = (
        select(Shift.id, Shift.external_id)
        .join(Shift.person)
        .where(Person.site_id == cover.site.id, Shift.starts_at >= starts_at, Shift.starts_at < ends_at)
        .order_by(Shift.id)
    )
    if missing is Missing.SITES:
        queries = [query]
    else:
        queries = [query.where(Shift.person_id.in_(some)) for some in chunks(cover.people, _IDS_PER_QUERY)]
    if missing is Missing.TEAMS:
        queries.append(query.where(Person.team_id.in_(sorted(_teams(session, cover)))))
    found = {shift_id: key for each in queries for shift_id, key in session.execute(each)}
    return sorted(shift_id for shift_id, key in found.items() if key not in named)


def describe(session: Session, cover: SiteCover) -> SiteSpan:
    """Return the span of a site in words."""
    teams = sorted(_teams(session, cover).values())
    return SiteSpan(cover.site.id, cover.site.name, cover.first_on, cover.last_on, len(cover.people), tuple(teams))


def find_overlaps(session: Session, snapshots: Sequence[Snapshot]) -> Iterator[tuple[str, str]]:
    """Yield which of the shifts, given as the snapshots of stored ones, overlap another of their person, and which."""
    own: dict[int, list[Snapshot]] = defaultdict(list)
    for snapshot in snapshots:
        own[snapshot["person_id"]].append(snapshot)
    for some in chunks(own, _IDS_PER_QUERY):
        stored: dict[int, list[tuple[str, Span]]] = defaultdict(list)
        first = min(each["starts_at"] for person_id in some for each in own[person_id])
        last = max(each["ends_at"] for person_id in some for each in own[person_id])
        moment = dt.datetime.fromisoformat
        rows = select(Shift.person_id, Shift.external_id, Shift.starts_at, Shift.ends_at).where(
            Shift.person_id.in_(some), Shift.starts_at < moment(last), Shift.ends_at > moment(first)
        )
        for person_id, key, start, end in session.execute(rows):
            stored[person_id].append((key, (start, end)))
        for person_id in some:
            for each in own[person_id]:
                span = (moment(each["starts_at"]), moment(each["ends_at"]))
                for key, other in stored[person_id]:
                    if key != each["external_id"] and spans.overlaps(span, other):
                        yield f"shift {each['external_id']}", f"shift {key} of the same person"


def _teams(session: Session, cover: SiteCover) -> Mapping[int, str]:
    found: dict[int, str] = {}
    for some in chunks(cover.people, _IDS_PER_QUERY):
        query = select(Team.id, Team.name).join(Person, Person.team_id == Team.id).where(Person.id.in_(some))
        found.update(session.execute(query.distinct()).all())
    return found
