"""Engagement types with what they require, written in one cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from webapp.models import Channel, EngagementType, ImportKind, Stance, TypeRequirement
from webapp.services.access import Permission
from webapp.services.engagement_types import MAX_CONCURRENCY, MAX_HANDLE_MINUTES, MAX_VALUE, MAX_WEIGHT
from webapp.services.importing import values
from webapp.services.importing.columns import Column
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.kinds.base import Kind, merge
from webapp.services.importing.problems import CellError, shorten
from webapp.services.importing.stores import Part, Snapshot, Store, sort_parts
from webapp.services.importing.values import Parser
from webapp.services.importing.writing import Builder, Draft

TYPES = Store(
    EngagementType,
    ("code",),
    (
        "code",
        "name",
        "channel",
        "stance",
        "handle_minutes",
        "median_handle_minutes",
        "concurrency",
        "value",
        "active",
    ),
    parts=(Part("requirements", TypeRequirement, "engagement_type_id", ("skill_id", "level", "weight", "preferred")),),
    retire={"active": False},
)
DEFAULTS: Snapshot = {
    "channel": Channel.EMAIL.value,
    "stance": Stance.REACTIVE.value,
    "handle_minutes": 10.0,
    "median_handle_minutes": None,
    "concurrency": 1,
    "value": 10.0,
    "active": True,
    "requirements": [],
}
_PLAIN = {name: name for name in DEFAULTS if name != "requirements"} | {"name": "name"}
_SPOKEN = {Channel.VOICE.value, Channel.CALLBACK.value}

_REQUIREMENT = re.compile(
    r"(?P<skill>[^\s;,|<>=?*]+)\s*>=\s*(?P<level>[^\s?*]+)\s*(?:\*\s*(?P<weight>[^\s?]+))?\s*(?P<preferred>\?)?\Z"
)
_LONGEST_REQUIREMENT = 200
_WEIGHT = values.decimal(0, MAX_WEIGHT, exclusive=True)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement as it is written: ``billing>=3 *2 ?``."""

    skill: str
    level: int
    weight: float
    preferred: bool


def _parse_requirements(cell: str) -> list[Requirement]:
    found: list[Requirement] = []
    for part in cell.split(";"):
        if not part.strip():
            continue
        # The pattern takes quadratic time on blanks, so what is far too long is not looked at.
        match = _REQUIREMENT.match(part.strip()) if len(part) <= _LONGEST_REQUIREMENT else None
        if not match:
            raise CellError("not_a_requirement", f"“{shorten(part.strip())}” is not a requirement.")
        level = values.needed_level.parse(match["level"])
        weight = _WEIGHT.parse(match["weight"]) if match["weight"] else 1.0
        found.append(Requirement(match["skill"], level, weight, match["preferred"] is not None))
    if len({line.skill for line in found}) < len(found):
        raise CellError("listed_twice", "A skill is listed twice.")
    return found


REQUIREMENTS = Parser(
    "skill>=level separated by ;, level 1 to 5, with *weight where it is not 1 and ? where it is only preferred: "
    "billing>=3; spanish>=2 *0.5; irony>=1 ?",
    _parse_requirements,
)


class Types(Kind):
    """Engagement types by code."""

    name = ImportKind.ENGAGEMENT_TYPES
    title = "Engagement types"
    about = "Kinds of work by code, with the skills that they require."
    permission = Permission.IMPORT_WORK
    stores = (TYPES,)
    columns: ClassVar[tuple[Column, ...]] = (
        Column("code", values.code, "Short code", "refund-mail", required=True, aliases=("type", "type_code", "id")),
        Column("name", values.text(200), "Name", "Refund by e-mail", required=True, aliases=("title",)),
        Column("channel", values.choice(Channel), "How the customer is met", "email", required=True),
        Column("stance", values.choice(Stance), "Why the work is done; empty: reactive", "reactive"),
        Column(
            "handle_minutes",
            values.decimal(0, MAX_HANDLE_MINUTES, exclusive=True),
            "Mean handle time, minutes",
            "12.5",
            required=True,
            aliases=("aht", "minutes", "handle_time"),
        ),
        Column(
            "median_handle_minutes",
            values.decimal(0, MAX_HANDLE_MINUTES, exclusive=True),
            "Median handle time, minutes",
            "11",
        ),
        Column("concurrency", values.whole(1, MAX_CONCURRENCY), "Simultaneous contacts per agent; empty: 1", "1"),
        Column("value", values.decimal(0, MAX_VALUE), "Points for serving one; empty: 10", "10"),
        Column("active", values.flag, "Whether it is in use; empty: yes", "yes"),
        Column(
            "requirements",
            REQUIREMENTS,
            "Required and preferred skills",
            "billing>=3; spanish>=2 *0.5 ?",
            aliases=("requires", "skills"),
        ),
    )

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Save engagement types."""
        drafts = [
            Draft(
                row.number,
                (row.values["code"],),
                f"{row.values['code']} {row.values['name']}",
                self._builder(context, row),
            )
            for row in rows
            if context.first_of_key(row.number, "code", row.values["code"]) and self._known(context, row)
        ]
        context.sink.save(TYPES, drafts)

    @staticmethod
    def _known(context: Context, row: ParsedRow) -> bool:
        # A type out of use may require what is out of use as well.
        known = context.all_skills if row.get("active") is False else context.skills
        unknown = [line.skill for line in row.get("requirements", ()) if line.skill not in known]
        for skill in unknown:
            context.unknown(row.number, "requirements", skill, "skill", known)
        followed = [context.follow_merge(line.skill) for line in row.get("requirements", ())]
        twice = sorted({code for code in followed if followed.count(code) > 1})
        for code in twice:
            message, accepted = f"Two of these were merged into {code}.", "Each skill once."
            context.problem(row.number, "requirements", code, "listed_twice", message, accepted)
        return not unknown and not twice

    @staticmethod
    def _builder(context: Context, row: ParsedRow) -> Builder:
        def build(present: Snapshot | None) -> Snapshot | None:
            after = merge(row, present, _PLAIN, {**DEFAULTS, "name": row.values["name"]})
            after["code"] = row.values["code"]
            if after["channel"] in _SPOKEN and after["concurrency"] != 1:
                context.problem(
                    row.number,
                    "concurrency",
                    after["concurrency"],
                    "impossible_concurrency",
                    "Nobody talks to two customers at once.",
                    "1 for spoken work.",
                )
                return None
            if "requirements" in row.values:
                after["requirements"] = sort_parts(
                    {
                        "skill_id": context.all_skills[context.follow_merge(line.skill)],
                        "level": line.level,
                        "weight": line.weight,
                        "preferred": line.preferred,
                    }
                    for line in row.get("requirements", ())
                )
            return after

        return build
