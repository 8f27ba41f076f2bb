"""What an agent says about their work."""

from __future__ import annotations

from collections.abc import Sequence

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import Length

from webapp.models import Assignment
from webapp.services import zones


class DeclineForm(FlaskForm):
    """Why an agent declines an assignment."""

    reason = TextAreaField("Why not?", [Length(max=300, message="Keep the reason under 300 characters.")])


class SwapForm(FlaskForm):
    """Which work of a colleague an agent would take for theirs."""

    other = SelectField("For which work?", coerce=int)
    reason = StringField("Why?", [Length(max=300, message="Keep the reason under 300 characters.")])

    def offer(self, partners: Sequence[Assignment], *, zone: str) -> None:
        """Offer the work of others, by whose it is and when it begins."""
        self.other.choices = [
            (each.id, f"{each.person.name}, {zones.to_local(each.starts_at, zone):%H:%M}, {each.minutes:.0f} min")
            for each in partners
        ]
