"""Why an engagement is unassigned, and the cheapest change that would serve it."""

import numpy as np

from optimizer.circumstances import Circumstances
from optimizer.fit import Qualification
from optimizer.openings import estimate_opening, open_up
from optimizer.plan import Cause, CauseCode, Certainty, Fix, FixCode, Unassigned
from optimizer.problem import Engagement
from optimizer.remedies import add_minutes, estimate_minutes, widen_limits
from optimizer.roster import Flags, Integers

NAMED = 3
"""Most agents, engagements or classes that a cause names."""

PROVEN_OPENINGS = 40
PROVEN_REMEDIES = 100
"""Most fixes whose gain is proven in a plan, by kind, to keep explaining quick; beyond them gains are estimates."""


def explain_unassigned(circumstances: Circumstances, indices: list[int]) -> tuple[Unassigned, ...]:
    """Return why engagements are unassigned, with the cheapest fix of each.

    Gains are proven for those of the most worth.
    """
    engagements = circumstances.model.problem.engagements
    explained: dict[int, Unassigned] = {}
    openings = remedies = 0
    for index in sorted(indices, key=lambda index: (-engagements[index].worth, index)):
        columns = np.arange(*circumstances.model.columns_of(index).indices(len(circumstances.model.columns)))
        if len(columns):
            cause, fix = _with_columns(circumstances, columns, proven=remedies < PROVEN_REMEDIES)
            remedies += 1
        else:
            cause = _without_column(circumstances, engagements[index])
            find = open_up if openings < PROVEN_OPENINGS else estimate_opening
            fix = find(circumstances, engagements[index])
            openings += 1
        explained[index] = Unassigned(engagements[index].id, cause, fix)
    return tuple(explained[index] for index in indices)


def _without_column(circumstances: Circumstances, engagement: Engagement) -> Cause:
    fit = circumstances.fit
    kind, allowed = fit.of(engagement), fit.allowed(engagement)
    if not allowed.any():
        able = _names(circumstances, np.flatnonzero(kind.skilled & kind.reachable))
        return Cause(CauseCode.NOBODY_ALLOWED, agents=able)
    if not (kind.possible & allowed).any():
        if not (kind.skilled & allowed).any():
            return _without_skill(circumstances, engagement, kind, allowed)
        able = _names(circumstances, np.flatnonzero(kind.skilled & allowed))
        return Cause(CauseCode.NO_CHANNEL, agents=able)
    return Cause(CauseCode.OFF_SHIFT, agents=_names(circumstances, np.flatnonzero(kind.possible & allowed)))


def _without_skill(
    circumstances: Circumstances, engagement: Engagement, kind: Qualification, allowed: Flags
) -> Cause:  # fmt: skip
    roster = circumstances.fit.roster
    candidates = np.flatnonzero(allowed)
    for need in engagement.requires:
        levels = roster.levels[candidates, roster.skills[need.skill]]
        if not need.preferred and levels.max() < need.level:
            best = candidates[np.lexsort((candidates, kind.levels_short[candidates], -levels))]
            return Cause(CauseCode.NO_SKILL, need.skill, need.level, _names(circumstances, best))
    # Those whom channel, language and site would let in come first, then those who lack the fewest levels.
    order = np.lexsort((candidates, kind.levels_short[candidates], ~kind.reachable[candidates]))
    nearest = candidates[order]
    levels = roster.levels[nearest[0]]
    missing = [need for need in engagement.requires if levels[roster.skills[need.skill]] < need.level]
    need = max(missing, key=lambda need: not need.preferred)
    return Cause(CauseCode.NO_SKILL_MIX, need.skill, need.level, _names(circumstances, nearest))


def _with_columns(circumstances: Circumstances, columns: Integers, *, proven: bool) -> tuple[Cause, Fix]:
    points = circumstances.objective.on_columns[columns]
    if points.max() <= 0:
        worth = float(points.max())
        return Cause(CauseCode.NOT_WORTH), Fix(FixCode.NONE, gain=worth, gain_is=Certainty.ESTIMATE)
    columns, points = columns[points > 0], points[points > 0]
    lacking = circumstances.missing_minutes(columns)
    near = columns[lacking <= circumstances.model.problem.max_carry + 1e-6]
    fitting = [column for column in near.tolist() if circumstances.ledger.fits(column)]
    if fitting:
        gain = float(circumstances.objective.on_columns[fitting].max())
        return Cause(CauseCode.SEARCH), Fix(FixCode.SOLVE_LONGER, gain=gain, gain_is=Certainty.CERTAIN)
    agents = _names(circumstances, np.unique(circumstances.model.columns.agent[columns]))
    overtime = circumstances.model.columns.overtime[columns]
    regular = columns if overtime.all() else columns[~overtime]
    wider = widen_limits(circumstances, regular)
    if wider is not None:
        return Cause(CauseCode.LIMIT, agents=agents), wider
    cheapest, fix = (add_minutes if proven else estimate_minutes)(circumstances, regular)
    paid = circumstances.model.columns.load[columns] @ circumstances.prices.ravel()
    best = int(columns[np.lexsort((columns, paid - points))[0]])
    engagements, classes = _in_the_way(circumstances, best if fix.code is FixCode.NONE else cheapest)
    return Cause(CauseCode.SOLD, agents=agents, engagements=engagements, classes=classes), fix


def _in_the_way(circumstances: Circumstances, column: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the engagements and classes that hold the minutes of a column, the most valuable first."""
    problem, columns = circumstances.model.problem, circumstances.model.columns
    others = circumstances.ledger.neighbours(column)
    others.sort(key=lambda other: (-circumstances.objective.on_columns[other], other))
    horizon = problem.intervals
    cells = columns.load[[column]].indices
    kept = circumstances.reserved[cells // horizon, cells % horizon].sum(axis=0)
    classes = [problem.forecast[index].class_ for index in np.argsort(-kept, kind="stable") if kept[index] > 0]
    engagements = [problem.engagements[columns.engagement[other]].id for other in others]
    return tuple(engagements[:NAMED]), tuple(classes[:NAMED])


def _names(circumstances: Circumstances, rows: Integers) -> tuple[str, ...]:
    return tuple(circumstances.fit.roster.ids[row] for row in rows[:NAMED].tolist())
