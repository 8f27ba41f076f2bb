"""Where somebody is called, and that somebody called."""

from __future__ import annotations

import uuid

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.talk.forms import AddressForm
from webapp.blueprints.talk.views import blueprint
from webapp.models import Person
from webapp.services.access import Permission
from webapp.services.talk import calling
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, current_viewer, get_session
from webapp.web.toasts import flash_success


@blueprint.route("/address", methods=["GET", "POST"])
@requires(Permission.TALK)
def own_address() -> ResponseReturnValue:
    """Say where colleagues call one at work."""
    return _edit(current_person(), url_for("account.index"))


@blueprint.route("/people/<int:person_id>/address", methods=["GET", "POST"])
@requires(Permission.EDIT_PEOPLE)
def address(person_id: int) -> ResponseReturnValue:
    """Say where somebody else is called at work."""
    person = calling.get_callable(get_session(), person_id, viewer=current_viewer())
    return _edit(person, url_for("people.person", person_id=person_id))


def _edit(person: Person, back: str) -> ResponseReturnValue:
    def make(sent: Sent) -> AddressForm:
        return AddressForm(sent, obj=person)

    def save(form: AddressForm) -> None:
        calling.change_address(
            get_session(),
            person,
            form.call_address.data or "",
            version=form.version_number,
            seen=form.seen_words,
            viewer=current_viewer(),
            by=actor(),
        )

    def page(form: AddressForm, conflict: Conflict | None) -> str:
        return render_template("talk/address.html", form=form, person=person, back=back, conflict=conflict)

    return edit_row(
        person,
        make=make,
        words=lambda: calling.describe_address(person),
        save=save,
        page=page,
        done=lambda: go_on("The call address is saved.", back),
    )


@blueprint.post("/<int:engagement_id>/called")
@requires(Permission.TALK)
def note_call(engagement_id: int) -> ResponseReturnValue:
    """Note that one has called."""
    key = request.form.get("key") or uuid.uuid4().hex
    calling.note_call(get_session(), engagement_id, key=key, viewer=current_viewer(), by=actor())
    flash_success("Noted that you called.")
    return redirect(url_for(".show", engagement_id=engagement_id))
