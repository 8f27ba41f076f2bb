"""
Large neighbourhood search: free a few agents and what they could do, solve that part exactly, keep what is better.

**Source**: Shaw 1998 (relatedness), Danna, Rothberg, Le Pape 2005 (sub-MIPs). A part is a handful of agents who can
take each other's work, all engagements they hold, and the unassigned ones they could take; everything else
stays as it is.
Each part is a small MIP, limited by nodes and not by a clock, so that the search repeats exactly. Parts begin with
`FEWEST_AGENTS` and take one agent more each time that `PATIENCE` parts for each agent have brought nothing, up to
`MOST_AGENTS`: small parts are solved in milliseconds, large ones find what small ones cannot.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from optimizer.assignment.master import Master
from optimizer.assignment.model import Model, Objective
from optimizer.assignment.search import Incumbent, mip_options
from optimizer.control import Control, relative_gap
from optimizer.plan import StoppedBy
from optimizer.roster import Flags, Floats, Integers

FEWEST_AGENTS = 2
MOST_AGENTS = 6
COLUMNS_OF_PART = 800
NODES_OF_PART = 100
PATIENCE = 1.5
"""Parts without a gain, for each agent, after which parts grow by an agent."""


@dataclass(slots=True)
class _State:
    """The best plan, with the row activity of its columns."""

    incumbent: Incumbent
    column_of: Integers

    @classmethod
    def of(cls, model: Model, incumbent: Incumbent) -> "_State":
        column_of = np.full(len(model.must), -1, dtype=np.int64)
        column_of[model.columns.engagement[incumbent.chosen]] = incumbent.chosen
        return cls(incumbent, column_of)


def search_neighbourhoods(
    model: Model,
    objective: Objective,
    slack: Floats,
    bound: float,
    incumbent: Incumbent,
    control: Control,
    *,
    quick: bool = False,
) -> tuple[Incumbent, StoppedBy]:
    """Improve a plan part by part and return the best one, with what ended the search.

    Parameters
    ----------
    slack
        Slack of every column (`relaxation.Relaxation.slack`): where a part has too many columns, the best stay.
    bound
        Upper bound; the search ends when the plan is within the policy's gap of it.
    quick
        Whether to end as soon as the smallest parts bring nothing.
    """
    policy = model.problem.policy
    random = np.random.default_rng([policy.seed, len(model.columns)])
    affinity = _affinity(model)
    state = _State.of(model, incumbent)
    patience = max(8, int(PATIENCE * len(affinity)))
    limit = policy.iterations
    idle = rounds = 0
    size = FEWEST_AGENTS
    while True:
        stopped = control.stopped_by()
        if stopped is not None:
            return state.incumbent, stopped
        if relative_gap(state.incumbent.objective, bound) <= max(policy.gap, 1e-9):
            return state.incumbent, StoppedBy.GAP
        if idle >= patience:
            size, idle = size + 1, 0
        if size > min(FEWEST_AGENTS if quick else MOST_AGENTS, len(affinity)) or (
            limit is not None and rounds >= limit
        ):
            return state.incumbent, StoppedBy.ITERATIONS
        agents = _draw_agents(model, state, affinity, random, size)
        better = _solve_part(model, objective, slack, state, agents, control)
        rounds += 1
        idle += 1
        if better is not None and better.objective > state.incumbent.objective + 1e-7 * abs(state.incumbent.objective):
            state = _State.of(model, better)
            idle = 0
            if objective.tier == "customers":
                control.report(incumbent=better.objective)


def _affinity(model: Model) -> Floats:
    """Return for each pair of agents how many engagements both can take, as a share of the most that one can."""
    columns, count = model.columns, len(model.problem.agents)
    pairs = sparse.coo_array(
        (np.ones(len(columns)), (columns.agent, columns.work)), shape=(count, len(model.must))
    ).tocsr()
    pairs.data[:] = 1.0
    common = (pairs @ pairs.T).toarray()
    return common / max(float(common.max(initial=0.0)), 1.0)


def _draw_agents(model: Model, state: _State, affinity: Floats, random: np.random.Generator, size: int) -> Integers:
    """Return a few related agents, around one who could take an unassigned engagement or around any."""
    waiting = np.flatnonzero(state.column_of < 0)
    candidates = np.arange(len(affinity))
    if len(waiting) and random.random() < 0.5:
        able = np.unique(model.columns.agent[model.columns_of(int(random.choice(waiting)))])
        candidates = able if len(able) else candidates
    first = int(random.choice(candidates))
    # Gumbel noise on the logarithm draws without replacement in proportion to the affinity.
    keys = np.log(affinity[first] + 1e-9) + random.gumbel(size=len(affinity))
    keys[first] = np.inf
    return np.sort(np.argsort(-keys, kind="stable")[:size])


def _solve_part(
    model: Model, objective: Objective, slack: Floats, state: _State, agents: Integers, control: Control
) -> Incumbent | None:
    """Solve the part of some agents and return the whole plan with it, or None if it has nothing to decide."""
    columns, continuous, now = model.columns, model.continuous, state.incumbent
    ours = np.zeros(len(model.problem.agents), dtype=bool)
    ours[agents] = True
    held = np.zeros(len(model.must), dtype=bool)
    held[columns.engagement[now.chosen[~ours[columns.agent[now.chosen]]]]] = True
    free = np.flatnonzero(ours[columns.agent] & ~held[columns.engagement])
    mine = now.chosen[ours[columns.agent[now.chosen]]]
    if len(free) > COLUMNS_OF_PART:
        free = np.union1d(free[np.argsort(slack[free], kind="stable")[:COLUMNS_OF_PART]], mine)
    if not len(free):
        return None
    variables = _variables_of(model, ours)
    fixed = np.setdiff1d(now.chosen, mine)
    part, points = _cut_out(model, objective, free, variables, fixed, now)
    options = mip_options(model.problem.policy, now.objective, now.objective)
    options |= {"mip_max_nodes": NODES_OF_PART, "mip_rel_gap": 0.1 * max(model.problem.policy.gap, 1e-6)}
    master = Master(part, points, np.arange(len(free)), control, mip=True, **options)
    master.start_from(np.searchsorted(free, mine), now.continuous[variables])
    if master.solve() not in ("optimal", "feasible"):
        return None
    values = now.continuous.copy()
    values[variables] = np.clip(master.continuous, 0.0, continuous.upper[variables])
    chosen = np.union1d(fixed, free[master.columns > 0.5])
    return Incumbent(chosen, values, objective.of(chosen, values))


def _variables_of(model: Model, ours: Flags) -> Integers:
    """Return the continuous variables of some agents."""
    continuous, horizon = model.continuous, model.problem.intervals
    owner = np.concatenate(
        [
            continuous.carry_cell // horizon,
            continuous.reserve_cell // horizon,
            continuous.excess_agent,
            continuous.debt_agent,
        ]
    )
    return np.flatnonzero(ours[owner])


def _cut_out(
    model: Model, objective: Objective, free: Integers, variables: Integers, fixed: Integers, now: Incumbent
) -> tuple[Model, Objective]:
    """Return the model of some columns and variables, the rest standing as it is in the plan."""
    used = np.zeros(len(model.columns))
    used[fixed] = 1.0
    others = now.continuous.copy()
    others[variables] = 0.0
    activity = model.on_columns @ used + model.on_continuous @ others
    on_columns = sparse.csr_array(sparse.csc_array(model.on_columns)[:, free])
    on_continuous = sparse.csr_array(sparse.csc_array(model.on_continuous)[:, variables])
    rows = np.flatnonzero((np.diff(on_columns.indptr) > 0) | (np.diff(on_continuous.indptr) > 0))
    part = replace(
        model,
        columns=model.columns.select(free),
        continuous=replace(model.continuous, upper=model.continuous.upper[variables]),
        on_columns=on_columns[rows],
        on_continuous=on_continuous[rows],
        lower=model.lower[rows],
        upper=np.where(np.isfinite(model.lower), model.upper, model.upper - activity)[rows],
    )
    once = model.families["once"]
    part.upper[rows < once.stop] = model.upper[rows[rows < once.stop]]
    points = replace(objective, on_columns=objective.on_columns[free], on_continuous=objective.on_continuous[variables])
    return part, points
