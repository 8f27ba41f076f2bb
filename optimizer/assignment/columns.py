r"""
Columns: every way in which one engagement can be served, as (engagement, agent, start interval).

An engagement that a pair serves has two kinds of columns: those of the lead, and those of the learner beside them,
which stand under a slot of their own behind all engagements. Rows tie the two together (`rows.pairs`), so that the
model grows with leads + learners and not with leads × learners.

A column of *m* minutes at concurrency *c* that starts in *s* does
:math:`w_t = \min(L, m - \sum_{u<t} w_u, c \cdot cap_{at})` minutes in each interval :math:`t \ge s` and loads the agent
with :math:`w_t / c`. All columns are enumerated at once, one numpy pass for each interval that work runs through:
O(columns × intervals per engagement).
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from optimizer.fit import Fit
from optimizer.policy import LADDER_STEPS, PAIR_TERMS
from optimizer.problem import Engagement
from optimizer.roster import Flags, Floats, Integers, Roster

OVERTIME_PREMIUM = 1.5
STEP_BIT = {step: 1 << position for position, step in enumerate(LADDER_STEPS)}
_DONE = 1e-9


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns of a problem, or of some of its engagements and agents.

    Attributes
    ----------
    engagement, agent, start
        Indices into the problem's engagements and agents, and the start interval; one element per column, sorted. For a
        learner `engagement` is their slot: number of engagements + position in `Problem.shadowed`.
    minutes
        Handle minutes with this agent; for a learner those of the engagement.
    load
        Agent minutes by capacity cell, columns × (agents · intervals), cell = agent · intervals + interval.
    stretch
        Skill index in which the column is stretch, else −1.
    relaxed
        Bit mask of ladder steps (`STEP_BIT`).
    pair
        The engagement, if the column is one half of a pair, else −1.
    terms
        Weighted points by term, one array each.
    """

    engagement: Integers
    agent: Integers
    start: Integers
    minutes: Floats
    load: sparse.csr_array
    stretch: Integers
    relaxed: Integers
    pair: Integers
    terms: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.engagement)

    def value(self, terms: Sequence[str]) -> Floats:
        """Return the sum of some terms for every column."""
        return np.asarray(
            np.sum([self.terms[term] for term in terms if term in self.terms] or [np.zeros(len(self))], axis=0)
        )

    @property
    def overtime(self) -> Flags:
        """Whether a column runs in overtime minutes."""
        return (self.relaxed & STEP_BIT["overtime"]) > 0

    @property
    def shadows(self) -> Flags:
        """Whether a column is that of a learner."""
        learners: Flags = (self.pair >= 0) & (self.pair != self.engagement)
        return learners

    @property
    def work(self) -> Integers:
        """The engagement of every column, those of learners too."""
        return np.where(self.shadows, self.pair, self.engagement)

    @property
    def growth(self) -> Floats:
        """Growth minutes: those of stretch work, and those of learning beside others."""
        return self.minutes * ((self.stretch >= 0) | self.shadows)

    def select(self, which: Any) -> "Columns":
        """Return some of the columns, by mask or by index."""
        return Columns(
            self.engagement[which],
            self.agent[which],
            self.start[which],
            self.minutes[which],
            self.load[which],
            self.stretch[which],
            self.relaxed[which],
            self.pair[which],
            {term: points[which] for term, points in self.terms.items()},
        )


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Engagement × agent pairs that are possible at some start; one element per pair."""

    engagement: Integers
    agent: Integers
    skilled: Flags
    stretch: Integers
    stretch_level: Integers
    lowered: Flags
    drops: Flags
    other_site: Flags
    match: Floats
    practises: Flags

    def __len__(self) -> int:
        return len(self.engagement)


def enumerate_columns(fit: Fit, engagements: Sequence[int] | None = None, agents: Flags | None = None) -> Columns:
    """Return every column that obeys the rules of a single assignment.

    Parameters
    ----------
    engagements
        Indices of the engagements to look at; None is all.
    agents
        Which agents to look at; None is all.

    Notes
    -----
    Rules that tie assignments together (capacity, limits, shares, changes), pins and the frozen window are not
    applied here.
    """
    problem = fit.roster.problem
    indices = range(len(problem.engagements)) if engagements is None else engagements
    pairs = _list_pairs(fit, indices, agents)
    pools = [_place(fit.roster, pairs, *_every_start(fit.roster, pairs, overtime=False), overtime=False)]
    if problem.policy.price_of("overtime") is not None and fit.roster.overtime.any():
        pools.append(_place(fit.roster, pairs, *_every_start(fit.roster, pairs, overtime=True), overtime=True))
    return _in_order(fit, pools)


def describe_columns(fit: Fit, engagement: Integers, agent: Integers, start: Integers, overtime: Flags) -> Columns:
    """Return some columns, given what they are, each once; those that break a rule of a single assignment are left out.

    Parameters
    ----------
    engagement, agent, start
        Indices of engagements and agents, and start intervals, one element per column.
    overtime
        Whether the column runs in overtime minutes.
    """
    count = len(fit.roster.ids)
    key, pair = np.unique(engagement * count + agent, return_inverse=True)
    pairs = _describe_pairs(fit, key // count, key % count)
    pools = [
        _place(fit.roster, pairs, pair[overtime == pool], start[overtime == pool], overtime=pool)
        for pool in (False, True)
        if pool is False or overtime.any()
    ]
    return _in_order(fit, pools)


def join_columns(parts: Sequence[Columns]) -> Columns:
    """Return columns of the same problem as one, sorted; none may stand in two parts."""
    columns = _stack(parts)
    return columns.select(np.lexsort((columns.relaxed, columns.start, columns.agent, columns.engagement)))


def _in_order(fit: Fit, pools: Sequence[Columns]) -> Columns:
    columns = _stack(pools) if len(pools) > 1 else pools[0]
    if fit.roster.problem.shadowed:
        columns = _pair_up(fit, columns)
    order = np.lexsort((columns.relaxed, columns.start, columns.agent, columns.engagement))
    return columns.select(order)


def _pair_up(fit: Fit, leads: Columns) -> Columns:
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
    return _stack(parts)


def _list_shadows(fit: Fit, leads: Columns) -> Columns:
    """Return the columns of everybody who could learn beside some lead, at the starts of the leads."""
    roster = fit.roster
    problem = roster.problem
    slot_of = {work: len(problem.engagements) + slot for slot, work in enumerate(problem.shadowed)}
    most = np.array([agent.max_stretch_minutes for agent in problem.agents], dtype=float)
    parts: list[tuple[Integers, Integers, Integers]] = []
    for work in np.unique(leads.engagement).tolist():
        engagement = problem.engagements[work]
        able = np.flatnonzero(fit.learners(engagement) & (most >= engagement.minutes))
        starts = np.unique(leads.start[leads.engagement == work])
        agent, start = np.repeat(able, len(starts)), np.tile(starts, len(able))
        here = roster.capacity[agent, start] > 0
        parts.append((np.full(int(here.sum()), work, dtype=np.int64), agent[here], start[here]))
    none = np.zeros(0, dtype=np.int64)
    work, agent, start = (np.concatenate([none, *(part[place] for part in parts)]) for place in range(3))
    minutes = np.array([each.minutes for each in problem.engagements], dtype=float)[work]
    load, last = _run_through(agent, start, minutes, np.ones(len(work)), roster.capacity, problem.interval_minutes)
    ends = np.flatnonzero(last >= 0)
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
        terms=_points_of_shadows(roster, agent, minutes),
    )


def _points_of_shadows(roster: Roster, agent: Integers, minutes: Floats) -> dict[str, Floats]:
    """Return what the minutes of learners bring and cost; no given value of the pair replaces that."""
    policy = roster.problem.policy
    rate = np.array([each.cost_per_minute for each in roster.problem.agents], dtype=float)[agent]
    terms = {term: np.zeros(len(agent)) for term in (*PAIR_TERMS, "given", "relaxation")}
    return terms | {"growth": policy.weight("growth") * minutes, "cost": -policy.weight("cost") * minutes * rate}


def _describe_pairs(fit: Fit, engagement: Integers, agent: Integers) -> _Pairs:
    """Return given pairs, sorted by engagement."""
    engagements = fit.roster.problem.engagements
    dtypes = {"stretch": np.int64, "stretch_level": np.int64, "match": np.float64}
    found: dict[str, Any] = {
        name: np.zeros(len(engagement), dtypes.get(name, np.bool_)) for name in _Pairs.__slots__[2:]
    }
    bounds = np.append(np.flatnonzero(np.diff(engagement, prepend=-1)), len(engagement)).tolist()
    for first, after in itertools.pairwise(bounds):
        block = slice(first, after)
        kind = fit.of(engagements[engagement[first]])
        for name, column in found.items():
            column[block] = getattr(kind, name)[agent[block]]
    return _Pairs(engagement=engagement, agent=agent, **found)


def _list_pairs(fit: Fit, indices: Sequence[int], agents: Flags | None) -> _Pairs:
    problem = fit.roster.problem
    parts: dict[str, list[Any]] = {name: [] for name in _Pairs.__slots__}
    for index in indices:
        engagement = problem.engagements[index]
        kind = fit.of(engagement)
        possible = kind.possible & fit.allowed(engagement)
        if agents is not None:
            possible &= agents
        rows = np.flatnonzero(possible)
        parts["engagement"].append(np.full(len(rows), index, dtype=np.int64))
        parts["agent"].append(rows)
        for name in _Pairs.__slots__[2:]:
            parts[name].append(getattr(kind, name)[rows])
    joined: dict[str, Any] = {
        name: np.concatenate(found) if found else np.zeros(0, np.int64) for name, found in parts.items()
    }
    return _Pairs(**joined)


def _every_start(roster: Roster, pairs: _Pairs, *, overtime: bool) -> tuple[Integers, Integers]:
    """Return every (position in `pairs`, start) at which the agent has minutes."""
    problem = roster.problem
    engagements = problem.engagements
    horizon = problem.intervals
    capacity = roster.overtime if overtime else roster.capacity
    later = problem.policy.price_of("later") is not None
    earliest = np.array([each.earliest for each in engagements], dtype=np.int64)
    latest = np.array([horizon - 1 if later else each.latest for each in engagements], dtype=np.int64)

    counts = (latest - earliest + 1)[pairs.engagement] if len(pairs) else np.zeros(0, np.int64)
    pair = np.repeat(np.arange(len(pairs)), counts)
    offsets = np.arange(len(pair)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = earliest[pairs.engagement[pair]] + offsets if len(pair) else pair
    has_room = capacity[pairs.agent[pair], start] > 0 if len(pair) else np.zeros(0, bool)
    return pair[has_room], start[has_room]


def _place(roster: Roster, pairs: _Pairs, pair: Integers, start: Integers, *, overtime: bool) -> Columns:
    """Return the columns of pairs at starts, those from which the work can be finished."""
    problem = roster.problem
    engagements = problem.engagements
    capacity = roster.overtime if overtime else roster.capacity
    minutes_of_pair, contacts_of_pair = _pair_minutes(roster, pairs)
    load, last = _run_through(
        pairs.agent[pair], start, minutes_of_pair[pair], contacts_of_pair[pair], capacity, problem.interval_minutes
    )
    mentored = _has_mentor(roster, pairs, pair, start, last)
    fits = (last >= 0) & (pairs.skilled[pair] | mentored | pairs.lowered[pair])
    kept = np.flatnonzero(fits)
    pair, start, load, mentored = pair[kept], start[kept], load[kept], mentored[kept]

    stretches = ~pairs.skilled[pair] & mentored
    latest_allowed = np.array([each.latest for each in engagements], dtype=np.int64)
    owner = np.array([-1 if each.owner is None else roster.index[each.owner] for each in engagements], dtype=np.int64)
    owner = owner[pairs.engagement[pair]] if len(pair) else pair
    relaxed = (
        pairs.drops[pair] * STEP_BIT["drop_preferred"]
        + (~pairs.skilled[pair] & ~stretches) * STEP_BIT["lower_level"]
        + pairs.other_site[pair] * STEP_BIT["other_site"]
        + ((owner >= 0) & (owner != pairs.agent[pair])) * STEP_BIT["hand_over"]
        + (STEP_BIT["overtime"] if overtime else 0)
    ).astype(np.int64)
    if len(pair):
        relaxed += (start > latest_allowed[pairs.engagement[pair]]) * STEP_BIT["later"]
    if problem.policy.price_of("drop_preferred") is None:
        relaxed &= ~STEP_BIT["drop_preferred"]
    placed = Columns(
        engagement=pairs.engagement[pair],
        agent=pairs.agent[pair],
        start=start,
        minutes=minutes_of_pair[pair],
        load=load,
        stretch=np.where(stretches, pairs.stretch[pair], -1),
        relaxed=relaxed,
        pair=np.full(len(pair), -1, dtype=np.int64),
        terms={},
    )
    placed.terms.update(_points(roster, pairs, pair, placed, contacts_of_pair[pair]))
    return placed


def _pair_minutes(roster: Roster, pairs: _Pairs) -> tuple[Floats, Floats]:
    """Return handle minutes and simultaneous contacts of each pair."""
    engagements = roster.problem.engagements
    minutes = np.array([each.minutes for each in engagements], dtype=float)[pairs.engagement]
    contacts = np.ones(len(pairs))
    first = np.searchsorted(pairs.engagement, np.arange(len(engagements) + 1)) if len(pairs) else None
    if first is None:
        return minutes, contacts
    for index in np.unique(pairs.engagement):
        each: Engagement = engagements[index]
        block = slice(first[index], first[index + 1])
        agents = pairs.agent[block]
        contacts[block] = roster.concurrency(each.channel)[agents]
        if each.minutes_by_agent:
            minutes[block] = [each.minutes_with(roster.ids[agent]) for agent in agents]
    return minutes, contacts


def _run_through(
    agent: Integers, start: Integers, minutes: Floats, contacts: Floats, capacity: Floats, interval_minutes: float
) -> tuple[sparse.csr_array, Integers]:
    """Run each piece of work through its intervals.

    Returns
    -------
    load
        Agent minutes, work × (agents · intervals).
    last
        Last interval of each piece of work, −1 where it cannot be finished.
    """
    horizon = capacity.shape[1]
    left = minutes.copy()
    last = np.full(len(agent), -1, dtype=np.int64)
    active = np.arange(len(agent))
    now = start.copy()
    rows, cells, loads = [], [], []
    while len(active):
        room = contacts[active] * capacity[agent[active], now[active]]
        work = np.minimum(np.minimum(interval_minutes, left[active]), room)
        active, work = active[work > 0], work[work > 0]
        rows.append(active)
        cells.append(agent[active] * horizon + now[active])
        loads.append(work / contacts[active])
        left[active] -= work
        finished = left[active] <= _DONE
        last[active[finished]] = now[active[finished]]
        active = active[~finished]
        now[active] += 1
        active = active[now[active] < horizon]
    shape = (len(agent), capacity.size)
    if not rows:
        return sparse.csr_array(shape), last
    entries = (np.concatenate(loads), (np.concatenate(rows), np.concatenate(cells)))
    return sparse.csr_array(sparse.coo_array(entries, shape=shape)), last


def _has_mentor(roster: Roster, pairs: _Pairs, pair: Integers, start: Integers, last: Integers) -> Flags:
    """Return for which (pair, start) another agent covers the stretch in every interval that the work runs through."""
    covered = np.zeros(len(pair), dtype=bool)
    candidates = np.flatnonzero((pairs.stretch[pair] >= 0) & (last >= 0))
    skills = pairs.stretch[pair[candidates]]
    levels = pairs.stretch_level[pair[candidates]]
    before = roster.on_shift_before
    for skill, level in sorted(set(zip(skills.tolist(), levels.tolist(), strict=True))):
        group = candidates[(skills == skill) & (levels == level)]
        length = last[group] - start[group] + 1
        for mentor in roster.mentors(skill, level):
            on_shift = before[mentor, last[group] + 1] - before[mentor, start[group]] == length
            covered[group] |= on_shift & (pairs.agent[pair[group]] != mentor)
    return covered


def _points(roster: Roster, pairs: _Pairs, pair: Integers, columns: Columns, contacts: Floats) -> dict[str, Floats]:
    """Return the weighted points of each column by term; stability and balance are terms of the whole plan."""
    problem, policy = roster.problem, roster.problem.policy
    engagements = problem.engagements
    which = columns.engagement
    worth = np.array([each.worth for each in engagements], dtype=float)[which]
    due = np.array([each.due for each in engagements], dtype=float)[which]
    latest = np.array([each.latest for each in engagements], dtype=float)[which]
    lateness = np.clip((columns.start - due) / np.maximum(latest - due, 1.0), 0.0, 1.0)
    lateness[columns.start > latest] = 1.0
    known = _is_known(roster, columns)
    stretches = columns.stretch >= 0
    rate = np.array([agent.cost_per_minute for agent in problem.agents], dtype=float)[columns.agent]
    premium = np.where(columns.overtime, OVERTIME_PREMIUM, 1.0)
    unweighted = {
        "service": worth * (1.0 - (1.0 - policy.late_share) * lateness),
        "match": worth * pairs.match[pair],
        "continuity": worth * known,
        "growth": columns.minutes * stretches,
        "practice": columns.minutes * pairs.practises[pair],
        "cost": -columns.minutes / contacts * rate * premium,
    }
    terms = {term: policy.weight(term) * unweighted[term] for term in PAIR_TERMS}
    terms["given"] = _give_values(roster, columns, terms)
    terms["relaxation"] = -_ladder_prices(roster, columns)
    return terms


def _is_known(roster: Roster, columns: Columns) -> Floats:
    known = np.zeros(len(columns))
    for index in np.unique(columns.engagement):
        agents = roster.problem.engagements[index].known_agents
        if agents:
            block = slice(*np.searchsorted(columns.engagement, [index, index + 1]))
            known[block] = np.isin(columns.agent[block], [roster.index[agent] for agent in agents])
    return known


def _give_values(roster: Roster, columns: Columns, terms: dict[str, Floats]) -> Floats:
    """Return the given values, and clear the per-pair terms that they replace."""
    given = np.zeros(len(columns))
    for index in np.unique(columns.engagement):
        values = roster.problem.engagements[index].values
        if not values:
            continue
        first, after = np.searchsorted(columns.engagement, [index, index + 1])
        for column in range(first, after):
            points = values.get(roster.ids[columns.agent[column]])
            if points is not None:
                given[column] = points
                for term in PAIR_TERMS:
                    terms[term][column] = 0.0
    return given


def _ladder_prices(roster: Roster, columns: Columns) -> Floats:
    total = np.zeros(len(columns))
    for rung in roster.problem.policy.ladder:
        total += rung.price * ((columns.relaxed & STEP_BIT[rung.step]) > 0)
    return total


def _stack(parts: Sequence[Columns]) -> Columns:
    """Join column sets of the same problem."""
    return Columns(
        engagement=np.concatenate([part.engagement for part in parts]),
        agent=np.concatenate([part.agent for part in parts]),
        start=np.concatenate([part.start for part in parts]),
        minutes=np.concatenate([part.minutes for part in parts]),
        load=sparse.csr_array(sparse.vstack([part.load for part in parts])),
        stretch=np.concatenate([part.stretch for part in parts]),
        relaxed=np.concatenate([part.relaxed for part in parts]),
        pair=np.concatenate([part.pair for part in parts]),
        terms={term: np.concatenate([part.terms[term] for part in parts]) for term in parts[0].terms},
    )
