"""Forms of the board; they check shape only."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, FloatField, HiddenField, IntegerField, StringField
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional

from webapp.services.planning import policies, replan


class SickForm(FlaskForm):
    """Who calls in sick, in one line."""

    who = StringField(
        "Who is sick?",
        [DataRequired("Say who is sick: a name, or a part of it."), Length(max=200)],
        description="A name or a part of it. From now on, unless you add “from 11:00” or “until 15:00”.",
    )


class ReplanForm(FlaskForm):
    """How the rest of the day is planned again."""

    keep_minutes = IntegerField(
        "What begins within so many minutes stands",
        [InputRequired("Give minutes."), NumberRange(0, replan.MAX_KEEP_MINUTES)],
    )
    max_changes = IntegerField(
        "Others that may move at most",
        [Optional(), NumberRange(0, 10_000)],
        description="Beyond what cannot stay where it is. Empty: no limit.",
    )
    seconds = FloatField(
        "Time limit, seconds", [InputRequired("Say how long it may take."), NumberRange(1, policies.MAX_SECONDS)]
    )
    hand_over = BooleanField("Hand cases over whose owner cannot take them")
    lower_level = BooleanField("Allow agents one level below what work asks for")
    later = BooleanField("Allow work to begin after its latest start")

    def request(self) -> replan.ReplanRequest:
        """Return what was chosen."""
        allowed = [(step, price) for step, price in replan.RUNG_PRICES if getattr(self, step).data]
        return replan.ReplanRequest(
            keep_minutes=self.keep_minutes.data or 0,
            max_changes=self.max_changes.data,
            seconds=self.seconds.data or 0.0,
            ladder=tuple(allowed),
        )


class PublishForm(FlaskForm):
    """The changes of the inputs that a person has seen and publishes in spite of."""

    seen_digest = HiddenField()
