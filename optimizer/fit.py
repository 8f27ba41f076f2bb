"""
Fit: who may take which work, and how well their levels match it, for all agents of a kind of work at once.

Engagements with the same requirements, channel, language, site and authority share one row over the agents, so that
the cost is O(kinds × agents × requirements) rather than O(engagements × agents).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from optimizer.problem import Agent, Engagement, Forecast, Requirement
from optimizer.roster import Flags, Floats, Integers, Roster

Kind = tuple[tuple[Requirement, ...], str, str | None, str | None, tuple[str, ...]]
"""What decides who may take a piece of work: requirements, channel, language, site, authority."""


@dataclass(frozen=True, slots=True)
class Qualification:
    """How each agent stands to one kind of work; every array has one element per agent.

    Attributes
    ----------
    skilled
        Whether every required skill is at its level, and every preferred one that the ladder makes hard.
    stretch
        Index of the one skill that is short by one level and that the agent wants, else −1.
    stretch_level
        Level at which that skill is required.
    lowered
        Whether the ladder's ``lower_level`` would make the agent skilled.
    drops
        Whether the ladder's ``drop_preferred`` is needed.
    other_site
        Whether the ladder's ``other_site`` is needed.
    reachable
        Whether channel, language and site (or the ladder, for the site) are no obstacle.
    authorised
        Whether the agent may decide alone all that the work takes.
    levels_short
        Sum of the levels that are missing to the required skills.
    match
        Weighted level fit in [0, 1].
    practises
        Whether the work would practise a skill that is about to lapse.
    """

    skilled: Flags
    stretch: Integers
    stretch_level: Integers
    lowered: Flags
    drops: Flags
    other_site: Flags
    reachable: Flags
    authorised: Flags
    levels_short: Integers
    match: Floats
    practises: Flags

    @property
    def possible(self) -> Flags:
        """Whether the agent may take the work at all, by any exception."""
        return self.reachable & self.authorised & (self.skilled | (self.stretch >= 0) | self.lowered)


@dataclass(slots=True)
class Fit:
    """Qualifications by kind of work, computed when they are first asked for."""

    roster: Roster
    _known: dict[tuple[Kind, bool], Qualification] = field(default_factory=dict)
    _answers: dict[tuple[str, object], Flags] = field(default_factory=dict)

    def of(self, work: Engagement | Forecast) -> Qualification:
        """Return how every agent stands to a piece of work, lists of single agents aside."""
        items = isinstance(work, Engagement)
        kind: Kind = (work.requires, work.channel, work.language, work.site, work.authority)
        if (kind, items) not in self._known:
            self._known[kind, items] = self._qualify(kind, with_exceptions=items)
        return self._known[kind, items]

    def allowed(self, engagement: Engagement, *, by_anyone: bool = False) -> Flags:
        """Return whether the engagement's own lists of agents, and its owner, allow each agent.

        Parameters
        ----------
        by_anyone
            Whether to look away from the owner: who could take it if it were handed over.
        """
        roster = self.roster
        if engagement.owner is not None and not by_anyone and roster.problem.policy.price_of("hand_over") is None:
            theirs: Flags = np.arange(len(roster.ids)) == roster.index[engagement.owner]
            return theirs
        if engagement.eligible_agents is None:
            allowed = np.ones(len(roster.ids), dtype=bool)
        else:
            allowed = np.zeros(len(roster.ids), dtype=bool)
            allowed[[roster.index[agent] for agent in engagement.eligible_agents]] = True
        allowed[[roster.index[agent] for agent in engagement.excluded_agents]] = False
        return allowed

    def learners(self, engagement: Engagement) -> Flags:
        """Return who could learn beside somebody who leads an engagement, their minutes aside."""
        roster, agents = self.roster, self.roster.problem.agents
        learns = np.zeros(len(agents), dtype=bool)
        for _skill, those in self.lacking(engagement):
            learns |= those
        speaks = [engagement.language is None or engagement.language in agent.languages for agent in agents]
        there = [engagement.site is None or engagement.site == agent.site for agent in agents]
        learns[[roster.index[agent] for agent in engagement.excluded_agents]] = False
        learns &= np.array(speaks, dtype=bool)
        learns &= np.array(there, dtype=bool)
        return learns

    def lacking(self, engagement: Engagement) -> list[tuple[int, Flags]]:
        """Return each skill that an engagement requires, with who wants it and is below its level."""
        roster = self.roster
        needs = [(roster.skills[need.skill], need.level) for need in engagement.requires if not need.preferred]
        return [(skill, roster.wants[:, skill] & (roster.levels[:, skill] < level)) for skill, level in needs]

    def _ask_agents(self, question: tuple[str, object], answer: Callable[[Agent], bool]) -> Flags:
        """Return the answer of every agent to a question; each question is asked once."""
        if question not in self._answers:
            self._answers[question] = np.array([answer(agent) for agent in self.roster.problem.agents], dtype=bool)
        return self._answers[question]

    def _qualify(self, kind: Kind, *, with_exceptions: bool) -> Qualification:
        requires, channel, language, site, authority = kind
        roster, agents = self.roster, self.roster.problem.agents
        ladder = {rung.step for rung in roster.problem.policy.ladder} if with_exceptions else set()
        count = len(agents)

        missing = np.zeros(count, dtype=np.int64)
        short = np.zeros(count, dtype=np.int64)
        worst = np.zeros(count, dtype=np.int64)
        stretch = np.full(count, -1, dtype=np.int64)
        stretch_level = np.zeros(count, dtype=np.int64)
        lowered = np.full(count, "lower_level" in ladder)
        for need in requires:
            if need.preferred:
                continue
            skill = roster.skills[need.skill]
            gap = np.maximum(need.level - roster.levels[:, skill], 0)
            missing += gap > 0
            short += gap
            worst = np.maximum(worst, gap)
            lowered &= (gap == 0) | ((gap == 1) & (roster.levels[:, skill] >= 1))
            wanted = (gap == 1) & roster.wants[:, skill] & with_exceptions
            stretch[wanted] = skill
            stretch_level[wanted] = need.level
        skilled = missing == 0
        stretch[(missing != 1) | (worst != 1)] = -1
        drops, hard = self._preferred(requires, bind="drop_preferred" in ladder)

        elsewhere = self._ask_agents(("site", site), lambda agent: site is not None and agent.site != site)
        reachable = self._ask_agents(
            ("channel", channel), lambda agent: agent.channels is None or channel in agent.channels
        ) & self._ask_agents(("language", language), lambda agent: language is None or language in agent.languages)
        authorised = self._ask_agents(("authority", authority), lambda agent: set(authority) <= set(agent.authorities))
        if "other_site" not in ladder:
            reachable &= ~elsewhere
        stretch[~hard] = -1
        practised = [roster.skills[need.skill] for need in requires if need.level > 0]
        return Qualification(
            skilled=skilled & hard,
            stretch=stretch,
            stretch_level=stretch_level,
            lowered=lowered & hard & ~skilled,
            drops=drops,
            other_site=elsewhere,
            reachable=reachable,
            authorised=authorised,
            levels_short=short,
            match=self._match(requires),
            practises=np.asarray(roster.lapsing[:, practised].any(axis=1), dtype=bool),
        )

    def _preferred(self, requires: tuple[Requirement, ...], *, bind: bool) -> tuple[Flags, Flags]:
        """Return who needs ``drop_preferred``, and who meets the preferred requirements that stay hard."""
        levels = self.roster.levels
        drops = np.zeros(len(levels), dtype=bool)
        hard = np.ones(len(levels), dtype=bool)
        preferred = [need for need in requires if need.preferred]
        if bind and preferred:
            droppable = min(preferred, key=lambda need: need.weight)
            for need in preferred:
                met = levels[:, self.roster.skills[need.skill]] >= need.level
                if need is droppable:
                    drops = ~met
                else:
                    hard &= met
        return drops, hard

    def _match(self, requires: tuple[Requirement, ...]) -> Floats:
        total = sum(need.weight for need in requires)
        if total == 0:
            return np.ones(len(self.roster.ids))
        reached = np.zeros(len(self.roster.ids))
        for need in requires:
            levels = self.roster.levels[:, self.roster.skills[need.skill]]
            reached += need.weight * (np.minimum(1.0, levels / need.level) if need.level else 1.0)
        return reached / total
