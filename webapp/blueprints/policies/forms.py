"""Forms of policies; they check shape only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from flask_wtf import FlaskForm
from wtforms import DateField, FloatField, HiddenField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from webapp.forms import options
from webapp.models import Policy
from webapp.services.planning import policy_editing
from webapp.services.planning.policy_editing import Setting


class PolicyForm(FlaskForm):
    """Every number of a policy, and why it changes; the numbers are added by :func:`policy_form`."""

    seen = HiddenField()
    reason = StringField("Why", [InputRequired("Say why."), Length(max=policy_editing.MOST_REASON)])

    def numbers(self) -> dict[str, float | int | None]:
        """Return the numbers by the key of their setting."""
        return {setting.key: self[setting.key].data for setting in policy_editing.list_settings()}

    def groups(self) -> list[tuple[str, list[Any]]]:
        """Return the fields by the heading under which they stand."""
        found: dict[str, list[Any]] = {}
        for setting in policy_editing.list_settings():
            found.setdefault(setting.group, []).append(self[setting.key])
        return list(found.items())


def _field(setting: Setting) -> Any:
    need = Optional() if setting.optional else InputRequired("Give a number.")
    within = NumberRange(setting.least, setting.most, setting.limit_words)
    kind = IntegerField if setting.whole else FloatField
    description = f"{setting.words.rstrip('.')}. {setting.range_words}."
    return kind(setting.label, [need, within], description=description)


def policy_form(policy: Policy, *, sent: bool) -> PolicyForm:
    """Return the form of a policy's next version, with the present numbers unless one was sent."""
    made = type("NumbersForm", (PolicyForm,), {each.key: _field(each) for each in policy_editing.list_settings()})
    if sent:
        return cast(PolicyForm, made())
    return cast(PolicyForm, made(formdata=None, seen=str(policy.number), **policy_editing.values_of(policy)))


class CopyForm(FlaskForm):
    """The name of a new policy."""

    name = StringField("Name", [InputRequired("Give it a name."), Length(max=200)])


class DefaultForm(FlaskForm):
    """With which policy a site begins."""

    site = SelectField("Site", coerce=int)
    policy = SelectField("Policy")

    def offer(self, sites: Sequence[tuple[int, str]], choices: Sequence[tuple[str, str, str]]) -> None:
        """Offer the sites and policies that there are."""
        self.site.choices = options(sites)
        self.policy.choices = options((code, name) for code, name, _ in choices)


class TrialForm(FlaskForm):
    """Which weight is tried on which day."""

    site = SelectField("Site", coerce=int)
    day = DateField("Day", [InputRequired("Choose a day that is over.")])
    policy = SelectField("Policy")
    term = SelectField("Weight", choices=options(policy_editing.list_terms()))

    def offer(self, sites: Sequence[tuple[int, str]], choices: Sequence[tuple[str, str, str]]) -> None:
        """Offer the sites and policies that there are."""
        self.site.choices = options(sites)
        self.policy.choices = options((code, name) for code, name, _ in choices)
