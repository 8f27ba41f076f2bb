"""Forms of evidence: shapes only, the rules are in the services."""

from __future__ import annotations

from collections.abc import Iterable

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, DateField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Optional

from webapp.forms import options
from webapp.forms.editing import EditingForm
from webapp.models import Skill
from webapp.services.evidence import File
from webapp.web.filters import level_name
from webapp.web.levels import level_choices

LEVEL_CHOICES = level_choices(1)
KIND_CHOICES = options(
    [("certificate", "Certificate"), ("course", "Course"), ("assessment", "Test or quiz"), ("badge", "Badge on paper")]
)


def _key(value: object) -> int | None:
    return int(str(value)) if str(value).isdecimal() else None


def file_of(field: FileField) -> File | None:
    """Return the file that was sent, or None if there was none."""
    return File(field.data.filename or "", field.data.read()) if field.data else None


class EvidenceForm(FlaskForm):
    """A certificate, course or test that a person brings."""

    kind = RadioField("What it is", [InputRequired("Choose what it is.")], choices=KIND_CHOICES)
    title = StringField("What it is called", [InputRequired("Say what it is called.")])
    issuer = StringField("Who issued it")
    issued_on = DateField("Issued on", [Optional()])
    expires_on = DateField("Expires on", [Optional()])
    level = RadioField("Level that it shows", [InputRequired("Choose a level.")], choices=LEVEL_CHOICES, coerce=int)
    file = FileField("Photo or PDF")
    link = StringField("Link")
    note = TextAreaField("What else to know")


class BadgeForm(FlaskForm):
    """An Open Badge, and what it shows where Mainstay does not know it."""

    file = FileField("Badge", [FileRequired("Choose the badge that you downloaded.")])
    skill_id = SelectField("Skill that it shows", coerce=_key)
    level = SelectField("Level that it shows", coerce=_key)
    note = TextAreaField("What else to know")

    def offer(self, skills: Iterable[Skill]) -> None:
        """Fill the choices."""
        self.skill_id.choices = options([("", "As HR has said"), *((skill.id, skill.name) for skill in skills)])
        self.level.choices = options(
            [("", "As HR has said"), *((level, f"{level} {level_name(level)}") for level in range(1, 6))]
        )


class AcceptForm(FlaskForm):
    """The level that somebody accepts evidence for, until when, and why."""

    level = RadioField("Level that it shows", [InputRequired("Choose a level.")], choices=LEVEL_CHOICES, coerce=int)
    expires_on = DateField("Counts until", [Optional()])
    note = TextAreaField("Note or reason")


class EndorseForm(FlaskForm):
    """A colleague's word for a skill."""

    level = RadioField("What you have seen", [InputRequired("Choose a level.")], coerce=int)
    note = TextAreaField("An example")

    def offer(self, highest: int) -> None:
        """Fill the choices up to the highest level that one's word can stand for."""
        self.level.choices = options((level, f"{level} {level_name(level)}") for level in range(1, highest + 1))


class IssuerForm(EditingForm):
    """An issuer of badges whom HR trusts."""

    name = StringField("Name", [InputRequired("Give the issuer a name.")])
    identifiers = TextAreaField("Identifiers", [InputRequired("Note at least one identifier.")])
    keys = TextAreaField("Public keys")
    revoked = TextAreaField("Badges that it took back")
    active = BooleanField("Trusted", default=True)


class MappingForm(FlaskForm):
    """Which skill and level a badge shows."""

    achievement_key = StringField("Badge", [InputRequired("Paste the badge's identifier.")])
    skill_id = SelectField("Skill", [InputRequired("Choose a skill.")], coerce=_key)
    level = SelectField("Level", [InputRequired("Choose a level.")], coerce=_key)

    def offer(self, skills: Iterable[Skill]) -> None:
        """Fill the choices."""
        self.skill_id.choices = options([("", "Choose"), *((skill.id, skill.name) for skill in skills)])
        self.level.choices = options(
            [("", "Choose"), *((level, f"{level} {level_name(level)}") for level in range(1, 6))]
        )
