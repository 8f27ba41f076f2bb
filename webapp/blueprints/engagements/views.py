"""The list of engagements, an engagement's page, and its editing."""

from __future__ import annotations

import datetime as dt
import uuid
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.engagements.forms import EngagementForm, PraiseForm
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import Channel, Engagement, EngagementState, Site, Stance
from webapp.services import access, audit, engagement_types, engagements, lifecycle, ownership, zones
from webapp.services import praise as praises
from webapp.services.access import Permission
from webapp.services.engagements import EngagementFilter
from webapp.services.intake import phoned
from webapp.services.talk import threads
from webapp.web.arguments import choice_argument, day_argument
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.labels import CHANNELS, STANCES, sentence
from webapp.web.live import watch
from webapp.web.request import actor, current_person, current_viewer, get_session, now, today
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("engagements", __name__, url_prefix="/engagements")


def _filter() -> EngagementFilter:
    priority = request.args.get("priority", type=int)
    return EngagementFilter(
        site_id=request.args.get("site", type=int),
        day_on=day_argument(),
        type_id=request.args.get("type", type=int),
        channel=choice_argument("channel", Channel),
        stance=choice_argument("stance", Stance),
        state=choice_argument("state", EngagementState),
        waiting=request.args.get("state") == "waiting",
        priority=priority if priority in range(1, 6) else None,
        owner_id=request.args.get("owner", type=int),
        mine=request.args.get("owner") == "mine",
        text=request.args.get("q", "").strip(),
    )


@blueprint.get("")
@requires(Permission.VIEW_WORK)
def index() -> ResponseReturnValue:
    """List engagements, as a page or as CSV; without a filter in the address, those of today."""
    session, viewer = get_session(), current_viewer()
    sites = access.list_sites(session, viewer=viewer, permission=Permission.VIEW_WORK)
    if not request.args and sites:
        home = next((site for site in sites if site.id == current_person().site_id), sites[0])
        return redirect(url_for(".index", site=home.id, day=today(home).isoformat()))
    wanted, sort = _filter(), request.args.get("sort", "due")
    if request.args.get("format") == "csv":
        return _csv(engagements.list_engagements(session, viewer=viewer, wanted=wanted, sort=sort))
    page = page_from_request(engagements.count_engagements(session, viewer=viewer, wanted=wanted))
    counts = engagements.count_by_state(session, viewer=viewer, wanted=wanted)
    chosen = next((site for site in sites if site.id == wanted.site_id), None)
    shown = engagements.list_engagements(
        session, viewer=viewer, wanted=wanted, sort=sort, offset=page.offset, limit=page.size
    )
    return render_template(
        "engagements/index.html",
        engagements=shown,
        owned_by=ownership.owners_of(session, shown),
        page=page,
        wanted=wanted,
        counts=counts,
        waiting_count=sum(counts[state] for state in lifecycle.WAITING),
        site=chosen,
        now=now(),
        ended=lifecycle.ENDED,
        sites=[(site.id, site.name) for site in sites],
        types=[(each.id, each.name) for each in engagement_types.list_types(session) if not each.channel.live],
        owners=[(person.id, person.name) for person in engagements.list_owner_choices(session, chosen)]
        if chosen
        else [],
        channels=[(key, word) for key, (word, _) in CHANNELS.items() if not Channel(key).live],
        stances=[(key, word) for key, (word, _) in STANCES.items()],
        states=[(state.value, sentence(state)) for state in EngagementState],
    )


def _csv(found: list[Engagement]) -> ResponseReturnValue:
    header = (
        "external_id",
        "site",
        "type",
        "channel",
        "stance",
        "customer_key",
        "subject",
        "earliest_at",
        "due_at",
        "latest_at",
        "priority",
        "minutes",
        "owner",
        "state",
        "owned_by",
    )
    owned_by = ownership.owners_of(get_session(), found)
    rows = (
        (
            each.external_id,
            each.site.code,
            each.engagement_type.code,
            each.engagement_type.channel.value,
            each.engagement_type.stance.value,
            each.customer_key,
            each.subject,
            *(_local(moment, each.site) for moment in (each.earliest_at, each.due_at, each.latest_at)),
            each.priority,
            each.minutes,
            each.owner.external_id if each.owner else None,
            each.state.value,
            owned_by[each.id].external_id if each.id in owned_by else None,
        )
        for each in found
    )
    return csv_response("engagements.csv", header, rows)


def _local(moment: dt.datetime, site: Site) -> str:
    """Return a moment by the site's clock with its offset, so that a time that comes twice stays clear."""
    return moment.astimezone(ZoneInfo(site.time_zone)).isoformat(timespec="minutes")


@blueprint.get("/<int:engagement_id>")
@requires(Permission.VIEW_WORK)
def show(engagement_id: int) -> ResponseReturnValue:
    """Show an engagement, which plans hold it, and what was changed."""
    session = get_session()
    engagement = engagements.get_engagement(
        session, engagement_id, viewer=current_viewer(), permission=Permission.VIEW_WORK
    )
    return _show(engagement, _praise_form(engagement))


def _praise_form(engagement: Engagement) -> PraiseForm:
    session, form = get_session(), PraiseForm()
    form.offer(engagements.list_owner_choices(session, engagement.site))
    if not form.is_submitted():
        form.key.data = uuid.uuid4().hex
        owner = ownership.owners_of(session, [engagement]).get(engagement.id)
        form.person_id.data = owner.id if owner is not None else None
    return form


def _show(engagement: Engagement, form: PraiseForm) -> str:
    session = get_session()
    watch(f"engagement:{engagement.id}", f"plans:{engagement.site_id}", f"thread:{engagement.id}", pause_seconds=3)
    return render_template(
        "engagements/show.html",
        engagement=engagement,
        day_on=zones.to_local(engagement.earliest_at, engagement.site.time_zone).date(),
        ended=engagement.state in lifecycle.ENDED,
        placements=engagements.list_placements(session, engagement),
        unassigned=engagements.find_unassigned(session, engagement),
        events=audit.history(session, engagement),
        life=lifecycle.history(session, engagement),
        owned_by=ownership.owners_of(session, [engagement]).get(engagement.id),
        praised=praises.list_about(session, engagement),
        talk=threads.count_unread(session, [engagement.id], viewer=current_viewer()),
        praise_form=form,
    )


@blueprint.post("/<int:engagement_id>/praise")
@requires(Permission.EDIT_WORK)
def praise(engagement_id: int) -> ResponseReturnValue:
    """Keep a customer's praise about an engagement: the agent is told, and thanks the customer."""
    session, engagement = get_session(), _get(engagement_id)
    form = _praise_form(engagement)
    if form.validate():
        agents = engagements.list_owner_choices(session, engagement.site)
        chosen = next(person for person in agents if person.id == form.person_id.data)
        try:
            kept = praises.receive(
                session,
                customer_key=engagement.customer_key,
                person=chosen,
                about=engagement,
                words=form.words.data or "",
                external_id=f"page-{form.key.data}" if form.key.data else "",
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{chosen.name} is told, and thanks the customer: {kept.thanks.external_id}.")
            return redirect(url_for(".show", engagement_id=engagement_id))
    return _show(engagement, form), 422


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_WORK)
def create() -> ResponseReturnValue:
    """Add an engagement at a site."""
    session, viewer = get_session(), current_viewer()
    sites = access.list_sites(session, viewer=viewer, permission=Permission.EDIT_WORK)
    site_id = request.args.get("site", type=int) or current_person().site_id
    if "site" not in request.args and sites and site_id not in {site.id for site in sites}:
        site_id = sites[0].id
    site = access.get_site(session, site_id, viewer=viewer, permission=Permission.EDIT_WORK)
    form = EngagementForm()
    form.offer(
        engagements.list_type_choices(session), engagements.list_owner_choices(session, site), may_be_unsure=True
    )
    if not form.is_submitted():
        form.suggest(now(), site.time_zone)
    elif form.validate():
        try:
            draft = form.draft(site.time_zone)
            add = engagements.create_engagement if draft.type_id else phoned.add_of_unknown_type
            added = add(session, site=site, draft=draft, by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            waits = "to be sorted" if added.state is EngagementState.RECEIVED else "for a plan"
            flash_success(f"Engagement {added.external_id} waits {waits}.")
            return redirect(url_for(".show", engagement_id=added.id))
    status = 422 if form.is_submitted() else 200
    return render_template("engagements/edit.html", form=form, site=site, sites=sites, engagement=None), status


@blueprint.route("/<int:engagement_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_WORK)
def edit(engagement_id: int) -> ResponseReturnValue:
    """Change an engagement; whoever saves second sees what changed and keeps their text."""
    session = get_session()
    engagement = _get(engagement_id)
    site, back = engagement.site, url_for(".show", engagement_id=engagement_id)

    def make(sent: Sent) -> EngagementForm:
        form = EngagementForm(sent, obj=engagement)
        form.offer(
            engagements.list_type_choices(session, keep=engagement.engagement_type_id),
            engagements.list_owner_choices(session, site, keep=engagement.owner_id),
        )
        if sent is None:
            form.type_id.data = engagement.engagement_type_id
            form.show(engagement)
        return form

    def save(form: EngagementForm) -> None:
        engagements.update_engagement(
            session,
            engagement,
            draft=form.draft(site.time_zone),
            version=form.version_number,
            seen=form.seen_words,
            by=actor(),
        )

    def page(form: EngagementForm, conflict: Conflict | None) -> str:
        return render_template(
            "engagements/edit.html", form=form, site=site, sites=[], engagement=engagement, conflict=conflict
        )

    return edit_row(
        engagement,
        make=make,
        words=lambda: engagements.describe_engagement(engagement),
        save=save,
        page=page,
        done=lambda: go_on(f"Engagement {engagement.external_id} is saved.", back),
    )


def _get(engagement_id: int) -> Engagement:
    return engagements.get_engagement(
        get_session(), engagement_id, viewer=current_viewer(), permission=Permission.EDIT_WORK
    )


@blueprint.post("/<int:engagement_id>/cancel")
@requires(Permission.EDIT_WORK)
def cancel(engagement_id: int) -> ResponseReturnValue:
    """End an engagement that nobody needs any more."""
    engagement = _get(engagement_id)
    engagements.cancel_engagement(get_session(), engagement, by=actor())
    flash_undo(f"{engagement.external_id} is cancelled.", url_for(".reopen", engagement_id=engagement_id))
    return redirect(url_for(".show", engagement_id=engagement_id))


@blueprint.post("/<int:engagement_id>/complete")
@requires(Permission.EDIT_WORK)
def complete(engagement_id: int) -> ResponseReturnValue:
    """Note that an engagement is done."""
    engagement = _get(engagement_id)
    engagements.complete_engagement(get_session(), engagement, by=actor())
    flash_undo(f"{engagement.external_id} is done.", url_for(".reopen", engagement_id=engagement_id))
    return redirect(url_for(".show", engagement_id=engagement_id))


@blueprint.post("/<int:engagement_id>/reopen")
@requires(Permission.EDIT_WORK)
def reopen(engagement_id: int) -> ResponseReturnValue:
    """Take back that an engagement is done or cancelled."""
    engagement = _get(engagement_id)
    engagements.reopen_engagement(get_session(), engagement, by=actor())
    flash_success(f"{engagement.external_id} is {engagement.state.value} again.")
    return redirect(url_for(".show", engagement_id=engagement_id))
