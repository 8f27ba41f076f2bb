"""The links of the skill graph: what a skill needs first, what it belongs to, and what resembles it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer.graphs.skills import all_prerequisites, find_path
from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import LinkKind, Skill, SkillLink
from webapp.services import audit
from webapp.services.audit import Actor


def list_dependents(session: Session, skill: Skill) -> Sequence[SkillLink]:
    """Return the links of other skills to this one, by the name of the other skill."""
    return session.scalars(
        select(SkillLink)
        .join(SkillLink.skill)
        .where(SkillLink.other_id == skill.id)
        .options(joinedload(SkillLink.skill))
        .order_by(Skill.name)
    ).all()


def list_path(session: Session, skill: Skill) -> list[Skill]:
    """Return every skill that is needed before this one, the first to learn first."""
    needed = all_prerequisites(_edges(session, LinkKind.PREREQUISITE), skill.id)
    by_id = {found.id: found for found in session.scalars(select(Skill).where(Skill.id.in_(needed)))}
    return [by_id[skill_id] for skill_id in needed]


def add_link(
    session: Session, skill: Skill, *, other_id: int, kind: LinkKind, weight: float = 1.0, by: Actor
) -> SkillLink:
    """
    Link a skill to another.

    Parameters
    ----------
    session
        A session.
    skill
        The skill that needs, belongs to or resembles the other.
    other_id
        The other skill.
    kind
        How they stand to each other.
    weight
        For related skills, how much of the other carries over, in (0, 1].
    by
        Who links them.

    Raises
    ------
    NotFoundError
        If there is no such other skill.
    InvalidInputError
        If the link is there already, leads to the skill itself or closes a circle, which the message names.
    """
    other = session.get(Skill, other_id)
    if other is None:
        raise NotFoundError("There is no such skill.")
    if other.id == skill.id:
        raise InvalidInputError("A skill cannot be linked to itself.", field="other_id")
    if not 0 < weight <= 1:
        raise InvalidInputError("A weight is above 0 and at most 1.", field="weight")
    if any(link.other_id == other.id and link.kind is kind for link in skill.links):
        raise InvalidInputError(f"{skill.name} has this link to {other.name} already.", field="other_id")
    if kind is not LinkKind.RELATED:
        _refuse_cycle(session, skill, other, kind)
    link = SkillLink(other_id=other.id, kind=kind, weight=weight if kind is LinkKind.RELATED else 1.0)
    skill.links.append(link)
    detail = {"code": skill.code, "other": other.code, "kind": kind.value, "weight": link.weight}
    audit.record(session, "link_skill", skill, by=by, detail=detail)
    return link


def _refuse_cycle(session: Session, skill: Skill, other: Skill, kind: LinkKind) -> None:
    """Refuse an edge skill → other if other leads to skill already, and name the skills of the circle."""
    path = find_path(_edges(session, kind), other.id, skill.id)
    if not path:
        return
    names = {found.id: found.name for found in session.scalars(select(Skill).where(Skill.id.in_(path)))}
    verb = "needs" if kind is LinkKind.PREREQUISITE else "belongs to"
    chain = f", which {verb} ".join(names[skill_id] for skill_id in path)
    raise InvalidInputError(
        f"This would close a circle: {skill.name} {verb} {chain}. Remove one of these links first.", field="other_id"
    )


def _edges(session: Session, kind: LinkKind) -> list[tuple[int, int]]:
    rows = session.execute(select(SkillLink.skill_id, SkillLink.other_id).where(SkillLink.kind == kind))
    return [(skill_id, other_id) for skill_id, other_id in rows]


def remove_link(session: Session, skill: Skill, link_id: int, *, by: Actor) -> SkillLink:
    """
    Remove a link of a skill, and return what it was.

    Raises
    ------
    NotFoundError
        If the skill has no such link.
    """
    link = next((link for link in skill.links if link.id == link_id), None)
    if link is None:
        raise NotFoundError("There is no such link.")
    detail = {"code": skill.code, "other": link.other.code, "kind": link.kind.value, "weight": link.weight}
    skill.links.remove(link)
    audit.record(session, "unlink_skill", skill, by=by, detail=detail)
    return link
