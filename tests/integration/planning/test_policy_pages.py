"""The pages of policies: editing into a next version, defaults, and trials of a weight."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
from sqlalchemy import select, update

from tests.factories import NOW, TODAY
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import Job, JobState, Plan, Policy, Role, WeightTrial
from webapp.services.planning import policies, policy_editing, publish


@pytest.fixture
def admin(make, sign_in, day):
    person = make.person(roles=[Role.ADMIN], is_agent=False)
    policies.ensure_presets(make.session, by=make.actor())
    make.commit()
    return sign_in(person)


def numbers(session, **values):
    policy = policies.get_policy(session, "default")
    found = {key: "" if value is None else value for key, value in policy_editing.values_of(policy).items()}
    return {**found, "seen": policy.number, "reason": "More growth", **values}


def test_saving_makes_the_next_version_and_shows_what_differs(admin, session, make) -> None:
    data = numbers(session, weight_growth="2.5")
    make.commit()

    assert admin.post("/policies/default/edit", data=data).status_code == 302
    page = admin.get("/policies/default").text

    assert "Against version 1" in page
    assert "More growth" in page
    assert session.scalar(select(Policy.number).where(Policy.code == "default").order_by(Policy.number.desc())) == 2
    make.commit()


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(admin, session, make) -> None:
    data = numbers(session, weight_growth="-3", weight_match="0.75")
    make.commit()

    answer = admin.post("/policies/default/edit", data=data)

    assert answer.status_code == 422
    assert "Between 0 and 1,000,000." in answer.text
    assert 'value="0.75"' in answer.text


def test_a_scheduler_reads_but_does_not_edit(day, make, sign_in) -> None:
    policies.ensure_presets(make.session, by=make.actor())
    make.commit()
    client = sign_in(day.scheduler)

    assert "Edit" not in client.get("/policies/default").text.partition("<main")[2]
    assert client.get("/policies").status_code == 200
    assert client.get("/policies/default/edit").status_code == 403


def test_a_sites_runs_begin_with_its_policy(admin, day, session, make, sign_in) -> None:
    make.commit()
    answer = admin.post("/policies/begin", data={"site": day.site.id, "policy": "calm-day"})
    assert answer.status_code == 302

    page = sign_in(day.scheduler).get(f"/plans?day={TODAY}").text

    assert '<option selected value="calm-day">' in page
    make.commit()


def test_a_policy_is_copied_retired_and_offered_again(admin, session, make) -> None:
    assert admin.post("/policies/default/copy", data={"name": "Black Friday"}).location.endswith("/black-friday/edit")
    admin.post("/policies/black-friday/retire")
    assert "is retired" in admin.get("/policies/black-friday").text
    admin.post("/policies/black-friday/restore")
    assert admin.get("/policies/black-friday?format=csv").text.lstrip("\ufeff").startswith("key,group")


def test_a_weight_is_tried_on_a_past_day(day, make, session, solve_day, sign_in, database) -> None:
    plan = publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler))
    client_day = plan.day_on
    session.execute(update(Plan).where(Plan.id == plan.id).values(day_on=TODAY - dt.timedelta(days=1)))
    make.commit()
    client = sign_in(day.scheduler)
    asked = {"site": day.site.id, "policy": "default", "term": "growth"}
    assert client.post("/policies/trials", data={**asked, "day": client_day.isoformat()}).status_code == 422

    answer = client.post("/policies/trials", data={**asked, "day": (TODAY - dt.timedelta(days=1)).isoformat()})
    assert answer.status_code == 302, answer.text
    load_bodies()
    while Executor(database, lambda: NOW).run_once():
        pass

    session.expire_all()
    assert session.scalar(select(Job.state).where(Job.kind == "weights.try")) is JobState.DONE
    trial_id = session.scalar(select(WeightTrial.id))
    make.commit()
    rows = list(
        csv.DictReader(io.StringIO(client.get(f"/policies/trials/{trial_id}?format=csv").text.lstrip("\ufeff")))
    )
    assert [float(row["weight"]) for row in rows] == [0.0, 0.5, 1.0, 2.0, 4.0]
    assert {row["changed"] for row in rows if row["weight"] == "1.0"} == {"0"}
    assert client.get(f"/policies/trials/{trial_id}").status_code == 200
    assert client.get(f"/policies/trials/{trial_id}/figure?format=svg").status_code == 200
