"""Blocks for the workforce system: stable ids, what differs since the last file, and nothing doubled."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from icalendar import Calendar

from tests.factories import TODAY
from tests.factories.plans import assign, draft_plan, publish
from tests.integration.planning.conftest import AT_NINE
from webapp.errors import InvalidInputError
from webapp.models import AbsenceKind, ImportKind
from webapp.services.importing import batches
from webapp.services.planning import blocks

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def training(make, day):
    return make.absence(day.ada, AT_NINE, AT_NINE + HOUR, kind=AbsenceKind.TRAINING)


def changes(session, day):
    found = blocks.list_blocks(session, day.site, TODAY, TODAY)
    return found, {each.key: each.change for each in blocks.compare_with_last(session, day.site, TODAY, TODAY, found)}


def test_differences_are_told_since_the_last_file(session, make, day, training) -> None:
    key = f"training-{training.id}"
    found, told = changes(session, day)
    assert told == {key: "new"}

    blocks.hand_over(session, day.site, TODAY, TODAY, found, by=make.actor())
    assert changes(session, day)[1] == {key: "same"}

    training.ends_at += HOUR
    session.flush()
    assert changes(session, day)[1] == {key: "changed"}

    session.delete(training)
    session.flush()
    assert changes(session, day)[1] == {key: "gone"}


def test_mentoring_goes_out_for_both_and_outlives_a_new_file_of_shifts(session, make, day, training) -> None:
    plan = draft_plan(make)
    assignment = assign(make, plan, day.easy[0], day.ada, starts_at=AT_NINE + 2 * HOUR, minutes=30)
    assignment.why = {"to_agent": [], "stretch": None, "shadow": str(day.ben.id)}
    session.flush()
    publish(make, plan)
    before = [(each.key, each.person.name, each.digest) for each in blocks.list_blocks(session, day.site, TODAY, TODAY)]

    file = f"external_id,person,starts_at,ends_at\nother,{day.ada.external_id},2026-11-23 10:00,2026-11-23 15:00\n"
    batch = batches.upload(
        session,
        kind=ImportKind.SHIFTS,
        file_name="week.csv",
        content=file.encode(),
        options={"missing": "sites"},
        viewer=None,
        by=make.actor(),
    )
    batches.apply(session, batch, viewer=None, by=make.actor())
    after = [(each.key, each.person.name, each.digest) for each in blocks.list_blocks(session, day.site, TODAY, TODAY)]

    key = day.easy[0].id
    assert [(key, name) for key, name, _ in before] == [
        (f"training-{training.id}", "Ada Byron"),
        (f"mentoring-{key}", "Ada Byron"),
        (f"shadowing-{key}", "Ben Okri"),
    ]
    assert batch.report["difference"]["removed"] == 2
    assert after == before


def test_days_are_limited(session, day) -> None:
    with pytest.raises(InvalidInputError):
        blocks.list_blocks(session, day.site, TODAY, TODAY - dt.timedelta(days=1))


def test_the_file_is_csv_or_icalendar_with_stable_ids(make, day, training, sign_in) -> None:
    key, site_code = f"training-{training.id}", day.site.code
    make.commit()
    client = sign_in(day.scheduler)
    address = f"/blocks?first={TODAY}&last={TODAY}"
    assert key in client.get(address).text

    rows = list(csv.DictReader(io.StringIO(client.post(address, data={"format": "csv"}).text.lstrip("\ufeff"))))
    calendar = Calendar.from_ical(client.post(address, data={"format": "ics"}).data)

    assert [(row["id"], row["change"]) for row in rows] == [(key, "new")]
    assert [str(event["uid"]) for event in calendar.walk("VEVENT")] == [f"{key}@{site_code}.mainstay"]
