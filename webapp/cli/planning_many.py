"""``mainstay plan many``: plan several sites and days at once."""

from __future__ import annotations

import datetime as dt
import sys
import time

import click
from sqlalchemy import select

from webapp import create_app
from webapp.cli.console import cli_actor, get_database, now, show
from webapp.cli.planning import find_site, plan_group
from webapp.jobs import build_executor
from webapp.models import Job, JobState, Site
from webapp.services import job_workers, jobs
from webapp.services.planning import fan_out, policies, runs

_LOOK_SECONDS = 0.5


@plan_group.command("many")
@click.option("--site", "site_codes", multiple=True, metavar="CODE", help="A site; can be given several times.")
@click.option("--all-sites", is_flag=True, help="All sites.")
@click.option(
    "--day", type=click.DateTime(formats=["%Y-%m-%d"]), required=True, metavar="YYYY-MM-DD", help="First day."
)
@click.option("--days", type=click.IntRange(1, 31), default=1, show_default=True)
@click.option("--policy", default=policies.DEFAULT, show_default=True, help="Weights and limits by name.")
@click.option("--seconds", type=float, default=30.0, show_default=True, help="Time limit of each day.")
@click.option("--gap", type=float, default=0.001, show_default=True, help="Relative gap at which to stop.")
@click.option("--as", "email", help="E-mail address of the person who asks.")
@click.option("--wait/--no-wait", default=True, help="Wait for the plans, or leave them to the workers.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def many_command(
    *,
    site_codes: tuple[str, ...],
    all_sites: bool,
    day: dt.datetime,
    days: int,
    policy: str,
    seconds: float,
    gap: float,
    email: str | None,
    wait: bool,
    as_json: bool,
) -> None:
    """
    Plan several sites and days as drafts, by the workers that there are, else in this process.

    Exit code 3 if a day has no plan.
    """
    if bool(site_codes) == all_sites:
        raise click.UsageError("Name sites by --site, or take --all-sites.")
    app = create_app(start_jobs=False)
    database = app.extensions["database"]
    with database.transaction() as session:
        sites = (
            list(session.scalars(select(Site).order_by(Site.id)))
            if all_sites
            else [find_site(session, code) for code in dict.fromkeys(site_codes)]
        )
        asked = fan_out.request_many(
            session,
            sites,
            [day.date() + dt.timedelta(days=number) for number in range(days)],
            request=runs.RunRequest(policy=policy, time_limit_seconds=seconds, gap=gap),
            by=cli_actor(session, email),
        )
        job_id, parts = asked.job.id, asked.job.open_parts
        left_out = [f"{site.code} {on}: {reason}" for site, on, reason in asked.left_out]
        alone = not job_workers.count_places(session, at=now())
    if wait:
        executor = build_executor(app) if alone else None
        while not _ended(job_id):
            if executor is None or not executor.run_once():
                time.sleep(_LOOK_SECONDS)
    _show(job_id, parts, left_out, as_json=as_json)


def _ended(job_id: int) -> bool:
    with get_database().reading() as session:
        return session.get_one(Job, job_id).state.ended


def _show(job_id: int, parts: int, left_out: list[str], *, as_json: bool) -> None:
    with get_database().reading() as session:
        job = session.get_one(Job, job_id)
        days = [
            {
                "site": run.site.code,
                "day": run.day_on.isoformat(),
                "plan": run.plan.id,
                "objective": run.plan.objective,
                "gap": run.gap,
            }
            for run in fan_out.list_current(session, job_id)
            if run.plan is not None
        ]
        ended = sum(part.state.ended for part in jobs.list_parts(session, job_id))
    lines = [f"Job {job_id}: {job.state.value}, {ended} of {parts} days have ended."]
    lines += [f"  {each['site']} {each['day']}: plan {each['plan']}, {each['objective']:.1f} points" for each in days]
    lines += [f"  left out: {each}" for each in left_out]
    result = {"job": job_id, "state": job.state.value, "parts": parts, "left_out": left_out, "plans": days}
    show(result | (job.result or {}), as_json=as_json, lines=lines)
    if job.state.ended and job.state is not JobState.DONE:
        sys.exit(3)
