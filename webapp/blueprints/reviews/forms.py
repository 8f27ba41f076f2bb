"""The form of a review: its shape only, the rules are in the services."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, TextAreaField
from wtforms.validators import InputRequired

from webapp.forms import options
from webapp.web.filters import level_name

LEVEL_CHOICES = options((level, f"{level} {level_name(level)}") for level in range(6))


class ReviewForm(FlaskForm):
    """A lead's word on a level, and what it rests on; ``after`` is the record that comes next."""

    level = RadioField(
        "Level that you have seen", [InputRequired("Choose a level.")], choices=LEVEL_CHOICES, coerce=int
    )
    note = TextAreaField("What you have seen")
    after = HiddenField()
