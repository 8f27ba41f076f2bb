"""The difference of a file of shifts as a page: seen, narrowed, taken along, and decided upon before it is applied."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from sqlalchemy import select

from tests.factories.plans import assign, draft_plan, publish
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import EngagementState, ImportBatch, ImportState, Job, JobState, Role, Shift
from webapp.services import shifts
from webapp.services.shifts import ShiftDraft

AT_NINE = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
FILE = (
    "external_id,person,starts_at,ends_at\n"
    "moves,p1,2026-11-23 10:00,2026-11-23 13:00\n"
    "new,p2,2026-11-24 09:00,2026-11-24 13:00\n"
)
DIFFERENCE = "/imports/1/difference"


@pytest.fixture
def roster(make):
    """Two agents; Ana's shift moves, Bo's second shift is not in the file. A plan gives Ana work at nine."""
    ana, bo = make.person(external_id="p1", name="Ana"), make.person(external_id="p2", name="Bo")
    make.shift(ana, external_id="moves", starts_at=AT_NINE, hours=4)
    make.shift(bo, external_id="gone", starts_at=AT_NINE, hours=4)
    plan = draft_plan(make)
    work = make.engagement(earliest_at=AT_NINE, state=EngagementState.PLANNED)
    assign(make, plan, work, ana, starts_at=AT_NINE, minutes=30)
    return publish(make, plan)


@pytest.fixture
def scheduler(make, sign_in, roster):
    return sign_in(make.person(name="Sam", roles=[Role.SCHEDULER], is_agent=False))


@pytest.fixture
def executor(database, clock):
    load_bodies()
    return Executor(database, clock)


def upload(client, text=FILE, **fields):
    client.post(
        "/imports/new/shifts",
        data={"file": (io.BytesIO(text.encode()), "week.csv"), "site_id": "", "encoding": "", "missing": "keep"}
        | fields,
    )
    names = ("external_id", "person", "starts_at", "ends_at")
    chosen = {f"column_{name}": name for name in names}
    return client.post("/imports/1/columns", data={**chosen, "column_breaks": "", "column_inferred": ""})


def lines(answer):
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def ids(database):
    with database.reading() as session:
        return sorted(session.scalars(select(Shift.external_id)))


def test_difference_is_shown_before_anything_is_written(database, scheduler):
    upload(scheduler)

    summary, page = scheduler.get("/imports/1").text, scheduler.get(DIFFERENCE).text

    assert "See the difference" in summary
    assert "1 assignment falls outside the new shifts" in " ".join(summary.split())
    assert "Mon 23 Nov 2026 to Tue 24 Nov 2026" in page
    assert "09:00–13:00" in page
    assert "10:00–13:00" in page
    assert "Gone from the file" in page
    assert "/plans/1#shifts-changed" in page
    assert ids(database) == ["gone", "moves"]


def test_difference_is_narrowed_sorted_and_taken_along(scheduler):
    upload(scheduler)

    whole = lines(scheduler.get(f"{DIFFERENCE}?format=csv"))
    by_name = lines(scheduler.get(f"{DIFFERENCE}?format=csv&sort=-person"))
    moved = lines(scheduler.get(f"{DIFFERENCE}?format=csv&change=moved"))
    of_bo = lines(scheduler.get(f"{DIFFERENCE}?format=csv&q=bo&day=2026-11-24"))
    plans = lines(scheduler.get(f"{DIFFERENCE}?format=csv&table=plans"))

    assert [each["shift"] for each in whole] == ["moves", "gone", "new"]
    assert [each["person"] for each in by_name] == ["Bo", "Bo", "Ana"]
    assert [(each["was"], each["becomes"]) for each in moved] == [("09:00–13:00", "10:00–13:00")]
    assert [(each["shift"], each["stays"]) for each in of_bo] == [("new", "no")]
    assert [(each["plan_id"], each["people"], each["uncovered"]) for each in plans] == [("1", "1", "1")]


def test_missing_shifts_are_removed_where_that_was_chosen(database, scheduler, executor):
    upload(scheduler)

    answer = scheduler.post("/imports/1/missing", data={"missing": "people"})

    assert answer.headers["Location"] == DIFFERENCE
    assert lines(scheduler.get(f"{DIFFERENCE}?format=csv&change=gone"))[0]["stays"] == "no"
    scheduler.post("/imports/1/apply")
    assert executor.run_once()
    assert ids(database) == ["moves", "new"]
    assert "Shifts that the file lacks were removed." in scheduler.get(DIFFERENCE).text
    scheduler.post("/imports/1/undo")
    assert ids(database) == ["gone", "moves"]


def test_choice_that_there_is_not_is_told_beside_its_field(scheduler):
    upload(scheduler)

    answer = scheduler.post("/imports/1/missing", data={"missing": "everything"})

    assert answer.status_code == 422
    assert "Not a valid choice" in answer.text


def test_choice_can_be_made_with_the_file(scheduler):
    upload(scheduler, missing="sites")

    assert lines(scheduler.get(f"{DIFFERENCE}?format=csv&change=gone"))[0]["stays"] == "no"


def test_roster_that_changed_since_the_check_stops_the_import(database, make, scheduler, executor):
    upload(scheduler, missing="people")
    with database.transaction() as session:
        gone = session.scalars(select(Shift).where(Shift.external_id == "gone")).one()
        longer = ShiftDraft(gone.starts_at, gone.ends_at + dt.timedelta(hours=1))
        shifts.update_shift(session, gone, draft=longer, version=gone.version, seen={}, by=make.actor())

    scheduler.post("/imports/1/apply")
    executor.run_once()

    with database.reading() as session:
        assert session.get_one(ImportBatch, 1).state is ImportState.CHECKED
        job = session.scalars(select(Job)).one()
        assert job.state is JobState.FAILED
    assert "The roster has changed since this file was checked" in scheduler.get("/imports/1").text
    assert ids(database) == ["gone", "moves"]


def test_file_with_errors_has_no_difference_and_writes_nothing(database, scheduler):
    upload(scheduler, FILE + "bad,p9,2026-11-24 09:00,2026-11-24 13:00\n")

    assert scheduler.get(DIFFERENCE).headers["Location"] == "/imports/1"
    assert "The file has problems" in scheduler.get("/imports/1").text
    assert ids(database) == ["gone", "moves"]


def test_only_the_importer_and_those_who_see_the_trail_see_it(make, sign_in, scheduler):
    upload(scheduler)
    other = sign_in(make.person(roles=[Role.SCHEDULER], is_agent=False))
    agent = sign_in(make.person())

    assert (other.get(DIFFERENCE).status_code, agent.get(DIFFERENCE).status_code) == (404, 403)
    assert other.post("/imports/1/missing", data={"missing": "sites"}).status_code == 404


def test_other_kinds_have_no_such_page(make, sign_in):
    admin = sign_in(make.person(roles=[Role.ADMIN], is_agent=False))
    content = io.BytesIO(b"external_id,name,site\na1,Ana,home\n")
    admin.post("/imports/new/people", data={"file": (content, "people.csv"), "site_id": "", "encoding": ""})

    assert admin.get(DIFFERENCE).status_code == 404
    assert admin.post("/imports/1/missing", data={"missing": "people"}).status_code == 404
