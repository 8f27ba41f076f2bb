"""The difference of a file of shifts as a person reads it: with names and local times, filtered and sorted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import NotFoundError
from webapp.models import ImportBatch, Person, Site
from webapp.services import zones
from webapp.services.importing.shift_difference import Change, Missing
from webapp.services.importing.stores import Snapshot, chunks

SORTS = ("day", "person", "change", "shift")
_BY_HAND = "hand-"


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """When a shift begins and ends, and its breaks, as clocks at the site show them; empty where there is none."""

    times: str = ""
    breaks: str = ""

    def __str__(self) -> str:
        """Return both in one line."""
        return ", ".join(text for text in (self.times, self.breaks) if text)


@dataclass(frozen=True, slots=True)
class ListedShift:
    """
    One shift that differs, as a page shows it.

    ``person`` is None if the person is gone since the check; ``stays`` marks what the file lacks and nobody removes.
    """

    change: Change
    what: str
    person: Person | None
    site: str
    day_on: dt.date
    external_id: str
    was: LocalTimes
    becomes: LocalTimes
    row: int
    stays: bool

    @property
    def person_name(self) -> str:
        """Name of the person, empty if they are gone."""
        return self.person.name if self.person is not None else ""


@dataclass(frozen=True, slots=True)
class ShiftFilter:
    """Which differences to list; empty fields do not narrow."""

    text: str = ""
    change: Change | None = None
    site: str = ""
    day_on: dt.date | None = None


def list_differences(
    session: Session, batch: ImportBatch, *, only: ShiftFilter | None = None, sort: str = "day"
) -> list[ListedShift]:
    """
    Return how a checked or applied file differs from the roster that it met.

    Parameters
    ----------
    session, batch
        The import.
    only
        What to narrow to.
    sort
        One of :data:`SORTS`, with a leading ``-`` the other way round; within it by day, name and shift.

    Raises
    ------
    NotFoundError
        If it was not checked, or holds no shifts.
    """
    if batch.difference is None:
        raise NotFoundError("This import has no difference to show. Check the file first.")
    found = [each for each in _read(session, batch) if _fits(each, only or ShiftFilter())]
    found.sort(key=lambda each: (each.day_on, each.person_name, each.external_id))
    order = list(Change)
    keys = {
        "day": lambda each: each.day_on,
        "person": lambda each: each.person_name,
        "change": lambda each: order.index(each.change),
        "shift": lambda each: each.external_id,
    }
    key = keys.get(sort.lstrip("-"), keys["day"])
    return sorted(found, key=key, reverse=sort.startswith("-"))


def by_day(found: Sequence[ListedShift]) -> list[tuple[dt.date | None, ListedShift]]:
    """Return differences with the day that begins with each; None where it is the same as before."""
    days = [None, *(each.day_on for each in found)]
    return [(each.day_on if each.day_on != before else None, each) for before, each in zip(days, found, strict=False)]


def _fits(one: ListedShift, only: ShiftFilter) -> bool:
    named = [one.person_name, one.external_id, one.person.external_id if one.person is not None else ""]
    return (
        any(only.text.casefold() in text.casefold() for text in named)
        and (only.change is None or one.change is only.change)
        and (not only.site or one.site == only.site)
        and (only.day_on is None or one.day_on == only.day_on)
    )


def _read(session: Session, batch: ImportBatch) -> Iterator[ListedShift]:
    listed: Sequence[Mapping[str, Any]] = (batch.difference or {})["listed"]
    people = _people(session, {each["person"] for each in listed})
    sites = {site.id: site for site in session.scalars(select(Site))}
    kept = batch.options.get("missing", Missing.KEEP) == Missing.KEEP
    for each in listed:
        change, site = Change(each["change"]), sites[each["site"]]
        yield ListedShift(
            change=change,
            what=_what(change, each),
            person=people.get(each["person"]),
            site=site.name,
            day_on=dt.date.fromisoformat(each["day"]),
            external_id=each["shift"],
            was=_words(each["before"], site.time_zone),
            becomes=_words(each["after"], site.time_zone),
            row=each["row"],
            stays=kept and change is Change.GONE,
        )


def _people(session: Session, ids: Collection[int]) -> dict[int, Person]:
    found: dict[int, Person] = {}
    for some in chunks(sorted(ids), 900):
        found.update({person.id: person for person in session.scalars(select(Person).where(Person.id.in_(some)))})
    return found


def _what(change: Change, one: Mapping[str, Any]) -> str:
    """Return what differs beyond the change itself."""
    before, after = one["before"], one["after"]
    if change is Change.GONE:
        return "added by hand" if one["shift"].startswith(_BY_HAND) else ""
    if before is None or after is None:
        return ""
    said = ["breaks"] if before["breaks"] != after["breaks"] else []
    if before["inferred"] != after["inferred"]:
        said.append("was concluded from contacts" if before["inferred"] else "is concluded from contacts")
    return ", ".join(said)


def _words(shift: Snapshot | None, zone: str) -> LocalTimes:
    if shift is None:
        return LocalTimes()
    start, end = _local(shift["starts_at"], zone), _local(shift["ends_at"], zone)
    text = f"{start:%H:%M}–{end:%H:%M}"
    if (days := (end.date() - start.date()).days) > 0:
        text += f" (+{days})"
    pauses = sorted((each["starts_at"], each["ends_at"]) for each in shift["breaks"])
    if not pauses:
        return LocalTimes(text)
    written = ", ".join(f"{_local(begin, zone):%H:%M}–{_local(until, zone):%H:%M}" for begin, until in pauses)
    return LocalTimes(text, f"{'break' if len(pauses) == 1 else 'breaks'} {written}")


def _local(moment: str, zone: str) -> dt.datetime:
    return zones.to_local(dt.datetime.fromisoformat(moment), zone)
