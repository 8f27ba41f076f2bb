"""What a huddle agrees: its shape only, the rules are in the services."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.validators import DataRequired, InputRequired


class NoteForm(FlaskForm):
    """What was agreed, and whose it is."""

    text = StringField(
        "What was agreed", [DataRequired("Write what was agreed.")], description="Leave out customers' names and words."
    )
    owner_id = SelectField("Whose it is", [InputRequired("Choose whose it is.")], coerce=int)
