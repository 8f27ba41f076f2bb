"""
The independent checker: every rule that a plan must obey, stated a second time on purpose.

Written from the definitions in ``docs/optimizer.md`` in plain loops over one agent and one assignment at a time. It
shares no code with the model, so that a mistake there is not repeated here; whoever mends a rule mends it twice.
Cost: O(assignments × intervals per engagement + agents × intervals).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from optimizer.plan import Assignment, Plan, Reservation, Status
from optimizer.policy import LADDER_STEPS, TERMS, TIERS
from optimizer.problem import Agent, Engagement, Forecast, Problem, Requirement

__all__ = ["Violation", "verify"]

MINUTES = 1e-5
"""Minutes by which a solver's rounding may exceed a limit."""
POINTS = 1e-6
"""Relative error of points that summation may cause."""
OVERTIME_RATE = 1.5
BALANCE_STEPS = {"occupancy": (0.6, 0.7, 0.8, 0.9), "stretch": (0.1, 0.2, 0.3), "heavy": (0.1, 0.2, 0.3)}


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a plan breaks.

    Attributes
    ----------
    rule
        Short name of the rule, such as ``capacity`` or ``skill``.
    message
        What is wrong, with figures.
    engagement, agent, interval
        Where, as far as it applies.
    """

    rule: str
    message: str
    engagement: str | None = None
    agent: str | None = None
    interval: int | None = None


def verify(problem: Problem, plan: Plan) -> tuple[Violation, ...]:
    """Return every rule that a plan breaks; none for a valid plan.

    A plan without an objective has to be empty, and its status has to say why.
    """
    if not plan.has_plan:
        return tuple(_check_empty(plan))
    checker = _Checker(problem, plan)
    found = list(checker.check_references())
    if found:
        # What refers to something unknown cannot be weighed any further.
        return tuple(found)
    return tuple(checker.check())


def _check_empty(plan: Plan) -> Iterator[Violation]:
    if plan.assignments or plan.reserved:
        yield Violation("status", "There is no objective, yet work is assigned or minutes are reserved.")
    if plan.status in {Status.OPTIMAL, Status.FEASIBLE}:
        yield Violation("status", f"Status {plan.status} without an objective.")


def _near(left: float, right: float, scale: float = 1.0) -> bool:
    return abs(left - right) <= POINTS * max(1.0, abs(left), abs(right), scale)


@dataclass(frozen=True, slots=True)
class _Run:
    """How an assignment runs: agent minutes by interval, whether in overtime."""

    load: Mapping[int, float]
    overtime: bool
    finished: bool

    @property
    def last(self) -> int:
        return max(self.load, default=-1)


@dataclass(slots=True)
class _Checker:
    problem: Problem
    plan: Plan
    agents: dict[str, Agent] = field(init=False)
    engagements: dict[str, Engagement] = field(init=False)
    classes: dict[str, Forecast] = field(init=False)
    runs: dict[str, _Run] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.agents = {agent.id: agent for agent in self.problem.agents}
        self.engagements = {engagement.id: engagement for engagement in self.problem.engagements}
        self.classes = {demand.class_: demand for demand in self.problem.forecast}

    def check(self) -> Iterator[Violation]:
        """Yield every violation of a plan whose references are sound."""
        yield from self.check_listed_once()
        for chosen in self.plan.assignments:
            self.runs[chosen.engagement] = self._run(chosen)
            yield from self.check_assignment(chosen)
        yield from self.check_reservations()
        for agent in self.problem.agents:
            yield from self.check_capacity(agent)
            yield from self.check_limits(agent)
        yield from self.check_shares()
        yield from self.check_asks()
        yield from self.check_points()
        yield from self.check_bound()
        yield from self.check_prices()

    def check_references(self) -> Iterator[Violation]:
        """Yield every name and interval that the problem does not know."""
        intervals = range(self.problem.intervals)
        for chosen in self.plan.assignments:
            if chosen.engagement not in self.engagements:
                yield Violation("reference", f"Unknown engagement {chosen.engagement!r} is assigned.")
            if chosen.agent not in self.agents:
                yield Violation("reference", f"{chosen.engagement} is assigned to the unknown agent {chosen.agent!r}.")
            if chosen.start not in intervals:
                yield Violation("reference", f"{chosen.engagement} starts outside the horizon, in {chosen.start}.")
        for left in self.plan.unassigned:
            if left.engagement not in self.engagements:
                yield Violation("reference", f"Unknown engagement {left.engagement!r} is listed as unassigned.")
        for kept in self.plan.reserved:
            yield from self._check_reserved_names(kept)

    def _check_reserved_names(self, kept: Reservation) -> Iterator[Violation]:
        if kept.class_ not in self.classes:
            yield Violation("reference", f"Minutes are reserved for the unknown class {kept.class_!r}.")
        if kept.agent not in self.agents:
            yield Violation("reference", f"Minutes of the unknown agent {kept.agent!r} are reserved.")
        if kept.interval not in range(self.problem.intervals):
            yield Violation("reference", f"Minutes are reserved outside the horizon, in {kept.interval}.")

    def check_listed_once(self) -> Iterator[Violation]:
        """Each engagement is either assigned or listed as unassigned, once."""
        times = Counter(chosen.engagement for chosen in self.plan.assignments)
        times.update(left.engagement for left in self.plan.unassigned)
        for identity in self.engagements:
            if times[identity] != 1:
                yield Violation("once", f"{identity} is listed {times[identity]} times.", engagement=identity)
        if self.plan.problem and self.plan.problem != self.problem.digest():
            yield Violation("problem", "The plan answers another problem.")

    # One assignment

    def check_assignment(self, chosen: Assignment) -> Iterator[Violation]:
        """Eligibility, window, minutes, run and the exceptions that were needed."""
        work, agent, run = self.engagements[chosen.engagement], self.agents[chosen.agent], self.runs[chosen.engagement]

        def broken(rule: str, message: str) -> Violation:
            return Violation(rule, message, engagement=work.id, agent=agent.id, interval=chosen.start)

        if work.eligible_agents is not None and agent.id not in work.eligible_agents:
            yield broken("eligible", f"{agent.id} is not among the eligible agents of {work.id}.")
        if agent.id in work.excluded_agents:
            yield broken("excluded", f"{agent.id} is excluded from {work.id}.")
        for message in _obstacles(work, agent):
            yield broken("reach", message)
        if not abs(chosen.minutes - work.minutes_with(agent.id)) <= MINUTES:
            yield broken("minutes", f"{chosen.minutes} minutes instead of {work.minutes_with(agent.id)}.")
        if not run.finished:
            yield broken("finish", f"{work.id} cannot be finished by {agent.id} when it starts in {chosen.start}.")
        if chosen.start < work.earliest:
            yield broken("window", f"{work.id} starts in {chosen.start}, before {work.earliest}.")
        if work.shadow != (chosen.shadow is not None):
            yield broken("shadow", f"{work.id} {'needs' if work.shadow else 'has no use for'} a second agent.")
        yield from (broken("skill", message) for message in self._check_skills(chosen, work, agent, run))
        yield from (broken("ladder", message) for message in self._check_steps(chosen, work, agent))

    def _check_skills(self, chosen: Assignment, work: Engagement, agent: Agent, run: _Run) -> Iterator[str]:
        short = [need for need in work.requires if not need.preferred and not _met(need, agent)]
        too_low = [need for need in short if need.level - agent.skills.get(need.skill, 0) > 1]
        if too_low:
            yield f"{agent.id} is more than one level short in {too_low[0].skill}."
        stretchable = len(short) == 1 and not too_low and self._may_stretch(short[0], agent, chosen.start, run)
        if stretchable and chosen.stretch != short[0].skill:
            yield f"{work.id} is stretch in {short[0].skill} for {agent.id}, and the plan does not say so."
        if not stretchable and chosen.stretch is not None:
            yield f"{work.id} is not stretch in {chosen.stretch} for {agent.id}."
        lowered = bool(short) and not stretchable
        if lowered and ("lower_level" not in chosen.relaxed or any(not agent.skills.get(n.skill, 0) for n in short)):
            yield f"{agent.id} lacks {', '.join(f'{need.skill} at {need.level}' for need in short)}."
        if not lowered and "lower_level" in chosen.relaxed:
            yield "The step lower_level was not needed."
        if "drop_preferred" in self._ladder():
            yield from self._check_preferred(chosen, work, agent)

    def _check_preferred(self, chosen: Assignment, work: Engagement, agent: Agent) -> Iterator[str]:
        preferred = [need for need in work.requires if need.preferred]
        if not preferred:
            return
        droppable = min(preferred, key=lambda need: need.weight)
        for need in preferred:
            if need is not droppable and not _met(need, agent):
                yield f"{agent.id} lacks the preferred {need.skill}, which this ladder makes hard."
        if ("drop_preferred" in chosen.relaxed) == _met(droppable, agent):
            yield f"The step drop_preferred is right if and only if {droppable.skill} is missed."

    def _may_stretch(self, need: Requirement, agent: Agent, start: int, run: _Run) -> bool:
        if need.skill not in agent.wants or agent.max_stretch_minutes <= 0 or not run.load:
            return False
        while_it_runs = range(start, run.last + 1)
        return any(
            mentor.id != agent.id
            and need.skill in mentor.mentor_for
            and mentor.skills.get(need.skill, 0) >= need.level
            and all(mentor.capacity[interval] > 0 for interval in while_it_runs)
            for mentor in self.problem.agents
        )

    def _ladder(self) -> dict[str, float]:
        return {rung.step: rung.price for rung in self.problem.policy.ladder}

    def _check_steps(self, chosen: Assignment, work: Engagement, agent: Agent) -> Iterator[str]:
        ladder = self._ladder()
        for step in chosen.relaxed:
            if step not in ladder:
                yield f"The step {step} is not on the ladder."
        if list(chosen.relaxed) != [step for step in LADDER_STEPS if step in chosen.relaxed]:
            yield "The steps are repeated or out of order."
        elsewhere = work.site is not None and work.site != agent.site
        if elsewhere != ("other_site" in chosen.relaxed):
            yield f"{work.id} belongs to site {work.site}, {agent.id} to {agent.site}."
        if (chosen.start > work.latest) != ("later" in chosen.relaxed):
            yield f"{work.id} starts in {chosen.start}; the last allowed start is {work.latest}."
        if "drop_preferred" in chosen.relaxed and not any(need.preferred for need in work.requires):
            yield "The step drop_preferred was not needed."

    def _run(self, chosen: Assignment) -> _Run:
        work, agent = self.engagements[chosen.engagement], self.agents[chosen.agent]
        overtime = "overtime" in chosen.relaxed
        offered = (agent.overtime or (0.0,) * self.problem.intervals) if overtime else agent.capacity
        contacts = agent.concurrency.get(work.channel, 1.0)
        left, load, interval = work.minutes_with(agent.id), {}, chosen.start
        while left > 1e-9 and interval < self.problem.intervals and offered[interval] > 0:
            done = min(self.problem.interval_minutes, left, contacts * offered[interval])
            load[interval] = done / contacts
            left -= done
            interval += 1
        return _Run(load, overtime, finished=left <= 1e-9)

    # One agent

    def _assigned_to(self, agent: Agent) -> list[Assignment]:
        return [chosen for chosen in self.plan.assignments if chosen.agent == agent.id]

    def check_capacity(self, agent: Agent) -> Iterator[Violation]:
        """Nobody is planned beyond their minutes; begun work may be carried a little, never into time off."""
        horizon = self.problem.intervals
        normal, extra = [0.0] * horizon, [0.0] * horizon
        for chosen in self._assigned_to(agent):
            run = self.runs[chosen.engagement]
            for interval, minutes in run.load.items():
                (extra if run.overtime else normal)[interval] += minutes
        for kept in self.plan.reserved:
            if kept.agent == agent.id:
                normal[kept.interval] += kept.minutes
        carried = 0.0
        for interval in range(horizon):
            carried = max(0.0, normal[interval] + carried - agent.capacity[interval])
            into_work = interval + 1 < horizon and agent.capacity[interval + 1] > 0
            most = self.problem.max_carry if into_work else 0.0
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

    def check_limits(self, agent: Agent) -> Iterator[Violation]:
        """Stretch, heavy work and contacts stay within the limits of each shift."""
        shifts = agent.shifts or ((0, self.problem.intervals),)
        for first, after in shifts:
            inside = [chosen for chosen in self._assigned_to(agent) if first <= chosen.start < after]
            stretch = sum(chosen.minutes for chosen in inside if chosen.stretch is not None)
            heavy = sum(chosen.minutes for chosen in inside if self.engagements[chosen.engagement].heavy)
            contacts = Counter(self.engagements[chosen.engagement].channel for chosen in inside)
            if stretch > agent.max_stretch_minutes + MINUTES:
                yield Violation(
                    "stretch", f"{stretch} stretch minutes, {agent.max_stretch_minutes} allowed.", agent=agent.id
                )
            if agent.limits.heavy_minutes is not None and heavy > agent.limits.heavy_minutes + MINUTES:
                yield Violation(
                    "heavy", f"{heavy} heavy minutes, {agent.limits.heavy_minutes} allowed.", agent=agent.id
                )
            for channel, most in agent.limits.contacts.items():
                if contacts[channel] > most:
                    yield Violation("contacts", f"{contacts[channel]} of {most} by {channel}.", agent=agent.id)

    def check_reservations(self) -> Iterator[Violation]:
        """Minutes are kept by agents who can, and never more than the forecast asks for."""
        contact_minutes: dict[tuple[str, int], float] = defaultdict(float)
        seen: set[tuple[str, str, int]] = set()
        for kept in self.plan.reserved:
            demand, agent = self.classes[kept.class_], self.agents[kept.agent]
            key = (kept.class_, kept.agent, kept.interval)
            if key in seen:
                yield Violation("reserve", f"{key} is reserved twice.", agent=agent.id, interval=kept.interval)
            seen.add(key)
            if kept.minutes < 0:
                yield Violation("reserve", "Reserved minutes are negative.", agent=agent.id, interval=kept.interval)
            missing = [need.skill for need in demand.requires if not need.preferred and not _met(need, agent)]
            obstacles = [f"{agent.id} lacks {skill}." for skill in missing] + list(_obstacles(demand, agent))
            if demand.site is not None and demand.site != agent.site:
                obstacles.append(f"Class {demand.class_} belongs to site {demand.site}.")
            for message in obstacles:
                yield Violation("reserve", message, agent=agent.id, interval=kept.interval)
            contacts = agent.concurrency.get(demand.channel, 1.0)
            contact_minutes[kept.class_, kept.interval] += kept.minutes * contacts
        for (name, interval), minutes in contact_minutes.items():
            asked = self.classes[name].minutes[interval]
            if minutes > asked + MINUTES:
                yield Violation("reserve", f"{minutes} minutes for {name}, {asked} are forecast.", interval=interval)

    # The whole plan

    def check_shares(self) -> Iterator[Violation]:
        """Proactive work stays within its share of the assigned minutes."""
        total = sum(chosen.minutes for chosen in self.plan.assignments)
        proactive = sum(
            chosen.minutes
            for chosen in self.plan.assignments
            if self.engagements[chosen.engagement].stance == "proactive"
        )
        policy = self.problem.policy
        tolerance = MINUTES * max(1.0, total)
        if policy.proactive_share_min is not None and proactive < policy.proactive_share_min * total - tolerance:
            yield Violation("share", f"{proactive} of {total} minutes are proactive, too few.")
        if policy.proactive_share_max is not None and proactive > policy.proactive_share_max * total + tolerance:
            yield Violation("share", f"{proactive} of {total} minutes are proactive, too many.")

    def check_asks(self) -> Iterator[Violation]:
        """Pins, mandatory work, the frozen window and the cap on changes hold."""
        stands = {chosen.engagement: chosen for chosen in self.plan.assignments}
        for pin in self.problem.pins:
            chosen = stands.get(pin.engagement)
            if chosen is None or chosen.agent != pin.agent or pin.start not in {None, chosen.start}:
                yield Violation("pin", f"The pin of {pin.engagement} is not kept.", engagement=pin.engagement)
        for work in self.problem.engagements:
            if work.must_assign and work.id not in stands:
                yield Violation("must", f"{work.id} must be assigned.", engagement=work.id)
        frozen = {was.engagement: was for was in self.problem.previous if was.start < self.problem.frozen_before}
        for chosen in self.plan.assignments:
            if chosen.start < self.problem.frozen_before and chosen.engagement not in frozen:
                yield Violation(
                    "frozen", f"{chosen.engagement} starts in the frozen window.", engagement=chosen.engagement
                )
        left = 0
        for was in self.problem.previous:
            now = stands.get(was.engagement)
            kept = now is not None and (now.agent, now.start) == (was.agent, was.start)
            left += not kept
            if was.engagement in frozen and not kept:
                yield Violation("frozen", f"{was.engagement} is frozen and was left.", engagement=was.engagement)
        if self.problem.max_changes is not None and left > self.problem.max_changes:
            yield Violation("changes", f"{left} previous assignments were left, {self.problem.max_changes} may be.")

    def check_points(self) -> Iterator[Violation]:
        """Each term is what its definition says, and the sums are right."""
        totals = dict.fromkeys(TERMS, 0.0)
        for chosen in self.plan.assignments:
            expected = self._terms(chosen)
            for term, points in expected.items():
                totals[term] += points
            yield from _compare_terms(chosen, expected)
        self._add_whole_plan(totals)
        yield from self._check_totals(totals)

    def _check_totals(self, totals: Mapping[str, float]) -> Iterator[Violation]:
        scale = sum(abs(points) for points in totals.values())
        for term in TERMS:
            if not _near(self.plan.terms.get(term, 0.0), totals[term], scale):
                yield Violation("terms", f"{term} is {self.plan.terms.get(term, 0.0)} in total, not {totals[term]}.")
        for term in self.plan.terms:
            if term not in TERMS:
                yield Violation("terms", f"{term} is not a term.")
        first = sum(totals[term] for term in TIERS["customers"])
        if not _near(self.plan.objective or 0.0, first, scale):
            yield Violation("objective", f"The objective is {self.plan.objective}, the terms add up to {first}.")
        for result in self.plan.tiers:
            kept = sum(totals[term] for term in TIERS[result.tier])
            if not _near(result.kept, kept, scale):
                yield Violation("tier", f"Tier {result.tier} keeps {kept}, not {result.kept}.")

    def _terms(self, chosen: Assignment) -> dict[str, float]:
        work, agent, policy = self.engagements[chosen.engagement], self.agents[chosen.agent], self.problem.policy
        terms: dict[str, float] = {}
        if agent.id in work.values:
            terms["given"] = work.values[agent.id]
        else:
            contacts = agent.concurrency.get(work.channel, 1.0)
            rate = agent.cost_per_minute * (OVERTIME_RATE if "overtime" in chosen.relaxed else 1.0)
            raw = {
                "service": work.worth * _timeliness(work, chosen.start, policy.late_share),
                "match": work.worth * _fit(work, agent),
                "continuity": work.worth if agent.id in work.known_agents else 0.0,
                "growth": chosen.minutes if chosen.stretch is not None else 0.0,
                "practice": chosen.minutes if self._practises(work, agent) else 0.0,
                "cost": -chosen.minutes / contacts * rate,
            }
            terms.update({term: policy.weight(term) * points for term, points in raw.items()})
        terms["relaxation"] = -sum(self._ladder().get(step, 0.0) for step in chosen.relaxed)
        was = next((each for each in self.problem.previous if each.engagement == work.id), None)
        if was is not None and (was.agent, was.start) != (chosen.agent, chosen.start):
            terms["stability"] = -policy.weight("stability") * work.minutes
        return terms

    def _practises(self, work: Engagement, agent: Agent) -> bool:
        day = self.problem.start.date()
        soon = self.problem.policy.lapse_within_days
        return any(
            need.level > 0
            and agent.skills.get(need.skill, 0) > 0
            and need.skill in agent.lapses_on
            and (agent.lapses_on[need.skill] - day).days <= soon
            for need in work.requires
        )

    def _add_whole_plan(self, totals: dict[str, float]) -> None:
        policy = self.problem.policy
        for kept in self.plan.reserved:
            demand, agent = self.classes[kept.class_], self.agents[kept.agent]
            contact_minutes = kept.minutes * agent.concurrency.get(demand.channel, 1.0)
            totals["service"] += policy.weight("service") * demand.value_per_minute * contact_minutes
            totals["cost"] -= policy.weight("cost") * agent.cost_per_minute * kept.minutes
        assigned = {chosen.engagement for chosen in self.plan.assignments}
        for was in self.problem.previous:
            if was.engagement not in assigned:
                totals["stability"] -= policy.weight("stability") * self.engagements[was.engagement].minutes
        totals["balance"] -= policy.weight("balance") * sum(self._imbalance(agent) for agent in self.problem.agents)

    def _imbalance(self, agent: Agent) -> float:
        total = sum(agent.capacity)
        if total <= 0:
            return 0.0
        mine = self._assigned_to(agent)
        measures = {
            "occupancy": sum(kept.minutes for kept in self.plan.reserved if kept.agent == agent.id),
            "stretch": sum(chosen.minutes for chosen in mine if chosen.stretch is not None),
            "heavy": sum(chosen.minutes for chosen in mine if self.engagements[chosen.engagement].heavy),
        }
        for chosen in mine:
            run = self.runs[chosen.engagement]
            measures["occupancy"] += 0.0 if run.overtime else sum(run.load.values())
        return sum(
            max(0.0, minutes - share * total) for name, minutes in measures.items() for share in BALANCE_STEPS[name]
        )

    def check_bound(self) -> Iterator[Violation]:
        """Bound, gap and status say no more than is proven."""
        plan = self.plan
        objective = plan.objective or 0.0
        if plan.status in {Status.INFEASIBLE, Status.TIME_LIMIT_NO_PLAN}:
            yield Violation("status", f"Status {plan.status} beside a plan.")
        if plan.bound is not None:
            if plan.bound < objective and not _near(plan.bound, objective):
                yield Violation("bound", f"The bound {plan.bound} is below the objective {objective}.")
            gap = (plan.bound - objective) / abs(objective) if objective else None
            if plan.gap is not None and gap is not None and not abs(plan.gap - gap) <= POINTS:
                yield Violation("gap", f"The gap is {gap}, not {plan.gap}.")
        yield from self._check_tiers()

    def _check_tiers(self) -> Iterator[Violation]:
        plan, policy = self.plan, self.problem.policy
        for number, result in enumerate(plan.tiers):
            if result.bound < result.objective and not _near(result.bound, result.objective):
                yield Violation("bound", f"Tier {result.tier}: bound {result.bound} below {result.objective}.")
            last = number == len(plan.tiers) - 1
            allowed = 0.0 if last else policy.growth_epsilon * abs(result.objective)
            scale = max(1.0, abs(result.objective))
            if result.kept < result.objective - allowed - POINTS * scale:
                yield Violation("epsilon", f"Tier {result.tier} fell from {result.objective} to {result.kept}.")
        if plan.status is Status.OPTIMAL:
            target = max(policy.gap, 1e-9) + POINTS
            for result in plan.tiers:
                if result.gap > target:
                    yield Violation("status", f"Called optimal with a gap of {result.gap} in tier {result.tier}.")

    def check_prices(self) -> Iterator[Violation]:
        """Shadow prices are there for whole horizons and never negative."""
        rows = [(f"agent {name}", row) for name, row in self.plan.prices.agent.items()]
        rows += [
            (f"skill {skill} at {level}", row)
            for skill, levels in self.plan.prices.skill.items()
            for level, row in levels.items()
        ]
        for name, row in rows:
            if len(row) != self.problem.intervals:
                yield Violation("prices", f"{name} has {len(row)} prices for {self.problem.intervals} intervals.")
            if any(price < 0 for price in row):
                yield Violation("prices", f"A price of {name} is negative.")


def _compare_terms(chosen: Assignment, expected: Mapping[str, float]) -> Iterator[Violation]:
    for term in TERMS:
        told, right = chosen.terms.get(term, 0.0), expected.get(term, 0.0)
        if not _near(told, right):
            message = f"{term} of {chosen.engagement} is {told}, not {right}."
            yield Violation("terms", message, engagement=chosen.engagement)
    if not _near(chosen.value, sum(expected.values())):
        message = f"{chosen.engagement} is worth {chosen.value}, not {sum(expected.values())}."
        yield Violation("terms", message, engagement=chosen.engagement)


def _met(need: Requirement, agent: Agent) -> bool:
    return agent.skills.get(need.skill, 0) >= need.level


def _obstacles(work: Engagement | Forecast, agent: Agent) -> Iterator[str]:
    if agent.channels is not None and work.channel not in agent.channels:
        yield f"{agent.id} does not take {work.channel}."
    if work.language is not None and work.language not in agent.languages:
        yield f"{agent.id} does not speak {work.language}."


def _timeliness(work: Engagement, start: int, late_share: float) -> float:
    if start <= work.due:
        return 1.0
    if start >= work.latest:
        return late_share
    return 1.0 - (1.0 - late_share) * (start - work.due) / (work.latest - work.due)


def _fit(work: Engagement, agent: Agent) -> float:
    total = sum(need.weight for need in work.requires)
    if total == 0:
        return 1.0
    reached = sum(
        need.weight * (min(1.0, agent.skills.get(need.skill, 0) / need.level) if need.level else 1.0)
        for need in work.requires
    )
    return reached / total
