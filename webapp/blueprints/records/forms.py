"""Forms of skill records: shapes only, the rules are in the services."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import RadioField, TextAreaField
from wtforms.validators import InputRequired

from webapp.forms import options
from webapp.web.filters import level_name

LEVEL_CHOICES = options((level, f"{level} {level_name(level)}") for level in range(6))


class ClaimForm(FlaskForm):
    """The level that a person says they have, and what supports it."""

    level = RadioField("Your level", [InputRequired("Choose a level.")], choices=LEVEL_CHOICES, coerce=int)
    note = TextAreaField("What supports it")
