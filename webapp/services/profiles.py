"""Hiring profiles: keeping what the unserved work asks for, and the internal people who are nearest to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from optimizer.graphs import lattice
from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import HiringProfile, Person, ProfileRequirement, Site, Skill
from webapp.services import audit, records
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.unserved import GATE_SHARE, LEVEL_COVER, Draft, DraftRequirement
from webapp.services.versions import require_version


@dataclass(frozen=True, slots=True)
class Trace:
    """An engagement that a profile traces to, as it was when the profile was kept."""

    external_id: str
    type_name: str
    minutes: float
    cause: str
    requires: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Basis:
    """What a profile was drawn from: the plan's day, the unserved engagements, and the rules of that time."""

    day_on: dt.date | None
    minutes: float
    shift_minutes: float
    suggested_head_count: int
    level_cover: float
    gate_share: float
    engagements: tuple[Trace, ...]

    def asking_for(self, skill_id: int) -> list[Trace]:
        """Return the engagements that ask for a skill."""
        return [line for line in self.engagements if skill_id in line.requires]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An internal person and how far they meet a profile; ``here`` if they already handle engagements at its site."""

    person: Person
    readiness: lattice.Readiness
    gaps: tuple[tuple[Skill, lattice.Gap], ...]
    here: bool


@dataclass(frozen=True, slots=True)
class Candidates:
    """
    Internal people for a profile, the nearest first.

    ``incoming`` would bring new minutes to the site, ``growing`` handle its engagements already and miss something;
    ``full`` counts those at the site who miss nothing, so that their time is short and not their skill.
    """

    incoming: tuple[Candidate, ...]
    growing: tuple[Candidate, ...]
    full: int


def list_candidates(
    session: Session,
    site: Site,
    requirements: Sequence[lattice.RoleRequirement],
    *,
    viewer: Viewer,
    on: dt.date,
    limit: int = 15,
) -> Candidates:
    """
    Return the internal people who are nearest to what a profile asks for, of every site, role and department in scope.

    Parameters
    ----------
    requirements
        What it asks for, weighted by demand; see :func:`weigh`.
    on
        The day whose levels count.
    limit
        How many of each kind.
    """
    query = (
        select(Person)
        .where(Person.active, viewer.sees(Permission.MANAGE_PROFILES))
        .options(joinedload(Person.site), joinedload(Person.team))
    )
    people = session.scalars(query).all()
    levels = records.levels_on(session, [person.id for person in people], on)
    wanted = [line.skill for line in requirements]
    skills = {skill.id: skill for skill in session.scalars(select(Skill).where(Skill.id.in_(wanted)))}
    judged = []
    for person in people:
        found = lattice.readiness(requirements, levels[person.id])
        judged.append(
            Candidate(
                person=person,
                readiness=found,
                gaps=tuple((skills[gap.skill], gap) for gap in found.gaps),
                here=person.is_agent and person.site_id == site.id,
            )
        )
    judged.sort(key=lambda candidate: (*candidate.readiness.nearness, candidate.person.name))
    # Somebody who has none of the skills is no nearer than a stranger.
    near = [candidate for candidate in judged if candidate.readiness.share > 0]
    return Candidates(
        incoming=tuple([candidate for candidate in near if not candidate.here][:limit]),
        growing=tuple([candidate for candidate in near if candidate.here and candidate.gaps][:limit]),
        full=sum(candidate.here and not candidate.gaps for candidate in near),
    )


def weigh(requirements: Sequence[DraftRequirement] | Sequence[ProfileRequirement]) -> list[lattice.RoleRequirement]:
    """Return the lines of a profile as the lattice takes them, each weighted by the minutes that ask for it."""
    return [
        lattice.RoleRequirement(line.skill.id, line.level, weight=line.demand_minutes, gate=line.gate)
        for line in requirements
    ]


def list_profiles(session: Session, *, viewer: Viewer, site_id: int | None = None) -> Sequence[HiringProfile]:
    """Return the profiles of the sites in the viewer's scope, the newest first."""
    query = (
        select(HiringProfile)
        .join(HiringProfile.site)
        .where(viewer.sees_site(Permission.MANAGE_PROFILES))
        .options(
            joinedload(HiringProfile.site),
            joinedload(HiringProfile.created_by),
            selectinload(HiringProfile.requirements).joinedload(ProfileRequirement.skill),
        )
        .order_by(HiringProfile.id.desc())
    )
    if site_id is not None:
        query = query.where(HiringProfile.site_id == site_id)
    return session.scalars(query).all()


def get_profile(session: Session, profile_id: int, *, viewer: Viewer) -> HiringProfile:
    """
    Return a profile of a site in the viewer's scope.

    Raises
    ------
    NotFoundError
        If there is none, or it lies outside the viewer's scope.
    """
    profile = session.scalar(
        select(HiringProfile)
        .join(HiringProfile.site)
        .where(HiringProfile.id == profile_id, viewer.sees_site(Permission.MANAGE_PROFILES))
        .options(
            joinedload(HiringProfile.site),
            joinedload(HiringProfile.created_by),
            selectinload(HiringProfile.requirements).joinedload(ProfileRequirement.skill),
        )
    )
    if profile is None:
        raise NotFoundError("There is no such hiring profile.")
    return profile


def keep_profile(session: Session, draft: Draft, *, name: str, head_count: int, note: str, by: Actor) -> HiringProfile:
    """
    Keep a draft as a profile, with the engagements that each requirement traces to.

    Raises
    ------
    InvalidInputError
        If the draft asks for nothing, the name is empty or the head count is not from 1 to 1,000.
    """
    _check(name, head_count)
    if not draft.requirements or by.person_id is None:
        raise InvalidInputError("The plan served all of the chosen work, so there is nothing to hire for.")
    profile = HiringProfile(
        name=name.strip(),
        site_id=draft.plan.site_id,
        plan_id=draft.plan.id,
        head_count=head_count,
        note=note.strip(),
        basis=_basis(draft),
        created_by_id=by.person_id,
        created_at=by.at,
        requirements=[
            ProfileRequirement(
                skill_id=line.skill.id,
                level=line.level,
                gate=line.gate,
                demand_minutes=line.demand_minutes,
                engagement_count=len(line.engagements),
            )
            for line in draft.requirements
        ],
    )
    session.add(profile)
    session.flush()
    audit.record(
        session,
        "keep_hiring_profile",
        profile,
        by=by,
        detail={"plan_id": draft.plan.id, "head_count": head_count, "suggested": draft.head_count},
    )
    return profile


def update_profile(
    session: Session,
    profile: HiringProfile,
    *,
    name: str,
    head_count: int,
    note: str,
    version: int,
    seen: Mapping[str, str],
    by: Actor,
) -> HiringProfile:
    """
    Change a profile's name, head count and note; its requirements stay as they trace to the demand.

    Raises
    ------
    ConflictError
        If somebody changed it since ``version``.
    InvalidInputError
        If the name is empty or the head count is not from 1 to 1,000.
    """
    require_version(profile, version, seen=seen, present=describe(profile))
    _check(name, head_count)
    before = profile.head_count
    profile.name, profile.head_count, profile.note = name.strip(), head_count, note.strip()
    audit.record(session, "update_hiring_profile", profile, by=by, detail={"head_count": [before, head_count]})
    return profile


def delete_profile(session: Session, profile: HiringProfile, *, by: Actor) -> None:
    """Remove a profile; the trail keeps that it was there."""
    audit.record(session, "delete_hiring_profile", profile, by=by, detail={"plan_id": profile.plan_id})
    session.delete(profile)
    session.flush()


def describe(profile: HiringProfile) -> dict[str, str]:
    """Return what the edit form shows, in words."""
    return {"Name": profile.name, "Head count": str(profile.head_count), "Note": profile.note}


def read_basis(profile: HiringProfile) -> Basis:
    """Return what a profile was drawn from; a profile that was drawn from nothing has an empty basis."""
    kept = profile.basis
    return Basis(
        day_on=dt.date.fromisoformat(kept["day_on"]) if "day_on" in kept else None,
        minutes=kept.get("minutes", 0.0),
        shift_minutes=kept.get("shift_minutes", 0.0),
        suggested_head_count=kept.get("suggested_head_count", 0),
        level_cover=kept.get("level_cover", LEVEL_COVER),
        gate_share=kept.get("gate_share", GATE_SHARE),
        engagements=tuple(
            Trace(
                external_id=line["external_id"],
                type_name=line["type_name"],
                minutes=line["minutes"],
                cause=line["cause"],
                requires=dict(line["requires"]),
            )
            for line in kept.get("engagements", [])
        ),
    )


def _check(name: str, head_count: int) -> None:
    if not name.strip():
        raise InvalidInputError("Give the profile a name.", field="name")
    if not 1 <= head_count <= 1000:
        raise InvalidInputError("Use a head count from 1 to 1,000.", field="head_count")


def _basis(draft: Draft) -> dict[str, Any]:
    return {
        "plan_id": draft.plan.id,
        "day_on": draft.plan.day_on.isoformat(),
        "minutes": draft.minutes,
        "shift_minutes": draft.shift_minutes,
        "suggested_head_count": draft.head_count,
        "level_cover": LEVEL_COVER,
        "gate_share": GATE_SHARE,
        "engagements": [
            {
                "id": line.engagement.id,
                "external_id": line.engagement.external_id,
                "type_code": line.engagement.engagement_type.code,
                "type_name": line.engagement.engagement_type.name,
                "minutes": line.minutes,
                "cause": line.cause,
                "requires": sorted([skill_id, level] for skill_id, level in line.requires.items()),
            }
            for line in draft.unserved
        ],
    }
