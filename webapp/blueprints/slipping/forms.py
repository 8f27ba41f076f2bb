"""The form of a site's rules of ownership: its shape only, the rules are in the services."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import FloatField, IntegerField, SelectField
from wtforms.validators import InputRequired

from webapp.forms import to_key


class WorkSettingsForm(FlaskForm):
    """Who owns what no agent owns, and when work is about to slip."""

    dispatcher_id = SelectField("Dispatcher", coerce=to_key, description="Owns what no agent owns, and is told.")
    slip_minutes = IntegerField(
        "Minutes before it is due", [InputRequired("Say how many minutes.")], description="From then on it may slip."
    )
    untouched_minutes = IntegerField(
        "Minutes untouched",
        [InputRequired("Say how many minutes.")],
        description="What has arrived or come back may stand so long.",
    )
    check_in_percent = FloatField(
        "Check-ins, per cent of a day",
        [InputRequired("Say how much.")],
        description="Rules make no more check-ins than this share of the day's minutes.",
    )
