"""A small floor for live routing: calls one at a time, chats three at once, and agents who can take some of them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.orm import Session

from tests.factories import NOW, Make
from webapp.models import Channel, Person, RoutingMode, Site
from webapp.services.routing import desks, events, settings
from webapp.services.routing.events import Arrival, Outcome

SKILLS = {
    "ana": {"billing": 4, "german": 4},
    "bo": {"billing": 2, "returns": 3},
    "cem": {"returns": 5},
    "dana": {"billing": 3, "returns": 2},
}
"""Levels of the agents; hotline needs billing 1 and prefers german 4, chat needs returns 1, expert needs billing 4."""


@dataclass(slots=True)
class Floor:
    """A site that routes, and a moment that moves on."""

    site: Site
    agents: dict[str, Person]
    at: dt.datetime = NOW

    def arrival(self, number: int, kind: str = "hotline", **values: object) -> Arrival:
        """Return a contact that arrives now."""
        return Arrival(f"c{number}-{self.site.id}", f"{kind}-{self.site.id}", self.at, **values)  # type: ignore[arg-type]

    def do(self, session: Session, event: object) -> Outcome:
        """Take an event in and commit, as a request does."""
        outcome = events.take_in(session, self.site.id, event, at=self.at)  # type: ignore[arg-type]
        session.commit()
        return outcome

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.at += dt.timedelta(seconds=seconds)

    def name(self, person_id: int) -> str:
        """Return what an agent is called here."""
        return next(name for name, person in self.agents.items() if person.id == person_id)


def build_floor(make: Make, *, mode: RoutingMode = RoutingMode.LIVE, code: str = "floor", **figures: int) -> Floor:
    """Build the floor with its desk, in a transaction that is committed."""
    site = make.site(code=code)
    skills = {name: make.skill(code=f"{name}-{site.id}") for name in ("billing", "returns", "german")}
    billing, returns, german = skills.values()
    make.engagement_type(
        code=f"hotline-{site.id}", channel=Channel.VOICE, requires={billing: 1}, prefers={german: 4}, value=10.0
    )
    make.engagement_type(code=f"chat-{site.id}", channel=Channel.CHAT, requires={returns: 1}, concurrency=3, value=6.0)
    make.engagement_type(code=f"expert-{site.id}", channel=Channel.VOICE, requires={billing: 4}, value=40.0)
    agents = {}
    for name, held in SKILLS.items():
        agents[name] = make.person(name=name.title(), external_id=f"{name}-{site.id}", site=site)
        for skill, level in held.items():
            make.record(agents[name], skills[skill], level)
    boss = make.person(site=site, roles=[], is_agent=False)
    settings.change_setting(make.session, site, settings.Wanted(mode, **figures), by=make.actor(boss))
    desks.refresh(make.session, site, at=NOW)
    make.commit()
    return Floor(site, agents)
