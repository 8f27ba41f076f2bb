"""What an agent says about their work."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import TextAreaField
from wtforms.validators import Length


class DeclineForm(FlaskForm):
    """Why an agent declines an assignment."""

    reason = TextAreaField("Why not?", [Length(max=300, message="Keep the reason under 300 characters.")])
