"""Fields of the API's schemas: their shape only, and strictly; the rules are in the services."""

from __future__ import annotations

import datetime as dt
import enum
import re
from typing import Any

import marshmallow as ma
from werkzeug.routing import IntegerConverter

MAX_KEY = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly; keys are far below it."""

_DIGITS = re.compile(r"-?[0-9]{1,16}")
_YEARS = range(1970, 2200)


class KeyConverter(IntegerConverter):
    """A key in an address: ``<key:person_id>``."""

    def __init__(self, url_map: Any) -> None:
        super().__init__(url_map, min=1, max=MAX_KEY)


class Whole(ma.fields.Integer):
    """A whole number within bounds: in a body a number and no text, in an address its digits."""

    from_text = False

    def __init__(self, low: int, high: int, **options: Any) -> None:
        super().__init__(validate=ma.validate.Range(low, high), **options)

    def _validated(self, value: Any) -> int:
        if isinstance(value, str) and not (self.from_text and _DIGITS.fullmatch(value)):
            raise self.make_error("invalid", input=value)
        if isinstance(value, float) and not value.is_integer():
            raise self.make_error("invalid", input=value)
        return int(super()._validated(value))


class Key(Whole):
    """A key of a row."""

    def __init__(self, **options: Any) -> None:
        super().__init__(1, MAX_KEY, **options)


class Real(ma.fields.Float):
    """A number within bounds, which text is not."""

    def __init__(self, low: float, high: float, **options: Any) -> None:
        super().__init__(validate=ma.validate.Range(low, high), **options)

    def _validated(self, value: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid", input=value)
        return float(super()._validated(value))


class Flag(ma.fields.Boolean):
    """True or false, and nothing that may stand for them."""

    from_text = False

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        if isinstance(value, bool) or (self.from_text and value in {"true", "false"}):
            return super()._deserialize(value, *args, **options)
        raise self.make_error("invalid", input=value)


class Text(ma.fields.String):
    """A text of at most so many characters, none of which a database refuses."""

    def __init__(self, most: int, *, least: int = 0, **options: Any) -> None:
        super().__init__(validate=ma.validate.Length(least, most), **options)

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        text = super()._deserialize(value, *args, **options)
        if "\x00" in text or any(0xD800 <= ord(sign) < 0xE000 for sign in text):
            raise ma.ValidationError("A character of it cannot be stored.")
        return text


class Name(Text):
    """A name of at most 200 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(200, least=1, **options)


class Code(Text):
    """A code by which other systems know something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(80, least=1, **options)


class NewCode(Code):
    """A code that Mainstay gives to something of its own, of the signs that are allowed there."""

    def __init__(self, signs: re.Pattern[str], **options: Any) -> None:
        super().__init__(**options)
        # The document takes the pattern as it stands; JSON Schema looks for it anywhere in the text.
        words = "Use other signs: this code is not of the form that the document describes."
        self.validators.append(ma.validate.Regexp(f"^(?:{signs.pattern})$", error=words))


class Level(Whole):
    """A proficiency level."""

    def __init__(self, low: int = 0, **options: Any) -> None:
        super().__init__(low, 5, **options)


class Moment(ma.fields.AwareDateTime):
    """A moment with its offset, as RFC 3339 writes it; answered in UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        moment = super()._deserialize(value, *args, **options)
        if moment.year not in _YEARS:
            raise ma.ValidationError(f"Use a year from {_YEARS[0]} to {_YEARS[-1]}.")
        return moment.astimezone(dt.UTC)


class Day(ma.fields.Date):
    """A date, such as 2026-11-23."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> Any:
        day = super()._deserialize(value, *args, **options)
        if day.year not in _YEARS:
            raise ma.ValidationError(f"Use a year from {_YEARS[0]} to {_YEARS[-1]}.")
        return day


class Choice(ma.fields.Enum[Any]):
    """One of a few words."""

    def __init__(self, kind: type[enum.StrEnum], **options: Any) -> None:
        super().__init__(kind, by_value=True, **options)
