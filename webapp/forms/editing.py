"""Forms that edit a row which somebody else may edit at the same time."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask_wtf import FlaskForm
from wtforms import HiddenField

__all__ = ["EditingForm"]


class EditingForm(FlaskForm):
    """A form that remembers the version it was filled from and what it showed, so that a lost race can be explained."""

    version = HiddenField()
    seen = HiddenField()

    def begin(self, version: int, words: Mapping[str, str]) -> None:
        """Note the version of the row and its values in words."""
        self.version.data = str(version)
        self.seen.data = json.dumps(dict(words))

    @property
    def version_number(self) -> int:
        """The version that the form was filled from; 0, which no row has, if it is missing."""
        text = self.version.data or ""
        # Python refuses to read thousands of digits; no version has ten.
        return int(text) if text.isdecimal() and len(text) < 10 else 0

    @property
    def seen_words(self) -> dict[str, str]:
        """What the form showed at first: label → value."""
        try:
            words = json.loads(self.seen.data or "{}")
        except ValueError:
            return {}
        return {str(label): str(value) for label, value in words.items()} if isinstance(words, dict) else {}
