r"""
Exact search on a core of columns, with a bound over all of them.

**Core by reduced cost** (Balas, Zemel 1980; Martello, Toth 1990, ch. 2): a plan that uses a column is worth at most
the certified bound minus the column's slack. Columns whose slack exceeds the distance to the best plan known can not
improve it and are left out for good; if too many are left, those with the smallest slack form the core, and

.. math:: \max(U_{core},\; U - \min_{k \notin core} slack_k)

bounds every plan, with :math:`U_{core}` the bound of branch and cut on the core.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from optimizer.assignment.ledger import Ledger
from optimizer.assignment.master import Master
from optimizer.assignment.model import Model, Objective
from optimizer.assignment.relaxation import Relaxation, needed_columns
from optimizer.control import Control, relative_gap
from optimizer.plan import StoppedBy
from optimizer.policy import Policy
from optimizer.roster import Floats, Integers

CORE_COLUMNS = 40_000
"""Most columns of a core: beyond it branch and cut spends its time on the root."""

_CLEAR = 1e-9


@dataclass(frozen=True, slots=True)
class Incumbent:
    """A whole plan of a model: its columns, its continuous variables, and its points in one tier."""

    chosen: Integers
    continuous: Floats
    objective: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes
    ----------
    incumbent
        The best plan, None if there is none.
    bound
        Proven for all columns.
    infeasible
        Whether it is proven that there is no plan.
    stopped_by
        What ended the search.
    """

    incumbent: Incumbent | None
    bound: float
    stopped_by: StoppedBy
    infeasible: bool = False


def search_core(
    model: Model, objective: Objective, relaxation: Relaxation, incumbent: Incumbent | None, control: Control
) -> Found:
    """Search the core of a model by branch and cut, from the best plan known on."""
    policy = model.problem.policy
    core, outside = _core(model, relaxation, incumbent)
    known = -np.inf if incumbent is None else incumbent.objective
    master = Master(model, objective, core, control, mip=True, **mip_options(policy, relaxation.bound, known))

    def tell(points: float, _values: Floats) -> None:
        control.report(incumbent=points + objective.constant)

    master.solver.on_incumbent = tell if objective.tier == "customers" else None
    if incumbent is not None:
        master.start_from(incumbent.chosen, incumbent.continuous)
    outcome = master.solve()
    if outcome == "infeasible" and incumbent is None:
        return Found(
            None, relaxation.bound, StoppedBy.GAP, infeasible=model.unlisted is None and len(core) == len(model.columns)
        )

    bound = min(relaxation.bound, max(master.solver.bound + objective.constant, outside))
    if outcome in ("optimal", "feasible"):
        found = complete(model, objective, master.active[master.columns > 0.5], control)
        if found is not None and found.objective > known:
            incumbent = found
    if incumbent is not None:
        bound = max(bound, incumbent.objective)
    return Found(incumbent, bound, _stopped_by(control, policy, incumbent, bound))


def mip_options(policy: Policy, bound: float, known: float) -> dict[str, float | int | str]:
    """Return HiGHS options for a policy; one seed and one number of threads for all solves of a process."""
    options: dict[str, float | int | str] = {
        "threads": policy.threads,
        "random_seed": policy.seed,
        "mip_rel_gap": 0.5 * policy.gap,
        "mip_abs_gap": 1e-9 * max(1.0, abs(bound)),
        "mip_feasibility_tolerance": 1e-7,
        "primal_feasibility_tolerance": 1e-8,
    }
    if policy.iterations is not None:
        options["mip_max_nodes"] = policy.iterations
    if np.isfinite(known):
        options["mip_heuristic_effort"] = 0.2
    return options


def complete(model: Model, objective: Objective, chosen: Integers, control: Control) -> Incumbent | None:
    """Return the plan of chosen columns with the best reserves and carry-over for them, or None if they do not fit."""
    continuous = model.continuous
    if continuous.reserves.start == len(continuous):
        values = _carry_of(model, chosen)
        return None if values is None else Incumbent(chosen, values, objective.of(chosen, values))
    used = np.zeros(len(model.columns))
    used[chosen] = 1.0
    activity = model.on_columns @ used
    once = model.families["once"]
    if (activity[once] > 1.5).any() or (activity[once] < model.lower[once] - 0.5).any():
        return None
    upper = model.upper - activity
    upper[once] = 1.0
    rest = replace(
        model,
        columns=model.columns.select(slice(0, 0)),
        on_columns=sparse.csr_array((len(upper), 0)),
        lower=np.full(len(upper), -np.inf),
        upper=upper,
    )
    nothing = replace(objective, on_columns=np.zeros(0))
    none = np.zeros(0, dtype=np.int64)
    # The reserves of a finished plan are worth a moment beyond the deadline: without them there is no plan.
    unhurried = Control(began_at=control.began_at)
    master = Master(rest, nothing, none, unhurried, mip=False, threads=model.problem.policy.threads)
    if master.solve() != "optimal":
        return None
    values = np.clip(master.continuous, 0.0, continuous.upper)
    values[values < _CLEAR] = 0.0
    return Incumbent(chosen, values, objective.of(chosen, values))


def _carry_of(model: Model, chosen: Integers) -> Floats | None:
    ledger = Ledger(model)
    for column in chosen.tolist():
        ledger.add(column)
    values = ledger.smallest_carry()
    used = np.zeros(len(model.columns))
    used[chosen] = 1.0
    activity = model.on_columns @ used + model.on_continuous @ values
    within = (activity <= model.upper + 1e-6) & (activity >= model.lower - 1e-6)
    return values if within.all() else None


def core_size(relaxation: Relaxation, incumbent: Incumbent) -> int:
    """Return how many columns could still improve a plan."""
    distance = relaxation.bound - incumbent.objective
    return int(np.count_nonzero(relaxation.slack <= distance + _margin(relaxation)))


def _margin(relaxation: Relaxation) -> float:
    return 1e-7 * max(1.0, abs(relaxation.bound))


def _core(model: Model, relaxation: Relaxation, incumbent: Incumbent | None) -> tuple[Integers, float]:
    """Return the columns of the core, and a bound on plans that use any other."""
    distance = np.inf if incumbent is None else relaxation.bound - incumbent.objective
    order = np.argsort(relaxation.slack, kind="stable")
    useful = int(np.searchsorted(relaxation.slack[order], distance + _margin(relaxation), side="right"))
    core = order[: min(useful, CORE_COLUMNS)]
    kept = [core, needed_columns(model), relaxation.chosen]
    if incumbent is not None:
        kept.append(incumbent.chosen)
    core = np.unique(np.concatenate(kept))
    if model.unlisted is not None:
        # Nothing is known of the slack of columns that are not listed.
        return core, relaxation.bound
    outside = np.ones(len(model.columns), dtype=bool)
    outside[core] = False
    if not outside.any():
        return core, -np.inf
    return core, relaxation.bound - float(relaxation.slack[outside].min())


def _stopped_by(control: Control, policy: Policy, incumbent: Incumbent | None, bound: float) -> StoppedBy:
    stopped = control.stopped_by()
    if stopped is not None:
        return stopped
    if incumbent is not None and relative_gap(incumbent.objective, bound) <= max(policy.gap, 1e-9):
        return StoppedBy.GAP
    return StoppedBy.ITERATIONS if policy.iterations is not None else StoppedBy.CLOCK
