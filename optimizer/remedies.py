"""
The cheapest change that would serve an engagement which somebody could take, were there more minutes or wider limits.

Gains are **certain** where the plan as it is, with the engagement added after the change, obeys every rule: the changed
problem then has a plan that is worth at least so much more. Where more agents' minutes are planned than one day, as in
pairs, or a floor of growth comes before customers, they are estimates.
"""

from dataclasses import replace

import numpy as np

from optimizer.circumstances import Circumstances, work_of
from optimizer.fixes import every_part
from optimizer.plan import Certainty, Fix, FixCode
from optimizer.problem import Engagement
from optimizer.room import Work
from optimizer.roster import Integers

LOOKED_AT = 4
"""Most columns of an engagement whose days are looked at exactly, those that lack the fewest minutes."""

DECIMALS = 6


def certainty(circumstances: Circumstances) -> Certainty:
    """Return what can be said of gains that are derived from one agent's day."""
    problem = circumstances.model.problem
    due = any(agent.growth_due_minutes > 0 for agent in problem.agents)
    pairs = any(engagement.shadow for engagement in problem.engagements)
    return Certainty.ESTIMATE if due or pairs else Certainty.CERTAIN


def joined(parts: list[Fix], gain: float, gain_is: Certainty) -> Fix:
    """Return changes that go together as one fix, the first of them in front."""
    first, *rest = parts
    return replace(first, also=tuple(rest), gain=round(gain, DECIMALS), gain_is=gain_is)


def added_minutes(agent: str, minutes: dict[int, float]) -> list[Fix]:
    """Return the changes that give an agent more minutes, the most of them first."""
    order = sorted(minutes, key=lambda interval: (-minutes[interval], interval))
    return [Fix(FixCode.ADD_MINUTES, agent, interval=each, minutes=round(minutes[each], 2)) for each in order]


def widen_limits(circumstances: Circumstances, columns: Integers) -> Fix | None:
    """Return the wider limits with which one of some columns fits; None if the agents' minutes do not allow any.

    The fewest limits come first, then the most points. A fix without a code of its own (``none``) means that minutes
    are there, but what stands against the columns is no limit.
    """
    lacking = circumstances.missing_minutes(columns)
    near = np.flatnonzero(lacking <= circumstances.model.problem.max_carry + 1e-6)
    points = circumstances.objective.on_columns[columns]
    order = near[np.lexsort((columns[near], -points[near], lacking[near] > 1e-6))][:LOOKED_AT]
    best: tuple[int, float, list[Fix]] | None = None
    for column in columns[order].tolist():
        engagement, row, work = _asked(circumstances, column)
        day = circumstances.day(row)
        if not day.has_minutes_for(work):
            continue
        broken = day.broken_limits(work)
        shares = circumstances.broken_shares(work.minutes, proactive=engagement.stance == "proactive")
        parts = [_limit(day.agent.id, name, most) for name, most in broken.items()]
        parts += [Fix(FixCode.RAISE_LIMIT, limit=name, limit_to=share) for name, share in shares.items()]
        if best is None or (len(parts), -work.value) < best[:2]:
            best = len(parts), -work.value, parts
    if best is None:
        return None
    if not best[2]:
        return Fix(FixCode.NONE)
    return joined(best[2], -best[1], certainty(circumstances))


def _limit(agent: str, name: str, most: float) -> Fix:
    if name.startswith("overtime "):
        interval = int(name.removeprefix("overtime "))
        return Fix(FixCode.RAISE_LIMIT, agent, limit="overtime", interval=interval, limit_to=_rounded_up(most))
    return Fix(FixCode.RAISE_LIMIT, agent, limit=name, limit_to=_rounded_up(most))


def _rounded_up(most: float) -> float:
    return float(np.ceil(100 * most - 1e-6) / 100)


def add_minutes(circumstances: Circumstances, columns: Integers) -> tuple[int, Fix]:
    """Return the column that lacks the fewest minutes, and the fix that adds them.

    Limits that would still stand against the column are widened by the same fix.
    """
    regular = columns[~circumstances.model.columns.overtime[columns]]
    lacking = circumstances.missing_minutes(regular)
    points = circumstances.objective.on_columns[regular]
    order = regular[np.lexsort((regular, lacking - 1e-6 * points))][:LOOKED_AT]
    best: tuple[float, int, Fix] | None = None
    for column in order.tolist():
        engagement, row, work = _asked(circumstances, column)
        day = circumstances.day(row)
        minutes = day.minutes_for(work)
        shares = circumstances.broken_shares(work.minutes, proactive=engagement.stance == "proactive")
        if not minutes:
            continue
        cost = sum(minutes.values()) - 1e-6 * work.value
        if best is None or cost < best[0]:
            parts = added_minutes(day.agent.id, minutes)
            parts += [_limit(day.agent.id, name, most) for name, most in day.broken_limits(work, minutes).items()]
            parts += [Fix(FixCode.RAISE_LIMIT, limit=name, limit_to=share) for name, share in shares.items()]
            best = cost, column, joined(parts, work.value, certainty(circumstances))
    if best is None:
        return int(order[0] if len(order) else columns[0]), Fix(FixCode.NONE)
    return best[1], best[2]


def estimate_minutes(circumstances: Circumstances, columns: Integers) -> tuple[int, Fix]:
    """Return about what `add_minutes` does without looking into anybody's day."""
    lacking = circumstances.missing_minutes(columns)
    points = circumstances.objective.on_columns[columns]
    position = int(np.lexsort((columns, lacking - 1e-6 * points))[0])
    column = int(columns[position])
    load = circumstances.model.columns.load[[column]]
    row, interval = divmod(int(load.indices[0]), circumstances.model.problem.intervals)
    fix = Fix(
        FixCode.ADD_MINUTES,
        circumstances.fit.roster.ids[row],
        interval=interval,
        minutes=round(float(lacking[position]), 2),
        gain=round(float(points[position]), DECIMALS),
        gain_is=Certainty.ESTIMATE,
    )
    return column, fix


def needs_minutes(fix: Fix) -> bool:
    """Return whether a fix adds minutes, at once or among what goes with it."""
    return any(part.code is FixCode.ADD_MINUTES for part in every_part(fix))


def _asked(circumstances: Circumstances, column: int) -> tuple[Engagement, int, Work]:
    columns = circumstances.model.columns
    problem = circumstances.model.problem
    engagement = problem.engagements[columns.engagement[column]]
    value = float(circumstances.objective.on_columns[column])
    work = work_of(problem, circumstances.fit, columns, column, value)
    return engagement, int(columns.agent[column]), work
