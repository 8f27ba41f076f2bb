"""The scheduling day by programs: board, sick calls, planning again, swaps, scenarios, simulations, site policies."""

from __future__ import annotations

import datetime as dt

import pytest

from optimizer import solve
from tests.factories import NOW, TODAY
from tests.integration.api.generated import build_world
from webapp.models import (
    Absence,
    Notice,
    Person,
    PlanState,
    Role,
    Scenario,
    SitePolicy,
    Swap,
    SwapState,
    TokenScope,
)
from webapp.services.planning import scenarios


@pytest.fixture
def world(make):
    """Build a day that is published, with a swap that a colleague proposed to the agent, and a scenario."""
    people, known = build_world(make)
    make.commit()
    return people, known


@pytest.fixture
def scheduler(world, api_client):
    return api_client(world[0]["scheduler"])


@pytest.fixture
def agent(world, api_client):
    return api_client(world[0]["agent"])


@pytest.fixture
def colleague(make, world, api_client):
    """Return a client of who proposed the swap."""
    return api_client(make.session.get(Person, make.session.get(Swap, world[1]["swap_id"]).proposer_id))


def test_the_board_shows_the_day_as_the_page_does(world, scheduler, agent):
    _, known = world

    board = scheduler.get(f"/api/v1/sites/{known['site_id']}/board")

    assert (board.status_code, board.json["day_on"], board.json["on_floor"]) == (200, TODAY.isoformat(), 2)
    assert known["person_id"] in {each["person_id"] for each in board.json["agents"]}
    assert [each["planned"] for each in board.json["queues"] if each["type_id"] == known["type_id"]] == [4]
    assert sum(each["due"] for each in board.json["intervals"]) == 4
    assert scheduler.get(f"/api/v1/plans/{board.json['plan_id']}").json["state"] == "published"
    assert agent.get(f"/api/v1/sites/{known['site_id']}/board").status_code == 403


def test_a_sick_call_notes_tells_and_says_what_breaks(make, world, scheduler):
    _, known = world
    body = {"person_id": known["person_id"]}

    called = scheduler.post("/api/v1/sick-calls", json=body)
    again = scheduler.post("/api/v1/sick-calls", json=body)
    unknown = scheduler.post("/api/v1/sick-calls", json={"person_id": 999})
    read = scheduler.get(f"/api/v1/absences/{called.json['absence_id']}/broken")

    assert (called.status_code, called.json["kind"]) == (201, "sick")
    assert known["assignment_id"] in called.json["assignments"]
    assert set(called.json["uncovered"]) <= set(called.json["assignments"] + called.json["under_way"])
    assert read.json == called.json
    assert scheduler.get(called.headers["Location"]).json["person_id"] == known["person_id"]
    assert (again.status_code, unknown.status_code) == (409, 422)
    assert make.session.query(Absence).filter_by(kind="sick").count() == 1
    assert make.session.query(Notice).filter_by(kind="absence", person_id=world[0]["lead"].id).count() == 1


def test_the_rest_of_the_day_is_planned_again_by_the_policy_of_the_live_plan(make, world, scheduler):
    _, known = world
    address = f"/api/v1/sites/{known['site_id']}/replans"

    refused = scheduler.post(address, json={"keep_minutes": 9999})
    started = scheduler.post(address, json={"max_changes": None, "keep_minutes": 30})
    busy = scheduler.post(address, json={})

    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "#/keep_minutes")
    assert (started.status_code, started.json["job_state"], started.json["policy"]) == (202, "queued", "default")
    assert (busy.status_code, busy.json["type"]) == (409, "urn:mainstay:problem:conflict")
    assert scheduler.get(f"/api/v1/jobs/{started.json['job_id']}").json["kind"] == "plan.solve"


def test_a_site_without_a_published_plan_is_not_planned_again(make, world, scheduler):
    elsewhere = make.site(code="elsewhere")
    make.commit()

    assert scheduler.post(f"/api/v1/sites/{elsewhere.id}/replans", json={}).status_code == 404


def test_an_agreed_swap_becomes_the_live_plan_and_can_be_taken_back(make, world, scheduler, agent, colleague):
    _, known = world
    address = f"/api/v1/swaps/{known['swap_id']}"

    not_mine = colleague.post(f"{address}/agree")
    agreed = agent.post(f"{address}/agree")
    again = agent.post(f"{address}/agree")
    if agreed.json["state"] == "agreed":
        agreed = scheduler.post(f"{address}/make")
    back = scheduler.post(f"/api/v1/plans/{agreed.json['made_plan_id']}/step-back")

    assert (not_mine.status_code, agreed.status_code, again.status_code) == (403, 200, 409)
    assert (agreed.json["state"], agent.get(address).json["state"]) == ("made", "made")
    assert (back.status_code, back.json["state"]) == (201, "published")
    assert scheduler.get(f"/api/v1/plans/{agreed.json['made_plan_id']}").json["state"] == "superseded"


def test_a_swap_is_proposed_refused_withdrawn_and_turned_down(make, world, scheduler, agent, colleague):
    _, known = world
    first = f"/api/v1/swaps/{known['swap_id']}"
    partners = agent.get(f"/api/v1/assignments/{known['assignment_id']}/partners").json["items"]
    body = {"assignment_id": known["assignment_id"], "other_assignment_id": known["other_assignment_id"]}

    waiting = agent.post("/api/v1/swaps", json=body)
    own = colleague.post(f"{first}/refuse")
    refused = agent.post(f"{first}/refuse")
    proposed = agent.post("/api/v1/swaps", json=body | {"reason": "The dentist."})
    taken_back = agent.post(f"/api/v1/swaps/{proposed.json['id']}/withdraw")
    wrong = agent.post("/api/v1/swaps", json=body | {"other_assignment_id": known["assignment_id"]})
    foreign = agent.post("/api/v1/swaps", json=body | {"assignment_id": known["other_assignment_id"]})
    third = agent.post("/api/v1/swaps", json=body).json["id"]
    turned_down = scheduler.post(f"/api/v1/swaps/{third}/turn-down")

    assert known["other_assignment_id"] in {each["assignment_id"] for each in partners}
    assert (waiting.status_code, own.status_code, refused.json["state"]) == (409, 404, "refused")
    assert (proposed.status_code, taken_back.json["state"]) == (201, "withdrawn")
    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "#/other_assignment_id")
    assert (foreign.status_code, foreign.json["errors"][0]["pointer"]) == (422, "#/assignment_id")
    assert turned_down.json["state"] == "refused"
    assert len(agent.get("/api/v1/swaps").json["items"]) == 3
    listed = scheduler.get(f"/api/v1/plans/{refused.json['plan_id']}/swaps?state=withdrawn").json["items"]
    assert [each["id"] for each in listed] == [proposed.json["id"]]
    assert make.session.query(Swap).filter_by(state=SwapState.PROPOSED).count() == 0


def test_a_swap_of_others_does_not_exist(make, world, api_client):
    _, known = world
    other = api_client(make.person())

    assert other.get(f"/api/v1/swaps/{known['swap_id']}").status_code == 404
    assert other.post(f"/api/v1/swaps/{known['swap_id']}/agree").status_code == 404


def test_a_scenario_is_kept_changed_solved_and_made_so(make, world, scheduler):
    people, known = world
    new = {"site_id": known["site_id"], "day_on": TODAY.isoformat(), "name": "Ada is ill", "seconds": 5}
    away = {"kind": "away", "person_id": known["person_id"], "starts_at": NOW.isoformat()}
    away["ends_at"] = (NOW + dt.timedelta(hours=2)).isoformat()

    made = scheduler.post("/api/v1/scenarios", json=new)
    address = made.headers["Location"]
    renamed = scheduler.patch(address, json={"name": "Ada is away"}, headers={"If-Match": made.headers["ETag"]})
    stale = scheduler.patch(address, json={"name": "Mine"}, headers={"If-Match": made.headers["ETag"]})
    changed = scheduler.post(f"{address}/changes", json=away)
    early = scheduler.get(f"{address}/outcome")
    queued = scheduler.post(f"{address}/solve")

    assert (made.status_code, made.json["policy"], renamed.json["name"]) == (201, "default", "Ada is away")
    assert (stale.status_code, stale.json["present"]["name"]) == (412, "Ada is away")
    assert [each["kind"] for each in changed.json["changes"]] == ["away"]
    assert (early.status_code, queued.status_code, queued.json["job_state"]) == (409, 202, "queued")

    session = make.session
    scenario = session.get(Scenario, made.json["id"])
    built = scenarios.prepare(session, scenario, today=TODAY)
    scenarios.finish(session, scenario, built, solve(built.problem), by=make.actor(people["scheduler"]))
    make.commit()
    outcome = scheduler.get(f"{address}/outcome").json
    so = scheduler.post(f"{address}/make-so", json={"kind": "sick"})

    assert outcome["figures"]["served"] + outcome["figures"]["left_out"] == 5
    assert outcome["plan_figures"]["served"] == 4
    assert sum(outcome["moved"].values()) > 0
    assert (so.status_code, scheduler.get(f"/api/v1/plan-runs/{so.json['run_id']}").status_code) == (202, 200)
    assert session.query(Absence).filter_by(kind="sick", person_id=known["person_id"]).count() == 1


def test_a_change_is_taken_out_and_a_scenario_put_away_as_it_was_seen(make, world, scheduler):
    _, known = world
    address = f"/api/v1/scenarios/{known['scenario_id']}"
    scheduler.post(f"{address}/changes", json={"kind": "closed", "channel": "voice", "starts_at": NOW.isoformat()})
    tag = scheduler.get(address).headers["ETag"]

    blind = scheduler.delete(address)
    out = scheduler.delete(f"{address}/changes/0", headers={"If-Match": tag})
    stale = scheduler.delete(address, headers={"If-Match": tag})
    tag = scheduler.get(address).headers["ETag"]
    away = scheduler.delete(address, headers={"If-Match": tag})

    assert (blind.status_code, out.status_code, stale.status_code, away.status_code) == (428, 204, 412, 204)
    assert scheduler.get("/api/v1/scenarios").json["items"] == []


def test_a_scenario_that_was_put_away_is_there_for_nobody(world, scheduler):
    address = f"/api/v1/scenarios/{world[1]['scenario_id']}"
    held = {"If-Match": scheduler.get(address).headers["ETag"]}
    closing = {"kind": "closed", "channel": "voice", "starts_at": NOW.isoformat()}
    scheduler.delete(address, headers=held)

    answers = {
        "read": scheduler.get(address),
        "rename": scheduler.patch(address, json={"name": "Another"}, headers=held),
        "remove": scheduler.delete(address, headers=held),
        "change": scheduler.post(f"{address}/changes", json=closing),
        "solve": scheduler.post(f"{address}/solve"),
        "outcome": scheduler.get(f"{address}/outcome"),
        "make so": scheduler.post(f"{address}/make-so", json={"kind": "sick"}),
    }

    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 404)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"kind": "away", "person_id": 1}, "#/ends_at"),
        ({"kind": "level", "person_id": 1, "skill_id": 1, "level": 2, "percent": 3}, "#/percent"),
        ({"kind": "level", "person_id": 999, "skill_id": 1, "level": 2}, "#/person_id"),
        ({"kind": "extra", "like_id": 999, "starts_at": "later", "ends_at": "later"}, "#/like_id"),
        ({"kind": "surge", "type_id": 999, "percent": 10, "starts_at": "later", "ends_at": "later"}, "#/type_id"),
        ({"kind": "flood"}, "#/kind"),
    ],
)
def test_what_a_change_says_wrongly_is_named(world, scheduler, change, pointer):
    body = {
        name: (NOW + dt.timedelta(hours=1 + (name == "ends_at"))).isoformat() if value == "later" else value
        for name, value in change.items()
    }

    answer = scheduler.post(f"/api/v1/scenarios/{world[1]['scenario_id']}/changes", json=body)

    assert answer.status_code == 422
    assert pointer in {each["pointer"] for each in answer.json["errors"]}


def test_a_day_without_contacts_is_not_simulated_and_a_simulation_is_read(world, scheduler):
    _, known = world
    body = {"site_id": known["site_id"], "day_on": (TODAY - dt.timedelta(days=1)).isoformat()}

    refused = scheduler.post("/api/v1/simulations", json=body)
    today = scheduler.post("/api/v1/simulations", json=body | {"day_on": TODAY.isoformat()})
    read = scheduler.get(f"/api/v1/simulations/{known['simulation_id']}")

    assert (refused.status_code, today.status_code) == (422, 422)
    assert today.json["errors"][0]["pointer"] == "#/day_on"
    assert (read.json["policies"], read.json["result"]) == (["batch"], None)
    assert [each["id"] for each in scheduler.get("/api/v1/simulations").json["items"]] == [known["simulation_id"]]


def test_the_policy_of_a_site_is_read_set_and_used(make, world, api_client):
    people, known = world
    client = api_client(people["admin"])
    address = f"/api/v1/sites/{known['site_id']}/policy"

    codes = [each["code"] for each in client.get("/api/v1/policies").json["items"]]
    read = client.get(address)
    blind = client.put(address, json={"policy": "calm-day"})
    put = client.put(address, json={"policy": "calm-day"}, headers={"If-Match": read.headers["ETag"]})
    stale = client.put(address, json={"policy": "default"}, headers={"If-Match": read.headers["ETag"]})
    wrong = client.put(address, json={"policy": "none"}, headers={"If-Match": put.headers["ETag"]})
    run = client.post("/api/v1/plan-runs", json={"site_id": known["site_id"], "day_on": TODAY.isoformat()})

    assert (codes[0], "calm-day" in codes, read.json["policy"]) == ("default", True, "default")
    assert (blind.status_code, put.status_code, stale.status_code) == (428, 200, 412)
    assert stale.json["present"]["policy"] == "calm-day"
    assert (wrong.status_code, wrong.json["errors"][0]["pointer"]) == (422, "#/policy")
    assert (run.status_code, run.json["policy"]) == (202, "calm-day")
    assert make.session.query(SitePolicy).one().policy_code == "calm-day"


@pytest.mark.parametrize("role", [Role.AGENT, Role.LEAD, Role.HR])
def test_only_who_plans_may_plan_again(make, world, api_client, role):
    client = api_client(world[0][role.value])

    assert client.post(f"/api/v1/sites/{world[1]['site_id']}/replans", json={}).status_code == 403


def test_a_token_that_may_only_read_changes_nothing(make, world, api_client):
    reader = api_client(world[0]["scheduler"], [TokenScope.PLANS_READ, TokenScope.ROSTER_READ])

    answers = [
        reader.post("/api/v1/sick-calls", json={"person_id": world[1]["person_id"]}),
        reader.post(f"/api/v1/scenarios/{world[1]['scenario_id']}/solve"),
    ]

    own = api_client(world[0]["agent"], [TokenScope.PLANS_READ])

    assert [answer.status_code for answer in answers] == [403, 403]
    assert [each["id"] for each in own.get("/api/v1/swaps").json["items"]] == [world[1]["swap_id"]]
    assert own.post(f"/api/v1/swaps/{world[1]['swap_id']}/agree").status_code == 403
    assert {plan["state"] for plan in reader.get("/api/v1/plans").json["items"]} >= {PlanState.PUBLISHED.value}
