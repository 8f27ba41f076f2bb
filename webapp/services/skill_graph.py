"""What stands around a skill: what it needs, what needs it, what contains it, what resembles it; to draw and list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.graphs.neighbourhood import Placed, Side, lay_out
from webapp.models import LinkKind, Skill, SkillLink

__all__ = ["GraphLink", "PlacedSkill", "Side", "SkillMap", "load_links", "map_skill"]


@dataclass(frozen=True, slots=True)
class GraphLink:
    """A link of the skill graph by the keys of its ends; see :class:`webapp.models.SkillLink`."""

    id: int
    skill_id: int
    other_id: int
    kind: LinkKind
    weight: float


@dataclass(frozen=True, slots=True)
class PlacedSkill:
    """A skill of a map: at which side of the one in the middle, how many steps away, and its place among its like."""

    skill: Skill
    side: Side
    layer: int
    order: int


@dataclass(frozen=True, slots=True)
class SkillMap:
    """
    The neighbourhood of a skill.

    ``links`` join skills that are drawn and stand one step from each other; ``more`` counts by side the skills that
    have no room.
    """

    middle: Skill
    skills: tuple[PlacedSkill, ...]
    links: tuple[GraphLink, ...]
    more: Mapping[Side, int]

    @property
    def alone(self) -> bool:
        """Whether nothing stands around the skill."""
        return len(self.skills) == 1

    def at(self, side: Side) -> list[PlacedSkill]:
        """Return the skills at one side, the nearest first."""
        return [each for each in self.skills if each.side is side]

    def weight_to(self, skill: Skill) -> float | None:
        """Return the share that carries over between a related skill and the one in the middle, the larger of two."""
        ends = {self.middle.id, skill.id}
        related = [link for link in self.links if link.kind is LinkKind.RELATED]
        return max((link.weight for link in related if {link.skill_id, link.other_id} == ends), default=None)


def load_links(session: Session) -> list[GraphLink]:
    """Return all links of the graph."""
    rows = session.execute(
        select(SkillLink.id, SkillLink.skill_id, SkillLink.other_id, SkillLink.kind, SkillLink.weight).order_by(
            SkillLink.id
        )
    )
    return [GraphLink(*row) for row in rows]


def map_skill(session: Session, skill: Skill) -> SkillMap:
    """Return the neighbourhood of a skill, laid out to be drawn."""
    links = load_links(session)
    ends = {end for link in links for end in (link.skill_id, link.other_id)} | {skill.id}
    names = {key: name for key, name in session.execute(select(Skill.id, Skill.name)) if key in ends}
    found = lay_out(
        skill.id,
        needs=_pairs(links, LinkKind.PREREQUISITE),
        broader=_pairs(links, LinkKind.BROADER),
        related=_pairs(links, LinkKind.RELATED),
        names=names,
    )
    wanted = [placed.skill for placed in found.placed]
    skills = {each.id: each for each in session.scalars(select(Skill).where(Skill.id.in_(wanted)))}
    return SkillMap(
        middle=skill,
        skills=tuple(PlacedSkill(skills[each.skill], each.side, each.layer, each.order) for each in found.placed),
        links=_drawn(links, found.placed),
        more=found.more,
    )


def _pairs(links: Sequence[GraphLink], kind: LinkKind) -> list[tuple[int, int]]:
    return [(link.skill_id, link.other_id) for link in links if link.kind is kind]


_KINDS = {
    Side.NEEDS: LinkKind.PREREQUISITE,
    Side.LEADS_TO: LinkKind.PREREQUISITE,
    Side.BROADER: LinkKind.BROADER,
    Side.NARROWER: LinkKind.BROADER,
    Side.RELATED: LinkKind.RELATED,
}


def _drawn(links: Sequence[GraphLink], placed: Sequence[Placed]) -> tuple[GraphLink, ...]:
    """Return the links by which each skill came into the picture."""
    at = {each.skill: each for each in placed}

    def joins(link: GraphLink) -> bool:
        one, other = at.get(link.skill_id), at.get(link.other_id)
        if one is None or other is None:
            return False
        near, far = sorted((one, other), key=lambda each: each.layer)
        if far.layer - near.layer != 1 or _KINDS.get(far.side) is not link.kind:
            return False
        return near.side in {far.side, Side.MIDDLE}

    return tuple(link for link in links if joins(link))
