"""The list of engagement types, a type's page, and its editing."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.types.forms import TypeForm
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import Channel, EngagementType, Stance
from webapp.services import audit, engagement_types
from webapp.services.access import Permission
from webapp.services.engagement_types import TypeFilter
from webapp.web.arguments import choice_argument
from webapp.web.editing import Sent, edit_row, go_on, lines_button_pressed
from webapp.web.guard import requires
from webapp.web.labels import CHANNELS, STANCES
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("types", __name__, url_prefix="/types")


def _filter() -> TypeFilter:
    return TypeFilter(
        text=request.args.get("q", "").strip(),
        channel=choice_argument("channel", Channel),
        stance=choice_argument("stance", Stance),
        skill_id=request.args.get("skill", type=int),
        retired=request.args.get("retired") == "1",
    )


@blueprint.get("")
@requires(Permission.VIEW_WORK)
def index() -> ResponseReturnValue:
    """List the engagement types, as a page or as CSV."""
    session, wanted, sort = get_session(), _filter(), request.args.get("sort", "name")
    if request.args.get("format") == "csv":
        return _csv(engagement_types.list_types(session, wanted=wanted, sort=sort))
    page = page_from_request(engagement_types.count_types(session, wanted=wanted))
    types = engagement_types.list_types(session, wanted=wanted, sort=sort, offset=page.offset, limit=page.size)
    return render_template(
        "types/index.html",
        types=types,
        page=page,
        waiting=engagement_types.count_waiting(session, [each.id for each in types], viewer=current_viewer()),
        skills=[(skill.id, skill.name) for skill in engagement_types.list_skill_choices(session)],
        channels=[(key, word) for key, (word, _) in CHANNELS.items()],
        stances=[(key, word) for key, (word, _) in STANCES.items()],
    )


def _csv(types: list[EngagementType]) -> ResponseReturnValue:
    header = (
        "code",
        "name",
        "channel",
        "stance",
        "handle_minutes",
        "median_handle_minutes",
        "concurrency",
        "value",
        "requires",
        "prefers",
    )
    rows = (
        (
            each.code,
            each.name,
            each.channel.value,
            each.stance.value,
            each.handle_minutes,
            each.median_handle_minutes,
            each.concurrency,
            each.value,
            _requirements(each, preferred=False),
            _requirements(each, preferred=True),
        )
        for each in types
    )
    return csv_response("engagement-types.csv", header, rows)


def _requirements(engagement_type: EngagementType, *, preferred: bool) -> str:
    lines = [line for line in engagement_type.requirements if line.preferred is preferred]
    return "; ".join(f"{line.skill.code}:{line.level}:{line.weight:g}" for line in lines)


@blueprint.get("/<int:type_id>")
@requires(Permission.VIEW_WORK)
def show(type_id: int) -> ResponseReturnValue:
    """Show what a type asks for, how much of it waits, and what was changed."""
    session = get_session()
    engagement_type = engagement_types.get_type(session, type_id)
    return render_template(
        "types/show.html",
        type=engagement_type,
        waiting=engagement_types.count_waiting(session, [type_id], viewer=current_viewer()).get(type_id, 0),
        events=audit.history(session, engagement_type),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_WORK)
def create() -> ResponseReturnValue:
    """Add an engagement type."""
    session, form = get_session(), TypeForm()
    changed_lines = _change_lines(form)
    form.offer(engagement_types.list_skill_choices(session))
    if not changed_lines and form.validate_on_submit():
        try:
            added = engagement_types.create_type(session, draft=form.draft(), by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{added.name} is an engagement type now.")
            return redirect(url_for(".show", type_id=added.id))
    status = 422 if form.is_submitted() and not changed_lines else 200
    return render_template("types/edit.html", form=form, type=None), status


@blueprint.route("/<int:type_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_WORK)
def edit(type_id: int) -> ResponseReturnValue:
    """Change an engagement type; whoever saves second sees what changed and keeps their text."""
    session = get_session()
    engagement_type = engagement_types.get_type(session, type_id)

    def make(sent: Sent) -> TypeForm:
        form = TypeForm(sent, obj=engagement_type if sent is None else None)
        if sent is not None:
            _change_lines(form)
        kept = [line.skill_id for line in engagement_type.requirements]
        form.offer(engagement_types.list_skill_choices(session, keep=kept))
        return form

    def save(form: TypeForm) -> None:
        engagement_types.update_type(
            session,
            engagement_type,
            draft=form.draft(),
            version=form.version_number,
            seen=form.seen_words,
            by=actor(),
        )

    return edit_row(
        engagement_type,
        make=make,
        words=lambda: engagement_types.describe_type(engagement_type),
        save=save,
        page=lambda form, conflict: render_template(
            "types/edit.html", form=form, type=engagement_type, conflict=conflict
        ),
        done=lambda: go_on(f"{engagement_type.name} is saved.", url_for(".show", type_id=type_id)),
        unfinished=lines_button_pressed(),
    )


def _change_lines(form: TypeForm) -> bool:
    """Add or take out a requirement if that is what the button was for, and say whether it was."""
    form.change_lines(add="add" in request.form, remove=request.form.get("remove"))
    return lines_button_pressed()


@blueprint.post("/<int:type_id>/retire")
@requires(Permission.EDIT_WORK)
def retire(type_id: int) -> ResponseReturnValue:
    """Take a type out of use."""
    session = get_session()
    engagement_type = engagement_types.get_type(session, type_id)
    engagement_types.retire_type(session, engagement_type, by=actor())
    flash_undo(f"{engagement_type.name} is retired.", url_for(".restore", type_id=type_id))
    return redirect(url_for(".show", type_id=type_id))


@blueprint.post("/<int:type_id>/restore")
@requires(Permission.EDIT_WORK)
def restore(type_id: int) -> ResponseReturnValue:
    """Take a retired type into use again."""
    session = get_session()
    engagement_type = engagement_types.get_type(session, type_id)
    engagement_types.restore_type(session, engagement_type, by=actor())
    flash_success(f"{engagement_type.name} is in use again.")
    return redirect(url_for(".show", type_id=type_id))
