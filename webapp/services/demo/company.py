"""What lasts in the demo: sites, catalogue, people, half a year of skill history, and the ladder."""

from __future__ import annotations

import datetime as dt
import random
import secrets
from collections.abc import Callable
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import (
    Account,
    EngagementType,
    Interest,
    LinkKind,
    Person,
    Role,
    RoleGrant,
    RoleRequirement,
    RoleStep,
    ServiceRole,
    Site,
    Skill,
    SkillEventKind,
    SkillGroup,
    SkillLevelDescription,
    SkillLink,
    StepKind,
    Team,
    TypeRequirement,
)
from webapp.services import audit, records
from webapp.services.audit import Actor
from webapp.services.demo import catalogue
from webapp.services.demo.people import TEAMS, PersonSeed, build_people
from webapp.services.records import NewEvent

SEED = 1871
SITES = (("porto", "Porto", "Europe/Lisbon"), ("halifax", "Halifax", "America/Halifax"))
HISTORY_DAYS = 182


def is_seeded(session: Session) -> bool:
    """Return whether the company is there already."""
    return session.scalar(select(Site.id).where(Site.code == SITES[0][0])) is not None


def seed_company(session: Session, *, password_hash: str, at: dt.datetime, report: Callable[[str], None]) -> None:
    """
    Build the company, once; a second call does nothing.

    Parameters
    ----------
    session
        A writing session.
    password_hash
        Hash of the password that every demo account gets.
    at
        The present moment; the history ends there.
    report
        Told what is being built, in words.
    """
    if is_seeded(session):
        return
    chance = random.Random(SEED)
    by = Actor(person_id=None, at=at, channel="cli")
    report("Sites, skills and engagement types")
    sites = _sites(session)
    skills = _skills(session)
    _types(session, skills)
    roles = _roles(session, skills)
    report("People and teams")
    seeds = build_people(chance)
    people = _people(session, seeds, sites, roles, password_hash=password_hash, at=at)
    audit.record(session, "seed_demo", sites["porto"], by=by, detail={"people": len(people), "skills": len(skills)})
    report("Half a year of skill history")
    _history(session, chance, seeds, people, skills, at=at)


def _sites(session: Session) -> dict[str, Site]:
    sites = {code: Site(code=code, name=name, time_zone=zone) for code, name, zone in SITES}
    session.add_all(sites.values())
    session.flush()
    session.add_all(Team(code=team.code, name=team.name, site_id=sites[team.site].id) for team in TEAMS)
    session.flush()
    return sites


def _skills(session: Session) -> dict[str, Skill]:
    groups = {code: SkillGroup(code=code, name=name) for code, name in catalogue.GROUPS.items()}
    session.add_all(groups.values())
    session.flush()
    skills = {
        seed.code: Skill(
            code=seed.code, name=seed.name, kind=seed.kind, group_id=groups[seed.group].id, description=seed.description
        )
        for seed in catalogue.SKILLS
    }
    session.add_all(skills.values())
    session.flush()
    for skill in skills.values():
        for level, text in enumerate(catalogue.LEVEL_TEXTS, start=1):
            session.add(SkillLevelDescription(skill_id=skill.id, level=level, text=text))
    for seed in catalogue.SKILLS:
        for needed in seed.needs:
            session.add(
                SkillLink(
                    skill_id=skills[seed.code].id, other_id=skills[needed].id, kind=LinkKind.PREREQUISITE, weight=1.0
                )
            )
    for code, other, weight in catalogue.RELATED:
        session.add(
            SkillLink(skill_id=skills[code].id, other_id=skills[other].id, kind=LinkKind.RELATED, weight=weight)
        )
    session.flush()
    return skills


def _types(session: Session, skills: dict[str, Skill]) -> None:
    for seed in catalogue.TYPES:
        kind = EngagementType(
            code=seed.code,
            name=seed.name,
            channel=seed.channel,
            stance=seed.stance,
            handle_minutes=seed.minutes,
            median_handle_minutes=round(seed.minutes * 0.85, 1),
            concurrency=seed.concurrency,
            value=seed.value,
        )
        for preferred, wanted in ((False, seed.requires), (True, seed.prefers)):
            for code, level in wanted.items():
                kind.requirements.append(
                    TypeRequirement(skill_id=skills[code].id, level=level, weight=1.0, preferred=preferred)
                )
        session.add(kind)
    session.flush()


def _roles(session: Session, skills: dict[str, Skill]) -> dict[str, ServiceRole]:
    roles: dict[str, ServiceRole] = {}
    for seed in catalogue.ROLES:
        role = ServiceRole(
            code=seed.code,
            name=seed.name,
            rung=seed.rung,
            pay_from=seed.pay[0],
            pay_to=seed.pay[1],
            currency="EUR",
            authority=seed.authority,
            description="",
            outside=seed.outside,
        )
        for gate, wanted in ((True, seed.gates), (False, seed.wants)):
            for code, level in wanted.items():
                role.requirements.append(RoleRequirement(skill_id=skills[code].id, level=level, weight=1.0, gate=gate))
        roles[seed.code] = role
    session.add_all(roles.values())
    session.flush()
    for seed in catalogue.ROLES:
        for kind, codes in ((StepKind.UP, seed.up), (StepKind.ACROSS, seed.across)):
            for code in codes:
                session.add(RoleStep(from_role_id=roles[seed.code].id, to_role_id=roles[code].id, kind=kind))
    session.flush()
    return roles


def _people(
    session: Session,
    seeds: list[PersonSeed],
    sites: dict[str, Site],
    roles: dict[str, ServiceRole],
    *,
    password_hash: str,
    at: dt.datetime,
) -> dict[str, Person]:
    teams = {team.code: team for team in session.scalars(select(Team))}
    people: dict[str, Person] = {}
    for seed in seeds:
        people[seed.code] = Person(
            external_id=seed.code,
            name=seed.name,
            email=f"{seed.code}@tidewater.example",
            site_id=sites[seed.site].id,
            team_id=teams[seed.team].id if seed.team else None,
            service_role_id=roles[seed.service_role].id if seed.service_role else None,
            job_title=seed.title,
            is_agent=seed.team is not None,
            hired_on=at.date() - dt.timedelta(days=round(seed.tenure_years * 365)),
        )
    session.add_all(people.values())
    session.flush()
    for seed in seeds:
        person = people[seed.code]
        for role in seed.roles:
            session.add(
                RoleGrant(
                    person_id=person.id,
                    role=role,
                    team_id=person.team_id if role is Role.LEAD else None,
                    site_id=person.site_id if role in {Role.SCHEDULER, Role.HR} else None,
                )
            )
        session.add(
            Account(
                person_id=person.id,
                email=person.email or "",
                password=password_hash,
                active=True,
                fs_uniquifier=secrets.token_hex(16),
            )
        )
    session.flush()
    return people


def _history(
    session: Session,
    chance: random.Random,
    seeds: list[PersonSeed],
    people: dict[str, Person],
    skills: dict[str, Skill],
    *,
    at: dt.datetime,
) -> None:
    """Write how each level came to be: imported half a year ago, then reviewed for most, claimed anew for some."""
    start = at - dt.timedelta(days=HISTORY_DAYS)
    by_author: dict[int | None, list[NewEvent]] = {}

    def add(author: Person | None, event: NewEvent) -> None:
        by_author.setdefault(author.id if author else None, []).append(event)

    leads = {seed.team: people[seed.code] for seed in seeds if Role.LEAD in seed.roles}
    for seed in seeds:
        person = people[seed.code]
        reviewer = leads.get(seed.team) if Role.LEAD not in seed.roles else None
        for code, level in seed.levels.items():
            event = partial(NewEvent, person.id, skills[code].id)
            imported = max(1, level - chance.choice((0, 0, 1)))
            add(
                None,
                event(
                    kind=SkillEventKind.PROVISIONAL,
                    level=imported,
                    at=start,
                    expires_on=(start + dt.timedelta(days=365)).date(),
                    source="ACD skill table",
                ),
            )
            if reviewer is not None and chance.random() < 0.72:
                reviewed_at = start + dt.timedelta(days=chance.uniform(10, HISTORY_DAYS - 5))
                add(reviewer, event(kind=SkillEventKind.REVIEW, level=level, at=reviewed_at))
            elif chance.random() < 0.25:
                used_at = at - dt.timedelta(days=chance.uniform(1, 60))
                count = chance.randint(12, 140)
                add(
                    None,
                    event(
                        kind=SkillEventKind.OUTCOME,
                        level=min(2, level),
                        count=count,
                        at=used_at,
                        expires_on=(used_at + dt.timedelta(days=365)).date(),
                        source="Finished work",
                    ),
                )
            _own_word(chance, add, person, event, level=level, at=at)
    for author_id, events in by_author.items():
        events.sort(key=lambda event: event.at or at)
        records.append_events(session, events, by=Actor(person_id=author_id, at=at, channel="cli"))
    pairs = {(event.person_id, event.skill_id) for events in by_author.values() for event in events}
    records.reproject(session, sorted(pairs), on=at.date())
    audit.record(
        session,
        "seed_history",
        people[seeds[0].code],
        by=Actor(person_id=None, at=at, channel="cli"),
        detail={"records": len(pairs), "events": sum(len(events) for events in by_author.values())},
    )


def _own_word(
    chance: random.Random,
    add: Callable[[Person | None, NewEvent], None],
    person: Person,
    event: Callable[..., NewEvent],
    *,
    level: int,
    at: dt.datetime,
) -> None:
    """Let some people claim a level, and say what they would like to grow or rather not do."""
    if level < 5 and chance.random() < 0.07:
        claimed_at = at - dt.timedelta(days=chance.uniform(0.2, 20))
        add(person, event(kind=SkillEventKind.CLAIM, level=level + 1, at=claimed_at))
    draw = chance.random()
    if draw < 0.16:
        wished_at = at - dt.timedelta(days=chance.uniform(1, 120))
        interest = Interest.GROW if draw < 0.13 else Interest.RATHER_NOT
        add(person, event(kind=SkillEventKind.INTEREST, interest=interest, at=wished_at))
