"""Forms of scenarios; they check shape only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import FloatField, IntegerField, SelectField, StringField, TimeField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from webapp.errors import InvalidInputError
from webapp.forms import options
from webapp.models import AbsenceKind, Channel
from webapp.services import zones
from webapp.services.planning import scenarios, what_if
from webapp.web.labels import CHANNELS


class ScenarioForm(FlaskForm):
    """Name, policy and how long it may take."""

    name = StringField(
        "Name", [InputRequired("Give it a name."), Length(max=scenarios.NAME_LENGTH)], description="Such as: Ada is ill"
    )
    policy = SelectField("Policy")
    seconds = FloatField(
        "Time limit, seconds",
        [InputRequired("Say how long it may take."), NumberRange(1, scenarios.MOST_SECONDS)],
        default=scenarios.SECONDS,
    )

    def offer(self, choices: Sequence[tuple[str, str, str]]) -> None:
        """Offer the policies that there are."""
        self.policy.choices = options((code, name) for code, name, _ in choices)

    def asked(self) -> scenarios.ScenarioRequest:
        """Return what the form says, once it is valid."""
        return scenarios.ScenarioRequest(
            name=self.name.data or "", policy=self.policy.data, seconds=float(self.seconds.data or 0)
        )


class ChangeForm(FlaskForm):
    """A change of a scenario; ``kind`` of the subclass says which."""

    kind = ""
    title = ""
    icon = "plus-lg"

    def offer(self, **choices: Sequence[tuple[int, str]]) -> None:
        """Offer whom and what the change may be about."""
        for name, pairs in choices.items():
            if name in self:
                field: Any = self[name]
                field.choices = options(pairs)

    def read(self, day_on: dt.date, zone: str) -> what_if.Change:
        """Return the change that a valid form describes."""
        raise NotImplementedError

    def _moment(self, name: str, day_on: dt.date, zone: str) -> dt.datetime:
        time = self[name].data
        if name == "ends_at" and time == dt.time():
            # Midnight as an end is that of the day's end.
            day_on += dt.timedelta(days=1)
        return zones.to_utc(dt.datetime.combine(day_on, time), zone, field=name)


_FROM, _TO = InputRequired("Say from when on."), InputRequired("Say until when.")


class AwayForm(ChangeForm):
    """Somebody is away."""

    kind, title, icon = what_if.Away.kind, "Somebody is away", "person-dash"
    person = SelectField("Agent", coerce=int)
    starts_at = TimeField("From", [_FROM])
    ends_at = TimeField("To", [_TO])

    def read(self, day_on: dt.date, zone: str) -> what_if.Change:
        """Return the absence."""
        return what_if.Away(
            self.person.data, self._moment("starts_at", day_on, zone), self._moment("ends_at", day_on, zone)
        )


class SurgeForm(ChangeForm):
    """More or fewer contacts."""

    kind, title, icon = what_if.Surge.kind, "More or fewer contacts", "graph-up-arrow"
    type = SelectField("Type", coerce=int)
    percent = FloatField("Percent more", [Optional()], description="Negative for fewer")
    minutes = FloatField("Minutes more", [Optional()])
    starts_at = TimeField("From", [_FROM])
    ends_at = TimeField("To", [_TO])

    def read(self, day_on: dt.date, zone: str) -> what_if.Change:
        """Return the surge."""
        return what_if.Surge(
            self.type.data,
            self._moment("starts_at", day_on, zone),
            self._moment("ends_at", day_on, zone),
            percent=self.percent.data or 0.0,
            minutes=self.minutes.data or 0.0,
        )


class LevelForm(ChangeForm):
    """A person has a skill."""

    kind, title, icon = what_if.NewLevel.kind, "Somebody has a skill", "stars"
    person = SelectField("Agent", coerce=int)
    skill = SelectField("Skill", coerce=int)
    level = IntegerField("Level", [InputRequired("Say which level."), NumberRange(0, 5)], default=3)

    def read(self, day_on: dt.date, zone: str) -> what_if.Change:  # noqa: ARG002 - it holds all day
        """Return the level."""
        return what_if.NewLevel(self.person.data, self.skill.data, int(self.level.data or 0))


class ExtraForm(ChangeForm):
    """One more agent."""

    kind, title, icon = what_if.Extra.kind, "One more agent", "person-plus"
    lent = SelectField("With the skills of", coerce=int)
    starts_at = TimeField("From", [_FROM])
    ends_at = TimeField("To", [_TO])

    def read(self, day_on: dt.date, zone: str) -> what_if.Change:
        """Return the agent."""
        return what_if.Extra(
            self.lent.data, self._moment("starts_at", day_on, zone), self._moment("ends_at", day_on, zone)
        )


class ClosedForm(ChangeForm):
    """A channel closes."""

    kind, title, icon = what_if.Closed.kind, "A channel closes", "x-octagon"
    channel = SelectField("Channel", choices=options((each.value, CHANNELS[each.value][0]) for each in Channel))
    starts_at = TimeField("From", [_FROM], description="To the end of the day")

    def read(self, day_on: dt.date, zone: str) -> what_if.Change:
        """Return the closing."""
        return what_if.Closed(self.channel.data, self._moment("starts_at", day_on, zone))


CHANGE_FORMS: dict[str, type[ChangeForm]] = {
    form.kind: form for form in (AwayForm, SurgeForm, LevelForm, ExtraForm, ClosedForm)
}
_FIELD_OF: dict[tuple[str, str], str] = {(what_if.Extra.kind, "person"): "lent"}


def beside(kind: str, error: InvalidInputError) -> InvalidInputError:
    """Return an error with the field of the form that it is about."""
    field = _FIELD_OF.get((kind, error.field or ""), error.field)
    return InvalidInputError(str(error), field=field)


class MakeSoForm(FlaskForm):
    """What kind of absence is noted."""

    kind = SelectField(
        "Kind of absence",
        choices=options((each.value, each.value.capitalize()) for each in AbsenceKind),
        default=AbsenceKind.OTHER.value,
    )

    def chosen(self) -> AbsenceKind:
        """Return the kind, once the form is valid."""
        found: Any = self.kind.data
        return AbsenceKind(found)
