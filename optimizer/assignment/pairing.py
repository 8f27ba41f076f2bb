"""
Pairs: an engagement that two serve has columns of the lead, and columns of the learner beside them.

Learners stand under a slot of their own behind all engagements. Rows tie the two together (`rows.pairs`), so that the
model grows with leads + learners and not with leads × learners.
"""

from dataclasses import replace

import numpy as np

from optimizer.assignment.column_set import STEP_BIT, Columns, stack
from optimizer.assignment.points import points_of_shadows
from optimizer.assignment.running import run_through
from optimizer.fit import Fit
from optimizer.roster import Integers


def pair_up(fit: Fit, leads: Columns) -> Columns:
    """Return the columns with learners beside the leads of pairs, and with leads alone where that is a step."""
    roster = fit.roster
    in_pair = np.isin(leads.engagement, roster.problem.shadowed)
    waiting, others = leads.select(in_pair), leads.select(~in_pair)
    shadows = _list_shadows(fit, waiting)
    horizon, count = roster.problem.intervals, len(roster.ids)
    at, beside = waiting.engagement * horizon + waiting.start, shadows.pair * horizon + shadows.start
    there = np.bincount(beside, minlength=len(roster.problem.engagements) * horizon)[at]
    themselves = np.isin(at * count + waiting.agent, beside * count + shadows.agent)
    paired = waiting.select(there > themselves)
    parts = [others, replace(paired, pair=paired.engagement), shadows]
    price = roster.problem.policy.price_of("drop_shadow")
    if price is not None:
        relaxation = waiting.terms["relaxation"] - price
        terms = waiting.terms | {"relaxation": relaxation}
        parts.append(replace(waiting, relaxed=waiting.relaxed | STEP_BIT["drop_shadow"], terms=terms))
    return stack(parts)


def _list_shadows(fit: Fit, leads: Columns) -> Columns:
    """Return the columns of everybody who could learn beside some lead, at the starts of the leads."""
    roster = fit.roster
    problem = roster.problem
    slot_of = {work: len(problem.engagements) + slot for slot, work in enumerate(problem.shadowed)}
    most = np.array([agent.max_stretch_minutes for agent in problem.agents], dtype=float)
    parts: list[tuple[Integers, Integers, Integers, Integers]] = []
    for work in np.unique(leads.engagement).tolist():
        engagement = problem.engagements[work]
        able = np.flatnonzero(fit.learners(engagement) & (most >= engagement.minutes))
        starts = np.unique(leads.start[leads.engagement == work])
        agent, start = np.repeat(able, len(starts)), np.tile(starts, len(able))
        here = roster.capacity[agent, start] > 0
        agent, start = agent[here], start[here]
        until = _learns_until(fit, work, agent, start)
        parts.append((np.full(len(agent), work, dtype=np.int64), agent, start, until))
    none = np.zeros(0, dtype=np.int64)
    work, agent, start, until = (np.concatenate([none, *(part[place] for part in parts)]) for place in range(4))
    minutes = np.array([each.minutes for each in problem.engagements], dtype=float)[work]
    load, last = run_through(agent, start, minutes, np.ones(len(work)), roster.capacity, problem.interval_minutes)
    ends = np.flatnonzero((last >= 0) & (last < until))
    work, agent, start, minutes = work[ends], agent[ends], start[ends], minutes[ends]
    return Columns(
        engagement=np.array([slot_of[each] for each in work.tolist()], dtype=np.int64),
        agent=agent,
        start=start,
        minutes=minutes,
        load=load[ends],
        stretch=np.full(len(work), -1, dtype=np.int64),
        relaxed=np.zeros(len(work), dtype=np.int64),
        pair=work,
        terms=points_of_shadows(roster, agent, minutes),
    )


def _learns_until(fit: Fit, work: int, agent: Integers, start: Integers) -> Integers:
    """Return the interval in which learning beside the lead has to be over, by the slots that learners chose."""
    until = np.zeros(len(agent), dtype=np.int64)
    for skill, those in fit.lacking(fit.roster.problem.engagements[work]):
        in_skill = fit.roster.grows_until(agent, start, skill)
        until = np.maximum(until, np.where(those[agent], in_skill, 0))
    return until
