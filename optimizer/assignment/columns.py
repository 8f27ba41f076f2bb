"""Columns: every way in which one engagement can be served, as (engagement, agent, start interval)."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimizer.assignment.column_set import STEP_BIT, Columns, stack
from optimizer.assignment.pairing import pair_up
from optimizer.assignment.points import points_of_leads
from optimizer.assignment.running import run_through
from optimizer.fit import Fit
from optimizer.problem import Engagement
from optimizer.roster import Flags, Floats, Integers, Roster

__all__ = ["STEP_BIT", "Columns", "describe_columns", "enumerate_columns"]


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
    columns = stack(parts)
    return columns.select(np.lexsort((columns.relaxed, columns.start, columns.agent, columns.engagement)))


def _in_order(fit: Fit, pools: Sequence[Columns]) -> Columns:
    columns = stack(pools) if len(pools) > 1 else pools[0]
    if fit.roster.problem.shadowed:
        columns = pair_up(fit, columns)
    order = np.lexsort((columns.relaxed, columns.start, columns.agent, columns.engagement))
    return columns.select(order)


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
    load, last = run_through(
        pairs.agent[pair], start, minutes_of_pair[pair], contacts_of_pair[pair], capacity, problem.interval_minutes
    )
    stretchable = _may_stretch(roster, pairs, pair, start, last)
    fits = (last >= 0) & (pairs.skilled[pair] | stretchable | pairs.lowered[pair])
    kept = np.flatnonzero(fits)
    pair, start, load, stretchable = pair[kept], start[kept], load[kept], stretchable[kept]

    stretches = ~pairs.skilled[pair] & stretchable
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
    placed.terms.update(
        points_of_leads(
            roster,
            placed,
            contacts_of_pair[pair],
            match=pairs.match[pair],
            practises=pairs.practises[pair],
        )
    )
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


def _may_stretch(roster: Roster, pairs: _Pairs, pair: Integers, start: Integers, last: Integers) -> Flags:
    """
    Return for which (pair, start) another agent covers the stretch in every interval that the work runs through.

    Where the agent chose slots, it has to lie in one of them too.
    """
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
    covered[candidates] &= last[candidates] < roster.grows_until(
        pairs.agent[pair[candidates]], start[candidates], skills
    )
    return covered
