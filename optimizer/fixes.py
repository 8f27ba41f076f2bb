"""
Make the change that a fix proposes: the problem in which an unassigned engagement can be served.

A fix is data; this module is the only place that says what each one does to a problem. Every change gives room and
takes none away, so that the plan that was found stays possible.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from optimizer.plan import Fix, FixCode, Unassigned
from optimizer.problem import Agent, Engagement, Problem

CONTACTS = "limits.contacts."
"""Begins the name of a limit of contacts; the channel follows."""

SOLVE_LONGER = 4
"""Factor of time and iterations where the fix is to solve longer."""

Change = Callable[[Problem, str, Fix], Problem]


def apply_fix(problem: Problem, unassigned: Unassigned) -> Problem:
    """Return the problem with the change that the fix of an unassigned engagement proposes, and what goes with it.

    ``solve_longer`` gives four times the time, ``none`` changes nothing. Minutes that are added outside every shift
    become a shift of their own.

    Raises
    ------
    LookupError
        If the problem has no such engagement, or not the agent whom the fix names.
    """
    for fix in every_part(unassigned.fix):
        problem = CHANGES[fix.code](problem, unassigned.engagement, fix)
    return problem


def every_part(fix: Fix) -> Iterator[Fix]:
    """Yield a fix and everything that goes with it."""
    yield fix
    for part in fix.also:
        yield from every_part(part)


def _allow_agent(problem: Problem, engagement_id: str, fix: Fix) -> Problem:
    def allow(work: Engagement) -> Engagement:
        eligible = work.eligible_agents
        if eligible is not None and fix.agent is not None and fix.agent not in eligible:
            eligible = (*eligible, fix.agent)
        excluded = tuple(agent for agent in work.excluded_agents if agent != fix.agent)
        return replace(work, excluded_agents=excluded, eligible_agents=eligible)

    return _with_engagement(problem, engagement_id, allow)


def _raise_level(problem: Problem, _engagement_id: str, fix: Fix) -> Problem:
    def train(agent: Agent) -> Agent:
        skill = fix.skill or ""
        level = max(agent.skills.get(skill, 0), fix.level or 0)
        return replace(agent, skills={**agent.skills, skill: level})

    return _with_agent(problem, fix.agent, train)


def _open_channel(problem: Problem, engagement_id: str, fix: Fix) -> Problem:
    work = _engagement(problem, engagement_id)

    def open_to(agent: Agent) -> Agent:
        channels, languages = agent.channels, agent.languages
        if channels is not None and work.channel not in channels:
            channels = (*channels, work.channel)
        if work.language is not None and work.language not in languages:
            languages = (*languages, work.language)
        return replace(agent, channels=channels, languages=languages)

    def anywhere(open_work: Engagement) -> Engagement:
        # The agent's own site stays: other work of theirs may ask for it.
        elsewhere = any(agent.id == fix.agent and agent.site != open_work.site for agent in problem.agents)
        return replace(open_work, site=None) if elsewhere else open_work

    return _with_engagement(_with_agent(problem, fix.agent, open_to), engagement_id, anywhere)


def _grant_authority(problem: Problem, _engagement_id: str, fix: Fix) -> Problem:
    def grant(agent: Agent) -> Agent:
        granted = (fix.authority,) if fix.authority is not None and fix.authority not in agent.authorities else ()
        return replace(agent, authorities=(*agent.authorities, *granted))

    return _with_agent(problem, fix.agent, grant)


def _hand_over(problem: Problem, engagement_id: str, fix: Fix) -> Problem:
    return _with_engagement(problem, engagement_id, lambda work: replace(work, owner=fix.agent))


def _drop_shadow(problem: Problem, engagement_id: str, _fix: Fix) -> Problem:
    return _with_engagement(problem, engagement_id, lambda work: replace(work, shadow=False))


def _add_minutes(problem: Problem, _engagement_id: str, fix: Fix) -> Problem:
    interval, minutes = fix.interval or 0, fix.minutes or 0.0

    def stay_longer(agent: Agent) -> Agent:
        capacity = list(agent.capacity)
        capacity[interval] += minutes
        return replace(agent, capacity=tuple(capacity), shifts=shifts_with(agent.shifts, interval))

    return _with_agent(problem, fix.agent, stay_longer)


def shifts_with(shifts: tuple[tuple[int, int], ...], interval: int) -> tuple[tuple[int, int], ...]:
    """Return shifts with one more of a single interval, unless it lies in one already or there are none."""
    if not shifts or any(first <= interval < after for first, after in shifts):
        return shifts
    return tuple(sorted([*shifts, (interval, interval + 1)]))


def _extend_window(problem: Problem, engagement_id: str, fix: Fix) -> Problem:
    start = fix.interval or 0

    def extend(work: Engagement) -> Engagement:
        return replace(work, earliest=min(work.earliest, start), latest=max(work.latest, start))

    return _with_engagement(problem, engagement_id, extend)


def _raise_limit(problem: Problem, _engagement_id: str, fix: Fix) -> Problem:
    name, most = fix.limit or "", fix.limit_to
    if name in {"proactive_share_min", "proactive_share_max"}:
        share: Mapping[str, float | None] = {name: most}
        return replace(problem, policy=replace(problem.policy, **share))  # type: ignore[arg-type]  # Two float fields.

    def loosen(agent: Agent) -> Agent:
        if name == "max_stretch_minutes":
            return replace(agent, max_stretch_minutes=most or 0.0)
        if name == "limits.heavy_minutes":
            return replace(agent, limits=replace(agent.limits, heavy_minutes=most))
        if name == "overtime":
            overtime = list(agent.overtime or (0.0,) * problem.intervals)
            overtime[fix.interval or 0] = most or 0.0
            return replace(agent, overtime=tuple(overtime))
        contacts = {**agent.limits.contacts, name.removeprefix(CONTACTS): int(most or 0)}
        return replace(agent, limits=replace(agent.limits, contacts=contacts))

    return _with_agent(problem, fix.agent, loosen)


def _solve_longer(problem: Problem, _engagement_id: str, _fix: Fix) -> Problem:
    policy = problem.policy
    iterations = None if policy.iterations is None else SOLVE_LONGER * policy.iterations
    longer = replace(policy, time_limit_s=SOLVE_LONGER * policy.time_limit_s, iterations=iterations)
    return replace(problem, policy=longer)


def _leave(problem: Problem, _engagement_id: str, _fix: Fix) -> Problem:
    return problem


CHANGES: Mapping[FixCode, Change] = {
    FixCode.ALLOW_AGENT: _allow_agent,
    FixCode.RAISE_LEVEL: _raise_level,
    FixCode.GRANT_AUTHORITY: _grant_authority,
    FixCode.OPEN_CHANNEL: _open_channel,
    FixCode.HAND_OVER: _hand_over,
    FixCode.DROP_SHADOW: _drop_shadow,
    FixCode.ADD_MINUTES: _add_minutes,
    FixCode.EXTEND_WINDOW: _extend_window,
    FixCode.RAISE_LIMIT: _raise_limit,
    FixCode.SOLVE_LONGER: _solve_longer,
    FixCode.NONE: _leave,
}
"""What each fix does to a problem."""


def focus(problem: Problem, engagement_id: str, agent_ids: Iterable[str]) -> Problem:
    """Return the problem of one engagement and some agents alone, in which a change can be tried quickly."""
    work = _engagement(problem, engagement_id)
    kept = {*agent_ids, *([] if work.owner is None else [work.owner])}
    eligible = None if work.eligible_agents is None else tuple(each for each in work.eligible_agents if each in kept)
    alone = replace(
        work,
        known_agents=tuple(each for each in work.known_agents if each in kept),
        excluded_agents=tuple(each for each in work.excluded_agents if each in kept),
        eligible_agents=eligible,
        values={agent: points for agent, points in work.values.items() if agent in kept},
        minutes_by_agent={agent: minutes for agent, minutes in work.minutes_by_agent.items() if agent in kept},
        must_assign=False,
    )
    return replace(
        problem,
        agents=tuple(agent for agent in problem.agents if agent.id in kept),
        engagements=(alone,),
        forecast=(),
        pins=(),
        previous=(),
        max_changes=None,
    )


def _engagement(problem: Problem, identity: str) -> Engagement:
    for work in problem.engagements:
        if work.id == identity:
            return work
    raise LookupError(identity)


def _with_engagement(problem: Problem, identity: str, change: Callable[[Engagement], Engagement]) -> Problem:
    _engagement(problem, identity)
    changed = tuple(change(work) if work.id == identity else work for work in problem.engagements)
    return replace(problem, engagements=changed)


def _with_agent(problem: Problem, identity: str | None, change: Callable[[Agent], Agent]) -> Problem:
    if all(agent.id != identity for agent in problem.agents):
        raise LookupError(identity)
    return replace(
        problem, agents=tuple(change(agent) if agent.id == identity else agent for agent in problem.agents)
    )  # fmt: skip
