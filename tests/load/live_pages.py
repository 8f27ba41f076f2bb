"""
What open pages cost: a mix of pages beside 400 pages that are kept true, and the same mix without them.

One server on the loopback serves a centre in which somebody claims a level every second.  Clients fetch a mix of pages
as fast as they are answered, alone, beside the open pages, and alone again: as many as there is room for on streams,
the others asking from time to time, each fetching its page again when it is told of a change, all with the pauses of
the script in the browser.  Printed are times of the mix and their ratios, the share of a core that the open pages take
by themselves, and how long after a claim a stream tells of it.

``python -m tests.load.live_pages`` runs it on SQLite, ``--database postgresql`` on PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import random
import re
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask.sessions import SecureCookieSessionInterface

from config import Config
from tests import required_services, running
from tests.factories import Make
from webapp import create_app, schema
from webapp.db import Database
from webapp.models import Account, Person, Role
from webapp.services import records
from webapp.services.audit import Actor
from webapp.web.live_turns import RETRY_SECONDS
from webapp.web.toasts import BACKGROUND

TEAMS, PEOPLE, SKILLS = 10, 200, 8
CLIENTS = 4
SETTLE_SECONDS = 40.0
LEADS_PAGES, AGENTS_PAGES = ("/heat-map", "/reviews"), ("/my/skills", "/notices", "/skills", "/account")
POLL_SECONDS, LONGEST_SECONDS = 4.0, 15.0
_LIVE = re.compile(r'<meta name="live"\s+content="([^"]*)"\s+data-topics="[^"]*"\s+data-cursor="([^"]*)"')


def build(database: Database) -> tuple[list[str], list[str], list[int]]:
    """Build the centre; return cookies of agents and of leads, and the keys of the agents."""
    app = create_app(Config(executor="none"), database=database, start_jobs=False)
    with database.writing() as session:
        make = Make(session)
        skills = [make.skill(name=f"Skill {number}") for number in range(SKILLS)]
        teams = [make.team(name=f"Team {number}") for number in range(TEAMS)]
        agents = [make.person(name=f"Agent {number}", team=teams[number % TEAMS]) for number in range(PEOPLE)]
        leads = [make.person(name=f"Lead {team.name}", team=team, roles=[Role.LEAD], leads=[team]) for team in teams]
        for agent in agents:
            for skill in skills:
                make.record(agent, skill, 2, claimed=3)
        make.commit()
    with database.reading() as session:
        marks = {account.person_id: account.fs_uniquifier for account in session.query(Account)}
    signer: Any = SecureCookieSessionInterface().get_signing_serializer(app)
    cookie = {key: signer.dumps({"_user_id": mark, "_fresh": True}) for key, mark in marks.items()}
    return [cookie[each.id] for each in agents], [cookie[each.id] for each in leads], [each.id for each in agents]


@contextmanager
def claims(database: Database, person_ids: list[int], told: Any) -> Iterator[None]:
    """Let somebody claim a level every second, and note when."""
    over = threading.Event()

    def work() -> None:
        chance = random.Random(1)
        while not over.wait(1.0):
            with database.transaction() as session:
                person = session.get_one(Person, chance.choice(person_ids))
                record = chance.choice([each.skill_id for each in _records(session, person)])
                by = Actor(person.id, running.now(), "test")
                records.claim_level(session, person, skill_id=record, level=chance.randint(1, 5), by=by)
                key = person.id
            told[key] = time.time()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    over.set()
    thread.join()


def _records(session: Any, person: Person) -> list[Any]:
    projections = records.projections_on(session, [person.id], running.now().date())[person.id]
    return [type("Record", (), {"skill_id": skill_id}) for skill_id in projections]


def mix(port: int, agents: list[str], leads: list[str], seconds: float) -> list[float]:
    """Fetch pages by several clients for some time, and return how long each took."""
    times: list[float] = []
    until = time.monotonic() + seconds

    def work(number: int) -> None:
        chance = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < until:
            lead = chance.random() < 0.3
            cookie = chance.choice(leads if lead else agents)
            path = chance.choice(
                ["/heat-map", "/reviews"] if lead else ["/my/skills", "/notices", "/skills", "/account"]
            )
            began = time.monotonic()
            connection.request("GET", path, headers={"Cookie": f"mainstay={cookie}", "Accept": "text/html"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path}: {answer.status}")
            times.append(time.monotonic() - began)
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times


async def _get(port: int, path: str, cookie: str, header: str = "") -> tuple[int, str]:
    """Fetch an address by a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET {path} HTTP/1.0\r\nHost: x\r\nCookie: mainstay={cookie}\r\nAccept: */*\r\n{header}\r\n"
    writer.write(head.encode())
    text = (await reader.read()).decode()
    writer.close()
    return int(text.split(" ", 2)[1]), text.partition("\r\n\r\n")[2]


class OpenPage:
    """One page that somebody has open: a stream if there is room, else questions with the pauses of the browser."""

    def __init__(self, port: int, path: str, cookie: str, counts: Counter[str], told: Mapping[int, float]) -> None:
        self._port, self._path, self._cookie, self._counts, self._told = port, path, cookie, counts, told
        self.delays: list[float] = []

    async def live(self) -> None:
        """Fetch the page, and follow it until cancelled."""
        token, cursor = await self._fetch()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        query = urlencode({"t": token, "since": cursor})
        head = f"GET /live/stream?{query} HTTP/1.1\r\nHost: x\r\nCookie: mainstay={self._cookie}\r\n\r\n"
        writer.write(head.encode())
        status = (await reader.readline()).decode()
        if " 200 " in status:
            self._counts["streams"] += 1
            await self._listen(reader)
        writer.close()
        await self._poll(token, cursor)

    async def _fetch(self) -> tuple[str, str]:
        status, text = await _get(self._port, self._path, self._cookie)
        found = _LIVE.search(text)
        if status != 200 or found is None:
            raise RuntimeError(f"{self._path}: {status}")
        self._counts["fetched"] += 1
        return found[1], found[2]

    async def _fetch_again(self) -> None:
        """Fetch the page as the browser does, which waits longer each time that it is told to."""
        wait = float(RETRY_SECONDS)
        while (await _get(self._port, self._path, self._cookie, f"{BACKGROUND}: 1\r\n"))[0] == 503:
            self._counts["told to wait"] += 1
            await asyncio.sleep(wait * random.uniform(0.7, 1.3))
            wait = min(LONGEST_SECONDS, 2 * wait)
        self._counts["fetched"] += 1

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while line := (await reader.readline()).decode():
            if not line.startswith("data: ["):
                continue
            self._counts["told"] += 1
            for topic in json.loads(line.removeprefix("data: ")):
                if topic.startswith("person:") and (said := self._told.get(int(topic.partition(":")[2]))):
                    self.delays.append(time.time() - said)
            await asyncio.sleep(random.random() * 0.3)
            await self._fetch_again()

    async def _poll(self, token: str, cursor: str) -> None:
        self._counts["polling"] += 1
        wait = POLL_SECONDS / 4
        while True:
            await asyncio.sleep(wait * random.uniform(0.7, 1.3))
            query = urlencode({"t": token, "since": cursor})
            status, text = await _get(self._port, f"/live/changes?{query}", self._cookie)
            self._counts["asked"] += 1
            if status != 200:
                raise RuntimeError(f"/live/changes: {status}")
            answer = json.loads(text)
            cursor = answer["cursor"]
            wait = POLL_SECONDS if answer["topics"] else min(LONGEST_SECONDS, max(POLL_SECONDS, wait * 1.3))
            if answer["topics"]:
                await self._fetch_again()


def hold_open(
    port: int,
    pages: list[tuple[str, str]],
    told: Any,
    ready: Any,
    over: Any,
    answers: Any,
    *,
    settle_seconds: float = SETTLE_SECONDS,
) -> None:
    """Hold pages open in a process of its own, until told that it is over."""

    async def work() -> None:
        counts: Counter[str] = Counter()
        shown = [OpenPage(port, path, cookie, counts, told) for path, cookie in pages]
        tasks = []
        for page in shown:
            tasks.append(asyncio.create_task(page.live()))
            await asyncio.sleep(0.05)
        while counts["streams"] + counts["polling"] < len(pages):
            if failed := next((task for task in tasks if task.done()), None):
                failed.result()
            await asyncio.sleep(0.2)
        # Pages that were just opened ask more often than those on which nothing has happened for a while.
        await asyncio.sleep(settle_seconds)
        counts["fetched"] = counts["asked"] = counts["told"] = counts["told to wait"] = 0
        for page in shown:
            page.delays.clear()
        ready.set()
        while not over.is_set():
            await asyncio.sleep(0.2)
        broken = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        delays = sorted(delay for page in shown for delay in page.delays)
        answers.put((dict(counts) | {"broken": len(broken)}, delays))

    asyncio.run(work())


def _figures(times: list[float], seconds: float) -> dict[str, float]:
    ordered = sorted(times)
    return {
        "pages_per_second": round(len(times) / seconds, 1),
        "median_ms": round(1000 * statistics.median(ordered), 1),
        "p95_ms": round(1000 * ordered[int(len(ordered) * 0.95)], 1),
    }


def _cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, which others on the machine hardly change."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(url: str, *, pages: int, streams: int, seconds: float) -> dict[str, Any]:
    """Measure the mix alone and beside open pages."""
    database = Database(url)
    schema.upgrade(database)
    agents, leads, person_ids = build(database)
    context = multiprocessing.get_context("spawn")
    manager = context.Manager()
    told, ready, over, answers = manager.dict(), context.Event(), context.Event(), context.Queue()
    addresses = [("/heat-map", leads[number % TEAMS]) for number in range(pages // 20)]
    addresses += [("/my/skills", agents[number % PEOPLE]) for number in range(pages - len(addresses))]
    random.Random(7).shuffle(addresses)
    folder = Path(tempfile.mkdtemp(prefix="live-"))
    settings = {"LIVE_STREAMS": str(streams), "MAINSTAY_EXECUTOR": "none"}
    with running.server(url, folder, **settings) as server, claims(database, person_ids, told):
        port = int(server.url.rpartition(":")[2])
        mix(port, agents, leads, seconds / 4)
        alone = _figures(mix(port, agents, leads, seconds), seconds)
        holder = context.Process(target=hold_open, args=(port, addresses, told, ready, over, answers))
        holder.start()
        if not ready.wait(timeout=600):
            raise RuntimeError("The pages could not be opened in time.")
        idle = _cpu_seconds(server.process.pid)
        time.sleep(seconds)
        idle = _cpu_seconds(server.process.pid) - idle
        beside = _figures(mix(port, agents, leads, seconds), seconds)
        over.set()
        counts, delays = answers.get(timeout=60)
        holder.join()
        again = _figures(mix(port, agents, leads, seconds), seconds)
    database.dispose()
    told_within = {"median_s": delays[len(delays) // 2], "p95_s": delays[int(len(delays) * 0.95)]} if delays else {}
    return {
        "alone": alone,
        "beside": beside,
        "alone_again": again,
        "ratios": {name: round(2 * beside[name] / (alone[name] + again[name]), 2) for name in alone},
        "share_of_a_core": round(idle / seconds, 3),
        "open_pages": counts,
        "told_within": {name: round(value, 2) for name, value in told_within.items()},
    }


def main() -> None:
    """Measure on one kind of database and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    chosen = parser.parse_args()
    sizes: dict[str, Any] = {"pages": chosen.pages, "streams": chosen.streams, "seconds": chosen.seconds}
    if chosen.database == "postgresql":
        with required_services.temporary_database(required_services.find_postgresql()) as url:
            figures = measure(url, **sizes)
    else:
        figures = measure(f"sqlite:///{Path(tempfile.mkdtemp(prefix='live-')) / 'mainstay.db'}", **sizes)
    print(json.dumps({"database": chosen.database, **sizes, **figures}, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
