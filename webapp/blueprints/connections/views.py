"""Connections to other systems: what they are to say, what was refused, and a try-out."""

from __future__ import annotations

import json

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.connections.forms import ConnectionForm
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import ConnectionPreset, WriteState
from webapp.services import access, audit
from webapp.services.access import Permission
from webapp.services.connections import exchange, keeping
from webapp.services.connections.presets import PRESETS
from webapp.web.calling import get_gate
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, today
from webapp.web.secret_box import get_secret_box
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success

blueprint = Blueprint("connections", __name__)
_CSV_ROWS = 100_000


@blueprint.get("/connections")
@requires(Permission.MANAGE_CONNECTIONS)
def index() -> ResponseReturnValue:
    """List the connections, as a page or as CSV."""
    watch("connection")
    session = get_session()
    listed, counts = keeping.list_connections(session), keeping.count_writes(session)
    if request.args.get("format") == "csv":
        header = ("id", "name", "system", "site", "mode", *(f"{state.value}_writes" for state in WriteState))
        rows = (
            (
                each.id,
                each.name,
                PRESETS[each.preset].title,
                each.site.code,
                "off" if not each.active else "shadow" if each.shadow else "live",
                *(counts.get(each.id, {}).get(state, 0) for state in WriteState),
            )
            for each in listed
        )
        return csv_response("connections.csv", header, rows)
    return render_template("connections/index.html", connections=listed, counts=counts, presets=PRESETS)


def _form(sent: Sent = None, **values: object) -> ConnectionForm:
    form = ConnectionForm(sent) if sent is not None else ConnectionForm(formdata=None, **values)
    form.offer(access.list_sites(get_session(), viewer=current_viewer(), permission=Permission.MANAGE_CONNECTIONS))
    return form


@blueprint.route("/connections/new/<preset>", methods=["GET", "POST"])
@requires(Permission.MANAGE_CONNECTIONS)
def new(preset: str) -> ResponseReturnValue:
    """Enter a connection to one kind of system."""
    if preset not in set(ConnectionPreset):
        raise NotFoundError("There is no such kind of system.")
    chosen = ConnectionPreset(preset)
    form = _form(request.form if request.method == "POST" else None)
    if form.validate_on_submit():
        try:
            made = keeping.create_connection(
                get_session(), form.draft(chosen), gate=get_gate(), box=get_secret_box(), by=actor()
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{made.name} is entered. Compare now to see what it would write.")
            return redirect(url_for(".connection", connection_id=made.id))
    page = render_template("connections/edit.html", form=form, connection=None, preset=PRESETS[chosen], conflict=None)
    return page, 422 if form.is_submitted() else 200


@blueprint.get("/connections/<int:connection_id>")
@requires(Permission.MANAGE_CONNECTIONS)
def connection(connection_id: int) -> ResponseReturnValue:
    """Show a connection and its writes, as a page or as CSV."""
    session = get_session()
    shown = keeping.get_connection(session, connection_id)
    watch(f"connection:{connection_id}", f"plans:{shown.site_id}", pause_seconds=5)
    state = request.args.get("state", "")
    counts = keeping.count_writes(session).get(connection_id, {})
    if request.args.get("format") == "csv":
        header = ("id", "what", "target", "wanted", "state", "attempts", "status", "error", "changed_at", "written_at")
        rows = (
            (
                row.id,
                row.kind.value,
                row.target,
                json.dumps(row.wanted, sort_keys=True),
                row.state.value,
                row.attempts,
                row.status,
                row.error,
                row.changed_at.isoformat(),
                row.written_at.isoformat() if row.written_at else None,
            )
            for row in keeping.list_writes(session, connection_id, state=state, limit=_CSV_ROWS)
        )
        return csv_response(f"connection-{connection_id}-writes.csv", header, rows)
    total = counts.get(WriteState(state), 0) if state in set(WriteState) else sum(counts.values())
    page = page_from_request(total)
    return render_template(
        "connections/connection.html",
        connection=shown,
        preset=PRESETS[shown.preset],
        counts=counts,
        writes=keeping.list_writes(session, connection_id, state=state, limit=page.size, offset=page.offset),
        page=page,
        requests=exchange.try_out(session, shown),
        events=audit.history(session, shown, limit=10),
        states=WriteState,
    )


@blueprint.route("/connections/<int:connection_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_CONNECTIONS)
def edit(connection_id: int) -> ResponseReturnValue:
    """Change a connection; secrets that are left empty stay as they are."""
    session = get_session()
    shown = keeping.get_connection(session, connection_id)

    def make(sent: Sent) -> ConnectionForm:
        names = ("name", "site_id", "base_url", "account", "writes_assignees", "writes_levels", "shadow", "active")
        return _form(
            sent,
            **{name: getattr(shown, name) for name in names},
            people_by=shown.people_by.value,
            person_ids=keeping.write_pairs(shown.person_ids),
            skill_ids=keeping.write_pairs(shown.skill_ids),
        )

    def save(form: ConnectionForm) -> object:
        return keeping.update_connection(
            session, shown, form.draft(shown.preset), gate=get_gate(), box=get_secret_box(), by=actor()
        )

    def page(form: ConnectionForm, conflict: Conflict | None) -> str:
        return render_template(
            "connections/edit.html", form=form, connection=shown, preset=PRESETS[shown.preset], conflict=conflict
        )

    return edit_row(
        shown,
        make=make,
        words=lambda: keeping.describe_connection(session, shown),
        save=save,
        page=page,
        done=lambda: go_on(f"{shown.name} is saved.", url_for(".connection", connection_id=connection_id)),
    )


@blueprint.post("/connections/<int:connection_id>/compare")
@requires(Permission.MANAGE_CONNECTIONS)
def compare(connection_id: int) -> ResponseReturnValue:
    """Compare everything with what the other system was made to say."""
    session = get_session()
    shown = keeping.get_connection(session, connection_id)
    changed = keeping.compare(session, shown, today=today(shown.site), by=actor())
    flash_success(f"Compared: {changed} {'thing has' if changed == 1 else 'things have'} changed.")
    return redirect(url_for(".connection", connection_id=connection_id))


@blueprint.post("/connections/<int:connection_id>/retry")
@requires(Permission.MANAGE_CONNECTIONS)
def retry(connection_id: int) -> ResponseReturnValue:
    """Try again what was refused or given up: one write, or all."""
    session = get_session()
    shown = keeping.get_connection(session, connection_id)
    count = keeping.try_again(session, shown, write_id=request.form.get("write", type=int), by=actor())
    flash_success(f"{count} {'is' if count == 1 else 'are'} tried again.")
    return redirect(url_for(".connection", connection_id=connection_id))


@blueprint.post("/connections/<int:connection_id>/taken")
@requires(Permission.MANAGE_CONNECTIONS)
def taken(connection_id: int) -> ResponseReturnValue:
    """Note that what waits was read in over there from a file."""
    session = get_session()
    shown = keeping.get_connection(session, connection_id)
    last = request.form.get("until", type=int) or 0
    waiting = keeping.list_writes(session, connection_id, limit=_CSV_ROWS)
    count = keeping.take_over(session, shown, [row.id for row in waiting if row.id <= last], by=actor())
    flash_success(f"{count} noted as read in there.")
    return redirect(url_for(".connection", connection_id=connection_id))


@blueprint.post("/connections/<int:connection_id>/delete")
@requires(Permission.MANAGE_CONNECTIONS)
def delete(connection_id: int) -> ResponseReturnValue:
    """Remove a connection that is off."""
    session = get_session()
    shown = keeping.get_connection(session, connection_id)
    if shown.active:
        raise ConflictError("Switch the connection off before you remove it.")
    keeping.delete_connection(session, shown, by=actor())
    flash_success(f"{shown.name} is removed. The other system stays as it is.")
    return redirect(url_for(".index"))
