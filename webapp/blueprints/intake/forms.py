"""The forms of a source and of its mapping; what only lists lines takes one to a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    FieldList,
    FloatField,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    PasswordField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional

from webapp.errors import InvalidInputError
from webapp.forms import options, to_key
from webapp.forms.editing import EditingForm
from webapp.models import EngagementType, Site
from webapp.services.intake import mapping
from webapp.services.intake.classifying import SEARCHED
from webapp.services.intake.mapping import FIELDS
from webapp.services.intake.presets import PRESETS
from webapp.services.intake.signatures import STYLES
from webapp.services.intake.sources import SourceValues
from webapp.services.intake.transforms import TRANSFORMS

_SECRET_HINT = "The secret that the sender shows you. Left empty, one is made up for you to enter there."  # noqa: S105


class SourceForm(EditingForm):
    """A source."""

    name = StringField("Name", [InputRequired("Give a name."), Length(max=200)])
    default_type_id = SelectField(
        "Type while unsorted",
        coerce=to_key,
        description="What unsure work is called until somebody sorts it. It is not planned before.",
    )
    signature = SelectField(
        "Signature", choices=options((key, style.title) for key, style in STYLES.items()), default="mainstay"
    )
    threshold = FloatField(
        "Confidence",
        [InputRequired("Give a number.")],
        default=0.5,
        description="From 0 to 1. Below this, somebody is asked what the work is.",
    )
    retention_days = IntegerField(
        "Keep payloads, days", [InputRequired("Give days.")], default=30, description="1 to 366. Then the words go."
    )
    active = BooleanField("It may send", default=True)

    def offer(self, types: Iterable[EngagementType]) -> None:
        """Offer the types."""
        self.default_type_id.choices = [("", "Choose a type"), *((each.id, each.name) for each in types)]

    def values(self) -> SourceValues:
        """Return what was entered."""
        return SourceValues(
            name=self.name.data or "",
            default_type_id=self.default_type_id.data or 0,
            signature=self.signature.data,
            threshold=self.threshold.data if self.threshold.data is not None else 0.5,
            retention_days=self.retention_days.data or 0,
            active=bool(self.active.data),
        )


class NewSourceForm(SourceForm):
    """A source that is to be connected."""

    preset = SelectField("Sends", choices=options((key, preset.title) for key, preset in PRESETS.items()))
    site_id = SelectField("Site", coerce=int)
    secret = PasswordField("Secret", [Length(max=200)], description=_SECRET_HINT)

    def offer_sites(self, sites: Sequence[Site]) -> None:
        """Offer the sites."""
        self.site_id.choices = options((site.id, site.name) for site in sites)


class SecretForm(FlaskForm):
    """Another secret for a source."""

    secret = PasswordField("New secret", [Length(max=200)], description=_SECRET_HINT)
    at_once = BooleanField("End the former one now, because others may know it")


class FieldForm(Form):
    """How one field is filled."""

    at = TextAreaField("Found at", description="JSON pointers, one to a line; the first that holds something counts.")
    how = SelectField("Read as", choices=options((key, words) for key, (words, _) in TRANSFORMS.items()))
    lookup = TextAreaField("Lookup", description="Lines of found = meant; nothing: as it stands.")
    default = StringField("Otherwise", description="If nothing is found.")
    prefix = StringField("Prefix", [Length(max=20)])

    def fill(self, rule: mapping.FieldRule) -> None:
        """Show a rule."""
        self.at.data, self.how.data = "\n".join(rule.at), rule.how
        self.lookup.data = _write_pairs(rule.lookup)
        self.default.data, self.prefix.data = rule.default, rule.prefix

    def as_json(self, name: str) -> dict[str, Any] | None:
        """Return what was entered, None for a field that is not filled."""
        at, default = _lines(self.at.data), (self.default.data or "").strip()
        if not at and not default:
            return None
        lookup = _read_pairs(self.lookup.data, field=name)
        return {
            "at": at,
            "as": self.how.data,
            "lookup": lookup,
            "default": default,
            "prefix": (self.prefix.data or "").strip(),
        }


class RuleForm(Form):
    """Words that speak for a type; a line without words is left out."""

    type_code = SelectField("Type")
    any_of = StringField("Any of these words")
    none_of = StringField("None of these")
    where = SelectField(
        "In", choices=options([("*", "everything"), *((name, FIELDS[name].label.lower()) for name in SEARCHED)])
    )
    weight = FloatField("Weight", [Optional()], default=1.0)


class MappingForm(FlaskForm):
    """A version of a mapping."""

    based_on = HiddenField()
    each = StringField(
        "Several events in one message",
        description="Path with *, as in /entry/*/changes/*. Empty: one event a message.",
    )
    event_id = TextAreaField(
        "Event key", description="JSON pointers, one to a line, which together tell events apart. Empty: by content."
    )
    when = TextAreaField("Counts only if", description="Lines of pointer = text, other text. * stands for anything.")
    window_minutes = FloatField("Due after, minutes", default=480)
    window_grace = FloatField("May still start for, minutes", default=480)
    window_by_priority = TextAreaField("Due sooner by priority", description="Lines of 5 = 60.")
    window_by_type = TextAreaField("Due sooner by type", description="Lines of type code = minutes.")
    rules = FieldList(FormField(RuleForm), "Rules")
    note = StringField("What changed", [Length(max=200)])

    def offer(self, types: Iterable[EngagementType]) -> None:
        """Offer types in each rule; a code that is unknown here stays."""
        known = [(each.code, each.name) for each in types]
        for line in self.rules.entries:
            present = line.form.type_code.data
            extra = [(present, f"{present} (unknown)")] if present and present not in dict(known) else []
            line.form.type_code.choices = options([("", "Choose a type"), *known, *extra])

    def line(self, name: str) -> FieldForm:
        """Return the part of a field."""
        part: Any = self[name]
        return cast(FieldForm, part.form)

    def fill(self, rules: mapping.Mapping, number: int) -> None:
        """Show a version."""
        self.based_on.data = str(number)
        self.each.data, self.event_id.data = rules.each, "\n".join(rules.event_id)
        self.when.data = "\n".join(f"{each.at} = {', '.join(each.any_of)}" for each in rules.when)
        self.window_minutes.data, self.window_grace.data = rules.window.minutes, rules.window.grace
        self.window_by_priority.data = _write_pairs({str(k): f"{v:g}" for k, v in rules.window.by_priority.items()})
        self.window_by_type.data = _write_pairs({k: f"{v:g}" for k, v in rules.window.by_type.items()})
        for name in FIELDS:
            self.line(name).fill(rules.fields.get(name, mapping.FieldRule()))
        for rule in rules.rules:
            self.rules.append_entry(
                {
                    "type_code": rule.type_code,
                    "any_of": ", ".join(rule.any_of),
                    "none_of": ", ".join(rule.none_of),
                    "where": rule.where,
                    "weight": rule.weight,
                }
            )
        self.rules.append_entry()

    def change_lines(self, *, add: bool, remove: str | None) -> None:
        """Add an empty rule, or take one out by the name of its line."""
        if add:
            self.rules.append_entry()
        self.rules.entries = [line for line in self.rules.entries if line.name != remove]

    def read(self) -> mapping.Mapping:
        """
        Return what was entered.

        Raises
        ------
        InvalidInputError
            If it cannot work; ``field`` names the part.
        """
        fields = {name: self.line(name).as_json(name) for name in FIELDS}
        return mapping.from_json(
            {
                "each": (self.each.data or "").strip(),
                "event_id": _lines(self.event_id.data),
                "when": [
                    {"at": pointer, "any_of": _words(texts)}
                    for pointer, texts in _read_pairs(self.when.data, field="when").items()
                ],
                "fields": {name: rule for name, rule in fields.items() if rule is not None},
                "rules": [
                    {
                        "type": line.form.type_code.data,
                        "any_of": _words(line.form.any_of.data),
                        "none_of": _words(line.form.none_of.data),
                        "in": line.form.where.data,
                        "weight": line.form.weight.data,
                    }
                    for line in self.rules.entries
                    if (line.form.any_of.data or "").strip() or line.form.type_code.data
                ],
                "window": {
                    "minutes": self.window_minutes.data,
                    "grace": self.window_grace.data,
                    "by_priority": _read_pairs(self.window_by_priority.data, field="window_by_priority"),
                    "by_type": _read_pairs(self.window_by_type.data, field="window_by_type"),
                },
            }
        )


for _name, _described in FIELDS.items():
    setattr(MappingForm, _name, FormField(FieldForm, _described.label, description=_described.meaning))


def _lines(text: str | None) -> list[str]:
    return [line.strip() for line in (text or "").splitlines() if line.strip()]


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _write_pairs(pairs: Mapping[str, str]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in pairs.items())


def _read_pairs(text: str | None, *, field: str) -> dict[str, str]:
    pairs = {}
    for line in _lines(text):
        name, separator, value = line.partition(" = ") if " = " in line else line.partition("=")
        if not separator or not name.strip():
            raise InvalidInputError(f"“{line[:60]}” is not written as found = meant.", field=field)
        pairs[name.strip()] = value.strip()
    return pairs
