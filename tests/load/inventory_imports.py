"""What the benchmark runs in processes of their own: a bare insert, an import, and a writer beside it."""

from __future__ import annotations

import csv
import datetime as dt
import json
import resource
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, select, update

from tests.load.inventory_data import TODAY
from webapp.db import Base, Database
from webapp.jobs.staged import StagedImport
from webapp.models import (
    ImportKind,
    ImportState,
    Interest,
    Person,
    Skill,
    SkillEventKind,
)
from webapp.services.audit import Actor
from webapp.services.importing import batches

NOW = dt.datetime.combine(TODAY, dt.time(9), tzinfo=dt.UTC)
ROWS_AT_ONCE = 5_000
EVENTS, RECORDS, BATCHES = (Base.metadata.tables[name] for name in ("skill_event", "skill_record", "import_batch"))


def bare(database: Database, path: Path) -> dict[str, float]:
    """Insert the events and records of a file as fast as the database takes them, without any check."""
    with database.reading() as session:
        people = dict(session.execute(select(Person.external_id, Person.id)).all())
        skills = dict(session.execute(select(Skill.code, Skill.id)).all())
        newest = session.scalar(select(func.max(EVENTS.c.id))), session.scalar(select(func.max(RECORDS.c.id)))
    began = time.perf_counter(), time.process_time()
    with database.transaction() as session:
        connection = session.connection()
        for rows in _parts(path):
            pairs = [(people[row["person"]], skills[row["skill"]], int(row["level"])) for row in rows]
            connection.execute(EVENTS.insert(), [_event(*pair) for pair in pairs])
            connection.execute(RECORDS.insert(), [_record(*pair) for pair in pairs])
    spent = _spent(*began)
    with database.transaction() as session:
        connection = session.connection()
        connection.execute(delete(EVENTS).where(EVENTS.c.id > newest[0]))
        connection.execute(delete(RECORDS).where(RECORDS.c.id > newest[1]))
    return spent


def _spent(began: float, began_working: float) -> dict[str, float]:
    return {"seconds": time.perf_counter() - began, "work": time.process_time() - began_working}


def _parts(path: Path) -> Iterator[list[dict[str, str]]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        while rows := list(islice(reader, ROWS_AT_ONCE)):
            yield rows


def _event(person_id: int, skill_id: int, level: int) -> dict[str, Any]:
    return {
        "person_id": person_id,
        "skill_id": skill_id,
        "kind": SkillEventKind.PROVISIONAL,
        "at": NOW,
        "level": level,
        "expires_on": dt.date(2027, 6, 30),
        "note": "",
        "source": "bare",
        "link": "",
    }


def _record(person_id: int, skill_id: int, level: int) -> dict[str, Any]:
    return {
        "person_id": person_id,
        "skill_id": skill_id,
        "validated_level": level,
        "validated_at": NOW,
        "validated_by": SkillEventKind.PROVISIONAL,
        "validated_low": level,
        "validated_high": level,
        "effective_level": level,
        "valid_until": dt.date(2027, 6, 30),
        "changes_on": dt.date(2027, 6, 30),
        "interest": Interest.NONE,
        "used_count": 0,
        "refreshed_on": TODAY,
        "version": 1,
    }


def import_file(database: Database, path: Path) -> dict[str, float]:
    """Import a file with all checks, from its upload to the last record."""
    by = Actor(person_id=None, at=NOW, channel="cli")
    began = time.perf_counter(), time.process_time()
    with database.transaction() as session:
        batch = batches.upload(
            session, kind=ImportKind.RECORDS, file_name=path.name, content=path.read_bytes(), viewer=None, by=by
        )
        session.flush()
        session.expire(batch, ["content"])
        batch_id = batch.id
    staged = StagedImport(database, batch_id, viewer=None, by=by)
    report = staged.write()
    staged.project()
    spent = _spent(*began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert report.total.new == report.rows
    return {**spent, "peak_mb": peak}


def forget(database: Database) -> dict[str, float]:
    """Remove what was imported, so that the next file is as new."""
    own = EVENTS.c.import_batch_id.is_not(None)
    with database.transaction() as session:
        connection = session.connection()
        pairs = connection.execute(select(EVENTS.c.person_id, EVENTS.c.skill_id).where(own)).all()
        people = sorted({person for person, _ in pairs})
        for start in range(0, len(people), 1000):
            connection.execute(
                delete(RECORDS).where(
                    RECORDS.c.person_id.in_(people[start : start + 1000]),
                    RECORDS.c.validated_by == SkillEventKind.PROVISIONAL,
                    RECORDS.c.valid_until == dt.date(2027, 6, 30),
                )
            )
        connection.execute(delete(EVENTS).where(own))
        connection.execute(update(BATCHES).values(state=ImportState.UNDONE))
    return {}


def probe(database: Database) -> dict[str, float]:
    """Write a row now and then, as people do, until the input ends; return how long the longest took."""
    ended = threading.Event()
    threading.Thread(target=_await_end, args=(ended,), daemon=True).start()
    waits: list[float] = []
    number = 0
    while not ended.wait(0.05):
        number += 1
        began = time.perf_counter()
        with database.engine.execution_options(mainstay_writes=True).begin() as connection:
            table = Base.metadata.tables["person"]
            person = number % 500 + 1
            connection.execute(update(table).where(table.c.id == person).values(job_title=f"{number}"))
        waits.append(time.perf_counter() - began)
    return {"longest": max(waits, default=0.0), "writes": len(waits)}


def _await_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def main() -> None:
    """Run one command on one database and print what it found as JSON."""
    command, url, path = sys.argv[1:]
    database = Database(url)
    match command:
        case "bare":
            found = bare(database, Path(path))
        case "import":
            found = import_file(database, Path(path))
        case "forget":
            found = forget(database)
        case _:
            found = probe(database)
    sys.stdout.write(json.dumps(found))
    database.dispose()


if __name__ == "__main__":
    main()
