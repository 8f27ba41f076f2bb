"""Why an engagement is unassigned, and the cheapest change that would serve it."""

from dataclasses import replace

import numpy as np

from optimizer.assignment.columns import enumerate_columns
from optimizer.circumstances import Circumstances
from optimizer.control import Control
from optimizer.fit import Fit, Qualification
from optimizer.openings import estimate_opening, open_up
from optimizer.plan import Cause, CauseCode, Certainty, Fix, FixCode, Unassigned
from optimizer.problem import Engagement
from optimizer.remedies import add_minutes, estimate_minutes, widen_limits
from optimizer.roster import Flags, Integers, Roster

NAMED = 3
"""Most agents, engagements or classes that a cause names."""

PROVEN_OPENINGS = 40
PROVEN_REMEDIES = 100
"""Most fixes whose gain is proven in a plan, by kind, to keep explaining quick; beyond them gains are estimates."""


def explain_unassigned(circumstances: Circumstances, indices: list[int], control: Control) -> tuple[Unassigned, ...]:
    """Return why engagements are unassigned, with the cheapest fix of each.

    Gains are proven for those of the most worth; where the clock or a cancel ends the run, the rest has an unknown
    cause.
    """
    engagements = circumstances.model.problem.engagements
    explained: dict[int, Unassigned] = {}
    openings = remedies = 0
    for index in sorted(indices, key=lambda index: (-engagements[index].worth, index)):
        if control.stopped_by() is not None:
            explained[index] = unexplained(engagements[index].id)
            continue
        columns = np.arange(*circumstances.model.columns_of(index).indices(len(circumstances.model.columns)))
        if len(columns) and (circumstances.model.columns.pair[columns] >= 0).all():
            cause, fix = _of_pair(circumstances, columns)
        elif len(columns):
            columns = columns[circumstances.model.columns.pair[columns] < 0]
            cause, fix = _with_columns(circumstances, columns, proven=remedies < PROVEN_REMEDIES)
            remedies += 1
        else:
            cause = _without_column(circumstances, engagements[index])
            find = open_up if openings < PROVEN_OPENINGS else estimate_opening
            fix = find(circumstances, engagements[index])
            openings += 1
        explained[index] = Unassigned(engagements[index].id, cause, fix)
    return tuple(explained[index] for index in indices)


def unexplained(engagement_id: str) -> Unassigned:
    """Return an unassigned engagement whose reason there was no time to find."""
    return Unassigned(engagement_id, Cause(CauseCode.UNKNOWN), Fix(FixCode.SOLVE_LONGER))


def _without_column(circumstances: Circumstances, engagement: Engagement) -> Cause:
    fit = circumstances.fit
    kind, allowed = fit.of(engagement), fit.allowed(engagement)
    if engagement.owner is not None and fit.roster.problem.policy.price_of("hand_over") is None:
        by_anyone = fit.allowed(engagement, by_anyone=True)
        if (kind.possible & by_anyone & ~allowed).any():
            return Cause(CauseCode.OWNER_AWAY, agents=(engagement.owner,))
        allowed = by_anyone
    if not allowed.any():
        listed = _names(circumstances, np.flatnonzero(kind.skilled & kind.reachable))
        return Cause(CauseCode.NOBODY_ALLOWED, agents=listed)
    if not (kind.possible & allowed).any():
        if not (kind.skilled & allowed).any():
            return _without_skill(circumstances, engagement, kind, allowed)
        return _without_reach(circumstances, engagement, kind, np.flatnonzero(kind.skilled & allowed))
    leads = _leads_without_learner(circumstances, engagement)
    code = CauseCode.NO_SHADOW if len(leads) else CauseCode.OFF_SHIFT
    able = leads if len(leads) else np.flatnonzero(kind.possible & allowed)
    return Cause(code, agents=_names(circumstances, able))


def _without_reach(
    circumstances: Circumstances, engagement: Engagement, kind: Qualification, skilled: Integers
) -> Cause:  # fmt: skip
    if kind.authorised[skilled].any():
        return Cause(CauseCode.NO_CHANNEL, agents=_names(circumstances, skilled))
    holder = circumstances.fit.roster.problem.agents[skilled[0]]
    lacking = next(name for name in engagement.authority if name not in holder.authorities)
    return Cause(CauseCode.NO_AUTHORITY, agents=_names(circumstances, skilled), authority=lacking)


def _leads_without_learner(circumstances: Circumstances, engagement: Engagement) -> Integers:
    """Return who could serve an engagement that a pair has to serve, if nobody had to learn beside them."""
    if not engagement.shadow:
        return np.zeros(0, dtype=np.int64)
    problem = circumstances.fit.roster.problem
    alone = replace(problem, engagements=(replace(engagement, shadow=False),), pins=(), previous=())
    columns = enumerate_columns(Fit(Roster.of(alone)))
    return np.unique(columns.agent[columns.start >= problem.frozen_before])


def _of_pair(circumstances: Circumstances, columns: Integers) -> tuple[Cause, Fix]:
    """Return why nobody leads an engagement with somebody beside them, although there are who could."""
    model, ledger = circumstances.model, circumstances.ledger
    points = circumstances.objective.on_columns[columns]
    best = int(columns[np.lexsort((columns, -points))[0]])
    worth = float(points.max())
    if worth <= 0:
        return Cause(CauseCode.NOT_WORTH), Fix(FixCode.NONE, gain=worth, gain_is=Certainty.ESTIMATE)
    beside = np.flatnonzero(model.columns.shadows & (model.columns.pair == model.columns.engagement[best]))
    for lead in columns[points > 0].tolist():
        together = beside[model.columns.start[beside] == model.columns.start[lead]].tolist()
        if any(ledger.fits_together((lead, shadow)) for shadow in together):
            return Cause(CauseCode.SEARCH), Fix(FixCode.SOLVE_LONGER, gain=worth, gain_is=Certainty.ESTIMATE)
    free = [lead for lead in columns.tolist() if ledger.has_capacity_for(lead)]
    held = _in_the_way(circumstances, best)
    if free or not any(held):
        held = _in_the_way(circumstances, int(beside[0]))
    agents = _names(circumstances, np.unique(model.columns.agent[columns]))
    fix = Fix(FixCode.NONE)
    if free:
        alone = circumstances.fit.roster.ids[model.columns.agent[free[0]]]
        fix = Fix(FixCode.DROP_SHADOW, alone, gain=worth, gain_is=Certainty.ESTIMATE)
    return Cause(CauseCode.SOLD, agents=agents, engagements=held[0], classes=held[1]), fix


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
    engagements = [problem.engagements[columns.work_of(other)].id for other in others]
    return tuple(engagements[:NAMED]), tuple(classes[:NAMED])


def _names(circumstances: Circumstances, rows: Integers) -> tuple[str, ...]:
    return tuple(circumstances.fit.roster.ids[row] for row in rows[:NAMED].tolist())
