"""
The one place that turns explanations into sentences; the data are those of `optimizer.reasons` and `optimizer.plan`.

Every sentence is a template with named places, handed to a `translate` function before its places are filled. A
caller translates with gettext and replaces ids by names with `name`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from optimizer.fixes import CONTACTS
from optimizer.plan import Cause, CauseCode, Certainty, Conflict, Fix, FixCode, Unassigned
from optimizer.reasons import Obstacle, ObstacleCode, Offer, WeightCosts, WhatWouldChange, Why, WhyNot

__all__ = [
    "CAUSES",
    "FIXES",
    "GAINS",
    "LIMITS",
    "OBSTACLES",
    "Obstacle",
    "ObstacleCode",
    "Offer",
    "Sentences",
    "Why",
    "WhyNot",
]


_NOTHING = 1e-6
_UNTOLD = 0.05
"""Points that are not told apart: sentences round to a tenth."""


def as_they_are(text: str) -> str:
    """Return a text as it is."""
    return text


def number_interval(interval: int) -> str:
    """Return the name of an interval where nobody has given it a clock time."""
    return f"interval {interval}"


CAUSES = {
    CauseCode.NOBODY_ALLOWED: "Nobody is allowed to take it.",
    CauseCode.NO_SKILL: "Nobody who may take it has {skill} at level {level}; the nearest are {agents}.",
    CauseCode.NO_SKILL_MIX: "Nobody has all the skills that it needs together; the nearest are {agents}.",
    CauseCode.NO_AUTHORITY: "{agents} have the skills, but nobody with them may decide {authority} alone.",
    CauseCode.NO_CHANNEL: "{agents} have the skills, but not its channel, language or site.",
    CauseCode.OWNER_AWAY: "It belongs to {agents}, who can not take it in its window.",
    CauseCode.NO_SHADOW: "{agents} could lead it, but nobody could learn beside them.",
    CauseCode.OFF_SHIFT: "All who could take it are off shift, or cannot finish it, in its window: {agents}.",
    CauseCode.LIMIT: "Limits of agents or of the policy stand against it: {agents}.",
    CauseCode.SOLD: "The minutes of those who could take it went to work of more value: {work}.",
    CauseCode.NOT_WORTH: "Serving it would add nothing to the value of the plan.",
    CauseCode.SEARCH: "There is room for it; the search ended before it was placed.",
    CauseCode.UNKNOWN: "The run was ended before the reason could be found.",
}

FIXES = {
    FixCode.ALLOW_AGENT: "Allow {agent} to take it.",
    FixCode.RAISE_LEVEL: "Bring {agent} to level {level} in {skill}.",
    FixCode.GRANT_AUTHORITY: "Let {agent} decide {authority} alone.",
    FixCode.HAND_OVER: "Hand it over to {agent}.",
    FixCode.DROP_SHADOW: "Let {agent} serve it without a second agent.",
    FixCode.OPEN_CHANNEL: "Open its channel, language or site to {agent}.",
    FixCode.ADD_MINUTES: "Give {agent} {minutes} more minutes around {interval}.",
    FixCode.EXTEND_WINDOW: "Let it start at {interval}.",
    FixCode.RAISE_LIMIT: "Set {limit} to {limit_to}.",
    FixCode.SOLVE_LONGER: "Solve again with more time.",
    FixCode.NONE: "No single change would serve it.",
}

GAINS = {
    Certainty.CERTAIN: "The plan would gain at least {gain:.1f} points.",
    Certainty.ESTIMATE: "The plan would gain about {gain:.1f} points.",
}

LIMITS = {
    "max_stretch_minutes": "the most minutes of stretch work in a shift of {agent}",
    "limits.heavy_minutes": "the most minutes of heavy work in a shift of {agent}",
    "limits.contacts": "the most engagements on {channel} in a shift of {agent}",
    "overtime": "the overtime of {agent} in {interval}",
    "proactive_share_min": "the least share of proactive work",
    "proactive_share_max": "the largest share of proactive work",
}

WEIGHTS = {
    ("weight", True): "Without the weight of {term}: {changes}.",
    ("weight", False): "The weight of {term} changes nothing that can be told from the gap.",
    ("epsilon", True): "If later tiers could take nothing from earlier ones: {changes}.",
    ("epsilon", False): "What later tiers may take from earlier ones changes nothing that can be told from the gap.",
}

STRETCH = {
    False: "It is stretch work in {skill}, which {agent} wants to grow in, with a mentor on shift.",
    True: "It is stretch work in {skill}, in a slot that {agent} chose for it, with a mentor on shift.",
}

OBSTACLES = {
    ObstacleCode.SKILL: "needs {skill} at level {level}, has level {has}",
    ObstacleCode.EXCLUDED: "is excluded from it",
    ObstacleCode.NOT_LISTED: "is not among the agents who may take it",
    ObstacleCode.CHANNEL: "does not take the channel {name}",
    ObstacleCode.LANGUAGE: "does not speak {name}",
    ObstacleCode.SITE: "does not work at {name}",
    ObstacleCode.WINDOW: "it must start between {first} and {last}",
    ObstacleCode.OFF_SHIFT: "is off shift, or cannot finish it, when starting between {first} and {last}",
    ObstacleCode.LIMIT: "has reached the limit of {name} for the shift",
    ObstacleCode.FROZEN: "the plan is frozen before {first}",
    ObstacleCode.PINNED: "{name} is pinned there",
    ObstacleCode.CAPACITY: "has no minutes left for it",
    ObstacleCode.CHANGES: "too many published assignments would change",
    ObstacleCode.AUTHORITY: "may not decide {name} alone",
    ObstacleCode.OWNER: "it belongs to {name}",
    ObstacleCode.SHADOW: "nobody can learn beside the lead when it starts between {first} and {last}",
    ObstacleCode.PAIR: "a pair serves it, which only a new plan can put together",
    ObstacleCode.SLOT: "chose other times or skills for stretch work in this shift",
}


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences in one language.

    Attributes
    ----------
    translate
        Turns a template into another language, such as ``gettext``.
    name
        Turns an id of an agent, engagement, class or skill into what people call it.
    interval
        Turns the index of an interval into a time of day.
    """

    translate: Callable[[str], str] = as_they_are
    name: Callable[[str], str] = as_they_are
    interval: Callable[[int], str] = number_interval

    def why(self, why: Why) -> list[str]:
        """Say why an engagement is with its agent."""
        agent = self.name(why.assignment.agent)
        lines = []
        if why.is_pinned:
            lines.append(self._say("A person pinned it to {agent}.", agent=agent))
        if why.knows_customer:
            lines.append(self._say("The customer knows {agent}.", agent=agent))
        for skill, has, needed in why.levels:
            lines.append(
                self._say(
                    "{agent} has {skill} at level {has}; it needs {needed}.",
                    agent=agent, skill=self.name(skill), has=has, needed=needed,
                )
            )  # fmt: skip
        if why.assignment.stretch is not None:
            lines.append(self._say(STRETCH[why.in_own_slot], skill=self.name(why.assignment.stretch), agent=agent))
        if why.assignment.terms.get("practice", 0.0) > 0:
            lines.append(self._say("It keeps a skill in practice that would lapse soon."))
        if why.is_late:
            lines.append(self._say("It starts after its due time."))
        lines += [
            self._say("A rule was relaxed for it: {step}.", step=self.translate(step))
            for step in why.assignment.relaxed
        ]
        lines.append(self._compare(why, agent))
        return lines

    def _compare(self, why: Why, agent: str) -> str:
        if not why.alternatives:
            return self._say("No one else could take it.")
        other = why.alternatives[0]
        return self._say(
            "With {agent} it brings {value:.1f} points for minutes worth {price:.1f}; "
            "the next best, {other}, {other_value:.1f} for {other_price:.1f}.",
            agent=agent,
            value=why.assignment.value,
            price=why.price,
            other=self.name(other.agent),
            other_value=other.value,
            other_price=other.price,
        )

    def why_not(self, why_not: WhyNot) -> list[str]:
        """Say why an engagement is not with an agent."""
        agent = self.name(why_not.agent)
        if why_not.obstacles:
            return [f"{agent}: {self.obstacle(obstacle)}." for obstacle in why_not.obstacles]
        if why_not.chosen is not None and why_not.chosen.agent == why_not.agent:
            return [self._say("It is with {agent}.", agent=agent)]
        lines = []
        if why_not.offer is not None:
            lines.append(
                self._say(
                    "With {agent} it would bring {value:.1f} points for minutes worth {price:.1f} elsewhere.",
                    agent=agent,
                    value=why_not.offer.value,
                    price=why_not.offer.price,
                )
            )
        if why_not.chosen is not None:
            lines.append(
                self._say(
                    "With {chosen} it brings {value:.1f} for {price:.1f}.",
                    chosen=self.name(why_not.chosen.agent),
                    value=why_not.chosen.value,
                    price=why_not.chosen.price,
                )
            )
        if why_not.in_the_way:
            lines.append(
                self._say("In that time {agent} does {work}.", agent=agent, work=self._names(why_not.in_the_way))
            )
        return lines

    def unassigned(self, left_out: Unassigned) -> list[str]:
        """Say why an engagement is unassigned and what would change it."""
        return [self.cause(left_out.cause), self.fix(left_out.fix)]

    def cause(self, cause: Cause) -> str:
        """Say why an engagement is unassigned."""
        return self._say(
            CAUSES[cause.code],
            skill=self.name(cause.skill or ""),
            level=cause.level,
            agents=self._names(cause.agents),
            work=self._names((*cause.engagements, *cause.classes)),
            authority=self.name(cause.authority or ""),
        )

    def fix(self, fix: Fix) -> str:
        """Say what would change it, what goes with that, and what the plan would gain."""
        said = [self._change(part) for part in (fix, *fix.also)]
        if fix.gain is not None and fix.gain_is is not None and fix.code is not FixCode.NONE:
            said.append(self._say(GAINS[fix.gain_is], gain=fix.gain))
        return " ".join(said)

    def _change(self, fix: Fix) -> str:
        return self._say(
            FIXES[fix.code],
            agent=self.name(fix.agent or ""),
            skill=self.name(fix.skill or ""),
            level=fix.level,
            minutes=f"{fix.minutes or 0.0:g}",
            interval=self._interval(fix.interval),
            authority=self.name(fix.authority or ""),
            limit=self._limit(fix) if fix.limit is not None else "",
            limit_to=f"{fix.limit_to or 0.0:g}",
        )

    def _limit(self, fix: Fix) -> str:
        name = fix.limit or ""
        return self._say(
            LIMITS["limits.contacts" if name.startswith(CONTACTS) else name],
            agent=self.name(fix.agent or ""),
            channel=name.removeprefix(CONTACTS),
            interval=self._interval(fix.interval),
        )

    def what_would_change(self, answer: WhatWouldChange) -> list[str]:
        """Say with what an agent would have been chosen."""
        agent = self.name(answer.agent)
        if answer.obstacles:
            return [f"{agent}: {self.obstacle(obstacle)}." for obstacle in answer.obstacles]
        lines = []
        if answer.levels_needed:
            levels = self._levels(answer.levels_needed)
            lines.append(self._say("{agent} would need {levels} to take it at all.", agent=agent, levels=levels))
        if answer.value_more is None or answer.value_more < _NOTHING:
            lines.append(self._say("It is with {agent}, or might as well be.", agent=agent))
        elif answer.value_more - answer.value_more_least > _UNTOLD:
            lines.append(
                self._say(
                    "With {least:.1f} to {more:.1f} points more it would go to {agent}; no solve was exact enough to "
                    "tell.",
                    least=answer.value_more_least,
                    more=answer.value_more,
                    agent=agent,
                )
            )
            if answer.by_price is not None:
                lines.append(self._say("By the prices of the plan about {points:.1f}.", points=answer.by_price))
        else:
            lines.append(
                self._say(
                    "With {more:.1f} points more, or with that much less for what {agent} does instead, "
                    "it would go to {agent}.",
                    more=answer.value_more,
                    agent=agent,
                )
            )
        if answer.levels:
            levels = self._levels(answer.levels)
            lines.append(self._say("With {levels} it would go to {agent} as it is.", levels=levels, agent=agent))
        return lines

    def weights(self, costs: WeightCosts) -> list[str]:
        """Say what each weight of a policy changes."""
        lines = []
        for name, cost in costs.without.items():
            told = {term: points for term, points in cost.changes.items() if abs(points) > max(cost.uncertain, _UNTOLD)}
            changes = ", ".join(f"{self.translate(term)} {points:+.1f}" for term, points in told.items())
            which = "epsilon" if name == "growth_epsilon" else "weight"
            lines.append(self._say(WEIGHTS[which, bool(told)], term=self.translate(name), changes=changes))
        return lines

    def _levels(self, levels: Mapping[str, int]) -> str:
        template = self.translate("{skill} at level {level}")
        return ", ".join(template.format(skill=self.name(skill), level=level) for skill, level in levels.items())

    def obstacle(self, obstacle: Obstacle) -> str:
        """Say what keeps an agent from an engagement, as part of a sentence."""
        return self._say(
            OBSTACLES[obstacle.code],
            skill=self.name(obstacle.skill or ""),
            level=obstacle.level,
            has=obstacle.has,
            name=self.name(obstacle.name or ""),
            first=self._interval(obstacle.first),
            last=self._interval(obstacle.last),
        )

    def conflicts(self, conflicts: Iterable[Conflict]) -> list[str]:
        """Say which pins and rules cannot hold together."""
        words = [self.translate(conflict.message) for conflict in conflicts]
        return [self._say("These cannot all hold: {words}.", words="; ".join(words))]

    def _interval(self, interval: int | None) -> str:
        return "" if interval is None else self.interval(interval)

    def _names(self, ids: Iterable[str]) -> str:
        return ", ".join(self.name(identity) for identity in ids) or self.translate("nobody")

    def _say(self, template: str, **places: object) -> str:
        return self.translate(template).format(**places)
