"""The links of the skill graph: what a skill needs first, what it belongs to, and what resembles it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer.graphs.skills import SkillCycleError, all_ahead, all_prerequisites, refuse_cycle
from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import LinkKind, Skill, SkillLink
from webapp.services import audit
from webapp.services.audit import Actor

VERBS = {LinkKind.PREREQUISITE: "needs", LinkKind.BROADER: "belongs to", LinkKind.RELATED: "is related to"}
"""How a skill stands to the other one of a link."""


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
    return _in_order(session, all_prerequisites(_edges(session, LinkKind.PREREQUISITE), skill.id))


def list_broader(session: Session, skill: Skill) -> list[Skill]:
    """Return every skill that contains this one, directly or through others, the nearest first."""
    return _in_order(session, all_ahead(_edges(session, LinkKind.BROADER), skill.id))


def _in_order(session: Session, skill_ids: Sequence[int]) -> list[Skill]:
    by_id = {found.id: found for found in session.scalars(select(Skill).where(Skill.id.in_(skill_ids)))}
    return [by_id[skill_id] for skill_id in skill_ids]


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
    _check_weight(weight)
    if any(link.other_id == other.id and link.kind is kind for link in skill.links):
        raise InvalidInputError(f"{skill.name} has this link to {other.name} already.", field="other_id")
    if kind is not LinkKind.RELATED:
        _refuse_cycle(session, skill, other, kind)
    link = SkillLink(other=other, kind=kind, weight=weight if kind is LinkKind.RELATED else 1.0)
    skill.links.append(link)
    audit.record(session, "link_skill", skill, by=by, detail=_detail(skill, link))
    return link


def _refuse_cycle(session: Session, skill: Skill, other: Skill, kind: LinkKind) -> None:
    try:
        refuse_cycle(_edges(session, kind), skill.id, other.id, verb=VERBS[kind])
    except SkillCycleError as error:
        found = session.scalars(select(Skill).where(Skill.id.in_(error.skills)))
        names: dict[object, str] = {each.id: each.name for each in found}
        circle = SkillCycleError([names[skill_id] for skill_id in error.skills], VERBS[kind])
        raise InvalidInputError(
            f"This would close a circle: {circle}. Remove one of these links first.", field="other_id"
        ) from error


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
    link = get_link(skill, link_id)
    skill.links.remove(link)
    audit.record(session, "unlink_skill", skill, by=by, detail=_detail(skill, link))
    return link


def change_weight(session: Session, skill: Skill, link_id: int, *, weight: float, by: Actor) -> float:
    """
    Change how much of a related skill carries over, and return the weight before.

    Raises
    ------
    NotFoundError
        If the skill has no such link.
    InvalidInputError
        If the weight is none, or the link is of a kind that has none.
    """
    link = get_link(skill, link_id)
    _check_weight(weight)
    if link.kind is not LinkKind.RELATED:
        raise InvalidInputError("Only links to related skills have a weight.", field="weight")
    before, link.weight = link.weight, weight
    audit.record(session, "weigh_skill_link", skill, by=by, detail={**_detail(skill, link), "before": before})
    return before


def get_link(skill: Skill, link_id: int) -> SkillLink:
    """
    Return a link of a skill.

    Raises
    ------
    NotFoundError
        If the skill has no such link.
    """
    link = next((link for link in skill.links if link.id == link_id), None)
    if link is None:
        raise NotFoundError("There is no such link.")
    return link


def _check_weight(weight: float) -> None:
    if not 0 < weight <= 1:
        raise InvalidInputError("A weight is above 0 and at most 1.", field="weight")


def _detail(skill: Skill, link: SkillLink) -> dict[str, object]:
    return {"code": skill.code, "other": link.other.code, "kind": link.kind.value, "weight": link.weight}
