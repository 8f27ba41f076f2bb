"""The form that names a deputy: its shape only, the rules are in the services."""

from __future__ import annotations

import datetime as dt
from typing import cast

from flask_wtf import FlaskForm
from wtforms import DateField, SelectField
from wtforms.validators import InputRequired


class DeputyForm(FlaskForm):
    """Who is away, who reviews in their place, and from when to when, both days included."""

    lead_id = SelectField("Lead who is away", [InputRequired("Choose who is away.")], coerce=int)
    deputy_id = SelectField("Deputy", [InputRequired("Choose a deputy.")], coerce=int)
    starts_on = DateField("First day", [InputRequired("Choose the first day.")])
    last_on = DateField("Last day", [InputRequired("Choose the last day.")])

    def days(self) -> tuple[dt.date, dt.date]:
        """Return the first and the last day, once the form is valid."""
        return cast(dt.date, self.starts_on.data), cast(dt.date, self.last_on.data)
