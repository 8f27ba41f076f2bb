"""Forms of taxonomies: the upload of a release, and what is picked."""

from __future__ import annotations

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from werkzeug.datastructures import MultiDict
from wtforms import SelectField, StringField
from wtforms.validators import InputRequired

from webapp.errors import InvalidInputError
from webapp.forms import options
from webapp.models import SkillKind, TaxonomyCode
from webapp.services.taxonomies.attribution import PUBLICATIONS
from webapp.services.taxonomies.picking import Choice


class UploadForm(FlaskForm):
    """The files of a release in one archive."""

    taxonomy = SelectField(
        "Taxonomy", choices=options((code.value, publication.name) for code, publication in PUBLICATIONS.items())
    )
    name = StringField("Release", [InputRequired("Say which release it is, such as 1.2.")])
    file = FileField("ZIP archive", [FileRequired("Choose a ZIP archive.")])

    @property
    def code(self) -> TaxonomyCode:
        """Which taxonomy the archive is said to hold."""
        return TaxonomyCode(self.taxonomy.data)


def read_choices(sent: MultiDict[str, str]) -> list[Choice]:
    """
    Return what a list of ticked concepts says: for each its kind and its group.

    Raises
    ------
    InvalidInputError
        If a kind is none of the catalogue's.
    """
    choices = []
    for text in dict.fromkeys(sent.getlist("concept")):
        if not is_number(text):
            continue
        kind = sent.get(f"kind-{text}", "")
        if kind not in set(SkillKind):
            raise InvalidInputError("Choose a kind for each skill.")
        choices.append(Choice(int(text), SkillKind(kind), sent.get(f"group-{text}", "").strip()))
    return choices


def is_number(text: str) -> bool:
    """Return whether a text can be a key; Python refuses to read thousands of digits."""
    return text.isdecimal() and len(text) < 19
