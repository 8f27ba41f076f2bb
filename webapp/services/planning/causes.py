"""Why an engagement is left out of a plan, and the cheapest fix, in words for a scheduler."""

from __future__ import annotations

import math
from collections.abc import Sequence

from optimizer.plan import Cause, CauseCode, Certainty, Fix, FixCode
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.names import Names

MAX_NAMED = 3

# Short forms for lists and filters; sentences with names come from cause_words().
CAUSE_NAMES = {
    CauseCode.NOBODY_ALLOWED: "Nobody may take it",
    CauseCode.NO_SKILL: "Nobody has the skill",
    CauseCode.NO_SKILL_MIX: "Nobody has all the skills",
    CauseCode.NO_AUTHORITY: "Nobody may decide it alone",
    CauseCode.NO_CHANNEL: "Nobody takes the channel",
    CauseCode.OWNER_AWAY: "Its owner is away",
    CauseCode.NO_SHADOW: "Nobody can learn beside it",
    CauseCode.OFF_SHIFT: "All who could are off shift",
    CauseCode.LIMIT: "A limit is reached",
    CauseCode.SOLD: "Capacity went to other work",
    CauseCode.NOT_WORTH: "Not worth it",
    CauseCode.SEARCH: "The search stopped early",
    CauseCode.UNKNOWN: "The run ended before a reason was found",
}


# Placeholders are filled by cause_words(); ``nearest``, ``refused``, ``whose`` and ``work`` are empty where nothing is
# known.
_CAUSES = {
    CauseCode.NOBODY_ALLOWED: "Nobody may take it.{refused}",
    CauseCode.NO_SKILL: "Nobody has {skill} at level {level}.{nearest}",
    CauseCode.NO_SKILL_MIX: "Every skill is there, but no one person has all of them.{nearest}",
    CauseCode.NO_AUTHORITY: "Nobody with the skills may decide alone what it takes. Skilled: {people}.",
    CauseCode.OWNER_AWAY: "It belongs to {people}, who can not take it in its window.",
    CauseCode.NO_SHADOW: "It could be led, but nobody could learn beside {people}.",
    CauseCode.NO_CHANNEL: "Nobody with the skills takes this channel. Skilled: {people}.",
    CauseCode.OFF_SHIFT: "Everybody who could do it is off shift, or cannot finish it, in its window: {people}.",
    CauseCode.LIMIT: "Only limits stand against it{whose}.",
    CauseCode.SOLD: "The time of {people} went to work of more value{work}.",
    CauseCode.NOT_WORTH: "Serving it would add nothing to the plan's value.",
    CauseCode.SEARCH: "There is room for it; the search stopped before it was placed.",
    CauseCode.UNKNOWN: "The run was ended before the reason could be found.",
}

_FIXES = {
    FixCode.ALLOW_AGENT: "Let {agent} take it.",
    FixCode.RAISE_LEVEL: "Bring {agent} to {skill} level {level}, or hire it.",
    FixCode.GRANT_AUTHORITY: "Let {agent} decide it alone.",
    FixCode.HAND_OVER: "Hand it over to {agent}.",
    FixCode.DROP_SHADOW: "Let {agent} serve it without a second person.",
    FixCode.OPEN_CHANNEL: "Let {agent} take this channel.",
    FixCode.ADD_MINUTES: "Give {agent} {minutes} more minutes{at}.",
    FixCode.EXTEND_WINDOW: "Allow a later or earlier start{at} with {agent}.",
    FixCode.RAISE_LIMIT: "Raise the limit of {agent}.",
    FixCode.SOLVE_LONGER: "Run again with more time.",
    FixCode.NONE: "No single change would serve it.",
}

_SHARES = {
    "proactive_share_min": "Let proactive work have {share} of the minutes at least, no more.",
    "proactive_share_max": "Let proactive work have {share} of the minutes.",
}


def cause_words(cause: Cause, names: Names) -> str:
    """Return a cause as a sentence that names the skill, the people and the work that it is about."""
    people = _listed([names.agent(each) for each in cause.agents])
    work = _listed(
        [names.engagement(each) for each in cause.engagements]
        + list(dict.fromkeys(names.class_(each) for each in cause.classes))
    )
    return _CAUSES[cause.code].format(
        people=people or "all who could do it",
        nearest=f" Nearest: {people}." if people else "",
        refused=f" {people} declined it or are excluded." if people else "",
        whose=f", for {people}" if people else "",
        skill=names.skill(cause.skill) if cause.skill is not None else "",
        level=cause.level,
        work=f": {work}" if work else "",
    )


def fix_words(fix: Fix, names: Names, horizon: Horizon, zone_time: Sequence[str]) -> str:
    """
    Return the cheapest fix as a sentence.

    Parameters
    ----------
    fix
        What would serve the engagement.
    names
        What ids are called.
    horizon
        The intervals of the plan.
    zone_time
        Wall-clock time at which each interval begins.
    """
    said = " ".join(_change_words(part, names, horizon, zone_time) for part in (fix, *fix.also))
    if fix.gain is None or fix.gain < 1:
        return said
    about = "at least" if fix.gain_is is Certainty.CERTAIN else "about"
    return f"{said} Worth {about} {fix.gain:.0f} points."


def _change_words(fix: Fix, names: Names, horizon: Horizon, zone_time: Sequence[str]) -> str:
    inside = fix.interval is not None and 0 <= fix.interval < horizon.intervals
    template = _FIXES[fix.code] if fix.limit not in _SHARES else _SHARES[fix.limit or ""]
    return template.format(
        agent=names.agent(fix.agent) if fix.agent is not None else "somebody",
        skill=names.skill(fix.skill) if fix.skill is not None else "the skill",
        level=fix.level,
        minutes=math.ceil(fix.minutes or 0),
        at=f" from {zone_time[fix.interval]}" if fix.interval is not None and inside else "",
        share=f"{fix.limit_to or 0.0:.1%}",
    )


def _listed(words: Sequence[str]) -> str:
    shown, more = list(words[:MAX_NAMED]), len(words) - MAX_NAMED
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return shown[0] if len(shown) == 1 else " and ".join([", ".join(shown[:-1]), shown[-1]]) if shown else ""
