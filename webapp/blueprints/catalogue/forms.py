"""Forms of the skill catalogue: shapes only, the rules are in the services."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from flask_wtf import FlaskForm
from wtforms import BooleanField, DecimalField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, NumberRange, Optional

from webapp.forms import options
from webapp.forms.editing import EditingForm
from webapp.models import LinkKind, Skill, SkillKind
from webapp.services.catalogue import DESCRIBED_LEVELS, SkillEntry
from webapp.web.filters import level_name
from webapp.web.labels import sentence

LINK_WORDS = {
    LinkKind.PREREQUISITE: "Needs first",
    LinkKind.BROADER: "Belongs to",
    LinkKind.RELATED: "Is related to",
}


def _level_field(level: int) -> TextAreaField:
    return TextAreaField(f"Level {level}, {level_name(level)}")


class SkillForm(EditingForm):
    """What the catalogue says about a skill."""

    name = StringField("Name", [InputRequired("A skill needs a name.")])
    code = StringField("Code", [InputRequired("A skill needs a code.")])
    kind = SelectField("Kind", choices=options((kind.value, sentence(kind)) for kind in SkillKind))
    group = StringField("Group")
    description = TextAreaField("Description")
    synonyms = TextAreaField("Synonyms")
    half_life_days = IntegerField("Half-life in days", [Optional()])
    certificate_required = BooleanField("Nobody holds it without a current certificate")
    level_1 = _level_field(1)
    level_2 = _level_field(2)
    level_3 = _level_field(3)
    level_4 = _level_field(4)
    level_5 = _level_field(5)

    def fill(self, entry: SkillEntry) -> None:
        """Show what the catalogue says now."""
        self.name.data, self.code.data, self.kind.data = entry.name, entry.code, entry.kind.value
        self.group.data, self.description.data = entry.group, entry.description
        self.synonyms.data = "\n".join(entry.synonyms)
        self.half_life_days.data = entry.half_life_days
        self.certificate_required.data = entry.certificate_required
        for level, text in entry.levels.items():
            self[f"level_{level}"].data = text

    def entry(self) -> SkillEntry:
        """Return what the editor wrote."""
        return SkillEntry(
            code=self.code.data or "",
            name=self.name.data or "",
            kind=SkillKind(self.kind.data),
            group=self.group.data or "",
            description=self.description.data or "",
            levels={level: self[f"level_{level}"].data or "" for level in DESCRIBED_LEVELS},
            synonyms=tuple((self.synonyms.data or "").splitlines()),
            half_life_days=self.half_life_days.data,
            certificate_required=bool(self.certificate_required.data),
        )


class LinkForm(FlaskForm):
    """A link from one skill to another."""

    kind = SelectField("How", choices=options((kind.value, words) for kind, words in LINK_WORDS.items()))
    other_id = SelectField("Skill", coerce=int)
    weight = DecimalField(
        "Weight of related skills",
        [Optional(), NumberRange(0.01, 1, "Give a weight from 0.01 to 1.")],
        default=Decimal(1),
    )

    def offer(self, skills: Iterable[Skill]) -> None:
        """Set the skills that may be chosen."""
        self.other_id.choices = [(skill.id, skill.name) for skill in skills]


class MergeForm(FlaskForm):
    """The skill that takes another's place."""

    target_id = SelectField("Merge it into", coerce=int)

    def offer(self, skills: Iterable[Skill]) -> None:
        """Set the skills that may be chosen."""
        self.target_id.choices = [(skill.id, f"{skill.name} ({skill.code})") for skill in skills]
