"""
The difference between a file of shifts and the roster, before it is applied: by shift, with what it does to plans.

A file speaks for the days from its first to its last shift, at each site by itself, and for the people of
:class:`Missing`; stored shifts of these days and people that it lacks are *gone from the file*.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from webapp.services import zones
from webapp.services.importing.stores import Snapshot
from webapp.services.roster_changes import Presence, RosterEdit

MOST_LISTED = 20_000
"""Differences that are kept to be looked at; the counts are of all, and what would be removed comes first."""


class Missing(enum.StrEnum):
    """What becomes of stored shifts that the file lacks: kept, or removed for those whom the file speaks for."""

    KEEP = "keep"
    PEOPLE = "people"
    TEAMS = "teams"
    SITES = "sites"


class Change(enum.StrEnum):
    """How a shift of the file stands to the roster, the gravest first."""

    GONE = "gone"
    MOVED = "moved"
    CHANGED = "changed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class Difference:
    """
    One shift that is not in the roster as the file has it.

    ``before`` and ``after`` are snapshots of the store of shifts, None where there is none; ``row`` is 0 for a shift
    that the file lacks.
    """

    change: Change
    person_id: int
    site_id: int
    day_on: dt.date
    before: Snapshot | None
    after: Snapshot | None
    row: int = 0

    @property
    def external_id(self) -> str:
        """Id of the shift in the workforce system."""
        return str((self.after or self.before or {})["external_id"])

    @property
    def edit(self) -> RosterEdit:
        """What it does to the person's working time."""
        return RosterEdit(self.person_id, _presence(self.before), _presence(self.after))

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept with the import."""
        return {
            "change": self.change.value,
            "person": self.person_id,
            "site": self.site_id,
            "day": self.day_on.isoformat(),
            "shift": self.external_id,
            "before": _kept(self.before),
            "after": _kept(self.after),
            "row": self.row,
        }


@dataclass(frozen=True, slots=True)
class SiteSpan:
    """For which days, people and teams of a site a file speaks."""

    site_id: int
    site: str
    first_on: dt.date
    last_on: dt.date
    people: int
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TouchedPlan:
    """A live plan or a run under way that the file concerns."""

    run_id: int
    plan_id: int | None
    site_id: int
    site: str
    day_on: dt.date
    people: int
    assignments: int
    uncovered: int


@dataclass(slots=True)
class ShiftDifference:
    """All differences of a file, in the order of days and people, the span that it covers, and the plans it touches."""

    missing: Missing
    spans: Sequence[SiteSpan] = ()
    listed: Sequence[Difference] = ()
    plans: Sequence[TouchedPlan] = field(default_factory=tuple)

    @property
    def counts(self) -> dict[str, int]:
        """How many shifts differ, by change, each change named."""
        found = Counter(each.change for each in self.listed)
        return {change.value: found[change] for change in Change}

    @property
    def people(self) -> int:
        """How many people it concerns, those left out whose missing shifts are kept."""
        return len({each.person_id for each in self.listed if self.applies(each)})

    @property
    def digest(self) -> str:
        """What names the difference: who confirms it has seen it, and nothing else is applied."""
        said = [each.as_json() for each in self.listed if self.applies(each)]
        return hashlib.sha256(json.dumps([self.missing.value, said], sort_keys=True).encode()).hexdigest()

    def applies(self, one: Difference) -> bool:
        """Return whether applying the file makes this difference; what is kept makes none."""
        return self.missing is not Missing.KEEP or one.change is not Change.GONE

    @property
    def edits(self) -> list[RosterEdit]:
        """What applying the file does to working times."""
        return [each.edit for each in self.listed if self.applies(each)]

    def summary(self) -> dict[str, Any]:
        """Return counts, span and plans as JSON types, as a report has them."""
        return {
            **self.counts,
            "missing": self.missing.value,
            "removed": self.counts["gone"] if self.missing is not Missing.KEEP else 0,
            "people": self.people,
            "spans": [{**asdict(each), **_days(each)} for each in self.spans],
            "plans": [{**asdict(each), "day_on": each.day_on.isoformat()} for each in self.plans],
        }

    def as_json(self) -> dict[str, Any]:
        """Return it as it is kept with the import."""
        order = list(Change)
        first = sorted(self.listed, key=lambda each: order.index(each.change))[:MOST_LISTED]
        return {
            "digest": self.digest,
            "all": len(self.listed),
            "listed": [each.as_json() for each in sorted(first, key=sort_key)],
        }


def sort_key(one: Difference) -> tuple[dt.date, int, str, str]:
    """Return the place of a difference: by day, person and begin."""
    return one.day_on, one.person_id, (one.after or one.before or {})["starts_at"], one.external_id


def judge(
    before: Snapshot | None, after: Snapshot | None, *, site_id: int, zone: str, row: int = 0
) -> Difference | None:
    """Return how a shift of the file differs from the stored one; None if it does not."""
    if before == after:
        return None
    here = after or before or {}
    if before is None or after is None:
        change = Change.ADDED if before is None else Change.GONE
    elif (before["starts_at"], before["ends_at"]) != (after["starts_at"], after["ends_at"]):
        change = Change.MOVED
    else:
        change = Change.CHANGED
    day_on = zones.to_local(dt.datetime.fromisoformat(here["starts_at"]), zone).date()
    return Difference(change, here["person_id"], site_id, day_on, before, after, row)


def edits_of(changes: Sequence[tuple[Snapshot, Snapshot]]) -> list[RosterEdit]:
    """Return what pairs of snapshots before and after, empty where there is none, do to working times."""
    return [
        RosterEdit((after or before)["person_id"], _presence(before or None), _presence(after or None))
        for before, after in changes
    ]


def _presence(snapshot: Snapshot | None) -> Presence | None:
    if snapshot is None:
        return None
    moment = dt.datetime.fromisoformat
    breaks = sorted((moment(each["starts_at"]), moment(each["ends_at"])) for each in snapshot["breaks"])
    return Presence(moment(snapshot["starts_at"]), moment(snapshot["ends_at"]), tuple(breaks))


def _kept(snapshot: Snapshot | None) -> Snapshot | None:
    if snapshot is None:
        return None
    return {name: value for name, value in snapshot.items() if name not in {"person_id", "external_id"}}


def _days(span: SiteSpan) -> dict[str, Any]:
    return {"first_on": span.first_on.isoformat(), "last_on": span.last_on.isoformat(), "teams": list(span.teams)}
