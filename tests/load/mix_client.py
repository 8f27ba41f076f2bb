"""
The clients of the page mix, in a process of their own: threads that ask over connections which stay open.

They speak HTTP over plain sockets, because a client library would take as much of the processor as the page that it
fetches; this program imports nothing of the product for the same reason.  Each client writes for agents of its own, so
that it knows what must hold in the end.
"""

from __future__ import annotations

import json
import queue
import random
import socket
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlencode

TIMEOUT_SECONDS = 60.0
READS = {
    "my day": 30,
    "my skills": 10,
    "notices": 5,
    "heat map": 8,
    "reviews": 5,
    "a record": 6,
    "who can": 5,
    "board": 4,
    "plans": 3,
    "API list": 9,
}
WRITES = {"confirm a record": 5, "answer work": 5, "routing": 5}
MIX = READS | WRITES
"""Requests of each kind in a hundred."""


class Connection:
    """A connection to a server that is opened anew where it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, method: str, path: str, headers: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        """Send a request and return status, headers and body of the answer; a fresh connection is tried once."""
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        sent = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}{length}\r\n".encode() + body
        fresh = self._socket is None
        try:
            return self._exchange(sent)
        except (ConnectionError, TimeoutError):
            self.close()
            if fresh or method != "GET":
                raise
            return self._exchange(sent)

    def _exchange(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(sent)
        data = self._receive(b"")
        while (end := data.find(b"\r\n\r\n")) < 0:
            data = self._receive(data)
        head, rest = data[:end].decode("latin-1"), data[end + 4 :]
        first, *lines = head.split("\r\n")
        status = int(first.split(" ", 2)[1])
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        if status not in {204, 304}:
            rest = self._read_body(headers, rest)
        self.close()
        return status, headers, rest

    def _read_body(self, headers: dict[str, str], data: bytes) -> bytes:
        if "content-length" in headers:
            wanted = int(headers["content-length"])
            parts, got = [data], len(data)
            while got < wanted:
                part = self._receive(b"")
                parts.append(part)
                got += len(part)
            return b"".join(parts)
        while not data.endswith(b"0\r\n\r\n"):
            data = self._receive(data)
        return data

    def _receive(self, data: bytes) -> bytes:
        part = self._socket.recv(262_144) if self._socket is not None else b""
        if not part:
            raise ConnectionResetError("The server closed the connection.")
        return data + part

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None


@dataclass(slots=True)
class Outcome:
    """What clients saw in a window: seconds of each kind of request, refusals, errors, and what was acknowledged."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    busy: list[float] = field(default_factory=list)
    busy_without_advice: int = 0
    errors: list[str] = field(default_factory=list)
    unknown: int = 0
    """Writes whose answer was lost: nobody knows whether they were done."""
    confirmed: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    answered: dict[int, str | None] = field(default_factory=dict)
    contacts: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def read(cls, said: dict[str, Any]) -> Outcome:
        """Return the outcome that another process wrote as JSON, whose keys are words."""
        outcome = cls(**said)
        outcome.seconds = defaultdict(list, said["seconds"])
        outcome.confirmed = defaultdict(int, {int(key): count for key, count in said["confirmed"].items()})
        outcome.answered = {int(key): means for key, means in said["answered"].items()}
        return outcome

    def add(self, other: Outcome) -> None:
        """Add what another client, or window, saw."""
        for name, values in other.seconds.items():
            self.seconds[name] += values
        self.busy += other.busy
        self.busy_without_advice += other.busy_without_advice
        self.errors += other.errors
        self.unknown += other.unknown
        for person_id, count in other.confirmed.items():
            self.confirmed[person_id] += count
        self.answered |= other.answered
        self.contacts += other.contacts


class Client:
    """One client: asks for one page after the other, each time as somebody else."""

    def __init__(self, number: int, count: int, port: int, cast: dict[str, Any], window: str) -> None:
        self._connection = Connection(port)
        self._chance = random.Random(f"{window}-{number}")
        self._name = f"{window}-{number}"
        self._cast = cast
        self._agents = cast["roles"]["agent"][number::count]
        self._work = [
            (key, each) for key in self._agents for each in cast["assignments"].get(str(key), ()) if cast["assignments"]
        ]
        self._contact_id: int | None = None
        self._calls = 0
        self.outcome = Outcome()

    def run(self, until: float) -> None:
        """Ask until a moment, and for one page of each kind at least."""
        names, weights = list(MIX), list(MIX.values())
        # One of each kind comes first, so that a short window on a slow machine has all of them.
        first = self._chance.sample(names, len(names))
        while first or time.monotonic() < until:
            name = first.pop() if first else self._chance.choices(names, weights)[0]
            try:
                if name in READS:
                    self._read(name)
                elif name == "confirm a record":
                    self._confirm()
                elif name == "answer work":
                    self._answer()
                else:
                    self._route()
            except (OSError, ValueError) as error:
                self._connection.close()
                self.outcome.errors.append(f"{name}: {type(error).__name__}: {error}")
                self.outcome.unknown += name in WRITES
        self._connection.close()

    def _someone(self, *roles: str) -> int:
        return int(self._chance.choice([key for role in roles for key in self._cast["roles"].get(role, ())]))

    def _read(self, name: str) -> None:
        skill = self._chance.choice(next(iter(self._cast["skills"].values())))
        record = f"/people/{self._someone('agent')}/skills"
        place = self._chance.choice(self._cast["site_ids"])
        pages = {
            "my day": ("/day", ("agent",)),
            "my skills": ("/my/skills", ("agent",)),
            "notices": ("/notices", ("agent",)),
            "heat map": ("/heat-map", ("lead",)),
            "reviews": ("/reviews", ("lead",)),
            "a record": (record, ("admin",)),
            "who can": (f"/who-can?skill={skill}&level=2", ("hr",)),
            "board": (f"/board?site={place}", ("admin",)),
            "plans": (f"/plans?site={place}", ("admin",)),
        }
        if name == "API list":
            what = self._chance.choice(("people", "engagements"))
            self._ask(name, "GET", f"/api/v1/{what}?limit=50", self._token())
            return
        path, roles = pages[name]
        self._ask(name, "GET", path, self._session(self._someone(*roles)))

    def _confirm(self) -> None:
        person_id = self._chance.choice(self._agents)
        skill_id = self._chance.choice(self._cast["skills"][str(person_id)])
        if self._post(f"/my/skills/{skill_id}/confirm", person_id, "confirm a record"):
            self.outcome.confirmed[person_id] += 1

    def _answer(self) -> None:
        if not self._work:
            self._confirm()
            return
        person_id, assignment_id = self._chance.choice(self._work)
        action, means = self._chance.choice((("accept", "accepted"), ("decline", "declined")))
        form = {"reason": "The load test asks."} if action == "decline" else {}
        if self._post(f"/day/assignments/{assignment_id}/{action}", person_id, "answer work", **form):
            self.outcome.answered[assignment_id] = means

    def _route(self) -> None:
        if self._contact_id is not None:
            ended, self._contact_id = self._contact_id, None
            self._tell(f"contacts/{ended}/end", {})
            return
        self._calls += 1
        name = f"load-{self._name}-{self._calls}"
        contact = {"external_id": name, "type": self._chance.choice(self._cast["kinds"])}
        told = self._tell("decisions", {"event": "contact_arrived", "site": self._cast["site"], "contact": contact})
        # A telephone system that is told to decide by itself was told that nothing was kept.
        if told is not None and not told["fallback"]:
            self.outcome.contacts.append(name)
            self._contact_id = told["contact_id"]

    def _tell(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        headers = self._token() + "Content-Type: application/json\r\n"
        status, text = self._ask("routing", "POST", f"/api/v1/routing/{path}", headers, json.dumps(body).encode())
        if status != 200:
            return None
        told: dict[str, Any] = json.loads(text)
        return told

    def _post(self, path: str, person_id: int, name: str, **form: str) -> bool:
        body = urlencode({"csrf_token": self._cast["csrf"], **form}).encode()
        headers = self._session(person_id) + "Content-Type: application/x-www-form-urlencoded\r\n"
        return self._ask(name, "POST", path, headers, body)[0] == 302

    def _session(self, person_id: int) -> str:
        return f"Accept: text/html\r\nCookie: mainstay={self._cast['cookies'][str(person_id)]}\r\n"

    def _token(self) -> str:
        return f"Accept: application/json\r\nAuthorization: Bearer {self._cast['secret']}\r\n"

    def _ask(self, name: str, method: str, path: str, headers: str, body: bytes = b"") -> tuple[int, bytes]:
        began = time.monotonic()
        status, told, text = self._connection.ask(method, path, headers, body)
        spent = time.monotonic() - began
        if status == 503:
            self.outcome.busy.append(spent)
            self.outcome.busy_without_advice += "retry-after" not in told
        elif status in {200, 302}:
            self.outcome.seconds[name].append(spent)
        else:
            self.outcome.errors.append(f"{name}: {method} {path}: {status} {text[:300]!r}")
        return status, text


def window(
    *, port: int, clients: int, seconds: float, name: str, cast: dict[str, Any] | None = None, path: str = ""
) -> Outcome:
    """Let clients ask for a while, and return what they saw together; without a cast they fetch one path."""
    until, ended = time.monotonic() + seconds, queue.SimpleQueue[Outcome]()

    def ask(number: int) -> None:
        if cast is None:
            ended.put(_fetch(port, path, until))
            return
        client = Client(number, clients, port, cast, name)
        client.run(until)
        ended.put(client.outcome)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = Outcome()
    while not ended.empty():
        together.add(ended.get())
    return together


def _fetch(port: int, path: str, until: float) -> Outcome:
    connection, outcome = Connection(port), Outcome()
    while (began := time.monotonic()) < until:
        status, _, _ = connection.ask("GET", path, "Accept: text/html\r\n")
        if status != 200:
            raise RuntimeError(f"{path}: {status}")
        outcome.seconds[path].append(time.monotonic() - began)
    connection.close()
    return outcome


def main() -> None:
    """Do one window after the other, as lines of JSON order it; answer each with a line."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(window(**json.loads(line)).as_dict()) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
