"""The pages of what-ifs: trying a change, reading what came out, making it so, and who may."""

from __future__ import annotations

import csv
import io

import pytest
from sqlalchemy import select

from optimizer import solve
from optimizer.plan import Status
from tests.factories import TODAY
from tests.integration.planning.conftest import AT_NINE
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import Absence, Job, JobState, PlanRun, Role, Scenario
from webapp.services.planning import publish, runs, scenarios


@pytest.fixture
def published(session, make, day, solve_day):
    return publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler))


@pytest.fixture
def client(make, sign_in, day, published):
    make.commit()
    return sign_in(day.scheduler)


@pytest.fixture
def added(client, session, make, day):
    """Return the id of a scenario in which Ada is away from ten o'clock on."""
    answer = client.post(
        f"/scenarios?site={day.site.id}&day={TODAY}", data={"name": "Ada leaves", "policy": "default", "seconds": "10"}
    )
    assert answer.status_code == 302, answer.text
    scenario_id = session.scalar(select(Scenario.id))
    make.commit()
    away = {"away-person": day.ada.id, "away-starts_at": "10:00", "away-ends_at": "13:00"}
    make.commit()
    assert client.post(f"/scenarios/{scenario_id}/changes/away", data=away).status_code == 302
    return scenario_id


@pytest.fixture
def solved(added, session, make, day):
    """Solve it in this process; the job's own test uses a child."""
    scenario = session.get_one(Scenario, added)
    built = scenarios.prepare(session, scenario, today=TODAY)
    answer = runs.checked(built.problem, solve(built.problem))
    scenarios.finish(session, scenario, built, answer, by=make.actor(day.scheduler))
    make.commit()
    return added


def test_a_change_is_added_and_taken_out(client, added, session, make, day):
    page = client.get(f"/scenarios/{added}").text
    assert "Ada Byron is away from 10:00 to 13:00" in page
    assert "Not solved yet" in page

    client.post(f"/scenarios/{added}/changes/0/remove")

    assert session.get_one(Scenario, added, populate_existing=True).changes == []
    make.commit()


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(client, added, session, make, day):
    make.commit()
    wrong = {"surge-type": day.calls.id, "surge-percent": "900", "surge-starts_at": "09:00", "surge-ends_at": "10:00"}

    answer = client.post(f"/scenarios/{added}/changes/surge", data=wrong)

    assert answer.status_code == 422
    assert "Between −100 and 500 percent." in answer.text
    assert 'value="900.0"' in answer.text or 'value="900"' in answer.text
    assert len(session.get_one(Scenario, added).changes) == 1
    make.commit()


def test_a_kind_of_change_that_does_not_exist_is_not_found(client, added):
    assert client.post(f"/scenarios/{added}/changes/flood").status_code == 404


def test_what_came_out_stands_beside_the_plan(client, solved, published, day):
    page = client.get(f"/scenarios/{solved}").text

    assert f"Beside Plan {published.id}" in page
    assert "Who is affected" in page
    assert "Ada Byron" in page
    assert client.get(f"/scenarios/{solved}/figure?format=svg").status_code == 200


def test_several_stand_in_columns_and_as_csv(client, solved, session, make, day):
    make.commit()
    client.post(f"/scenarios/{solved}/duplicate")

    page = client.get(f"/scenarios?site={day.site.id}&day={TODAY}").text
    rows = list(csv.reader(io.StringIO(client.get(f"/scenarios?site={day.site.id}&day={TODAY}&format=csv").text)))

    assert "Side by side" in page
    assert "Ada leaves, copy" in page
    assert rows[0][0].lstrip("\ufeff") == "figure"
    assert rows[0][2] == "Ada leaves"
    named = {row[0]: row[1:] for row in rows[1:]}
    assert float(named["live_minutes"][1]) < float(named["live_minutes"][0])


def test_a_scenario_that_found_no_plan_has_no_column(client, solved, session, make, day):
    """Its figures would be zeros, which read as an outcome."""
    scenario = session.get_one(Scenario, solved)
    problem, answer = scenarios.load(scenario)
    none = answer.with_changes(
        status=Status.TIME_LIMIT_NO_PLAN, objective=None, assignments=(), tiers=(), problem=problem.digest()
    )
    scenario.answer = none.to_json()
    make.commit()

    page = client.get(f"/scenarios?site={day.site.id}&day={TODAY}").text
    rows = list(csv.reader(io.StringIO(client.get(f"/scenarios?site={day.site.id}&day={TODAY}&format=csv").text)))

    assert "No plan found" in page
    assert len(rows[0]) == 2


def test_the_differences_are_a_csv(client, solved, day):
    lines = list(csv.reader(io.StringIO(client.get(f"/scenarios/{solved}?format=csv").text)))

    assert lines[0][0].lstrip("\ufeff") == "engagement"
    assert ["hard", "left_out"] in [line[:2] for line in lines]


def test_a_job_solves_it(client, added, database, clock, session, make):
    make.commit()
    client.post(f"/scenarios/{added}/solve")
    load_bodies()

    while Executor(database, clock).run_once():
        pass

    session.expire_all()
    assert session.scalar(select(Job.state).where(Job.kind == "scenario.solve")) is JobState.DONE
    assert session.get_one(Scenario, added).answer is not None
    assert session.get_one(Scenario, added).base_plan_id is not None
    make.commit()


def test_it_is_made_so_after_a_preview(client, solved, session, make, day):
    preview = client.get(f"/scenarios/{solved}/make-so").text
    assert "an absence is noted" in preview

    answer = client.post(f"/scenarios/{solved}/make-so", data={"kind": "sick"})

    assert answer.status_code == 302
    assert session.scalars(select(Absence)).one().person_id == day.ada.id
    assert answer.location.endswith(f"/plans/runs/{session.scalar(select(PlanRun.id).order_by(PlanRun.id.desc()))}")
    make.commit()


def test_it_is_put_away_and_brought_back(client, added, make, day):
    client.post(f"/scenarios/{added}/remove")
    assert "Ada leaves" not in client.get(f"/scenarios?day={TODAY}").text.partition("<main")[2].partition("toast")[0]

    client.post(f"/scenarios/{added}/restore")
    assert "Ada leaves" in client.get(f"/scenarios?day={TODAY}").text


def test_what_is_put_away_is_shown_and_brought_back_and_nothing_else(client, added, session, make):
    client.post(f"/scenarios/{added}/remove")

    page = client.get(f"/scenarios/{added}").text.partition("<main")[2]
    refused = {
        path: client.post(f"/scenarios/{added}/{path}").status_code
        for path in ("solve", "make-so", "changes/0/remove", "edit", "changes/away")
    }

    assert f"/scenarios/{added}/restore" in page
    assert not [path for path in refused if f"/scenarios/{added}/{path}" in page]
    assert set(refused.values()) == {404}
    assert session.get_one(Scenario, added).job_id is None
    make.commit()


def test_a_scheduler_of_another_site_does_not_find_it(added, make, sign_in):
    stranger = make.person(roles=[Role.SCHEDULER], site=make.site(code="porto", name="Porto"))
    make.commit()
    client = sign_in(stranger)

    assert client.get(f"/scenarios/{added}").status_code == 404
    for path in ("solve", "duplicate", "remove", "restore", "make-so", "changes/0/remove", "edit", "changes/away"):
        assert client.post(f"/scenarios/{added}/{path}").status_code == 404, path


def test_times_of_the_day_are_the_sites(client, added, session, make):
    change = session.get_one(Scenario, added).changes[0]

    assert change["starts_at"].startswith(f"{AT_NINE:%Y-%m-%d}T09:00")
    make.commit()
