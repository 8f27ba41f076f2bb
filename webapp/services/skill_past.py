"""
The catalogue as it stood: which skill stood for which, and which were out of use, at any moment of the past.

Merges come from their own rows, which keep when each was made and undone; retirements from the audit trail.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import AuditEvent, Skill, SkillMerge

_RETIREMENTS = {"retire_skill": True, "restore_skill": False}


@dataclass(frozen=True, slots=True)
class Merge:
    """One skill in another's place from ``at`` until ``undone_at``, for good if that is None."""

    source_id: int
    target_id: int
    at: dt.datetime
    undone_at: dt.datetime | None = None

    def stood_before(self, moment: dt.datetime) -> bool:
        """Return whether it stood when a moment came."""
        return self.at < moment and (self.undone_at is None or self.undone_at >= moment)


@dataclass(frozen=True)
class SkillPast:
    """
    All merges and retirements.

    ``switches`` holds for each skill when it was retired (True) or taken into use again, oldest first; ``retired_at``
    since when those are out of use that are so now.
    """

    merges: tuple[Merge, ...] = ()
    switches: Mapping[int, tuple[tuple[dt.datetime, bool], ...]] = field(default_factory=dict)
    retired_at: Mapping[int, dt.datetime] = field(default_factory=dict)
    _roots: dict[dt.datetime, dict[int, int]] = field(default_factory=dict)

    def roots_before(self, moment: dt.datetime) -> dict[int, int]:
        """Return the skills that were merged when a moment came, each with the skill that it was part of."""
        known = self._roots.get(moment)
        if known is None:
            steps = {merge.source_id: merge.target_id for merge in self.merges if merge.stood_before(moment)}
            known = {skill_id: _follow(steps, skill_id) for skill_id in steps}
            self._roots[moment] = known
        return known

    def root_before(self, skill_id: int, moment: dt.datetime) -> int:
        """Return the skill that one was part of when a moment came, itself if it was not merged."""
        return self.roots_before(moment).get(skill_id, skill_id)

    def was_retired(self, skill_id: int, moment: dt.datetime) -> bool:
        """Return whether a skill was out of use when a moment came."""
        since = self.retired_at.get(skill_id)
        if since is not None and since < moment:
            return True
        earlier = [retired for at, retired in self.switches.get(skill_id, ()) if at < moment]
        return bool(earlier) and earlier[-1]

    def parts_ever(self, skill_id: int) -> set[int]:
        """Return a skill and all that were ever part of it, directly or through others."""
        return _closure({skill_id}, ((merge.target_id, merge.source_id) for merge in self.merges))

    def wholes_ever(self, skill_ids: Collection[int]) -> set[int]:
        """Return skills and all that they were ever part of."""
        return _closure(set(skill_ids), ((merge.source_id, merge.target_id) for merge in self.merges))

    def turns(self, skill_ids: Collection[int]) -> list[dt.datetime]:
        """Return the moments at which one of some skills was merged or a merge of it undone."""
        wanted = [merge for merge in self.merges if merge.source_id in skill_ids]
        return [at for merge in wanted for at in (merge.at, merge.undone_at) if at is not None]


def load_past(session: Session) -> SkillPast:
    """Return all merges and retirements that are known."""
    rows = session.execute(
        select(SkillMerge.source_id, SkillMerge.target_id, SkillMerge.at, SkillMerge.undone_at).order_by(SkillMerge.id)
    )
    merges = [Merge(*row) for row in rows]
    open_sources = {merge.source_id for merge in merges if merge.undone_at is None}
    beginning = dt.datetime.min.replace(tzinfo=dt.UTC)
    retired_at: dict[int, dt.datetime] = {}
    gone = select(Skill.id, Skill.merged_into_id, Skill.retired_at).where(
        Skill.retired_at.is_not(None) | Skill.merged_into_id.is_not(None)
    )
    for skill_id, into, since in session.execute(gone):
        if since is not None:
            retired_at[skill_id] = since
        # A skill that came merged with an import was never anything else here.
        if into is not None and skill_id not in open_sources:
            merges.append(Merge(skill_id, into, beginning))
    switches: dict[int, list[tuple[dt.datetime, bool]]] = defaultdict(list)
    events = (
        select(AuditEvent.subject_id, AuditEvent.at, AuditEvent.action)
        .where(AuditEvent.subject_kind == Skill.__tablename__, AuditEvent.action.in_(_RETIREMENTS))
        .order_by(AuditEvent.id)
    )
    for skill_id, at, action in session.execute(events):
        switches[skill_id].append((at, _RETIREMENTS[action]))
    return SkillPast(tuple(merges), {skill_id: tuple(lines) for skill_id, lines in switches.items()}, retired_at)


def _follow(steps: Mapping[int, int], skill_id: int) -> int:
    seen = {skill_id}
    while (following := steps.get(skill_id)) is not None and following not in seen:
        skill_id = following
        seen.add(skill_id)
    return skill_id


def _closure(start: set[int], edges: Iterable[tuple[int, int]]) -> set[int]:
    further: dict[int, set[int]] = defaultdict(set)
    for tail, head in edges:
        further[tail].add(head)
    found, waiting = set(start), list(start)
    while waiting:
        for head in further[waiting.pop()] - found:
            found.add(head)
            waiting.append(head)
    return found
