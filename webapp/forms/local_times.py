"""Wall-clock times in forms: a time field, and beside it the question which is meant where the clock shows it twice."""

from __future__ import annotations

import datetime as dt

from wtforms import DateTimeLocalField, Form, SelectField
from wtforms.validators import InputRequired

from webapp.forms import options
from webapp.services import zones
from webapp.services.zones import Occurrence

__all__ = ["local_time_field", "occurrence_field", "read_moment", "show_moment"]

_FORMATS = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M")
_SUFFIX = "_occurrence"


def local_time_field(label: str, description: str = "") -> DateTimeLocalField:
    """Return a field for date and time as the clock of a site shows them."""
    return DateTimeLocalField(
        label, [InputRequired("Give date and time.")], format=list(_FORMATS), description=description
    )


def occurrence_field(label: str) -> SelectField:
    """Return the question which of two equal times is meant; its name is the time's with ``_occurrence`` after it."""
    return SelectField(
        f"{label}: which one?",
        choices=options([("", "It comes once"), ("first", "The first time"), ("second", "The second time")]),
        default="",
    )


def read_moment(form: Form, name: str, zone: str, *, local: dt.datetime | None = None) -> dt.datetime:
    """
    Return the moment that a valid form's time field means at a zone.

    Parameters
    ----------
    form, name
        The form and the name of its time field.
    zone
        IANA name of the zone whose clock is meant.
    local
        Date and time, where the field itself holds the time of day alone.

    Raises
    ------
    InvalidInputError
        If the clock skips the time, or shows it twice and nobody said which is meant.
    """
    chosen = form[name + _SUFFIX].data
    return zones.to_utc(
        local or form[name].data,
        zone,
        occurrence=Occurrence(chosen) if chosen in set(Occurrence) else None,
        field=name,
        occurrence_field=name + _SUFFIX,
    )


def show_moment(form: Form, name: str, moment: dt.datetime, zone: str) -> None:
    """Fill a time field, and which of two it is where that matters."""
    form[name].data = zones.to_local(moment, zone)
    form[name + _SUFFIX].data = zones.find_occurrence(moment, zone) or ""
