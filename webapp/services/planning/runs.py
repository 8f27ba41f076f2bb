"""Plan runs: ask the optimizer about a day, check its answer independently, and keep both."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from optimizer.plan import Plan as Answer
from optimizer.plan import Progress, Status
from optimizer.problem import Problem
from optimizer.process import solve_in_child
from optimizer.verify import Violation, verify
from webapp.db import Database
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import OPEN_STATES, Job, Plan, PlanRun, Policy, Site
from webapp.services import audit, jobs, notices, roster_changes
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.planning import policies, store, tranches
from webapp.services.planning.earlier import find_earlier
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.names import load_names
from webapp.services.planning.problem import DayProblem, Effort, build_problem, find_horizon
from webapp.services.planning.words import status_words

JOB_KIND = "plan.solve"
MAX_VIOLATIONS_TOLD = 20
MAX_CHANGES = 10_000


@dataclass(frozen=True, slots=True)
class RunRequest:
    """
    What a scheduler chooses for a run; assignments of the published plan that begin before ``keep_before`` stand.

    ``max_changes`` and ``stability`` ask for the least change, see :class:`Effort`. ``replan`` marks a run of the
    board, which also keeps the same people on live contacts where that serves as many.
    """

    policy: str = policies.DEFAULT
    interval_minutes: int = policies.DEFAULT_INTERVAL_MINUTES
    time_limit_seconds: float = 30.0
    gap: float = 0.001
    seed: int = 1
    keep_before: dt.datetime | None = None
    max_changes: int | None = None
    stability: float | None = None
    ladder: tuple[tuple[str, float], ...] | None = None
    replan: bool = False

    def effort(self) -> Effort:
        """Return the part of it that the optimizer takes."""
        return Effort(
            seed=self.seed,
            time_limit_seconds=self.time_limit_seconds,
            gap=self.gap,
            keep_before=self.keep_before,
            max_changes=self.max_changes,
            stability=self.stability,
            ladder=self.ladder,
        )

    def inputs(self) -> dict[str, Any]:
        """Return the part of it that a run keeps among its inputs."""
        return {
            "keep_before": self.keep_before.isoformat() if self.keep_before else None,
            "max_changes": self.max_changes,
            "stability": self.stability,
            "ladder": [list(rung) for rung in self.ladder] if self.ladder is not None else None,
            "replan": self.replan,
        }


def _check(request: RunRequest) -> None:
    if request.interval_minutes not in policies.INTERVAL_CHOICES:
        choices = ", ".join(str(each) for each in policies.INTERVAL_CHOICES)
        raise InvalidInputError(f"An interval is {choices} minutes long.", field="interval_minutes")
    if not 1 <= request.time_limit_seconds <= policies.MAX_SECONDS:
        raise InvalidInputError(
            f"The time limit lies between 1 and {policies.MAX_SECONDS:.0f} seconds.", field="time_limit_seconds"
        )
    if not 0 <= request.seed < 2**31:
        raise InvalidInputError("The seed is a whole number from 0 to 2147483647.", field="seed")
    if not 0 <= request.gap < 1:
        raise InvalidInputError("The gap is a fraction from 0 to below 1, such as 0.001.", field="gap")
    if request.max_changes is not None and not 0 <= request.max_changes <= MAX_CHANGES:
        raise InvalidInputError(f"Between 0 and {MAX_CHANGES} other engagements may move.", field="max_changes")


def _new_run(
    session: Session,
    site_id: int,
    day_on: dt.date,
    *,
    horizon: Horizon,
    policy: Policy,
    request: RunRequest,
    by: Actor,
) -> PlanRun:
    run = PlanRun(
        site_id=site_id,
        day_on=day_on,
        starts_at=horizon.starts_at,
        interval_minutes=horizon.interval_minutes,
        intervals=horizon.intervals,
        policy_id=policy.id,
        seed=request.seed,
        time_limit_seconds=request.time_limit_seconds,
        gap_target=request.gap,
        inputs=request.inputs(),
        created_by_id=by.person_id,
        created_at=by.at,
    )
    session.add(run)
    audit.record(
        session,
        "request_plan_run",
        run,
        by=by,
        detail={
            "site_id": run.site_id,
            "day": run.day_on.isoformat(),
            "policy": policy.code,
            "policy_number": policy.number,
            "seed": run.seed,
            "time_limit_seconds": run.time_limit_seconds,
        },
    )
    return run


def request_run(
    session: Session, site: Site, day_on: dt.date, *, request: RunRequest, by: Actor, parent_id: int | None = None
) -> PlanRun:
    """
    Queue a run for a site's day, by itself or as a part of the job ``parent_id``.

    Raises
    ------
    InvalidInputError
        If a choice is out of range, or nobody works on that day.
    ConflictError
        If a run for the day is still under way.
    """
    _check(request)
    # Two requests for one site wait for each other, so that the second one finds the first.
    session.execute(select(Site.id).where(Site.id == site.id).with_for_update())
    if find_open_run(session, site.id, day_on) is not None:
        raise ConflictError("A run for this day is still under way. Wait for it, or cancel it first.")
    policies.ensure_presets(session, by=by)
    policy = policies.get_policy(session, request.policy)
    horizon = find_horizon(session, site, day_on, interval_minutes=request.interval_minutes)
    run = _new_run(session, site.id, day_on, horizon=horizon, policy=policy, request=request, by=by)
    run.job = jobs.enqueue(session, JOB_KIND, {"run_id": run.id}, by=by, parent_id=parent_id)
    session.flush()
    return run


def find_open_run(session: Session, site_id: int, day_on: dt.date) -> PlanRun | None:
    """Return the run of a day whose job has not ended, or None."""
    return session.scalar(
        select(PlanRun)
        .join(PlanRun.job)
        .where(
            PlanRun.site_id == site_id,
            PlanRun.day_on == day_on,
            Job.state.in_(OPEN_STATES),
        )
        .options(joinedload(PlanRun.job), joinedload(PlanRun.policy))
        .order_by(PlanRun.id.desc())
        .limit(1)
    )


def prepare(session: Session, run: PlanRun, *, today: dt.date) -> DayProblem:
    """Build the problem of a run from what the database holds now."""
    inputs = run.inputs or {}
    keep_before = inputs.get("keep_before")
    seen = roster_changes.read_seen(session, run.id)
    built = build_problem(
        session,
        run.site,
        run.day_on,
        policy=run.policy,
        interval_minutes=run.interval_minutes,
        today=today,
        effort=Effort(
            seed=run.seed,
            time_limit_seconds=run.time_limit_seconds,
            gap=run.gap_target,
            keep_before=dt.datetime.fromisoformat(keep_before) if keep_before else None,
            max_changes=inputs.get("max_changes"),
            stability=inputs.get("stability"),
            ladder=_read_ladder(inputs.get("ladder")),
        ),
    )
    return replace(built, seen=seen)


def _read_ladder(stored: list[list[Any]] | None) -> tuple[tuple[str, float], ...] | None:
    return tuple((str(step), float(price)) for step, price in stored) if stored is not None else None


def solve(
    problem: Problem,
    *,
    report: Callable[[float, dict[str, Any]], None] | None = None,
    should_cancel: Callable[[], bool] | None = None,
    memory_mb: int | None = None,
    earlier: Answer | None = None,
    keep: Answer | None = None,
) -> Answer:
    """
    Let the optimizer answer in a process of its own, and check the answer before anybody sees it.

    An answer that breaks a rule becomes a solver error that lists what it breaks; it is never shown as a plan.

    Parameters
    ----------
    problem
        What is asked.
    report
        Told about progress: a fraction in [0, 1] and the figures for the page.
    should_cancel
        Asked often; True ends the search with the best plan so far.
    memory_mb
        Memory that the process may use.
    earlier
        A plan of the same day to begin from.
    keep
        A plan whose people go on keeping minutes for live contacts, as far as that serves as many.
    """
    limit = problem.policy.time_limit_s

    def _tell(progress: Progress) -> None:
        if report is not None:
            detail = {
                "phase": progress.phase,
                "seconds": round(progress.seconds, 1),
                "incumbent": progress.incumbent,
                "bound": progress.bound,
                "gap": progress.gap,
            }
            report(min(0.98, progress.seconds / limit), {k: v for k, v in detail.items() if v is not None})

    answer = solve_in_child(problem, on_progress=_tell, should_cancel=should_cancel, memory_mb=memory_mb, warm=earlier)
    return settle(problem, answer, keep=keep)


def settle(problem: Problem, answer: Answer, *, keep: Answer | None = None) -> Answer:
    """Return an answer with its kept minutes in order, with the people of another plan where possible, and checked."""
    ordered = tranches.fill_in_order(problem, answer)
    if keep is not None and ordered.has_plan:
        ordered = tranches.keep_people(problem, ordered, keep)
    return checked(problem, ordered)


def checked(problem: Problem, answer: Answer) -> Answer:
    """Return the answer if it obeys every rule, else a solver error that says which it breaks."""
    if not answer.has_plan:
        return answer
    violations = verify(problem, answer)
    if not violations:
        return answer
    told = "; ".join(violation.message for violation in violations[:MAX_VIOLATIONS_TOLD])
    return Answer(
        status=Status.SOLVER_ERROR,
        seconds=answer.seconds,
        peak_mb=answer.peak_mb,
        solver=answer.solver,
        route=answer.route,
        seed=answer.seed,
        problem=answer.problem,
        message=f"The plan broke {len(violations)} rules and was thrown away: {told}",
    )


def find_violations(loaded: store.LoadedPlan) -> tuple[Violation, ...]:
    """Check a stored plan against its problem once more, and return the rules that it breaks."""
    return verify(loaded.problem, loaded.answer)


def finish(session: Session, run: PlanRun, built: DayProblem, answer: Answer, *, by: Actor) -> Plan | None:
    """Keep the answer of a run: its report, its plan if there is one, and a notice to the person who asked."""
    run.starts_at, run.intervals = built.horizon.starts_at, built.horizon.intervals
    run.problem, run.input_digest = built.problem.to_json(), built.digest
    run.inputs = {
        **(run.inputs or {}),
        "agents": sum(1 for agent in built.problem.agents if any(agent.capacity)),
        "engagements": len(built.problem.engagements),
        "pins": len(built.problem.pins),
        "forecast_minutes": round(sum(sum(each.minutes) for each in built.problem.forecast), 1),
        "capacity_minutes": round(sum(sum(agent.capacity) for agent in built.problem.agents), 1),
        "under_way": {agent: list(minutes) for agent, minutes in built.taken.items()},
    }
    roster_changes.settle_notes(session, run.id, built.seen)
    store.keep_report(run, answer)
    plan = store.add_plan(session, run, built.problem, answer, at=by.at) if answer.has_plan else None
    audit.record(
        session,
        "finish_plan_run",
        run,
        by=by,
        detail={
            "status": run.status,
            "plan_id": plan.id if plan is not None else None,
            "objective": round(run.objective, 2) if run.objective is not None else None,
            "bound": round(run.bound, 2) if run.bound is not None else None,
            "input_digest": run.input_digest,
        },
    )
    if run.created_by_id is not None:
        notices.notify(
            session,
            run.created_by_id,
            kind="run_finished",
            text=f"{run.site.name}, {run.day_on:%a %-d %b}: {status_words(run.status)}.",
            link=f"/plans/{plan.id}" if plan is not None else f"/plans/runs/{run.id}",
            by=by,
        )
    return plan


def run_now(
    database: Database,
    site_id: int,
    day_on: dt.date,
    *,
    request: RunRequest,
    by: Actor,
    clock: Callable[[], dt.datetime],
    report: Callable[[float, dict[str, Any]], None] | None = None,
    memory_mb: int | None = None,
) -> int:
    """
    Run to the end in this process, without a job, and return the run's id; nothing is written unless it ends.

    Parameters
    ----------
    database
        Where to read and write; what others write meanwhile waits for nothing but the short ends of the run.
    site_id, day_on, request, by
        What to run, and who asks.
    clock
        Tells the present moment.
    report
        Told about progress.
    memory_mb
        Memory that the solver may use.

    Raises
    ------
    InvalidInputError
        If a choice is out of range, or nobody works on that day.
    """
    _check(request)
    with database.transaction() as session:
        policies.ensure_presets(session, by=by)
    with database.reading() as session:
        site = session.get_one(Site, site_id)
        policy = policies.get_policy(session, request.policy)
        built = build_problem(
            session,
            site,
            day_on,
            policy=policy,
            interval_minutes=request.interval_minutes,
            today=by.at.astimezone(ZoneInfo(site.time_zone)).date(),
            effort=request.effort(),
        )
        earlier = find_earlier(session, site_id, day_on, horizon=built.horizon)
    answer = solve(built.problem, report=report, memory_mb=memory_mb, earlier=earlier)
    with database.transaction() as session:
        policy = session.get_one(Policy, policy.id)
        run = _new_run(session, site_id, day_on, horizon=built.horizon, policy=policy, request=request, by=by)
        finish(session, run, built, answer, by=Actor(person_id=by.person_id, at=clock(), channel=by.channel))
        return run.id


def get_run(session: Session, run_id: int, *, viewer: Viewer) -> PlanRun:
    """
    Return a run of a site whose plans the viewer may see.

    Raises
    ------
    NotFoundError
        If there is no such run for them.
    """
    run = session.scalar(
        select(PlanRun)
        .join(PlanRun.site)
        .where(PlanRun.id == run_id, viewer.sees_site(Permission.VIEW_PLANS))
        .options(
            joinedload(PlanRun.site),
            joinedload(PlanRun.policy),
            joinedload(PlanRun.job),
            joinedload(PlanRun.plan),
            joinedload(PlanRun.created_by),
        )
    )
    if run is None:
        raise NotFoundError("There is no such run.")
    return run


def conflict_words(session: Session, run: PlanRun) -> list[str]:
    """Return the pins and rules that cannot hold together, with the names of whom and what they are about."""
    if not run.conflict or run.problem is None:
        return []
    problem = store.load_problem(run)
    names, horizon, zone = load_names(session, problem), store.horizon_of(run), ZoneInfo(run.site.time_zone)
    told = []
    for conflict in run.conflict:
        found = re.match(r"\$\.pins\[(\d+)\]", conflict["path"])
        if found is None:
            told.append(conflict["message"])
            continue
        pin = problem.pins[int(found[1])]
        at = f" at {horizon.start_of(pin.start).astimezone(zone):%H:%M}" if pin.start is not None else ""
        told.append(f"{names.engagement(pin.engagement)} is pinned to {names.agent(pin.agent)}{at}.")
    return told


def list_runs(session: Session, site: Site, day_on: dt.date) -> Sequence[PlanRun]:
    """Return the runs of a site's day, newest first."""
    return session.scalars(
        select(PlanRun)
        .where(PlanRun.site_id == site.id, PlanRun.day_on == day_on)
        .options(
            joinedload(PlanRun.policy),
            joinedload(PlanRun.job),
            joinedload(PlanRun.plan).joinedload(Plan.published_by),
            joinedload(PlanRun.created_by),
        )
        .order_by(PlanRun.id.desc())
    ).all()
