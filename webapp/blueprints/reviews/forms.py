"""The form of a review: its shape only, the rules are in the services."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, TextAreaField
from wtforms.validators import InputRequired

from webapp.web.levels import level_choices

LEVEL_CHOICES = level_choices()


class ReviewForm(FlaskForm):
    """
    A lead's word on a level, and what it rests on.

    ``seen`` is the newest event that the lead saw on the record, ``after`` the record that comes next.
    """

    level = RadioField(
        "Level that you have seen", [InputRequired("Choose a level.")], choices=LEVEL_CHOICES, coerce=int
    )
    note = TextAreaField("What you have seen")
    seen = HiddenField()
    after = HiddenField()

    @property
    def seen_event_id(self) -> int | None:
        """The newest event that the page showed, or None if it does not say."""
        text = self.seen.data or ""
        return int(text) if text.isdecimal() and len(text) < 19 else None
