"""The form that makes a token: its shape only, the rules are in the services."""

from __future__ import annotations

import datetime as dt
from typing import cast

from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.forms import options, to_key
from webapp.models import TokenScope
from webapp.services.api_tokens import SCOPE_WORDS


class TokenForm(FlaskForm):
    """What a token is for, what it may do, where, and until when."""

    name = StringField("Program", [InputRequired("Say which program it is for."), Length(max=120)])
    scopes = SelectMultipleField(
        "It may",
        [InputRequired("Choose at least one.")],
        choices=options((scope.value, f"{words} ({scope.value})") for scope, words in SCOPE_WORDS.items()),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    site_id = SelectField("Site", coerce=to_key)
    expires_on = DateField("Last day", [InputRequired("Choose the last day.")])

    def chosen_scopes(self) -> list[TokenScope]:
        """Return the scopes that were ticked."""
        return [TokenScope(value) for value in self.scopes.data or ()]

    def last_day(self) -> dt.date:
        """Return the last day, once the form is valid."""
        return cast(dt.date, self.expires_on.data)
