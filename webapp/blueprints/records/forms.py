"""Forms of skill records: shapes only, the rules are in the services."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import RadioField, StringField, TextAreaField
from wtforms.validators import InputRequired

from webapp.services.evidence import File
from webapp.web.levels import level_choices

LEVEL_CHOICES = level_choices()


class ClaimForm(FlaskForm):
    """The level that a person says they have, and what supports it."""

    level = RadioField("Your level", [InputRequired("Choose a level.")], choices=LEVEL_CHOICES, coerce=int)
    note = TextAreaField("What supports it")
    link = StringField("Link")
    file = FileField("Photo or PDF")

    def file_sent(self) -> File | None:
        """Return the file that supports it, or None."""
        return File(self.file.data.filename or "", self.file.data.read()) if self.file.data else None
