"""A source of work, its messages, and the reference model against which any order and number of them is held."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.orm import Session

from tests.factories import NOW, Make
from webapp.models import EngagementType, IntakeSource, Site
from webapp.services.audit import Actor
from webapp.services.intake import mapping as mappings
from webapp.services.intake import receiving, signatures, sources
from webapp.services.intake.classifying import TypeRule, rules_to_json
from webapp.services.intake.mapping import Mapping as IntakeMapping
from webapp.services.intake.presets import PRESETS
from webapp.services.intake.sources import SourceValues
from webapp.services.secrets import SecretBox

SECRET = "whsec_of_a_test_source"
BOX = SecretBox("development-only-secret")
"""The box of an application under test, whose key is the default one."""

HOOK = Actor(person_id=None, at=NOW, channel="api")
STATUSES = ("open", "open", "open", "done", "cancelled")
TEXTS = ("I want a refund", "Where is my parcel?", "Hello", "A refund for the parcel, now")


def connect(
    make: Make, *, kind: EngagementType | None = None, site: Site | None = None, preset: str = "plain", **values: Any
) -> IntakeSource:
    """Build a source with the secret :data:`SECRET`; ``kind`` is the type of what is unsorted."""
    kind = kind or make.engagement_type(code="unsorted", name="Unsorted")
    source, _ = sources.create_source(
        make.session,
        site=site or make.home,
        preset=preset,
        values=SourceValues(
            name=values.pop("name", "Helpdesk"),
            default_type_id=kind.id,
            signature=PRESETS[preset].signature,
            **values,
        ),
        secret=SECRET,
        box=BOX,
        by=Actor(person_id=None, at=NOW, channel="cli"),
    )
    return source


def add_rules(session: Session, source: IntakeSource, *rules: TypeRule) -> None:
    """Let a source's mapping decide by some rules."""
    present = mappings.to_json(sources.current_rules(session, source))
    changed = mappings.from_json({**present, "rules": rules_to_json(rules)})
    sources.save_mapping(session, source, changed, based_on=source.mapping_number, by=HOOK)


def send(session: Session, source: IntakeSource, **message: Any) -> receiving.Outcome:
    """Let a source say something, past the signature; times may be given in minutes after :data:`NOW`."""
    return receiving.receive(session, source, plain(**message), by=HOOK)[0]


def plain(**message: Any) -> dict[str, Any]:
    """Return a message of the preset ``plain``."""
    message.setdefault("id", "case-1")
    message.setdefault("event_id", f"evt-{json.dumps(message, sort_keys=True)}"[:120])
    for name in ("created_at", "updated_at", "due_at"):
        if isinstance(message.get(name), int):
            message[name] = (NOW + dt.timedelta(minutes=message[name])).isoformat()
    return message


def signed(message: Any, *, secret: str = SECRET, at: dt.datetime = NOW) -> dict[str, Any]:
    """Return arguments for a test client's ``post``: a body and the header that signs it."""
    body = json.dumps(message).encode()
    header = {"X-Mainstay-Signature": signatures.sign(secret, body, at=at)}
    return {"data": body, "headers": header, "content_type": "application/json"}


def make_events(count: int, *, seed: int, things: int, prefix: str = "") -> list[dict[str, Any]]:
    """Return events of some things: each says a part of what is known, as of its own minute."""
    chance = random.Random(seed)
    events = []
    for number in range(count):
        thing = chance.randrange(things)
        event: dict[str, Any] = {
            "event_id": f"{prefix}e{number}",
            "id": f"{prefix}t{thing}",
            "updated_at": (NOW + dt.timedelta(seconds=chance.randrange(count * 2))).isoformat(),
            "created_at": (NOW - dt.timedelta(minutes=thing % 600)).isoformat(),
        }
        for name, values in (
            ("status", STATUSES),
            ("priority", (1, 2, 3, 4, 5)),
            ("text", TEXTS),
            ("subject", ("One", "Two", "Three")),
            ("customer", ("c-1", "c-2")),
        ):
            if chance.random() < 0.5:
                event[name] = chance.choice(values)
        events.append(event)
    return events


def shuffle_with_copies(events: list[dict[str, Any]], *, seed: int, most: int = 5) -> list[dict[str, Any]]:
    """Return one to five copies of each event, in any order."""
    chance = random.Random(seed)
    copies = [event for event in events for _ in range(chance.randint(1, most))]
    chance.shuffle(copies)
    return copies


_RANK = {"done": 1, "cancelled": 2}


def reference(events: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """
    Return what each thing must be in the end, by a second statement of the rule: in order, the last word counts.

    Only what is independent of the classification and of the window: those follow from it.
    """
    things: dict[str, dict[str, Any]] = {}
    ordered = sorted(
        events,
        key=lambda event: (
            dt.datetime.fromisoformat(event["updated_at"]).timestamp(),
            _RANK.get(event.get("status", ""), 0),
            hashlib.sha256(event["event_id"].encode()).hexdigest()[:16],
        ),
    )
    for event in ordered:
        thing = things.setdefault(event["id"], {"status": "open", "priority": 3, "subject": "", "customer": ""})
        thing.update({name: value for name, value in event.items() if name not in {"event_id", "id", "updated_at"}})
    return things


def sort_rules() -> list[TypeRule]:
    """Return rules for :data:`TEXTS`: one that is sure, one that is unsure, one that ties."""
    return [TypeRule("refund", ("refund",), weight=2.0), TypeRule("delivery", ("parcel",), weight=2.0)]


def mapping_of(source: IntakeSource, session: Session) -> IntakeMapping:
    """Return the mapping that counts for a source."""
    return sources.current_rules(session, source)
