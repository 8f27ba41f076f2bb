"""Forms about hiring profiles; they check shape only."""

from __future__ import annotations

from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from webapp.forms.editing import EditingForm


class ProfileForm(EditingForm):
    """What HR decides about a profile; its requirements come from the demand."""

    name = StringField("Name", [DataRequired("Give the profile a name."), Length(max=200)])
    head_count = IntegerField("Head count", [InputRequired("Give a head count.")])
    note = TextAreaField("Note", [Optional(), Length(max=2000)])
