r"""
Required head count: how many full-time equivalents a forecast of contacts asks for.

.. math:: \text{FTE} = \frac{\sum_t n_t\, L}{W\,(1 - s)}

===========  =============================================================================
Symbol       Meaning
===========  =============================================================================
:math:`n_t`  agents that the service level needs in interval t, by Erlang C or Erlang A
:math:`L`    minutes of an interval
:math:`W`    contract minutes of one FTE in the time that the intervals cover
:math:`s`    shrinkage: lost ÷ paid, in [0, 1)
===========  =============================================================================
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from optimizer.reading import Findings, number
from optimizer.staffing.erlang import abandonment, agents_needed

__all__ = ["ContactForecast", "agents_by_interval", "required_fte", "required_fte_by_group"]


@dataclass(frozen=True, slots=True)
class ContactForecast:
    """Contacts of one group that are to be answered in time, over a period such as a week.

    Attributes
    ----------
    arrivals
        Contacts in each interval of the period.
    service_level
        Share answered within `within_minutes`, in [0, 1).
    shrinkage
        Lost ÷ paid, in [0, 1).
    contract_minutes
        Paid minutes of one FTE in the period.
    patience_minutes, most_abandoned
        With both, customers give up (Erlang A), and agents are added until no larger share does; `service_level` is
        then not used. Without, everybody waits (Erlang C).
    """

    arrivals: tuple[float, ...]
    interval_minutes: float
    handle_minutes: float
    service_level: float
    within_minutes: float
    shrinkage: float
    contract_minutes: float
    patience_minutes: float | None = None
    most_abandoned: float | None = None

    def __post_init__(self) -> None:
        findings = Findings()
        for index, contacts in enumerate(self.arrivals):
            findings.at("arrivals", index).require(
                number(contacts, findings.at("arrivals", index)) >= 0, "must not be negative"
            )
        for name in ("interval_minutes", "handle_minutes", "contract_minutes"):
            findings.at(name).require(number(getattr(self, name), findings.at(name)) > 0, "must be above 0")
        findings.at("within_minutes").require(
            number(self.within_minutes, findings.at("within_minutes")) >= 0, "must not be negative"
        )
        for name in ("service_level", "shrinkage"):
            share = number(getattr(self, name), findings.at(name))
            findings.at(name).require(0 <= share < 1, "must be a share from 0 up to but without 1")
        self._check_patience(findings)
        findings.raise_if_any()

    def _check_patience(self, findings: Findings) -> None:
        both = (self.patience_minutes is None) == (self.most_abandoned is None)
        findings.at("most_abandoned").require(both, "goes together with patience_minutes")
        if self.patience_minutes is not None:
            patience = number(self.patience_minutes, findings.at("patience_minutes"))
            findings.at("patience_minutes").require(patience > 0, "must be above 0")
        if self.most_abandoned is not None:
            share = number(self.most_abandoned, findings.at("most_abandoned"))
            findings.at("most_abandoned").require(0 < share <= 1, "must be a share above 0")


def agents_by_interval(forecast: ContactForecast) -> tuple[int, ...]:
    """Return how many agents have to be there in each interval; equal numbers of contacts are computed once."""
    needed = {contacts: _agents(forecast, contacts) for contacts in set(forecast.arrivals)}
    return tuple(needed[contacts] for contacts in forecast.arrivals)


def required_fte(forecast: ContactForecast) -> float:
    """Return the full-time equivalents that a forecast asks for."""
    minutes = sum(agents_by_interval(forecast)) * forecast.interval_minutes
    return minutes / (forecast.contract_minutes * (1.0 - forecast.shrinkage))


def required_fte_by_group(forecasts: Mapping[str, ContactForecast]) -> dict[str, float]:
    """Return the full-time equivalents of each group, each staffed by itself."""
    return {group: required_fte(forecast) for group, forecast in forecasts.items()}


def _agents(forecast: ContactForecast, contacts: float) -> int:
    load = contacts * forecast.handle_minutes / forecast.interval_minutes
    if load == 0:
        return 0
    if forecast.patience_minutes is None or forecast.most_abandoned is None:
        return agents_needed(
            load,
            handle_minutes=forecast.handle_minutes,
            target=forecast.service_level,
            within_minutes=forecast.within_minutes,
        )
    # At least load × (1 − share) agents are needed to answer the others; each one more loses fewer contacts.
    agents = max(1, math.ceil(load * (1.0 - forecast.most_abandoned) - 1e-9))
    while (
        abandonment(agents, load, handle_minutes=forecast.handle_minutes, patience_minutes=forecast.patience_minutes)
        > forecast.most_abandoned
    ):
        agents += 1
    return agents
