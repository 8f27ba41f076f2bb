"""A shift's page, and adding, changing and removing shifts."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from webapp.blueprints.roster.forms import ShiftForm
from webapp.blueprints.roster.views import REMOVED, blueprint, board_url, list_editable_sites
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import Person, Shift, Site, SlotState
from webapp.services import access, audit, people, roster, shifts
from webapp.services.access import Permission
from webapp.services.planning import stretch_slots
from webapp.web.arguments import chosen_day
from webapp.web.editing import Conflict, Sent, edit_row, go_on, lines_button_pressed
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, current_viewer, get_session, now, today
from webapp.web.toasts import flash_success, flash_undo


@blueprint.get("/shifts/<int:shift_id>")
@requires(Permission.VIEW_ROSTER)
def shift(shift_id: int) -> ResponseReturnValue:
    """Show a shift and what was changed in it."""
    session, viewer = get_session(), current_viewer()
    shown = roster.get_shift(session, shift_id, viewer=viewer, permission=Permission.VIEW_ROSTER)
    return render_template(
        "roster/shift.html",
        shift=shown,
        board=board_url(shown.person, shown.starts_at),
        may_edit=people.covers(session, shown.person, viewer=viewer, permission=Permission.EDIT_ROSTER),
        events=audit.history(session, shown),
        slots=stretch_slots.list_slots(
            session, [shown.person_id], shown.starts_at, shown.ends_at, states=(SlotState.CHOSEN, SlotState.REFUSED)
        ),
        now=now(),
    )


@blueprint.route("/shifts/new", methods=["GET", "POST"])
@requires(Permission.EDIT_ROSTER)
def add_shift() -> ResponseReturnValue:
    """Give a person a shift."""
    session, form, person = get_session(), ShiftForm(), find_person()
    site = choose_site(person)
    form.offer(roster.list_plannable_people(session, viewer=current_viewer(), site=site))
    changed_lines = _change_lines(form)
    if not form.is_submitted():
        form.suggest(chosen_day(today(site)))
        form.person_id.data = person.id if person is not None else None
    elif not changed_lines and form.validate():
        try:
            chosen = choose_person(form.person_id.data)
            added = shifts.add_shift(session, chosen, draft=form.draft(chosen.site.time_zone), by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{chosen.name} has a new shift.")
            return redirect(board_url(chosen, added.starts_at))
    status = 422 if form.is_submitted() and not changed_lines else 200
    return render_template("roster/edit_shift.html", form=form, shift=None, site=site, back=url_for(".index")), status


@blueprint.route("/shifts/<int:shift_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_ROSTER)
def edit_shift(shift_id: int) -> ResponseReturnValue:
    """Change a shift and its breaks; whoever saves second sees what changed and keeps their text."""
    session, shown = get_session(), _get(shift_id)
    zone, back = shown.person.site.time_zone, url_for(".shift", shift_id=shift_id)

    def make(sent: Sent) -> ShiftForm:
        form = ShiftForm(sent)
        form.offer([shown.person])
        if sent is None:
            form.person_id.data = shown.person_id
            form.show_shift(shown, zone)
        else:
            _change_lines(form)
        return form

    def save(form: ShiftForm) -> None:
        shifts.update_shift(
            session, shown, draft=form.draft(zone), version=form.version_number, seen=form.seen_words, by=actor()
        )

    def page(form: ShiftForm, conflict: Conflict | None) -> str:
        site = shown.person.site
        return render_template(
            "roster/edit_shift.html", form=form, shift=shown, site=site, back=back, conflict=conflict
        )

    return edit_row(
        shown,
        make=make,
        words=lambda: shifts.describe_shift(shown, zone),
        save=save,
        page=page,
        done=lambda: go_on(f"The shift of {shown.person.name} is saved.", back),
        unfinished=lines_button_pressed(),
    )


@blueprint.post("/shifts/<int:shift_id>/remove")
@requires(Permission.EDIT_ROSTER)
def remove_shift(shift_id: int) -> ResponseReturnValue:
    """Take a shift out of the roster."""
    shown = _get(shift_id)
    person, board = shown.person, board_url(shown.person, shown.starts_at)
    draft = shifts.remove_shift(get_session(), shown, by=actor())
    cookie[REMOVED] = {
        "person_id": person.id,
        "starts_at": draft.starts_at.isoformat(),
        "ends_at": draft.ends_at.isoformat(),
        "breaks": [[start.isoformat(), end.isoformat()] for start, end in draft.breaks],
    }
    flash_undo(f"The shift of {person.name} is removed.", url_for(".restore"))
    return redirect(board)


def find_person() -> Person | None:
    """Return the person whom the address names, or None if it names none."""
    person_id = request.args.get("person", type=int)
    if person_id is None:
        return None
    return access.get_person(get_session(), person_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)


def choose_site(person: Person | None) -> Site:
    """
    Return the site whose people a form offers: the person's, else the one in the address, else one's own.

    Raises
    ------
    NotFoundError
        If the viewer edits no roster there.
    """
    if person is not None:
        return person.site
    sites = {site.id: site for site in list_editable_sites()}
    wanted = request.args.get("site", type=int)
    if wanted is None:
        wanted = current_person().site_id if current_person().site_id in sites else next(iter(sites), None)
    if wanted not in sites:
        raise NotFoundError("There is no such site.")
    return sites[wanted]


def choose_person(person_id: int | None) -> Person:
    """
    Return the person chosen in a form.

    Raises
    ------
    InvalidInputError
        If nobody is chosen.
    """
    if person_id is None:
        raise InvalidInputError("Choose a person.", field="person_id")
    return access.get_person(get_session(), person_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)


def _get(shift_id: int) -> Shift:
    return roster.get_shift(get_session(), shift_id, viewer=current_viewer(), permission=Permission.EDIT_ROSTER)


def _change_lines(form: ShiftForm) -> bool:
    """Add or take out a break if that is what the button was for, and say whether it was."""
    form.change_lines(add="add" in request.form, remove=request.form.get("remove"))
    return lines_button_pressed()
