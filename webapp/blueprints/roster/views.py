"""The roster of a site by day, by week and as a list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue

from webapp.blueprints.roster.board import VIEWS, Line, Period, build_lines, build_rows
from webapp.charts.day_line import DayLine
from webapp.errors import NotFoundError
from webapp.models import AbsenceKind, Person, Site
from webapp.services import absences, access, roster, shifts, zones
from webapp.services.absences import AbsenceDraft
from webapp.services.access import Permission
from webapp.services.shifts import ShiftDraft
from webapp.web.arguments import chosen_day
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, current_viewer, get_session, now, today
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success

blueprint = Blueprint("roster", __name__, url_prefix="/roster")

# The browser of whoever removed something remembers it, so that it can be put back.
REMOVED = "removed_from_roster"
PEOPLE_PER_PAGE = 100


@blueprint.get("")
@requires(Permission.VIEW_ROSTER)
def index() -> ResponseReturnValue:
    """Show who works when at a site, as a page or as CSV."""
    session, viewer = get_session(), current_viewer()
    sites = roster.list_roster_sites(session, viewer=viewer)
    site = viewed_site(sites)
    if site is None:
        return render_template("roster/nowhere.html")
    view = request.args.get("view", "day")
    view = view if view in VIEWS else "day"
    day_on = chosen_day(today(site))
    period = Period.of(day_on, view, site.time_zone)
    narrow: dict[str, Any] = {
        "viewer": viewer,
        "site": site,
        "team_id": request.args.get("team", type=int),
        "text": request.args.get("q", "").strip(),
    }
    span: dict[str, Any] = {"starts_at": period.starts_at, "ends_at": period.ends_at}
    if request.args.get("format") == "csv":
        return _csv(build_lines(roster.list_roster(session, **narrow, **span)), site)
    page = page_from_request(roster.count_people(session, **narrow), size=PEOPLE_PER_PAGE)
    found = roster.list_roster(session, **narrow, **span, offset=page.offset, limit=page.size)
    teams = access.list_teams(session, viewer=viewer, permission=Permission.VIEW_ROSTER)
    return render_template(
        f"roster/{view}.html",
        site=site,
        sites=[(each.id, each.name) for each in sites],
        teams=[(team.id, team.name) for team in teams if team.site_id == site.id],
        view=view,
        views=VIEWS,
        day_on=day_on,
        is_today=day_on == today(site),
        today=today(site),
        period=period,
        before=day_on - dt.timedelta(days=7),
        after=day_on + dt.timedelta(days=7),
        ticks=DayLine(period.starts_at, period.ends_at, site.time_zone).ticks(),
        now_x=_now_position(period, site),
        rows=build_rows(found, period, site.time_zone),
        lines=build_lines(found),
        page=page,
        may_edit=site.id in {each.id for each in list_editable_sites()},
    )


def viewed_site(sites: Sequence[Site]) -> Site | None:
    """
    Return the site that the address names, else the viewer's own, else the first of theirs, if there is any.

    Raises
    ------
    NotFoundError
        If the address names one that is not among them.
    """
    wanted = request.args.get("site", type=int)
    if wanted is not None:
        site = next((each for each in sites if each.id == wanted), None)
        if site is None:
            raise NotFoundError("There is no such site.")
        return site
    return next((each for each in sites if each.id == current_person().site_id), sites[0] if sites else None)


def list_editable_sites() -> Sequence[Site]:
    """Return the sites whose roster the viewer edits."""
    return access.list_sites(get_session(), viewer=current_viewer(), permission=Permission.EDIT_ROSTER)


def _now_position(period: Period, site: Site) -> float | None:
    if period.starts_at <= now() < period.ends_at:
        return DayLine(period.starts_at, period.ends_at, site.time_zone).position(now())
    return None


def _csv(lines: Sequence[Line], site: Site) -> ResponseReturnValue:
    place = ZoneInfo(site.time_zone)

    def written(moment: dt.datetime) -> str:
        return moment.astimezone(place).isoformat(timespec="minutes")

    rows = (
        (
            line.person.external_id,
            line.person.name,
            line.person.team.code if line.person.team else None,
            line.what,
            written(line.starts_at),
            written(line.ends_at),
            "; ".join(f"{written(start)}/{written(end)}" for start, end in line.breaks),
            round(line.minutes, 1),
        )
        for line in lines
    )
    header = ("person", "name", "team", "what", "starts_at", "ends_at", "breaks", "minutes")
    return csv_response("roster.csv", header, rows)


def board_url(person: Person, moment: dt.datetime) -> str:
    """Return the address of the day on which something of a person begins."""
    day_on = zones.to_local(moment, person.site.time_zone).date()
    return url_for("roster.index", site=person.site_id, day=day_on.isoformat())


@blueprint.post("/restore")
@requires(Permission.EDIT_ROSTER)
def restore() -> ResponseReturnValue:
    """Put back the shift or absence that this browser removed last."""
    removed = cookie.pop(REMOVED, None)
    if removed is None:
        raise NotFoundError("There is nothing to put back any more.")
    session = get_session()
    person = access.get_person(
        session, removed["person_id"], viewer=current_viewer(), permission=Permission.EDIT_ROSTER
    )
    starts_at, ends_at = (dt.datetime.fromisoformat(removed[name]) for name in ("starts_at", "ends_at"))
    if "kind" in removed:
        absences.add_absence(
            session, person, draft=AbsenceDraft(starts_at, ends_at, AbsenceKind(removed["kind"])), by=actor()
        )
    else:
        breaks = tuple(
            (dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end)) for start, end in removed["breaks"]
        )
        shifts.add_shift(session, person, draft=ShiftDraft(starts_at, ends_at, breaks), by=actor())
    flash_success(f"It is back in the roster of {person.name}.")
    return redirect(board_url(person, starts_at))
