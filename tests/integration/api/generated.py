"""
What the tests with generated requests share: a world with a row of each kind, the checks, and keys of rows that exist.

Half of what is generated names rows that do not exist; the other half gets keys of rows that do, so that it comes
past "not found".
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from schemathesis.checks import CHECKS, load_all_checks

from optimizer import solve
from tests.factories import NOW, TODAY, Make
from tests.factories.plans import draft_plan
from webapp.models import (
    Channel,
    EngagementType,
    EvidenceSubmission,
    Person,
    Plan,
    Role,
    RoutingMode,
    Simulation,
    SkillEventKind,
)
from webapp.services import jobs
from webapp.services.planning import moves, plans, policies, publish, runs, scenarios, swaps
from webapp.services.planning.runs import RunRequest
from webapp.services.planning.scenarios import ScenarioRequest
from webapp.services.routing import desks, settings

ROLES = ("agent", "lead", "scheduler", "hr", "admin", "nobody")

load_all_checks()
# Whether a request that fits the document also fits the present state is for the rules of the services to say, tokens
# are refused by tests of their own, and what was made or removed the sequences ask for themselves.
_LEFT_OUT = {"positive_data_acceptance", "ignored_auth", "ensure_resource_availability", "use_after_free"}
GENERATED_CHECKS = [check for check in CHECKS.get_all() if check.__name__ not in _LEFT_OUT]


def _live_plan(make: Make, scheduler: Person, agent: Person, colleague: Person, kind: EngagementType) -> Plan:
    """Run today for two agents and publish it, each with some of the work."""
    session, by = make.session, make.actor(scheduler)
    for _ in range(4):
        make.engagement(kind, earliest_at=NOW, due_at=NOW + dt.timedelta(hours=3))
    policies.ensure_presets(session, by=by)
    run = runs.request_run(session, make.home, TODAY, request=RunRequest(time_limit_seconds=20.0), by=by)
    built = runs.prepare(session, run, today=TODAY)
    draft = runs.finish(session, run, built, runs.checked(built.problem, solve(built.problem)), by=by)
    assert draft is not None
    # No executor works here; the job would otherwise count as under way.
    session.delete(run.job)
    run.job = None
    session.flush()
    first, *_, last = plans.list_assignments(session, draft)
    for each, person in ((first, agent), (last, colleague)):
        if each.person_id != person.id:
            moves.move_engagement(
                session, draft, each.engagement_id, person_id=person.id, start=5, pin_reason=None, by=by
            )
    return publish.publish_plan(session, draft, today=TODAY, by=by)


def build_world(make: Make) -> tuple[dict[str, Person], dict[str, Any]]:
    """Build a site with a row of each kind, and return its people by role, and what exists by name of the argument."""
    session, team = make.session, make.team(code="mail")
    people = {
        "agent": make.person(team=team),
        "lead": make.person(roles=[Role.LEAD], leads=[team]),
        "scheduler": make.person(roles=[Role.SCHEDULER]),
        "hr": make.person(roles=[Role.HR]),
        "admin": make.person(roles=[Role.ADMIN]),
    }
    agent, skill, colleague = people["agent"], make.skill(code="billing"), make.person(team=team)
    by = make.actor(people["scheduler"])
    kind = make.engagement_type(requires={skill: 2})
    calls = make.engagement_type(code="calls", channel=Channel.VOICE, requires={skill: 1})
    record = make.record(agent, skill, 3, claimed=4, by=people["lead"])
    make.record(colleague, skill, 3)
    shift = make.shift(agent, starts_at=NOW)
    make.shift(colleague, starts_at=NOW)
    live = _live_plan(make, people["scheduler"], agent, colleague, kind)
    mine, theirs = (
        next(each for each in plans.list_assignments(session, live) if each.person_id == person.id)
        for person in (agent, colleague)
    )
    swap = swaps.propose_swap(session, theirs, mine, today=TODAY, by=make.actor(colleague))
    scenario = scenarios.add_scenario(session, make.home, TODAY, request=ScenarioRequest("Ada is ill"), by=by)
    submission = EvidenceSubmission(
        person_id=agent.id, skill_id=skill.id, kind=SkillEventKind.COURSE, level=3, title="Course", created_at=NOW
    )
    simulation = Simulation(
        site_id=make.home.id, day_on=TODAY, policies=["batch"], seeds=2, first_seed=1, target_seconds=20, created_at=NOW
    )
    session.add_all([submission, simulation])
    known = {
        "absence_id": make.absence(agent, NOW + dt.timedelta(days=3), NOW + dt.timedelta(days=4)).id,
        "assignment_id": mine.id,
        "other_assignment_id": theirs.id,
        "engagement_id": make.engagement(kind).id,
        "job_id": jobs.enqueue(session, "probe", {}, by=by).id,
        "person_id": agent.id,
        "plan_id": draft_plan(make, day_on=TODAY + dt.timedelta(days=1)).id,
        "record_id": record.id,
        "run_id": live.run_id,
        "shift_id": shift.id,
        "site_id": make.home.id,
        "skill_id": skill.id,
        "submission_id": submission.id,
        "team_id": team.id,
        "type_id": kind.id,
        "swap_id": swap.id,
        "scenario_id": scenario.id,
        "simulation_id": simulation.id,
        "agent": agent.external_id,
        "day_on": TODAY.isoformat(),
        "site": make.home.code,
        "type": calls.code,
        "policy": "default",
    }
    settings.change_setting(session, make.home, settings.Wanted(RoutingMode.LIVE), by=by)
    desks.refresh(session, make.home, at=NOW)
    return people, known


def with_known(values: Any, known: dict[str, Any]) -> Any:
    """Return arguments or a body that name what exists, at every depth."""
    if isinstance(values, dict):
        return {
            name: known[name] if name in known and isinstance(value, type(known[name])) else with_known(value, known)
            for name, value in values.items()
        }
    return [with_known(value, known) for value in values] if isinstance(values, list) else values
