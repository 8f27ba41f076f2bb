"""A made-up inventory of any size, written by the database itself, and files of levels to import into it."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

from sqlalchemy import Connection, func, select, text

from webapp.db import Base, Database

TODAY = dt.date(2026, 11, 23)
TEAM_SIZE = 200
CATALOGUE = 200
OWN_SKILLS = 60
"""Of the catalogue, counted from where a person's skills begin; the rest is free to be imported."""

_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count}) "
    "{insert} FROM numbers",
    "postgresql": "{insert} FROM generate_series(0, {count} - 1) AS numbers(n)",
}
_KINDS = ("provisional", "claim", "review", "confirm", "interest")


def fill(database: Database, *, people: int, skills: int, events: int) -> None:
    """Write people in teams of 200, with so many skills of the catalogue each and so many events behind each record."""
    with database.engine.begin() as connection:
        if database.is_sqlite:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA synchronous = OFF")
            connection.exec_driver_sql("BEGIN")
        connection.execute(text("INSERT INTO site (id, code, name, time_zone, version) VALUES (1, 'a', 'A', 'UTC', 1)"))
        _write(
            connection,
            people // TEAM_SIZE + 1,
            "team (id, code, name, site_id, version)",
            "n + 1, 't' || n, 'Team ' || n, 1, 1",
        )
        _write(
            connection,
            people,
            "person (id, external_id, name, site_id, team_id, job_title, call_address, is_agent, active, version)",
            f"n + 1, 'p' || n, 'Person ' || n, 1, n / {TEAM_SIZE} + 1, '', '', {_true(database)}, {_true(database)}, 1",
        )
        _write(connection, 10, "skill_group (id, code, name)", "n + 1, 'g' || n, 'Group ' || n")
        _write(
            connection,
            CATALOGUE,
            "skill (id, code, name, kind, group_id, description, certificate_required, version)",
            f"n + 1, 's' || n, 'Skill ' || n, 'product', n % 10 + 1, '', {_false(database)}, 1",
        )
        _write_records(connection, people, skills)
        _write_events(connection, people, skills, events)
        _set_sequences(connection, database)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def skills_together(number: int) -> tuple[int, int]:
    """Return two skills that many people have together, other ones for each number."""
    return number % CATALOGUE + 1, (number + 1) % CATALOGUE + 1


def _true(database: Database) -> str:
    return "1" if database.is_sqlite else "true"


def _false(database: Database) -> str:
    return "0" if database.is_sqlite else "false"


def _write(connection: Connection, count: int, target: str, values: str) -> None:
    statement = _NUMBERS[connection.dialect.name].format(count=count, insert=f"INSERT INTO {target} SELECT {values}")
    if connection.dialect.name == "postgresql":
        # The driver reads a percent sign as the place of a parameter.
        statement = statement.replace("%", "%%")
    connection.exec_driver_sql(statement)


def _skill(pair: str, skills: int) -> str:
    # Neighbours of the catalogue, so that two of them are found together; where they begin differs by person.
    return f"((({pair}) / {skills}) * 7 + ({pair}) % {skills}) % {CATALOGUE} + 1"


def _level(pair: str) -> str:
    return f"(({pair}) * 7 + ({pair}) / 11) % 5 + 1"


def _write_records(connection: Connection, people: int, skills: int) -> None:
    level, day, moment = _level("n"), _day(connection, "2027-06-01"), _moment(connection, "2026-04-01")
    values = {
        "id": "n + 1",
        "person_id": f"n / {skills} + 1",
        "skill_id": _skill("n", skills),
        "claimed_level": level,
        "claimed_at": moment,
        "validated_level": level,
        "validated_at": moment,
        "validated_by": "CASE WHEN n % 10 = 0 THEN 'provisional' ELSE 'review' END",
        "validated_low": level,
        "validated_high": level,
        "reviewed_at": moment,
        "effective_level": level,
        "valid_until": f"CASE WHEN n % 20 = 0 THEN {day} END",
        "changes_on": f"CASE WHEN n % 20 = 0 THEN {day} END",
        "interest": "CASE WHEN n % 9 = 0 THEN 'grow' ELSE 'none' END",
        "used_count": "0",
        "refreshed_on": _day(connection, "2026-05-01"),
        "confirmed_at": moment,
        "version": "1",
    }
    _write(connection, people * skills, f"skill_record ({', '.join(values)})", ", ".join(values.values()))


def _write_events(connection: Connection, people: int, skills: int, events: int) -> None:
    pair = f"(n / {events})"
    values = {
        "id": "n + 1",
        "person_id": f"{pair} / {skills} + 1",
        "skill_id": _skill(pair, skills),
        "kind": "CASE n % 5 " + " ".join(f"WHEN {number} THEN '{name}'" for number, name in enumerate(_KINDS)) + " END",
        "at": _moment(connection, "2026-04-01"),
        "author_id": f"CASE WHEN n % 5 IN (1, 3, 4) THEN {pair} / {skills} + 1 END",
        "level": f"CASE WHEN n % 5 < 3 THEN {_level(pair)} END",
        "interest": "CASE WHEN n % 5 = 4 THEN 'none' END",
        "note": "''",
        "source": "'load'",
        "link": "''",
    }
    _write(connection, people * skills * events, f"skill_event ({', '.join(values)})", ", ".join(values.values()))


def _moment(connection: Connection, day: str) -> str:
    return _literal(connection, f"{day} 09:00:00.000000", "timestamptz")


def _day(connection: Connection, day: str) -> str:
    return _literal(connection, day, "date")


def _literal(connection: Connection, value: str, kind: str) -> str:
    # SQLite keeps moments as text; a cast would make a number of them.
    return f"'{value}'" if connection.dialect.name == "sqlite" else f"CAST('{value}' AS {kind})"


def _set_sequences(connection: Connection, database: Database) -> None:
    if database.is_sqlite:
        return
    for table in ("site", "team", "person", "skill_group", "skill", "skill_record", "skill_event"):
        newest = select(func.max(Base.metadata.tables[table].c.id)).scalar_subquery()
        connection.execute(select(func.setval(func.pg_get_serial_sequence(table, "id"), newest)))


def write_file(path: Path, *, rows: int, people: int) -> None:
    """
    Write a file of levels in skills that the people do not have yet.

    Raises
    ------
    ValueError
        If there are not enough of them.
    """
    each = max(40, -(-rows // people))
    if each > CATALOGUE - OWN_SKILLS:
        raise ValueError(f"{people} people cannot take {rows} levels more.")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["person", "skill", "level", "expires_on"])
        for number in range(rows):
            person, place = divmod(number, each)
            skill = (person * 7 + OWN_SKILLS + place) % CATALOGUE
            writer.writerow([f"p{person}", f"s{skill}", number % 5 + 1, "2027-06-30"])
