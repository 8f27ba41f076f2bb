"""Forms of the criteria of quality evaluations: shapes only, the rules are in the services."""

from __future__ import annotations

from collections.abc import Iterable

from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, SelectField
from wtforms.validators import InputRequired, NumberRange

from webapp.models import EvaluationCriterion, Skill
from webapp.services.evaluations import CriterionEntry

WAITS, CONCERNS_NONE = "waits", "none"


def _cut(level: int) -> IntegerField:
    return IntegerField(
        f"Level {level} from, %",
        [InputRequired("Give a share."), NumberRange(1, 100, "Give a share from 1 to 100 %.")],
    )


class CriterionForm(FlaskForm):
    """The skill of a criterion, and the shares of the scale from which each level begins."""

    version = HiddenField()
    skill_id = SelectField("Skill that it speaks of")
    cut_1 = _cut(1)
    cut_2 = _cut(2)
    cut_3 = _cut(3)
    cut_4 = _cut(4)
    cut_5 = _cut(5)

    def offer(self, skills: Iterable[Skill]) -> None:
        """Set the skills that may be chosen."""
        self.skill_id.choices = [
            (WAITS, "Not decided: its scores wait"),
            (CONCERNS_NONE, "None: leave its scores out"),
            *((str(skill.id), skill.name) for skill in skills),
        ]

    def fill(self, criterion: EvaluationCriterion) -> None:
        """Show what is kept now."""
        self.version.data = str(criterion.version)
        chosen = str(criterion.skill_id) if criterion.skill_id else WAITS
        self.skill_id.data = CONCERNS_NONE if criterion.ignored else chosen
        for level, cut in enumerate(criterion.cuts, start=1):
            self[f"cut_{level}"].data = round(100 * cut)

    @property
    def version_number(self) -> int:
        """The version that the form was filled from; 0, which no row has, if it is missing."""
        text = str(self.version.data or "")
        return int(text) if text.isdecimal() and len(text) < 10 else 0

    def cuts(self) -> tuple[float, ...]:
        """Return the shares as fractions."""
        return tuple((self[f"cut_{level}"].data or 0) / 100 for level in range(1, 6))

    def entry(self) -> CriterionEntry:
        """Return what was chosen."""
        chosen = self.skill_id.data
        skill_id = int(chosen) if chosen not in {WAITS, CONCERNS_NONE} else None
        return CriterionEntry(skill_id, self.cuts(), ignored=chosen == CONCERNS_NONE)
