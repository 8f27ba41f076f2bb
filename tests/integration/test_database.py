"""The database keeps what was acknowledged and refuses what would be lost."""

from __future__ import annotations

import datetime as dt
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError
from sqlalchemy.orm.exc import StaleDataError

from config import Config
from tests.factories import NOW
from webapp import create_app
from webapp.db import HURRIED_PER_CHECKPOINT, Database
from webapp.errors import SchemaVersionError
from webapp.models import Assignment, Plan, PlanRun, PlanState, Policy, Site, Team
from webapp.models.plan import PublishedPlanError
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.web.request import get_session

WRITERS, EDITS = 8, 15


def test_many_writers_lose_no_edit(database):
    """Each counts one site's name up; a lost update would leave the count short."""
    with database.transaction() as session:
        session.add(Site(code="counter", name="0", time_zone="UTC"))
        session.flush()
        session.info["audited"] = True

    def count_up():
        done = 0
        while done < EDITS:
            try:
                with database.transaction() as session:
                    site = session.scalars(select(Site)).one()
                    site.name = str(int(site.name) + 1)
                    session.flush()
                    session.info["audited"] = True
            except StaleDataError:
                continue
            done += 1

    threads = [threading.Thread(target=count_up) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with database.reading() as session:
        assert session.scalars(select(Site.name)).one() == str(WRITERS * EDITS)


def test_a_thread_carries_over_what_hurried_transactions_wrote(migrated_sqlite, tmp_path):
    path = tmp_path / "hurried.db"
    shutil.copy(migrated_sqlite, path)
    database = Database(f"sqlite:///{path}")

    for number in range(HURRIED_PER_CHECKPOINT):
        with database.writing(hurried=True) as session, session.begin():
            session.add(Site(code=f"site-{number}", name="Site", time_zone="UTC"))
            session.flush()
            session.info["audited"] = True
    for thread in threading.enumerate():
        if thread.name == "checkpoint":
            thread.join()

    # The file alone, without the log beside it.
    shutil.copy(path, tmp_path / "alone.db")
    database.dispose()
    with closing(sqlite3.connect(tmp_path / "alone.db")) as alone:
        assert alone.execute("SELECT count(*) FROM site").fetchone()[0] >= HURRIED_PER_CHECKPOINT - 1


def test_second_of_two_editors_is_told_instead_of_overwriting(database, make):
    site = make.site(name="As it was")
    make.commit()
    with database.reading() as late:
        theirs = late.get_one(Site, site.id)
        # They look at it while no transaction of theirs is open.
        late.expunge(theirs)
        late.rollback()

        site.name = "First"
        make.commit()

        late.add(theirs)
        theirs.name = "Second"
        with pytest.raises(StaleDataError):
            late.flush()


def test_time_without_a_zone_is_refused(make):
    with pytest.raises(StatementError, match="time zone"):
        make.engagement(earliest_at=dt.datetime(2026, 11, 23, 9))  # noqa: DTZ001 - what is tested


def test_times_come_back_in_utc(database, make):
    berlin = dt.datetime(2026, 7, 1, 9, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    engagement = make.engagement(earliest_at=berlin)
    make.commit()

    with database.reading() as session:
        again = session.get_one(type(engagement), engagement.id)
        assert again.earliest_at == berlin
        assert again.earliest_at.tzinfo is dt.UTC


def test_foreign_keys_are_enforced(session):
    session.add(Team(code="nowhere", name="Nowhere", site_id=4711))

    with pytest.raises(IntegrityError):
        session.flush()


@pytest.fixture
def published(make):
    """Return a published plan with one assignment."""
    policy = Policy(code="default", number=1, name="Default", settings={}, created_at=NOW)
    make.session.add(policy)
    make.session.flush()
    run = PlanRun(
        site_id=make.home.id,
        day_on=NOW.date(),
        starts_at=NOW,
        interval_minutes=30,
        intervals=4,
        policy_id=policy.id,
        time_limit_seconds=5.0,
        gap_target=0.01,
        created_at=NOW,
    )
    make.session.add(run)
    make.session.flush()
    plan = Plan(
        run_id=run.id,
        site_id=make.home.id,
        day_on=NOW.date(),
        state=PlanState.DRAFT,
        objective=1.0,
        terms={},
        prices={},
        created_at=NOW,
    )
    make.session.add(plan)
    make.session.flush()
    make.session.add(
        Assignment(
            plan_id=plan.id,
            engagement_id=make.engagement().id,
            person_id=make.person().id,
            starts_at=NOW,
            minutes=5.0,
            value=1.0,
            terms={},
            why={},
            relaxed=[],
        )
    )
    make.session.flush()
    plan.state = PlanState.PUBLISHED
    make.commit()
    make.session.expire_all()
    return plan


def test_published_plan_cannot_change(make, published):
    published.objective = 99.0

    with pytest.raises(PublishedPlanError):
        make.session.flush()


def test_assignment_of_a_published_plan_can_neither_change_nor_go(make, published):
    published.assignments[0].minutes = 50.0
    with pytest.raises(PublishedPlanError):
        make.session.flush()
    make.session.rollback()

    make.session.delete(published.assignments[0])
    with pytest.raises(PublishedPlanError):
        make.session.flush()


def test_published_plan_may_be_superseded(make, published):
    published.state = PlanState.SUPERSEDED

    make.session.flush()


def test_production_does_not_start_on_a_schema_that_it_was_not_written_for(tmp_path):
    config = Config(
        environment="production",
        secret_key="s" * 32,
        password_salt="p" * 16,
        database_url=f"sqlite:///{tmp_path / 'empty.db'}",
        executor="none",
    )

    with pytest.raises(SchemaVersionError, match="mainstay db upgrade"):
        create_app(config)


def test_database_that_is_busy_at_the_commit_is_told_as_busy(app, database, make, sign_in, monkeypatch):
    client = sign_in(make.person())

    @app.post("/test-busy-commit")
    def _busy_commit():
        def refuse():
            raise OperationalError("COMMIT", {}, Exception("database is locked"))

        monkeypatch.setattr(get_session(), "commit", refuse)
        return "never seen"

    app.view_functions["_busy_commit"].permission = "public"

    answer = client.post("/test-busy-commit")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "never seen" not in answer.text


def test_failed_request_keeps_nothing(app, database, make, sign_in):
    """A view that wrote and then failed leaves no row behind."""
    person = make.person()
    client = sign_in(person)

    @app.post("/test-fails-late")
    def _fails_late():
        session = get_session()
        site = Site(code="half", name="Half", time_zone="UTC")
        session.add(site)
        audit.record(session, "create_site", site, by=Actor(person_id=person.id, at=NOW))
        raise RuntimeError("after the write")

    app.view_functions["_fails_late"].permission = "public"

    assert client.post("/test-fails-late").status_code == 500
    with database.reading() as session:
        assert session.scalar(select(Site).where(Site.code == "half")) is None
