"""Endorsing colleagues of one's own team: names and skills, and nothing else of them."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.evidence.forms import EndorseForm
from webapp.blueprints.evidence.views import blueprint
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.services import evidence_endorsements as endorsements
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, get_session, today
from webapp.web.toasts import flash_success, flash_undo


@blueprint.get("/colleagues")
@requires(Permission.ENDORSE_COLLEAGUES)
def colleagues() -> ResponseReturnValue:
    """List the colleagues of one's own team."""
    found = endorsements.list_colleagues(get_session(), current_person())
    return render_template("evidence/colleagues.html", colleagues=found)


@blueprint.get("/colleagues/<int:colleague_id>")
@requires(Permission.ENDORSE_COLLEAGUES)
def colleague(colleague_id: int) -> ResponseReturnValue:
    """Show the skills of a colleague, by name, and what one may endorse."""
    session, person = get_session(), current_person()
    shown = endorsements.get_colleague(session, person, colleague_id)
    offers = endorsements.list_endorsable(session, person, shown, today(person.site))
    return render_template("evidence/colleague.html", colleague=shown, offers=offers)


@blueprint.route("/colleagues/<int:colleague_id>/skills/<int:skill_id>", methods=["GET", "POST"])
@requires(Permission.ENDORSE_COLLEAGUES)
def endorse(colleague_id: int, skill_id: int) -> ResponseReturnValue:
    """Give one's word for a skill of a colleague."""
    session, person, form = get_session(), current_person(), EndorseForm()
    shown = endorsements.get_colleague(session, person, colleague_id)
    offers = endorsements.list_endorsable(session, person, shown, today(person.site))
    offer = next((one for one in offers if one.skill.id == skill_id), None)
    if offer is None:
        raise NotFoundError("This skill is not on your colleague's record.")
    form.offer(endorsements.CEILING)
    if form.validate_on_submit():
        try:
            event_id = endorsements.endorse(
                session,
                person,
                colleague_id=colleague_id,
                skill_id=skill_id,
                level=form.level.data,
                note=form.note.data or "",
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            message = f"You endorse {shown.name} in {offer.skill.name}."
            flash_undo(message, url_for(".take_back", event_id=event_id))
            return redirect(url_for(".colleague", colleague_id=colleague_id))
    if not form.is_submitted():
        form.offer(offer.highest)
    page = render_template("evidence/endorse.html", form=form, colleague=shown, offer=offer)
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/endorsements/<int:event_id>/take-back")
@requires(Permission.ENDORSE_COLLEAGUES)
def take_back(event_id: int) -> ResponseReturnValue:
    """Take one's endorsement back."""
    colleague = endorsements.take_back(get_session(), event_id, by=actor())
    flash_success(f"Your endorsement of {colleague.name} is taken back.")
    return redirect(url_for(".colleagues"))
