"""
A call log replayed through the server, shuffled and doubled, against the import of the same log in order.

The log is imported: that is the ordered reference.  Then a source is connected for each round, and ``mainstay intake
replay`` sends the log's calls to a real server on the loopback as arrivals, answers and ends, each late by its own time
and up to five times, by several threads.  In the end the contacts of every round must be those of the reference, column
by column.

``python -m tests.load.replay LOG --from 2010-08-01 --until 2010-08-07`` runs it on SQLite, ``--database postgresql`` on
PostgreSQL.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tests import required_services, running
from tests.factories import Make
from tests.factories.intake import SECRET, connect
from webapp import schema
from webapp.db import Database
from webapp.models import Contact, Engagement, EngagementType, IntakeEvent, IntakeState, Site
from webapp.services import zones

SITE = "bank"
ZONE = "Asia/Jerusalem"
_COLUMNS = (
    Contact.site_id,
    Contact.engagement_type_id,
    Contact.person_id,
    Contact.customer_key,
    Contact.arrived_at,
    Contact.served_at,
    Contact.ended_at,
    Contact.wait_seconds,
    Contact.outcome,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """How the contacts of a round differ from those that were imported in order; ``failed`` counts events."""

    contacts: int
    missing: int
    strange: int
    different: int
    failed: int
    engagements: int

    @property
    def none(self) -> bool:
        """Whether there are contacts, and they are the same."""
        return self.contacts > 0 and not (
            self.missing or self.strange or self.different or self.failed or self.engagements
        )


def prepare(database: Database, url: str, log: Path, *, rounds: int, time_zone: str = ZONE) -> list[str]:
    """Import the log in order, which is the reference; return the path of a source for each round."""
    with database.writing() as session:
        make = Make(session)
        site_id = make.site(code=SITE, name="Bank", time_zone=time_zone).id
        make.commit()
    running.mainstay("import", "acd-log", str(log), "--site", SITE, database_url=url, seconds=600)
    with database.writing() as session:
        make = Make(session)
        kind = session.scalars(select(EngagementType).order_by(EngagementType.id)).first()
        site = session.get_one(Site, site_id)
        sources = [
            connect(make, kind=kind, site=site, preset="contacts", name=f"Round {number}")
            for number in range(1, rounds + 1)
        ]
        make.commit()
        return [f"/hooks/{source.public_id}" for source in sources]


def replay(url: str, served: str, log: Path, *options: str, prefix: str, expected: Sequence[int] = (0,)) -> Any:
    """Run the command that a user would run, and return what it printed."""
    words = ["intake", "replay", str(log), "--site", SITE, "--to", served, "--secret", SECRET, "--prefix", prefix]
    return running.mainstay_json(*words, *options, database_url=url, expected=expected, seconds=7200)


def compare(database: Database, *, prefix: str, begin: dt.datetime, end: dt.datetime) -> Difference:
    """Return how a round's contacts differ from those that the import wrote of the same hours."""
    with database.reading() as session:
        site_id = session.scalars(select(Site.id).where(Site.code == SITE)).one()
        rows = session.execute(
            select(Contact.external_id, *_COLUMNS).where(
                Contact.site_id == site_id, Contact.arrived_at >= begin, Contact.arrived_at < end
            )
        ).all()
        failed = session.scalar(select(func.count(IntakeEvent.id)).where(IntakeEvent.state == IntakeState.FAILED))
        engagements = session.scalar(select(func.count(Engagement.id)))
    reference = {key: tuple(values) for key, *values in rows if key.startswith(f"{SITE}:")}
    replayed = {key.removeprefix(prefix): tuple(values) for key, *values in rows if key.startswith(prefix)}
    return Difference(
        contacts=len(reference),
        missing=len(reference.keys() - replayed.keys()),
        strange=len(replayed.keys() - reference.keys()),
        different=sum(replayed[key] != reference[key] for key in reference.keys() & replayed.keys()),
        failed=failed or 0,
        engagements=engagements or 0,
    )


def run(url: str, log: Path, options: Sequence[str], *, first: dt.date, last: dt.date, rounds: int = 2) -> bool:
    """Replay some days several times on an empty database, print the figures, and return whether all are equal."""
    database = Database(url)
    schema.upgrade(database)
    paths = prepare(database, url, log, rounds=rounds)
    begin, end = zones.day_bounds(first, ZONE)[0], zones.day_bounds(last, ZONE)[1]
    days = ("--from", first.isoformat(), "--until", last.isoformat())
    equal = True
    with tempfile.TemporaryDirectory() as folder, running.server(url, Path(folder)) as served:
        for number, path in enumerate(paths, start=1):
            prefix = f"round-{number}:"
            printed = replay(
                url, f"{served.url}{path}", log, *days, *options, "--seed", str(number), prefix=prefix, expected=(0, 1)
            )
            found = compare(database, prefix=prefix, begin=begin, end=end)
            equal = equal and found.none and not printed["differences"]
            sys.stdout.write(f"{database.engine.dialect.name}, round {number}: {json.dumps(printed)}\n  {found}\n")
            sys.stdout.flush()
    running.mainstay("audit", "verify", database_url=url, seconds=600)
    database.dispose()
    return equal


def main() -> None:
    """Run it; exit code 1 if anything differs."""
    parser = argparse.ArgumentParser(description="Replay a call log through the server and compare.")
    parser.add_argument("log", type=Path)
    parser.add_argument("--from", dest="first", type=dt.date.fromisoformat, required=True)
    parser.add_argument("--until", dest="last", type=dt.date.fromisoformat, required=True)
    parser.add_argument("--speed", default="0", help="seconds of the log in a second; 0: as fast as possible")
    parser.add_argument("--late", default="60", help="minutes of the log by which messages are late")
    parser.add_argument("--threads", default="4")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    given = parser.parse_args()
    options = ["--speed", given.speed, "--late", given.late, "--threads", given.threads]
    days = {"first": given.first, "last": given.last, "rounds": given.rounds}
    if given.database == "postgresql":
        with required_services.temporary_database(required_services.find_postgresql()) as url:
            equal = run(url, given.log.resolve(), options, **days)
    else:
        with tempfile.TemporaryDirectory(prefix="replay-") as folder:
            equal = run(f"sqlite:///{Path(folder) / 'replay.db'}", given.log.resolve(), options, **days)
    sys.exit(0 if equal else 1)


if __name__ == "__main__":
    main()
