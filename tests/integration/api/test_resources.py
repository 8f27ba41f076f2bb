"""Each resource: added, read, changed and refused, for its shape, its rules, its scope and another site."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.factories import NOW, TODAY
from tests.factories.plans import assign, draft_plan, publish
from webapp.models import (
    AbsenceKind,
    EngagementState,
    EvidenceSubmission,
    Job,
    Role,
    SkillEventKind,
    SkillRecord,
    TokenScope,
)
from webapp.services import jobs

ZULU = "2026-11-24T08:00:00+00:00"


def _at(hour, day=24):
    return f"2026-11-{day}T{hour:02}:00:00+00:00"


@pytest.fixture
def world(make):
    """Build people of each role, and what the bodies below point to."""
    team = make.team()
    people = {
        "agent": make.person(team=team),
        "lead": make.person(roles=[Role.LEAD], leads=[team]),
        "scheduler": make.person(roles=[Role.SCHEDULER]),
        "hr": make.person(roles=[Role.HR]),
        "admin": make.person(roles=[Role.ADMIN]),
    }
    far = make.site(code="far")
    return {
        "people": people,
        "site_id": make.home.id,
        "person_id": people["agent"].id,
        "type_id": make.engagement_type().id,
        "skill_id": make.skill().id,
        "far_site_id": far.id,
        "far_person_id": make.person(site=far).id,
    }


def _person(world):
    return {"external_id": "n1", "name": "Nora", "email": "nora@example.test", "site_id": world["site_id"]}


def _skill(_world):
    return {
        "code": "refunds",
        "name": "Refunds",
        "kind": "product",
        "levels": {"3": "Alone"},
        "synonyms": ["Money back"],
    }


def _shift(world):
    pause = {"starts_at": _at(12), "ends_at": _at(13)}
    return {"person_id": world["person_id"], "starts_at": ZULU, "ends_at": _at(16), "breaks": [pause]}


def _absence(world):
    return {"person_id": world["person_id"], "starts_at": ZULU, "ends_at": _at(16), "kind": "leave"}


def _type(world):
    line = {"skill_id": world["skill_id"], "level": 3}
    return {"code": "mail", "name": "Mail", "channel": "email", "handle_minutes": 12.5, "requirements": [line]}


def _engagement(world):
    window = {"earliest_at": ZULU, "due_at": _at(12), "latest_at": _at(14)}
    return {"site_id": world["site_id"], "type_id": world["type_id"], "external_id": "T-1"} | window


class Resource(NamedTuple):
    """A resource, who may write it and who may not, and bodies: one that is right, a change, one that breaks a rule."""

    path: str
    role: str
    other: str
    body: Callable[[dict[str, Any]], dict[str, Any]]
    change: dict[str, Any]
    broken: dict[str, Any]
    field: str


RESOURCES = [
    Resource("people", "hr", "scheduler", _person, {"job_title": "Agent"}, {"site_id": "far_site_id"}, "site_id"),
    Resource("skills", "hr", "scheduler", _skill, {"name": "Money back"}, {"code": "A B"}, "code"),
    Resource("shifts", "scheduler", "hr", _shift, {"ends_at": _at(17)}, {"ends_at": _at(7)}, "ends_at"),
    Resource("absences", "scheduler", "hr", _absence, {"kind": "sick"}, {"ends_at": _at(7)}, "ends_at"),
    Resource(
        "engagement-types",
        "scheduler",
        "hr",
        _type,
        {"value": 20.0},
        {"concurrency": 2, "channel": "callback"},
        "concurrency",
    ),
    Resource("engagements", "scheduler", "hr", _engagement, {"priority": 5}, {"due_at": _at(7)}, "due_at"),
]
each_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.path)


@each_resource
def test_a_row_is_added_read_listed_and_changed(api_client, world, resource):
    client, address = api_client(world["people"][resource.role]), f"/api/v1/{resource.path}"

    added = client.post(address, json=resource.body(world))
    own = added.headers["Location"]
    read = client.get(own)
    listed = client.get(f"{address}?limit=200").json["items"]
    changed = client.patch(own, json=resource.change, headers={"If-Match": read.headers["ETag"]})
    late = client.patch(own, json=resource.change, headers={"If-Match": read.headers["ETag"]})

    assert (added.status_code, read.status_code, changed.status_code) == (201, 200, 200)
    assert read.json == added.json
    assert read.json in listed
    assert {key: changed.json[key] for key in resource.change} == resource.change
    assert changed.json["version"] > read.json["version"]
    assert client.get(own).headers["ETag"] == changed.headers["ETag"] != read.headers["ETag"]
    assert (late.status_code, late.json["present"]["version"]) == (412, changed.json["version"])


@each_resource
def test_a_rule_that_is_broken_names_its_field(api_client, world, resource):
    broken = {key: world.get(value, value) for key, value in resource.broken.items()}

    answer = api_client(world["people"][resource.role]).post(
        f"/api/v1/{resource.path}", json=resource.body(world) | broken
    )

    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert [error["pointer"] for error in answer.json["errors"]] == [f"#/{resource.field}"]


@each_resource
def test_who_may_not_is_refused_and_what_is_not_there_not_found(api_client, world, resource):
    address = f"/api/v1/{resource.path}"

    forbidden = api_client(world["people"][resource.other]).post(address, json=resource.body(world))
    unknown = api_client(world["people"][resource.role]).get(f"{address}/999999")

    assert (forbidden.status_code, unknown.status_code) == (403, 404)


def test_nothing_is_given_to_people_of_another_site(make, api_client, world):
    client = api_client(world["people"]["scheduler"])
    far = {"person_id": world["far_person_id"]}

    shift = client.post("/api/v1/shifts", json=_shift(world) | far)
    absence = client.post("/api/v1/absences", json=_absence(world) | far)
    engagement = client.post("/api/v1/engagements", json=_engagement(world) | {"site_id": world["far_site_id"]})

    assert [answer.status_code for answer in (shift, absence, engagement)] == [422, 422, 422]
    assert [answer.json["errors"][0]["pointer"] for answer in (shift, absence, engagement)] == [
        "#/person_id",
        "#/person_id",
        "#/site_id",
    ]


def _many(world, path):
    """Return three bodies with keys of their own: shifts on three days, or engagements."""
    if path == "engagements":
        return [_engagement(world) | {"external_id": f"x{number}"} for number in range(3)]
    return [
        {
            "person_id": world["person_id"],
            "starts_at": _at(8, day),
            "ends_at": _at(16, day),
            "external_id": f"x{day - 24}",
        }
        for day in (24, 25, 26)
    ]


@pytest.mark.parametrize(("path", "field"), [("shifts", "person_id"), ("engagements", "site_id")])
def test_many_are_added_all_or_none_with_errors_by_index(api_client, world, path, field):
    client, good = api_client(world["people"]["scheduler"]), _many(world, path)
    bad = [good[0], good[1] | {field: world[f"far_{field}"]}, good[2] | {"external_id": "x0"}]

    refused = client.post(f"/api/v1/bulk/{path}", json={"items": bad})
    left = client.get(f"/api/v1/{path}").json["items"]
    accepted = client.post(f"/api/v1/bulk/{path}", json={"items": good})

    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json["errors"]] == [f"#/items/1/{field}", "#/items/2/external_id"]
    assert left == []
    assert accepted.status_code == 200
    assert [item["external_id"] for item in accepted.json["items"]] == ["x0", "x1", "x2"]


def test_people_leave_and_come_back_and_nobody_sends_themselves_away(api_client, world):
    hr = world["people"]["hr"]
    client, address = api_client(hr), f"/api/v1/people/{world['person_id']}"

    gone, again = client.post(f"{address}/deactivate"), client.post(f"{address}/deactivate")
    back = client.post(f"{address}/activate")
    oneself = client.post(f"/api/v1/people/{hr.id}/deactivate")

    assert (gone.json["active"], back.json["active"]) == (False, True)
    assert (again.status_code, oneself.status_code) == (409, 403)


def test_people_are_found_by_the_number_of_other_systems(api_client, world):
    client, agent = api_client(world["people"]["hr"]), world["people"]["agent"]

    found = client.get(f"/api/v1/people?external_id={agent.external_id}&is_agent=true&site=home").json["items"]

    assert [person["id"] for person in found] == [agent.id]
    assert client.get("/api/v1/people?is_agent=yes").status_code == 422


def test_an_engagement_passes_through_its_states(make, api_client, world):
    client = api_client(world["people"]["scheduler"])
    address = client.post("/api/v1/engagements", json=_engagement(world)).headers["Location"]

    states = [client.post(f"{address}/{verb}").json.get("state") for verb in ("complete", "reopen", "cancel")]
    after_the_end = client.post(f"{address}/complete")

    assert states == ["done", "classified", "cancelled"]
    assert after_the_end.status_code == 409


def test_a_claim_is_ones_own_and_a_review_a_leads(make, api_client, world):
    agent, lead = api_client(world["people"]["agent"]), api_client(world["people"]["lead"])

    claimed = agent.post("/api/v1/records/claims", json={"skill_id": world["skill_id"], "level": 4})
    reviewed = lead.post(f"/api/v1/records/{claimed.json['id']}/reviews", json={"level": 3, "note": "Seen twice."})
    by_admin = api_client(world["people"]["admin"]).post(
        f"/api/v1/records/{claimed.json['id']}/reviews", json={"level": 5}
    )

    assert (claimed.status_code, claimed.json["claimed_level"], claimed.json["validated_level"]) == (201, 4, 0)
    assert (reviewed.status_code, reviewed.json["validated_level"], reviewed.json["effective_level"]) == (201, 3, 3)
    assert by_admin.status_code == 403


def test_stated_levels_are_provisional_and_never_ones_own(make, api_client, world):
    hr = world["people"]["hr"]
    client = api_client(hr)
    item = {"person_id": world["person_id"], "skill_id": world["skill_id"], "level": 3}

    refused = client.post("/api/v1/bulk/records", json={"items": [item, item | {"person_id": hr.id}]})
    rows = make.session.query(SkillRecord).count()
    make.commit()
    stated = client.post("/api/v1/bulk/records", json={"items": [item]})

    assert (refused.status_code, refused.json["errors"][0]["pointer"], rows) == (422, "#/items/1/person_id", 0)
    assert stated.status_code == 200
    (record,) = stated.json["items"]
    assert (record["provisional"], record["validated_by"], record["effective_level"]) == (True, "provisional", 3)


def test_evidence_is_brought_by_one_and_accepted_by_another(make, api_client, world):
    agent, lead = api_client(world["people"]["agent"]), api_client(world["people"]["lead"])
    brought = agent.post(
        "/api/v1/evidence",
        json={"skill_id": world["skill_id"], "kind": "certificate", "level": 4, "title": "Refund desk"},
    )

    own = agent.post(f"/api/v1/evidence/{brought.json['id']}/accept", json={"level": 5})
    accepted = lead.post(f"/api/v1/evidence/{brought.json['id']}/accept", json={"level": 3})
    twice = lead.post(f"/api/v1/evidence/{brought.json['id']}/reject", json={"reason": "No."})

    assert (brought.status_code, brought.json["state"]) == (201, "waiting")
    assert own.status_code == 403
    assert (accepted.json["state"], accepted.json["decided_by_id"]) == ("accepted", world["people"]["lead"].id)
    assert twice.status_code == 409
    assert make.session.query(EvidenceSubmission).one().event_id is not None
    assert SkillEventKind.CERTIFICATE in {record.validated_by for record in make.session.query(SkillRecord)}


def test_a_run_is_queued_followed_and_cancelled(make, api_client, world):
    make.shift(world["people"]["agent"])
    client = api_client(world["people"]["scheduler"])
    body = {"site_id": world["site_id"], "day_on": TODAY.isoformat(), "time_limit_seconds": 5}

    started = client.post("/api/v1/plan-runs", json=body, headers={"Idempotency-Key": "day"})
    replayed = client.post("/api/v1/plan-runs", json=body, headers={"Idempotency-Key": "day"})
    busy = client.post("/api/v1/plan-runs", json=body)
    job = client.get(f"/api/v1/jobs/{started.json['job_id']}")
    cancelled = client.post(f"/api/v1/jobs/{started.json['job_id']}/cancel")

    assert (started.status_code, started.json["job_state"]) == (202, "queued")
    assert replayed.data == started.data
    assert busy.status_code == 409
    assert (job.json["kind"], job.json["state"]) == ("plan.solve", "queued")
    assert (cancelled.status_code, cancelled.json["cancel_requested"]) == (202, True)
    assert client.get(started.headers["Location"]).json["plan_id"] is None
    assert make.session.query(Job).filter_by(kind="plan.solve").count() == 1


def test_jobs_are_ones_own_and_everybodys_for_who_manages_them(make, api_client, world):
    job = jobs.enqueue(make.session, "probe", {}, by=make.actor(world["people"]["scheduler"]))
    one, other = api_client(world["people"]["scheduler"]), api_client(world["people"]["hr"])
    admin = api_client(world["people"]["admin"])
    bound = api_client(world["people"]["admin"], site=make.home)

    found = [
        (client.get(f"/api/v1/jobs/{job.id}").status_code, len(client.get("/api/v1/jobs").json["items"]))
        for client in (one, other, admin, bound)
    ]

    assert found == [(200, 1), (404, 0), (200, 1), (404, 0)]


def test_assignments_are_read_pinned_and_answered_by_their_agent(make, api_client, world):
    agent = world["people"]["agent"]
    engagement = make.engagement(state=EngagementState.PLANNED)
    plan = draft_plan(make)
    assignment = assign(make, plan, engagement, agent)
    publish(make, plan, by=world["people"]["scheduler"])
    scheduler, own = api_client(world["people"]["scheduler"]), api_client(agent)
    other = api_client(make.person())
    address = f"/api/v1/assignments/{assignment.id}"

    listed = scheduler.get(f"/api/v1/plans/{plan.id}/assignments").json["items"]
    without_reason = own.post(f"{address}/answer", json={"response": "declined"})
    not_mine = other.post(f"{address}/answer", json={"response": "accepted"})
    answered = own.post(f"{address}/answer", json={"response": "accepted"})
    pinned = scheduler.post(f"{address}/pin", json={"reason": "The customer asked for her."})

    assert [row["engagement"] for row in listed] == [engagement.external_id]
    assert (without_reason.status_code, without_reason.json["errors"][0]["pointer"]) == (422, "#/reason")
    assert not_mine.status_code == 404
    assert (answered.status_code, answered.json["response"]) == (200, "accepted")
    assert pinned.status_code == 200
    assert scheduler.get(f"/api/v1/plans/{plan.id}").json["state"] == "published"


def test_a_plan_is_held_against_another_of_its_day_only(make, api_client, world):
    kind = make.engagement_type()
    engagement = make.engagement(kind)
    one, other = draft_plan(make), draft_plan(make)
    tomorrow = draft_plan(make, day_on=TODAY + dt.timedelta(days=1))
    assign(make, one, engagement, world["people"]["agent"])
    client = api_client(world["people"]["scheduler"])

    found = client.get(f"/api/v1/plans/{one.id}/comparison?other={other.id}").json
    refused = client.get(f"/api/v1/plans/{one.id}/comparison?other={tomorrow.id}")

    assert [(moved["engagement_id"], moved["kind"], moved["before"]) for moved in found["moved"]] == [
        (engagement.id, "added", None)
    ]
    assert [(each["person_id"], each["gained"]) for each in found["affected"]] == [(world["person_id"], 1)]
    assert (refused.status_code, refused.json["errors"][0]["parameter"]) == (422, "other")


def test_a_draft_is_put_away_once(make, api_client, world):
    plan = draft_plan(make)
    client = api_client(world["people"]["scheduler"])

    states = [client.post(f"/api/v1/plans/{plan.id}/discard").status_code for _ in range(2)]

    assert states == [200, 409]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/v1/nowhere", None, 404),
        ("GET", "/api/v2/people", None, 404),
        ("PUT", "/api/v1/people", None, 405),
        ("POST", "/api/v1/people", b"{", 400),
        ("POST", "/api/v1/people", b"\xff", 400),
        ("POST", "/api/v1/people", b"[]", 422),
        ("POST", "/api/v1/people", b"", 422),
    ],
)
def test_what_goes_wrong_before_a_view_is_a_problem_document_too(api_client, world, method, path, body, status):
    client = api_client(world["people"]["hr"])

    answer = client.open(path, method=method, data=body, content_type="application/json" if body is not None else None)

    assert (answer.status_code, answer.mimetype, answer.json["status"]) == (status, "application/problem+json", status)
    assert set(answer.json) >= {"type", "title", "status", "detail"}
    if status == 405:
        assert "GET" in answer.headers["Allow"]


def test_too_large_a_body_is_a_problem_document_too(app, api_client, world):
    client = api_client(world["people"]["hr"])
    app.config["MAX_CONTENT_LENGTH"] = 10

    large = client.post("/api/v1/people", json=_person(world))

    assert (large.status_code, large.json["type"]) == (413, "urn:mainstay:problem:too-large")


def test_every_answer_carries_the_headers_of_the_site(api_client, world):
    client = api_client(world["people"]["hr"])

    answers = [client.get("/api/v1/people"), client.get("/api/v1/nowhere"), client.post("/api/v1/people", json={})]

    assert all("default-src 'none'" in answer.headers["Content-Security-Policy"] for answer in answers)
    assert all("Authorization" in answer.headers["Vary"] for answer in answers)
    assert answers[0].headers["Cache-Control"] == "private, no-cache"


def test_absence_kinds_are_the_models(api_client, world):
    client = api_client(world["people"]["scheduler"], [TokenScope.ROSTER_READ])

    kinds = {kind.value: client.get(f"/api/v1/absences?kind={kind.value}").status_code for kind in AbsenceKind}

    assert set(kinds.values()) == {200}
    assert client.get("/api/v1/shifts", query_string={"after": NOW.isoformat(), "before": ZULU}).status_code == 200
