"""The list of what is about to slip, as page and CSV, what mends it, and a site's settings."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.slipping.forms import WorkSettingsForm
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error, options
from webapp.models import Engagement
from webapp.services import access, engagements, ownership, slipping
from webapp.services.access import Permission
from webapp.services.planning import pins
from webapp.services.slipping import Slip
from webapp.web.guard import requires
from webapp.web.labels import sentence
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, now
from webapp.web.sites import chosen_site
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("slipping", __name__, url_prefix="/slipping")

CAUSES = {
    slipping.Cause.AWAY: ("Its agent is away", "person-dash"),
    slipping.Cause.UNCOVERED: ("Not covered any more", "calendar2-x"),
    slipping.Cause.DUE: ("Nobody begins it in time", "hourglass-bottom"),
    slipping.Cause.UNTOUCHED: ("Nobody has looked at it", "eye-slash"),
}


@blueprint.get("")
@requires(Permission.VIEW_WORK)
def index() -> ResponseReturnValue:
    """Show what is about to slip, the least time left first."""
    session, viewer = get_session(), current_viewer()
    sites = access.list_sites(session, viewer=viewer, permission=Permission.VIEW_WORK)
    site_id, mine = request.args.get("site", type=int), request.args.get("owner") == "mine"
    slips = slipping.list_slipping(session, viewer=viewer, at=now(), site_id=site_id, mine=mine)
    if request.args.get("format") == "csv":
        return _csv(slips)
    watch(*(f"plans:{site.id}" for site in sites if site_id in {None, site.id}), pause_seconds=3)
    return render_template(
        "slipping/index.html",
        slips=slips,
        causes=CAUSES,
        sites=[(site.id, site.name) for site in sites],
        site=next((site for site in sites if site.id == site_id), None),
        mine=mine,
        reasons=[(reason.value, sentence(reason)) for reason in engagements.CancelReason],
        counts={cause: sum(1 for each in slips if each.cause is cause) for cause in slipping.Cause},
    )


def _csv(slips: list[Slip]) -> ResponseReturnValue:
    header = (
        "external_id",
        "site",
        "type",
        "state",
        "cause",
        "until",
        "minutes_left",
        "owner",
        "agent",
        "pinned_to",
        "free",
    )
    rows = (
        (
            each.engagement.external_id,
            each.engagement.site.code,
            each.engagement.engagement_type.code,
            each.engagement.state.value,
            each.cause.value,
            each.until.isoformat(timespec="minutes"),
            each.minutes_left,
            *(person.external_id if person else None for person in (each.owner, each.agent, each.pinned, each.free)),
        )
        for each in slips
    )
    return csv_response("about-to-slip.csv", header, rows)


def _get(engagement_id: int, permission: Permission = Permission.EDIT_WORK) -> Engagement:
    return engagements.get_engagement(get_session(), engagement_id, viewer=current_viewer(), permission=permission)


def _back(engagement: Engagement) -> ResponseReturnValue:
    return redirect(url_for(".index", site=engagement.site_id))


@blueprint.post("/<int:engagement_id>/assign")
@requires(Permission.RUN_PLANS)
def assign(engagement_id: int) -> ResponseReturnValue:
    """Fix it to who is free now and has the skills; the next plan of the day obeys."""
    session, engagement = get_session(), _get(engagement_id, Permission.RUN_PLANS)
    slips = slipping.list_slipping(session, viewer=current_viewer(), at=now(), site_id=engagement.site_id)
    found = next((each for each in slips if each.engagement.id == engagement_id), None)
    if found is None or found.free is None or found.starts_at is None:
        raise ConflictError("Nobody with the skills is free for it any more. Look at the list again.")
    pin = pins.pin_engagement(
        session, engagement, found.free, found.starts_at, reason="It was about to slip.", by=actor()
    )
    flash_undo(
        f"{engagement.external_id} is pinned to {found.free.name}. Plan again to put it into their day.",
        url_for("plans.unpin", pin_id=pin.id),
    )
    return _back(engagement)


@blueprint.post("/<int:engagement_id>/extend")
@requires(Permission.EDIT_WORK)
def extend(engagement_id: int) -> ResponseReturnValue:
    """Give it more time."""
    engagement = _get(engagement_id)
    minutes = request.form.get("minutes", default=0, type=int)
    engagements.extend_engagement(get_session(), engagement, minutes=minutes, by=actor())
    flash_success(f"{engagement.external_id} has {minutes} minutes more.")
    return _back(engagement)


@blueprint.post("/<int:engagement_id>/cancel")
@requires(Permission.EDIT_WORK)
def cancel(engagement_id: int) -> ResponseReturnValue:
    """End it, with a reason."""
    engagement = _get(engagement_id)
    reason = choice_from(request.form.get("reason", ""))
    engagements.cancel_engagement(get_session(), engagement, reason=reason, by=actor())
    flash_undo(f"{engagement.external_id} is cancelled.", url_for("engagements.reopen", engagement_id=engagement.id))
    return _back(engagement)


def choice_from(text: str) -> engagements.CancelReason:
    """Return the reason that a form names; ConflictError if it names none."""
    try:
        return engagements.CancelReason(text)
    except ValueError:
        raise ConflictError("Choose why it is cancelled.") from None


@blueprint.route("/settings", methods=["GET", "POST"])
@requires(Permission.EDIT_WORK)
def settings() -> ResponseReturnValue:
    """Say who owns what no agent owns at a site, and when its work is about to slip."""
    session, site = get_session(), chosen_site(Permission.EDIT_WORK)
    present = ownership.settings_of(session, site.id)
    form = WorkSettingsForm(obj=present)
    people = ownership.list_dispatchers(session, site)
    first = people[0].name if people else "the first admin"
    form.dispatcher_id.choices = options(
        [("", f"The first scheduler: {first}"), *((person.id, person.name) for person in people)]
    )
    if not form.is_submitted():
        form.check_in_percent.data = round(present.check_in_share * 100, 2)
        form.dispatcher_id.data = present.dispatcher_id
    elif form.validate():
        try:
            ownership.change_settings(
                session,
                site,
                dispatcher_id=form.dispatcher_id.data,
                slip_minutes=form.slip_minutes.data or 0,
                untouched_minutes=form.untouched_minutes.data or 0,
                check_in_share=(form.check_in_percent.data or 0.0) / 100,
                by=actor(),
            )
        except InvalidInputError as error:
            field = "check_in_percent" if error.field == "check_in_share" else error.field
            add_error(form, InvalidInputError(str(error), field=field))
        else:
            flash_success(f"The rules of {site.name} are saved.")
            return redirect(url_for(".index", site=site.id))
    return render_template("slipping/settings.html", form=form, site=site), 422 if form.is_submitted() else 200
