"""What a merge would do, worked out without doing it: the page before shows it, and the merge itself follows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import distinct, func, or_, select
from sqlalchemy.orm import Session

from optimizer.graphs.skills import find_cycle
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import LinkKind, Skill, SkillEvent, SkillLevelDescription, SkillLink, SkillRecord, SkillSynonym
from webapp.services.skill_merging.rows import RowChange, Snapshot, follow, get_table, list_followers, load_rows

_LINK_WORDS = {
    LinkKind.PREREQUISITE: "{skill} needs {other} first",
    LinkKind.BROADER: "{skill} belongs to {other}",
    LinkKind.RELATED: "{skill} is related to {other}",
}
_SYNONYM_LENGTH = 200


@dataclass(frozen=True, slots=True)
class MergePlan:
    """
    What becomes of everything that names the source.

    ``parts`` are the skills that were merged into the source before and go with it.
    """

    source: Skill
    target: Skill
    changes: tuple[RowChange, ...]
    parts: tuple[Skill, ...]
    people: int
    people_with_both: int
    events: int

    def of(self, *tables: str) -> list[RowChange]:
        """Return the changes of some tables, without the lines that only complete another."""
        return [change for change in self.changes if change.table in tables]

    @property
    def requirements(self) -> list[RowChange]:
        """Changes of what asks for the skill, and of all else that names it."""
        own = {"skill_link", "skill_level_description", "skill_synonym"}
        return [change for change in self.changes if change.table not in own]


def plan_merge(session: Session, source: Skill, target: Skill) -> MergePlan:
    """
    Work out what a merge would do.

    Raises
    ------
    InvalidInputError
        If the two are the same, the target is retired or merged, or prerequisites would run in a circle.
    ConflictError
        If the source is merged already.
    """
    _check(source, target)
    _check_circles(session, source, target)
    session.flush()
    changes = [
        *_descriptions(session, source, target),
        *_links(session, source, target),
        *_synonyms(session, source, target),
    ]
    for naming in list_followers():
        changes += follow(session, naming, source.id, target.id)
    parts = session.scalars(select(Skill).where(Skill.merged_into_id == source.id).order_by(Skill.name)).all()
    held = select(SkillRecord.person_id).where(SkillRecord.skill_id == source.id)
    both = select(func.count()).where(SkillRecord.skill_id == target.id, SkillRecord.person_id.in_(held))
    said = select(func.count(SkillEvent.id), func.count(distinct(SkillEvent.person_id))).where(
        SkillEvent.skill_id.in_([source.id, *(part.id for part in parts)])
    )
    events, people = session.execute(said).one()
    return MergePlan(source, target, tuple(changes), tuple(parts), people, session.scalar(both) or 0, events)


def _check(source: Skill, target: Skill) -> None:
    if source.id == target.id:
        raise InvalidInputError("A skill cannot be merged into itself; choose another one.", field="target_id")
    if source.merged_into is not None:
        raise ConflictError(f"{source.name} is part of {source.merged_into.name} already. Undo that merge first.")
    if target.merged_into is not None:
        raise InvalidInputError(
            f"{target.name} is part of {target.merged_into.name} now; choose that one.", field="target_id"
        )
    if target.retired_at is not None:
        raise InvalidInputError(
            f"{target.name} is retired. Use it again first, or choose another skill.", field="target_id"
        )


def _check_circles(session: Session, source: Skill, target: Skill) -> None:
    for kind, verb in ((LinkKind.PREREQUISITE, "needs"), (LinkKind.BROADER, "belongs to")):
        rows = session.execute(select(SkillLink.skill_id, SkillLink.other_id).where(SkillLink.kind == kind))
        edges = [tuple(target.id if end == source.id else end for end in row) for row in rows]
        circle = find_cycle([(tail, head) for tail, head in edges if tail != head])
        if not circle:
            continue
        names = dict(session.execute(select(Skill.id, Skill.name).where(Skill.id.in_(circle))).all())
        chain = f", which {verb} ".join(names[skill_id] for skill_id in (*circle[1:], circle[0]))
        raise InvalidInputError(
            f"Merged, the links would run in a circle: {names[circle[0]]} {verb} {chain}. Remove one of them first.",
            field="target_id",
        )


def _descriptions(session: Session, source: Skill, target: Skill) -> Iterator[RowChange]:
    """Yield what becomes of level descriptions: the target's win, levels that it does not describe take the others."""
    table = get_table(SkillLevelDescription.__tablename__)
    told = {row["level"] for row in load_rows(session, table, table.c.skill_id == target.id)}
    for row in load_rows(session, table, table.c.skill_id == source.id):
        label = f"level {row['level']} of {target.name}"
        if row["level"] in told:
            yield RowChange(table.name, row["id"], label, "the other skill's own words stay", row, None)
        else:
            yield RowChange(table.name, row["id"], label, "is described now", row, {**row, "skill_id": target.id})


def _links(session: Session, source: Skill, target: Skill) -> Iterator[RowChange]:
    table = get_table(SkillLink.__tablename__)
    ends = (table.c.skill_id == source.id) | (table.c.other_id == source.id)
    theirs = load_rows(session, table, (table.c.skill_id == target.id) | (table.c.other_id == target.id))
    there = {_link_key(row) for row in theirs}
    for row in load_rows(session, table, ends):
        after = {**row, **{name: target.id for name in ("skill_id", "other_id") if row[name] == source.id}}
        label = f"link “{_say_link(session, row)}”"
        if after["skill_id"] == after["other_id"]:
            yield RowChange(table.name, row["id"], label, "goes: it would lead to itself", row, None)
        elif _link_key(after) in there:
            yield RowChange(table.name, row["id"], label, "is there already", row, None)
        else:
            there.add(_link_key(after))
            yield RowChange(table.name, row["id"], label, "follows", row, after)


def _link_key(row: Snapshot) -> tuple[Any, ...]:
    return row["skill_id"], row["other_id"], row["kind"]


def _say_link(session: Session, row: Snapshot) -> str:
    ends = select(Skill.id, Skill.name).where(or_(Skill.id == row["skill_id"], Skill.id == row["other_id"]))
    names = dict(session.execute(ends).all())
    words = _LINK_WORDS[LinkKind(row["kind"])]
    return words.format(skill=names[row["skill_id"]], other=names[row["other_id"]])


def _synonyms(session: Session, source: Skill, target: Skill) -> Iterator[RowChange]:
    """Yield what becomes of synonyms: they follow, and name and code of the source are still found as such."""
    table = get_table(SkillSynonym.__tablename__)
    known = {
        target.name.casefold(),
        *(row["text"].casefold() for row in load_rows(session, table, table.c.skill_id == target.id)),
    }
    for row in load_rows(session, table, table.c.skill_id == source.id):
        label = f"synonym “{row['text']}”"
        if row["text"].casefold() in known:
            yield RowChange(table.name, row["id"], label, "is there already", row, None)
        else:
            known.add(row["text"].casefold())
            yield RowChange(table.name, row["id"], label, "follows", row, {**row, "skill_id": target.id})
    for text in _own_words(source):
        if text.casefold() not in known:
            known.add(text.casefold())
            after = {"skill_id": target.id, "text": text}
            yield RowChange(table.name, 0, f"synonym “{text}”", "is new", None, after)


def _own_words(source: Skill) -> Sequence[str]:
    return source.name[:_SYNONYM_LENGTH], source.code
