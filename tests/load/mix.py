"""
The load that a centre makes: a stated mix of pages and writes, beside a bare page, an import and an optimisation.

``python -m tests.load.mix`` makes up the demo's company (two sites, about 80 people, today's plans of 900 engagements,
half a year of skill history), serves it as docs/operations.md says and prints the figures.  SQLite is one ``mainstay
serve`` that runs jobs as well; ``--database postgresql`` is gunicorn with two workers, Redis and two Celery workers.

Eight clients ask without pause, that is up to saturation, each request as somebody else of the 80 and over a connection
of its own, so that nothing can be kept for the person.  Of a hundred requests are:

======================================  ==  =============================================  ==
My day                                  30  a record of somebody, as an admin               6
My skills                               10  who can: a skill at level 2, as HR              5
one's notices                            5  the board of today, as an admin                 4
heat map of a lead's team                8  the plans of a site's day, as an admin          3
a lead's reviews                         5  a list of 50 people or engagements by the API   9
confirm a record                         5  a contact that arrives or ends, by the API      5
accept or decline a piece of work        5
======================================  ==  =============================================  ==

Windows take turns: a bare line and a bare table of Flask (``tests/load/mix_bare.py``) on the same server software with
as many threads, then the mix alone; the bare pages, then the mix beside one import and one optimisation after the
other; the same with open pages, as many of them on streams as there is room for, the others asking.  So whatever else
the machine does falls on each alike.  ``cpu`` is the processor time of the server's processes by request, which others
on the machine change least; solvers and Celery's workers are not in it, PostgreSQL's processes neither.

In the end the database must hold everything that was acknowledged: each confirmation, the last answer to each piece of
work, each contact, and an unbroken audit chain.  The program ends with 1 if it does not, or if an answer was an error;
``--strict`` also if a figure of RELIABILITY is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from tests import required_services, running
from tests.load import live_pages, mix_client, mix_count, mix_servers, mix_site
from tests.load.mix_client import READS, WRITES, Outcome
from tests.load.mix_servers import Servers
from tests.load.mix_work import Work
from webapp import schema
from webapp.db import Database
from webapp.models import Job, JobState

CLIENTS = 8
BARE_SHARE = 0.25
SQLITE_LEAST_PER_SECOND = 50.0
READS_P99_SECONDS = 0.5
LEAST_SHARE_OF_BARE = 0.25
MOST_ERRORS = 0.0001
LONGEST_REST_SECONDS = 90.0
LOOK_SECONDS = 1.0
LONGEST_WRITE_SECONDS = 15.0
"""A write waits ten seconds for others at most; the rest is for the page itself."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    seconds: float = 30.0
    streams: int = 32
    pages: int = 400
    rows: int = 2000
    solve_seconds: float = 20.0
    clients: int = CLIENTS
    processes: int = 1
    small: bool = False


@dataclass(slots=True)
class Window:
    """What one window of the mix showed, beside the bare pages just before it."""

    name: str
    seconds: float
    outcome: Outcome
    cpu_seconds: float
    bare_per_second: float
    table_per_second: float
    bare_cpu_ms: float

    def figures(self) -> dict[str, Any]:
        """Return its figures."""
        reads = sorted(each for name in READS for each in self.outcome.seconds.get(name, ()))
        writes = sorted(each for name in WRITES for each in self.outcome.seconds.get(name, ()))
        count = len(reads) + len(writes)
        per_second = count / self.seconds
        return {
            "window": self.name,
            "requests": count,
            "per_second": round(per_second, 1),
            "bare_per_second": round(self.bare_per_second, 1),
            "table_per_second": round(self.table_per_second, 1),
            "share_of_bare": round(per_second / self.bare_per_second, 3),
            "share_of_table": round(per_second / self.table_per_second, 3),
            "cpu_ms": round(1000 * self.cpu_seconds / max(1, count), 2),
            "bare_cpu_ms": round(self.bare_cpu_ms, 2),
            "reads_ms": _spread(reads),
            "writes_ms": _spread(writes),
            "busy": len(self.outcome.busy),
            "longest_busy_s": round(max(self.outcome.busy, default=0.0), 2),
            "busy_without_retry_after": self.outcome.busy_without_advice,
            "errors": len(self.outcome.errors),
            "median_ms": {
                name: round(1000 * sorted(each)[len(each) // 2], 1)
                for name, each in sorted(self.outcome.seconds.items())
            },
        }


def _spread(ordered: list[float]) -> dict[str, float]:
    if not ordered:
        return {}
    places = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    found = {name: round(1000 * ordered[int(len(ordered) * place)], 1) for name, place in places.items()}
    return found | {"most": round(1000 * ordered[-1], 1), "count": len(ordered)}


@dataclass(slots=True)
class Report:
    """All windows, what happened beside them, and what is missing in the end."""

    database: str
    windows: list[Window] = field(default_factory=list)
    seen: Outcome = field(default_factory=Outcome)
    lost: list[str] = field(default_factory=list)
    beside: dict[str, Any] = field(default_factory=dict)

    def missed(self) -> list[str]:
        """Return each figure of RELIABILITY that was missed, in words."""
        found = []
        for each in (window.figures() for window in self.windows):
            where = f"{each['window']}: "
            if self.database == "sqlite":
                if each["per_second"] < SQLITE_LEAST_PER_SECOND:
                    found.append(f"{where}{each['per_second']} requests a second, not {SQLITE_LEAST_PER_SECOND:g}")
                if each["reads_ms"].get("p99", 0) > 1000 * READS_P99_SECONDS:
                    found.append(f"{where}reads took {each['reads_ms']['p99']} ms at p99")
            elif each["share_of_bare"] < LEAST_SHARE_OF_BARE:
                found.append(f"{where}{each['share_of_bare']} of the bare page's rate, not {LEAST_SHARE_OF_BARE}")
            if each["longest_busy_s"] > LONGEST_WRITE_SECONDS:
                found.append(f"{where}a request waited {each['longest_busy_s']} s to be told to come again")
        return found

    def broken(self) -> list[str]:
        """Return what must never be: lost effects, errors, a refusal that does not say when to come again."""
        requests = sum(len(each) for each in self.seen.seconds.values())
        errors = self.seen.errors if len(self.seen.errors) > MOST_ERRORS * requests else []
        silent = self.seen.busy_without_advice
        return [*self.lost, *errors[:20], *([f"{silent} answers 503 without Retry-After"] if silent else [])]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "database": self.database,
            "load_of_the_machine": round(os.getloadavg()[0], 1),
            "windows": [window.figures() for window in self.windows],
            "beside": self.beside,
            "acknowledged": {
                "confirmations": sum(self.seen.confirmed.values()),
                "answers": len(self.seen.answered),
                "contacts": len(self.seen.contacts),
            },
            "broken": self.broken(),
            "missed": self.missed(),
        }


class Measure:
    """Measures one installation, window by window; the clients are a process of their own."""

    def __init__(self, servers: Servers, cast: dict[str, Any], sizes: Sizes, report: Report) -> None:
        self._servers, self._cast, self._sizes, self.report = servers, cast, sizes, report
        self._clients = subprocess.Popen(
            [sys.executable, "-m", mix_client.__name__],
            cwd=running.ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def stop(self) -> None:
        """End the clients."""
        self._clients.communicate(timeout=30)

    def _ask(self, **order: Any) -> Outcome:
        if self._clients.stdin is None or self._clients.stdout is None:
            raise RuntimeError("The clients were started without pipes.")
        self._clients.stdin.write(json.dumps({"clients": self._sizes.clients, **order}) + "\n")
        self._clients.stdin.flush()
        return Outcome.read(json.loads(self._clients.stdout.readline()))

    def bare(self) -> tuple[float, float, float]:
        """Return requests a second of the bare line and of the bare table, and the line's processor milliseconds."""
        seconds, port = self._sizes.seconds * BARE_SHARE, _port(self._servers.bare.url)
        began = self._servers.bare_cpu_seconds()
        lines = len(self._ask(port=port, seconds=seconds, name="bare", path="/bare").seconds["/bare"])
        spent = self._servers.bare_cpu_seconds() - began
        tables = len(self._ask(port=port, seconds=seconds, name="table", path="/table").seconds["/table"])
        return lines / seconds, tables / seconds, 1000 * spent / lines

    def mix(self, name: str, *, bare: tuple[float, float, float]) -> None:
        """Measure the mix once."""
        cpu, began = self._servers.cpu_seconds(), time.monotonic()
        outcome = self._ask(
            port=_port(self._servers.product.url), seconds=self._sizes.seconds, name=name, cast=self._cast
        )
        spent = self._servers.cpu_seconds() - cpu
        window = Window(name, time.monotonic() - began, outcome, spent, *bare)
        self.report.windows.append(window)
        # Whoever waits for the end sees how far it is.
        sys.stderr.write(json.dumps(window.figures()) + "\n")
        self.report.seen.add(outcome)

    def warm_up(self) -> None:
        """Let every process read its templates and open its connections; what is asked counts as everything does."""
        outcome = self._ask(
            port=_port(self._servers.product.url), seconds=self._sizes.seconds / 4, name="warm", cast=self._cast
        )
        self.report.seen.add(outcome)


def await_rest(database: Database) -> None:
    """Wait until no job is at work, for a while at most: a new installation finds its prices first."""
    until = time.monotonic() + LONGEST_REST_SECONDS
    query = select(func.count()).where(Job.state.in_((JobState.RUNNING, JobState.WAITING)))
    while time.monotonic() < until:
        with database.reading() as session:
            if not session.scalar(query):
                return
        time.sleep(LOOK_SECONDS)


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


@contextlib.contextmanager
def open_pages(servers: Servers, cast: dict[str, Any], sizes: Sizes, report: Report) -> Iterator[None]:
    """Hold pages open, each by somebody, as browsers do: a stream where there is room, else a question now and then."""
    context = multiprocessing.get_context("spawn")
    manager = context.Manager()
    told, ready, over, answers = manager.dict(), context.Event(), context.Event(), context.Queue()
    agents, leads = cast["roles"]["agent"], cast["roles"]["lead"]
    shown = [("/heat-map", leads[number % len(leads)]) for number in range(sizes.pages // 20)]
    shown += [
        (("/day", "/my/skills")[number % 2], agents[number % len(agents)]) for number in range(sizes.pages - len(shown))
    ]
    random.Random(7).shuffle(shown)
    addresses = [(path, cast["cookies"][str(key)]) for path, key in shown]
    settle = 1.0 if sizes.small else live_pages.SETTLE_SECONDS
    holder = context.Process(
        target=live_pages.hold_open,
        args=(_port(servers.product.url), addresses, told, ready, over, answers),
        kwargs={"settle_seconds": settle},
        daemon=True,
    )
    holder.start()
    if not ready.wait(timeout=600):
        raise RuntimeError("The pages could not be opened in time.")
    try:
        yield
    finally:
        over.set()
        report.beside["open_pages"] = answers.get(timeout=60)[0]
        holder.join(timeout=30)


def measure(url: str, folder: Path, *, sizes: Sizes, redis_url: str = "") -> Report:
    """Build, serve, measure, count."""
    database = Database(url)
    schema.upgrade(database)
    # Another process reads it: keys of JSON are words.
    cast = json.loads(json.dumps(mix_site.build(database, url, small=sizes.small).as_dict()))
    before = mix_count.count_confirmations(database)
    report = Report("sqlite" if database.is_sqlite else "postgresql")
    work = Work(database, rows=sizes.rows, seconds=sizes.solve_seconds)
    with mix_servers.start(
        url, folder, redis_url=redis_url, streams=sizes.streams, processes=sizes.processes
    ) as servers:
        report.beside["workers_give_way"] = servers.light
        measuring = Measure(servers, cast, sizes, report)
        measuring.warm_up()
        await_rest(database)
        measuring.mix("alone", bare=measuring.bare())
        bare = measuring.bare()
        with work.under_way():
            measuring.mix("import and optimisation", bare=bare)
        bare = measuring.bare()
        with open_pages(servers, cast, sizes, report), work.under_way():
            measuring.mix(f"import, optimisation and {sizes.pages} open pages", bare=bare)
        measuring.stop()
    report.beside |= {"imports": work.done.imports, "rows": work.done.rows, "plans": work.done.plans}
    report.beside["failed_jobs"] = work.done.failed
    report.lost = mix_count.find_lost(database, report.seen, before=before)
    database.dispose()
    return report


def main() -> None:
    """Measure on one kind of database and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each window of the mix")
    parser.add_argument("--streams", type=int, default=400, help="pages that are open for live updates")
    parser.add_argument("--processes", type=int, default=1, help="of the server on SQLite; 1 is mainstay serve")
    parser.add_argument("--small", action="store_true", help="six agents and short windows: whether it works at all")
    parser.add_argument("--strict", action="store_true", help="end with 1 if a figure is missed")
    chosen = parser.parse_args()
    sizes = Sizes(seconds=chosen.seconds, pages=chosen.streams, processes=chosen.processes)
    if chosen.small:
        sizes = Sizes(seconds=4.0, pages=20, streams=8, rows=50, solve_seconds=1.0, clients=3, small=True)
    with tempfile.TemporaryDirectory(prefix="mix-") as name, contextlib.ExitStack() as stack:
        folder, redis_url = Path(name), ""
        url = f"sqlite:///{folder / 'mainstay.db'}"
        if chosen.database == "postgresql":
            server = required_services.find_postgresql()
            url = stack.enter_context(required_services.temporary_database(server))
            redis_url = required_services.redis_database_url(required_services.find_redis(), "gw12")
        report = measure(url, folder, sizes=sizes, redis_url=redis_url)
    sys.stdout.write(json.dumps(report.as_dict(), indent=2) + "\n")
    sys.exit(1 if report.broken() or (chosen.strict and report.missed()) else 0)


if __name__ == "__main__":
    main()
