"""
What the demo's company has connected: a webhook, a helpdesk in shadow, a telephone system that is switched off.

None of the addresses exists, so that nothing leaves the machine and the lists of failures have something to show.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import (
    ApiToken,
    ConnectionPreset,
    EventKind,
    Person,
    Role,
    RoleGrant,
    Site,
    TokenScope,
    WebhookSubscription,
)
from webapp.services import access, api_tokens, webhooks
from webapp.services.audit import Actor
from webapp.services.connections import keeping
from webapp.services.connections.keeping import ConnectionDraft
from webapp.services.outgoing import Gate
from webapp.services.secrets import SecretBox
from webapp.services.talk import calling
from webapp.services.webhooks import SubscriptionDraft

WALLBOARD = SubscriptionDraft(
    name="Wallboard by the lifts",
    url="https://wallboard.tidewater.example/hooks/mainstay",
    kinds=(EventKind.PLAN_PUBLISHED, EventKind.LEVEL_VALIDATED, EventKind.JOB_DEAD),
)


def seed_outside(session: Session, site: Site, *, box: SecretBox, by: Actor) -> int:
    """Connect the company with what it uses beside Mainstay, once; return how many rows that were."""
    if session.scalar(select(WebhookSubscription.id).limit(1)) is not None:
        return 0
    webhooks.create_subscription(session, WALLBOARD, gate=Gate(), box=box, by=by)
    for draft in _connections(site):
        keeping.create_connection(session, draft, gate=Gate(), box=box, by=by)
    return 3 + _tokens(session, by=by) + _addresses(session, site, by=by)


def _connections(site: Site) -> tuple[ConnectionDraft, ConnectionDraft]:
    return (
        ConnectionDraft(
            name="Helpdesk: who has which ticket",
            preset=ConnectionPreset.ZENDESK,
            site_id=site.id,
            base_url="https://helpdesk.tidewater.example",
            secrets={"user": "mainstay@tidewater.example", "token": "made up for the demo"},
            writes_assignees=True,
            shadow=True,
        ),
        ConnectionDraft(
            name="Telephone system: skills of agents",
            preset=ConnectionPreset.GENESYS,
            site_id=site.id,
            base_url="https://api.telephones.tidewater.example",
            account="https://login.telephones.tidewater.example",
            secrets={"client_id": "mainstay", "client_secret": "made up for the demo"},
            skill_ids="billing = 5f0c-billing\nvoice = 5f0c-voice\nspanish = 5f0c-spanish",
            writes_levels=True,
            active=False,
        ),
    )


def _tokens(session: Session, *, by: Actor) -> int:
    """Give two people the tokens of their programs; nobody keeps the secrets, so that they open nothing."""
    if session.scalar(select(ApiToken.id).limit(1)) is not None:
        return 0
    wanted = (
        (Role.ADMIN, "Nightly copy of the roster", (TokenScope.ROSTER_READ, TokenScope.PEOPLE_READ), 300),
        (Role.SCHEDULER, "Spreadsheet of the plans", (TokenScope.PLANS_READ, TokenScope.WORK_READ), 21),
    )
    for role, name, scopes, days in wanted:
        person = session.scalars(
            select(Person).join(RoleGrant, RoleGrant.person_id == Person.id).where(RoleGrant.role == role).limit(1)
        ).one()
        api_tokens.create_token(
            session,
            person,
            name=name,
            scopes=scopes,
            site_id=None if role is Role.ADMIN else person.site_id,
            expires_on=by.at.date() + dt.timedelta(days=days),
            viewer=access.get_viewer(session, person.id),
            by=Actor(person_id=person.id, at=by.at, channel="cli"),
        )
    return len(wanted)


def _addresses(session: Session, site: Site, *, by: Actor) -> int:
    """Say where the people of a site are called: most by telephone, some in a meeting room of their own."""
    people = session.scalars(select(Person).where(Person.site_id == site.id, Person.active).order_by(Person.id)).all()
    for number, person in enumerate(people):
        # Some have not entered anything yet, so that the page shows that as well.
        if number % 5 == 4:
            continue
        text = (
            f"sip:{person.external_id}@calls.tidewater.example" if number % 3 == 2 else f"+351 220 123 {100 + number}"
        )
        calling.change_address(
            session,
            person,
            text,
            version=person.version,
            seen={},
            viewer=access.get_viewer(session, person.id),
            by=Actor(person_id=person.id, at=by.at, channel="cli"),
        )
    return len(people)
