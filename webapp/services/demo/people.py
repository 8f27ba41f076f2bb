"""The demo's people: names, teams, roles, and what each is good at."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from webapp.models import Role

GIVEN = (
    "Inês",
    "Tiago",
    "Marta",
    "Rui",
    "Beatriz",
    "Duarte",
    "Clara",
    "Nuno",
    "Leonor",
    "Vasco",
    "Joana",
    "Filipe",
    "Teresa",
    "Hugo",
    "Sofia",
    "Miguel",
    "Carla",
    "Artur",
    "Lídia",
    "Gil",
    "Amélie",
    "Owen",
    "Priya",
    "Dmitri",
    "Noor",
    "Callum",
    "Hana",
    "Luc",
    "Fiona",
    "Kofi",
    "Mairi",
    "Jonas",
    "Aisha",
    "Declan",
    "Wren",
    "Mateus",
    "Odette",
    "Ravi",
    "Elspeth",
    "Tomas",
)
FAMILY = (
    "Almada",
    "Brito",
    "Coelho",
    "Dias",
    "Esteves",
    "Faria",
    "Gouveia",
    "Horta",
    "Janeiro",
    "Lobo",
    "Machado",
    "Neves",
    "Ourique",
    "Pinho",
    "Quintas",
    "Rocha",
    "Seabra",
    "Tavares",
    "Uva",
    "Vidal",
    "MacIsaac",
    "Boudreau",
    "Chisholm",
    "Doucet",
    "Ellery",
    "Fraser",
    "Gallant",
    "Hebb",
    "Isnor",
    "Jessome",
    "Kaulback",
    "LeBlanc",
    "Mosher",
    "Nickerson",
    "Oickle",
)


@dataclass(frozen=True, slots=True)
class TeamSeed:
    """One team: its work decides what its people are good at."""

    code: str
    name: str
    site: str
    focus: tuple[str, ...]


TEAMS = (
    TeamSeed("porto-ribeira", "Ribeira", "porto", ("billing", "tariffs", "payment-plans", "moving", "market-rules")),
    TeamSeed("porto-foz", "Foz", "porto", ("smart-meter", "heat-pump", "solar", "meter-portal", "thermostat")),
    TeamSeed("porto-bolhao", "Bolhão", "porto", ("orders", "returns", "warranty", "social", "community", "order-desk")),
    TeamSeed("halifax-citadel", "Citadel", "halifax", ("billing", "tariffs", "payment-plans", "fraud", "vulnerable")),
    TeamSeed(
        "halifax-harbour", "Harbour", "halifax", ("smart-meter", "heat-pump", "ev-charger", "outage", "meter-portal")
    ),
    TeamSeed(
        "halifax-commons", "Commons", "halifax", ("orders", "returns", "fitting", "social", "community", "writing")
    ),
)
AGENTS_PER_TEAM = 11

EVERYBODY = ("voice", "writing", "crm", "listening", "billing", "orders")
SOME = (
    "chat",
    "outage",
    "calming",
    "outreach",
    "recovery",
    "negotiation",
    "vulnerable",
    "mentoring",
    "knowledge",
    "data-sense",
    "fraud",
    "social",
    "community",
    "green-power",
    "ev-charger",
    "thermostat",
    "returns",
    "tariffs",
    "smart-meter",
    "moving",
)
LANGUAGES = {"porto": ("portuguese", "english"), "halifax": ("english",)}
SECOND_LANGUAGES = {
    "porto": (("spanish", 0.35), ("german", 0.15), ("french", 0.1)),
    "halifax": (("french", 0.35), ("spanish", 0.1)),
}


@dataclass(slots=True)
class PersonSeed:
    """One person of the demo; ``levels`` are the levels that their work supports."""

    code: str
    name: str
    site: str
    team: str | None
    roles: tuple[Role, ...]
    title: str
    tenure_years: float
    levels: dict[str, int] = field(default_factory=dict)
    service_role: str | None = None


def build_people(chance: random.Random) -> list[PersonSeed]:
    """Return about eighty people, the same for the same chance."""
    names = _names(chance)
    people: list[PersonSeed] = []
    for team in TEAMS:
        lead = PersonSeed(
            f"lead-{team.code}", next(names), team.site, team.code, (Role.LEAD, Role.AGENT), "Team lead", 6.0
        )
        lead.levels = _levels(chance, team, lead.tenure_years)
        lead.levels["mentoring"] = 4
        people.append(lead)
        for number in range(1, AGENTS_PER_TEAM + 1):
            tenure = min(12.0, chance.expovariate(1 / 2.6) + 0.2)
            agent = PersonSeed(
                f"{team.code}-{number:02d}", next(names), team.site, team.code, (Role.AGENT,), "Service agent", tenure
            )
            agent.levels = _levels(chance, team, tenure)
            people.append(agent)
    for site in ("porto", "halifax"):
        people.append(PersonSeed(f"scheduler-{site}", next(names), site, None, (Role.SCHEDULER,), "Scheduler", 5.0))
        people.append(PersonSeed(f"hr-{site}", next(names), site, None, (Role.HR,), "People partner", 4.0))
        for role, title in (("warehouse", "Warehouse clerk"), ("shop", "Shop assistant")):
            mover = PersonSeed(f"{role}-{site}", next(names), site, None, (Role.AGENT,), title, 2.0, service_role=role)
            mover.levels = {"listening": 3, "orders": 3, "returns": 2, **dict.fromkeys(LANGUAGES[site], 5)}
            people.append(mover)
    people.append(PersonSeed("admin", next(names), "porto", None, (Role.ADMIN,), "Systems", 7.0))
    for person in people:
        if person.team and person.service_role is None:
            person.service_role = _role_of(person)
    return people


def _names(chance: random.Random) -> Iterator[str]:
    pairs = [(given, family) for given in GIVEN for family in FAMILY]
    chance.shuffle(pairs)
    taken_given: dict[str, int] = {}
    for given, family in pairs:
        # Nobody should have to tell four people of one first name apart on a screenshot.
        if taken_given.get(given, 0) < 3:
            taken_given[given] = taken_given.get(given, 0) + 1
            yield f"{given} {family}"


def _levels(chance: random.Random, team: TeamSeed, tenure: float) -> dict[str, int]:
    ceiling = 2.2 + min(2.8, tenure * 0.7)

    def level(bonus: float) -> int:
        return max(1, min(5, round(chance.triangular(0.8, ceiling + bonus, min(ceiling, 2.4) + bonus / 2))))

    # After a year at the latest, everybody handles plain cases of the daily bread.
    floor = 2 if tenure >= 1 else 1
    levels = {code: max(floor, level(0.3)) for code in EVERYBODY}
    levels |= {code: level(0.9) for code in team.focus if chance.random() < 0.9}
    for code in SOME:
        if chance.random() < 0.38:
            levels.setdefault(code, level(0.0))
    if team.name == "Foz" and tenure > 4 and chance.random() < 0.5:
        levels["commissioning"] = 3
    for code in LANGUAGES[team.site]:
        levels[code] = chance.choice((4, 5, 5))
    for code, share in SECOND_LANGUAGES[team.site]:
        if chance.random() < share:
            levels[code] = chance.choice((2, 3, 3, 4))
    return levels


def _role_of(person: PersonSeed) -> str:
    if Role.LEAD in person.roles:
        return "coach"
    if person.tenure_years < 0.8:
        return "starter"
    return "senior" if person.tenure_years > 4 else "agent"
