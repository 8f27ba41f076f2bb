"""
How long a decision of live routing takes on a large floor: in the service, and through the API on the loopback.

One site with 1,000 agents signed in, 20 classes of contacts, prices and half of the agents free.  Each round a contact
arrives, its agent accepts, and a contact ends, so that the floor stays as it is; on SQLite and on PostgreSQL, in the
service and through the API, with a bare Flask route on the same server and one bare row that is stored, all in turns,
so that whatever else the machine does falls on each alike.  Printed are the median and the 99th percentile of each, and
the processor time of this process, which tells a loaded machine from a slow product; that of PostgreSQL's own processes
is not in it.

``python -m tests.load.routing`` runs it; ``--database sqlite`` or ``postgresql`` only one of them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import structlog
import waitress.server
from flask import Flask
from sqlalchemy import event, text

from config import Config
from optimizer.routing import Desk
from tests import required_services
from tests.factories import Make
from webapp import create_app, schema
from webapp.db import Database
from webapp.models import Channel, Person, Role, RoutingDesk, RoutingFloor, RoutingMode, Site, TokenScope
from webapp.services import access, api_tokens
from webapp.services.audit import Actor
from webapp.services.routing import desks, events, settings
from webapp.services.routing.events import Arrival
from webapp.services.routing.stored_desks import StoredDesk

CLASSES = 20
INTERVALS = 48
_BARE_ROW = text("INSERT INTO bare_row (words) VALUES (:words)")
WARM_UP = 50


def build(database: Database, agents: int) -> tuple[int, str, str]:
    """Build the floor; return its site's key and code, and the secret of a token."""
    at = dt.datetime.now(dt.UTC)
    with database.writing() as session:
        make = Make(session)
        site = make.site(code="floor")
        for number in range(CLASSES):
            channel = Channel.CHAT if number % 4 == 3 else Channel.VOICE
            make.engagement_type(
                code=f"type-{number}", channel=channel, concurrency=3 if channel is Channel.CHAT else 1
            )
        session.add_all(
            Person(external_id=f"agent-{number}", name=f"Agent {number}", site_id=site.id, is_agent=True, active=True)
            for number in range(agents)
        )
        boss = make.person(site=site, roles=[Role.SCHEDULER])
        by = Actor(person_id=boss.id, at=at)
        settings.change_setting(session, site, settings.Wanted(RoutingMode.LIVE), by=by)
        desk = desks.refresh(session, site, at=at)
        _price(session, site, desks.get_desk(session, desk.id), at)
        _, secret = api_tokens.create_token(
            session,
            boss,
            name="ACD",
            scopes=[TokenScope.ROUTING_WRITE],
            site_id=None,
            expires_on=at.date(),
            viewer=access.get_viewer(session, boss.id),
            by=by,
        )
        make.commit()
        return site.id, site.code, secret


def _price(session: Any, site: Site, stored: StoredDesk, at: dt.datetime) -> None:
    """Let the site decide by a desk of random skills, prices and arrivals: how people came by them does not matter."""
    chance = np.random.default_rng(1)
    shape = stored.desk.able.shape
    desk: Desk = replace(
        stored.desk,
        able=chance.random(shape) < 0.35,
        match=chance.uniform(0.5, 1.0, shape),
        price=chance.uniform(0.0, 2.0, (shape[1], INTERVALS)),
        rate=chance.uniform(0.5, 3.0, (shape[0], INTERVALS)),
    )
    row = RoutingDesk(
        site_id=site.id,
        built_at=at,
        starts_at=at - dt.timedelta(hours=1),
        ends_at=at + dt.timedelta(hours=12),
        priced=True,
        digest="benchmark",
        content=replace(stored, desk=desk).to_bytes(),
    )
    session.add(row)
    session.flush()
    session.query(RoutingFloor).filter_by(site_id=site.id).update({"desk_id": row.id})


def sign_in(database: Database, site_id: int, agents: int) -> None:
    """Let every agent come, in one transaction."""
    at = dt.datetime.now(dt.UTC)

    def all_come(taking: events.Events) -> events.Outcome:
        for number in range(agents):
            taking.free(f"agent-{number}")
        return taking.outcome

    with database.transaction() as session:
        events.take_in(session, site_id, all_come, at=at)


class Service:
    """Asks the services."""

    def __init__(self, database: Database, site_id: int) -> None:
        self._database, self._site_id = database, site_id

    def _take_in(self, event: Any) -> events.Outcome:
        with self._database.transaction() as session:
            return events.take_in(session, self._site_id, event, at=dt.datetime.now(dt.UTC))

    def arrive(self, name: str, kind: str) -> tuple[int | None, int | None]:
        """Return the contact and the reservation that came of an arrival."""
        arrival = Arrival(name, kind, dt.datetime.now(dt.UTC), customer_key=f"k{name}")
        outcome = self._take_in(lambda taking: taking.arrive(arrival))
        return outcome.contact_id, outcome.offers[0].reservation_id if outcome.offers else None

    def accept(self, reservation_id: int) -> None:
        """Accept a reservation."""
        self._take_in(lambda taking: taking.accept(reservation_id))

    def end(self, contact_id: int) -> None:
        """End a contact."""
        self._take_in(lambda taking: taking.end(contact_id))


class Api:
    """Asks the API over one connection that stays open."""

    def __init__(self, port: int, secret: str, site: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self._site = site

    def _post(self, path: str, body: dict[str, Any] | None) -> Any:
        sent = None if body is None else json.dumps(body)
        self._connection.request("POST", f"/api/v1/routing/{path}", sent, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {text!r}")
        return json.loads(text)

    def arrive(self, name: str, kind: str) -> tuple[int | None, int | None]:
        """Return the contact and the reservation that came of an arrival."""
        contact = {"external_id": name, "type": kind, "customer_key": f"k{name}"}
        told = self._post("decisions", {"event": "contact_arrived", "site": self._site, "contact": contact})
        return told["contact_id"], (told["decision"] or {}).get("reservation_id")

    def accept(self, reservation_id: int) -> None:
        """Accept a reservation."""
        self._post(f"reservations/{reservation_id}/accept", None)

    def end(self, contact_id: int) -> None:
        """End a contact."""
        self._post(f"contacts/{contact_id}/end", {})

    def bare(self) -> None:
        """Fetch the bare route."""
        self._connection.request("GET", "/bare")
        self._connection.getresponse().read()


@contextmanager
def timed(seconds: list[float], processor: list[float]) -> Iterator[None]:
    """Note the time of the wall and of the processor, of all threads, that a block takes."""
    # Asking for the processor's time takes milliseconds on a loaded machine: it stands outside the wall's.
    spent = time.process_time()
    began = time.perf_counter()
    yield
    seconds.append(time.perf_counter() - began)
    processor.append(time.process_time() - spent)


class Floor:
    """Keeps a number of contacts served, and times each arrival."""

    def __init__(self, asked: Service | Api, name: str, served: deque[int]) -> None:
        self._asked, self._name, self.served = asked, name, served
        self._chance = random.Random(name)
        self._count = 0
        self.seconds: list[float] = []
        self.processor: list[float] = []

    def arrive(self) -> tuple[int | None, int | None]:
        """Let a contact arrive; return it and the reservation."""
        self._count += 1
        kind = f"type-{self._chance.randrange(CLASSES)}"
        with timed(self.seconds, self.processor):
            return self._asked.arrive(f"{self._name}-{self._count}", kind)

    def round(self, *, ends: bool = True) -> None:
        """Let a contact arrive and be accepted, and another end."""
        contact_id, reservation_id = self.arrive()
        if contact_id is not None:
            self.served.append(contact_id)
        if reservation_id is not None:
            self._asked.accept(reservation_id)
        if ends and self.served:
            self._asked.end(self.served.popleft())


@contextmanager
def serve(app: Flask) -> Iterator[int]:
    """Serve an application with the demo's server in a thread of this process, and yield its port."""
    server = waitress.server.create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    # It ends with the process: closing it here would take the sockets away from under its threads.
    yield int(server.effective_port)


def bare_app() -> Flask:
    """Return an application with nothing but one route."""
    app = Flask("bare")
    app.add_url_rule("/bare", view_func=lambda: {"ok": True}, endpoint="bare")
    return app


def _say_nothing(*_event: Any) -> Any:
    raise structlog.DropEvent


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def figures(seconds: list[float], processor: list[float]) -> str:
    """Return median and 99th percentile, and the processor's mean, in words."""
    ordered = sorted(seconds)
    return (
        f"median {1000 * statistics.median(ordered):6.2f} ms, p99 {1000 * ordered[int(len(ordered) * 0.99)]:6.2f} ms, "
        f"most {1000 * ordered[-1]:6.1f} ms, processor {1000 * statistics.fmean(processor):5.2f} ms"
    )


class BareRow:
    """Stores one row a time in a table of its own, and times it: what any decision that must not be lost waits for."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self.seconds: list[float] = []
        self.processor: list[float] = []
        with self._engine.begin() as connection:
            connection.execute(text("CREATE TABLE bare_row (words VARCHAR(500))"))

    def store(self) -> None:
        """Store a row and commit."""
        with timed(self.seconds, self.processor), self._engine.begin() as connection:
            connection.execute(_BARE_ROW, {"words": "x" * 500})


class Measured:
    """A database with a full floor, asked in the service and through the API."""

    def __init__(self, url: str, agents: int) -> None:
        self.database = Database(url)
        schema.upgrade(self.database)
        self.name = self.database.engine.dialect.name
        self._site_id, self._site, self._secret = build(self.database, agents)
        sign_in(self.database, self._site_id, agents)
        self.service = Floor(Service(self.database, self._site_id), "service", deque())
        for _ in range(agents // 2):
            self.service.round(ends=False)
        self.bare_row = BareRow(self.database)
        self.statements = 0
        event.listen(self.database.engine, "before_cursor_execute", self._count)

    def _count(self, *_args: Any) -> None:
        self.statements += 1

    def open_api(self, port: int) -> None:
        """Ask the API at a port, too; contacts that the service began are the API's to end."""
        self.api = Floor(Api(port, self._secret, self._site), "api", self.service.served)

    def app(self) -> Flask:
        """Return the application over this database."""
        config = Config(environment="test", executor="none", api_rate_per_minute=1_000_000)
        return create_app(config, database=self.database, start_jobs=False)

    def count(self, floor: Floor) -> int:
        """Return how many statements one arrival takes."""
        before = self.statements
        floor.arrive()
        return self.statements - before


def measure(urls: list[str], *, agents: int, rounds: int) -> None:
    """Measure databases and a bare route in turns, and print."""
    _say(f"{agents:,} agents signed in, {CLASSES} classes, {rounds:,} decisions each; load {os.getloadavg()[0]:.1f}")
    found = [Measured(url, agents) for url in urls]
    seconds: list[float] = []
    processor: list[float] = []
    with ExitStack() as stack:
        bare = Api(stack.enter_context(serve(bare_app())), "", "")
        for each in found:
            each.open_api(stack.enter_context(serve(each.app())))
        structlog.configure(processors=[_say_nothing])
        floors = [floor for each in found for floor in (each.service, each.api)]
        rows = [each.bare_row for each in found]
        for number in range(WARM_UP + rounds):
            if number == WARM_UP:
                everything: list[Floor | BareRow] = [*floors, *rows]
                for times in (seconds, processor, *(t for each in everything for t in (each.seconds, each.processor))):
                    times.clear()
            for floor in floors:
                floor.round()
            for row in rows:
                row.store()
            with timed(seconds, processor):
                bare.bare()
        _say(f"{'bare Flask route':<24} {figures(seconds, processor)}")
        for each in found:
            stored = figures(each.bare_row.seconds, each.bare_row.processor)
            _say(f"{each.name + ', one row':<24} {stored}")
            for name, floor in (("service", each.service), ("API", each.api)):
                told = figures(floor.seconds, floor.processor)
                _say(f"{each.name + ', ' + name:<24} {told}, {each.count(floor)} statements")
            each.database.dispose()
    _say(f"load at the end {os.getloadavg()[0]:.1f}")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Measure decisions of live routing.")
    parser.add_argument("--agents", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    with ExitStack() as stack:
        urls = []
        if options.database != "postgresql":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="routing-"))
            urls.append(f"sqlite:///{Path(folder) / 'floor.db'}")
        if options.database != "sqlite":
            server = required_services.find_postgresql()
            urls.append(stack.enter_context(required_services.temporary_database(server)))
        measure(urls, agents=options.agents, rounds=options.rounds)


if __name__ == "__main__":
    main()
