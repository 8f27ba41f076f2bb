"""The list of one's threads, a thread, and what is said on it."""

from __future__ import annotations

import uuid

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.talk.forms import MessageForm
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.services import access
from webapp.services.access import Permission
from webapp.services.planning import day as planned_day
from webapp.services.talk import calling, rescue, seats, threads
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, can, current_person, current_viewer, get_session, now
from webapp.web.toasts import flash_success

blueprint = Blueprint("talk", __name__, url_prefix="/talk")


@blueprint.get("")
@requires(Permission.TALK)
def index() -> ResponseReturnValue:
    """List the threads that concern one, what is unread first."""
    session, viewer = get_session(), current_viewer()
    sites = access.list_sites(session, viewer=viewer, permission=Permission.VIEW_WORK)
    watch(f"day:{viewer.person_id}", f"notices:{viewer.person_id}", *(f"threads:{site.id}" for site in sites))
    return render_template(
        "talk/index.html",
        threads=threads.list_threads(session, viewer=viewer, site_id=request.args.get("site", type=int)),
        sites=[(site.id, site.name) for site in sites],
    )


@blueprint.route("/<int:engagement_id>", methods=["GET", "POST"])
@requires(Permission.TALK)
def show(engagement_id: int) -> ResponseReturnValue:
    """Show a thread, and say something on it."""
    session, viewer = get_session(), current_viewer()
    watch(f"thread:{engagement_id}", f"engagement:{engagement_id}")
    thread = threads.get_thread(session, engagement_id, viewer=viewer)
    form = MessageForm()
    if form.validate_on_submit():
        try:
            threads.write(
                session, engagement_id, form.text.data or "", key=form.key.data or "", viewer=viewer, by=actor()
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            return redirect(url_for(".show", engagement_id=engagement_id, _anchor="say"))
    if not form.is_submitted():
        form.key.data = uuid.uuid4().hex
    page = render_template(
        "talk/show.html",
        thread=thread,
        form=form,
        me=current_person(),
        dispatcher=calling.find_on_duty(session, thread.engagement.site, at=now()),
        call_key=uuid.uuid4().hex,
        agents=seats.agents_now(session, thread.engagement),
        call=rescue.find_open_call(session, thread.engagement),
        may_open=can(Permission.VIEW_WORK) and thread.seat.whole,
    )
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/<int:engagement_id>/read")
@requires(Permission.TALK)
def read(engagement_id: int) -> ResponseReturnValue:
    """Note that one has read a thread."""
    session, viewer = get_session(), current_viewer()
    thread = threads.get_thread(session, engagement_id, viewer=viewer)
    threads.mark_read(session, thread, person_id=viewer.person_id)
    return redirect(url_for(".show", engagement_id=engagement_id))


@blueprint.post("/messages/<int:message_id>/withdraw")
@requires(Permission.TALK)
def withdraw(message_id: int) -> ResponseReturnValue:
    """Take one's own words back."""
    session = get_session()
    message = threads.get_own_message(session, message_id, viewer=current_viewer())
    threads.withdraw(session, message, by=actor())
    flash_success("Your words are gone. That you said something stays.")
    return redirect(url_for(".show", engagement_id=message.engagement_id))


@blueprint.post("/assignments/<int:assignment_id>/help")
@requires(Permission.WORK_OWN_DAY)
def call_for_help(assignment_id: int) -> ResponseReturnValue:
    """Call for help at once with work that is under way."""
    session = get_session()
    assignment = planned_day.get_own_assignment(session, assignment_id, person=current_person())
    rescue.call_for_help(session, assignment, key=request.form.get("key") or uuid.uuid4().hex, by=actor())
    flash_success("Your dispatcher, your lead and who can help are told. Say here what you need.")
    return redirect(url_for(".show", engagement_id=assignment.engagement_id, _anchor="say"))
