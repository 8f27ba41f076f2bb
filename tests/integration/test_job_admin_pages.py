"""What admins do about jobs, and what everybody may do about their own: try again, discard, fetch an export once."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select, update

from tests.factories import NOW
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import AuditEvent, ExportFile, Job, JobState, JobWorker, Role, RoleGrant
from webapp.services import export_files, job_workers, jobs
from webapp.services.access import Scope
from webapp.services.job_kinds import quota_of


@pytest.fixture
def admin(make):
    return make.person(name="Ada Moran", roles=[Role.ADMIN])


@pytest.fixture
def scheduler(make):
    return make.person(roles=[Role.SCHEDULER])


def _dead(make, person, kind="plan.solve"):
    job = jobs.enqueue(make.session, kind, {}, by=make.actor(person))
    job.state, job.attempts, job.error, job.ended_at = JobState.DEAD, 5, "Its worker died 5 times.", NOW
    make.session.flush()
    return job


def _states(database):
    with database.reading() as session:
        return session.scalars(select(Job.state).order_by(Job.id)).all()


def test_queue_workers_and_dead_letters_are_shown(make, sign_in, admin, scheduler):
    _dead(make, scheduler)
    jobs.enqueue(make.session, "import.check", {}, by=make.actor(scheduler))
    job_workers.note(make.session, "here:1:ab", executor="celery", concurrency=3, at=NOW)
    gone = JobWorker(
        name="gone:2:cd", executor="worker", concurrency=1, started_at=NOW, seen_at=NOW - dt.timedelta(hours=1)
    )
    make.session.add(gone)

    page = sign_in(admin).get("/jobs").text

    assert "Its worker died 5 times." in page
    assert "here:1:ab" in page
    assert "Lost" in page
    assert "Check an import" in page


def test_filter_narrows_page_and_csv(make, sign_in, admin, scheduler):
    _dead(make, scheduler)
    jobs.enqueue(make.session, "import.check", {}, by=make.actor(scheduler))

    lines = sign_in(admin).get("/jobs?state=dead&format=csv").text.splitlines()

    assert len(lines) == 2
    assert "plan.solve" in lines[1]


def test_admin_tries_one_dead_job_again_and_it_is_in_the_trail(make, sign_in, admin, scheduler, database):
    key, admin_id = _dead(make, scheduler).id, admin.id
    sign_in(admin).post(f"/jobs/{key}/retry")

    with database.reading() as session:
        job = session.get_one(Job, key)
        assert (job.state, job.attempts, job.requested_by_id) == (JobState.QUEUED, 0, job.requested_by_id)
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "retry_job")).one()
        assert (event.actor_id, event.subject_id, event.detail["was"]) == (admin_id, key, "dead")


def test_admin_tries_all_of_a_filter_again(make, sign_in, admin, scheduler, database):
    for kind in ("plan.solve", "plan.solve", "import.check"):
        _dead(make, scheduler, kind)

    answer = sign_in(admin).post("/jobs/retry?kind=plan.solve")

    assert answer.status_code == 302
    assert _states(database) == [JobState.QUEUED, JobState.QUEUED, JobState.DEAD]


def test_person_tries_their_own_again_and_discards_nothing(make, sign_in, scheduler, database):
    key = _dead(make, scheduler).id
    client = sign_in(scheduler)

    assert client.post(f"/jobs/{key}/discard").status_code == 403
    assert client.post(f"/jobs/{key}/retry").status_code == 302
    assert client.post(f"/jobs/{key}/retry").status_code == 409
    assert _states(database) == [JobState.QUEUED]


def test_anothers_job_cannot_be_tried_again(make, sign_in, scheduler, database):
    key = _dead(make, scheduler).id
    assert sign_in(make.person(roles=[Role.SCHEDULER])).post(f"/jobs/{key}/retry").status_code == 404
    assert _states(database) == [JobState.DEAD]


def test_full_queue_is_answered_with_429_and_what_to_do(make, sign_in, admin, database):
    quota = quota_of("exports")
    client = sign_in(admin)
    for _ in range(quota.running + quota.waiting):
        assert client.post("/exports/people.csv").status_code == 302

    answer = client.post("/exports/people.csv")

    assert answer.status_code == 429
    assert answer.headers["Retry-After"]
    assert "Cancel one, or wait until one is done." in answer.text


@pytest.fixture
def export(make, sign_in, admin, database, app):
    """Queue an export of people by its page, run it, and return the client and the job."""
    load_bodies()
    for number in range(5):
        make.person(name=f"Agent {number}")
    client = sign_in(admin)
    key = int(client.post("/exports/people.csv").location.rsplit("/", 1)[1])
    assert Executor(database, lambda: NOW).run_once()
    return client, key


def test_export_in_the_background_is_the_file_that_the_page_sends(export):
    client, key = export
    assert "Download" in client.get(f"/jobs/{key}").text
    at_once = client.get("/exports/people.csv").data

    link = client.post(f"/jobs/{key}/link").location
    fetched = client.get(link)

    assert fetched.data == at_once
    assert fetched.headers["Content-Disposition"] == 'attachment; filename="people.csv"'


def test_link_opens_once_and_a_new_one_ends_the_one_before(export):
    client, key = export
    first = client.post(f"/jobs/{key}/link").location
    second = client.post(f"/jobs/{key}/link").location

    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200
    assert client.get(second).status_code == 404


def test_link_is_for_its_person_alone(export, make, sign_in):
    client, key = export
    link = client.post(f"/jobs/{key}/link").location
    other = sign_in(make.person(roles=[Role.ADMIN]))

    assert other.get(link).status_code == 404
    assert other.post(f"/jobs/{key}/link").status_code == 404
    assert client.get(link).status_code == 200


def test_link_holds_for_fifteen_minutes(export, database, app):
    client, key = export
    link = client.post(f"/jobs/{key}/link").location
    later = NOW + export_files.LINK_HOLDS_FOR
    app.extensions["clock"] = lambda: later

    assert client.get(link).status_code == 404


def test_file_stays_with_the_role_that_asked_for_it(export, admin, database):
    client, key = export
    link = client.post(f"/jobs/{key}/link").location
    with database.transaction() as session:
        session.info["audited"] = True
        session.execute(update(RoleGrant).where(RoleGrant.person_id == admin.id).values(role=Role.AGENT))

    assert client.get(link).status_code == 403
    assert client.post(f"/jobs/{key}/link").status_code == 403


def test_file_that_holds_more_than_its_person_may_see_by_now_is_not_fetched(export, admin, database):
    client, key = export
    link = client.post(f"/jobs/{key}/link").location
    with database.transaction() as session:
        session.info["audited"] = True
        # HR of one site may export people as well, but not those of all sites.
        grant = update(RoleGrant).where(RoleGrant.person_id == admin.id)
        session.execute(grant.values(role=Role.HR, site_id=admin.site_id))

    refused = client.get(link)
    assert (refused.status_code, "Export it again" in refused.text) == (403, True)
    assert client.post(f"/jobs/{key}/link").status_code == 403

    again = int(client.post("/exports/people.csv").location.rsplit("/", 1)[1])
    assert Executor(database, lambda: NOW).run_once()
    assert client.get(client.post(f"/jobs/{again}/link").location).status_code == 200


def test_file_of_a_version_that_kept_no_scope_is_exported_again(export, database):
    client, key = export
    with database.transaction() as session:
        session.execute(update(ExportFile).values(scope=None))

    assert client.post(f"/jobs/{key}/link").status_code == 403


@pytest.mark.parametrize(
    ("now", "then", "covered"),
    [
        (Scope(everywhere=True), Scope(site_ids=frozenset({1})), True),
        (Scope(site_ids=frozenset({1})), Scope(everywhere=True), False),
        (Scope(site_ids=frozenset({1, 2})), Scope(site_ids=frozenset({2})), True),
        (Scope(site_ids=frozenset({1})), Scope(site_ids=frozenset({1, 2})), False),
        (Scope(team_ids=frozenset({7})), Scope(team_ids=frozenset({7, 8})), False),
        (Scope(), Scope(), True),
    ],
)
def test_scope_covers_what_lies_inside(now, then, covered):
    assert now.covers(Scope.read(then.written())) is covered


def test_file_is_deleted_after_a_day(export, database):
    assert export
    with database.transaction() as session:
        assert not export_files.has_expired(session, at=NOW + dt.timedelta(hours=23))
        assert export_files.purge(session, at=NOW + export_files.KEPT_FOR) == 1
        assert session.scalars(select(ExportFile)).all() == []


def test_only_digests_of_links_are_kept(export, database):
    client, key = export
    token = client.post(f"/jobs/{key}/link").location.rsplit("/", 1)[1]
    with database.reading() as session:
        digest = session.scalars(select(ExportFile.link_digest)).one()
    assert digest != token
    assert len(digest) == 64
