r"""
Erlang's formulas for contacts that arrive at random and are answered by equal agents.

===========  ==========================================================
Symbol       Meaning
===========  ==========================================================
:math:`n`    agents
:math:`a`    offered load in Erlang: arrivals per minute × handle minutes
:math:`h`    mean handle minutes
:math:`C`    probability that a contact waits (Erlang C)
===========  ==========================================================

Erlang B and C: A. K. Erlang (1917), "Solution of some problems in the theory of probabilities of significance in
automatic telephone exchanges"; as recursions in R. B. Cooper (1981), *Introduction to Queueing Theory*, 2nd ed.,
sections 3.3 and 3.5.  Erlang A: C. Palm (1957); O. Garnett, A. Mandelbaum, M. Reiman (2002), "Designing a call center
with impatient customers", doi:10.1287/msom.4.3.208.7753.
"""

from __future__ import annotations

import math

_NEGLIGIBLE = 1e-14


def loss_probability(agents: int, load: float) -> float:
    r"""
    Return Erlang B, the share of contacts that finds all agents busy where nobody waits.

    :math:`B(0) = 1`, :math:`B(k) = \frac{a B(k-1)}{k + a B(k-1)}`; O(n), stable for any load.

    Parameters
    ----------
    agents
        Number of agents, at least 0.
    load
        Offered load in Erlang, at least 0.

    Raises
    ------
    ValueError
        If an argument is negative or not finite.
    """
    _check(agents, load)
    blocking = 1.0
    for busy in range(1, agents + 1):
        blocking = load * blocking / (busy + load * blocking)
    return blocking


def delay_probability(agents: int, load: float) -> float:
    r"""
    Return Erlang C, the share of contacts that waits where everybody waits until answered.

    :math:`C = \frac{n B}{n - a (1 - B)}` for :math:`a < n`; 1 where the load is not below the number of agents.
    """
    _check(agents, load)
    if load == 0:
        return 0.0
    if load >= agents:
        return 1.0
    blocking = loss_probability(agents, load)
    return agents * blocking / (agents - load * (1.0 - blocking))


def service_level(agents: int, load: float, *, handle_minutes: float, within_minutes: float) -> float:
    r"""
    Return the share of contacts answered within a time: :math:`1 - C e^{-(n - a) t / h}`, in [0, 1].

    Parameters
    ----------
    agents, load
        As in :func:`delay_probability`.
    handle_minutes
        Mean handle time, above 0.
    within_minutes
        The time, at least 0.
    """
    _check_times(handle_minutes, within_minutes)
    if load >= agents:
        return 1.0 if load == 0 else 0.0
    return 1.0 - delay_probability(agents, load) * math.exp(-(agents - load) * within_minutes / handle_minutes)


def mean_wait_minutes(agents: int, load: float, *, handle_minutes: float) -> float:
    r"""Return the mean wait of all contacts, :math:`C h / (n - a)`; infinite where the load is not below :math:`n`."""
    _check_times(handle_minutes, 0.0)
    if load == 0:
        return 0.0
    if load >= agents:
        return math.inf
    return delay_probability(agents, load) * handle_minutes / (agents - load)


def agents_needed(load: float, *, handle_minutes: float, target: float, within_minutes: float) -> int:
    """
    Return the least number of agents that answers a share ``target`` of contacts within a time.

    The service level grows with each agent, so the search from the load upwards is exact; it ends after O(√load)
    steps beyond the load.

    Parameters
    ----------
    load
        Offered load in Erlang.
    handle_minutes
        Mean handle time, above 0.
    target
        Share in [0, 1).
    within_minutes
        The time, at least 0.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    _check_times(handle_minutes, within_minutes)
    if not 0 <= target < 1:
        raise ValueError(f"A share from 0 up to but without 1 is needed, not {target}.")
    _check(0, load)
    if load == 0:
        return 0
    agents = math.floor(load) + 1
    while service_level(agents, load, handle_minutes=handle_minutes, within_minutes=within_minutes) < target:
        agents += 1
    return agents


def abandonment(agents: int, load: float, *, handle_minutes: float, patience_minutes: float) -> float:
    r"""
    Return the share of contacts that gives up in the Erlang A model (M/M/n+M).

    Customers wait for exponential patience of mean :math:`1/\theta`.  With the stationary distribution :math:`\pi` of
    the birth–death chain with death rates :math:`\min(k, n)\mu + (k - n)^+ \theta`, the share is :math:`\theta\, E[(k
    - n)^+] / \lambda` (Garnett, Mandelbaum, Reiman 2002, section 2). The sum is cut where its terms no longer count.

    Parameters
    ----------
    agents, load
        As in :func:`delay_probability`; the load may exceed the number of agents.
    handle_minutes
        Mean handle time, above 0.
    patience_minutes
        Mean patience, above 0.
    """
    _check(agents, load)
    _check_times(handle_minutes, 0.0)
    if not patience_minutes > 0:
        raise ValueError("Patience must be above 0 minutes.")
    if load == 0:
        return 0.0
    arrivals, answered, gives_up = load / handle_minutes, 1.0 / handle_minutes, 1.0 / patience_minutes
    # Weights relative to the largest so far keep the sums in range for any load.
    weight, total, queue = 1.0, 1.0, 0.0
    state = 0
    while True:
        state += 1
        waiting = max(0, state - agents)
        weight *= arrivals / (min(state, agents) * answered + waiting * gives_up)
        total += weight
        queue += waiting * weight
        if total > 1e200:
            weight, total, queue = weight / 1e200, total / 1e200, queue / 1e200
        falling = arrivals < min(state + 1, agents) * answered + max(0, state + 1 - agents) * gives_up
        if falling and state > agents and weight * (waiting + 1) < _NEGLIGIBLE * total:
            return gives_up * queue / total / arrivals


def _check(agents: int, load: float) -> None:
    if agents < 0 or not (math.isfinite(load) and load >= 0):
        raise ValueError(f"Agents and load must be finite and not negative, not {agents} and {load}.")


def _check_times(handle_minutes: float, within_minutes: float) -> None:
    if not (math.isfinite(handle_minutes) and handle_minutes > 0 and within_minutes >= 0):
        raise ValueError("The handle time must be above 0 minutes, and the time to answer at least 0.")
