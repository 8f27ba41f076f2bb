"""Rules of one assignment: who may take it, when, and which exceptions it needs."""

from collections.abc import Iterator

from optimizer.plan import Assignment
from optimizer.policy import LADDER_STEPS
from optimizer.problem import Agent, Engagement, Forecast, Requirement
from optimizer.verify.case import MINUTES, Case, Run, Violation, meets


def check_assignment(case: Case, chosen: Assignment) -> Iterator[Violation]:
    """Yield what is wrong with one assignment, whatever else is planned."""
    work, agent, run = case.engagements[chosen.engagement], case.agents[chosen.agent], case.run_of_lead(chosen)

    def broken(rule: str, message: str) -> Violation:
        return Violation(rule, message, engagement=work.id, agent=agent.id, interval=chosen.start)

    if work.eligible_agents is not None and agent.id not in work.eligible_agents:
        yield broken("eligible", f"{agent.id} is not among the eligible agents of {work.id}.")
    if agent.id in work.excluded_agents:
        yield broken("excluded", f"{agent.id} is excluded from {work.id}.")
    for message in list_obstacles(work, agent):
        yield broken("reach", message)
    if not abs(chosen.minutes - work.minutes_with(agent.id)) <= MINUTES:
        yield broken("minutes", f"{chosen.minutes} minutes instead of {work.minutes_with(agent.id)}.")
    if not run.finished:
        yield broken("finish", f"{work.id} cannot be finished by {agent.id} when it starts in {chosen.start}.")
    if chosen.start < work.earliest:
        yield broken("window", f"{work.id} starts in {chosen.start}, before {work.earliest}.")
    yield from (broken("shadow", message) for message in _check_shadow(case, chosen, work))
    yield from (broken("skill", message) for message in _check_skills(case, chosen, work, agent, run))
    yield from (broken("ladder", message) for message in _check_steps(case, chosen, work, agent))


def list_obstacles(work: Engagement | Forecast, agent: Agent) -> Iterator[str]:
    """Yield what keeps an agent from work beside skills and site: channel, language, authority."""
    if agent.channels is not None and work.channel not in agent.channels:
        yield f"{agent.id} does not take {work.channel}."
    if work.language is not None and work.language not in agent.languages:
        yield f"{agent.id} does not speak {work.language}."
    for authority in work.authority:
        if authority not in agent.authorities:
            yield f"{agent.id} may not decide {authority}."


def _check_shadow(case: Case, chosen: Assignment, work: Engagement) -> Iterator[str]:
    alone = "drop_shadow" in chosen.relaxed
    if chosen.shadow is None:
        if work.shadow and not alone:
            yield f"{work.id} needs a second agent."
        if alone and not work.shadow:
            yield "The step drop_shadow was not needed."
        return
    if not work.shadow:
        yield f"{work.id} has no use for a second agent."
    if alone:
        yield "The step drop_shadow was taken, and there is a second agent all the same."
    if chosen.shadow == chosen.agent:
        yield f"{chosen.agent} can not learn beside themselves."
    learner, beside = case.agents[chosen.shadow], case.run_of_shadow(chosen)
    yield from _check_learner(work, learner)
    lacked = [need.skill for need in work.requires if _wants_to_learn(need, learner)]
    if lacked and not any(in_chosen_slot(case, learner, skill, chosen.start, beside) for skill in lacked):
        yield f"{learner.id} chose other times or skills to learn in than {work.id} in {chosen.start}."
    if not beside.finished:
        yield f"{chosen.shadow} is not there until the end when {work.id} starts in {chosen.start}."


def _check_learner(work: Engagement, learner: Agent) -> Iterator[str]:
    if learner.id in work.excluded_agents:
        yield f"{learner.id} is excluded from {work.id}."
    if work.language is not None and work.language not in learner.languages:
        yield f"{learner.id} does not speak {work.language}."
    if work.site is not None and work.site != learner.site:
        yield f"{learner.id} does not work at {work.site}."
    if not any(_wants_to_learn(need, learner) for need in work.requires):
        yield f"{learner.id} wants to learn nothing that {work.id} requires."


def _wants_to_learn(need: Requirement, learner: Agent) -> bool:
    return need.skill in learner.wants and not need.preferred and not meets(need, learner)


def in_chosen_slot(case: Case, agent: Agent, skill: str, start: int, run: Run) -> bool:
    """Return whether growth runs where the agent chose it, or they chose nothing for the shift in which it starts."""
    if start < case.problem.frozen_before:
        return True
    shifts = agent.shifts or ((0, case.problem.intervals),)
    first, after = next((shift for shift in shifts if shift[0] <= start < shift[1]), (0, case.problem.intervals))
    if not any(first <= slot.start < after for slot in agent.stretch_slots):
        return True
    return any(
        slot.skill == skill and slot.start <= start and max(start, run.last) < slot.end for slot in agent.stretch_slots
    )


def _check_skills(case: Case, chosen: Assignment, work: Engagement, agent: Agent, run: Run) -> Iterator[str]:
    short = [need for need in work.requires if not need.preferred and not meets(need, agent)]
    too_low = [need for need in short if need.level - agent.skills.get(need.skill, 0) > 1]
    if too_low:
        yield f"{agent.id} is more than one level short in {too_low[0].skill}."
    stretchable = len(short) == 1 and not too_low and _may_stretch(case, short[0], agent, chosen.start, run)
    if stretchable and chosen.stretch != short[0].skill:
        yield f"{work.id} is stretch in {short[0].skill} for {agent.id}, and the plan does not say so."
    if not stretchable and chosen.stretch is not None:
        yield f"{work.id} is not stretch in {chosen.stretch} for {agent.id}."
    lowered = bool(short) and not stretchable
    if lowered and ("lower_level" not in chosen.relaxed or any(not agent.skills.get(n.skill, 0) for n in short)):
        yield f"{agent.id} lacks {', '.join(f'{need.skill} at {need.level}' for need in short)}."
    if not lowered and "lower_level" in chosen.relaxed:
        yield "The step lower_level was not needed."
    if "drop_preferred" in case.ladder:
        yield from _check_preferred(chosen, work, agent)


def _check_preferred(chosen: Assignment, work: Engagement, agent: Agent) -> Iterator[str]:
    preferred = [need for need in work.requires if need.preferred]
    if not preferred:
        return
    droppable = min(preferred, key=lambda need: need.weight)
    for need in preferred:
        if need is not droppable and not meets(need, agent):
            yield f"{agent.id} lacks the preferred {need.skill}, which this ladder makes hard."
    if ("drop_preferred" in chosen.relaxed) == meets(droppable, agent):
        yield f"The step drop_preferred is right if and only if {droppable.skill} is missed."


def _may_stretch(case: Case, need: Requirement, agent: Agent, start: int, run: Run) -> bool:
    if need.skill not in agent.wants or agent.max_stretch_minutes <= 0 or not run.load:
        return False
    if not in_chosen_slot(case, agent, need.skill, start, run):
        return False
    while_it_runs = range(start, run.last + 1)
    return any(
        mentor.id != agent.id
        and mentor.skills.get(need.skill, 0) >= need.level
        and all(mentor.capacity[interval] > 0 for interval in while_it_runs)
        for mentor in case.mentors[need.skill]
    )


def _check_steps(case: Case, chosen: Assignment, work: Engagement, agent: Agent) -> Iterator[str]:
    for step in chosen.relaxed:
        if step not in case.ladder:
            yield f"The step {step} is not on the ladder."
    if list(chosen.relaxed) != [step for step in LADDER_STEPS if step in chosen.relaxed]:
        yield "The steps are repeated or out of order."
    elsewhere = work.site is not None and work.site != agent.site
    if elsewhere != ("other_site" in chosen.relaxed):
        yield f"{work.id} belongs to site {work.site}, {agent.id} to {agent.site}."
    handed_over = work.owner is not None and work.owner != agent.id
    if handed_over != ("hand_over" in chosen.relaxed):
        yield f"{work.id} belongs to {work.owner}, and {agent.id} leads it."
    if (chosen.start > work.latest) != ("later" in chosen.relaxed):
        yield f"{work.id} starts in {chosen.start}; the last allowed start is {work.latest}."
    if "drop_preferred" in chosen.relaxed and not any(need.preferred for need in work.requires):
        yield "The step drop_preferred was not needed."
