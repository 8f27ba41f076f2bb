"""The skill catalogue: groups, level descriptions and links."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import aliased

from webapp.models import ImportKind, LinkKind, Skill, SkillGroup, SkillLevelDescription, SkillLink, SkillSynonym
from webapp.services.access import Permission
from webapp.services.exporting.base import Export, moment_text
from webapp.services.exporting.formats import Row, to_text
from webapp.services.importing.values import join_texts

_LEVELS = range(1, 6)


class SkillsExport(Export):
    """Skills by code, retired and merged ones included: history names them."""

    name = ImportKind.SKILLS
    permission = Permission.USE_MAINSTAY

    def rows(self) -> Iterator[Row]:
        """Yield one row a skill."""
        target = aliased(Skill)
        query = (
            select(
                Skill.id,
                Skill.code,
                Skill.name,
                Skill.kind,
                SkillGroup.code,
                SkillGroup.name,
                Skill.description,
                Skill.half_life_days,
                Skill.certificate_required,
                Skill.retired_at,
                target.code,
            )
            .outerjoin(Skill.group)
            .outerjoin(target, Skill.merged_into_id == target.id)
            .order_by(Skill.code)
        )
        for part in self._parts(query):
            ids = [line[0] for line in part]
            levels, links, synonyms = self._levels(ids), self._links(ids), self._synonyms(ids)
            for (
                skill_id,
                code,
                name,
                kind,
                group,
                group_name,
                description,
                half_life,
                certified,
                retired,
                into,
            ) in part:
                related = links[skill_id]
                yield {
                    "code": code,
                    "name": name,
                    "kind": kind.value,
                    "group": group,
                    "group_name": group_name,
                    "description": description,
                    **{f"level_{level}": levels[skill_id].get(level) for level in _LEVELS},
                    "prerequisites": "; ".join(other for other, _ in related[LinkKind.PREREQUISITE]) or None,
                    "broader": "; ".join(other for other, _ in related[LinkKind.BROADER]) or None,
                    "related": "; ".join(f"{other}:{to_text(weight)}" for other, weight in related[LinkKind.RELATED])
                    or None,
                    "synonyms": join_texts(synonyms[skill_id]) or None,
                    "half_life_days": half_life,
                    "certificate_required": certified,
                    "retired_at": moment_text(retired),
                    "merged_into": into,
                }

    def _levels(self, ids: Sequence[int]) -> dict[int, dict[int, str]]:
        found: dict[int, dict[int, str]] = defaultdict(dict)
        query = select(SkillLevelDescription.skill_id, SkillLevelDescription.level, SkillLevelDescription.text)
        for skill_id, level, text in self.session.execute(query.where(SkillLevelDescription.skill_id.in_(ids))):
            found[skill_id][level] = text
        return found

    def _synonyms(self, ids: Sequence[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        query = select(SkillSynonym.skill_id, SkillSynonym.text).where(SkillSynonym.skill_id.in_(ids))
        for skill_id, text in self.session.execute(query):
            found[skill_id].append(text)
        # Sorted here: databases differ in what comes first.
        return defaultdict(list, {skill_id: sorted(texts) for skill_id, texts in found.items()})

    def _links(self, ids: Sequence[int]) -> dict[int, dict[LinkKind, list[tuple[str, float]]]]:
        found: dict[int, dict[LinkKind, list[tuple[str, float]]]] = defaultdict(lambda: defaultdict(list))
        query = (
            select(SkillLink.skill_id, SkillLink.kind, Skill.code, SkillLink.weight)
            .join(Skill, SkillLink.other_id == Skill.id)
            .where(SkillLink.skill_id.in_(ids))
            .order_by(Skill.code)
        )
        for skill_id, kind, code, weight in self.session.execute(query):
            found[skill_id][kind].append((code, weight))
        return found
