"""
How fast the inventory is beside the bare SQL that it needs: who-can search, profile, heat map and import.

Each ratio is taken side by side in one run; the program ends by itself and leaves nothing behind::

    python -m tests.load.inventory
    python -m tests.load.inventory --people 100000 --databases sqlite,postgresql --imports 10000,100000,300000
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from tests import required_services
from tests.load import inventory_data, inventory_imports
from webapp import schema
from webapp.db import Database
from webapp.models import Person, Role, SkillEvent, SkillRecord, Team
from webapp.services import heat_map, own_skills, who_can
from webapp.services.access import Viewer
from webapp.services.who_can import Search, Wanted

ROOT = Path(__file__).resolve().parent.parent.parent
ADMIN = Viewer(person_id=0, roles=frozenset({Role.ADMIN}))
MOST_HEAT_MAP_SECONDS = 0.3
MOST_RATIO = 2.0
LEAST_SHARE = 0.2
MOST_WAIT_SECONDS = 1.0

_WHO_CAN = """
SELECT person.id, person.external_id, person.name, site.name, team.name,
       one.effective_level, one.validated_by, one.interest, one.valid_until,
       two.effective_level, two.validated_by, two.interest, two.valid_until
FROM skill_record AS one
JOIN skill_record AS two ON two.person_id = one.person_id AND two.skill_id = :two AND two.effective_level >= 3
JOIN person ON person.id = one.person_id AND person.active
JOIN site ON site.id = person.site_id
LEFT JOIN team ON team.id = person.team_id
WHERE one.skill_id = :one AND one.effective_level >= 4
  AND (one.changes_on IS NULL OR one.changes_on > :today) AND (two.changes_on IS NULL OR two.changes_on > :today)
ORDER BY one.effective_level + two.effective_level DESC, person.name
"""

_PROFILE = """
SELECT skill_record.*, skill.*, skill_group.*
FROM skill_record
JOIN skill ON skill.id = skill_record.skill_id
LEFT JOIN skill_group ON skill_group.id = skill.group_id
WHERE skill_record.person_id = :person
ORDER BY skill_group.name IS NULL, skill_group.name, skill.name
"""


def main() -> None:
    """Measure what the arguments ask for, on each kind of database."""
    options = _parse()
    failed = False
    for kind in options.databases.split(","):
        with tempfile.TemporaryDirectory(prefix="mainstay-load-") as folder, _database(kind, Path(folder)) as database:
            failed |= _measure(kind, database, Path(folder), options)
    sys.exit(1 if failed and options.strict else 0)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the inventory beside bare SQL.")
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--skills", type=int, default=20, help="skills a person")
    parser.add_argument("--events", type=int, default=5, help="events a record")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--databases", default="sqlite")
    parser.add_argument("--imports", default="10000", help="rows of the files that are imported, by commas")
    parser.add_argument("--strict", action="store_true", help="end with exit code 1 if a limit is not kept")
    return parser.parse_args()


@contextlib.contextmanager
def _database(kind: str, folder: Path) -> Iterator[Database]:
    with contextlib.ExitStack() as stack:
        url = f"sqlite:///{folder / 'load.db'}"
        if kind == "postgresql":
            url = stack.enter_context(required_services.temporary_database(required_services.find_postgresql()))
        database = Database(url)
        stack.callback(database.dispose)
        schema.upgrade(database)
        yield database


def _measure(kind: str, database: Database, folder: Path, options: argparse.Namespace) -> bool:
    began = time.perf_counter()
    inventory_data.fill(database, people=options.people, skills=options.skills, events=options.events)
    with database.reading() as session:
        counts = {
            model.__tablename__: session.scalar(select(func.count()).select_from(model))
            for model in (Person, SkillRecord, SkillEvent)
        }
    _say(f"{kind}: {json.dumps(counts)} built in {time.perf_counter() - began:.0f} s")
    kept = [
        _report_ratio("who-can search", _compare(database, options.rounds, _who_can, _bare_who_can)),
        _report_ratio("profile", _compare(database, options.rounds, _profile, _bare_profile)),
        _report_heat_map(database, options.rounds),
    ]
    sizes = [int(size) for size in options.imports.split(",") if size]
    kept += [_report_import(database, folder, rows, people=options.people) for rows in sizes]
    return not all(kept)


Query = Callable[[Any, int], int]


def _compare(database: Database, rounds: int, service: Query, bare: Query) -> tuple[float, float, int]:
    """
    Return the median seconds of both, taken in turns, and how many rows they gave.

    SQLite works in this thread, whose own seconds count, so that it does not matter what else the machine does.
    """
    clock = time.thread_time if database.is_sqlite else time.perf_counter
    seconds: dict[Query, list[float]] = {service: [], bare: []}
    rows = 0
    for number in range(rounds + 2):
        for query in (service, bare):
            with database.reading() as session:
                session.connection()
                began = clock()
                found = query(session, number)
                spent = clock() - began
            # The first rounds fill caches and compile statements.
            if number >= 2:
                seconds[query].append(spent)
            rows = max(rows, found)
    return statistics.median(seconds[service]), statistics.median(seconds[bare]), rows


def _who_can(session: Any, number: int) -> int:
    one, two = inventory_data.skills_together(number)
    search = Search(wanted=(Wanted(one, 4), Wanted(two, 3)), on=inventory_data.TODAY)
    return len(who_can.find_who_can(session, search, viewer=ADMIN))


def _bare_who_can(session: Any, number: int) -> int:
    one, two = inventory_data.skills_together(number)
    today = inventory_data.TODAY.isoformat()
    return len(session.connection().execute(text(_WHO_CAN), {"one": one, "two": two, "today": today}).all())


def _profile(session: Any, number: int) -> int:
    return len(own_skills.list_own_skills(session, number + 1, inventory_data.TODAY))


def _bare_profile(session: Any, number: int) -> int:
    return len(session.connection().execute(text(_PROFILE), {"person": number + 1}).all())


def _report_ratio(name: str, measured: tuple[float, float, int]) -> bool:
    service, bare, rows = measured
    kept = service <= MOST_RATIO * bare
    _say(
        f"  {name}: {service / bare:.2f} × bare SQL ({service * 1000:.1f} and {bare * 1000:.1f} ms, up to {rows} rows; "
        f"limit {MOST_RATIO:g}){_verdict(kept=kept)}"
    )
    return kept


def _report_heat_map(database: Database, rounds: int) -> bool:
    clock = time.thread_time if database.is_sqlite else time.perf_counter
    seconds, cells, staff = [], 0, 0
    with database.reading() as session:
        team_ids = session.scalars(select(Team.id).order_by(Team.id)).all()
    for number in range(rounds + 1):
        with database.reading() as session:
            began = clock()
            team = heat_map.get_team(session, team_ids[number % len(team_ids)], viewer=ADMIN)
            shown = heat_map.build_heat_map(session, team, inventory_data.TODAY, viewer=ADMIN)
            seconds.append(clock() - began)
            cells, staff = max(cells, len(shown.people) * len(shown.rows)), max(staff, len(shown.people))
    high = statistics.quantiles(seconds[1:], n=20)[-1]
    kept = high <= MOST_HEAT_MAP_SECONDS
    _say(
        f"  heat map of {staff} people, {cells:,} cells: 95th percentile {high * 1000:.0f} ms "
        f"(limit {MOST_HEAT_MAP_SECONDS * 1000:.0f}){_verdict(kept=kept)}"
    )
    return kept


def _report_import(database: Database, folder: Path, rows: int, *, people: int) -> bool:
    path = folder / f"records-{rows}.csv"
    inventory_data.write_file(path, rows=rows, people=people)
    bare = _child(database, "bare", path)
    probe = subprocess.Popen(
        _words(database, "probe", path), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    imported = _child(database, "import", path)
    waits = json.loads(probe.communicate(input="end\n", timeout=120)[0])
    _child(database, "forget", path)
    # As with the queries: what SQLite works in these processes, what PostgreSQL takes in all.
    measure = "work" if database.is_sqlite else "seconds"
    share = bare[measure] / imported[measure]
    kept = share >= LEAST_SHARE and waits["longest"] <= MOST_WAIT_SECONDS
    _say(
        f"  import of {rows:,} records: {share:.2f} of the rate of a bare insert of the same rows "
        f"(limit {LEAST_SHARE:g}; {imported[measure]:.1f} and {bare[measure]:.1f} s), other writers waited at most "
        f"{waits['longest']:.2f} s in {waits['writes']} writes (limit {MOST_WAIT_SECONDS:g}), "
        f"peak memory {imported['peak_mb']:.0f} MB{_verdict(kept=kept)}"
    )
    return kept


def _words(database: Database, command: str, path: Path) -> list[str]:
    url = database.url.render_as_string(hide_password=False)
    return [sys.executable, "-m", inventory_imports.__name__, command, url, str(path)]


def _child(database: Database, command: str, path: Path) -> dict[str, float]:
    ended = subprocess.run(_words(database, command, path), cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{command}: {ended.stderr}")
    found: dict[str, float] = json.loads(ended.stdout)
    return found


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _verdict(*, kept: bool) -> str:
    return "" if kept else "  ← NOT KEPT"


if __name__ == "__main__":
    main()
