"""Why an agent was given their work, in words addressed to them."""

from __future__ import annotations

from collections.abc import Mapping

from optimizer import plan as answered
from optimizer import problem as asked
from optimizer.explain import is_in_own_slot
from webapp.services.planning.names import Names


def explain_assignments(problem: asked.Problem, answer: answered.Plan, names: Names) -> dict[str, tuple[str, ...]]:
    """
    Return, for each assigned engagement, sentences for its agent: what of theirs it uses, and what it does for them.

    Only what the optimizer knew is said: levels, wishes, who the customer knows, pins.
    """
    agents = {agent.id: agent for agent in problem.agents}
    engagements = {engagement.id: engagement for engagement in problem.engagements}
    pinned = {(pin.engagement, pin.agent) for pin in problem.pins}
    sentences = {}
    for chosen in answer.assignments:
        agent, engagement = agents[chosen.agent], engagements[chosen.engagement]
        said = [_skills(agent, engagement, chosen, names)]
        if (chosen.engagement, chosen.agent) in pinned:
            said.insert(0, "Your scheduler chose you for it.")
        if chosen.agent in engagement.known_agents:
            said.append("This customer knows you.")
        if chosen.stretch is not None:
            own_slot = is_in_own_slot(agent, chosen)
            said.append(_stretch(agent, engagement, chosen.stretch, agents, names, own_slot=own_slot))
        if chosen.terms.get("practice", 0.0) > 0:
            said.append("It keeps a skill in practice whose evidence is about to lapse.")
        if not _others(engagement, agent, agents):
            said.append("Nobody else on shift that day has what it needs.")
        sentences[chosen.engagement] = tuple(each for each in said if each)
    return sentences


def _skills(agent: asked.Agent, engagement: asked.Engagement, chosen: answered.Assignment, names: Names) -> str:
    met = [
        f"{names.skill(each.skill)} (your level {agent.skills[each.skill]}, needed {each.level})"
        for each in engagement.requires
        if not each.preferred and each.skill != chosen.stretch and agent.skills.get(each.skill, 0) >= each.level > 0
    ]
    liked = [
        names.skill(each.skill)
        for each in engagement.requires
        if each.preferred and agent.skills.get(each.skill, 0) >= each.level > 0
    ]
    if met and liked:
        return f"It uses your {_listed(met)}, and {_listed(liked)} helps."
    if met:
        return f"It uses your {_listed(met)}."
    if liked:
        return f"It needs no particular skill; your {_listed(liked)} helps."
    return "" if chosen.stretch is not None else "It needs no particular skill, and you have the time."


def _stretch(
    agent: asked.Agent,
    engagement: asked.Engagement,
    skill: str,
    agents: Mapping[str, asked.Agent],
    names: Names,
    *,
    own_slot: bool,
) -> str:
    needed = next(each.level for each in engagement.requires if each.skill == skill and not each.preferred)
    mentors = [
        names.agent(other.id)
        for other in agents.values()
        if other.id != agent.id and skill in other.mentor_for and any(other.capacity)
    ]
    cover = f" {_listed(mentors[:3])} can help." if mentors else ""
    why = "in the slot that you chose for it" if own_slot else "which you said you want to grow"
    return f"It stretches you in {names.skill(skill)} to level {needed}, {why}.{cover}"


def _others(engagement: asked.Engagement, agent: asked.Agent, agents: Mapping[str, asked.Agent]) -> bool:
    required = [each for each in engagement.requires if not each.preferred]
    return any(
        all(other.skills.get(each.skill, 0) >= each.level for each in required) and any(other.capacity)
        for other in agents.values()
        if other.id != agent.id and other.id not in engagement.excluded_agents
    )


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
