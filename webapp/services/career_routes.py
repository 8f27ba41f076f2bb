"""The ways that lead a person to a role inside customer service: steps, months, gaps, and what would shorten them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from optimizer.graphs.routes import MOST_STATES, Effort, RouteSearch, TooManyWaysError
from optimizer.graphs.routes import Route as FoundRoute
from webapp.errors import NotFoundError
from webapp.models import ServiceRole, Skill, StepKind
from webapp.services import careers
from webapp.services.readiness import NamedGap, Path

MOST_ROUTES = 3
MOST_GAINS = 3
# Where somebody without a role stands; no row of the database has this key.
_NOWHERE = 0


@dataclass(frozen=True, slots=True)
class RouteStep:
    """A step of a route, with what is missing when it is begun and the months that it takes."""

    role: ServiceRole
    kind: StepKind
    months: float
    gaps: tuple[NamedGap, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A way from the role that a person holds to another, in months."""

    steps: tuple[RouteStep, ...]
    months: float


@dataclass(frozen=True, slots=True)
class Gain:
    """The months that the shortest route would be shorter if the person had a level of a skill that is their next."""

    skill: Skill
    level: int
    months: float


@dataclass(frozen=True, slots=True)
class Ways:
    """
    The shortest routes to a role, the shortest first, and the single levels that would move most.

    ``choices`` are the roles that may be asked about; ``too_many`` says that the ladder has more ways than are
    compared, so that none is shown.
    """

    choices: tuple[ServiceRole, ...]
    target: ServiceRole | None = None
    routes: tuple[Route, ...] = ()
    gains: tuple[Gain, ...] = ()
    too_many: bool = False
    effort: Effort = field(default_factory=Effort)


def find_ways(path: Path, *, target_id: int | None = None, most_states: int = MOST_STATES) -> Ways:
    """
    Return the shortest routes of a person to a role.

    Parameters
    ----------
    path
        Where the person stands.  Somebody without a role begins at the entries of the ladder.
    target_id
        The role to reach; the person's next step up unless given.
    most_states
        How far the search goes before it says that there are too many ways.

    Raises
    ------
    NotFoundError
        If it is no role inside customer service, or the one that the person holds.
    """
    choices = tuple(line.role for line in path.roles if not line.held)
    if target_id is None:
        target = path.next_step.role if path.next_step else None
    else:
        target = next((role for role in choices if role.id == target_id), None)
        if target is None:
            raise NotFoundError("There is no such role to go to.")
    if target is None:
        return Ways(choices)
    try:
        routes, gains = _solve(path, target, most_states=most_states)
    except TooManyWaysError:
        return Ways(choices, target, too_many=True)
    return Ways(choices, target, routes, gains)


def _solve(path: Path, target: ServiceRole, *, most_states: int) -> tuple[tuple[Route, ...], tuple[Gain, ...]]:
    roles = {line.role.id: line.role for line in path.roles}
    kinds = _steps(path, roles)
    asks = {role.id: careers.readiness_requirements(role) for role in roles.values()}
    search = RouteSearch(kinds, asks, target=target.id, most_states=most_states)
    start = path.held.id if path.held else _NOWHERE
    skills = {line.skill_id: line.skill for role in roles.values() for line in role.requirements}
    found = search.list_routes(start, path.levels, most=MOST_ROUTES)
    gains = search.list_gains(start, path.levels)[:MOST_GAINS]
    return (
        tuple(_named(route, start, roles=roles, kinds=kinds, skills=skills) for route in found),
        tuple(Gain(skills[gain.skill], gain.level, gain.months) for gain in gains),
    )


def _steps(path: Path, roles: Mapping[int, ServiceRole]) -> dict[tuple[int, int], StepKind]:
    """Return the steps between roles inside service, and those that leave where the person stands."""
    leaving = [*roles.values(), *([path.held] if path.held else ())]
    kinds = {
        (step.from_role_id, step.to_role_id): step.kind
        for role in leaving
        for step in role.steps
        if step.to_role_id in roles
    }
    if path.held is None:
        kinds |= {(_NOWHERE, role.id): StepKind.UP for role in careers.find_entries(list(roles.values()))}
    return kinds


def _named(
    route: FoundRoute,
    start: int,
    *,
    roles: Mapping[int, ServiceRole],
    kinds: Mapping[tuple[int, int], StepKind],
    skills: Mapping[int, Skill],
) -> Route:
    steps = tuple(
        RouteStep(
            role=roles[step.role],
            kind=kinds[before, step.role],
            months=step.months,
            gaps=tuple(NamedGap(skills[gap.skill], gap) for gap in step.gaps),
        )
        for before, step in zip((start, *route.roles), route.steps, strict=False)
    )
    return Route(steps, route.months)
