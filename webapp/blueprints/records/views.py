"""My skills: an agent's own record, phone first."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.records.forms import ClaimForm
from webapp.charts.evidence import ahead_figure
from webapp.charts.figure import Figure
from webapp.charts.records import record_figure, skills_figure
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import Interest, Person, Skill
from webapp.services import (
    catalogue,
    evidence,
    evidence_reasons,
    freshness,
    own_skills,
    record_history,
    records,
    upkeep,
)
from webapp.services.access import Permission
from webapp.services.own_skills import OwnSkill
from webapp.web import figures
from webapp.web.arguments import day_argument
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_person, get_session, today
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("records", __name__)

_WISHES = {
    Interest.GROW: "You want to grow {skill}: work that stretches it may come to you.",
    Interest.RATHER_NOT: "You would rather not work with {skill}: others come first.",
    Interest.NONE: "You have no wish about {skill}.",
}


def own_today() -> dt.date:
    """Return today's date where the person works."""
    return today(current_person().site)


@blueprint.get("/my/skills")
@requires(Permission.KEEP_OWN_RECORD)
def index() -> ResponseReturnValue:
    """Show one's own skills, as a page or as CSV."""
    watch(f"person:{current_person().id}", "catalogue")
    text = request.args.get("q", "").strip()
    held = own_skills.list_own_skills(get_session(), current_person().id, own_today(), text=text)
    if request.args.get("format") == "csv":
        return _csv(held)
    pairs = [(own.skill, own.projection) for own in held]
    return render_template(
        "records/index.html",
        held=held,
        text=text,
        summary=own_skills.summarise(held),
        fresh=freshness.freshness_of(pairs, own_today()),
        falls=dict(upkeep.list_falls(pairs, own_today())),
        quick=None if text else upkeep.quick_review(pairs, own_today(), current_person().site.time_zone),
        confirmable=_confirmable(held),
    )


def _confirmable(held: list[OwnSkill]) -> list[int]:
    """Return the skills that “all of these are right” speaks of: in use, and not confirmed today already."""
    return [
        own.skill.id
        for own in held
        if own.skill.retired_at is None
        and (own.projection.confirmed_at is None or own.projection.confirmed_at.date() < own.on)
    ]


def _csv(held: list[OwnSkill]) -> ResponseReturnValue:
    header = ("code", "skill", "claimed", "validated", "effective", "provisional", "expires_on", "interest")
    rows = (
        (
            own.skill.code,
            own.skill.name,
            own.projection.claimed_level,
            own.projection.validated_level,
            own.projection.effective_level,
            "yes" if own.projection.provisional else "no",
            own.projection.valid_until,
            own.projection.interest.value,
        )
        for own in held
    )
    return csv_response("my-skills.csv", header, rows)


@blueprint.get("/my/skills/add")
@requires(Permission.KEEP_OWN_RECORD)
def add() -> ResponseReturnValue:
    """Search the catalogue for a skill that is not on one's record yet."""
    text = request.args.get("q", "").strip()
    found = own_skills.list_addable_skills(get_session(), current_person().id, text=text)
    page = page_from_request(len(found))
    shown = found[page.offset : page.offset + page.size]
    return render_template("records/add.html", skills=shown, page=page, text=text)


@blueprint.get("/my/skills/<int:skill_id>")
@requires(Permission.KEEP_OWN_RECORD)
def record(skill_id: int) -> ResponseReturnValue:
    """Show one's own record in a skill: what is believed, why, and how it came to be."""
    session, person = get_session(), current_person()
    watch(f"person:{person.id}", "catalogue")
    skill = catalogue.get_skill(session, skill_id)
    projection = records.projections_on(session, [person.id], own_today(), skill_ids=[skill_id])[person.id].get(
        skill_id
    )
    if projection is None:
        raise NotFoundError("This skill is not on your record.")
    explained = evidence_reasons.explain(session, person, skill_id, own_today())
    return render_template(
        "records/record.html",
        skill=skill,
        projection=projection,
        explained=explained,
        steps=evidence_reasons.next_steps(explained),
        ahead=ahead_figure(skill.name, explained),
        brought=evidence.list_own(session, person.id, skill_id=skill_id),
        lines=_condensed(person, skill_id),
        figure=_record_figure(skill),
        zone=person.site.time_zone,
    )


def _condensed(person: Person, skill_id: int | None = None) -> list[record_history.HistoryLine]:
    lines = record_history.history(get_session(), person.id, skill_id=skill_id)
    return record_history.condense(lines, person.site.time_zone)


def _record_figure(skill: Skill) -> Figure:
    person = current_person()
    points = record_history.list_level_points(get_session(), person, skill.id, own_today())
    return record_figure(skill.name, points, until=own_today())


@blueprint.get("/my/skills/<int:skill_id>/figure")
@requires(Permission.KEEP_OWN_RECORD)
def record_picture(skill_id: int) -> ResponseReturnValue:
    """Answer with the figure of one's own levels in a skill over time."""
    return figures.respond(_record_figure(catalogue.get_skill(get_session(), skill_id)))


@blueprint.route("/my/skills/<int:skill_id>/claim", methods=["GET", "POST"])
@requires(Permission.KEEP_OWN_RECORD)
def claim(skill_id: int) -> ResponseReturnValue:
    """Claim a level in a skill, and say what supports it."""
    session, person, form = get_session(), current_person(), ClaimForm()
    skill = catalogue.get_skill(session, skill_id)
    present = records.find_record(session, person.id, skill_id)
    if form.validate_on_submit():
        try:
            evidence.claim(
                session,
                person,
                skill_id=skill_id,
                level=form.level.data,
                note=form.note.data or "",
                link=form.link.data or "",
                file=form.file_sent(),
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_undo(f"You claim level {form.level.data} in {skill.name}.", url_for(".withdraw", skill_id=skill_id))
            return redirect(url_for(".index", _anchor=f"skill-{skill_id}"))
    if not form.is_submitted() and present is not None and present.claimed_level is not None:
        form.level.data = present.claimed_level
    page = render_template("records/claim.html", form=form, skill=skill, present=present)
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/my/skills/<int:skill_id>/withdraw")
@requires(Permission.KEEP_OWN_RECORD)
def withdraw(skill_id: int) -> ResponseReturnValue:
    """Take one's latest claim in a skill back."""
    session = get_session()
    kept = records.withdraw_claim(session, current_person(), skill_id=skill_id, by=actor())
    now_stands = "no claim" if kept.claimed_level is None else f"your claim of level {kept.claimed_level}"
    flash_success(f"Taken back: {now_stands} stands in {kept.skill.name}.")
    return redirect(url_for(".index", _anchor=f"skill-{skill_id}"))


@blueprint.post("/my/skills/<int:skill_id>/interest/<wish>")
@requires(Permission.KEEP_OWN_RECORD)
def interest(skill_id: int, wish: str) -> ResponseReturnValue:
    """Say whether one wants work in a skill."""
    if wish not in set(Interest):
        raise NotFoundError("There is no such wish.")
    session, person = get_session(), current_person()
    before = records.find_record(session, person.id, skill_id)
    was = before.interest if before else Interest.NONE
    kept = records.set_interest(session, person, skill_id=skill_id, interest=Interest(wish), by=actor())
    message = _WISHES[kept.interest].format(skill=kept.skill.name)
    flash_undo(message, url_for(".interest", skill_id=skill_id, wish=was.value))
    return redirect(url_for(".index", _anchor=f"skill-{skill_id}"))


@blueprint.get("/my/skills/history")
@requires(Permission.KEEP_OWN_RECORD)
def history() -> ResponseReturnValue:
    """Show how one's own record came to be, and how it stood on any day."""
    session, person = get_session(), current_person()
    on = day_argument("on")
    return render_template(
        "records/history.html",
        lines=_condensed(person)[:200],
        figure=_skills_figure(),
        on=on,
        then=own_skills.list_as_of(session, person, on) if on else None,
        zone=person.site.time_zone,
    )


@blueprint.get("/my/skills/history.csv")
@requires(Permission.KEEP_OWN_RECORD)
def history_csv() -> ResponseReturnValue:
    """Answer with everything that was written to one's own record."""
    lines = record_history.history(get_session(), current_person().id)
    return csv_response("my-skill-history.csv", HISTORY_HEADER, (history_row(line) for line in lines))


HISTORY_HEADER = ("at", "skill", "what", "level", "interest", "contacts", "expires_on", "by", "note", "stands")


def history_row(line: record_history.HistoryLine) -> tuple[object, ...]:
    """Return one event of a log as a row of a CSV."""
    event = line.event
    return (
        event.at.isoformat(),
        event.skill.code,
        event.kind.value,
        event.level,
        event.interest.value if event.interest else None,
        event.count,
        event.expires_on,
        event.author.name if event.author else None,
        event.note,
        "yes" if line.standing else "no",
    )


def _skills_figure() -> Figure:
    counts = record_history.list_level_counts(get_session(), current_person(), own_today())
    return skills_figure(counts, until=own_today())


@blueprint.get("/my/skills/history/figure")
@requires(Permission.KEEP_OWN_RECORD)
def history_picture() -> ResponseReturnValue:
    """Answer with the figure of one's own skills by level over time."""
    return figures.respond(_skills_figure())
