"""Deputies: a lead names who reviews while they are away, or HR does."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.deputies.forms import DeputyForm
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error, options
from webapp.services import deputies
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.request import actor, can, current_person, current_viewer, get_session, today
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("deputies", __name__, url_prefix="/deputies")


def _form() -> DeputyForm:
    """Return the form with the choices that the viewer has; none where they may name nobody."""
    session, form = get_session(), DeputyForm()
    leads = deputies.list_leads(session, viewer=current_viewer()) if can(Permission.NAME_DEPUTIES) else []
    candidates = deputies.list_candidates(session, leads) if leads else []
    form.lead_id.choices = options((lead.id, lead.name) for lead in leads)
    form.deputy_id.choices = options(
        (person.id, f"{person.name}, {person.team.name}" if person.team else person.name)
        for person in candidates
        if len(leads) > 1 or person.id != leads[0].id
    )
    return form


def _page(form: DeputyForm) -> str:
    return render_template(
        "deputies/index.html",
        form=form,
        deputyships=deputies.list_deputyships(get_session(), viewer=current_viewer(), on=today(current_person().site)),
        on=today(current_person().site),
    )


@blueprint.get("")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """Show who reviews in whose place, and let a lead or HR name somebody."""
    form = _form()
    form.lead_id.data = request.args.get("lead", type=int) or current_person().id
    form.starts_on.data = form.starts_on.data or today(current_person().site)
    return _page(form)


@blueprint.post("")
@requires(Permission.NAME_DEPUTIES)
def name() -> ResponseReturnValue:
    """Name a deputy."""
    form = _form()
    if form.validate():
        starts_on, last_on = form.days()
        try:
            named = deputies.name_deputy(
                get_session(),
                lead_id=form.lead_id.data,
                deputy_id=form.deputy_id.data,
                starts_on=starts_on,
                last_on=last_on,
                viewer=current_viewer(),
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        except ConflictError as error:
            add_error(form, InvalidInputError(str(error), field="starts_on"))
        else:
            flash_undo(
                f"{named.deputy.name} reviews in place of {named.lead.name}.", url_for(".end", deputyship_id=named.id)
            )
            return redirect(url_for(".index"))
    return _page(form), 422


@blueprint.post("/<int:deputyship_id>/end")
@requires(Permission.USE_MAINSTAY)
def end(deputyship_id: int) -> ResponseReturnValue:
    """End a deputyship before its time: the lead, the deputy or HR may."""
    ended = deputies.end_deputyship(get_session(), deputyship_id, viewer=current_viewer(), by=actor())
    flash_success(f"{ended.deputy.name} no longer reviews in place of {ended.lead.name}.")
    return redirect(url_for(".index"))
