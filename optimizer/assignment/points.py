"""Points of columns by term: what serving an engagement in one way brings and costs."""

import numpy as np

from optimizer.assignment.column_set import STEP_BIT, Columns
from optimizer.policy import PAIR_TERMS
from optimizer.roster import Flags, Floats, Integers, Roster

OVERTIME_PREMIUM = 1.5


def points_of_leads(
    roster: Roster, columns: Columns, contacts: Floats, *, match: Floats, practises: Flags
) -> dict[str, Floats]:
    """Return the weighted points of each column of a lead by term; stability and balance are terms of the whole plan.

    Parameters
    ----------
    contacts
        Simultaneous contacts of each column.
    match, practises
        Weighted level fit in [0, 1], and whether a skill about to lapse is practised, of each column.
    """
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
        "match": worth * match,
        "continuity": worth * known,
        "growth": columns.minutes * stretches,
        "practice": columns.minutes * practises,
        "cost": -columns.minutes / contacts * rate * premium,
    }
    terms = {term: policy.weight(term) * unweighted[term] for term in PAIR_TERMS}
    terms["given"] = _give_values(roster, columns, terms)
    terms["relaxation"] = -_ladder_prices(roster, columns)
    return terms


def points_of_shadows(roster: Roster, agent: Integers, minutes: Floats) -> dict[str, Floats]:
    """Return what the minutes of learners bring and cost; no given value of the pair replaces that."""
    policy = roster.problem.policy
    rate = np.array([each.cost_per_minute for each in roster.problem.agents], dtype=float)[agent]
    terms = {term: np.zeros(len(agent)) for term in (*PAIR_TERMS, "given", "relaxation")}
    return terms | {"growth": policy.weight("growth") * minutes, "cost": -policy.weight("cost") * minutes * rate}


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
