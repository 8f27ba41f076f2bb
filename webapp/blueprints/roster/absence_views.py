"""An absence's page, adding, changing and removing absences, and the one step for who calls in sick."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from webapp.blueprints.roster.forms import AbsenceForm
from webapp.blueprints.roster.shift_views import choose_person, choose_site, find_person
from webapp.blueprints.roster.views import REMOVED, blueprint, board_url
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import Absence
from webapp.services import absences, access, audit, people, roster
from webapp.services.access import Permission
from webapp.web.arguments import chosen_day
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session, today
from webapp.web.toasts import flash_undo


@blueprint.get("/absences/<int:absence_id>")
@requires(Permission.VIEW_ROSTER)
def absence(absence_id: int) -> ResponseReturnValue:
    """Show an absence and what was changed in it."""
    session, viewer = get_session(), current_viewer()
    shown = roster.get_absence(session, absence_id, viewer=viewer, permission=Permission.VIEW_ROSTER)
    return render_template(
        "roster/absence.html",
        absence=shown,
        board=board_url(shown.person, shown.starts_at),
        may_edit=people.covers(session, shown.person, viewer=viewer, permission=Permission.EDIT_ROSTER),
        events=audit.history(session, shown),
    )


@blueprint.route("/absences/new", methods=["GET", "POST"])
@requires(Permission.EDIT_ROSTER)
def add_absence() -> ResponseReturnValue:
    """Note that a person is away."""
    session, form, person = get_session(), AbsenceForm(), find_person()
    site = choose_site(person)
    form.offer(roster.list_plannable_people(session, viewer=current_viewer(), site=site))
    if not form.is_submitted():
        form.suggest(chosen_day(today(site)))
        form.person_id.data = person.id if person is not None else None
    elif form.validate():
        try:
            chosen = choose_person(form.person_id.data)
            added = absences.add_absence(session, chosen, draft=form.draft(chosen.site.time_zone), by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_undo(f"{chosen.name} is noted as away.", url_for(".remove_absence", absence_id=added.id))
            return redirect(board_url(chosen, added.starts_at))
    status = 422 if form.is_submitted() else 200
    page = render_template("roster/edit_absence.html", form=form, absence=None, site=site, back=url_for(".index"))
    return page, status


@blueprint.route("/absences/<int:absence_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_ROSTER)
def edit_absence(absence_id: int) -> ResponseReturnValue:
    """Change an absence; whoever saves second sees what changed and keeps their text."""
    session, shown = get_session(), _get(absence_id)
    zone, back = shown.person.site.time_zone, url_for(".absence", absence_id=absence_id)

    def make(sent: Sent) -> AbsenceForm:
        form = AbsenceForm(sent)
        form.offer([shown.person])
        if sent is None:
            form.person_id.data = shown.person_id
            form.show_absence(shown, zone)
        return form

    def save(form: AbsenceForm) -> None:
        absences.update_absence(
            session, shown, draft=form.draft(zone), version=form.version_number, seen=form.seen_words, by=actor()
        )

    def page(form: AbsenceForm, conflict: Conflict | None) -> str:
        return render_template(
            "roster/edit_absence.html", form=form, absence=shown, site=shown.person.site, back=back, conflict=conflict
        )

    return edit_row(
        shown,
        make=make,
        words=lambda: absences.describe_absence(shown, zone),
        save=save,
        page=page,
        done=lambda: go_on(f"The absence of {shown.person.name} is saved.", back),
    )


@blueprint.post("/absences/<int:absence_id>/remove")
@requires(Permission.EDIT_ROSTER)
def remove_absence(absence_id: int) -> ResponseReturnValue:
    """Take an absence out of the roster."""
    shown = _get(absence_id)
    person, board = shown.person, board_url(shown.person, shown.starts_at)
    draft = absences.remove_absence(get_session(), shown, by=actor())
    cookie[REMOVED] = {
        "person_id": person.id,
        "starts_at": draft.starts_at.isoformat(),
        "ends_at": draft.ends_at.isoformat(),
        "kind": draft.kind.value,
    }
    flash_undo(f"The absence of {person.name} is removed.", url_for(".restore"))
    return redirect(board)


@blueprint.post("/people/<int:person_id>/sick")
@requires(Permission.EDIT_ROSTER)
def sick(person_id: int) -> ResponseReturnValue:
    """Note in one step that a person is sick from now to the end of the day."""
    session = get_session()
    person = access.get_person(session, person_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)
    added = absences.report_sick(session, person, by=actor())
    flash_undo(f"{person.name} is sick today.", url_for(".remove_absence", absence_id=added.id))
    return redirect(board_url(person, added.starts_at))


def _get(absence_id: int) -> Absence:
    return roster.get_absence(get_session(), absence_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)
