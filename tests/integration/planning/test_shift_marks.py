"""Pages show that shifts changed since a plan was made, what that leaves uncovered, and the way to mend it."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.models import Assignment, ImportKind, Shift, TokenScope
from webapp.services import access, api_tokens, roster_marks, shifts
from webapp.services.importing import batches, undoing
from webapp.services.planning import publish
from webapp.services.shifts import ShiftDraft


@pytest.fixture
def plan(make, session, day, solve_day):
    """Publish the plan of the small day."""
    return publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler))


@pytest.fixture
def client(sign_in, day, plan):
    return sign_in(day.scheduler)


@pytest.fixture
def program(app, make, session, day, plan):
    """Return a client with a token of the scheduler."""
    _, secret = api_tokens.create_token(
        session,
        day.scheduler,
        name="Test",
        scopes=[TokenScope.PLANS_READ],
        site_id=None,
        expires_on=TODAY,
        viewer=access.get_viewer(session, day.scheduler.id),
        by=make.actor(day.scheduler),
    )
    make.commit()
    client = app.test_client(use_cookies=False)
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


@pytest.fixture
def cut(make, session, day, plan):
    """Let whoever has the first assignment go home before it, by hand."""

    def _cut(person_id):
        shift = session.scalars(select(Shift).where(Shift.person_id == person_id)).one()
        draft = ShiftDraft(shift.ends_at - dt.timedelta(minutes=30), shift.ends_at)
        shifts.update_shift(session, shift, draft=draft, version=shift.version, seen={}, by=make.actor(day.scheduler))

    return _cut


def lines(answer):
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_fresh_plan_has_no_mark(client):
    for address in ("/plans/1", "/plans", "/board"):
        assert "hifts changed since" not in client.get(address).text
    assert {each["covered"] for each in lines(client.get("/plans/1/assignments?format=csv"))} == {"yes"}


def test_plan_its_list_the_board_and_the_slip_list_show_what_changed(make, session, day, plan, cut, sign_in):
    first = session.scalars(select(Assignment).where(Assignment.plan_id == plan.id)).first()
    cut(first.person_id)
    client = sign_in(day.scheduler)

    page, listed = client.get("/plans/1").text, client.get("/plans").text
    board, slips = client.get("/board").text, lines(client.get("/slipping?format=csv"))

    assert "Shifts changed since this plan was made" in page
    assert "not covered any more" in page
    assert "no longer works" in page
    assert "shifts changed since" in listed
    assert lines(client.get("/plans?format=csv"))[0]["shifts_changed_at"] == NOW.isoformat()
    assert "Shifts changed since this plan was made" in board
    assert "Not covered any more" in board
    assert slips
    assert "no" in {each["covered"] for each in lines(client.get("/plans/1/assignments?format=csv"))}
    assert "not covered any more" in client.get("/plans/1/assignments").text


def test_programs_are_told_whose_shifts_changed(session, day, plan, cut, program):
    first = session.scalars(select(Assignment).where(Assignment.plan_id == plan.id)).first()
    address = f"/api/v1/plans/{plan.id}/shift-changes"
    before = program.get(address).json
    cut(first.person_id)
    session.commit()

    (told,) = program.get(address).json["items"]

    assert before == {"items": []}
    assert (told["person_id"], told["imported"]) == (first.person_id, False)
    assert told["uncovered"] >= 1
    assert told["was"][-1]["ends_at"] == told["now"][-1]["ends_at"]
    assert told["was"][0]["starts_at"] < told["now"][0]["starts_at"]


def test_one_step_from_the_mark_re_optimises_from_now(make, session, day, plan, cut, sign_in):
    cut(day.ben.id)
    client = sign_in(day.scheduler)
    page = client.get("/plans/1").text
    assert f'action="/board/replan?site={day.site.id}"' in page

    answer = client.post(
        f"/board/replan?site={day.site.id}", data={"keep_minutes": 15, "seconds": 10, "hand_over": "y"}
    )

    assert answer.headers["Location"].startswith("/board/runs/")


def test_import_and_its_undo_put_the_mark_on_and_take_it_off(make, session, day, plan):
    shift = session.scalars(select(Shift).where(Shift.person_id == day.ben.id)).one()
    row = f"{shift.external_id},{day.ben.external_id},2026-11-23 12:30,2026-11-23 13:00"
    batch = batches.upload(
        session,
        kind=ImportKind.SHIFTS,
        file_name="week.csv",
        content=f"external_id,person,starts_at,ends_at\n{row}\n".encode(),
        viewer=None,
        by=make.actor(),
    )

    batches.apply(session, batch, viewer=None, by=make.actor())
    assert [each["plan_id"] for each in batch.report["difference"]["plans"]] == [plan.id]
    assert roster_marks.marks_of(session, [plan.run_id]).keys() == {plan.run_id}

    undoing.undo(session, batch, viewer=None, by=make.actor())
    assert roster_marks.marks_of(session, [plan.run_id]) == {}
