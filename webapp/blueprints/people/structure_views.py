"""Sites and teams."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.people.forms import SiteForm, TeamForm
from webapp.blueprints.people.views import blueprint
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.services import access, audit, organisation
from webapp.services.access import Permission
from webapp.web.editing import Conflict, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success


@blueprint.get("/people/structure")
@requires(Permission.EDIT_PEOPLE)
def structure() -> ResponseReturnValue:
    """Show sites and teams, as a page or as CSV."""
    rows = organisation.list_structure(get_session(), viewer=current_viewer())
    if request.args.get("format") == "csv":
        header = ("site", "site_name", "time_zone", "team", "team_name", "members")
        lines = (
            (row.site.code, row.site.name, row.site.time_zone, line.team.code, line.team.name, line.members)
            for row in rows
            for line in row.teams
        )
        return csv_response("teams.csv", header, lines)
    everywhere = current_viewer().scope(Permission.EDIT_PEOPLE).everywhere
    return render_template("people/structure.html", rows=rows, may_add_site=everywhere)


@blueprint.route("/sites/new", methods=["GET", "POST"])
@requires(Permission.EDIT_PEOPLE)
def create_site() -> ResponseReturnValue:
    """Add a site."""
    form = SiteForm()
    if form.validate_on_submit():
        try:
            site = organisation.create_site(
                get_session(),
                code=form.code.data or "",
                name=form.name.data or "",
                time_zone=form.time_zone.data or "",
                viewer=current_viewer(),
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{site.name} is added.")
            return redirect(url_for(".structure"))
    return _site_page(form), 422 if form.is_submitted() else 200


@blueprint.route("/sites/<int:site_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_PEOPLE)
def edit_site(site_id: int) -> ResponseReturnValue:
    """Rename a site or correct its time zone."""
    session = get_session()
    site = access.get_site(session, site_id, viewer=current_viewer(), permission=Permission.EDIT_PEOPLE)

    def save(form: SiteForm) -> None:
        organisation.update_site(
            session,
            site,
            name=form.name.data or "",
            time_zone=form.time_zone.data or "",
            version=form.version_number,
            seen=form.seen_words,
            by=actor(),
        )

    return edit_row(
        site,
        make=lambda sent: SiteForm(sent, obj=site),
        words=lambda: organisation.describe_site(site),
        save=save,
        page=lambda form, conflict: _site_page(form, site=site, conflict=conflict, events=audit.history(session, site)),
        done=lambda: go_on(f"{site.name} is saved.", url_for(".structure")),
    )


def _site_page(form: SiteForm, **values: object) -> str:
    return render_template("people/site.html", form=form, time_zones=organisation.list_time_zones(), **values)


@blueprint.post("/sites/<int:site_id>/delete")
@requires(Permission.EDIT_PEOPLE)
def delete_site(site_id: int) -> ResponseReturnValue:
    """Remove a site that nothing refers to."""
    session = get_session()
    site = access.get_site(session, site_id, viewer=current_viewer(), permission=Permission.EDIT_PEOPLE)
    organisation.delete_site(session, site, by=actor())
    flash_success(f"{site.name} is removed.")
    return redirect(url_for(".structure"))


@blueprint.route("/sites/<int:site_id>/teams/new", methods=["GET", "POST"])
@requires(Permission.EDIT_PEOPLE)
def create_team(site_id: int) -> ResponseReturnValue:
    """Add a team to a site."""
    session, form = get_session(), TeamForm()
    site = access.get_site(session, site_id, viewer=current_viewer(), permission=Permission.EDIT_PEOPLE)
    if form.validate_on_submit():
        try:
            team = organisation.create_team(
                session, site, code=form.code.data or "", name=form.name.data or "", by=actor()
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{team.name} is added.")
            return redirect(url_for(".structure"))
    return render_template("people/team.html", form=form, site=site), 422 if form.is_submitted() else 200


@blueprint.route("/teams/<int:team_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_PEOPLE)
def edit_team(team_id: int) -> ResponseReturnValue:
    """Rename a team."""
    session = get_session()
    team = organisation.get_team(session, team_id, viewer=current_viewer())

    def save(form: TeamForm) -> None:
        organisation.update_team(
            session, team, name=form.name.data or "", version=form.version_number, seen=form.seen_words, by=actor()
        )

    def page(form: TeamForm, conflict: Conflict | None) -> str:
        events = audit.history(session, team)
        return render_template(
            "people/team.html", form=form, site=team.site, team=team, conflict=conflict, events=events
        )

    return edit_row(
        team,
        make=lambda sent: TeamForm(sent, obj=team),
        words=lambda: organisation.describe_team(team),
        save=save,
        page=page,
        done=lambda: go_on(f"{team.name} is saved.", url_for(".structure")),
    )


@blueprint.post("/teams/<int:team_id>/delete")
@requires(Permission.EDIT_PEOPLE)
def delete_team(team_id: int) -> ResponseReturnValue:
    """Remove an empty team."""
    session = get_session()
    team = organisation.get_team(session, team_id, viewer=current_viewer())
    organisation.delete_team(session, team, by=actor())
    flash_success(f"{team.name} is removed.")
    return redirect(url_for(".structure"))
