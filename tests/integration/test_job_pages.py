"""Pages of jobs: progress, cancel, and whose job it is."""

from __future__ import annotations

import pytest

from webapp.models import Job, JobState, Role
from webapp.services import jobs


@pytest.fixture
def owner(make):
    return make.person(roles=[Role.SCHEDULER])


@pytest.fixture
def job(make, owner):
    queued = jobs.enqueue(make.session, "plan.solve", {}, by=make.actor(owner))
    queued.state, queued.progress = JobState.RUNNING, 0.42
    queued.progress_detail = {"gap": 0.0217, "phase": "solving"}
    make.session.flush()
    return queued


def test_the_owner_sees_how_the_job_stands(sign_in, owner, job):
    page = sign_in(owner).get(f"/jobs/{job.id}").text
    assert "2.17 %" in page
    assert 'value="0.42"' in page
    assert "Cancel" in page


def test_cancelling_asks_and_goes_back(sign_in, owner, job, database):
    job_id = job.id
    answer = sign_in(owner).post(f"/jobs/{job_id}/cancel", data={"next": "/account"})
    assert answer.location == "/account"
    with database.reading() as session:
        assert session.get_one(Job, job_id).cancel_requested


def test_cancelling_never_sends_out_of_mainstay(sign_in, owner, job):
    answer = sign_in(owner).post(f"/jobs/{job.id}/cancel", data={"next": "//evil.example"})
    assert answer.location == f"/jobs/{job.id}"


def test_a_job_that_has_ended_cannot_be_cancelled(sign_in, owner, job):
    job.state = JobState.FAILED
    job.error = "Row 12 is wrong."
    client = sign_in(owner)
    page = client.get(f"/jobs/{job.id}").text
    assert "Row 12 is wrong." in page
    assert f"/jobs/{job.id}/cancel" not in page
    assert client.post(f"/jobs/{job.id}/cancel").status_code == 409


def test_what_a_job_has_done_is_written_in_words(sign_in, owner, job):
    job.state, job.result = JobState.DONE, {"rows_new": 40, "states": {"open": 2}}
    page = sign_in(owner).get(f"/jobs/{job.id}").text
    assert "Rows new" in page
    assert "open 2" in page


def test_anothers_job_answers_like_an_unknown_one(make, sign_in, job):
    client = sign_in(make.person(roles=[Role.SCHEDULER]))
    assert client.get(f"/jobs/{job.id}").status_code == 404
    assert client.get("/jobs/999").status_code == 404
    assert client.post(f"/jobs/{job.id}/cancel").status_code == 404


def test_an_admin_sees_and_filters_everybodys_jobs(make, sign_in, job):
    client = sign_in(make.person(roles=[Role.ADMIN]))
    assert "Plan a day" in client.get("/jobs").text
    assert "Plan a day" in client.get("/jobs?state=running").text
    assert "No jobs" in client.get("/jobs?state=failed").text
    assert "Plan a day" in client.get("/jobs?state=nonsense").text
    assert client.get("/jobs?format=csv").text.count("plan.solve") == 1


def test_the_list_is_for_those_who_manage_jobs(sign_in, owner, job):
    assert sign_in(owner).get("/jobs").status_code == 403
