"""``mainstay plan``: run, show, publish, score and verify plans from the command line."""

from __future__ import annotations

import datetime as dt
import sys
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.cli.console import cli, cli_actor, get_config, get_database, now, show
from webapp.errors import NotFoundError
from webapp.models import Plan, PlanRun, Site
from webapp.services.planning import plans, policies, publish, runs, scoring, store
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.words import status_words, term_words

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@cli.group("plan")
def plan_group() -> None:
    """Plan a site's day: run the optimizer, look at the result, publish it, score it afterwards."""


def find_site(session: Session, code: str) -> Site:
    """
    Return a site by its code.

    Raises
    ------
    NotFoundError
        If there is none; the message lists those that there are.
    """
    site = session.scalar(select(Site).where(Site.code == code))
    if site is None:
        known = ", ".join(session.scalars(select(Site.code).order_by(Site.code))) or "none yet"
        raise NotFoundError(f"There is no site {code!r}. Sites: {known}.")
    return site


def _find_plan(session: Session, plan_id: int | None, site_code: str | None, day: dt.datetime | None) -> Plan:
    """Return the plan with an id, else the published plan of a site's day, else its newest one."""
    if plan_id is not None:
        plan = session.scalar(
            select(Plan).where(Plan.id == plan_id).options(joinedload(Plan.run), joinedload(Plan.site))
        )
        if plan is None:
            raise NotFoundError(f"There is no plan {plan_id}.")
        return plan
    if site_code is None or day is None:
        raise click.UsageError("Name a plan by its id, or by --site and --day.")
    site = find_site(session, site_code)
    live = find_live_plan(session, site.id, day.date())
    if live is not None:
        return live
    newest = plans.list_plans(session, site, day.date())
    if not newest:
        raise NotFoundError(f"There is no plan for {site.code} on {day:%Y-%m-%d}. Make one with: mainstay plan run")
    return newest[0]


@plan_group.command("run")
@click.option("--site", "site_code", required=True, metavar="CODE")
@click.option("--day", type=_DAY, required=True, metavar="YYYY-MM-DD")
@click.option("--policy", help="Weights and limits by name; the site's own, if it is left out.")
@click.option("--seconds", type=float, default=30.0, show_default=True, help="Time limit.")
@click.option("--gap", type=float, default=0.001, show_default=True, help="Relative gap at which to stop.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--interval", type=int, default=policies.DEFAULT_INTERVAL_MINUTES, show_default=True, help="Minutes.")
@click.option("--publish", "and_publish", is_flag=True, help="Publish the plan at once; needs --as.")
@click.option("--as", "email", help="E-mail address of the person who does it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def run_command(
    *,
    site_code: str,
    day: dt.datetime,
    policy: str | None,
    seconds: float,
    gap: float,
    seed: int,
    interval: int,
    and_publish: bool,
    email: str | None,
    as_json: bool,
) -> None:
    """Solve a site's day and store the plan as a draft. Exit code 3 if there is no plan, 4 if the solver failed."""
    if and_publish and email is None:
        raise click.UsageError("--publish needs --as: a plan is published by a person.")
    database = get_database()
    with database.reading() as session:
        site, by = find_site(session, site_code), cli_actor(session, email)
        site_id, policy = site.id, policy or policies.default_code(session, site)
    run_id = runs.run_now(
        database,
        site_id,
        day.date(),
        request=runs.RunRequest(
            policy=policy, interval_minutes=interval, time_limit_seconds=seconds, gap=gap, seed=seed
        ),
        by=by,
        clock=now,
        report=None if as_json else _print_progress,
        memory_mb=get_config().solver_memory_mb,
    )
    with database.transaction() as session:
        run = session.get_one(PlanRun, run_id)
        if and_publish and run.plan is not None:
            publish.publish_plan(session, run.plan, today=_today(run.site), by=cli_actor(session, email))
        result, lines = describe_run(session, run)
        show(result, as_json=as_json, lines=lines)
        status = run.status
    if status in {"infeasible", "time_limit_no_plan", "solver_error"}:
        sys.exit(4 if status == "solver_error" else 3)


def _print_progress(_share: float, figures: dict[str, Any]) -> None:
    gap = f", gap {figures['gap']:.2%}" if figures.get("gap") is not None else ""
    value = f", {figures['incumbent']:.1f} points" if figures.get("incumbent") is not None else ""
    click.echo(f"  {figures['seconds']:6.1f} s  {figures['phase']}{value}{gap}", err=True)


def _today(site: Site) -> dt.date:
    return now().astimezone(ZoneInfo(site.time_zone)).date()


def describe_run(session: Session, run: PlanRun) -> tuple[dict[str, Any], list[str]]:
    """Return a run and its plan as data and as lines for a person."""
    result: dict[str, Any] = {
        "run": run.id,
        "site": run.site.code,
        "day": run.day_on.isoformat(),
        "status": run.status,
        "objective": run.objective,
        "bound": run.bound,
        "gap": run.gap,
        "seconds": run.seconds,
        "seed": run.seed,
        "policy": f"{run.policy.code} {run.policy.number}",
        "message": (run.answer or {}).get("message") or None,
        "conflicts": run.conflict or [],
    }
    lines = [f"Run {run.id}, {run.site.name}, {run.day_on:%a %-d %b %Y}: {status_words(run.status)}."]
    if result["message"]:
        lines.append(f"  {result['message']}")
    lines += [f"  These cannot all hold: {each}" for each in runs.conflict_words(session, run)]
    if run.plan is not None:
        more, plan_lines = describe_plan(session, run.plan)
        result |= more
        lines += plan_lines
    return result, lines


def describe_plan(session: Session, plan: Plan) -> tuple[dict[str, Any], list[str]]:
    """Return a plan's headline as data and as lines for a person."""
    figures, run = plans.headline(session, plan), plan.run
    result: dict[str, Any] = {
        "plan": plan.id,
        "state": plan.state.value,
        "assigned": figures.assigned,
        "unassigned": figures.unassigned,
        "served_share": figures.served_share,
        "forecast_minutes": round(figures.forecast_minutes, 1),
        "kept_minutes": round(figures.kept_minutes, 1),
        "kept_share": figures.kept_share,
        "occupancy": figures.occupancy,
        "agents_on_shift": figures.agents_on_shift,
        "terms": plan.terms,
    }
    lines = [f"Plan {plan.id} ({plan.state.value}), {figures.agents_on_shift} agents on shift."]
    if figures.served_share is not None:
        lines.append(
            f"  Engagements: {figures.assigned} assigned, {figures.unassigned} not ({figures.served_share:.1%} served)."
        )
    if figures.kept_share is not None:
        lines.append(
            f"  Live contacts: {figures.kept_minutes:.0f} of {figures.forecast_minutes:.0f} forecast minutes kept "
            f"({figures.kept_share:.1%})."
        )
    if figures.occupancy is not None:
        lines.append(f"  Planned: {figures.occupancy:.1%} of productive minutes.")
    gap = f", gap {run.gap:.2%}" if run.gap is not None else ""
    bound = f", bound {run.bound:.1f}" if run.bound is not None else ""
    lines.append(f"  Value: {plan.objective:.1f} points{bound}{gap}.")
    lines += [f"    {term_words(term):<16}{points:12.1f}" for term, points in plan.terms.items() if points]
    return result, lines


def _plan_options(command: Any) -> Any:
    for option in (
        click.argument("plan_id", type=int, required=False, metavar="[PLAN]"),
        click.option("--site", "site_code", metavar="CODE"),
        click.option("--day", type=_DAY, metavar="YYYY-MM-DD"),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    ):
        command = option(command)
    return command


@plan_group.command("show")
@_plan_options
@click.option("--assignments", is_flag=True, help="List the assignments as well.")
@click.option("--unassigned", is_flag=True, help="List what is not served, with its cause.")
def show_command(
    *,
    plan_id: int | None,
    site_code: str | None,
    day: dt.datetime | None,
    as_json: bool,
    assignments: bool,
    unassigned: bool,
) -> None:
    """Show a plan by id, or the live or newest one of --site and --day."""
    with get_database().reading() as session:
        plan = _find_plan(session, plan_id, site_code, day)
        result, lines = describe_plan(session, plan)
        zone = ZoneInfo(plan.site.time_zone)
        if assignments:
            rows = plans.list_assignments(session, plan)
            result["assignments"] = [
                {
                    "engagement": row.engagement.external_id,
                    "agent": row.person.external_id,
                    "starts_at": row.starts_at.isoformat(),
                    "minutes": row.minutes,
                    "value": row.value,
                    "pinned": row.pin_id is not None,
                }
                for row in rows
            ]
            lines += [
                f"  {row.starts_at.astimezone(zone):%H:%M}  {row.person.name:<28}{row.engagement.external_id:<20}"
                f"{row.engagement.engagement_type.name}"
                for row in rows
            ]
        if unassigned:
            left = plans.list_unassigned(session, plan)
            result["unassigned_engagements"] = [
                {"engagement": row.engagement.external_id, "cause": row.cause, "detail": row.detail, "fix": row.fix}
                for row in left
            ]
            lines += [f"  {row.engagement.external_id:<20}{row.cause}" for row in left]
        show(result, as_json=as_json, lines=lines)


@plan_group.command("publish")
@_plan_options
@click.option("--as", "email", required=True, help="E-mail address of the person behind it.")
@click.option("--accept-changes", is_flag=True, help="Publish although inputs changed since the run.")
def publish_command(
    *,
    plan_id: int | None,
    site_code: str | None,
    day: dt.datetime | None,
    as_json: bool,
    email: str,
    accept_changes: bool,
) -> None:
    """Make a draft the live plan of its day. Exit code 1 and the list of changes if its inputs are stale."""
    with get_database().transaction() as session:
        plan = _find_draft(session, plan_id, site_code, day)
        by = cli_actor(session, email)
        try:
            publish.publish_plan(session, plan, today=_today(plan.site), by=by)
        except publish.StalePlanError as stale:
            for change in stale.inputs:
                click.echo(f"  {change.subject} {change.text}", err=True)
            for broken in stale.broken:
                click.echo(f"  Broken now: {broken}", err=True)
            if stale.broken or not accept_changes:
                raise
            publish.publish_plan(session, plan, today=_today(plan.site), seen_digest=stale.freshness.digest, by=by)
        result, lines = describe_plan(session, plan)
        show(result, as_json=as_json, lines=["Published.", *lines])


def _find_draft(session: Session, plan_id: int | None, site_code: str | None, day: dt.datetime | None) -> Plan:
    """Return the plan with an id, else the newest plan of a site's day, which need not be the live one."""
    if plan_id is None and site_code is not None and day is not None:
        newest = plans.list_plans(session, find_site(session, site_code), day.date())
        if newest:
            return newest[0]
    return _find_plan(session, plan_id, site_code, day)


@plan_group.command("verify")
@_plan_options
def verify_command(*, plan_id: int | None, site_code: str | None, day: dt.datetime | None, as_json: bool) -> None:
    """Check a stored plan against every rule once more. Exit code 1 if it breaks one."""
    with get_database().reading() as session:
        plan = _find_plan(session, plan_id, site_code, day)
        violations = runs.find_violations(store.load_plan(session, plan))
        show(
            {"plan": plan.id, "violations": [violation.message for violation in violations]},
            as_json=as_json,
            lines=[f"Plan {plan.id}: {len(violations)} violations.", *(f"  {each.message}" for each in violations)],
        )
    sys.exit(1 if violations else 0)


@plan_group.command("score")
@_plan_options
def score_command(*, plan_id: int | None, site_code: str | None, day: dt.datetime | None, as_json: bool) -> None:
    """Hold a plan against the day as it was, beside the plan that spreads everybody's minutes evenly."""
    with get_database().reading() as session:
        plan = _find_plan(session, plan_id, site_code, day)
        score = scoring.score_plan(session, plan)
        zone = ZoneInfo(plan.site.time_zone)
        if score is None:
            raise NotFoundError("No contact of this day is known yet. Import the ACD log of the day first.")
        lines = [
            f"Plan {plan.id}: share of real work that found skilled minutes kept for it.",
            (
                f"  {score.actual_minutes:.0f} minutes of real work: this plan {score.share:.1%}, "
                f"spread evenly {score.even_share:.1%}."
            ),
            f"  {'time':<8}{'real work':>10}{'this plan':>12}{'evenly':>10}",
        ]
        lines += [
            f"  {each.starts_at.astimezone(zone):%H:%M}   {each.actual_minutes:10.0f}"
            f"{_percent(each.share):>12}{_percent(each.even_share):>10}"
            for each in score.intervals
        ]
        lines += [
            f"  {each.name:<30}{each.actual_minutes:8.0f} min{_percent(each.share):>8}{_percent(each.even_share):>10}"
            for each in score.types
        ]
        if score.outside_minutes:
            lines.append(f"  {score.outside_minutes:.0f} more minutes came outside the plan's hours.")
        result = {"plan": plan.id, "state": plan.state.value, **asdict(score)}
        show(result, as_json=as_json, lines=lines)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"
