"""Forms of an import: the file with its choices, and the mapping of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import DateField, SelectField
from wtforms.validators import Optional

from webapp.forms import options
from webapp.models import ImportKind, Site
from webapp.services.importing.call_log.presets import list_presets
from webapp.services.importing.columns import Column
from webapp.services.importing.reading import ENCODINGS
from webapp.services.importing.shift_difference import Missing

_CHOICE = "column_"
MISSING = options(
    [
        (Missing.KEEP.value, "Keep them"),
        (Missing.PEOPLE.value, "Remove those of the people in the file"),
        (Missing.TEAMS.value, "Remove those of everybody in their teams"),
        (Missing.SITES.value, "Remove those of everybody at their sites"),
    ]
)
"""Choices for stored shifts that a file lacks, within the days that it covers."""


def _key(value: Any) -> int | None:
    return int(value) if str(value).isdigit() else None


class UploadForm(FlaskForm):
    """A file and how it is to be read."""

    file = FileField("File", [FileRequired("Choose a CSV or XLSX file.")])
    site_id = SelectField("Site", coerce=_key)
    encoding = SelectField("Encoding")
    preset = SelectField("Preset")
    evidence_before = DateField("Evidence before", [Optional()])
    missing = SelectField("Stored shifts that the file lacks", choices=MISSING)

    def offer(self, kind: ImportKind, sites: Sequence[Site], *, site_needed: bool) -> None:
        """Fill the choices, and leave out what the kind does not have."""
        places = [(site.id, site.name) for site in sites]
        unsaid = "All that the file names" if kind is ImportKind.SHIFTS else "Each row names its own"
        self.site_id.choices = options(places if site_needed else [("", unsaid), *places])
        self.encoding.choices = options([("", "UTF-8 (usual)"), *((name, name) for name in ENCODINGS[1:])])
        self.preset.choices = options([("", "Find it by the headers"), *((name, name) for name in list_presets())])
        if kind is not ImportKind.ACD_LOG:
            del self.preset, self.evidence_before
        if kind is not ImportKind.SHIFTS:
            del self.missing

    def choices_made(self) -> dict[str, str]:
        """Return the options of the import that were given."""
        made = {"encoding": self.encoding.data, "preset": self.preset.data if "preset" in self else None}
        day = self.evidence_before.data if "evidence_before" in self else None
        if day is not None:
            made["evidence_before"] = day.isoformat()
        if "missing" in self and self.missing.data != Missing.KEEP:
            made["missing"] = self.missing.data
        return {name: value for name, value in made.items() if value}


class MissingForm(FlaskForm):
    """What becomes of stored shifts that a file lacks."""

    missing = SelectField("Stored shifts that the file lacks", choices=MISSING)

    def choice(self) -> Missing:
        """Return what was chosen."""
        return Missing(self.missing.data)


class MappingForm(FlaskForm):
    """One choice of a header for each column; the columns are those of a kind."""

    @classmethod
    def of(cls, columns: Sequence[Column], header: Sequence[str], mapping: Mapping[str, str]) -> MappingForm:
        """Return the form for some columns, filled with a mapping."""
        headers = [("", "– not in this file –"), *((name, name) for name in header if name)]
        fields: dict[str, Any] = {
            _CHOICE + column.name: SelectField(
                column.name,
                choices=options(headers),
                default=mapping.get(column.name, ""),
                description=f"{column.meaning}. Accepted: {column.parser.accepts}.",
                render_kw={"required": True} if column.required else None,
            )
            for column in columns
        }
        return cast(MappingForm, type("ColumnsForm", (cls,), fields)())

    def mapping(self) -> dict[str, str]:
        """Return column → header of what was chosen."""
        return {
            field.name.removeprefix(_CHOICE): field.data
            for field in self
            if field.name.startswith(_CHOICE) and field.data
        }

    def choices_of(self) -> list[Any]:
        """Return the fields that choose headers, in the order of the columns."""
        return [field for field in self if field.name.startswith(_CHOICE)]
