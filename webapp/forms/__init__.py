"""Form parts that several features share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask_wtf import FlaskForm
from wtforms.fields import choices

from webapp.errors import InvalidInputError

__all__ = ["add_error", "options", "to_key"]


def add_error(form: FlaskForm, error: InvalidInputError) -> None:
    """Put a domain error beside the field that it is about, or at the head of the form."""
    if error.field is not None and error.field in form:
        field = form[error.field]
        field.errors = [*field.errors, str(error)]
    else:
        form.form_errors.append(str(error))


def options(pairs: Iterable[tuple[object, str]]) -> list[Any]:
    """Return the choices of a select or radio field from values and their labels."""
    # The library's own annotations do not know its new class yet, which replaces tuples.
    select_choice: Any = choices.SelectChoice  # type: ignore[attr-defined]
    return [select_choice(value, label) for value, label in pairs]


def to_key(value: Any) -> int | None:
    """Return the key that an option stands for, None for the empty option: the ``coerce`` of a select field."""
    return int(value) if value not in {None, "", "None"} else None
