"""Reviews that nobody has given for long, for HR: who could name a deputy, and gets no say in the review by that."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from webapp.blueprints.reviews.views import blueprint, overdue_days
from webapp.services import deputies, inbox
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.request import current_person, current_viewer, get_session, today
from webapp.web.tables import csv_response, page_from_request


@blueprint.get("/overdue")
@requires(Permission.SEE_OVERDUE_REVIEWS)
def overdue() -> ResponseReturnValue:
    """Show what has waited for long and who should answer, as a page or as CSV."""
    session, on = get_session(), today(current_person().site)
    lines = inbox.list_overdue(session, current_viewer(), on, days=overdue_days())
    teams = {line.record.person.team_id for line in lines if line.record.person.team_id is not None}
    leads = deputies.leads_by_team(session, teams)
    stand_ins = deputies.deputies_on(session, {lead.id for each in leads.values() for lead in each}, on)
    if request.args.get("format") == "csv":
        header = ("number", "name", "team", "skill", "occasion", "since", "days", "leads")
        rows = (
            (
                line.record.person.external_id,
                line.record.person.name,
                line.record.person.team.name if line.record.person.team else None,
                line.record.skill.code,
                line.occasion.value,
                line.since,
                line.waits_days(on),
                ", ".join(lead.name for lead in leads.get(line.record.person.team_id or 0, [])),
            )
            for line in lines
        )
        return csv_response("overdue-reviews.csv", header, rows)
    page = page_from_request(len(lines))
    return render_template(
        "reviews/overdue.html",
        lines=lines[page.offset : page.offset + page.size],
        page=page,
        leads=leads,
        deputies=stand_ins,
        on=on,
        days=overdue_days(),
    )
