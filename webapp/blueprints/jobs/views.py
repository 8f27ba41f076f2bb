"""Jobs: everybody's for those who manage them, and one's own with progress, cancel and another try."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.charts.jobs import hours_figure
from webapp.models import JobState
from webapp.services import export_files, job_overview, job_workers, jobs
from webapp.services.access import Permission
from webapp.services.job_kinds import title_of
from webapp.services.job_overview import JobFilter
from webapp.services.planning import fan_out
from webapp.web import figures
from webapp.web.arguments import choice_argument
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_person, current_viewer, get_session, now
from webapp.web.safety import local_path
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_error, flash_success

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

_CSV_ROWS = 10_000


def _filter() -> JobFilter:
    state = choice_argument("state", JobState)
    return JobFilter(
        state=state.value if state is not None else "",
        kind=request.values.get("kind", "")[:40],
        person_id=request.values.get("person", type=int),
    )


@blueprint.get("")
@requires(Permission.MANAGE_JOBS)
def index() -> ResponseReturnValue:
    """Show the queue, the workers and the jobs of everybody, as a page or as CSV."""
    watch("jobs", pause_seconds=2)
    session, wanted, at = get_session(), _filter(), now()
    if request.args.get("format") == "csv":
        return _csv(wanted)
    page = page_from_request(job_overview.count_jobs(session, wanted))
    return render_template(
        "jobs/index.html",
        jobs=job_overview.list_jobs(session, wanted, offset=page.offset, limit=page.size),
        page=page,
        queue=job_overview.read_queue(session, at=at),
        workers=job_workers.list_workers(session, at=at),
        figure=hours_figure(job_overview.read_hours(session, at=at), zone=current_person().site.time_zone),
        kinds=[(kind, title_of(kind)) for kind in job_overview.list_kinds(session)],
        states=[(state.value, state.value.capitalize()) for state in JobState],
        wanted=wanted,
        title_of=title_of,
        at=at,
    )


def _csv(wanted: JobFilter) -> ResponseReturnValue:
    header = (
        "id",
        "kind",
        "state",
        "progress",
        "attempts",
        "asked_for_by",
        "part_of",
        "created_at",
        "ended_at",
        "error",
    )
    rows = (
        (
            each.id,
            each.kind,
            each.state,
            each.progress,
            each.attempts,
            each.requested_by_id,
            each.parent_id,
            each.created_at,
            each.ended_at,
            each.error,
        )
        for each in job_overview.list_jobs(get_session(), wanted, limit=_CSV_ROWS)
    )
    return csv_response("jobs.csv", header, rows)


@blueprint.get("/by-hour")
@requires(Permission.MANAGE_JOBS)
def by_hour() -> ResponseReturnValue:
    """Answer with the figure of what jobs did in the last hours."""
    hours = job_overview.read_hours(get_session(), at=now())
    return figures.respond(hours_figure(hours, zone=current_person().site.time_zone))


@blueprint.post("/retry")
@requires(Permission.MANAGE_JOBS)
def retry_all() -> ResponseReturnValue:
    """Try all dead and failed jobs again that the filter shows."""
    queued, refused = job_overview.retry_all(get_session(), _filter(), by=actor())
    if queued:
        flash_success(f"{queued} {'job is' if queued == 1 else 'jobs are'} queued again.")
    if refused or not queued:
        flash_error(f"{refused} could not be queued: full queues, or what they are a part of is done without them.")
    return redirect(local_path(request.form.get("next"), otherwise=url_for(".index")))


@blueprint.get("/<int:job_id>")
@requires(Permission.USE_MAINSTAY)
def job(job_id: int) -> ResponseReturnValue:
    """Show a job with its parts, and the file that it wrote."""
    watch(f"job:{job_id}")
    session = get_session()
    found = jobs.get_job(session, job_id, viewer=current_viewer())
    parts = jobs.list_parts(session, found.id)
    watch(*(f"job:{part.id}" for part in parts))
    return render_template(
        "jobs/job.html",
        job=found,
        parts=parts,
        runs={run.job_id: run for run in fan_out.list_runs(session, found.id)},
        file=export_files.find_file(session, found),
        title_of=title_of,
        at=now(),
    )


@blueprint.post("/<int:job_id>/cancel")
@requires(Permission.USE_MAINSTAY)
def cancel(job_id: int) -> ResponseReturnValue:
    """Ask that a job stop, and go back to where this was asked."""
    found = jobs.get_job(get_session(), job_id, viewer=current_viewer())
    jobs.request_cancel(get_session(), found)
    flash_success("The job stops as soon as it can.")
    return _back(job_id)


@blueprint.post("/<int:job_id>/retry")
@requires(Permission.USE_MAINSTAY)
def retry(job_id: int) -> ResponseReturnValue:
    """Queue a job again that ended without doing what was asked."""
    found = jobs.get_job(get_session(), job_id, viewer=current_viewer())
    job_overview.retry(get_session(), found, by=actor())
    flash_success("The job is queued again.")
    return _back(job_id)


@blueprint.post("/<int:job_id>/discard")
@requires(Permission.MANAGE_JOBS)
def discard(job_id: int) -> ResponseReturnValue:
    """Let a dead or failed job be."""
    found = jobs.get_job(get_session(), job_id, viewer=current_viewer())
    job_overview.discard(get_session(), found, by=actor())
    flash_success("The job is discarded.")
    return _back(job_id)


@blueprint.post("/<int:job_id>/link")
@requires(Permission.USE_MAINSTAY)
def link(job_id: int) -> ResponseReturnValue:
    """Make a link to the file that a job wrote, and follow it."""
    token = export_files.make_link(get_session(), job_id, viewer=current_viewer(), by=actor())
    return redirect(url_for("exports.fetch", link=token))


def _back(job_id: int) -> ResponseReturnValue:
    return redirect(local_path(request.form.get("next"), otherwise=url_for(".job", job_id=job_id)))
