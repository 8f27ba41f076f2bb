"""The demo's telephone system: an hour of contacts that live routing advised on, in shadow, and that others decided."""

from __future__ import annotations

import datetime as dt
import functools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import (
    Absence,
    EngagementType,
    Person,
    PresenceState,
    RoutingDecision,
    RoutingMode,
    Site,
)
from webapp.services import roster
from webapp.services.audit import Actor
from webapp.services.demo.company import SEED
from webapp.services.routing import desks, events, floor_view, settings
from webapp.services.routing.events import Arrival

WARM_UP = dt.timedelta(minutes=70)
CONTACTS = 60
AGREES = 0.45
"""How often the made-up telephone system does what was advised, whatever it knows of skills."""

_OPENS, _CLOSES = dt.time(9, 30), dt.time(19, 30)


_Event = Callable[[events.Events], events.Outcome]


@dataclass(frozen=True, slots=True)
class _There:
    person: Person
    comes_at: dt.datetime
    leaves_at: dt.datetime


@dataclass(frozen=True, slots=True)
class _Call:
    number: int
    arrives_at: dt.datetime
    ends_at: dt.datetime
    kind: EngagementType
    customer_key: str


def seed_routing(session: Session, site: Site, able: Mapping[int, Sequence[int]], *, at: dt.datetime) -> int:
    """
    Let a site route in shadow for the last hour, once a day, and return how many contacts arrived.

    Parameters
    ----------
    session
        A writing session.
    site
        The site.
    able
        Agents who meet all that an engagement type requires, by its id.
    at
        The present moment; while the telephones rest, the last hour is that before they closed.
    """
    end_what_was_left(session, site, at=at)
    until = _last_open(site, at)
    if session.scalar(
        select(RoutingDecision.id).where(
            RoutingDecision.site_id == site.id, RoutingDecision.at > until - dt.timedelta(hours=4)
        )
    ):
        return 0
    since = until - WARM_UP
    there = _switch_on(session, site, since, until)
    if not there:
        return 0
    chance = random.Random(f"{SEED}-{site.code}-{until:%y%m%d}-routing")
    calls = list(_calls(session, chance, since, until))
    told = [*_comings(there, until), *_Telephones(chance, there, able).tell(calls, until)]
    for moment, event in sorted(told, key=lambda each: each[0]):
        events.take_in(session, site.id, event, at=moment)
    if until < at:
        end_what_was_left(session, site, at=until)
    return len(calls)


def _last_open(site: Site, at: dt.datetime) -> dt.datetime:
    local = at.astimezone(ZoneInfo(site.time_zone))
    if local.time() >= _OPENS:
        closed = dt.datetime.combine(local.date(), _CLOSES, tzinfo=local.tzinfo)
        return min(at, closed.astimezone(dt.UTC))
    yesterday = local.date() - dt.timedelta(days=1)
    return dt.datetime.combine(yesterday, _CLOSES, tzinfo=local.tzinfo).astimezone(dt.UTC)


def _switch_on(session: Session, site: Site, since: dt.datetime, until: dt.datetime) -> list[_There]:
    """Switch routing on in shadow, and return who is on shift when."""
    if settings.find_setting(session, site.id) is None:
        by = Actor(person_id=None, at=since, channel="cli")
        settings.change_setting(session, site, settings.Wanted(RoutingMode.SHADOW), by=by)
    desks.refresh(session, site, at=since)
    agents = session.scalars(select(Person).where(Person.site_id == site.id, Person.is_agent, Person.active)).all()
    people = {person.id: person for person in agents}
    away = session.scalars(
        select(Absence).where(Absence.person_id.in_(people), Absence.starts_at <= until, Absence.ends_at > since)
    )
    leaves = {absence.person_id: absence.starts_at for absence in away}
    return [
        _There(
            people[shift.person_id],
            max(shift.starts_at, since),
            min(shift.ends_at, leaves.get(shift.person_id, shift.ends_at)),
        )
        for shift in roster.shifts_between(session, list(people), since, until)
    ]


def _comings(there: Sequence[_There], until: dt.datetime) -> Iterator[tuple[dt.datetime, _Event]]:
    for each in there:
        yield each.comes_at, functools.partial(_set, each.person.id, PresenceState.AVAILABLE)
        if each.leaves_at <= until:
            yield each.leaves_at, functools.partial(_set, each.person.id, PresenceState.AWAY)


def _set(person_id: int, state: PresenceState, taking: events.Events) -> events.Outcome:
    return taking.set_presence(person_id, state)


def _calls(session: Session, chance: random.Random, since: dt.datetime, until: dt.datetime) -> Iterator[_Call]:
    kinds = [kind for kind in session.scalars(select(EngagementType).order_by(EngagementType.id)) if kind.channel.live]
    length = until - since
    for number, share in enumerate(sorted(chance.random() for _ in range(CONTACTS)), start=1):
        kind = chance.choice(kinds)
        arrives_at = since + length * share
        minutes = max(1.5, chance.gauss(kind.handle_minutes * 0.8, 3))
        yield _Call(
            number,
            arrives_at,
            arrives_at + dt.timedelta(minutes=minutes),
            kind,
            f"T{chance.randint(10_000, 99_999)}",
        )


@dataclass(frozen=True, slots=True)
class _Telephones:
    """What the telephone system does with contacts: whoever is free takes them, now and then whom routing advised."""

    chance: random.Random
    there: Sequence[_There]
    able: Mapping[int, Sequence[int]]
    contacts: dict[int, int] = field(default_factory=dict)
    advised: dict[int, int] = field(default_factory=dict)
    busy_until: dict[int, dt.datetime] = field(default_factory=dict)

    def tell(self, calls: Sequence[_Call], until: dt.datetime) -> Iterator[tuple[dt.datetime, _Event]]:
        """Return what it tells of each contact, and when, up to a moment."""
        for call in calls:
            taken_at = call.arrives_at + dt.timedelta(seconds=self.chance.randint(4, 40))
            yield call.arrives_at, functools.partial(self._arrive, call)
            if taken_at < until:
                yield taken_at, functools.partial(self._take, call, taken_at)
            if call.ends_at < until:
                yield call.ends_at, functools.partial(self._end, call)

    def _arrive(self, call: _Call, taking: events.Events) -> events.Outcome:
        arrival = Arrival(
            external_id=f"line-{call.arrives_at:%y%m%d}-{call.number:03d}",
            type_code=call.kind.code,
            arrived_at=call.arrives_at,
            customer_key=call.customer_key,
        )
        outcome = taking.arrive(arrival)
        if outcome.contact_id is not None:
            self.contacts[call.number] = outcome.contact_id
        if outcome.offers:
            self.advised[call.number] = outcome.offers[0].person_id
        return outcome

    def _take(self, call: _Call, at: dt.datetime, taking: events.Events) -> events.Outcome:
        here = {each.person.id: each.person for each in self.there if each.comes_at <= at < each.leaves_at}
        free = [person_id for person_id in here if self.busy_until.get(person_id, at) <= at]
        able = [person_id for person_id in self.able.get(call.kind.id, ()) if person_id in free]
        person_id = self.advised.get(call.number)
        if person_id not in free or (able and self.chance.random() > AGREES):
            person_id = self.chance.choice(able or free or list(here))
        self.busy_until[person_id] = call.ends_at
        return taking.start(self.contacts[call.number], here[person_id].external_id)

    def _end(self, call: _Call, taking: events.Events) -> events.Outcome:
        return taking.end(self.contacts[call.number])


def end_what_was_left(session: Session, site: Site, *, at: dt.datetime) -> None:
    """End contacts of an earlier start of the demo: nobody talks for hours."""
    for contact in floor_view.list_open_contacts(session, site.id):
        if contact.arrived_at < at - dt.timedelta(hours=1):
            events.take_in(session, site.id, functools.partial(_end, contact.id), at=at)


def _end(contact_id: int, taking: events.Events) -> events.Outcome:
    return taking.end(contact_id)
