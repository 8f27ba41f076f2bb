"""The form of an engagement type; its requirements are lines that come and go without a script."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import BooleanField, FieldList, FloatField, Form, FormField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, Optional

from webapp.forms import options, to_key
from webapp.forms.editing import EditingForm
from webapp.models import Channel, Skill, Stance
from webapp.services.engagement_types import RequirementDraft, TypeDraft
from webapp.web.filters import LEVEL_NAMES
from webapp.web.labels import CHANNELS, STANCES


class RequirementForm(Form):
    """One line of what a type asks for; a line without a skill is left out."""

    skill_id = SelectField("Skill", coerce=to_key)
    level = SelectField(
        "At least level",
        coerce=int,
        choices=options((level, f"{level} {LEVEL_NAMES[level]}") for level in range(1, 6)),
        default=2,
    )
    weight = FloatField("Weight", [InputRequired("Give a weight, such as 1.")], default=1.0)
    preferred = BooleanField("Only preferred")


class TypeForm(EditingForm):
    """An engagement type."""

    code = StringField(
        "Code",
        [InputRequired("Give a code."), Length(max=80)],
        description="Short and lasting; imports find it by this.",
    )
    name = StringField("Name", [InputRequired("Give a name."), Length(max=200)])
    channel = SelectField(
        "Channel", coerce=Channel, choices=options((key, word) for key, (word, _) in CHANNELS.items())
    )
    stance = SelectField("Stance", coerce=Stance, choices=options((key, word) for key, (word, _) in STANCES.items()))
    handle_minutes = FloatField(
        "Handle time, minutes",
        [InputRequired("Give minutes.")],
        description="Mean of talk, hold and after-work. Used for capacity only; it never scores a person.",
    )
    median_handle_minutes = FloatField("Median handle time, minutes", [Optional()])
    concurrency = IntegerField(
        "Concurrency",
        [InputRequired("Give a number.")],
        default=1,
        description="Contacts that one agent handles at once.",
    )
    value = FloatField(
        "Value, points", [InputRequired("Give points.")], default=10.0, description="What serving one is worth."
    )
    requirements = FieldList(FormField(RequirementForm), "Requirements")

    def offer(self, skills: Sequence[Skill]) -> None:
        """Offer skills in each line, and begin with one to fill in."""
        if not self.requirements.entries and not self.is_submitted():
            self.requirements.append_entry()
        options = [("", "Choose a skill"), *((skill.id, skill.name) for skill in skills)]
        for line in self.requirements.entries:
            line.form.skill_id.choices = options

    def change_lines(self, *, add: bool, remove: str | None) -> None:
        """Add an empty requirement, or take one out by the name of its line."""
        if add:
            self.requirements.append_entry()
        self.requirements.entries = [line for line in self.requirements.entries if line.name != remove]

    def draft(self) -> TypeDraft:
        """Return what was entered."""
        return TypeDraft(
            code=self.code.data or "",
            name=self.name.data or "",
            channel=self.channel.data,
            stance=self.stance.data,
            handle_minutes=self.handle_minutes.data or 0.0,
            median_handle_minutes=self.median_handle_minutes.data,
            concurrency=self.concurrency.data or 0,
            value=self.value.data if self.value.data is not None else -1.0,
            requirements=tuple(
                RequirementDraft(
                    skill_id=line.form.skill_id.data,
                    level=line.form.level.data,
                    weight=line.form.weight.data or 0.0,
                    preferred=bool(line.form.preferred.data),
                )
                for line in self.requirements.entries
                if line.form.skill_id.data is not None
            ),
        )
