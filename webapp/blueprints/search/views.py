"""Who can: the search whose whole question stands in the address, and the figures of HR's home."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.blueprints.search.forms import SaveSearchForm
from webapp.errors import InvalidInputError
from webapp.models import Site
from webapp.services import access, catalogue, saved_searches, who_can
from webapp.services.access import Permission
from webapp.services.who_can import Match, Search, Wanted, Window
from webapp.web.arguments import read_day
from webapp.web.filters import local_time
from webapp.web.guard import requires
from webapp.web.request import current_viewer, get_session, now, today
from webapp.web.tables import csv_response

blueprint = Blueprint("search", __name__)

DEFAULT_LEVEL = 3
WEEKDAYS = tuple(enumerate(calendar.day_name, start=1))
_MOST_SKILLS = 8


def _wanted() -> tuple[Wanted, ...]:
    """Return the skills and levels of the address; lines without a skill are blank lines of the form."""
    lines = zip(request.args.getlist("skill"), [*request.args.getlist("level"), *[""] * _MOST_SKILLS], strict=False)
    return tuple(
        Wanted(int(skill), int(level) if _is_number(level) else DEFAULT_LEVEL)
        for skill, level in lines
        if _is_number(skill)
    )[:_MOST_SKILLS]


def _is_number(text: str) -> bool:
    # Python refuses to read thousands of digits, and no key has that many.
    return text.isdecimal() and len(text) < 19


def _window() -> Window | None:
    starts, ends = (request.args.get(name, "") for name in ("from", "until"))
    if not starts and not ends:
        return None
    try:
        window = Window(dt.time.fromisoformat(starts), dt.time.fromisoformat(ends))
    except ValueError:
        window = None
    # The clocks are those of each person's site, so a time with an offset of its own has no meaning here.
    if window is None or window.starts.tzinfo or window.ends.tzinfo:
        raise InvalidInputError("Give both times, such as from 09:00 until 12:00.")
    return window


def _day(default: dt.date) -> dt.date:
    text = request.args.get("on", "")
    day = read_day(text) if text else default
    if day is None:
        raise InvalidInputError("Give the day as 2026-11-21.")
    return day


def _weekday() -> int | None:
    """Return the weekday of the address, 1 for Monday to 7; with one, a kept search always asks about the next such."""
    number = request.args.get("weekday", type=int)
    return number if number is not None and 1 <= number <= 7 else None


def _asked_day(default: dt.date) -> dt.date:
    weekday = _weekday()
    if weekday is None:
        return _day(default)
    return default + dt.timedelta(days=(weekday - default.isoweekday()) % 7)


def _search(default: dt.date) -> Search:
    return Search(
        wanted=_wanted(),
        on=_asked_day(default),
        window=_window(),
        site_id=request.args.get("site", type=int),
        team_id=request.args.get("team", type=int),
        reviewed=bool(request.args.get("reviewed")),
        fresh=bool(request.args.get("fresh")),
        near=bool(request.args.get("near")),
    )


def _default_day(sites: Sequence[Site]) -> dt.date:
    return today(sites[0]) if sites else now().date()


@blueprint.get("/who-can")
@requires(Permission.SEARCH_SKILLS)
def index() -> ResponseReturnValue:
    """Show who can, as a page or as CSV; before a question is asked, the figures of the viewer's people."""
    session, viewer = get_session(), current_viewer()
    sites = access.list_sites(session, viewer=viewer, permission=Permission.SEARCH_SKILLS)
    default = _default_day(sites)
    matches, error = [], None
    search = Search(wanted=_wanted(), on=default)
    try:
        search = _search(default)
        matches = who_can.find_who_can(session, search, viewer=viewer)
    except InvalidInputError as refused:
        error = refused
    if request.args.get("format") == "csv" and error is None:
        return _csv(search, matches)
    teams = access.list_teams(session, viewer=viewer, permission=Permission.SEARCH_SKILLS)
    page = render_template(
        "search/index.html",
        search=search,
        matches=matches,
        error=error,
        lines=_form_lines(search),
        skills=catalogue.list_current_skills(session),
        site_options=[(site.id, site.name) for site in sites],
        team_options=[(team.id, team.name) for team in teams],
        weekday=_weekday(),
        weekday_options=WEEKDAYS,
        searches=saved_searches.list_searches(session, viewer=viewer),
        save_form=SaveSearchForm(),
        own_id=viewer.person_id,
        headline=None if search.wanted else who_can.get_headline(session, viewer=viewer, on=default),
    )
    return page, 422 if error else 200


def _form_lines(search: Search) -> list[tuple[int | None, int]]:
    """Return the lines of the form: those that are asked for and a blank one."""
    lines: list[tuple[int | None, int]] = [(line.skill_id, line.level) for line in search.wanted]
    return lines if len(lines) >= _MOST_SKILLS else [*lines, (None, DEFAULT_LEVEL)]


def _csv(search: Search, matches: Sequence[Match]) -> ResponseReturnValue:
    skills = [standing.skill.code for standing in matches[0].standings] if matches else []
    header = ["number", "name", "site", "team", "missing_levels"]
    for code in skills:
        header += [code, f"{code}_provisional", f"{code}_interest"]
    header += ["shift_start", "shift_end"] if search.window else []
    rows = []
    for match in matches:
        person = match.person
        row: list[object] = [
            person.external_id,
            person.name,
            person.site.code,
            person.team.code if person.team else None,
            match.missing,
        ]
        for standing in match.standings:
            row += [standing.level, "yes" if standing.provisional else "no", standing.interest.value]
        if match.shift is not None:
            zone = person.site.time_zone
            row += [local_time(match.shift.starts_at, zone), local_time(match.shift.ends_at, zone)]
        rows.append(row)
    return csv_response("who-can.csv", header, rows)
