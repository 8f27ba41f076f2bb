"""The form that asks for a simulation; it checks shape only."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import DateField, IntegerField, SelectMultipleField
from wtforms.validators import InputRequired, NumberRange
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.forms import options
from webapp.services import simulating


class SimulationForm(FlaskForm):
    """Day, policies and how carefully."""

    day = DateField("Day", [InputRequired("Choose a day that is over.")])
    policies = SelectMultipleField(
        "Policies",
        [InputRequired("Choose at least one policy.")],
        choices=options(simulating.POLICIES.items()),
        default=list(simulating.DEFAULT_POLICIES),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    seeds = IntegerField(
        "Draws",
        [
            InputRequired("Give a whole number."),
            NumberRange(
                simulating.LEAST_SEEDS,
                simulating.MOST_SEEDS,
                f"Give a number from {simulating.LEAST_SEEDS} to {simulating.MOST_SEEDS}.",
            ),
        ],
        default=simulating.SEEDS,
        description="How often what the log does not tell is drawn anew. More make intervals narrower.",
    )
    target_seconds = IntegerField(
        "Answer within, seconds",
        [
            InputRequired("Give a whole number."),
            NumberRange(
                1, simulating.MOST_TARGET_SECONDS, f"Give a number from 1 to {simulating.MOST_TARGET_SECONDS}."
            ),
        ],
        default=simulating.TARGET_SECONDS,
        description="What counts as answered in time.",
    )
