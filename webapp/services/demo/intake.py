"""The demo's helpdesk: a source of work whose messages come in by the same door as real ones."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import EngagementType, IntakeEvent, IntakeSource, Site
from webapp.services.audit import Actor
from webapp.services.demo.messages import MESSAGES, RULES, Message
from webapp.services.intake import receiving, sources
from webapp.services.intake.sources import SourceValues
from webapp.services.secrets import SecretBox

NAME = "Customers' helpdesk"
PRESET = "zendesk"
UNSORTED = "mail-contract"


def seed_intake(session: Session, site: Site, *, box: SecretBox, by: Actor) -> int:
    """Connect a helpdesk to a site, and take in what it has told today; return how many messages that were."""
    source = session.scalar(select(IntakeSource).where(IntakeSource.site_id == site.id, IntakeSource.preset == PRESET))
    if source is None:
        source = _connect(session, site, box=box, by=by)
    first = f"demo-{by.at:%y%m%d}-"
    known = session.scalar(
        select(IntakeEvent.id).where(
            IntakeEvent.source_id == source.id, IntakeEvent.external_id.startswith(first, autoescape=True)
        )
    )
    if known is not None:
        return 0
    told = sorted(_told(by.at, first), key=lambda each: each[0])
    for at, message in told:
        receiving.receive(session, source, message, by=Actor(person_id=None, at=at, channel="api"))
    return len(told)


def _connect(session: Session, site: Site, *, box: SecretBox, by: Actor) -> IntakeSource:
    unsorted = session.scalars(select(EngagementType).where(EngagementType.code == UNSORTED)).one()
    source, _secret = sources.create_source(
        session,
        site=site,
        preset=PRESET,
        values=SourceValues(name=NAME, default_type_id=unsorted.id, signature="zendesk"),
        box=box,
        by=by,
    )
    rules = replace(sources.current_rules(session, source), rules=RULES)
    sources.save_mapping(session, source, rules, based_on=1, note="Words by which we sort our mail.", by=by)
    return source


def _told(at: dt.datetime, prefix: str) -> list[tuple[dt.datetime, dict[str, Any]]]:
    """Return what the helpdesk sent and when: tickets, what became of them, one copy, and one that is no ticket."""
    told = []
    for number, message in enumerate(MESSAGES, start=1):
        opened_at = at - dt.timedelta(minutes=message.minutes_ago)
        created = _ticket(prefix, number, message, "created", status="NEW", opened_at=opened_at, at=opened_at)
        told.append((opened_at + dt.timedelta(seconds=2), created))
        if message.solved_after is not None:
            solved_at = opened_at + dt.timedelta(minutes=message.solved_after)
            solved = _ticket(
                prefix, number, message, "status_changed", status="SOLVED", opened_at=opened_at, at=solved_at
            )
            told.append((solved_at + dt.timedelta(seconds=2), solved))
    # A helpdesk that got no answer in time sends again; and it tells of more than tickets.
    told.append((told[0][0] + dt.timedelta(minutes=1), told[0][1]))
    seen_at = at - dt.timedelta(minutes=150)
    user = {"type": "zen:event-type:user.created", "id": f"{prefix}user", "time": _iso(seen_at), "detail": {"id": "88"}}
    told.append((seen_at, user))
    return told


def _ticket(
    prefix: str, number: int, message: Message, what: str, *, status: str, opened_at: dt.datetime, at: dt.datetime
) -> dict[str, Any]:
    return {
        "type": f"zen:event-type:ticket.{what}",
        "account_id": 4401,
        "id": f"{prefix}{number:02d}-{what}",
        "time": _iso(at),
        "zendesk_event_version": "2022-06-20",
        "detail": {
            "actor_id": "88",
            "assignee_id": None,
            "brand_id": "7",
            "created_at": _iso(opened_at),
            "description": message.text,
            "id": f"{opened_at:%m%d}{number:02d}",
            "priority": message.priority,
            "requester_id": f"T{52_040 + number * 7}",
            "satisfaction_rating": None,
            "status": status,
            "subject": message.subject,
            "tags": list(message.tags),
            "updated_at": _iso(at),
            "via": {"channel": "email"},
        },
        "event": {},
    }


def _iso(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
