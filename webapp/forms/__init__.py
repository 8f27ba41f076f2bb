"""Form parts that several features share."""

from __future__ import annotations

from flask_wtf import FlaskForm

from webapp.errors import InvalidInputError

__all__ = ["add_error"]


def add_error(form: FlaskForm, error: InvalidInputError) -> None:
    """Put a domain error beside the field that it is about, or at the head of the form."""
    if error.field is not None and error.field in form:
        field = form[error.field]
        field.errors = [*field.errors, str(error)]
    else:
        form.form_errors.append(str(error))
