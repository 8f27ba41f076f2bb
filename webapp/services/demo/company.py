"""What lasts in the demo: sites, catalogue, people, half a year of skill history, and the ladder."""

from __future__ import annotations

import datetime as dt
import random
import secrets
from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import (
    Account,
    EngagementType,
    LinkKind,
    Person,
    Role,
    RoleGrant,
    RoleRequirement,
    RoleStep,
    ServiceRole,
    Site,
    Skill,
    SkillGroup,
    SkillLevelDescription,
    SkillLink,
    StepKind,
    Team,
    TypeRequirement,
)
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.demo import catalogue
from webapp.services.demo.history import seed_history
from webapp.services.demo.people import TEAMS, PersonSeed, build_people

SEED = 1871
SITES = (("porto", "Porto", "Europe/Lisbon"), ("halifax", "Halifax", "America/Halifax"))


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
    seed_history(session, chance, seeds, people, skills, at=at)


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
            code=seed.code,
            name=seed.name,
            kind=seed.kind,
            group_id=groups[seed.group].id,
            description=seed.description,
            half_life_days=catalogue.HALF_LIVES.get(seed.code),
            certificate_required=seed.code in catalogue.CERTIFIED,
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
