"""
The one way in which a page edits a row: whoever saves second sees both versions and loses no word.

A view says how its form is made and what saving means; :func:`edit_row` does the rest.  Where somebody else saved
meanwhile, the answer shows what both began from, what the other wrote and what this person wrote, side by side.  The
form below keeps everything that this person typed, takes over what the other changed elsewhere, and asks which of the
two stands where both changed the same field.  Nothing is written until this person has seen it and saves again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import redirect, request
from flask.typing import ResponseReturnValue
from wtforms import Field

from webapp.db import Versioned
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.forms.editing import EditingForm
from webapp.services import audit, versions
from webapp.services.versions import Difference
from webapp.web.request import current_person, get_session
from webapp.web.toasts import flash_success

TAKE_THEIRS = "take_theirs"

Sent = Mapping[str, Any] | None
"""What a form is filled from: what was sent, or the row itself if it is None."""

Form = TypeVar("Form", bound=EditingForm)


@dataclass(frozen=True, slots=True)
class Conflict:
    """
    Why a save was refused, and what the two versions are.

    Parameters
    ----------
    message
        A sentence for the person.
    differences
        What either changed, in words.
    clashes
        The fields of the form that both changed.
    name, at
        Who saved first, and when; empty where the trail does not know.
    zone
        The zone whose clock ``at`` is shown by.
    """

    message: str
    differences: tuple[Difference, ...] = ()
    clashes: tuple[Field, ...] = ()
    name: str = ""
    at: dt.datetime | None = None
    zone: str = "UTC"


def go_on(message: str, url: str) -> ResponseReturnValue:
    """Say that something is saved, and lead on."""
    flash_success(message)
    return redirect(url)


def lines_button_pressed() -> bool:
    """Return whether the form was sent by a button that only adds or takes out a line of it."""
    return "add" in request.form or "remove" in request.form


def edit_row(
    row: Any,
    *,
    make: Callable[[Sent], Form],
    words: Callable[[], Mapping[str, str]],
    save: Callable[[Form], object],
    page: Callable[[Form, Conflict | None], str],
    done: Callable[[], ResponseReturnValue],
    unfinished: bool = False,
) -> ResponseReturnValue:
    """
    Answer a request that shows or saves the form of a row.

    Parameters
    ----------
    row
        The row: ``Versioned``, with an ``id``.
    make
        Returns the form with its choices: filled from the row for None, else from what was sent.
    words
        Returns what the row holds now: label → value.
    save
        Writes what the form says, by a command that takes the form's version and what it had shown.
    page
        Returns the page with the form.
    done
        Says that it is saved, and leads on.
    unfinished
        Whether the button only added or took out a line of the form.
    """
    if request.method != "POST":
        form = make(None)
        form.begin(row.version, words())
        return page(form, None)
    versions.lock(get_session(), row)
    form = make(request.form)
    if unfinished:
        return page(form, None)
    if form.version_number == row.version:
        _take_theirs(form, make)
    valid, conflict = form.validate(), None
    try:
        # Who saves second learns it at once, even if their own text needs another look as well.
        if form.version_number:
            versions.require_version(row, form.version_number, seen=form.seen_words, present=words())
        if valid:
            save(form)
            return done()
    except InvalidInputError as error:
        add_error(form, error)
    except ConflictError as error:
        conflict = _explain(error, row, form, make, words, save, valid=valid)
    return page(form, conflict), 422 if conflict is None else 409


def _take_theirs(form: Form, make: Callable[[Sent], Form]) -> None:
    """Put what the row holds into the fields for which the person chose it over their own text."""
    chosen = request.form.getlist(TAKE_THEIRS)
    present = make(None) if chosen else form
    for field in present.editable() if chosen else ():
        if field.name in chosen:
            form.adopt(present, field.name)


def _explain(
    error: ConflictError,
    row: Versioned,
    form: Form,
    make: Callable[[Sent], Form],
    words: Callable[[], Mapping[str, str]],
    save: Callable[[Form], object],
    *,
    valid: bool,
) -> Conflict:
    """Return both versions, and make the form ready to be saved on what is there now."""
    if form.version_number == row.version:
        return Conflict(str(error))
    session, before, marks = get_session(), form.seen_words, form.marks
    theirs, present = dict(words()), make(None)
    form.begin(row.version, theirs, filled=present)
    yours = versions.try_out(session, lambda: save(form), words) if valid else {}
    clashes = form.merge(present, marks)
    event = next(iter(audit.history(session, row, limit=1)), None)  # type: ignore[arg-type]
    return Conflict(
        message=str(error),
        differences=tuple(versions.compare(before, theirs, yours)),
        clashes=tuple(clashes),
        name=event.actor.name if event is not None and event.actor is not None else "",
        at=event.at if event is not None else None,
        zone=current_person().site.time_zone,
    )
