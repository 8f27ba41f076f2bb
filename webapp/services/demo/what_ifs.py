"""What the demo's schedulers try out: a policy of their own in two versions, two what-ifs, and a simulated day."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import EngagementType, Person, Plan, Scenario, Simulation, Site
from webapp.services import access, roster, simulating
from webapp.services.audit import Actor
from webapp.services.planning import demand, policies, policy_editing, scenarios
from webapp.services.planning.scenarios import ScenarioRequest
from webapp.services.planning.what_if import Away, Change, Surge
from webapp.services.simulating import SimulationRequest
from webapp.services.zones import day_bounds

POLICY = "Winter storms"
SEEDS = 20


def seed_policy(session: Session, *, by: Actor) -> int:
    """Make a policy out of the default one, and a second version of it; return how many versions were made."""
    policies.ensure_presets(session, by=by)
    code = POLICY.lower().replace(" ", "-")
    if policies.find_policy(session, code) is not None:
        return 0
    first = policy_editing.copy_policy(
        session,
        policies.get_policy(session, policies.DEFAULT),
        name=POLICY,
        reason="For days on which the outage line rings all day.",
        by=by,
    )
    values = policy_editing.values_of(first)
    growth, stability = values["weight_growth"] or 0.0, values["weight_stability"] or 0.0
    policy_editing.save_version(
        session,
        first,
        values={**values, "weight_growth": growth / 2, "weight_stability": stability * 2, "shrinkage": 0.14},
        reason="Less stretch work and fewer moves while everybody is on the telephone; more people ill than usual.",
        seen=first.number,
        by=by,
    )
    return 2


def seed_what_ifs(session: Session, plan: Plan, *, by: Actor) -> int:
    """
    Ask what two changes of today would do; the jobs that solve them run as soon as somebody serves.

    Returns
    -------
    int
        How many what-ifs were kept.
    """
    if session.scalar(
        select(Scenario.id).where(Scenario.site_id == plan.site_id, Scenario.day_on == plan.day_on).limit(1)
    ):
        return 0
    viewer = access.get_viewer(session, by.person_id or 0)
    wanted: list[tuple[str, list[Change]]] = [
        ("Two more agents fall ill", [*_ill(session, plan.site, plan, at=by.at)]),
        ("A storm over the coast", [*_storm(session, plan)]),
    ]
    kept = 0
    for name, changes in wanted:
        if not changes:
            continue
        scenario = scenarios.add_scenario(session, plan.site, plan.day_on, request=ScenarioRequest(name=name), by=by)
        for change in changes:
            scenarios.add_change(session, scenario, change, viewer=viewer, by=by)
        session.flush()
        scenarios.request_solve(session, scenario, by=by)
        kept += 1
    return kept


def _ill(session: Session, site: Site, plan: Plan, *, at: dt.datetime) -> list[Away]:
    """Return absences of two agents who work late today, from now or from their shift on."""
    starts_at, ends_at = day_bounds(plan.day_on, site.time_zone)
    people = session.scalars(select(Person.id).where(Person.site_id == site.id, Person.is_agent, Person.active)).all()
    shifts = roster.shifts_between(session, people, max(starts_at, at), ends_at)
    late = sorted((shift for shift in shifts if shift.ends_at > at), key=lambda shift: (shift.ends_at, shift.person_id))
    return [Away(shift.person_id, max(shift.starts_at, at), shift.ends_at) for shift in late[-2:]]


def _storm(session: Session, plan: Plan) -> list[Surge]:
    """Return a surge of outage calls in the middle of the day, if any are forecast."""
    kind = session.scalar(select(EngagementType).where(EngagementType.code == "call-outage"))
    midnight, _ = day_bounds(plan.day_on, plan.site.time_zone)
    starts_at, ends_at = midnight + dt.timedelta(hours=10), midnight + dt.timedelta(hours=18)
    rows = demand.list_forecast(session, plan.site, starts_at, ends_at)
    if kind is None or all(row.engagement_type_id != kind.id for row in rows):
        return []
    return [Surge(kind.id, starts_at, ends_at, percent=60.0)]


def seed_simulation(session: Session, site: Site, today: dt.date, *, by: Actor) -> int:
    """Ask what other rules of routing would have done yesterday; return whether there was anything to ask."""
    yesterday = today - dt.timedelta(days=1)
    if session.scalar(select(Simulation.id).where(Simulation.site_id == site.id).limit(1)):
        return 0
    try:
        simulating.request_simulation(session, site, yesterday, request=SimulationRequest(seeds=SEEDS), by=by)
    except InvalidInputError:
        # Yesterday everybody was off, or nobody called: then there is nothing to show.
        return 0
    return 1
