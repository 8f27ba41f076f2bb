"""
Many people edit the same rows at once, and every edit that was answered with "saved" must be there.

Each editor reads a role, lets go of it, and saves its upper pay raised by one on the version that was read, as the page
does; who is told that somebody was faster reads again and tries again.  So the upper pay of a role counts its edits,
and what the editors were told is the reference: per role the saves that were acknowledged.  Versions and the audit
trail are counted as well.

``python -m tests.load.editors --editors 64 --edits 200`` runs the full size; ``--rows 1`` lets all edit one role.
``--without-version-check`` takes the check out, to see that this finds it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

from tests import required_services
from tests.factories import NOW
from webapp import schema
from webapp.db import Database
from webapp.errors import ConflictError
from webapp.models import AuditEvent, ServiceRole
from webapp.services import audit, careers, versions
from webapp.services.audit import Actor
from webapp.services.careers import RoleValues

PAY = 40_000
PROCESSES = 2
_BY = Actor(person_id=None, at=NOW, channel="test")


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What the editors did, and what is in the database.

    ``lost`` counts acknowledged edits that are not there, ``extra`` edits that are there though nobody was told so;
    ``refused`` counts saves that met a newer version, ``busy`` those that the database could not take in time.
    """

    saved: int
    lost: int
    extra: int
    refused: int
    busy: int
    broken_at: int | None
    seconds: float

    def as_text(self) -> str:
        """Return it as a line of JSON."""
        figures = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(figures | {"saves_per_second": round(self.saved / self.seconds)})


def prepare(database: Database, rows: int) -> list[int]:
    """Build the roles that are edited, and return their keys."""
    with database.transaction() as session:
        values = RoleValues("Role", 1, 0, PAY, "EUR", "", "", outside=False, requirements=())
        return [
            careers.create_service_role(session, code=f"edited-{number}", values=values, by=_BY).id
            for number in range(rows)
        ]


def _edit(database: Database, role_id: int) -> None:
    """Raise the upper pay of a role by one, on what was read before."""
    with database.reading() as session:
        role = session.get_one(ServiceRole, role_id)
        seen, version, values = careers.describe(role), role.version, careers.values_of(role)
    with database.transaction() as session:
        role = session.get_one(ServiceRole, role_id)
        versions.lock(session, role)
        raised = replace(values, pay_to=values.pay_to + 1)
        careers.update_service_role(session, role, values=raised, version=version, seen=seen, by=_BY)


@dataclass(frozen=True, slots=True)
class Share:
    """What one process does: its editors, the edits of each, the roles, and whether the check is taken out."""

    url: str
    role_ids: list[int]
    editors: int
    edits: int
    seed: int
    broken: bool


def _work(share: Share, answers: Any) -> None:
    """Let the editors of one process work, and hand back what they were told."""
    if share.broken:
        vars(careers)["require_version"] = lambda *_args, **_kwargs: None
    database, told = Database(share.url), Counter[Any]()
    lock = threading.Lock()

    def work(number: int) -> None:
        chance, mine = random.Random(share.seed * 1000 + number), Counter[Any]()
        done = tries = 0
        while done < share.edits:
            role_id = chance.choice(share.role_ids)
            try:
                _edit(database, role_id)
            except (ConflictError, StaleDataError):
                mine["refused"] += 1
                # Who was slower looks at what is there now, which takes a moment, and longer the oftener it happens:
                # otherwise all wait for the row at once, and all but the first of them in vain.
                tries += 1
                time.sleep(chance.random() * 0.02 * 2 ** min(tries, 7))
            except OperationalError:
                mine["busy"] += 1
            else:
                mine[role_id] += 1
                done, tries = done + 1, 0
        with lock:
            told.update(mine)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(share.editors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.dispose()
    answers.put(dict(told))


def run(
    database: Database,
    url: str,
    *,
    editors: int,
    edits: int,
    rows: int,
    broken: bool = False,
    processes: int = PROCESSES,
) -> Outcome:
    """Let editors work at once in several processes, and compare what they were told with what is there."""
    role_ids = prepare(database, rows)
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    shares = [
        Share(url, role_ids, len(range(number, editors, processes)), edits, number, broken)
        for number in range(min(processes, editors))
    ]
    began = time.monotonic()
    workers = [context.Process(target=_work, args=(share, answers)) for share in shares]
    for worker in workers:
        worker.start()
    told = sum((Counter(answers.get()) for _ in workers), Counter[Any]())
    for worker in workers:
        worker.join()
    return _compare(database, role_ids, told, seconds=time.monotonic() - began)


def _compare(database: Database, role_ids: list[int], told: Counter[Any], *, seconds: float) -> Outcome:
    lost = extra = 0
    with database.reading() as session:
        logged = dict(
            session.execute(
                select(AuditEvent.subject_id, func.count())
                .where(AuditEvent.action == "update_service_role")
                .group_by(AuditEvent.subject_id)
            ).all()
        )
        for role_id in role_ids:
            role = session.get_one(ServiceRole, role_id)
            for found in (role.pay_to - PAY, role.version - 1, logged.get(role_id, 0)):
                lost += max(0, told[role_id] - found)
                extra += max(0, found - told[role_id])
        broken_at = audit.verify_chain(session).broken_at
    return Outcome(
        saved=sum(told[role_id] for role_id in role_ids),
        lost=lost,
        extra=extra,
        refused=told["refused"],
        busy=told["busy"],
        broken_at=broken_at,
        seconds=seconds,
    )


def main() -> None:
    """Run the sizes that are asked for on both kinds of database and print what came of it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--editors", type=int, default=64)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--processes", type=int, default=PROCESSES, help="Each takes up to 30 connections.")
    parser.add_argument("--without-version-check", action="store_true")
    chosen = parser.parse_args()
    for kind in chosen.database:
        for rows in chosen.rows:
            sizes = {"editors": chosen.editors, "edits": chosen.edits, "rows": rows}
            outcome = _on(kind, partial(run, broken=chosen.without_version_check, processes=chosen.processes, **sizes))
            print(kind, json.dumps(sizes), outcome.as_text(), flush=True)  # noqa: T201


def _on(kind: str, work: Callable[[Database, str], Outcome]) -> Outcome:
    if kind == "postgresql":
        with required_services.temporary_database(required_services.find_postgresql()) as url:
            return _upgraded(url, work)
    folder = Path(tempfile.mkdtemp(prefix="editors-"))
    try:
        return _upgraded(f"sqlite:///{folder / 'mainstay.db'}", work)
    finally:
        shutil.rmtree(folder)


def _upgraded(url: str, work: Callable[[Database, str], Outcome]) -> Outcome:
    database = Database(url)
    schema.upgrade(database)
    try:
        return work(database, url)
    finally:
        database.dispose()


if __name__ == "__main__":
    main()
