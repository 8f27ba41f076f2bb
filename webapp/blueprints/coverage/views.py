"""The coverage of a site's week: demand against supply by skill, and single points of failure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.models import Job, JobState, Site
from webapp.services.access import Permission
from webapp.services.coverage import single_points, table
from webapp.services.coverage.single_points import WeekPoints
from webapp.services.coverage.table import CoverageLine
from webapp.services.coverage.week import SiteWeek, get_site, list_sites, monday_of, read_week
from webapp.web.arguments import chosen_day, read_day
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_person, current_viewer, get_session, today
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success

blueprint = Blueprint("coverage", __name__, url_prefix="/coverage")


def _choose_site(sites: Sequence[Site]) -> Site | None:
    """Return the site that the address names, else the viewer's own, else the first; None if they see none."""
    wanted = request.args.get("site", type=int)
    if wanted is not None:
        return get_site(get_session(), wanted, viewer=current_viewer())
    own = next((site for site in sites if site.id == current_person().site_id), None)
    return own or (sites[0] if sites else None)


@blueprint.get("")
@requires(Permission.VIEW_RECORDS)
def index() -> ResponseReturnValue:
    """Compare demand and supply of a week, as a page or as CSV."""
    session, viewer = get_session(), current_viewer()
    sites = list_sites(session, viewer=viewer)
    site = _choose_site(sites)
    if site is None:
        return render_template("coverage/none.html")
    first_on = monday_of(chosen_day(today(site), "week"))
    week = read_week(session, site, first_on, today=today(site))
    lines = table.compare(session, week)
    if request.args.get("sort") == "thinnest":
        lines.sort(key=lambda line: line.worst)
    if request.args.get("format") == "csv":
        return _csv(week, lines)
    job = single_points.find_search(session, request.args.get("job", type=int), site, first_on, viewer=viewer)
    if job is not None:
        watch(f"job:{job.id}")
    return render_template(
        "coverage/index.html",
        week=week,
        lines=lines,
        points=_points(week, job),
        job=job,
        bands=BAND_WORDS,
        site_options=[(each.id, each.name) for each in sites],
        before=first_on - dt.timedelta(days=7),
        after=first_on + dt.timedelta(days=7),
    )


BAND_WORDS = {
    "short": "short: fewer minutes than needed",
    "tight": f"tight: less than {table.TIGHT:g} times",
    "fair": f"fair: less than {table.AMPLE:g} times",
    "ample": "plenty",
    "none": "nothing is needed",
}


def _points(week: SiteWeek, job: Job | None) -> WeekPoints | None:
    """Return what a longer search found, nothing while it runs, else what can be found at once."""
    session, viewer = get_session(), current_viewer()
    if job is not None and not job.state.ended:
        return None
    if job is not None and job.state is JobState.DONE and job.result:
        found = single_points.from_json(job.result)
    else:
        found = single_points.search(week.supply(), week.demand(), seconds=single_points.PAGE_SECONDS)
    return single_points.describe(session, week, found, viewer=viewer)


def _csv(week: SiteWeek, lines: Sequence[CoverageLine]) -> ResponseReturnValue:
    header = ("skill", "level", "day", "needed_minutes", "available_minutes", "people")
    rows = (
        (line.skill.code, line.level, day, round(cell.needed, 1), round(cell.available, 1), cell.people)
        for line in lines
        for day, cell in zip(week.days, line.cells, strict=True)
    )
    return csv_response(f"coverage-{week.site.code}-{week.first_on}.csv", header, rows)


@blueprint.post("/search")
@requires(Permission.VIEW_RECORDS)
def search() -> ResponseReturnValue:
    """Search a week for longer, as a job."""
    session = get_session()
    site = get_site(session, request.args.get("site", 0, type=int), viewer=current_viewer())
    first_on = monday_of(read_day(request.args.get("week", "")) or today(site))
    job = single_points.start_search(session, site, first_on, by=actor())
    flash_success("The search goes on for up to two minutes; you may leave this page meanwhile.")
    return redirect(url_for(".index", site=site.id, week=first_on.isoformat(), job=job.id, _anchor="points"))
