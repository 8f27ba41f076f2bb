"""A small contact centre with a day to plan: enough for each page to show something, small enough to solve at once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.factories import NOW, Make
from webapp.models import (
    Channel,
    Engagement,
    EngagementType,
    Interest,
    Person,
    Role,
    Site,
    Skill,
    SkillKind,
    Stance,
    Team,
)
from webapp.services import records

ZONE = ZoneInfo("Europe/Berlin")
ROLES = ("agent", "lead", "scheduler", "hr", "admin")


@dataclass(frozen=True, slots=True)
class Centre:
    """What :func:`build_centre` built; ``day_on`` is the day that has shifts and work."""

    site: Site
    team: Team
    day_on: dt.date
    skills: dict[str, Skill]
    types: dict[str, EngagementType]
    agents: dict[str, Person]
    lead: Person
    scheduler: Person
    hr: Person
    admin: Person
    engagements: tuple[Engagement, ...]

    def at(self, hour: float) -> dt.datetime:
        """Return a time of the day at the site, in UTC."""
        return _moment(self.day_on, hour)


def _moment(day_on: dt.date, hour: float) -> dt.datetime:
    local = dt.datetime.combine(day_on, dt.time(), tzinfo=ZONE) + dt.timedelta(hours=hour)
    return local.astimezone(dt.UTC)


def build_centre(make: Make, *, day_on: dt.date, password_hash: str | None = None) -> Centre:
    """
    Build six agents with a shift each, eleven pieces of deferrable work and calls that are forecast.

    One engagement asks for a level that nobody has, so that a plan leaves something unserved.

    Parameters
    ----------
    make
        Where to build; the caller commits.
    day_on
        The day to plan, at a site in Berlin.
    password_hash
        With it, everybody can sign in.
    """
    site = make.site(code="harbour", name="Harbour", time_zone=ZONE.key)
    team = make.team(site=site, code="care", name="Customer care")
    skills = _skills(make)
    types = _types(make, skills)
    staff = {
        "lead": make.person(name="Lena Brandt", email="lead@example.test", team=team, roles=[Role.LEAD], leads=[team]),
        "scheduler": make.person(name="Sven Holm", email="scheduler@example.test", site=site, roles=[Role.SCHEDULER]),
        "hr": make.person(name="Hana Ito", email="hr@example.test", site=site, roles=[Role.HR]),
        "admin": make.person(name="Ada Moran", email="admin@example.test", site=site, roles=[Role.ADMIN]),
    }
    agents = _agents(make, team, skills, by=staff["lead"])
    for agent in agents.values():
        breaks = [(_moment(day_on, 12), _moment(day_on, 12.5))]
        make.shift(agent, starts_at=_moment(day_on, 8), hours=8, breaks=breaks)
    for half_hour in range(4):
        make.forecast(types["hotline"], _moment(day_on, 9 + half_hour / 2), 40.0, site=site)
    engagements = _engagements(make, site, types, day_on)
    if password_hash is not None:
        for person in [*staff.values(), *agents.values()]:
            make.session.refresh(person, ["account"])
            if person.account is not None:
                person.account.password = password_hash
    return Centre(
        site=site, team=team, day_on=day_on, skills=skills, types=types, agents=agents, **staff, engagements=engagements
    )


def _skills(make: Make) -> dict[str, Skill]:
    products, tongues = make.group(code="products", name="Products"), make.group(code="languages", name="Languages")
    return {
        "billing": make.skill(code="billing", name="Billing", group=products),
        "returns": make.skill(code="returns", name="Returns", group=products),
        "network": make.skill(code="network", name="Network faults", group=products),
        "german": make.skill(code="german", name="German", kind=SkillKind.LANGUAGE, group=tongues),
    }


def _types(make: Make, skills: dict[str, Skill]) -> dict[str, EngagementType]:
    billing, returns, network = skills["billing"], skills["returns"], skills["network"]
    return {
        "refund": make.engagement_type(
            code="refund", name="Refund by e-mail", requires={billing: 2}, handle_minutes=20.0
        ),
        "parcel": make.engagement_type(
            code="parcel", name="Lost parcel", channel=Channel.CASE, requires={returns: 2}, handle_minutes=30.0
        ),
        "outage": make.engagement_type(
            code="outage",
            name="Outage call-back",
            channel=Channel.CALLBACK,
            requires={network: 3},
            prefers={skills["german"]: 2},
            handle_minutes=25.0,
            value=20.0,
        ),
        "expert": make.engagement_type(
            code="expert", name="Core network case", channel=Channel.CASE, requires={network: 5}, value=30.0
        ),
        "check-in": make.engagement_type(
            code="check-in", name="Check-in after a fault", stance=Stance.PROACTIVE, requires={billing: 1}, value=6.0
        ),
        "hotline": make.engagement_type(
            code="hotline", name="Hotline", channel=Channel.VOICE, requires={billing: 1}, handle_minutes=8.0
        ),
    }


def _agents(make: Make, team: Team, skills: dict[str, Skill], *, by: Person) -> dict[str, Person]:
    levels = {
        "Ana Duarte": {"billing": 3, "german": 3},
        "Bo Larsen": {"billing": 2, "returns": 3},
        "Cem Aydin": {"returns": 2, "network": 3},
        "Dana Kral": {"network": 4, "german": 4},
        "Eli Roth": {"billing": 4, "returns": 1},
        "Fay Osei": {"billing": 1, "network": 3, "german": 1},
    }
    agents = {}
    for name, held in levels.items():
        first = name.partition(" ")[0].lower()
        agents[first] = make.person(name=name, email=f"{first}@example.test", external_id=first, team=team)
        for code, level in held.items():
            wish = Interest.GROW if (first, code) == ("ana", "billing") else Interest.NONE
            make.record(agents[first], skills[code], level, interest=wish, by=by)
    # More than is validated, and later than the review: her lead has something to look at.
    claimed_by = make.actor(agents["ana"], at=NOW - dt.timedelta(days=10))
    records.claim_level(make.session, agents["ana"], skill_id=skills["billing"].id, level=4, by=claimed_by)
    return agents


def _engagements(make: Make, site: Site, types: dict[str, EngagementType], day_on: dt.date) -> tuple[Engagement, ...]:
    wanted = ["refund"] * 4 + ["parcel"] * 3 + ["outage"] * 2 + ["check-in", "expert"]
    return tuple(
        make.engagement(
            types[code],
            site=site,
            external_id=f"{code}-{number}",
            earliest_at=_moment(day_on, 8),
            due_at=_moment(day_on, 14),
            latest_at=_moment(day_on, 16),
        )
        for number, code in enumerate(wanted, start=1)
    )


def email_of(role: str) -> str:
    """Return the address of the person who holds a role; of the agents, Ana's."""
    return f"{'ana' if role == 'agent' else role}@example.test"
