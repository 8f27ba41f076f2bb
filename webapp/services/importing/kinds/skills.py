"""Skills: the catalogue with groups, level descriptions and the links of the skill graph."""

from __future__ import annotations

import datetime as dt
import graphlib
import re
from collections.abc import Sequence
from typing import ClassVar

from sqlalchemy import select

from webapp.models import (
    ImportKind,
    LinkKind,
    Skill,
    SkillGroup,
    SkillKind,
    SkillLevelDescription,
    SkillLink,
    SkillSynonym,
)
from webapp.services.access import Permission
from webapp.services.importing import values
from webapp.services.importing.columns import Column
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.kinds.base import Kind, merge
from webapp.services.importing.problems import CellError
from webapp.services.importing.stores import Part, Snapshot, Store, sort_parts, to_json
from webapp.services.importing.table import MAX_ROWS
from webapp.services.importing.values import Parser
from webapp.services.importing.writing import Draft

GROUPS = Store(SkillGroup, ("code",), ("code", "name"))
SKILLS = Store(
    Skill,
    ("code",),
    (
        "code",
        "name",
        "kind",
        "group_id",
        "description",
        "half_life_days",
        "certificate_required",
        "retired_at",
        "merged_into_id",
    ),
    parts=(
        Part("level_descriptions", SkillLevelDescription, "skill_id", ("level", "text")),
        Part("links", SkillLink, "skill_id", ("other_id", "kind", "weight")),
        Part("synonyms", SkillSynonym, "skill_id", ("text",)),
    ),
    retire={"retired_at": None},
)
_LEVELS = range(1, 6)
SKILL_DEFAULTS: Snapshot = {
    "kind": SkillKind.PRODUCT.value,
    "group_id": None,
    "description": "",
    "half_life_days": None,
    "certificate_required": False,
    "retired_at": None,
    "merged_into_id": None,
    "level_descriptions": [],
    "links": [],
    "synonyms": [],
}
_PLAIN = {name: name for name in ("name", "kind", "description", "half_life_days", "certificate_required")}
_LONGEST_HALF_LIFE = 36_500
_LINKS = {"prerequisites": LinkKind.PREREQUISITE, "broader": LinkKind.BROADER, "related": LinkKind.RELATED}


def _parse_related(cell: str) -> list[tuple[str, float]]:
    links = []
    for part in cell.split(";"):
        if part.strip():
            # Ids of public taxonomies hold colons themselves: only a number after the last one is a weight.
            code, separator, weight = part.strip().rpartition(":")
            if not separator or not _NUMBER.match(weight.strip()):
                code, weight = part.strip(), ""
            links.append((values.code.parse(code.strip()), _WEIGHT.parse(weight.strip()) if weight else 1.0))
    if len({code for code, _ in links}) < len(links):
        raise CellError("listed_twice", "A skill is listed twice.")
    return links


def _parse_links(cell: str) -> list[tuple[str, float]]:
    codes: list[str] = values.codes.parse(cell)
    if len(set(codes)) < len(codes):
        raise CellError("listed_twice", "A skill is listed twice.")
    return [(code, 1.0) for code in codes]


_NUMBER = re.compile(r"[-+.,0-9]*\Z")
_WEIGHT = values.decimal(0, 1, exclusive=True)
_CODES = Parser(values.codes.accepts, _parse_links)
_RELATED = Parser(
    "codes separated by ;, each with a transfer weight above 0 up to 1: chat:0.5; mail:0.8", _parse_related
)


class Skills(Kind):
    """Skills by code."""

    name = ImportKind.SKILLS
    title = "Skills"
    about = (
        "The skill catalogue by code. A skill may name skills of the same file, in any order; prerequisites must not "
        "run in a circle."
    )
    permission = Permission.IMPORT_DIRECTORY
    stores = (GROUPS, SKILLS)
    rows_at_once = MAX_ROWS
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "code",
            values.code,
            "Short code of the skill",
            "billing",
            required=True,
            aliases=("skill", "skill_code", "id"),
        ),
        Column("name", values.text(200), "Name", "Billing questions", required=True, aliases=("skill_name", "title")),
        Column("kind", values.choice(SkillKind), "What sort of ability; empty: product", "product", aliases=("type",)),
        Column(
            "group", values.code, "Code of the heading in the catalogue", "accounts", aliases=("group_code", "category")
        ),
        Column(
            "group_name",
            values.text(200),
            "Name of the heading; with it, one that does not exist yet is added",
            "Accounts",
        ),
        Column("description", values.text(4000), "What the skill is", "Explains and corrects a bill"),
        *(
            Column(f"level_{level}", values.text(2000), f"What level {level} looks like", example)
            for level, example in zip(
                _LEVELS, ("Follows the guide", "", "Solves usual cases alone", "", ""), strict=True
            )
        ),
        Column("prerequisites", _CODES, "Codes of the skills needed first", "crm-basics"),
        Column("broader", _CODES, "Codes of the skills that contain it", ""),
        Column("related", _RELATED, "Codes of related skills, with how much carries over", "payments:0.6"),
        Column("synonyms", values.texts, "Other words by which it is searched", "invoices; charges"),
        Column(
            "half_life_days",
            values.whole(1, _LONGEST_HALF_LIFE),
            "Days without use after which half of a level is left; empty: it does not fade",
            "",
        ),
        Column(
            "certificate_required",
            values.flag,
            "Whether nobody holds it without a current certificate; empty: no",
            "no",
        ),
        Column("retired_at", values.moment, "Since when it is out of use, in UTC; empty: it is in use", ""),
        Column("merged_into", values.code, "Code of the skill that a new skill was merged into", ""),
    )

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Save groups, then skills, then the links between skills, which may name any skill of the file."""
        rows = [row for row in rows if context.first_of_key(row.number, "code", row.values["code"])]
        groups = self._add_groups(context, rows)
        known = dict(context.skills)
        known.update({row.values["code"]: 0 for row in rows})
        sound = [row for row in rows if self._check_references(context, row, groups, known)]
        self._check_circles(context, sound)
        if context.problems.count and context.sink.writes:
            return
        present = SKILLS.find(context.session, [(row.values["code"],) for row in sound])
        ids = dict(context.skills)
        ids.update({key[0]: found.id for key, found in present.items()})
        self._check_merges(context, sound, {key[0]: found.snapshot for key, found in present.items()}, ids)
        if context.problems.count and context.sink.writes:
            return
        fresh = [row for row in sound if row.values["code"] not in ids]
        if context.sink.writes:
            # New skills are written bare first: a link needs the keys of both its ends.
            blank: Snapshot = {"links": [], "level_descriptions": [], "synonyms": [], "merged_into_id": None}
            bare = [{**_plain(row, None, groups), **blank} for row in fresh]
            new_ids = SKILLS.insert(context.session, bare)
        else:
            new_ids = [-number for number, _ in enumerate(fresh, start=1)]
        created = dict(zip((row.values["code"] for row in fresh), new_ids, strict=True))
        ids.update(created)
        context.sink.save(SKILLS, [_draft(row, groups, ids) for row in sound], created={(code,) for code in created})

    @staticmethod
    def _add_groups(context: Context, rows: Sequence[ParsedRow]) -> dict[str, int]:
        groups = dict(context.groups)
        drafts: dict[str, Draft] = {}
        for row in rows:
            code, name = row.get("group"), row.get("group_name")
            if code is not None and name is not None and code not in groups and code not in drafts:
                snapshot = {"code": code, "name": name}
                drafts[code] = Draft(row.number, (code,), f"group {code}", lambda _, snapshot=snapshot: snapshot)  # type: ignore[misc]
        groups.update({key[0]: group_id for key, group_id in context.sink.save(GROUPS, list(drafts.values())).items()})
        return groups

    @staticmethod
    def _check_references(context: Context, row: ParsedRow, groups: dict[str, int], known: dict[str, int]) -> bool:
        before = context.problems.count
        code, group = row.values["code"], row.get("group")
        if group is not None and group not in groups:
            context.unknown(row.number, "group", group, "skill group", groups)
        for column in _LINKS:
            for other, _ in row.get(column, ()):
                if other == code:
                    context.problem(
                        row.number,
                        column,
                        other,
                        "own_link",
                        "A skill cannot be linked to itself.",
                        "Codes of other skills.",
                    )
                elif other not in known:
                    context.unknown(row.number, column, other, "skill", known)
        into = row.get("merged_into")
        if into is not None and into not in known:
            context.unknown(row.number, "merged_into", into, "skill", known)
        return context.problems.count == before

    @staticmethod
    def _check_merges(
        context: Context, rows: Sequence[ParsedRow], present: dict[str, Snapshot], ids: dict[str, int]
    ) -> None:
        """Refuse merges of skills that are there: what moves with a skill is more than a file says."""
        merged = {row.values["code"]: row.get("merged_into") for row in rows}
        for row in rows:
            code, into = row.values["code"], row.get("merged_into")
            known = present.get(code)
            if "merged_into" not in row.values or (known is None and into is None):
                continue
            if known is not None and known["merged_into_id"] != (ids.get(into) if into else None):
                message, accepted = "This skill is there already.", "Merge skills in the catalogue."
                context.problem(row.number, "merged_into", into or "", "merge_in_file", message, accepted)
            elif into is not None and (into == code or merged.get(into) is not None):
                message, accepted = "This skill is merged itself.", "A skill that is not merged."
                context.problem(row.number, "merged_into", into, "merge_in_file", message, accepted)

    @staticmethod
    def _check_circles(context: Context, rows: Sequence[ParsedRow]) -> None:
        """Refuse prerequisites that run in a circle, through the file and through what the catalogue has already."""
        stated = {row.values["code"]: row for row in rows if "prerequisites" in row.values}
        other = Skill.__table__.alias("other")
        edges = context.session.execute(
            select(Skill.code, other.c.code)
            .join(SkillLink, SkillLink.skill_id == Skill.id)
            .join(other, SkillLink.other_id == other.c.id)
            .where(SkillLink.kind == LinkKind.PREREQUISITE)
        )
        graph: dict[str, set[str]] = {}
        for code, needed in edges:
            if code not in stated:
                graph.setdefault(code, set()).add(needed)
        for code, row in stated.items():
            graph[code] = {needed for needed, _ in row.get("prerequisites", ())}
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            circle: list[str] = error.args[1]
            row = next((stated[code] for code in circle if code in stated), rows[0])
            context.problem(
                row.number,
                "prerequisites",
                "; ".join(needed for needed, _ in row.get("prerequisites", ())),
                "circle",
                f"These prerequisites run in a circle: {' needs '.join(reversed(circle))}.",
                "Prerequisites that lead to no skill that needs this one.",
            )


def _plain(row: ParsedRow, present: Snapshot | None, groups: dict[str, int]) -> Snapshot:
    after = merge(row, present, _PLAIN, SKILL_DEFAULTS)
    after["code"] = row.values["code"]
    # A skill that stands in a file is in use again, unless the file says otherwise or it is part of another.
    retired_at: dt.datetime | None = row.get("retired_at")
    if retired_at is not None and retired_at.tzinfo is None:
        retired_at = retired_at.replace(tzinfo=dt.UTC)
    merged = present is not None and present["merged_into_id"] is not None
    after["retired_at"] = present["retired_at"] if present is not None and merged else to_json(retired_at)
    if "group" in row.values:
        group = row.values["group"]
        after["group_id"] = groups[group] if group else None
    return after


def _draft(row: ParsedRow, groups: dict[str, int], ids: dict[str, int]) -> Draft:
    def build(present: Snapshot | None) -> Snapshot:
        after = _plain(row, present, groups)
        lines = {line["level"]: line["text"] for line in after["level_descriptions"]}
        for level in _LEVELS:
            if f"level_{level}" in row.values:
                lines[level] = row.values[f"level_{level}"]
        after["level_descriptions"] = sort_parts(
            {"level": level, "text": text} for level, text in lines.items() if text
        )
        links = [
            link
            for link in after["links"]
            if not any(link["kind"] == _LINKS[name] for name in _LINKS if name in row.values)
        ]
        for column, kind in _LINKS.items():
            for code, weight in row.get(column, ()):
                links.append({"other_id": ids[code], "kind": kind.value, "weight": weight})
        after["links"] = sort_parts(links)
        if "synonyms" in row.values:
            after["synonyms"] = sort_parts({"text": text} for text in row.get("synonyms", ()))
        if row.get("merged_into") is not None:
            after["merged_into_id"] = ids[row.values["merged_into"]]
        return after

    return Draft(row.number, (row.values["code"],), f"{row.values['code']} {row.values['name']}", build)
