"""The floor of a site, its decisions, its days in shadow and its settings; and an agent's own presence."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.routing.forms import RoutingForm
from webapp.charts.routing import agreement_figure
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import PresenceState, RoutingDecision, RoutingMode, RoutingSetting, Site
from webapp.services.access import Permission
from webapp.services.routing import comparing, desks, events, floor_view, settings
from webapp.services.routing.words import decision_words
from webapp.web import figures
from webapp.web.arguments import read_day
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_person, get_session, now, today
from webapp.web.sites import chosen_site, list_sites
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success

blueprint = Blueprint("routing", __name__, url_prefix="/routing")

_PAGE = 50
_CSV_ROWS = 5_000


@blueprint.get("")
@requires(Permission.VIEW_ROUTING)
def index() -> ResponseReturnValue:
    """Show who is present and what waits."""
    session, site = get_session(), chosen_site(Permission.VIEW_ROUTING)
    watch(f"routing:{site.id}", pause_seconds=2)
    presences = floor_view.list_presences(session, site.id)
    contacts = floor_view.list_open_contacts(session, site.id)
    if request.args.get("format") == "csv":
        if request.args.get("table") == "agents":
            return csv_response(
                "presence.csv",
                ("agent", "name", "state", "since", "contacts", "attention"),
                (
                    (
                        each.person.external_id,
                        each.person.name,
                        each.state.value,
                        each.since.isoformat(timespec="seconds"),
                        len(each.contacts),
                        each.load,
                    )
                    for each in presences
                ),
            )
        return csv_response(
            "live-contacts.csv",
            ("contact", "type", "state", "arrived_at", "agent"),
            (
                (
                    each.external_id,
                    each.engagement_type.code,
                    each.state.value,
                    each.arrived_at.isoformat(timespec="seconds"),
                    each.person.external_id if each.person else None,
                )
                for each in contacts
            ),
        )
    return render_template(
        "routing/index.html",
        site=site,
        sites=list_sites(Permission.VIEW_ROUTING),
        setting=settings.find_setting(session, site.id),
        desk=desks.find_desk(session, site.id),
        counts=floor_view.count_floor(session, site.id, at=now()),
        presences=presences,
        contacts=contacts,
        at=now(),
    )


@blueprint.get("/decisions")
@requires(Permission.VIEW_ROUTING)
def decisions() -> ResponseReturnValue:
    """Show decisions with their reasons, newest first."""
    session, site = get_session(), chosen_site(Permission.VIEW_ROUTING)
    person_id = request.args.get("agent", type=int)
    if request.args.get("format") == "csv":
        found = floor_view.list_decisions(session, site.id, person_id=person_id, limit=_CSV_ROWS)
        return csv_response("routing-decisions.csv", _DECISION_COLUMNS, _decision_rows(found))
    offset = max(request.args.get("from", default=0, type=int), 0)
    found = floor_view.list_decisions(session, site.id, person_id=person_id, limit=_PAGE + 1, offset=offset)
    if not offset:
        watch(f"routing:{site.id}", pause_seconds=3)
    return render_template(
        "routing/decisions.html",
        site=site,
        sites=list_sites(Permission.VIEW_ROUTING),
        rows=[(decision, decision_words(decision)) for decision in found[:_PAGE]],
        agents=[(each.person_id, each.person.name) for each in floor_view.list_presences(session, site.id)],
        later=offset - _PAGE if offset else None,
        earlier=offset + _PAGE if len(found) > _PAGE else None,
    )


_DECISION_COLUMNS = (
    "at",
    "contact",
    "type",
    "trigger",
    "mode",
    "agent",
    "score",
    "next",
    "next_score",
    "candidates",
    "plan",
    "became",
    "taken_by",
    "milliseconds",
    "reasons",
)


def _decision_rows(found: Iterable[RoutingDecision]) -> Iterable[tuple[object, ...]]:
    for each in found:
        contact = each.contact
        yield (
            each.at.isoformat(timespec="milliseconds"),
            contact.external_id if contact else None,
            contact.engagement_type.code if contact else None,
            each.trigger.value,
            each.mode.value,
            each.person.external_id if each.person else None,
            None if each.score is None else round(each.score, 4),
            each.runner_up.external_id if each.runner_up else None,
            None if each.runner_up_score is None else round(each.runner_up_score, 4),
            each.candidates,
            each.desk.plan_id,
            each.reservation.state.value if each.reservation else None,
            contact.actual.external_id if contact and contact.actual else None,
            each.microseconds / 1000,
            " ".join(decision_words(each)),
        )


@blueprint.get("/shadow")
@requires(Permission.VIEW_ROUTING)
def shadow() -> ResponseReturnValue:
    """Show what routing advised on a day beside what the telephone system did."""
    session, site = get_session(), chosen_site(Permission.VIEW_ROUTING)
    day_on = _day(site)
    found = comparing.compare_day(session, site, day_on)
    if request.args.get("format") == "csv":
        return csv_response(
            f"shadow-{day_on}.csv",
            ("at", "contact", "type", "advised", "taken_by", "agreed", "gain"),
            (
                (
                    row.decision.at.isoformat(timespec="seconds"),
                    row.contact.external_id,
                    row.contact.engagement_type.code,
                    row.decision.person.external_id if row.decision.person else None,
                    row.contact.actual.external_id if row.contact.actual else None,
                    "yes" if row.agreed else "no",
                    None if row.gain is None else round(row.gain, 4),
                )
                for row in found.rows
            ),
        )
    return render_template(
        "routing/shadow.html",
        site=site,
        sites=list_sites(Permission.VIEW_ROUTING),
        day_on=day_on,
        found=found,
        figure=agreement_figure(found, zone=site.time_zone),
        most=comparing.MOST_COMPARED,
    )


@blueprint.get("/shadow/picture")
@requires(Permission.VIEW_ROUTING)
def picture() -> ResponseReturnValue:
    """Draw a day in shadow."""
    site = chosen_site(Permission.VIEW_ROUTING)
    return figures.respond(
        agreement_figure(comparing.compare_day(get_session(), site, _day(site)), zone=site.time_zone)
    )


def _day(site: Site) -> dt.date:
    text = request.args.get("day", "")
    day = read_day(text) if text else today(site)
    if day is None:
        raise NotFoundError("There is no such day.")
    return day


@blueprint.route("/settings", methods=["GET", "POST"])
@requires(Permission.RUN_ROUTING)
def edit_settings() -> ResponseReturnValue:
    """Say how a site routes; whoever saves second sees what changed and keeps their text."""
    session, site = get_session(), chosen_site(Permission.RUN_ROUTING)
    present = settings.find_setting(session, site.id)
    if present is None:
        return _first_settings(site)
    return _edit(site, present)


def _first_settings(site: Site) -> ResponseReturnValue:
    session, form = get_session(), RoutingForm()
    if form.validate_on_submit():
        try:
            settings.change_setting(session, site, form.wanted(), by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            return _saved(site)
    return _settings_page(site, form, None), 422 if form.is_submitted() else 200


def _edit(site: Site, present: RoutingSetting) -> ResponseReturnValue:
    session = get_session()

    def make(sent: Sent) -> RoutingForm:
        form = RoutingForm(sent, obj=present)
        if sent is None:
            form.mode.data = present.mode.value
        return form

    def save(form: RoutingForm) -> None:
        settings.change_setting(
            session, site, form.wanted(), version=form.version_number, seen=form.seen_words, by=actor()
        )

    return edit_row(
        present,
        make=make,
        words=lambda: settings.describe(present),
        save=save,
        page=lambda form, conflict: _settings_page(site, form, conflict),
        done=lambda: _saved(site),
    )


def _saved(site: Site) -> ResponseReturnValue:
    setting = settings.find_setting(get_session(), site.id)
    if setting is not None and setting.mode is not RoutingMode.OFF:
        # Decisions can begin at once; the job keeps the desk true from here on.
        desks.refresh(get_session(), site, at=now())
    return go_on(f"The routing of {site.name} is saved.", url_for(".index", site=site.id))


def _settings_page(site: Site, form: RoutingForm, conflict: Conflict | None) -> str:
    return render_template(
        "routing/settings.html",
        site=site,
        form=form,
        conflict=conflict,
        setting=settings.find_setting(get_session(), site.id),
    )


@blueprint.post("/presence/<state>")
@requires(Permission.WORK_OWN_DAY)
def own_presence(state: str) -> ResponseReturnValue:
    """Let an agent say that they are available, or away."""
    person = current_person()
    if state not in {PresenceState.AVAILABLE.value, PresenceState.AWAY.value}:
        raise NotFoundError("There is no such presence.")
    wanted = PresenceState(state)
    outcome = events.take_in(
        get_session(), person.site_id, lambda taking: taking.set_presence(person.id, wanted), at=now()
    )
    if outcome.fallback:
        raise ConflictError("Live contacts of your site are not routed here at the moment.")
    here = "You are available for live contacts." if wanted is PresenceState.AVAILABLE else "You are away."
    flash_success(here)
    return redirect(url_for("day.index"))
