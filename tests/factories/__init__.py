"""Builders of database rows for tests, each with defaults that are valid and as plain as can be."""

from __future__ import annotations

import datetime as dt
import itertools
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from webapp.db import Base
from webapp.models import (
    Absence,
    AbsenceKind,
    Account,
    Channel,
    Contact,
    ContactOutcome,
    Engagement,
    EngagementType,
    ForecastInterval,
    ForecastSource,
    Interest,
    Person,
    Role,
    RoleGrant,
    RoleRequirement,
    ServiceRole,
    Shift,
    ShiftBreak,
    Site,
    Skill,
    SkillEvent,
    SkillEventKind,
    SkillGroup,
    SkillKind,
    SkillRecord,
    Stance,
    Team,
    TypeRequirement,
)
from webapp.services import records
from webapp.services.access import Viewer, get_viewer
from webapp.services.audit import Actor

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
"""The moment at which tests happen: a Monday morning."""

TODAY = NOW.date()

Row = TypeVar("Row", bound=Base)


class Make:
    """
    Builds rows in one session and flushes each, so that its key is there.

    Parameters
    ----------
    session
        A writing session; :meth:`commit` ends its transaction.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._numbers = itertools.count(1)
        self._site: Site | None = None

    def _add(self, row: Row) -> Row:
        self.session.add(row)
        self.session.flush()
        return row

    def commit(self) -> None:
        """Commit what was built, which is nobody's command and so has no audit event."""
        self.session.flush()
        self.session.info["audited"] = True
        self.session.commit()

    @property
    def home(self) -> Site:
        """The site that rows belong to when a test does not care."""
        if self._site is None:
            self._site = self.site(code="home", name="Home")
        return self._site

    def site(self, *, code: str = "", name: str = "", time_zone: str = "Europe/Berlin") -> Site:
        """Build a site."""
        number = next(self._numbers)
        return self._add(Site(code=code or f"site-{number}", name=name or f"Site {number}", time_zone=time_zone))

    def team(self, *, site: Site | None = None, code: str = "", name: str = "") -> Team:
        """Build a team."""
        number = next(self._numbers)
        return self._add(
            Team(code=code or f"team-{number}", name=name or f"Team {number}", site_id=(site or self.home).id)
        )

    def person(
        self,
        *,
        name: str = "",
        team: Team | None = None,
        site: Site | None = None,
        roles: Sequence[Role] = (Role.AGENT,),
        leads: Sequence[Team] = (),
        serves: Sequence[Site] = (),
        **values: Any,
    ) -> Person:
        """
        Build a person with an account and grants.

        ``leads`` are the teams of a lead, ``serves`` the sites of a scheduler or of HR; their own site if not given.
        """
        number = next(self._numbers)
        site_id = team.site_id if team is not None else (site or self.home).id
        person = self._add(
            Person(
                external_id=values.pop("external_id", f"p{number}"),
                name=name or f"Person {number}",
                email=values.pop("email", f"person{number}@example.test"),
                site_id=site_id,
                team_id=team.id if team else None,
                is_agent=values.pop("is_agent", Role.AGENT in roles),
                active=values.pop("active", True),
                **values,
            )
        )
        for role in roles:
            self._grant(person, role, leads=leads, serves=serves)
        self._add(
            Account(person_id=person.id, email=person.email, active=person.active, fs_uniquifier=secrets.token_hex(16))
        )
        return person

    def _grant(self, person: Person, role: Role, *, leads: Sequence[Team], serves: Sequence[Site]) -> None:
        if role is Role.LEAD:
            for team in leads:
                self._add(RoleGrant(person_id=person.id, role=role, team_id=team.id))
        elif role in {Role.SCHEDULER, Role.HR}:
            for site_id in [site.id for site in serves] or [person.site_id]:
                self._add(RoleGrant(person_id=person.id, role=role, site_id=site_id))
        else:
            self._add(RoleGrant(person_id=person.id, role=role))

    def viewer(self, person: Person) -> Viewer:
        """Return the person as a viewer."""
        return get_viewer(self.session, person.id)

    def actor(self, person: Person | None = None, *, at: dt.datetime = NOW) -> Actor:
        """Return the person, or the system, as an actor."""
        return Actor(person_id=person.id if person else None, at=at)

    def group(self, *, code: str = "", name: str = "") -> SkillGroup:
        """Build a skill group."""
        number = next(self._numbers)
        return self._add(SkillGroup(code=code or f"group-{number}", name=name or f"Group {number}"))

    def skill(
        self, *, code: str = "", name: str = "", kind: SkillKind = SkillKind.PRODUCT, group: SkillGroup | None = None
    ) -> Skill:
        """Build a skill."""
        number = next(self._numbers)
        return self._add(
            Skill(
                code=code or f"skill-{number}",
                name=name or f"Skill {number}",
                kind=kind,
                group_id=group.id if group else None,
                description="",
            )
        )

    def record(
        self,
        person: Person,
        skill: Skill,
        level: int,
        *,
        claimed: int | None = None,
        interest: Interest = Interest.NONE,
        by: Person | None = None,
        at: dt.datetime = NOW - dt.timedelta(days=30),
    ) -> SkillRecord:
        """Build a skill record that a review supports, projected from the events behind it."""
        if claimed is not None:
            self._event(person, skill, SkillEventKind.CLAIM, at=at, author=person, level=claimed)
        if level:
            self._event(person, skill, SkillEventKind.REVIEW, at=at, author=by, level=level)
        if interest is not Interest.NONE:
            self._event(person, skill, SkillEventKind.INTEREST, at=at, author=person, interest=interest)
        records.reproject(self.session, [(person.id, skill.id)], TODAY)
        return records.get_record(self.session, person.id, skill.id)

    def _event(
        self,
        person: Person,
        skill: Skill,
        kind: SkillEventKind,
        *,
        at: dt.datetime,
        author: Person | None,
        level: int | None = None,
        interest: Interest | None = None,
    ) -> None:
        self._add(
            SkillEvent(
                person_id=person.id,
                skill_id=skill.id,
                kind=kind,
                at=at,
                author_id=author.id if author else None,
                level=level,
                interest=interest,
                note="",
                source="",
            )
        )

    def engagement_type(
        self,
        *,
        code: str = "",
        name: str = "",
        channel: Channel = Channel.EMAIL,
        stance: Stance = Stance.REACTIVE,
        requires: Mapping[Skill, int] | None = None,
        prefers: Mapping[Skill, int] | None = None,
        **values: Any,
    ) -> EngagementType:
        """Build an engagement type with its required and preferred skills."""
        number = next(self._numbers)
        kind: EngagementType = self._add(
            EngagementType(
                code=code or f"type-{number}",
                name=name or f"Type {number}",
                channel=channel,
                stance=stance,
                handle_minutes=values.pop("handle_minutes", 15.0),
                concurrency=values.pop("concurrency", 1),
                value=values.pop("value", 10.0),
                **values,
            )
        )
        for preferred, wanted in ((False, requires), (True, prefers)):
            for skill, level in (wanted or {}).items():
                self._add(
                    TypeRequirement(
                        engagement_type_id=kind.id, skill_id=skill.id, level=level, weight=1.0, preferred=preferred
                    )
                )
        self.session.refresh(kind)
        return kind

    def engagement(
        self,
        kind: EngagementType | None = None,
        *,
        site: Site | None = None,
        earliest_at: dt.datetime = NOW,
        due_at: dt.datetime | None = None,
        latest_at: dt.datetime | None = None,
        **values: Any,
    ) -> Engagement:
        """Build an engagement that may start from ``earliest_at`` on and is due four hours later."""
        number = next(self._numbers)
        due_at = due_at or earliest_at + dt.timedelta(hours=4)
        return self._add(
            Engagement(
                external_id=values.pop("external_id", f"e{number}"),
                site_id=(site or self.home).id,
                engagement_type_id=(kind or self.engagement_type()).id,
                customer_key=values.pop("customer_key", f"c{number}"),
                earliest_at=earliest_at,
                due_at=due_at,
                latest_at=latest_at or due_at,
                priority=values.pop("priority", 3),
                **values,
            )
        )

    def shift(
        self,
        person: Person,
        *,
        starts_at: dt.datetime = NOW - dt.timedelta(hours=1),
        hours: float = 8,
        breaks: Sequence[tuple[dt.datetime, dt.datetime]] = (),
        **values: Any,
    ) -> Shift:
        """Build a shift."""
        number = next(self._numbers)
        shift: Shift = self._add(
            Shift(
                external_id=values.pop("external_id", f"s{number}"),
                person_id=person.id,
                starts_at=starts_at,
                ends_at=starts_at + dt.timedelta(hours=hours),
                **values,
            )
        )
        for start, end in breaks:
            self._add(ShiftBreak(shift_id=shift.id, starts_at=start, ends_at=end))
        return shift

    def absence(
        self, person: Person, starts_at: dt.datetime, ends_at: dt.datetime, *, kind: AbsenceKind = AbsenceKind.LEAVE
    ) -> Absence:
        """Build an absence."""
        return self._add(Absence(person_id=person.id, starts_at=starts_at, ends_at=ends_at, kind=kind))

    def forecast(
        self,
        kind: EngagementType,
        starts_at: dt.datetime,
        minutes: float,
        *,
        site: Site | None = None,
        length: int = 30,
    ) -> ForecastInterval:
        """Build forecast minutes of a live type in one interval."""
        return self._add(
            ForecastInterval(
                site_id=(site or self.home).id,
                engagement_type_id=kind.id,
                starts_at=starts_at,
                length_minutes=length,
                volume=minutes / kind.handle_minutes,
                minutes=minutes,
                source=ForecastSource.IMPORTED,
            )
        )

    def contact(self, kind: EngagementType, arrived_at: dt.datetime, minutes: float, **values: Any) -> Contact:
        """Build a served contact."""
        number = next(self._numbers)
        return self._add(
            Contact(
                external_id=values.pop("external_id", f"contact-{number}"),
                site_id=values.pop("site_id", self.home.id),
                engagement_type_id=kind.id,
                arrived_at=arrived_at,
                served_at=arrived_at,
                ended_at=arrived_at + dt.timedelta(minutes=minutes),
                outcome=ContactOutcome.SERVED,
                **values,
            )
        )

    def service_role(
        self, *, name: str = "", rung: int = 1, gates: Mapping[Skill, int] | None = None, **values: Any
    ) -> ServiceRole:
        """Build a service role whose requirements are all gates."""
        number = next(self._numbers)
        role: ServiceRole = self._add(
            ServiceRole(
                code=values.pop("code", f"role-{number}"),
                name=name or f"Role {number}",
                rung=rung,
                pay_from=values.pop("pay_from", 30_000),
                pay_to=values.pop("pay_to", 40_000),
                **values,
            )
        )
        for skill, level in (gates or {}).items():
            self._add(RoleRequirement(service_role_id=role.id, skill_id=skill.id, level=level, weight=1.0, gate=True))
        self.session.refresh(role)
        return role
