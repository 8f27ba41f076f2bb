"""
The authorization matrix: every route × method × principal, generated from the application itself.

Two sites hold the same things. Everything of the far site carries a canary in its names; the principals belong to the
near site. A new route takes part by itself; a new kind of path argument fails the test until the world here knows it.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import pytest
from flask import url_for

from tests.factories import NOW, TODAY
from webapp.models import (
    Assignment,
    Channel,
    HiringProfile,
    ImportBatch,
    ImportKind,
    ImportState,
    LinkKind,
    Pin,
    Plan,
    PlanRun,
    PlanState,
    Policy,
    Role,
    RoleStep,
    SkillLink,
    SkillRecord,
    StepKind,
    Unassigned,
)
from webapp.services import jobs, notices
from webapp.services.access import PERMISSIONS
from webapp.services.audit import Actor
from webapp.web.guard import LIBRARY_ENDPOINTS, PUBLIC, declared_permission

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

CANARY = "CANARY-"
# The library's own pages are its own tests' matter; ours are the limits and permissions around them.
SKIPPED = set(LIBRARY_ENDPOINTS)


@dataclass
class World:
    """Two sites; ``far`` maps path arguments to things of the far site, ``shared`` to those of no site."""

    principals: dict
    permissions: dict
    far: dict
    shared: dict


def _plan_of(make, site, person, *, other, kind, unserved, policy, mark):
    """Build a draft plan of one site with one assignment, one pin and one engagement left out."""
    engagement = make.engagement(kind, site=site, customer_key=f"{mark}customer", subject=f"{mark}subject")
    left = make.engagement(unserved, site=site, customer_key=f"{mark}left", subject=f"{mark}left")
    run = PlanRun(
        site_id=site.id,
        day_on=TODAY,
        starts_at=NOW,
        interval_minutes=30,
        intervals=4,
        policy_id=policy.id,
        time_limit_seconds=5.0,
        gap_target=0.01,
        created_at=NOW,
        status="feasible",
        objective=10.0,
        bound=10.0,
        gap=0.0,
    )
    make.session.add(run)
    make.session.flush()
    plan = Plan(
        run_id=run.id,
        site_id=site.id,
        day_on=TODAY,
        state=PlanState.DRAFT,
        objective=10.0,
        terms={"service": 10.0},
        prices={},
        created_at=NOW,
    )
    make.session.add(plan)
    make.session.flush()
    pin = Pin(
        engagement_id=engagement.id,
        person_id=person.id,
        starts_at=NOW,
        reason=f"{mark}reason",
        created_by_id=other.id,
        created_at=NOW,
    )
    make.session.add(pin)
    make.session.flush()
    assignment = Assignment(
        plan_id=plan.id,
        engagement_id=engagement.id,
        person_id=person.id,
        starts_at=NOW,
        minutes=15.0,
        value=10.0,
        terms={"service": 10.0},
        why={},
        relaxed=[],
        pin_id=pin.id,
    )
    make.session.add_all(
        [assignment, Unassigned(plan_id=plan.id, engagement_id=left.id, cause="no_skill", detail={}, fix=None)]
    )
    make.session.flush()
    return {
        "engagement_id": engagement.id,
        "run_id": run.id,
        "plan_id": plan.id,
        "other_id": plan.id,
        "pin_id": pin.id,
        "assignment_id": assignment.id,
        "profile_id": _profile(make, site, other, mark).id,
    }


def _profile(make, site, author, mark):
    profile = HiringProfile(
        name=f"{mark}profile",
        site_id=site.id,
        head_count=1,
        note="",
        basis={},
        created_by_id=author.id,
        created_at=NOW,
    )
    make.session.add(profile)
    make.session.flush()
    return profile


def _batch(make, site, author, mark):
    batch = ImportBatch(
        kind=ImportKind.ENGAGEMENTS,
        state=ImportState.CHECKED,
        file_name=f"{mark}file.csv",
        file_digest="0" * 64,
        content=b"external_id\n",
        site_id=site.id,
        mapping={},
        options={},
        report={},
        created_by_id=author.id,
        created_at=NOW,
    )
    make.session.add(batch)
    make.session.flush()
    return batch


@pytest.fixture
def world(make):
    near, far = make.site(name="Near"), make.site(name=f"{CANARY}site")
    skill, harder = make.skill(name="Billing"), make.skill(name="Disputes")
    kind = make.engagement_type(name="Mail", requires={skill: 2})
    unserved = make.engagement_type(name="Hard mail", requires={harder: 4})
    live = make.engagement_type(name="Call", channel=Channel.VOICE, requires={skill: 1})
    link = SkillLink(skill_id=harder.id, other_id=skill.id, kind=LinkKind.PREREQUISITE, weight=1.0)
    role, next_role = make.service_role(gates={skill: 2}), make.service_role(rung=2)
    step = RoleStep(from_role_id=role.id, to_role_id=next_role.id, kind=StepKind.UP)
    policy = Policy(code="default", number=1, name="Default", settings={}, created_at=NOW)
    make.session.add_all([link, step, policy])
    make.session.flush()

    near_team, other_team, far_team = (
        make.team(site=near),
        make.team(site=near),
        make.team(site=far, name=f"{CANARY}team"),
    )
    principals = {
        "agent": make.person(team=near_team),
        "lead": make.person(site=near, roles=[Role.LEAD], leads=[near_team]),
        "lead of the other team": make.person(site=near, roles=[Role.LEAD], leads=[other_team]),
        "scheduler": make.person(site=near, roles=[Role.SCHEDULER]),
        "hr": make.person(site=near, roles=[Role.HR]),
        "admin": make.person(site=near, roles=[Role.ADMIN]),
    }
    far_agent = make.person(team=far_team, name=f"{CANARY}agent", external_id=f"{CANARY}number")
    far_boss = make.person(
        site=far, name=f"{CANARY}boss", roles=[Role.SCHEDULER, Role.HR, Role.LEAD], leads=[far_team], serves=[far]
    )
    record = make.record(far_agent, skill, 3, claimed=4, by=far_boss)
    make.record(principals["agent"], skill, 2)
    shift = make.shift(far_agent)
    absence = make.absence(far_agent, NOW + dt.timedelta(days=2), NOW + dt.timedelta(days=3))
    make.forecast(live, NOW, 60.0, site=far)
    boss = Actor(person_id=far_boss.id, at=NOW)
    job = jobs.enqueue(make.session, "plan.solve", {}, by=boss)
    notice = notices.notify(make.session, far_agent.id, kind="test", text=f"{CANARY}notice", by=boss)
    shared = {
        "skill_id": skill.id,
        "type_id": kind.id,
        "role_id": role.id,
        "step_id": step.id,
        "link_id": link.id,
        "kind": "people",
        "format": "csv",
        "form": "csv",
        "day": TODAY.isoformat(),
        "day_on": TODAY.isoformat(),
        "wish": "grow",
        "other_id": harder.id,
    }
    things = _plan_of(make, far, far_agent, other=far_boss, kind=kind, unserved=unserved, policy=policy, mark=CANARY)
    far_things = things | {
        "ids": str(things["assignment_id"]),
        "person_id": far_agent.id,
        "agent_id": far_agent.id,
        "grant_id": far_agent.grants[0].id,
        "site_id": far.id,
        "team_id": far_team.id,
        "record_id": record.id,
        "event_id": make.session.query(SkillRecord).count() + 1,
        "shift_id": shift.id,
        "absence_id": absence.id,
        "job_id": job.id,
        "notice_id": notice.id,
        "batch_id": _batch(make, far, far_boss, CANARY).id,
    }
    permissions = {
        name: set().union(*(PERMISSIONS[grant.role] for grant in person.grants)) for name, person in principals.items()
    }
    return World(principals, permissions, far_things, shared)


@pytest.fixture
def signed_in(world, sign_in):
    return {name: sign_in(person) for name, person in world.principals.items()}


def _routes(app):
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in SKIPPED:
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield rule, method


def _address(app, rule, values):
    missing = rule.arguments - set(values)
    assert not missing, f"{rule.rule}: say in the world of this test what {sorted(missing)} of the far site are"
    with app.test_request_context():
        return url_for(rule.endpoint, **{name: values[name] for name in rule.arguments})


def test_nobody_uses_a_route_without_its_permission(app, world, signed_in):
    leaks = []
    anonymous = app.test_client()
    for rule, method in _routes(app):
        permission = declared_permission(app, rule.endpoint)
        if permission == PUBLIC:
            continue
        address = _address(app, rule, world.shared | world.far)
        answer = anonymous.open(address, method=method)
        if answer.status_code not in {302, 401} or (answer.status_code == 302 and "/login" not in answer.location):
            leaks.append(("anonymous", method, address, answer.status_code))
        for name, held in world.permissions.items():
            if permission not in held:
                answer = signed_in[name].open(address, method=method)
                if answer.status_code != 403:
                    leaks.append((name, method, address, answer.status_code))

    assert leaks == [], "\n".join(map(str, leaks))


def test_things_of_another_site_answer_like_unknown_ones(app, world, signed_in):
    leaks = []
    for rule, method in _routes(app):
        permission = declared_permission(app, rule.endpoint)
        if not rule.arguments & set(world.far) or permission == PUBLIC:
            continue
        address = _address(app, rule, world.shared | world.far)
        for name, held in world.permissions.items():
            if name == "admin" or permission not in held:
                continue
            answer = signed_in[name].open(address, method=method)
            if answer.status_code != 404 or CANARY in answer.text:
                leaks.append((name, method, address, answer.status_code))

    assert leaks == [], "\n".join(map(str, leaks))


def test_lists_searches_and_exports_show_nothing_of_another_site(app, world, signed_in):
    leaks = []
    hints = {
        "q": "CANAR",
        "text": "CANAR",
        "site": world.far["site_id"],
        "site_id": world.far["site_id"],
        "team": world.far["team_id"],
        "team_id": world.far["team_id"],
        "person": world.far["person_id"],
        "day": TODAY.isoformat(),
    }
    for rule, method in _routes(app):
        permission = declared_permission(app, rule.endpoint)
        if method != "GET" or rule.arguments & set(world.far) or permission == PUBLIC:
            continue
        for name, held in world.permissions.items():
            if name == "admin" or permission not in held:
                continue
            for query in ({}, hints, {"q": "CANAR"}, hints | {"format": "csv"}):
                address = _address(app, rule, world.shared)
                answer = signed_in[name].get(address, query_string=query)
                if answer.status_code >= 500 or re.search(CANARY, answer.text):
                    leaks.append((name, address, query, answer.status_code))

    assert leaks == [], "\n".join(map(str, leaks))


def test_signed_out_deactivated_and_demoted_people_are_refused_with_their_next_request(app, make, sign_in):
    """The session's mark changes with the account, and roles are read anew for each request."""
    person, lead = make.person(), make.person(roles=[Role.SCHEDULER])
    client, lead_client = sign_in(person), sign_in(lead)
    assert client.get("/account", follow_redirects=True).status_code == 200
    assert lead_client.get("/types").status_code == 200

    person.account.fs_uniquifier = "another-mark"
    for grant in list(lead.grants):
        make.session.delete(grant)
    make.commit()

    assert client.get("/account").status_code in {302, 401, 308}
    assert lead_client.get("/types").status_code == 403
