"""The skill records of people whom one works with, to read."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.blueprints.records.views import HISTORY_HEADER, blueprint, history_row
from webapp.charts.figure import Figure
from webapp.charts.records import skills_figure
from webapp.models import Person
from webapp.services import access, freshness, own_skills, record_history, reviews
from webapp.services.access import Permission
from webapp.web import figures
from webapp.web.arguments import chosen_day
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import current_viewer, get_session, today
from webapp.web.tables import csv_response


def _get_person(person_id: int) -> Person:
    return access.get_person(get_session(), person_id, viewer=current_viewer(), permission=Permission.VIEW_RECORDS)


@blueprint.get("/people/<int:person_id>/skills")
@requires(Permission.VIEW_RECORDS)
def person(person_id: int) -> ResponseReturnValue:
    """Show a person's skills and how they came to be, on any day, as a page or as CSV."""
    watch(f"person:{person_id}", "catalogue")
    session, shown = get_session(), _get_person(person_id)
    present = today(shown.site)
    on = chosen_day(present, "on")
    held = (
        own_skills.list_own_skills(session, shown.id, on)
        if on >= present
        else own_skills.list_as_of(session, shown, on)
    )
    if request.args.get("format") == "csv":
        return _csv(shown, held)
    return render_template(
        "records/person.html",
        person=shown,
        held=held,
        on=on,
        present=present,
        summary=own_skills.summarise(held),
        fresh=freshness.freshness_of([(own.skill, own.projection) for own in held], on),
        lines=record_history.condense(record_history.history(session, shown.id), shown.site.time_zone)[:100],
        figure=_figure(shown),
        reviewable=reviews.list_reviewable(session, shown, viewer=current_viewer()),
    )


def _csv(shown: Person, held: list[own_skills.OwnSkill]) -> ResponseReturnValue:
    header = ("number", "code", "skill", "claimed", "validated", "effective", "provisional", "expires_on", "interest")
    rows = (
        (
            shown.external_id,
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
    return csv_response(f"skills-of-{shown.external_id}.csv", header, rows)


@blueprint.get("/people/<int:person_id>/skills/history.csv")
@requires(Permission.VIEW_RECORDS)
def person_history_csv(person_id: int) -> ResponseReturnValue:
    """Answer with everything that was written to a person's record."""
    shown = _get_person(person_id)
    lines = record_history.history(get_session(), shown.id)
    name = f"skill-history-of-{shown.external_id}.csv"
    return csv_response(name, HISTORY_HEADER, (history_row(line) for line in lines))


def _figure(shown: Person) -> Figure:
    until = today(shown.site)
    counts = record_history.list_level_counts(get_session(), shown, until)
    return skills_figure(counts, until=until)


@blueprint.get("/people/<int:person_id>/skills/figure")
@requires(Permission.VIEW_RECORDS)
def person_picture(person_id: int) -> ResponseReturnValue:
    """Answer with the figure of a person's skills by level over time."""
    return figures.respond(_figure(_get_person(person_id)))
