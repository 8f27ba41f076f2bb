"""The form by which an agent chooses a stretch slot."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from flask_wtf import FlaskForm
from wtforms import SelectField

from webapp.errors import InvalidInputError
from webapp.forms import options, to_key
from webapp.services import zones
from webapp.services.planning.stretch_slots import GrowingSkill, SlotDraft
from webapp.services.spans import Span


class SlotForm(FlaskForm):
    """When, within a shift, and in which skill; what stands against a choice is for the service to say."""

    skill_id = SelectField("Skill", coerce=to_key, validate_choice=False)
    starts_at = SelectField("From", validate_choice=False)
    ends_at = SelectField("To", validate_choice=False)

    def offer(self, skills: Sequence[GrowingSkill], quarters: Sequence[dt.datetime], *, zone: str) -> None:
        """Offer skills, and quarter hours by the clock of a zone."""
        words = [(each.skill.id, f"{each.skill.name}, level {each.level} to {each.level + 1}") for each in skills]
        self.skill_id.choices = options(words if len(words) == 1 else [("", "Choose a skill"), *words])
        written = [(each.isoformat(), _clock(each, quarters, zone)) for each in quarters]
        self.starts_at.choices = options(written[:-1])
        self.ends_at.choices = options(written[1:])

    def suggest(self, span: Span | None) -> None:
        """Fill in the times that nobody has chosen yet, where there are any."""
        if span is not None:
            self.starts_at.data, self.ends_at.data = span[0].isoformat(), span[1].isoformat()

    def draft(self) -> SlotDraft:
        """
        Return what was chosen.

        Raises
        ------
        InvalidInputError
            If something is missing or no time.
        """
        if self.skill_id.data is None:
            raise InvalidInputError("Choose a skill.", field="skill_id")
        return SlotDraft(_moment(self.starts_at, "starts_at"), _moment(self.ends_at, "ends_at"), self.skill_id.data)


def _moment(control: SelectField, name: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(control.data or "")
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInputError("Choose a time.", field=name)
    return moment.astimezone(dt.UTC)


def _clock(moment: dt.datetime, quarters: Sequence[dt.datetime], zone: str) -> str:
    """Return a time of day; after midnight with its date, and where the clock shows it twice with which is meant."""
    local, first = zones.to_local(moment, zone), zones.to_local(quarters[0], zone)
    written = f"{local:%H:%M}" if local.date() == first.date() else f"{local:%H:%M} on {local:%-d %b}"
    occurrence = zones.find_occurrence(moment, zone)
    return f"{written} ({occurrence.value})" if occurrence is not None else written
