"""The directory: the list of people, a person's page, and its editing."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.people.forms import NewPersonForm, PersonForm
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import Person, Role
from webapp.services import access, careers, people, readiness, roles
from webapp.services.access import Permission
from webapp.services.people import PeopleFilter
from webapp.web.editing import Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session, today
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("people", __name__)

_ACTIVE = {"": True, "no": False, "all": None}


def _filter() -> PeopleFilter:
    role = request.args.get("role", "")
    return PeopleFilter(
        text=request.args.get("q", ""),
        site_id=request.args.get("site", type=int),
        team_id=request.args.get("team", type=int),
        role=Role(role) if role in set(Role) else None,
        service_role_id=request.args.get("service_role", type=int),
        active=_ACTIVE.get(request.args.get("active", ""), True),
    )


@blueprint.get("/people")
@requires(Permission.VIEW_PEOPLE)
def index() -> ResponseReturnValue:
    """List the people in the viewer's scope, as a page or as CSV."""
    session, viewer, wanted = get_session(), current_viewer(), _filter()
    names = {role.id: role.name for role in careers.list_service_roles(session)}
    if request.args.get("format") == "csv":
        return _csv(list(people.list_people(session, viewer=viewer, wanted=wanted)), names)
    sites = access.list_sites(session, viewer=viewer, permission=Permission.VIEW_PEOPLE)
    teams = access.list_teams(session, viewer=viewer, permission=Permission.VIEW_PEOPLE)
    page = page_from_request(people.count_people(session, viewer=viewer, wanted=wanted))
    return render_template(
        "people/index.html",
        people=people.list_people(session, viewer=viewer, wanted=wanted, offset=page.offset, limit=page.size),
        page=page,
        site_options=[(site.id, site.name) for site in sites],
        team_options=[(team.id, team.name) for team in teams],
        service_role_names=names,
        role_names=roles.ROLE_NAMES,
    )


def _csv(found: list[Person], service_roles: dict[int, str]) -> ResponseReturnValue:
    header = ("number", "name", "email", "site", "team", "service_role", "job_title", "roles", "is_agent", "active")
    rows = (
        (
            person.external_id,
            person.name,
            person.email,
            person.site.code,
            person.team.code if person.team else None,
            service_roles.get(person.service_role_id or 0),
            person.job_title,
            " ".join(sorted({grant.role.value for grant in person.grants})),
            "yes" if person.is_agent else "no",
            "yes" if person.active else "no",
        )
        for person in found
    )
    return csv_response("people.csv", header, rows)


@blueprint.get("/people/<int:person_id>")
@requires(Permission.VIEW_PEOPLE)
def person(person_id: int) -> ResponseReturnValue:
    """Show who a person is, what they may do, where they stand, and what was changed."""
    session, viewer = get_session(), current_viewer()
    shown = access.get_person(session, person_id, viewer=viewer, permission=Permission.VIEW_PEOPLE)
    allowed = {
        permission: people.covers(session, shown, viewer=viewer, permission=permission)
        for permission in (Permission.EDIT_PEOPLE, Permission.VIEW_READINESS, Permission.VIEW_RECORDS)
    }
    path = readiness.path_of(session, shown, on=today(shown.site)) if allowed[Permission.VIEW_READINESS] else None
    return render_template(
        "people/person.html",
        person=shown,
        words=people.describe(session, people.values_of(shown)),
        grants=roles.list_grants(session, shown),
        role_names=roles.ROLE_NAMES,
        may_edit=allowed[Permission.EDIT_PEOPLE],
        may_manage=allowed[Permission.EDIT_PEOPLE] and roles.may_manage(session, shown, viewer=viewer),
        may_see_records=allowed[Permission.VIEW_RECORDS],
        is_self=shown.id == viewer.person_id,
        path=path,
        events=people.list_history(session, shown) if allowed[Permission.EDIT_PEOPLE] else None,
    )


def _offer(form: PersonForm, present: Person | None = None) -> None:
    session, viewer = get_session(), current_viewer()
    form.offer(
        access.list_sites(session, viewer=viewer, permission=Permission.EDIT_PEOPLE),
        access.list_teams(session, viewer=viewer, permission=Permission.EDIT_PEOPLE),
        careers.list_service_roles(session),
        team_id=present.team_id if present else None,
    )


@blueprint.route("/people/new", methods=["GET", "POST"])
@requires(Permission.EDIT_PEOPLE)
def create() -> ResponseReturnValue:
    """Add a person."""
    form = NewPersonForm()
    _offer(form)
    if form.validate_on_submit():
        try:
            added = people.create_person(
                get_session(),
                external_id=form.external_id.data or "",
                values=form.values(),
                viewer=current_viewer(),
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{added.name} is in the directory.")
            return redirect(url_for(".person", person_id=added.id))
    return render_template("people/edit.html", form=form, person=None), 422 if form.is_submitted() else 200


@blueprint.route("/people/<int:person_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_PEOPLE)
def edit(person_id: int) -> ResponseReturnValue:
    """Change what the directory keeps of a person; whoever saves second sees what changed and keeps their text."""
    session = get_session()
    shown = access.get_person(session, person_id, viewer=current_viewer(), permission=Permission.EDIT_PEOPLE)

    def make(sent: Sent) -> PersonForm:
        form = PersonForm(sent, obj=people.values_of(shown))
        _offer(form, shown)
        return form

    def save(form: PersonForm) -> None:
        people.update_person(
            session,
            shown,
            values=form.values(),
            version=form.version_number,
            seen=form.seen_words,
            viewer=current_viewer(),
            by=actor(),
        )

    return edit_row(
        shown,
        make=make,
        words=lambda: people.describe(session, people.values_of(shown)),
        save=save,
        page=lambda form, conflict: render_template("people/edit.html", form=form, person=shown, conflict=conflict),
        done=lambda: go_on(f"{shown.name} is saved.", url_for(".person", person_id=shown.id)),
    )


@blueprint.post("/people/<int:person_id>/deactivate")
@requires(Permission.EDIT_PEOPLE)
def deactivate(person_id: int) -> ResponseReturnValue:
    """Take a person out of planning and end their sessions."""
    session, viewer = get_session(), current_viewer()
    shown = access.get_person(session, person_id, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    people.deactivate_person(session, shown, viewer=viewer, by=actor())
    flash_undo(f"{shown.name} is no longer active.", url_for(".activate", person_id=shown.id))
    return redirect(url_for(".person", person_id=shown.id))


@blueprint.post("/people/<int:person_id>/activate")
@requires(Permission.EDIT_PEOPLE)
def activate(person_id: int) -> ResponseReturnValue:
    """Bring a person back."""
    session, viewer = get_session(), current_viewer()
    shown = access.get_person(session, person_id, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    people.activate_person(session, shown, viewer=viewer, by=actor())
    flash_success(f"{shown.name} is active again.")
    return redirect(url_for(".person", person_id=shown.id))
