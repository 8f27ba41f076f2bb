"""Forms that edit a row which somebody else may edit at the same time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, FieldList, FormField, HiddenField, SubmitField

__all__ = ["EditingForm"]


class EditingForm(FlaskForm):
    """
    A form that remembers what it was filled from, so that a lost race can be explained and made good.

    ``version`` is the version of the row, ``seen`` its values in words, and ``began`` a mark of each field's value: by
    it a field that was typed in is told from one that was left alone.
    """

    version = HiddenField()
    seen = HiddenField()
    began = HiddenField()

    def begin(self, version: int, words: Mapping[str, str], *, filled: EditingForm | None = None) -> None:
        """Note the version of the row, its values in words, and the fields as they are filled from it."""
        self.version.data = str(version)
        self.seen.data = json.dumps(dict(words))
        self.began.data = json.dumps({field.name: _mark(field) for field in (filled or self).editable()})

    @property
    def version_number(self) -> int:
        """The version that the form was filled from; 0, which no row has, if it is missing."""
        text = self.version.data
        # Where a request leaves it out, the library takes the row's own, a number, which must not count as seen.
        # Python refuses to read thousands of digits; no version has ten.
        return int(text) if isinstance(text, str) and text.isdecimal() and len(text) < 10 else 0

    @property
    def seen_words(self) -> dict[str, str]:
        """What the form showed at first: label → value."""
        return _read_object(self.seen.data)

    @property
    def marks(self) -> dict[str, str]:
        """Name of each field → mark of the value that it was filled with."""
        return _read_object(self.began.data)

    def editable(self) -> list[Field]:
        """Return the fields that a person fills in."""
        return [field for field in self if not isinstance(field, HiddenField | SubmitField)]

    def adopt(self, other: EditingForm, name: str) -> None:
        """Put a field of another form of the same kind, with its value, in the place of one's own."""
        field = other[name]
        self._fields[name] = field
        setattr(self, name, field)

    def merge(self, present: EditingForm, marks: Mapping[str, str]) -> list[Field]:
        """
        Bring what somebody else saved into the fields that nobody typed in here; keep what was typed.

        Parameters
        ----------
        present
            The same form, filled from the row as it is now.
        marks
            What the fields began with; a field without a mark counts as typed in.

        Returns
        -------
        list[Field]
            The fields that both changed, each to something else; they keep the text of this form.
        """
        clashes = []
        for theirs in present.editable():
            mine = self[theirs.name]
            began, here, there = marks.get(theirs.name), _mark(mine), _mark(theirs)
            if there in {here, began}:
                continue
            if here == began:
                self.adopt(present, theirs.name)
            else:
                clashes.append(mine)
        return clashes


def _read_object(text: str | None) -> dict[str, str]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _mark(field: Field) -> str:
    """Return a short mark of a field's value: equal for equal values."""
    return hashlib.sha256(json.dumps(_sent(field), sort_keys=True).encode()).hexdigest()[:16]


def _sent(field: Any) -> Any:
    """Return what a browser would send for a field as it stands; lines whose first field is empty are left out."""
    if isinstance(field, FieldList):
        lines = [_sent(line) for line in field.entries]
        return [line for line in lines if next(iter(line.values()), "") != ""]
    if isinstance(field, FormField):
        return {inner.short_name: _sent(inner) for inner in field.form if not isinstance(inner, HiddenField)}
    if isinstance(field, BooleanField):
        return bool(field.data)
    # The library's own way to say what the control shows; fields of choices have none.
    value = field._value() if hasattr(field, "_value") else field.data  # noqa: SLF001
    text = "" if value is None else str(getattr(value, "value", value))
    # A browser sends line breaks its own way.
    return "\n".join(text.splitlines())
