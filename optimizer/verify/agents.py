"""Rules of one agent: their minutes, and the limits of their shifts."""

from collections import Counter
from collections.abc import Iterator

from optimizer.problem import Agent
from optimizer.verify.case import MINUTES, Case, Violation


def check_agent(case: Case, agent: Agent) -> Iterator[Violation]:
    """Yield what is planned beyond an agent's minutes and limits."""
    yield from _check_capacity(case, agent)
    yield from _check_limits(case, agent)


def _check_capacity(case: Case, agent: Agent) -> Iterator[Violation]:
    """Nobody is planned beyond their minutes; begun work may be carried a little, never into time off."""
    horizon = case.problem.intervals
    normal, extra = _minutes_by_interval(case, agent)
    carried = 0.0
    for interval in range(horizon):
        carried = max(0.0, normal[interval] + carried - agent.capacity[interval])
        into_work = interval + 1 < horizon and agent.capacity[interval + 1] > 0
        most = case.problem.max_carry if into_work else 0.0
        if carried > most + MINUTES:
            yield Violation(
                "capacity",
                f"{agent.id} is planned {carried - most:.4f} minutes beyond interval {interval}.",
                agent=agent.id,
                interval=interval,
            )
            carried = most
        offered = agent.overtime[interval] if agent.overtime else 0.0
        if extra[interval] > offered + MINUTES:
            yield Violation(
                "overtime",
                f"{agent.id} is planned {extra[interval]:.4f} of {offered} overtime minutes.",
                agent=agent.id,
                interval=interval,
            )


def _minutes_by_interval(case: Case, agent: Agent) -> tuple[list[float], list[float]]:
    """Return the minutes that are planned in regular time and in overtime."""
    normal, extra = [0.0] * case.problem.intervals, [0.0] * case.problem.intervals
    for chosen in case.led_by[agent.id]:
        run = case.run_of_lead(chosen)
        for interval, minutes in run.load.items():
            (extra if run.overtime else normal)[interval] += minutes
    for chosen in case.learnt_by[agent.id]:
        for interval, minutes in case.run_of_shadow(chosen).load.items():
            normal[interval] += minutes
    for kept in case.kept_by[agent.id]:
        normal[kept.interval] += kept.minutes
    return normal, extra


def _check_limits(case: Case, agent: Agent) -> Iterator[Violation]:
    """Stretch, heavy work and contacts stay within the limits of each shift."""
    for first, after in agent.shifts or ((0, case.problem.intervals),):
        inside = [chosen for chosen in case.led_by[agent.id] if first <= chosen.start < after]
        beside = [chosen for chosen in case.learnt_by[agent.id] if first <= chosen.start < after]
        stretch = sum(chosen.minutes for chosen in inside if chosen.stretch is not None)
        stretch += sum(case.engagements[chosen.engagement].minutes for chosen in beside)
        heavy = sum(chosen.minutes for chosen in inside if case.engagements[chosen.engagement].heavy)
        contacts = Counter(case.engagements[chosen.engagement].channel for chosen in inside)
        if stretch > agent.max_stretch_minutes + MINUTES:
            yield Violation(
                "stretch", f"{stretch} stretch minutes, {agent.max_stretch_minutes} allowed.", agent=agent.id
            )
        if agent.limits.heavy_minutes is not None and heavy > agent.limits.heavy_minutes + MINUTES:
            yield Violation("heavy", f"{heavy} heavy minutes, {agent.limits.heavy_minutes} allowed.", agent=agent.id)
        for channel, most in agent.limits.contacts.items():
            if contacts[channel] > most:
                yield Violation("contacts", f"{contacts[channel]} of {most} by {channel}.", agent=agent.id)
