"""The mapping of a source: edited and tried out on the last real payloads side by side, saved as a new version."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.intake.forms import MappingForm
from webapp.blueprints.intake.views import blueprint, find_source
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.models import IntakeSource
from webapp.services.access import Permission
from webapp.services.intake import items, mapping, reviewing, showing, sources
from webapp.services.intake.mapping import FIELDS, Mapping
from webapp.web.editing import lines_button_pressed
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.toasts import flash_success


@blueprint.route("/sources/<int:source_id>/mapping", methods=["GET", "POST"])
@requires(Permission.MANAGE_INTAKE)
def edit_mapping(source_id: int) -> ResponseReturnValue:
    """Edit a mapping: “Try it” reads the payload at hand by what was entered, “Save” keeps a new version."""
    session, source = get_session(), find_source(source_id)
    form = MappingForm()
    if request.method == "GET":
        form.fill(sources.current_rules(session, source), source.mapping_number)
    if lines_button_pressed():
        form.change_lines(add="add" in request.form, remove=request.form.get("remove"))
    form.offer(reviewing.list_types(session))
    tried = sources.current_rules(session, source)
    if request.method == "POST" and form.validate():
        try:
            tried = form.read()
            if "save" in request.form:
                based_on = form.based_on.data or ""
                kept = sources.save_mapping(
                    session,
                    source,
                    tried,
                    based_on=int(based_on) if based_on.isdecimal() and len(based_on) < 9 else 0,
                    note=form.note.data or "",
                    by=actor(),
                )
                flash_success(f"Version {kept.number} reads what comes from now on.")
                return redirect(url_for(".show", source_id=source_id))
        except InvalidInputError as error:
            _show_error(form, error)
        except ConflictError as error:
            form.form_errors.append(str(error))
    failed = bool(form.errors)
    return _page(source, form, tried), 422 if failed else 200


def _show_error(form: MappingForm, error: InvalidInputError) -> None:
    """Put an error beside the part of the mapping that it is about."""
    name = error.field or ""
    if name in FIELDS:
        form.line(name).at.errors = [str(error)]
        form.form_errors.append(f"{FIELDS[name].label}: {error}")
    else:
        add_error(form, error)


def _page(source: IntakeSource, form: MappingForm, tried: Mapping) -> str:
    session = get_session()
    payloads = sources.list_payloads(session, source)
    chosen = request.args.get("payload", type=int)
    event_id, document = next((each for each in payloads if each[0] == chosen), payloads[0] if payloads else (None, {}))
    may_read = sources.may_read_payloads(source, current_viewer()) or event_id is None
    reading = mapping.read(tried, document, with_unknown=True)
    shown = reading if may_read else showing.mask_reading(reading)
    return render_template(
        "intake/mapping.html",
        source=source,
        form=form,
        fields=FIELDS,
        payloads=[event for event, _ in payloads if event is not None],
        event_id=event_id,
        payload=showing.show_json(document if may_read else showing.mask_document(document, tried)),
        reading=shown,
        masked=not may_read,
        judgement=_judgement(source, tried, reading.values),
    )


def _judgement(source: IntakeSource, tried: Mapping, values: Any) -> items.Judgement:
    return items.judge(get_session(), source, tried, values)


@blueprint.get("/sources/<int:source_id>/mapping/<int:number>")
@requires(Permission.MANAGE_INTAKE)
def show_mapping(source_id: int, number: int) -> ResponseReturnValue:
    """Show an earlier version as it is kept."""
    session, source = get_session(), find_source(source_id)
    version = sources.get_mapping(session, source, number)
    return render_template(
        "intake/version.html", source=source, version=version, rules=showing.show_json(version.rules)
    )
