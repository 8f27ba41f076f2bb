"""Sources: their list, connecting one, its page with the latest events, its secret."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.intake.forms import NewSourceForm, SecretForm, SourceForm
from webapp.charts.intake import events_figure
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import IntakeSource, IntakeState
from webapp.services import access, audit
from webapp.services.access import Permission
from webapp.services.intake import mapping, reruns, reviewing, showing, sources
from webapp.web import figures, shown_once
from webapp.web.arguments import choice_argument
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.labels import sentence
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, now
from webapp.web.secret_box import get_secret_box
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("intake", __name__, url_prefix="/intake")

_HEADER = ("received_at", "key", "state", "reference", "engagement", "copies", "mapping", "error")


def find_source(source_id: int) -> IntakeSource:
    """Return a source of the viewer's sites."""
    return sources.get_source(get_session(), source_id, viewer=current_viewer())


@blueprint.get("/sources")
@requires(Permission.MANAGE_INTAKE)
def index() -> ResponseReturnValue:
    """List the sources of the viewer's sites."""
    session, viewer = get_session(), current_viewer()
    found = sources.list_sources(session, viewer=viewer)
    if request.args.get("format") == "csv":
        header = ("name", "site", "kind", "signature", "active", "mapping")
        rows = ((s.name, s.site.code, s.kind.value, s.signature, s.active, s.mapping_number) for s in found)
        return csv_response("sources.csv", header, rows)
    watch(*(f"intake_source:{source.id}" for source in found), pause_seconds=5)
    return render_template(
        "intake/index.html",
        sources=found,
        counts={source.id: sources.count_states(session, source) for source in found},
        waiting=reviewing.count_waiting(session, viewer=viewer) if viewer.can(Permission.EDIT_WORK) else 0,
    )


@blueprint.route("/sources/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_INTAKE)
def create() -> ResponseReturnValue:
    """Connect a system, and lead to the page that shows its secret once."""
    session, viewer = get_session(), current_viewer()
    places = access.list_sites(session, viewer=viewer, permission=Permission.MANAGE_INTAKE)
    if not places:
        raise NotFoundError("There is no site yet at which work could come in.")
    form = NewSourceForm()
    form.offer(reviewing.list_types(session))
    form.offer_sites(places)
    if form.validate_on_submit():
        try:
            source, secret = sources.create_source(
                session,
                site=sources.find_site(session, form.site_id.data, viewer=viewer),
                preset=form.preset.data,
                values=form.values(),
                secret=form.secret.data or "",
                box=get_secret_box(),
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            return _to_secret(source, secret)
    return render_template("intake/edit.html", form=form, source=None), 422 if form.is_submitted() else 200


def _to_secret(source: IntakeSource, secret: str) -> ResponseReturnValue:
    shown_once.keep(f"source:{source.id}", secret=secret)
    return redirect(url_for(".show_secret", source_id=source.id))


@blueprint.get("/sources/<int:source_id>/secret")
@requires(Permission.MANAGE_INTAKE)
def show_secret(source_id: int) -> ResponseReturnValue:
    """Show the secret that was just made; later, lead to the source."""
    source = find_source(source_id)
    secret = shown_once.take(f"source:{source.id}").get("secret")
    if secret is None:
        return redirect(url_for(".show", source_id=source.id))
    return render_template(
        "intake/secret.html",
        source=source,
        secret=secret,
        verify_token=sources.verify_token(secret),
        address=url_for("hooks.receive", public_id=source.public_id, _external=True),
    )


@blueprint.get("/sources/<int:source_id>")
@requires(Permission.MANAGE_INTAKE)
def show(source_id: int) -> ResponseReturnValue:
    """Show a source: what came, what failed, and how its messages are read."""
    session, source = get_session(), find_source(source_id)
    state = choice_argument("state", IntakeState)
    total = sources.count_events(session, source, state=state)
    if request.args.get("format") == "csv":
        return _csv(source, state)
    watch(f"intake_source:{source.id}", pause_seconds=5)
    page = page_from_request(total, size=25)
    counts = sources.count_states(session, source)
    return render_template(
        "intake/show.html",
        source=source,
        address=url_for("hooks.receive", public_id=source.public_id, _external=True),
        state=state,
        counts=counts,
        states=[(each, sentence(each)) for each in IntakeState],
        events=sources.list_events(session, source, state=state, offset=page.offset, limit=page.size),
        page=page,
        figure=events_figure(
            sources.count_by_hour(session, source, until=now()), until=now(), zone=source.site.time_zone
        ),
        versions=sources.list_mappings(session, source),
        words=sources.describe(source),
        secret_form=SecretForm(formdata=None),
        history=audit.history(session, source),
    )


def _csv(source: IntakeSource, state: IntakeState | None) -> ResponseReturnValue:
    found = sources.list_events(get_session(), source, state=state, limit=10_000)
    rows = (
        (
            each.received_at.isoformat(),
            each.external_id,
            each.state.value,
            each.item.external_key if each.item else None,
            each.item.engagement_id if each.item else None,
            each.copies,
            each.mapping_number,
            each.error,
        )
        for each in found
    )
    return csv_response("events.csv", _HEADER, rows)


@blueprint.get("/sources/<int:source_id>/by-hour")
@requires(Permission.MANAGE_INTAKE)
def by_hour(source_id: int) -> ResponseReturnValue:
    """Answer with the figure of events by hour."""
    source = find_source(source_id)
    counts = sources.count_by_hour(get_session(), source, until=now())
    return figures.respond(events_figure(counts, until=now(), zone=source.site.time_zone))


@blueprint.get("/sources/<int:source_id>/events/<int:event_id>")
@requires(Permission.MANAGE_INTAKE)
def event(source_id: int, event_id: int) -> ResponseReturnValue:
    """Show an event: its payload until that expires, and what each field became."""
    session, source = get_session(), find_source(source_id)
    shown = sources.get_event(session, source, event_id)
    rules = mapping.from_json(sources.get_mapping(session, source, shown.mapping_number).rules)
    reading, document = None, shown.body
    if document is not None:
        reading = mapping.read(rules, document, with_unknown=True)
        if not sources.may_read_payloads(source, current_viewer()):
            reading, document = showing.mask_reading(reading), showing.mask_document(document, rules)
    return render_template(
        "intake/event.html",
        source=source,
        event=shown,
        reading=reading,
        payload=None if document is None else showing.show_json(document),
        masked=not sources.may_read_payloads(source, current_viewer()),
    )


@blueprint.route("/sources/<int:source_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_INTAKE)
def edit(source_id: int) -> ResponseReturnValue:
    """Change a source; whoever saves second sees what changed and keeps their text."""
    session, source = get_session(), find_source(source_id)

    def make(sent: Sent) -> SourceForm:
        form = SourceForm(sent, obj=source)
        form.offer(reviewing.list_types(session))
        return form

    def save(form: SourceForm) -> object:
        return sources.update_source(
            session, source, form.values(), version=form.version_number, seen=form.seen_words, by=actor()
        )

    def page(form: SourceForm, conflict: Conflict | None) -> str:
        return render_template("intake/edit.html", form=form, source=source, conflict=conflict)

    return edit_row(
        source,
        make=make,
        words=lambda: sources.describe(source),
        save=save,
        page=page,
        done=lambda: go_on(f"{source.name} is saved.", url_for(".show", source_id=source_id)),
    )


@blueprint.post("/sources/<int:source_id>/secret")
@requires(Permission.MANAGE_INTAKE)
def change_secret(source_id: int) -> ResponseReturnValue:
    """Give a source another secret, and lead to the page that shows it once."""
    source, form = find_source(source_id), SecretForm()
    if not form.validate():
        raise InvalidInputError("A secret has 16 to 200 characters.")
    secret = sources.change_secret(
        get_session(),
        source,
        secret=form.secret.data or "",
        at_once=bool(form.at_once.data),
        box=get_secret_box(),
        by=actor(),
    )
    return _to_secret(source, secret)


@blueprint.post("/sources/<int:source_id>/rerun")
@requires(Permission.MANAGE_INTAKE)
def rerun(source_id: int) -> ResponseReturnValue:
    """Read the failed events again with the present mapping, or one of them."""
    session, source = get_session(), find_source(source_id)
    chosen = request.form.get("event", type=int)
    done = reruns.run_again(session, source, event_ids=None if chosen is None else [chosen], by=actor())
    session.flush()
    message = f"{reruns.count_mended(done)} of {len(done.changes)} failed events are mended."
    flash_undo(message, url_for(".undo_rerun", source_id=source_id, rerun_id=done.id))
    return redirect(url_for(".show", source_id=source_id, state="failed"))


@blueprint.post("/sources/<int:source_id>/reruns/<int:rerun_id>/undo")
@requires(Permission.MANAGE_INTAKE)
def undo_rerun(source_id: int, rerun_id: int) -> ResponseReturnValue:
    """Take a rerun back."""
    session, source = get_session(), find_source(source_id)
    reruns.undo(session, source, reruns.get_rerun(session, source, rerun_id), by=actor())
    flash_success("Taken back: the events are failed again.")
    return redirect(url_for(".show", source_id=source_id, state="failed"))
