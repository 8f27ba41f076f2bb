"""Rules of the whole plan: names, completeness, reserved minutes, shares, and what people asked."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from optimizer.plan import Assignment, Plan, Reservation
from optimizer.problem import Problem
from optimizer.verify.assignments import list_obstacles
from optimizer.verify.case import MINUTES, Case, Violation, meets


def check_references(problem: Problem, plan: Plan) -> Iterator[Violation]:
    """Yield every name and interval that the problem does not know."""
    agents = {agent.id for agent in problem.agents}
    engagements = {engagement.id for engagement in problem.engagements}
    intervals = range(problem.intervals)
    for chosen in plan.assignments:
        yield from _check_assigned_names(chosen, engagements, agents, intervals)
    for left in plan.unassigned:
        if left.engagement not in engagements:
            yield Violation("reference", f"Unknown engagement {left.engagement!r} is listed as unassigned.")
    classes = {demand.class_ for demand in problem.forecast}
    for kept in plan.reserved:
        yield from _check_reserved_names(kept, classes, agents, intervals)
    for growth in plan.growth:
        if growth.agent not in agents:
            yield Violation("reference", f"Growth of the unknown agent {growth.agent!r} is listed.")


def _check_assigned_names(
    chosen: Assignment, engagements: set[str], agents: set[str], known: range
) -> Iterator[Violation]:
    if chosen.engagement not in engagements:
        yield Violation("reference", f"Unknown engagement {chosen.engagement!r} is assigned.")
    for agent in (chosen.agent, chosen.shadow):
        if agent is not None and agent not in agents:
            yield Violation("reference", f"{chosen.engagement} is assigned to the unknown agent {agent!r}.")
    if chosen.start not in known:
        yield Violation("reference", f"{chosen.engagement} starts outside the horizon, in {chosen.start}.")


def _check_reserved_names(kept: Reservation, classes: set[str], agents: set[str], known: range) -> Iterator[Violation]:
    if kept.class_ not in classes:
        yield Violation("reference", f"Minutes are reserved for the unknown class {kept.class_!r}.")
    if kept.agent not in agents:
        yield Violation("reference", f"Minutes of the unknown agent {kept.agent!r} are reserved.")
    if kept.interval not in known:
        yield Violation("reference", f"Minutes are reserved outside the horizon, in {kept.interval}.")


def check_listed_once(case: Case) -> Iterator[Violation]:
    """Each engagement is either assigned or listed as unassigned, once."""
    times = Counter(chosen.engagement for chosen in case.plan.assignments)
    times.update(left.engagement for left in case.plan.unassigned)
    for identity in case.engagements:
        if times[identity] != 1:
            yield Violation("once", f"{identity} is listed {times[identity]} times.", engagement=identity)
    if case.plan.problem and case.plan.problem != case.problem.digest():
        yield Violation("problem", "The plan answers another problem.")


def check_reservations(case: Case) -> Iterator[Violation]:
    """Minutes are kept by agents who can, and never more than the forecast asks for."""
    contact_minutes: dict[tuple[str, int], float] = defaultdict(float)
    seen: set[tuple[str, str, int]] = set()
    for kept in case.plan.reserved:
        demand, agent = case.classes[kept.class_], case.agents[kept.agent]
        key = (kept.class_, kept.agent, kept.interval)
        if key in seen:
            yield Violation("reserve", f"{key} is reserved twice.", agent=agent.id, interval=kept.interval)
        seen.add(key)
        if kept.minutes < 0:
            yield Violation("reserve", "Reserved minutes are negative.", agent=agent.id, interval=kept.interval)
        missing = [need.skill for need in demand.requires if not need.preferred and not meets(need, agent)]
        obstacles = [f"{agent.id} lacks {skill}." for skill in missing] + list(list_obstacles(demand, agent))
        if demand.site is not None and demand.site != agent.site:
            obstacles.append(f"Class {demand.class_} belongs to site {demand.site}.")
        if agent.capacity[kept.interval] <= 0:
            obstacles.append(f"{agent.id} is off shift in {kept.interval}.")
        for message in obstacles:
            yield Violation("reserve", message, agent=agent.id, interval=kept.interval)
        contacts = agent.concurrency.get(demand.channel, 1.0)
        contact_minutes[kept.class_, kept.interval] += kept.minutes * contacts
    for (name, interval), minutes in contact_minutes.items():
        asked = case.classes[name].minutes[interval]
        if minutes > asked + MINUTES:
            yield Violation("reserve", f"{minutes} minutes for {name}, {asked} are forecast.", interval=interval)


def check_shares(case: Case) -> Iterator[Violation]:
    """Proactive work stays within its share of the assigned minutes."""
    total = sum(chosen.minutes for chosen in case.plan.assignments)
    proactive = sum(
        chosen.minutes for chosen in case.plan.assignments if case.engagements[chosen.engagement].stance == "proactive"
    )
    policy = case.problem.policy
    tolerance = MINUTES * max(1.0, total)
    if policy.proactive_share_min is not None and proactive < policy.proactive_share_min * total - tolerance:
        yield Violation("share", f"{proactive} of {total} minutes are proactive, too few.")
    if policy.proactive_share_max is not None and proactive > policy.proactive_share_max * total + tolerance:
        yield Violation("share", f"{proactive} of {total} minutes are proactive, too many.")


def check_asks(case: Case) -> Iterator[Violation]:
    """Pins, mandatory work, the frozen window and the cap on changes hold."""
    problem = case.problem
    stands = {chosen.engagement: chosen for chosen in case.plan.assignments}
    for pin in problem.pins:
        pinned = stands.get(pin.engagement)
        if pinned is None or pinned.agent != pin.agent or pin.start not in {None, pinned.start}:
            yield Violation("pin", f"The pin of {pin.engagement} is not kept.", engagement=pin.engagement)
    for work in problem.engagements:
        if work.must_assign and work.id not in stands:
            yield Violation("must", f"{work.id} must be assigned.", engagement=work.id)
    frozen = {was.engagement for was in problem.previous if was.start < problem.frozen_before}
    for chosen in case.plan.assignments:
        if chosen.start < problem.frozen_before and chosen.engagement not in frozen:
            yield Violation("frozen", f"{chosen.engagement} starts in the frozen window.", engagement=chosen.engagement)
    left = 0
    for was in problem.previous:
        now = stands.get(was.engagement)
        kept = now is not None and (now.agent, now.start) == (was.agent, was.start)
        left += not kept
        if was.engagement in frozen and not kept:
            yield Violation("frozen", f"{was.engagement} is frozen and was left.", engagement=was.engagement)
    if problem.max_changes is not None and left > problem.max_changes:
        yield Violation("changes", f"{left} previous assignments were left, {problem.max_changes} may be.")
