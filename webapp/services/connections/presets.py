"""
How other systems are spoken to: one interface, and a preset for each system, written from its public documentation.

A preset turns changes into requests with :meth:`Connector.plan_changes`, which needs no network and is what a try-out
shows, and sends one of them with :meth:`Connector.perform`.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from urllib.parse import quote, urlencode

from webapp.models import ConnectionPreset, WriteKind
from webapp.services.outgoing import Answer

_JSON = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "Mainstay"}
PASSING = frozenset({401, 403, 408, 412, 423, 425, 429})
"""Answers below 500 after which trying again is right: the reason may pass, or an admin mends it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing of the other system and what it should say; ``content`` holds ids and levels of theirs."""

    write_id: int
    kind: WriteKind
    target: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and the changes that it carries. Credentials are not part of it, so that it can be shown."""

    method: str
    path: str
    body: bytes
    changes: Sequence[Change]
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """
    What became of one change.

    Parameters
    ----------
    status
        What the other system answered, None if it did not.
    error
        Why it was not written, empty if it was.
    passing
        Whether trying again later may help.
    retry_after
        Seconds that the other system asks to wait.
    """

    status: int | None
    error: str = ""
    passing: bool = False
    retry_after: int | None = None

    @property
    def ok(self) -> bool:
        """Whether it was written."""
        return not self.error


@dataclass(frozen=True, slots=True)
class Access:
    """Where the other system is and what opens it."""

    base_url: str
    account: str
    credentials: Mapping[str, str]


Call = Callable[[str, str, Mapping[str, str], bytes], Answer]
"""Sends method, whole address, headers and body."""


class Connector(Protocol):
    """One kind of system."""

    title: ClassVar[str]
    writes: ClassVar[frozenset[WriteKind]]
    secrets: ClassVar[Mapping[str, str]]
    account_label: ClassVar[str]
    batch_size: ClassVar[int]
    networked: ClassVar[bool]

    def plan_changes(self, changes: Sequence[Change], access: Access) -> Sequence[Request]:
        """Return the requests that carry out changes."""
        ...

    def perform(self, request: Request, access: Access, call: Call) -> Mapping[int, Result]:
        """Send a request and return what became of each of its changes: write → result."""
        ...


def judge(answer: Answer) -> Result:
    """Return what an answer means for all that its request carried."""
    if answer.ok:
        return Result(answer.status)
    passing = answer.status >= 500 or answer.status in PASSING
    text = answer.headers.get("retry-after", "")
    asked = int(text) if text.isdecimal() and len(text) < 7 else None
    return Result(answer.status, _words(answer.status), passing, asked)


def _words(status: int) -> str:
    known = {
        401: "The other system does not accept the credentials.",
        403: "The credentials may not do this there.",
        404: "The other system does not know this id.",
        409: "The other system has a newer version of this.",
        412: "It was changed there at the same moment.",
        422: "The other system refuses this content.",
        429: "The other system asks for fewer requests.",
    }
    return known.get(status, f"The other system answered {status}.")


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _number_or_text(value: str | None) -> int | str | None:
    return int(value) if value is not None and value.isdecimal() else value


class _Base:
    account_label: ClassVar[str] = ""
    batch_size: ClassVar[int] = 20
    networked: ClassVar[bool] = True

    def headers(self, access: Access, call: Call) -> Mapping[str, str]:
        """Return what opens the other system."""
        raise NotImplementedError

    def perform(self, request: Request, access: Access, call: Call) -> Mapping[int, Result]:
        """Send the request; its answer is about all of its changes."""
        answer = self.send(request, access, call)
        return {change.write_id: judge(answer) for change in request.changes}

    def send(self, request: Request, access: Access, call: Call, **headers: str) -> Answer:
        """Send a request as this system wants it opened."""
        sent = {**_JSON, **request.headers, **self.headers(access, call), **headers}
        return call(request.method, access.base_url.rstrip("/") + request.path, sent, request.body)


class Zendesk(_Base):
    """
    Assignees of tickets, many at a time.

    ``PUT /api/v2/tickets/update_many.json`` with up to 100 tickets, each with its ``id`` and ``assignee_id``; the
    answer is a ``job_status`` that is asked for until it has ``results``, one for each ticket. Signed in with
    ``{address}/token:{API token}``. Source: Zendesk developer documentation, "Tickets: Update Many Tickets" and "Job
    Statuses".
    """

    title: ClassVar[str] = "Zendesk"
    writes: ClassVar[frozenset[WriteKind]] = frozenset({WriteKind.ASSIGNEE})
    secrets: ClassVar[Mapping[str, str]] = {"user": "E-mail address of the API user", "token": "API token"}
    batch_size: ClassVar[int] = 100
    polls: ClassVar[int] = 20
    poll_seconds: ClassVar[float] = 1.0

    def headers(self, access: Access, call: Call) -> Mapping[str, str]:  # noqa: ARG002 - others ask for a token
        """Return what opens the helpdesk."""
        given = access.credentials
        return {"Authorization": _basic(f"{given.get('user', '')}/token", given.get("token", ""))}

    def plan_changes(self, changes: Sequence[Change], access: Access) -> Sequence[Request]:  # noqa: ARG002 - of the interface
        """Return one request for each 100 tickets."""
        requests = []
        for start in range(0, len(changes), self.batch_size):
            some = changes[start : start + self.batch_size]
            tickets = [
                {"id": _number_or_text(each.target), "assignee_id": _number_or_text(each.content["assignee"])}
                for each in some
            ]
            body = json.dumps({"tickets": tickets}).encode()
            requests.append(Request("PUT", "/api/v2/tickets/update_many.json", body, some))
        return requests

    def perform(self, request: Request, access: Access, call: Call) -> Mapping[int, Result]:
        """Send the tickets and wait for the results of the job that the helpdesk makes of them."""
        answer = self.send(request, access, call)
        for _ in range(self.polls):
            if not answer.ok:
                return {change.write_id: judge(answer) for change in request.changes}
            job = _object(answer).get("job_status") or {}
            if job.get("status") in {"completed", "failed", "killed"}:
                return self._results(request, job, answer.status)
            if not job.get("id"):
                break
            time.sleep(self.poll_seconds)
            asked = Request("GET", f"/api/v2/job_statuses/{quote(str(job['id']), safe='')}.json", b"", ())
            answer = self.send(asked, access, call)
        unknown = Result(answer.status, "The helpdesk has not said yet what became of it.", passing=True)
        return {change.write_id: unknown for change in request.changes}

    @staticmethod
    def _results(request: Request, job: Mapping[str, Any], status: int) -> Mapping[int, Result]:
        said = {str(each.get("id")): each for each in job.get("results") or [] if isinstance(each, dict)}
        results = {}
        for change in request.changes:
            line = said.get(change.target)
            if line is not None and line.get("success"):
                results[change.write_id] = Result(status)
            elif line is not None:
                code = str(line.get("error") or "refused")[:60]
                results[change.write_id] = Result(422, f"The helpdesk refuses this ticket: {code}.")
            else:
                results[change.write_id] = Result(status, "The helpdesk says nothing of this ticket.", passing=True)
        return results


class Freshdesk(_Base):
    """
    Assignees of tickets, one at a time.

    ``PUT /api/v2/tickets/{id}`` with ``responder_id``; the API key is the user of basic authentication, any word its
    password; limits answer 429 with ``Retry-After``. The bulk call sets one agent on many tickets without saying what
    became of each, so it is not used. Source: Freshdesk API documentation v2, "Update a Ticket" and "Rate Limit".
    """

    title: ClassVar[str] = "Freshdesk"
    writes: ClassVar[frozenset[WriteKind]] = frozenset({WriteKind.ASSIGNEE})
    secrets: ClassVar[Mapping[str, str]] = {"token": "API key"}

    def headers(self, access: Access, call: Call) -> Mapping[str, str]:  # noqa: ARG002 - others ask for a token
        """Return what opens the helpdesk."""
        return {"Authorization": _basic(access.credentials.get("token", ""), "X")}

    def plan_changes(self, changes: Sequence[Change], access: Access) -> Sequence[Request]:  # noqa: ARG002 - of the interface
        """Return one request for each ticket."""
        return [
            Request(
                "PUT",
                f"/api/v2/tickets/{quote(each.target, safe='')}",
                json.dumps({"responder_id": _number_or_text(each.content["assignee"])}).encode(),
                [each],
            )
            for each in changes
        ]


class Genesys(_Base):
    """
    Routing skills of users, with proficiency from 0 to 5.

    ``PATCH /api/v2/users/{userId}/routingskills/bulk`` with up to 50 pairs of ``id`` and ``proficiency``: it adds and
    updates, and leaves skills alone that Mainstay does not know. The token comes from ``POST /oauth/token`` of the
    login host by client credentials. Source: Genesys Cloud developer center, "Users API" and "Grant: Client
    Credentials".
    """

    title: ClassVar[str] = "Genesys Cloud"
    writes: ClassVar[frozenset[WriteKind]] = frozenset({WriteKind.LEVELS})
    secrets: ClassVar[Mapping[str, str]] = {"client_id": "Client id", "client_secret": "Client secret"}
    account_label: ClassVar[str] = "Address of the login host, such as https://login.mypurecloud.ie"
    skills_at_once: ClassVar[int] = 50

    def headers(self, access: Access, call: Call) -> Mapping[str, str]:
        """Return a token of the login host."""
        given = access.credentials
        basic = _basic(given.get("client_id", ""), given.get("client_secret", ""))
        sent = {"Authorization": basic, "Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Mainstay"}
        answer = call("POST", f"{access.account.rstrip('/')}/oauth/token", sent, b"grant_type=client_credentials")
        token = _object(answer).get("access_token", "") if answer.ok else ""
        return {"Authorization": f"Bearer {token}"}

    def plan_changes(self, changes: Sequence[Change], access: Access) -> Sequence[Request]:  # noqa: ARG002 - of the interface
        """Return the requests for each user, 50 skills at a time."""
        requests = []
        for each in changes:
            pairs = [{"id": skill, "proficiency": level} for skill, level in sorted(each.content["levels"].items())]
            path = f"/api/v2/users/{quote(each.target, safe='')}/routingskills/bulk"
            for start in range(0, max(1, len(pairs)), self.skills_at_once):
                body = json.dumps(pairs[start : start + self.skills_at_once]).encode()
                requests.append(Request("PATCH", path, body, [each]))
        return requests


class Twilio(_Base):
    """
    Attributes of TaskRouter workers: the skills that they have, and the level of each.

    ``POST /v1/Workspaces/{WorkspaceSid}/Workers/{Sid}`` with ``Attributes``, which replaces all of them: the worker is
    read first, its other attributes are kept, and ``If-Match`` refuses to write over what somebody else wrote since.
    ``routing.skills`` and ``routing.levels`` are where Flex keeps them. Source: Twilio documentation, "TaskRouter:
    Worker Resource" and "Flex: Work with Skills".
    """

    title: ClassVar[str] = "Twilio TaskRouter"
    writes: ClassVar[frozenset[WriteKind]] = frozenset({WriteKind.LEVELS})
    secrets: ClassVar[Mapping[str, str]] = {"user": "Account SID or API key", "token": "Auth token or API secret"}
    account_label: ClassVar[str] = "Workspace SID"

    def headers(self, access: Access, call: Call) -> Mapping[str, str]:  # noqa: ARG002 - others ask for a token
        """Return what opens the workspace."""
        return {"Authorization": _basic(access.credentials.get("user", ""), access.credentials.get("token", ""))}

    def plan_changes(self, changes: Sequence[Change], access: Access) -> Sequence[Request]:
        """Return one request for each worker, with the part of the attributes that is Mainstay's."""
        return [
            Request(
                "POST",
                f"/v1/Workspaces/{quote(access.account, safe='')}/Workers/{quote(each.target, safe='')}",
                _attributes({}, each.content["levels"]),
                [each],
                {"Content-Type": "application/x-www-form-urlencoded"},
            )
            for each in changes
        ]

    def perform(self, request: Request, access: Access, call: Call) -> Mapping[int, Result]:
        """Read the worker, and write its attributes with those of Mainstay among them."""
        (change,) = request.changes
        present = self.send(Request("GET", request.path, b"", ()), access, call)
        if not present.ok:
            return {change.write_id: judge(present)}
        try:
            before = json.loads(_object(present).get("attributes") or "{}")
        except ValueError:
            before = None
        if not isinstance(before, dict):
            return {change.write_id: Result(present.status, "The worker's attributes there are no JSON object.")}
        body = _attributes(before, change.content["levels"])
        version = {"If-Match": present.headers["etag"]} if "etag" in present.headers else {}
        written = Request(request.method, request.path, body, request.changes, {**request.headers, **version})
        return {change.write_id: judge(self.send(written, access, call))}


def _attributes(before: Mapping[str, Any], levels: Mapping[str, int]) -> bytes:
    held = {skill: level for skill, level in sorted(levels.items()) if level}
    routing = before.get("routing")
    kept = routing if isinstance(routing, dict) else {}
    # Skills there that Mainstay does not know stay as they are.
    others = [name for name in kept.get("skills") or [] if name not in levels]
    other_levels = {name: value for name, value in (kept.get("levels") or {}).items() if name not in levels}
    merged = {**kept, "skills": [*others, *held], "levels": {**other_levels, **held}}
    return urlencode({"Attributes": json.dumps({**before, "routing": merged}, sort_keys=True)}).encode()


class CsvFile(_Base):
    """A file instead of a network: what should be written waits to be taken along and read in there."""

    title: ClassVar[str] = "CSV file"
    writes: ClassVar[frozenset[WriteKind]] = frozenset({WriteKind.ASSIGNEE, WriteKind.LEVELS})
    secrets: ClassVar[Mapping[str, str]] = {}
    networked: ClassVar[bool] = False

    def plan_changes(self, changes: Sequence[Change], access: Access) -> Sequence[Request]:  # noqa: ARG002 - of the interface
        """Return none: nothing is sent."""
        del changes
        return []


def _object(answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.body or b"{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


PRESETS: Mapping[ConnectionPreset, Connector] = {
    ConnectionPreset.ZENDESK: Zendesk(),
    ConnectionPreset.FRESHDESK: Freshdesk(),
    ConnectionPreset.GENESYS: Genesys(),
    ConnectionPreset.TWILIO: Twilio(),
    ConnectionPreset.CSV: CsvFile(),
}
