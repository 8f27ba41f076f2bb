"""Jobs: everybody's for those who manage them, and one's own with progress and cancel."""

from __future__ import annotations

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services import jobs
from webapp.services.access import Permission
from webapp.web.filters import job_figure, job_label, percent
from webapp.web.guard import requires
from webapp.web.labels import state_label
from webapp.web.request import current_viewer, get_session
from webapp.web.safety import local_path
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")


@blueprint.get("")
@requires(Permission.MANAGE_JOBS)
def index() -> ResponseReturnValue:
    """List the newest jobs of everybody, as a page or as CSV."""
    listed = jobs.list_jobs(get_session(), state=request.args.get("state", ""))
    if request.args.get("format") == "csv":
        header = ("id", "kind", "state", "progress", "attempts", "asked_for_by", "created_at", "ended_at", "error")
        rows = (
            (j.id, j.kind, j.state, j.progress, j.attempts, j.requested_by_id, j.created_at, j.ended_at, j.error)
            for j in listed
        )
        return csv_response("jobs.csv", header, rows)
    return render_template("jobs/index.html", jobs=listed)


@blueprint.get("/<int:job_id>")
@requires(Permission.USE_MAINSTAY)
def job(job_id: int) -> ResponseReturnValue:
    """Show a job."""
    return render_template("jobs/job.html", job=jobs.get_job(get_session(), job_id, viewer=current_viewer()))


@blueprint.get("/<int:job_id>.json")
@requires(Permission.USE_MAINSTAY)
def state(job_id: int) -> ResponseReturnValue:
    """Answer how a job stands, for the module that keeps its progress up to date."""
    found = jobs.get_job(get_session(), job_id, viewer=current_viewer())
    label = state_label(found.state)
    return jsonify(
        {
            "id": found.id,
            "state": found.state,
            "word": label.word,
            "tone": label.key,
            "ended": found.state.ended,
            "progress": found.progress,
            "percent": percent(found.progress),
            "cancel_requested": found.cancel_requested,
            "figures": [
                {"label": job_label(name), "value": job_figure(value, name)}
                for name, value in found.progress_detail.items()
            ],
            "error": found.error,
        }
    )


@blueprint.post("/<int:job_id>/cancel")
@requires(Permission.USE_MAINSTAY)
def cancel(job_id: int) -> ResponseReturnValue:
    """Ask that a job stop, and go back to where this was asked."""
    found = jobs.get_job(get_session(), job_id, viewer=current_viewer())
    jobs.request_cancel(get_session(), found)
    flash_success("The job stops as soon as it can.")
    return redirect(local_path(request.form.get("next"), otherwise=url_for(".job", job_id=job_id)))
