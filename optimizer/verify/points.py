"""Points and certificate: each term is what its definition says, and the plan claims no more than is proven."""

from collections.abc import Iterator, Mapping

from optimizer.plan import Assignment, Status
from optimizer.policy import TERMS, TIERS
from optimizer.problem import Agent, Engagement
from optimizer.verify.case import MINUTES, POINTS, Case, Violation, near

OVERTIME_RATE = 1.5
BALANCE_STEPS = {"occupancy": (0.6, 0.7, 0.8, 0.9), "stretch": (0.1, 0.2, 0.3), "heavy": (0.1, 0.2, 0.3)}


def check_points(case: Case) -> Iterator[Violation]:
    """Yield every figure of a plan that is wrong or not proven."""
    for chosen in case.plan.assignments:
        yield from _compare_terms(chosen, points_of(case, chosen))
    yield from _check_totals(case, total_points(case))
    yield from _check_growth(case)
    yield from _check_bound(case)
    yield from _check_tiers(case)
    yield from _check_prices(case)


def points_of(case: Case, chosen: Assignment) -> dict[str, float]:
    """Return the points of one assignment by term."""
    work, agent, policy = case.engagements[chosen.engagement], case.agents[chosen.agent], case.problem.policy
    terms = dict.fromkeys(TERMS, 0.0)
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
            "practice": chosen.minutes if _practises(case, work, agent) else 0.0,
            "cost": -chosen.minutes / contacts * rate,
        }
        terms.update({term: policy.weight(term) * points for term, points in raw.items()})
    if chosen.shadow is not None:
        terms["growth"] += policy.weight("growth") * work.minutes
        terms["cost"] -= policy.weight("cost") * work.minutes * case.agents[chosen.shadow].cost_per_minute
    terms["relaxation"] = -sum(case.ladder.get(step, 0.0) for step in chosen.relaxed)
    was = case.previous.get(work.id)
    if was is not None and (was.agent, was.start) != (chosen.agent, chosen.start):
        terms["stability"] = -policy.weight("stability") * work.minutes
    return terms


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


def _practises(case: Case, work: Engagement, agent: Agent) -> bool:
    day = case.problem.start.date()
    soon = case.problem.policy.lapse_within_days
    return any(
        need.level > 0
        and agent.skills.get(need.skill, 0) > 0
        and need.skill in agent.lapses_on
        and (agent.lapses_on[need.skill] - day).days <= soon
        for need in work.requires
    )


def _compare_terms(chosen: Assignment, expected: Mapping[str, float]) -> Iterator[Violation]:
    for term in TERMS:
        told, right = chosen.terms.get(term, 0.0), expected[term]
        if not near(told, right):
            message = f"{term} of {chosen.engagement} is {told}, not {right}."
            yield Violation("terms", message, engagement=chosen.engagement)
    if not near(chosen.value, sum(expected.values())):
        message = f"{chosen.engagement} is worth {chosen.value}, not {sum(expected.values())}."
        yield Violation("terms", message, engagement=chosen.engagement)


def total_points(case: Case) -> dict[str, float]:
    """Return the points of the whole plan by term: of its assignments, reserves, balance and growth that stays owed."""
    policy = case.problem.policy
    totals = dict.fromkeys(TERMS, 0.0)
    for chosen in case.plan.assignments:
        for term, points in points_of(case, chosen).items():
            totals[term] += points
    for kept in case.plan.reserved:
        demand, agent = case.classes[kept.class_], case.agents[kept.agent]
        contact_minutes = kept.minutes * agent.concurrency.get(demand.channel, 1.0)
        totals["service"] += policy.weight("service") * demand.value_per_minute * contact_minutes
        totals["cost"] -= policy.weight("cost") * agent.cost_per_minute * kept.minutes
    assigned = {chosen.engagement for chosen in case.plan.assignments}
    for was in case.problem.previous:
        if was.engagement not in assigned:
            totals["stability"] -= policy.weight("stability") * case.engagements[was.engagement].minutes
    totals["balance"] -= policy.weight("balance") * sum(_imbalance(case, agent) for agent in case.problem.agents)
    totals["debt"] -= sum(_debt(case, agent) for agent in case.problem.agents)
    return totals


def _imbalance(case: Case, agent: Agent) -> float:
    total = sum(agent.capacity)
    if total <= 0:
        return 0.0
    led = case.led_by[agent.id]
    measures = {
        "occupancy": sum(kept.minutes for kept in case.kept_by[agent.id]),
        "stretch": case.growth_minutes(agent),
        "heavy": sum(chosen.minutes for chosen in led if case.engagements[chosen.engagement].heavy),
    }
    runs = [case.run_of_lead(chosen) for chosen in led]
    runs += [case.run_of_shadow(chosen) for chosen in case.learnt_by[agent.id]]
    measures["occupancy"] += sum(sum(run.load.values()) for run in runs if not run.overtime)
    return sum(max(0.0, minutes - share * total) for name, minutes in measures.items() for share in BALANCE_STEPS[name])


def _debt(case: Case, agent: Agent) -> float:
    return max(0.0, agent.growth_due_minutes - case.growth_minutes(agent))


def _check_totals(case: Case, totals: Mapping[str, float]) -> Iterator[Violation]:
    plan = case.plan
    scale = sum(abs(points) for points in totals.values())
    for term in TERMS:
        if not near(plan.terms.get(term, 0.0), totals[term], scale):
            yield Violation("terms", f"{term} is {plan.terms.get(term, 0.0)} in total, not {totals[term]}.")
    for term in plan.terms:
        if term not in TERMS:
            yield Violation("terms", f"{term} is not a term.")
    first = sum(totals[term] for term in TIERS["customers"])
    if not near(plan.objective or 0.0, first, scale):
        yield Violation("objective", f"The objective is {plan.objective}, the terms add up to {first}.")
    for result in plan.tiers:
        kept = sum(totals[term] for term in TIERS[result.tier])
        if not near(result.kept, kept, scale):
            yield Violation("tier", f"Tier {result.tier} keeps {kept}, not {result.kept}.")


def _check_growth(case: Case) -> Iterator[Violation]:
    """Each agent to whom growth minutes are due is listed once, with what they get and what stays owed."""
    due = [agent for agent in case.problem.agents if agent.growth_due_minutes > 0]
    if [growth.agent for growth in case.plan.growth] != [agent.id for agent in due]:
        yield Violation("growth", "The plan does not list the growth of those to whom minutes are due, in order.")
        return
    for agent, growth in zip(due, case.plan.growth, strict=True):
        right = (agent.growth_due_minutes, case.growth_minutes(agent), _debt(case, agent))
        told = (growth.due, growth.planned, growth.debt)
        if any(abs(one - other) > MINUTES for one, other in zip(told, right, strict=True)):
            message = f"Due, planned and owed minutes of {agent.id} are {told}, not {right}."
            yield Violation("growth", message, agent=agent.id)


def _check_bound(case: Case) -> Iterator[Violation]:
    """Bound, gap and status say no more than is proven."""
    plan = case.plan
    objective = plan.objective or 0.0
    if plan.status in {Status.INFEASIBLE, Status.TIME_LIMIT_NO_PLAN}:
        yield Violation("status", f"Status {plan.status} beside a plan.")
    if plan.bound is None:
        return
    if plan.bound < objective and not near(plan.bound, objective):
        yield Violation("bound", f"The bound {plan.bound} is below the objective {objective}.")
    gap = (plan.bound - objective) / abs(objective) if objective else None
    if plan.gap is not None and gap is not None and not abs(plan.gap - gap) <= POINTS:
        yield Violation("gap", f"The gap is {gap}, not {plan.gap}.")


def _check_tiers(case: Case) -> Iterator[Violation]:
    plan, policy = case.plan, case.problem.policy
    order = [result.tier for result in plan.tiers]
    if order != [tier for tier in TIERS if tier in order]:
        yield Violation("tier", f"The tiers {', '.join(order)} are repeated or out of order.")
    for number, result in enumerate(plan.tiers):
        if result.bound < result.objective and not near(result.bound, result.objective):
            yield Violation("bound", f"Tier {result.tier}: bound {result.bound} below {result.objective}.")
        hard = number == len(plan.tiers) - 1 or result.tier == "protected"
        allowed = 0.0 if hard else policy.growth_epsilon * abs(result.objective)
        scale = max(1.0, abs(result.objective))
        if result.kept < result.objective - allowed - POINTS * scale:
            yield Violation("epsilon", f"Tier {result.tier} fell from {result.objective} to {result.kept}.")
    if plan.status is Status.OPTIMAL:
        target = max(policy.gap, 1e-9) + POINTS
        for result in plan.tiers:
            if result.gap > target:
                yield Violation("status", f"Called optimal with a gap of {result.gap} in tier {result.tier}.")


def _check_prices(case: Case) -> Iterator[Violation]:
    """Shadow prices are there for whole horizons and never negative."""
    rows = [(f"agent {name}", row) for name, row in case.plan.prices.agent.items()]
    rows += [
        (f"skill {skill} at {level}", row)
        for skill, levels in case.plan.prices.skill.items()
        for level, row in levels.items()
    ]
    for name, row in rows:
        if len(row) != case.problem.intervals:
            yield Violation("prices", f"{name} has {len(row)} prices for {case.problem.intervals} intervals.")
        if any(price < 0 for price in row):
            yield Violation("prices", f"A price of {name} is negative.")
