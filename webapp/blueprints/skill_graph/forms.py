"""Forms of the skill graph: shapes only, the rules are in the services."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import DecimalField
from wtforms.validators import InputRequired


class WeightForm(FlaskForm):
    """How much of a related skill carries over."""

    weight = DecimalField("Weight", [InputRequired("Give a weight from 0.01 to 1.")])
