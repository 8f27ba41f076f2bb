"""Background jobs: runs of the optimizer, imports, exports."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from webapp.models import JobState, TokenScope
from webapp.services import jobs
from webapp.services.access import Permission
from webapp.services.listing import plans as listing
from webapp.services.listing.plans import JobFilter
from webapp.web.guard import requires
from webapp.web.request import current_viewer, get_session
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Choice, Code, Flag, Key, Moment
from webapp.web.rest.lists import answer_page, list_arguments, page_of, take_page

blueprint = ResourceBlueprint("jobs", "Background work: one's own, or everybody's for those who manage jobs.")


class JobSchema(ma.Schema):
    """A job."""

    id = Key(required=True)
    kind = Code(required=True)
    state = Choice(JobState, required=True)
    progress = ma.fields.Float(required=True, metadata={"description": "The share that is done, in [0, 1]."})
    progress_detail = ma.fields.Dict(required=True)
    result = ma.fields.Dict(required=True, allow_none=True)
    error = ma.fields.String(required=True, allow_none=True)
    attempts = ma.fields.Integer(required=True)
    max_attempts = ma.fields.Integer(required=True)
    cancel_requested = Flag(required=True)
    requested_by_id = Key(required=True, allow_none=True)
    created_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)


JobList = list_arguments("JobList", sorts=listing.JOB_ORDERS, filters={"kind": Code(), "state": Choice(JobState)})


@blueprint.get("/jobs")
@requires(Permission.USE_MAINSTAY, scope=TokenScope.JOBS_READ)
@blueprint.arguments(JobList, location="query")
@blueprint.response(200, page_of(JobSchema))
@blueprint.leads_to("get_job", "cancel_job", job_id="items/0/id")
def list_jobs(arguments: dict[str, Any]) -> Any:
    """List jobs."""
    wanted, chosen = take_page(arguments), JobFilter(**arguments)
    return answer_page(listing.list_jobs(get_session(), viewer=current_viewer(), chosen=chosen, wanted=wanted))


@blueprint.get("/jobs/<key:job_id>")
@requires(Permission.USE_MAINSTAY, scope=TokenScope.JOBS_READ)
@blueprint.etag
@blueprint.response(200, JobSchema)
@blueprint.leads_to("cancel_job", job_id="id")
def get_job(job_id: int) -> Any:
    """Get a job, to see how far it is."""
    return jobs.get_job(get_session(), job_id, viewer=current_viewer())


@blueprint.post("/jobs/<key:job_id>/cancel")
@requires(Permission.USE_MAINSTAY, scope=TokenScope.JOBS_WRITE)
@blueprint.response(202, JobSchema)
@blueprint.leads_to("get_job", job_id="id")
def cancel_job(job_id: int) -> Any:
    """Ask that a job stop as soon as it can."""
    job = jobs.get_job(get_session(), job_id, viewer=current_viewer())
    jobs.request_cancel(get_session(), job)
    return job
