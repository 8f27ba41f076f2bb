"""The prices of a plan as tables, for files that routing, staffing and spreadsheets read."""

from collections.abc import Iterable, Mapping

from optimizer.plan import Plan
from optimizer.ranges import Cell, PriceRange

KINDS = ("agent", "skill", "policy")

HEADERS: Mapping[str, tuple[str, ...]] = {
    "agent": ("agent", "interval", "price"),
    "skill": ("skill", "level", "interval", "price"),
    "policy": ("rule", "path", "interval", "unit", "price"),
}
RANGE_HEADER = ("low", "high", "exact")

Row = tuple[str | float | int, ...]


def price_rows(plan: Plan, kind: str) -> list[Row]:
    """Return the prices of one of `KINDS`, one row each, with the columns of `HEADERS`.

    A limit of the whole plan has an empty interval.
    """
    prices = plan.prices
    if kind == "agent":
        return list(_agent_rows(plan))
    if kind == "skill":
        return [
            (skill, int(level), interval, price)
            for skill, levels in prices.skill.items()
            for level, row in levels.items()
            for interval, price in enumerate(row)
        ]
    return [
        (each.rule, each.path, "" if each.interval is None else each.interval, each.unit, each.price)
        for each in prices.policy
    ]


def cells_of(plan: Plan, kind: str, capacity: Mapping[str, tuple[float, ...]]) -> list[Cell]:
    """Return the cells of `price_rows` whose ranges `price_ranges` can tell: those of agents' minutes, and limits.

    Parameters
    ----------
    capacity
        Minutes of each agent by interval.
    """
    if kind == "agent":
        return [(agent, interval) for agent, interval, _ in _agent_rows(plan) if capacity[agent][interval] > 0]
    return [(each.path, each.interval or 0) for each in plan.prices.policy] if kind == "policy" else []


def with_ranges(plan: Plan, kind: str, ranges: Mapping[Cell, PriceRange]) -> list[Row]:
    """Return the rows of `price_rows` with the columns of `RANGE_HEADER`; an interval without minutes is worth 0."""
    nothing = PriceRange(0.0, 0.0, exact=True)
    rows = []
    for row in price_rows(plan, kind):
        cell = (str(row[0]), int(row[1])) if kind == "agent" else (str(row[1]), int(row[2] or 0))
        found = ranges.get(cell, nothing)
        rows.append((*row, round(found.low, 6), round(found.high, 6), int(found.exact)))
    return rows


def _agent_rows(plan: Plan) -> Iterable[tuple[str, int, float]]:
    return ((agent, interval, price) for agent, row in plan.prices.agent.items() for interval, price in enumerate(row))
