"""
How much faster two Celery workers plan twenty sites than one, and whether they find the same value.

``python -m tests.load.fan_out`` builds the sites in a database of its own, plans them by one worker and by two in turn,
and prints the seconds from the first part's begin to the last part's end, the whole time, the value and the ratio. It
needs PostgreSQL and Redis, as the tests find them.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import redis
from sqlalchemy import select

from tests import required_services, running
from tests.factories import Make
from webapp import schema
from webapp.db import Database
from webapp.models import EngagementType, Job, Person, Site, Skill
from webapp.services import job_workers
from webapp.services.audit import Actor
from webapp.services.planning import fan_out
from webapp.services.planning.runs import RunRequest

SKILLS = 8
GAP = 0.002
LONGEST_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Measured:
    """One request: seconds of the parts, of the whole, and the points of all plans."""

    parts_seconds: float
    whole_seconds: float
    points: float
    plans: int


def build(database: Database, *, sites: int, agents: int, engagements: int, day_on: dt.date, seed: int) -> int:
    """Build sites that share nothing but skills, and return the person who asks."""
    chance = random.Random(seed)
    with database.writing() as session:
        make = Make(session)
        skills = [make.skill(name=f"Skill {number}") for number in range(SKILLS)]
        kinds = [
            make.engagement_type(name=f"Mail {number}", requires={skill: 2}, handle_minutes=12.0 + 3 * number)
            for number, skill in enumerate(skills)
        ]
        admin = make.person(name="Planner", is_agent=False)
        for number in range(sites):
            size = (agents, engagements)
            _build_site(make, number, skills, kinds, size=size, day_on=day_on, chance=chance)
        make.commit()
        return admin.id


def _build_site(
    make: Make,
    number: int,
    skills: list[Skill],
    kinds: list[EngagementType],
    *,
    size: tuple[int, int],
    day_on: dt.date,
    chance: random.Random,
) -> None:
    site = make.site(code=f"site-{number}", time_zone="UTC")
    midnight = dt.datetime.combine(day_on, dt.time(), dt.UTC)
    for _ in range(size[0]):
        agent: Person = make.person(site=site)
        for skill in chance.sample(skills, 3):
            make.record(agent, skill, chance.randint(2, 5))
        make.shift(agent, starts_at=midnight + dt.timedelta(hours=chance.randint(7, 11)), hours=8)
    for position in range(size[1]):
        begin = midnight + dt.timedelta(hours=chance.randint(7, 13))
        make.engagement(
            chance.choice(kinds),
            external_id=f"{number}-{position}",
            site=site,
            priority=chance.randint(1, 5),
            earliest_at=begin,
            due_at=begin + dt.timedelta(hours=chance.randint(1, 5)),
        )


def measure(database: Database, *, person_id: int, workers: int, settings: dict[str, str], day_on: dt.date) -> Measured:
    """Plan all sites by so many workers."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        address = database.url.render_as_string(hide_password=False)
        for _ in range(workers):
            stack.enter_context(running.worker(address, folder, **settings))
            time.sleep(0.01)
        _wait(lambda: _places(database) >= workers)
        with database.transaction() as session:
            sites = session.scalars(select(Site).where(Site.code.startswith("site-"))).all()
            by = Actor(person_id=person_id, at=running.now(), channel="cli")
            request = RunRequest(time_limit_seconds=60, gap=GAP)
            job_id = fan_out.request_many(session, sites, [day_on], request=request, by=by).job.id
        began = time.monotonic()
        _wait(lambda: _ended(database, job_id))
        whole = time.monotonic() - began
    with database.reading() as session:
        parts = session.scalars(select(Job).where(Job.parent_id == job_id)).all()
        first = min(part.started_at for part in parts if part.started_at)
        last = max(part.ended_at for part in parts if part.ended_at)
        plans = [run.plan for run in fan_out.list_current(session, job_id) if run.plan is not None]
        return Measured((last - first).total_seconds(), whole, sum(plan.objective for plan in plans), len(plans))


def _places(database: Database) -> int:
    with database.reading() as session:
        return job_workers.count_places(session, at=running.now())


def _ended(database: Database, job_id: int) -> bool:
    with database.reading() as session:
        return session.get_one(Job, job_id).state.ended


def _wait(happened: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + LONGEST_SECONDS
    while not happened():
        if time.monotonic() > ends_at:
            raise TimeoutError(f"Nothing happened within {LONGEST_SECONDS} s.")
        time.sleep(0.1)


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--agents", type=int, default=25)
    parser.add_argument("--engagements", type=int, default=220)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--redis", type=int, default=14, help="Number of the Redis database; it is emptied.")
    chosen = parser.parse_args()
    broker = f"{required_services.find_redis()}/{chosen.redis}"
    settings = {"MAINSTAY_EXECUTOR": "celery", "CELERY_BROKER_URL": broker}
    day_on = running.now().date() + dt.timedelta(days=1)
    with required_services.temporary_database(required_services.find_postgresql()) as url:
        database = Database(url)
        schema.upgrade(database)
        shape = {"sites": chosen.sites, "agents": chosen.agents, "engagements": chosen.engagements}
        person_id = build(database, **shape, day_on=day_on, seed=chosen.seed)
        found: dict[int, list[Measured]] = {1: [], 2: []}
        for _ in range(chosen.rounds):
            for workers, measured in found.items():
                with redis.Redis.from_url(broker) as client:
                    client.flushdb()
                each = measure(database, person_id=person_id, workers=workers, settings=settings, day_on=day_on)
                measured.append(each)
                click.echo(
                    f"{workers} worker(s): parts {each.parts_seconds:.1f} s, whole {each.whole_seconds:.1f} s, "
                    f"{each.plans} plans, {each.points:.1f} points"
                )
        database.dispose()
    one, two = (statistics.median(each.parts_seconds for each in found[number]) for number in (1, 2))
    points = [each.points for runs in found.values() for each in runs]
    click.echo(
        f"ratio {one / two:.2f}; value differs by {(max(points) - min(points)) / max(points):.3%}, gap {GAP:.1%}"
    )


if __name__ == "__main__":
    main()
