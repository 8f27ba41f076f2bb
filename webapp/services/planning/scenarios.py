"""Scenarios: what-ifs of a day that are kept, solved by a job, held against the plan, and made so if people want."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, true
from sqlalchemy.orm import Session, joinedload

from optimizer.plan import Plan as Answer
from optimizer.problem import Problem
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import AbsenceKind, EngagementType, Job, Person, PlanRun, Scenario, Site, Skill
from webapp.services import absences, access, audit, jobs
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.planning import demand, policies, runs, staleness, what_if
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.names import Names, load_names
from webapp.services.planning.problem import DayProblem, Effort, build_problem, find_horizon
from webapp.services.planning.what_if import Away, Change, Closed, Extra, NewLevel, Surge, WhatIf
from webapp.services.zones import day_bounds

JOB_KIND = "scenario.solve"
SECONDS = 15.0
MOST_SECONDS = 120.0
NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class ScenarioRequest:
    """What a scheduler says of a new scenario; changes come one by one after it."""

    name: str
    policy: str = policies.DEFAULT
    seconds: float = SECONDS
    interval_minutes: int = policies.DEFAULT_INTERVAL_MINUTES


def add_scenario(session: Session, site: Site, day_on: dt.date, *, request: ScenarioRequest, by: Actor) -> Scenario:
    """
    Keep a new scenario of a day, without any change yet.

    Raises
    ------
    InvalidInputError
        If its name or a limit is out of range, or nobody works on the day.
    NotFoundError
        If there is no such policy.
    """
    policies.ensure_presets(session, by=by)
    _check(session, request)
    find_horizon(session, site, day_on, interval_minutes=request.interval_minutes)
    live = find_live_plan(session, site.id, day_on)
    scenario = Scenario(
        site_id=site.id,
        day_on=day_on,
        name=request.name.strip(),
        changes=[],
        policy_code=request.policy,
        time_limit_seconds=request.seconds,
        # Intervals of the plan that it is held against, so that starts can be compared.
        interval_minutes=live.run.interval_minutes if live is not None else request.interval_minutes,
        created_by_id=by.person_id,
        created_at=by.at,
    )
    session.add(scenario)
    audit.record(session, "add_scenario", scenario, by=by, detail=_facts(scenario))
    return scenario


def _facts(scenario: Scenario) -> dict[str, Any]:
    return {"site_id": scenario.site_id, "day": scenario.day_on.isoformat(), "policy": scenario.policy_code}


def _check(session: Session, request: ScenarioRequest) -> None:
    if not 1 <= len(request.name.strip()) <= NAME_LENGTH:
        raise InvalidInputError(f"Give it a name of up to {NAME_LENGTH} characters.", field="name")
    if not 1 <= request.seconds <= MOST_SECONDS:
        raise InvalidInputError(f"The time limit lies between 1 and {MOST_SECONDS:.0f} seconds.", field="seconds")
    policies.get_policy(session, request.policy)


def edit_scenario(session: Session, scenario: Scenario, *, request: ScenarioRequest, by: Actor) -> None:
    """
    Change name, policy and time limit of a scenario.

    Raises
    ------
    InvalidInputError
        If its name or the limit is out of range.
    """
    _check(session, request)
    scenario.name, scenario.policy_code = request.name.strip(), request.policy
    scenario.time_limit_seconds = request.seconds
    audit.record(session, "edit_scenario", scenario, by=by, detail=_facts(scenario))


def add_change(session: Session, scenario: Scenario, change: Change, *, viewer: Viewer, by: Actor) -> None:
    """
    Add a change to a scenario.

    Raises
    ------
    InvalidInputError
        If it breaks a rule, or whom or what it names is none of the site's that the viewer sees.
    """
    if len(scenario.changes) >= what_if.MOST_CHANGES:
        raise InvalidInputError(f"A scenario has {what_if.MOST_CHANGES} changes at most.")
    what_if.check(change)
    _check_subject(session, scenario, change, viewer=viewer)
    _set(session, scenario, [*scenario.changes, *what_if.to_json([change])], by=by)


def remove_change(session: Session, scenario: Scenario, number: int, *, by: Actor) -> None:
    """
    Take a change out of a scenario, counted from 0.

    Raises
    ------
    NotFoundError
        If there is none of that number.
    """
    if not 0 <= number < len(scenario.changes):
        raise NotFoundError("This change is not there any more.")
    _set(session, scenario, [each for place, each in enumerate(scenario.changes) if place != number], by=by)


def _set(session: Session, scenario: Scenario, changes: list[dict[str, Any]], *, by: Actor) -> None:
    scenario.changes = changes
    # The trail says what kind of thing was tried and not on whom: it was never done to them.
    kinds = [each["kind"] for each in changes]
    audit.record(session, "change_scenario", scenario, by=by, detail={"changes": kinds})


def _check_subject(session: Session, scenario: Scenario, change: Change, *, viewer: Viewer) -> None:
    if isinstance(change, Away | NewLevel) and change.person_id not in {
        person.id for person in list_people(session, scenario.site)
    }:
        raise InvalidInputError("Choose an agent of the site.", field="person")
    if isinstance(change, Extra) and change.like_id not in {
        person.id for person in list_lendable(session, scenario.site, viewer=viewer)
    }:
        raise InvalidInputError("Choose a colleague whose skills you may see.", field="person")
    if isinstance(change, NewLevel) and session.get(Skill, change.skill_id) is None:
        raise InvalidInputError("Choose a skill.", field="skill")
    if isinstance(change, Surge):
        rows = demand.list_forecast(session, scenario.site, change.starts_at, change.ends_at)
        if all(row.engagement_type_id != change.type_id for row in rows):
            raise InvalidInputError("No contacts of this type are forecast in this time.", field="type")
    starts_at, ends_at = day_bounds(scenario.day_on, scenario.site.time_zone)
    if not isinstance(change, NewLevel) and not starts_at <= change.starts_at < ends_at:
        raise InvalidInputError("This is not on the scenario's day.", field="starts_at")


def list_people(session: Session, site: Site) -> list[Person]:
    """Return the agents of a site by name."""
    query = select(Person).where(Person.site_id == site.id, Person.active, Person.is_agent)
    return list(session.scalars(query.order_by(Person.name, Person.id)))


def list_lendable(session: Session, site: Site, *, viewer: Viewer) -> list[Person]:
    """Return agents of any site whose records the viewer sees, those of the site first."""
    query = select(Person).where(viewer.sees(Permission.VIEW_RECORDS), Person.active, Person.is_agent)
    found = session.scalars(query.options(joinedload(Person.site)).order_by(Person.name, Person.id)).all()
    return sorted(found, key=lambda person: person.site_id != site.id)


def list_live_types(session: Session) -> list[EngagementType]:
    """Return the types whose contacts are forecast."""
    query = select(EngagementType).where(EngagementType.channel.in_(demand.LIVE_CHANNELS))
    return list(session.scalars(query.order_by(EngagementType.name)))


def request_solve(session: Session, scenario: Scenario, *, by: Actor) -> Job:
    """
    Queue the solve of a scenario, over the live data as they are when it begins.

    Raises
    ------
    ConflictError
        If it is being solved already.
    """
    if scenario.job is not None and not scenario.job.state.ended:
        raise ConflictError("This scenario is being solved. Wait for it, or cancel it first.")
    is_today = by.at.astimezone(ZoneInfo(scenario.site.time_zone)).date() == scenario.day_on
    scenario.keep_before = by.at if is_today else None
    scenario.job = jobs.enqueue(session, JOB_KIND, {"scenario_id": scenario.id}, by=by)
    audit.record(session, "request_scenario", scenario, by=by, detail=_facts(scenario))
    return scenario.job


def prepare(session: Session, scenario: Scenario, *, today: dt.date, changes: WhatIf | None = None) -> DayProblem:
    """Build the problem of a scenario: that of the live data, with its changes or other ones."""
    return build_problem(
        session,
        scenario.site,
        scenario.day_on,
        policy=policies.get_policy(session, scenario.policy_code),
        interval_minutes=scenario.interval_minutes,
        today=today,
        effort=Effort(
            seed=scenario.seed,
            time_limit_seconds=scenario.time_limit_seconds,
            keep_before=scenario.keep_before,
        ),
        what_if=what_if.from_json(scenario.changes) if changes is None else changes,
    )


def finish(session: Session, scenario: Scenario, built: DayProblem, answer: Answer, *, by: Actor) -> None:
    """Keep what came out of a scenario."""
    live = find_live_plan(session, scenario.site_id, scenario.day_on)
    scenario.base_plan_id = live.id if live is not None else None
    scenario.policy_id = policies.get_policy(session, scenario.policy_code).id
    scenario.starts_at, scenario.input_digest = built.horizon.starts_at, built.digest
    scenario.problem, scenario.answer = built.problem.to_json(), answer.to_json()
    scenario.solved_at = by.at
    audit.record(session, "finish_scenario", scenario, by=by, detail={"status": answer.status.value})
    session.flush()


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a scenario's result still holds: what changed in words, or nothing."""

    changes: tuple[str, ...]

    @property
    def stale(self) -> bool:
        """Whether it should be solved again."""
        return bool(self.changes)


def check_standing(session: Session, scenario: Scenario, *, today: dt.date) -> Standing:
    """Say what changed since a scenario was solved: itself, the live data, the plan that it is held against."""
    if scenario.problem is None or scenario.answer is None:
        return Standing(())
    told = []
    live = find_live_plan(session, scenario.site_id, scenario.day_on)
    if (live.id if live is not None else None) != scenario.base_plan_id:
        told.append("Another plan of the day is published.")
    policy = policies.get_policy(session, scenario.policy_code)
    if policy.id != scenario.policy_id:
        told.append(f"The policy is now {policy.name}, version {policy.number}.")
    try:
        now = prepare(session, scenario, today=today)
    except InvalidInputError as error:
        return Standing((*told, str(error)))
    if now.digest != scenario.input_digest:
        told += _input_changes(session, scenario, now) or ["What it was built from has changed."]
    return Standing(tuple(told))


def _input_changes(session: Session, scenario: Scenario, now: DayProblem) -> list[str]:
    was, answer = load(scenario)
    if was.intervals != now.problem.intervals or was.start != now.problem.start:
        return ["The hours in which anybody works have changed."]
    names = all_names(session, scenario)
    found = staleness.compare_inputs(was, now.problem, names, answer=answer)
    return [f"{change.subject} {change.text}" for change in found]


def load(scenario: Scenario) -> tuple[Problem, Answer]:
    """
    Return the problem and the answer of a solved scenario.

    Raises
    ------
    ConflictError
        If it was not solved yet.
    """
    if scenario.problem is None or scenario.answer is None:
        raise ConflictError("This scenario has not been solved yet.")
    return Problem.from_json(scenario.problem), Answer.from_json(scenario.answer)


def all_names(session: Session, scenario: Scenario) -> Names:
    """Return the names of everything that a solved scenario speaks of, its extra agents included."""
    problem, _ = load(scenario)
    names = load_names(session, problem)
    extras = what_if.from_json(scenario.changes).of(Extra)
    people = {person.id: person.name for person in _people(session, [extra.like_id for extra in extras])}
    called = {
        str(-number): f"Extra, like {people.get(extra.like_id, '?')}" for number, extra in enumerate(extras, start=1)
    }
    return replace(names, agents={**names.agents, **called})


def _people(session: Session, ids: Sequence[int]) -> list[Person]:
    return list(session.scalars(select(Person).where(Person.id.in_(ids)).options(joinedload(Person.site))))


def describe(session: Session, scenario: Scenario) -> list[str]:
    """Return each change of a scenario in words."""
    zone = ZoneInfo(scenario.site.time_zone)
    changes = what_if.from_json(scenario.changes).changes
    ids = [change.person_id if isinstance(change, Away | NewLevel) else change.like_id for change in changes
           if isinstance(change, Away | NewLevel | Extra)]  # fmt: skip
    people = {person.id: person for person in _people(session, ids)}

    def clock(moment: dt.datetime) -> str:
        return f"{moment.astimezone(zone):%H:%M}"

    told = []
    for change in changes:
        match change:
            case Away():
                told.append(
                    f"{people[change.person_id].name} is away from {clock(change.starts_at)} to {clock(change.ends_at)}"
                )
            case Surge():
                kind = session.get_one(EngagementType, change.type_id).name
                amount = [f"{change.percent:+.0f} %"] if change.percent else []
                amount += [f"+{change.minutes:.0f} min"] if change.minutes else []
                told.append(f"{kind}: {' and '.join(amount)} from {clock(change.starts_at)} to {clock(change.ends_at)}")
            case NewLevel():
                skill = session.get_one(Skill, change.skill_id).name
                told.append(f"{people[change.person_id].name} has {skill} at level {change.level}")
            case Extra():
                like = people[change.like_id]
                lent = "" if like.site_id == scenario.site_id else f" of {like.site.name}"
                told.append(
                    f"One more agent like {like.name}{lent}, {clock(change.starts_at)} to {clock(change.ends_at)}"
                )
            case Closed():
                told.append(f"{change.channel.capitalize()} is closed from {clock(change.starts_at)} on")
    return told


def get_scenario(
    session: Session,
    scenario_id: int,
    *,
    viewer: Viewer,
    permission: Permission = Permission.VIEW_PLANS,
    put_away: bool = False,
) -> Scenario:
    """
    Return a scenario of a site for which the viewer has a permission; one that was put away only where that is said.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    found = session.scalar(
        select(Scenario)
        .join(Scenario.site)
        .where(Scenario.id == scenario_id, viewer.sees_site(permission))
        .where(Scenario.removed_at.is_(None) if not put_away else true())
        .options(joinedload(Scenario.site), joinedload(Scenario.job), joinedload(Scenario.created_by))
    )
    if found is None:
        raise NotFoundError("There is no such scenario.")
    return found


def list_scenarios(session: Session, site: Site, day_on: dt.date) -> list[Scenario]:
    """Return the scenarios of a day that were not removed, oldest first."""
    return list(
        session.scalars(
            select(Scenario)
            .where(Scenario.site_id == site.id, Scenario.day_on == day_on, Scenario.removed_at.is_(None))
            .options(joinedload(Scenario.job), joinedload(Scenario.created_by))
            .order_by(Scenario.id)
        )
    )


def duplicate(session: Session, scenario: Scenario, *, by: Actor) -> Scenario:
    """Return a new scenario with the same changes, not solved yet."""
    copy = Scenario(
        site_id=scenario.site_id,
        day_on=scenario.day_on,
        name=f"{scenario.name[: NAME_LENGTH - 8]}, copy",
        changes=list(scenario.changes),
        policy_code=scenario.policy_code,
        seed=scenario.seed,
        time_limit_seconds=scenario.time_limit_seconds,
        interval_minutes=scenario.interval_minutes,
        created_by_id=by.person_id,
        created_at=by.at,
    )
    session.add(copy)
    audit.record(session, "duplicate_scenario", copy, by=by, detail={"of": scenario.id})
    return copy


def remove(session: Session, scenario: Scenario, *, by: Actor) -> None:
    """Put a scenario away; :func:`restore` brings it back."""
    scenario.removed_at = by.at
    audit.record(session, "remove_scenario", scenario, by=by, detail=_facts(scenario))


def restore(session: Session, scenario: Scenario, *, by: Actor) -> None:
    """Bring a scenario back that was put away."""
    scenario.removed_at = None
    audit.record(session, "restore_scenario", scenario, by=by, detail=_facts(scenario))


@dataclass(frozen=True, slots=True)
class Making:
    """What making a scenario so would do for real, and what no button can do, both in words."""

    done: tuple[str, ...]
    left: tuple[str, ...]


def preview_making(session: Session, scenario: Scenario) -> Making:
    """Say what :func:`make_so` would do."""
    changes = what_if.from_json(scenario.changes).changes
    words = describe(session, scenario)
    done = [f"{word}: an absence is noted." for word, change in zip(words, changes, strict=True)
            if isinstance(change, Away)]  # fmt: skip
    left = [f"{word}." for word, change in zip(words, changes, strict=True) if not isinstance(change, Away)]
    policy = policies.get_policy(session, scenario.policy_code)
    done.append(f"The day is planned again under the policy {policy.name}; the plan is a draft until you publish it.")
    return Making(tuple(done), tuple(left))


def make_so(session: Session, scenario: Scenario, *, kind: AbsenceKind, viewer: Viewer, by: Actor) -> PlanRun:
    """
    Do for real what a scenario tried and can be done here: note its absences, then plan the day again by its policy.

    Raises
    ------
    ConflictError
        If it was made so already, or a run for the day is under way.
    NotFoundError
        If the viewer may not edit the roster of the site.
    InvalidInputError
        If an absence overlaps one that is noted already.
    """
    if scenario.applied_at is not None:
        raise ConflictError("This scenario was made so already.")
    # Absences are the roster's, and whoever may run plans need not keep it.
    access.get_site(session, scenario.site_id, viewer=viewer, permission=Permission.EDIT_ROSTER)
    noted = []
    for away in what_if.from_json(scenario.changes).of(Away):
        draft = absences.AbsenceDraft(away.starts_at, away.ends_at, kind)
        noted.append(absences.add_absence(session, session.get_one(Person, away.person_id), draft=draft, by=by))
    session.flush()
    is_today = by.at.astimezone(ZoneInfo(scenario.site.time_zone)).date() == scenario.day_on
    run = runs.request_run(
        session,
        scenario.site,
        scenario.day_on,
        request=runs.RunRequest(
            policy=scenario.policy_code,
            interval_minutes=scenario.interval_minutes,
            time_limit_seconds=scenario.time_limit_seconds,
            seed=scenario.seed,
            keep_before=by.at if is_today else None,
        ),
        by=by,
    )
    scenario.applied_at = by.at
    detail = {"absences": [absence.id for absence in noted], "run_id": run.id}
    audit.record(session, "make_scenario_so", scenario, by=by, detail=detail)
    return run
