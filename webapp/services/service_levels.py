"""Service levels: the contact minutes that must be staffed so that enough customers are answered in time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimizer.staffing import agents_needed


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """The share of contacts to answer within a number of seconds; a share of 0 staffs the bare workload."""

    share: float = 0.8
    within_seconds: float = 20.0


DEFAULT = ServiceLevel()


def staffed_minutes(
    demand: Mapping[int, tuple[float, float]], *, interval_minutes: float, level: ServiceLevel = DEFAULT
) -> dict[int, float]:
    """
    Return the contact minutes to staff in one interval, by engagement type.

    The types share one pool of agents: Erlang C gives the agents that the whole load needs, and their minutes are
    split among the types in proportion to workload.  Separate pools would ask for far more people than a centre with
    skilled agents needs.

    Parameters
    ----------
    demand
        Engagement type → (contacts that arrive in the interval, mean handle minutes).
    interval_minutes
        Length of the interval.
    level
        What to reach; never less than the workload is returned.
    """
    workload = {type_id: volume * handle_minutes for type_id, (volume, handle_minutes) in demand.items()}
    total = sum(workload.values())
    contacts = sum(volume for volume, _ in demand.values())
    if total <= 0 or level.share <= 0:
        return workload
    agents = agents_needed(
        total / interval_minutes,
        handle_minutes=total / contacts,
        target=level.share,
        within_minutes=level.within_seconds / 60,
    )
    factor = max(1.0, agents * interval_minutes / total)
    return {type_id: round(minutes * factor, 4) for type_id, minutes in workload.items()}
