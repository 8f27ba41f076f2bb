"""Imports by pages: whoever may, step by step, and nothing before it was seen."""

from __future__ import annotations

import io

import openpyxl
import pytest
from sqlalchemy import select

from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import ImportBatch, ImportState, Job, JobState, Notice, Person, Role
from webapp.services import jobs
from webapp.services.importing import batches
from webapp.services.importing.kinds.people import People

PEOPLE = "external_id,name,site\na1,Ana,home\na2,Bo,home\n"


@pytest.fixture
def hr(make):
    """Return somebody who may import people."""
    return make.person(roles=[Role.HR], site=make.home)


@pytest.fixture
def executor(database, clock):
    """Return a worker; each ``run_once`` runs one job."""
    load_bodies()
    return Executor(database, clock)


def upload(client, kind="people", text=PEOPLE, **fields):
    content = text if isinstance(text, bytes) else text.encode()
    chosen = {"site_id": "", "encoding": "", **fields}
    return client.post(f"/imports/new/{kind}", data={"file": (io.BytesIO(content), "people.csv"), **chosen})


def choose(client, number=1, **columns):
    chosen = {column.name: "" for column in People.columns}
    chosen |= columns or {"external_id": "external_id", "name": "name", "site": "site"}
    return client.post(f"/imports/{number}/columns", data={f"column_{name}": head for name, head in chosen.items()})


def state(database, number=1):
    with database.reading() as session:
        return session.get_one(ImportBatch, number).state


def test_file_is_uploaded_mapped_checked_imported_and_undone(database, sign_in, hr, executor):
    client = sign_in(hr)

    assert upload(client).headers["Location"] == "/imports/1/columns"
    assert b"First rows of the file" in client.get("/imports/1/columns").data
    assert choose(client).headers["Location"] == "/imports/1"
    assert state(database) is ImportState.CHECKED
    page = client.get("/imports/1")
    assert b"The file can be imported" in page.data
    assert client.post("/imports/1/apply").status_code == 302
    assert state(database) is ImportState.CHECKED
    assert b"job" in client.get("/imports/1").data
    assert executor.run_once()
    assert state(database) is ImportState.APPLIED
    with database.reading() as session:
        assert len(session.scalars(select(Person).where(Person.external_id.in_(("a1", "a2")))).all()) == 2
        assert session.scalar(select(Notice.link)) == "/imports/1"
    assert b"Undo this import" in client.get("/imports/1").data
    assert client.post("/imports/1/undo").status_code == 302
    assert state(database) is ImportState.UNDONE


def test_mapping_is_remembered_for_the_same_headers(database, sign_in, hr):
    client = sign_in(hr)
    odd = "Nr,Wer,Wo\na1,Ana,home\n"
    upload(client, text=odd)
    choose(client, external_id="Nr", name="Wer", site="Wo")

    upload(client, text=odd.replace("Ana", "Eva"))

    with database.reading() as session:
        assert session.get_one(ImportBatch, 2).mapping == {"external_id": "Nr", "name": "Wer", "site": "Wo"}


def test_wrong_mapping_is_shown_beside_its_column(sign_in, hr):
    client = sign_in(hr)
    upload(client)

    answer = choose(client, name="name")

    assert answer.status_code == 422
    assert b"lacks the required column external_id" in answer.data


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", b"The file is empty"),
        ("external_id,name\nä,ö\n".encode("latin-1"), b"not UTF-8"),
        (b"PK\x03\x04nonsense", b"cannot be opened"),
        (b'external_id,name\na1,"Ana\n', b"its quotes are broken"),
    ],
)
def test_unreadable_file_is_refused_beside_its_field_and_not_kept(database, sign_in, hr, content, words):
    answer = upload(sign_in(hr), text=content)

    assert answer.status_code == 422
    assert words in answer.data
    with database.reading() as session:
        assert session.scalar(select(ImportBatch)) is None


def test_form_without_a_file_asks_for_one(sign_in, hr):
    answer = sign_in(hr).post("/imports/new/people", data={})

    assert answer.status_code == 422
    assert b"Choose a CSV or XLSX file" in answer.data


def test_file_with_problems_is_refused_with_a_list_and_cannot_be_imported(database, sign_in, hr):
    client = sign_in(hr)
    upload(client, text="external_id,name,site\na1,Ana,nowhere\n=1,Bo,home\n")
    choose(client)

    page = client.get("/imports/1")
    listed = client.get("/imports/1/problems.csv").data.decode()

    assert state(database) is ImportState.REFUSED
    assert b"The file has problems" in page.data
    assert "unknown_site" in listed
    assert "formula" in listed
    assert client.post("/imports/1/apply").status_code == 409


def test_undo_that_is_hindered_names_the_rows(database, sign_in, hr, executor):
    client = sign_in(hr)
    upload(client)
    choose(client)
    client.post("/imports/1/apply")
    executor.run_once()
    with database.transaction() as session:
        session.scalar(select(Person).where(Person.external_id == "a1")).name = "Anna"
        session.info["audited"] = True
        session.flush()

    answer = client.post("/imports/1/undo")

    assert answer.status_code == 409
    assert b"a1 Ana was edited since" in answer.data
    assert state(database) is ImportState.APPLIED


def test_large_file_is_checked_by_a_job(database, sign_in, hr, executor, monkeypatch):
    monkeypatch.setattr(batches, "AT_ONCE_BYTES", 10)
    client = sign_in(hr)
    upload(client)

    choose(client)

    assert state(database) is ImportState.UPLOADED
    assert executor.run_once()
    assert state(database) is ImportState.CHECKED
    assert client.post("/imports/1/check").status_code == 302


def test_what_changes_between_check_and_import_is_found_by_the_job(database, make, sign_in, hr, executor):
    client = sign_in(hr)
    upload(client)
    choose(client)
    client.post("/imports/1/apply")
    with database.transaction() as session:
        session.delete(session.scalar(select(Person).where(Person.id == hr.id)).grants[0])
        session.info["audited"] = True

    executor.run_once()

    with database.reading() as session:
        assert session.scalar(select(Job.state).order_by(Job.id.desc())) in {JobState.DONE, JobState.FAILED}
        assert session.scalar(select(Person).where(Person.external_id == "a1")) is None


def test_cancelled_import_writes_nothing(database, sign_in, hr, executor):
    client = sign_in(hr)
    upload(client)
    choose(client)
    client.post("/imports/1/apply")
    with database.transaction() as session:
        jobs.request_cancel(session, session.scalar(select(Job)))

    executor.run_once()

    assert state(database) is ImportState.CHECKED


def test_import_is_not_queued_twice(sign_in, hr):
    client = sign_in(hr)
    upload(client)
    choose(client)
    client.post("/imports/1/apply")

    assert client.post("/imports/1/apply").status_code == 409


def test_kinds_are_offered_by_role(sign_in, make, hr):
    scheduler = make.person(roles=[Role.SCHEDULER], site=make.home)
    of_hr, of_scheduler = sign_in(hr), sign_in(scheduler)

    assert b"Import people" in of_hr.get("/imports").data
    assert b"Import shifts" not in of_hr.get("/imports").data
    assert b"Import shifts" in of_scheduler.get("/imports/work").data
    assert of_scheduler.get("/imports").status_code == 403
    assert of_scheduler.get("/imports/new/people").status_code == 403
    assert of_scheduler.get("/imports/template/people.csv").status_code == 403
    assert of_hr.get("/imports/new/nothing").status_code == 404


def test_agent_has_no_way_in(sign_in, make):
    client = sign_in(make.person())

    assert client.get("/imports").status_code == 403
    assert client.get("/imports/new/people").status_code == 403
    assert client.get("/imports/1").status_code == 403


def test_import_of_somebody_else_answers_like_an_unknown_one(sign_in, make, hr):
    upload(sign_in(hr))
    other = sign_in(make.person(roles=[Role.HR], site=make.home))
    admin = sign_in(make.person(roles=[Role.ADMIN], site=make.home))

    for path in ("", "/columns", "/problems.csv"):
        assert other.get(f"/imports/1{path}").status_code == other.get(f"/imports/99{path}").status_code == 404
        assert admin.get(f"/imports/1{path}").status_code == 200
    for action in ("check", "apply", "undo"):
        assert other.post(f"/imports/1/{action}").status_code == 404
    assert b"/imports/1" not in other.get("/imports").data


def test_list_of_imports_comes_as_csv(sign_in, hr):
    client = sign_in(hr)
    upload(client)

    assert "people.csv,uploaded" in client.get("/imports?format=csv").data.decode()


@pytest.mark.parametrize("kind", ["people", "skills", "records"])
def test_templates_hold_the_columns_of_their_kind(sign_in, hr, kind):
    client = sign_in(hr)

    text = client.get(f"/imports/template/{kind}.csv").data.decode("utf-8-sig")
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/imports/template/{kind}.xlsx").data))

    header = [cell.value for cell in book.worksheets[0][1]]
    assert text.splitlines()[0].split(",") == header
    assert book.sheetnames[1] == "Columns"


def test_call_log_form_asks_for_site_and_preset(sign_in, make):
    client = sign_in(make.person(roles=[Role.SCHEDULER], site=make.home))

    page = client.get("/imports/new/acd-log").data

    assert b"technion" in page
    assert b"Evidence before" in page
    assert b"Each row names its own" not in page


def test_site_and_options_of_the_form_reach_the_import(database, sign_in, make):
    client = sign_in(make.person(roles=[Role.SCHEDULER], site=make.home))
    header = "call_id,customer,type,date,entered_at,queued_at,left_queue_at,outcome,served_at,ended_at,agent"
    line = "1,,PS,2026-11-09,10:00:00,10:00:00,10:00:05,served,10:00:05,10:03:05,AVI"

    upload(
        client,
        "acd-log",
        f"{header}\n{line}\n",
        site_id=str(make.home.id),
        preset="plain",
        evidence_before="2026-11-20",
    )

    with database.reading() as session:
        batch = session.get_one(ImportBatch, 1)
        assert batch.site_id == make.home.id
        assert batch.options == {"preset": "plain", "evidence_before": "2026-11-20"}
