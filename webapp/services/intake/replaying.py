"""
A call log as the messages that a telephone system would have sent, and what must come of them.

Each call becomes two or three events of the preset ``contacts``: it arrived, it was answered, it ended.  An event says
only what is known at its moment, so that nothing but all of them together makes the contact.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import Contact, EngagementType, Person, Site
from webapp.services import zones
from webapp.services.importing.call_log.calls import Call, CallReader
from webapp.services.importing.call_log.codes import agent_code, contact_code, type_code
from webapp.services.importing.call_log.presets import find_preset, load_preset
from webapp.services.importing.content import Content
from webapp.services.importing.reading import read_table

MOST_COPIES = 10
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a call, and when it was."""

    at: dt.datetime
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sending:
    """A message that leaves the sender after so many seconds of the log's own time."""

    after: float
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Disorder:
    """
    How messages go astray on the way.

    Parameters
    ----------
    late
        Each copy is late by up to so long, so that what happened within it comes in any order.
    copies
        Each event is sent once up to so many times.
    seed
        Of the random numbers.
    """

    late: dt.timedelta = dt.timedelta(0)
    copies: int = 1
    seed: int = 1


def read_calls(
    content: Content,
    site: Site,
    *,
    preset_name: str | None = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> list[Call]:
    """
    Return the calls of a log as the import reads them, of days at the site from one to another.

    Raises
    ------
    InvalidInputError
        If no preset fits the file, or nothing in it is a call of these days.
    FileRefusedError
        If it cannot be read.
    """
    table = read_table(content)
    preset = load_preset(preset_name) if preset_name else find_preset(table.header)
    if preset is None or not set(preset.columns.values()) <= set(table.header):
        raise InvalidInputError("The preset does not fit the headers of this file.", field="preset")
    reader = CallReader(preset, preset.columns, table.header, preset.time_zone or site.time_zone)
    calls = [call for row in table.rows() if isinstance(call := reader.read(row), Call)]
    if first is not None or last is not None:
        begin, end = first or dt.date.min, last or dt.date.max
        calls = [call for call in calls if begin <= zones.to_local(call.arrived_at, site.time_zone).date() <= end]
    if not calls:
        raise InvalidInputError("No row of the file is a call of these days.", field="path")
    return calls


def happenings_of(calls: Iterable[Call], site_code: str, *, prefix: str = "") -> list[Happening]:
    """
    Return the events of calls in the order in which they happened.

    Parameters
    ----------
    calls
        The calls.
    site_code
        The site under whose codes types and agents are known.
    prefix
        Put before each contact's id, so that a contact that was imported from the same log stays another.
    """
    happenings = [each for call in calls for each in _happenings(call, site_code, prefix)]
    return sorted(happenings, key=lambda each: (each.at, each.message["event_id"]))


def _happenings(call: Call, site_code: str, prefix: str) -> list[Happening]:
    contact = replayed_code(call, site_code, prefix=prefix)
    arrived: dict[str, Any] = {
        "arrived_at": call.arrived_at.isoformat(),
        "type": type_code(site_code, call.type_code),
    }
    if call.customer:
        arrived["customer"] = call.customer
    moments: list[tuple[str, dt.datetime, dict[str, Any]]] = [("arrived", call.arrived_at, arrived)]
    if call.served_at is not None:
        answered = {"answered_at": call.served_at.isoformat(), "agent": agent_code(site_code, call.agent or "")}
        moments.append(("answered", call.served_at, answered))
    moments.append(("ended", call.ended_at, {"ended_at": call.ended_at.isoformat()}))
    return [
        Happening(at, {"event_id": f"{contact}/{name}", "contact": contact, "at": at.isoformat(), **said})
        for name, at, said in moments
    ]


def replayed_code(call: Call, site_code: str, *, prefix: str = "") -> str:
    """Return under which id a replayed call becomes a contact."""
    return f"{prefix}{contact_code(site_code, call)}"[:80]


def disturb(happenings: Sequence[Happening], disorder: Disorder) -> list[Sending]:
    """Return what is sent, in the order of sending: copies, each late by its own time."""
    if not 1 <= disorder.copies <= MOST_COPIES:
        raise InvalidInputError(f"An event is sent 1 to {MOST_COPIES} times.", field="copies")
    # Not for secrets: the same seed gives the same disorder.
    chance = random.Random(disorder.seed)  # noqa: S311
    begin = min(each.at for each in happenings)
    late = disorder.late.total_seconds()
    sendings = [
        Sending((each.at - begin).total_seconds() + chance.uniform(0, late), each.message)
        for each in happenings
        for _ in range(chance.randint(1, disorder.copies))
    ]
    return sorted(sendings, key=lambda each: each.after)


def list_differences(session: Session, calls: Sequence[Call], site: Site, *, prefix: str = "") -> list[str]:
    """Return the ids of contacts that are missing, or are not what the ordered log says."""
    expected = {replayed_code(call, site.code, prefix=prefix): _expected(call, site.code) for call in calls}
    ids = sorted(expected)
    found: dict[str, tuple[Any, ...]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        rows = session.execute(
            select(
                Contact.external_id,
                EngagementType.code,
                Person.external_id,
                Contact.customer_key,
                Contact.arrived_at,
                Contact.served_at,
                Contact.ended_at,
                Contact.wait_seconds,
                Contact.outcome,
            )
            .join(Contact.engagement_type)
            .outerjoin(Person, Person.id == Contact.person_id)
            .where(Contact.site_id == site.id, Contact.external_id.in_(ids[start : start + _AT_ONCE]))
        )
        found |= {key: tuple(values) for key, *values in rows}
    return [key for key in ids if found.get(key) != expected[key]]


def _expected(call: Call, site_code: str) -> tuple[Any, ...]:
    return (
        type_code(site_code, call.type_code),
        agent_code(site_code, call.agent) if call.agent is not None else None,
        call.customer,
        call.arrived_at,
        call.served_at,
        call.ended_at,
        call.wait_seconds,
        call.outcome,
    )
