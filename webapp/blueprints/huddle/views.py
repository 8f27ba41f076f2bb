"""The huddle's page, and what was agreed in it."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.huddle.forms import NoteForm
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import Site, Team
from webapp.services.access import Permission
from webapp.services.talk import huddle
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, can, current_viewer, get_session, now, today
from webapp.web.sites import chosen_site, list_sites
from webapp.web.toasts import flash_undo

blueprint = Blueprint("huddle", __name__, url_prefix="/huddle")


def _place(permission: Permission) -> tuple[Site, Team | None]:
    """Return the site and the team that the address names; one's own site and all its teams by default."""
    site = chosen_site(permission)
    team_id = request.args.get("team", type=int)
    team = next((each for each in site.teams if each.id == team_id), None)
    if team_id is not None and team is None:
        raise NotFoundError("There is no such team.")
    return site, team


@blueprint.get("")
@requires(Permission.VIEW_PLANS)
def index() -> ResponseReturnValue:
    """Show what the huddle is about."""
    site, team = _place(Permission.VIEW_PLANS)
    return _page(site, team, None)


def _page(site: Site, team: Team | None, form: NoteForm | None) -> str:
    session, viewer = get_session(), current_viewer()
    watch(f"plans:{site.id}", f"threads:{site.id}", f"huddle:{site.id}", pause_seconds=5)
    if form is None:
        form = _form(site, team)
    return render_template(
        "huddle/index.html",
        huddle=huddle.huddle_of(session, site, team=team, viewer=viewer, at=now()),
        site=site,
        sites=list_sites(Permission.VIEW_PLANS),
        team=team,
        form=form,
        may_write=can(Permission.RUN_PLANS),
    )


def _form(site: Site, team: Team | None) -> NoteForm:
    form = NoteForm()
    form.owner_id.choices = [(each.id, each.name) for each in huddle.list_owners(get_session(), site, team=team)]
    return form


@blueprint.post("")
@requires(Permission.RUN_PLANS)
def agree() -> ResponseReturnValue:
    """Note what was agreed."""
    site, team = _place(Permission.RUN_PLANS)
    form = _form(site, team)
    if form.validate_on_submit():
        try:
            huddle.agree(
                get_session(),
                site,
                team=team,
                day_on=today(site),
                text=form.text.data or "",
                owner_id=form.owner_id.data,
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            return redirect(url_for(".index", site=site.id, team=team.id if team else None, _anchor="agreed"))
    return _page(site, team, form), 422


@blueprint.post("/notes/<int:note_id>/done")
@requires(Permission.TALK)
def close(note_id: int) -> ResponseReturnValue:
    """Note that something agreed is done."""
    flash_undo("Done.", url_for(".reopen", note_id=note_id))
    return _close(note_id, done=True)


@blueprint.post("/notes/<int:note_id>/open")
@requires(Permission.TALK)
def reopen(note_id: int) -> ResponseReturnValue:
    """Take back that something agreed is done."""
    return _close(note_id, done=False)


def _close(note_id: int, *, done: bool) -> ResponseReturnValue:
    session = get_session()
    note = huddle.get_note(session, note_id, viewer=current_viewer())
    huddle.close(session, note, done=done, by=actor())
    if can(Permission.VIEW_PLANS):
        return redirect(url_for(".index", site=note.site_id, _anchor="agreed"))
    return redirect(url_for("day.index", _anchor="huddle"))
