"""Forms of the scheduler's workspace; they check shape only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import cast

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    FloatField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    widgets,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange

from webapp.forms import options
from webapp.services.planning import policies


class RunForm(FlaskForm):
    """What a scheduler chooses for a run."""

    policy = SelectField("Policy")
    time_limit_seconds = FloatField(
        "Time limit, seconds",
        [InputRequired("Say how long it may take."), NumberRange(1, policies.MAX_SECONDS)],
        default=30,
    )
    interval_minutes = SelectField(
        "Interval",
        coerce=int,
        choices=options((each, f"{each} min") for each in policies.INTERVAL_CHOICES),
        default=policies.DEFAULT_INTERVAL_MINUTES,
    )
    seed = IntegerField(
        "Seed",
        [InputRequired("Give a whole number."), NumberRange(0, 2**31 - 1)],
        default=1,
        description="The same inputs and seed give the same plan, unless the clock stops the run.",
    )
    keep_begun = BooleanField("Plan only from now on")

    def offer(self, choices: Sequence[tuple[str, str, str]]) -> None:
        """Offer the policies that there are."""
        self.policy.choices = [(code, name) for code, name, _ in choices]


class ManyForm(FlaskForm):
    """Which days of which sites are planned at once, and how."""

    sites = SelectMultipleField(
        "Sites",
        [DataRequired("Choose at least one site.")],
        coerce=int,
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )
    first_on = DateField("First day", [InputRequired("Say from which day on.")])
    days = IntegerField("Days", [InputRequired("Say how many days."), NumberRange(1, 31)], default=1)
    policy = SelectField("Policy")
    time_limit_seconds = FloatField(
        "Time limit of each day, seconds",
        [InputRequired("Say how long each may take."), NumberRange(1, policies.MAX_SECONDS)],
        default=30,
    )

    def offer(self, choices: Sequence[tuple[str, str, str]], sites: Sequence[tuple[int, str]]) -> None:
        """Offer the policies and sites that there are."""
        self.policy.choices = [(code, name) for code, name, _ in choices]
        self.sites.choices = list(sites)

    def chosen_days(self) -> list[dt.date]:
        """Return the days, once the form is valid."""
        first_on = cast(dt.date, self.first_on.data)
        return [first_on + dt.timedelta(days=number) for number in range(self.days.data or 0)]


class PinForm(FlaskForm):
    """Why an assignment must stay as it is."""

    reason = StringField("Reason", [DataRequired("Say why: pins are kept with their reason."), Length(max=300)])


class MoveForm(FlaskForm):
    """Where an engagement is to go."""

    person_id = SelectField("Agent", coerce=int)
    start = SelectField("Starts at", coerce=int)
    pin = BooleanField("Pin it, so that later runs keep it there")
    reason = StringField("Reason", [Length(max=300)], description="Needed for a pin.")


class PublishForm(FlaskForm):
    """The confirmation of a person who publishes."""

    seen_digest = HiddenField()
    confirmed = BooleanField("I have seen what changed, and publish this plan all the same")
