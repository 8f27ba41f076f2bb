"""Hiring profiles: the list, the draft from a day's unserved work, and a kept profile."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.profiles.forms import ProfileForm
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import HiringProfile, Plan, Site
from webapp.services import access, audit, profiles, unserved
from webapp.services.access import Permission
from webapp.services.unserved import Draft
from webapp.web.editing import edit_row, go_on
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session, today
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success

blueprint = Blueprint("profiles", __name__)

CAUSE_WORDS = {
    "nobody_allowed": "nobody may take it",
    "no_skill": "nobody has the skill",
    "no_skill_mix": "nobody has all of the skills",
    "no_channel": "nobody with the skills works this channel",
    "off_shift": "those who can are off shift",
    "limit": "limits of people or policy",
    "sold": "the time went to work of more value",
    "not_worth": "it would add no value",
    "search": "the search stopped before",
    "unknown": "the run was ended before the reason was found",
}


@blueprint.get("/profiles")
@requires(Permission.MANAGE_PROFILES)
def index() -> ResponseReturnValue:
    """List the profiles that were kept, as a page or as CSV."""
    session, viewer = get_session(), current_viewer()
    kept = profiles.list_profiles(session, viewer=viewer, site_id=request.args.get("site", type=int))
    sites = access.list_sites(session, viewer=viewer, permission=Permission.MANAGE_PROFILES)
    if request.args.get("format") == "csv":
        return _csv("hiring-profiles.csv", kept)
    minutes = {profile.id: profiles.read_basis(profile).minutes for profile in kept}
    return render_template(
        "profiles/index.html", profiles=kept, minutes=minutes, site_options=[(site.id, site.name) for site in sites]
    )


def _csv(file_name: str, kept: Sequence[HiringProfile]) -> ResponseReturnValue:
    header = (
        "profile", "site", "day", "head_count", "skill", "skill_name", "level", "gate",
        "demand_minutes", "engagements", "traces_to",
    )  # fmt: skip
    rows = []
    for profile in kept:
        basis = profiles.read_basis(profile)
        rows += [
            (
                profile.name,
                profile.site.code,
                basis.day_on,
                profile.head_count,
                line.skill.code,
                line.skill.name,
                line.level,
                "yes" if line.gate else "no",
                round(line.demand_minutes, 1),
                line.engagement_count,
                " ".join(trace.external_id for trace in basis.asking_for(line.skill_id)),
            )
            for line in profile.requirements
        ]
    return csv_response(file_name, header, rows)


def _chosen_site(sites: Sequence[Site]) -> Site | None:
    wanted = request.args.get("site", type=int)
    chosen = [site for site in sites if site.id == wanted] if wanted is not None else sites
    if wanted is not None and not chosen:
        raise NotFoundError("There is no such site.")
    return chosen[0] if chosen else None


def _chosen_day(site: Site, days: Sequence[dt.date]) -> dt.date:
    """Return the day of the address; else the latest planned day up to today, else the next one, else today."""
    text = request.args.get("day", "")
    try:
        if text:
            return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError("Give the day as 2026-11-21.") from None
    present = today(site)
    return next((day for day in days if day <= present), days[-1] if days else present)


def _draft(plan: Plan) -> Draft:
    types = request.args.getlist("type", type=int)
    return unserved.draft_profile(get_session(), plan, type_ids=types or None)


@blueprint.route("/profiles/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_PROFILES)
def create() -> ResponseReturnValue:
    """Draw a profile from the unserved work of a site's day, and keep it."""
    session, viewer = get_session(), current_viewer()
    sites = access.list_sites(session, viewer=viewer, permission=Permission.MANAGE_PROFILES)
    site = _chosen_site(sites)
    if site is None:
        return render_template("profiles/new.html", site=None)
    days = unserved.list_planned_days(session, site)
    day = _chosen_day(site, days)
    plan = unserved.find_published_plan(session, site, day)
    draft = _draft(plan) if plan is not None else None
    form = ProfileForm()
    if draft is not None and not form.is_submitted():
        form.name.data = f"{site.name}, {day:%-d %b %Y}"
        form.head_count.data = draft.head_count
    if draft is not None and form.validate_on_submit():
        try:
            profile = profiles.keep_profile(
                session,
                draft,
                name=form.name.data or "",
                head_count=form.head_count.data or 0,
                note=form.note.data or "",
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{profile.name} is kept.")
            return redirect(url_for(".profile", profile_id=profile.id))
    candidates = None
    if draft is not None and draft.requirements:
        candidates = profiles.list_candidates(
            session, site, profiles.weigh(draft.requirements), viewer=viewer, on=today(site)
        )
    page = render_template(
        "profiles/new.html",
        site=site,
        site_options=[(row.id, row.name) for row in sites],
        day=day,
        days=days,
        draft=draft,
        candidates=candidates,
        form=form,
        cause_words=CAUSE_WORDS,
    )
    return page, 422 if form.is_submitted() else 200


@blueprint.get("/profiles/<int:profile_id>")
@requires(Permission.MANAGE_PROFILES)
def profile(profile_id: int) -> ResponseReturnValue:
    """Show a profile: what it asks for and why, and who is near, internal people first; or its CSV."""
    session, viewer = get_session(), current_viewer()
    shown = profiles.get_profile(session, profile_id, viewer=viewer)
    if request.args.get("format") == "csv":
        return _csv(f"hiring-profile-{shown.id}.csv", [shown])
    return render_template(
        "profiles/profile.html",
        profile=shown,
        basis=profiles.read_basis(shown),
        cause_words=CAUSE_WORDS,
        candidates=profiles.list_candidates(
            session, shown.site, profiles.weigh(shown.requirements), viewer=viewer, on=today(shown.site)
        ),
        events=audit.history(session, shown),
    )


@blueprint.route("/profiles/<int:profile_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_PROFILES)
def edit(profile_id: int) -> ResponseReturnValue:
    """Change a profile's name, head count and note."""
    session = get_session()
    shown = profiles.get_profile(session, profile_id, viewer=current_viewer())

    def save(form: ProfileForm) -> None:
        profiles.update_profile(
            session,
            shown,
            name=form.name.data or "",
            head_count=form.head_count.data or 0,
            note=form.note.data or "",
            version=form.version_number,
            seen=form.seen_words,
            by=actor(),
        )

    return edit_row(
        shown,
        make=lambda sent: ProfileForm(sent, obj=shown),
        words=lambda: profiles.describe(shown),
        save=save,
        page=lambda form, conflict: render_template("profiles/edit.html", form=form, profile=shown, conflict=conflict),
        done=lambda: go_on(f"{shown.name} is saved.", url_for(".profile", profile_id=shown.id)),
    )


@blueprint.post("/profiles/<int:profile_id>/delete")
@requires(Permission.MANAGE_PROFILES)
def delete(profile_id: int) -> ResponseReturnValue:
    """Remove a profile."""
    session = get_session()
    shown = profiles.get_profile(session, profile_id, viewer=current_viewer())
    profiles.delete_profile(session, shown, by=actor())
    flash_success(f"{shown.name} is removed.")
    return redirect(url_for(".index"))
