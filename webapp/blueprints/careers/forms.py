"""Forms about service roles; they check shape only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    FieldList,
    FloatField,
    Form,
    FormField,
    IntegerField,
    SelectField,
    StringField,
    SubmitField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from webapp.forms import options, to_key
from webapp.forms.editing import EditingForm
from webapp.models import ServiceRole, Skill, StepKind
from webapp.services.careers import RequirementValues, RoleValues

BLANK_LINES = 2


class RequirementLine(Form):
    """One requirement; a line without a skill is blank, and taking a skill out of a line removes it."""

    skill_id = SelectField("Skill", coerce=to_key)
    level = SelectField("Level", coerce=int, choices=options((level, str(level)) for level in range(1, 6)), default=3)
    weight = FloatField("Weight", [Optional()], default=1.0)
    gate = BooleanField("Gate")


class RoleForm(EditingForm):
    """A service role and what it asks for."""

    code = StringField("Code", [Optional(), Length(max=80)], description="Short and lasting, such as agent-2.")
    name = StringField("Name", [DataRequired("Give the role a name."), Length(max=200)])
    rung = IntegerField("Rung", [InputRequired("Give a rung.")], description="1 is where people come in.", default=1)
    pay_from = IntegerField("Pay from", [InputRequired("Give the lower end of the pay band.")])
    pay_to = IntegerField("Pay to", [InputRequired("Give the upper end of the pay band.")])
    currency = StringField("Currency", [DataRequired("Give a currency."), Length(max=3)], default="EUR")
    authority = StringField("Authority", [Optional(), Length(max=300)])
    description = TextAreaField("What the role is", [Optional(), Length(max=5000)])
    outside = BooleanField("Elsewhere in the company, outside customer service")
    requirements = FieldList(FormField(RequirementLine), min_entries=0)
    more = SubmitField("Add a line")

    def offer(self, skills: Sequence[Skill]) -> None:
        """Offer the skills that a line may ask for, and blank lines below the ones that are filled."""
        filled = sum(line.skill_id.data is not None for line in self._lines())
        while len(self._lines()) < max(filled + BLANK_LINES, 4):
            self.requirements.append_entry()
        choices = [("", "–"), *((skill.id, skill.name) for skill in skills)]
        for line in self._lines():
            line.skill_id.choices = choices

    def _lines(self) -> list[Any]:
        """Return the lines; the library knows them as fields of any kind."""
        return list(self.requirements)

    def values(self) -> RoleValues:
        """Return what was entered."""
        return RoleValues(
            name=self.name.data or "",
            rung=self.rung.data or 0,
            pay_from=self.pay_from.data if self.pay_from.data is not None else -1,
            pay_to=self.pay_to.data if self.pay_to.data is not None else -1,
            currency=(self.currency.data or "").upper(),
            authority=self.authority.data or "",
            description=self.description.data or "",
            outside=bool(self.outside.data),
            requirements=tuple(
                RequirementValues(line.skill_id.data, line.level.data, line.weight.data or 0.0, bool(line.gate.data))
                for line in self._lines()
                if line.skill_id.data is not None
            ),
        )


class StepForm(FlaskForm):
    """A step from a role to another."""

    to_role_id = SelectField("To", coerce=to_key)
    kind = SelectField("Kind", coerce=StepKind, choices=options((kind.value, kind.value) for kind in StepKind))

    def offer(self, roles: Sequence[ServiceRole]) -> None:
        """Offer the roles that the step may lead to."""
        self.to_role_id.choices = [("", "Choose a role"), *((role.id, role.name) for role in roles)]
